"""The chain of receipts and what a journal adds up to. Vectors are computed here anew, by hand."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.papers.journal import (
    NOTHING,
    AnswerEvent,
    Broken,
    Entry,
    Receipt,
    Source,
    append,
    replay,
    signed_text,
    storable,
    verify,
)

ATTEMPT, ITEM, OPTION = UUID(int=1), UUID(int=2), UUID(int=3)
THEN = datetime(2026, 5, 12, 2, 0, 0, 250_000, tzinfo=UTC)
MICROSECONDS = int(THEN.timestamp()) * 1_000_000 + 250_000


def event(epoch: int, seq: int, item: UUID = ITEM, option: UUID | None = OPTION) -> AnswerEvent:
    return AnswerEvent(ATTEMPT, epoch, seq, item, option, THEN)


def chained(events: list[AnswerEvent], *, late: frozenset[int] = frozenset()) -> list[Entry]:
    entries: list[Entry] = []
    end = NOTHING
    for place, each in enumerate(events):
        entry = append(end, each, THEN, counted=place not in late)
        end = Receipt(entry.number, entry.receipt)
        entries.append(entry)
    return entries


def test_a_receipt_is_what_the_decision_says_it_is() -> None:
    """Whoever has the downloaded file computes the same with any SHA-256."""
    first, second = chained([event(1, 1), event(1, 2, option=None)], late=frozenset({1}))
    genesis = hashlib.sha256(f"exam-service receipt 1 {ATTEMPT}".encode()).digest()
    line = f"1 1 1 {ITEM} {OPTION} {MICROSECONDS} {MICROSECONDS} counted page"
    assert first.receipt == hashlib.sha256(genesis + line.encode()).digest()
    line = f"2 1 2 {ITEM} - {MICROSECONDS} {MICROSECONDS} late page"
    assert second.receipt == hashlib.sha256(first.receipt + line.encode()).digest()


def test_an_untouched_chain_is_whole() -> None:
    entries = chained([event(1, seq) for seq in range(1, 6)])
    assert verify(ATTEMPT, entries) == Receipt(5, entries[-1].receipt)
    assert verify(ATTEMPT, []) == NOTHING


@pytest.mark.parametrize(
    "change",
    [
        {"event": event(1, 3, option=UUID(int=9))},
        {"event": event(1, 3, item=UUID(int=9))},
        {"event": replace(event(1, 3), client_time=THEN + timedelta(microseconds=1))},
        {"received_at": THEN + timedelta(microseconds=1)},
        {"counted": False},
        {"source": Source.IMPORT},
        {"receipt": bytes(32)},
    ],
    ids=["option", "item", "client's time", "server's time", "counted", "source", "receipt"],
)
def test_whatever_is_changed_in_an_entry_breaks_the_chain_there(change: dict[str, object]) -> None:
    entries = chained([event(1, seq) for seq in range(1, 6)])
    entries[2] = replace(entries[2], **change)
    assert verify(ATTEMPT, entries) == Broken(3)


def test_an_entry_left_out_moved_or_of_another_attempt_breaks_the_chain() -> None:
    entries = chained([event(1, seq) for seq in range(1, 6)])
    assert verify(ATTEMPT, [*entries[:1], *entries[2:]]) == Broken(2)
    assert verify(ATTEMPT, [entries[1], entries[0], *entries[2:]]) == Broken(1)
    assert verify(UUID(int=7), entries) == Broken(1)


def test_what_is_signed_names_attempt_number_end_and_time() -> None:
    text = signed_text(ATTEMPT, Receipt(2, bytes(32)), THEN).decode()
    assert text == f"exam-service receipt 1 {ATTEMPT} 2 {'00' * 32} {MICROSECONDS}"


def test_the_newest_answer_of_an_item_stands_and_a_late_one_only_where_it_was_accepted() -> None:
    other = UUID(int=4)
    entries = chained(
        [event(2, 1), event(1, 9, option=other), event(2, 2, option=None), event(3, 1, option=other)],
        late=frozenset({3}),
    )
    assert replay(entries) == {ITEM: None}
    assert replay(entries, accepted=[4]) == {ITEM: other}


KEYS = st.tuples(st.integers(1, 4), st.integers(1, 20), st.integers(0, 3), st.integers(0, 4))


@given(st.lists(KEYS, unique_by=lambda key: key[:2], max_size=30), st.randoms())
def test_the_order_of_arrival_changes_nothing(keys: list[tuple[int, int, int, int]], chance: Random) -> None:
    events = [event(epoch, seq, UUID(int=item), UUID(int=option)) for epoch, seq, item, option in keys]
    expected = replay(chained(events))
    chance.shuffle(events)
    assert replay(chained(events)) == expected
    for item_id, option_id in expected.items():
        newest = max((each for each in events if each.item_id == item_id), key=lambda each: each.order)
        assert newest.option_id == option_id


@pytest.mark.parametrize(
    "wrong",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
    ],
)
def test_every_client_time_can_be_written_down(wrong: datetime) -> None:
    assert append(NOTHING, replace(event(1, 1), client_time=storable(wrong)), THEN, counted=True).line()
