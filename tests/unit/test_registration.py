from datetime import UTC, datetime
from itertools import pairwise, product

import pytest

from exam_service.cycles.policy import Procedure, Subject, preset_names, read_preset
from exam_service.errors import IllegalMove
from exam_service.registration.model import (
    MOVES,
    PROCEDURE_LABELS,
    STATE_LABELS,
    TESTABLE,
    State,
    check_move,
    label_for_staff,
)
from tests.factories import REGISTRATION, a_registration, an_entitlement

LISTED = [(before, after) for before, others in MOVES.items() for after in others]
WAYS = {
    "through both reviews to a result": [
        State.NOT_ADMITTED,
        State.ADMITTED,
        State.DRAFT,
        State.INSTITUTION_REVIEW,
        State.BODY_REVIEW,
        State.REGISTERED,
        State.TESTING,
        State.CONCLUDED,
    ],
    "returned by the institution": [State.INSTITUTION_REVIEW, State.RETURNED, State.DRAFT],
    "returned by the body": [State.BODY_REVIEW, State.RETURNED, State.DRAFT],
    "sent back to the institution": [State.BODY_REVIEW, State.INSTITUTION_REVIEW],
    "concluded after review, no paper applies": [State.BODY_REVIEW, State.CONCLUDED],
    "concluded by an exemption": [State.REGISTERED, State.CONCLUDED],
    "registration cancelled before submission": [State.ADMITTED, State.NOT_ADMITTED],
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_physician_goes_the_ways_of_the_manuals(way: list[State]) -> None:
    for before, after in pairwise(way):
        check_move(REGISTRATION, before, after)


@pytest.mark.parametrize("state", sorted(set(State) - {State.CONCLUDED, State.NOT_ADMITTED}))
def test_the_authority_may_withdraw_a_physician_at_any_time(state: State) -> None:
    check_move(REGISTRATION, state, State.NOT_ADMITTED)


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(State, State) if pair not in LISTED])
def test_any_other_move_is_an_error_that_names_it(before: State, after: State) -> None:
    with pytest.raises(IllegalMove) as error:
        check_move(REGISTRATION, before, after)
    assert f"registration {REGISTRATION}: {before} → {after}" in str(error.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (State.DRAFT, State.REGISTERED),
        (State.INSTITUTION_REVIEW, State.REGISTERED),
        (State.INSTITUTION_REVIEW, State.DRAFT),
        (State.REGISTERED, State.DRAFT),
        (State.TESTING, State.RETURNED),
        (State.CONCLUDED, State.TESTING),
    ],
)
def test_no_review_is_skipped_and_nothing_submitted_is_edited(before: State, after: State) -> None:
    assert (before, after) not in LISTED


def test_every_state_can_be_reached_and_a_result_is_final() -> None:
    reached, frontier = {State.NOT_ADMITTED}, {State.NOT_ADMITTED}
    while frontier:
        frontier = {after for before in frontier for after in MOVES[before]} - reached
        reached |= frontier
    assert reached == set(State) == set(MOVES)
    assert not MOVES[State.CONCLUDED]


@pytest.mark.parametrize("state", State)
def test_papers_are_sat_only_between_registration_and_result(state: State) -> None:
    assert an_entitlement(state=state).may_test is (state in TESTABLE)
    assert {State.REGISTERED, State.TESTING} == TESTABLE


@pytest.mark.parametrize("state", State)
def test_practice_opens_with_admission_in_hunan(state: State) -> None:
    assert an_entitlement("hunan-2026", state=state).may_practise is (state is not State.NOT_ADMITTED)


@pytest.mark.parametrize("state", State)
def test_practice_opens_with_registration_in_shanxi(state: State) -> None:
    open_in_shanxi = state in {State.REGISTERED, State.TESTING, State.CONCLUDED}
    assert an_entitlement("shanxi-2024", state=state).may_practise is open_in_shanxi


def test_an_entitlement_has_the_papers_of_its_own_procedure() -> None:
    simple = an_entitlement(procedure=Procedure.SIMPLE).rule
    general = an_entitlement(procedure=Procedure.GENERAL).rule
    assert [paper.subject for paper in simple.papers] == [Subject.HUMANITIES]
    assert [paper.subject for paper in general.papers] == [Subject.HUMANITIES, Subject.PROFESSIONAL]


def test_whatever_is_shown_has_a_chinese_name() -> None:
    assert set(STATE_LABELS) == set(State)
    assert set(PROCEDURE_LABELS) == set(Procedure)


@pytest.mark.parametrize("name", preset_names())
def test_no_state_speaks_to_the_physician_where_staff_reads(name: str) -> None:
    labels = read_preset(name).labels
    assert not [state for state in State if "您" in label_for_staff(state, labels)]


@pytest.mark.parametrize(
    ("state", "submitted", "chosen"),
    [
        (State.ADMITTED, False, False),
        (State.DRAFT, False, False),
        (State.RETURNED, True, True),
        (State.DRAFT, True, True),
        (State.REGISTERED, False, True),
    ],
)
def test_the_procedure_is_the_physicians_choice_once_it_was_submitted(
    state: State, *, submitted: bool, chosen: bool
) -> None:
    when = datetime(2026, 4, 20, tzinfo=UTC) if submitted else None
    assert a_registration(state, submitted_at=when).has_chosen_procedure is chosen
