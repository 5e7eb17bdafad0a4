"""Write the journal, seal it, and prove it whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from exam_service.audit import queries
from exam_service.audit.model import GENESIS, Damage, Entry, Seal, Unsealed, chained
from exam_service.clock import Clock
from exam_service.ids import new_id
from exam_service.storage.database import Database, Tx
from exam_service.storage.heads import Head, HeadLog

log = logging.getLogger(__name__)

SEALED_WITHIN = timedelta(minutes=10)
"""Long for the sweeper, which seals within a second, unless a transaction before takes its time."""
_BATCH = 1000


async def record(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    actor_id: UUID | None,
    action: str,
    subject_id: UUID | None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Add an entry in the caller's transaction; the sealer chains it within about a second."""
    await queries.insert_entry(
        tx, Entry(new_id(), province_id, clock.now(), actor_id, action, subject_id, facts or {})
    )


async def record_all(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    actor_id: UUID | None,
    action: str,
    subject_ids: Sequence[UUID],
) -> None:
    """The same done to many: an entry for each, as :func:`record` adds one."""
    now = clock.now()
    await queries.insert_entries(
        tx,
        [Entry(new_id(), province_id, now, actor_id, action, subject_id, {}) for subject_id in subject_ids],
    )


async def record_view(
    tx: Tx, clock: Clock, *, province_id: str, actor_id: UUID, action: str, subject_id: UUID
) -> None:
    """Add a viewing: one row per viewer, subject and minute, however many pictures the page has."""
    await queries.insert_view_once(
        tx, Entry(new_id(), province_id, clock.now(), actor_id, action, subject_id, {})
    )


async def seal(database: Database) -> int:
    """Number and chain what is not sealed yet; give how many. Safe on many nodes: one holds the lock."""
    async with database.tx() as tx:
        if not await queries.lock_sealing(tx):
            return 0
        entries = await queries.select_unsealed(tx, _BATCH)
        if not entries:
            return 0
        head = await queries.select_seal_head(tx)
        number, digest = (head.number, head.digest) if head else (0, GENESIS)
        seals = []
        for entry in entries:
            number += 1
            digest = chained(digest, number, entry)
            seals.append((number, entry.id, digest))
        await queries.insert_seals(tx, seals)
        return len(seals)


async def export_head(database: Database, clock: Clock, heads: HeadLog) -> None:
    """Sign how far the journal has come, where whoever can write to the database can't; say when it was cut.

    Raises:
        OSError: The heads can't be written.
    """
    newest = await asyncio.to_thread(heads.newest)  # of another machine, maybe, which lets us wait
    async with database.tx() as tx:
        head = await queries.select_seal_head(tx)
        known = newest and await queries.select_digest(tx, newest.number)
    if newest and known != newest.digest:
        log.error(
            "the audit journal is not the one whose head of entry %d was signed at %s: "
            "it was cut or rewritten, or the database is an older one",
            newest.number,
            newest.at.isoformat(),
        )
    if head and (newest is None or (head.number, head.digest) != (newest.number, newest.digest)):
        await asyncio.to_thread(heads.append, Head(head.number, head.digest, clock.now()))


async def find_damage(database: Database, signed: Mapping[int, bytes] | None = None) -> Damage | None:
    """Walk the whole chain; where it was first tampered with, ``None`` when it is whole.

    Args:
        signed: Digests by number, of heads that were signed outside the database. They show what the chain
            alone can't: that it was cut or rewritten from some entry on, with all that remembers its end.
    """
    signed = signed or {}
    number, digest, proven = 0, GENESIS, 0
    async with database.tx() as tx:
        # Read first: what is sealed during the walk lies behind it and is walked as well.
        head = await queries.select_seal_head(tx) or Seal(0, GENESIS)
        while batch := await queries.select_sealed(tx, number, _BATCH):
            for row in batch:
                expected = number + 1
                if row.seal.number != expected or row.entry is None:
                    return Damage(expected, expected)
                digest = chained(digest, expected, row.entry)
                remembered = head.digest if expected == head.number else digest
                if digest != row.seal.digest or digest != remembered:
                    return Damage(expected, expected)
                number = expected
                if number in signed:
                    if signed[number] != digest:
                        return Damage(proven + 1, number, is_signed=True)
                    proven = number
    if signed and number < max(signed):
        return Damage(number + 1, max(signed), is_signed=True)
    if number < head.number or (number > 0 and head.number == 0):
        return Damage(number + 1, max(number + 1, head.number))
    return None


async def find_unsealed(database: Database, clock: Clock) -> Unsealed | None:
    """Entries that should long have been in the chain, which says nothing of them; ``None`` without any.

    Whoever may write everything in the database can keep them out of it, and edit them for ever.
    """
    async with database.tx() as tx:
        return await queries.select_never_sealed(tx, clock.now() - SEALED_WITHIN)
