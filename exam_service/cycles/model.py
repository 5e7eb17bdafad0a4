"""A cycle: one round of assessment in a province, with its policy and dates. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from exam_service.cycles.policy import Policy

_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Cycle:
    """``tests_from`` and ``tests_until`` are days in China, both included."""

    id: UUID
    province_id: str
    title: str
    tests_from: date
    tests_until: date
    policy: Policy

    def tests_are_open(self, now: datetime) -> bool:
        return self.tests_from <= now.astimezone(_CHINA).date() <= self.tests_until

    def window(self) -> str:
        """The days of the tests, as people write them."""
        return f"{self.tests_from:%Y-%m-%d} 至 {self.tests_until:%Y-%m-%d}"
