"""Applying for an exemption: when, by whom it is decided, and what counts as passed for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from typing import Any

import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.cycles.policy import (
    Confirmation,
    ExemptionRule,
    Procedure,
    ReviewLevel,
    Stage,
    Subject,
    read_preset,
)
from exam_service.errors import Conflict, Forbidden, IllegalMove, Invalid
from exam_service.exemptions.model import (
    LONGEST_REASON,
    LONGEST_STATEMENT,
    MOVES,
    Application,
    State,
    check_application,
    check_decision,
    check_may_apply,
    check_move,
    check_standing,
    first_state,
    level_of,
    state_after,
    why_closed,
)
from exam_service.papers.model import State as Attempt
from exam_service.registration.model import State as Registered
from tests.factories import (
    ADMITTED,
    REGISTRATION,
    a_professional_rule,
    a_rule,
    an_attempt,
    an_entitlement,
    an_id,
    failed_attempt,
    offers,
    passed_attempt,
)

PROFESSIONAL, HUMANITIES = Subject.PROFESSIONAL, Subject.HUMANITIES
DAYS = {
    Stage.EXEMPTION_APPLICATIONS: (date(2026, 4, 13), date(2026, 5, 6)),
    Stage.EXEMPTION_REVIEW: (date(2026, 4, 13), date(2026, 5, 9)),
}
WITHIN = datetime(2026, 4, 20, 2, tzinfo=UTC)
BOTH = ExemptionRule(own_stage=False, levels=(ReviewLevel.INSTITUTION, ReviewLevel.BODY), conditions=())
BODY_ALONE = replace(BOTH, levels=(ReviewLevel.BODY,))


def an_application(state: State = State.INSTITUTION, **changes: Any) -> Application:
    application = Application(
        an_id(), "hunan", REGISTRATION, PROFESSIONAL, ("residency",), "", ADMITTED, state
    )
    return replace(application, **changes)


@pytest.mark.parametrize(
    ("rule", "level", "granted", "leads_to"),
    [
        (BOTH, ReviewLevel.INSTITUTION, True, State.BODY),
        (BOTH, ReviewLevel.INSTITUTION, False, State.REFUSED),
        (BOTH, ReviewLevel.BODY, True, State.GRANTED),
        (BOTH, ReviewLevel.BODY, False, State.REFUSED),
        (BODY_ALONE, ReviewLevel.BODY, True, State.GRANTED),
    ],
)
def test_the_last_level_grants_and_one_refusal_ends_it(
    rule: ExemptionRule, level: ReviewLevel, leads_to: State, *, granted: bool
) -> None:
    assert state_after(rule, level, granted=granted) is leads_to


@pytest.mark.parametrize(("rule", "begins"), [(BOTH, State.INSTITUTION), (BODY_ALONE, State.BODY)])
def test_an_application_begins_at_the_presets_first_level(rule: ExemptionRule, begins: State) -> None:
    assert first_state(rule) is begins


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(State, State) if pair[1] not in MOVES[pair[0]]]
)
def test_what_is_decided_stays(before: State, after: State) -> None:
    with pytest.raises(IllegalMove):
        check_move(an_id(), before, after)


@pytest.mark.parametrize(
    ("preset", "procedure", "waived"),
    [
        ("dingkaotong-2023", Procedure.SIMPLE, {HUMANITIES}),
        ("dingkaotong-2023", Procedure.GENERAL, {PROFESSIONAL}),
        ("shanxi-2024", Procedure.GENERAL, {PROFESSIONAL}),
        ("shanxi-2024", Procedure.SIMPLE, set()),
        ("henan-c6", Procedure.GENERAL, {PROFESSIONAL}),
        ("hainan-2024", Procedure.SIMPLE, set()),
    ],
)
def test_each_province_says_which_paper_may_be_waived(
    preset: str, procedure: Procedure, waived: set[Subject]
) -> None:
    entitled = an_entitlement(preset, procedure)
    closed = {subject: why_closed(entitled, subject, [], ADMITTED, begun=False) or "" for subject in Subject}
    assert {subject for subject, why in closed.items() if not why} == waived
    assert all("不能免考" in why for why in closed.values() if why)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (Registered.NOT_ADMITTED, "not_registered"),
        (Registered.ADMITTED, "not_registered"),
        (Registered.DRAFT, "not_registered"),
        (Registered.INSTITUTION_REVIEW, "not_registered"),
        (Registered.BODY_REVIEW, "not_registered"),
        (Registered.RETURNED, "not_registered"),
        (Registered.REGISTERED, None),
        (Registered.TESTING, None),
        (Registered.CONCLUDED, "concluded"),
    ],
)
def test_without_a_stage_of_its_own_it_is_open_once_registered(state: Registered, code: str | None) -> None:
    assert refused_with("henan-c6", state) == code


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (Registered.ADMITTED, "not_submitted"),
        (Registered.DRAFT, "not_submitted"),
        (Registered.RETURNED, "not_submitted"),
        (Registered.INSTITUTION_REVIEW, None),
        (Registered.BODY_REVIEW, None),
        (Registered.REGISTERED, None),
        (Registered.CONCLUDED, "concluded"),
    ],
)
def test_in_its_own_stage_it_is_open_from_the_submission_on(state: Registered, code: str | None) -> None:
    assert refused_with("hunan-2026", state, now=WITHIN, stages=DAYS) == code


def refused_with(
    preset: str,
    state: Registered = Registered.REGISTERED,
    *applications: Application,
    now: datetime = ADMITTED,
    begun: bool = False,
    **changes: Any,
) -> str | None:
    entitled = an_entitlement(preset, state=state, **changes)
    try:
        check_may_apply(entitled, PROFESSIONAL, applications, now, begun=begun)
    except Conflict as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (datetime(2026, 4, 12, 15, 59, tzinfo=UTC), "尚未开始，时间为2026-04-13 至 2026-05-06"),
        (datetime(2026, 4, 12, 16, 0, tzinfo=UTC), None),
        (datetime(2026, 5, 6, 15, 59, tzinfo=UTC), None),
        (datetime(2026, 5, 6, 16, 0, tzinfo=UTC), "已经结束，时间为2026-04-13 至 2026-05-06"),
    ],
)
def test_outside_its_own_stage_the_days_are_said(now: datetime, said: str | None) -> None:
    entitled = an_entitlement("hunan-2026", stages=DAYS)
    if said is None:
        check_may_apply(entitled, PROFESSIONAL, [], now, begun=False)
        return
    with pytest.raises(Conflict) as refusal:
        check_may_apply(entitled, PROFESSIONAL, [], now, begun=False)
    assert said in refusal.value.sentence


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (State.INSTITUTION, "application_open"),
        (State.BODY, "application_open"),
        (State.GRANTED, "application_open"),
        (State.REFUSED, None),
        (State.WITHDRAWN, None),
    ],
)
def test_one_at_a_time_and_again_after_a_refusal(state: State, code: str | None) -> None:
    assert refused_with("henan-c6", Registered.REGISTERED, an_application(state)) == code


def test_a_paper_that_was_begun_is_sat() -> None:
    assert refused_with("henan-c6", begun=True) == "paper_begun"


def test_a_paper_that_is_waived_needs_no_application() -> None:
    assert refused_with("henan-c6", exempted={PROFESSIONAL}) == "exempted"


def test_after_the_days_of_the_tests_nothing_is_waived() -> None:
    last = datetime(2026, 5, 20, 15, 59, tzinfo=UTC)
    assert refused_with("henan-c6", now=last) is None
    assert refused_with("henan-c6", now=datetime(2026, 5, 20, 16, 0, tzinfo=UTC)) == "tests_over"


@pytest.mark.parametrize(
    ("conditions", "statement", "pictures", "code"),
    [
        (["residency"], "", 1, None),
        (["residency", "promotion"], "字" * LONGEST_STATEMENT, 3, None),
        ([], "", 1, "no_condition"),
        (["residency", "invented"], "", 1, "no_such_condition"),
        (["residency"], "字" * (LONGEST_STATEMENT + 1), 1, "statement_too_long"),
        (["residency"], "", 0, "no_evidence"),
    ],
)
def test_an_application_names_a_condition_and_brings_evidence(
    conditions: list[str], statement: str, pictures: int, code: str | None
) -> None:
    rule = read_preset("henan-c6").exemption
    if code is None:
        check_application(rule, conditions, statement, pictures)
        return
    with pytest.raises(Invalid) as refusal:
        check_application(rule, conditions, statement, pictures)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("state", "level", "granted", "reason", "code"),
    [
        (State.INSTITUTION, ReviewLevel.INSTITUTION, True, "", None),
        (State.INSTITUTION, ReviewLevel.INSTITUTION, False, "证书不在考核周期内", None),
        (State.BODY, ReviewLevel.BODY, True, "", None),
        (State.INSTITUTION, ReviewLevel.INSTITUTION, False, "", "no_reason"),
        (State.INSTITUTION, ReviewLevel.INSTITUTION, True, "字" * (LONGEST_REASON + 1), "reason_too_long"),
        (State.INSTITUTION, ReviewLevel.BODY, True, "", "already_decided"),
        (State.BODY, ReviewLevel.INSTITUTION, True, "", "already_decided"),
        (State.GRANTED, ReviewLevel.BODY, False, "重复", "already_decided"),
        (State.REFUSED, ReviewLevel.BODY, True, "", "already_decided"),
        (State.WITHDRAWN, ReviewLevel.BODY, True, "", "withdrawn"),
    ],
)
def test_a_level_decides_when_it_is_its_turn(
    state: State, level: ReviewLevel, reason: str, code: str | None, *, granted: bool
) -> None:
    cycle = an_entitlement("henan-c6").cycle
    application = an_application(state)
    if code is None:
        check_decision(cycle, application, level, ADMITTED, granted=granted, reason=reason)
        return
    with pytest.raises((Conflict, Invalid)) as refusal:
        check_decision(cycle, application, level, ADMITTED, granted=granted, reason=reason)
    assert refusal.value.code == code


def test_review_has_days_of_its_own_where_the_applications_have() -> None:
    cycle = an_entitlement("hunan-2026", stages=DAYS).cycle
    level = ReviewLevel.INSTITUTION
    check_decision(cycle, an_application(), level, WITHIN, granted=True, reason="")
    with pytest.raises(Conflict, match="2026-04-13 至 2026-05-09"):
        check_decision(cycle, an_application(), level, ADMITTED, granted=True, reason="")


@pytest.mark.parametrize("state", [Registered.CONCLUDED, Registered.NOT_ADMITTED])
def test_who_is_out_of_the_cycle_is_decided_on_no_more(state: Registered) -> None:
    with pytest.raises(Conflict):
        check_standing(an_entitlement(state=state))


def test_only_institution_and_body_decide() -> None:
    for role in (Role.PHYSICIAN, Role.AUTHORITY, Role.OPERATOR):
        with pytest.raises(Forbidden):
            level_of(Principal(an_id(), role, "hunan", "", None, None))


WAIVED, CONFIRMED_BY_BODY = a_professional_rule(), a_rule(confirmation=Confirmation.BODY)


@pytest.mark.parametrize(
    ("attempt", "final"),
    [
        (None, False),
        (an_attempt(Attempt.CONFIRMED, CONFIRMED_BY_BODY), True),
        (passed_attempt(CONFIRMED_BY_BODY), False),
        (passed_attempt(), False),
        (failed_attempt(), False),
        (an_attempt(Attempt.RUNNING), False),
        (an_attempt(Attempt.CLOSED), False),
        (an_attempt(Attempt.TERMINATED), False),
    ],
    ids=["not sat", "confirmed", "awaiting", "provisional", "failed", "sat now", "not marked", "ended"],
)
def test_a_cycle_ends_by_an_exemption_only_when_the_other_paper_is_passed_for_good(
    attempt: Any, *, final: bool
) -> None:
    entitled = an_entitlement(exempted={PROFESSIONAL})
    found = offers(entitled, [attempt] if attempt else [], seconds=3600)
    assert found[PROFESSIONAL].is_passed_for_good
    assert found[HUMANITIES].is_passed_for_good is final


def test_a_paper_that_was_drawn_and_not_begun_is_waived_all_the_same() -> None:
    entitled = an_entitlement(exempted={PROFESSIONAL})
    drawn = an_attempt(Attempt.PREPARED, WAIVED)
    assert offers(entitled, [drawn])[PROFESSIONAL].is_passed_for_good
