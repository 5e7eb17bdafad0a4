"""What a form lacks, per preset, as tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from exam_service.cycles.policy import Procedure, preset_names
from exam_service.institutions.model import RosterDetails, Sex
from exam_service.registration.form.answers import (
    entry_lists,
    read_entry,
    typed,
    with_answers,
    with_entry,
    without_entry,
)
from exam_service.registration.form.checks import (
    Facts,
    Shortfall,
    of_step,
    problems,
    wrong,
    years_between,
    years_shortfall,
)
from exam_service.registration.form.fields import FIELD_LABELS, STEPS, Step, fields_of, step_of
from exam_service.registration.form.model import Form, ProcedureChoice, Record, UploadState, record_slot
from exam_service.registration.form.prefill import Known, locked_fields, prefilled, years_of_practice
from exam_service.registration.form.view import Owner, sections
from tests.factories import a_policy, a_registration
from tests.forms import DEPARTMENT, SPECIALTY, a_form, an_upload

HUNAN, HENAN, SHANXI = a_policy("hunan-2026"), a_policy("henan-c6"), a_policy("shanxi-2024")
FACTS = Facts({DEPARTMENT: (SPECIALTY,)}, date(2026, 5, 1))
PICTURES = (an_upload("photo"), an_upload("licence"))
EVIDENCE = an_upload("procedure")
AWARD = Record("r1", "award", "市卫生健康委", date(2025, 5, 1), "优秀医师")


def changed(**parts: dict[str, Any]) -> Form:
    """The complete form with fields of its parts changed."""
    form = a_form()
    return replace(form, **{name: replace(getattr(form, name), **values) for name, values in parts.items()})


def simple(*conditions: str, **conduct: Any) -> Form:
    return changed(
        procedure={"procedure": Procedure.SIMPLE, "conditions": conditions, "statement": "述职"},
        conduct=conduct,
    )


@pytest.mark.parametrize("preset", preset_names())
def test_a_complete_form_may_be_submitted_everywhere(preset: str) -> None:
    assert problems(a_form(), PICTURES, a_policy(preset), FACTS) == {}


@pytest.mark.parametrize("preset", preset_names())
def test_an_empty_form_lacks_what_the_manual_marks(preset: str) -> None:
    policy = a_policy(preset)
    found = problems(Form(), (), policy, FACTS)

    assert ("licence" in found) is policy.form.licence
    assert {"photo", "basic.sex", "practice.category", "conduct.good_records", "procedure.procedure"} <= set(
        found
    )
    optional = {"practice.position", "practice.title_on", "conduct.patients", "experience.filings"}
    assert not optional & set(found)
    assert all(sentence.endswith(("。", "）")) for sentence in found.values())


@pytest.mark.parametrize(
    ("form", "field", "words"),
    [
        (changed(basic={"email": "kein"}), "basic.email", "格式不正确"),
        (changed(basic={"mobile": ""}), "basic.mobile", "手机号"),
        (changed(practice={"licensed_on": date(2027, 1, 1)}), "practice.licensed_on", "不能晚于今天"),
        (changed(practice={"licensed_on": date(1980, 1, 1)}), "practice.licensed_on", "早于出生"),
        (changed(practice={"practising_number": "一二三"}), "practice.practising_number", "只含数字和字母"),
        (changed(practice={"department_id": UUID(int=1)}), "practice.department_id", "停用"),
        (changed(practice={"specialties": ("骨科专业",)}), "practice.specialties", "不属于该科室"),
        (changed(practice={"scopes": ("口腔专业",)}), "practice.scopes", "不属于该执业类别"),
        (changed(practice={"scopes": ()}), "practice.scopes", "规培生可不选"),
        (changed(conduct={"has_misconduct": True}), "conduct.misconduct", "勾选具体情形"),
        (changed(conduct={"has_good": True}), "conduct.good_records", "至少添加一项良好"),
        (changed(conduct={"has_bad": None}), "conduct.bad_records", "有或无"),
        (changed(conduct={"has_good": True, "good_records": (AWARD,)}), "conduct.good_records", "佐证材料"),
        (simple(), "procedure.conditions", "选择符合的条件"),
        (simple("five_years"), "procedure.conditions", "添加，或改选其他条件"),
        (simple("twelve_years", has_bad=True), "procedure.conditions", "没有不良行为记录"),
        (simple("twelve_years"), "procedure", "证明材料"),
    ],
)
def test_what_stands_in_the_way_is_said_at_its_field(form: Form, field: str, words: str) -> None:
    found = problems(form, PICTURES, HUNAN, FACTS)
    assert words in found[field]


def test_a_trainee_may_leave_the_scope_empty() -> None:
    form = changed(practice={"scopes": (), "trainee": True})
    assert "practice.scopes" not in problems(form, PICTURES, HUNAN, FACTS)


@pytest.mark.parametrize("state", [UploadState.PENDING, UploadState.REFUSED])
def test_a_picture_counts_once_it_is_accepted(state: UploadState) -> None:
    found = problems(a_form(), (an_upload("photo", state), an_upload("licence")), HUNAN, FACTS)
    assert set(found) == {"photo"}


def test_the_simple_procedure_with_its_record_and_evidence_is_complete() -> None:
    form = simple("five_years", has_good=True, good_records=(AWARD,))
    pictures = (*PICTURES, EVIDENCE, an_upload(record_slot("r1")))
    assert problems(form, pictures, HUNAN, FACTS) == {}


def test_a_carried_record_needs_no_evidence_and_no_place() -> None:
    carried = replace(AWARD, carried_from="第五周期")
    form = changed(conduct={"has_good": True, "good_records": (carried, replace(AWARD, id="r2"))})
    pictures = (an_upload("photo"), an_upload(record_slot("r2")))
    assert problems(form, pictures, HENAN, FACTS) == {}  # one of each class, and this one is extra


def test_problems_come_in_the_order_of_the_form() -> None:
    order = list(FIELD_LABELS)
    found = [order.index(field) for field in problems(Form(), (), HUNAN, FACTS)]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("since", "until", "years"),
    [
        (date(2014, 9, 5), date(2025, 12, 31), 11),
        (date(2013, 12, 31), date(2025, 12, 31), 12),
        (date(2014, 1, 1), date(2025, 12, 31), 11),
        (date(2016, 2, 29), date(2017, 2, 28), 0),
    ],
)
def test_years_are_whole_years(since: date, until: date, years: int) -> None:
    assert years_between(since, until) == years


@pytest.mark.parametrize(
    ("conditions", "years", "hint"),
    [
        (("twelve_years",), 12, None),
        (("twelve_years",), 11, "计算为11年，少于所选条件的12年"),
        (("five_years",), 11, None),
        (("five_years",), None, "没有查到您的执业时间"),
        (("residency",), 0, None),
    ],
)
def test_a_shortfall_of_years_is_a_hint_that_never_blocks(
    conditions: tuple[str, ...], years: int | None, hint: str | None
) -> None:
    form = simple(*conditions, has_good=True, good_records=(AWARD,))
    short = years_shortfall(form, HUNAN, years)
    assert (hint in short.to_physician) if hint else short is None  # type: ignore[union-attr]
    pictures = (*PICTURES, EVIDENCE, an_upload(record_slot("r1")))
    assert problems(form, pictures, HUNAN, FACTS) == {}


@pytest.mark.parametrize("years", [None, 3])
def test_a_shortfall_speaks_to_whoever_reads_it(years: int | None) -> None:
    short = Shortfall(years, 5)
    assert "请另外上传" in short.to_physician
    assert "您" not in short.to_reviewers
    assert "请查看医师是否另外上传" in short.to_reviewers
    assert "所选条件的5年" in short.to_reviewers


@pytest.mark.parametrize(
    ("field", "typed_", "value"),
    [
        ("basic.born_on", "1988-03-13", date(1988, 3, 13)),
        ("basic.born_on", "1988/3/13", date(1988, 3, 13)),
        ("basic.born_on", "1988年3月13日", date(1988, 3, 13)),
        ("basic.born_on", "", None),
        ("basic.sex", "female", Sex.FEMALE),
        ("practice.trainee", "no", False),
        ("conduct.patients", " 3000 ", 3000),
        ("procedure.statement", "一\r\n二 ", "一\n二"),
    ],
)
def test_what_is_typed_becomes_a_value(field: str, typed_: str, value: object) -> None:
    form, found = with_answers(Form(), step_of(field), {field: [typed_]})
    part, _, name = field.partition(".")
    assert found == {}
    assert getattr(getattr(form, part), name) == value


@pytest.mark.parametrize(
    ("field", "typed_"),
    [
        ("basic.born_on", "1988-02-30"),
        ("basic.born_on", "gestern"),
        ("basic.born_on", "0001-01-01"),
        ("basic.sex", "other"),
        ("practice.department_id", "nope"),
        ("conduct.patients", "-1"),
        ("conduct.patients", "3000人"),
        ("conduct.patients", "9" * 5000),
        ("procedure.statement", "字" * 2001),
    ],
)
def test_what_cannot_be_understood_changes_nothing(field: str, typed_: str) -> None:
    form, found = with_answers(a_form(), step_of(field), {field: [typed_]})
    assert set(found) == {field}
    assert form == a_form()


def test_a_page_changes_its_own_fields_and_those_it_sends() -> None:
    sent = {"basic.email": ["other@example.com"], "conduct.rounds": ["7"]}
    form, _ = with_answers(a_form(), Step.BASIC, sent)
    assert form == changed(basic={"email": "other@example.com"})


def test_what_a_page_shows_reads_back_the_same() -> None:
    form = Form()
    for step in STEPS:
        form, found = with_answers(form, step, typed(a_form()))
        assert found == {}
    assert form == a_form()


def test_entries_are_put_in_and_taken_out() -> None:
    filings = entry_lists(HUNAN)["filings"]
    entry, found = read_entry(filings, "e1", {"institution": ["乙医院"], "department": ["外科"]})
    assert found == {}
    form = with_entry(a_form(), filings, entry)
    assert form.experience.filings == (entry,)
    assert without_entry(form, filings, "e1") == a_form()


def test_a_time_that_ends_before_it_begins_is_said() -> None:
    answers = {"institution": ["乙"], "title": ["无职称"], "since": ["2020-01-01"], "until": ["2019-01-01"]}
    _, found = read_entry(entry_lists(HUNAN)["practice"], "e1", answers)
    assert set(found) == {"until"}


def test_hainan_alone_asks_for_research() -> None:
    assert [name for name in preset_names() if "papers" in entry_lists(a_policy(name))] == ["hainan-2024"]
    assert "experience.research.awards" not in fields_of(HUNAN)


NUMBER = "11010519491231002X"


def known(**changes: Any) -> Known:
    everything = Known(
        a_registration(),
        NUMBER,
        None,
        None,
        RosterDetails("201443110430611988031300", None, "110430000000001"),
    )
    return replace(everything, **changes)


def test_birth_and_sex_are_read_from_the_identity_number() -> None:
    form = prefilled(Form(), known(), HUNAN)
    assert (form.basic.born_on, form.basic.sex) == (date(1949, 12, 31), Sex.FEMALE)


@pytest.mark.parametrize(
    ("preset", "locked"),
    [
        ("henan-c6", {"basic.born_on"}),
        ("dingkaotong-2023", {"practice.qualification_number", "practice.practising_number"}),
        ("hunan-2026", set()),
    ],
)
def test_what_a_province_locks_is_taken_from_the_roster(preset: str, locked: set[str]) -> None:
    policy = a_policy(preset)
    typed_by_hand = changed(basic={"born_on": date(2000, 1, 1)}, practice={"practising_number": "999999"})

    form = prefilled(typed_by_hand, known(), policy)

    assert locked_fields(known(), policy) == locked
    assert (form.basic.born_on == date(1949, 12, 31)) is ("basic.born_on" in locked)
    assert (form.practice.practising_number == "110430000000001") is ("practice.practising_number" in locked)


def test_what_the_roster_does_not_know_can_be_filled_in() -> None:
    nothing = known(details=RosterDetails(), number="E12345678")
    assert locked_fields(nothing, a_policy("dingkaotong-2023")) == frozenset()
    assert locked_fields(nothing, HENAN) == frozenset()


def test_years_count_up_to_the_day_of_the_policy() -> None:
    form = changed(practice={"licensed_on": date(2014, 1, 1)})
    assert years_of_practice(form, known(), HUNAN, date(2026, 4, 13)) == 11
    assert years_of_practice(form, known(), HENAN, date(2026, 4, 13)) == 12


@pytest.mark.parametrize("preset", preset_names())
def test_the_form_for_reading_has_every_field_that_can_be_marked(preset: str) -> None:
    policy = a_policy(preset)
    form = simple("five_years", has_good=True, good_records=(AWARD,))

    shown = sections(form, policy, Owner("张三", "身份证", "110***********002X"), "内科", PICTURES)

    fields = {row.field for section in shown for row in section.rows if row.field}
    assert fields == set(fields_of(policy))
    assert shown[0].title == policy.labels["step_basic"]


def test_wrong_answers_belong_to_their_page() -> None:
    form = changed(basic={"email": "kein"}, practice={"scopes": ("口腔专业",)})
    assert set(of_step(wrong(form, SHANXI, FACTS), Step.BASIC)) == {"basic.email"}


def test_an_unknown_choice_of_procedure_is_general_until_chosen() -> None:
    assert "procedure" not in problems(a_form(procedure=ProcedureChoice()), PICTURES, HUNAN, FACTS)
