from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.papers.model import State
from exam_service.proctor.judgement import FindingKind
from exam_service.review.model import Decision, FindingReview, FindingVerdict, ListedAttempt
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
            admitted_at=row["admitted_at"],
            deadline=row["deadline"],
            handed_in_at=row["handed_in_at"],
            closed_at=row["closed_at"],
            watched=row["watched"],
            mark=row["mark"],
            passed=row["passed"],
            awaits_confirmation=row["awaits_confirmation"],
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


async def lock_attempt(tx: Tx, attempt_id: UUID, province_id: str) -> None:
    await tx.execute(SQL["lock_attempt"], attempt_id, province_id)


async def select_finding_reviews(tx: Tx, attempt_id: UUID, province_id: str) -> list[FindingReview]:
    """The oldest first."""
    return [
        FindingReview(
            FindingKind(row["kind"]),
            row["began_at"],
            FindingVerdict(row["verdict"]),
            row["note"],
            row["reviewed_by"],
            row["reviewed_at"],
        )
        for row in await tx.fetch(SQL["select_finding_reviews"], attempt_id, province_id)
    ]


async def insert_finding_review(
    tx: Tx,
    review_id: UUID,
    province_id: str,
    attempt_id: UUID,
    finding: tuple[FindingKind, datetime],
    verdict: FindingVerdict,
    note: str,
    reviewed_by: UUID,
    reviewed_at: datetime,
) -> None:
    """``finding``: its kind and beginning, which tell it from the others of the attempt."""
    kind, began_at = finding
    await tx.execute(
        SQL["insert_finding_review"],
        review_id,
        province_id,
        attempt_id,
        kind.value,
        began_at,
        verdict.value,
        note,
        reviewed_by,
        reviewed_at,
    )
