"""测评监控 in a real browser: the list follows by itself, two people end a paper, also on a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from exam_service.accounts.model import Role
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from tests.e2e.conftest import DESKTOP, PHONE, SCREENS, person, picture
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


async def log_in(page: Page, username: str) -> None:
    await page.goto("/staff/login")
    await page.get_by_label("账号").fill(username)
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url("**/home")


def row(page: Page, name: str, paper: str = "人文"):  # noqa: ANN201 - a locator
    return page.locator("#list tr").filter(has_text=name).filter(has_text=paper)


async def fits(page: Page) -> None:
    """Nothing hangs over the side, and what is pressed is large enough (WCAG 2.2, 2.5.8)."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    small = await page.evaluate(
        """[...document.querySelectorAll("main a, main button, main summary, main input, main textarea")]
            .filter((element) => element.checkVisibility() && !element.closest("p, label"))
            .map((element) => [element.outerHTML.slice(0, 80), element.getBoundingClientRect()])
            .filter(([, box]) => box.height < 24 || box.width < 24)
            .map(([html]) => html)"""
    )
    assert small == []


@pytest.mark.parametrize("size", SCREENS)
async def test_a_session_is_watched_and_a_paper_extended(
    world: World, address: str, browser: Browser, size: dict[str, int]
) -> None:
    general, simple, _ = world.here.physicians
    running = await world.open(general)
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await picture(page, "invigilation-home")
        await page.get_by_role("link", name="测评监控").click()
        await expect(row(page, general.name)).to_contain_text("答题中")
        await expect(row(page, simple.name)).to_contain_text("未开始")
        await expect(page.locator("#live-how")).to_be_visible()
        await picture(page, "invigilation-list")
        await fits(page)
        # Somebody writes a notice while the list goes on by itself.
        await page.get_by_text("向正在答题的全部医师发通知").click()
        await page.get_by_label("通知内容").fill("还有")
        await world.start(simple)
        async with world.database.tx() as tx:
            await tx.execute("UPDATE presence SET seen_at = seen_at - interval '2 minutes'")
        await expect(row(page, general.name)).to_contain_text("离线", timeout=12_000)
        await expect(row(page, simple.name)).to_contain_text("核验中")
        await expect(page.locator('[data-tab="offline"] .count')).to_have_text("1")
        await expect(page.get_by_label("通知内容")).to_be_focused()
        await expect(page.get_by_label("通知内容")).to_have_value("还有")
        await picture(page, "invigilation-notice")
        await page.get_by_label("通知内容").fill("还有十分钟，请检查答题卡。")
        await page.get_by_role("button", name="发送给全部").click()
        await expect(page.get_by_text("通知已发给正在答题的1份试卷")).to_be_visible()
        await page.get_by_role("link", name="离线").click()
        await row(page, general.name).get_by_role("link", name=general.name).click()
        await page.get_by_text("延长时间", exact=True).click()
        await page.get_by_label("延长分钟数").fill("15")
        await page.get_by_label("理由").first.fill("单位停电，已与医院核实")
        await picture(page, "invigilation-attempt")
        await fits(page)
        await page.get_by_role("button", name="延长", exact=True).click()
        await expect(page.get_by_text("已延长15分钟")).to_be_visible()
        await expect(page.locator(".timeline")).to_contain_text("延长时间 15分00秒")
        await page.locator(".timeline").scroll_into_view_if_needed()
        await picture(page, "invigilation-timeline")
    async with world.database.tx() as tx:
        deadline = await tx.fetch_value("SELECT deadline FROM attempt WHERE id = $1", running.attempt.id)
    assert running.attempt.deadline is not None
    assert deadline == running.attempt.deadline + timedelta(minutes=15)


async def test_a_row_that_leaves_the_list_goes_and_a_new_one_comes(
    world: World, address: str, browser: Browser
) -> None:
    general, simple, _ = world.here.physicians
    async with person(browser, address, DESKTOP) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/invigilation?tab=answering")
        await expect(page.get_by_text("没有“答题中”的医师")).to_be_visible()
        paper = await world.open(simple)
        await expect(row(page, simple.name)).to_contain_text("答题中", timeout=12_000)
        await expect(row(page, simple.name)).to_contain_text("***********")
        await world.open(general)
        await expect(row(page, general.name)).to_be_visible(timeout=12_000)
        names = await page.locator("#list tbody th a").all_inner_texts()
        assert names == [general.name, simple.name]
        await world.hand_in(paper, right=3)
        await expect(row(page, simple.name)).to_have_count(0, timeout=12_000)
        await expect(row(page, general.name)).to_be_visible()


@pytest.mark.parametrize("size", SCREENS)
async def test_two_people_end_a_paper_and_a_request_is_decided(
    world: World, address: str, browser: Browser, size: dict[str, int]
) -> None:
    general = world.here.general
    await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    attempt = (await world.open(general)).attempt
    assert attempt.admitted_at is not None
    earlier = attempt.admitted_at - timedelta(minutes=20)
    async with world.database.tx() as tx:
        await tx.execute("UPDATE attempt SET admitted_at = $2 WHERE id = $1", attempt.id, earlier)
        await tx.execute(
            "INSERT INTO presence_gap VALUES ($1, $2, $3)",
            attempt.id,
            earlier + timedelta(minutes=5),
            earlier + timedelta(minutes=8),
        )
        for kind in ("hidden", "hidden", "paste"):
            await tx.execute(
                "INSERT INTO page_event VALUES ($1, $2, 1, $3, $4, $4)", new_id(), attempt.id, kind, earlier
            )
    await papers.open_time_request(
        world.services,
        general,
        attempt.id,
        began_at=earlier + timedelta(minutes=4),
        ended_at=earlier + timedelta(minutes=9),
        reason="医院网络中断，已联系信息科",
    )
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/invigilation?tab=attention")
        await picture(page, "invigilation-attention")
        await page.get_by_role("link", name="补时申请").click()
        await expect(page.get_by_text("合计3分00秒")).to_be_visible()
        await picture(page, "invigilation-request")
        await fits(page)
        await page.get_by_label("处理说明").fill("与服务器记录相符")
        await page.get_by_role("button", name="同意并延长").click()
        await expect(page.get_by_text("已同意补时申请")).to_be_visible()
        await page.locator("#termination summary").click()
        await page.locator("#termination").get_by_label("理由").fill("抓拍显示由他人作答")
        await page.get_by_role("button", name="申请终止").click()
        await expect(page.get_by_text("您是申请人")).to_be_visible()
        await expect(page.get_by_role("button", name="确认终止")).to_have_count(0)
    async with person(browser, address, size) as page:
        await log_in(page, "colleague")
        await page.goto("/invigilation")
        await page.get_by_role("link", name="终止待确认").click()
        button = page.get_by_role("button", name="确认终止")
        await button.scroll_into_view_if_needed()
        await picture(page, "invigilation-termination")
        await button.click()
        await expect(page.get_by_text("测评已终止。")).to_be_visible()
        await picture(page, "invigilation-terminated")
        await fits(page)


@pytest.mark.parametrize("size", SCREENS)
async def test_special_needs_and_make_up(
    world: World, address: str, browser: Browser, size: dict[str, int]
) -> None:
    general = world.here.general
    async with person(browser, address, size) as page:
        await log_in(page, world.here.username_of(Role.BODY))
        await page.goto("/invigilation")
        await row(page, general.name).get_by_role("link", name=general.name).click()
        await page.get_by_label("人文").check()
        await page.get_by_label("增加分钟数").fill("30")
        await page.get_by_label("理由").fill("视力障碍，有残疾证")
        await picture(page, "invigilation-override")
        await fits(page)
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_text("特殊加时30分钟")).to_be_visible()
        await page.goto("/invigilation/makeup")
        await page.get_by_label("开始日期").fill(world.here.cycle.makeup_from.isoformat())
        await page.get_by_label("结束日期").fill(world.here.cycle.makeup_from.isoformat())
        await picture(page, "invigilation-makeup")
        await fits(page)
        await page.get_by_role("button", name="开放补考").click()
        await expect(page.get_by_text("补考已开放")).to_be_visible()


async def test_the_list_works_without_scripts(world: World, address: str, browser: Browser) -> None:
    await world.open(world.here.general)
    context = await browser.new_context(viewport=PHONE, base_url=address, java_script_enabled=False)
    page = await context.new_page()
    await log_in(page, world.here.username_of(Role.BODY))
    await page.goto("/invigilation")
    await expect(row(page, world.here.general.name)).to_contain_text("答题中")
    await expect(page.locator("#live-how")).to_be_hidden()
    await page.get_by_label("医师姓名").fill("医师2")
    await page.get_by_role("button", name="搜索").click()
    await expect(page.locator("#list tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="刷新").click()
    await expect(page.locator("#list tbody tr")).to_have_count(1)
    await context.close()
