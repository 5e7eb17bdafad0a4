"""Where a physician stands, and the one thing to do next."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from exam_service.cycles.policy import Procedure, Subject
from exam_service.home.model import PhysicianHome, physician_home
from exam_service.papers.model import Attempt, State
from exam_service.papers.retakes import offers_of
from exam_service.registration.model import STATE_LABELS, TESTABLE, Entitlement
from exam_service.registration.model import State as RegistrationState
from tests.factories import (
    ADMITTED,
    an_attempt,
    an_entitlement,
    at,
    failed_attempt,
    passed_attempt,
    rule_of,
)

REGISTERED, TESTING = RegistrationState.REGISTERED, RegistrationState.TESTING
HUMANITIES, PROFESSIONAL = Subject.HUMANITIES, Subject.PROFESSIONAL


def home(entitled: Entitlement, attempts: Sequence[Attempt] = (), seconds: float = 0) -> PhysicianHome:
    return physician_home(entitled, offers_of(entitled, attempts, at(seconds)))


def current(shown: PhysicianHome) -> str:
    (label,) = [label for label, place in shown.steps if place == "current"]
    return label


NEXT = {
    RegistrationState.NOT_ADMITTED: "请联系单位定考负责人",
    RegistrationState.ADMITTED: "请在报名期内提交报名信息",
    RegistrationState.DRAFT: "请完善并提交报名信息",
    RegistrationState.INSTITUTION_REVIEW: "请等待医疗卫生机构审核",
    RegistrationState.BODY_REVIEW: "请等待考核机构复核",
    RegistrationState.RETURNED: "请按驳回原因更正后重新提交",
    RegistrationState.CONCLUDED: "请查看考核结果",
}


def test_every_state_is_tried_here() -> None:
    assert set(NEXT) | TESTABLE == set(RegistrationState)


@pytest.mark.parametrize(("state", "text"), NEXT.items())
def test_who_sits_no_paper_now_is_told_what_is_waited_for(state: RegistrationState, text: str) -> None:
    shown = home(an_entitlement(state=state))
    assert shown.status == STATE_LABELS[state]
    assert text in shown.next_step.text
    assert current(shown) == ("考核结果" if state is RegistrationState.CONCLUDED else "报名与审核")


@pytest.mark.parametrize(
    ("preset", "status", "title"),
    [
        ("hunan-2026", "报名完成-等待测评", "参加人文医学测评"),
        ("henan-c6", "待参加测评", "参加公共知识测评"),
        ("hainan-2024", "待参加测评", "参加医学人文测评"),
        ("shanxi-2024", "报名完成-待测评", "参加业务水平"),
        ("dingkaotong-2023", "报名完成-等待测评", "参加医学人文测评"),
    ],
)
def test_the_first_paper_is_offered_in_the_words_of_the_province(
    preset: str, status: str, title: str
) -> None:
    shown = home(an_entitlement(preset))
    assert (shown.status, shown.next_step.title) == (status, title)
    assert (shown.next_step.href, current(shown)) == ("/papers", "参加测评")


def test_the_length_of_a_paper_is_said_before_it_is_started() -> None:
    assert home(an_entitlement()).next_step.text == "50题，60分钟，全程开启摄像头监考。"


@pytest.mark.parametrize("state", [State.ADMITTED, State.RUNNING])
def test_a_paper_under_way_comes_first(state: State) -> None:
    entitled = an_entitlement(state=TESTING)
    running = an_attempt(state, rule_of(entitled, PROFESSIONAL))
    shown = home(entitled, [running])
    assert (shown.status, shown.next_step.title) == ("测评中", "继续业务水平测评")
    assert shown.next_step.href == f"/attempts/{running.id}"
    assert current(shown) == "参加测评"


def test_who_failed_is_invited_again_where_it_may_be_sat_again() -> None:
    entitled = an_entitlement(procedure=Procedure.SIMPLE, state=TESTING)
    shown = home(entitled, [failed_attempt(rule_of(entitled, HUMANITIES))])
    assert (shown.status, shown.next_step.title) == ("测评中", "再次参加人文医学测评")


def test_after_the_first_paper_the_second_is_offered() -> None:
    entitled = an_entitlement("dingkaotong-2023", state=TESTING)
    shown = home(entitled, [failed_attempt(rule_of(entitled, HUMANITIES))])
    assert shown.next_step.title == "参加业务水平专业知识测评"


def test_who_handed_in_waits_for_the_body() -> None:
    entitled = an_entitlement("shanxi-2024", state=TESTING)
    shown = home(entitled, [passed_attempt(rule_of(entitled, PROFESSIONAL))])
    assert (shown.status, shown.next_step.title) == ("待评定", "等待评定")
    assert current(shown) == "成绩评定"


def test_a_paper_still_open_is_offered_while_another_is_confirmed() -> None:
    entitled = an_entitlement(state=TESTING)
    shown = home(entitled, [passed_attempt(rule_of(entitled, PROFESSIONAL))])
    assert shown.next_step.title == "参加人文医学测评"


def sat(entitled: Entitlement, professional: Decimal) -> list[Attempt]:
    """Humanities passed, the professional paper confirmed with this mark."""
    return [
        passed_attempt(rule_of(entitled, HUMANITIES)),
        an_attempt(State.CONFIRMED, rule_of(entitled, PROFESSIONAL), mark=professional),
    ]


def test_who_passed_everything_waits_for_the_result() -> None:
    entitled = an_entitlement(state=TESTING)
    shown = home(entitled, sat(entitled, Decimal(84)))
    assert (shown.status, shown.next_step.title) == ("测评合格", "测评已全部合格")
    assert current(shown) == "考核结果"


def test_who_failed_for_good_is_told_about_the_paper_that_was_failed() -> None:
    entitled = an_entitlement(state=TESTING)
    shown = home(entitled, sat(entitled, Decimal(42)))
    assert shown.next_step.title == "暂无可参加的测评"
    assert shown.next_step.text == "测评次数已用完，请留意考核机构的补考安排。"
    assert current(shown) == "参加测评"


def test_who_has_sat_everything_is_not_called_waiting_to_sit() -> None:
    entitled = an_entitlement(state=TESTING)
    assert home(entitled, sat(entitled, Decimal(42))).status != "报名完成-等待测评"


def test_while_a_paper_is_closing_its_physician_is_told_to_wait() -> None:
    entitled = an_entitlement(procedure=Procedure.SIMPLE, state=TESTING)
    shown = home(entitled, [an_attempt(State.CLOSING, rule_of(entitled, HUMANITIES))])
    assert shown.next_step.text == "试卷正在提交，请稍候刷新查看。"


@pytest.mark.parametrize("days", [-2, 9], ids=["before", "after"])
def test_outside_the_days_of_the_tests_they_are_said(days: int) -> None:
    shown = home(an_entitlement(), seconds=days * 86_400)
    assert "2026-05-11 至 2026-05-20" in shown.next_step.text
    assert shown.status == "报名完成-等待测评"


def test_where_no_paper_applies_nothing_is_asked_for() -> None:
    shown = home(an_entitlement("shanxi-2024", Procedure.SIMPLE))
    assert shown.next_step.title == "无需参加测评"
    assert shown.next_step.href is None
    assert current(shown) == "成绩评定"


@pytest.mark.parametrize("procedure", Procedure)
@pytest.mark.parametrize("state", sorted(TESTABLE))
@pytest.mark.parametrize("sitting", State)
def test_whatever_happened_there_is_one_next_step(
    procedure: Procedure, state: RegistrationState, sitting: State
) -> None:
    entitled = an_entitlement(procedure=procedure, state=state)
    shown = home(entitled, [an_attempt(sitting, rule_of(entitled, HUMANITIES))])
    assert shown.next_step.title
    assert shown.next_step.text.endswith("。")
    places = [place for _, place in shown.steps]
    assert places == sorted(places, key=["done", "current", "todo"].index)
    assert places.count("current") == 1


def test_the_home_of_today_is_that_of_the_tests_second_day() -> None:
    assert an_entitlement().cycle.tests_are_open(ADMITTED)
