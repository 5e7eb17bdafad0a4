from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.registration.model import State
from exam_service.registration.supervision.model import Act, Supervised
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration.supervision")


@dataclass(frozen=True)
class Found:
    """A physician as the authority's search shows them; ``institution`` is that of the roster."""

    account_id: UUID
    name: str
    institution: str | None
    state: State | None


@dataclass(frozen=True)
class Place:
    """An institution that a physician can be moved to."""

    id: UUID
    name: str


def _found(row: Row) -> Found:
    return Found(row["id"], row["name"], row["institution"], State(row["state"]) if row["state"] else None)


async def select_physicians(
    tx: Tx,
    province_id: str,
    since: str,
    before: str,
    cycle_id: UUID | None,
    after: tuple[str, UUID],
    limit: int,
) -> list[Found]:
    rows = await tx.fetch(SQL["select_physicians"], province_id, since, before, cycle_id, *after, limit)
    return [_found(row) for row in rows]


async def select_physicians_by_document(
    tx: Tx, province_id: str, hashes: Sequence[bytes], cycle_id: UUID | None
) -> list[Found]:
    rows = await tx.fetch(SQL["select_physicians_by_document"], province_id, list(hashes), cycle_id)
    return [_found(row) for row in rows]


async def select_optional_physician(tx: Tx, account_id: UUID, province_id: str) -> str | None:
    """Their name."""
    name: str | None = await tx.fetch_value(SQL["select_optional_physician"], account_id, province_id)
    return name


async def insert_act(
    tx: Tx,
    act_id: UUID,
    registration_id: UUID,
    province_id: str,
    act: Act,
    from_institution_id: UUID,
    to_institution_id: UUID | None,
    reason: str,
    decided_by: UUID,
    decided_at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_act"],
        act_id,
        registration_id,
        province_id,
        act,
        from_institution_id,
        to_institution_id,
        reason,
        decided_by,
        decided_at,
    )


async def select_acts(tx: Tx, registration_id: UUID) -> list[Supervised]:
    rows = await tx.fetch(SQL["select_acts"], registration_id)
    return [Supervised(**{**row, "act": Act(row["act"])}) for row in rows]


async def update_bodies(
    tx: Tx,
    cycle_id: UUID,
    province_id: str,
    institution_ids: Sequence[UUID],
    body_id: UUID,
    states: Sequence[State],
) -> None:
    await tx.execute(
        SQL["update_bodies"], cycle_id, province_id, list(institution_ids), body_id, sorted(states)
    )


async def select_places(
    tx: Tx, province_id: str, cycle_id: UUID | None, search: str, limit: int
) -> list[Place]:
    rows = await tx.fetch(SQL["select_places"], province_id, cycle_id, search, limit)
    return [Place(**row) for row in rows]
