from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.papers.model import State
from exam_service.review.model import Decision, ListedAttempt
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.review")


@dataclass(frozen=True)
class Counts:
    all: int
    awaiting: int


async def select_attempts(
    tx: Tx, province_id: str, body_id: UUID, *, only_awaiting: bool, below: UUID | None, limit: int
) -> list[ListedAttempt]:
    rows = await tx.fetch(SQL["select_attempts"], province_id, body_id, only_awaiting, below, limit)
    return [
        ListedAttempt(
            id=row["id"],
            account_id=row["account_id"],
            name=row["name"],
            institution=row["institution"],
            subject=Subject(row["subject"]),
            cycle_id=row["cycle_id"],
            ordinal=row["ordinal"],
            state=State(row["state"]),
            handed_in_at=row["handed_in_at"],
            mark=row["mark"],
            passed=row["passed"],
            awaits_confirmation=row["awaits_confirmation"],
            verdicts={},
        )
        for row in rows
    ]


async def count_attempts(tx: Tx, province_id: str, body_id: UUID) -> Counts:
    row = await tx.fetch(SQL["count_attempts"], province_id, body_id)
    return Counts(**row[0])


async def select_person(tx: Tx, account_id: UUID, institution_id: UUID, province_id: str) -> tuple[str, str]:
    row = (await tx.fetch(SQL["select_person"], account_id, institution_id, province_id))[0]
    return row["name"], row["institution"]


async def select_optional_decision(tx: Tx, attempt_id: UUID, province_id: str) -> Decision | None:
    row = await tx.fetch_optional(SQL["select_optional_decision"], attempt_id, province_id)
    return Decision(**row) if row else None


async def insert_decision(
    tx: Tx,
    decision_id: UUID,
    province_id: str,
    attempt_id: UUID,
    decided_by: UUID,
    decided_at: datetime,
    *,
    passed: bool,
    note: str,
) -> None:
    await tx.execute(
        SQL["insert_decision"], decision_id, province_id, attempt_id, passed, note, decided_by, decided_at
    )
