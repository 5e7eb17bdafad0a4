"""测评监控: the list, live; one attempt and what staff do to it; extra minutes; make-up rounds."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.model import days
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.invigilation import usecases
from exam_service.invigilation.model import (
    LONGEST_SEARCH,
    PAGE_EVENT_LABELS,
    STANDING_LABELS,
    TAB_LABELS,
    Event,
    Happening,
    Listed,
    Search,
    Standing,
    Tab,
    clock_text,
    length_text,
    parse_place,
    sentence,
)
from exam_service.invigilation.usecases import Board, RegistrationSheet, Sheet
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.papers.journal import Outcome
from exam_service.papers.model import State
from exam_service.papers.oversight import (
    BEING_SAT,
    LONGEST_TEXT,
    MOST_EXTENSION,
    MOST_GRANTED,
    MOST_OVERRIDE,
    RequestState,
    SeenRequest,
)

_KINDS: Mapping[Standing, str] = {
    Standing.WAITING: "muted",
    Standing.CHECKING: "info",
    Standing.READY: "info",
    Standing.ANSWERING: "good",
    Standing.OFFLINE: "warn",
    Standing.COLLECTING: "info",
    Standing.HANDED_IN: "muted",
    Standing.TERMINATED: "bad",
}
_EVENT_KINDS: Mapping[Happening, str] = {
    Happening.CREDIT: "info",
    Happening.SILENCE: "warn",
    Happening.LEASE: "warn",
    Happening.TAKEOVER: "warn",
    Happening.NOTICE: "info",
    Happening.TERMINATION: "bad",
    Happening.REQUEST: "warn",
}
_REQUEST_LABELS: Mapping[RequestState, tuple[str, str]] = {
    RequestState.OPEN: ("warn", "待处理"),
    RequestState.GRANTED: ("good", "已同意"),
    RequestState.REFUSED: ("muted", "未同意"),
}
_FILE_TOO_LARGE = 1024 * 1024
_LIVE_MS = 5000
_MOST_DIGITS = 4
_NAMED = 5


def _time(moment: datetime | None, pattern: str = "%H:%M:%S") -> str:
    return in_china(moment).strftime(pattern) if moment else "—"


def _day_time(moment: datetime | None) -> str:
    return _time(moment, "%m-%d %H:%M:%S")


def _milliseconds(left: timedelta | None) -> int | None:
    return None if left is None else left // timedelta(milliseconds=1)


def _number(text: str | None) -> int | None:
    """What was typed as a whole number; ``None`` when it is none."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


# The list


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
        details.append(f"{_time(row.last_seen)}起")
    if row.total is not None and row.standing in {
        Standing.ANSWERING,
        Standing.OFFLINE,
        Standing.COLLECTING,
        Standing.HANDED_IN,
        Standing.TERMINATED,
    }:
        details.append(f"已答{row.answered}/{row.total}")
    flags = []
    if row.request_of is not None:
        flags.append({"label": "补时申请", "href": f"/invigilation/{row.request_of}#requests"})
    if row.awaits_second:
        flags.append({"label": "终止待确认", "href": f"/invigilation/{row.attempt_id}#termination"})
    return {
        "key": row.key,
        "href": f"/invigilation/{row.attempt_id}"
        if row.attempt_id
        else f"/invigilation/registrations/{row.registration_id}",
        "paper": _paper(board.labels.get((row.cycle_id, row.subject), row.subject.value), row.ordinal),
        "kind": _KINDS[row.standing],
        "label": STANDING_LABELS[row.standing],
        "detail": " · ".join(details),
        "left_ms": _milliseconds(left),
        "left": clock_text(left) if left is not None else "",
        "flags": flags,
    }


def _paper(label: str, ordinal: int | None) -> str:
    return label if ordinal is None else f"{label}（第{ordinal}次）"


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
            "at": _time(board.at),
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
async def watch_list(request: web.Request) -> web.Response:
    board = await usecases.watch_papers(request.app[SERVICES], viewer(request), _search(request))
    return web.json_response(
        {
            "at": _time(board.at),
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


# One attempt


@allow(Role.BODY)
async def show_attempt(request: web.Request) -> web.Response:
    return await _sheet_page(request)


async def _sheet_page(
    request: web.Request,
    *,
    at_form: str | None = None,
    error: str | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """The page of an attempt; after a refusal with its reason at the form, and what was typed in it."""
    found = await usecases.sheet(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    attempt, watch = found.attempt, found.watch
    sat = attempt.state in BEING_SAT
    return render(
        request,
        "invigilation/attempt.html",
        {
            "attempt": {
                "id": attempt.id,
                "registration": attempt.registration_id,
                "name": found.name,
                "paper": _paper(found.label, attempt.ordinal),
                "masked_number": found.masked_number,
                "institution": found.institution,
                "kind": _KINDS[watch.standing],
                "standing": STANDING_LABELS[watch.standing],
                "left_ms": _milliseconds(found.time_left),
                "left": clock_text(found.time_left) if found.time_left is not None else None,
                "answered": f"{watch.answered}/{attempt.total}",
                "last_seen": _day_time(watch.last_seen),
                "admitted": _day_time(attempt.admitted_at),
                "deadline": _day_time(attempt.deadline),
                "closed": _day_time(attempt.handed_in_at or attempt.closed_at),
                "extra_minutes": attempt.extra_minutes,
                "leases": attempt.lease_epoch,
                "device": "已占用" if attempt.device_hash else "未占用",
                "has_device": attempt.device_hash is not None,
                "late": watch.late,
                "accepted": watch.accepted,
                "receipt": _receipt(found),
            },
            "at": _time(found.at),
            "is_sat": sat,
            "may_accept": attempt.state in {State.CLOSED, State.MARKED},
            "is_prepared": attempt.state is State.PREPARED,
            "timeline": [_event(event) for event in found.timeline],
            "page_events": [
                (PAGE_EVENT_LABELS.get(kind, kind), count) for kind, count in found.page_events.items()
            ],
            "requests": [_request(seen) for seen in found.requests],
            "termination": None
            if found.termination is None
            else {
                "by": found.termination.requested_by_name,
                "at": _day_time(found.termination.requested_at),
                "reason": found.termination.reason,
                "mine": found.viewer_asked,
            },
            "siblings": [
                {"href": f"/invigilation/{other.id}", "ordinal": other.ordinal, "flag": other.has_request}
                for other in found.siblings
                if other.id != attempt.id
            ],
            "at_form": at_form,
            "error": error,
            "typed": typed or {},
            "longest": LONGEST_TEXT,
            "most_extension": MOST_EXTENSION,
            "most_granted": MOST_GRANTED,
        },
        status=status,
    )


def _receipt(found: Sheet) -> str:
    count = found.attempt.receipt.number
    if found.watch.signed_at is None:
        return f"已记录{count}条作答，收卷时签名"
    return f"已签名（{_day_time(found.watch.signed_at)}），共{count}条作答"


def _event(event: Event) -> dict[str, str]:
    return {
        "at": _day_time(event.at),
        "kind": _EVENT_KINDS.get(event.what, "muted"),
        "text": sentence(event),
        "words": "" if event.what is Happening.MOVED else event.words,
        "by": event.by or "",
    }


def _request(seen: SeenRequest) -> dict[str, Any]:
    request = seen.request
    kind, label = _REQUEST_LABELS[request.state]
    silent = sum((silence.ended_at - silence.began_at for silence in seen.silences), timedelta(0))
    return {
        "id": request.id,
        "form": f"request-{request.id}",
        "is_open": request.state is RequestState.OPEN,
        "kind": kind,
        "label": label,
        "span": f"{_day_time(request.began_at)} 至 {_time(request.ended_at)}",
        "length": length_text(request.ended_at - request.began_at),
        "minutes": -(-(request.ended_at - request.began_at) // timedelta(minutes=1)),
        "reason": request.reason,
        "requested": _day_time(request.requested_at),
        "silences": [
            f"{_time(silence.began_at)} 至 {_time(silence.ended_at)}"
            f"（{length_text(silence.ended_at - silence.began_at)}）"
            for silence in seen.silences
        ],
        "silent": length_text(silent),
        "late": seen.late_answers,
        "decided": f"{request.decided_by} · {_day_time(request.decided_at)}" if request.decided_by else "",
        "note": request.note,
    }


async def _act(
    request: web.Request, at_form: str, typed: Mapping[str, str], done: str, action: Awaitable[object]
) -> web.Response:
    """Do it and go back to the attempt; what can't be done is said at its form."""
    try:
        await action
    except (Invalid, Conflict) as error:
        return await _sheet_page(
            request, at_form=at_form, error=error.sentence, typed=typed, status=status_of(error)
        )
    response = web.HTTPSeeOther(f"/invigilation/{path_id(request, 'attempt')}")
    flash(response, "good", done)
    raise response


@allow(Role.BODY)
async def extend(request: web.Request) -> web.Response:
    form = await form_fields(request)
    minutes = _number(form.get("minutes"))
    action = papers.extend(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        minutes=minutes,
        reason=form.get("reason", ""),
    )
    return await _act(request, "extension", form, f"已延长{minutes}分钟，医师的页面会随即更新。", action)


@allow(Role.BODY)
async def release_lease(request: web.Request) -> web.Response:
    form = await form_fields(request)
    action = papers.release_lease(
        request.app[SERVICES], viewer(request), path_id(request, "attempt"), reason=form.get("reason", "")
    )
    return await _act(request, "lease", form, "占用已释放，医师可以在另一台设备上直接进入。", action)


@allow(Role.BODY)
async def request_termination(request: web.Request) -> web.Response:
    form = await form_fields(request)
    action = papers.request_termination(
        request.app[SERVICES], viewer(request), path_id(request, "attempt"), reason=form.get("reason", "")
    )
    return await _act(request, "termination", form, "已申请终止，请另一位工作人员登录后确认。", action)


@allow(Role.BODY)
async def confirm_termination(request: web.Request) -> web.Response:
    action = papers.confirm_termination(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    return await _act(request, "termination", {}, "测评已终止。", action)


@allow(Role.BODY)
async def withdraw_termination(request: web.Request) -> web.Response:
    action = papers.withdraw_termination(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    return await _act(request, "termination", {}, "终止申请已撤回，测评照常进行。", action)


@allow(Role.BODY)
async def notify_one(request: web.Request) -> web.Response:
    form = await form_fields(request)
    action = papers.send_notice(
        request.app[SERVICES],
        viewer(request),
        text=form.get("text", ""),
        attempt_id=path_id(request, "attempt"),
    )
    return await _act(request, "notice", form, "通知已发出。", action)


@allow(Role.BODY)
async def grant_time_request(request: web.Request) -> web.Response:
    form = await form_fields(request)
    request_id = path_id(request, "request")
    action = papers.grant_time_request(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        request_id,
        minutes=_number(form.get("minutes")),
        note=form.get("note", ""),
    )
    return await _act(request, f"request-{request_id}", form, "已同意补时申请。", action)


@allow(Role.BODY)
async def refuse_time_request(request: web.Request) -> web.Response:
    form = await form_fields(request)
    request_id = path_id(request, "request")
    action = papers.refuse_time_request(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        request_id,
        note=form.get("note", ""),
    )
    return await _act(request, f"request-{request_id}", form, "已回复医师：未同意补时申请。", action)


@allow(Role.BODY)
async def import_answers(request: web.Request) -> web.Response:
    services, attempt_id = request.app[SERVICES], path_id(request, "attempt")
    await form_fields(request)
    upload = (await request.post()).get("file")
    try:
        imported = await papers.import_answers(services, viewer(request), attempt_id, _content(upload))
    except (Invalid, Conflict) as error:
        return await _sheet_page(request, at_form="import", error=error.sentence, status=status_of(error))
    counted = imported.outcomes[Outcome.CURRENT]
    kept = imported.outcomes[Outcome.SUPERSEDED]
    late, refused = imported.outcomes[Outcome.LATE], len(imported.refused)
    response = web.HTTPSeeOther(f"/invigilation/{attempt_id}")
    said = f"导入完成：计入{counted}条，已有更新答案{kept}条，迟到留存{late}条，未能导入{refused}条。"
    if imported.refused:
        named = (f"第{place}条{reason}" for place, reason in imported.refused[:_NAMED])
        said += f"其中{'；'.join(named)}。"
    flash(response, "warn" if late or refused else "good", said)
    raise response


def _content(upload: object) -> bytes:
    """The bytes of an uploaded file.

    Raises:
        Invalid: There is none, or it is too large.
    """
    if not isinstance(upload, web.FileField):
        raise Invalid("请选择医师导出的答案文件。", code="no_file")
    data = upload.file.read(_FILE_TOO_LARGE + 1)
    if not data:
        raise Invalid("选择的文件是空的，请核对后重新选择。", code="no_file")
    if len(data) > _FILE_TOO_LARGE:
        raise Invalid("文件不能超过1MB，请核对后重新选择。", code="file_too_large")
    return data


# Before a paper is sat


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
                        "at": _day_time(paper.override.granted_at),
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
            extra_minutes=_number(form.get("minutes")),
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


# Make-up


@allow(Role.BODY)
async def show_makeup(request: web.Request) -> web.Response:
    return await _makeup_page(request)


async def _makeup_page(
    request: web.Request,
    *,
    error: str | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    services = request.app[SERVICES]
    rounds, open_to = await usecases.makeup(services, viewer(request))
    now = services.clock.now()
    titles = {cycle.id: cycle.title for cycle in open_to}
    return render(
        request,
        "invigilation/makeup.html",
        {
            "rounds": [
                {
                    "cycle": titles.get(each.cycle_id, ""),
                    "window": each.window(),
                    "kind": "good" if each.is_open(now) else "muted",
                    "label": "进行中" if each.is_open(now) else "已结束" if each.is_over(now) else "未开始",
                }
                for each in rounds
            ],
            "cycles": [
                {
                    "id": str(cycle.id),
                    "title": cycle.title,
                    "from": cycle.makeup_from.isoformat(),
                    "until": cycle.makeup_until.isoformat(),
                    "window": days(cycle.makeup_from, cycle.makeup_until),
                }
                for cycle in open_to
                if cycle.makeup_from and cycle.makeup_until
            ],
            "error": error,
            "typed": typed or {},
        },
        status=status,
    )


@allow(Role.BODY)
async def open_makeup_round(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    try:
        opened = await papers.open_makeup_round(
            services.database,
            services.clock,
            viewer(request),
            _cycle_id(form.get("cycle", "")),
            _day(form.get("opens", ""), "开始日期"),
            _day(form.get("closes", ""), "结束日期"),
        )
    except (Invalid, Conflict, NotFound) as error:
        return await _makeup_page(request, error=error.sentence, typed=form, status=status_of(error))
    response = web.HTTPSeeOther("/invigilation/makeup")
    flash(response, "good", f"补考已开放：{opened.window()}。")
    raise response


def _cycle_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("请选择考核周期。", code="no_cycle") from None


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(f"请填写{what}，如2026-06-01。", code="bad_dates") from None


ROUTES = [
    web.get("/invigilation", show_list),
    web.get("/invigilation/live", watch_list),
    web.post("/invigilation/notices", notify_all),
    web.get("/invigilation/makeup", show_makeup),
    web.post("/invigilation/makeup", open_makeup_round),
    web.get("/invigilation/registrations/{registration}", show_registration),
    web.post("/invigilation/registrations/{registration}/overrides", grant_override),
    web.get("/invigilation/{attempt}", show_attempt),
    web.post("/invigilation/{attempt}/extension", extend),
    web.post("/invigilation/{attempt}/lease-release", release_lease),
    web.post("/invigilation/{attempt}/termination", request_termination),
    web.post("/invigilation/{attempt}/termination/confirmation", confirm_termination),
    web.post("/invigilation/{attempt}/termination/withdrawal", withdraw_termination),
    web.post("/invigilation/{attempt}/notices", notify_one),
    web.post("/invigilation/{attempt}/time-requests/{request}/grant", grant_time_request),
    web.post("/invigilation/{attempt}/time-requests/{request}/refusal", refuse_time_request),
    web.post("/invigilation/{attempt}/import", import_answers),
]
