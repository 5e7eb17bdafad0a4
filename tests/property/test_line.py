"""A waiting line keeps the order and the rate, whoever comes when; the local one, whose clock we hold."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exam_service.queue.line import KEPT_SECONDS, LocalLine, Place

RATES = st.sampled_from([0.5, 1.0, 7.0, 60.0, 1000.0])
BURSTS = st.integers(1, 50)
PAUSES = st.lists(st.floats(0, 3), min_size=1, max_size=120)
_TINY = 1e-6


def arrivals(pauses: list[float]) -> list[float]:
    moments, now = [], 1000.0
    for pause in pauses:
        now += pause
        moments.append(now)
    return moments


def turns(line: LocalLine, moments: list[float]) -> list[float]:
    """When each may go, who comes at these moments."""
    return [now + line.take(str(number), now).seconds for number, now in enumerate(moments)]


@given(RATES, BURSTS, PAUSES)
def test_nobody_goes_before_who_came_before(rate: float, burst: int, pauses: list[float]) -> None:
    going = turns(LocalLine(rate, burst), arrivals(pauses))
    assert all(before <= after + _TINY for before, after in pairwise(going))


@given(RATES, BURSTS, PAUSES)
def test_no_window_has_more_turns_than_the_burst_and_the_rate_allow(
    rate: float, burst: int, pauses: list[float]
) -> None:
    going = turns(LocalLine(rate, burst), arrivals(pauses))
    for first, begins in enumerate(going):
        for last in range(first, len(going)):
            seconds = going[last] - begins
            assert last - first + 1 <= burst + rate * (seconds + _TINY) + _TINY


@given(RATES, BURSTS, PAUSES)
def test_nobody_waits_longer_than_for_those_ahead_and_their_own_turn(
    rate: float, burst: int, pauses: list[float]
) -> None:
    line = LocalLine(rate, burst)
    for number, now in enumerate(arrivals(pauses)):
        place = line.take(str(number), now)
        assert place.seconds <= (place.ahead + 1) / rate + _TINY


@given(RATES, BURSTS, st.integers(1, 200))
def test_who_come_together_after_a_quiet_time_are_counted_off(rate: float, burst: int, people: int) -> None:
    line = LocalLine(rate, burst)
    places = [line.take(str(number), 1000.0) for number in range(people)]
    assert [place.is_turn for place in places] == [number < burst for number in range(people)]
    assert [place.ahead for place in places] == [max(0, number - burst) for number in range(people)]


@given(RATES, BURSTS, PAUSES, st.data())
def test_asking_again_changes_nothing_for_anybody(
    rate: float, burst: int, pauses: list[float], data: st.DataObject
) -> None:
    asking, quiet = LocalLine(rate, burst), LocalLine(rate, burst)
    for number, now in enumerate(arrivals(pauses)):
        expected = quiet.take(str(number), now)
        assert asking.take(str(number), now) == expected
        again = data.draw(st.integers(0, number), label="asks again")
        assert asking.take(str(again), now) == (quiet.look(str(again), now) or quiet.take(str(again), now))


def test_the_place_moves_on_until_the_turn_comes() -> None:
    line = LocalLine(rate=2.0, burst=1)
    for number in range(4):
        line.take(str(number), 0.0)
    seen = [line.look("3", moment) for moment in (0.0, 0.5, 1.0, 1.4, 1.5, 2.0)]
    assert seen == [
        Place(2, 1.5),
        Place(1, 1.0),
        Place(0, 0.5),
        Place(0, 1.5 - 1.4),
        Place(0, 0.0),
        Place(0, 0.0),
    ]


def test_who_has_not_asked_has_no_place() -> None:
    assert LocalLine(rate=1.0, burst=1).look("nobody", 0.0) is None


def test_a_turn_that_nobody_took_is_given_up_and_memory_with_it() -> None:
    line = LocalLine(rate=1.0, burst=1)
    for number in range(3):
        line.take(str(number), 0.0)
    assert line.look("1", 1.0 + KEPT_SECONDS - 0.1) == Place(0, 0.0)
    assert line.look("1", 1.0 + KEPT_SECONDS) is None
    assert list(line._turns) == ["2"]
    assert line.take("1", 10_000.0).is_turn


def test_places_are_kept_in_the_order_of_their_turns() -> None:
    """What is given up first is what came first: else the memory would grow."""
    line = LocalLine(rate=60.0, burst=30)
    moments = [0.0] * 50 + [0.3] * 20 + [5.0] * 40
    kept = turns(line, moments)
    assert kept == sorted(kept)
    assert all(math.isfinite(turn) for turn in kept)
