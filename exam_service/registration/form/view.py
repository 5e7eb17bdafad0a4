"""The form for reading: sections of labelled values, the same for physician and reviewer. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from exam_service.cycles.form_rules import RecordClass
from exam_service.cycles.policy import Policy, Procedure
from exam_service.institutions.model import CATEGORY_LABELS, LEVEL_LABELS, SEX_LABELS
from exam_service.registration.form.fields import FIELD_LABELS, QUANTITIES, Step, quantity_unit
from exam_service.registration.form.model import (
    EMPLOYMENT_LABELS,
    ETHICS_LABELS,
    LICENCE_SLOT,
    PHOTO_SLOT,
    PROCEDURE_SLOT,
    Form,
    Record,
    Upload,
    Work,
    record_slot,
)
from exam_service.registration.model import PROCEDURE_LABELS


@dataclass(frozen=True)
class Owner:
    """Whose form it is, as the viewer may see it: ``number`` masked, unless their task needs it."""

    name: str
    document: str
    number: str


@dataclass(frozen=True)
class Entry:
    """One value of a row, with the pictures that prove it."""

    text: str
    pictures: tuple[Upload, ...] = ()


@dataclass(frozen=True)
class Row:
    """``field`` is its name, empty for what can't be marked: name and document."""

    field: str
    label: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Section:
    step: Step
    title: str
    rows: tuple[Row, ...]


def sections(
    form: Form, policy: Policy, owner: Owner, department: str | None, uploads: Sequence[Upload]
) -> list[Section]:
    """Everything that the form of this province has, what is empty as an empty text.

    Args:
        department: The name of ``form.practice.department_id``.
    """
    return [
        _section(policy, Step.BASIC, _basic(form, owner, uploads)),
        _section(policy, Step.PRACTICE, _practice(form, policy, department, uploads)),
        _section(policy, Step.EXPERIENCE, _experience(form, policy)),
        _section(policy, Step.CONDUCT, _conduct(form, policy, uploads)),
        _section(policy, Step.PROCEDURE, _procedure(form, policy, uploads)),
    ]


def _section(policy: Policy, step: Step, rows: Iterable[Row]) -> Section:
    return Section(step, policy.labels[f"step_{step}"], tuple(rows))


def _basic(form: Form, owner: Owner, uploads: Sequence[Upload]) -> list[Row]:
    basic = form.basic
    return [
        _pictures(PHOTO_SLOT, uploads),
        Row("", "姓名", (Entry(owner.name),)),
        _row("basic.sex", SEX_LABELS[basic.sex] if basic.sex else ""),
        _row("basic.ethnicity", basic.ethnicity),
        _row("basic.born_on", _day(basic.born_on)),
        Row("", "证件类型", (Entry(owner.document),)),
        Row("", "证件号码", (Entry(owner.number),)),
        _row("basic.education", basic.education),
        _row("basic.email", basic.email),
        _row("basic.mobile", basic.mobile),
    ]


def _practice(form: Form, policy: Policy, department: str | None, uploads: Sequence[Upload]) -> list[Row]:
    practice = form.practice
    rows = [
        _row("practice.department_id", department or ""),
        _row("practice.specialties", "、".join(practice.specialties)),
        _row("practice.title", practice.title),
        _row("practice.title_on", _day(practice.title_on)),
        _row("practice.position", practice.position),
        _row("practice.position_on", _day(practice.position_on)),
        _row("practice.level", LEVEL_LABELS[practice.level] if practice.level else ""),
        _row("practice.trainee", _yes(practice.trainee, "是", "否")),
        _row("practice.category", CATEGORY_LABELS[practice.category] if practice.category else ""),
        _row("practice.scopes", "、".join(practice.scopes)),
        _row("practice.employment", EMPLOYMENT_LABELS[practice.employment] if practice.employment else ""),
        _row("practice.qualification_number", practice.qualification_number),
        _row("practice.qualified_on", _day(practice.qualified_on)),
        _row("practice.practising_number", practice.practising_number),
        _row("practice.licensed_on", _day(practice.licensed_on)),
    ]
    return [*rows, _pictures(LICENCE_SLOT, uploads)] if policy.form.licence else rows


def _experience(form: Form, policy: Policy) -> list[Row]:
    experience = form.experience
    rows = [
        _rows(
            "experience.filings",
            (_joined(each.institution, each.department, each.position) for each in experience.filings),
        ),
        _rows(
            "experience.education",
            (
                _joined(each.school, each.major, each.degree, _span(each.since, each.until))
                for each in experience.education
            ),
        ),
        _rows(
            "experience.practice",
            (
                _joined(each.institution, each.title, each.position, _span(each.since, each.until))
                for each in experience.practice
            ),
        ),
    ]
    if policy.form.research:
        research = experience.research
        rows += [
            _rows("experience.research.awards", map(_work, research.awards)),
            _rows("experience.research.papers", map(_work, research.papers)),
            _rows("experience.research.books", map(_work, research.books)),
            _rows("experience.research.patents", map(_work, research.patents)),
        ]
    return rows


def _conduct(form: Form, policy: Policy, uploads: Sequence[Upload]) -> list[Row]:
    conduct, rule = form.conduct, policy.form
    counts = [
        _row(
            f"conduct.{name}",
            "" if value is None else f"{value} {quantity_unit(policy, name)}",
        )
        for name in QUANTITIES
        for value in (getattr(conduct, name),)
    ]
    misconduct = [text for code, text in rule.misconduct if code in conduct.misconduct]
    return [
        _records("conduct.good_records", conduct.has_good, conduct.good_records, rule.good_records, uploads),
        _records("conduct.bad_records", conduct.has_bad, conduct.bad_records, rule.bad_records, uploads),
        _row("conduct.quantity", _yes(conduct.quantity, "合格", "不合格")),
        *counts,
        _row("conduct.quality", _yes(conduct.quality, "合格", "不合格")),
        _row("conduct.task", _yes(conduct.task, "合格", "不合格")),
        _rows("conduct.misconduct", misconduct)
        if misconduct
        else _row("conduct.misconduct", _yes(conduct.has_misconduct, "有", "无")),
        _row("conduct.ethics", ETHICS_LABELS[conduct.ethics] if conduct.ethics else ""),
    ]


def _procedure(form: Form, policy: Policy, uploads: Sequence[Upload]) -> list[Row]:
    chosen = form.procedure
    first = _row("procedure.procedure", PROCEDURE_LABELS[chosen.procedure] if chosen.procedure else "")
    if chosen.procedure is not Procedure.SIMPLE:
        return [first]
    conditions = [each.label for each in policy.form.conditions if each.code in chosen.conditions]
    return [
        first,
        _rows("procedure.conditions", conditions),
        _pictures(PROCEDURE_SLOT, uploads),
        _row("procedure.statement", chosen.statement),
    ]


def _records(
    field: str,
    has: bool | None,  # noqa: FBT001 - the answer to 有 or 无
    records: Sequence[Record],
    classes: Sequence[RecordClass],
    uploads: Sequence[Upload],
) -> Row:
    if not has or not records:
        return _row(field, _yes(has, "有", "无"))
    labels = {each.code: each.label for each in classes}
    entries = tuple(
        Entry(record_text(record, labels.get(record.code, "其他")), of_slot(uploads, record_slot(record.id)))
        for record in records
    )
    return Row(field, FIELD_LABELS[field], entries)


def record_text(record: Record, label: str) -> str:
    """A record in one line, with the cycle that approved it where it was found and filled in."""
    carried = f"（{record.carried_from}已审核通过）" if record.carried_from else ""
    return _joined(label, record.granted_by, _day(record.date), record.content) + carried


def of_slot(uploads: Sequence[Upload], slot: str) -> tuple[Upload, ...]:
    """The pictures in one place of the form."""
    return tuple(each for each in uploads if each.slot == slot)


def picture_ids(found: Iterable[Section]) -> list[UUID]:
    """Of all pictures that these show."""
    return [
        picture.id
        for section in found
        for row in section.rows
        for entry in row.entries
        for picture in entry.pictures
    ]


def _pictures(slot: str, uploads: Sequence[Upload]) -> Row:
    pictures = of_slot(uploads, slot)
    return Row(slot, FIELD_LABELS[slot], (Entry("", pictures),))


def _row(field: str, text: str) -> Row:
    return Row(field, FIELD_LABELS[field], (Entry(text),))


def _rows(field: str, texts: Iterable[str]) -> Row:
    return Row(field, FIELD_LABELS[field], tuple(Entry(text) for text in texts) or (Entry(""),))


def _work(work: Work) -> str:
    return _joined(work.name, work.kind, _day(work.date))


def _joined(*parts: str) -> str:
    return "，".join(part for part in parts if part)


def _span(since: date | None, until: date | None) -> str:
    return f"{_day(since)} 至 {_day(until) or '今'}" if since else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


def _yes(value: bool | None, yes: str, no: str) -> str:  # noqa: FBT001 - a choice of two, and none yet
    return "" if value is None else yes if value else no
