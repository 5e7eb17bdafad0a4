"""The pages with a face check: before a paper, before another device takes one over, and 设备自检."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import Conflict, NotFound
from exam_service.http.device import device_hash, remember_device
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import path_id
from exam_service.http.session import flash
from exam_service.keys import FRAMES, SERVICES, viewer
from exam_service.papers import timing
from exam_service.papers.model import UNDER_WAY, State
from exam_service.proctor import stream, usecases


@allow(Role.PHYSICIAN)
async def show_check(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    page = await usecases.check_page(services, viewer(request), attempt_id)
    if page.attempt.state is not State.PREPARED or timing.check_holds(
        page.attempt.checked_at, services.clock.now()
    ):
        raise web.HTTPSeeOther(f"/attempts/{attempt_id}")
    if not page.consented:
        where = "/alternative" if page.is_arranged else f"/consent?next=/attempts/{attempt_id}/check"
        raise web.HTTPSeeOther(where)
    response = render(
        request,
        "proctor/check.html",
        {
            "attempt_id": attempt_id,
            "turns": page.turns,
            "uncompared": False,
            "title": page.label,
            "minutes": page.attempt.rule.minutes,
            "paper_url": f"/attempts/{attempt_id}",
            "enrols_here": page.enrols_here,
        },
    )
    remember_device(request, response)
    return response


@allow(Role.PHYSICIAN)
async def show_takeover(request: web.Request) -> web.Response:
    attempt_id = path_id(request, "attempt")
    page = await usecases.takeover_page(
        request.app[SERVICES], request.app[FRAMES], viewer(request), attempt_id, device_hash(request)
    )
    if page.attempt.state is State.PREPARED:
        raise web.HTTPSeeOther(f"/attempts/{attempt_id}/check")
    if page.attempt.state not in UNDER_WAY:
        raise web.HTTPSeeOther(f"/attempts/{attempt_id}/result")
    if not page.needed:
        raise web.HTTPSeeOther(f"/attempts/{attempt_id}")
    if not page.consented:
        raise web.HTTPSeeOther(f"/consent?next=/attempts/{attempt_id}/takeover")
    response = render(
        request,
        "proctor/takeover_unverified.html" if page.proctor_away else "proctor/takeover.html",
        {
            "attempt_id": attempt_id,
            "turns": False,
            "uncompared": False,
            "title": page.label,
            "paper_url": f"/attempts/{attempt_id}",
        },
    )
    remember_device(request, response)
    return response


@allow(Role.PHYSICIAN)
async def take_over_unverified(request: web.Request) -> web.Response:
    attempt_id = path_id(request, "attempt")
    try:
        await usecases.take_over_unverified(
            request.app[SERVICES], request.app[FRAMES], viewer(request), attempt_id, device_hash(request)
        )
    except Conflict as refusal:
        back = web.HTTPSeeOther(f"/attempts/{attempt_id}/takeover")
        flash(back, "warn", refusal.sentence)
        raise back from None
    response = web.HTTPSeeOther(f"/attempts/{attempt_id}")
    remember_device(request, response)
    raise response


@allow(Role.PHYSICIAN)
async def show_rehearsal(request: web.Request) -> web.Response:
    page = await usecases.rehearsal_page(request.app[SERVICES], viewer(request), device_hash(request))
    if not page.consented:
        raise web.HTTPSeeOther("/consent?next=/rehearsal")
    response = render(
        request,
        "proctor/rehearsal.html",
        {
            "attempt_id": "",
            "turns": page.turns,
            "paper_url": "/rehearsal/pass",
            "has_reference": page.has_reference,
            "uncompared": not page.has_reference,
            "newest": page.newest,
        },
    )
    remember_device(request, response)
    return response


@allow(Role.PHYSICIAN)
async def show_rehearsal_pass(request: web.Request) -> web.Response:
    try:
        shown = await usecases.rehearsal_pass(request.app[SERVICES], viewer(request), device_hash(request))
    except NotFound:
        raise web.HTTPSeeOther("/rehearsal") from None
    return render(request, "proctor/rehearsal_pass.html", {"shown": shown})


ROUTES = [
    web.get("/attempts/{attempt}/check", show_check),
    web.get("/attempts/{attempt}/takeover", show_takeover),
    web.post("/attempts/{attempt}/takeover", take_over_unverified),
    web.get("/attempts/{attempt}/stream", stream.stream_frames),
    web.get("/rehearsal", show_rehearsal),
    web.get("/rehearsal/pass", show_rehearsal_pass),
    web.get("/rehearsal/stream", stream.stream_rehearsal),
]
