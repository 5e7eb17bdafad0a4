"""Departments, and what the roster says of a physician. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from exam_service.errors import BadFields
from exam_service.institutions.catalogue import by_code, in_order

LONGEST_DEPARTMENT = 40
LONGEST_REASON = 200


class Category(StrEnum):
    """执业类别."""

    CLINICAL = "clinical"
    DENTAL = "dental"
    TCM = "tcm"
    PUBLIC_HEALTH = "public_health"


class Level(StrEnum):
    """执业医师 or 执业助理医师."""

    LICENSED = "licensed"
    ASSISTANT = "assistant"


class Sex(StrEnum):
    MALE = "male"
    FEMALE = "female"


class Left(StrEnum):
    """Why somebody is on no roster: 调离."""

    DEPARTED = "departed"
    RETIRED = "retired"
    REMOVED = "removed"
    OTHER = "other"


CATEGORY_LABELS: Mapping[Category, str] = {
    Category.CLINICAL: "临床",
    Category.DENTAL: "口腔",
    Category.TCM: "中医",
    Category.PUBLIC_HEALTH: "公共卫生",
}
LEVEL_LABELS: Mapping[Level, str] = {Level.LICENSED: "执业医师", Level.ASSISTANT: "执业助理医师"}
SEX_LABELS: Mapping[Sex, str] = {Sex.MALE: "男", Sex.FEMALE: "女"}
LEFT_LABELS: Mapping[Left, str] = {
    Left.DEPARTED: "离职",
    Left.RETIRED: "退休",
    Left.OTHER: "其他",
    Left.REMOVED: "由卫生行政部门移出",
}
LEAVING = (Left.DEPARTED, Left.RETIRED, Left.OTHER)
"""What an institution may say; the rest is the authority's."""


class TransferState(StrEnum):
    OPEN = "open"
    AGREED = "agreed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


TRANSFER_LABELS: Mapping[TransferState, tuple[str, str]] = {
    TransferState.OPEN: ("warn", "待对方机构处理"),
    TransferState.AGREED: ("good", "已同意调入"),
    TransferState.REFUSED: ("bad", "未同意"),
    TransferState.WITHDRAWN: ("muted", "已撤回"),
}
"""Kind and words."""


class ImportState(StrEnum):
    WAITING = "waiting"
    CHECKING = "checking"
    DONE = "done"
    REFUSED = "refused"


IMPORT_LABELS: Mapping[ImportState, tuple[str, str]] = {
    ImportState.WAITING: ("info", "排队中"),
    ImportState.CHECKING: ("info", "正在检查"),
    ImportState.DONE: ("good", "已导入"),
    ImportState.REFUSED: ("bad", "未导入"),
}
UNDER_WAY = (ImportState.WAITING, ImportState.CHECKING)


@dataclass(frozen=True)
class Department:
    """科室 of an institution.

    Attributes:
        subjects: Codes of the subjects of diagnosis and treatment that it covers, in their order.
        stopped_at: Since when it is not offered any more.
        is_used: Whether somebody is in it: then it can be stopped, not deleted.
    """

    id: UUID
    province_id: str
    institution_id: UUID
    name: str
    subjects: tuple[str, ...]
    stopped_at: datetime | None
    is_used: bool = False

    @property
    def subject_labels(self) -> tuple[str, ...]:
        return tuple(by_code()[code].label for code in self.subjects if code in by_code())


def read_department(name: str, subjects: list[str]) -> tuple[str, tuple[str, ...]]:
    """What was typed of a department: its name made plain, its subjects in order.

    Raises:
        BadFields: No name or too long a one, no subject or an unknown one.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name[: 4 * LONGEST_DEPARTMENT]).split())
    problems = {}
    if not plain or not plain.isprintable():
        problems["name"] = "请填写科室名称，不能有看不见的字符。"
    elif len(plain) > LONGEST_DEPARTMENT:
        problems["name"] = f"科室名称不超过{LONGEST_DEPARTMENT}个字，请缩短后重新提交。"
    if not subjects:
        problems["subjects"] = "请至少选择一项诊疗科目。"
    elif set(subjects) - set(by_code()):
        problems["subjects"] = "有诊疗科目不在目录中，请重新选择。"
    if problems:
        raise BadFields(problems)
    return plain, in_order(subjects)


@dataclass(frozen=True)
class RosterEntry:
    """Where a physician mainly practises, as the electronic register has it; no institution: 调离."""

    account_id: UUID
    province_id: str
    institution_id: UUID | None
    department_id: UUID | None
    name: str
    sex: Sex | None
    born_on: date | None
    category: Category
    level: Level
    licensed_on: date | None
    first_registered_on: date | None
    left_at: datetime | None
    left_reason: Left | None


@dataclass(frozen=True, repr=False)
class RosterDetails:
    """What the roster keeps sealed of a physician."""

    qualification_number: str = ""
    qualified_on: date | None = None
    practising_number: str = ""

    def to_json(self) -> dict[str, str]:
        return {
            "qualification_number": self.qualification_number,
            "qualified_on": self.qualified_on.isoformat() if self.qualified_on else "",
            "practising_number": self.practising_number,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, str]) -> RosterDetails:
        day = raw["qualified_on"]
        return cls(
            raw["qualification_number"], date.fromisoformat(day) if day else None, raw["practising_number"]
        )


@dataclass(frozen=True)
class Transfer:
    """调入: asked for by the receiving institution; without ``from_institution_id`` nobody had to agree."""

    id: UUID
    province_id: str
    account_id: UUID
    from_institution_id: UUID | None
    to_institution_id: UUID
    reason: str
    asked_at: datetime
    state: TransferState
    decided_at: datetime | None = None
    decision: str | None = None


@dataclass(frozen=True)
class RowProblem:
    """What is wrong in a row of a file: its number as spreadsheets show it, its column's heading, why.

    The reason never repeats what stands there: it may be an identity number.
    """

    row: int
    column: str
    reason: str


@dataclass(frozen=True)
class RosterImport:
    """A roster file on its way in.

    Attributes:
        rows: How many physicians it has, once that is known; ``checked`` of them were looked at.
        added: How many were taken: all or none.
    """

    id: UUID
    province_id: str
    institution_id: UUID
    file_name: str
    state: ImportState
    rows: int
    checked: int
    added: int
    problems: tuple[RowProblem, ...]
    asked_at: datetime
    done_at: datetime | None

    @property
    def is_under_way(self) -> bool:
        return self.state in UNDER_WAY
