"""The page of the device and identity check. Frames come in by ``stream.py``."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import path_id
from exam_service.keys import SERVICES, viewer
from exam_service.papers.model import State
from exam_service.proctor import stream, usecases


@allow(Role.PHYSICIAN)
async def show_check(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    page = await usecases.check_page(services, viewer(request), attempt_id)
    if page.attempt.state is not State.PREPARED:
        raise web.HTTPSeeOther(f"/attempts/{attempt_id}")
    if not page.consented:
        raise web.HTTPSeeOther(f"/consent?next=/attempts/{attempt_id}/check")
    return render(
        request,
        "proctor/check.html",
        {
            "attempt_id": attempt_id,
            "title": page.label,
            "minutes": page.attempt.rule.minutes,
            "paper_url": f"/attempts/{attempt_id}",
            "enrols_here": page.enrols_here,
        },
    )


ROUTES = [
    web.get("/attempts/{attempt}/check", show_check),
    web.get("/attempts/{attempt}/stream", stream.stream_frames),
]
