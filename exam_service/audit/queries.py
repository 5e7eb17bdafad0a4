from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from exam_service.audit.model import Entry, Seal, SealedEntry, Unsealed
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.audit")


def _entry(row: Row) -> Entry:
    return Entry(
        row["id"],
        row["province_id"],
        row["at"],
        row["actor_id"],
        row["action"],
        row["subject_id"],
        row["facts"],
    )


async def insert_entry(tx: Tx, entry: Entry) -> None:
    await tx.execute(SQL["insert_entry"], *_values(entry))


async def insert_entries(tx: Tx, entries: Sequence[Entry]) -> None:
    await tx.execute_many(SQL["insert_entry"], [_values(entry) for entry in entries])


async def insert_view_once(tx: Tx, entry: Entry) -> None:
    await tx.execute(SQL["insert_view_once"], *_values(entry))


def _values(
    entry: Entry,
) -> tuple[UUID, str, datetime, UUID | None, str, UUID | None, Mapping[str, Any]]:
    return (
        entry.id,
        entry.province_id,
        entry.at,
        entry.actor_id,
        entry.action,
        entry.subject_id,
        entry.facts,
    )


async def lock_sealing(tx: Tx) -> bool:
    return bool(await tx.fetch_value(SQL["lock_sealing"]))


async def select_seal_head(tx: Tx) -> Seal | None:
    row = await tx.fetch_optional(SQL["select_seal_head"])
    return Seal(**row) if row else None


async def select_digest(tx: Tx, number: int) -> bytes | None:
    digest: bytes | None = await tx.fetch_value(SQL["select_digest"], number)
    return digest


async def select_unsealed(tx: Tx, limit: int) -> list[Entry]:
    return [_entry(row) for row in await tx.fetch(SQL["select_unsealed"], limit)]


async def insert_seals(tx: Tx, seals: Sequence[tuple[int, UUID, bytes]]) -> None:
    await tx.execute_many(SQL["insert_seal"], seals)
    number, _, digest = seals[-1]
    await tx.execute(SQL["upsert_seal_head"], number, digest)
    await tx.execute(SQL["mark_sealed"], [entry_id for _, entry_id, _ in seals])


async def select_sealed(tx: Tx, after: int, limit: int) -> list[SealedEntry]:
    return [
        SealedEntry(Seal(row["number"], row["digest"]), _entry(row) if row["id"] else None)
        for row in await tx.fetch(SQL["select_sealed"], after, limit)
    ]


async def select_never_sealed(tx: Tx, before: datetime) -> Unsealed | None:
    row = await tx.fetch_optional(SQL["select_never_sealed"], before)
    return Unsealed(row["count"], row["oldest"]) if row and row["count"] else None
