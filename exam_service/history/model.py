"""A physician's way through a cycle, step by step, from what each feature wrote down. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby

from exam_service.accounts.model import ROLE_LABELS, ConsentRecord, Role
from exam_service.clock import in_china
from exam_service.cycles.policy import Policy, ReviewLevel
from exam_service.exemptions.model import LEVEL_ROLES, Application, condition_labels
from exam_service.papers.model import Move as PaperMove
from exam_service.papers.model import State as Paper
from exam_service.registration.form.fields import fields_of
from exam_service.registration.model import RESULT_LABELS, Move, Registration, State
from exam_service.registration.modifications.model import Request
from exam_service.registration.reviewing.model import Decision, Review
from exam_service.registration.supervision.model import ACT_LABELS, Supervised

SERVICE = "系统"
PHYSICIAN = ROLE_LABELS[Role.PHYSICIAN]


@dataclass(frozen=True)
class Step:
    """One thing that happened.

    Attributes:
        title: What, in a few words.
        role: Whose act it was: 医师, 医疗卫生机构 …, 系统 for the service itself.
        who: The name of that person; of others than themselves a physician sees only the role.
        reason: Why, in words that were meant for the physician.
        note: What only staff may read.
        kind: good, warn, bad, info or muted.
        own: Whether it was the physician's own act.
        internal: Nothing of the physician's: only staff see the whole step.
    """

    at: datetime
    title: str
    role: str
    who: str | None = None
    reason: str = ""
    note: str = ""
    kind: str = "info"
    own: bool = False
    internal: bool = False


@dataclass(frozen=True)
class Transfer:
    """调入, asked for by one institution and answered by the other; people by their names."""

    from_institution: str | None
    to_institution: str
    reason: str
    asked_at: datetime
    asked_by: str
    state: str
    decision: str
    decided_at: datetime | None
    decided_by: str | None
    decider: Role | None


@dataclass(frozen=True)
class Journaled:
    """An entry of the journal that is told: an act on a registration or its physician by staff."""

    at: datetime
    action: str
    reason: str
    actor: str | None
    actor_role: Role | None
    to_institution: str | None


def by_day(steps: Iterable[Step]) -> list[tuple[date, list[Step]]]:
    """The oldest first, grouped by the day in China; of one moment as they were told."""
    ordered = sorted(steps, key=lambda step: step.at)
    return [(day, list(each)) for day, each in groupby(ordered, lambda step: in_china(step.at).date())]


def as_the_physician_sees(steps: Iterable[Step]) -> list[Step]:
    """Less what isn't theirs: names of staff, notes, and steps that are internal."""
    return [replace(step, note="", who=step.who if step.own else None) for step in steps if not step.internal]


_MOVES: Mapping[tuple[State, State], tuple[str, str]] = {
    (State.NOT_ADMITTED, State.ADMITTED): ("允许报名", "good"),
    (State.NOT_ADMITTED, State.DRAFT): ("恢复报名", "good"),
    (State.NOT_ADMITTED, State.RETURNED): ("恢复报名", "good"),
    (State.ADMITTED, State.NOT_ADMITTED): ("取消报名", "warn"),
    (State.DRAFT, State.NOT_ADMITTED): ("取消报名", "warn"),
    (State.RETURNED, State.NOT_ADMITTED): ("取消报名", "warn"),
    (State.ADMITTED, State.DRAFT): ("开始填报", "info"),
    (State.RETURNED, State.DRAFT): ("开始更正", "info"),
    (State.DRAFT, State.INSTITUTION_REVIEW): ("提交报名信息", "info"),
    (State.RETURNED, State.INSTITUTION_REVIEW): ("重新提交报名信息", "info"),
    (State.INSTITUTION_REVIEW, State.BODY_REVIEW): ("医疗卫生机构审核通过", "good"),
    (State.INSTITUTION_REVIEW, State.RETURNED): ("医疗卫生机构驳回", "bad"),
    (State.BODY_REVIEW, State.REGISTERED): ("考核机构复核通过，报名完成", "good"),
    (State.BODY_REVIEW, State.RETURNED): ("考核机构驳回", "bad"),
    (State.BODY_REVIEW, State.INSTITUTION_REVIEW): ("退回医疗卫生机构重新审核", "warn"),
    (State.REGISTERED, State.RETURNED): ("报名完成后驳回", "bad"),
    (State.REGISTERED, State.TESTING): ("开始参加测评", "info"),
    (State.REGISTERED, State.INSTITUTION_REVIEW): ("由医疗卫生机构重新审核", "warn"),
    (State.REGISTERED, State.BODY_REVIEW): ("撤销复核，重新审核", "warn"),
    (State.RETURNED, State.BODY_REVIEW): ("撤销驳回，重新审核", "warn"),
}
_SUPERVISED = frozenset({"moved_by_authority", "withdrawn_by_authority"})
"""Causes of moves that the authority's acts tell of, with their reasons."""
_REVIEWED = frozenset({State.INSTITUTION_REVIEW, State.BODY_REVIEW})


def steps_of_moves(moves: Sequence[Move], registration: Registration, *, reviewed: bool) -> list[Step]:
    """The registration's own states.

    Args:
        reviewed: Whether decisions of reviewers are told elsewhere, with their reasons: then theirs are left
            out here, but for a conclusion.
    """
    steps = []
    for move in moves:
        own = move.actor_role is Role.PHYSICIAN
        if move.cause in _SUPERVISED:
            continue
        if reviewed and not own and move.from_state in _REVIEWED | {State.RETURNED, State.REGISTERED}:
            told = move.to_state in _REVIEWED | {State.RETURNED, State.REGISTERED}
            if told:
                continue
        title, kind = _MOVES.get((move.from_state, move.to_state), ("状态变更", "info"))
        if move.cause == "resubmitted":
            title = "重新提交报名信息"
        if move.to_state is State.CONCLUDED:
            result = registration.result
            title = "考核结束" if result is None else f"考核结束：{RESULT_LABELS[result]}"
            kind = "info" if result is None else "good" if result.value == "passed" else "bad"
        steps.append(
            Step(move.at, title, _role(move.actor_role), move.actor, kind=kind, own=own, note=_cause(move))
        )
    return steps


def _cause(move: Move) -> str:
    return _CAUSES.get(move.cause, "")


_CAUSES: Mapping[str, str] = {
    "last_paper_exempted": "最后一项测评已免考",
    "no_paper_applies": "按适用的考核程序不需要参加测评",
    "performance_upheld": "工作成绩不合格，考核机构已维持",
    "ethics_upheld": "职业道德不合格，考核机构已维持",
    "misconduct_upheld": "有直接认定为不合格的情形，考核机构已维持",
}


def _role(role: Role | None) -> str:
    return SERVICE if role is None else ROLE_LABELS[role]


_REVIEWS: Mapping[tuple[ReviewLevel, Decision], tuple[str, str]] = {
    (ReviewLevel.INSTITUTION, Decision.APPROVED): ("医疗卫生机构审核通过", "good"),
    (ReviewLevel.INSTITUTION, Decision.RETURNED): ("医疗卫生机构驳回", "bad"),
    (ReviewLevel.INSTITUTION, Decision.UNDONE): ("医疗卫生机构撤销上一步审核", "muted"),
    (ReviewLevel.BODY, Decision.APPROVED): ("考核机构复核通过", "good"),
    (ReviewLevel.BODY, Decision.RETURNED): ("考核机构驳回", "bad"),
    (ReviewLevel.BODY, Decision.RETURNED_TO_INSTITUTION): ("考核机构退回医疗卫生机构重新审核", "warn"),
    (ReviewLevel.BODY, Decision.UNDONE): ("考核机构撤销上一步复核", "muted"),
}


def steps_of_reviews(reviews: Iterable[Review], policy: Policy) -> list[Step]:
    """Decisions of institution and body. What one wrote to the other isn't the physician's."""
    labels = fields_of(policy)
    steps = []
    for review in reviews:
        title, kind = _REVIEWS[review.level, review.decision]
        marked = "、".join(labels.get(field, "其他") for field in review.marked)
        returned = review.decision is Decision.RETURNED
        if returned and marked:
            title = f"{title}，需更正：{marked}"
        notes = [] if returned or not review.reason else [review.reason]
        if review.ratings is not None:
            said = [
                f"{policy.labels['performance']}{'合格' if review.ratings.performance else '不合格'}",
                f"{policy.labels['ethics']}{'合格' if review.ratings.ethics else '不合格'}",
            ]
            notes.insert(0, "，".join(said))
        steps.append(
            Step(
                review.decided_at,
                title,
                ROLE_LABELS[LEVEL_ROLES[review.level]],
                review.reviewer,
                reason=review.reason if returned else "",
                note="；".join(notes),
                kind=kind,
                internal=review.decision is Decision.RETURNED_TO_INSTITUTION,
            )
        )
    return steps


def steps_of_consents(records: Iterable[ConsentRecord], physician: str) -> list[Step]:
    """The face consent: that it was given, declined or withdrawn, no more."""
    steps = []
    for record in records:
        for at, title in (
            (record.given_at, "同意采集人脸信息"),
            (record.declined_at, "不同意采集人脸信息"),
            (record.withdrawn_at, "撤回人脸信息授权"),
        ):
            if at is not None:
                steps.append(Step(at, title, PHYSICIAN, physician, own=True))
    return steps


def steps_of_exemptions(applications: Iterable[Application], policy: Policy, physician: str) -> list[Step]:
    """Applied for, decided, withdrawn."""
    steps = []
    for application in applications:
        label = policy.label(application.subject)
        grounds = "；".join(condition_labels(policy.exemption, application.conditions))
        steps.append(
            Step(application.applied_at, f"申请{label}免考", PHYSICIAN, physician, reason=grounds, own=True)
        )
        steps.extend(
            Step(
                decision.decided_at,
                f"{label}免考{'审核同意' if decision.granted else '未通过'}",
                ROLE_LABELS[LEVEL_ROLES[decision.level]],
                decision.decided_by,
                reason=decision.reason,
                kind="good" if decision.granted else "bad",
            )
            for decision in application.decisions
        )
        if application.withdrawn_at is not None:
            title = f"撤回{label}免考申请"
            steps.append(Step(application.withdrawn_at, title, PHYSICIAN, physician, kind="muted", own=True))
    return steps


def steps_of_modifications(requests: Iterable[Request], policy: Policy, physician: str) -> list[Step]:
    """Asked for, decided, withdrawn: which fields, never their values."""
    labels = fields_of(policy)
    steps = []
    for request in requests:
        names = "、".join(labels.get(field, field) for field in request.fields)
        steps.append(
            Step(request.asked_at, f"申请修改{names}", PHYSICIAN, physician, reason=request.reason, own=True)
        )
        if request.decision is not None:
            granted = request.decision.granted
            steps.append(
                Step(
                    request.decision.at,
                    "同意修改，新信息已生效" if granted else "不同意修改",
                    ROLE_LABELS[Role.INSTITUTION],
                    request.decision.by,
                    reason=request.decision.reason,
                    kind="good" if granted else "bad",
                )
            )
        if request.withdrawn_at is not None:
            steps.append(
                Step(request.withdrawn_at, "撤回修改申请", PHYSICIAN, physician, kind="muted", own=True)
            )
    return steps


def steps_of_papers(moves: Iterable[PaperMove], policy: Policy) -> list[Step]:
    """Started, handed in, and the result when it is known: never a mark that nobody has confirmed."""
    steps = []
    for move in moves:
        said = _paper_step(move)
        if said is None:
            continue
        words, kind = said
        attempt = move.attempt
        title = f"{policy.label(attempt.subject)}（第{attempt.ordinal}次）：{words}"
        own = move.actor_role is Role.PHYSICIAN
        steps.append(Step(move.at, title, _role(move.actor_role), move.actor, kind=kind, own=own))
    return steps


def _paper_step(move: PaperMove) -> tuple[str, str] | None:
    attempt = move.attempt
    result = ("合格", "good") if attempt.passed else ("不合格", "bad")
    if move.to_state is Paper.ADMITTED:
        return "开始答题", "info"
    if move.to_state is Paper.CLOSED and move.cause != "late_answers_accepted":
        return ("交卷" if move.cause == "handed_in" else "时间到，系统交卷"), "info"
    if move.to_state is Paper.MARKED and not attempt.awaits_confirmation and attempt.state is Paper.MARKED:
        return result
    if move.to_state is Paper.CONFIRMED and attempt.state is Paper.CONFIRMED:
        return f"考核机构评定为{result[0]}", result[1]
    if move.to_state is Paper.TERMINATED:
        return "测评被终止", "bad"
    return ("本次测评作废", "warn") if move.to_state is Paper.VOID else None


def steps_of_transfers(transfers: Iterable[Transfer]) -> list[Step]:
    """Asked for and answered. The words between the two institutions are theirs."""
    steps = []
    for transfer in transfers:
        title = f"{transfer.to_institution}申请调入"
        staff = ROLE_LABELS[Role.INSTITUTION]
        steps.append(Step(transfer.asked_at, title, staff, transfer.asked_by, note=transfer.reason))
        if transfer.decided_at is None:
            continue
        words, kind = _TRANSFERRED[transfer.state]
        steps.append(
            Step(
                transfer.decided_at,
                f"{words}调入{transfer.to_institution}",
                _role(transfer.decider),
                transfer.decided_by,
                note=transfer.decision,
                kind=kind,
            )
        )
    return steps


_TRANSFERRED: Mapping[str, tuple[str, str]] = {
    "agreed": ("同意", "good"),
    "refused": ("不同意", "bad"),
    "withdrawn": ("取消", "muted"),
}


def steps_of_supervision(acts: Iterable[Supervised]) -> list[Step]:
    """What the authority did, and why."""
    steps = []
    for act in acts:
        title = ACT_LABELS[act.act]
        if act.to_institution:
            title = f"{title}：{act.from_institution} → {act.to_institution}"
        steps.append(
            Step(
                act.decided_at,
                title,
                ROLE_LABELS[Role.AUTHORITY],
                act.decided_by,
                reason=act.reason,
                kind="warn",
            )
        )
    return steps


def steps_of_acts(acts: Iterable[Journaled]) -> list[Step]:
    """What staff did that no state and no decision tells of."""
    steps = []
    for act in acts:
        if act.actor_role is Role.AUTHORITY:
            continue
        title, kind = ACTS[act.action]
        if act.to_institution:
            title = f"{title}：{act.to_institution}"
        steps.append(Step(act.at, title, _role(act.actor_role), act.actor, note=act.reason, kind=kind))
    return steps


ACTS: Mapping[str, tuple[str, str]] = {
    "registration.rehomed": ("主要执业机构变更", "info"),
    "roster.left": ("调离", "warn"),
    "roster.brought_back": ("撤销调离", "info"),
}
"""Of the journal's kinds, those that are told, with their words."""
