"""申请修改: which fields, what is different, who decides when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any

import pytest

from exam_service.cycles.policy import Policy
from exam_service.errors import Conflict, IllegalMove, Invalid, NotFound
from exam_service.registration.form.answers import entries_of
from exam_service.registration.form.model import (
    Basic,
    Education,
    Employment,
    Experience,
    Form,
    Practice,
)
from exam_service.registration.model import State as Registered
from exam_service.registration.modifications.answering import answered, lists_of
from exam_service.registration.modifications.model import (
    MOVES,
    Changes,
    Request,
    State,
    changeable,
    changes_between,
    check_decision,
    check_may_ask,
    check_move,
    check_request,
    parse_changes,
    with_values,
)
from exam_service.registration.modifications.views import inputs, list_inputs
from tests.factories import ADMITTED, REGISTRATION, a_policy, an_entitlement, an_id

SCHOOL = Education("e1", "本科", "山西医科大学", "临床医学", date(2008, 9, 1), date(2013, 6, 30))
SUBMITTED = Form(
    basic=Basic(ethnicity="汉族", education="本科", email="old@example.com"),
    practice=Practice(title="主治医师", employment=Employment.EMPLOYED, licensed_on=date(2010, 2, 2)),
    experience=Experience(education=(SCHOOL,)),
)


def shanxi() -> Policy:
    return a_policy("shanxi-2024")


def a_request(state: State = State.OPEN) -> Request:
    return Request(an_id(), "shanxi", REGISTRATION, ("basic.email",), "邮箱写错", ADMITTED, state)


def test_where_the_preset_has_none_there_is_no_page() -> None:
    with pytest.raises(NotFound):
        changeable(a_policy("hunan-2026"))


def test_what_reviewers_settled_and_what_the_roster_knows_is_not_asked_for() -> None:
    fields = changeable(shanxi())
    assert {"basic.email", "basic.born_on", "practice.department_id", "experience.education"} <= set(fields)
    for settled in (
        "photo",
        "licence",
        "basic.mobile",
        "practice.category",
        "practice.level",
        "procedure.procedure",
        "conduct.ethics",
        "conduct.good_records",
    ):
        assert settled not in fields
    locked = replace(shanxi().form, locked=a_policy("henan-c6").form.locked)
    assert "basic.born_on" not in changeable(replace(shanxi(), form=locked))


@pytest.mark.parametrize(
    ("state", "requests", "code"),
    [
        (Registered.REGISTERED, [], None),
        (Registered.TESTING, [a_request(State.GRANTED), a_request(State.REFUSED)], None),
        (Registered.REGISTERED, [a_request(State.WITHDRAWN)], None),
        (Registered.REGISTERED, [a_request()], "request_open"),
        (Registered.BODY_REVIEW, [], "not_registered"),
        (Registered.RETURNED, [], "not_registered"),
        (Registered.CONCLUDED, [], "concluded"),
    ],
)
def test_a_registered_physician_asks_once_at_a_time(
    state: Registered, requests: list[Request], code: str | None
) -> None:
    entitled = an_entitlement("shanxi-2024", state=state)
    if code is None:
        check_may_ask(entitled, requests)
        return
    with pytest.raises(Conflict) as refusal:
        check_may_ask(entitled, requests)
    assert refusal.value.code == code


def test_only_what_is_different_is_asked_for_and_both_values_are_kept() -> None:
    new, problems = answered(
        SUBMITTED,
        shanxi(),
        {
            "basic.email": ["new@example.com"],
            "basic.education": ["本科"],
            "practice.licensed_on": ["2010-02-20"],
            "practice.category": ["dental"],
            "conduct.quality": ["no"],
        },
    )
    assert not problems
    changes = changes_between(SUBMITTED, new, list(changeable(shanxi())))
    assert changes == Changes(
        {"basic.email": "old@example.com", "practice.licensed_on": "2010-02-02"},
        {"basic.email": "new@example.com", "practice.licensed_on": "2010-02-20"},
    )
    assert parse_changes(changes.to_json()) == changes
    assert with_values(new, changes.old) == SUBMITTED
    assert with_values(SUBMITTED, changes.new) == new


def test_a_page_that_is_sent_as_it_is_changes_nothing() -> None:
    """Whatever is offered today: a department that was stopped, a degree of another list."""
    stopped = an_id()
    stood = replace(
        SUBMITTED,
        practice=replace(SUBMITTED.practice, department_id=stopped, specialties=("旧专业",)),
        experience=Experience(education=(replace(SCHOOL, degree="旧学历"),)),
    )
    fields = changeable(shanxi())
    sent_back: dict[str, list[str]] = {}
    for field in inputs(stood, fields, {}, {}, {}):
        chosen = [value for value, _ in field.choices]
        sent_back[field.name] = [value for value in field.values if not chosen or value in chosen]
    education = next(each for each in lists_of(shanxi()) if each.name == "education")
    shown = list_inputs(stood, education, ["n1"], {}, {})
    sent_back["entry.education"] = [entry.id for entry in shown.entries]
    for entry in shown.entries:
        for field in entry.fields:
            chosen = [value for value, _ in field.choices]
            sent_back[field.name] = [value for value in field.values if not chosen or value in chosen]
    new, problems = answered(stood, shanxi(), sent_back)
    assert (new, problems) == (stood, {})


def test_what_cannot_be_understood_is_said_at_its_field() -> None:
    new, problems = answered(SUBMITTED, shanxi(), {"practice.licensed_on": ["2010-02-31"]})
    assert new == SUBMITTED
    assert set(problems) == {"practice.licensed_on"}


def sent(**entries: dict[str, str]) -> dict[str, list[str]]:
    """A list of schools as the page sends it."""
    answers = {"entry.education": list(entries)}
    for entry_id, values in entries.items():
        answers |= {f"education.{entry_id}.{name}": [value] for name, value in values.items()}
    return answers


SCHOOL_TYPED = {
    "degree": "本科",
    "school": "山西医科大学",
    "major": "临床医学",
    "since": "2008-09-01",
    "until": "2013-06-30",
}
BLANK = dict.fromkeys(SCHOOL_TYPED, "")


@pytest.mark.parametrize(
    ("answers", "schools", "wrong"),
    [
        ({}, ["山西医科大学"], set()),
        (sent(e1=SCHOOL_TYPED, n1=BLANK), ["山西医科大学"], set()),
        (sent(e1=SCHOOL_TYPED | {"school": "长治医学院"}), ["长治医学院"], set()),
        (sent(e1=SCHOOL_TYPED, n1=SCHOOL_TYPED | {"school": "北大"}), ["山西医科大学", "北大"], set()),
        (sent(e1=SCHOOL_TYPED) | {"remove.education": ["e1"]}, [], set()),
        (
            sent(e1=SCHOOL_TYPED, n1=BLANK | {"school": "北大"}),
            ["山西医科大学"],
            {"education.n1.degree", "education.n1.major", "education.n1.since"},
        ),
    ],
    ids=["not sent", "as it was", "changed", "added", "left out", "half filled in"],
)
def test_entries_of_a_list_are_changed_added_and_left_out(
    answers: dict[str, list[str]], schools: list[str], wrong: set[str]
) -> None:
    education = next(each for each in lists_of(shanxi()) if each.name == "education")
    new, problems = answered(SUBMITTED, shanxi(), answers)
    assert [each.school for each in entries_of(new, education)] == schools
    assert set(problems) == wrong


@pytest.mark.parametrize(
    ("new", "reason", "code"),
    [
        ({"basic.email": "b"}, "邮箱写错", None),
        ({"basic.email": "b"}, "字" * 200, None),
        ({}, "邮箱写错", "nothing_changed"),
        ({"basic.email": "b"}, "", "no_reason"),
        ({"basic.email": "b"}, "字" * 201, "reason_too_long"),
    ],
)
def test_a_request_changes_something_for_a_reason(new: dict[str, Any], reason: str, code: str | None) -> None:
    changes = Changes(dict.fromkeys(new, "a"), new)
    if code is None:
        check_request(changes, reason)
        return
    with pytest.raises(Invalid) as refusal:
        check_request(changes, reason)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("state", "granted", "reason", "code"),
    [
        (State.OPEN, True, "", None),
        (State.OPEN, False, "与证书不符", None),
        (State.OPEN, False, "", "no_reason"),
        (State.OPEN, True, "字" * 201, "reason_too_long"),
        (State.GRANTED, True, "", "already_decided"),
        (State.REFUSED, True, "", "already_decided"),
        (State.WITHDRAWN, True, "", "withdrawn"),
    ],
)
def test_the_institution_decides_once(state: State, reason: str, code: str | None, *, granted: bool) -> None:
    if code is None:
        check_decision(a_request(state), granted=granted, reason=reason)
        return
    with pytest.raises((Conflict, Invalid)) as refusal:
        check_decision(a_request(state), granted=granted, reason=reason)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(State, State) if pair[1] not in MOVES[pair[0]]]
)
def test_what_is_decided_stays(before: State, after: State) -> None:
    with pytest.raises(IllegalMove):
        check_move(an_id(), before, after)
