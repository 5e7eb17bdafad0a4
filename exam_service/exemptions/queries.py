from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from exam_service.cycles.policy import ReviewLevel, Subject
from exam_service.exemptions.model import Application, Decision, State
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.exemptions")


@dataclass(frozen=True)
class Scope:
    """Whose applications: of an institution, or of a body; ``level`` is where they decide."""

    province_id: str
    institution_id: UUID | None
    body_id: UUID | None
    level: ReviewLevel


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; empty texts and ``None`` narrow nothing."""

    name: str = ""
    document_hash: bytes | None = None
    subject: str = ""


@dataclass(frozen=True)
class Listed:
    """A row of a reviewer's list; ``cursor`` is where the next page begins."""

    id: UUID
    registration_id: UUID
    account_id: UUID
    cycle_id: UUID
    name: str
    institution: str
    subject: Subject
    applied_at: datetime
    state: State
    decided_at: datetime | None
    cursor: UUID


def _application(row: Row) -> Application:
    return Application(
        id=row["id"],
        province_id=row["province_id"],
        registration_id=row["registration_id"],
        subject=Subject(row["subject"]),
        conditions=tuple(row["conditions"]),
        statement=row["statement"],
        applied_at=row["applied_at"],
        state=State(row["state"]),
        withdrawn_at=row["withdrawn_at"],
    )


def _listed(row: Row) -> Listed:
    return Listed(
        id=row["id"],
        registration_id=row["registration_id"],
        account_id=row["account_id"],
        cycle_id=row["cycle_id"],
        name=row["name"],
        institution=row["institution"],
        subject=Subject(row["subject"]),
        applied_at=row["applied_at"],
        state=State(row["state"]),
        decided_at=row["decided_at"],
        cursor=row["cursor"],
    )


async def insert_application(tx: Tx, application: Application) -> bool:
    inserted = await tx.fetch_value(
        SQL["insert_application"],
        application.id,
        application.registration_id,
        application.province_id,
        application.subject,
        list(application.conditions),
        application.statement,
        application.applied_at,
        application.state,
    )
    return inserted is not None


async def select_optional_application(tx: Tx, application_id: UUID, province_id: str) -> Application | None:
    row = await tx.fetch_optional(SQL["select_optional_application"], application_id, province_id)
    return None if row is None else (await _decided(tx, [_application(row)]))[0]


async def lock_optional_application(tx: Tx, application_id: UUID, province_id: str) -> Application | None:
    row = await tx.fetch_optional(SQL["lock_optional_application"], application_id, province_id)
    return None if row is None else (await _decided(tx, [_application(row)]))[0]


async def select_applications(tx: Tx, registration_id: UUID, province_id: str) -> list[Application]:
    rows = await tx.fetch(SQL["select_applications"], registration_id, province_id)
    return await _decided(tx, [_application(row) for row in rows])


async def _decided(tx: Tx, applications: Sequence[Application]) -> list[Application]:
    """The same with their decisions."""
    rows = await tx.fetch(SQL["select_decisions"], [each.id for each in applications])
    decisions: dict[UUID, list[Decision]] = {}
    for row in rows:
        decision = Decision(
            ReviewLevel(row["level"]), row["granted"], row["reason"], row["decided_by"], row["decided_at"]
        )
        decisions.setdefault(row["application_id"], []).append(decision)
    return [replace(each, decisions=tuple(decisions.get(each.id, ()))) for each in applications]


async def update_state(tx: Tx, application_id: UUID, state: State) -> None:
    await tx.execute(SQL["update_state"], application_id, state)


async def update_withdrawn(tx: Tx, application_id: UUID, at: datetime) -> None:
    await tx.execute(SQL["update_withdrawn"], application_id, at)


async def insert_decision(
    tx: Tx,
    decision_id: UUID,
    application: Application,
    level: ReviewLevel,
    reason: str,
    decided_by: UUID,
    decided_at: datetime,
    *,
    granted: bool,
) -> None:
    await tx.execute(
        SQL["insert_decision"],
        decision_id,
        application.id,
        application.province_id,
        level,
        granted,
        reason,
        decided_by,
        decided_at,
    )


async def select_waiting(
    tx: Tx, scope: Scope, filters: Filters, after: UUID | None, limit: int
) -> list[Listed]:
    rows = await tx.fetch(SQL["select_waiting"], *_asked(scope, filters), after, limit)
    return [_listed(row) for row in rows]


async def select_decided(
    tx: Tx, scope: Scope, filters: Filters, below: UUID | None, limit: int
) -> list[Listed]:
    rows = await tx.fetch(SQL["select_decided"], *_asked(scope, filters), below, limit)
    return [_listed(row) for row in rows]


def _asked(scope: Scope, filters: Filters) -> tuple[object, ...]:
    return (
        scope.province_id,
        scope.institution_id,
        scope.body_id,
        scope.level,
        filters.name,
        filters.document_hash,
        filters.subject,
    )


async def count_waiting(tx: Tx, scope: Scope) -> int:
    number: int = await tx.fetch_value(
        SQL["count_waiting"], scope.province_id, scope.institution_id, scope.body_id, scope.level
    )
    return number


async def select_person(tx: Tx, registration_id: UUID) -> tuple[str, str]:
    """The names of a registration's physician and institution."""
    (row,) = await tx.fetch(SQL["select_person"], registration_id)
    return row["name"], row["institution"]
