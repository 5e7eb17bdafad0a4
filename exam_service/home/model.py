"""What to do next, from where a physician stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exam_service.papers.model import UNDER_WAY
from exam_service.papers.retakes import PaperOffer, attempts_used
from exam_service.registration.model import STATE_LABELS, Entitlement, State


@dataclass(frozen=True)
class NextStep:
    title: str
    text: str
    href: str | None = None
    label: str | None = None


@dataclass(frozen=True)
class PhysicianHome:
    """我的状态, 考核流程 and the one thing to do next; steps are (label, done | current | todo)."""

    status: str
    steps: tuple[tuple[str, str], ...]
    next_step: NextStep


_WAITING = {
    State.NOT_ADMITTED: "所在医疗卫生机构尚未为您开通本周期报名，如需参加请联系单位定考负责人。",
    State.ADMITTED: "所在医疗卫生机构已允许您参加本周期考核，请在报名期内提交报名信息。",
    State.DRAFT: "请完善并提交报名信息。",
    State.INSTITUTION_REVIEW: "报名信息已提交，请等待医疗卫生机构审核。",
    State.BODY_REVIEW: "医疗卫生机构已审核，请等待考核机构复核。",
    State.RETURNED: "报名信息已被驳回，请按驳回原因更正后重新提交。",
    State.CONCLUDED: "本周期考核已结束，请查看考核结果。",
}


def physician_home(entitled: Entitlement, offers: Sequence[PaperOffer]) -> PhysicianHome:
    """Where this physician stands and what they should do next."""
    state = entitled.registration.state
    if not entitled.may_test:
        status = STATE_LABELS[state]
        return PhysicianHome(
            status, _steps(0 if state is not State.CONCLUDED else 3), NextStep(status, _WAITING[state])
        )
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
            return PhysicianHome("测评中", _steps(1), step)
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
            started = any(attempts_used(offer.attempts) for offer in offers)
            return PhysicianHome(labels["registered"] if not started else "测评中", _steps(1), step)
    if any(attempt.awaits_confirmation for offer in offers for attempt in offer.attempts):
        step = NextStep("等待评定", "您已交卷，请等待考核机构确认成绩。", "/papers", "查看测评")
        return PhysicianHome(labels["awaiting"], _steps(2), step)
    if offers and all(offer.counts_as_passed for offer in offers):
        step = NextStep("测评已全部合格", "各项测评均已合格，请留意本周期考核结果。", "/papers", "查看成绩")
        return PhysicianHome("测评合格", _steps(3), step)
    if not offers:
        return PhysicianHome(
            STATE_LABELS[state],
            _steps(2),
            NextStep("无需参加测评", "按您适用的考核程序，本周期不需要参加测评，请等待考核结果。"),
        )
    closed = next(offer for offer in offers if not offer.counts_as_passed)
    step = NextStep(
        "暂无可参加的测评", closed.availability.reason or "请留意考核通知。", "/papers", "查看测评"
    )
    begun = any(attempts_used(offer.attempts) for offer in offers)
    return PhysicianHome("测评中" if begun else labels["registered"], _steps(1), step)


def _steps(current: int) -> tuple[tuple[str, str], ...]:
    labels = ("报名与审核", "参加测评", "成绩评定", "考核结果")
    return tuple(
        (label, "done" if position < current else "current" if position == current else "todo")
        for position, label in enumerate(labels)
    )
