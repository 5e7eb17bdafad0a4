"""The list of a running session, live, and a notice to everybody in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import Conflict, Invalid
from exam_service.http.guards import allow, unattended
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields
from exam_service.http.session import flash
from exam_service.invigilation import usecases
from exam_service.invigilation.model import (
    LONGEST_SEARCH,
    STANDING_LABELS,
    TAB_LABELS,
    Listed,
    Search,
    Standing,
    Tab,
    clock_text,
    parse_place,
)
from exam_service.invigilation.routes.shown import KINDS, milliseconds, paper_text, time_text
from exam_service.invigilation.usecases import Board
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.papers.oversight import LONGEST_TEXT

_LIVE_MS = 5000


def _search(request: web.Request) -> Search:
    try:
        tab = Tab(request.query.get("tab", ""))
    except ValueError:
        tab = Tab.ALL
    name = request.query.get("q", "").replace("\0", "").strip()[:LONGEST_SEARCH]
    return Search(tab, name, parse_place(request.query.get("after")))


def _query(search: Search) -> str:
    """The address of a list, after its question mark."""
    fields = {
        "tab": "" if search.tab is Tab.ALL else search.tab.value,
        "q": search.name,
        "after": str(search.after or ""),
    }
    return urlencode({name: value for name, value in fields.items() if value})


def _shown(board: Board, row: Listed) -> dict[str, Any]:
    """What changes in a row while it is watched."""
    left = row.left(board.at)
    details = []
    if row.standing is Standing.OFFLINE:
        details.append(f"{time_text(row.last_seen)}起")
    if row.total is not None and row.standing in {
        Standing.ANSWERING,
        Standing.OFFLINE,
        Standing.COLLECTING,
        Standing.HANDED_IN,
        Standing.TERMINATED,
    }:
        details.append(f"已答{row.answered}/{row.total}")
    flags = []
    if row.identity_waits is not None:
        flags.append({"label": "等待人工核验", "href": f"/invigilation/wall#identity-{row.identity_waits}"})
    if row.request_of is not None:
        flags.append({"label": "补时申请", "href": f"/invigilation/{row.request_of}#requests"})
    if row.awaits_second:
        flags.append({"label": "终止待确认", "href": f"/invigilation/{row.attempt_id}#termination"})
    return {
        "key": row.key,
        "href": f"/invigilation/{row.attempt_id}"
        if row.attempt_id
        else f"/invigilation/registrations/{row.registration_id}",
        "paper": paper_text(board.labels.get((row.cycle_id, row.subject), row.subject.value), row.ordinal),
        "kind": KINDS[row.standing],
        "label": STANDING_LABELS[row.standing],
        "detail": " · ".join(details),
        "left_ms": milliseconds(left),
        "left": clock_text(left) if left is not None else "",
        "flags": flags,
    }


@allow(Role.BODY)
async def show_list(request: web.Request) -> web.Response:
    return await _list_page(request, _search(request))


async def _list_page(
    request: web.Request, search: Search, *, text: str = "", error: str | None = None, status: int = 200
) -> web.Response:
    board, numbers = await usecases.list_papers(request.app[SERVICES], viewer(request), search)
    return render(
        request,
        "invigilation/list.html",
        {
            "tabs": [
                {
                    "name": tab.value,
                    "label": TAB_LABELS[tab],
                    "count": board.counts[tab],
                    "query": _query(replace(search, tab=tab, after=None)),
                    "current": tab is search.tab,
                }
                for tab in Tab
            ],
            "tab": search.tab.value,
            "tab_label": TAB_LABELS[search.tab],
            "name": search.name,
            "longest_search": LONGEST_SEARCH,
            "query": _query(search),
            "wall_query": urlencode({"q": search.name}) if search.name else "",
            "rows": [
                {
                    **_shown(board, row),
                    "name": row.name,
                    "masked_number": numbers[row.account_id],
                    "institution": row.institution,
                }
                for row in board.rows
            ],
            "next_query": _query(replace(search, after=board.next_place)) if board.next_place else None,
            "first_query": _query(replace(search, after=None)) if search.after else None,
            "at": time_text(board.at),
            "is_open": board.is_open,
            "being_sat": board.being_sat,
            "live_ms": _LIVE_MS,
            "text": text,
            "error": error,
            "longest": LONGEST_TEXT,
        },
        status=status,
    )


@allow(Role.BODY)
@unattended
async def watch_list(request: web.Request) -> web.Response:
    board = await usecases.watch_papers(request.app[SERVICES], viewer(request), _search(request))
    return web.json_response(
        {
            "at": time_text(board.at),
            "counts": {tab.value: count for tab, count in board.counts.items()},
            "being_sat": board.being_sat,
            "rows": [_shown(board, row) for row in board.rows],
        }
    )


@allow(Role.BODY)
async def notify_all(request: web.Request) -> web.Response:
    form = await form_fields(request)
    text = form.get("text", "")
    try:
        reached = await papers.send_notice(request.app[SERVICES], viewer(request), text=text)
    except (Invalid, Conflict) as error:
        return await _list_page(request, Search(), text=text, error=error.sentence, status=status_of(error))
    response = web.HTTPSeeOther("/invigilation")
    flash(response, "good", f"通知已发给正在答题的{reached}份试卷。")
    raise response
