"""Lists that people bring as XLSX or CSV, and take home as XLSX. Rows of plain texts: no formula runs."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from exam_service import packages
from exam_service.errors import Invalid

LARGEST_FILE = 5 * 1024 * 1024
MOST_ROWS = 20_000
_LONGEST_CELL = 2000
_MOST_COLUMNS = 60
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class BadRow:
    """``number`` as the spreadsheet counts them: the header is row 1."""

    number: int
    reason: str


class BadRows(Invalid):
    """A list that is taken as a whole or not at all; ``rows`` says what is wrong with which."""

    def __init__(self, rows: Sequence[BadRow]) -> None:
        super().__init__(
            f"有{len(rows)}行需要更正，没有导入任何内容。请更正后重新上传整个文件。", code="bad_rows"
        )
        self.rows = tuple(rows)


def read_sheet(data: bytes) -> list[list[str]]:
    """The rows of a CSV file or of the first sheet of an XLSX file, header included, cells trimmed.

    Rows keep their place: what is empty is an empty list. Blocking: seconds for a large file.

    Raises:
        Invalid: It is neither, or larger than a list that a person makes.
    """
    if len(data) > LARGEST_FILE:
        raise Invalid(f"文件超过{LARGEST_FILE // 1024**2}MB，请拆分后上传。", code="sheet_too_large")
    rows = _xlsx(data) if data.startswith(b"PK") else _csv(data)
    if len(rows) > MOST_ROWS + 1:
        raise Invalid(f"一次最多导入{MOST_ROWS}行，请拆分后上传。", code="sheet_too_long")
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def columns(rows: Sequence[Sequence[str]], names: Sequence[str], *, needed: Sequence[str]) -> dict[str, int]:
    """Where the named columns stand, by the header.

    Raises:
        Invalid: The file is empty, or a needed column is missing.
    """
    header = [cell.removeprefix("\ufeff") for cell in rows[0]] if rows else []
    places = {name: header.index(name) for name in names if name in header}
    if missing := [name for name in needed if name not in places]:
        raise Invalid(
            f"表头缺少“{'”“'.join(missing)}”，请使用下载的模板，不要改动第一行。", code="sheet_header"
        )
    return places


def write_sheet(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """An XLSX file of one sheet; every cell is a text, so that none is ever taken for a formula."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("名单")
    for row in (header, *rows):
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value)
            cell.data_type = "s"
            cell.number_format = "@"
            cells.append(cell)
        sheet.append(cells)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def neutral(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever the file is saved as next.

    Without the characters that XLSX can't have: one of them anywhere would be the end of the whole file.
    """
    text = ILLEGAL_CHARACTERS_RE.sub("", text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_bytes(rows: Iterable[Sequence[str]], *, first: bool = False) -> bytes:
    """Lines of a CSV file in UTF-8, cells neutral; the ``first`` begin with the mark spreadsheets want."""
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows([neutral(cell) for cell in row] for row in rows)
    return (codecs.BOM_UTF8 if first else b"") + lines.getvalue().encode()


class GrowingSheet:
    """An XLSX file that is written row by row: what it holds lies on disk, not in memory.

    Its methods take their time; call them in a thread.
    """

    def __init__(self) -> None:
        self._book = Workbook(write_only=True)
        self._sheet = self._book.create_sheet("名单")

    def append(self, rows: Iterable[Sequence[str]]) -> None:
        """Rows of texts, made neutral."""
        for row in rows:
            self._sheet.append([neutral(cell) for cell in row])

    def save(self, file: BinaryIO) -> None:
        """Once, at the end."""
        self._book.save(file)


def _csv(data: bytes) -> list[list[str]]:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        try:
            return [_trimmed(row) for row in csv.reader(io.StringIO(text, newline=""))]
        except csv.Error:
            break
    raise Invalid("文件无法读取，请上传 XLSX 或 CSV 文件。", code="bad_sheet")


def _xlsx(data: bytes) -> list[list[str]]:
    try:
        packages.check_parts(data)
    except packages.BadPackage as error:
        if error.is_too_large:
            raise Invalid("文件内容过大，请只保留需要导入的工作表。", code="sheet_too_large") from None
        raise _bad_sheet(error) from None
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # what a file says of its own size is not to be relied on
        return [
            _trimmed([_text(value) for value in row[:_MOST_COLUMNS]])
            for row in sheet.iter_rows(values_only=True, max_row=MOST_ROWS + 2)
        ]
    except Exception as error:  # noqa: BLE001 - a file of somebody else may break a reader in any way
        raise _bad_sheet(error) from None


def _bad_sheet(error: Exception) -> Invalid:
    return Invalid("文件无法读取，请上传 XLSX 或 CSV 文件。", code="bad_sheet", cause=repr(error))


def _trimmed(row: Sequence[str]) -> list[str]:
    cells = [cell.strip()[:_LONGEST_CELL] for cell in row]
    return cells if any(cells) else []


def _text(value: object) -> str:
    """A cell as a person reads it; a number keeps no ``.0`` that a spreadsheet gave it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
