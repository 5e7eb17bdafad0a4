"""Who declines the camera sits a paper all the same: asked for, arranged, checked in person, by keyboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.proctor.model import Verdict
from tests.e2e.conftest import on_every_screen, person, picture
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser

NO_CAMERA = """
navigator.mediaDevices.getUserMedia = () => { throw new Error("a camera was asked for"); };
"""


async def log_in(page: Page, world: World) -> None:
    await page.goto("/login")
    await page.get_by_label("省份").select_option(world.here.province_id)
    await page.get_by_label("身份证号").fill(world.here.number_of(world.here.general))
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url("**/home")


async def staff_logs_in(page: Page, world: World) -> None:
    await page.goto("/staff/login")
    await page.get_by_label("账号").fill(world.here.username_of(Role.BODY))
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url("**/home")


async def looked_at(page: Page, name: str) -> None:
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    await picture(page, name)


@on_every_screen
async def test_who_declines_sits_the_paper_before_people(
    world: World, address: str, browser: Browser, viewport: dict[str, int]
) -> None:
    async with person(browser, address, viewport) as page, person(browser, address, viewport) as staff:
        await page.add_init_script(NO_CAMERA)
        await log_in(page, world)
        await looked_at(page, "alternative-home")
        await page.get_by_role("link", name="人脸信息授权").click()
        await looked_at(page, "consent")
        yes = await page.get_by_role("button", name="同意", exact=True).bounding_box()
        no = await page.get_by_role("button", name="不同意", exact=True).bounding_box()
        assert yes
        assert no
        assert (yes["width"], yes["height"]) == (no["width"], no["height"]), "neither is an afterthought"
        await page.get_by_role("button", name="不同意", exact=True).press("Enter")
        await page.wait_for_url("**/alternative")
        await looked_at(page, "alternative-ask")
        await page.get_by_label("补充说明").fill("周五下午方便")
        await page.get_by_role("button", name="申请现场测评").press("Enter")
        await expect(page.get_by_text("待考核机构安排", exact=True)).to_be_visible()
        await looked_at(page, "alternative-asked")

        await staff_logs_in(staff, world)
        await staff.get_by_role("link", name=re.compile("^现场测评")).click()
        await looked_at(staff, "alternatives")
        await staff.get_by_role("link", name=world.here.general.name).click()
        await staff.get_by_label("原因和其他方案").fill("今天没有考场，建议明天上午")
        await staff.get_by_role("button", name="答复医师").click()
        await looked_at(staff, "alternative-sheet-answered")
        soon = in_china(world.clock.now()) + timedelta(minutes=2)
        await staff.get_by_label("时间", exact=True).fill(f"{soon:%Y-%m-%dT%H:%M}")
        await staff.get_by_label("地点", exact=True).fill("省医师协会一楼会议室")
        await staff.get_by_role("button", name="安排").click()
        await expect(staff.get_by_text("还没有可以核验的试卷")).to_be_visible()

        await page.goto("/papers")
        await looked_at(page, "alternative-papers")
        await expect(page.get_by_text("现场测评：").first).to_contain_text("省医师协会一楼会议室")
        await page.get_by_role("link", name="进入测评").first.click()
        await page.get_by_label("我已阅读").check()
        await page.get_by_role("button", name="去考试").click()
        await page.wait_for_url("**/alternative")
        await expect(page.get_by_text("待当面核验")).to_be_visible()
        await looked_at(page, "alternative-arranged")
        await staff.reload()
        await looked_at(staff, "alternative-sheet")
        await staff.get_by_role("button", name="当面核验身份").press("Enter")
        await expect(staff.get_by_text("已核验，可以开始")).to_be_visible()

        await page.get_by_role("link", name="刷新").click()
        await page.get_by_role("link", name="去开始答题").click()
        await page.get_by_role("button", name="开始答题").click()
        await expect(page.get_by_text("现场监考，不使用摄像头")).to_be_visible()
        await expect(page.locator("#hand-in")).to_be_visible()
        await looked_at(page, "alternative-paper")


@on_every_screen
async def test_a_physician_sees_what_is_held_and_has_it_deleted(
    world: World, address: str, browser: Browser, viewport: dict[str, int]
) -> None:
    general = world.here.general
    await world.consent(general)
    paper = await world.open(general)
    stream = await world.watch(paper.attempt, world.clock.now())
    await world.snapshot(paper.attempt, stream, 1, Verdict.NO_FACE, b"a picture")
    await world.hand_in(paper, right=3)
    async with person(browser, address, viewport) as page:
        await log_in(page, world)
        await page.get_by_role("link", name="人脸信息授权").click()
        await looked_at(page, "consent-given")
        await page.get_by_role("button", name="撤回同意").click()
        await page.wait_for_url("**/face-data")
        await looked_at(page, "face-data")
        await page.get_by_role("button", name="申请删除我的人脸信息").press("Enter")
        await expect(page.get_by_text("已申请删除")).to_be_visible()
        await looked_at(page, "face-data-asked")
