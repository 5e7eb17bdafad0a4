"""When the camera watched a sitting, and when it didn't. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from exam_service.proctor.windows import Rule, spells

CADENCE = timedelta(seconds=10)
SHORTEST_GAP = timedelta(seconds=20)
PATIENCE = 2.5
"""Frames further apart than so many times the cadence have a gap between them: two were missed in a row."""
LATE = 1.5
"""A frame is late when it comes after so many times the cadence: one was missed."""
OFTEN_LATE = Rule(6, 10)
"""One frame every 24 s leaves no gap between any two and still watches less than half of the time. One frame
of three lost by a poor network isn't told: what is watched for less than about 60 % is."""


@dataclass(frozen=True)
class Span:
    """From when to when."""

    began_at: datetime
    ended_at: datetime

    @property
    def length(self) -> timedelta:
        return self.ended_at - self.began_at


class Sat(Protocol):
    """What an attempt says of its times."""

    @property
    def admitted_at(self) -> datetime | None: ...

    @property
    def deadline(self) -> datetime | None: ...

    @property
    def handed_in_at(self) -> datetime | None: ...

    @property
    def closed_at(self) -> datetime | None: ...


def sitting(attempt: Sat, now: datetime) -> Span | None:
    """When the camera should watch: from admission to the end of the paper, or to now; ``None`` before."""
    if attempt.admitted_at is None:
        return None
    ends = (attempt.handed_in_at, attempt.closed_at, attempt.deadline, now)
    end = min(end for end in ends if end is not None)
    return Span(attempt.admitted_at, max(end, attempt.admitted_at))


def gaps(moments: Iterable[datetime], sat: Span, cadence: timedelta = CADENCE) -> list[Span]:
    """The times of a sitting that were not watched, in order.

    A frame stands for the time until the next one is due. A gap is left when frames are further apart than
    :data:`PATIENCE` cadences or :data:`SHORTEST_GAP`, whichever is more, or when frames are late again and
    again (:data:`OFTEN_LATE`): such a spell is a gap from its first hole to its last. Gaps with less than
    that patience between them are one: a frame now and then doesn't make a time watched.

    Args:
        moments: When the frames that show something came, ascending.
    """
    holes = _holes(moments, sat, cadence)
    patience = max(PATIENCE * cadence, SHORTEST_GAP)
    late = [place for place, hole in enumerate(holes) if hole.length > (LATE - 1) * cadence]
    found = [hole for hole in holes if hole.length > patience - cadence]
    for spell in spells(late, OFTEN_LATE.needed, OFTEN_LATE.of_last):
        first, last = late[spell[0]], late[spell[-1]]
        found.append(Span(holes[first].began_at, holes[last].ended_at))
    return _merged(sorted(found, key=lambda gap: (gap.began_at, gap.ended_at)), patience)


def coverage(moments: Iterable[datetime], sat: Span, cadence: timedelta = CADENCE) -> float:
    """The share of a sitting that was watched, 0 to 1; an empty sitting was."""
    if not sat.length:
        return 1.0
    missed = sum((hole.length for hole in _holes(moments, sat, cadence)), timedelta(0))
    return 1 - missed / sat.length


def _holes(moments: Iterable[datetime], sat: Span, cadence: timedelta) -> list[Span]:
    """What lies between the times that frames stand for: before each frame (often nothing) and the end.

    Frames closer than half a cadence to the one before count as one: a burst watches no longer.
    """
    holes = []
    until, newest = sat.began_at, None
    for moment in moments:
        if moment >= sat.ended_at:
            break
        if newest is not None and moment - newest < cadence / 2:
            continue
        newest = moment
        holes.append(Span(until, max(moment, until)))
        until = max(until, min(moment + cadence, sat.ended_at))
    return [*holes, Span(until, sat.ended_at)]


def _merged(found: Sequence[Span], patience: timedelta) -> list[Span]:
    merged: list[Span] = []
    for gap in found:
        if merged and gap.began_at - merged[-1].ended_at < patience:
            merged[-1] = Span(merged[-1].began_at, max(merged[-1].ended_at, gap.ended_at))
        else:
            merged.append(gap)
    return merged
