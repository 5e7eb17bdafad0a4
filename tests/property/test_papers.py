"""Marks and time, whatever the numbers."""

from datetime import timedelta
from fractions import Fraction
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from exam_service.papers.model import MOVES, State, count_correct, mark_of
from exam_service.papers.timing import GRACE, deadline_of, due_state, takes_answers, time_left
from tests.factories import ADMITTED, at

states = st.sampled_from(State)
seconds = st.floats(-600, 10_000) | st.sampled_from([0.0, 3599.0, 3600.0, 3659.0, 3660.0, 3661.0])
DEADLINE = deadline_of(ADMITTED, 60)
ORDER = [State.ADMITTED, State.RUNNING, State.CLOSING, State.CLOSED]


@st.composite
def scores(draw: st.DrawFn) -> tuple[int, int]:
    total = draw(st.integers(1, 1000))
    return draw(st.integers(0, total)), total


@given(scores())
def test_a_mark_is_the_share_of_100_with_halves_rounded_up(score: tuple[int, int]) -> None:
    correct, total = score
    hundredths = floor(Fraction(10_000 * correct, total) + Fraction(1, 2))
    assert Fraction(mark_of(correct, total)) == Fraction(hundredths, 100)
    assert 0 <= mark_of(correct, total) <= 100


@given(scores())
def test_one_more_right_answer_never_lowers_a_mark(score: tuple[int, int]) -> None:
    correct, total = score
    assert mark_of(max(0, correct - 1), total) <= mark_of(correct, total)


@given(st.dictionaries(st.uuids(), st.tuples(st.uuids(), st.booleans()), max_size=30))
def test_correct_answers_are_counted_one_by_one(paper: dict[object, tuple[object, bool]]) -> None:
    keys = {item: key for item, (key, _) in paper.items()}
    answers = {item: key if right else None for item, (key, right) in paper.items()}
    assert count_correct(answers, keys) == sum(right for _, right in paper.values())


@given(earlier=seconds, later=seconds)
def test_the_time_left_never_grows_and_never_falls_below_nothing(earlier: float, later: float) -> None:
    earlier, later = sorted((earlier, later))
    before, after = time_left(DEADLINE, at(earlier)), time_left(DEADLINE, at(later))
    assert before >= after >= timedelta(0)


@given(state=states, earlier=seconds, later=seconds)
def test_answers_that_stopped_counting_never_count_again(state: State, earlier: float, later: float) -> None:
    earlier, later = sorted((earlier, later))
    assert takes_answers(state, DEADLINE, at(earlier)) >= takes_answers(state, DEADLINE, at(later))


@given(state=states, moment=seconds)
def test_no_answer_counts_after_deadline_and_grace(state: State, moment: float) -> None:
    if at(moment) > DEADLINE + GRACE:
        assert not takes_answers(state, DEADLINE, at(moment))


@given(state=states, moment=seconds)
def test_time_moves_an_attempt_only_along_the_table(state: State, moment: float) -> None:
    moved = due_state(state, DEADLINE, at(moment))
    assert moved is state or moved in MOVES[state]


@given(state=st.sampled_from(ORDER), earlier=seconds, later=seconds)
def test_time_never_moves_an_attempt_back(state: State, earlier: float, later: float) -> None:
    earlier, later = sorted((earlier, later))
    before = due_state(state, DEADLINE, at(earlier))
    after = due_state(state, DEADLINE, at(later))
    assert ORDER.index(state) <= ORDER.index(before) <= ORDER.index(after)


@given(state=st.sampled_from(ORDER[:3]), moment=seconds)
def test_swept_again_and_again_it_comes_to_rest(state: State, moment: float) -> None:
    once = due_state(state, DEADLINE, at(moment))
    twice = due_state(once, DEADLINE, at(moment))
    assert due_state(twice, DEADLINE, at(moment)) is twice
    assert (twice is State.CLOSED) is (at(moment) >= DEADLINE + GRACE)
