"""What one account may ask of a process: far more than a person does, and never all of it."""

import pytest

from exam_service.errors import TooMany
from exam_service.http.guards import allow
from exam_service.http.limits import CAPACITY, DEAR, PER_SECOND, Limits, cost_of, dear


class Watch:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def taken(limits: Limits, account: str, cost: float) -> int:
    """How often it may be asked until it is refused."""
    count = 0
    while True:
        try:
            limits.take(account, cost)
        except TooMany:
            return count
        count += 1


def test_a_flood_is_refused_and_costs_nobody_else_anything() -> None:
    limits = Limits(Watch())
    assert taken(limits, "flood", 1) == CAPACITY
    assert taken(limits, "flood", 1) == 0
    assert taken(limits, "neighbour", 1) == CAPACITY


def test_what_reads_a_whole_paper_or_journal_may_be_asked_less_often() -> None:
    assert taken(Limits(Watch()), "flood", DEAR) == CAPACITY // DEAR


def test_time_gives_back_and_never_more_than_there_was() -> None:
    watch = Watch()
    limits = Limits(watch)
    taken(limits, "flood", 1)
    watch.now = 1.0
    assert taken(limits, "flood", 1) == PER_SECOND
    watch.now = 1000.0
    assert taken(limits, "flood", 1) == CAPACITY


def test_a_refusal_says_when_to_come_back() -> None:
    limits = Limits(Watch())
    taken(limits, "flood", 1)
    with pytest.raises(TooMany) as refused:
        limits.take("flood", CAPACITY)
    assert refused.value.retry_after == CAPACITY / PER_SECOND


def test_a_handler_says_by_itself_that_it_is_dear() -> None:
    @dear
    @allow("physician")
    def costly() -> None: ...

    @allow("physician")
    def usual() -> None: ...

    assert (cost_of(costly), cost_of(usual)) == (DEAR, 1.0)
