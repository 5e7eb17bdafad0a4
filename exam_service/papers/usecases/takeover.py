"""A second device takes a running paper over: it must show the same face first."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.papers import queries, timing
from exam_service.papers.model import UNDER_WAY, Attempt
from exam_service.storage.database import Tx


async def allow_takeover(
    tx: Tx,
    clock: Clock,
    attempt_id: UUID,
    province_id: str,
    device_hash: bytes,
    *,
    verified: bool,
    actor_id: UUID,
) -> bool:
    """Let this device take the lease within the next minute. ``False``: the paper isn't being sat (any more).

    Args:
        device_hash: Of the browser that wants it, 32 bytes.
        verified: Its face check was passed; otherwise the proctor was away, and a person should look.
    """
    attempt = await queries.lock_optional_attempt(tx, attempt_id, province_id)
    if attempt is None or attempt.state not in UNDER_WAY:
        return False
    await queries.upsert_takeover(tx, attempt.id, device_hash, clock.now(), verified=verified)
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=actor_id,
        action="attempt.takeover_allowed",
        subject_id=attempt.id,
        facts={"verified": verified},
    )
    return True


async def takeover_is_allowed(tx: Tx, attempt_id: UUID, device_hash: bytes, now: datetime) -> bool:
    """Whether this device passed the face check less than a minute ago."""
    return await queries.exists_takeover(tx, attempt_id, device_hash, now - timing.TAKEOVER_LASTS)


async def needs_takeover(tx: Tx, attempt: Attempt, device_hash: bytes, now: datetime) -> bool:
    """Whether another device has the paper and this one may not take it over yet."""
    if attempt.device_hash is None or attempt.device_hash == device_hash:
        return False
    return not await takeover_is_allowed(tx, attempt.id, device_hash, now)
