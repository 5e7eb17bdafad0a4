"""A paper's time as a timeline: seconds after admission, 60 minutes, 60 seconds of grace."""

from datetime import timedelta

import pytest

from exam_service.papers.model import State
from exam_service.papers.timing import (
    GRACE,
    deadline_of,
    due_state,
    keeps_late_answers,
    takes_answers,
    time_left,
)
from tests.factories import ADMITTED, FrozenClock, at

HOUR = 3600
DEADLINE = deadline_of(ADMITTED, 60)


def test_the_deadline_is_counted_in_minutes_from_admission() -> None:
    assert at(HOUR) == DEADLINE
    assert timedelta(minutes=1) == GRACE


@pytest.mark.parametrize(
    ("seconds", "left"),
    [
        (-30, HOUR + 30),
        (0, HOUR),
        (1, HOUR - 1),
        (HOUR - 1, 1),
        (HOUR, 0),
        (HOUR + 1, 0),
        (9 * HOUR, 0),
    ],
)
def test_the_time_left_runs_down_to_nothing_and_not_below(seconds: float, left: float) -> None:
    assert time_left(DEADLINE, at(seconds)) == timedelta(seconds=left)


TIMELINE = [
    # state, seconds, where time moves it, whether an answer counts
    (State.ADMITTED, 0, State.ADMITTED, False),
    (State.ADMITTED, HOUR - 0.001, State.ADMITTED, False),
    (State.ADMITTED, HOUR, State.CLOSING, False),
    (State.RUNNING, 0, State.RUNNING, True),
    (State.RUNNING, 1800, State.RUNNING, True),
    (State.RUNNING, HOUR - 0.001, State.RUNNING, True),
    (State.RUNNING, HOUR, State.CLOSING, True),
    (State.RUNNING, HOUR + 59, State.CLOSING, True),
    (State.RUNNING, HOUR + 60.001, State.CLOSING, False),
    (State.RUNNING, 9 * HOUR, State.CLOSING, False),
    (State.CLOSING, HOUR, State.CLOSING, True),
    (State.CLOSING, HOUR + 59, State.CLOSING, True),
    (State.CLOSING, HOUR + 60, State.CLOSED, False),
    (State.CLOSING, HOUR + 60.001, State.CLOSED, False),
    (State.CLOSED, 0, State.CLOSED, False),
    (State.CLOSED, 9 * HOUR, State.CLOSED, False),
    (State.MARKED, 9 * HOUR, State.MARKED, False),
    (State.CONFIRMED, 9 * HOUR, State.CONFIRMED, False),
    (State.TERMINATED, 1800, State.TERMINATED, False),
    (State.VOID, 1800, State.VOID, False),
]


@pytest.mark.parametrize(("state", "seconds", "moved", "counts"), TIMELINE)
def test_the_timeline_of_an_attempt(state: State, seconds: float, moved: State, *, counts: bool) -> None:
    assert due_state(state, DEADLINE, at(seconds)) is moved
    assert takes_answers(state, DEADLINE, at(seconds)) is counts


@pytest.mark.parametrize("seconds", [0, HOUR, 9 * HOUR])
def test_time_does_nothing_to_a_paper_that_nobody_was_admitted_to(seconds: float) -> None:
    assert due_state(State.PREPARED, None, at(seconds)) is State.PREPARED
    assert not takes_answers(State.PREPARED, None, at(seconds))


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [(0, True), (HOUR + 61, True), (25 * HOUR, True), (25 * HOUR + 0.001, False)],
    ids=["in time", "after the grace", "a day late", "later"],
)
def test_an_answer_too_late_to_count_is_kept_for_staff_for_a_day(seconds: float, *, kept: bool) -> None:
    assert keeps_late_answers(DEADLINE, at(seconds)) is kept
    assert not keeps_late_answers(None, at(seconds))


def test_a_paper_left_alone_is_closed_after_the_grace_and_stays_closed() -> None:
    clock = FrozenClock()
    state, seen = State.RUNNING, []
    for _ in range(HOUR // 30 + 4):
        clock.move(30)
        state = due_state(state, DEADLINE, clock.now())
        seen.append(state)
    assert seen[: HOUR // 30 - 1] == [State.RUNNING] * (HOUR // 30 - 1)
    assert seen[HOUR // 30 - 1 :] == [State.CLOSING] * 2 + [State.CLOSED] * 3


def test_a_sweeper_that_was_away_for_a_day_closes_in_two_steps() -> None:
    tomorrow = at(24 * HOUR)
    closing = due_state(State.RUNNING, DEADLINE, tomorrow)
    assert (closing, due_state(closing, DEADLINE, tomorrow)) == (State.CLOSING, State.CLOSED)
