"""An attempt: sitting one paper once. States, the table of moves, marks and retake rules. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Confirmation, PaperRule, Subject
from exam_service.errors import Conflict, IllegalMove, Invalid
from exam_service.registration.model import Entitlement
from exam_service.registration.model import State as Registered


class State(StrEnum):
    """``prepared``: the paper is drawn, identity not yet checked. ``admitted``: checked, time counts.

    ``running``: the paper was opened. ``closing``: past the deadline, late answers are waited for.
    ``closed``: no answer counts any more. ``marked``; ``confirmed``: the body has decided.
    ``terminated``, ``void``: by two people.
    """

    PREPARED = "prepared"
    ADMITTED = "admitted"
    RUNNING = "running"
    CLOSING = "closing"
    CLOSED = "closed"
    MARKED = "marked"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"
    VOID = "void"


MOVES: Mapping[State, frozenset[State]] = {
    State.PREPARED: frozenset({State.ADMITTED, State.VOID}),
    State.ADMITTED: frozenset({State.RUNNING, State.CLOSING, State.TERMINATED, State.VOID}),
    State.RUNNING: frozenset({State.CLOSING, State.CLOSED, State.TERMINATED, State.VOID}),
    State.CLOSING: frozenset({State.CLOSED, State.TERMINATED, State.VOID}),
    State.CLOSED: frozenset({State.MARKED, State.VOID}),
    State.MARKED: frozenset({State.CONFIRMED, State.VOID}),
    State.CONFIRMED: frozenset({State.VOID}),
    State.TERMINATED: frozenset({State.VOID}),
    State.VOID: frozenset(),
}

UNDER_WAY = frozenset({State.ADMITTED, State.RUNNING})
OPEN = UNDER_WAY | {State.PREPARED, State.CLOSING, State.CLOSED}
FINISHED = frozenset({State.MARKED, State.CONFIRMED, State.TERMINATED})


def check_move(attempt_id: UUID, from_state: State, to_state: State) -> None:
    """Raises IllegalMove for a move that :data:`MOVES` doesn't list."""
    if to_state not in MOVES[from_state]:
        raise IllegalMove("attempt", attempt_id, from_state, to_state)


@dataclass(frozen=True)
class Attempt:
    """A row of ``attempt``. ``mark`` is of 100; ``passed`` is the decision once one is confirmed."""

    id: UUID
    province_id: str
    registration_id: UUID
    cycle_id: UUID
    account_id: UUID
    institution_id: UUID
    body_id: UUID
    subject: Subject
    ordinal: int
    state: State
    rule: PaperRule
    admitted_at: datetime | None
    deadline: datetime | None
    handed_in_at: datetime | None
    closed_at: datetime | None
    lease_epoch: int
    total: int
    correct: int | None
    mark: Decimal | None
    passed: bool | None

    @property
    def is_over(self) -> bool:
        """Whether no answer can count any more."""
        return self.state in FINISHED | {State.CLOSED, State.VOID}

    @property
    def awaits_confirmation(self) -> bool:
        """待评定: marked, and its mark needs the body's word."""
        return self.state is State.MARKED and self.rule.confirmation is Confirmation.BODY

    @property
    def result_is_known(self) -> bool:
        """Whether 合格 or 不合格 may be shown: confirmed, or marked where marks count at once."""
        return self.state is State.CONFIRMED or (
            self.state is State.MARKED and self.rule.confirmation is Confirmation.IMMEDIATE
        )


@dataclass(frozen=True)
class AnswerEvent:
    """One answer as a browser sent it; ordered by (epoch, seq), which also makes it idempotent.

    Attributes:
        epoch: Lease of the page that sent it.
        seq: Counts from 1 within the epoch.
        option_id: ``None`` takes the answer back.
        client_time: What the browser's clock said: evidence, never authority.
    """

    attempt_id: UUID
    epoch: int
    seq: int
    item_id: UUID
    option_id: UUID | None
    client_time: datetime


def check_answer(event: AnswerEvent, options: Sequence[UUID] | None) -> None:
    """Refuse an answer to what isn't in the paper; ``options`` are the item's, ``None`` if it isn't in it.

    Raises:
        Invalid: The item isn't in this paper, or the option isn't the item's.
    """
    if options is None or (event.option_id is not None and event.option_id not in options):
        raise Invalid("这道题或选项不属于本试卷，请刷新页面。", code="not_in_paper")


def mark_of(correct: int, total: int) -> Decimal:
    """The mark of 100, to two decimals, halves up."""
    return (Decimal(100 * correct) / Decimal(total)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def mark_text(mark: Decimal) -> str:
    """A mark as people write it: ``80``, ``66.67``."""
    return f"{mark.normalize():f}"


def count_correct(answers: Mapping[UUID, UUID | None], keys: Mapping[UUID, UUID]) -> int:
    """How many items have their key as current answer."""
    return sum(answers.get(item_id) == key for item_id, key in keys.items())


@dataclass(frozen=True)
class Availability:
    """Whether a paper can be started, and if not, why, in one sentence.

    Attributes:
        resumes: The attempt that 进入测评 goes back to.
    """

    may_start: bool
    reason: str | None = None
    resumes: Attempt | None = None


def attempts_used(attempts: Sequence[Attempt]) -> int:
    """Attempts count from admission; a void one doesn't."""
    return sum(attempt.admitted_at is not None and attempt.state is not State.VOID for attempt in attempts)


def is_passed(attempts: Sequence[Attempt]) -> bool:
    return any(attempt.result_is_known and attempt.passed for attempt in attempts)


def is_completed(rule: PaperRule, attempts: Sequence[Attempt]) -> bool:
    """Passed, or sat as often as it may be: then the next paper in order opens, whatever the result."""
    if is_passed(attempts):
        return True
    finished = [attempt for attempt in attempts if attempt.state in FINISHED]
    return rule.attempts is not None and len(finished) >= rule.attempts


def availability(
    rule: PaperRule,
    attempts: Sequence[Attempt],
    *,
    before: str | None,
    tests_window: str | None,
    running: str | None = None,
) -> Availability:
    """May this paper be started now?

    Args:
        rule: The policy's rule for it.
        attempts: All attempts at it in this cycle.
        before: Name of the paper that has to be completed first and isn't.
        tests_window: The days of the tests when today isn't one of them.
        running: Name of another paper that is being sat: two clocks at once would be a trap.
    """
    for attempt in attempts:
        if attempt.state in UNDER_WAY:
            return Availability(may_start=True, resumes=attempt)
        if attempt.state in {State.CLOSING, State.CLOSED}:
            return Availability(may_start=False, reason="试卷正在提交，请稍候刷新查看。")
    if is_passed(attempts):
        return Availability(may_start=False, reason="本项测评已合格，无需再次参加。")
    if any(attempt.awaits_confirmation for attempt in attempts):
        return Availability(may_start=False, reason="已交卷，请等待考核机构评定。")
    if rule.attempts is not None and attempts_used(attempts) >= rule.attempts:
        return Availability(may_start=False, reason="测评次数已用完，请留意考核机构的补考安排。")
    if tests_window is not None:
        return Availability(may_start=False, reason=f"不在测评时间内，测评时间为 {tests_window}。")
    if before is not None:
        return Availability(may_start=False, reason=f"请先完成{before}。")
    if running is not None:
        return Availability(may_start=False, reason=f"您正在参加{running}，请先完成并交卷。")
    prepared = next((attempt for attempt in attempts if attempt.state is State.PREPARED), None)
    return Availability(may_start=True, resumes=prepared)


@dataclass(frozen=True)
class PaperOffer:
    """A paper as 参加测评 lists it: its rule, what was sat, and whether it may be started now."""

    rule: PaperRule
    label: str
    attempts: tuple[Attempt, ...]
    availability: Availability


def offers_of(entitled: Entitlement, attempts: Sequence[Attempt], now: datetime) -> list[PaperOffer]:
    """The papers of a registration, in the order of its procedure."""
    policy = entitled.cycle.policy
    window = None if entitled.cycle.tests_are_open(now) else entitled.cycle.window()
    offers: list[PaperOffer] = []
    unfinished: str | None = None
    for rule in entitled.rule.papers:
        own = tuple(attempt for attempt in attempts if attempt.subject is rule.subject)
        label = policy.label(rule.subject)
        before = unfinished if entitled.rule.in_order else None
        running = next(
            (
                policy.label(attempt.subject)
                for attempt in attempts
                if attempt.subject is not rule.subject and attempt.state in UNDER_WAY
            ),
            None,
        )
        if entitled.may_test:
            open_or_not = availability(rule, own, before=before, running=running, tests_window=window)
        else:
            over = entitled.registration.state is Registered.CONCLUDED
            reason = "本周期考核已结束，请查看考核结果。" if over else "报名完成并通过审核后才能参加测评。"
            open_or_not = Availability(may_start=False, reason=reason)
        offers.append(PaperOffer(rule, label, own, open_or_not))
        if unfinished is None and not is_completed(rule, own):
            unfinished = label
    return offers


class LeaseLost(Conflict):
    """The paper was opened again elsewhere; this page is read-only from now on."""

    def __init__(self) -> None:
        super().__init__("本卷已在其他页面或设备打开，此处不能再作答。", code="lease_lost")


class AttemptClosed(Conflict):
    """No answer counts any more."""

    def __init__(self) -> None:
        super().__init__("本次测评已结束，答案不再接收。", code="attempt_closed")
