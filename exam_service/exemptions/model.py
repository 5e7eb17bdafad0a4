"""An application for an exemption: who may apply when, who decides, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from exam_service.accounts.model import Principal, Role
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import ExemptionRule, ReviewLevel, Stage, Subject
from exam_service.errors import Conflict, DomainError, Forbidden, IllegalMove, Invalid
from exam_service.registration.model import Entitlement
from exam_service.registration.model import State as Registered

LONGEST_STATEMENT = 500
LONGEST_REASON = 200
PAGE_SIZE = 20


class State(StrEnum):
    """``institution`` and ``body``: that level has to decide. The others are ends."""

    INSTITUTION = "institution"
    BODY = "body"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({State.INSTITUTION, State.BODY})
MOVES: Mapping[State, frozenset[State]] = {
    State.INSTITUTION: frozenset({State.BODY, State.GRANTED, State.REFUSED, State.WITHDRAWN}),
    State.BODY: frozenset({State.GRANTED, State.REFUSED, State.WITHDRAWN}),
    State.GRANTED: frozenset(),
    State.REFUSED: frozenset(),
    State.WITHDRAWN: frozenset(),
}
STATE_LABELS: Mapping[State, tuple[str, str]] = {
    State.INSTITUTION: ("info", "待医疗卫生机构审核"),
    State.BODY: ("info", "待考核机构审核"),
    State.GRANTED: ("good", "免考已批准"),
    State.REFUSED: ("bad", "免考未通过"),
    State.WITHDRAWN: ("muted", "已撤回"),
}
LEVEL_ROLES: Mapping[ReviewLevel, Role] = {
    ReviewLevel.INSTITUTION: Role.INSTITUTION,
    ReviewLevel.BODY: Role.BODY,
}
SUBMITTED = frozenset(
    {Registered.INSTITUTION_REVIEW, Registered.BODY_REVIEW, Registered.REGISTERED, Registered.TESTING}
)
"""Where the preset has a stage of its own: applied for from the submission of the registration on."""


class Outcome(StrEnum):
    """What became of an application by a decision."""

    PASSED_ON = "passed_on"
    GRANTED = "granted"
    CONCLUDED = "concluded"
    REFUSED = "refused"
    BEGUN = "begun"


@dataclass(frozen=True)
class Decision:
    """What a level said; ``decided_by`` is a name."""

    level: ReviewLevel
    granted: bool
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class Application:
    """One application for one paper.

    Attributes:
        conditions: Codes of the policy's conditions.
        decisions: In order.
    """

    id: UUID
    province_id: str
    registration_id: UUID
    subject: Subject
    conditions: tuple[str, ...]
    statement: str
    applied_at: datetime
    state: State
    decisions: tuple[Decision, ...] = ()
    withdrawn_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def check_move(application_id: UUID, from_state: State, to_state: State) -> None:
    """Raises IllegalMove for a move that :data:`MOVES` doesn't list."""
    if to_state not in MOVES[from_state]:
        raise IllegalMove("exemption_application", application_id, from_state, to_state)


def first_state(rule: ExemptionRule) -> State:
    """Where an application begins: at the first level of the preset."""
    return State(rule.levels[0])


def state_after(rule: ExemptionRule, level: ReviewLevel, *, granted: bool) -> State:
    """Where a decision of ``level`` leads: one refusal ends it, the last grant grants."""
    if not granted:
        return State.REFUSED
    further = rule.levels[rule.levels.index(level) + 1 :]
    return State(further[0]) if further else State.GRANTED


def level_of(principal: Principal) -> ReviewLevel:
    """The level at which a member of staff decides.

    Raises:
        Forbidden: At none.
    """
    for level, role in LEVEL_ROLES.items():
        if principal.role is role:
            return level
    raise Forbidden("免考审核仅供医疗卫生机构和考核机构人员使用。")


def check_may_apply(
    entitled: Entitlement,
    subject: Subject,
    applications: Sequence[Application],
    now: datetime,
    *,
    begun: bool,
) -> None:
    """May this physician apply for this paper now?

    It is open in the preset's own stage (Hunan), from the submission on; elsewhere once registered, until the
    paper is begun (manuals of Hainan and 定考通: 报名完成后). A refusal means that the paper has to be sat
    (Shanxi); until it is begun, better evidence may be applied with.

    Args:
        applications: The physician's for this paper.
        begun: Whether somebody was admitted to it.

    Raises:
        Conflict: Not (any more); says why.
    """
    cycle, state = entitled.cycle, entitled.registration.state
    label = cycle.policy.label(subject)
    if not entitled.may_be_exempted(subject):
        raise Conflict(f"按本省规定，{label}不能免考，请按时参加测评。", code="not_exemptible")
    if subject in entitled.exempted:
        raise Conflict(f"{label}已免考，视为合格，无需再次申请。", code="exempted")
    if state is Registered.CONCLUDED:
        raise Conflict("本周期考核已结束，请查看考核结果。", code="concluded")
    if any(each.state in OPEN | {State.GRANTED} for each in applications):
        raise Conflict("您已提交免考申请，请在本页查看审核进度。", code="application_open")
    if begun:
        raise Conflict(f"您已参加{label}，不能再申请免考。", code="paper_begun")
    if cycle.policy.exemption.own_stage:
        cycle.check_stage(Stage.EXEMPTION_APPLICATIONS, now)
        if state not in SUBMITTED:
            raise Conflict("提交报名信息后才能申请免考，请先完成报名。", code="not_submitted")
        return
    if not entitled.may_test:
        raise Conflict("报名完成后才能申请免考，请等待报名审核。", code="not_registered")
    if day_in_china(now) > cycle.tests_until:
        raise Conflict(f"测评时间已过，不能再申请免考，测评时间为 {cycle.window()}。", code="tests_over")


def why_closed(
    entitled: Entitlement,
    subject: Subject,
    applications: Sequence[Application],
    now: datetime,
    *,
    begun: bool,
) -> str | None:
    """The sentence of :func:`check_may_apply`, ``None`` where it is open."""
    try:
        check_may_apply(entitled, subject, applications, now, begun=begun)
    except DomainError as refusal:
        return refusal.sentence
    return None


def check_application(
    rule: ExemptionRule, conditions: Collection[str], statement: str, pictures: int
) -> None:
    """What is handed in.

    Raises:
        Invalid: No condition ticked, or none of the preset's; too long a statement; no evidence.
    """
    if not conditions:
        raise Invalid("请勾选您适用的免考条件。", code="no_condition")
    if not set(conditions) <= {each.code for each in rule.conditions}:
        raise Invalid("所选的免考条件已变更，请刷新页面后重新选择。", code="no_such_condition")
    if len(statement) > LONGEST_STATEMENT:
        raise Invalid(f"补充说明不能超过{LONGEST_STATEMENT}字。", code="statement_too_long")
    if not pictures:
        raise Invalid("请上传证明材料的图片。", code="no_evidence")


def check_decision(
    cycle: Cycle, application: Application, level: ReviewLevel, now: datetime, *, granted: bool, reason: str
) -> None:
    """May this level decide so now?

    Raises:
        Invalid: A refusal without a reason, or too long a one.
        Conflict: It isn't this level's turn (any more), or the stage of review is closed.
    """
    if application.state is State.WITHDRAWN:
        raise Conflict("医师已撤回这份免考申请，请返回列表。", code="withdrawn")
    if application.state != level.value:
        raise Conflict("这份免考申请已经处理过，请返回列表查看。", code="already_decided")
    if cycle.policy.exemption.own_stage:
        cycle.check_stage(Stage.EXEMPTION_REVIEW, now)
    if not granted and not reason:
        raise Invalid("不同意免考须填写理由，医师会看到。", code="no_reason")
    if len(reason) > LONGEST_REASON:
        raise Invalid(f"理由不能超过{LONGEST_REASON}字。", code="reason_too_long")


def check_standing(entitled: Entitlement) -> None:
    """Raises Conflict when the physician is out of the cycle, or through with it."""
    if entitled.registration.state is Registered.CONCLUDED:
        raise Conflict("该医师本周期考核已结束，不需要再审核免考。", code="concluded")
    if entitled.registration.state is Registered.NOT_ADMITTED:
        raise Conflict("该医师已不在本考核周期内，不能审核免考。", code="not_admitted")


def condition_labels(rule: ExemptionRule, codes: Collection[str]) -> list[str]:
    """The preset's words for what was ticked, in its order."""
    return [each.label for each in rule.conditions if each.code in codes]
