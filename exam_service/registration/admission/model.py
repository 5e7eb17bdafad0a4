"""Who may be let into a cycle, taken out of it, or leave; and what can be undone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.model import Cycle, day_in_china, days
from exam_service.cycles.policy import STAGE_LABELS, Stage
from exam_service.errors import Conflict
from exam_service.institutions.model import Category, Level
from exam_service.registration.model import EDITABLE, State

MOST_AT_ONCE = 200
UNDO_WITHIN = timedelta(minutes=10)


class Act(StrEnum):
    """What can be undone for a while."""

    ADMITTED = "admitted"
    CANCELLED = "cancelled"
    LEFT = "left"


ACT_LABELS: Mapping[Act, str] = {
    Act.ADMITTED: "允许报名",
    Act.CANCELLED: "取消报名",
    Act.LEFT: "调离",
}


class Standing(StrEnum):
    """是否确认参加报名: what the roster is filtered by."""

    OPEN = "open"
    ADMITTED = "admitted"
    SUBMITTED = "submitted"
    REGISTERED = "registered"
    CONCLUDED = "concluded"


STANDING_LABELS: Mapping[Standing, str] = {
    Standing.OPEN: "未确认参加",
    Standing.ADMITTED: "已允许，未提交",
    Standing.SUBMITTED: "已提交，审核中",
    Standing.REGISTERED: "报名完成",
    Standing.CONCLUDED: "考核结束",
}
STATES: Mapping[Standing, frozenset[State]] = {
    Standing.OPEN: frozenset({State.NOT_ADMITTED}),
    Standing.ADMITTED: EDITABLE,
    Standing.SUBMITTED: frozenset({State.INSTITUTION_REVIEW, State.BODY_REVIEW}),
    Standing.REGISTERED: frozenset({State.REGISTERED, State.TESTING}),
    Standing.CONCLUDED: frozenset({State.CONCLUDED}),
}
"""Who has no registration in the cycle is open as well."""
IN_REVIEW = STATES[Standing.SUBMITTED]


class Activation(StrEnum):
    """账号: who has yet to take theirs into use, and whom of these no code reaches."""

    AWAITED = "awaited"
    BY_SLIP = "by_slip"


ACTIVATION_LABELS: Mapping[Activation, str] = {
    Activation.AWAITED: "未激活",
    Activation.BY_SLIP: "没有手机号",
}


@dataclass(frozen=True)
class Filters:
    """What a page of the roster is narrowed by.

    Attributes:
        name: Its beginning.
        youngest, oldest: Whole years, both included.
    """

    department_id: UUID | None = None
    name: str = ""
    youngest: int | None = None
    oldest: int | None = None
    category: Category | None = None
    level: Level | None = None
    registered_from: date | None = None
    registered_until: date | None = None
    standing: Standing | None = None
    activation: Activation | None = None

    def born_within(self, today: date) -> tuple[date | None, date | None]:
        """First and last birthday of those whose age lies within."""
        first = None if self.oldest is None else _years_before(today, self.oldest + 1) + timedelta(days=1)
        last = None if self.youngest is None else _years_before(today, self.youngest)
        return first, last


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - years, month=3, day=1)


def age_on(born_on: date, day: date) -> int:
    """Whole years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def check_admission_is_open(cycle: Cycle, now: datetime) -> None:
    """Raises Conflict, with the days said, outside the time in which institutions let physicians in.

    That is from the opening of the cycle, so that all is ready on the first day, to the last day of 医师报名.
    """
    given = cycle.stages.get(Stage.REGISTRATION)
    label = STAGE_LABELS[Stage.REGISTRATION]
    if given is None:
        raise Conflict(
            f"{label}时间尚未公布，公布后才能允许或取消报名，请留意考核安排。", code="stage_without_days"
        )
    if day_in_china(now) > given[1]:
        raise Conflict(
            f"{label}已经结束，时间为{days(*given)}。确需调整的，请联系卫生行政部门。",
            code="stage_closed",
            stage=Stage.REGISTRATION,
            cycle=cycle.id,
        )


def state_to_return_to(taken_out_from: State | None) -> State:
    """Where somebody who is let in (again) stands: a form that was begun is theirs to go on with."""
    if taken_out_from is None or taken_out_from is State.ADMITTED:
        return State.ADMITTED
    return State.RETURNED if taken_out_from is State.RETURNED else State.DRAFT


def why_not_admitted(state: State | None) -> str | None:
    """Why somebody can't be let in; ``None`` when they can."""
    if state in {None, State.NOT_ADMITTED}:
        return None
    return "已允许报名，无需重复办理。" if state in EDITABLE else "已提交报名信息，无需再次允许。"


def why_not_cancelled(state: State | None) -> str | None:
    """Why somebody can't be taken out again; ``None`` when they can (only before submission)."""
    if state in EDITABLE:
        return None
    if state in {None, State.NOT_ADMITTED}:
        return "尚未允许报名，无需取消。"
    if state is State.CONCLUDED:
        return "本周期考核已结束，不能取消报名。"
    return "已提交报名信息，不能取消；确需取消的，请先在审核中驳回，或联系卫生行政部门。"


def why_not_leaving(state: State | None) -> str | None:
    """Why somebody can't leave the institution now; ``None`` when they can.

    Who is under review or registered belongs to the cycle's papers here; only the authority moves them.
    """
    if state in IN_REVIEW:
        return "报名信息正在审核；请先在审核中驳回，再办理，或联系卫生行政部门调整机构。"
    if state in STATES[Standing.REGISTERED]:
        return "已完成本周期报名；确需更换机构的，请联系卫生行政部门办理。"
    return None
