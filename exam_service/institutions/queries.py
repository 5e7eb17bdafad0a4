from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import asyncpg

from exam_service.errors import NotFound
from exam_service.institutions.model import (
    Category,
    Department,
    ImportState,
    Left,
    Level,
    RosterEntry,
    RosterImport,
    RowProblem,
    Sex,
    Transfer,
    TransferState,
)
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.institutions")


def _department(row: Row) -> Department:
    return Department(**{**row, "subjects": tuple(row["subjects"])})


async def insert_department(tx: Tx, department: Department, created_at: datetime) -> bool:
    """Whether it was new: another of the institution may have the name."""
    inserted = await tx.fetch_value(
        SQL["insert_department"],
        department.id,
        department.province_id,
        department.institution_id,
        department.name,
        list(department.subjects),
        created_at,
    )
    return inserted is not None


async def update_department(
    tx: Tx, department_id: UUID, institution_id: UUID, province_id: str, name: str, subjects: Sequence[str]
) -> bool:
    """Whether nobody else of the institution has the name."""
    updated = await tx.fetch_value(
        SQL["update_department"], department_id, institution_id, province_id, name, list(subjects)
    )
    return updated is not None


async def select_department(
    tx: Tx, department_id: UUID, institution_id: UUID, province_id: str
) -> Department:
    row = await tx.fetch_optional(
        SQL["select_optional_department"], department_id, institution_id, province_id
    )
    if row is None:
        raise NotFound("没有找到这个科室。", department=department_id)
    return _department(row)


async def select_departments(
    tx: Tx,
    institution_id: UUID,
    province_id: str,
    *,
    pattern: str | None = None,
    stopped: bool | None = None,
    after: UUID | None = None,
    limit: int,
) -> list[Department]:
    rows = await tx.fetch(
        SQL["select_departments"], institution_id, province_id, pattern, stopped, after, limit
    )
    return [_department(row) for row in rows]


async def count_departments(tx: Tx, institution_id: UUID, province_id: str) -> int:
    """Those in use."""
    return int(await tx.fetch_value(SQL["count_departments"], institution_id, province_id))


async def update_department_stopped(
    tx: Tx, department_id: UUID, institution_id: UUID, province_id: str, stopped_at: datetime | None
) -> None:
    await tx.execute(SQL["update_department_stopped"], department_id, institution_id, province_id, stopped_at)


async def delete_department(tx: Tx, department_id: UUID, institution_id: UUID, province_id: str) -> bool:
    """Whether nothing held it; where something did, the transaction is lost."""
    try:
        await tx.execute(SQL["delete_department"], department_id, institution_id, province_id)
    except asyncpg.ForeignKeyViolationError:
        return False
    return True


@dataclass(frozen=True, repr=False)
class NewEntry:
    account_id: UUID
    department_id: UUID | None
    name: str
    sex: Sex | None
    born_on: date | None
    category: Category
    level: Level
    licensed_on: date | None
    first_registered_on: date | None
    details: bytes


async def insert_entries(
    tx: Tx, province_id: str, institution_id: UUID, entries: Sequence[NewEntry], created_at: datetime
) -> None:
    await tx.execute(
        SQL["insert_entries"],
        province_id,
        institution_id,
        created_at,
        [entry.account_id for entry in entries],
        [entry.department_id for entry in entries],
        [entry.name for entry in entries],
        [entry.sex for entry in entries],
        [entry.born_on for entry in entries],
        [entry.category for entry in entries],
        [entry.level for entry in entries],
        [entry.licensed_on for entry in entries],
        [entry.first_registered_on for entry in entries],
        [entry.details for entry in entries],
    )


def _entry(row: Row) -> RosterEntry:
    return RosterEntry(
        account_id=row["account_id"],
        province_id=row["province_id"],
        institution_id=row["institution_id"],
        department_id=row["department_id"],
        name=row["name"],
        sex=Sex(row["sex"]) if row["sex"] else None,
        born_on=row["born_on"],
        category=Category(row["category"]),
        level=Level(row["level"]),
        licensed_on=row["licensed_on"],
        first_registered_on=row["first_registered_on"],
        left_at=row["left_at"],
        left_reason=Left(row["left_reason"]) if row["left_reason"] else None,
    )


async def select_optional_entry(tx: Tx, account_id: UUID, province_id: str) -> RosterEntry | None:
    row = await tx.fetch_optional(SQL["select_optional_entry"], account_id, province_id)
    return _entry(row) if row else None


async def lock_optional_entry(tx: Tx, account_id: UUID, province_id: str) -> RosterEntry | None:
    row = await tx.fetch_optional(SQL["lock_entry"], account_id, province_id)
    return _entry(row) if row else None


async def select_optional_details(tx: Tx, account_id: UUID, province_id: str) -> bytes | None:
    details: bytes | None = await tx.fetch_value(SQL["select_optional_details"], account_id, province_id)
    return details


async def select_institutions_of(
    tx: Tx, account_ids: Sequence[UUID], province_id: str
) -> dict[UUID, UUID | None]:
    rows = await tx.fetch(SQL["select_institutions_of"], list(account_ids), province_id)
    return {row["account_id"]: row["institution_id"] for row in rows}


async def update_entry(tx: Tx, entry: RosterEntry, details: bytes) -> None:
    await tx.execute(
        SQL["update_entry"],
        entry.account_id,
        entry.province_id,
        entry.department_id,
        entry.sex,
        entry.born_on,
        entry.category,
        entry.level,
        entry.licensed_on,
        entry.first_registered_on,
        details,
    )


async def update_entry_name(tx: Tx, account_id: UUID, province_id: str, name: str) -> None:
    await tx.execute(SQL["update_entry_name"], account_id, province_id, name)


async def update_entry_institution(tx: Tx, account_id: UUID, province_id: str, institution_id: UUID) -> None:
    await tx.execute(SQL["update_entry_institution"], account_id, province_id, institution_id)


async def update_entry_back(
    tx: Tx, account_id: UUID, province_id: str, institution_id: UUID, department_id: UUID | None
) -> UUID | None:
    """The department that they are in again; none where it is gone."""
    row = await tx.fetch_optional(
        SQL["update_entry_back"], account_id, province_id, institution_id, department_id
    )
    return row["department_id"] if row else None


async def update_entry_left(
    tx: Tx, account_id: UUID, province_id: str, left_at: datetime, reason: Left
) -> None:
    await tx.execute(SQL["update_entry_left"], account_id, province_id, left_at, reason)


async def delete_entry(tx: Tx, account_id: UUID, province_id: str) -> None:
    await tx.execute(SQL["delete_entry"], account_id, province_id)


async def count_entries(tx: Tx, institution_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_entries"], institution_id))


def _transfer(row: Row) -> Transfer:
    return Transfer(
        id=row["id"],
        province_id=row["province_id"],
        account_id=row["account_id"],
        from_institution_id=row["from_institution_id"],
        to_institution_id=row["to_institution_id"],
        reason=row["reason"],
        asked_at=row["asked_at"],
        state=TransferState(row["state"]),
        decided_at=row["decided_at"],
        decision=row["decision"],
    )


async def insert_transfer(
    tx: Tx, transfer: Transfer, asked_by: UUID, decided_at: datetime | None = None
) -> None:
    await tx.execute(
        SQL["insert_transfer"],
        transfer.id,
        transfer.province_id,
        transfer.account_id,
        transfer.from_institution_id,
        transfer.to_institution_id,
        transfer.reason,
        asked_by,
        transfer.asked_at,
        transfer.state,
        decided_at,
    )


async def select_transfer(tx: Tx, transfer_id: UUID, province_id: str) -> Transfer:
    row = await tx.fetch_optional(SQL["select_transfer"], transfer_id, province_id)
    if row is None:
        raise NotFound("没有找到这份调入申请。", transfer=transfer_id)
    return _transfer(row)


async def lock_transfer(tx: Tx, transfer_id: UUID, province_id: str) -> Transfer:
    row = await tx.fetch_optional(SQL["lock_transfer"], transfer_id, province_id)
    if row is None:
        raise NotFound("没有找到这份调入申请。", transfer=transfer_id)
    return _transfer(row)


async def select_optional_open_transfer(tx: Tx, account_id: UUID) -> Transfer | None:
    row = await tx.fetch_optional(SQL["select_optional_open_transfer"], account_id)
    return _transfer(row) if row else None


async def update_transfer(
    tx: Tx, transfer_id: UUID, state: TransferState, decided_by: UUID, decided_at: datetime, decision: str
) -> None:
    await tx.execute(SQL["update_transfer"], transfer_id, state, decided_by, decided_at, decision)


async def withdraw_transfers_of(
    tx: Tx, account_id: UUID, decided_by: UUID, decided_at: datetime, decision: str
) -> None:
    await tx.execute(SQL["withdraw_transfers_of"], account_id, decided_by, decided_at, decision)


@dataclass(frozen=True)
class ListedTransfer:
    transfer: Transfer
    name: str
    from_institution: str | None
    to_institution: str
    decided_by: str | None


async def select_transfers(
    tx: Tx, institution_id: UUID, province_id: str, before: UUID | None, limit: int
) -> list[ListedTransfer]:
    rows = await tx.fetch(SQL["select_transfers"], institution_id, province_id, before, limit)
    return [
        ListedTransfer(
            _transfer(row), row["name"], row["from_institution"], row["to_institution"], row["decided_by"]
        )
        for row in rows
    ]


async def count_open_transfers(tx: Tx, institution_id: UUID) -> tuple[int, int]:
    """To be answered by the institution, and waited for by it."""
    row = await tx.fetch_optional(SQL["count_open_transfers"], institution_id)
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return row["of_ours"], row["by_us"]


async def insert_import(
    tx: Tx,
    import_id: UUID,
    province_id: str,
    institution_id: UUID,
    asked_by: UUID,
    file_name: str,
    file: bytes,
    asked_at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_import"], import_id, province_id, institution_id, asked_by, file_name, file, asked_at
    )


def _import(row: Row) -> RosterImport:
    problems: list[list[Any]] = json.loads(row["problems"])
    return RosterImport(
        id=row["id"],
        province_id=row["province_id"],
        institution_id=row["institution_id"],
        file_name=row["file_name"],
        state=ImportState(row["state"]),
        rows=row["rows"],
        checked=row["checked"],
        added=row["added"],
        problems=tuple(RowProblem(*each) for each in problems),
        asked_at=row["asked_at"],
        done_at=row["done_at"],
    )


async def select_import(tx: Tx, import_id: UUID, institution_id: UUID, province_id: str) -> RosterImport:
    row = await tx.fetch_optional(SQL["select_optional_import"], import_id, institution_id, province_id)
    if row is None:
        raise NotFound("没有找到这次导入。", roster_import=import_id)
    return _import(row)


async def select_imports(tx: Tx, institution_id: UUID, province_id: str, limit: int) -> list[RosterImport]:
    """The newest first, without their problems."""
    return [_import(row) for row in await tx.fetch(SQL["select_imports"], institution_id, province_id, limit)]


async def lock_imports(tx: Tx, institution_id: UUID) -> None:
    """Until the end of the transaction nobody else begins one for the institution."""
    await tx.execute(SQL["lock_imports"], institution_id)


async def count_open_imports(tx: Tx, institution_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_open_imports"], institution_id))


@dataclass(frozen=True, repr=False)
class TakenImport:
    id: UUID
    province_id: str
    institution_id: UUID
    asked_by: UUID
    file: bytes
    tries: int


async def take_optional_import(tx: Tx, now: datetime, silent_since: datetime) -> TakenImport | None:
    row = await tx.fetch_optional(SQL["take_import"], now, silent_since)
    return TakenImport(**row) if row else None


async def beat_import(
    tx: Tx, import_id: UUID, last: datetime, now: datetime, rows: int, checked: int
) -> bool:
    """Whether the work is still whoever's whose last beat that was."""
    return await tx.fetch_value(SQL["beat_import"], import_id, last, now, rows, checked) is not None


async def finish_import(
    tx: Tx,
    import_id: UUID,
    last: datetime,
    state: ImportState,
    added: int,
    problems: Sequence[RowProblem],
    done_at: datetime,
) -> bool:
    """As :func:`beat_import`, for the last time; the file is dropped."""
    raw = [[each.row, each.column, each.reason] for each in problems]
    finished = await tx.fetch_value(SQL["finish_import"], import_id, last, state, added, raw, done_at)
    return finished is not None


async def select_names(
    tx: Tx, account_ids: Sequence[UUID], institution_id: UUID, province_id: str
) -> dict[UUID, str]:
    rows = await tx.fetch(SQL["select_names"], list(account_ids), institution_id, province_id)
    return {row["account_id"]: row["name"] for row in rows}
