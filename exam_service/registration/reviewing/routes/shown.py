"""What pages show of lists, forms and decisions, and how addresses carry a filter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from exam_service.accounts.identity import DOCUMENT_LABELS, DocumentType
from exam_service.accounts.model import Principal
from exam_service.clock import in_china
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import Procedure, ReviewLevel
from exam_service.institutions.model import CATEGORY_LABELS, LEVEL_LABELS, Category, Level
from exam_service.registration.form.fields import FIELD_LABELS
from exam_service.registration.form.model import ETHICS_LABELS, EthicsGrade
from exam_service.registration.form.view import Owner, Section, sections
from exam_service.registration.model import PROCEDURE_LABELS, RESULT_LABELS, Result, State, label_for_staff
from exam_service.registration.reviewing.filters import (
    AGE_LABELS,
    Age,
    Filter,
    Listed,
    Tab,
    age_on,
)
from exam_service.registration.reviewing.model import (
    CHECK_LABELS,
    DECISION_LABELS,
    DOUBT_LABELS,
    REVIEW_LABELS,
    Decision,
    Doubt,
    Ratings,
    Review,
)
from exam_service.registration.reviewing.usecases import Dossier

E = TypeVar("E", bound=StrEnum)
LONGEST_NAME = 40
STATE_KINDS: Mapping[State, str] = {
    State.INSTITUTION_REVIEW: "warn",
    State.BODY_REVIEW: "warn",
    State.RETURNED: "bad",
    State.DRAFT: "bad",
    State.REGISTERED: "good",
    State.TESTING: "good",
    State.CONCLUDED: "info",
}


def home_of(principal: Principal) -> str:
    """Where the reviews of a level are."""
    return f"/{principal.role}/reviews"


def read_filter(query: Mapping[str, str]) -> Filter:
    """What an address says; what it says wrongly narrows nothing."""
    bad = query.get("bad", "")
    return Filter(
        institution_id=_id(query.get("institution")),
        department_id=_id(query.get("department")),
        name=query.get("name", "").replace("\0", "").strip()[:LONGEST_NAME],
        age=_choice(query, "age", Age),
        category=_choice(query, "category", Category),
        level=_choice(query, "level", Level),
        bad_records={"yes": True, "no": False}.get(bad),
        procedure=_choice(query, "procedure", Procedure),
    )


def read_tab(query: Mapping[str, str], tabs: Iterable[Tab]) -> Tab:
    tab = _choice(query, "tab", Tab)
    return tab if tab in set(tabs) else Tab.AWAITING


def filter_query(wanted: Filter) -> dict[str, str]:
    """As :func:`read_filter` reads it."""
    bad = "" if wanted.bad_records is None else "yes" if wanted.bad_records else "no"
    said = {
        "institution": wanted.institution_id,
        "department": wanted.department_id,
        "name": wanted.name,
        "age": wanted.age,
        "category": wanted.category,
        "level": wanted.level,
        "bad": bad,
        "procedure": wanted.procedure,
    }
    return {name: str(value) for name, value in said.items() if value}


def address(path: str, *queries: Mapping[str, str]) -> str:
    """A path with all that its queries say."""
    together = {name: value for query in queries for name, value in query.items() if value}
    return f"{path}?{urlencode(together)}" if together else path


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _choice(query: Mapping[str, str], name: str, kind: type[E]) -> E | None:
    try:
        return kind(query.get(name, ""))
    except ValueError:
        return None


def options(wanted: Filter, departments: Mapping[UUID, str]) -> list[dict[str, Any]]:
    """The filter's selections: name, label, and choices with the chosen one."""
    bad = "" if wanted.bad_records is None else "yes" if wanted.bad_records else "no"
    department = str(wanted.department_id or "")
    found: list[tuple[str, str, str, list[tuple[str, str]]]] = [
        ("age", "年龄", str(wanted.age or ""), [(each.value, label) for each, label in AGE_LABELS.items()]),
        (
            "category",
            "执业类别",
            str(wanted.category or ""),
            [(each.value, label) for each, label in CATEGORY_LABELS.items()],
        ),
        (
            "level",
            "医师级别",
            str(wanted.level or ""),
            [(each.value, label) for each, label in LEVEL_LABELS.items()],
        ),
        ("bad", "不良记录", bad, [("no", "无"), ("yes", "有")]),
        (
            "procedure",
            "考核程序",
            str(wanted.procedure or ""),
            [(each.value, label) for each, label in PROCEDURE_LABELS.items()],
        ),
    ]
    if departments:
        found.insert(
            0, ("department", "科室", department, [(str(key), name) for key, name in departments.items()])
        )
    return [
        {"name": name, "label": label, "chosen": chosen, "choices": choices}
        for name, label, chosen, choices in found
    ]


def listed(row: Listed, cycle: Cycle, masked: Mapping[UUID, str], at: Any) -> dict[str, Any]:
    """A row of a list."""
    age = age_on(row.born_on, day_in_china(at))
    return {
        "id": str(row.id),
        "name": row.name,
        "number": masked.get(row.account_id, ""),
        "institution": row.institution,
        "department": row.department or "",
        "age": "" if age is None else str(age),
        "category": CATEGORY_LABELS[row.category],
        "level": LEVEL_LABELS[row.level],
        "licensed_on": row.licensed_on.isoformat() if row.licensed_on else "",
        "first_registered_on": row.first_registered_on.isoformat() if row.first_registered_on else "",
        "bad": row.has_bad_records,
        "procedure": PROCEDURE_LABELS[row.procedure],
        "state": state_shown(row.state, row.result, cycle),
        "submitted": in_china(row.submitted_at).strftime("%m-%d %H:%M"),
    }


def state_shown(state: State, result: Result | None, cycle: Cycle) -> tuple[str, str]:
    """A state in the manual's words, with its kind."""
    if result is not None:
        kind = "good" if result is Result.PASSED else "bad"
        return kind, f"{cycle.policy.labels[State.CONCLUDED]}·{RESULT_LABELS[result]}"
    return STATE_KINDS.get(state, "muted"), label_for_staff(state, cycle.policy.labels)


def doubt_labels(found: Iterable[Doubt]) -> list[str]:
    return [DOUBT_LABELS[doubt] for doubt in found]


def verdict(fit: bool) -> str:  # noqa: FBT001 - 合格 or 不合格
    return "合格" if fit else "不合格"


def ratings_shown(ratings: Ratings, cycle: Cycle) -> list[tuple[str, str, bool]]:
    """Label, words, and whether it is 合格."""
    labels = cycle.policy.labels
    rows = [
        ("完成工作数量", verdict(ratings.quantity), ratings.quantity),
        ("完成工作质量", verdict(ratings.quality), ratings.quality),
        ("完成政府指令性工作情况", verdict(ratings.task), ratings.task),
        (labels["performance"], verdict(ratings.performance), ratings.performance),
        (f"{labels['ethics']}等次", ETHICS_LABELS[ratings.grade], True),
        ("职业道德", verdict(ratings.ethics), ratings.ethics),
    ]
    named = dict(cycle.policy.form.misconduct)
    rows += [("所列情形", named.get(code, code), False) for code in ratings.misconduct]
    return rows


def review_shown(review: Review) -> dict[str, Any]:
    """One decision, for the list of them."""
    kinds = {Decision.APPROVED: "good", Decision.UNDONE: "muted"}
    words = DECISION_LABELS[review.decision]
    if review.ratings is not None:
        result = verdict(review.ratings.result is Result.PASSED)
        words += f"，评定{result}"
        if review.upheld is not None:
            words += "（维持机构评定）" if review.upheld else "（改变机构评定）"
    return {
        "kind": kinds.get(review.decision, "bad"),
        "level": REVIEW_LABELS[review.level],
        "words": words,
        "by": review.reviewer,
        "at": in_china(review.decided_at).strftime("%Y-%m-%d %H:%M"),
        "reason": review.reason,
        "marked": [FIELD_LABELS.get(name, name) for name in review.marked],
    }


def form_sections(found: Dossier) -> list[Section]:
    """The form as the shared macro shows it; the number is whole, for it is compared with the pictures."""
    document = DOCUMENT_LABELS[DocumentType(found.person.document_type)]
    owner = Owner(found.person.name, document, found.number)
    return sections(found.read.form, found.cycle.policy, owner, found.department, found.uploads)


def key_facts(found: Dossier) -> list[tuple[str, str]]:
    """What a reviewer compares with the pictures, in one place beside them."""
    form = found.read.form
    practice = form.practice
    return [
        ("姓名", found.person.name),
        ("证件号码", found.number),
        ("主要执业机构", found.person.institution),
        ("科室", found.department or ""),
        ("执业类别", CATEGORY_LABELS[found.registration.category]),
        ("医师级别", LEVEL_LABELS[found.registration.level]),
        ("执业证书编号", practice.practising_number),
        ("执业证取得时间", practice.licensed_on.isoformat() if practice.licensed_on else ""),
        ("考核程序", PROCEDURE_LABELS[found.registration.procedure]),
    ]


def gallery(found: list[Section], path: str) -> list[dict[str, Any]]:
    """All pictures of a form in its order, with where each belongs."""
    shown = []
    for section in found:
        for row in section.rows:
            pictures = [picture for entry in row.entries for picture in entry.pictures]
            for number, picture in enumerate(pictures, start=1):
                label = f"{row.label} {number}/{len(pictures)}" if len(pictures) > 1 else row.label
                shown.append(
                    {
                        "label": label,
                        "field": row.field,
                        "href": f"{path}/{picture.id}" if picture.state == "accepted" else None,
                        "problem": picture.problem or "正在检查，请稍后刷新",
                        "advice": picture.advice or "",
                        "width": picture.width or 1,
                        "height": picture.height or 1,
                    }
                )
    return shown


def checks_shown(found: Dossier, ticked: Iterable[str]) -> list[dict[str, Any]]:
    """The level's checklist, with what is ticked."""
    chosen = set(ticked)
    return [
        {"code": check.value, "label": CHECK_LABELS[check], "ticked": check in chosen}
        for check in found.wanted
    ]


GRADES = [(grade.value, label) for grade, label in ETHICS_LABELS.items()]


def read_grade(text: str) -> EthicsGrade | None:
    try:
        return EthicsGrade(text)
    except ValueError:
        return None


def is_body(level: ReviewLevel) -> bool:
    return level is ReviewLevel.BODY
