"""Items with pictures from the file to the page, and option ids that tell nothing."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result
from PIL import Image

from exam_service import imports
from exam_service.__main__ import main
from exam_service.cycles.policy import Subject
from exam_service.questions import usecases as questions
from exam_service.questions.model import BadRows, Draft, Use
from exam_service.questions.pictures import of_directory
from exam_service.storage.database import Row
from tests.world import Browser, World, browsing, contents, draft, serving

pytestmark = pytest.mark.usefixtures("redis_client")

HEADING = "stem,A,B,C,D,key,图片,图片说明\n"


def picture(colour: str, size: tuple[int, int] = (40, 30), form: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, form)
    return written.getvalue()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    directory = tmp_path / "题图"
    directory.mkdir()
    (directory / "红.png").write_bytes(picture("red"))
    (directory / "蓝.webp").write_bytes(picture("blue", (2000, 1000), "WEBP"))
    return directory


@pytest.fixture
async def server(world: World) -> AsyncIterator[TestServer]:
    async with serving(world) as server:
        yield server


@pytest.fixture
async def browser(world: World, server: TestServer) -> AsyncIterator[Browser]:
    async with browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        yield browser


def rows(*lines: str) -> bytes:
    return (HEADING + "".join(f"{line}\n" for line in lines)).encode()


async def import_rows(
    world: World, content: bytes, images: Path | None, use: Use = Use.PRACTICE, bank: str = "带图的题库"
) -> list[Draft]:
    drafts = questions.read_csv(content, of_directory(images) if images else None)
    async with world.database.tx() as tx:
        await questions.import_bank(
            tx,
            world.clock,
            province_id="hunan",
            title=bank,
            subject=Subject.HUMANITIES,
            category=None,
            level=None,
            use=use,
            drafts=drafts,
        )
    return drafts


async def stored(world: World) -> list[Row]:
    async with world.database.tx() as tx:
        return await tx.fetch(
            "SELECT i.stem, m.* FROM item i JOIN bank b ON b.id = i.bank_id LEFT JOIN item_image m "
            "ON m.item_id = i.id WHERE b.title = '带图的题库' ORDER BY i.id"
        )


async def test_a_picture_is_stored_as_we_encode_it(world: World, images: Path) -> None:
    await import_rows(
        world, rows("甲题,1,2,3,4,A,红.png,红色方块", "乙题,1,2,3,4,A,蓝.webp,", "丙题,1,2,3,4,A,,"), images
    )
    red, blue, none = await stored(world)
    assert (red["media_type"], red["width"], red["height"], red["alt"]) == ("image/png", 40, 30, "红色方块")
    assert (blue["media_type"], blue["width"], blue["height"], blue["alt"]) == (
        "image/png",
        1280,
        640,
        "题图",
    )
    assert blue["data"].startswith(b"\x89PNG")
    assert none["data"] is None


async def test_the_same_stem_and_options_with_another_picture_come_in_and_the_same_again_do_not(
    world: World, images: Path
) -> None:
    await import_rows(world, rows("甲题,1,2,3,4,A,红.png,"), images)
    await import_rows(world, rows("甲题,1,2,3,4,A,蓝.webp,", "甲题,1,2,3,4,A,,"), images)
    (images / "又红.png").write_bytes((images / "红.png").read_bytes())
    before = await contents(world.database)
    with pytest.raises(BadRows) as refusal:
        await import_rows(
            world,
            rows("新题,1,2,3,4,A,红.png,", "甲题,4,3,2,1,D,又红.png,新说明", "甲题,1,2,3,4,B,,"),
            images,
        )
    assert [(row.number, row.reason) for row in refusal.value.rows] == [
        (3, "题库中已有这道题（题干、选项和图片都相同）：甲题…"),
        (4, "题库中已有这道题（题干和选项都相同，答案却不同，请核对）：甲题…"),
    ]
    assert await contents(world.database) == before
    assert len(await stored(world)) == 3


def command(world: World, file: Path, *options: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    settings = world.settings
    for name in ("master_key", "lookup_key", "csrf_key"):
        monkeypatch.setenv(f"EXAM_{name.upper()}", getattr(settings, name).get_secret_value())
    monkeypatch.setenv("EXAM_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("EXAM_REDIS_URL", settings.redis_url)
    monkeypatch.setenv("EXAM_DATA_DIR", str(settings.data_dir))
    bank = ("--province", "hunan", "--bank", "带图的题库", "--subject", "humanities", "--use", "exam")
    return CliRunner().invoke(main, ["questions", "import", str(file), *bank, *options])


async def run(world: World, content: bytes, tmp_path: Path, *options: str) -> Result:
    """``questions import`` as an operator types it; in a thread, for it has an event loop of its own."""
    file = tmp_path / "items.csv"
    file.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        return await asyncio.to_thread(command, world, file, *options, monkeypatch=patch)


async def test_the_command_takes_pictures_from_the_directory_that_it_is_told(
    world: World, images: Path, tmp_path: Path
) -> None:
    ended = await run(world, rows("甲题,1,2,3,4,A,红.png,"), tmp_path, "--images", str(images))
    assert ended.exit_code == 0, ended.output
    assert "1 items imported into 带图的题库" in ended.output
    [item] = await stored(world)
    assert item["data"] is not None


async def test_the_command_names_every_row_whose_picture_is_bad_and_stores_nothing(
    world: World, images: Path, tmp_path: Path
) -> None:
    (tmp_path / "外.png").write_bytes(picture("red"))
    (images / "文.png").write_text("不是图片", encoding="utf-8")
    (images / "断.png").write_bytes(picture("red")[:-20])
    (images / "宽.png").write_bytes(picture("red", (4097, 2)))
    (images / "大.png").write_bytes(picture("red") + bytes(2 * 1024 * 1024))
    before = await contents(world.database)
    ended = await run(
        world,
        rows(
            "二,1,2,3,4,A,红.png,",
            "三,1,2,3,4,A,无.png,",
            "四,1,2,3,4,A,文.png,",
            "五,1,2,3,4,A,断.png,",
            "六,1,2,3,4,A,宽.png,",
            "七,1,2,3,4,A,大.png,",
            "八,1,2,3,4,A,../外.png,",
            "九,1,2,3,4,F,红.png,",
        ),
        tmp_path,
        "--images",
        str(images),
    )
    assert ended.exit_code == 1
    assert [line for line in ended.output.splitlines() if line.startswith("第")] == [
        "第3行：找不到图片文件：无.png",
        "第4行：不是完整的PNG、JPEG或WebP图片，请重新导出后再导入",
        "第5行：不是完整的PNG、JPEG或WebP图片，请重新导出后再导入",
        "第6行：图片边长超过4096像素，请缩小后再导入",
        "第7行：图片文件超过2 MB，请压缩后再导入：大.png",
        "第8行：图片必须放在 --images 指明的目录之内：../外.png",
        "第9行：答案应为A至D中的一个字母",
    ]
    assert "7行有误、1行无误" in ended.output
    assert await contents(world.database) == before


async def test_a_directory_of_pictures_that_no_row_names_is_a_mistake(
    world: World, images: Path, tmp_path: Path
) -> None:
    before = await contents(world.database)
    ended = await run(
        world, "stem,A,B,C,D,key,picture\n甲题,1,2,3,4,A,红.png\n".encode(), tmp_path, "--images", str(images)
    )
    assert ended.exit_code == 1
    assert "没有一题写有图片" in ended.output
    assert await contents(world.database) == before


def test_importing_is_what_decodes_pictures() -> None:
    assert imports.pictures.of_directory is of_directory


# Where they are shown


def shown_picture(item: dict[str, Any]) -> Image.Image:
    src = item["image"]["src"]
    head, data = src.split(",", 1)
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True))).convert("RGB")


async def test_a_practice_set_shows_the_pictures_of_its_items(
    browser: Browser, world: World, images: Path
) -> None:
    await import_rows(
        world, rows("甲题,1,2,3,4,A,红.png,红色方块", "乙题,1,2,3,4,A,蓝.webp,", "丙题,1,2,3,4,A,,"), images
    )
    async with world.database.tx() as tx:
        bank = await tx.fetch_value("SELECT id FROM bank WHERE title = '带图的题库'")
    address = (await browser.submit("/practice", bank=str(bank))).headers["Location"]
    assert (await browser.get(address)).status == 200
    drawn = await (await browser.get(f"{address}.json")).json()
    items = {item["stem"]: item for item in drawn["items"]}
    red = items["甲题"]["image"]
    assert (red["width"], red["height"], red["alt"], set(red)) == (
        40,
        30,
        "红色方块",
        {"src", "width", "height", "alt"},
    )
    assert shown_picture(items["甲题"]).getpixel((20, 15)) == (255, 0, 0)
    assert shown_picture(items["乙题"]).size == (1280, 640)
    assert set(items["丙题"]) == {"id", "stem", "options"}


async def test_a_paper_shows_the_pictures_of_its_items(browser: Browser, world: World, images: Path) -> None:
    async with world.database.tx() as tx:
        await tx.execute("UPDATE item SET use = 'practice' WHERE use = 'exam'")
    numbers = range(50)
    lines = [f"第{n}题,1,2,3,4,A,{'红.png' if n % 2 else ''},{'红色方块' if n % 2 else ''}" for n in numbers]
    await import_rows(world, rows(*lines), images, Use.EXAM)
    attempt = await world.start(world.here.general)
    await world.admit(attempt)
    await browser.get(f"/attempts/{attempt.id}")
    lease = await browser.send(f"/attempts/{attempt.id}/lease", {})
    assert lease.status == 200
    items = {item["stem"]: item for item in (await lease.json())["items"]}
    assert len(items) == 50
    for number in numbers:
        item = items[f"第{number}题"]
        assert ("image" in item) == bool(number % 2), item["stem"]
        if number % 2:
            assert shown_picture(item).getpixel((20, 15)) == (255, 0, 0)
            about = {name: item["image"][name] for name in item["image"] if name != "src"}
            assert about == {"width": 40, "height": 30, "alt": "红色方块"}


async def test_pictures_are_read_for_what_is_shown_only(browser: Browser, world: World, images: Path) -> None:
    """Drawing, choosing and answering look at no picture: they go on where pictures can't be read at all."""
    await import_rows(world, rows("甲题,1,2,3,4,A,红.png,"), images)
    async with world.database.tx() as tx:
        bank = await tx.fetch_value("SELECT id FROM bank WHERE title = '带图的题库'")
        item = await tx.fetch_value("SELECT id FROM item WHERE stem = '甲题'")
        option = await tx.fetch_value("SELECT key_id FROM item WHERE id = $1", item)
        await tx.execute("ALTER TABLE item_image RENAME TO item_image_away")
    began = await browser.submit("/practice", bank=str(bank))
    assert began.status == 303
    address = began.headers["Location"]
    assert (await browser.get(address)).status == 200
    answer = await browser.send(f"{address}/answers", {"item": str(item), "option": str(option)})
    assert await answer.json() == {"right": True}
    assert (await browser.send(f"{address}/reveal", {"item": str(item)})).status == 200
    await world.start(world.here.general)


# Option ids


async def test_sorted_option_ids_are_not_the_order_of_the_file(world: World) -> None:
    """The chance of it is 1 in 5!⁵⁵."""
    async with world.database.tx() as tx:
        items = await tx.fetch(
            "SELECT item_id, array_agg(id ORDER BY ordinal) AS ids FROM item_option GROUP BY item_id"
        )
    assert len(items) > 400
    in_order = sum(row["ids"] == sorted(row["ids"]) for row in items)
    assert in_order < len(items) / 10, "one in 120, were they random"


async def test_a_sorted_place_tells_nothing_of_the_right_option(world: World) -> None:
    """With every key the first option of its row, the first of the sorted ids is right one time in five."""
    async with world.database.tx() as tx:
        bank = await questions.import_bank(
            tx,
            world.clock,
            province_id="hunan",
            title="总是A",
            subject=Subject.HUMANITIES,
            category=None,
            level=None,
            use=Use.EXAM,
            drafts=[Draft(f"第{n}题", draft(f"第{n}题").options, 0, "", ()) for n in range(1000)],
        )
        items = await tx.fetch(
            "SELECT i.key_id, array_agg(o.id) AS ids FROM item i JOIN item_option o ON o.item_id = i.id "
            "WHERE i.bank_id = $1 GROUP BY i.id",
            bank.id,
        )
    assert all(isinstance(row["key_id"], UUID) for row in items)
    for place in range(5):
        right = sum(sorted(row["ids"])[place] == row["key_id"] for row in items)
        assert 100 < right < 300, f"place {place}"  # 200 ± 12.6; this far is beyond 7 standard deviations
