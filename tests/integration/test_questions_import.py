"""``exam-service questions import``: all rows of a file or none, and papers drawn from what was imported."""

from __future__ import annotations

import asyncio
import csv
import io
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from exam_service.cycles.policy import Subject
from exam_service.papers import usecases as papers
from exam_service.papers.journal import AnswerEvent
from exam_service.storage.database import Row
from tests.world import World, portrait

HEADER = ["stem", "A", "B", "C", "D", "E", "key", "explanation", "tags"]
HUMANITIES = ("--subject", "humanities", "--use", "exam")
CLINICAL = ("--subject", "professional", "--use", "exam", "--category", "clinical", "--level", "licensed")


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Import = Callable[..., Awaitable[Ended]]


@pytest.fixture
def import_file(world: World, tmp_path: Path) -> Import:
    """``questions import`` as an operator types it, in a process of its own."""
    settings = world.settings
    environment = {name: value for name, value in os.environ.items() if not name.startswith("EXAM_")} | {
        "EXAM_DATABASE_URL": settings.database_url,
        "EXAM_REDIS_URL": settings.redis_url,
        "EXAM_DATA_DIR": str(settings.data_dir),
        "EXAM_MASTER_KEY": settings.master_key.get_secret_value(),
        "EXAM_LOOKUP_KEY": settings.lookup_key.get_secret_value(),
        "EXAM_CSRF_KEY": settings.csrf_key.get_secret_value(),
        "PYTHONUTF8": "1",
    }

    async def run(
        content: bytes, *options: str, bank: str = "新题库", province: str = "hunan", **changed: str
    ) -> Ended:
        file = tmp_path / "questions.csv"
        file.write_bytes(content)
        command = ["questions", "import", str(file), "--province", province, "--bank", bank, *options]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "exam_service",
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={name: value for name, value in (environment | changed).items() if value},
            cwd=tmp_path,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        ended = Ended(process.returncode, out.decode(), err.decode())
        assert "Traceback" not in ended.err, ended.err
        return ended

    return run


def written_out(rows: list[list[str]], encoding: str = "utf-8") -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    return written.getvalue().encode(encoding)


def table(*rows: list[str], encoding: str = "utf-8") -> bytes:
    return written_out([HEADER, *rows], encoding)


def row(stem: str, *, key: str = "B", fifth: str = "戊", explanation: str = "", tags: str = "") -> list[str]:
    return [stem, "甲", "乙", "丙", "丁", fifth, key, explanation, tags]


async def items_of(world: World, bank: str, province: str = "hunan") -> list[Row]:
    """What is stored of a bank: each item with its options in order and its right one."""
    async with world.database.tx() as tx:
        return await tx.fetch(
            """
            SELECT i.stem, i.use, i.explanation, i.tags, b.subject, b.category, b.level,
                   array_agg(o.text ORDER BY o.ordinal) AS options,
                   max(o.text) FILTER (WHERE o.id = i.key_id) AS right
            FROM bank b JOIN item i ON i.bank_id = b.id JOIN item_option o ON o.item_id = i.id
            WHERE b.title = $1 AND b.province_id = $2
            GROUP BY i.id, b.id ORDER BY i.id
            """,
            bank,
            province,
        )


async def banks(world: World) -> list[tuple[str, str]]:
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT province_id, title FROM bank ORDER BY province_id, title")
    return [(bank["province_id"], bank["title"]) for bank in rows]


async def test_a_good_file_is_stored_whole(import_file: Import, world: World) -> None:
    ended = await import_file(
        table(
            row("发热的定义，含逗号", key="b", explanation="体温升高", tags="内科; 感染"),
            row("四个选项的题", key="D", fifth=""),
            row('有"引号"\n和换行的题', key="E"),
        ),
        *CLINICAL,
    )

    assert ended.code == 0, ended.err
    assert ended.out.strip().splitlines()[-1] == "3 items imported into 新题库"
    first, second, third = await items_of(world, "新题库")
    assert (first["subject"], first["category"], first["level"]) == ("professional", "clinical", "licensed")
    assert (first["stem"], first["right"], first["use"]) == ("发热的定义，含逗号", "乙", "exam")
    assert (first["explanation"], first["tags"]) == ("体温升高", ["内科", "感染"])
    assert first["options"] == ["甲", "乙", "丙", "丁", "戊"]
    assert (second["options"], second["right"]) == (["甲", "乙", "丙", "丁"], "丁")
    assert (third["stem"], third["right"]) == ('有"引号"\n和换行的题', "戊")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
async def test_a_file_as_excel_in_chinese_writes_it_is_read(
    import_file: Import, world: World, encoding: str
) -> None:
    ended = await import_file(table(row("㐀䶮医师执业注册"), encoding=encoding), *HUMANITIES)
    assert ended.code == 0, ended.err
    [item] = await items_of(world, "新题库")
    assert (item["stem"], item["right"]) == ("㐀䶮医师执业注册", "乙")


async def test_a_second_file_adds_to_the_bank(import_file: Import, world: World) -> None:
    await import_file(table(row("第一题")), *HUMANITIES)
    ended = await import_file(table(row("第二题")), *HUMANITIES)
    assert ended.code == 0, ended.err
    assert [item["stem"] for item in await items_of(world, "新题库")] == ["第一题", "第二题"]


async def test_the_same_bank_may_be_in_two_provinces(import_file: Import, world: World) -> None:
    for province in ("hunan", "henan"):
        ended = await import_file(table(row("第一题")), *HUMANITIES, province=province)
        assert ended.code == 0, ended.err
        assert len(await items_of(world, "新题库", province)) == 1


async def test_of_a_file_with_bad_rows_every_one_is_named_and_nothing_is_stored(
    import_file: Import, world: World
) -> None:
    before = await banks(world)

    ended = await import_file(
        table(
            row("好题"),  # line 2
            row(""),  # 3
            row("没有答案", key=""),  # 4
            row("好题二\n题干有两行"),  # 5 and 6
            row("答案在选项之外", key="E", fifth=""),  # 7
            row("好题"),  # 8
            ["缺选项", "甲", "", "丙", "丁", "", "A", "", ""],  # 9
            ["重复选项", "甲", "甲", "丙", "丁", "", "A", "", ""],  # 10
            [*row("列太多"), "多余"],  # 11
        ),
        *HUMANITIES,
    )

    assert ended.code == 1
    assert ended.out == ""
    *rows, last = ended.err.strip().splitlines()
    assert [line for line in rows if line.startswith("第")] == [
        "第3行：缺少题干",
        "第4行：答案应为A至E中的一个字母",
        "第7行：答案应为A至D中的一个字母",
        "第8行：与第2行重复：题干和选项都相同",
        "第9行：选项应为A至D或A至E，且不能为空",
        "第10行：选项有重复",
        "第11行：列数多于表头，请检查引号和逗号",
    ]
    assert "7行有误、2行无误" in last
    assert await banks(world) == before


async def test_what_the_bank_has_already_is_named_by_its_line_and_nothing_is_stored(
    import_file: Import, world: World
) -> None:
    await import_file(table(row("旧题一"), row("旧题二")), *HUMANITIES)

    ended = await import_file(
        table(row("新题\n两行"), row("旧题二"), row("又一新题"), row("旧题一")), *HUMANITIES
    )

    assert ended.code == 1
    named = [line for line in ended.err.splitlines() if line.startswith("第")]
    assert [line.split("：")[0] for line in named] == ["第4行", "第6行"]
    assert "旧题二" in named[0]
    assert "旧题一" in named[1]
    assert "2行有误、2行无误" in ended.err
    assert [item["stem"] for item in await items_of(world, "新题库")] == ["旧题一", "旧题二"]


async def test_importing_the_same_file_again_changes_nothing(import_file: Import, world: World) -> None:
    content = table(*(row(f"第{number}题") for number in range(5)))
    assert (await import_file(content, *HUMANITIES)).code == 0
    again = await import_file(content, *HUMANITIES)
    assert again.code == 1
    assert "5行有误、0行无误" in again.err
    assert len(await items_of(world, "新题库")) == 5


async def test_an_unknown_province_is_refused_with_the_names_of_those_there_are(
    import_file: Import, world: World
) -> None:
    before = await banks(world)
    ended = await import_file(table(row("第一题")), *HUMANITIES, province="atlantis")
    assert ended.code == 1
    assert "atlantis" in ended.err
    assert "henan、hunan" in ended.err
    assert await banks(world) == before


async def test_a_bank_of_another_subject_is_not_added_to(import_file: Import, world: World) -> None:
    await import_file(table(row("第一题")), *HUMANITIES)
    ended = await import_file(table(row("第二题")), *CLINICAL)
    assert ended.code == 1
    assert "科目、类别或级别不同" in ended.err
    assert [item["stem"] for item in await items_of(world, "新题库")] == ["第一题"]


@pytest.mark.parametrize(
    "options",
    [
        ("--subject", "professional", "--use", "exam"),
        ("--subject", "professional", "--use", "exam", "--category", "clinical"),
        ("--subject", "professional", "--use", "exam", "--level", "licensed"),
        (*HUMANITIES, "--category", "clinical", "--level", "licensed"),
        (*HUMANITIES, "--category", "clinical"),
        (*HUMANITIES, "--level", "licensed"),
    ],
    ids=" ".join,
)
async def test_category_and_level_go_with_the_professional_subject_and_only_with_it(
    import_file: Import, world: World, options: tuple[str, ...]
) -> None:
    before = await banks(world)
    ended = await import_file(table(row("第一题")), *options)
    assert ended.code == 2
    assert "--category and --level go with --subject professional" in ended.err
    assert await banks(world) == before


@pytest.mark.parametrize(
    "content", [portrait(), b"", table()], ids=["a picture", "nothing", "only a heading"]
)
async def test_what_holds_no_items_is_refused_in_a_sentence(
    import_file: Import, world: World, content: bytes
) -> None:
    before = await banks(world)
    ended = await import_file(content, *HUMANITIES)
    assert ended.code == 1
    assert ended.err.strip().splitlines()[-1].startswith("Error: ")
    assert ended.err.strip().endswith("。")
    assert await banks(world) == before


async def test_a_database_that_cannot_be_reached_is_said_so(import_file: Import) -> None:
    ended = await import_file(
        table(row("第一题")), *HUMANITIES, EXAM_DATABASE_URL="postgresql://nobody@127.0.0.1:1/exam"
    )
    assert ended.code == 1
    [said] = ended.err.strip().splitlines()
    assert said.startswith("Error: can't connect to the database")


async def test_real_questions_with_four_options_make_a_paper_that_is_sat_to_its_mark(
    import_file: Import, world: World, question_files: list[Path]
) -> None:
    await empty_banks(world)
    for file in question_files:
        assert await import_mended(import_file, file) > 0
    assert len(await items_of(world, "真题")) > 1300

    paper = await world.open(world.here.general, Subject.PROFESSIONAL)

    assert len({item.id for item in paper.items}) == 100
    assert all(len(item.options) == 4 for item in paper.items)
    keys = await world.keys_of(paper)
    right, wrong, unanswered = paper.items[:73], paper.items[73:90], paper.items[90:]
    assert len(unanswered) == 10
    for seq, item in enumerate([*right, *wrong], start=1):
        others = [option.id for option in item.options if option.id != keys[item.id]]
        chosen = keys[item.id] if item in right else others[0]
        await answer(world, paper, seq, item.id, chosen)
    await papers.hand_in(world.services, world.here.general, paper.attempt.id, 1)

    marked, label = await papers.result(world.database, world.here.general, paper.attempt.id)
    assert (marked.correct, marked.total, marked.mark, marked.passed) == (73, 100, Decimal(73), True)
    assert marked.awaits_confirmation
    assert label == "业务水平测评"


async def test_real_questions_keep_their_options_and_their_keys(
    import_file: Import, world: World, question_files: list[Path]
) -> None:
    file = question_files[1]
    count = await import_mended(import_file, file)

    stored = {(item["stem"], *item["options"]): item["right"] for item in await items_of(world, "真题")}

    assert len(stored) == count
    with file.open(encoding="utf-8", newline="") as opened:
        written = list(csv.DictReader(opened))
    for cells in written[:100]:
        item = (cells["Question"].strip(), *(cells[letter].strip() for letter in "ABCD"))
        assert stored[item] == cells[cells["Answer"]].strip()


async def import_mended(import_file: Import, file: Path) -> int:
    """Import a file as an operator does: the rows that are refused are taken out, the rest comes in."""
    rows = rows_of(file)
    mended = rows
    ended = await import_file(written_out(mended), *CLINICAL, bank="真题")
    for _ in range(2):  # first what is wrong with the file by itself, then what the bank has already
        if ended.code == 0:
            break
        refused = {
            int(line[1 : line.index("行")]) for line in ended.err.splitlines() if line.startswith("第")
        }
        assert refused, ended.err
        mended = [row for line, row in enumerate(mended, start=1) if line not in refused]
        ended = await import_file(written_out(mended), *CLINICAL, bank="真题")
    assert ended.code == 0, f"{file.name}: {ended.err}"
    assert len(mended) > 0.85 * len(rows), "few rows of real files are wrong"
    return len(mended) - 1


def rows_of(file: Path) -> list[list[str]]:
    """Heading and rows; each of these files' rows is one line, so a row's place is its line."""
    with file.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))
    assert not any("\n" in cell for row in rows for cell in row)
    return rows


async def empty_banks(world: World) -> None:
    """So that papers are drawn from what is imported alone."""
    async with world.database.tx() as tx:
        await tx.execute(
            "CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT id FROM bank WHERE category IS NOT NULL"
        )
        await tx.execute(
            "DELETE FROM item_option USING item WHERE item_id = item.id AND bank_id IN (SELECT id FROM gone)"
        )
        await tx.execute("DELETE FROM item WHERE bank_id IN (SELECT id FROM gone)")
        await tx.execute("DELETE FROM bank WHERE id IN (SELECT id FROM gone)")


async def answer(world: World, paper: papers.OpenPaper, seq: int, item_id: UUID, option_id: UUID) -> None:
    event = AnswerEvent(paper.attempt.id, 1, seq, item_id, option_id, world.clock.now())
    await world.save(world.here.general, event)
