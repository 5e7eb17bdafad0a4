"""Banks and items, and reading them from rows of a table. Pure."""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import combinations
from random import Random
from typing import TypeAlias
from uuid import UUID

from exam_service.errors import Invalid

LETTERS = "ABCDE"
FEWEST_OPTIONS = 4
LONGEST_STEM = 2000
LONGEST_OPTION = 500
LONGEST_ALT = 200
_ALT = "题图"
_ALIASES = {
    "question": "stem",
    "answer": "key",
    "题干": "stem",
    "答案": "key",
    "解析": "explanation",
    "图片": "image",
    "图片说明": "image_alt",
}


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
class Image:
    """The picture of a stem as we encoded it.

    Attributes:
        media_type: image/png or image/jpeg.
        width: In pixels, as is ``height``.
        alt: What it shows, for those who can't see it.
    """

    media_type: str
    width: int
    height: int
    alt: str
    data: bytes = field(repr=False)

    @property
    def src(self) -> str:
        """A data URL: the picture comes with its paper and needs no address that could be passed on."""
        return f"data:{self.media_type};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class DraftImage:
    """A picture to import; ``source_digest`` is the SHA-256 of the file that it was made of."""

    image: Image
    source_digest: bytes = field(repr=False)


Pictures: TypeAlias = Callable[[str, str], DraftImage]
"""The picture of that file name, with that description; raises ``Invalid`` where it can't be taken."""

Identity: TypeAlias = tuple[str, frozenset[str], bytes | None]


@dataclass(frozen=True)
class Draft:
    """An item as a row of a table says it: 4 or 5 options, ``key`` counts from 0, ``line`` is of the file."""

    stem: str
    options: tuple[str, ...]
    key: int
    explanation: str
    tags: tuple[str, ...]
    line: int = field(default=0, compare=False)
    image: DraftImage | None = None

    @property
    def identity(self) -> Identity:
        """What makes it another item than the next: its stem, its options in whatever order, its picture.

        Not the stem alone: 下列说法正确的是 opens many items that have nothing else in common.
        """
        return self.stem, frozenset(self.options), self.image.source_digest if self.image else None

    @property
    def right(self) -> str:
        """The text of the right option."""
        return self.options[self.key]


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
    image: Image | None = None


def image_entry(item: Item) -> dict[str, dict[str, object]]:
    """The ``image`` of an item's JSON; nothing where it has none."""
    image = item.image
    if image is None:
        return {}
    return {"image": {"src": image.src, "width": image.width, "height": image.height, "alt": image.alt}}


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


def read_drafts(
    numbered_rows: Iterable[tuple[int, Mapping[str | None, object] | Invalid]],
    pictures: Pictures | None = None,
) -> list[Draft]:
    """Items of table rows with the columns stem, A–D, optionally E, key, explanation, tags, image, image_alt.

    Column names are taken without regard to case; ``Question`` and ``Answer`` do for stem and key. Without
    ``pictures`` a row that names one is wrong.

    Raises:
        BadRows: One or more rows are wrong; it names all of them.
    """
    drafts: list[Draft] = []
    bad: list[BadRow] = []
    seen: dict[Identity, Draft] = {}
    for number, raw in numbered_rows:
        try:
            if isinstance(raw, Invalid):
                raise raw
            draft = replace(_draft(raw, pictures), line=number)
            if (first := seen.setdefault(draft.identity, draft)) is not draft:
                raise Invalid(f"与第{first.line}行重复：{what_is_the_same(draft, first.right)}")
        except Invalid as error:
            bad.append(BadRow(number, error.sentence))
        else:
            drafts.append(draft)
    if bad:
        raise BadRows(bad, len(drafts))
    if not drafts:
        raise Invalid("文件中没有题目，请检查表头与内容。", code="empty_import")
    return drafts


def what_is_the_same(draft: Draft, right: str) -> str:
    """For people: why a draft is the same item as another, whose right option is ``right``."""
    same = "题干、选项和图片都相同" if draft.image else "题干和选项都相同"
    return same if draft.right == right else f"{same}，答案却不同，请核对"


def _draft(raw: Mapping[str | None, object], pictures: Pictures | None) -> Draft:
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
    image = _image(cells, pictures)
    return Draft(stem, tuple(options), LETTERS.index(letter), cells.get("explanation", ""), tags, image=image)


def _image(cells: Mapping[str, str], pictures: Pictures | None) -> DraftImage | None:
    name, alt = cells.get("image", ""), cells.get("image_alt", "")
    if not name:
        if alt:
            raise Invalid("有图片说明，但没有写图片文件名")
        return None
    if len(alt) > LONGEST_ALT:
        raise Invalid(f"图片说明超过{LONGEST_ALT}字")
    if pictures is None:
        raise Invalid("该题有图片，请用 --images 指明图片所在的目录")
    return pictures(name, alt or _ALT)


def choose(
    items: Sequence[UUID], count: int, avoid: Collection[frozenset[UUID]], random: Random
) -> list[UUID]:
    """``count`` of ``items`` in random order, at least as many as there are.

    First those that are in none of the papers in ``avoid``; where these are too few, all of them and others
    at random. Never the same set as one of ``avoid``, while there is another one to be had.
    """
    seen = frozenset().union(*avoid)
    # So many hold ``count`` unseen ones for certain, or are all: no need to look at 60,000.
    shuffled = random.sample(items, min(len(items), count + len(seen)))
    shuffled.sort(key=seen.__contains__)
    chosen = shuffled[:count]
    if frozenset(chosen) in avoid:
        others = (each for each in combinations(shuffled, count) if frozenset(each) not in avoid)
        chosen = list(next(others, chosen))
    random.shuffle(chosen)
    return chosen
