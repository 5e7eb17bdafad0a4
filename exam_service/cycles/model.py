"""A cycle: one round of assessment in a province, with its policy and dates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from exam_service.cycles.policy import STAGE_LABELS, Policy, Stage
from exam_service.errors import BadFields, Conflict

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

    def makeup_is_open(self, now: datetime) -> bool:
        if self.makeup_from is None or self.makeup_until is None:
            return False
        return self.makeup_from <= day_in_china(now) <= self.makeup_until

    @property
    def last_day(self) -> date:
        """Of the tests, or of make-up where there is some."""
        return max(self.tests_until, self.makeup_until or self.tests_until)

    def window(self) -> str:
        """The days of the tests, as people write them."""
        return days(self.tests_from, self.tests_until)


@dataclass(frozen=True)
class CycleBody:
    """A body, with how many institutions it has in the cycle.

    Attributes:
        staff: Accounts that can log in.
    """

    id: UUID
    name: str
    phone: str
    institutions: int
    is_in_cycle: bool = True
    staff: int = 0


@dataclass(frozen=True)
class Office:
    """An institution as the authority lists it; ``body`` is its body's name in the cycle, if it has one."""

    id: UUID
    name: str
    phone: str
    address: str
    body: str | None
    staff: int


@dataclass(frozen=True)
class OfficeFilter:
    """Institutions whose name contains ``search``, of a body, or (``unassigned``) of none."""

    search: str = ""
    body_id: UUID | None = None
    unassigned: bool = False


LONGEST_GROUNDS = 1000
LONGEST_DECISION = 200


class BodyKind(StrEnum):
    """Who may be an assessment body (医师定期考核管理办法 §7)."""

    INSTITUTION = "institution"
    ACADEMY = "academy"
    SOCIETY = "society"


BODY_KIND_LABELS: Mapping[BodyKind, str] = {
    BodyKind.INSTITUTION: "医疗、预防、保健机构",
    BodyKind.ACADEMY: "医学院校或科研机构",
    BodyKind.SOCIETY: "行业、学术组织",
}


class ApplicationState(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class BodyApplication:
    """考核机构申请: an institution asks to be a body in a cycle.

    Attributes:
        institution: The applicant's name.
        decision: The reason of a refusal.
    """

    id: UUID
    province_id: str
    cycle_id: UUID
    institution_id: UUID
    institution: str
    kind: BodyKind
    grounds: str
    applied_at: datetime
    state: ApplicationState
    decided_at: datetime | None = None
    decision: str | None = None
    body_id: UUID | None = None

    def check_open(self) -> None:
        """Raises Conflict where it has been decided or withdrawn."""
        if self.state is not ApplicationState.OPEN:
            raise Conflict("这份申请已经处理，请刷新页面查看。", code="application_closed")


def check_grounds(kind: str, grounds: str) -> BodyKind:
    """What was typed of an application; gives its kind.

    Raises:
        BadFields: A kind that there isn't, or no grounds.
    """
    problems = {}
    if kind not in tuple(BodyKind):
        problems["kind"] = "请选择单位类型。"
    if not 0 < len(grounds) <= LONGEST_GROUNDS:
        problems["grounds"] = f"请填写申请理由，不超过{LONGEST_GROUNDS}个字。"
    if problems:
        raise BadFields(problems)
    return BodyKind(kind)


def check_reason(reason: str) -> str:
    """The reason of an act against somebody, trimmed.

    Raises:
        BadFields: There is none, or it is too long.
    """
    reason = reason.strip()
    if not 0 < len(reason) <= LONGEST_DECISION:
        raise BadFields({"reason": f"请填写理由，不超过{LONGEST_DECISION}个字。"})
    return reason


def day_in_china(now: datetime) -> date:
    """The day that ``now`` is on in China."""
    return now.astimezone(_CHINA).date()


def end_of(day: date) -> datetime:
    """The instant at which a day in China is over."""
    return datetime.combine(day + timedelta(days=1), time(), _CHINA)


def days(first: date, last: date) -> str:
    """Days, both included, as people write them."""
    return f"{first:%Y-%m-%d} 至 {last:%Y-%m-%d}"
