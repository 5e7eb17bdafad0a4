"""Whether a paper can be started now, and if not why, in one sentence."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from exam_service.cycles.policy import Confirmation, PaperRule, Procedure, Subject
from exam_service.papers.model import Attempt, State
from exam_service.papers.retakes import (
    Availability,
    MakeupRound,
    PaperOffer,
    attempts_used,
    availability,
    is_completed,
    is_failed,
    offers_of,
)
from exam_service.papers.timing import last_start
from exam_service.registration.model import TESTABLE
from exam_service.registration.model import State as RegistrationState
from tests.factories import (
    ADMITTED,
    BODY,
    CYCLE,
    PROVINCE,
    a_cycle,
    a_professional_rule,
    a_rule,
    an_attempt,
    an_entitlement,
    an_id,
    at,
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
LATER = at(9 * DAY)  # the day after the tests


def now(
    attempts: list[Attempt], limit: int | None = None, moment: datetime = ADMITTED, **changes: Any
) -> Availability:
    changes = {"cycle": a_cycle()} | changes
    return availability(a_rule(attempts=limit), attempts, now=moment, **changes)


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
    assert now([failed_attempt(), under_way], moment=LATER, before="人文医学测评") == resumed
    assert now([under_way], moment=LATER, exempted=True, running=("业务水平测评", UUID(int=1))) == resumed


@pytest.mark.parametrize("state", [State.CLOSING, State.CLOSED])
def test_a_paper_being_closed_is_waited_for(state: State) -> None:
    assert now([an_attempt(state)]) == Availability(may_start=False, reason=CLOSING)


def test_a_mark_that_awaits_the_body_is_waited_for() -> None:
    rule = a_rule(confirmation=Confirmation.BODY)
    assert now([failed_attempt(rule)]).reason == AWAITING
    assert now([an_attempt(State.CONFIRMED, rule, mark=Decimal(42))]).may_start


def test_the_days_are_said_when_today_is_none_of_them() -> None:
    outside = Availability(may_start=False, reason=f"不在测评时间内，测评时间为 {WINDOW}。")
    assert now([], moment=LATER) == outside
    assert now([], moment=at(-2 * DAY)) == outside


def test_a_prepared_paper_is_not_entered_outside_the_days() -> None:
    assert not now([an_attempt(State.PREPARED)], moment=LATER).may_start


def test_the_paper_that_comes_first_is_named() -> None:
    assert now([], before="医学人文测评") == Availability(may_start=False, reason="请先完成医学人文测评。")


@pytest.mark.parametrize(
    ("attempts", "reason"),
    [([passed_attempt()], PASSED), ([failed_attempt()], USED_UP)],
    ids=["passed", "used up"],
)
def test_what_is_settled_is_said_rather_than_the_days(attempts: list[Attempt], reason: str) -> None:
    assert now(attempts, limit=1, moment=LATER, before="医学人文测评").reason == reason


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
@pytest.mark.parametrize("moment", [ADMITTED, LATER], ids=["open", "closed"])
@pytest.mark.parametrize("exempted", [False, True], ids=["", "exempted"])
def test_either_it_starts_or_exactly_one_sentence_says_why_not(
    state: State, rule: PaperRule, moment: datetime, *, exempted: bool
) -> None:
    attempt = an_attempt(state, rule)
    said = availability(rule, [attempt], cycle=a_cycle(), now=moment, exempted=exempted)
    if said.may_start:
        assert said.reason is None
    else:
        assert said.resumes is None
        assert said.reason is not None
        assert said.reason.count("。") == 1
        assert said.reason.endswith("。")


# The pause


def paused(minutes: int, seconds: float, *, handed_in: float = 1800, **attempt: Any) -> Availability:
    """A paper with that pause, handed in then, asked for at ``seconds``."""
    rule = a_rule(pause_minutes=minutes)
    sat = failed_attempt(rule, handed_in_at=at(handed_in), **attempt)
    return availability(rule, [sat], cycle=a_cycle(), now=at(seconds))


@pytest.mark.parametrize(
    ("minutes", "seconds", "reason"),
    [
        (0, 1800, None),
        (30, 1800, "距上次交卷不足30分钟，11:00后可再次参加。"),
        (30, 3599.9, "距上次交卷不足30分钟，11:00后可再次参加。"),
        (30, 3600, None),
        (1440, 1800, "距上次交卷不足1440分钟，05-13 10:30后可再次参加。"),
        (1440, 1800 + DAY, None),
    ],
)
def test_a_pause_between_attempts_says_until_when(minutes: int, seconds: float, reason: str | None) -> None:
    assert paused(minutes, seconds) == Availability(may_start=reason is None, reason=reason)


def test_the_pause_counts_from_the_last_of_several() -> None:
    rule = a_rule(pause_minutes=30)
    sat = [failed_attempt(rule, handed_in_at=at(second)) for second in (1800, 5400)]
    said = availability(rule, sat, cycle=a_cycle(), now=at(5500))
    assert said.reason == "距上次交卷不足30分钟，12:00后可再次参加。"


def test_the_pause_counts_from_the_close_of_what_was_never_handed_in() -> None:
    rule = a_rule(pause_minutes=30)
    sat = failed_attempt(rule, handed_in_at=None, closed_at=at(3600))
    assert availability(rule, [sat], cycle=a_cycle(), now=at(3700)).reason == (
        "距上次交卷不足30分钟，11:30后可再次参加。"
    )


def test_after_a_void_attempt_there_is_no_pause() -> None:
    rule = a_rule(pause_minutes=30)
    void = an_attempt(State.VOID, rule, handed_in_at=at(1800))
    assert availability(rule, [void], cycle=a_cycle(), now=at(1801)).may_start


def test_a_pause_that_outlasts_the_tests_promises_nothing() -> None:
    last_day = date(2026, 5, 12)
    rule = a_rule(pause_minutes=13 * 60)
    said = availability(rule, [failed_attempt(rule)], cycle=a_cycle(tests_until=last_day), now=at(1900))
    assert said.reason == "距上次交卷不足780分钟，本次测评时间内不能再次参加。"


# The last start


@pytest.mark.parametrize(
    ("minutes", "extra", "opens_until"),
    [(60, 0, "23:00"), (90, 0, "22:30"), (60, 30, "22:30")],
)
def test_no_paper_starts_whose_minutes_would_end_after_the_last_day(
    minutes: int, extra: int, opens_until: str
) -> None:
    rule = a_rule(minutes=minutes)
    hour, minute = map(int, opens_until.split(":"))
    last = datetime(2026, 5, 20, hour - 8, minute, tzinfo=UTC)
    for early in (timedelta(0), timedelta(seconds=1), timedelta(days=1)):
        assert availability(rule, [], cycle=a_cycle(), now=last - early, extra_minutes=extra).may_start
    late = availability(rule, [], cycle=a_cycle(), now=last + timedelta(seconds=1), extra_minutes=extra)
    assert late == Availability(may_start=False, reason=f"今天测评已截止：试卷须在{opens_until}前开始。")


def test_the_day_before_the_last_a_paper_may_run_past_midnight() -> None:
    assert now([], moment=datetime(2026, 5, 19, 15, 59, tzinfo=UTC)).may_start


def test_the_last_start_is_the_whole_paper_before_the_end() -> None:
    assert last_start(at(3600), 60) == at(0)
    assert last_start(at(3600), 59) == at(60)


# Exemptions

EXEMPT = "本项测评已免考，视为合格。"


@pytest.mark.parametrize("moment", [ADMITTED, LATER, at(-2 * DAY)], ids=["open", "after", "before"])
@pytest.mark.parametrize(
    "attempts", [[], [an_attempt(State.PREPARED)], [an_attempt(State.VOID)]], ids=["none", "prepared", "void"]
)
def test_an_exempted_paper_is_not_sat(attempts: list[Attempt], moment: datetime) -> None:
    assert now(attempts, moment=moment, exempted=True) == Availability(may_start=False, reason=EXEMPT)


def test_an_exempted_paper_counts_as_completed_for_the_next_one() -> None:
    entitled = an_entitlement("dingkaotong-2023", exempted={HUMANITIES})
    offered = offers(entitled)
    assert (offered[HUMANITIES].exempted, reason_of(offered[HUMANITIES])) == (True, EXEMPT)
    assert offered[HUMANITIES].counts_as_passed
    assert offered[PROFESSIONAL].availability.may_start
    assert not offered[PROFESSIONAL].counts_as_passed


def test_one_exemption_leaves_the_other_paper_to_be_sat() -> None:
    offered = offers(an_entitlement("henan-c6", exempted={PROFESSIONAL}))
    assert offered[HUMANITIES].availability.may_start
    assert reason_of(offered[PROFESSIONAL]) == EXEMPT


@pytest.mark.parametrize(
    ("preset", "simple", "general"),
    [
        ("hainan-2024", set(), {PROFESSIONAL}),
        ("dingkaotong-2023", {HUMANITIES}, {PROFESSIONAL}),
        ("shanxi-2024", set(), {PROFESSIONAL}),
        ("henan-c6", set(), {PROFESSIONAL}),
        ("hunan-2026", set(), {PROFESSIONAL}),
    ],
)
def test_what_an_exemption_waives_is_the_table_of_the_provinces(
    preset: str, simple: set[Subject], general: set[Subject]
) -> None:
    for procedure, waived in ((Procedure.SIMPLE, simple), (Procedure.GENERAL, general)):
        entitled = an_entitlement(preset, procedure)
        assert {subject for subject in Subject if entitled.may_be_exempted(subject)} == waived


# Make-up

MAKEUP_DAYS = {"makeup_from": date(2026, 6, 1), "makeup_until": date(2026, 6, 30)}
JUNE = datetime(2026, 6, 10, 2, 0, tzinfo=UTC)
FINAL = "补考未合格，为最终结果。"
USED_UP_THEN = "测评次数已用完，补考时间为 {}。"


def a_round(opens: int = 8, closes: int = 12) -> MakeupRound:
    """Days of June."""
    return MakeupRound(an_id(), PROVINCE, CYCLE, BODY, date(2026, 6, opens), date(2026, 6, closes))


def then(
    attempts: list[Attempt],
    *rounds: MakeupRound,
    limit: int | None = 1,
    moment: datetime = JUNE,
    **changes: Any,
) -> Availability:
    changes = {"cycle": a_cycle(**MAKEUP_DAYS)} | changes
    return now(attempts, limit, moment, rounds=rounds, **changes)


def test_what_was_failed_is_sat_again_in_an_open_round() -> None:
    opened = a_round()
    rule = a_rule(attempts=1)
    assert then([failed_attempt(rule)], opened) == Availability(may_start=True, round_id=opened.id)


@pytest.mark.parametrize(
    ("day", "hour", "may_start"),
    [(7, 23, False), (8, 0, True), (10, 10, True), (12, 22, True), (13, 0, False)],
)
def test_the_days_of_a_round_are_chinese_days_both_included(day: int, hour: int, *, may_start: bool) -> None:
    moment = datetime(2026, 6, day, hour, tzinfo=ADMITTED.tzinfo) - timedelta(hours=8)
    assert then([failed_attempt()], a_round(), moment=moment).may_start is may_start


def test_a_paper_of_a_round_ends_with_the_round() -> None:
    late = datetime(2026, 6, 12, 15, 1, tzinfo=UTC)
    assert then([failed_attempt()], a_round(), moment=late).reason == (
        "今天测评已截止：试卷须在23:00前开始。"
    )


def test_the_attempts_of_a_round_are_counted_apart() -> None:
    opened = a_round()
    attempts = [failed_attempt(), failed_attempt(), failed_attempt(round_id=opened.id)]
    assert attempts_used(attempts) == 2
    assert attempts_used(attempts, opened.id) == 1
    assert then(attempts, opened, limit=2).round_id == opened.id


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_in_a_round_it_may_be_sat_as_often_as_in_the_tests(limit: int) -> None:
    opened = a_round()
    regular = [failed_attempt() for _ in range(limit)]
    for used in range(limit):
        made_up = [failed_attempt(round_id=opened.id) for _ in range(used)]
        assert then([*regular, *made_up], opened, limit=limit).may_start
    made_up = [failed_attempt(round_id=opened.id) for _ in range(limit)]
    assert then([*regular, *made_up], opened, limit=limit).reason == FINAL


def test_without_a_limit_it_may_be_sat_in_a_round_until_that_is_over() -> None:
    opened = a_round()
    attempts = [failed_attempt(), *(failed_attempt(round_id=opened.id) for _ in range(20))]
    assert then(attempts, opened, limit=None).may_start
    over = datetime(2026, 6, 13, 2, 0, tzinfo=UTC)
    assert then(attempts, opened, limit=None, moment=over).reason == FINAL


def test_on_the_last_day_of_a_round_it_is_not_over_yet() -> None:
    opened = a_round()
    last_day = datetime(2026, 6, 12, 2, 0, tzinfo=UTC)
    attempts = [failed_attempt(), failed_attempt(round_id=opened.id)]
    assert then(attempts, opened, limit=None, moment=last_day).may_start


@pytest.mark.parametrize("state", [State.PREPARED, State.VOID])
def test_what_was_never_sat_in_a_round_is_begun_in_the_next(state: State) -> None:
    first, second = a_round(1, 5), a_round()
    said = then([failed_attempt(), an_attempt(state, round_id=first.id)], first, second)
    assert (said.may_start, said.round_id) == (True, second.id)


def test_a_second_fail_is_final_also_when_another_round_opens() -> None:
    first, second = a_round(1, 5), a_round()
    failed_twice = [failed_attempt(), failed_attempt(round_id=first.id)]
    assert then(failed_twice, first, second).reason == FINAL
    assert then(failed_twice, second).reason == FINAL


def test_who_missed_a_round_may_sit_in_the_next() -> None:
    first, second = a_round(1, 5), a_round()
    assert then([failed_attempt()], first, second).round_id == second.id


def test_a_void_attempt_of_a_round_does_not_count() -> None:
    opened = a_round()
    assert then([failed_attempt(), an_attempt(State.VOID, round_id=opened.id)], opened).may_start


def test_in_the_days_of_the_tests_the_attempts_of_the_tests_come_first() -> None:
    opened = a_round()
    in_june = a_cycle(tests_from=date(2026, 6, 1), tests_until=date(2026, 6, 30), **MAKEUP_DAYS)
    assert then([failed_attempt()], opened, limit=None, cycle=in_june).round_id is None
    assert then([failed_attempt()], opened, limit=1, cycle=in_june).round_id == opened.id


def test_a_paper_prepared_in_the_tests_is_begun_in_the_round() -> None:
    opened = a_round()
    prepared = an_attempt(State.PREPARED)
    said = then([failed_attempt(), prepared], opened, limit=None)
    assert (said.resumes, said.round_id) == (prepared, opened.id)


def confirmed(mark: int, **changes: Any) -> Attempt:
    rule = a_professional_rule()
    return an_attempt(State.CONFIRMED, rule, mark=Decimal(mark), **changes)


AN_OPEN, A_LATER, AN_EARLIER = a_round(), a_round(20, 25), a_round(1, 5)
JULY = datetime(2026, 7, 1, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("attempts", "rounds", "moment", "reason"),
    [
        ([], [AN_OPEN], JUNE, "现在是补考时间，补考仅限成绩不合格的测评，如有疑问请联系考核机构。"),
        (
            [an_attempt(State.VOID)],
            [AN_OPEN],
            JUNE,
            "现在是补考时间，补考仅限成绩不合格的测评，如有疑问请联系考核机构。",
        ),
        ([], [A_LATER], JUNE, f"不在测评时间内，测评时间为 {WINDOW}。"),
        ([passed_attempt()], [AN_OPEN], JUNE, PASSED),
        ([failed_attempt(a_professional_rule())], [AN_OPEN], JUNE, AWAITING),
        ([confirmed(42)], [], JUNE, USED_UP),
        ([confirmed(42)], [], ADMITTED, USED_UP),
        ([confirmed(42)], [A_LATER], JUNE, USED_UP_THEN.format("2026-06-20 至 2026-06-25")),
        ([confirmed(42)], [A_LATER, AN_EARLIER], ADMITTED, USED_UP_THEN.format("2026-06-01 至 2026-06-05")),
        ([confirmed(42)], [AN_EARLIER], JUNE, USED_UP),
        ([confirmed(42)], [AN_EARLIER], JULY, "测评次数已用完，补考时间也已过，请联系考核机构。"),
        ([an_attempt(State.TERMINATED)], [A_LATER], JUNE, USED_UP_THEN.format("2026-06-20 至 2026-06-25")),
        ([confirmed(42), confirmed(84, round_id=AN_OPEN.id)], [AN_OPEN], JUNE, PASSED),
        ([confirmed(42), confirmed(42, round_id=AN_OPEN.id)], [AN_OPEN, A_LATER], JUNE, FINAL),
        ([confirmed(42), an_attempt(State.TERMINATED, round_id=AN_OPEN.id)], [AN_OPEN], JUNE, FINAL),
        (
            [confirmed(42), failed_attempt(a_professional_rule(), round_id=AN_OPEN.id)],
            [AN_OPEN],
            JULY,
            AWAITING,
        ),
    ],
)
def test_why_a_paper_is_closed_round_make_up(
    attempts: list[Attempt], rounds: list[MakeupRound], moment: datetime, reason: str
) -> None:
    said = then(attempts, *rounds, moment=moment)
    assert said == Availability(may_start=False, reason=reason)


@pytest.mark.parametrize(
    ("rounds", "moment", "reason"),
    [
        ([], JUNE, "测评时间已过，请留意考核机构的补考安排。"),
        ([A_LATER], JUNE, "测评时间已过，补考时间为 2026-06-20 至 2026-06-25。"),
        ([], datetime(2026, 6, 30, 2, tzinfo=UTC), "测评时间已过，请留意考核机构的补考安排。"),
        ([], JULY, "测评时间已过，补考时间也已过，请联系考核机构。"),
        ([], at(-2 * DAY), f"不在测评时间内，测评时间为 {WINDOW}。"),
    ],
)
def test_why_an_unlimited_paper_that_was_failed_is_closed(
    rounds: list[MakeupRound], moment: datetime, reason: str
) -> None:
    assert then([failed_attempt()], *rounds, moment=moment, limit=None).reason == reason


def test_where_the_authority_gives_no_days_for_make_up_it_is_said_to_wait() -> None:
    assert then([confirmed(42)], moment=JULY, cycle=a_cycle()).reason == USED_UP


def test_who_was_ended_for_a_breach_failed() -> None:
    assert is_failed([an_attempt(State.TERMINATED)])
    assert not is_failed([an_attempt(State.VOID), passed_attempt(), an_attempt(State.RUNNING)])
    assert then([an_attempt(State.TERMINATED)], a_round()).may_start


def test_in_a_round_no_paper_waits_for_another_and_two_are_not_sat_at_once() -> None:
    entitled = an_entitlement("dingkaotong-2023", **MAKEUP_DAYS)
    humanities, professional = (rule_of(entitled, subject) for subject in (HUMANITIES, PROFESSIONAL))
    opened = a_round()
    failed = an_attempt(State.CONFIRMED, professional, mark=Decimal(42))
    void = an_attempt(State.VOID, humanities)
    offered = {each.rule.subject: each for each in offers_of(entitled, [void, failed], JUNE, rounds=[opened])}
    assert offered[PROFESSIONAL].availability.round_id == opened.id
    running = an_attempt(State.RUNNING, humanities, round_id=opened.id)
    offered = {
        each.rule.subject: each for each in offers_of(entitled, [running, failed], JUNE, rounds=[opened])
    }
    assert offered[HUMANITIES].availability.resumes == running
    assert reason_of(offered[PROFESSIONAL]) == "您正在参加医学人文测评，请先完成并交卷。"


def test_a_paper_sat_as_often_as_may_be_stays_completed_through_make_up() -> None:
    rule = a_rule(attempts=1)
    opened = a_round()
    assert is_completed(rule, [failed_attempt(rule)])
    assert is_completed(rule, [failed_attempt(rule), an_attempt(State.RUNNING, rule, round_id=opened.id)])


def test_extra_minutes_are_those_of_the_subject() -> None:
    last = datetime(2026, 5, 20, 14, 45, tzinfo=UTC)
    entitled = an_entitlement()
    offered = {
        each.rule.subject: each.availability.may_start
        for each in offers_of(entitled, [], last, extra_minutes={PROFESSIONAL: 30})
    }
    assert offered == {HUMANITIES: True, PROFESSIONAL: False}
