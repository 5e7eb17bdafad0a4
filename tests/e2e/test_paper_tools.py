"""What the paper page does for people: time, keys, fingers, large text, pictures, words of the staff."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from PIL import Image, ImageDraw
from playwright.async_api import Browser, Page, expect

from tests.e2e.conftest import DESKTOP, PHONE, on_every_screen, person, picture, press_notice
from tests.e2e.standin import PaperStandIn
from tests.e2e.test_outbox import choose, says, until

pytestmark = pytest.mark.browser

MINUTE = 60_000


@pytest.fixture
async def paper() -> PaperStandIn:
    return PaperStandIn()


@asynccontextmanager
async def sitting(
    paper: PaperStandIn,
    browser: Browser,
    viewport: dict[str, int] = PHONE,
    *,
    clock: bool = False,
    **media: str,
) -> AsyncIterator[Page]:
    """The paper is open; with ``clock`` the test moves the browser's time."""
    async with paper.serving() as address, person(browser, address, viewport) as page:
        if clock:
            await page.clock.install()
        if media:
            await page.emulate_media(**media)  # type: ignore[arg-type]
        await page.goto(paper.path)
        await expect(page.locator("#stem")).to_be_visible()
        yield page


def drawing(width: int = 900, height: int = 600) -> dict[str, object]:
    """The picture of a question, as the server gives it."""
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).line(
        [(0, height / 2), (width / 3, 50), (width / 2, height - 50), (width, 90)], "black", 6
    )
    written = io.BytesIO()
    image.save(written, "PNG")
    src = f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode()}"
    return {"src": src, "width": width, "height": height, "alt": "心电图一份"}


async def beat(page: Page, paper: PaperStandIn) -> None:
    """Moves the time until the page has asked the server, and has read its answer."""
    before = paper.beats
    for _ in range(40):
        await page.clock.run_for(1000)
        await page.wait_for_timeout(50)
        if paper.beats > before:
            return
    pytest.fail("the page asked nothing")


async def remembered(page: Page, selector: str) -> None:
    """Notes every text that comes to stand there."""
    await page.evaluate(
        """(selector) => {
          window.heard = [];
          const place = document.querySelector(selector);
          new MutationObserver(() => heard.push(place.textContent))
            .observe(place, { childList: true, subtree: true, characterData: true });
        }""",
        selector,
    )


async def heard(page: Page) -> list[str]:
    found: list[str] = await page.evaluate("heard")
    return found


# Time


async def test_ten_five_and_one_minutes_are_announced_once_each(
    paper: PaperStandIn, browser: Browser
) -> None:
    paper.time_left_ms = 10 * MINUTE + 3000
    async with sitting(paper, browser, clock=True) as page:
        await remembered(page, "#announcer")
        for left in (10, 5, 1):
            paper.time_left_ms = left * MINUTE - 1000
            await page.clock.run_for(16_000)  # a beat asks the server
            await expect(page.locator("#announcer")).to_have_text(f"还剩{left}分钟")
            # The server corrects the clock by a little: the same minute goes by once more, unsaid.
            paper.time_left_ms = left * MINUTE + 1500
            await beat(page, paper)
            await page.clock.run_for(3000)
        assert await heard(page) == ["还剩10分钟", "还剩5分钟", "还剩1分钟"]
        await expect(page.locator("#announcer")).to_have_attribute("aria-live", "assertive")


async def test_a_sleep_past_several_announcements_says_only_what_is_left(
    paper: PaperStandIn, browser: Browser
) -> None:
    paper.time_left_ms = 12 * MINUTE
    async with sitting(paper, browser, clock=True) as page:
        await remembered(page, "#announcer")
        paper.time_left_ms = 3 * MINUTE - 2000
        await page.clock.fast_forward(9 * MINUTE)
        await expect(page.locator("#clock-time")).to_contain_text("2:5")
        await expect(page.locator("#announcer")).to_have_text("还剩3分钟")
        assert await heard(page) == ["还剩3分钟"]


async def test_a_deadline_that_was_moved_is_announced(paper: PaperStandIn, browser: Browser) -> None:
    paper.time_left_ms = 20 * MINUTE
    async with sitting(paper, browser, clock=True) as page:
        await page.clock.run_for(16_000)
        await expect(page.get_by_text("考试时间已延长")).to_have_count(0)
        paper.time_left_ms = 35 * MINUTE
        await page.clock.run_for(16_000)
        notice = page.locator("#notices").get_by_text("考试时间已延长15分钟")
        await expect(notice).to_be_visible()
        await expect(page.locator("#clock-time")).to_contain_text("34:")
        await press_notice(page, "知道了")
        await expect(notice).to_have_count(0)


async def test_time_that_is_up_locks_the_paper_and_time_that_comes_back_opens_it(
    paper: PaperStandIn, browser: Browser
) -> None:
    paper.time_left_ms = 3000
    async with sitting(paper, browser) as page:
        paper.time_left_ms = 0
        await expect(page.get_by_text("考试时间到").first).to_be_visible()
        await expect(page.locator("#options[disabled]")).to_have_count(1)
        paper.time_left_ms = 5 * MINUTE
        await expect(page.locator("#options[disabled]")).to_have_count(0, timeout=15_000)
        await expect(page.get_by_text("考试时间到")).to_have_count(0)


async def test_after_a_long_cut_time_can_be_asked_for(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser, clock=True) as page:
        paper.fault["*"] = "cut"
        await page.clock.run_for(20_000)
        await page.clock.run_for(65_000)
        paper.fault.clear()
        await page.clock.run_for(20_000)
        await press_notice(page, "申请补时")
        await expect(page.locator("#time-span")).to_contain_text("中断时间：")
        await picture(page, "paper-time-request")
        await page.get_by_role("button", name="提交申请").click()
        await expect(page.get_by_text("请写明原因")).to_be_visible()
        await page.get_by_label("原因").fill("医院停电" * 60)
        await expect(page.locator("#time-count")).to_have_text("200/200")
        await page.get_by_role("button", name="提交申请").click()
        await expect(page.get_by_text("已提交，考核机构核实后会答复。")).to_be_visible()
        [request] = paper.time_requests
        assert len(request["reason"]) == 200
        assert request["began_at"] < request["ended_at"]
        await expect(page.get_by_role("button", name="申请补时")).to_have_count(0)


async def test_a_short_cut_offers_nothing(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser, clock=True) as page:
        paper.fault["*"] = "cut"
        await page.clock.run_for(20_000)
        await page.wait_for_timeout(500)
        paper.fault.clear()
        await beat(page, paper)
        await expect(page.get_by_role("button", name="申请补时")).to_have_count(0)


# Hands and eyes


async def swipe(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    session = await page.context.new_cdp_session(page)
    await session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": start[0], "y": start[1]}]}
    )
    for step in range(1, 6):
        x, y = (start[axis] + (end[axis] - start[axis]) * step / 5 for axis in (0, 1))
        await session.send(
            "Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y}]}
        )
    await session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    await session.detach()


async def test_a_finger_turns_the_page(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as page:
        position = page.locator("#position")
        await swipe(page, (300, 300), (120, 310))
        await expect(position).to_have_text("2/10")
        await swipe(page, (300, 300), (120, 310))
        await expect(position).to_have_text("3/10")
        await swipe(page, (100, 300), (280, 290))
        await expect(position).to_have_text("2/10")
        for start, end in (
            ((10, 300), (200, 300)),  # the system's way back
            ((380, 300), (180, 300)),
            ((200, 450), (290, 250)),  # scrolling
            ((200, 300), (160, 300)),  # a trembling tap
        ):
            await swipe(page, start, end)
            await page.wait_for_timeout(100)
            await expect(position).to_have_text("2/10")
        await page.evaluate("getSelection().selectAllChildren(document.getElementById('stem'))")
        await swipe(page, (300, 300), (120, 300))
        await page.wait_for_timeout(100)
        await expect(position).to_have_text("2/10")
        assert paper.journal == []


async def test_the_keyboard_does_all_of_it(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser, DESKTOP) as page:
        for index, key in enumerate("abcde"):
            await page.keyboard.press(key)
            await expect(page.locator("#option-list input").nth(index)).to_be_checked()
        await page.keyboard.press("m")
        await expect(page.locator("#marked")).to_be_visible()
        await page.keyboard.press("ArrowRight")
        await expect(page.locator("#position")).to_have_text("2/10")
        await page.keyboard.press("/")
        await expect(page.locator("#card-grid .cell").nth(1)).to_be_focused()
        await page.keyboard.press("ArrowLeft")
        await expect(page.locator("#position")).to_have_text("1/10")
        await says(page, "已保存")
        assert paper.answers == {paper.items[0].id: paper.items[0].option(4)}
        await picture(page, "paper-keys")


@on_every_screen
async def test_text_of_200_percent_fits_and_is_remembered(
    paper: PaperStandIn, browser: Browser, viewport: dict[str, int]
) -> None:
    paper.items[0].stem = (
        "男，56岁，反复胸痛3个月，加重2小时入院。查体：血压150/90mmHg，心率96次/分，"
        "律齐，双肺呼吸音清。心电图如下，该患者最可能的诊断是什么？"
    )
    paper.items[0].image = drawing()
    paper.items[0].options[0]["text"] = "急性ST段抬高型心肌梗死合并DiGeorgeHypoparathyroidismSyndrome"
    async with sitting(paper, browser, viewport) as page:
        size = "each => parseFloat(getComputedStyle(each).fontSize)"
        before = await page.locator("#stem").evaluate(size)
        await picture(page, "paper-figure")
        for _ in range(3):
            await page.locator("#zoom").click()
        await page.reload()
        await expect(page.locator("#stem")).to_be_visible()
        assert await page.locator("#stem").evaluate(size) == pytest.approx(2 * before, rel=0.05)
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        widest = """Math.max(...[...document.querySelectorAll("#item *")]
          .map((each) => each.getBoundingClientRect().right))"""
        assert await page.evaluate(widest) <= viewport["width"]
        await picture(page, "paper-200-percent")


async def test_the_picture_of_a_question_has_words_and_opens_large(
    paper: PaperStandIn, browser: Browser
) -> None:
    paper.items[0].image = drawing()
    async with sitting(paper, browser) as page:
        shown = page.locator("#figure img")
        await expect(shown).to_have_attribute("alt", "心电图一份")
        assert await shown.evaluate("each => each.complete && each.naturalWidth") == 900
        assert (await shown.bounding_box() or {})["width"] <= PHONE["width"]
        await page.locator("#figure").click()
        large = page.locator("#figure-dialog img")
        await expect(large).to_be_visible()
        assert (await large.bounding_box() or {})["width"] == 900
        await picture(page, "paper-figure-large")
        await page.get_by_role("button", name="关闭图片").click()
        await expect(large).to_be_hidden()
        await page.locator("#next").click()
        await expect(page.locator("#figure")).to_be_hidden()


async def test_contrast_themes_and_reduced_motion_are_obeyed(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser, contrast="more", reduced_motion="reduce") as page:
        ink = await page.locator("#stem").evaluate("each => getComputedStyle(each).color")
        assert ink == "rgb(0, 0, 0)"
        option = page.locator("label.option").first
        assert await option.evaluate("each => getComputedStyle(each).borderTopWidth") == "2px"
        assert await option.evaluate("each => parseFloat(getComputedStyle(each).transitionDuration)") <= 0.001
        await choose(page, 0)
        await picture(page, "paper-contrast")
        await page.emulate_media(forced_colors="active")
        chosen = await option.evaluate("each => getComputedStyle(each).borderTopWidth")
        assert chosen == "4px"
        await picture(page, "paper-forced-colors")


@on_every_screen
async def test_every_target_is_44_pixels(
    paper: PaperStandIn, browser: Browser, viewport: dict[str, int]
) -> None:
    paper.items[0].image = drawing()
    paper.notices = [{"id": "1", "text": "请保持安静。", "at": "2026-11-20T10:00:00+08:00"}]
    async with sitting(paper, browser, viewport) as page:
        await page.locator("#hand-in").click()
        small = await page.evaluate(
            """() => [...document.querySelectorAll('a, button, label.option, textarea')]
              .filter((each) => each.offsetParent && !each.closest('.skip-link, .sheet-side'))
              .map((each) => ({ words: each.textContent.trim(), box: each.getBoundingClientRect() }))
              .filter(({ box }) => Math.min(box.width, box.height) < 44 && box.width > 1)
              .map(({ words, box }) => [words, box.width, box.height])"""
        )
        assert small == []


# Words of the staff, and what is noted for them


async def test_a_notice_of_the_invigilator_is_shown_until_it_was_read_and_never_again(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser, clock=True) as page:
        paper.notices = [{"id": "n1", "text": "请保持安静。", "at": "2026-11-20T10:32:00+08:00"}]
        await page.clock.run_for(16_000)
        notice = page.get_by_role("alert").get_by_text("请保持安静。")
        await expect(notice).to_contain_text("10:32")
        await picture(page, "paper-notice")
        await page.clock.run_for(16_000)
        await expect(notice).to_have_count(1)
        await press_notice(page, "知道了")
        paper.notices.append({"id": "n2", "text": "还有一事。", "at": "2026-11-20T10:40:00+08:00"})
        await page.clock.run_for(16_000)
        await expect(page.get_by_text("还有一事。")).to_be_visible()
        await expect(notice).to_have_count(0)
        await page.reload()
        await expect(page.get_by_text("还有一事。")).to_be_visible()
        await expect(notice).to_have_count(0)


LONG_WORDS = "请各位医师保持安静，独自作答，手机放稳，不要离开座位。" * 4
ANSWERED_WITH_FINGERS = """() => new Promise((done) => {
  const option = document.querySelectorAll("label.option")[1];
  const box = option.getBoundingClientRect();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    const there = document.elementFromPoint(box.x + 40, box.y + 20);
    there.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 }));
    done(document.querySelectorAll("#option-list input:checked").length);
  }).observe(document.getElementById("notices"), { childList: true });
})"""


async def test_what_arrives_moves_no_option_and_a_tap_of_that_moment_chooses_none(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser, clock=True) as page:
        top = "() => document.querySelector('label.option').getBoundingClientRect().top"
        before = await page.evaluate(top)
        tapped = asyncio.ensure_future(page.evaluate(ANSWERED_WITH_FINGERS))
        await asyncio.sleep(0.1)
        paper.notices = [{"id": "n1", "text": LONG_WORDS, "at": "2026-11-20T10:32:00+08:00"}]
        await page.clock.run_for(16_000)
        assert await tapped == 0
        await expect(page.get_by_role("button", name="知道了")).to_be_in_viewport()
        assert await page.evaluate(top) == before
        await page.evaluate(
            """(words) => {
              const line = document.getElementById("proctor-hint");
              line.hidden = false;
              line.dataset.kind = "warn";
              line.textContent = words;
            }""",
            "系统未允许浏览器使用摄像头，请在系统设置的隐私权限中打开，再点监考小窗重试",
        )
        await picture(page, "paper-still")
        assert await page.evaluate(top) == before
        await page.locator("#sheet-state").click()
        await picture(page, "paper-whole-hint")
        assert await page.evaluate(top) == before
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await page.clock.run_for(500)
        await press_notice(page, "知道了")
        assert await page.evaluate(top) == before
        await page.clock.run_for(500)
        await choose(page, 1)
        await expect(page.locator("#option-list input").nth(1)).to_be_checked()


async def test_what_was_read_on_another_device_is_not_shown_again(
    paper: PaperStandIn, browser: Browser
) -> None:
    said = {"text": "请保持安静。", "at": "2026-11-20T10:32:00+08:00"}
    paper.notices = [
        {"id": "n1", "acknowledged": True, **said},
        {"id": "n2", **said, "text": "还有一事。"},
    ]
    async with sitting(paper, browser) as page:
        await expect(page.get_by_text("还有一事。")).to_be_visible()
        await expect(page.get_by_text("请保持安静。")).to_have_count(0)


async def test_leaving_and_copying_are_noted_and_arrive_also_after_a_cut(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser, DESKTOP, clock=True) as page:
        await expect(page.get_by_text("离开页面会被记录，仅供考核机构人工参考。")).to_have_count(1)
        paper.fault["presence"] = (503, "busy")
        await page.evaluate("dispatchEvent(new Event('blur')); dispatchEvent(new Event('beforeprint'))")
        await page.keyboard.press("Control+a")
        await page.keyboard.press("Control+c")
        for _ in range(30):
            await page.evaluate("document.dispatchEvent(new ClipboardEvent('paste', { bubbles: true }))")
        await page.clock.run_for(16_000)
        assert paper.events == []
        paper.fault.clear()
        await page.clock.run_for(20_000)
        await until(lambda: paper.events)
        await page.clock.run_for(20_000)
        await until(lambda: len(paper.events) > 20)
        kinds = [each["kind"] for each in paper.events]
        assert [kind for kind in kinds if kind != "focus"][:4] == ["blur", "print", "select_all", "copy"]
        assert kinds.count("paste") == 30
        assert all(each["at"].endswith("Z") for each in paper.events)


async def test_events_the_server_cannot_read_never_stop_the_heartbeat(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser, clock=True) as page:
        await page.evaluate("dispatchEvent(new Event('blur'))")
        paper.fault["presence"] = (422, "bad_body")
        await page.clock.run_for(16_000)
        await page.wait_for_timeout(300)
        paper.fault.clear()
        await page.clock.run_for(16_000)
        await until(lambda: paper.beats)
        assert paper.events == []


async def test_copying_is_blocked_only_where_the_policy_says(paper: PaperStandIn, browser: Browser) -> None:
    blocked = """(name) => !document.getElementById("stem")
      .dispatchEvent(new Event(name, { bubbles: true, cancelable: true }))"""
    names = ("copy", "cut", "contextmenu", "selectstart", "dragstart")
    async with sitting(paper, browser, DESKTOP) as page:
        assert [await page.evaluate(blocked, name) for name in names] == [False] * 5
        await page.emulate_media(media="print")
        await expect(page.locator("#stem")).to_be_visible()
    paper.block_copy = True
    async with sitting(paper, browser, DESKTOP) as page:
        assert [await page.evaluate(blocked, name) for name in names] == [True] * 5
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.evaluate("navigator.clipboard.writeText('before')")
        await page.keyboard.press("Control+a")
        await page.keyboard.press("Control+c")
        assert await page.evaluate("navigator.clipboard.readText()") == "before"
        await page.emulate_media(media="print")
        await expect(page.locator("#stem")).to_be_hidden()
        words = "getComputedStyle(document.querySelector('.sheet'), '::before').content"
        assert await page.evaluate(words) == json.dumps("本页面不可打印", ensure_ascii=False)
        await picture(page, "paper-print")


@on_every_screen
async def test_a_watermark_stands_behind_the_text_and_disturbs_nobody(
    paper: PaperStandIn, browser: Browser, viewport: dict[str, int]
) -> None:
    paper.watermark = "张*三 430***********1234"
    async with sitting(paper, browser, viewport) as page:
        layer = page.locator(".watermark")
        await expect(layer).to_have_attribute("aria-hidden", "true")
        await expect(layer).to_contain_text("张*三 430***********1234")
        assert await layer.evaluate("each => getComputedStyle(each).pointerEvents") == "none"
        assert await layer.evaluate("each => Number(getComputedStyle(each).opacity)") < 0.12
        covered = await layer.evaluate(
            """each => [...each.children].filter((tile) => { const box = tile.getBoundingClientRect();
              return box.bottom > 0 && box.top < innerHeight; }).length"""
        )
        assert covered > 8
        await choose(page, 1)
        await says(page, "已保存")
        assert not await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        await picture(page, "paper-watermark")


async def test_no_watermark_where_the_policy_wants_none(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as page:
        await expect(page.locator(".watermark")).to_have_count(0)
