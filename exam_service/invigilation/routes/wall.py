"""The live wall: its page, the pictures on it, and the faces that a person decides on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Subject
from exam_service.errors import (
    Conflict,
    Invalid,
    NotFound,
)
from exam_service.http.guards import allow, unattended
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.invigilation import usecases
from exam_service.invigilation.model import LONGEST_SEARCH, STANDING_LABELS, Standing, clock_text
from exam_service.invigilation.routes.shown import KINDS, milliseconds, paper_text, time_text
from exam_service.invigilation.tiles import (
    IDENTITY_LABELS,
    LEVEL_LABELS,
    NO_PICTURE_AFTER,
    WALL_TAB_LABELS,
    Level,
    Tile,
    WallSearch,
    WallTab,
)
from exam_service.keys import SERVICES, viewer
from exam_service.papers.oversight import LONGEST_TEXT
from exam_service.papers.timing import time_left
from exam_service.proctor import usecases as proctor
from exam_service.proctor.identification import PURPOSE_LABELS, SPENT_LABELS, WaitingCheck
from exam_service.proctor.usecases import Outlooks, Pictures

OUTLOOKS = web.AppKey("outlooks", Outlooks)
LEVEL_KINDS: Mapping[Level, str] = {Level.CALM: "good", Level.LOOK: "warn", Level.ACT: "bad"}

_DECIDED: Mapping[str, str] = {
    "accept": "已确认是本人，医师可以继续。",
    "refuse": "已记录：不是本人。",
    "again": "医师可以再试一次。",
}
_MOST_DIGITS = 3
_PNG = b"\x89PNG"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def wall_search(request: web.Request) -> WallSearch:
    """What the address of the wall, or of its feed, narrows it to."""
    query = request.query
    try:
        tab = WallTab(query.get("tab", ""))
    except ValueError:
        tab = WallTab.ALL
    page = query.get("page", "")
    number = int(page) if page.isascii() and page.isdigit() and len(page) <= _MOST_DIGITS else 1
    try:
        only = frozenset({UUID(query["attempt"])}) if "attempt" in query else None
    except ValueError:
        only = None
    name = query.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    return WallSearch(tab, name, max(1, number), only)


def _query(search: WallSearch) -> str:
    fields = {
        "tab": "" if search.tab is WallTab.ALL else search.tab.value,
        "q": search.name,
        "page": "" if search.page == 1 else str(search.page),
    }
    return urlencode({name: value for name, value in fields.items() if value})


def tile_shown(tile: Tile, labels: Mapping[tuple[UUID, Subject], str], now: datetime) -> dict[str, Any]:
    """What a tile says, but for the name: that comes with the page only."""
    sitting = tile.sitting
    left = None
    if sitting.standing in {Standing.ANSWERING, Standing.OFFLINE} and sitting.deadline is not None:
        left = time_left(sitting.deadline, now)
    level = tile.level(now)
    flags = []
    if sitting.identity is not None:
        flags.append(IDENTITY_LABELS[sitting.identity])
    if sitting.awaits_second:
        flags.append("终止待确认")
    if sitting.has_request:
        flags.append("补时申请")
    return {
        "key": str(sitting.attempt_id),
        "paper": paper_text(
            labels.get((sitting.cycle_id, sitting.subject), sitting.subject), sitting.ordinal
        ),
        "level": level.value,
        "level_kind": LEVEL_KINDS[level],
        "level_label": LEVEL_LABELS[level],
        "kind": KINDS[sitting.standing],
        "label": STANDING_LABELS[sitting.standing],
        "detail": f"{time_text(sitting.last_seen)}起"
        if sitting.standing is Standing.OFFLINE
        else f"已答{sitting.answered}/{sitting.total}"
        if left is not None
        else "",
        "deadline": sitting.deadline.isoformat() if sitting.deadline else "",
        "left_ms": milliseconds(left),
        "left": clock_text(left) if left is not None else "",
        "picture": str(milliseconds(tile.picture_at - _EPOCH)) if tile.picture_at else "",
        "age_ms": milliseconds(now - tile.picture_at) if tile.picture_at else None,
        "age": _age_text(tile, now),
        "stale": tile.lacks_picture(now),
        "findings": tile.finding_texts(now),
        "found": len(tile.findings),
        "flags": flags,
        "duty": sitting.duty or "",
        "notice": _notice_text(tile),
    }


def _age_text(tile: Tile, now: datetime) -> str:
    if tile.sitting.watched:
        return "现场监考，不使用摄像头"
    if tile.picture_at is None:
        return "还没有画面"
    seconds = max(0, int((now - tile.picture_at).total_seconds()))
    text = f"{seconds}秒" if seconds < 60 else f"{seconds // 60}分{seconds % 60:02}秒"  # noqa: PLR2004
    return f"已{text}没有新画面" if tile.lacks_picture(now) else f"画面 {text}前"


def _notice_text(tile: Tile) -> str:
    sent, read = tile.sitting.notice_at, tile.sitting.notice_read_at
    if sent is None:
        return ""
    return f"通知已确认 {time_text(read)}" if read else f"{time_text(sent)}的通知未确认"


def idle_milliseconds(request: web.Request) -> int:
    """After how long without a touch the viewer is logged out."""
    return request.app[SERVICES].settings.staff_idle_minutes * 60_000


def _waiting(each: WaitingCheck, now: datetime) -> dict[str, Any]:
    minutes = max(0, (now - each.opened_at) // timedelta(minutes=1))
    return {
        "id": str(each.id),
        "attempt": str(each.attempt_id),
        "name": each.name,
        "institution": each.institution,
        "purpose": PURPOSE_LABELS[each.purpose],
        "since": f"{time_text(each.opened_at)}开始，已{minutes}分钟",
        "why": SPENT_LABELS[each.last_spent] if each.last_spent else "",
        "tries": each.tries,
        "asked": each.asked_reason,
        "has_photo": each.has_photo,
    }


@allow(Role.BODY)
async def show_wall(request: web.Request) -> web.Response:
    return await _wall_page(request)


@allow(Role.BODY)
async def decide_identity(request: web.Request) -> web.Response:
    """Who sits there: it is them, it isn't, or let them try again."""
    services, identity_id = request.app[SERVICES], path_id(request, "identity")
    form = await form_fields(request)
    decision, reason = form.get("decision", ""), form.get("reason", "")
    try:
        if decision not in _DECIDED:
            raise Invalid("请选择“是本人”“不是本人”或“再试一次”。", code="no_decision")
        if decision == "again":
            await proctor.give_tries(services, viewer(request), identity_id, reason=reason)
        else:
            await proctor.decide(
                services, viewer(request), identity_id, accepted=decision == "accept", reason=reason
            )
    except (Invalid, Conflict) as error:
        return await _wall_page(
            request,
            at_identity=str(identity_id),
            error=error.sentence,
            reason=reason,
            status=status_of(error),
        )
    response = web.HTTPSeeOther("/invigilation/wall")
    flash(response, "good", _DECIDED[decision])
    raise response


async def _wall_page(
    request: web.Request,
    *,
    at_identity: str = "",
    error: str | None = None,
    reason: str = "",
    status: int = 200,
) -> web.Response:
    search = replace(wall_search(request), only=None)
    found = await usecases.open_wall(request.app[SERVICES], request.app[OUTLOOKS], viewer(request), search)
    page = min(search.page, found.pages)
    here = _query(replace(search, page=page))
    return render(
        request,
        "invigilation/wall.html",
        {
            "tabs": [
                {
                    "name": tab.value,
                    "label": WALL_TAB_LABELS[tab],
                    "count": found.counts[tab],
                    "query": _query(replace(search, tab=tab, page=1)),
                    "current": tab is search.tab,
                }
                for tab in WallTab
            ],
            "tab": search.tab.value,
            "name": search.name,
            "list_query": urlencode({"q": search.name}) if search.name else "",
            "longest_search": LONGEST_SEARCH,
            "tiles": [
                {
                    **tile_shown(tile, found.labels, found.at),
                    "name": tile.sitting.name,
                    "institution": tile.sitting.institution,
                }
                for tile in found.tiles
            ],
            "at": time_text(found.at),
            "query": here,
            "page": page,
            "pages": found.pages,
            "previous_query": _query(replace(search, page=page - 1)) if page > 1 else None,
            "next_query": _query(replace(search, page=page + 1)) if page < found.pages else None,
            "stale_ms": milliseconds(NO_PICTURE_AFTER),
            "idle_ms": idle_milliseconds(request),
            "waiting": [_waiting(each, found.at) for each in found.waiting],
            "at_identity": at_identity,
            "error": error,
            "reason": reason,
            "longest": LONGEST_TEXT,
        },
        status=status,
    )


@allow(Role.BODY)
@unattended
async def show_picture(request: web.Request) -> web.Response:
    found = await usecases.picture(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    if found is None:
        raise NotFound("这次测评还没有画面。", code="no_picture")
    return web.Response(body=found.jpeg, content_type="image/jpeg")


@allow(Role.BODY)
@unattended
async def show_photo(request: web.Request) -> web.Response:
    found = await usecases.photo(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    return _image(found)


@allow(Role.BODY)
@unattended
async def show_identity_snapshot(request: web.Request) -> web.Response:
    return await _identity_picture(request, lambda pictures: pictures.snapshot)


@allow(Role.BODY)
@unattended
async def show_identity_photo(request: web.Request) -> web.Response:
    return await _identity_picture(request, lambda pictures: pictures.photo)


async def _identity_picture(request: web.Request, choose: Callable[[Pictures], bytes | None]) -> web.Response:
    pictures = await proctor.pictures_of(request.app[SERVICES], viewer(request), path_id(request, "identity"))
    found = choose(pictures)
    if found is None:
        raise NotFound("没有这张图片。", code="no_picture")
    return _image(found)


def _image(data: bytes) -> web.Response:
    return web.Response(body=data, content_type="image/png" if data.startswith(_PNG) else "image/jpeg")
