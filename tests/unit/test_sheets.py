"""Lists that people bring: XLSX and CSV give the same rows, and no cell becomes a formula."""

import io

import pytest
from openpyxl import Workbook, load_workbook

from exam_service.errors import Invalid
from exam_service.sheets import MOST_ROWS, GrowingSheet, columns, csv_bytes, read_sheet, write_sheet

ROWS = [["机构名称", "联系电话"], ["长沙甲医院", "0731-88888888"], [], ["岳阳乙诊所", ""]]


def xlsx(rows: list[list[object]]) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        write_sheet(ROWS[0], ROWS[1:]),
        xlsx(ROWS),
        "机构名称, 联系电话\n长沙甲医院,0731-88888888\n\n岳阳乙诊所,\n\n".encode(),
        "\ufeff机构名称,联系电话\r\n长沙甲医院,0731-88888888\r\n\r\n岳阳乙诊所,\r\n".encode(),
        "机构名称,联系电话\n长沙甲医院,0731-88888888\n\n岳阳乙诊所,".encode("gb18030"),
    ],
    ids=["our own", "a spreadsheet's", "utf-8", "utf-8 with a mark", "gb18030"],
)
def test_rows_keep_their_place_whatever_they_came_in(data: bytes) -> None:
    assert [row + [""] * (2 - len(row)) if row else [] for row in read_sheet(data)] == ROWS


def test_numbers_are_read_as_people_read_them() -> None:
    assert read_sheet(xlsx([[13800000000.0, 1.5, None, 7]])) == [["13800000000", "1.5", "", "7"]]


def test_what_looks_like_a_formula_is_written_as_a_text() -> None:
    sheet = load_workbook(io.BytesIO(write_sheet(["a"], [['=HYPERLINK("x")'], ["+1"], ["@a"]]))).active
    assert {cell.data_type for row in sheet for cell in row} == {"s"}
    assert sheet["A2"].value == '=HYPERLINK("x")'


@pytest.mark.parametrize(
    "data",
    [b"PK\x03\x04 and nothing", b"\x89PNG\r\n\x1a\n\x00\x00", b"", b"a\0b"],
    ids=["a broken zip", "a picture", "nothing", "a zero"],
)
def test_what_is_no_list_is_refused_with_words(data: bytes) -> None:
    try:
        rows = read_sheet(data)
    except Invalid as error:
        assert "请上传" in error.sentence  # noqa: PT017 - nothing is fine too, see below
    else:
        with pytest.raises(Invalid, match="表头缺少"):
            columns(rows, ["机构名称"], needed=["机构名称"])


def test_a_list_of_more_rows_than_a_person_makes_is_refused() -> None:
    with pytest.raises(Invalid, match="拆分"):
        read_sheet(b"a\n" * (MOST_ROWS + 2))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(Invalid, match="机构名称"):
        columns([["电话"]], ["机构名称", "电话"], needed=["机构名称"])
    assert columns(ROWS, ["联系电话", "地址"], needed=[]) == {"联系电话": 1}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_of_an_export_begins_as_a_formula_does(start: str) -> None:
    assert csv_bytes([[f"{start}1"]]).decode().lstrip('"').startswith("'")


def test_a_character_that_xlsx_cannot_have_is_no_end_of_an_export() -> None:
    sheet, written = GrowingSheet(), io.BytesIO()
    sheet.append([["王\x01五"]])
    sheet.save(written)
    assert load_workbook(written).active["A1"].value == "王五"
