"""考核历程: the physician's own, and a registration's for its staff."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import NotFound
from exam_service.history import usecases
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import path_id
from exam_service.keys import SERVICES, viewer
from exam_service.registration.model import PROCEDURE_LABELS, label_for_staff


@allow(Role.PHYSICIAN)
async def show_own(request: web.Request) -> web.Response:
    history = await usecases.own_history(request.app[SERVICES], viewer(request))
    if history is None:
        raise NotFound("您尚未被纳入考核周期，如需参加请联系所在医疗卫生机构。", code="no_registration")
    return _page(request, history)


@allow(Role.INSTITUTION, Role.BODY, Role.AUTHORITY)
async def show_registration(request: web.Request) -> web.Response:
    return _page(
        request,
        await usecases.history_of(request.app[SERVICES], viewer(request), path_id(request, "registration")),
    )


def _page(request: web.Request, history: usecases.History) -> web.Response:
    own, labels = history.entitled.registration, history.entitled.cycle.policy.labels
    is_own = history.masked_number is None
    return render(
        request,
        "history/history.html",
        {
            "name": history.name,
            "masked_number": history.masked_number,
            "institution": history.institution,
            "cycle": history.entitled.cycle.title,
            "procedure": PROCEDURE_LABELS[own.procedure],
            "status": labels[own.state] if is_own else label_for_staff(own.state, labels),
            "uploads": history.uploads,
            "days": history.days,
            "is_own": is_own,
        },
    )


ROUTES = [
    web.get("/registration/history", show_own),
    web.get("/history/{registration}", show_registration),
]
