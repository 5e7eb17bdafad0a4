"""Every rule on the time of a paper. Pure: the server's clock comes as an argument."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta

from exam_service.clock import CHINA, in_china
from exam_service.organisations.entry import Hours
from exam_service.papers.model import State

GRACE = timedelta(seconds=60)
KEPT_LATE = timedelta(hours=24)
TAKEOVER_LASTS = timedelta(seconds=60)
"""How long a device that passed the face check may take the paper over."""
WRITING = timedelta(seconds=10)
"""How long an answer may wait to be written; so much later than its grace a paper is closed."""
OUTAGE_FROM = timedelta(seconds=5)
"""The shortest standstill of the service's pulse that is an outage."""
CHECK_HOLDS = timedelta(minutes=10)
"""How long an identity check stands for whoever presses 开始答题; later somebody else may sit there."""
LONGEST_IN_LINE = timedelta(minutes=5)
SILENT_AFTER = timedelta(seconds=45)
"""Three heartbeats of a page: longer, and it was away."""


def deadline_of(admitted_at: datetime, minutes: int) -> datetime:
    """Minutes count from admission, not before."""
    return admitted_at + timedelta(minutes=minutes)


def last_start(window_end: datetime, minutes: int) -> datetime:
    """Until when a paper may be started that must be over when the window of the tests ends."""
    return window_end - timedelta(minutes=minutes)


def maintenance_in(
    hours: Sequence[Hours], start: datetime, end: datetime
) -> tuple[datetime, datetime] | None:
    """The first maintenance between ``start`` and ``end``, or that goes on at ``start``: its own two ends.

    Hours are of every day in China; those until midnight end where the next day begins. A paper may end as
    maintenance begins, and begin as it ends.
    """
    found = [
        (begins, ends) for begins, ends in _maintenance(hours, start, end) if begins < end and start < ends
    ]
    return min(found, default=None)


def _maintenance(
    hours: Sequence[Hours], start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    day, last = in_china(start).date(), in_china(end).date()
    while day <= last:
        midnight = datetime.combine(day + timedelta(days=1), time(), CHINA)
        for each in hours:
            until = midnight if each.until is None else datetime.combine(day, each.until, CHINA)
            yield datetime.combine(day, each.since, CHINA), until
        day += timedelta(days=1)


def start_after_maintenance(hours: Sequence[Hours], start: datetime, minutes: int) -> datetime | None:
    """When a paper of ``minutes`` can be begun, from ``start`` on, so that no maintenance meets it.

    ``None`` where the hours leave no room for it at all.
    """
    given_up = start + timedelta(days=2)  # hours are of every day: what two days don't show never comes
    while start < given_up:
        hit = maintenance_in(hours, start, start + timedelta(minutes=minutes))
        if hit is None:
            return start
        start = hit[1]
    return None


def check_holds(checked_at: datetime | None, now: datetime, *, in_line: bool = False) -> bool:
    """Whether the identity check still stands; waiting in line isn't held against anybody."""
    if checked_at is None:
        return False
    return now - checked_at < (CHECK_HOLDS + LONGEST_IN_LINE if in_line else CHECK_HOLDS)


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


def outage_credit(
    admitted_at: datetime, deadline: datetime, began_at: datetime, ended_at: datetime
) -> timedelta:
    """What an outage of the service took from a paper, in whole seconds, halves of one given in full.

    All of it from admission on, for an outage that began before the end of the grace: whoever had five
    minutes left when it began has five minutes left when it ends, also where it lasted past the deadline; and
    what was left of the grace is left after it, too.
    """
    if began_at >= deadline + GRACE or ended_at <= admitted_at:
        return timedelta(0)
    lost = ended_at - max(began_at, admitted_at)
    return timedelta(seconds=-(-lost // timedelta(seconds=1)))


def is_outage(before: datetime, now: datetime) -> bool:
    """Whether the pulse stood still between two beats."""
    return now - before >= OUTAGE_FROM


def closes_until(pulse: datetime | None, now: datetime) -> datetime:
    """Deadlines up to here may be carried out.

    While the service is away nothing that was still open closes: only once it is back it is known how long it
    was away, and what that adds to the deadline. ``None``: no web process has ever run.
    """
    return pulse if pulse is not None and is_outage(pulse, now) else now


def due_state(state: State, deadline: datetime | None, now: datetime) -> State:
    """Where time alone moves an attempt to: ``closing`` at the deadline, ``closed`` after the grace."""
    if deadline is None or now < deadline:
        return state
    if state in {State.ADMITTED, State.RUNNING}:
        return State.CLOSING
    if state is State.CLOSING and now >= deadline + GRACE:
        return State.CLOSED
    return state
