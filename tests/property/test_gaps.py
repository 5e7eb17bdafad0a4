"""Gaps against a picture of the paper drawn second by second."""

from datetime import datetime
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from exam_service.papers.model import State
from exam_service.review.model import SHORTEST_GAP, gaps
from tests.factories import an_attempt, at

END = 120
SHORTEST = int(SHORTEST_GAP.total_seconds())
Span = tuple[int, int | None]


@st.composite
def spans(draw: st.DrawFn) -> list[Span]:
    """In order of opening; some never closed."""
    opened = sorted(draw(st.lists(st.integers(-30, END + 60), max_size=6)))
    lengths = [draw(st.none() | st.integers(1, END)) for _ in opened]
    return [
        (begin, None if length is None else begin + length)
        for begin, length in zip(opened, lengths, strict=True)
    ]


def found(series: list[Span], *, closed: bool = True) -> list[tuple[int, int]]:
    times: list[tuple[datetime, datetime | None]] = [
        (at(begin), None if end is None else at(end)) for begin, end in series
    ]
    if closed:
        attempt, now = an_attempt(State.MARKED, closed_at=at(END)), at(END + 5000)
    else:
        attempt, now = an_attempt(State.RUNNING), at(END)
    seconds = [
        ((gap.began_at - at(0)).total_seconds(), (gap.ended_at - at(0)).total_seconds())
        for gap in gaps(attempt, times, now)
    ]
    return [(int(begin), int(end)) for begin, end in seconds]


def drawn(series: list[Span]) -> list[tuple[int, int]]:
    """The same by brute force: which seconds nobody watched."""
    watched = [False] * END
    for place, (begin, end) in enumerate(series):
        following = series[place + 1][0] if place + 1 < len(series) else END
        for second in range(max(0, begin), min(END, following if end is None else end)):
            watched[second] = True
    edges = [0, *(n for n in range(1, END) if watched[n] != watched[n - 1]), END]
    runs = pairwise(edges)
    return [(begin, end) for begin, end in runs if not watched[begin] and end - begin >= SHORTEST]


@given(series=spans(), closed=st.booleans())
def test_gaps_are_the_seconds_that_nobody_watched(series: list[Span], *, closed: bool) -> None:
    assert found(series, closed=closed) == drawn(series)


@given(spans())
@example([(0, END + 5), (END + 30, None)])
def test_gaps_are_long_enough_in_order_apart_and_within_the_paper(series: list[Span]) -> None:
    gaps_found = found(series)
    assert all(begin >= 0 and end <= END and end - begin >= SHORTEST for begin, end in gaps_found)
    assert all(before[1] < after[0] for before, after in pairwise(gaps_found))


@given(spans())
def test_no_gap_overlaps_a_stream(series: list[Span]) -> None:
    following = [*(opened for opened, _ in series[1:]), END]
    for begin, end in found(series):
        for (opened, closed), next_opened in zip(series, following, strict=False):
            assert opened >= end or (next_opened if closed is None else closed) <= begin


@given(series=spans(), extra=st.tuples(st.integers(0, END), st.integers(1, END)))
def test_another_stream_never_makes_more_time_unwatched(series: list[Span], extra: tuple[int, int]) -> None:
    closed = [(begin, end) for begin, end in series if end is not None]
    more = sorted([*closed, (extra[0], extra[0] + extra[1])])
    assert sum(end - begin for begin, end in found(more)) <= sum(end - begin for begin, end in found(closed))
