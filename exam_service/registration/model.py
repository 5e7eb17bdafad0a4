"""The way of a physician through a cycle. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from exam_service.accounts.model import Role
from exam_service.cycles import policy
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, ProcedureRule, Subject
from exam_service.errors import IllegalMove
from exam_service.institutions.model import Category, Level


class State(StrEnum):
    NOT_ADMITTED = "not_admitted"
    ADMITTED = "admitted"
    DRAFT = "draft"
    INSTITUTION_REVIEW = "institution_review"
    BODY_REVIEW = "body_review"
    RETURNED = "returned"
    REGISTERED = "registered"
    TESTING = "testing"
    CONCLUDED = "concluded"


STATE_LABELS: Mapping[State, str] = {
    State.NOT_ADMITTED: "未开通报名",
    State.ADMITTED: "已开通报名",
    State.DRAFT: "填报中",
    State.INSTITUTION_REVIEW: "已报名-待医疗卫生机构审核",
    State.BODY_REVIEW: "已报名-待考核机构复核",
    State.RETURNED: "已驳回",
    State.REGISTERED: "报名完成",
    State.TESTING: "测评中",
    State.CONCLUDED: "考核结束",
}

_SAID_TO_PHYSICIAN = frozenset({State.NOT_ADMITTED, State.ADMITTED})


def label_for_staff(state: State, labels: Mapping[str, str]) -> str:
    """The manual's word for a state, except where it may speak to the physician (您未被…纳入本周期考核).

    Args:
        labels: Those of the cycle's policy.
    """
    return STATE_LABELS[state] if state in _SAID_TO_PHYSICIAN else labels[state]


MOVES: Mapping[State, frozenset[State]] = {
    # Let in again: a form that was begun, or sent back, is where it was.
    State.NOT_ADMITTED: frozenset({State.ADMITTED, State.DRAFT, State.RETURNED}),
    State.ADMITTED: frozenset({State.DRAFT, State.NOT_ADMITTED}),
    State.DRAFT: frozenset({State.INSTITUTION_REVIEW, State.NOT_ADMITTED}),
    State.INSTITUTION_REVIEW: frozenset({State.BODY_REVIEW, State.RETURNED, State.NOT_ADMITTED}),
    State.BODY_REVIEW: frozenset(
        {
            State.REGISTERED,
            State.RETURNED,
            State.INSTITUTION_REVIEW,
            State.CONCLUDED,
            State.NOT_ADMITTED,
        }
    ),
    # Back to a review also where a reviewer takes a decision back, within minutes.
    State.RETURNED: frozenset({State.DRAFT, State.INSTITUTION_REVIEW, State.BODY_REVIEW, State.NOT_ADMITTED}),
    State.REGISTERED: frozenset(
        {
            State.TESTING,
            State.RETURNED,
            State.BODY_REVIEW,
            State.INSTITUTION_REVIEW,  # moved by the authority: another institution looks at it
            State.CONCLUDED,
            State.NOT_ADMITTED,
        }
    ),
    State.TESTING: frozenset({State.CONCLUDED, State.NOT_ADMITTED}),
    State.CONCLUDED: frozenset(),
}


def check_move(registration_id: UUID, from_state: State, to_state: State) -> None:
    """Raises IllegalMove for a move that :data:`MOVES` doesn't list."""
    if to_state not in MOVES[from_state]:
        raise IllegalMove("registration", registration_id, from_state, to_state)


PROCEDURE_LABELS = policy.PROCEDURE_LABELS


class Result(StrEnum):
    """The one conclusion of a cycle: there are no others (医师定期考核管理办法 §24)."""

    PASSED = "passed"
    FAILED = "failed"


RESULT_LABELS: Mapping[Result, str] = {Result.PASSED: "合格", Result.FAILED: "不合格"}
EDITABLE = frozenset({State.ADMITTED, State.DRAFT, State.RETURNED})
"""In these states the form is the physician's."""
UNSUBMITTED = EDITABLE | {State.NOT_ADMITTED}
TESTABLE = frozenset({State.REGISTERED, State.TESTING})
_SETTLED = TESTABLE | {State.INSTITUTION_REVIEW, State.BODY_REVIEW, State.CONCLUDED}


@dataclass(frozen=True)
class Registration:
    """One physician in one cycle."""

    id: UUID
    province_id: str
    cycle_id: UUID
    account_id: UUID
    institution_id: UUID
    body_id: UUID
    state: State
    procedure: Procedure
    category: Category
    level: Level
    photo_id: UUID | None
    photo_is_reviewed: bool
    department_id: UUID | None = None
    submitted_at: datetime | None = None
    has_bad_records: bool = False
    result: Result | None = None
    concluded_at: datetime | None = None

    @property
    def has_chosen_procedure(self) -> bool:
        """Whether the procedure is what the physician chose, and not what the row began with."""
        return self.submitted_at is not None or self.state in _SETTLED


@dataclass(frozen=True)
class Move:
    """A step of the state machine, as it was written down.

    Attributes:
        cause: A code of a few words.
        actor: The name of who did it, and ``actor_role``; ``None`` for the service itself.
    """

    at: datetime
    from_state: State
    to_state: State
    cause: str
    actor: str | None
    actor_role: Role | None


@dataclass(frozen=True)
class Entitlement:
    """What a registration lets its physician sit, and by which policy.

    Attributes:
        exempted: Papers that need not be sat: they count as passed.
    """

    registration: Registration
    cycle: Cycle
    exempted: frozenset[Subject] = frozenset()

    @property
    def rule(self) -> ProcedureRule:
        return self.cycle.policy.procedures[self.registration.procedure]

    @property
    def may_test(self) -> bool:
        return self.registration.state in TESTABLE

    def may_be_exempted(self, subject: Subject) -> bool:
        """Whether the policy lets an exemption waive this paper of the procedure."""
        papers = {rule.subject for rule in self.rule.papers}
        return subject in papers & self.rule.exemptible

    @property
    def may_practise(self) -> bool:
        if self.cycle.policy.practice_opens == "registered":
            return self.registration.state in TESTABLE | {State.CONCLUDED}
        return self.registration.state is not State.NOT_ADMITTED
