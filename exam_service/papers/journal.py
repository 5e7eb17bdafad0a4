"""The answer journal: events in order, the chain of receipts over them, and what they add up to. Pure.

Every event of an attempt gets the next number and a receipt: the SHA-256 of the receipt before it and its own
line. Whoever holds an acknowledgement can so prove what was stored before it: no event can be changed, left
out or moved without changing every receipt after it (the hash chain of Haber and Stornetta, "How to
time-stamp a digital document", 1991).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Invalid

RECEIPT_FORMAT = "exam-service receipt 1"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


class Source(StrEnum):
    """``page``: sent by the browser. ``import``: from a file that the browser exported, brought by staff."""

    PAGE = "page"
    IMPORT = "import"


class Outcome(StrEnum):
    """What became of an answer that was journaled.

    ``current``: it counts. ``superseded``: a newer answer to the same item stands. ``late``: it came after
    the grace and is kept for staff.
    """

    CURRENT = "current"
    SUPERSEDED = "superseded"
    LATE = "late"


@dataclass(frozen=True)
class AnswerEvent:
    """One answer as a browser sent it; ordered by (epoch, seq), which also makes it idempotent.

    Attributes:
        epoch: Lease of the page that sent it.
        seq: Counts from 1 within the epoch.
        option_id: ``None`` takes the answer back.
        client_time: What the browser's clock said: evidence, never authority.
    """

    attempt_id: UUID
    epoch: int
    seq: int
    item_id: UUID
    option_id: UUID | None
    client_time: datetime

    @property
    def order(self) -> tuple[int, int]:
        return self.epoch, self.seq


@dataclass(frozen=True)
class Receipt:
    """Where a chain is: how many events, and the 32 bytes over all of them (``None`` before the first)."""

    number: int
    digest: bytes | None


NOTHING = Receipt(0, None)


@dataclass(frozen=True)
class Entry:
    """A row of the journal. ``counted`` is false for what came too late."""

    event: AnswerEvent
    number: int
    received_at: datetime
    counted: bool
    source: Source
    receipt: bytes

    def line(self) -> str:
        """What the receipt is taken of: one line, times in microseconds since 1970 UTC."""
        event = self.event
        return " ".join(
            (
                str(self.number),
                str(event.epoch),
                str(event.seq),
                str(event.item_id),
                "-" if event.option_id is None else str(event.option_id),
                str((event.client_time - _EPOCH) // _MICROSECOND),
                str((self.received_at - _EPOCH) // _MICROSECOND),
                "counted" if self.counted else "late",
                self.source.value,
            )
        )


def check_answer(event: AnswerEvent, options: Sequence[UUID] | None) -> None:
    """Refuse an answer to what isn't in the paper; ``options`` are the item's, ``None`` if it isn't in it.

    Raises:
        Invalid: The item isn't in this paper, or the option isn't the item's.
    """
    if options is None or (event.option_id is not None and event.option_id not in options):
        raise Invalid("这道题或选项不属于本试卷，请刷新页面。", code="not_in_paper")


def storable(client_time: datetime) -> datetime:
    """A clock may be as wrong as it likes: that is noted, and never a reason to lose an answer."""
    try:
        return min(max(client_time.astimezone(UTC), _EPOCH), _LATEST)
    except OverflowError:
        return _EPOCH


def genesis(attempt_id: UUID) -> bytes:
    """What the first receipt of an attempt builds on, 32 bytes."""
    return hashlib.sha256(f"{RECEIPT_FORMAT} {attempt_id}".encode()).digest()


def append(
    chain: Receipt, event: AnswerEvent, received_at: datetime, *, counted: bool, source: Source = Source.PAGE
) -> Entry:
    """The next entry of a chain; its receipt covers all before it."""
    entry = Entry(event, chain.number + 1, received_at, counted, source, b"")
    digest = _digest(chain.digest or genesis(event.attempt_id), entry)
    return Entry(event, entry.number, received_at, counted, source, digest)


def _digest(before: bytes, entry: Entry) -> bytes:
    return hashlib.sha256(before + entry.line().encode()).digest()


def signed_text(attempt_id: UUID, end: Receipt, closed_at: datetime) -> bytes:
    """What is signed when an attempt is closed."""
    digest = (end.digest or genesis(attempt_id)).hex()
    closed = (closed_at - _EPOCH) // _MICROSECOND
    return f"{RECEIPT_FORMAT} {attempt_id} {end.number} {digest} {closed}".encode()


@dataclass(frozen=True)
class Broken:
    """Where a chain doesn't hold; ``number`` is of the first entry that is wrong."""

    number: int


def verify(attempt_id: UUID, entries: Iterable[Entry]) -> Receipt | Broken:
    """Walk a chain from its beginning; gives its end, or where it breaks."""
    before, number = genesis(attempt_id), 0
    for entry in entries:
        number += 1
        if entry.number != number or entry.receipt != _digest(before, entry):
            return Broken(number)
        before = entry.receipt
    return Receipt(number, before if number else None)


def replay(entries: Iterable[Entry], accepted: Iterable[int] = ()) -> dict[UUID, UUID | None]:
    """The current answers by item that a journal adds up to: see :func:`standing`."""
    return {item_id: event.option_id for item_id, event in standing(entries, accepted).items()}


def standing(entries: Iterable[Entry], accepted: Iterable[int] = ()) -> dict[UUID, AnswerEvent]:
    """The event that counts for each item, in whatever order the entries arrived.

    Of each item the counted event with the largest (epoch, seq) stands; so an answer of an older lease stands
    only where no newer one answered that item.

    Args:
        accepted: Numbers of late entries that staff let count.
    """
    counting = set(accepted)
    newest: dict[UUID, AnswerEvent] = {}
    for entry in entries:
        if not entry.counted and entry.number not in counting:
            continue
        event = entry.event
        known = newest.get(event.item_id)
        if known is None or known.order < event.order:
            newest[event.item_id] = event
    return newest
