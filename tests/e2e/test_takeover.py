"""A paper goes on at another device, in front of a real camera."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, Playwright, expect

from exam_service.app import create_app
from exam_service.settings import Settings
from exam_service.storage.evidence import EvidenceStore
from tests.e2e.conftest import PHONE, OpenBrowser, on_every_screen, person, picture
from tests.e2e.test_story import enrol, log_in, saved
from tests.world import World

pytestmark = pytest.mark.browser

LEAST_SECONDS = 4_000  # "within seconds"


async def being_sat(world: World) -> UUID:
    """A paper that a device of the tests has opened."""
    physician = world.here.simple
    await world.consent(physician)
    return (await world.open(physician)).attempt.id


@asynccontextmanager
async def second_device(
    world: World, browser: Browser, address: str, attempt_id: UUID, viewport: dict[str, int] = PHONE
) -> AsyncIterator[Page]:
    """Opens the paper that another device has, and is asked."""
    async with person(browser, address, viewport) as page:
        await log_in(page, world, world.here.simple)
        await page.goto(f"/attempts/{attempt_id}")
        await page.wait_for_url("**/takeover")
        yield page


@on_every_screen
async def test_a_paper_goes_on_at_another_device_and_the_first_only_looks_on(
    world: World,
    watched_address: str,
    evidence: EvidenceStore,
    open_browser: OpenBrowser,
    faces_dir: Path,
    viewport: dict[str, int],
) -> None:
    physician = world.here.simple
    await enrol(world, evidence, physician, faces_dir / "obama.jpg")
    await world.consent(physician)
    attempt = await world.start(physician)
    await world.admit(attempt)
    async with open_browser("obama2.jpg") as browser, person(browser, watched_address) as first:
        await log_in(first, world, physician)
        await first.goto(f"/attempts/{attempt.id}")
        await first.locator("label.option").nth(2).click()
        await saved(first)
        async with second_device(world, browser, watched_address, attempt.id, viewport) as second:
            await expect(second.get_by_role("heading", name="本卷正在另一台设备上作答")).to_be_visible()
            await expect(second.get_by_role("link", name="返回")).to_be_visible()
            await picture(second, "takeover")
            assert await second.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await expect(first.locator("#option-list input").first).to_be_enabled()

            await second.get_by_role("button", name="在本机继续").click()
            await expect(second.locator("[data-part=hint]")).to_be_visible()
            await picture(second, "takeover-checking")
            await expect(second.get_by_text("身份核验通过").first).to_be_visible()
            await picture(second, "takeover-passed")
            await second.wait_for_url(re.compile(r"/attempts/[0-9a-f-]+$"))
            await second.locator("#previous").click()  # it opens at the first item without an answer
            await expect(second.locator("#option-list input").nth(2)).to_be_checked()

            await expect(first.locator("#option-list input").first).to_be_disabled(timeout=LEAST_SECONDS)
            await picture(first, "takeover-first-device")


@on_every_screen
async def test_without_a_camera_the_page_says_who_can_help(
    world: World, address: str, playwright: Playwright, chromium: str, viewport: dict[str, int]
) -> None:
    attempt_id = await being_sat(world)
    browser = await playwright.chromium.launch(
        executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
    try:
        async with second_device(world, browser, address, attempt_id, viewport) as page:
            await page.get_by_role("button", name="在本机继续").click()
            await expect(page.get_by_text("联系考核机构工作人员释放设备占用").first).to_be_visible()
            await picture(page, "takeover-no-camera")
    finally:
        await browser.close()


@on_every_screen
async def test_without_the_proctor_the_paper_goes_on_and_is_looked_at_later(
    world: World, settings: Settings, browser: Browser, viewport: dict[str, int]
) -> None:
    attempt_id = await being_sat(world)
    nowhere = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"})
    async with TestServer(create_app(nowhere), host="localhost") as server:
        address = str(server.make_url("/")).rstrip("/")
        async with second_device(world, browser, address, attempt_id, viewport) as page:
            await expect(page.get_by_text("监考服务暂时不可用，可先继续作答")).to_be_visible()
            await picture(page, "takeover-unverified")
            await page.get_by_role("button", name="在本机继续").click()
            await expect(page.locator("#stem")).to_be_visible()
    async with world.database.tx() as tx:
        assert (
            await tx.fetch_value("SELECT verified FROM takeover WHERE attempt_id = $1", attempt_id) is False
        )
