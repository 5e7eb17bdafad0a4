"""What a physician fills in: the form as data, and its way to and from JSON. Pure.

A form may be half done: what hasn't been answered is ``None``, an empty text or an empty list. What is
missing or contradicts itself is said by ``registration.form.checks``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import Procedure
from exam_service.institutions.model import Category, Level, Sex

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


class Employment(StrEnum):
    """在职 or 返聘."""

    EMPLOYED = "employed"
    REHIRED = "rehired"


class EthicsGrade(StrEnum):
    """医德医风自评."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"


EMPLOYMENT_LABELS: Mapping[Employment, str] = {Employment.EMPLOYED: "在职", Employment.REHIRED: "返聘"}
ETHICS_LABELS: Mapping[EthicsGrade, str] = {
    EthicsGrade.EXCELLENT: "优秀",
    EthicsGrade.GOOD: "良好",
    EthicsGrade.FAIR: "一般",
}


@dataclass(frozen=True)
class Basic:
    """基本信息; name and document are the account's."""

    sex: Sex | None = None
    ethnicity: str = ""
    born_on: date | None = None
    education: str = ""
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True)
class Practice:
    """执业信息.

    Attributes:
        specialties: Names of subjects of diagnosis and treatment (诊疗科目) of the department.
        trainee: 规培生: then ``scopes`` may stay empty.
        qualified_on: Of the qualification certificate (医师资格证书).
        licensed_on: Of the practising certificate (医师执业证书): first or newest registration.
    """

    department_id: UUID | None = None
    specialties: tuple[str, ...] = ()
    title: str = ""
    title_on: date | None = None
    position: str = ""
    position_on: date | None = None
    level: Level | None = None
    trainee: bool | None = None
    category: Category | None = None
    scopes: tuple[str, ...] = ()
    employment: Employment | None = None
    qualification_number: str = ""
    qualified_on: date | None = None
    practising_number: str = ""
    licensed_on: date | None = None


@dataclass(frozen=True)
class Filing:
    """多机构备案: another institution where the physician may practise."""

    id: str
    institution: str = ""
    department: str = ""
    position: str = ""


@dataclass(frozen=True)
class Education:
    """教育经历; ``until`` is ``None`` for 至今."""

    id: str
    degree: str = ""
    school: str = ""
    major: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Post:
    """执业经历; ``until`` is ``None`` for 至今."""

    id: str
    institution: str = ""
    title: str = ""
    position: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True)
class Work:
    """One 科研成果: an award, paper, book or patent.

    Attributes:
        kind: 获奖等级, 发表物, 著作类别 or 专利类别, as its list asks.
    """

    id: str
    name: str = ""
    date: date | None = None
    kind: str = ""


@dataclass(frozen=True)
class Research:
    awards: tuple[Work, ...] = ()
    papers: tuple[Work, ...] = ()
    books: tuple[Work, ...] = ()
    patents: tuple[Work, ...] = ()


@dataclass(frozen=True)
class Experience:
    """相关经历, all of it optional."""

    filings: tuple[Filing, ...] = ()
    education: tuple[Education, ...] = ()
    practice: tuple[Post, ...] = ()
    research: Research = field(default_factory=Research)


@dataclass(frozen=True)
class Record:
    """A good or bad record.

    Attributes:
        code: Of its class (``class`` in JSON), see ``cycles.form_rules.RecordClass``.
        carried_from: The cycle whose review approved it, where it was found and filled in; else empty.
    """

    id: str
    code: str
    granted_by: str = ""
    date: date | None = None
    content: str = ""
    carried_from: str = ""


@dataclass(frozen=True)
class Conduct:
    """工作成绩与职业道德自评.

    Attributes:
        quantity, quality, task: 合格 or not.
        patients, operations, examinations, rounds: In the policy's ``quantity_unit``; optional.
        misconduct: Codes of the policy's list.
    """

    has_good: bool | None = None
    good_records: tuple[Record, ...] = ()
    has_bad: bool | None = None
    bad_records: tuple[Record, ...] = ()
    quantity: bool | None = None
    quality: bool | None = None
    task: bool | None = None
    patients: int | None = None
    operations: int | None = None
    examinations: int | None = None
    rounds: int | None = None
    has_misconduct: bool | None = None
    misconduct: tuple[str, ...] = ()
    ethics: EthicsGrade | None = None


@dataclass(frozen=True)
class ProcedureChoice:
    """考核程序: the conditions are codes of the policy's list."""

    procedure: Procedure | None = None
    conditions: tuple[str, ...] = ()
    statement: str = ""


@dataclass(frozen=True)
class Form:
    basic: Basic = field(default_factory=Basic)
    practice: Practice = field(default_factory=Practice)
    experience: Experience = field(default_factory=Experience)
    conduct: Conduct = field(default_factory=Conduct)
    procedure: ProcedureChoice = field(default_factory=ProcedureChoice)

    def to_json(self) -> dict[str, Any]:
        """As it is sealed; :func:`parse_form` reads it."""
        plain: dict[str, Any] = _plain(self)
        return plain


@dataclass(frozen=True)
class PageSave:
    """Which load of a page saves, and its how many-th save that is; no page: something else than a page."""

    page: str = ""
    seq: int = 0


class UploadState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"


UPLOAD_LABELS: Mapping[UploadState, str] = {
    UploadState.PENDING: "正在检查",
    UploadState.ACCEPTED: "已通过检查",
    UploadState.REFUSED: "需要重新上传",
}

PHOTO_SLOT = "photo"
LICENCE_SLOT = "licence"
PROCEDURE_SLOT = "procedure"


def record_slot(record_id: str) -> str:
    """Where the evidence of a good or bad record lies."""
    return f"record.{record_id}"


@dataclass(frozen=True)
class Crop:
    """What is cut out of a picture, in thousandths of its sides."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Upload:
    """A picture that a physician handed in, and what a worker found.

    Attributes:
        slot: Its place: ``photo``, ``licence``, ``procedure``, ``record.<id>``, ``exemption.<id>``.
        evidence_id: Of the re-encoded picture, once it is accepted; ``width`` and ``height`` are its own.
        problem: Why it was refused, as a sentence.
        advice: What would be better and was accepted nevertheless.
        as_face: Whether a face was looked for and found: only with consent.
    """

    id: UUID
    registration_id: UUID
    province_id: str
    account_id: UUID
    kind: UploadKind
    slot: str
    state: UploadState
    crop: Crop | None
    raw_id: UUID | None
    evidence_id: UUID | None
    width: int | None
    height: int | None
    problem: str | None
    advice: str | None
    as_face: bool
    created_at: datetime


@dataclass(frozen=True)
class Return:
    """驳回: a reviewer's reason, and the names of the fields to be corrected."""

    reason: str
    marked: tuple[str, ...]
    at: datetime


def parse_form(raw: Mapping[str, Any]) -> Form:
    """Read what :meth:`Form.to_json` wrote, by this version or an earlier one.

    Raises:
        ValueError: It is something else.
    """
    basic, practice = _table(raw, "basic"), _table(raw, "practice")
    experience, conduct = _table(raw, "experience"), _table(raw, "conduct")
    research, procedure = _table(experience, "research"), _table(raw, "procedure")
    department = practice.get("department_id")
    return Form(
        Basic(
            sex=_choice(basic, "sex", Sex),
            ethnicity=_text(basic, "ethnicity"),
            born_on=_day(basic, "born_on"),
            education=_text(basic, "education"),
            email=_text(basic, "email"),
            mobile=_text(basic, "mobile"),
        ),
        Practice(
            department_id=UUID(department) if department else None,
            specialties=_texts(practice, "specialties"),
            title=_text(practice, "title"),
            title_on=_day(practice, "title_on"),
            position=_text(practice, "position"),
            position_on=_day(practice, "position_on"),
            level=_choice(practice, "level", Level),
            trainee=_truth(practice, "trainee"),
            category=_choice(practice, "category", Category),
            scopes=_texts(practice, "scopes"),
            employment=_choice(practice, "employment", Employment),
            qualification_number=_text(practice, "qualification_number"),
            qualified_on=_day(practice, "qualified_on"),
            practising_number=_text(practice, "practising_number"),
            licensed_on=_day(practice, "licensed_on"),
        ),
        Experience(
            filings=_each(experience, "filings", _filing),
            education=_each(experience, "education", _education),
            practice=_each(experience, "practice", _post),
            research=Research(*(_each(research, each.name, _work) for each in fields(Research))),
        ),
        Conduct(
            has_good=_truth(conduct, "has_good"),
            good_records=_each(conduct, "good_records", _record),
            has_bad=_truth(conduct, "has_bad"),
            bad_records=_each(conduct, "bad_records", _record),
            quantity=_truth(conduct, "quantity"),
            quality=_truth(conduct, "quality"),
            task=_truth(conduct, "task"),
            patients=_count(conduct, "patients"),
            operations=_count(conduct, "operations"),
            examinations=_count(conduct, "examinations"),
            rounds=_count(conduct, "rounds"),
            has_misconduct=_truth(conduct, "has_misconduct"),
            misconduct=_texts(conduct, "misconduct"),
            ethics=_choice(conduct, "ethics", EthicsGrade),
        ),
        ProcedureChoice(
            procedure=_choice(procedure, "procedure", Procedure),
            conditions=_texts(procedure, "conditions"),
            statement=_text(procedure, "statement"),
        ),
    )


def _filing(raw: Mapping[str, Any]) -> Filing:
    return Filing(*(_text(raw, each.name) for each in fields(Filing)))


def _education(raw: Mapping[str, Any]) -> Education:
    return Education(
        _text(raw, "id"),
        _text(raw, "degree"),
        _text(raw, "school"),
        _text(raw, "major"),
        _day(raw, "since"),
        _day(raw, "until"),
    )


def _post(raw: Mapping[str, Any]) -> Post:
    return Post(
        _text(raw, "id"),
        _text(raw, "institution"),
        _text(raw, "title"),
        _text(raw, "position"),
        _day(raw, "since"),
        _day(raw, "until"),
    )


def _work(raw: Mapping[str, Any]) -> Work:
    return Work(_text(raw, "id"), _text(raw, "name"), _day(raw, "date"), _text(raw, "kind"))


def _record(raw: Mapping[str, Any]) -> Record:
    return Record(
        _text(raw, "id"),
        _text(raw, "class"),
        _text(raw, "granted_by"),
        _day(raw, "date"),
        _text(raw, "content"),
        _text(raw, "carried_from"),
    )


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {_json_name(value, each.name): _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return value.value if isinstance(value, StrEnum) else value


def _json_name(owner: object, name: str) -> str:
    return "class" if isinstance(owner, Record) and name == "code" else name


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return _kind(raw.get(name) or {}, dict, name)


def _text(raw: Mapping[str, Any], name: str) -> str:
    return _kind(raw.get(name) or "", str, name)


def _texts(raw: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return tuple(_kind(each, str, name) for each in _kind(raw.get(name) or [], list, name))


def _truth(raw: Mapping[str, Any], name: str) -> bool | None:
    value = raw.get(name)
    return None if value is None else _kind(value, bool, name)


def _count(raw: Mapping[str, Any], name: str) -> int | None:
    value = raw.get(name)
    return None if value is None else _kind(value, int, name)


def _day(raw: Mapping[str, Any], name: str) -> date | None:
    text = _text(raw, name)
    return date.fromisoformat(text) if text else None


def _choice(raw: Mapping[str, Any], name: str, kind: type[E]) -> E | None:
    text = _text(raw, name)
    return kind(text) if text else None


def _each(raw: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], T]) -> tuple[T, ...]:
    entries: Sequence[object] = _kind(raw.get(name) or [], list, name)
    return tuple(read(_kind(each, dict, name)) for each in entries)


def _kind(value: object, kind: type[T], name: str) -> T:
    if not isinstance(value, kind):
        raise ValueError(f"{name}: {type(value).__name__} where {kind.__name__} belongs")  # noqa: TRY004
    return value
