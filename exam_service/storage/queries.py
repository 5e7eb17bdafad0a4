from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.errors import NotFound
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.storage")


@dataclass(frozen=True, repr=False)
class WrappedKey:
    id: UUID
    wrapped: bytes


@dataclass(frozen=True)
class EvidenceFile:
    id: UUID
    path: str
    sha256: bytes
    size: int
    has_key: bool = True


async def insert_data_key(
    tx: Tx,
    key_id: UUID,
    province_id: str,
    account_id: UUID,
    cycle_id: UUID | None,
    data_class: str,
    wrapped: bytes,
) -> None:
    await tx.execute(SQL["insert_data_key"], key_id, province_id, account_id, cycle_id, data_class, wrapped)


async def insert_data_keys(
    tx: Tx, province_id: str, data_class: str, keys: Sequence[tuple[UUID, UUID, bytes]]
) -> None:
    """Id, account and wrapped key of each."""
    columns: tuple[list[object], ...] = tuple(map(list, zip(*keys, strict=True))) or ([], [], [])
    await tx.execute(SQL["insert_data_keys"], province_id, data_class, *columns)


async def select_optional_data_key(
    tx: Tx, account_id: UUID, cycle_id: UUID | None, data_class: str
) -> WrappedKey | None:
    row = await tx.fetch_optional(SQL["select_optional_data_key"], account_id, cycle_id, data_class)
    return WrappedKey(**row) if row else None


async def select_data_key(tx: Tx, account_id: UUID, cycle_id: UUID | None, data_class: str) -> WrappedKey:
    found = await select_optional_data_key(tx, account_id, cycle_id, data_class)
    if found is None:
        raise NotFound("数据密钥已被销毁，请重试。", code="data_key_destroyed", account=account_id)
    return found


async def select_optional_data_key_by_id(tx: Tx, key_id: UUID) -> WrappedKey | None:
    row = await tx.fetch_optional(SQL["select_optional_data_key_by_id"], key_id)
    return WrappedKey(**row) if row else None


async def insert_evidence(
    tx: Tx,
    evidence_id: UUID,
    province_id: str,
    account_id: UUID,
    data_class: str,
    path: str,
    size: int,
    sha256: bytes,
    created_at: datetime,
    key_id: UUID | None,
) -> None:
    await tx.execute(
        SQL["insert_evidence"],
        evidence_id,
        province_id,
        account_id,
        data_class,
        path,
        size,
        sha256,
        created_at,
        key_id,
    )


async def select_optional_evidence(tx: Tx, evidence_id: UUID, province_id: str) -> EvidenceFile | None:
    row = await tx.fetch_optional(SQL["select_optional_evidence"], evidence_id, province_id)
    return EvidenceFile(**row) if row else None


async def delete_data_key(tx: Tx, key_id: UUID) -> bool:
    return await tx.fetch_value(SQL["delete_data_key"], key_id) is not None


async def delete_data_keys_of(tx: Tx, account_id: UUID) -> None:
    await tx.execute(SQL["delete_data_keys_of"], account_id)


async def delete_evidence(tx: Tx, evidence_ids: Sequence[UUID]) -> list[EvidenceFile]:
    """In order of digest."""
    rows = await tx.fetch(SQL["delete_evidence"], evidence_ids)
    return sorted((EvidenceFile(**row) for row in rows), key=lambda row: row.sha256)


async def select_evidence_after(tx: Tx, after: UUID, limit: int) -> list[EvidenceFile]:
    """A page in order of id."""
    return [EvidenceFile(**row) for row in await tx.fetch(SQL["select_evidence_after"], after, limit)]


async def select_evidence_paths(tx: Tx, paths: Sequence[str]) -> set[str]:
    """Those of the paths that belong to a row."""
    return {row["path"] for row in await tx.fetch(SQL["select_evidence_paths"], paths)}


async def select_data_keys_by_id(tx: Tx, key_ids: Sequence[UUID]) -> list[WrappedKey]:
    return [WrappedKey(**row) for row in await tx.fetch(SQL["select_data_keys_by_id"], list(key_ids))]
