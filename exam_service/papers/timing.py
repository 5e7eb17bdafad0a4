"""Every rule on the time of a paper. Pure: the server's clock comes as an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from exam_service.papers.model import State

GRACE = timedelta(seconds=60)
KEPT_LATE = timedelta(hours=24)


def deadline_of(admitted_at: datetime, minutes: int) -> datetime:
    """Minutes count from admission, not before."""
    return admitted_at + timedelta(minutes=minutes)


def time_left(deadline: datetime, now: datetime) -> timedelta:
    """Until the deadline; never negative."""
    return max(timedelta(0), deadline - now)


def takes_answers(state: State, deadline: datetime | None, now: datetime) -> bool:
    """Whether an answer that arrives now counts.

    Until the deadline, and within the grace after it for what was delayed on the way; the sweeper may or may
    not have moved the attempt to ``closing`` yet, which changes nothing.
    """
    if state not in {State.RUNNING, State.CLOSING} or deadline is None:
        return False
    return now < deadline + GRACE


def keeps_late_answers(deadline: datetime | None, now: datetime) -> bool:
    """Whether an answer that no longer counts is still journaled, for staff to see what was on its way."""
    return deadline is not None and now <= deadline + KEPT_LATE


def due_state(state: State, deadline: datetime | None, now: datetime) -> State:
    """Where time alone moves an attempt to: ``closing`` at the deadline, ``closed`` after the grace."""
    if deadline is None or now < deadline:
        return state
    if state in {State.ADMITTED, State.RUNNING}:
        return State.CLOSING
    if state is State.CLOSING and now >= deadline + GRACE:
        return State.CLOSED
    return state
