"""Banks and items, and reading them from rows of a table. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Invalid

LETTERS = "ABCDE"
FEWEST_OPTIONS = 4
LONGEST_STEM = 2000
LONGEST_OPTION = 500
_ALIASES = {"question": "stem", "answer": "key", "题干": "stem", "答案": "key", "解析": "explanation"}


class Use(StrEnum):
    """What an item may be used for; the two never mix."""

    PRACTICE = "practice"
    EXAM = "exam"


@dataclass(frozen=True)
class Bank:
    """``category`` and ``level`` are set for professional banks only."""

    id: UUID
    province_id: str
    title: str
    subject: str
    category: str | None
    level: str | None


@dataclass(frozen=True)
class BankCount:
    """A bank and how many practice items it holds."""

    bank: Bank
    items: int


@dataclass(frozen=True)
class Draft:
    """An item as a row of a table says it: 4 or 5 options, ``key`` counts from 0, ``line`` is of the file."""

    stem: str
    options: tuple[str, ...]
    key: int
    explanation: str
    tags: tuple[str, ...]
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Option:
    id: UUID
    text: str


@dataclass(frozen=True)
class Item:
    """An item as it is shown: without its key."""

    id: UUID
    stem: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Solution:
    """What may be shown of a practice item once asked for."""

    key_id: UUID
    explanation: str


@dataclass(frozen=True)
class BadRow:
    """A row that can't be taken; ``number`` is the line of the file that it begins on."""

    number: int
    reason: str


class BadRows(Invalid):
    """The import was refused as a whole; ``rows`` names every bad one."""

    def __init__(self, rows: Sequence[BadRow], good: int) -> None:
        self.rows = tuple(rows)
        super().__init__(
            f"导入未执行：{len(rows)}行有误、{good}行无误。请按提示更正后重新导入整个文件。", code="bad_rows"
        )


def read_drafts(numbered_rows: Iterable[tuple[int, Mapping[str | None, object] | Invalid]]) -> list[Draft]:
    """Items of table rows with the columns stem, A–D, optionally E, key, explanation, tags.

    Column names are taken without regard to case; ``Question`` and ``Answer`` do for stem and key.

    Raises:
        BadRows: One or more rows are wrong; it names all of them.
    """
    drafts: list[Draft] = []
    bad: list[BadRow] = []
    seen: dict[str, int] = {}
    for number, raw in numbered_rows:
        try:
            if isinstance(raw, Invalid):
                raise raw
            draft = _draft(raw)
            if (first := seen.setdefault(draft.stem, number)) != number:
                raise Invalid(f"题干与第{first}行重复")
        except Invalid as error:
            bad.append(BadRow(number, error.sentence))
        else:
            drafts.append(replace(draft, line=number))
    if bad:
        raise BadRows(bad, len(drafts))
    if not drafts:
        raise Invalid("文件中没有题目，请检查表头与内容。", code="empty_import")
    return drafts


def _draft(raw: Mapping[str | None, object]) -> Draft:
    if raw.get(None):
        raise Invalid("列数多于表头，请检查引号和逗号")
    cells: dict[str, str] = {}
    for name, value in raw.items():
        plain = (name or "").strip().lower()
        cells[_ALIASES.get(plain, plain)] = unicodedata.normalize("NFC", str(value or "")).strip()
    stem = cells.get("stem", "")
    if not stem:
        raise Invalid("缺少题干")
    if len(stem) > LONGEST_STEM:
        raise Invalid(f"题干超过{LONGEST_STEM}字")
    options = [cells.get(letter.lower(), "") for letter in LETTERS]
    while options and not options[-1]:
        options.pop()
    if len(options) < FEWEST_OPTIONS or not all(options):
        raise Invalid("选项应为A至D或A至E，且不能为空")
    if any(len(option) > LONGEST_OPTION for option in options):
        raise Invalid(f"选项超过{LONGEST_OPTION}字")
    if len(set(options)) < len(options):
        raise Invalid("选项有重复")
    letter = cells.get("key", "").upper()
    if len(letter) != 1 or letter not in LETTERS[: len(options)]:
        raise Invalid(f"答案应为{LETTERS[0]}至{LETTERS[len(options) - 1]}中的一个字母")
    tags = tuple(tag.strip() for tag in cells.get("tags", "").replace("；", ";").split(";") if tag.strip())
    return Draft(stem, tuple(options), LETTERS.index(letter), cells.get("explanation", ""), tags)
