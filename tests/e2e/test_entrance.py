"""The ways in as a browser meets them: a slip that was scanned, the outbox, a captcha."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Playwright, expect

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.app import create_app
from exam_service.demo.people import identity_number
from exam_service.organisations import usecases as organisations
from exam_service.settings import Settings
from tests.e2e.conftest import late, person
from tests.world import World

pytestmark = pytest.mark.browser

NAME, NUMBER, PASSWORD = "欧阳若兰", identity_number("hunan", 40), "sunny7days"


@pytest.fixture
async def address(world: World, settings: Settings) -> AsyncIterator[str]:
    """The service as a demonstration, on a port of localhost."""
    demo = settings.model_copy(update={"demo": True})
    async with TestServer(create_app(demo), host="localhost") as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture
async def browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    browser = await playwright.chromium.launch(
        executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
    )
    yield browser
    await browser.close()


async def printed_slip(world: World) -> str:
    async with world.database.tx() as tx:
        account_id = await accounts.add_physician(
            tx,
            world.clock,
            world.settings,
            world.vault,
            province_id="hunan",
            name=NAME,
            number=NUMBER,
            password_hash=None,
        )
        await organisations.set_entry(tx, "hunan", {"captcha": True})
        return await accounts.print_slip(
            tx,
            world.clock,
            account_id=account_id,
            province_id="hunan",
            institution_id=world.here.institution_id,
            printed_by=world.here.staff[Role.INSTITUTION].account_id,
        )


async def test_a_scanned_slip_activates_the_account_and_the_captcha_in_words_lets_it_in(
    world: World, address: str, browser: Browser
) -> None:
    token = await printed_slip(world)
    async with person(browser, address) as page:
        await page.goto(f"/activate/slip#{token}")
        assert (await page.get_by_label("激活单编码").input_value()).replace("-", "") == token
        assert token not in page.url
        await page.get_by_label("证件号码").fill(NUMBER)
        await page.get_by_label("姓名").fill(NAME)
        await page.get_by_label("手机号").fill("13900001111")
        await page.get_by_role("button", name="下一步").click()
        await expect(page.get_by_role("button", name="重新获取验证码")).to_be_disabled()
        async with page.expect_popup() as opened:
            await page.get_by_role("link", name="短信收件箱").click()
        outbox = await opened.value
        message = outbox.get_by_text("您的验证码是")
        while not await message.count():
            await outbox.reload()
        code = re.search(r"\d{6}", await message.inner_text())
        assert code
        await page.get_by_label("短信验证码").fill(code[0])
        await page.get_by_label("新密码", exact=True).fill(PASSWORD)
        await page.get_by_label("再输入一次新密码").first.fill(PASSWORD)
        await page.get_by_role("button", name="提交").click()
        await page.wait_for_url("**/home")

        async with late(page, "login.js"):
            await page.get_by_role("button", name="退出").click()
            await page.get_by_label("省份").select_option("hunan")
        await page.wait_for_url("**/login?province=hunan")
        await page.get_by_label("身份证号").fill(NUMBER)
        await page.get_by_role("button", name="换成文字题").click()
        await expect(page.get_by_label("身份证号")).to_have_value(NUMBER)
        question = await page.locator("label[for=captcha]").inner_text()
        one, other = re.findall(r"[零一二三四五六七八九](?=[加等])", question)
        digits = "零一二三四五六七八九"
        await page.get_by_label("验证问题").fill(str(digits.index(one) + digits.index(other)))
        await page.get_by_label("密码", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        await page.wait_for_url("**/home")


async def test_the_province_that_is_chosen_goes_along_to_activation_and_decides_what_is_said_of_the_number(
    world: World, address: str, browser: Browser
) -> None:
    async with world.database.tx() as tx:
        await organisations.set_entry(tx, "henan", {"unlisted_mobile": True})
    async with person(browser, address) as page:
        await page.goto("/login")
        await page.get_by_label("省份").select_option("hunan")
        await page.get_by_role("link", name="激活账号").click()
        await page.wait_for_url("**/activate?province=hunan")
        await expect(page.locator("#mobile-hint")).to_contain_text("没有登记的，请用激活单激活")
        await page.get_by_label("省份").select_option("henan")
        await expect(page.locator("#mobile-hint")).to_contain_text("用于接收验证码")


async def test_no_field_of_the_login_is_so_small_that_an_iphone_enlarges_the_page(
    address: str, browser: Browser
) -> None:
    async with person(browser, address) as page:
        await page.goto("/login")
        sizes = await page.locator(".input").evaluate_all(
            "(fields) => fields.map((field) => parseFloat(getComputedStyle(field).fontSize))"
        )
        assert len(sizes) >= 4
        assert min(sizes) >= 16
