from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.cycles.policy import Procedure
from exam_service.errors import NotFound
from exam_service.registration.model import Category, Level, Registration, State
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


async def lock_state(tx: Tx, registration_id: UUID, province_id: str) -> State:
    state = await tx.fetch_value(SQL["lock_state"], registration_id, province_id)
    if state is None:
        raise NotFound("没有找到这份报名信息。", registration=registration_id)
    return State(state)


async def update_state(tx: Tx, registration_id: UUID, state: State) -> None:
    await tx.execute(SQL["update_state"], registration_id, state)


async def insert_move(
    tx: Tx,
    move_id: UUID,
    registration_id: UUID,
    province_id: str,
    from_state: State,
    to_state: State,
    cause: str,
    actor_id: UUID | None,
    at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_move"], move_id, registration_id, province_id, from_state, to_state, cause, actor_id, at
    )


async def update_photo(tx: Tx, registration_id: UUID, photo_id: UUID, reviewed_at: datetime | None) -> None:
    await tx.execute(SQL["update_photo"], registration_id, photo_id, reviewed_at)


async def count_by_state(
    tx: Tx, province_id: str, institution_id: UUID | None, body_id: UUID | None
) -> dict[State, int]:
    rows = await tx.fetch(SQL["count_by_state"], province_id, institution_id, body_id)
    return {State(row["state"]): row["registrations"] for row in rows}
