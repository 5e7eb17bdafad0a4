"""现场测评: the physician's request, and the body's list, arrangements and checks in person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.clock import CHINA, in_china
from exam_service.errors import Conflict, DomainError, Invalid
from exam_service.http.device import remember_device
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.papers import timing
from exam_service.papers.journal import storable
from exam_service.papers.model import State
from exam_service.papers.oversight import LONGEST_TEXT
from exam_service.papers.sittings import (
    FIXED,
    LONGEST_PLACE,
    SITTING_LABELS,
    WITHDRAWABLE,
    Sitting,
    SittingState,
)
from exam_service.papers.usecases import alternative


def _shown(sitting: Sitting) -> dict[str, object]:
    kind, label = SITTING_LABELS[sitting.state]
    return {
        "kind": kind,
        "label": label,
        "reason": sitting.reason,
        "place": sitting.place,
        "time": f"{in_china(sitting.starts_at):%Y-%m-%d %H:%M}" if sitting.starts_at else None,
        "note": sitting.note,
        "asked_at": f"{in_china(sitting.asked_at):%Y-%m-%d %H:%M}",
        "decided_by": sitting.decided_by,
        "is_fixed": sitting.state in FIXED,
        "is_answered": sitting.state is SittingState.ANSWERED,
        "may_withdraw": sitting.state in WITHDRAWABLE,
    }


def _paper(waiting: alternative.Waiting, now: datetime) -> dict[str, object]:
    attempt = waiting.attempt
    checked = timing.check_holds(attempt.checked_at, now)
    return {
        "id": attempt.id,
        "label": f"{waiting.label}（第{attempt.ordinal}次）",
        "is_prepared": attempt.state is State.PREPARED,
        "is_checked": attempt.watched and checked,
        "href": f"/attempts/{attempt.id}",
    }


# The physician


@allow(Role.PHYSICIAN)
async def show_own(request: web.Request) -> web.Response:
    return await _own_page(request, "")


async def _own_page(request: web.Request, reason: str, error: DomainError | None = None) -> web.Response:
    services = request.app[SERVICES]
    own = await alternative.own_sitting(services, viewer(request))
    now = services.clock.now()
    response = render(
        request,
        "papers/alternative.html",
        {
            "sitting": _shown(own.sitting) if own.sitting else None,
            "may_ask": own.may_ask,
            "consented": own.consented,
            "papers": [_paper(each, now) for each in own.papers],
            "reason": reason,
            "longest": LONGEST_TEXT,
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )
    remember_device(request, response)
    return response


@allow(Role.PHYSICIAN)
async def ask(request: web.Request) -> web.Response:
    reason = (await form_fields(request)).get("reason", "")
    try:
        await alternative.ask(request.app[SERVICES], viewer(request), reason=reason)
    except (Invalid, Conflict) as error:
        return await _own_page(request, reason, error)
    raise _back("/alternative", "已申请现场测评，考核机构安排后会在本页显示时间和地点。")


@allow(Role.PHYSICIAN)
async def withdraw(request: web.Request) -> web.Response:
    try:
        await alternative.withdraw(request.app[SERVICES], viewer(request))
    except Conflict as error:
        return await _own_page(request, "", error)
    raise _back("/alternative", "已撤回现场测评申请。")


# The body


@allow(Role.BODY)
async def show_list(request: web.Request) -> web.Response:
    listed = await alternative.sittings(request.app[SERVICES], viewer(request))
    return render(
        request,
        "papers/alternatives.html",
        {
            "rows": [
                {
                    "href": f"/alternatives/{each.sitting.registration_id}",
                    "name": each.name,
                    "institution": each.institution,
                    "declined": each.declined,
                    **_shown(each.sitting),
                }
                for each in listed
            ]
        },
    )


@allow(Role.BODY)
async def show_sheet(request: web.Request) -> web.Response:
    return await _sheet_page(request, {})


async def _sheet_page(
    request: web.Request, typed: Mapping[str, str], error: DomainError | None = None, at_form: str = ""
) -> web.Response:
    """One request; after a refusal with its reason at the form, and what was typed in it."""
    services = request.app[SERVICES]
    registration_id = path_id(request, "registration")
    sheet = await alternative.sitting_sheet(services, viewer(request), registration_id)
    now = services.clock.now()
    return render(
        request,
        "papers/alternative_sheet.html",
        {
            "registration_id": registration_id,
            "name": sheet.listed.name,
            "institution": sheet.listed.institution,
            "declined": sheet.listed.declined,
            "sitting": _shown(sheet.listed.sitting),
            "papers": [_paper(each, now) for each in sheet.papers],
            "sites": sheet.sites,
            "typed": typed,
            "error": error.sentence if error else None,
            "at_form": at_form,
            "longest": LONGEST_TEXT,
            "longest_place": LONGEST_PLACE,
            "earliest": f"{in_china(now):%Y-%m-%dT%H:%M}",
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.BODY)
async def arrange(request: web.Request) -> web.Response:
    form = await form_fields(request)
    registration_id = path_id(request, "registration")
    try:
        await alternative.arrange(
            request.app[SERVICES],
            viewer(request),
            registration_id,
            place=form.get("place", ""),
            starts_at=_local_time(form.get("starts_at", "")),
            note=form.get("note", ""),
        )
    except (Invalid, Conflict) as error:
        return await _sheet_page(request, form, error, "arrange")
    raise _back(f"/alternatives/{registration_id}", "已安排，医师可在“现场测评”中看到时间和地点。")


def _local_time(text: str) -> datetime | None:
    """What a ``datetime-local`` field sends: the time on a Chinese wall clock; ``None`` for anything else."""
    try:
        return storable(datetime.fromisoformat(text).replace(tzinfo=CHINA))
    except ValueError:
        return None


@allow(Role.BODY)
async def answer(request: web.Request) -> web.Response:
    form = await form_fields(request)
    registration_id = path_id(request, "registration")
    try:
        await alternative.answer(
            request.app[SERVICES], viewer(request), registration_id, note=form.get("answer", "")
        )
    except (Invalid, Conflict) as error:
        return await _sheet_page(request, form, error, "answer")
    raise _back(f"/alternatives/{registration_id}", "已答复，申请仍为待办，请与医师商定后安排。")


@allow(Role.BODY)
async def check_in(request: web.Request) -> web.Response:
    registration_id = path_id(request, "registration")
    attempt_id = path_id(request, "attempt")
    try:
        await alternative.check_in(request.app[SERVICES], viewer(request), attempt_id)
    except Conflict as error:
        return await _sheet_page(request, {}, error, "check_in")
    raise _back(
        f"/alternatives/{registration_id}", "已当面核验身份，医师现在可以点击“开始答题”，10分钟内有效。"
    )


def _back(where: str, words: str) -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(where)
    flash(response, "good", words)
    return response


ROUTES = [
    web.get("/alternative", show_own),
    web.post("/alternative", ask),
    web.post("/alternative/withdrawal", withdraw),
    web.get("/alternatives", show_list),
    web.get("/alternatives/{registration}", show_sheet),
    web.post("/alternatives/{registration}/arrangement", arrange),
    web.post("/alternatives/{registration}/answer", answer),
    web.post("/alternatives/{registration}/check-in/{attempt}", check_in),
]
