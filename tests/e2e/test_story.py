"""The story of a proctored paper, in a real browser in front of a camera."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Browser, Page, Playwright, expect

from exam_service.accounts.model import Principal, Role
from exam_service.registration import usecases as registration
from exam_service.storage.evidence import EvidenceStore
from tests.e2e.conftest import DESKTOP, OpenBrowser, person, picture
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


def picture_bytes(photograph: Path) -> bytes:
    return photograph.read_bytes()


async def enrol(world: World, evidence: EvidenceStore, principal: Principal, photograph: Path) -> None:
    """The physician's registration photo has passed review."""
    own = world.here.registrations[world.here.physicians.index(principal)]
    await registration.store_reviewed_photo(
        world.database, world.clock, world.vault, evidence, own, picture_bytes(photograph)
    )


async def log_in(page: Page, world: World, principal: Principal) -> None:
    await page.goto("/login")
    await page.get_by_label("省份").select_option(world.here.province_id)
    await page.get_by_label("身份证号").fill(world.here.number_of(principal))
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await picture(page, "login")
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url("**/home")


async def log_in_as_body(page: Page, world: World) -> None:
    await page.goto("/staff/login")
    await page.get_by_label("账号").fill(world.here.username_of(Role.BODY))
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await picture(page, "staff-login")
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url("**/home")


async def accept_notice(page: Page, paper: str) -> None:
    await page.goto("/papers")
    await picture(page, "papers")
    row = (
        page.locator("li, article, section, .card")
        .filter(has_text=paper)
        .filter(has=page.get_by_role("link", name=re.compile("进入测评|再次测评")))
    )
    await row.last.get_by_role("link", name=re.compile("进入测评|再次测评")).click()
    await page.get_by_label("我已阅读并同意遵守上述规定").check()
    await picture(page, "notice")
    await page.get_by_role("button", name="去考试").click()


async def pass_the_check(page: Page) -> None:
    """Past the camera and the button that starts the clock, into the paper."""
    await page.get_by_role("button", name="开始检测").click()
    await expect(page.get_by_text("身份核验通过").first).to_be_visible()
    await picture(page, "check-passed")
    await page.wait_for_url(re.compile(r"/attempts/[0-9a-f-]+$"))
    await picture(page, "begin")
    await page.get_by_role("button", name="开始答题").click()
    await expect(page.locator("#stem")).to_be_visible()


async def right_answers(world: World, page: Page) -> dict[str, str]:
    """Stem → text of the right option: what only this test knows."""
    attempt_id = UUID(page.url.rsplit("/", 1)[-1])
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT i.stem, o.text FROM attempt_item p JOIN item i ON i.id = p.item_id "
            "JOIN item_option o ON o.id = i.key_id WHERE p.attempt_id = $1",
            attempt_id,
        )
    return {row["stem"]: row["text"] for row in rows}


async def answer(page: Page, keys: dict[str, str], count: int) -> None:
    """Answer ``count`` items from the present one on, rightly."""
    for _ in range(count):
        stem = await page.locator("#stem").inner_text()
        await page.locator("label.option").filter(has=page.get_by_text(keys[stem], exact=True)).click()
        if not await page.locator("#next").is_disabled():
            await page.locator("#next").click()


async def saved(page: Page) -> None:
    await expect(page.locator("#save-state")).to_have_text("已保存")


async def hand_in(page: Page) -> None:
    await page.locator("#hand-in").click()
    await picture(page, "hand-in")
    await page.get_by_role("button", name="现在交卷").click()
    await page.wait_for_url("**/result")


async def test_a_physician_sits_both_papers_and_the_body_confirms(
    world: World, watched_address: str, evidence: EvidenceStore, open_browser: OpenBrowser, faces_dir: Path
) -> None:
    physician = world.here.general
    await enrol(world, evidence, physician, faces_dir / "obama.jpg")
    async with open_browser("obama2.jpg") as browser:
        async with person(browser, watched_address) as page:
            await log_in(page, world, physician)
            await picture(page, "home")
            await accept_notice(page, "人文医学")
            await page.wait_for_url("**/consent?**")
            await picture(page, "consent")
            await page.get_by_role("button", name="同意", exact=True).click()
            await picture(page, "check")
            await pass_the_check(page)
            keys = await right_answers(world, page)
            await expect(page.locator("#position")).to_have_text("1/50")
            await answer(page, keys, 20)
            await page.locator("#mark").click()
            await saved(page)
            await expect(page.locator("#proctor-hint")).to_have_text(re.compile("监考正常"))
            await picture(page, "paper")
            await page.locator("#open-card").click()
            await picture(page, "card")
            paper_url = page.url
            first_stem = next(iter(keys))
        async with person(
            browser, watched_address
        ) as page:  # the browser was closed; another day, another profile
            await log_in(page, world, physician)
            await picture(page, "home-running")
            await page.get_by_role("link", name="继续测评").first.click()
            await page.wait_for_url("**/takeover")
            await page.get_by_role("button", name="在本机继续").click()
            await expect(page.get_by_text("身份核验通过").first).to_be_visible()
            await page.wait_for_url(paper_url)
            await expect(page.locator("#position")).to_have_text(re.compile(r"/50"))
            assert first_stem in await right_answers(world, page)
            await expect(page.locator("#clock-time")).to_have_text(re.compile(r"^5\d:\d\d$"))
            await jump_to(page, 1)
            await expect(
                page.locator("label.option").filter(has=page.locator("input:checked"))
            ).to_have_count(0)
            assert await page.locator("#option-list input:checked").count() == 1
            await jump_to(page, 21)
            await answer(page, keys, 29)
            await saved(page)
            await hand_in(page)
            await expect(page.get_by_text("合格").first).to_be_visible()
            await picture(page, "result-passed")
            await sit_the_professional_paper(page, world)
            await expect(page.get_by_text("待评定").first).to_be_visible()
            await picture(page, "result-awaiting")
        await confirm(browser, watched_address, world)
        async with person(browser, watched_address) as page:
            await log_in(page, world, physician)
            await page.goto("/papers")
            await expect(page.get_by_text("待评定")).to_have_count(0)
            assert await page.get_by_text("合格", exact=True).count() == 2
            await picture(page, "papers-passed")


async def jump_to(page: Page, number: int) -> None:
    await page.locator("#open-card").click()
    await page.locator("#card-grid").get_by_role("button").nth(number - 1).click()
    await expect(page.locator("#position")).to_have_text(re.compile(rf"^{number}/"))


async def sit_the_professional_paper(page: Page, world: World) -> None:
    await accept_notice(page, "业务水平")
    await pass_the_check(page)
    keys = await right_answers(world, page)
    await expect(page.locator("#position")).to_have_text("1/100")
    await answer(page, keys, 62)
    await saved(page)
    await page.locator("#hand-in").click()
    await expect(page.get_by_text("您还剩38题未做，现在是否交卷？")).to_be_visible()
    await page.get_by_role("button", name="继续答题").click()
    await hand_in(page)


async def confirm(browser: Browser, address: str, world: World) -> None:
    async with person(browser, address, DESKTOP) as page:
        await log_in_as_body(page, world)
        await picture(page, "body-home")
        await page.goto("/review")
        await picture(page, "review-list")
        await page.get_by_role("link", name=world.here.general.name).click()
        snapshots = page.locator(".shot img")
        assert await snapshots.count() >= 3
        await snapshots.first.scroll_into_view_if_needed()
        await expect(page.get_by_text("本人").first).to_be_visible()
        await page.wait_for_function("document.querySelector('.shot img').naturalWidth > 0")
        await picture(page, "review-attempt")
        await page.get_by_label("合格", exact=True).check()
        await page.get_by_label("说明").fill("抓拍核对无异常")
        await page.get_by_role("button", name="确认").click()
        await page.wait_for_url("**/review")
        await expect(page.get_by_text("评定已保存")).to_be_visible()
        await picture(page, "review-done")


async def test_somebody_else_before_the_camera_is_not_let_in(
    world: World,
    watched_address: str,
    evidence: EvidenceStore,
    open_browser: OpenBrowser,
    faces_dir: Path,
) -> None:
    physician = world.here.simple
    await enrol(world, evidence, physician, faces_dir / "obama.jpg")
    await world.consent(physician)
    async with open_browser("biden.jpg") as browser, person(browser, watched_address) as page:
        await log_in(page, world, physician)
        await accept_notice(page, "人文医学")
        await page.get_by_role("button", name="开始检测").click()
        # On a busy machine all verdicts of a try come at once, and what is said of them goes by.
        said = re.compile("暂未确认是本人|这次没有通过")
        await expect(page.locator("[data-part=hint]")).to_contain_text(said)
        await picture(page, "check-another-face")
        attempt = await world.start(physician)
        assert attempt.state == "prepared"


async def test_without_a_camera_there_is_no_paper(
    world: World, address: str, playwright: Playwright, chromium: str
) -> None:
    physician = world.here.simple
    await world.consent(physician)
    browser = await playwright.chromium.launch(
        executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )
    try:
        async with person(browser, address) as page:
            await log_in(page, world, physician)
            await accept_notice(page, "人文医学")
            await page.get_by_role("button", name="开始检测").click()
            await expect(page.get_by_role("heading", name=re.compile("摄像头"))).to_be_visible()
            await expect(page.get_by_role("button", name="重试")).to_be_visible()
            await picture(page, "check-no-camera")
            attempt = await world.start(physician)
            assert attempt.state == "prepared"
    finally:
        await browser.close()
