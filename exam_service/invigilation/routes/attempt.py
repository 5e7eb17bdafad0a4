"""One attempt, and what staff do to it."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.invigilation import usecases
from exam_service.invigilation.model import (
    PAGE_EVENT_LABELS,
    STANDING_LABELS,
    Event,
    Happening,
    clock_text,
    length_text,
    sentence,
)
from exam_service.invigilation.routes.shown import (
    KINDS,
    day_time_text,
    milliseconds,
    paper_text,
    time_text,
    whole_number,
)
from exam_service.invigilation.routes.wall import OUTLOOKS, idle_milliseconds, tile_shown
from exam_service.invigilation.tiles import IDENTITY_LABELS, NO_PICTURE_AFTER
from exam_service.invigilation.usecases import Sheet
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.papers.journal import Outcome
from exam_service.papers.model import State
from exam_service.papers.oversight import (
    BEING_SAT,
    LONGEST_TEXT,
    MOST_EXTENSION,
    MOST_GRANTED,
    RequestState,
    SeenRequest,
)
from exam_service.proctor import usecases as proctor
from exam_service.proctor.identification import (
    PURPOSE_LABELS,
    SPENT_LABELS,
    TRIES,
    IdentityState,
    UnsettledCheck,
)
from exam_service.proctor.judgement import FINDING_LABELS
from exam_service.proctor.model import Purpose

_EVENT_KINDS: Mapping[Happening, str] = {
    Happening.CREDIT: "info",
    Happening.SILENCE: "warn",
    Happening.LEASE: "warn",
    Happening.TAKEOVER: "warn",
    Happening.NOTICE: "info",
    Happening.TERMINATION: "bad",
    Happening.REQUEST: "warn",
    Happening.IMPORTED: "info",
    Happening.DUTY: "info",
    Happening.NOTE: "info",
    Happening.IDENTITY: "info",
}
_REQUEST_LABELS: Mapping[RequestState, tuple[str, str]] = {
    RequestState.OPEN: ("warn", "待处理"),
    RequestState.GRANTED: ("good", "已同意"),
    RequestState.REFUSED: ("muted", "未同意"),
}
_FILE_TOO_LARGE = 1024 * 1024
_NAMED = 5


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
    found = await usecases.sheet(
        request.app[SERVICES], request.app[OUTLOOKS], viewer(request), path_id(request, "attempt")
    )
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
                "paper": paper_text(found.label, attempt.ordinal),
                "masked_number": found.masked_number,
                "institution": found.institution,
                "kind": KINDS[watch.standing],
                "standing": STANDING_LABELS[watch.standing],
                "left_ms": milliseconds(found.time_left),
                "left": clock_text(found.time_left) if found.time_left is not None else None,
                "answered": f"{watch.answered}/{attempt.total}",
                "last_seen": day_time_text(watch.last_seen),
                "admitted": day_time_text(attempt.admitted_at),
                "deadline": day_time_text(attempt.deadline),
                "closed": day_time_text(attempt.handed_in_at or attempt.closed_at),
                "extra_minutes": attempt.extra_minutes,
                "leases": attempt.lease_epoch,
                "device": "已占用" if attempt.device_hash else "未占用",
                "has_device": attempt.device_hash is not None,
                "late": watch.late,
                "accepted": watch.accepted,
                "receipt": _receipt(found),
            },
            "duty": found.duty.name if found.duty else "",
            "duty_is_mine": found.duty is not None and found.duty.id == viewer(request).account_id,
            "may_assign": not attempt.is_over,
            "colleagues": [
                {"id": str(each.id), "name": each.name}
                for each in found.colleagues
                if each.id != viewer(request).account_id and each != found.duty
            ],
            "tile": None
            if found.tile is None
            else tile_shown(found.tile, {(attempt.cycle_id, attempt.subject): found.label}, found.at),
            "findings": [
                {
                    "label": FINDING_LABELS[finding.kind],
                    "span": f"{time_text(finding.began_at)} 至 {time_text(finding.ended_at)}",
                    "frames": finding.frames,
                }
                for finding in reversed(found.findings)
            ],
            "score": found.tile.score if found.tile else 0,
            "reasons": found.tile.reasons if found.tile else (),
            "identities": [_identity(each) for each in found.unsettled],
            "has_photo": found.has_photo,
            "stale_ms": milliseconds(NO_PICTURE_AFTER),
            "idle_ms": idle_milliseconds(request),
            "at": time_text(found.at),
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
                "at": day_time_text(found.termination.requested_at),
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
            "tries": TRIES,
            "most_extension": MOST_EXTENSION,
            "most_granted": MOST_GRANTED,
        },
        status=status,
    )


def _receipt(found: Sheet) -> str:
    count = found.attempt.receipt.number
    if found.watch.signed_at is None:
        return f"已记录{count}条作答，收卷时签名"
    return f"已签名（{day_time_text(found.watch.signed_at)}），共{count}条作答"


def _event(event: Event) -> dict[str, str]:
    text = sentence(event)
    if event.what is Happening.NOTICE:
        text += f"，医师已确认 {time_text(event.until)}" if event.until else "，医师尚未确认"
    return {
        "at": day_time_text(event.at),
        "kind": _EVENT_KINDS.get(event.what, "muted"),
        "text": text,
        "words": "" if event.what is Happening.MOVED else event.words,
        "by": event.by or "",
    }


def _identity(check: UnsettledCheck) -> dict[str, Any]:
    refused = check.state is IdentityState.REFUSED
    return {
        "id": str(check.id),
        "form": f"tries-{check.id}",
        "refused": refused,
        "beside_paper": check.purpose is Purpose.PAPER,
        "kind": "bad" if refused else "warn",
        "label": IDENTITY_LABELS[check.state],
        "purpose": PURPOSE_LABELS[check.purpose],
        "opened": day_time_text(check.opened_at),
        "tries": check.tries,
        "why": SPENT_LABELS[check.last_spent] if check.last_spent else "",
        "asked": check.asked_reason,
        "by": check.decided_by,
        "at": day_time_text(check.decided_at),
        "reason": check.decision_reason,
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
        "span": f"{day_time_text(request.began_at)} 至 {time_text(request.ended_at)}",
        "length": length_text(request.ended_at - request.began_at),
        "minutes": -(-(request.ended_at - request.began_at) // timedelta(minutes=1)),
        "reason": request.reason,
        "requested": day_time_text(request.requested_at),
        "silences": [
            f"{time_text(silence.began_at)} 至 {time_text(silence.ended_at)}"
            f"（{length_text(silence.ended_at - silence.began_at)}）"
            for silence in seen.silences
        ],
        "silent": length_text(silent),
        "late": seen.late_answers,
        "decided": f"{request.decided_by} · {day_time_text(request.decided_at)}"
        if request.decided_by
        else "",
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
    minutes = whole_number(form.get("minutes"))
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
async def assign_duty(request: web.Request) -> web.Response:
    form = await form_fields(request)
    to = form.get("to", "")
    action = usecases.assign_duty(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        viewer(request).account_id if to == "me" else _account_id(to),
        note=form.get("note", ""),
    )
    return await _act(request, "duty", form, "负责人已更新。", action)


def _account_id(text: str) -> UUID | None:
    """Whom a form names; nobody where it names nobody.

    Raises:
        Invalid: It names something else.
    """
    try:
        return UUID(text) if text else None
    except ValueError:
        raise Invalid("请选择本机构的一位工作人员。", code="no_colleague") from None


@allow(Role.BODY)
async def ask_recheck(request: web.Request) -> web.Response:
    form = await form_fields(request)
    action = proctor.ask_recheck(
        request.app[SERVICES], viewer(request), path_id(request, "attempt"), form.get("reason", "")
    )
    return await _act(request, "recheck", form, "已要求医师重新核验身份，答题不受影响。", action)


@allow(Role.BODY)
async def give_tries(request: web.Request) -> web.Response:
    """After a refusal: what the physician shows now may say otherwise."""
    form = await form_fields(request)
    identity_id = path_id(request, "identity")
    action = proctor.give_tries(
        request.app[SERVICES], viewer(request), identity_id, reason=form.get("reason", "")
    )
    return await _act(
        request,
        f"tries-{identity_id}",
        form,
        f"已再给{TRIES}次核验机会。",
        action,
    )


@allow(Role.BODY)
async def write_note(request: web.Request) -> web.Response:
    form = await form_fields(request)
    action = usecases.write_note(
        request.app[SERVICES], viewer(request), path_id(request, "attempt"), text=form.get("text", "")
    )
    return await _act(request, "note", form, "记录已保存。", action)


@allow(Role.BODY)
async def grant_time_request(request: web.Request) -> web.Response:
    form = await form_fields(request)
    request_id = path_id(request, "request")
    action = papers.grant_time_request(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        request_id,
        minutes=whole_number(form.get("minutes")),
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
