"""现场测评, the alternative to the camera: staff check the identity in person and watch. Pure.

Whoever doesn't consent to the processing of their face must be offered another way
(人脸识别技术应用安全管理办法): the body may propose another time or place, with its
reasons, but never simply refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Conflict, Invalid

LONGEST_PLACE = 100


class SittingState(StrEnum):
    """``open``: asked for. ``answered``: the body can't yet, says why, and proposes something else.

    ``arranged``: place and time are fixed. ``checked_in``: staff confirmed the identity there.
    """

    OPEN = "open"
    ANSWERED = "answered"
    ARRANGED = "arranged"
    CHECKED_IN = "checked_in"
    WITHDRAWN = "withdrawn"


SITTING_LABELS: Mapping[SittingState, tuple[str, str]] = {
    SittingState.OPEN: ("warn", "待考核机构安排"),
    SittingState.ANSWERED: ("warn", "考核机构另有建议"),
    SittingState.ARRANGED: ("good", "已安排"),
    SittingState.CHECKED_IN: ("good", "已当面核验"),
    SittingState.WITHDRAWN: ("muted", "已撤回"),
}
WITHDRAWABLE = frozenset({SittingState.OPEN, SittingState.ANSWERED, SittingState.ARRANGED})
FIXED = frozenset({SittingState.ARRANGED, SittingState.CHECKED_IN})


@dataclass(frozen=True)
class Sitting:
    """A physician's request and what the body made of it.

    Attributes:
        reason: The physician's; may be empty.
        place, starts_at: Where and when, once it is arranged.
        note: What the body adds: what to bring, or why not as asked for and what it proposes.
    """

    id: UUID
    province_id: str
    registration_id: UUID
    body_id: UUID
    reason: str
    state: SittingState
    asked_at: datetime
    place: str | None
    starts_at: datetime | None
    note: str
    decided_by: str | None
    decided_at: datetime | None


def check_withdrawable(sitting: Sitting) -> None:
    """Raises Conflict once the physician was checked in."""
    if sitting.state not in WITHDRAWABLE:
        raise Conflict("您已在现场核验身份，不能再撤回，如有疑问请联系现场工作人员。", code="checked_in")


def check_place(place: str) -> str:
    """``place`` without the space around it.

    Raises:
        Invalid: Nothing is left, or too much.
    """
    place = place.strip()
    if not 1 <= len(place) <= LONGEST_PLACE:
        raise Invalid(f"请填写地点，不超过{LONGEST_PLACE}字。", code="bad_place")
    return place


def check_starts_at(starts_at: datetime | None, now: datetime) -> datetime:
    """Raises Invalid for a time that isn't to come."""
    if starts_at is None or starts_at <= now:
        raise Invalid("请填写今后的时间。", code="bad_time")
    return starts_at


def check_answerable(sitting: Sitting) -> None:
    """Raises Conflict when the physician was checked in already."""
    if sitting.state is SittingState.CHECKED_IN:
        raise Conflict("该医师已在现场核验身份，不能再答复。", code="checked_in")


def check_movable(sitting: Sitting, today: date, arranged: date | None) -> None:
    """Raises Conflict from the check-in to the end of that day: the papers are sat there."""
    if sitting.state is SittingState.CHECKED_IN and arranged is not None and arranged >= today:
        raise Conflict(
            "该医师今天已在现场核验身份，不能改期；请让医师完成测评，需要另行安排的请次日再改。",
            code="checked_in",
        )


def check_day(sitting: Sitting, today: date, arranged: date) -> None:
    """Whether somebody may be checked in: a sitting is arranged, for today.

    Raises:
        Conflict: It isn't.
    """
    if sitting.state not in FIXED:
        raise Conflict("还没有安排现场测评的时间和地点，请先安排。", code="not_arranged")
    if arranged != today:
        raise Conflict(
            f"现场测评安排在{arranged:%Y-%m-%d}，今天不能核验；改期请重新安排。", code="another_day"
        )
