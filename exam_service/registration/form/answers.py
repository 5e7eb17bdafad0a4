"""From what was typed on a page to the form: what can't be understood is said at its field. Pure.

A page sends its fields by name with all their values. A field that wasn't sent is left as it is; a group of
check boxes sends an empty value besides, so that none is an answer too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

from exam_service.cycles.form_rules import STATEMENT_LONGEST, RecordClass, RecordField
from exam_service.cycles.policy import Policy, Procedure
from exam_service.institutions.model import Category, Level, Sex
from exam_service.registration.form.fields import Step, degrees, titles
from exam_service.registration.form.model import (
    Education,
    Employment,
    EthicsGrade,
    Filing,
    Form,
    Post,
    Record,
    Work,
)

T = TypeVar("T")
Answers: TypeAlias = Mapping[str, Sequence[str]]
Problems: TypeAlias = dict[str, str]
"""A sentence by the name of the field."""

_LONGEST_TEXT = 100
_LONGEST_EMAIL = 254
_LONGEST_CONTENT = 500
_MOST_CHOSEN = 50
_LARGEST_COUNT = 9_999_999
_MOST_DIGITS = 20  # Python reads no number of thousands of them
_DAY = re.compile(r"^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?$", re.ASCII)
_EARLIEST_YEAR = 1900
_YES, _NO = "yes", "no"
MOST_ENTRIES = 30
"""Of one list of the form."""


class _NotUnderstood(ValueError):
    """The message is the sentence for the person."""


_Read: TypeAlias = Callable[[Sequence[str]], Any]


def _text(longest: int = _LONGEST_TEXT) -> _Read:
    def read(values: Sequence[str]) -> str:
        text = _one(values).replace("\r\n", "\n").strip()
        if len(text) > longest:
            raise _NotUnderstood(f"不能超过{longest}字，现在有{len(text)}字，请删减后再保存。")
        return text

    return read


def _day(values: Sequence[str]) -> date | None:
    text = "".join(_one(values).split())
    if not text:
        return None
    if found := _DAY.match(text):
        year, month, day = map(int, found.groups())
        try:
            if year >= _EARLIEST_YEAR:
                return date(year, month, day)
        except ValueError:
            pass
    raise _NotUnderstood("日期有误，请按“年-月-日”填写，例如 2020-06-30。")


def _count(values: Sequence[str]) -> int | None:
    text = _one(values).strip()
    if not text:
        return None
    if not text.isdecimal() or len(text) > _MOST_DIGITS or int(text) > _LARGEST_COUNT:
        raise _NotUnderstood("请填写整数，不带单位；没有的可以不填。")
    return int(text)


def _truth(values: Sequence[str]) -> bool | None:
    text = _one(values)
    if text not in {"", _YES, _NO}:
        raise _NotUnderstood("请重新选择。")
    return text == _YES if text else None


def _choice(kind: type[Any]) -> _Read:
    def read(values: Sequence[str]) -> Any:
        text = _one(values)
        try:
            return kind(text) if text else None
        except ValueError:
            raise _NotUnderstood("请重新选择。") from None

    return read


def _texts(values: Sequence[str]) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(value for value in values if value))
    if len(chosen) > _MOST_CHOSEN or any(len(each) > _LONGEST_TEXT for each in chosen):
        raise _NotUnderstood("请重新选择。")
    return chosen


def _one(values: Sequence[str]) -> str:
    return values[-1] if values else ""


_READS: Mapping[str, _Read] = {
    "basic.sex": _choice(Sex),
    "basic.ethnicity": _text(),
    "basic.born_on": _day,
    "basic.education": _text(),
    "basic.email": _text(_LONGEST_EMAIL),
    "basic.mobile": _text(),
    "practice.department_id": _choice(UUID),
    "practice.specialties": _texts,
    "practice.title": _text(),
    "practice.title_on": _day,
    "practice.position": _text(),
    "practice.position_on": _day,
    "practice.level": _choice(Level),
    "practice.trainee": _truth,
    "practice.category": _choice(Category),
    "practice.scopes": _texts,
    "practice.employment": _choice(Employment),
    "practice.qualification_number": _text(),
    "practice.qualified_on": _day,
    "practice.practising_number": _text(),
    "practice.licensed_on": _day,
    "conduct.has_good": _truth,
    "conduct.has_bad": _truth,
    "conduct.quantity": _truth,
    "conduct.quality": _truth,
    "conduct.task": _truth,
    "conduct.patients": _count,
    "conduct.operations": _count,
    "conduct.examinations": _count,
    "conduct.rounds": _count,
    "conduct.has_misconduct": _truth,
    "conduct.misconduct": _texts,
    "conduct.ethics": _choice(EthicsGrade),
    "procedure.procedure": _choice(Procedure),
    "procedure.conditions": _texts,
    "procedure.statement": _text(STATEMENT_LONGEST),
}


def with_answers(form: Form, step: Step, answers: Answers) -> tuple[Form, Problems]:
    """The form with what a page sent; what can't be understood is left as it was, and said."""
    problems: Problems = {}
    changed: dict[str, Any] = {}
    for field, read in _READS.items():
        part, _, name = field.partition(".")
        if part != step or field not in answers:
            continue
        try:
            changed[name] = read(answers[field])
        except _NotUnderstood as error:
            problems[field] = str(error)
    if not changed:
        return form, problems
    part_now = replace(getattr(form, step), **changed)
    return replace(form, **{step.value: part_now}), problems


def typed(form: Form) -> dict[str, list[str]]:
    """What the pages show for a form: the answers that :func:`with_answers` would read it from."""
    found: dict[str, list[str]] = {}
    for field in _READS:
        part, _, name = field.partition(".")
        value = getattr(getattr(form, part), name)
        found[field] = [_written(each) for each in (value if isinstance(value, tuple) else (value,))]
    return found


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return _YES if value else _NO
    return str(value)


# Lists: each entry has a page of its own


@dataclass(frozen=True)
class EntryField:
    """One field of an entry. ``kind``: text, long, day or choice; ``choices`` of the last."""

    name: str
    label: str
    kind: str = "text"
    required: bool = True
    choices: tuple[str, ...] = ()

    @property
    def options(self) -> list[tuple[str, str]]:
        return [(each, each) for each in self.choices]


@dataclass(frozen=True)
class EntryList:
    """A list of the form whose entries are added, changed and deleted one by one.

    Attributes:
        name: In addresses.
        field: Its name in the form.
        most: Entries that one form may have.
        code: Of the class of record, where it is one.
        evidence: Whether its entries have pictures.
    """

    name: str
    field: str
    title: str
    make: Callable[..., Any]
    fields: tuple[EntryField, ...]
    most: int = MOST_ENTRIES
    code: str = ""
    evidence: bool = False

    @property
    def step(self) -> Step:
        return Step(self.field.partition(".")[0])


_SINCE = EntryField("since", "开始时间", "day")
_UNTIL = EntryField("until", "结束时间（至今可不填）", "day", required=False)


def entry_lists(policy: Policy) -> dict[str, EntryList]:
    """The lists that a province's form has, by name."""
    lists = [
        EntryList(
            "filings",
            "experience.filings",
            "多机构备案信息",
            Filing,
            (
                EntryField("institution", "机构名称"),
                EntryField("department", "科室"),
                EntryField("position", "职务", required=False),
            ),
        ),
        EntryList(
            "education",
            "experience.education",
            "教育经历",
            Education,
            (
                EntryField("degree", "学历", "choice", choices=tuple(degrees())),
                EntryField("school", "毕业院校"),
                EntryField("major", "专业"),
                _SINCE,
                _UNTIL,
            ),
        ),
        EntryList(
            "practice",
            "experience.practice",
            "执业经历",
            Post,
            (
                EntryField("institution", "机构名称"),
                EntryField("title", "职称", "choice", choices=tuple(titles())),
                EntryField("position", "职务", required=False),
                _SINCE,
                _UNTIL,
            ),
        ),
    ]
    if policy.form.research:
        lists += [
            _research("awards", "科研获奖", "科研获奖名称", "科研获奖时间", "获奖等级"),
            _research("papers", "论文成果", "论文名称", "发表/出版日期", "发表刊物或论文集"),
            _research("books", "著作成果", "著作名称", "出版日期", "著作类别"),
            _research("patents", "专利成果", "专利名称", "授权日期", "专利类别"),
        ]
    lists += [_class("good", each) for each in policy.form.good_records]
    lists += [_class("bad", each) for each in policy.form.bad_records]
    return {each.name: each for each in lists}


def _research(name: str, title: str, *labels: str) -> EntryList:
    names = (("name", "text"), ("date", "day"), ("kind", "text"))
    return EntryList(
        name,
        f"experience.research.{name}",
        title,
        Work,
        tuple(EntryField(each, label, kind) for (each, kind), label in zip(names, labels, strict=True)),
    )


_RECORD_FIELDS = {
    RecordField.GRANTED_BY: EntryField("granted_by", "授予部门"),
    RecordField.DATE: EntryField("date", "时间", "day"),
    RecordField.CONTENT: EntryField("content", "内容", "long"),
}


_PENALTY_BY = EntryField("granted_by", "作出部门")


def _class(side: str, record: RecordClass) -> EntryList:
    of_side = _RECORD_FIELDS if side == "good" else _RECORD_FIELDS | {RecordField.GRANTED_BY: _PENALTY_BY}
    return EntryList(
        f"{side}.{record.code}",
        f"conduct.{side}_records",
        record.label,
        Record,
        tuple(of_side[each] for each in record.fields),
        record.most,
        record.code,
        record.evidence,
    )


def entries_of(form: Form, entry_list: EntryList) -> tuple[Any, ...]:
    """The entries of one list; of a class of records, those of that class."""
    found: Any = form
    for name in entry_list.field.split("."):
        found = getattr(found, name)
    return tuple(each for each in found if not entry_list.code or each.code == entry_list.code)


def read_entry(entry_list: EntryList, entry_id: str, answers: Answers) -> tuple[Any, Problems]:
    """An entry from what its page sent; with problems it isn't to be kept."""
    problems: Problems = {}
    values: dict[str, Any] = {"code": entry_list.code} if entry_list.code else {}
    for each in entry_list.fields:
        read = (
            _day if each.kind == "day" else _text(_LONGEST_CONTENT if each.kind == "long" else _LONGEST_TEXT)
        )
        try:
            value = read(answers.get(each.name, ()))
        except _NotUnderstood as error:
            problems[each.name] = str(error)
            continue
        if each.required and not value:
            problems[each.name] = f"请{'选择' if each.kind == 'choice' else '填写'}{each.label}。"
        elif each.choices and value and value not in each.choices:
            problems[each.name] = "请重新选择。"
        values[each.name] = value
    since, until = values.get("since"), values.get("until")
    if since and until and until < since:
        problems["until"] = "结束时间早于开始时间，请核对。"
    return entry_list.make(id=entry_id, **values), problems


def typed_entry(entry: Any) -> dict[str, str]:
    """What the page of an entry shows."""
    return {each.name: _written(getattr(entry, each.name)) for each in fields(entry)}


def with_entry(form: Form, entry_list: EntryList, entry: Any) -> Form:
    """The form with an entry, in the place of the one with its id where there is one."""

    def put(entries: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(each.id == entry.id for each in entries):
            return tuple(entry if each.id == entry.id else each for each in entries)
        return (*entries, entry)

    return _with_list(form, entry_list.field.split("."), put)


def without_entry(form: Form, entry_list: EntryList, entry_id: str) -> Form:
    """The form without that entry; what an earlier cycle approved stays."""
    return _with_list(
        form,
        entry_list.field.split("."),
        lambda entries: tuple(
            each for each in entries if each.id != entry_id or getattr(each, "carried_from", "")
        ),
    )


def _with_list(owner: T, names: list[str], change: Callable[[tuple[Any, ...]], tuple[Any, ...]]) -> T:
    name, *rest = names
    now = getattr(owner, name)
    changed: Any = {name: _with_list(now, rest, change) if rest else change(now)}
    return cast("T", replace(cast("Any", owner), **changed))
