"""A picture in a stem is really painted: it comes as a data URL, which the page's policy must let through."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, expect

from exam_service.cycles.policy import Subject
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from exam_service.questions.pictures import of_directory
from tests.e2e.conftest import PHONE, person, picture
from tests.e2e.test_story import log_in
from tests.world import World

pytestmark = pytest.mark.browser


async def test_a_practice_page_paints_the_picture_of_an_item(
    world: World, browser: Browser, address: str, tmp_path: Path
) -> None:
    written = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(written, "PNG")
    (tmp_path / "图.png").write_bytes(written.getvalue())
    rows = "stem,A,B,C,D,key,图片,图片说明\n图示的是,甲,乙,丙,丁,A,图.png,青色方块\n"
    async with world.database.tx() as tx:
        await questions.import_bank(
            tx,
            world.clock,
            province_id="hunan",
            title="带图的题库",
            subject=Subject.HUMANITIES,
            category=None,
            level=None,
            use=Use.PRACTICE,
            drafts=questions.read_csv(rows.encode(), of_directory(tmp_path)),
        )
    async with person(browser, address, PHONE) as page:
        await log_in(page, world, world.here.general)
        await page.goto("/practice")
        await page.locator("form", has_text="带图的题库").get_by_role("button").click()
        await expect(page.locator("#stem")).to_have_text("图示的是")
        shown = page.get_by_role("img", name="青色方块").first
        await expect(shown).to_be_visible()
        assert await shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 400
        await picture(page, "practice-picture")
