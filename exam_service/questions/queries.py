from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.questions.model import Bank, BankCount, Draft, Item, Option, Solution, Use
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.questions")


async def insert_bank(tx: Tx, bank: Bank, created_at: datetime) -> None:
    await tx.execute(
        SQL["insert_bank"],
        bank.id,
        bank.province_id,
        bank.title,
        bank.subject,
        bank.category,
        bank.level,
        created_at,
    )


async def select_optional_bank_by_title(tx: Tx, province_id: str, title: str) -> Bank | None:
    row = await tx.fetch_optional(SQL["select_optional_bank_by_title"], province_id, title)
    return Bank(**row) if row else None


async def insert_items(tx: Tx, bank: Bank, use: Use, drafts: Sequence[Draft]) -> None:
    items: list[tuple[object, ...]] = []
    options: list[tuple[object, ...]] = []
    for draft in drafts:
        item_id = new_id()
        option_ids = [new_id() for _ in draft.options]
        items.append(
            (
                item_id,
                bank.province_id,
                bank.id,
                use,
                draft.stem,
                draft.explanation,
                list(draft.tags),
                option_ids[draft.key],
            )
        )
        options.extend(
            (option_id, item_id, ordinal, text)
            for ordinal, (option_id, text) in enumerate(zip(option_ids, draft.options, strict=True), start=1)
        )
    await tx.execute_many(SQL["insert_item"], items)
    await tx.execute_many(SQL["insert_option"], options)


async def select_stems(tx: Tx, bank_id: UUID) -> set[str]:
    return {row["stem"] for row in await tx.fetch(SQL["select_stems"], bank_id)}


async def select_exam_item_ids(
    tx: Tx, province_id: str, subject: str, category: str, level: str
) -> list[UUID]:
    rows = await tx.fetch(SQL["select_exam_item_ids"], province_id, subject, category, level)
    return [row["id"] for row in rows]


async def select_option_ids(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    rows = await tx.fetch(SQL["select_option_ids"], list(item_ids))
    return {row["item_id"]: row["option_ids"] for row in rows}


async def select_items(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, Item]:
    return {
        row["id"]: Item(
            row["id"],
            row["stem"],
            tuple(
                Option(option_id, text)
                for option_id, text in zip(row["option_ids"], row["texts"], strict=True)
            ),
        )
        for row in await tx.fetch(SQL["select_items"], list(item_ids))
    }


async def select_keys(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    return {row["id"]: row["key_id"] for row in await tx.fetch(SQL["select_keys"], list(item_ids))}


async def select_practice_banks(tx: Tx, province_id: str, category: str, level: str) -> list[BankCount]:
    return [
        BankCount(
            Bank(
                row["id"],
                row["province_id"],
                row["title"],
                row["subject"],
                row["category"],
                row["level"],
            ),
            row["items"],
        )
        for row in await tx.fetch(SQL["select_practice_banks"], province_id, category, level)
    ]


async def select_practice_item_ids(tx: Tx, bank_id: UUID, province_id: str) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_practice_item_ids"], bank_id, province_id)]


async def select_practice_solution(tx: Tx, item_id: UUID, province_id: str) -> Solution:
    row = await tx.fetch_optional(SQL["select_practice_solution"], item_id, province_id)
    if row is None:
        raise NotFound("没有找到这道练习题。", item=item_id)
    return Solution(**row)
