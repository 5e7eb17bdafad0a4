"""Attempts as the body sees them, and what it may decide. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.errors import Invalid
from exam_service.papers.model import Attempt, State
from exam_service.proctor.model import Verdict

PAGE_SIZE = 20
LONGEST_NOTE = 500
SHORTEST_GAP = timedelta(seconds=20)


class Tab(StrEnum):
    AWAITING = "awaiting"
    ALL = "all"


@dataclass(frozen=True)
class ListedAttempt:
    """A row of the body's list."""

    id: UUID
    account_id: UUID
    name: str
    institution: str
    subject: Subject
    cycle_id: UUID
    ordinal: int
    state: State
    handed_in_at: datetime | None
    mark: Decimal | None
    passed: bool | None
    awaits_confirmation: bool
    verdicts: Mapping[Verdict, int]


@dataclass(frozen=True)
class Decision:
    """The body's word on an attempt."""

    passed: bool
    note: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True)
class Gap:
    """A time during the paper that no camera watched."""

    began_at: datetime
    ended_at: datetime


def check_decision(attempt: Attempt, *, passed: bool, note: str) -> None:
    """What a member of the body may decide alone.

    Raises:
        Invalid: 合格 under the pass mark; or 不合格 despite the mark without a reason; or too long a note.
    """
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"说明不能超过{LONGEST_NOTE}字。", code="note_too_long")
    reached = attempt.mark is not None and attempt.mark >= attempt.rule.pass_mark
    if passed and not reached:
        raise Invalid("成绩未达到分数线，不能评定为合格。", code="below_pass_mark")
    if not passed and reached and not note:
        raise Invalid("成绩已达到分数线，评定为不合格须写明理由。", code="reason_needed")


def gaps(attempt: Attempt, spans: Sequence[tuple[datetime, datetime | None]], now: datetime) -> list[Gap]:
    """Times between admission and the paper's end that no stream covered, of :data:`SHORTEST_GAP` or more.

    None for a paper that people watched.

    Args:
        spans: When streams were open and closed, in order of opening; ``None`` for one still open (or whose
            server died: it then ends where the next one opens).
    """
    if attempt.admitted_at is None or attempt.watched:
        return []
    end = attempt.closed_at or now
    watched_until = attempt.admitted_at
    found: list[Gap] = []
    for position, (opened, closed) in enumerate(spans):
        following = spans[position + 1][0] if position + 1 < len(spans) else end
        until = min(closed or following, end)
        if opened >= until:
            continue
        if opened - watched_until >= SHORTEST_GAP:
            found.append(Gap(watched_until, opened))
        watched_until = max(watched_until, until)
    if end - watched_until >= SHORTEST_GAP:
        found.append(Gap(watched_until, end))
    return found
