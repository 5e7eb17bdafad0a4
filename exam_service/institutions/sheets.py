"""Roster files: the template, reading what comes back, and what is wrong with it. XLSX (ECMA-376).

A file comes from anybody's disk: ``packages`` looks at it first. Python's ``xml.etree`` fetches nothing from
elsewhere; ``defusedxml`` would do no more. Formulas are text that is refused: nothing evaluates them.

openpyxl is loaded by who handles a file, not by every process.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from exam_service import packages
from exam_service.accounts.identity import DOCUMENT_LABELS
from exam_service.errors import Invalid
from exam_service.institutions.model import CATEGORY_LABELS, LEVEL_LABELS, SEX_LABELS, RowProblem
from exam_service.institutions.reading import FIELDS, REQUIRED

MOST_BYTES = 5 * 1024 * 1024
MOST_ROWS = 20_000
_MOST_COLUMNS = 40
_LONGEST_CELL = 200
_PRECISE_DIGITS = 15
_EXAMPLE = "示例"
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_HEADINGS = {heading: field for field, heading in FIELDS.items()}
_NO_FILE = "这不是能读取的 Excel 文件（.xlsx），请用下载的模板填写，保存后重新上传。"


@dataclass(frozen=True, repr=False)
class SheetRow:
    """A row with something in it: its number as spreadsheets show it, texts by field, and what is no text."""

    number: int
    texts: Mapping[str, str]
    problems: Mapping[str, str]


def check_package(data: bytes) -> None:
    """Look at a file's directory only: that it is a spreadsheet, and no larger unpacked than can be.

    Raises:
        Invalid: It isn't; says what to do.
    """
    if len(data) > MOST_BYTES:
        raise Invalid("文件超过5MB，请分成几个文件导入。", code="file_too_large")
    with _said():
        packages.check_directory(data)


@contextmanager
def _said() -> Iterator[None]:
    """What is wrong with a package, in words."""
    try:
        yield
    except packages.BadPackage as error:
        if error.is_too_large:
            raise Invalid(
                "文件解压后过大，已拒绝读取。请用下载的模板重新填写。", code="file_too_large_unpacked"
            ) from None
        raise Invalid(_NO_FILE, code="no_spreadsheet") from None


class RosterSheet:
    """The rows of a roster file's first sheet, one after the other. Blocking. Made by :func:`open_sheet`."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._rows = book.worksheets[0].iter_rows(max_row=MOST_ROWS + 2, max_col=_MOST_COLUMNS)
        self._columns: list[str | None] = []
        self._number = 0

    def close(self) -> None:
        self._book.close()

    def _next(self) -> Sequence[Any] | None:
        """The next row's cells; ``None`` at the end."""
        try:
            return next(self._rows, None)
        except Exception:  # noqa: BLE001 - openpyxl raises whatever its parts raise at a file that is none
            raise Invalid(_NO_FILE, code="no_spreadsheet") from None

    def read_headings(self) -> None:
        """The first row.

        Raises:
            Invalid: It lacks a heading that is needed, or has one twice.
        """
        cells = self._next() or ()
        self._number = 1
        headings = ["".join(str(cell.value or "").split()).strip("*＊") for cell in cells]
        self._columns = [_HEADINGS.get(heading) for heading in headings]
        found = [field for field in self._columns if field]
        missing = [FIELDS[field] for field in REQUIRED if field not in found]
        if missing:
            raise Invalid(
                f"第一行缺少表头：{'、'.join(missing)}。请用下载的模板填写，不要改动表头。",
                code="no_headings",
            )
        if len(set(found)) < len(found):
            raise Invalid("第一行有重复的表头，请用下载的模板填写，不要改动表头。", code="headings_twice")

    def take(self, most: int) -> list[SheetRow]:
        """Up to ``most`` further rows that have something in them; none at the end.

        Raises:
            Invalid: There are more rows than can be taken in one file.
        """
        taken: list[SheetRow] = []
        while len(taken) < most:
            cells = self._next()
            if cells is None:
                break
            self._number += 1
            row = self._row(cells)
            if row is not None:
                if self._number > MOST_ROWS + 1:
                    raise Invalid(f"一个文件最多{MOST_ROWS}行，请分成几个文件导入。", code="too_many_rows")
                taken.append(row)
        return taken

    def _row(self, cells: Sequence[Any]) -> SheetRow | None:
        texts: dict[str, str] = {}
        problems: dict[str, str] = {}
        for field, cell in zip(self._columns, cells, strict=False):
            if field is None or cell.value is None:
                continue
            try:
                text = _text(cell)
            except Invalid as error:
                problems[field] = error.sentence
                continue
            if text:
                texts[field] = text
        if not texts and not problems:
            return None
        if texts.get("name", "").startswith(_EXAMPLE):
            return None
        return SheetRow(self._number, texts, problems)


def _text(cell: Any) -> str:
    """What a cell says; numbers and days as they would be typed.

    Raises:
        Invalid: A formula, an error, or a number that lost its digits.
    """
    value = cell.value
    if cell.data_type == "f":
        raise Invalid("单元格里是公式，请改为直接填写的内容。", code="formula")
    if cell.data_type == "e":
        raise Invalid("单元格里是错误值，请更正。", code="error_value")
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        raise Invalid("单元格里不是文字，请更正。", code="no_text")
    if isinstance(value, int | float):
        if not math.isfinite(value) or value != int(value) or value < 0:
            raise Invalid("单元格里是带小数或负号的数字，请更正。", code="no_text")
        digits = str(int(value))
        if len(digits) > _PRECISE_DIGITS:
            raise Invalid(
                "号码被存成了数字，末几位已丢失；请把单元格设为“文本”格式后重新填写。", code="lost_digits"
            )
        return digits
    return str(value).replace("\0", "").strip()[:_LONGEST_CELL]


def open_sheet(data: bytes) -> RosterSheet:
    """A roster file's first sheet; to be closed. Blocking.

    Raises:
        Invalid: It can't be read; says what to do.
    """
    from openpyxl import load_workbook  # noqa: PLC0415

    check_package(data)
    with _said():
        packages.check_parts(data)
    try:
        return RosterSheet(load_workbook(io.BytesIO(data), read_only=True, data_only=False, keep_links=False))
    except Exception:  # noqa: BLE001 - openpyxl raises whatever its parts raise at a file that is none
        raise Invalid(_NO_FILE, code="no_spreadsheet") from None


_TEXTS = ("number", "qualification_number", "practising_number", "mobile")
_EXAMPLE_ROW = {
    "name": "示例：张三（本行不会导入）",
    "document_type": "身份证",
    "number": "11010519491231002X",
    "sex": "女",
    "born_on": "1949-12-31",
    "category": "临床",
    "level": "执业医师",
    "qualification_number": "198411110110105491231002",
    "qualified_on": "1984-12-01",
    "practising_number": "110430000000001",
    "licensed_on": "2016-08-13",
    "first_registered_on": "1999-05-01",
    "mobile": "13800000000",
    "department": "内科",
}
_INSTRUCTIONS = (
    "1. 在“名册”表中从第3行起填写，一行一名医师；第2行是示例，不会导入。不要改动表头。",
    "2. 带 * 的列必填：姓名、证件号码、执业类别、医师级别。证件类型不填即为身份证。",
    "3. 姓名、证件号码须与医师电子化注册信息一致，15位和18位身份证号都可以。",
    "4. 证件号码、证书编号、手机号码的单元格是“文本”格式，请不要改为数字，否则末几位会丢失。",
    "5. 日期写成 2016-08-13 的样子。身份证持有人的性别和出生日期可以不填，以身份证号为准。",
    "6. 科室须是本机构“科室”中已启用的名称，可以不填。",
    "7. 手机号码用于激活账号时接收验证码；不填的，可以打印激活单交给本人。",
    f"8. 一个文件不超过{MOST_ROWS}行、5MB。有一行不符合要求，整个文件都不会导入，并逐行说明原因。",
    "9. 已在其他机构名册中的医师，请用“调入”办理，不要写在本表中。",
)


def template(departments: Sequence[str]) -> bytes:
    """The file to fill in: headings, an example, choices to pick from, instructions. Blocking."""
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.styles import Alignment, Font  # noqa: PLC0415
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415

    book = Workbook()
    sheet = book.active
    sheet.title = "名册"
    guide = book.create_sheet("填写说明")
    choices = book.create_sheet("选项")
    for column, (field, heading) in enumerate(FIELDS.items(), start=1):
        letter = sheet.cell(1, column).column_letter
        head = sheet.cell(1, column, f"*{heading}" if field in REQUIRED else heading)
        _as_heading(head)
        example = sheet.cell(2, column, _EXAMPLE_ROW[field])
        example.font = Font(italic=True, color="808080")
        example.number_format = "@"
        sheet.column_dimensions[letter].width = 26 if field in (*_TEXTS, "name") else 16
        sheet.column_dimensions[letter].number_format = "@"
        options = _choices(field, departments)
        if options:
            for row, option in enumerate(options, start=1):
                choices.cell(row, column, safe(option))
            picked = DataValidation(
                type="list", formula1=f"'选项'!${letter}$1:${letter}${len(options)}", allow_blank=True
            )
            picked.error = "请从下拉列表中选择。"
            sheet.add_data_validation(picked)
            picked.add(f"{letter}3:{letter}{MOST_ROWS + 1}")
    sheet.freeze_panes = "B3"
    guide.column_dimensions["A"].width = 100
    for row, line in enumerate(_INSTRUCTIONS, start=1):
        guide.cell(row, 1, line).alignment = Alignment(wrap_text=True, vertical="top")
    choices.sheet_state = "hidden"
    return _saved(book)


def _as_heading(cell: Any) -> None:
    from openpyxl.styles import Font, PatternFill  # noqa: PLC0415

    cell.font = Font(bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor="0D5C8A")


def _choices(field: str, departments: Sequence[str]) -> Sequence[str]:
    return {
        "document_type": list(DOCUMENT_LABELS.values()),
        "sex": list(SEX_LABELS.values()),
        "category": list(CATEGORY_LABELS.values()),
        "level": list(LEVEL_LABELS.values()),
        "department": departments,
    }.get(field, ())


def problems_file(problems: Sequence[RowProblem]) -> bytes:
    """What is wrong, a row for each, to work through beside the file. Blocking."""
    from openpyxl import Workbook  # noqa: PLC0415
    from openpyxl.cell import WriteOnlyCell  # noqa: PLC0415

    book = Workbook(write_only=True)
    sheet = book.create_sheet("需要更正的行")
    sheet.column_dimensions["B"].width = 20
    sheet.column_dimensions["C"].width = 70
    heads = []
    for heading in ("行号", "列", "原因"):
        cell = WriteOnlyCell(sheet, heading)
        _as_heading(cell)
        heads.append(cell)
    sheet.append(heads)
    for each in problems:
        sheet.append([each.row, safe(each.column), safe(each.reason)])
    return _saved(book)


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    return f"'{text}" if _FORMULA.match(text) else text


def _saved(book: Any) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
