"""考核机构申请: the institution's page, and the authority's list."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.model import (
    BODY_KIND_LABELS,
    LONGEST_DECISION,
    LONGEST_GROUNDS,
    ApplicationState,
    BodyApplication,
    days,
)
from exam_service.cycles.policy import Stage
from exam_service.cycles.usecases import applications
from exam_service.errors import BadFields, Conflict, DomainError, NotFound
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer

_STATES = {
    ApplicationState.OPEN: ("warn", "待审核"),
    ApplicationState.GRANTED: ("good", "已通过"),
    ApplicationState.REFUSED: ("bad", "未通过"),
    ApplicationState.WITHDRAWN: ("muted", "已撤回"),
}


def _shown(application: BodyApplication) -> dict[str, object]:
    kind, label = _STATES[application.state]
    decided = application.decided_at
    return {
        "id": application.id,
        "institution": application.institution,
        "applicant_kind": BODY_KIND_LABELS[application.kind],
        "grounds": application.grounds,
        "applied_at": f"{in_china(application.applied_at):%Y-%m-%d %H:%M}",
        "decided_at": f"{in_china(decided):%Y-%m-%d %H:%M}" if decided else None,
        "decision": application.decision,
        "body_id": application.body_id,
        "kind": kind,
        "label": label,
        "is_open": application.state is ApplicationState.OPEN,
        "is_granted": application.state is ApplicationState.GRANTED,
    }


# The institution


@allow(Role.INSTITUTION)
async def show_own(request: web.Request) -> web.Response:
    return await _own_page(request, {}, None)


async def _own_page(request: web.Request, form: Mapping[str, str], error: DomainError | None) -> web.Response:
    services = request.app[SERVICES]
    page = await applications.own(services, viewer(request))
    stage = page.cycle.stages.get(Stage.BODY_APPLICATIONS) if page.cycle else None
    is_open = bool(page.cycle and page.cycle.stage_is_open(Stage.BODY_APPLICATIONS, services.clock.now()))
    pending = any(
        each.state in {ApplicationState.OPEN, ApplicationState.GRANTED} for each in page.applications
    )
    problems = error.problems if isinstance(error, BadFields) else {}
    return render(
        request,
        "cycles/own_applications.html",
        {
            "cycle": page.cycle,
            "window": days(*stage) if stage else None,
            "is_open": is_open,
            "may_apply": is_open and not pending,
            "rows": [_shown(each) for each in page.applications],
            "kinds": list(BODY_KIND_LABELS.items()),
            "typed": form,
            "problems": problems,
            "error": error.sentence if error and not problems else None,
            "longest": LONGEST_GROUNDS,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.INSTITUTION)
async def apply(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        await applications.apply(
            request.app[SERVICES],
            viewer(request),
            kind=form.get("kind", ""),
            grounds=form.get("grounds", ""),
        )
    except (BadFields, Conflict, NotFound) as error:
        return await _own_page(request, form, error)
    response = web.HTTPSeeOther("/institution/body-application")
    flash(response, "good", "申请已提交，请等待卫生行政部门审核。")
    raise response


@allow(Role.INSTITUTION)
async def withdraw(request: web.Request) -> web.Response:
    await applications.withdraw(request.app[SERVICES], viewer(request), path_id(request, "application"))
    response = web.HTTPSeeOther("/institution/body-application")
    flash(response, "good", "申请已撤回。")
    raise response


# The authority


@allow(Role.AUTHORITY)
async def show_applications(request: web.Request) -> web.Response:
    return await _list_page(request, None, None, "")


async def _list_page(
    request: web.Request, error: DomainError | None, at: UUID | None, reason: str
) -> web.Response:
    """The list; after a refused refusal with its error and what was typed at the application."""
    tab = request.query.get("tab", "open")
    state = None if tab == "all" else ApplicationState.OPEN
    page = await applications.listed(
        request.app[SERVICES], viewer(request), state, _cursor(request.query.get("after"))
    )
    return render(
        request,
        "cycles/applications.html",
        {
            "cycle": page.cycle,
            "tab": "all" if state is None else "open",
            "rows": [_shown(each) for each in page.rows],
            "next_cursor": page.next_cursor,
            "error": (error.problems["reason"] if isinstance(error, BadFields) else error.sentence)
            if error
            else None,
            "at": at,
            "reason": reason,
            "longest": LONGEST_DECISION,
        },
        status=status_of(error) if error else 200,
    )


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@allow(Role.AUTHORITY)
async def grant(request: web.Request) -> web.Response:
    body_id = await applications.grant(
        request.app[SERVICES], viewer(request), path_id(request, "application")
    )
    response = web.HTTPSeeOther(f"/authority/bodies/{body_id}")
    flash(response, "good", "已批准为本周期考核机构。请为其开设工作人员账号，并分配医疗卫生机构。")
    raise response


@allow(Role.AUTHORITY)
async def refuse(request: web.Request) -> web.Response:
    application_id = path_id(request, "application")
    reason = (await form_fields(request)).get("reason", "")
    try:
        await applications.refuse(request.app[SERVICES], viewer(request), application_id, reason)
    except BadFields as error:
        return await _list_page(request, error, application_id, reason)
    response = web.HTTPSeeOther("/authority/applications")
    flash(response, "good", "申请未批准，申请单位可以看到理由。")
    raise response


ROUTES = [
    web.get("/institution/body-application", show_own),
    web.post("/institution/body-application", apply),
    web.post("/institution/body-application/{application}/withdrawal", withdraw),
    web.get("/authority/applications", show_applications),
    web.post("/authority/applications/{application}/grant", grant),
    web.post("/authority/applications/{application}/refusal", refuse),
]
