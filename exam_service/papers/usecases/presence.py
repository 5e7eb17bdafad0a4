"""The heartbeats of the paper pages, heard for all pages of a process together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.errors import DomainError
from exam_service.papers import queries, timing
from exam_service.papers.model import Attempt, LeaseLost, PageEvent
from exam_service.papers.oversight import Notice
from exam_service.papers.usecases.attempts import owned
from exam_service.papers.usecases.oversight import notices_of
from exam_service.storage.database import Database, Tx
from exam_service.together import Together

MOST_PAGE_EVENTS = 500
_GATHER_SECONDS = 0.5  # of the fifteen between two beats: three statements for all that come within


@dataclass(frozen=True)
class Heartbeat:
    """What a page says: which paper it shows, on which device, and what it noticed since."""

    principal: Principal
    attempt_id: UUID
    epoch: int
    events: Sequence[PageEvent] = ()
    device_hash: bytes | None = None


@dataclass(frozen=True)
class Presence:
    """What a heartbeat is told."""

    attempt: Attempt
    time_left: timedelta
    notices: list[Notice]


class Presences:
    """Notes that pages are there, and tells them state and time left."""

    def __init__(self, database: Database, clock: Clock, *, gather_seconds: float = _GATHER_SECONDS) -> None:
        self._database = database
        self._clock = clock
        self._together = Together(self._hear, seconds=gather_seconds)

    async def hear(self, beat: Heartbeat) -> Presence:
        """A page that was silent for longer than its heartbeats allow leaves a gap in the ledger.

        Raises:
            NotFound: Not this physician's attempt.
            LeaseLost: A newer page has the paper.
            Unavailable: PostgreSQL is away.
        """
        answer = await self._together.ask(beat)
        if isinstance(answer, DomainError):
            raise answer
        return answer

    async def _hear(self, beats: Sequence[Heartbeat]) -> list[Presence | DomainError]:
        now = self._clock.now()
        async with self._database.statements() as tx:
            attempts = await queries.select_attempts_by_id(
                tx, {(beat.attempt_id, beat.principal.province_id) for beat in beats}
            )
            heard = [_heard(beat, attempts.get(beat.attempt_id)) for beat in beats]
            shown = {each.id: each for each in heard if isinstance(each, Attempt)}
            await be_heard(tx, [each for each in shown.values() if not each.is_over], now)
            for beat, attempt in zip(beats, heard, strict=True):
                if beat.events and isinstance(attempt, Attempt) and not attempt.is_over:
                    await queries.insert_page_events(
                        tx, attempt.id, beat.epoch, beat.events, now, MOST_PAGE_EVENTS
                    )
            notices = await notices_of(tx, shown.values())
        return [
            Presence(each, timing.time_left(each.deadline or now, now), notices[each.id])
            if isinstance(each, Attempt)
            else each
            for each in heard
        ]


async def be_heard(tx: Tx, attempts: Sequence[Attempt], now: datetime) -> None:
    """The pages that show these papers are there."""
    epochs = {attempt.id: attempt.lease_epoch for attempt in attempts}
    if epochs:
        await queries.upsert_presences(tx, epochs, now, silent_since=now - timing.SILENT_AFTER)


def _heard(beat: Heartbeat, attempt: Attempt | None) -> Attempt | DomainError:
    """The attempt that a heartbeat is of, or why it is refused."""
    try:
        own = owned(beat.principal, attempt)
        if beat.epoch != own.lease_epoch or own.is_elsewhere(beat.device_hash):
            raise LeaseLost
    except DomainError as refusal:
        return refusal
    return own
