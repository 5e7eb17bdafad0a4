"""The institution's desk on a phone: many let in at once, and that undone."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, expect

from exam_service.accounts.model import Role
from exam_service.app import create_app
from exam_service.cycles.policy import Stage
from exam_service.settings import Settings
from tests.e2e.conftest import PHONE
from tests.world import PASSWORD, World


@pytest.mark.browser
async def test_the_whole_page_is_let_in_on_a_phone_named_where_it_cannot_be_and_undone(
    world: World, settings: Settings, browser: Browser
) -> None:
    here = world.here
    today = str(world.clock.now().date())
    async with world.database.tx() as tx:
        await tx.execute("UPDATE cycle SET stages = $1", {Stage.REGISTRATION.value: [today, today]})
    for number in (71, 72, 73):
        await world.on_roster(here.staff[Role.INSTITUTION], number)
    async with TestServer(create_app(settings), host="localhost") as server:
        context = await browser.new_context(viewport=PHONE, base_url=str(server.make_url("/")))
        page = await context.new_page()
        await page.goto("/staff/login")
        await (
            page.get_by_label("用户名")
            .or_(page.locator("input[name=username]"))
            .first.fill(here.username_of(Role.INSTITUTION))
        )
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        await page.get_by_role("link", name="医师名册").click()
        await page.get_by_label("选择本页").check()
        await expect(page.locator("#ticked")).to_have_text("已勾选 6 人")
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await page.locator("#bulk").get_by_role("button", name="允许报名").click()
        await expect(page.get_by_text("已为3人办理“允许报名”。")).to_be_visible()
        await expect(page.get_by_text("已提交报名信息，无需再次允许。")).to_have_count(3)
        await page.get_by_role("link", name="返回名册").click()
        await expect(page.get_by_text("已开通报名")).to_have_count(3)
        await page.get_by_role("button", name="撤销").click()
        await expect(page.get_by_text("已撤销，3人恢复为原来的状态。")).to_be_visible()
        await expect(page.get_by_text("未开通报名")).to_have_count(3)
        await context.close()
