"""Reading what people and spreadsheets say of a physician on the roster. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from exam_service.accounts.identity import (
    DOCUMENT_LABELS,
    Document,
    DocumentType,
    parse_document,
    parse_mobile,
    tidy_name,
)
from exam_service.errors import BadFields, Invalid
from exam_service.institutions.model import (
    CATEGORY_LABELS,
    LEVEL_LABELS,
    LONGEST_DEPARTMENT,
    SEX_LABELS,
    Category,
    Level,
    RosterDetails,
    Sex,
)

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

_LONGEST_CELL = 80
_CERTIFICATE = re.compile(r"^[0-9A-Z]{4,40}$")
_DAY = re.compile(r"^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?: 00:00(?::00)?)?$", re.ASCII)
_EIGHT = re.compile(r"^\d{8}$", re.ASCII)
_OLDEST = date(1900, 1, 1)

FIELDS: Mapping[str, str] = {
    "name": "姓名",
    "document_type": "证件类型",
    "number": "证件号码",
    "sex": "性别",
    "born_on": "出生日期",
    "category": "执业类别",
    "level": "医师级别",
    "qualification_number": "资格证书编号",
    "qualified_on": "资格证取得时间",
    "practising_number": "执业证书编号",
    "licensed_on": "执业证取得时间",
    "first_registered_on": "首次注册时间",
    "mobile": "手机号码",
    "department": "科室",
}
"""What is asked of a physician on the roster, in the order of the form and of the file's columns."""
REQUIRED = ("name", "number", "category", "level")


@dataclass(frozen=True, repr=False)
class Practising:
    """What the roster says of a physician beside who they are."""

    sex: Sex | None
    born_on: date | None
    category: Category
    level: Level
    licensed_on: date | None
    first_registered_on: date | None
    details: RosterDetails
    department_id: UUID | None


@dataclass(frozen=True, repr=False)
class Newcomer:
    """A physician who is to be put on a roster."""

    name: str
    document: Document
    mobile: str | None
    practising: Practising


def read_newcomer(texts: Mapping[str, str], departments: Mapping[str, UUID], today: date) -> Newcomer:
    """What a form or a row says of a physician. Choices may be written as codes or in words.

    Args:
        texts: By the names of :data:`FIELDS`; what is missing is empty.
        departments: Ids by name and by id.

    Raises:
        BadFields: Whatever is wrong, each at its field.
    """
    reading = _Reading(texts, today)
    name = reading.read("name", tidy_name)
    if name is None:
        reading.missing("name")
    document = reading.document()
    mobile = reading.read("mobile", parse_mobile)
    practising = reading.practising(departments, document)
    if reading.problems or practising is None or document is None or name is None:
        raise BadFields(reading.problems)
    return Newcomer(name, document, mobile, practising)


def read_practising(
    texts: Mapping[str, str], departments: Mapping[str, UUID], today: date, document: Document | None
) -> Practising:
    """As :func:`read_newcomer` for somebody who is on the roster; ``document`` is theirs.

    Raises:
        BadFields: Whatever is wrong, each at its field.
    """
    reading = _Reading(texts, today)
    practising = reading.practising(departments, document)
    if reading.problems or practising is None:
        raise BadFields(reading.problems)
    return practising


def born_and_sex(document: Document) -> tuple[date, Sex] | None:
    """What an identity number says by itself; ``None`` for other documents."""
    if document.type is not DocumentType.IDENTITY_CARD:
        return None
    number = document.canonical
    born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    return born, Sex.MALE if int(number[16]) % 2 else Sex.FEMALE


def parse_day(text: str) -> date:
    """A day as people and spreadsheets write it: 2016-08-13, 2016/8/13, 20160813, 2016年8月13日.

    Raises:
        Invalid: It is none.
    """
    plain = unicodedata.normalize("NFKC", text[:40]).strip()
    match = _DAY.match(plain)
    if match is None or (len(plain) < len("20160813") and not any(mark in plain for mark in "-/.年")):
        raise Invalid("日期应写成 2016-08-13 的样子，请更正。", code="bad_day")
    if plain.isdigit() and not _EIGHT.match(plain):
        raise Invalid("日期应写成 2016-08-13 的样子，请更正。", code="bad_day")
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise Invalid("这一天不存在，请核对日期。", code="bad_day") from None


class _Reading:
    """Reads one set of texts and notes what is wrong where."""

    def __init__(self, texts: Mapping[str, str], today: date) -> None:
        self._texts = texts
        self._today = today
        self.problems: dict[str, str] = {}

    def read(self, field: str, parse: Callable[[str], T]) -> T | None:
        text = self._texts.get(field, "").strip()
        if not text:
            return None
        try:
            return parse(text)
        except Invalid as error:
            self.problems[field] = error.sentence
            return None

    def missing(self, field: str) -> None:
        verb = "请选择" if field in {"category", "level"} else "请填写"
        self.problems.setdefault(field, f"{verb}{FIELDS[field]}。")

    def document(self) -> Document | None:
        kind = (
            self.read("document_type", _choice(DocumentType, DOCUMENT_LABELS)) or DocumentType.IDENTITY_CARD
        )
        document = self.read("number", lambda text: parse_document(kind, text))
        if document is None:
            self.missing("number")
        return document

    def practising(self, departments: Mapping[str, UUID], document: Document | None) -> Practising | None:
        sex = self.read("sex", _choice(Sex, SEX_LABELS))
        born_on = self._day("born_on")
        said = born_and_sex(document) if document else None
        if said:
            if born_on and born_on != said[0]:
                self.problems["born_on"] = "出生日期与身份证号不一致，请核对。"
            if sex and sex is not said[1]:
                self.problems["sex"] = "性别与身份证号不一致，请核对。"
            born_on, sex = said
        category = self.read("category", _choice(Category, CATEGORY_LABELS))
        level = self.read("level", _choice(Level, LEVEL_LABELS))
        details = RosterDetails(
            self.read("qualification_number", _certificate) or "",
            self._day("qualified_on"),
            self.read("practising_number", _certificate) or "",
        )
        licensed_on, first_registered_on = self._day("licensed_on"), self._day("first_registered_on")
        department_id = self.read("department", lambda text: _department(text, departments))
        if category is None:
            self.missing("category")
        if level is None:
            self.missing("level")
        if category is None or level is None:
            return None
        return Practising(
            sex, born_on, category, level, licensed_on, first_registered_on, details, department_id
        )

    def _day(self, field: str) -> date | None:
        day = self.read(field, parse_day)
        if day is not None and not _OLDEST <= day <= self._today:
            self.problems[field] = f"{FIELDS[field]}不能早于1900年，也不能晚于今天，请核对。"
        return day


def _choice(kind: type[E], labels: Mapping[E, str]) -> Callable[[str], E]:
    by_text = {label: each for each, label in labels.items()} | {each.value: each for each in kind}

    def parse(text: str) -> E:
        found = by_text.get(unicodedata.normalize("NFKC", text[:40]).strip())
        if found is None:
            raise Invalid(f"应为{'、'.join(labels.values())}之一，请更正。", code="bad_choice")
        return found

    return parse


def _certificate(text: str) -> str:
    plain = "".join(unicodedata.normalize("NFKC", text[:_LONGEST_CELL]).split()).upper()
    if not _CERTIFICATE.match(plain):
        raise Invalid("证书编号应为4至40位数字或字母，请与证书逐位核对。", code="bad_certificate")
    return plain


def _department(text: str, departments: Mapping[str, UUID]) -> UUID:
    found = departments.get(" ".join(unicodedata.normalize("NFKC", text[: 4 * LONGEST_DEPARTMENT]).split()))
    if found is None:
        raise Invalid("本机构没有这个启用的科室，请先在“科室”中添加，或核对名称。", code="no_department")
    return found
