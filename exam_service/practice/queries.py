from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.practice.model import Given, PracticeSet
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.practice")


async def insert_set(
    tx: Tx, practice_set: PracticeSet, province_id: str, account_id: UUID, now: datetime
) -> None:
    await tx.execute(
        SQL["insert_set"],
        practice_set.id,
        province_id,
        account_id,
        practice_set.bank_id,
        list(practice_set.item_ids),
        now,
    )


async def select_optional_set(tx: Tx, set_id: UUID, account_id: UUID, province_id: str) -> PracticeSet | None:
    row = await tx.fetch_optional(SQL["select_optional_set"], set_id, account_id, province_id)
    return PracticeSet(row["id"], row["bank_id"], tuple(row["item_ids"])) if row else None


async def select_bank_title(tx: Tx, bank_id: UUID) -> str:
    return str(await tx.fetch_value(SQL["select_bank_title"], bank_id))


async def upsert_answer(tx: Tx, set_id: UUID, item_id: UUID, option_id: UUID, now: datetime) -> None:
    await tx.execute(SQL["upsert_answer"], set_id, item_id, option_id, now)


async def select_given(tx: Tx, set_id: UUID) -> dict[UUID, Given]:
    return {
        row["item_id"]: Given(row["option_id"], row["right"])
        for row in await tx.fetch(SQL["select_given"], set_id)
    }
