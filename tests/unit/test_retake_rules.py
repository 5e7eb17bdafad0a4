"""Whether a paper can be started now, and if not why, in one sentence."""

from decimal import Decimal

import pytest

from exam_service.cycles.policy import Confirmation, Procedure, Subject
from exam_service.papers.model import Attempt, Availability, PaperOffer, State, attempts_used, availability
from exam_service.registration.model import TESTABLE
from exam_service.registration.model import State as RegistrationState
from tests.factories import (
    a_professional_rule,
    a_rule,
    an_attempt,
    an_entitlement,
    failed_attempt,
    offers,
    passed_attempt,
    rule_of,
)

HUMANITIES, PROFESSIONAL = Subject.HUMANITIES, Subject.PROFESSIONAL
DAY = 86_400
USED_UP = "测评次数已用完，请留意考核机构的补考安排。"
PASSED = "本项测评已合格，无需再次参加。"
AWAITING = "已交卷，请等待考核机构评定。"
CLOSING = "试卷正在提交，请稍候刷新查看。"
NOT_REGISTERED = "报名完成并通过审核后才能参加测评。"
WINDOW = "2026-05-11 至 2026-05-20"


def now(attempts: list[Attempt], limit: int | None = None, **changes: str | None) -> Availability:
    rule = a_rule(attempts=limit)
    return availability(rule, attempts, before=changes.get("before"), tests_window=changes.get("window"))


def test_a_paper_nobody_sat_can_be_started() -> None:
    assert now([]) == Availability(may_start=True)
    assert now([], limit=1) == Availability(may_start=True)


@pytest.mark.parametrize("sat", [1, 2, 20])
def test_without_a_limit_it_is_sat_until_passed(sat: int) -> None:
    failures = [failed_attempt() for _ in range(sat)]
    assert now(failures).may_start
    assert now([*failures, passed_attempt()]) == Availability(may_start=False, reason=PASSED)


def test_with_one_attempt_it_is_sat_once() -> None:
    assert now([failed_attempt()], limit=1) == Availability(may_start=False, reason=USED_UP)


def test_with_three_attempts_it_is_sat_three_times() -> None:
    assert now([failed_attempt()] * 2, limit=3).may_start
    assert now([failed_attempt()] * 3, limit=3).reason == USED_UP


def test_a_void_attempt_does_not_count_and_a_terminated_one_does() -> None:
    assert now([an_attempt(State.VOID)], limit=1).may_start
    assert now([an_attempt(State.TERMINATED)], limit=1).reason == USED_UP
    assert attempts_used([an_attempt(State.VOID), an_attempt(State.TERMINATED), failed_attempt()]) == 2


def test_attempts_count_from_admission_and_not_before() -> None:
    prepared = an_attempt(State.PREPARED)
    assert attempts_used([prepared]) == 0
    assert now([prepared], limit=1) == Availability(may_start=True, resumes=prepared)


@pytest.mark.parametrize("state", [State.ADMITTED, State.RUNNING])
def test_a_paper_under_way_is_gone_back_to_whatever_else_holds(state: State) -> None:
    under_way = an_attempt(state)
    resumed = Availability(may_start=True, resumes=under_way)
    assert now([under_way], limit=1) == resumed
    assert now([failed_attempt(), under_way], window=WINDOW, before="人文医学测评") == resumed


@pytest.mark.parametrize("state", [State.CLOSING, State.CLOSED])
def test_a_paper_being_closed_is_waited_for(state: State) -> None:
    assert now([an_attempt(state)]) == Availability(may_start=False, reason=CLOSING)


def test_a_mark_that_awaits_the_body_is_waited_for() -> None:
    rule = a_rule(confirmation=Confirmation.BODY)
    assert now([failed_attempt(rule)]).reason == AWAITING
    assert now([an_attempt(State.CONFIRMED, rule, mark=Decimal(42))]).may_start


def test_the_days_are_said_when_today_is_none_of_them() -> None:
    closed = now([], window=WINDOW)
    assert closed == Availability(may_start=False, reason=f"不在测评时间内，测评时间为 {WINDOW}。")


def test_a_prepared_paper_is_not_entered_outside_the_days() -> None:
    assert not now([an_attempt(State.PREPARED)], window=WINDOW).may_start


def test_the_paper_that_comes_first_is_named() -> None:
    assert now([], before="医学人文测评") == Availability(may_start=False, reason="请先完成医学人文测评。")


@pytest.mark.parametrize(
    ("attempts", "reason"),
    [([passed_attempt()], PASSED), ([failed_attempt()], USED_UP)],
    ids=["passed", "used up"],
)
def test_what_is_settled_is_said_rather_than_the_days(attempts: list[Attempt], reason: str) -> None:
    assert now(attempts, limit=1, window=WINDOW, before="医学人文测评").reason == reason


def reason_of(offer: PaperOffer) -> str | None:
    return offer.availability.reason


@pytest.mark.parametrize(
    ("preset", "procedure", "papers"),
    [
        ("hainan-2024", Procedure.SIMPLE, ["医学人文测评"]),
        ("hainan-2024", Procedure.GENERAL, ["医学人文测评", "业务水平测评"]),
        ("dingkaotong-2023", Procedure.SIMPLE, ["医学人文测评"]),
        ("dingkaotong-2023", Procedure.GENERAL, ["医学人文测评", "业务水平专业知识测评"]),
        ("shanxi-2024", Procedure.SIMPLE, []),
        ("shanxi-2024", Procedure.GENERAL, ["业务水平"]),
        ("henan-c6", Procedure.SIMPLE, ["公共知识测评"]),
        ("henan-c6", Procedure.GENERAL, ["公共知识测评", "业务水平"]),
        ("hunan-2026", Procedure.SIMPLE, ["人文医学测评"]),
        ("hunan-2026", Procedure.GENERAL, ["人文医学测评", "业务水平测评"]),
    ],
)
def test_a_registered_physician_is_offered_the_papers_of_the_province(
    preset: str, procedure: Procedure, papers: list[str]
) -> None:
    offered = offers(an_entitlement(preset, procedure)).values()
    assert [offer.label for offer in offered] == papers
    startable = [offer.availability.may_start for offer in offered]
    in_order = preset == "dingkaotong-2023" and procedure is Procedure.GENERAL
    assert startable == ([True, False] if in_order else [True] * len(papers))


def test_in_dingkaotong_the_second_paper_opens_when_the_first_is_completed_passed_or_not() -> None:
    entitled = an_entitlement("dingkaotong-2023")
    rule = rule_of(entitled, HUMANITIES)
    assert reason_of(offers(entitled)[PROFESSIONAL]) == "请先完成医学人文测评。"
    for state in (State.PREPARED, State.ADMITTED, State.RUNNING, State.CLOSING, State.CLOSED, State.VOID):
        waiting = offers(entitled, [an_attempt(state, rule)])
        assert reason_of(waiting[PROFESSIONAL]) == "请先完成医学人文测评。"
    for sat in (passed_attempt(rule), failed_attempt(rule)):
        assert offers(entitled, [sat])[PROFESSIONAL].availability.may_start


def test_in_hunan_the_papers_are_sat_in_any_order() -> None:
    entitled = an_entitlement("hunan-2026")
    professional = rule_of(entitled, PROFESSIONAL)
    sat = offers(entitled, [failed_attempt(professional)])
    assert sat[HUMANITIES].availability.may_start
    assert reason_of(sat[PROFESSIONAL]) == AWAITING


def test_in_hainan_the_humanities_wait_for_the_body_and_can_then_be_sat_again() -> None:
    entitled = an_entitlement("hainan-2024", Procedure.SIMPLE)
    rule = rule_of(entitled, HUMANITIES)
    assert reason_of(offers(entitled, [passed_attempt(rule)])[HUMANITIES]) == AWAITING
    confirmed = an_attempt(State.CONFIRMED, rule, mark=Decimal(42))
    assert offers(entitled, [confirmed])[HUMANITIES].availability.may_start


def test_attempts_at_one_paper_do_not_count_for_the_other() -> None:
    entitled = an_entitlement("dingkaotong-2023")
    sat = failed_attempt(rule_of(entitled, HUMANITIES))
    offered = offers(entitled, [sat])
    assert offered[HUMANITIES].attempts == (sat,)
    assert offered[PROFESSIONAL].attempts == ()
    assert reason_of(offered[HUMANITIES]) == USED_UP


@pytest.mark.parametrize("days", [-2, 9], ids=["before", "after"])
def test_outside_the_days_nothing_is_started_and_what_runs_goes_on(days: int) -> None:
    entitled = an_entitlement()
    closed = offers(entitled, seconds=days * DAY)
    assert {reason_of(offer) for offer in closed.values()} == {f"不在测评时间内，测评时间为 {WINDOW}。"}
    running = an_attempt(State.RUNNING, rule_of(entitled, HUMANITIES))
    assert offers(entitled, [running], seconds=days * DAY)[HUMANITIES].availability.resumes == running


@pytest.mark.parametrize("state", sorted(set(RegistrationState) - TESTABLE))
def test_who_is_not_registered_is_told_so(state: RegistrationState) -> None:
    offered = offers(an_entitlement(state=state))
    reason = "本周期考核已结束，请查看考核结果。" if state == "concluded" else NOT_REGISTERED
    assert {reason_of(offer) for offer in offered.values()} == {reason}
    assert not any(offer.availability.may_start for offer in offered.values())


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("rule", [a_rule(), a_professional_rule()], ids=["humanities", "professional"])
@pytest.mark.parametrize("window", [None, WINDOW], ids=["open", "closed"])
def test_either_it_starts_or_exactly_one_sentence_says_why_not(
    state: State, rule: object, window: str | None
) -> None:
    said = availability(rule, [an_attempt(state, rule)], before=None, tests_window=window)
    if said.may_start:
        assert said.reason is None
    else:
        assert said.resumes is None
        assert said.reason is not None
        assert said.reason.count("。") == 1
        assert said.reason.endswith("。")
