"""Import banks, draw from them, show items, give keys to those who mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from random import SystemRandom
from uuid import UUID

from exam_service.clock import Clock
from exam_service.errors import Conflict, Invalid
from exam_service.ids import new_id
from exam_service.questions import queries
from exam_service.questions.model import (
    BadRow,
    BadRows,
    Bank,
    BankCount,
    Draft,
    Item,
    Solution,
    Use,
    read_drafts,
)
from exam_service.storage.database import Tx

_RANDOM = SystemRandom()


def read_csv(data: bytes) -> list[Draft]:
    """Items of a CSV file, UTF-8 (with or without BOM) or GB 18030, as Excel in Chinese writes it.

    Raises:
        BadRows: Rows are wrong; it names every one with its line.
        Invalid: It is no such table at all.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError:
            raise Invalid("文件编码无法识别，请另存为UTF-8编码的CSV。", code="bad_encoding") from None
    text = text.removeprefix("\ufeff")
    if "\0" in text:
        raise Invalid("这不是CSV文件，请另存为CSV后再导入。", code="bad_csv")
    return read_drafts(_numbered_rows(text))


def _numbered_rows(text: str) -> Iterator[tuple[int, Mapping[str | None, object] | Invalid]]:
    """Rows with the line that each begins on; one that can't be read is its own complaint, and the last."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield begins, Invalid(f"无法解析：{error}")
            return
        if cells is None:
            return
        if header is None:
            header = cells
        elif cells:
            row: dict[str | None, object] = dict(zip(header, cells, strict=False))
            if extra := cells[len(header) :]:
                row[None] = extra
            yield begins, row


async def import_bank(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    title: str,
    subject: str,
    category: str | None,
    level: str | None,
    use: Use,
    drafts: Sequence[Draft],
) -> Bank:
    """Add items to the bank of that title, which is made if missing. All or nothing.

    Raises:
        BadRows: Stems that the bank has already.
        Conflict: The bank exists for another subject, category or level.
    """
    bank = await queries.select_optional_bank_by_title(tx, province_id, title)
    if bank is None:
        bank = Bank(new_id(), province_id, title, subject, category, level)
        await queries.insert_bank(tx, bank, clock.now())
    elif (bank.subject, bank.category, bank.level) != (subject, category, level):
        raise Conflict(f"题库“{title}”已存在，但科目、类别或级别不同，请换一个名称。", code="other_bank")
    stems = await queries.select_stems(tx, bank.id)
    doubles = [
        BadRow(draft.line, f"题库中已有相同题干：{draft.stem[:20]}…")
        for draft in drafts
        if draft.stem in stems
    ]
    if doubles:
        raise BadRows(doubles, len(drafts) - len(doubles))
    await queries.insert_items(tx, bank, use, drafts)
    return bank


async def draw(
    tx: Tx, *, province_id: str, subject: str, category: str, level: str, count: int
) -> list[tuple[UUID, list[UUID]]]:
    """``count`` exam items at random, each with its option ids in random order.

    Raises:
        Conflict: The banks hold fewer.
    """
    ids = await queries.select_exam_item_ids(tx, province_id, subject, category, level)
    if len(ids) < count:
        raise Conflict(
            "该试卷的题库尚未准备好，请联系考核机构。", code="bank_too_small", have=len(ids), want=count
        )
    chosen = _RANDOM.sample(ids, count)
    options = await queries.select_option_ids(tx, chosen)
    paper = []
    for item_id in chosen:
        order = list(options[item_id])
        _RANDOM.shuffle(order)
        paper.append((item_id, order))
    return paper


async def items_by_id(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, Item]:
    """Items without their keys."""
    return await queries.select_items(tx, item_ids)


async def keys_by_id(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The key of each item, for marking only."""
    return await queries.select_keys(tx, item_ids)


async def practice_banks(tx: Tx, *, province_id: str, category: str, level: str) -> list[BankCount]:
    """Banks with practice items for this physician, with how many."""
    return await queries.select_practice_banks(tx, province_id, category, level)


async def draw_practice(tx: Tx, *, bank_id: UUID, province_id: str, count: int) -> list[UUID]:
    """Up to ``count`` practice items at random.

    Raises:
        Conflict: The bank has none.
    """
    ids = await queries.select_practice_item_ids(tx, bank_id, province_id)
    if not ids:
        raise Conflict("该题库暂无练习题，请选择其他题库。", code="bank_empty")
    return _RANDOM.sample(ids, min(count, len(ids)))


async def practice_solution(tx: Tx, item_id: UUID, province_id: str) -> Solution:
    """Key and explanation of a practice item; an exam item is not found here, on purpose."""
    return await queries.select_practice_solution(tx, item_id, province_id)
