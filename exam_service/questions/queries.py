from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.questions.model import (
    Bank,
    BankCount,
    Draft,
    Identity,
    Image,
    Item,
    Option,
    Solution,
    Use,
)
from exam_service.storage.database import Row, Tx
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
        uuid4(),
    )


async def update_revision(tx: Tx, bank_id: UUID) -> None:
    await tx.execute(SQL["update_revision"], bank_id, uuid4())


async def select_optional_bank_by_title(tx: Tx, province_id: str, title: str) -> Bank | None:
    row = await tx.fetch_optional(SQL["select_optional_bank_by_title"], province_id, title)
    return Bank(**row) if row else None


async def insert_items(tx: Tx, bank: Bank, use: Use, drafts: Sequence[Draft]) -> None:
    items: list[tuple[object, ...]] = []
    options: list[tuple[object, ...]] = []
    images: list[tuple[object, ...]] = []
    for draft in drafts:
        item_id = new_id()
        # Random, not new_id(): a paper's options are shuffled, but UUIDv7 sort by when they were made. Sorted
        # ids would give away the order of the options in the file, and where banks like to have their keys.
        option_ids = [uuid4() for _ in draft.options]
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
        if draft.image is not None:
            image = draft.image.image
            images.append(
                (
                    item_id,
                    image.media_type,
                    image.width,
                    image.height,
                    image.alt,
                    image.data,
                    draft.image.source_digest,
                )
            )
    await tx.execute_many(SQL["insert_item"], items)
    await tx.execute_many(SQL["insert_option"], options)
    for row in images:  # one at a time: a statement has a time limit, and a bank may have 100 MB of them
        await tx.execute(SQL["insert_image"], *row)


async def select_identities(tx: Tx, bank_id: UUID) -> dict[Identity, str]:
    """What the bank has, each with the text of its right option."""
    return {
        (row["stem"], frozenset(row["texts"]), row["source_digest"]): row["right"]
        for row in await tx.fetch(SQL["select_identities"], bank_id)
    }


async def select_revisions(
    tx: Tx, province_id: str, subject: str, category: str, level: str
) -> dict[UUID, UUID]:
    """The banks that such a paper is drawn from, each with its revision."""
    rows = await tx.fetch(SQL["select_revisions"], province_id, subject, category, level)
    return {row["id"]: row["revision"] for row in rows}


async def select_exam_item_ids(tx: Tx, bank_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_exam_item_ids"], bank_id)]


async def count_exam_items(
    tx: Tx, item_ids: Sequence[UUID], province_id: str, subject: str, category: str, level: str
) -> int:
    count: int = await tx.fetch_value(
        SQL["count_exam_items"], list(item_ids), province_id, subject, category, level
    )
    return count


async def select_option_ids(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    rows = await tx.fetch(SQL["select_option_ids"], list(item_ids))
    return {row["item_id"]: row["option_ids"] for row in rows}


async def select_is_option(tx: Tx, item_id: UUID, option_id: UUID) -> bool:
    return bool(await tx.fetch_value(SQL["select_is_option"], item_id, option_id))


async def select_items(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, Item]:
    return {
        row["id"]: Item(
            row["id"],
            row["stem"],
            tuple(
                Option(option_id, text)
                for option_id, text in zip(row["option_ids"], row["texts"], strict=True)
            ),
            _image(row),
        )
        for row in await tx.fetch(SQL["select_items"], list(item_ids))
    }


def _image(row: Row) -> Image | None:
    if row["data"] is None:
        return None
    return Image(row["media_type"], row["width"], row["height"], row["alt"], row["data"])


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
