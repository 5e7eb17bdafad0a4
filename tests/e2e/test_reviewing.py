"""报名审核 and 报名复核 in a real browser: by keyboard alone, and every page on phone and desktop."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, Playwright, expect

from exam_service.accounts.model import Role
from exam_service.app import create_app
from exam_service.registration.form.model import Record
from exam_service.registration.model import Registration, State
from exam_service.settings import Settings
from tests.e2e.conftest import DESKTOP, SCREENS, person, picture
from tests.e2e.test_invigilation import fits, log_in
from tests.forms import a_form, open_stages
from tests.submissions import FIT, SIMPLE, hand_in, pass_institution, submit
from tests.world import World

pytestmark = pytest.mark.browser


@pytest.fixture
async def address(world: World, settings: Settings) -> AsyncIterator[str]:
    """The service on a port of localhost: web alone."""
    async with TestServer(create_app(settings), host="localhost") as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture
async def browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(
        executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
    )
    yield browser
    await browser.close()


async def awaiting_body(world: World) -> list[Registration]:
    """All of the world's physicians, whose forms the institution has passed on."""
    await open_stages(world, world.here)
    for own in world.here.registrations:
        await submit(world, own)
        await pass_institution(world, world.here, own.id)
    return world.here.registrations


async def states(world: World) -> list[str]:
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT state FROM registration WHERE cycle_id = $1 ORDER BY submitted_at", world.here.cycle.id
        )
    return [row["state"] for row in rows]


async def focused(page: Page) -> str:
    found: str = await page.evaluate("document.activeElement.id")
    return found


async def test_a_reviewer_clears_the_queue_by_keyboard_alone(
    world: World, address: str, browser: Browser
) -> None:
    first = (await awaiting_body(world))[0]
    async with person(browser, address, DESKTOP) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto(f"/body/reviews/{first.id}")
        await expect(page.locator("#viewer-label")).to_have_text("执业证或电子证照")
        await page.keyboard.press("+")
        await page.keyboard.press("l")
        await expect(page.locator("#viewer-image")).to_have_attribute(
            "style", "width: 150%; transform: rotate(90deg);"
        )
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#viewer-label")).to_have_text("照片")
        await page.keyboard.press("a")
        await expect(page.locator("#review-refused")).to_contain_text("请先核对并勾选：执业证书真实")
        await page.keyboard.press("1")
        await page.keyboard.press("a")
        await expect(page.locator("#who")).to_have_text("医师2")
        assert await focused(page) == "who"
        await expect(page.locator("#review-told")).to_contain_text("报名完成")
        await page.keyboard.press("z")
        await expect(page.locator("#who")).to_have_text("医师1")
        assert await states(world) == [State.BODY_REVIEW] * 3
        await page.keyboard.press("j")
        await expect(page.locator("#who")).to_have_text("医师2")
        await page.keyboard.press("k")
        await expect(page.locator("#who")).to_have_text("医师1")
        await page.keyboard.press("r")
        assert await focused(page) == "reason"
        await page.keyboard.type("aj 请补充。")  # letters of a reason are no commands
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#who")).to_have_text("医师2")
        await page.keyboard.press("1")
        await page.keyboard.press("a")
        await expect(page.locator("#who")).to_have_text("医师3")
        await page.keyboard.press("1")
        await page.keyboard.press("a")
        await expect(page.get_by_text("没有待处理的报名信息")).to_be_visible()
    assert await states(world) == [State.RETURNED, State.REGISTERED, State.REGISTERED]


async def doubtful(world: World) -> None:
    """A simple procedure with a bad record and years that fall short."""
    conduct = replace(
        FIT,
        has_bad=True,
        bad_records=(
            Record("r1", "penalty", "省卫生健康委员会", date(2024, 6, 1), "未按规定书写病历，予以警告。"),
        ),
        has_good=True,
        good_records=(Record("r2", "award", "省人民政府", date(2024, 3, 1), "全省卫生健康工作先进个人。"),),
    )
    form = a_form(conduct=conduct, procedure=replace(SIMPLE, conditions=("twelve_years",)))
    form = replace(form, practice=replace(form.practice, licensed_on=date(2020, 9, 5)))
    own = world.here.registrations[0]
    await submit(world, own, form)
    for slot in ("procedure", "procedure", "record.r1", "record.r2"):
        await hand_in(world, own, slot)


@pytest.mark.parametrize("size", SCREENS)
async def test_the_desks_of_both_levels(
    world: World, address: str, browser: Browser, size: dict[str, int]
) -> None:
    await open_stages(world, world.here)
    await doubtful(world)
    for own in world.here.registrations[1:]:
        await submit(world, own)
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.INSTITUTION))
        await picture(page, "reviewing-institution-home")
        await page.get_by_role("link", name=re.compile("^待审核")).click()
        await page.get_by_text("筛选与查找").click()
        await picture(page, "reviewing-institution-list")
        await fits(page)
        await page.get_by_role("link", name="审核医师1的报名信息").click()
        await expect(page.get_by_text("这只是提示")).to_be_visible()
        await picture(page, "reviewing-institution-form")
        await fits(page)
        await page.get_by_role("heading", name="驳回").click()
        await page.get_by_role("button", name="驳回医师更正").click()
        await expect(page.locator("#review-refused")).to_contain_text("请填写驳回原因")
        await picture(page, "reviewing-institution-refused")
        await page.goto("/institution/progress")
        await picture(page, "reviewing-institution-progress")
        await fits(page)
    await pass_institution(
        world, world.here, world.here.registrations[0].id, quality=False, reason="质量不达标"
    )
    for own in world.here.registrations[1:]:
        await pass_institution(world, world.here, own.id)
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/body/reviews")
        await picture(page, "reviewing-body-list")
        await fits(page)
        await page.get_by_role("link", name="复核医师1的报名信息").click()
        await page.get_by_text("改变机构评定", exact=True).click()
        await picture(page, "reviewing-body-form")
        await fits(page)
        await page.goto("/body/reviews/bulk")
        await picture(page, "reviewing-body-bulk")
        await fits(page)
        await page.get_by_role("button", name="通过所选").click()
        await expect(page.get_by_text("已通过2名。")).to_be_visible()
        await picture(page, "reviewing-body-recent")
        await fits(page)
        await page.goto("/body/reviews?tab=all")
        await page.get_by_text("导出名单").click()
        await picture(page, "reviewing-body-export")
        await fits(page)
        await page.goto("/body/progress?sort=total&order=desc")
        await picture(page, "reviewing-body-progress")
        await fits(page)
