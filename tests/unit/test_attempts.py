"""An attempt's states, its answers and its mark."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise, product
from uuid import UUID

import pytest

from exam_service.cycles.policy import Confirmation
from exam_service.errors import IllegalMove, Invalid
from exam_service.papers.journal import AnswerEvent, check_answer
from exam_service.papers.model import (
    FINISHED,
    MOVES,
    OPEN,
    AttemptClosed,
    LeaseLost,
    State,
    check_move,
    count_correct,
    mark_of,
    mark_text,
)
from exam_service.papers.retakes import is_completed, is_passed
from tests.factories import (
    a_professional_rule,
    a_rule,
    an_attempt,
    an_id,
    failed_attempt,
    passed_attempt,
)

LISTED = [(before, after) for before, others in MOVES.items() for after in others]
WAYS = {
    "handed in and confirmed": [
        State.PREPARED,
        State.ADMITTED,
        State.RUNNING,
        State.CLOSED,
        State.MARKED,
        State.CONFIRMED,
    ],
    "closed by time": [State.RUNNING, State.CLOSING, State.CLOSED, State.MARKED],
    "admitted and never opened": [State.ADMITTED, State.CLOSING, State.CLOSED],
}
ITEM, ANOTHER_ITEM = UUID(int=1), UUID(int=2)
A, B, C = (UUID(int=10 + number) for number in range(3))


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_attempt_goes_these_ways(way: list[State]) -> None:
    for before, after in pairwise(way):
        check_move(an_id(), before, after)


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(State, State) if pair not in LISTED])
def test_any_other_move_is_an_error_that_names_it(before: State, after: State) -> None:
    attempt_id = an_id()
    with pytest.raises(IllegalMove) as error:
        check_move(attempt_id, before, after)
    assert f"attempt {attempt_id}: {before} → {after}" in str(error.value)


def test_every_state_can_be_reached() -> None:
    reached, frontier = {State.PREPARED}, {State.PREPARED}
    while frontier:
        frontier = {after for before in frontier for after in MOVES[before]} - reached
        reached |= frontier
    assert reached == set(State) == set(MOVES)


@pytest.mark.parametrize("state", sorted(set(State) - {State.VOID}))
def test_whatever_happened_two_people_can_make_it_void(state: State) -> None:
    assert State.VOID in MOVES[state]


@pytest.mark.parametrize("state", State)
def test_what_is_over_never_opens_again(state: State) -> None:
    if an_attempt(state).is_over:
        assert all(an_attempt(after).is_over for after in MOVES[state])
    assert an_attempt(state).is_over is (state in FINISHED | {State.CLOSED, State.VOID})


def test_every_state_is_open_finished_or_void() -> None:
    assert OPEN | FINISHED | {State.VOID} == set(State)
    assert not OPEN & FINISHED


@pytest.mark.parametrize(
    ("state", "confirmation", "awaits", "known"),
    [
        (State.RUNNING, Confirmation.IMMEDIATE, False, False),
        (State.CLOSED, Confirmation.IMMEDIATE, False, False),
        (State.MARKED, Confirmation.IMMEDIATE, False, True),
        (State.CLOSED, Confirmation.BODY, False, False),
        (State.MARKED, Confirmation.BODY, True, False),
        (State.CONFIRMED, Confirmation.BODY, False, True),
        (State.TERMINATED, Confirmation.BODY, False, False),
        (State.VOID, Confirmation.IMMEDIATE, False, False),
    ],
)
def test_a_result_is_shown_at_once_or_when_the_body_confirmed(
    state: State, confirmation: Confirmation, *, awaits: bool, known: bool
) -> None:
    attempt = an_attempt(state, a_rule(confirmation=confirmation))
    assert (attempt.awaits_confirmation, attempt.result_is_known) == (awaits, known)


def test_a_mark_that_awaits_the_body_has_passed_nothing_yet() -> None:
    rule = a_rule(confirmation=Confirmation.BODY)
    assert not is_passed([passed_attempt(rule)])
    assert is_passed([an_attempt(State.CONFIRMED, rule)])


def test_one_pass_among_failures_is_a_pass_and_a_void_one_is_none() -> None:
    assert is_passed([failed_attempt(), passed_attempt(), failed_attempt()])
    assert not is_passed([failed_attempt(), an_attempt(State.VOID, passed=True)])
    assert not is_passed([])


def test_the_body_may_fail_who_reached_the_mark() -> None:
    assert not is_passed([an_attempt(State.CONFIRMED, a_professional_rule(), passed=False)])


@pytest.mark.parametrize(
    ("attempts", "states", "completed"),
    [
        (1, [], False),
        (1, [State.RUNNING], False),
        (1, [State.CLOSED], False),
        (1, [State.MARKED], True),
        (1, [State.TERMINATED], True),
        (1, [State.VOID], False),
        (1, [State.VOID, State.MARKED], True),
        (2, [State.MARKED], False),
        (2, [State.MARKED, State.MARKED], True),
        (None, [State.MARKED] * 9, False),
    ],
)
def test_a_paper_is_completed_when_sat_as_often_as_it_may_be(
    attempts: int | None, states: list[State], *, completed: bool
) -> None:
    rule = a_rule(attempts=attempts)
    sat = [an_attempt(state, rule, mark=Decimal(42)) for state in states]
    assert is_completed(rule, sat) is completed


def test_a_paper_is_completed_when_passed() -> None:
    assert is_completed(a_rule(attempts=3), [passed_attempt()])


def answer(item_id: UUID, option_id: UUID | None) -> AnswerEvent:
    return AnswerEvent(an_id(), 1, 1, item_id, option_id, datetime(2026, 5, 12, 2, 5, tzinfo=UTC))


@pytest.mark.parametrize("option", [A, C, None], ids=["the first", "the last", "taken back"])
def test_an_answer_is_an_option_of_the_item_or_none(option: UUID | None) -> None:
    check_answer(answer(ITEM, option), [A, B, C])


@pytest.mark.parametrize(
    ("option", "options"),
    [(C, [A, B]), (A, None), (None, None), (A, [])],
    ids=["another item's option", "an item of no paper", "taking that back", "no options"],
)
def test_an_answer_to_what_is_not_in_the_paper_is_refused(
    option: UUID | None, options: list[UUID] | None
) -> None:
    with pytest.raises(Invalid) as refusal:
        check_answer(answer(ITEM, option), options)
    assert refusal.value.code == "not_in_paper"


@pytest.mark.parametrize(
    ("correct", "total", "mark"),
    [
        (0, 50, "0.00"),
        (50, 50, "100.00"),
        (30, 50, "60.00"),
        (29, 50, "58.00"),
        (1, 3, "33.33"),
        (2, 3, "66.67"),
        (1, 32, "3.13"),
        (3, 32, "9.38"),
        (7, 96, "7.29"),
        (1, 800, "0.13"),
        (3, 800, "0.38"),
    ],
)
def test_a_mark_is_of_100_with_halves_rounded_up(correct: int, total: int, mark: str) -> None:
    assert str(mark_of(correct, total)) == mark


@pytest.mark.parametrize(
    ("mark", "text"),
    [("80.00", "80"), ("100.00", "100"), ("66.67", "66.67"), ("7.50", "7.5"), ("0.00", "0")],
)
def test_a_mark_is_written_without_idle_zeros(mark: str, text: str) -> None:
    assert mark_text(Decimal(mark)) == text


@pytest.mark.parametrize(
    ("correct", "total", "passes"), [(60, 100, True), (59, 100, False), (30, 50, True), (5999, 10_000, False)]
)
def test_sixty_passes_and_a_hair_less_does_not(correct: int, total: int, *, passes: bool) -> None:
    assert (mark_of(correct, total) >= a_rule().pass_mark) is passes


@pytest.mark.parametrize(
    ("answers", "correct"),
    [
        ({}, 0),
        ({ITEM: A}, 1),
        ({ITEM: B}, 0),
        ({ITEM: None}, 0),
        ({ITEM: A, ANOTHER_ITEM: C}, 2),
        ({ITEM: C, ANOTHER_ITEM: A}, 0),
        ({ITEM: A, UUID(int=99): A}, 1),
    ],
    ids=["nothing", "right", "wrong", "taken back", "both", "keys mixed up", "an item of another paper"],
)
def test_an_item_counts_when_its_answer_is_its_key(answers: dict[UUID, UUID | None], correct: int) -> None:
    assert count_correct(answers, {ITEM: A, ANOTHER_ITEM: C}) == correct


def test_refusals_say_what_happened() -> None:
    assert LeaseLost().code == "lease_lost"
    assert AttemptClosed().code == "attempt_closed"
