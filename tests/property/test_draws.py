"""Which items a paper gets: unseen ones first, and never a paper twice while the bank allows."""

from collections import Counter
from math import comb
from random import Random
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from exam_service.questions.model import choose

RANDOM = st.randoms(use_true_random=False)


def a_bank(size: int) -> list[UUID]:
    return [UUID(int=number) for number in range(size)]


@st.composite
def draws(draw: st.DrawFn) -> tuple[list[UUID], int, list[frozenset[UUID]]]:
    """A bank, how many items a paper has, and earlier papers, also of items that the bank no longer has."""
    items = a_bank(draw(st.integers(1, 30)))
    count = draw(st.integers(1, len(items)))
    papers = st.frozensets(st.sampled_from([*items, UUID(int=99)]), min_size=1)
    return items, count, draw(st.lists(papers, max_size=6))


@given(draws(), RANDOM)
def test_a_paper_has_its_number_of_different_items_of_the_bank(
    given_: tuple[list[UUID], int, list[frozenset[UUID]]], random: Random
) -> None:
    items, count, avoid = given_
    chosen = choose(items, count, avoid, random)
    assert len(chosen) == len(set(chosen)) == count
    assert set(chosen) <= set(items)


@given(draws(), RANDOM)
def test_what_was_seen_fills_only_what_the_unseen_leave(
    given_: tuple[list[UUID], int, list[frozenset[UUID]]], random: Random
) -> None:
    items, count, avoid = given_
    unseen = set(items) - frozenset().union(*avoid)
    chosen = set(choose(items, count, avoid, random))
    assert len(chosen & unseen) == min(count, len(unseen))


@given(size=st.integers(1, 7), data=st.data(), random=RANDOM)
def test_no_paper_comes_twice_until_every_one_was_sat(size: int, data: st.DataObject, random: Random) -> None:
    items = a_bank(size)
    count = data.draw(st.integers(1, size))
    papers: list[frozenset[UUID]] = []
    for _ in range(comb(size, count)):
        paper = frozenset(choose(items, count, papers, random))
        assert paper not in papers
        papers.append(paper)
    assert frozenset(choose(items, count, papers, random)) in papers


@given(random=RANDOM, size=st.integers(2, 200))
def test_two_papers_in_a_row_share_nothing_where_the_bank_is_large_enough(random: Random, size: int) -> None:
    items, count = a_bank(size), size // 2
    first = choose(items, count, [], random)
    second = choose(items, count, [frozenset(first)], random)
    assert not set(first) & set(second)


def test_every_item_is_as_likely_as_any_other_and_in_every_place() -> None:
    random = Random(7)
    items, seen = a_bank(20), frozenset(a_bank(5))
    places = [Counter[UUID]() for _ in range(5)]
    for _ in range(6000):
        for place, item in zip(places, choose(items, 5, [seen], random), strict=True):
            place[item] += 1
    for place in places:
        assert set(place) == set(items) - seen
        assert all(300 < often < 500 for often in place.values())  # 400 each, five deviations to either side


def test_items_seen_before_are_not_all_at_the_end_of_a_paper() -> None:
    items = a_bank(20)
    first = frozenset(items[:15])
    last = {choose(items, 10, [first], Random(seed))[-1] in first for seed in range(50)}
    assert last == {True, False}
