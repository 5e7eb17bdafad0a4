from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Procedure, Subject
from exam_service.errors import NotFound
from exam_service.institutions.model import Category, Level
from exam_service.registration.model import TESTABLE, Move, Registration, Result, State
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration")


def _registration(row: Row) -> Registration:
    return Registration(
        id=row["id"],
        province_id=row["province_id"],
        cycle_id=row["cycle_id"],
        account_id=row["account_id"],
        institution_id=row["institution_id"],
        body_id=row["body_id"],
        state=State(row["state"]),
        procedure=Procedure(row["procedure"]),
        category=Category(row["category"]),
        level=Level(row["level"]),
        photo_id=row["photo_id"],
        photo_is_reviewed=row["photo_reviewed_at"] is not None,
        department_id=row["department_id"],
        submitted_at=row["submitted_at"],
        has_bad_records=row["has_bad_records"],
        result=Result(row["result"]) if row["result"] else None,
        concluded_at=row["concluded_at"],
    )


async def insert_registration(tx: Tx, registration: Registration, created_at: datetime) -> None:
    await tx.execute(
        SQL["insert_registration"],
        registration.id,
        registration.province_id,
        registration.cycle_id,
        registration.account_id,
        registration.institution_id,
        registration.body_id,
        registration.state,
        registration.procedure,
        registration.category,
        registration.level,
        created_at,
    )


async def select_optional_latest(tx: Tx, account_id: UUID, province_id: str) -> Registration | None:
    row = await tx.fetch_optional(SQL["select_optional_latest"], account_id, province_id)
    return _registration(row) if row else None


async def select_registration(tx: Tx, registration_id: UUID, province_id: str) -> Registration:
    row = await tx.fetch_optional(SQL["select_registration"], registration_id, province_id)
    if row is None:
        raise NotFound("没有找到这份报名信息。", registration=registration_id)
    return _registration(row)


async def select_testable(
    tx: Tx, cycle_id: UUID, province_id: str, after: UUID | None, limit: int
) -> list[tuple[Registration, frozenset[Subject]]]:
    rows = await tx.fetch(SQL["select_testable"], cycle_id, province_id, sorted(TESTABLE), after, limit)
    return [(_registration(row), frozenset(map(Subject, row["exempted"]))) for row in rows]


async def lock_registration(tx: Tx, registration_id: UUID, province_id: str) -> Registration:
    row = await tx.fetch_optional(SQL["lock_registration"], registration_id, province_id)
    if row is None:
        raise NotFound("没有找到这份报名信息。", registration=registration_id)
    return _registration(row)


async def lock_state(tx: Tx, registration_id: UUID, province_id: str) -> State:
    state = await tx.fetch_value(SQL["lock_state"], registration_id, province_id)
    if state is None:
        raise NotFound("没有找到这份报名信息。", registration=registration_id)
    return State(state)


async def update_state(
    tx: Tx,
    registration: Registration,
    to_state: State,
    move_id: UUID,
    cause: str,
    actor_id: UUID | None,
    at: datetime,
) -> None:
    """The move and its journal entry."""
    await tx.execute(
        SQL["update_state"],
        registration.id,
        to_state,
        move_id,
        registration.province_id,
        registration.state,
        cause,
        actor_id,
        at,
    )


async def update_place(tx: Tx, registration_id: UUID, institution_id: UUID, body_id: UUID) -> None:
    await tx.execute(SQL["update_place"], registration_id, institution_id, body_id)


async def update_result(tx: Tx, registration_id: UUID, result: Result, at: datetime) -> None:
    await tx.execute(SQL["update_result"], registration_id, result, at)


async def select_optional_of_cycle(tx: Tx, cycle_id: UUID, account_id: UUID) -> Registration | None:
    row = await tx.fetch_optional(SQL["select_optional_of_cycle"], cycle_id, account_id)
    return _registration(row) if row else None


async def update_photo(tx: Tx, registration_id: UUID, photo_id: UUID, reviewed_at: datetime | None) -> None:
    await tx.execute(SQL["update_photo"], registration_id, photo_id, reviewed_at)


async def count_by_state(
    tx: Tx, province_id: str, institution_id: UUID | None, body_id: UUID | None
) -> dict[State, int]:
    rows = await tx.fetch(SQL["count_by_state"], province_id, institution_id, body_id)
    return {State(row["state"]): row["registrations"] for row in rows}


async def select_exempted(tx: Tx, registration_id: UUID) -> frozenset[Subject]:
    rows = await tx.fetch(SQL["select_exempted"], registration_id)
    return frozenset(Subject(row["subject"]) for row in rows)


async def insert_exemption(
    tx: Tx,
    registration_id: UUID,
    subject: Subject,
    province_id: str,
    reason: str,
    granted_by: UUID | None,
    granted_at: datetime,
) -> bool:
    inserted = await tx.fetch_value(
        SQL["insert_exemption"], registration_id, subject, province_id, reason, granted_by, granted_at
    )
    return inserted is not None


async def select_moves(tx: Tx, registration_id: UUID, province_id: str) -> list[Move]:
    rows = await tx.fetch(SQL["select_moves"], registration_id, province_id)
    return [
        Move(
            row["at"],
            State(row["from_state"]),
            State(row["to_state"]),
            row["cause"],
            row["actor"],
            Role(row["actor_role"]) if row["actor_role"] else None,
        )
        for row in rows
    ]
