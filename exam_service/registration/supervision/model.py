"""What the authority may do to a registration, by its state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Conflict
from exam_service.registration.model import State


class Act(StrEnum):
    MOVED = "moved"
    WITHDRAWN = "withdrawn"


ACT_LABELS = {Act.MOVED: "调整机构", Act.WITHDRAWN: "退出本周期"}
FOLLOWS = frozenset(
    {
        State.NOT_ADMITTED,
        State.ADMITTED,
        State.DRAFT,
        State.INSTITUTION_REVIEW,
        State.RETURNED,
    }
)
"""Registrations in these states go with their institution when it is given another body."""
_REVIEWED_ANEW = frozenset({State.BODY_REVIEW, State.REGISTERED})


@dataclass(frozen=True)
class Supervised:
    """One act of the authority, and why; ``to_institution`` of a move."""

    act: Act
    from_institution: str
    to_institution: str | None
    reason: str
    decided_by: str
    decided_at: datetime


def state_after_move(state: State) -> State:
    """Where a registration stands at its new institution: what was submitted is reviewed there.

    Raises:
        Conflict: A paper was begun: its body goes on with it to the end.
    """
    if state is State.TESTING:
        raise Conflict("医师已开始测评，本周期内不能再调整机构。", code="testing")
    return State.INSTITUTION_REVIEW if state in _REVIEWED_ANEW else state


def check_withdrawable(registration_id: UUID | None, state: State | None) -> None:
    """Raises Conflict for who isn't in the cycle, or has come to its end."""
    if registration_id is None or state is State.NOT_ADMITTED:
        raise Conflict("医师未纳入本周期，无需退出。", code="not_in_cycle")
    if state is State.CONCLUDED:
        raise Conflict("医师本周期考核已结束，不能退出。", code="concluded")
