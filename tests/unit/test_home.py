"""Where a physician stands, and the one thing to do next."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest

from exam_service.clock import CHINA
from exam_service.cycles.policy import Procedure, Stage, Subject, preset_names
from exam_service.home.model import PhysicianHome, outsider_home, physician_home, stage_rows, tools
from exam_service.papers.model import Attempt, State
from exam_service.papers.retakes import offers_of
from exam_service.registration.model import TESTABLE, Entitlement, Result
from exam_service.registration.model import State as RegistrationState
from tests.factories import (
    ADMITTED,
    a_cycle,
    a_policy,
    an_attempt,
    an_entitlement,
    an_id,
    at,
    failed_attempt,
    passed_attempt,
    rule_of,
)

REGISTERED, TESTING = RegistrationState.REGISTERED, RegistrationState.TESTING
HUMANITIES, PROFESSIONAL = Subject.HUMANITIES, Subject.PROFESSIONAL


def home(entitled: Entitlement, attempts: Sequence[Attempt] = (), seconds: float = 0) -> PhysicianHome:
    return physician_home(entitled, offers_of(entitled, attempts, at(seconds)), at(seconds))


def current(shown: PhysicianHome) -> str:
    (label,) = [label for label, place in shown.steps if place == "current"]
    return label


# state: place in 考核流程, what is said, where the next step leads (registration is open)
STATES = {
    RegistrationState.NOT_ADMITTED: ("开通报名", "未开通报名", "请联系医疗卫生机构", None),
    RegistrationState.ADMITTED: ("我要报名", "已开通报名", "请提交报名信息", "/registration"),
    RegistrationState.DRAFT: ("我要报名", "填报中", "请继续填写", "/registration"),
    RegistrationState.RETURNED: ("我要报名", "已驳回", "请按驳回原因更正后重新提交", "/registration"),
    RegistrationState.INSTITUTION_REVIEW: (
        "机构审核",
        "已报名-待医疗卫生机构审核",
        "请耐心等待机构审核",
        "/registration",
    ),
    RegistrationState.BODY_REVIEW: (
        "考核机构复核",
        "已报名-待考核机构复核",
        "请耐心等待考核机构复核",
        "/registration",
    ),
    RegistrationState.CONCLUDED: ("考核结果", "考核结束", "请查看考核结果", None),
}
STAGES = {
    Stage.REGISTRATION: (date(2026, 4, 13), date(2026, 5, 13)),
    Stage.REVIEW: (date(2026, 4, 13), date(2026, 5, 15)),
}


def test_every_state_is_tried_here() -> None:
    assert set(STATES) | TESTABLE == set(RegistrationState)


@pytest.mark.parametrize(("state", "expected"), STATES.items())
def test_who_sits_no_paper_now_is_told_where_they_stand(
    state: RegistrationState, expected: tuple[str, str, str, str | None]
) -> None:
    place, status, text, href = expected
    shown = home(an_entitlement(state=state, stages=STAGES))
    assert (shown.status, shown.next_step.href) == (status, href)
    assert text in shown.next_step.text
    assert text in shown.sentence
    assert current(shown) == place


@pytest.mark.parametrize("preset", preset_names())
@pytest.mark.parametrize("state", RegistrationState)
def test_the_words_are_those_of_the_manual(preset: str, state: RegistrationState) -> None:
    entitled = an_entitlement(preset, state=state, stages=STAGES)
    labels = entitled.cycle.policy.labels
    shown = home(entitled)
    if state is RegistrationState.TESTING:  # nothing was begun yet
        state = RegistrationState.REGISTERED
    assert (shown.status, shown.sentence) == (labels[state], labels[f"{state}_text"])


def test_in_shanxi_the_manual_says_it_so() -> None:
    shown = home(an_entitlement("shanxi-2024", state=RegistrationState.ADMITTED, stages=STAGES))
    assert shown.status == "您已被主要执业机构纳入本周期考核"
    assert shown.sentence == "您已被纳入当前考核周期，请及时填报信息。"
    assert [label for label, _ in shown.steps] == [
        "开通报名",
        "填报信息",
        "机构审核",
        "考核机构复核",
        "参加测评",
        "成绩评定",
        "考核结果",
    ]


def test_where_no_paper_applies_none_is_among_the_steps() -> None:
    shown = home(an_entitlement("shanxi-2024", Procedure.SIMPLE, RegistrationState.BODY_REVIEW))
    assert [label for label, _ in shown.steps][-2:] == ["考核机构复核", "考核结果"]


@pytest.mark.parametrize(
    ("state", "days", "said"),
    [
        (RegistrationState.ADMITTED, -40, "医师报名尚未开始，时间为2026-04-13 至 2026-05-13。"),
        (RegistrationState.DRAFT, 2, "医师报名已经结束，时间为2026-04-13 至 2026-05-13。"),
        (RegistrationState.RETURNED, 2, None),
        (RegistrationState.RETURNED, 4, "报名审核已经结束，时间为2026-04-13 至 2026-05-15。"),
    ],
)
def test_outside_its_days_the_form_is_closed_and_the_days_are_said(
    state: RegistrationState, days: int, said: str | None
) -> None:
    step = home(an_entitlement(state=state, stages=STAGES), seconds=days * 86_400).next_step
    if said is None:
        assert step.href == "/registration"
    else:
        assert (step.text, step.href) == (said, None)


def test_without_days_it_is_said_that_they_are_to_come() -> None:
    step = home(an_entitlement(state=RegistrationState.ADMITTED)).next_step
    assert (step.text, step.href) == ("医师报名时间尚未公布，请留意考核安排。", None)


@pytest.mark.parametrize(
    ("result", "makeup", "shown"),
    [
        (None, None, ("无", "无")),
        (Result.PASSED, None, ("合格", "无")),
        (Result.FAILED, None, ("不合格", "无")),
        (None, failed_attempt, ("不合格", "无")),
        (Result.PASSED, passed_attempt, ("不合格", "合格")),
        (Result.FAILED, failed_attempt, ("不合格", "不合格")),
    ],
)
def test_the_first_result_and_that_of_the_makeup_are_both_shown(
    result: Result | None, makeup: Callable[..., Attempt] | None, shown: tuple[str, str]
) -> None:
    entitled = an_entitlement(state=RegistrationState.CONCLUDED if result else TESTING)
    entitled = replace(entitled, registration=replace(entitled.registration, result=result))
    rule = rule_of(entitled, PROFESSIONAL)
    attempts = [failed_attempt(rule)]
    if makeup:
        attempts.append(makeup(rule, round_id=an_id()))
    seen = home(entitled, attempts)
    assert (seen.first_result, seen.makeup_result) == shown


def test_who_is_in_no_cycle_reads_the_manuals_words() -> None:
    labels = a_policy("shanxi-2024").labels
    shown = outsider_home(labels)
    assert shown.status == "您未被主要执业机构纳入本周期考核"
    assert shown.sentence == "如需报名请联系所在医疗卫生机构相关人员为您确认参加。"
    assert [tool.label for tool in tools(None, labels)] == ["问题解答", "在线客服"]


def test_the_tools_have_the_names_of_the_manual() -> None:
    entitled = an_entitlement()
    found = {tool.href: tool.label for tool in tools(entitled, entitled.cycle.policy.labels)}
    assert found["/registration"] == "我要报名"
    assert (found["/practice"], found["/papers"]) == ("我要学习", "参加考试")
    assert (found["/exemptions"], found["/faq"], found["/support"]) == ("免考申请", "常见问题", "在线客服")


def test_a_registered_physician_may_ask_for_a_modification_where_the_province_has_it() -> None:
    for preset, state, there in (
        ("shanxi-2024", RegistrationState.REGISTERED, True),
        ("shanxi-2024", RegistrationState.BODY_REVIEW, False),
        ("hunan-2026", RegistrationState.REGISTERED, False),
    ):
        entitled = an_entitlement(preset, state=state)
        hrefs = {tool.href for tool in tools(entitled, entitled.cycle.policy.labels)}
        assert ("/registration/modification" in hrefs) is there
        assert "/registration/history" in hrefs


def test_practice_is_a_tool_once_it_is_open() -> None:
    """In Shanxi with the end of the registration, in Hunan with its beginning."""
    for preset, there in (("shanxi-2024", False), ("hunan-2026", True)):
        entitled = an_entitlement(preset, state=RegistrationState.DRAFT)
        hrefs = {tool.href for tool in tools(entitled, entitled.cycle.policy.labels)}
        assert ("/practice" in hrefs) is there


def test_the_plan_has_every_stage_with_its_days() -> None:
    cycle = a_cycle(
        stages=STAGES, makeup_from=date(2026, 6, 1), makeup_until=date(2026, 6, 5)
    )  # it is 2026-05-12
    assert [(row.label, row.window, row.when) for row in stage_rows(cycle, ADMITTED)] == [
        ("医师报名", "2026-04-13 至 2026-05-13", "open"),
        ("报名审核", "2026-04-13 至 2026-05-15", "open"),
        ("测评", "2026-05-11 至 2026-05-20", "open"),
        ("补考", "2026-06-01 至 2026-06-05", "before"),
    ]


@pytest.mark.parametrize(
    ("at_china", "when"),
    [
        ("2026-05-10T23:59:59", "before"),
        ("2026-05-11T00:00:00", "open"),
        ("2026-05-20T23:59:59", "open"),
        ("2026-05-21T00:00:00", "over"),
    ],
)
def test_a_stage_is_open_from_midnight_to_midnight_in_china(at_china: str, when: str) -> None:
    now = datetime.fromisoformat(at_china).replace(tzinfo=CHINA)
    assert stage_rows(a_cycle(), now)[0].when == when


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
    entitled = an_entitlement(preset)
    shown = home(entitled)
    assert (shown.status, shown.next_step.title) == (status, title)
    assert (shown.next_step.href, current(shown)) == ("/papers", entitled.cycle.policy.labels["tool_papers"])


def test_the_length_of_a_paper_is_said_before_it_is_started() -> None:
    assert home(an_entitlement()).next_step.text == "50题，60分钟，全程开启摄像头监考。"


@pytest.mark.parametrize("state", [State.ADMITTED, State.RUNNING])
def test_a_paper_under_way_comes_first(state: State) -> None:
    entitled = an_entitlement(state=TESTING)
    running = an_attempt(state, rule_of(entitled, PROFESSIONAL))
    shown = home(entitled, [running])
    assert (shown.status, shown.next_step.title) == ("测评中", "继续业务水平测评")
    assert shown.next_step.href == f"/attempts/{running.id}"
    assert current(shown) == "参加考试"


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
    assert current(shown) == "参加考试"


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
    assert current(shown) == "考核结果"


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
