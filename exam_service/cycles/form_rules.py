"""What a province asks for in the registration form: its uploads, records, conditions, words. Pure.

The table ``[form]`` of a policy. Sources: the five manuals, and 医师定期考核管理办法 for what they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from exam_service.errors import Misconfigured
from exam_service.tables import Table

MEGABYTE = 1024 * 1024
STATEMENT_LONGEST = 2000
REASON_LONGEST = 200
LARGEST_UPLOAD_MB = 10


class UploadKind(StrEnum):
    """What a picture that a physician hands in is for."""

    PHOTO = "photo"
    LICENCE = "licence"
    EVIDENCE = "evidence"


class PictureType(StrEnum):
    JPEG = "jpg"
    PNG = "png"


class LockableField(StrEnum):
    """Fields that a province may take from the roster as they are. Name and document are always locked."""

    BIRTH = "birth"
    SEX = "sex"
    QUALIFICATION_NUMBER = "qualification_number"
    PRACTISING_NUMBER = "practising_number"
    CATEGORY = "category"
    LEVEL = "level"


class RecordField(StrEnum):
    """What is asked of one good or bad record, beside its pictures."""

    GRANTED_BY = "granted_by"
    DATE = "date"
    CONTENT = "content"


@dataclass(frozen=True)
class UploadRule:
    """``max_bytes`` of one file; ``most`` files in one place of the form."""

    max_bytes: int
    most: int
    types: tuple[PictureType, ...]

    @property
    def max_megabytes(self) -> int:
        return self.max_bytes // MEGABYTE

    @property
    def type_words(self) -> str:
        return "、".join(_TYPE_WORDS[each] for each in self.types)


_TYPE_WORDS = {PictureType.JPEG: "jpg、jpeg", PictureType.PNG: "png"}


@dataclass(frozen=True)
class RecordClass:
    """A class of 良好行为记录 or 不良行为记录, such as 奖励表彰.

    Attributes:
        most: How many records of the class one form may have.
        pictures: Whether a record needs evidence.
    """

    code: str
    label: str
    fields: tuple[RecordField, ...]
    most: int
    evidence: bool


@dataclass(frozen=True)
class Condition:
    """One of the conditions that each open the simple procedure, or an exemption.

    Attributes:
        years: Of practice that it asks for; a shortfall warns and never blocks.
        good_record: Whether it asks for a good record.
        no_bad_record: Whether a bad record rules it out.
    """

    code: str
    label: str
    years: int | None = None
    good_record: bool = False
    no_bad_record: bool = False


@dataclass(frozen=True)
class FormRule:
    """The registration form of a province.

    Attributes:
        locked: Fields that come from the roster and can't be edited.
        research: Whether there is a page of 科研成果 (Hainan).
        licence: Whether pictures of the licence are asked for.
        photo_hint: What the manual says of the photo.
        recognition: What counts as a good record, in the manual's words; empty where it is silent.
        carried_records: Whether good and bad records that an earlier cycle approved are filled in (Henan).
        quantity_unit: Of the four optional quantities, such as 三年.
        misconduct: The listed misconducts by their code, the manual's number.
        conditions: Of the simple procedure.
        years_until: The day up to which years of practice count; ``None`` for the first day of registration.
        evidence_hint: What to hand in for the simple procedure.
        modification: Whether a registered physician may ask for modifications (Shanxi).
    """

    uploads: Mapping[UploadKind, UploadRule]
    locked: frozenset[LockableField]
    research: bool
    licence: bool
    photo_hint: str
    recognition: str
    carried_records: bool
    good_records: tuple[RecordClass, ...]
    bad_records: tuple[RecordClass, ...]
    quantity_unit: str
    misconduct: tuple[tuple[str, str], ...]
    ethics_references: tuple[str, ...]
    conditions: tuple[Condition, ...]
    years_until: date | None
    evidence_hint: str
    modification: bool


def parse_form(table: Table) -> FormRule:
    """Read the table ``[form]``.

    Raises:
        Misconfigured: Something is missing, unknown, of the wrong kind or out of range; it says where.
    """
    uploads = table.table("uploads")
    rule = FormRule(
        uploads={kind: _upload(uploads.table(kind)) for kind in UploadKind},
        locked=frozenset(
            LockableField(name) for name in table.texts_among("locked", tuple(LockableField), default=())
        ),
        research=table.truth("research"),
        licence=table.truth("licence"),
        photo_hint=table.text("photo_hint"),
        recognition=table.optional_text("recognition"),
        carried_records=table.truth("carried_records"),
        good_records=_records(table, "good_records"),
        bad_records=_records(table, "bad_records"),
        quantity_unit=table.text("quantity_unit"),
        misconduct=_misconduct(table),
        ethics_references=tuple(table.texts("ethics_references", least=1)),
        conditions=parse_conditions(table, "conditions"),
        years_until=table.optional_day("years_until"),
        evidence_hint=table.text("evidence_hint"),
        modification=table.truth("modification"),
    )
    uploads.refuse_the_rest()
    table.refuse_the_rest()
    return rule


def parse_conditions(table: Table, name: str) -> tuple[Condition, ...]:
    """A list of conditions, their codes unique.

    Raises:
        Misconfigured: As :func:`parse_form`.
    """
    found = []
    for each in table.tables(name):
        years = each.integer("years", least=0, most=60, default=0)
        found.append(
            Condition(
                each.text("code"),
                each.text("label"),
                years or None,
                each.truth("good_record", default=False),
                each.truth("no_bad_record", default=False),
            )
        )
        each.refuse_the_rest()
    _refuse_twins(table, name, [condition.code for condition in found])
    return tuple(found)


def _upload(table: Table) -> UploadRule:
    rule = UploadRule(
        table.integer("max_mb", least=1, most=LARGEST_UPLOAD_MB) * MEGABYTE,
        table.integer("most", least=1, most=20),
        tuple(
            PictureType(name)
            for name in table.texts_among("types", tuple(PictureType), default=tuple(PictureType))
        ),
    )
    table.refuse_the_rest()
    return rule


def _records(table: Table, name: str) -> tuple[RecordClass, ...]:
    found = []
    for each in table.tables(name):
        found.append(
            RecordClass(
                each.text("code"),
                each.text("label"),
                tuple(
                    RecordField(field)
                    for field in each.texts_among("fields", tuple(RecordField), default=tuple(RecordField))
                ),
                each.integer("most", least=1, most=50, default=20),
                each.truth("evidence", default=True),
            )
        )
        each.refuse_the_rest()
    _refuse_twins(table, name, [record.code for record in found])
    return tuple(found)


def _misconduct(table: Table) -> tuple[tuple[str, str], ...]:
    found = []
    for each in table.tables("misconduct"):
        found.append((each.text("code"), each.text("text")))
        each.refuse_the_rest()
    _refuse_twins(table, "misconduct", [code for code, _ in found])
    return tuple(found)


def _refuse_twins(table: Table, name: str, codes: list[str]) -> None:
    if len(set(codes)) < len(codes):
        raise Misconfigured(f"{table.path}.{name}: a code is there twice")
