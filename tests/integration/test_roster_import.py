"""批量导入: read and checked row by row, then taken as a whole or not at all."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Iterable, Mapping
from datetime import date
from uuid import UUID

import pytest
from aiohttp import FormData
from openpyxl import Workbook, load_workbook

from exam_service.accounts.model import Principal, Role
from exam_service.demo.people import identity_number
from exam_service.errors import Conflict, Invalid
from exam_service.institutions import queries, sheets
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import ImportState, RosterImport, RowProblem
from exam_service.institutions.reading import FIELDS
from tests.world import Another, World


@pytest.fixture
def desk(world: World) -> Principal:
    return world.here.staff[Role.INSTITUTION]


def row(index: int, **texts: object) -> dict[str, object]:
    return {
        "name": f"医师{index}",
        "number": identity_number("hunan", index),
        "category": "临床",
        "level": "执业医师",
    } | texts


def file_of(rows: Iterable[Mapping[str, object]]) -> bytes:
    """A file as people fill it in: the template's headings, one row each."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("名册")
    sheet.append(
        [f"*{heading}" if field in {"name", "number"} else heading for field, heading in FIELDS.items()]
    )
    for each in rows:
        sheet.append([each.get(field) for field in FIELDS])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def imported(world: World, desk: Principal, data: bytes) -> RosterImport:
    import_id = await institutions.begin_import(world.services, desk, file_name="名册.xlsx", data=data)
    assert await institutions.work(world.services)
    return await institutions.roster_import(world.services, desk, import_id)


async def on_roster(world: World, institution_id: UUID) -> int:
    async with world.database.tx() as tx:
        return await institutions.count_entries(tx, institution_id)


async def test_a_roster_with_3_bad_rows_of_5000_is_refused_whole_and_mended_is_taken_whole(
    world: World, desk: Principal
) -> None:
    before = await on_roster(world, world.here.institution_id)
    good = [row(number) for number in range(100, 5_100)]
    bad = list(good)
    bad[16] = good[16] | {"number": "11010519491231002Y"}
    bad[1_999] = good[1_999] | {"number": good[0]["number"]}
    bad[4_998] = good[4_998] | {"category": "", "licensed_on": "2031-01-01"}
    refused = await imported(world, desk, file_of(bad))
    assert (refused.state, refused.rows, refused.added) == (ImportState.REFUSED, 5_000, 0)
    assert refused.problems == (
        RowProblem(18, "证件号码", "身份证号应为15位或18位，请核对后重新输入。"),
        RowProblem(2_001, "证件号码", "证件号码与第2行相同，请删去一行。"),
        RowProblem(5_000, "执业证取得时间", "执业证取得时间不能早于1900年，也不能晚于今天，请核对。"),
        RowProblem(5_000, "执业类别", "请选择执业类别。"),
    )
    assert await on_roster(world, world.here.institution_id) == before
    taken = await imported(world, desk, file_of(good))
    assert (taken.state, taken.added, taken.problems) == (ImportState.DONE, 5_000, ())
    assert await on_roster(world, world.here.institution_id) == before + 5_000


async def test_what_a_row_says_is_on_the_roster(world: World, desk: Principal) -> None:
    await institutions.add_department(world.database, world.clock, desk, name="内科", subjects=["03.01"])
    done = await imported(
        world,
        desk,
        file_of(
            [
                row(
                    71,
                    document_type="身份证",
                    level="执业助理医师",
                    qualification_number="198411110110",
                    qualified_on=date(1984, 12, 1),
                    practising_number="110 430 0000",
                    licensed_on="2016/8/13",
                    first_registered_on="20060810",
                    mobile="13800000071",
                    department="内科",
                )
            ]
        ),
    )
    assert done.added == 1
    async with world.database.tx() as tx:
        account_id = await tx.fetch_value("SELECT account_id FROM roster_entry WHERE name = '医师71'")
        entry = await institutions.roster_entry(tx, account_id, world.here.province_id)
        details = await institutions.roster_details(tx, world.vault, account_id, world.here.province_id)
        kept = await tx.fetch_optional("SELECT * FROM roster_entry WHERE account_id = $1", account_id)
    assert entry
    number = identity_number("hunan", 71)
    assert (entry.level, entry.licensed_on, entry.first_registered_on) == (
        "assistant",
        date(2016, 8, 13),
        date(2006, 8, 10),
    )
    assert str(entry.born_on).replace("-", "") == number[6:14]
    assert entry.department_id is not None
    assert (details.qualification_number, details.practising_number) == ("198411110110", "1104300000")
    assert b"198411110110" not in kept["details"]


async def test_who_is_known_already_is_a_row_to_correct(world: World, desk: Principal) -> None:
    neighbour = await world.clerk(world.here, "neighbour", institution_id=world.here.other_institution_id)
    await world.on_roster(desk, 71)
    await world.on_roster(neighbour, 72)
    refused = await imported(world, desk, file_of([row(70), row(71), row(72)]))
    assert refused.problems == (
        RowProblem(3, "证件号码", "已在本机构名册中，无需重复添加。"),
        RowProblem(4, "证件号码", "已在其他机构名册中，请用“调入”办理。"),
    )


async def test_the_same_person_in_15_and_18_digits_is_one(world: World, desk: Principal) -> None:
    rows = [row(71, number="440524188001010014"), row(72, number="110105491231002")]
    rows.append(row(73, number="11010519491231002X"))
    refused = await imported(world, desk, file_of(rows))
    assert refused.problems == (RowProblem(4, "证件号码", "证件号码与第3行相同，请删去一行。"),)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", '=HYPERLINK("https://evil.example")', "公式"),
        ("number", 430102199001011234, "末几位已丢失"),
        ("department", "没有的科室", "先在“科室”中添加"),
        ("mobile", "12345", "手机号应为11位数字"),
        ("level", "主任", "应为执业医师、执业助理医师之一"),
        ("sex", "男女", "应为男、女之一"),
        ("born_on", "1949-12-30", "与身份证号不一致"),
        ("practising_number", "一二三四", "数字或字母"),
    ],
)
async def test_what_cannot_be_taken_is_said_at_its_column(
    world: World, desk: Principal, field: str, value: object, reason: str
) -> None:
    refused = await imported(world, desk, file_of([row(71, **{field: value})]))
    assert [(each.row, each.column) for each in refused.problems] == [(2, FIELDS[field])]
    assert reason in refused.problems[0].reason


async def test_the_template_as_it_is_brings_nobody_and_its_example_is_not_taken(
    world: World, desk: Principal
) -> None:
    template = await institutions.template(world.services, desk)
    refused = await imported(world, desk, template)
    assert refused.problems == (RowProblem(1, "", "文件中没有医师。请从第3行起填写后重新上传。"),)
    book = load_workbook(io.BytesIO(template))
    for column, value in enumerate(row(71).get(field) for field in FIELDS):
        book["名册"].cell(3, column + 1, value)
    out = io.BytesIO()
    book.save(out)
    done = await imported(world, desk, out.getvalue())
    assert (done.state, done.added) == (ImportState.DONE, 1)


async def test_a_file_whose_worker_died_is_taken_up_by_another_and_the_dead_one_ends_nothing(
    world: World, desk: Principal
) -> None:
    import_id = await institutions.begin_import(
        world.services, desk, file_name="a.xlsx", data=file_of([row(71)])
    )
    began = world.clock.now()
    async with world.database.tx() as tx:  # a worker takes it, and is heard of no more
        assert await queries.take_optional_import(tx, began, began)
    assert not await institutions.work(world.services)
    world.clock.move(seconds=61)
    assert await institutions.work(world.services)
    done = await institutions.roster_import(world.services, desk, import_id)
    assert (done.state, done.added) == (ImportState.DONE, 1)
    async with world.database.tx() as tx:
        assert not await queries.finish_import(
            tx, import_id, began, ImportState.REFUSED, 0, [], world.clock.now()
        )
        assert await tx.fetch_value("SELECT file IS NULL FROM roster_import")


def package_of(parts: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts.items():
            package.writestr(name, data)
    return out.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        parts = {part: package.read(part) for part in package.namelist()}
    return package_of(parts | {name: content})


ENTITY = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "不是能读取的 Excel 文件"),
        (b"PK\x03\x04 and no more", "不是能读取的 Excel 文件"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "不是能读取的 Excel 文件"),
        (package_of({"a.txt": b"words"}), "不是能读取的 Excel 文件"),
        (b"x" * (5 * 1024 * 1024 + 1), "超过5MB"),
        (
            package_of({"xl/workbook.xml": b"<a/>", "xl/worksheets/sheet1.xml": bytes(90_000_000)}),
            "解压后过大",
        ),
        (
            package_of({"xl/workbook.xml": b"<a/>"} | {f"{number}.xml": b"" for number in range(300)}),
            "解压后过大",
        ),
    ],
    ids=["empty", "cut off", "a picture", "another package", "large", "a bomb", "many parts"],
)
async def test_what_is_no_roster_file_is_refused_before_it_is_unpacked(
    world: World, desk: Principal, data: bytes, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        await institutions.begin_import(world.services, desk, file_name="a.xlsx", data=data)


@pytest.mark.parametrize(
    "data",
    [
        with_part(file_of([row(71)]), "xl/workbook.xml", ENTITY),
        with_part(file_of([row(71)]), "xl/worksheets/sheet1.xml", ENTITY.decode().encode("utf-16")),
        with_part(file_of([row(71)]), "xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row"),
        package_of({"xl/workbook.xml": b"nonsense"}),
    ],
    ids=["entities", "entities in UTF-16", "a sheet cut off", "no workbook"],
)
async def test_what_turns_out_to_be_no_roster_file_is_refused_by_the_worker(
    world: World, desk: Principal, data: bytes
) -> None:
    refused = await imported(world, desk, data)
    assert refused.state is ImportState.REFUSED
    assert "不是能读取的 Excel 文件" in refused.problems[0].reason


def many(name: str, before: bytes, element: bytes, number: int) -> bytes:
    """A good file with an element many times in one of its parts."""
    data = file_of([row(71)])
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        content = package.read(name)
    assert before in content
    return with_part(data, name, content.replace(before, element * number + before, 1))


SHEET = "xl/worksheets/sheet1.xml"


@pytest.mark.parametrize(
    "data",
    [
        many("xl/styles.xml", b"</cellXfs>", b"<xf/>", 100_000),
        many(SHEET, b"</row>", b"<c/>", 20_000),
        many(SHEET, b"</sheetData>", b"<row><c/></row>", 1_000_001),
    ],
    ids=["styles", "a row without end", "a million rows of formatting"],
)
def test_a_file_of_kilobytes_that_would_take_gigabytes_is_refused(data: bytes) -> None:
    assert len(data) < 100_000
    with pytest.raises(Invalid, match="解压后过大"):
        sheets.open_sheet(data)


def test_entities_are_refused_whatever_their_part_is_called() -> None:
    data = with_part(file_of([row(71)]), "xl/sharedStrings.dat", ENTITY)
    with pytest.raises(Invalid, match="不是能读取的 Excel 文件"):
        sheets.open_sheet(data)


async def test_a_number_without_end_is_a_row_to_correct(world: World, desk: Principal) -> None:
    data = many(SHEET, b"</sheetData>", b'<row r="9"><c r="A9"><v>1e999</v></c></row>', 1)
    refused = await imported(world, desk, data)
    assert refused.state is ImportState.REFUSED
    assert refused.problems[0].row == 9


async def test_a_file_that_ends_its_worker_three_times_is_refused(world: World, desk: Principal) -> None:
    import_id = await institutions.begin_import(
        world.services, desk, file_name="a.xlsx", data=file_of([row(71)])
    )
    for _ in range(3):
        async with world.database.tx() as tx:
            assert await queries.take_optional_import(tx, world.clock.now(), world.clock.now())
        world.clock.move(minutes=2)
    assert await institutions.work(world.services)
    done = await institutions.roster_import(world.services, desk, import_id)
    assert done.state is ImportState.REFUSED
    assert "多次无法检查完成" in done.problems[0].reason


async def test_a_file_without_the_headings_or_with_too_many_rows_is_refused(
    world: World, desk: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Workbook()
    book.active.append(["姓名", "证件号码"])
    out = io.BytesIO()
    book.save(out)
    refused = await imported(world, desk, out.getvalue())
    assert refused.problems == (
        RowProblem(1, "", "第一行缺少表头：执业类别、医师级别。请用下载的模板填写，不要改动表头。"),
    )
    monkeypatch.setattr(sheets, "MOST_ROWS", 2)
    refused = await imported(world, desk, file_of([row(number) for number in (71, 72, 73)]))
    assert refused.problems == (RowProblem(1, "", "一个文件最多2行，请分成几个文件导入。"),)


async def test_of_files_that_come_at_once_no_more_are_taken_than_of_those_that_come_one_by_one(
    world: World, desk: Principal
) -> None:
    data = file_of([row(71)])
    begun = await asyncio.gather(
        *(institutions.begin_import(world.services, desk, file_name="a.xlsx", data=data) for _ in range(6)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, UUID) for each in begun) == 3
    assert sum(isinstance(each, Conflict) for each in begun) == 3


async def test_files_of_one_institution_wait_for_each_other(world: World, desk: Principal) -> None:
    data = file_of([row(71)])
    for _ in range(3):
        await institutions.begin_import(world.services, desk, file_name="a.xlsx", data=data)
    with pytest.raises(Conflict, match="还有文件正在检查"):
        await institutions.begin_import(world.services, desk, file_name="a.xlsx", data=data)


async def test_a_file_is_followed_on_its_page_until_its_problems_are_shown(
    world: World, another: Another
) -> None:
    browser = await another("hunan-institution")

    async def sent(data: bytes) -> object:
        form = FormData({"csrf_token": browser.csrf})
        form.add_field("file", data, filename="名册.xlsx")
        return await browser.client.post("/institution/roster/imports", data=form, allow_redirects=False)

    wrong = await sent(b"no spreadsheet")
    assert (wrong.status, "不是能读取的" in await wrong.text()) == (422, True)  # type: ignore[attr-defined]
    answer = await sent(file_of([row(71, mobile="1"), row(72)]))
    address = answer.headers["Location"]  # type: ignore[attr-defined]
    waiting = await (await browser.get(address)).text()
    assert 'http-equiv="refresh"' in waiting
    assert (await (await browser.client.get(f"{address}/progress")).json())["is_under_way"]
    await institutions.work(world.services)
    assert not (await (await browser.client.get(f"{address}/progress")).json())["is_under_way"]
    page = await (await browser.get(address)).text()
    assert "第2行" in page
    assert "手机号应为11位数字" in page
    downloaded = await browser.client.get(f"{address}/problems.xlsx")
    sheet = load_workbook(io.BytesIO(await downloaded.read())).active
    assert [cell.value for cell in sheet[2]] == [2, "手机号码", "手机号应为11位数字，请核对后重新输入。"]


def test_a_text_that_a_spreadsheet_would_compute_is_disarmed() -> None:
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert sheets.safe(text) == f"'{text}"
    assert sheets.safe("请核对=") == "请核对="
