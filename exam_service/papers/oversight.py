"""What staff may do to a paper that is being sat, and what a physician may ask of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Conflict, Invalid
from exam_service.papers.model import UNDER_WAY, Attempt, State

LONGEST_TEXT = 200
MOST_EXTENSION = 60
"""Minutes that one extension may add."""
MOST_GRANTED = 120
"""Minutes that a granted request may add: as long as a request may be."""
MOST_OVERRIDE = 120
"""Extra minutes for special needs."""
LONGEST_CUT = timedelta(minutes=MOST_GRANTED)
ASKED_WITHIN = timedelta(hours=24)
"""So long after its close time may be asked for."""
CLOCK_SLACK = timedelta(minutes=1)
"""A physician's clock may run ahead by this."""
NEWEST_NOTICES = 5

BEING_SAT = UNDER_WAY | {State.CLOSING}
_RESULT_OPEN = frozenset({State.CLOSED, State.MARKED})


class RequestState(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True)
class Notice:
    """What the invigilator said; ``to_all``: to every paper of the body that was being sat.

    ``acknowledged``: the physician of the attempt that it is listed for has read it, on whichever device.
    """

    id: UUID
    text: str
    sent_at: datetime
    to_all: bool
    acknowledged: bool


@dataclass(frozen=True)
class TimeRequest:
    """A physician says that time was lost on their side; staff decide."""

    id: UUID
    attempt_id: UUID
    began_at: datetime
    ended_at: datetime
    reason: str
    requested_at: datetime
    state: RequestState
    decided_by: str | None
    decided_at: datetime | None
    note: str


@dataclass(frozen=True)
class Silence:
    """A time in which the server heard nothing of the paper page."""

    began_at: datetime
    ended_at: datetime


@dataclass(frozen=True)
class SeenRequest:
    """A request beside what the server saw by itself.

    Attributes:
        silences: Those that overlap the time asked for.
        late_answers: Kept for staff and not accepted yet, of the whole attempt.
    """

    request: TimeRequest
    silences: tuple[Silence, ...]
    late_answers: int


@dataclass(frozen=True)
class Termination:
    """Somebody asked to end a paper; somebody else has to agree."""

    id: UUID
    attempt_id: UUID
    reason: str
    requested_by: UUID
    requested_by_name: str
    requested_at: datetime


def written(text: str, what: str) -> str:
    """``text`` without the space around it.

    Raises:
        Invalid: Nothing is left, or more than :data:`LONGEST_TEXT` characters are.
    """
    text = text.strip()
    if not text:
        raise Invalid(f"请填写{what}。", code="text_missing")
    if len(text) > LONGEST_TEXT:
        raise Invalid(f"{what}不能超过{LONGEST_TEXT}字，现有{len(text)}字，请删减。", code="text_too_long")
    return text


def check_minutes(minutes: int | None, most: int) -> int:
    """Raises Invalid unless it is a whole number of minutes from 1 to ``most``."""
    if minutes is None or not 1 <= minutes <= most:
        raise Invalid(f"分钟数须为1至{most}的整数。", code="bad_minutes")
    return minutes


def check_being_sat(attempt: Attempt) -> None:
    """Raises Conflict unless the physician is sitting it, or has just run out of time."""
    if attempt.state is State.PREPARED:
        raise Conflict("该医师还没有开始答题，暂时不能进行此操作。", code="not_started")
    if attempt.state not in BEING_SAT:
        raise Conflict("这份试卷已经结束，不能再进行此操作，请刷新页面查看。", code="attempt_over")


def check_extension(attempt: Attempt, minutes: int, now: datetime) -> None:
    """Time is added to a paper that is being sat, and only so that some is left.

    Raises:
        Conflict: It isn't being sat.
        Invalid: Its time would still be over.
    """
    check_being_sat(attempt)
    if attempt.deadline is not None and attempt.deadline + timedelta(minutes=minutes) <= now:
        raise Invalid("加上这些分钟后时间仍然已到，请填写更多的分钟数。", code="too_few_minutes")


def check_second_person(termination: Termination, account_id: UUID) -> None:
    """Raises Conflict for the one who asked: ending a paper takes two people."""
    if termination.requested_by == account_id:
        raise Conflict(
            "终止测评须由两位工作人员共同决定。您是申请人，请另一位工作人员用自己的账号登录后确认。",
            code="second_person_needed",
        )


def requested_span(
    attempt: Attempt, began_at: datetime, ended_at: datetime, now: datetime
) -> tuple[datetime, datetime]:
    """The time that a physician may ask for: what they say, cut to the time of the attempt.

    Raises:
        Conflict: The paper never began, its result is final, or it ended too long ago.
        Invalid: The time is the wrong way round, in the future, outside of the attempt or too long.
    """
    if attempt.admitted_at is None:
        raise Conflict("您还没有开始答题，不需要申请补时。", code="not_started")
    if attempt.state not in BEING_SAT | _RESULT_OPEN:
        raise Conflict("本次测评的结果已确定，不能再申请补时，如有异议请联系考核机构。", code="attempt_over")
    if attempt.closed_at is not None and now > attempt.closed_at + ASKED_WITHIN:
        raise Conflict("交卷已超过24小时，不能再申请补时，如有异议请联系考核机构。", code="too_late")
    if began_at >= ended_at:
        raise Invalid("结束时间须晚于开始时间，请更正。", code="bad_span")
    if ended_at > now + CLOCK_SLACK:
        raise Invalid("结束时间不能晚于现在，请更正。", code="in_the_future")
    began_at = max(began_at, attempt.admitted_at)
    ended_at = min(ended_at, attempt.closed_at or attempt.deadline or now)
    if began_at >= ended_at:
        raise Invalid("所填时间不在本次测评的答题时间内，请更正。", code="outside_the_attempt")
    if ended_at - began_at > LONGEST_CUT:
        raise Invalid("一次最多申请2小时，请更正。", code="span_too_long")
    return began_at, ended_at
