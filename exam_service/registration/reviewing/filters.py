"""What lists of registrations are narrowed by, and how they are paged and summed up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Procedure, ReviewLevel
from exam_service.institutions.model import Category, Level
from exam_service.registration.model import Result, State

PAGE_SIZE = 50
_EARLIEST_YEAR, _LATEST_YEAR = 1900, 9000  # beyond them a time zone leads out of what dates can be


class Tab(StrEnum):
    AWAITING = "awaiting"
    REVIEWED = "reviewed"
    ALL = "all"


STATES: Mapping[tuple[ReviewLevel, Tab], tuple[State, ...]] = {
    (ReviewLevel.INSTITUTION, Tab.AWAITING): (State.INSTITUTION_REVIEW,),
    (ReviewLevel.INSTITUTION, Tab.REVIEWED): (
        State.BODY_REVIEW,
        State.RETURNED,
        State.DRAFT,
        State.REGISTERED,
        State.TESTING,
        State.CONCLUDED,
    ),
    (ReviewLevel.BODY, Tab.AWAITING): (State.BODY_REVIEW,),
    (ReviewLevel.BODY, Tab.REVIEWED): (State.REGISTERED, State.TESTING, State.CONCLUDED),
    (ReviewLevel.BODY, Tab.ALL): (
        State.INSTITUTION_REVIEW,
        State.BODY_REVIEW,
        State.RETURNED,
        State.DRAFT,
        State.REGISTERED,
        State.TESTING,
        State.CONCLUDED,
    ),
}
"""Only what has been submitted is listed: a draft here is one that was returned and is being corrected."""
TAB_LABELS: Mapping[ReviewLevel, Mapping[Tab, str]] = {
    ReviewLevel.INSTITUTION: {Tab.AWAITING: "待审核", Tab.REVIEWED: "已审核"},
    ReviewLevel.BODY: {Tab.AWAITING: "待复核", Tab.REVIEWED: "已复核", Tab.ALL: "全部"},
}


class Age(StrEnum):
    """Years of age, both ends included."""

    UNDER_35 = "under-35"
    FROM_35 = "35-44"
    FROM_45 = "45-54"
    FROM_55 = "from-55"

    @property
    def span(self) -> tuple[int | None, int | None]:
        """The youngest and the oldest."""
        return _SPANS[self]


_SPANS: Mapping[Age, tuple[int | None, int | None]] = {
    Age.UNDER_35: (None, 34),
    Age.FROM_35: (35, 44),
    Age.FROM_45: (45, 54),
    Age.FROM_55: (55, None),
}
AGE_LABELS: Mapping[Age, str] = {
    Age.UNDER_35: "35岁以下",
    Age.FROM_35: "35至44岁",
    Age.FROM_45: "45至54岁",
    Age.FROM_55: "55岁及以上",
}


def age_on(born_on: date | None, day: date) -> int | None:
    """Full years of age."""
    if born_on is None:
        return None
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def _years_before(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year - years)
    except ValueError:  # 29 February
        return day.replace(year=day.year - years, day=28)


def born_between(age: Age | None, day: date) -> tuple[date | None, date | None]:
    """Born after the first, and up to the second: who has that age on ``day``."""
    youngest, oldest = age.span if age else (None, None)
    return (
        None if oldest is None else _years_before(day, oldest + 1),
        None if youngest is None else _years_before(day, youngest),
    )


@dataclass(frozen=True)
class Filter:
    """What a list is narrowed by; ``None`` and empty leave everything in.

    Attributes:
        name: How the name begins.
        institution_id: For a body and the authority.
        states: Of the tab, or that the authority chose.
    """

    states: tuple[State, ...] = ()
    institution_id: UUID | None = None
    department_id: UUID | None = None
    name: str = ""
    age: Age | None = None
    category: Category | None = None
    level: Level | None = None
    bad_records: bool | None = None
    procedure: Procedure | None = None


@dataclass(frozen=True)
class Place:
    """Where in the order of submission a page begins: after this one."""

    submitted_at: datetime
    id: UUID

    def to_text(self) -> str:
        return f"{self.submitted_at.isoformat()}~{self.id}"


def parse_place(text: str | None) -> Place | None:
    """What :meth:`Place.to_text` gave; anything else is the first page."""
    try:
        at, _, registration_id = (text or "").partition("~")
        submitted_at = datetime.fromisoformat(at)
        known = submitted_at.tzinfo and _EARLIEST_YEAR <= submitted_at.year <= _LATEST_YEAR
        return Place(submitted_at, UUID(registration_id)) if known else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Listed:
    """A row of a list."""

    id: UUID
    account_id: UUID
    name: str
    institution: str
    department: str | None
    born_on: date | None
    category: Category
    level: Level
    licensed_on: date | None
    first_registered_on: date | None
    has_bad_records: bool
    procedure: Procedure
    state: State
    result: Result | None
    submitted_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.submitted_at, self.id)


class Column(StrEnum):
    """What progress is sorted by; all but the name are figures."""

    NAME = "name"
    TOTAL = "total"
    UNSUBMITTED = "unsubmitted"
    INSTITUTION_REVIEW = "institution_review"
    BODY_REVIEW = "body_review"
    RETURNED = "returned"
    REGISTERED = "registered"
    CONCLUDED = "concluded"
    SHARE = "share"


COLUMN_LABELS: Mapping[Column, str] = {
    Column.NAME: "医疗卫生机构",
    Column.TOTAL: "已开通",
    Column.UNSUBMITTED: "未提交",
    Column.INSTITUTION_REVIEW: "待机构审核",
    Column.BODY_REVIEW: "待复核",
    Column.RETURNED: "已驳回",
    Column.REGISTERED: "报名完成",
    Column.CONCLUDED: "考核结束",
    Column.SHARE: "完成率",
}


@dataclass(frozen=True)
class Progress:
    """How far the physicians of an institution or a department are.

    Attributes:
        id: Of the institution or department; ``None`` for a total, or for those of no department.
        total: All that were admitted to the cycle and not taken out again.
        unsubmitted: Admitted, and filling in the form.
        registered: Through both reviews: waiting for the papers, or sitting them.
    """

    id: UUID | None
    name: str
    total: int = 0
    unsubmitted: int = 0
    institution_review: int = 0
    body_review: int = 0
    returned: int = 0
    registered: int = 0
    concluded: int = 0

    @property
    def done(self) -> int:
        return self.registered + self.concluded

    @property
    def share(self) -> int:
        """Through both reviews, of 1000 admitted; 0 where nobody is."""
        return self.done * 1000 // self.total if self.total else 0

    def figure(self, column: Column) -> int:
        """What a page is sorted by."""
        value: int = getattr(self, column.value)
        return value


@dataclass(frozen=True)
class ProgressPlace:
    """Where a page of progress begins: after the row of this key (a figure or a name) and id."""

    key: str
    id: UUID


def parse_progress_place(column: Column, text: str | None) -> ProgressPlace | None:
    """``key~id``; anything else is the first page."""
    key, _, row_id = (text or "").rpartition("~")
    try:
        place = ProgressPlace(key, UUID(row_id))
        if column is not Column.NAME and not -(2**31) < int(key) < 2**31:
            return None
    except ValueError:
        return None
    return place
