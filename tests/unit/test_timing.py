"""A paper's time as a timeline: seconds after admission, 60 minutes, 60 seconds of grace."""

from datetime import timedelta

import pytest

from exam_service.papers.model import State
from exam_service.papers.timing import (
    GRACE,
    closes_until,
    deadline_of,
    due_state,
    keeps_late_answers,
    outage_credit,
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


OUTAGES = [
    ("before admission", -600, -60, 0),
    ("across admission", -60, 30, 30),
    ("in the middle", 600, 900, 300),
    ("a part of a second counts as one", 600, 600.2, 1),
    ("across the deadline: what was left when it began is left when it ends", HOUR - 120, HOUR + 600, 720),
    ("in the grace: what was left of it is left", HOUR + 10, HOUR + 190, 180),
    ("after the grace", HOUR + 60, HOUR + 90, 0),
]


@pytest.mark.parametrize(
    ("began", "ended", "credit"), [row[1:] for row in OUTAGES], ids=[row[0] for row in OUTAGES]
)
def test_an_outage_gives_back_what_it_took(began: float, ended: float, credit: int) -> None:
    assert outage_credit(at(0), DEADLINE, at(began), at(ended)) == timedelta(seconds=credit)


def test_outages_one_after_the_other_add_up() -> None:
    """The second one lies past the first deadline, and before the one that the first credit made."""
    deadline = DEADLINE + outage_credit(at(0), DEADLINE, at(HOUR - 60), at(HOUR + 60))
    assert outage_credit(at(0), deadline, at(HOUR + 90), at(HOUR + 100)) == timedelta(seconds=10)
    assert outage_credit(at(0), deadline, at(HOUR + 180), at(HOUR + 190)) == timedelta(0)


PULSES = [
    ("nobody ever served", None, 100, 100),
    ("it beats", 99, 100, 100),
    ("a beat late is no outage", 95.1, 100, 100),
    ("it stands still", 95, 100, 95),
    ("for an hour", 0, HOUR, 0),
]


@pytest.mark.parametrize(
    ("pulse", "now", "until"), [row[1:] for row in PULSES], ids=[row[0] for row in PULSES]
)
def test_nothing_closes_while_the_service_is_away(pulse: float | None, now: float, until: float) -> None:
    assert closes_until(None if pulse is None else at(pulse), at(now)) == at(until)


def test_a_sweeper_that_was_away_for_a_day_closes_in_two_steps() -> None:
    tomorrow = at(24 * HOUR)
    closing = due_state(State.RUNNING, DEADLINE, tomorrow)
    assert (closing, due_state(closing, DEADLINE, tomorrow)) == (State.CLOSING, State.CLOSED)
