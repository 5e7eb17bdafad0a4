from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import Role
from exam_service.history.model import Journaled, Transfer
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.history")


@dataclass(frozen=True)
class Person:
    """Whose history it is, since when they are in the cycle, and how many pictures they handed in."""

    name: str
    institution: str
    created_at: datetime
    uploads: int


async def select_person(tx: Tx, registration_id: UUID) -> Person:
    (row,) = await tx.fetch(SQL["select_person"], registration_id)
    return Person(**row)


async def select_transfers(tx: Tx, account_id: UUID, province_id: str, since: datetime) -> list[Transfer]:
    return [
        Transfer(
            from_institution=row["from_institution"],
            to_institution=row["to_institution"],
            reason=row["reason"],
            asked_at=row["asked_at"],
            asked_by=row["asked_by"],
            state=row["state"],
            decision=row["decision"] or "",
            decided_at=row["decided_at"],
            decided_by=row["decided_by"],
            decider=Role(row["decider"]) if row["decider"] else None,
        )
        for row in await tx.fetch(SQL["select_transfers"], account_id, province_id, since)
    ]


async def select_acts(
    tx: Tx, province_id: str, subjects: Sequence[UUID], actions: Collection[str], since: datetime
) -> list[Journaled]:
    return [
        Journaled(
            at=row["at"],
            action=row["action"],
            reason=row["reason"] or "",
            actor=row["actor"],
            actor_role=Role(row["actor_role"]) if row["actor_role"] else None,
            to_institution=row["to_institution"],
        )
        for row in await tx.fetch(SQL["select_acts"], province_id, list(subjects), list(actions), since)
    ]
