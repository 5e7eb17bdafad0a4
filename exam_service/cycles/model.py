"""A cycle: one round of assessment in a province, with its policy and dates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from exam_service.cycles.policy import STAGE_LABELS, Policy, Stage
from exam_service.errors import Conflict

_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Cycle:
    """``tests_from`` and ``tests_until`` are days in China, both included.

    Attributes:
        makeup_from: First of the days that the authority gives to make-up, ``None`` when it has given none;
            so ``makeup_until``, the last. Bodies open their rounds within them.
        stages: First and last day of the stages before the tests, both included.
    """

    id: UUID
    province_id: str
    title: str
    tests_from: date
    tests_until: date
    policy: Policy
    makeup_from: date | None = None
    makeup_until: date | None = None
    stages: Mapping[Stage, tuple[date, date]] = field(default_factory=dict)

    def stage_is_open(self, stage: Stage, now: datetime) -> bool:
        """Within its days; a stage without days is never open."""
        given = self.stages.get(stage)
        return given is not None and given[0] <= day_in_china(now) <= given[1]

    def check_stage(self, stage: Stage, now: datetime) -> None:
        """Raises Conflict, with the days said, where the stage isn't open."""
        label = STAGE_LABELS[stage]
        given = self.stages.get(stage)
        if given is None:
            raise Conflict(f"{label}时间尚未公布，请留意考核安排。", code="stage_without_days", stage=stage)
        if not self.stage_is_open(stage, now):
            when = "尚未开始" if day_in_china(now) < given[0] else "已经结束"
            raise Conflict(
                f"{label}{when}，时间为{days(*given)}。", code="stage_closed", stage=stage, cycle=self.id
            )

    def tests_are_open(self, now: datetime) -> bool:
        return self.tests_from <= day_in_china(now) <= self.tests_until

    @property
    def last_day(self) -> date:
        """Of the tests, or of make-up where there is some."""
        return max(self.tests_until, self.makeup_until or self.tests_until)

    def window(self) -> str:
        """The days of the tests, as people write them."""
        return days(self.tests_from, self.tests_until)


def day_in_china(now: datetime) -> date:
    """The day that ``now`` is on in China."""
    return now.astimezone(_CHINA).date()


def end_of(day: date) -> datetime:
    """The instant at which a day in China is over."""
    return datetime.combine(day + timedelta(days=1), time(), _CHINA)


def days(first: date, last: date) -> str:
    """Days, both included, as people write them."""
    return f"{first:%Y-%m-%d} 至 {last:%Y-%m-%d}"
