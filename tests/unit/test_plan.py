"""Days of a cycle as they are typed, in order, and changed within what has begun."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from exam_service.cycles.plan import Plan, check_change, check_plan, read_plan, typed
from exam_service.cycles.policy import Stage, preset_names, read_preset
from exam_service.errors import BadFields

HUNAN = read_preset("hunan-2026")
PLAN = Plan(
    "2026年", HUNAN.stages, (date(2026, 5, 11), date(2026, 5, 20)), (date(2026, 6, 1), date(2026, 6, 5))
)


def problems(plan: Plan) -> dict[str, str]:
    try:
        check_plan(plan, HUNAN)
    except BadFields as error:
        return error.problems
    return {}


def test_the_days_of_the_manual_are_in_order() -> None:
    assert problems(PLAN) == {}


def test_a_plan_reads_back_as_it_was_typed() -> None:
    assert read_plan(typed(PLAN)) == PLAN


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("registration_from", "2026-03-01", "registration_from"),
        ("registration_until", "2026-05-10", "review_until"),
        ("review_from", "2026-04-01", "review_from"),
        ("exemption_applications_from", "2026-04-01", "exemption_applications_from"),
        ("exemption_review_until", "2026-05-01", "exemption_review_until"),
        ("tests_until", "2026-04-10", "tests_until"),
        ("tests_from", "2026-06-30", "tests_until"),
        ("makeup_from", "2026-05-01", "makeup_from"),
        ("registration_from", "soon", "registration_from"),
        ("registration_from", "", "registration_from"),
        ("title", " ", "title"),
    ],
)
def test_what_is_out_of_order_is_said_at_its_field(name: str, value: str, field: str) -> None:
    fields = typed(PLAN) | {name: value}
    if name == "registration_from" and value == "":
        fields["registration_until"] = ""
    with pytest.raises(BadFields) as refusal:
        check_plan(read_plan(fields), HUNAN)
    assert field in refusal.value.problems


@pytest.mark.parametrize("preset", preset_names())
def test_exemptions_have_days_only_where_the_policy_gives_them_a_stage(preset: str) -> None:
    policy = read_preset(preset)
    stages = {stage: PLAN.stages[stage] for stage in (Stage.REGISTRATION, Stage.REVIEW)}
    plan = replace(PLAN, stages=stages)
    if policy.exemption.own_stage:
        with pytest.raises(BadFields):
            check_plan(plan, policy)
    else:
        check_plan(plan, policy)


def days(first: str, last: str) -> tuple[date, date]:
    return date.fromisoformat(f"2026-{first}"), date.fromisoformat(f"2026-{last}")


NOON = datetime(2026, 5, 15, 4, tzinfo=UTC)  # the tests are on, make-up is to come


@pytest.mark.parametrize(
    ("tests", "makeup", "wrong"),
    [
        (days("05-11", "05-25"), days("06-01", "06-05"), set()),
        (days("05-11", "05-15"), days("06-01", "06-05"), set()),
        (days("05-11", "05-14"), days("06-01", "06-05"), {"tests_until"}),
        (days("05-12", "05-20"), days("06-01", "06-05"), {"tests_from"}),
        (days("05-16", "05-20"), days("06-01", "06-05"), {"tests_from"}),
        (days("05-11", "05-20"), None, set()),
        (days("05-11", "05-20"), days("05-21", "05-25"), set()),
        (days("05-11", "05-20"), days("05-12", "05-14"), {"makeup_from", "makeup_until"}),
    ],
)
def test_what_has_begun_keeps_its_beginning_and_nothing_ends_before_today(
    tests: tuple[date, date], makeup: tuple[date, date] | None, wrong: set[str]
) -> None:
    found: set[str] = set()
    try:
        check_change(PLAN, replace(PLAN, tests=tests, makeup=makeup), NOON)
    except BadFields as error:
        found = set(error.problems)
    assert found == wrong


def test_what_is_over_is_left_as_it_is() -> None:
    check_change(PLAN, replace(PLAN, title="改名"), datetime(2026, 8, 1, tzinfo=UTC))


def test_makeup_that_has_begun_is_not_taken_away() -> None:
    with pytest.raises(BadFields):
        check_change(PLAN, replace(PLAN, makeup=None), datetime(2026, 6, 2, tzinfo=UTC))
