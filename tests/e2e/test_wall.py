"""The live wall in a real browser: tiles follow their verdicts, keys reach all, notices are confirmed."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from exam_service.accounts.model import Role
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import Verdict
from exam_service.proctor.usecases import wall_topic
from tests.e2e.conftest import DESKTOP, SCREENS, person, picture, press_notice
from tests.e2e.test_invigilation import fits, log_in
from tests.world import World, camera_frame, portrait

pytestmark = pytest.mark.browser


def tile(page: Page, name: str):  # noqa: ANN201 - a locator
    return page.locator(".sitting").filter(has_text=name)


@pytest.mark.parametrize("size", SCREENS)
async def test_a_tile_follows_its_verdicts(
    world: World, address: str, browser: Browser, size: dict[str, int]
) -> None:
    general, simple, _ = world.here.physicians
    attempt = (await world.open(general)).attempt
    await world.open(simple)
    stream = await world.watch(attempt, world.clock.now())
    jpeg = camera_frame(portrait())
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/invigilation")
        await page.get_by_role("link", name="监控墙").click()
        await expect(page.locator("#live-how")).to_be_visible()
        await expect(tile(page, general.name)).to_contain_text("还没有画面")
        for seq in range(1, 4):
            await world.live_frame(attempt, jpeg)
            await world.snapshot(attempt, stream, seq, Verdict.MISMATCH, None)
        await world.services.signals.publish(wall_topic(attempt.body_id), str(attempt.id))
        await expect(tile(page, general.name)).to_contain_text("疑似他人", timeout=4000)
        await expect(tile(page, general.name)).to_contain_text("需要处理")
        await expect(tile(page, general.name).locator("img")).to_have_js_property("naturalWidth", 410)
        await expect(page.locator('[data-tab="attention"] .count')).not_to_have_text("0")
        await picture(page, "wall")
        await fits(page)
        await tile(page, general.name).get_by_role("link").click()
        await expect(page.locator("#sitting img").first).to_have_js_property("naturalWidth", 410)
        await expect(page.locator(".found")).to_contain_text("疑似他人")
        await picture(page, "wall-sitting")
        await fits(page)


@pytest.mark.parametrize("size", SCREENS)
async def test_a_face_is_decided_on_the_wall_and_a_refusal_opened_again(
    world: World, address: str, browser: Browser, size: dict[str, int]
) -> None:
    attempt = (await world.open(world.here.general)).attempt
    jpeg = camera_frame(portrait())
    await world.photo(world.here.registrations[0], jpeg)
    await world.live_frame(attempt, jpeg)
    await proctor.ask_recheck(world.services, world.here.staff[Role.BODY], attempt.id, "不太像")
    async with world.database.tx() as tx:
        await tx.execute("UPDATE identity_check SET state = 'waiting'")
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/invigilation?tab=attention")
        await page.get_by_role("link", name="等待人工核验").click()
        await expect(page.locator(".identity img").last).to_have_js_property("naturalWidth", 410)
        await picture(page, "wall-identity")
        await fits(page)
        await page.get_by_label("理由").fill("换了人")
        await page.get_by_role("button", name="不是本人").click()
        await expect(page.locator(".sitting")).to_contain_text("已判定不是本人")
        await page.locator(".sitting-in").click()
        await picture(page, "wall-refused")
        await fits(page)
        await page.locator("#identity").get_by_label("理由").fill("视频里核对了证件")
        await page.get_by_role("button", name="再给5次核验机会").click()
        await expect(page.locator("#identity")).to_have_count(0)


async def test_the_wall_is_worked_with_keys_alone(world: World, address: str, browser: Browser) -> None:
    first = (await world.open(world.here.general)).attempt
    second = (await world.open(world.here.simple)).attempt
    async with person(browser, address, DESKTOP) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/invigilation/wall")
        await expect(page.locator("#live-how")).to_be_visible()
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_contain_text("快捷键")
        await page.keyboard.press("Escape")
        await page.locator('.sitting-in[tabindex="0"]').focus()
        await page.keyboard.press("ArrowRight")
        await expect(page.locator(f'[data-key="{second.id}"] a')).to_be_focused()
        await page.keyboard.press("Home")
        await expect(page.locator(f'[data-key="{first.id}"] a')).to_be_focused()
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"**/invigilation/{first.id}")
        await page.keyboard.press("n")
        await expect(page.get_by_label("记录内容")).to_be_focused()
        await page.keyboard.type("已电话联系")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator(".timeline")).to_contain_text("已电话联系")
        await page.keyboard.press("Escape")
        await page.wait_for_url("**/invigilation/wall")


async def test_a_notice_is_confirmed_with_a_tap(world: World, address: str, browser: Browser) -> None:
    await world.consent(world.here.simple)
    attempt = await world.start(world.here.simple)
    await world.admit(attempt)
    async with person(browser, address) as phone, person(browser, address, DESKTOP) as page:
        await phone.goto("/login")
        await phone.get_by_label("省份").select_option(world.here.province_id)
        await phone.get_by_label("身份证号").fill(world.here.number_of(world.here.simple))
        await phone.get_by_label("密码", exact=True).fill("right4test")
        await phone.get_by_role("button", name="登录").click()
        await phone.wait_for_url("**/home")
        await phone.goto(f"/attempts/{attempt.id}")
        await expect(phone.locator("#clock-time")).to_contain_text(":")
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto(f"/invigilation/{attempt.id}")
        await page.keyboard.press("m")
        await page.keyboard.type("请面向摄像头")
        await page.get_by_role("button", name="发送", exact=True).click()
        await expect(page.locator('[data-part="notice"]')).to_contain_text("未确认")
        await press_notice(phone, "知道了")
        await expect(page.locator('[data-part="notice"]')).to_contain_text("通知已确认", timeout=12_000)
