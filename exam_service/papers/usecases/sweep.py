"""What time does by itself: closing at the deadline, marking, finishing what a crash interrupted."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from exam_service.clock import Clock
from exam_service.errors import Unavailable
from exam_service.papers import queries, timing
from exam_service.papers.model import State
from exam_service.papers.usecases.attempts import mark, move
from exam_service.storage.database import Database, Tx

log = logging.getLogger(__name__)

_SWEEP_BATCH = 500


async def close_due(database: Database, clock: Clock) -> int:
    """Close what time has closed and mark what is closed; gives how many attempts moved.

    Each attempt in a transaction of its own; one that somebody else holds is left to them. Run again and
    again, on many nodes: it also finishes what a crash interrupted.
    """
    now = clock.now()
    async with database.tx() as tx:
        due = await queries.select_due(tx, now, now - timing.GRACE, _SWEEP_BATCH)
        unmarked = await queries.select_unmarked(tx, _SWEEP_BATCH)
    moved = 0
    for attempt_id in [*due, *unmarked]:
        try:
            async with database.tx() as tx:
                moved += await _close_one(tx, clock, attempt_id, now)
        except Unavailable:
            raise
        except Exception:  # one that can't be closed must not keep the others open
            log.exception("attempt %s can't be closed", attempt_id)
    return moved


async def _close_one(tx: Tx, clock: Clock, attempt_id: UUID, now: datetime) -> int:
    attempt = await queries.lock_optional_attempt_skipping(tx, attempt_id)
    if attempt is None:
        return 0
    before = attempt.state
    while (due := timing.due_state(attempt.state, attempt.deadline, now)) is not attempt.state:
        attempt = await move(tx, attempt, due, cause="deadline", actor_id=None, at=now)
        if due is State.CLOSED:
            await queries.update_closed(tx, attempt.id, attempt.deadline or now, None)
    if attempt.state is State.CLOSED:
        attempt = await mark(tx, clock, attempt)
    return int(attempt.state is not before)
