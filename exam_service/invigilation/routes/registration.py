"""Before a paper is sat: extra minutes for special needs."""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.invigilation import usecases
from exam_service.invigilation.routes.shown import day_time_text, whole_number
from exam_service.invigilation.usecases import RegistrationSheet
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.papers.oversight import LONGEST_TEXT, MOST_OVERRIDE


@allow(Role.BODY)
async def show_registration(request: web.Request) -> web.Response:
    return await _registration_page(request)


async def _registration_page(
    request: web.Request,
    *,
    error: str | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    found: RegistrationSheet = await usecases.registration_sheet(
        request.app[SERVICES], viewer(request), path_id(request, "registration")
    )
    return render(
        request,
        "invigilation/registration.html",
        {
            "registration": {
                "id": found.registration.id,
                "name": found.name,
                "masked_number": found.masked_number,
                "institution": found.institution,
            },
            "papers": [
                {
                    "subject": paper.subject.value,
                    "label": paper.label,
                    "minutes": paper.minutes,
                    "override": None
                    if paper.override is None
                    else {
                        "minutes": paper.override.extra_minutes,
                        "reason": paper.override.reason,
                        "by": paper.override.granted_by,
                        "at": day_time_text(paper.override.granted_at),
                    },
                    "attempts": [
                        {"href": f"/invigilation/{attempt.id}", "ordinal": attempt.ordinal}
                        for attempt in paper.attempts
                    ],
                }
                for paper in found.papers
            ],
            "error": error,
            "typed": typed or {},
            "longest": LONGEST_TEXT,
            "most": MOST_OVERRIDE,
        },
        status=status,
    )


@allow(Role.BODY)
async def grant_override(request: web.Request) -> web.Response:
    form = await form_fields(request)
    registration_id = path_id(request, "registration")
    try:
        await papers.grant_override(
            request.app[SERVICES],
            viewer(request),
            registration_id,
            _subject(form.get("subject", "")),
            extra_minutes=whole_number(form.get("minutes")),
            reason=form.get("reason", ""),
        )
    except (Invalid, Conflict) as error:
        return await _registration_page(request, error=error.sentence, typed=form, status=status_of(error))
    response = web.HTTPSeeOther(f"/invigilation/registrations/{registration_id}")
    flash(response, "good", "特殊加时已保存，医师下次进入这项测评时生效。")
    raise response


def _subject(text: str) -> Subject:
    try:
        return Subject(text)
    except ValueError:
        raise Invalid("请选择要加时的试卷。", code="no_subject") from None
