from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.registration.modifications.model import Decision, Request, State
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration.modifications")


@dataclass(frozen=True)
class Stored:
    """A request with its values, sealed with the request's id as their row."""

    request: Request
    changes: bytes


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; an empty text and ``None`` narrow nothing."""

    name: str = ""
    document_hash: bytes | None = None


@dataclass(frozen=True)
class Listed:
    """A row of the institution's list."""

    id: UUID
    account_id: UUID
    cycle_id: UUID
    name: str
    department: str | None
    fields: tuple[str, ...]
    reason: str
    asked_at: datetime
    state: State
    decided_at: datetime | None


def _stored(row: Row) -> Stored:
    state = State(row["state"])
    decision = None
    if row["decided_at"] is not None:
        decision = Decision(state is State.GRANTED, row["decision"], row["decided_by"], row["decided_at"])
    request = Request(
        id=row["id"],
        province_id=row["province_id"],
        registration_id=row["registration_id"],
        fields=tuple(row["fields"]),
        reason=row["reason"],
        asked_at=row["asked_at"],
        state=state,
        decision=decision,
        withdrawn_at=row["withdrawn_at"],
    )
    return Stored(request, row["changes"])


def _listed(row: Row) -> Listed:
    return Listed(
        id=row["id"],
        account_id=row["account_id"],
        cycle_id=row["cycle_id"],
        name=row["name"],
        department=row["department"],
        fields=tuple(row["fields"]),
        reason=row["reason"],
        asked_at=row["asked_at"],
        state=State(row["state"]),
        decided_at=row["decided_at"],
    )


async def insert_request(tx: Tx, request: Request, changes: bytes) -> bool:
    inserted = await tx.fetch_value(
        SQL["insert_request"],
        request.id,
        request.registration_id,
        request.province_id,
        changes,
        list(request.fields),
        request.reason,
        request.asked_at,
    )
    return inserted is not None


async def select_optional_request(tx: Tx, request_id: UUID, province_id: str) -> Stored | None:
    row = await tx.fetch_optional(SQL["select_optional_request"], request_id, province_id)
    return _stored(row) if row else None


async def lock_request(tx: Tx, request_id: UUID) -> None:
    await tx.fetch_value(SQL["lock_request"], request_id)


async def select_requests(tx: Tx, registration_id: UUID, province_id: str) -> list[Stored]:
    return [_stored(row) for row in await tx.fetch(SQL["select_requests"], registration_id, province_id)]


async def update_decided(
    tx: Tx, request_id: UUID, state: State, reason: str, decided_by: UUID, decided_at: datetime
) -> None:
    await tx.execute(SQL["update_decided"], request_id, state, reason, decided_by, decided_at)


async def update_withdrawn(tx: Tx, request_id: UUID, at: datetime) -> None:
    await tx.execute(SQL["update_withdrawn"], request_id, at)


async def select_open(
    tx: Tx, province_id: str, institution_id: UUID, filters: Filters, after: UUID | None, limit: int
) -> list[Listed]:
    rows = await tx.fetch(
        SQL["select_open"], province_id, institution_id, filters.name, filters.document_hash, after, limit
    )
    return [_listed(row) for row in rows]


async def select_decided(
    tx: Tx, province_id: str, institution_id: UUID, filters: Filters, below: UUID | None, limit: int
) -> list[Listed]:
    rows = await tx.fetch(
        SQL["select_decided"], province_id, institution_id, filters.name, filters.document_hash, below, limit
    )
    return [_listed(row) for row in rows]


async def count_open(tx: Tx, province_id: str, institution_id: UUID) -> int:
    number: int = await tx.fetch_value(SQL["count_open"], province_id, institution_id)
    return number


async def select_person(tx: Tx, account_id: UUID) -> str:
    name: str = await tx.fetch_value(SQL["select_person"], account_id)
    return name


async def select_optional_department(tx: Tx, department_id: UUID) -> str | None:
    name: str | None = await tx.fetch_value(SQL["select_optional_department"], department_id)
    return name
