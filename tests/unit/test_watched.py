"""When the camera watched: good frames at these seconds of a sitting of half an hour."""

from collections.abc import Iterable
from datetime import timedelta

import pytest

from exam_service.papers.model import State
from exam_service.proctor.watched import Span, coverage, gaps, sitting
from tests.factories import an_attempt, at

END = 1800
SAT = Span(at(0), at(END))
Seconds = tuple[float, float]


def seen(*frames: Iterable[float], cadence: float = 10) -> list[Seconds]:
    """The gaps that frames at these seconds leave."""
    moments = [at(second) for run in frames for second in run]
    return [
        ((gap.began_at - at(0)).total_seconds(), (gap.ended_at - at(0)).total_seconds())
        for gap in gaps(moments, SAT, timedelta(seconds=cadence))
    ]


def every(step: float, begin: float = 0, end: float = END) -> list[float]:
    return [begin + turn * step for turn in range(int((end - begin) / step))]


def test_a_paper_watched_throughout_has_no_gap() -> None:
    assert seen(every(10)) == []
    assert seen(every(10.4)) == [], "a network takes its time"
    assert seen(sorted([*every(10), *every(37)])) == [], "extra frames are no harm"


def test_a_paper_nobody_watched_is_one_gap() -> None:
    assert seen() == [(0, END)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([every(10, 60)], [(0, 60)]),
        ([every(10, 0, 1000)], [(1000, END)]),
        ([every(10, 0, 600), every(10, 700)], [(600, 700)]),
        ([every(10, 30, 600), every(10, 700, 1700)], [(0, 30), (600, 700), (1700, END)]),
    ],
    ids=["late", "early", "in between", "all three"],
)
def test_what_no_frame_stands_for_is_a_gap(frames: list[list[float]], expected: list[Seconds]) -> None:
    assert seen(*frames) == expected


def test_one_frame_lost_on_the_way_is_no_gap_and_two_are() -> None:
    frames = every(10)
    assert seen(frames[:50], frames[51:]) == []
    assert seen(frames[:50], frames[52:]) == [(500, 520)]


def test_the_patience_grows_with_the_cadence() -> None:
    assert seen(every(30), cadence=30) == []
    assert seen([*every(30, 0, 600), *every(30, 630)], cadence=30) == []
    assert seen([*every(30, 0, 600), *every(30, 660)], cadence=30) == [(600, 660)]
    assert seen([*every(2, 0, 600), *every(2, 617)], cadence=2) == [], "20 seconds at least"


@pytest.mark.parametrize("step", [29, 24, 21, 16])
def test_one_frame_now_and_then_does_not_watch(step: float) -> None:
    (gap,) = seen(every(10, 0, 600), every(step, 600, 1200), every(10, 1200))
    assert gap[0] == 610
    assert 1200 - step <= gap[1] <= 1200


def test_nor_do_bursts_of_frames() -> None:
    bursts = [begin + part for begin in every(24) for part in (0, 0.5, 1)]
    ((begin, end),) = seen(bursts)
    assert begin == pytest.approx(10)
    assert end > END - 24


def test_late_frames_now_and_then_are_no_gap() -> None:
    assert seen([second for place, second in enumerate(every(10)) if place % 3]) == []


def test_gaps_with_hardly_a_frame_between_are_one() -> None:
    assert seen(every(10, 0, 600), [700, 710], every(10, 800)) == [(600, 800)]
    assert seen(every(10, 0, 600), every(10, 700, 760), every(10, 800)) == [(600, 700), (760, 800)]


def test_frames_before_and_after_the_sitting_watch_none_of_it() -> None:
    assert seen([-30], every(10, 0, 1000), [END + 5, END + 10]) == [(1000, END)]


def test_coverage_is_the_share_that_was_watched() -> None:
    moments = [at(second) for second in every(10, 0, 900)]
    assert coverage(moments, SAT) == pytest.approx(0.5)
    assert coverage([], SAT) == 0
    assert coverage([], Span(at(0), at(0))) == 1


@pytest.mark.parametrize(
    ("attempt", "now", "expected"),
    [
        (an_attempt(State.PREPARED), 500, None),
        (an_attempt(State.RUNNING), 500, 500),
        (an_attempt(State.RUNNING), 9999, 3600),
        (an_attempt(State.MARKED), 9999, 1800),
        (an_attempt(State.MARKED, handed_in_at=at(1700), closed_at=at(1800)), 9999, 1700),
    ],
    ids=["not admitted", "running", "out of time", "closed", "handed in before it was closed"],
)
def test_a_sitting_is_watched_from_admission_to_its_end(attempt: object, now: float, expected: float) -> None:
    sat = sitting(attempt, at(now))  # type: ignore[arg-type]
    assert sat == (None if expected is None else Span(at(0), at(expected)))
