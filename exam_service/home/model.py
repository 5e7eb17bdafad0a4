"""What a physician's home shows: 我的状态, 考核流程, 考核安排 and the one thing to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from exam_service.cycles.model import Cycle, day_in_china, days
from exam_service.cycles.policy import STAGE_LABELS, Stage
from exam_service.errors import Conflict
from exam_service.papers.model import UNDER_WAY
from exam_service.papers.retakes import PaperOffer, attempts_used
from exam_service.registration.model import (
    EDITABLE,
    RESULT_LABELS,
    Entitlement,
    Result,
    State,
)

NOTHING_YET = "无"


@dataclass(frozen=True)
class NextStep:
    title: str
    text: str
    href: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class PhysicianHome:
    """我的状态 with the manual's sentence, 考核流程 and the one thing to do next.

    Attributes:
        steps: Label, and ``done``, ``current`` or ``todo``.
        first_result: 首次考核结果; ``makeup_result`` that of the make-up.
    """

    status: str
    sentence: str
    steps: tuple[tuple[str, str], ...]
    next_step: NextStep
    first_result: str = NOTHING_YET
    makeup_result: str = NOTHING_YET


@dataclass(frozen=True)
class StageRow:
    """A line of 考核安排; ``when`` is ``before``, ``open`` or ``over``."""

    label: str
    window: str
    when: str


def stage_rows(cycle: Cycle, now: datetime) -> list[StageRow]:
    """All stages that concern a physician, with their days, in order."""
    today = day_in_china(now)
    rows = [
        _stage_row(STAGE_LABELS[stage], *cycle.stages[stage], today)
        for stage in Stage
        if stage in cycle.stages
    ]
    rows.append(_stage_row("测评", cycle.tests_from, cycle.tests_until, today))
    if cycle.makeup_from and cycle.makeup_until:
        rows.append(_stage_row("补考", cycle.makeup_from, cycle.makeup_until, today))
    return rows


def _stage_row(label: str, first: date, last: date, today: date) -> StageRow:
    when = "before" if today < first else "over" if today > last else "open"
    return StageRow(label, days(first, last), when)


def outsider_home(labels: Mapping[str, str]) -> PhysicianHome:
    """Of a physician who is in no cycle."""
    status, sentence = labels[State.NOT_ADMITTED], labels[f"{State.NOT_ADMITTED}_text"]
    return PhysicianHome(status, sentence, (), NextStep(status, sentence))


def physician_home(entitled: Entitlement, offers: Sequence[PaperOffer], now: datetime) -> PhysicianHome:
    """Where this physician stands and what they should do next."""
    state, labels = entitled.registration.state, entitled.cycle.policy.labels
    first, makeup = _results(entitled, offers)
    place, status, step = _sitting(entitled, offers) if entitled.may_test else _registering(entitled, now)
    shown = State.REGISTERED if status == labels[State.REGISTERED] else state
    return PhysicianHome(status, labels[f"{shown}_text"], _steps(entitled, place), step, first, makeup)


_PLACES = {
    State.NOT_ADMITTED: 0,
    State.ADMITTED: 1,
    State.DRAFT: 1,
    State.RETURNED: 1,
    State.INSTITUTION_REVIEW: 2,
    State.BODY_REVIEW: 3,
    State.CONCLUDED: 6,
}
_SIT, _AWAIT, _END = 4, 5, 6


def _registering(entitled: Entitlement, now: datetime) -> tuple[int, str, NextStep]:
    """Before the papers and after them: the place in 考核流程, the state, the next step."""
    state, labels = entitled.registration.state, entitled.cycle.policy.labels
    status, text = labels[state], labels[f"{state}_text"]
    href = label = None
    if state in EDITABLE:
        stage = Stage.REVIEW if state is State.RETURNED else Stage.REGISTRATION
        try:
            entitled.cycle.check_stage(stage, now)
            href, label = "/registration", labels["tool_register"]
        except Conflict as closed:
            text = closed.sentence
    elif state in {State.INSTITUTION_REVIEW, State.BODY_REVIEW}:
        href, label = "/registration", "查看报名信息"
    return _PLACES[state], status, NextStep(status, text, href, label)


def _sitting(entitled: Entitlement, offers: Sequence[PaperOffer]) -> tuple[int, str, NextStep]:
    """While papers may be sat: likewise."""
    labels = entitled.cycle.policy.labels
    for offer in offers:
        running = next((attempt for attempt in offer.attempts if attempt.state in UNDER_WAY), None)
        if running is not None:
            step = NextStep(
                f"继续{offer.label}",
                "您有一份试卷正在作答，剩余时间继续计算，请尽快返回。",
                f"/attempts/{running.id}",
                "继续测评",
            )
            return _SIT, labels[State.TESTING], step
    begun = any(attempts_used(offer.attempts) for offer in offers)
    status = labels[State.TESTING if begun else State.REGISTERED]
    for offer in offers:
        if offer.availability.may_start:
            again = any(attempt.result_is_known for attempt in offer.attempts)
            verb = "补考" if offer.availability.round_id else "再次参加" if again else "参加"
            step = NextStep(
                f"{verb}{offer.label}",
                f"{offer.rule.items}题，{offer.rule.minutes}分钟，全程开启摄像头监考。",
                "/papers",
                "去参加测评",
            )
            return _SIT, status, step
    if any(attempt.awaits_confirmation for offer in offers for attempt in offer.attempts):
        step = NextStep("等待评定", "您已交卷，请等待考核机构确认成绩。", "/papers", "查看测评")
        return _AWAIT, labels["awaiting"], step
    if offers and all(offer.counts_as_passed for offer in offers):
        step = NextStep("测评已全部合格", "各项测评均已合格，请留意本周期考核结果。", "/papers", "查看成绩")
        return _END, "测评合格", step
    if not offers:
        return (
            _END,
            status,
            NextStep("无需参加测评", "按您适用的考核程序，本周期不需要参加测评，请等待考核结果。"),
        )
    closed = next(offer for offer in offers if not offer.counts_as_passed)
    reason = closed.availability.reason or "请留意考核通知。"
    return _SIT, status, NextStep("暂无可参加的测评", reason, "/papers", "查看测评")


def _results(entitled: Entitlement, offers: Sequence[PaperOffer]) -> tuple[str, str]:
    """首次考核结果 and that of the make-up, which is sat by nobody who passed at first."""
    result = entitled.registration.result
    made_up = any(
        attempt.round_id is not None and attempt.admitted_at is not None
        for offer in offers
        for attempt in offer.attempts
    )
    words = RESULT_LABELS[result] if result else NOTHING_YET
    return (RESULT_LABELS[Result.FAILED], words) if made_up else (words, NOTHING_YET)


def _steps(entitled: Entitlement, current: int) -> tuple[tuple[str, str], ...]:
    labels = entitled.cycle.policy.labels
    steps = (
        "开通报名",
        labels["tool_register"],
        "机构审核",
        "考核机构复核",
        labels["tool_papers"],
        "成绩评定",
        labels["tool_results"],
    )
    return tuple(
        (label, "done" if place < current else "current" if place == current else "todo")
        for place, label in enumerate(steps)
        if entitled.rule.papers or place not in {_SIT, _AWAIT}
    )


@dataclass(frozen=True)
class Tool:
    label: str
    href: str
    text: str


def _modification_tools(entitled: Entitlement) -> list[Tool]:
    if not (entitled.cycle.policy.form.modification and entitled.may_test):
        return []
    return [Tool("申请修改", "/registration/modification", "报名完成后发现信息有误")]


def tools(entitled: Entitlement | None, labels: Mapping[str, str]) -> list[Tool]:
    """常用工具: what this physician has a use for, in the manual's words."""
    found = []
    if entitled is not None and entitled.registration.state is not State.NOT_ADMITTED:
        found += [
            Tool(labels["tool_register"], "/registration", "填写、查看报名信息"),
            *([Tool(labels["tool_practice"], "/practice", "每次随机50题")] if entitled.may_practise else []),
            Tool(labels["tool_papers"], "/papers", "查看试卷与成绩"),
            Tool(labels["tool_exemption"], "/exemptions", "查看免考条件、申请免考"),
            *_modification_tools(entitled),
            Tool("考核历程", "/registration/history", "每一步的时间、经办和原因"),
            Tool("设备自检", "/rehearsal", "提前试好摄像头与核验"),
            Tool("现场测评", "/alternative", "不使用摄像头，由工作人员在场监考"),
            Tool("人脸信息授权", "/consent?next=/home", "查看、同意或撤回"),
            Tool("我的人脸信息", "/face-data", "保存了什么、何时清除，申请删除"),
        ]
    return [
        *found,
        Tool(labels["tool_faq"], "/faq", "登录、报名和测评中常见的问题"),
        Tool(labels["tool_support"], "/support", "联系电话与服务时间"),
    ]
