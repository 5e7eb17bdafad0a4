"""The fields of a request as its page shows them: what may be chosen, what was typed, what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from exam_service.institutions.model import SEX_LABELS
from exam_service.registration.form.answers import (
    Answers,
    EntryList,
    entries_of,
    typed,
    typed_entry,
)
from exam_service.registration.form.fields import educations, ethnicities, scopes, titles
from exam_service.registration.form.model import EMPLOYMENT_LABELS, Form

NEW_ENTRIES = 2
"""Empty entries at the end of each list, to be filled in."""
_DAYS = frozenset(
    {
        "basic.born_on",
        "practice.title_on",
        "practice.position_on",
        "practice.qualified_on",
        "practice.licensed_on",
    }
)
_MANY = frozenset({"practice.specialties", "practice.scopes"})


@dataclass(frozen=True)
class Field:
    """An input. ``kind``: text, email, day, choice or many; ``choices``: (value, label) of the last two."""

    name: str
    label: str
    kind: str
    values: Sequence[str]
    choices: Sequence[tuple[str, str]] = ()
    problem: str = ""


@dataclass(frozen=True)
class EntryInputs:
    """An entry of a list: its id, whether it is there already, whether it is ticked to be left out."""

    id: str
    is_new: bool
    is_removed: bool
    fields: Sequence[Field]


@dataclass(frozen=True)
class ListInputs:
    name: str
    title: str
    entries: Sequence[EntryInputs]
    problem: str = ""


def inputs(
    form: Form,
    fields: Mapping[str, str],
    departments: Mapping[UUID, tuple[str, Sequence[str]]],
    answers: Answers,
    problems: Mapping[str, str],
) -> list[Field]:
    """The single fields, in the order of the form.

    Args:
        fields: Names and labels of those that may be changed.
        departments: Names and specialties by id.
        answers: What was typed, where the page was sent before.
    """
    stands = typed(form)
    shown = {name: list(answers.get(name, stands[name])) for name in fields if name in stands}
    chosen = (shown.get("practice.department_id") or [""])[-1]
    known = {str(each): each for each in departments}
    specialties = departments[known[chosen]][1] if chosen in known else ()
    plain: Mapping[str, Sequence[tuple[str, str]]] = {
        "basic.sex": [(each.value, label) for each, label in SEX_LABELS.items()],
        "basic.ethnicity": _same(ethnicities()),
        "basic.education": _same(educations()),
        "practice.department_id": [(str(each), name) for each, (name, _) in departments.items()],
        "practice.specialties": _same(specialties),
        "practice.title": _same(titles()),
        "practice.trainee": [("yes", "是"), ("no", "否")],
        "practice.scopes": _same(scopes(form.practice.category)),
        "practice.employment": [(each.value, label) for each, label in EMPLOYMENT_LABELS.items()],
    }
    found = []
    for name, values in shown.items():
        kind = "many" if name in _MANY else "choice" if name in plain else "day" if name in _DAYS else "text"
        if name == "basic.email":
            kind = "email"
        found.append(
            Field(
                name,
                fields[name],
                kind,
                [value for value in values if value or kind != "many"],
                _with_present(plain.get(name, ()), stands[name], name) if kind in {"choice", "many"} else (),
                problems.get(name, ""),
            )
        )
    return found


def _with_present(
    choices: Sequence[tuple[str, str]], present: Sequence[str], name: str
) -> list[tuple[str, str]]:
    """With what stands there and is offered no more: a page that is sent as it is must change nothing."""
    offered = {value for value, _ in choices}
    gone = [value for value in present if value and value not in offered]
    label = "原科室（已停用）" if name == "practice.department_id" else ""
    return [*choices, *((value, label or value) for value in gone)]


def list_inputs(
    form: Form, entry_list: EntryList, new_ids: Sequence[str], answers: Answers, problems: Mapping[str, str]
) -> ListInputs:
    """A list with an input for everything, and empty entries at its end.

    Args:
        new_ids: Ids of the empty entries.
    """
    stored = {each.id: typed_entry(each) for each in entries_of(form, entry_list)}
    sent = [each for each in answers.get(f"entry.{entry_list.name}", ()) if each not in stored]
    removed = set(answers.get(f"remove.{entry_list.name}", ()))
    entries = []
    for entry_id in (*stored, *(sent or new_ids)):
        prefix = f"{entry_list.name}.{entry_id}."
        entries.append(
            EntryInputs(
                entry_id,
                entry_id not in stored,
                entry_id in removed,
                [
                    Field(
                        prefix + each.name,
                        each.label,
                        each.kind,
                        list(answers.get(prefix + each.name, [stored.get(entry_id, {}).get(each.name, "")])),
                        _with_present(
                            _same(each.choices), [stored.get(entry_id, {}).get(each.name, "")], each.name
                        )
                        if each.choices
                        else (),
                        problems.get(prefix + each.name, ""),
                    )
                    for each in entry_list.fields
                ],
            )
        )
    return ListInputs(entry_list.name, entry_list.title, entries, problems.get(entry_list.field, ""))


def _same(values: Sequence[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]
