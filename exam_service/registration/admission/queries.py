from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from exam_service.errors import NotFound
from exam_service.institutions.model import Category, Level, Sex
from exam_service.registration.admission.model import STATES, Act, Filters, Standing
from exam_service.registration.model import State
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration.admission")

_AFTER_EVERY_TEXT = "\U0010ffff"


@dataclass(frozen=True)
class Listed:
    """A physician of the roster; ``state`` of their registration in the cycle, ``None`` without one."""

    account_id: UUID
    name: str
    born_on: date | None
    category: Category
    level: Level
    licensed_on: date | None
    first_registered_on: date | None
    department: str | None
    is_activated: bool
    registration_id: UUID | None
    state: State | None


def listing(
    institution_id: UUID,
    province_id: str,
    cycle_id: UUID | None,
    filters: Filters,
    today: date,
    after: UUID | None,
    limit: int,
) -> tuple[str, tuple[object, ...]]:
    """The statement that gives a page of the roster, and what it is asked with."""
    born_from, born_until = filters.born_within(today)
    standing = filters.standing
    of_registrations = standing is not None and standing is not Standing.OPEN
    statement = SQL["select_listed_in_state"] if of_registrations else SQL["select_listed"]
    return statement, (
        institution_id,
        province_id,
        cycle_id,
        filters.department_id,
        filters.name or None,
        filters.name + _AFTER_EVERY_TEXT if filters.name else None,
        born_from,
        born_until,
        filters.category,
        filters.level,
        filters.registered_from,
        filters.registered_until,
        sorted(STATES[standing]) if of_registrations and standing else standing is Standing.OPEN,
        after,
        limit,
        filters.activation,
    )


async def select_listed(tx: Tx, statement: str, arguments: tuple[object, ...]) -> list[Listed]:
    """A page of the roster; see :func:`listing`."""
    await tx.execute(SQL["plan_for_these_values"])
    return [
        Listed(
            account_id=row["account_id"],
            name=row["name"],
            born_on=row["born_on"],
            category=Category(row["category"]),
            level=Level(row["level"]),
            licensed_on=row["licensed_on"],
            first_registered_on=row["first_registered_on"],
            department=row["department"],
            is_activated=row["is_activated"],
            registration_id=row["registration_id"],
            state=_state(row),
        )
        for row in await tx.fetch(statement, *arguments)
    ]


def _state(row: Row) -> State | None:
    return State(row["state"]) if row["state"] else None


@dataclass(frozen=True)
class Sheet:
    """One physician of the roster, for the page of them alone."""

    account_id: UUID
    name: str
    sex: Sex | None
    born_on: date | None
    category: Category
    level: Level
    licensed_on: date | None
    first_registered_on: date | None
    created_at: datetime
    department: str | None
    activated_at: datetime | None
    first_activated_at: datetime | None
    document_type: str
    registration_id: UUID | None
    state: State | None


async def select_sheet(
    tx: Tx, account_id: UUID, institution_id: UUID, province_id: str, cycle_id: UUID | None
) -> Sheet:
    row = await tx.fetch_optional(SQL["select_sheet"], account_id, institution_id, province_id, cycle_id)
    if row is None:
        raise NotFound("本机构名册中没有这名医师，请返回名册核对。", account=account_id)
    return Sheet(
        **{
            **row,
            "sex": Sex(row["sex"]) if row["sex"] else None,
            "category": Category(row["category"]),
            "level": Level(row["level"]),
            "state": _state(row),
        }
    )


@dataclass(frozen=True)
class Move:
    id: UUID
    from_state: State
    to_state: State
    cause: str
    at: datetime


async def select_optional_last_move(tx: Tx, registration_id: UUID) -> Move | None:
    row = await tx.fetch_optional(SQL["select_optional_last_move"], registration_id)
    if row is None:
        return None
    return Move(row["id"], State(row["from_state"]), State(row["to_state"]), row["cause"], row["at"])


async def select_optional_taken_out(tx: Tx, registration_id: UUID) -> State | None:
    state = await tx.fetch_value(SQL["select_optional_taken_out"], registration_id)
    return State(state) if state else None


async def exists_form_saved_since(tx: Tx, registration_id: UUID, at: datetime) -> bool:
    return bool(await tx.fetch_value(SQL["exists_form_saved_since"], registration_id, at))


async def exists_registration(tx: Tx, account_id: UUID) -> bool:
    """In whichever cycle."""
    return bool(await tx.fetch_value(SQL["exists_registration"], account_id))


@dataclass(frozen=True)
class Item:
    """What was done with one physician."""

    account_id: UUID
    registration_id: UUID | None
    move_id: UUID | None
    department_id: UUID | None
    name: str = ""


async def insert_act(
    tx: Tx,
    act_id: UUID,
    province_id: str,
    institution_id: UUID,
    actor_id: UUID,
    kind: Act,
    acted_at: datetime,
    items: list[Item],
) -> None:
    await tx.execute(SQL["insert_act"], act_id, province_id, institution_id, actor_id, kind, acted_at)
    await tx.execute_many(
        SQL["insert_item"],
        [(act_id, item.account_id, item.registration_id, item.move_id, item.department_id) for item in items],
    )


@dataclass(frozen=True)
class ActRow:
    id: UUID
    kind: Act
    acted_at: datetime
    undone_at: datetime | None


async def lock_act(tx: Tx, act_id: UUID, institution_id: UUID, province_id: str) -> ActRow:
    row = await tx.fetch_optional(SQL["lock_optional_act"], act_id, institution_id, province_id)
    if row is None:
        raise NotFound("没有找到这次操作，请返回名册。", act=act_id)
    return ActRow(row["id"], Act(row["kind"]), row["acted_at"], row["undone_at"])


async def select_items(tx: Tx, act_id: UUID) -> list[Item]:
    """In order of account."""
    return [Item(**row) for row in await tx.fetch(SQL["select_items"], act_id)]


async def update_act_undone(tx: Tx, act_id: UUID, at: datetime) -> None:
    await tx.execute(SQL["update_act_undone"], act_id, at)


@dataclass(frozen=True)
class Undoable:
    """The act that the roster's page offers to undo; ``name`` is of one of those it was done with."""

    id: UUID
    kind: Act
    acted_at: datetime
    physicians: int
    name: str


async def select_optional_newest_act(
    tx: Tx, actor_id: UUID, institution_id: UUID, since: datetime
) -> Undoable | None:
    row = await tx.fetch_optional(SQL["select_optional_newest_act"], actor_id, institution_id, since)
    return Undoable(**{**row, "kind": Act(row["kind"])}) if row else None
