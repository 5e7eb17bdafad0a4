"""What time does by itself: outages are credited, then what is over is closed, then marked.

The order matters: a paper whose deadline lay in an outage gets its time back before anybody looks whether it
is over. Everything here may run again and again, on many nodes, and finishes what a crash interrupted.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.errors import Unavailable
from exam_service.papers import queries, timing
from exam_service.papers.model import Attempt, State
from exam_service.papers.usecases.attempts import close, credit_outages_of, mark, move, topic
from exam_service.storage.database import Tx
from exam_service.wiring import Services

log = logging.getLogger(__name__)

_SWEEP_BATCH = 500
_OUTAGES_KEPT_IN_MIND = timedelta(days=7)


async def pulse(services: Services) -> None:
    """A web process can store answers, now. Where none could for a while, that was an outage: noted."""
    services.clock.check_trusted()  # a clock that is wrong would make outages that never were
    now = services.clock.now()
    async with services.database.tx() as tx:
        before = await queries.lock_optional_pulse(tx)
        if before is not None and timing.is_outage(before, now):
            await queries.insert_outage(tx, before, now)
            log.warning("the service was away from %s to %s", before, now)
        await queries.upsert_pulse(tx, now)


async def sweep(services: Services) -> int:
    """Credit, close, mark; gives how many attempts changed."""
    return await credit_outages(services) + await close_due(services)


async def credit_outages(services: Services) -> int:
    """Add every measured outage to the deadlines of the papers it hit, once; gives how many were credited."""
    now = services.clock.now()
    async with services.database.statements() as tx:
        hit = await queries.select_uncredited(tx, now - _OUTAGES_KEPT_IN_MIND, timing.GRACE, _SWEEP_BATCH)
    credited = 0
    for attempt_id in hit:
        try:
            async with services.database.tx() as tx:
                attempt = await queries.lock_optional_attempt_skipping(tx, attempt_id)
                if attempt is not None:
                    credited += await _credit(tx, services, attempt) is not attempt
        except Unavailable:
            raise
        except Exception:  # one that can't be credited must not keep the others waiting
            log.exception("attempt %s can't be credited", attempt_id)
    return credited


async def _credit(tx: Tx, services: Services, attempt: Attempt) -> Attempt:
    credited = await credit_outages_of(tx, services.clock, attempt)
    if credited is not attempt:
        tx.after_commit(lambda: services.signals.publish(topic(attempt.id), str(attempt.id)))
    return credited


async def close_due(services: Services) -> int:
    """Close what time has closed and mark what is closed; gives how many attempts moved.

    Each attempt in a transaction of its own, which looks under the lock whether an outage is still owed; one
    that somebody else holds is left to them. While the service is away nothing that was still open then is
    closed: see :func:`timing.closes_until`.
    """
    now = services.clock.now()
    async with services.database.statements() as tx:
        until = timing.closes_until(await queries.select_optional_pulse(tx), now)
        due = await queries.select_due(tx, until, until - timing.GRACE - timing.WRITING, _SWEEP_BATCH)
        unmarked = await queries.select_unmarked(tx, _SWEEP_BATCH)
    moved = 0
    for attempt_id in [*due, *unmarked]:
        try:
            async with services.database.tx() as tx:
                moved += await _close_one(tx, services, attempt_id, now)
        except Unavailable:
            raise
        except Exception:  # one that can't be closed must not keep the others open
            log.exception("attempt %s can't be closed", attempt_id)
    return moved


async def _close_one(tx: Tx, services: Services, attempt_id: UUID, now: datetime) -> int:
    attempt = await queries.lock_optional_attempt_skipping(tx, attempt_id)
    if attempt is None:
        return 0
    # The pulse before the outages: a fresh one was committed together with the outage that it ended.
    until = timing.closes_until(await queries.select_optional_pulse(tx), now)
    before = attempt.state
    if until == now:
        attempt = await _credit(tx, services, attempt)
    while (due := _due(attempt, until)) is not attempt.state:
        if due is State.CLOSED:
            attempt = await close(
                tx,
                services.signer,
                attempt,
                cause="deadline",
                actor_id=None,
                at=now,
                closed_at=attempt.deadline or now,
            )
        else:
            attempt = await move(tx, attempt, due, cause="deadline", actor_id=None, at=now)
    if attempt.state is State.CLOSED:
        attempt = await mark(tx, services.clock, attempt)
    return int(attempt.state is not before)


def _due(attempt: Attempt, until: datetime) -> State:
    """Where time moves it; a closing paper waits a little longer for answers that are being written."""
    moment = until - timing.WRITING if attempt.state is State.CLOSING else until
    return timing.due_state(attempt.state, attempt.deadline, moment)
