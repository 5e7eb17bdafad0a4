"""What the body may decide alone, and when no camera watched."""

from decimal import Decimal

import pytest

from exam_service.errors import Invalid
from exam_service.papers.model import State
from exam_service.review.model import LONGEST_NOTE, check_decision
from tests.factories import a_professional_rule, an_attempt, at

END = 1800  # a closed attempt of the factory ends here


def code_of(mark: str, note: str = "", *, passed: bool) -> str | None:
    attempt = an_attempt(State.MARKED, a_professional_rule(), mark=Decimal(mark))
    try:
        check_decision(attempt, passed=passed, note=note)
    except Invalid as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("mark", ["60", "60.00", "60.01", "100"])
def test_who_reached_the_mark_may_pass(mark: str) -> None:
    assert code_of(mark, passed=True) is None


@pytest.mark.parametrize("mark", ["59.99", "59", "0"])
def test_who_did_not_cannot_pass_whatever_the_note(mark: str) -> None:
    assert code_of(mark, passed=True) == "below_pass_mark"
    assert code_of(mark, "酌情", passed=True) == "below_pass_mark"


@pytest.mark.parametrize("mark", ["59.99", "0"])
def test_who_did_not_fails_without_a_word(mark: str) -> None:
    assert code_of(mark, passed=False) is None


@pytest.mark.parametrize("mark", ["60", "100"])
def test_who_reached_the_mark_fails_only_with_a_reason(mark: str) -> None:
    assert code_of(mark, passed=False) == "reason_needed"
    assert code_of(mark, "监考画面中为他人作答", passed=False) is None


def test_a_note_has_its_longest() -> None:
    assert LONGEST_NOTE == 500
    assert code_of("84", "字" * LONGEST_NOTE, passed=True) is None
    assert code_of("84", "字" * (LONGEST_NOTE + 1), passed=True) == "note_too_long"


def test_what_has_no_mark_cannot_pass() -> None:
    with pytest.raises(Invalid) as refusal:
        check_decision(an_attempt(State.CLOSED), passed=True, note="")
    assert refusal.value.code == "below_pass_mark"


Seconds = tuple[float, float]


def seen(*spans: tuple[float, float | None]) -> list[Seconds]:
    """Gaps of a paper from 0 to :data:`END`, in seconds."""
    return unwatched(State.MARKED, 9999, *spans)


def unwatched(state: State, now: float, *spans: tuple[float, float | None]) -> list[Seconds]:
    times = [(at(opened), None if closed is None else at(closed)) for opened, closed in spans]
    found = gaps(an_attempt(state), times, at(now))
    return [((gap.began_at - at(0)).total_seconds(), (gap.ended_at - at(0)).total_seconds()) for gap in found]


def test_a_paper_watched_throughout_has_no_gap() -> None:
    assert seen((0, END)) == []
    assert seen((-5, END + 5)) == []
    assert seen((0, None)) == []


def test_a_paper_nobody_watched_is_one_gap() -> None:
    assert seen() == [(0, END)]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(60, END)], [(0, 60)]),
        ([(0, 1000)], [(1000, END)]),
        ([(0, 600), (700, END)], [(600, 700)]),
        ([(30, 600), (700, 1700)], [(0, 30), (600, 700), (1700, END)]),
    ],
    ids=["late", "early", "in between", "all three"],
)
def test_what_no_stream_covered_is_a_gap(spans: list[Seconds], expected: list[Seconds]) -> None:
    assert seen(*spans) == expected


def test_a_short_break_is_no_gap() -> None:
    shortest = SHORTEST_GAP.total_seconds()
    assert seen((0, 600), (600 + shortest - 1, END)) == []
    assert seen((0, 600), (600 + shortest, END)) == [(600, 600 + shortest)]


def test_a_short_rest_is_no_gap() -> None:
    assert SHORTEST_GAP.total_seconds() == 20
    assert seen((0, END - 19)) == []
    assert seen((0, END - 20)) == [(END - 20, END)]


def test_overlapping_streams_cover_together() -> None:
    assert seen((0, 900), (300, 600), (880, END)) == []
    assert seen((0, 900), (300, 600), (1000, END)) == [(900, 1000)]


def test_a_stream_whose_server_died_ends_where_the_next_opens() -> None:
    assert seen((0, None), (700, END)) == []
    assert seen((0, None), (700, 1000)) == [(1000, END)]


def test_a_stream_still_open_covers_until_now() -> None:
    assert unwatched(State.RUNNING, 500, (0, 100), (200, None)) == [(100, 200)]


def test_a_running_paper_that_nobody_watches_has_a_gap_that_grows() -> None:
    assert unwatched(State.RUNNING, 500, (0, 100)) == [(100, 500)]
    assert unwatched(State.RUNNING, 700, (0, 100)) == [(100, 700)]


def test_streams_before_admission_do_not_matter() -> None:
    assert seen((-300, -200)) == [(0, END)]
    assert seen((-300, 40), (90, END)) == [(40, 90)]


def test_a_paper_nobody_was_admitted_to_has_no_gaps() -> None:
    assert gaps(an_attempt(State.PREPARED), [(at(0), at(9))], at(500)) == []


@pytest.mark.parametrize(
    "spans",
    [
        [(0, END + 5), (END + 30, END + 50)],
        [(0, END), (END + 30, None)],
        [(0, END - 10), (END + 30, END + 40)],
    ],
    ids=["closed late, opened later", "opened after the end", "a short rest, opened after the end"],
)
def test_streams_after_the_end_make_no_gap(spans: list[tuple[float, float | None]]) -> None:
    assert seen(*spans) == []


def test_a_gap_ends_with_the_paper() -> None:
    assert seen((0, 1000), (END + 60, END + 90)) == [(1000, END)]
