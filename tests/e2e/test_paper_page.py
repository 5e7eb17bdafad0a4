"""The paper page under what happens to people: bad networks, second devices, time running out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, expect

from exam_service.accounts.model import Principal, Role
from exam_service.papers import usecases as papers
from tests.e2e.conftest import DESKTOP, PHONE, person, picture, press_notice
from tests.e2e.test_story import log_in, saved
from tests.world import World, eventually

pytestmark = pytest.mark.browser


@asynccontextmanager
async def sitting(
    world: World, browser: Browser, address: str, viewport: dict[str, int] = PHONE
) -> AsyncIterator[tuple[Page, UUID]]:
    """A physician in front of an opened paper."""
    physician = world.here.simple
    await world.consent(physician)
    attempt = await world.start(physician)
    await world.admit(attempt)
    async with person(browser, address, viewport) as page:
        await log_in(page, world, physician)
        await page.goto(f"/attempts/{attempt.id}")
        await expect(page.locator("#stem")).to_be_visible()
        yield page, attempt.id


async def choose(page: Page, position: int) -> None:
    await page.locator("label.option").nth(position).click()


async def stored(world: World, principal: Principal, attempt_id: UUID) -> int:
    return len(await papers.answers_of(world.database, principal, attempt_id))


async def test_answers_given_without_a_network_are_sent_when_it_is_back(
    world: World, browser: Browser, address: str
) -> None:
    async with sitting(world, browser, address) as (page, attempt_id):
        await page.context.set_offline(True)
        await choose(page, 1)
        await page.locator("#next").click()
        await choose(page, 2)
        await expect(page.locator("#save-state")).to_contain_text("网络中断")
        await picture(page, "paper-offline")
        assert await stored(world, world.here.simple, attempt_id) == 0
        await page.context.set_offline(False)
        await saved(page)
        assert await stored(world, world.here.simple, attempt_id) == 2
        await expect(page.locator("#proctor-hint")).not_to_contain_text("未能启动", timeout=20_000)


async def test_a_second_page_takes_the_paper_over_and_the_first_says_so(
    world: World, browser: Browser, address: str
) -> None:
    async with sitting(world, browser, address) as (page, attempt_id):
        await choose(page, 0)
        await saved(page)
        await page.route("**/answers", lambda route: route.abort())
        await page.locator("#next").click()
        await choose(page, 3)
        await expect(page.locator("#save-state")).to_contain_text("答案已存在本机")
        second = await page.context.new_page()
        await second.goto(page.url)
        await expect(second.locator("#option-list input:checked")).to_have_count(1)
        await page.bring_to_front()
        lost = page.locator("#notices").get_by_text("本卷已在其他页面或设备打开")
        await expect(lost).to_be_visible(timeout=20_000)
        await expect(page.locator("#options[disabled]")).to_have_count(1)
        await picture(page, "paper-lost")
        await page.unroute("**/answers")
        await expect(page.locator("#save-state")).to_have_text("本页已停止作答", timeout=20_000)
        # Not lost: the newer page had no answer there, so the older one's counts.
        assert await stored(world, world.here.simple, attempt_id) == 2


async def test_the_keyboard_does_all_of_it(world: World, browser: Browser, address: str) -> None:
    async with sitting(world, browser, address, DESKTOP) as (page, attempt_id):
        await page.keyboard.press("b")
        await expect(page.locator("#option-list input").nth(1)).to_be_checked()
        await page.keyboard.press("m")
        await expect(page.locator("#marked")).to_be_visible()
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#position")).to_have_text("2/50")
        await page.keyboard.press("e")
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#position")).to_have_text("1/50")
        await saved(page)
        await picture(page, "paper-desktop")
        assert await stored(world, world.here.simple, attempt_id) == 2


async def test_larger_text_and_marks_are_remembered(world: World, browser: Browser, address: str) -> None:
    async with sitting(world, browser, address) as (page, _):
        before = await page.locator("#stem").evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
        for _ in range(3):
            await page.locator("#zoom").click()
        await page.locator("#mark").click()
        await page.reload()
        await expect(page.locator("#stem")).to_be_visible()
        after = await page.locator("#stem").evaluate("each => parseFloat(getComputedStyle(each).fontSize)")
        assert after == pytest.approx(2 * before, rel=0.05)
        await expect(page.locator("#marked")).to_be_visible()
        await picture(page, "paper-large")
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide


async def test_a_login_that_ended_asks_for_a_new_one_and_then_sends_what_waited(
    world: World, browser: Browser, address: str
) -> None:
    async with sitting(world, browser, address) as (page, attempt_id):
        async with world.database.tx() as tx:
            await tx.execute("DELETE FROM session")
        await choose(page, 0)
        await expect(page.get_by_text("登录已失效。请重新登录")).to_be_visible()
        again = await page.context.new_page()
        await log_in(again, world, world.here.simple)
        await saved(page)
        assert await stored(world, world.here.simple, attempt_id) == 1


async def test_at_the_deadline_the_page_locks_and_leads_to_the_result(
    world: World, browser: Browser, address: str
) -> None:
    async with sitting(world, browser, address) as (page, attempt_id):
        await choose(page, 0)
        await saved(page)
        async with world.database.tx() as tx:
            almost_over = world.clock.now() - timedelta(seconds=57)
            await tx.execute("UPDATE attempt SET deadline = $2 WHERE id = $1", attempt_id, almost_over)
        await page.locator("#next").click()
        await choose(page, 1)  # within the grace: it counts
        await expect(page.get_by_text("考试时间到").first).to_be_visible()
        await expect(page.locator("#options[disabled]")).to_have_count(1)
        await picture(page, "paper-over")
        async with world.database.tx() as tx:
            long_over = almost_over - timedelta(seconds=15)
            await tx.execute("UPDATE attempt SET deadline = $2 WHERE id = $1", attempt_id, long_over)
        while not await papers.close_due(world.services):
            await page.wait_for_timeout(200)
        for _ in range(40):
            await papers.close_due(world.services)
            if page.url.endswith("/result"):
                break
            await page.wait_for_timeout(250)
        await expect(page.get_by_text("不合格")).to_be_visible()
        assert await stored(world, world.here.simple, attempt_id) == 2


async def test_the_paper_page_weighs_less_than_60_kilobytes(
    world: World, browser: Browser, address: str
) -> None:
    """The bar of the design: HTML, CSS and JS, compressed, nothing cached; the paper's JSON isn't counted."""
    physician = world.here.simple
    await world.consent(physician)
    attempt = await world.start(physician)
    await world.admit(attempt)
    async with person(browser, address) as page:
        await log_in(page, world, physician)
        network = await page.context.new_cdp_session(page)
        await network.send("Network.enable")
        await network.send("Network.setCacheDisabled", {"cacheDisabled": True})
        sizes: dict[str, int] = {}

        async def weigh(request: object) -> None:
            if request.resource_type in {"document", "stylesheet", "script"}:  # type: ignore[attr-defined]
                measured = await request.sizes()  # type: ignore[attr-defined]
                sizes[request.url] = measured["responseBodySize"]  # type: ignore[attr-defined]

        page.on("requestfinished", weigh)
        await page.goto(f"/attempts/{attempt.id}")
        await expect(page.locator("#proctor-hint")).to_be_visible()
        await page.wait_for_timeout(500)
        assert len(sizes) > 10
        assert min(sizes.values()) > 0
        assert sum(sizes.values()) < 60 * 1024
        assert all(url.startswith(address) for url in sizes)


async def test_an_exported_answer_is_what_the_staff_import(
    world: World, browser: Browser, address: str, tmp_path: Path
) -> None:
    """Browser and server derive, bind and spell the same."""
    async with sitting(world, browser, address) as (page, attempt_id):
        await page.context.route("**/answers", lambda route: route.abort())
        await choose(page, 1)
        await expect(page.locator("#save-state")).to_contain_text("答案已存在本机")
        await page.locator("#hand-in").click()
        await page.get_by_role("button", name="现在交卷").click()
        async with page.expect_download(timeout=30_000) as downloading:
            await press_notice(page, "导出未上传的答案")
        await (await downloading.value).save_as(tmp_path / "answers.json")
        exported = (tmp_path / "answers.json").read_bytes()
        body = world.here.staff[Role.BODY]
        imported = await papers.import_answers(world.services, body, attempt_id, exported)
        assert imported.refused == []
        assert await stored(world, world.here.simple, attempt_id) == 1


async def test_answers_left_after_the_end_are_offered_on_the_result_page(
    world: World, browser: Browser, address: str, tmp_path: Path
) -> None:
    """The phone died, and came back when the paper was over."""
    async with sitting(world, browser, address) as (page, attempt_id):
        await page.route("**/answers", lambda route: route.abort())
        await choose(page, 1)
        await expect(page.locator("#save-state")).to_contain_text("答案已存在本机")
        await page.close()
        async with world.database.tx() as tx:
            over = world.clock.now() - timedelta(minutes=5)
            await tx.execute("UPDATE attempt SET deadline = $2 WHERE id = $1", attempt_id, over)
        await papers.close_due(world.services)
        again = await page.context.new_page()
        await again.goto(f"{address}/attempts/{attempt_id}")
        await again.wait_for_url("**/result")
        await expect(again.get_by_text("本机还有1个答案没有上传")).to_be_visible()
        await picture(again, "result-leftover")
        async with again.expect_download() as downloading:
            await press_notice(again, "导出未上传的答案")
        await (await downloading.value).save_as(tmp_path / "answers.json")
        body = world.here.staff[Role.BODY]
        exported = (tmp_path / "answers.json").read_bytes()
        imported = await papers.import_answers(world.services, body, attempt_id, exported)
        assert imported.refused == []


async def test_events_and_a_request_for_time_reach_the_staff(
    world: World, browser: Browser, address: str
) -> None:
    async with sitting(world, browser, address, DESKTOP) as (page, attempt_id):
        await page.keyboard.press("Control+a")
        await page.evaluate("dispatchEvent(new Event('blur'))")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # asks at once

        async def kinds() -> list[str]:
            async with world.database.tx() as tx:
                rows = await tx.fetch("SELECT kind FROM page_event WHERE attempt_id = $1", attempt_id)
            return [row["kind"] for row in rows]

        await eventually(kinds)
        assert {"select_all", "blur"} <= set(await kinds())


async def test_another_device_asks_for_a_takeover_and_a_released_lease_goes_over(
    world: World, browser: Browser, address: str
) -> None:
    async with sitting(world, browser, address) as (page, attempt_id):
        await choose(page, 0)
        await saved(page)
        async with person(browser, address) as other:
            await log_in(other, world, world.here.simple)
            await other.goto(f"/attempts/{attempt_id}")
            await other.wait_for_url("**/takeover")
            await expect(page.locator("#options[disabled]")).to_have_count(0)
            body = world.here.staff[Role.BODY]
            await papers.release_lease(world.services, body, attempt_id, reason="医师换了设备")
            await other.goto(f"/attempts/{attempt_id}")
            await expect(other.locator("#card-grid .cell.answered")).to_have_count(1)
            lost = page.locator("#notices").get_by_text("本卷已在其他页面或设备打开")
            await expect(lost).to_be_visible(timeout=20_000)
            await expect(page.locator("#options[disabled]")).to_have_count(1)


async def test_practice_shows_right_and_wrong_and_the_explanation(
    world: World, browser: Browser, address: str
) -> None:
    async with person(browser, address) as page:
        await log_in(page, world, world.here.simple)
        await page.goto("/practice")
        await picture(page, "practice-choose")
        await page.get_by_role("button").filter(has_text=re.compile("练习|开始|人文")).first.click()
        await expect(page.locator("#position")).to_have_text("1/50")
        stem = await page.locator("#stem").inner_text()
        async with world.database.tx() as tx:
            key = await tx.fetch_value(
                "SELECT o.text FROM item i JOIN item_option o ON o.id = i.key_id WHERE i.stem = $1 LIMIT 1",
                stem,
            )
        wrong = page.locator("label.option").filter(has_not=page.get_by_text(key, exact=True)).first
        await wrong.click()
        await expect(page.locator("[data-verdict=wrong]")).to_be_visible()
        await expect(page.locator("[data-verdict=key]")).to_have_count(0)
        await page.locator("#reveal").click()
        await expect(page.locator("#explanation-text")).to_have_text(f"{stem}的解析")
        await expect(page.locator("[data-verdict=key]")).to_contain_text(key)
        await picture(page, "practice")
