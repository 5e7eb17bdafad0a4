"""参加测评, 测评须知, the paper page and what it sends, the result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, Field, field_validator

from exam_service.accounts.model import Role
from exam_service.cycles.policy import PaperRule, Subject
from exam_service.errors import NotFound
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import form_fields, json_body, path_id
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases
from exam_service.papers.model import (
    FINISHED,
    AnswerEvent,
    Attempt,
    PaperOffer,
    State,
    attempts_used,
    mark_text,
)

_LARGEST = 2**31 - 1
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


class LeaseBody(BaseModel):
    epoch: int = Field(ge=0, le=_LARGEST)


class AnswerBody(LeaseBody):
    seq: int = Field(ge=1, le=_LARGEST)
    item: UUID
    option: UUID | None
    client_time: AwareDatetime

    @field_validator("client_time")
    @classmethod
    def _storable(cls, value: datetime) -> datetime:
        """A clock may be as wrong as it likes: that is noted, and never a reason to lose an answer."""
        try:
            return min(max(value.astimezone(UTC), _EARLIEST), _LATEST)
        except OverflowError:
            return _EARLIEST


def _milliseconds(left: timedelta) -> int:
    return left // timedelta(milliseconds=1)


def _facts(rule: PaperRule) -> str:
    return f"{rule.items}题 · {rule.minutes}分钟 · {rule.pass_mark}分合格"


@allow(Role.PHYSICIAN)
async def show_papers(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    offers = await usecases.offers(services.database, services.clock, viewer(request))
    return render(request, "papers/list.html", {"rows": [_row(offer) for offer in offers]})


def _row(offer: PaperOffer) -> dict[str, object]:
    rule = offer.rule
    label, kind = _state(offer)
    allowed = "不限次" if rule.attempts is None else f"{attempts_used(offer.attempts)}/{rule.attempts}次"
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
                "label": "再次测评" if again else "进入测评",
            }
    return {
        "title": offer.label,
        "state_label": label,
        "state_kind": kind,
        "attempts_label": allowed,
        "facts": _facts(rule),
        "best_mark": mark_text(max(marks)) if marks else None,
        "action": action,
        "results": [
            (f"第{attempt.ordinal}次：{_outcome(attempt)['state_label']}", f"/attempts/{attempt.id}/result")
            for attempt in offer.attempts
            if attempt.state in FINISHED
        ],
        "reason": offer.availability.reason,
    }


def _state(offer: PaperOffer) -> tuple[str, str]:
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
    return render(
        request,
        "papers/notice.html",
        {
            "title": offer.label,
            "facts": _facts(offer.rule),
            "rules": entitled.cycle.policy.notice_rules,
            "version": entitled.cycle.policy.notice_version,
            "action": f"/papers/{subject.value}/start",
        },
    )


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
    raise web.HTTPSeeOther(_where(attempt))


def _where(attempt: Attempt) -> str:
    """The page that an attempt is at."""
    if attempt.state is State.PREPARED:
        return f"/attempts/{attempt.id}/check"
    if attempt.is_over or attempt.state is State.CLOSING:
        return f"/attempts/{attempt.id}/result"
    return f"/attempts/{attempt.id}"


@allow(Role.PHYSICIAN)
async def show_paper(request: web.Request) -> web.Response:
    attempt_id = path_id(request, "attempt")
    attempt, label = await usecases.result(request.app[SERVICES].database, viewer(request), attempt_id)
    where = _where(attempt)
    if where != f"/attempts/{attempt_id}":
        raise web.HTTPSeeOther(where)
    response = render(request, "papers/paper.html", {"attempt_id": attempt_id, "title": label})
    response.enable_compression()  # safe here: nothing that a stranger chooses is on this page
    return response


@allow(Role.PHYSICIAN)
async def take_lease(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    attempt_id = path_id(request, "attempt")
    paper = await usecases.take_lease(services.database, services.clock, viewer(request), attempt_id)
    response = web.json_response(
        {
            "attempt": {
                "id": str(attempt_id),
                "title": paper.label,
                "minutes": paper.attempt.rule.minutes,
            },
            "epoch": paper.attempt.lease_epoch,
            "next_seq": 1,
            "time_left_ms": _milliseconds(paper.time_left),
            "items": [
                {
                    "id": str(item.id),
                    "stem": item.stem,
                    "options": [{"id": str(option.id), "text": option.text} for option in item.options],
                }
                for item in paper.items
            ],
            "answers": {
                str(item_id): str(option_id)
                for item_id, option_id in paper.answers.items()
                if option_id is not None
            },
            "result_url": f"/attempts/{attempt_id}/result",
            "proctor": {"required": True},
        }
    )
    response.enable_compression()
    return response


@allow(Role.PHYSICIAN)
async def save_answer(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    body = await json_body(request, AnswerBody)
    event = AnswerEvent(
        path_id(request, "attempt"), body.epoch, body.seq, body.item, body.option, body.client_time
    )
    left = await usecases.save_answer(services.database, services.clock, viewer(request), event)
    return web.json_response({"seq": body.seq, "time_left_ms": _milliseconds(left)})


@allow(Role.PHYSICIAN)
async def be_present(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    body = await json_body(request, LeaseBody)
    attempt, left = await usecases.be_present(
        services.database, services.clock, viewer(request), path_id(request, "attempt"), body.epoch
    )
    return web.json_response(
        {
            "state": attempt.state.value,
            "over": attempt.is_over,
            "time_left_ms": _milliseconds(left),
            "notices": [],
        }
    )


@allow(Role.PHYSICIAN)
async def hand_in(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    body = await json_body(request, LeaseBody)
    attempt = await usecases.hand_in(
        services.database, services.clock, viewer(request), path_id(request, "attempt"), body.epoch
    )
    return web.json_response({"result_url": f"/attempts/{attempt.id}/result"})


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
        raise web.HTTPSeeOther(_where(attempt))
    return render(request, "papers/result.html", {"title": label, **_outcome(attempt)})


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
            text += "可以再次参加测评，不限次数。"
            context["action"] = {"href": f"/papers/{attempt.subject}/notice", "label": "再次测评"}
        else:
            text += "请留意考核机构的补考安排。"
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
    web.post("/attempts/{attempt}/lease", take_lease),
    web.get("/attempts/{attempt}/answers", show_answers),
    web.post("/attempts/{attempt}/answers", save_answer),
    web.post("/attempts/{attempt}/presence", be_present),
    web.post("/attempts/{attempt}/hand-in", hand_in),
    web.get("/attempts/{attempt}/result", show_result),
]
