"""参加测评, 测评须知, the paper page and what it sends, the result."""

from __future__ import annotations

import base64
import math
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field

from exam_service.accounts.model import Role
from exam_service.clock import CHINA, in_china
from exam_service.cycles.policy import PaperRule, Subject
from exam_service.errors import Conflict, DomainError, Invalid, NotFound
from exam_service.http.device import device_hash, remember_device
from exam_service.http.guards import allow
from exam_service.http.limits import dear
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, json_body, path_id
from exam_service.http.session import flash
from exam_service.keys import LINE, SERVICES, viewer
from exam_service.papers import timing, usecases
from exam_service.papers.journal import RECEIPT_FORMAT, AnswerEvent, Receipt, signed_text, storable
from exam_service.papers.model import (
    FINISHED,
    UNDER_WAY,
    Attempt,
    PageEvent,
    PageEventKind,
    State,
    mark_text,
)
from exam_service.papers.oversight import Notice, RequestState, TimeRequest
from exam_service.papers.retakes import PaperOffer, attempts_used
from exam_service.papers.sittings import FIXED, SITTING_LABELS, Sitting
from exam_service.questions.model import image_entry

ANSWERS = web.AppKey("answers", usecases.AnswerWriter)
PRESENCES = web.AppKey("presences", usecases.Presences)
_LARGEST = 2**31 - 1
_MOST_EVENTS = 20
_LINE_REFRESH = (3, 5)


class LeaseBody(BaseModel):
    epoch: int = Field(ge=0, le=_LARGEST)


class AnswerBody(LeaseBody):
    seq: int = Field(ge=1, le=_LARGEST)
    item: UUID
    option: UUID | None
    client_time: AwareDatetime


class EventBody(BaseModel):
    kind: PageEventKind
    at: AwareDatetime


class PresenceBody(LeaseBody):
    events: list[EventBody] = Field(default=[], max_length=_MOST_EVENTS)


def _milliseconds(left: timedelta) -> int:
    return left // timedelta(milliseconds=1)


def _facts(rule: PaperRule) -> str:
    return f"{rule.items}题 · {rule.minutes}分钟 · {rule.pass_mark}分合格"


@allow(Role.PHYSICIAN)
async def show_papers(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    offers = await usecases.offers(services.database, services.clock, viewer(request))
    sitting = await usecases.alternative.sitting_of(services, viewer(request))
    response = render(
        request,
        "papers/list.html",
        {
            "rows": [_row(offer) for offer in offers],
            "sitting": _sitting(sitting) if sitting else None,
            "maintenance": _maintenance(offers[0]) if offers else "",
        },
    )
    remember_device(request, response)
    return response


def _maintenance(offer: PaperOffer) -> str:
    return "、".join(hours.words for hours in offer.maintenance)


def _sitting(sitting: Sitting) -> dict[str, object]:
    fixed = sitting.state in FIXED and sitting.starts_at is not None
    return {
        "label": SITTING_LABELS[sitting.state][1],
        "is_fixed": fixed,
        "time": f"{in_china(sitting.starts_at):%Y-%m-%d %H:%M}" if sitting.starts_at else None,
        "place": sitting.place,
    }


def _row(offer: PaperOffer) -> dict[str, object]:
    rule = offer.rule
    label, kind = _state(offer)
    makeup = offer.availability.round_id
    allowed = _allowed(rule, attempts_used(offer.attempts))
    if makeup is not None:
        allowed += f" · 补考 {_allowed(rule, attempts_used(offer.attempts, makeup))}"
    marks = [
        attempt.mark for attempt in offer.attempts if attempt.result_is_known and attempt.mark is not None
    ]
    action = None
    if offer.availability.may_start:
        resumes = offer.availability.resumes
        if resumes is not None and resumes.state is not State.PREPARED:
            action = {"href": f"/attempts/{resumes.id}", "label": "继续测评"}
        else:
            again = any(attempt.result_is_known for attempt in offer.attempts)
            action = {
                "href": f"/papers/{rule.subject}/notice",
                "label": "参加补考" if makeup else "再次测评" if again else "进入测评",
            }
    return {
        "title": offer.label,
        "state_label": label,
        "state_kind": kind,
        "attempts_label": None if offer.exempted else allowed,
        "facts": _facts(rule),
        "best_mark": mark_text(max(marks)) if marks else None,
        "action": action,
        "results": [
            (
                f"{_which(attempt, offer.attempts)}：{_outcome(attempt)['state_label']}",
                f"/attempts/{attempt.id}/result",
            )
            for attempt in offer.attempts
            if attempt.state in FINISHED
        ],
        "reason": offer.availability.reason,
        "time_request": _time_request(offer),
    }


def _time_request(offer: PaperOffer) -> str | None:
    """Where lost time can be asked for while a paper runs, also after a reload."""
    resumes = offer.availability.resumes
    running = resumes is not None and resumes.state in UNDER_WAY
    return f"/attempts/{resumes.id}/time-request" if resumes is not None and running else None


def _allowed(rule: PaperRule, used: int) -> str:
    return "不限次" if rule.attempts is None else f"{used}/{rule.attempts}次"


def _which(attempt: Attempt, attempts: Sequence[Attempt]) -> str:
    """第2次, 补考, and 补考第2次 where a round lets a paper be sat more than once."""
    if attempt.round_id is None:
        return f"第{attempt.ordinal}次"
    made_up = [each.id for each in attempts if each.round_id is not None]
    return "补考" if attempt.rule.attempts == 1 else f"补考第{made_up.index(attempt.id) + 1}次"


def _state(offer: PaperOffer) -> tuple[str, str]:
    if offer.exempted:
        return "免考", "good"
    latest = offer.attempts[-1] if offer.attempts else None
    if any(attempt.result_is_known and attempt.passed for attempt in offer.attempts):
        return "合格", "good"
    if latest is None or latest.state is State.PREPARED:
        failed = any(attempt.result_is_known for attempt in offer.attempts)
        return ("不合格", "bad") if failed else ("未参加", "muted")
    if latest.awaits_confirmation:
        return "待评定", "warn"
    if latest.result_is_known:
        return "不合格", "bad"
    if latest.state is State.TERMINATED:
        return "已终止", "bad"
    return "测评中", "info"


def _subject(request: web.Request) -> Subject:
    try:
        return Subject(request.match_info["subject"])
    except ValueError:
        raise NotFound("没有这项测评，请从“参加测评”进入。") from None


@allow(Role.PHYSICIAN)
async def show_notice(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    subject = _subject(request)
    offer, entitled = await usecases.notice(services.database, services.clock, viewer(request), subject)
    sitting = await usecases.alternative.sitting_of(services, viewer(request))
    response = render(
        request,
        "papers/notice.html",
        {
            "title": offer.label,
            "facts": _facts(offer.rule),
            "rules": entitled.cycle.policy.notice_rules,
            "maintenance": _maintenance(offer),
            "version": entitled.cycle.policy.notice_version,
            "sits_watched": sitting is not None and sitting.state in FIXED,
            "action": f"/papers/{subject.value}/start",
        },
    )
    remember_device(request, response)
    return response


@dear
@allow(Role.PHYSICIAN)
async def start(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    subject = _subject(request)
    if form.get("accept") != "yes":
        raise web.HTTPSeeOther(f"/papers/{subject.value}/notice")
    attempt = await usecases.start(
        services.database,
        services.clock,
        viewer(request),
        subject,
        notice_version=form.get("version", ""),
    )
    where = _where(attempt, services.clock.now())
    if where.endswith("/check"):
        sitting = await usecases.alternative.sitting_of(services, viewer(request))
        if sitting is not None and sitting.state in FIXED:
            where = "/alternative"  # who is awaited by people isn't sent before a camera
    raise web.HTTPSeeOther(where)


def _where(attempt: Attempt, now: datetime) -> str:
    """The page that an attempt is at."""
    if attempt.state is State.PREPARED and not timing.check_holds(attempt.checked_at, now):
        return f"/attempts/{attempt.id}/check"
    if attempt.is_over or attempt.state is State.CLOSING:
        return f"/attempts/{attempt.id}/result"
    return f"/attempts/{attempt.id}"


@allow(Role.PHYSICIAN)
async def show_paper(request: web.Request) -> web.Response:
    attempt_id = path_id(request, "attempt")
    services = request.app[SERVICES]
    attempt, label = await usecases.result(services.database, viewer(request), attempt_id)
    where = _where(attempt, services.clock.now())
    if where != f"/attempts/{attempt_id}":
        raise web.HTTPSeeOther(where)
    if attempt.state is State.PREPARED:
        return await _show_begin(request, attempt_id)
    response = render(
        request, "papers/paper.html", {"attempt_id": attempt_id, "title": label, "watched": attempt.watched}
    )
    response.enable_compression()  # safe here: nothing that a stranger chooses is on this page
    return response


async def _show_begin(request: web.Request, attempt_id: UUID) -> web.Response:
    """The page with the button that starts the clock."""
    services = request.app[SERVICES]
    attempt, offer = await usecases.begin(services.database, services.clock, viewer(request), attempt_id)
    response = render(
        request,
        "papers/begin.html",
        {
            "title": offer.label,
            "facts": _facts(attempt.rule),
            "minutes": attempt.rule.minutes + offer.extra_minutes,
            "extra_minutes": offer.extra_minutes,
            "action": f"/attempts/{attempt_id}/enter",
        },
    )
    remember_device(request, response)
    return response


@dear
@allow(Role.PHYSICIAN)
async def enter(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    place = await usecases.enter(
        services.database, services.clock, request.app[LINE], viewer(request), attempt_id
    )
    raise web.HTTPSeeOther(f"/attempts/{attempt_id}" + ("/line" if place else ""))


@allow(Role.PHYSICIAN)
async def show_line(request: web.Request) -> web.Response:
    """Where one stands. Asking changes nothing: entering is a form, sent by a script when the turn comes."""
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    attempt, place = await usecases.place_in_line(
        services.database, request.app[LINE], viewer(request), attempt_id
    )
    if attempt.state is not State.PREPARED or not timing.check_holds(
        attempt.checked_at, services.clock.now(), in_line=True
    ):
        raise web.HTTPSeeOther(_where(attempt, services.clock.now()))
    return render(
        request,
        "papers/line.html",
        {
            "place": place,
            "seconds": None if place is None else math.ceil(place.seconds),
            "refresh": None if place is None or place.is_turn else _ask_again_in(place.seconds),
            "action": f"/attempts/{attempt_id}/enter",
        },
    )


def _ask_again_in(seconds: float) -> int:
    """Seconds until a waiting page loads itself anew: when the turn has come or after a few, jittered."""
    return min(math.ceil(seconds) + 1, random.randint(*_LINE_REFRESH))  # noqa: S311 - only spreads load


@dear
@allow(Role.PHYSICIAN)
async def take_lease(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    principal = viewer(request)
    paper = await usecases.take_lease(services, principal, attempt_id, device_hash(request))
    watermark = await usecases.watermark(services, principal) if paper.policy.watermark else None
    response = web.json_response(
        {
            "attempt": {
                "id": str(attempt_id),
                "title": paper.label,
                "minutes": paper.attempt.rule.minutes + paper.attempt.extra_minutes,
            },
            "epoch": paper.attempt.lease_epoch,
            "next_seq": 1,
            "time_left_ms": _milliseconds(paper.time_left),
            "items": [
                {
                    "id": str(item.id),
                    "stem": item.stem,
                    "options": [{"id": str(option.id), "text": option.text} for option in item.options],
                    **image_entry(item),
                }
                for item in paper.items
            ],
            "answers": {
                str(item_id): str(option_id)
                for item_id, option_id in paper.answers.items()
                if option_id is not None
            },
            "result_url": f"/attempts/{attempt_id}/result",
            "proctor": {"required": not paper.attempt.watched},
            "outbox_key": base64.b64encode(paper.outbox_key).decode(),
            "protection": {"block_copy": paper.policy.block_copy, "watermark": watermark},
            "notices": _notices(paper.notices),
        }
    )
    remember_device(request, response)
    response.enable_compression()
    return response


def _notices(notices: Sequence[Notice]) -> list[dict[str, object]]:
    return [
        {
            "id": str(notice.id),
            "text": notice.text,
            "at": notice.sent_at.isoformat(),
            "acknowledged": notice.acknowledged,
        }
        for notice in notices
    ]


@allow(Role.PHYSICIAN)
async def save_answer(request: web.Request) -> web.Response:
    """200 once it is committed, whatever became of it; anything else, and it is not stored."""
    body = await json_body(request, AnswerBody)
    event = AnswerEvent(
        path_id(request, "attempt"), body.epoch, body.seq, body.item, body.option, storable(body.client_time)
    )
    saved = await request.app[ANSWERS].save(viewer(request), event, device_hash(request))
    return web.json_response(
        {
            "seq": body.seq,
            "outcome": saved.outcome.value,
            "epoch": saved.epoch,
            "receipt": {"number": saved.receipt.number, "hash": (saved.receipt.digest or b"").hex()},
            "time_left_ms": _milliseconds(saved.time_left),
        }
    )


@allow(Role.PHYSICIAN)
async def be_present(request: web.Request) -> web.Response:
    body = await json_body(request, PresenceBody)
    presence = await request.app[PRESENCES].hear(
        usecases.Heartbeat(
            viewer(request),
            path_id(request, "attempt"),
            body.epoch,
            [PageEvent(event.kind, storable(event.at)) for event in body.events],
            device_hash(request),
        )
    )
    return web.json_response(
        {
            "state": presence.attempt.state.value,
            "over": presence.attempt.is_over,
            "epoch": presence.attempt.lease_epoch,
            "time_left_ms": _milliseconds(presence.time_left),
            "notices": _notices(presence.notices),
        }
    )


@allow(Role.PHYSICIAN)
async def acknowledge_notice(request: web.Request) -> web.Response:
    await usecases.acknowledge_notice(
        request.app[SERVICES], viewer(request), path_id(request, "attempt"), path_id(request, "notice")
    )
    return web.json_response({})


@allow(Role.PHYSICIAN)
async def hand_in(request: web.Request) -> web.Response:
    body = await json_body(request, LeaseBody)
    attempt = await usecases.hand_in(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        body.epoch,
        device_hash(request),
    )
    return web.json_response({"result_url": f"/attempts/{attempt.id}/result"})


class TimeRequestBody(BaseModel):
    began_at: AwareDatetime
    ended_at: AwareDatetime
    reason: str = Field(max_length=1000)


@allow(Role.PHYSICIAN)
async def request_time(request: web.Request) -> web.Response:
    body = await json_body(request, TimeRequestBody)
    await usecases.open_time_request(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        began_at=storable(body.began_at),
        ended_at=storable(body.ended_at),
        reason=body.reason,
    )
    return web.json_response({"state": "open"})


@allow(Role.PHYSICIAN)
async def show_time_request(request: web.Request) -> web.Response:
    return await _time_request_page(request, {"began": "", "ended": "", "reason": ""})


async def _time_request_page(
    request: web.Request, form: dict[str, str], error: DomainError | None = None
) -> web.Response:
    attempt, label, asked = await usecases.own_time_requests(
        request.app[SERVICES], viewer(request), path_id(request, "attempt")
    )
    return render(
        request,
        "papers/time_request.html",
        {
            "title": label,
            "attempt_id": attempt.id,
            "requests": [_asked(each) for each in asked],
            "may_ask": all(each.state is not RequestState.OPEN for each in asked),
            "form": form,
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


def _asked(request: TimeRequest) -> dict[str, str]:
    began, ended = in_china(request.began_at), in_china(request.ended_at)
    kind, label = {
        RequestState.OPEN: ("warn", "待处理"),
        RequestState.GRANTED: ("good", "已同意"),
        RequestState.REFUSED: ("bad", "未同意"),
    }[request.state]
    span = f"{began:%m-%d %H:%M:%S} 至 {ended:%H:%M:%S}"
    return {"span": span, "kind": kind, "label": label, "reason": request.reason, "note": request.note}


@allow(Role.PHYSICIAN)
async def submit_time_request(request: web.Request) -> web.Response:
    fields = await form_fields(request)
    form = {name: fields.get(name, "") for name in ("began", "ended", "reason")}
    try:
        await usecases.open_time_request(
            request.app[SERVICES],
            viewer(request),
            path_id(request, "attempt"),
            began_at=_local_time(form["began"]),
            ended_at=_local_time(form["ended"]),
            reason=form["reason"],
        )
    except (Invalid, Conflict) as error:
        return await _time_request_page(request, form, error)
    response = web.HTTPSeeOther(request.path)
    flash(response, "good", "已提交，考核机构核实后会在本页答复。")
    raise response


def _local_time(text: str) -> datetime:
    """What a ``datetime-local`` field sends: the time on a Chinese wall clock."""
    try:
        return storable(datetime.fromisoformat(text).replace(tzinfo=CHINA))
    except ValueError:
        raise Invalid("请填写开始和恢复的时间。", code="bad_time") from None


@dear
@allow(Role.PHYSICIAN)
async def show_receipt(request: web.Request) -> web.Response:
    receipt = await usecases.receipt_of(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    return render(
        request,
        "papers/receipt.html",
        {
            "title": receipt.label,
            "attempt_id": receipt.attempt.id,
            "count": receipt.signed.count,
            "head": receipt.signed.head.hex(),
            "closed_at": receipt.signed.closed_at,
            "rows": [
                {
                    "number": row.entry.number,
                    "item": row.item_number,
                    "letter": row.letter,
                    "received_at": row.entry.received_at,
                    "state": _standing(row),
                    "after_close": row.after_close,
                }
                for row in receipt.rows
            ],
        },
    )


def _standing(row: usecases.ReceiptRow) -> str:
    if not row.entry.counted and not row.accepted:
        return "迟到，未计入"
    if not row.stands:
        return "已被同题较新的作答取代"
    return "迟到，经考核机构采纳计入" if row.accepted else "计入"


@dear
@allow(Role.PHYSICIAN)
async def download_receipt(request: web.Request) -> web.Response:
    """The receipt as text: every line that was hashed, the end of the chain, and how to check it."""
    receipt = await usecases.receipt_of(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    attempt_id = receipt.attempt.id
    end = Receipt(receipt.signed.count, receipt.signed.head)
    lines = [
        f"# 答题凭证 {receipt.label}（第{receipt.attempt.ordinal}次）",
        "# 每行：序号 租约 页内序号 题目 选项 客户端时间(微秒) 服务器时间(微秒) 是否计入 来源",
        f"# 第0个摘要 = SHA-256(“{RECEIPT_FORMAT} {attempt_id}”)",
        "# 第n个摘要 = SHA-256(第n-1个摘要的32字节 + 第n行)",
        "# 每行之后用制表符隔开：摘要、题号与选项、现在的状态；这两项只为方便阅读，不参与计算",
        f"# 签名涵盖结束时的前{receipt.signed.count}条；之后到达的记录接在后面，不在签名之内",
        *(
            f"{row.entry.line()}\t{row.entry.receipt.hex()}"
            f"\t第{row.item_number}题 {row.letter or '撤回'}\t{_standing(row)}"
            for row in receipt.rows
        ),
        "# 以下一行由服务器在结束时用Ed25519签名",
        signed_text(attempt_id, end, receipt.signed.closed_at).decode(),
        f"signature {base64.b64encode(receipt.signed.signature).decode()}",
        f"public-key {receipt.public_key}",
    ]
    return web.Response(
        text="\n".join(lines) + "\n",
        headers={"Content-Disposition": f'attachment; filename="receipt-{attempt_id}.txt"'},
    )


@allow(Role.PHYSICIAN)
async def show_answers(request: web.Request) -> web.Response:
    """The current answers, for a page that comes back and for proving what is stored."""
    answers = await usecases.answers_of(
        request.app[SERVICES].database, viewer(request), path_id(request, "attempt")
    )
    return web.json_response(
        {"answers": {str(item): str(option) for item, option in answers.items() if option is not None}}
    )


@allow(Role.PHYSICIAN)
async def show_result(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt, label = await usecases.result(services.database, viewer(request), path_id(request, "attempt"))
    if not attempt.is_over and attempt.state is not State.CLOSING:
        raise web.HTTPSeeOther(_where(attempt, services.clock.now()))
    receipt = f"/attempts/{attempt.id}/receipt" if attempt.closed_at else None
    request_time = None
    if attempt.state is not State.CONFIRMED and attempt.closed_at is not None:
        request_time = f"/attempts/{attempt.id}/time-request"
    return render(
        request,
        "papers/result.html",
        {"title": label, "receipt_href": receipt, "time_request_href": request_time, **_outcome(attempt)},
    )


def _outcome(attempt: Attempt) -> dict[str, object]:
    context: dict[str, object] = {
        "mark": None,
        "correct": None,
        "pass_mark": attempt.rule.pass_mark,
        "total": attempt.total,
        "handed_in_at": attempt.handed_in_at or attempt.closed_at,
        "action": None,
    }
    if attempt.result_is_known:
        context |= {
            "mark": None if attempt.mark is None else mark_text(attempt.mark),
            "correct": attempt.correct,
        }
        if attempt.passed:
            return context | {
                "state_label": "合格",
                "kind": "good",
                "text": "交卷成功，您的成绩已达到分数线。成绩在监考复核结束前为暂定。"
                if attempt.state is State.MARKED
                else "考核机构已确认您的成绩合格。",
            }
        text = "本次测评未达到分数线。"
        if attempt.rule.attempts is None:
            text += "可以再次参加测评，不限次数。" if attempt.round_id is None else "补考时间内可以再次参加。"
            context["action"] = {"href": f"/papers/{attempt.subject}/notice", "label": "再次测评"}
        elif attempt.rule.attempts > 1:
            text += "能否再次参加，请在“参加测评”中查看。"
        elif attempt.round_id is None:
            text += "请留意考核机构的补考安排。"
        else:
            text += "补考未合格，为最终结果。"
        return context | {"state_label": "不合格", "kind": "bad", "text": text}
    if attempt.state is State.TERMINATED:
        text = "本次测评已被终止，详情请联系考核机构。"
        return context | {"state_label": "已终止", "kind": "bad", "text": text}
    if attempt.state is State.VOID:
        text = "本次测评已作废，不计次数。详情请联系考核机构。"
        return context | {"state_label": "已作废", "kind": "bad", "text": text}
    if attempt.state is State.MARKED:
        text = "交卷成功，等待考核机构评定。评定后可在“参加测评”中查看结果。"
        return context | {"state_label": "待评定", "kind": "warn", "text": text}
    text = "测评时间已到，系统正在收卷，请稍后刷新查看。"
    return context | {"state_label": "正在收卷", "kind": "info", "text": text}


ROUTES = [
    web.get("/papers", show_papers),
    web.get("/papers/{subject}/notice", show_notice),
    web.post("/papers/{subject}/start", start),
    web.get("/attempts/{attempt}", show_paper),
    web.post("/attempts/{attempt}/enter", enter),
    web.get("/attempts/{attempt}/line", show_line),
    web.post("/attempts/{attempt}/lease", take_lease),
    web.get("/attempts/{attempt}/answers", show_answers),
    web.post("/attempts/{attempt}/answers", save_answer),
    web.post("/attempts/{attempt}/presence", be_present),
    web.post("/attempts/{attempt}/notices/{notice}/acknowledgement", acknowledge_notice),
    web.post("/attempts/{attempt}/hand-in", hand_in),
    web.get("/attempts/{attempt}/result", show_result),
    web.post("/attempts/{attempt}/time-requests", request_time),
    web.get("/attempts/{attempt}/time-request", show_time_request),
    web.post("/attempts/{attempt}/time-request", submit_time_request),
    web.get("/attempts/{attempt}/receipt", show_receipt),
    web.get("/attempts/{attempt}/receipt.txt", download_receipt),
]
