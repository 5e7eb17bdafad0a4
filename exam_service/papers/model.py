"""An attempt: sitting one paper once. States, the table of moves, marks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from uuid import UUID

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Confirmation, PaperRule, Subject
from exam_service.errors import Conflict, IllegalMove
from exam_service.papers.journal import NOTHING, Receipt


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
    # Back to running: time was added.
    State.CLOSING: frozenset({State.RUNNING, State.CLOSED, State.TERMINATED, State.VOID}),
    State.CLOSED: frozenset({State.MARKED, State.VOID}),
    # Back to closed: late answers were accepted, and are marked.
    State.MARKED: frozenset({State.CLOSED, State.CONFIRMED, State.VOID}),
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
    """A row of ``attempt``. ``mark`` is of 100; ``passed`` is the decision once one is confirmed.

    Attributes:
        checked_at: When the identity check was passed; minutes count from admission, later.
        extra_minutes: Granted for special needs, fixed at admission.
        device_hash: Of the browser that holds the lease; ``None`` when none does, or staff released it.
        receipt: Where the chain of its journal ends.
        round_id: The make-up round that it belongs to.
        watched: 现场测评: staff checked the identity in person and watch; no camera is wanted.
    """

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
    checked_at: datetime | None = None
    extra_minutes: int = 0
    device_hash: bytes | None = None
    receipt: Receipt = NOTHING
    round_id: UUID | None = None
    watched: bool = False

    def is_elsewhere(self, device_hash: bytes | None) -> bool:
        """Whether another device has the paper; ``None`` is nobody's browser, but a use case's caller."""
        return None not in {device_hash, self.device_hash} and device_hash != self.device_hash

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
class Move:
    """A step of an attempt, as it was written down.

    Attributes:
        actor: The name of who did it, and ``actor_role``; ``None`` for the service itself.
    """

    at: datetime
    attempt: Attempt
    to_state: State
    cause: str
    actor: str | None
    actor_role: Role | None


class PageEventKind(StrEnum):
    HIDDEN = "hidden"
    VISIBLE = "visible"
    BLUR = "blur"
    FOCUS = "focus"
    COPY = "copy"
    CUT = "cut"
    PASTE = "paste"
    PRINT = "print"
    SELECT_ALL = "select_all"
    FULLSCREEN_EXIT = "fullscreen_exit"


@dataclass(frozen=True)
class PageEvent:
    """What a page noticed (a tab left, a paste …): evidence for people, never punishment by itself."""

    kind: PageEventKind
    client_time: datetime


@dataclass(frozen=True)
class Outage:
    """A time in which no web process could store anything."""

    id: UUID
    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class SignedReceipt:
    """The end of an attempt's chain at its close: how many events, 32 bytes, and an Ed25519 signature."""

    count: int
    head: bytes
    closed_at: datetime
    signature: bytes


def mark_of(correct: int, total: int) -> Decimal:
    """The mark of 100, to two decimals, halves up."""
    return (Decimal(100 * correct) / Decimal(total)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def mark_text(mark: Decimal) -> str:
    """A mark as people write it: ``80``, ``66.67``."""
    return f"{mark.normalize():f}"


def count_correct(answers: Mapping[UUID, UUID | None], keys: Mapping[UUID, UUID]) -> int:
    """How many items have their key as current answer."""
    return sum(answers.get(item_id) == key for item_id, key in keys.items())


class LeaseLost(Conflict):
    """The paper was opened again elsewhere; this page is read-only from now on."""

    def __init__(self) -> None:
        super().__init__("本卷已在其他页面或设备打开，此处不能再作答。", code="lease_lost")


class AttemptClosed(Conflict):
    """No answer counts any more."""

    def __init__(self) -> None:
        super().__init__("本次测评已结束，答案不再接收。", code="attempt_closed")
