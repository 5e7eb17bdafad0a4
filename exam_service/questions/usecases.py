"""Import banks, draw from them, show items, give keys to those who mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from random import Random, SystemRandom
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
    Pictures,
    Solution,
    Use,
    choose,
    read_drafts,
    what_is_the_same,
)
from exam_service.storage.database import Tx

_RANDOM = SystemRandom()
_POOLS_KEPT = 16


class _Pools:
    """The ids of exam items, kept from draw to draw: reading 60,000 takes longer than all the rest of a draw.

    Under the revisions of their banks, which every import changes: what is kept is never out of date, in no
    process, and what an import left behind that was rolled back is never asked for.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[UUID, ...], Sequence[UUID]] = {}

    async def items_of(self, tx: Tx, revisions: Mapping[UUID, UUID]) -> Sequence[UUID]:
        """The exam items of these banks (id → revision)."""
        key = tuple(revisions.values())
        ids = self._kept.pop(key, None)
        if ids is None:
            ids = [item for bank in revisions for item in await queries.select_exam_item_ids(tx, bank)]
        self._kept[key] = ids
        while len(self._kept) > _POOLS_KEPT:
            del self._kept[next(iter(self._kept))]
        return ids


_POOLS = _Pools()


def read_csv(data: bytes, pictures: Pictures | None = None) -> list[Draft]:
    """Items of a CSV file, UTF-8 (with or without BOM) or GB 18030, as Excel in Chinese writes it.

    ``pictures`` (:func:`exam_service.questions.pictures.of_directory`) finds what the column image names.

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
    return read_drafts(_numbered_rows(text), pictures)


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
        BadRows: Items that the bank has already: the same stem, options and picture.
        Conflict: The bank exists for another subject, category or level.
    """
    bank = await queries.select_optional_bank_by_title(tx, province_id, title)
    if bank is None:
        bank = Bank(new_id(), province_id, title, subject, category, level)
        await queries.insert_bank(tx, bank, clock.now())
    elif (bank.subject, bank.category, bank.level) != (subject, category, level):
        raise Conflict(f"题库“{title}”已存在，但科目、类别或级别不同，请换一个名称。", code="other_bank")
    known = await queries.select_identities(tx, bank.id)
    doubles = [
        BadRow(draft.line, f"题库中已有这道题（{what_is_the_same(draft, right)}）：{draft.stem[:20]}…")
        for draft in drafts
        if (right := known.get(draft.identity)) is not None
    ]
    if doubles:
        raise BadRows(doubles, len(drafts) - len(doubles))
    await queries.insert_items(tx, bank, use, drafts)
    await queries.update_revision(tx, bank.id)
    return bank


async def draw(
    tx: Tx,
    *,
    province_id: str,
    subject: str,
    category: str,
    level: str,
    count: int,
    avoid: Collection[frozenset[UUID]] = (),
) -> list[tuple[UUID, list[UUID]]]:
    """``count`` exam items at random, each with its option ids in random order.

    Args:
        avoid: Papers that this one should differ from, each the set of its items: as :func:`choose` says.

    Raises:
        Conflict: The banks hold fewer.
    """
    [paper] = await draw_many(
        tx, province_id=province_id, subject=subject, category=category, level=level, wanted=[(count, avoid)]
    )
    return paper


async def draw_many(
    tx: Tx,
    *,
    province_id: str,
    subject: str,
    category: str,
    level: str,
    wanted: Sequence[tuple[int, Collection[frozenset[UUID]]]],
) -> list[list[tuple[UUID, list[UUID]]]]:
    """As :func:`draw`, for many physicians at once: ``wanted`` has count and avoid of each paper."""
    revisions = await queries.select_revisions(tx, province_id, subject, category, level)
    ids = await _POOLS.items_of(tx, revisions)
    most = max((count for count, _ in wanted), default=0)
    if len(ids) < most:
        raise Conflict(
            "该试卷的题库尚未准备好，请联系考核机构。", code="bank_too_small", have=len(ids), want=most
        )
    # Asking the system for each of some 600 random numbers would be most of the work.
    random = Random(_RANDOM.randbytes(32))  # noqa: S311 - as unpredictable as its seed
    papers = [choose(ids, count, avoid, random) for count, avoid in wanted]
    options = await queries.select_option_ids(tx, list({item_id for paper in papers for item_id in paper}))
    return [
        [(item_id, random.sample(options[item_id], len(options[item_id]))) for item_id in paper]
        for paper in papers
    ]


async def are_exam_items(
    tx: Tx, item_ids: Sequence[UUID], *, province_id: str, subject: str, category: str, level: str
) -> bool:
    """Whether all of these could be drawn today."""
    found = await queries.count_exam_items(tx, item_ids, province_id, subject, category, level)
    return found == len(set(item_ids))


async def items_by_id(tx: Tx, item_ids: Sequence[UUID]) -> dict[UUID, Item]:
    """Items without their keys and with their pictures, which makes this costly: for what is shown now."""
    return await queries.select_items(tx, item_ids)


async def has_option(tx: Tx, item_id: UUID, option_id: UUID) -> bool:
    """Whether the option is one of the item's."""
    return await queries.select_is_option(tx, item_id, option_id)


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
