"""No answer is lost on its way: the outbox of the paper page before a server that has bad hours on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Dialog, Page, Route, expect

from tests.e2e.conftest import person, picture, press_notice
from tests.e2e.standin import Item, PaperStandIn
from tests.world import eventually

pytestmark = pytest.mark.browser

STORED = """() => new Promise((resolve) => {
  const opening = indexedDB.open("exam-outbox");
  opening.onsuccess = () => {
    const database = opening.result;
    if (!database.objectStoreNames.contains("entries")) { database.close(); resolve([]); return; }
    const asking = database.transaction("entries").objectStore("entries").getAll();
    asking.onsuccess = () => { database.close(); resolve(asking.result.map((each) => ({ ...each,
      iv: [...each.iv], data: [...each.data] }))); };
  };
})"""


@pytest.fixture
async def paper() -> PaperStandIn:
    return PaperStandIn()


@asynccontextmanager
async def sitting(
    paper: PaperStandIn, browser: Browser, *, setup: str = ""
) -> AsyncIterator[tuple[Page, BrowserContext]]:
    """The paper is open; ``setup`` is a script that runs before the page's own."""
    async with paper.serving() as address, person(browser, address) as page:
        if setup:
            await page.context.add_init_script(setup)
        await page.goto(paper.path)
        await expect(page.locator("#stem")).to_be_visible()
        yield page, page.context


async def choose(page: Page, position: int) -> None:
    await page.locator("label.option").nth(position).click()


async def says(page: Page, words: str) -> None:
    await expect(page.locator("#save-state")).to_have_text(words, timeout=20_000)


async def until(fact: Callable[[], object]) -> None:
    """Waits for what the server sees."""

    async def seen() -> object:
        return fact()

    await eventually(seen, within=15)


async def answered_offline(page: Page, paper: PaperStandIn) -> tuple[Item, Item]:
    """Two answers that can't be sent: option 1 of the first item, option 2 of the second."""
    paper.fault["answers"] = "cut"
    await choose(page, 1)
    await page.locator("#next").click()
    await choose(page, 2)
    await says(page, "网络中断，答案已存在本机，恢复后自动上传")
    async with asyncio.timeout(15):  # the words may still be about the first one
        while len(await page.evaluate(STORED)) < 2:
            await page.wait_for_timeout(50)
    return paper.items[0], paper.items[1]


async def test_answers_survive_a_reload_and_arrive_with_the_epoch_they_were_given_in(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser) as (page, _):
        first, second = await answered_offline(page, paper)
        await page.reload()
        await expect(page.locator("#stem")).to_be_visible()
        # Shown at once, sent later: the second is where the physician was.
        await expect(page.locator(f"[id='option-{second.option(2)}']")).to_be_checked()
        await expect(page.locator("#count-answered")).to_have_text("2")
        assert paper.journal == []
        paper.fault.clear()
        await says(page, "已保存")
        assert [(each["epoch"], each["seq"]) for each in paper.journal] == [(1, 1), (1, 2)]
        assert paper.answers == {first.id: first.option(1), second.id: second.option(2)}
        assert await page.evaluate(STORED) == []


async def test_a_page_loaded_after_the_cut_sends_what_a_dead_one_left(
    paper: PaperStandIn, browser: Browser
) -> None:
    """As a phone that died does: nothing of the first page runs any more."""
    async with sitting(paper, browser) as (page, context):
        first, second = await answered_offline(page, paper)
        await page.close()
        paper.fault.clear()
        again = await context.new_page()
        await again.goto(paper.path)
        await says(again, "已保存")
        assert paper.answers == {first.id: first.option(1), second.id: second.option(2)}
        assert {each["epoch"] for each in paper.journal} == {1}
        assert paper.epoch == 2


async def test_what_an_older_page_left_never_replaces_a_newer_answer(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser) as (page, context):
        first, _ = await answered_offline(page, paper)
        await page.close()
        # In between another device answered the same item.
        paper.epoch = 2
        paper.journal.append(
            {"epoch": 2, "seq": 1, "item": first.id, "option": first.option(4), "late": False}
        )
        again = await context.new_page()
        await again.goto(paper.path)
        # Unsent still: what the other device answered is shown, the older answer isn't.
        await again.locator("#previous").click()
        await expect(again.locator(f"[id='option-{first.option(4)}']")).to_be_checked()
        paper.fault.clear()
        await says(again, "已保存")
        assert len(paper.journal) == 3
        await expect(again.locator(f"[id='option-{first.option(4)}']")).to_be_checked()
        assert paper.answers[first.id] == first.option(4)


async def test_what_lies_in_the_browser_is_encrypted(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as (page, _):
        first, second = await answered_offline(page, paper)
        records = await page.evaluate(STORED)
        assert len(records) == 2
        raw = json.dumps(records) + "".join(bytes(each["data"]).decode("latin-1") for each in records)
        for secret in (first.id, first.option(1), second.option(2), "option", "client_time"):
            assert secret not in raw
        assert len({bytes(each["iv"]) for each in records}) == 2
        assert all(len(each["iv"]) == 12 for each in records)
        assert paper.key not in json.dumps(await page.context.storage_state()).encode()


async def test_an_answer_is_stored_before_it_leaves(paper: PaperStandIn, browser: Browser) -> None:
    slow = """const seal = SubtleCrypto.prototype.encrypt;
      SubtleCrypto.prototype.encrypt = async function (...all) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        return seal.apply(this, all);
      };"""
    async with sitting(paper, browser, setup=slow) as (page, _):
        seen = []

        async def look(route: Route) -> None:
            seen.append(len(await page.evaluate(STORED)))
            await route.continue_()

        await page.route("**/answers", look)
        await choose(page, 1)
        await says(page, "已保存")
        assert seen == [1]
        await page.wait_for_timeout(200)
        assert await page.evaluate(STORED) == []


async def test_entries_that_cannot_be_read_stay_and_hold_nothing_up(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser) as (page, _):
        first, _ = await answered_offline(page, paper)
        await page.evaluate(
            """() => new Promise((resolve) => {
              indexedDB.open("exam-outbox").onsuccess = ({ target }) => {
                const entries = target.result.transaction("entries", "readwrite").objectStore("entries");
                entries.getAll().onsuccess = (event) => {
                  const spoilt = event.target.result[0];
                  spoilt.data[0] ^= 1;
                  entries.put(spoilt).onsuccess = resolve;
                };
              };
            })"""
        )
        paper.fault.clear()
        paper.fault["answers"] = "cut"
        await page.close()
        again = await page.context.new_page()
        await again.goto(paper.path)
        paper.fault.clear()
        await says(again, "已保存")
        assert [each["seq"] for each in paper.journal] == [2]
        assert first.id not in paper.answers
        assert [each["seq"] for each in await again.evaluate(STORED)] == [1]


async def test_old_leftovers_of_other_attempts_are_forgotten(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as (page, _):
        await choose(page, 0)
        await says(page, "已保存")
        await page.evaluate(
            """() => new Promise((resolve) => {
              indexedDB.open("exam-outbox").onsuccess = ({ target }) => {
                const transaction = target.result.transaction("entries", "readwrite");
                const day = 24 * 3600 * 1000;
                for (const [attempt, days] of [["old", 31], ["recent", 29]]) {
                  transaction.objectStore("entries").put({ attempt, epoch: 1, seq: 1, iv: new Uint8Array(12),
                    data: new Uint8Array(20), at: Date.now() - days * day });
                }
                transaction.oncomplete = resolve;
              };
            })"""
        )
        await page.reload()
        await expect(page.locator("#stem")).to_be_visible()
        await page.wait_for_timeout(300)
        assert [each["attempt"] for each in await page.evaluate(STORED)] == ["recent"]


@pytest.mark.parametrize(
    "setup",
    [
        pytest.param("Object.defineProperty(window, 'indexedDB', { value: undefined });", id="no IndexedDB"),
        pytest.param("Object.defineProperty(crypto, 'subtle', { value: undefined });", id="no cryptography"),
        pytest.param(
            "IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); };",
            id="no room",
        ),
    ],
)
async def test_without_a_place_to_keep_answers_the_page_goes_on_and_says_so(
    paper: PaperStandIn, browser: Browser, setup: str
) -> None:
    async with sitting(paper, browser, setup=setup) as (page, _):
        paper.fault["answers"] = "cut"
        await choose(page, 1)
        await says(page, "网络中断，答案尚未上传，请不要关闭页面")
        paper.fault.clear()
        await says(page, "已保存")
        assert len(paper.journal) == 1


@pytest.mark.parametrize(
    "fault", ["html", (500, "server_error"), (503, "busy"), (429, "too_many"), (413, "http"), (404, "http")]
)
async def test_only_the_services_own_no_ends_an_answer(
    paper: PaperStandIn, browser: Browser, fault: tuple[int, str] | str
) -> None:
    async with sitting(paper, browser) as (page, _):
        paper.fault["answers"] = fault
        await choose(page, 1)
        await says(page, "服务器暂时没有接收，答案已存在本机，恢复后自动上传")
        assert paper.journal == []
        await expect(page.get_by_text("没有保存")).to_have_count(0)
        paper.fault.clear()
        await says(page, "已保存")
        assert len(paper.journal) == 1


async def test_an_answer_that_the_server_refuses_is_told_and_never_looks_saved(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser) as (page, _):
        await choose(page, 0)
        await says(page, "已保存")
        await page.locator("#next").click()
        paper.fault["answers"] = (422, "not_in_paper")
        await choose(page, 1)
        await expect(page.get_by_text("第2题没有保存")).to_be_visible()
        await says(page, "有答案没有保存，请看题目上方的提示")
        await expect(page.locator("#option-list input:checked")).to_have_count(0)
        await picture(page, "paper-refused")
        # Another answer that is saved doesn't hide it; the same item saved does.
        paper.fault.clear()
        await page.locator("#next").click()
        await choose(page, 1)
        await page.wait_for_timeout(300)
        await says(page, "有答案没有保存，请看题目上方的提示")
        await page.locator("#previous").click()
        await choose(page, 3)
        await says(page, "已保存")
        await expect(page.get_by_text("没有保存")).to_have_count(0)


async def test_one_answer_that_the_server_chokes_on_does_not_hold_up_the_others(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser) as (page, _):
        await page.context.route(
            "**/answers",
            lambda route: (
                route.fulfill(status=500, body="{}")
                if paper.items[0].id in (route.request.post_data or "")
                else route.continue_()
            ),
        )
        await choose(page, 0)
        await page.locator("#next").click()
        await choose(page, 1)
        await until(lambda: paper.journal)
        assert [each["item"] for each in paper.journal] == [paper.items[1].id]
        await expect(page.locator("#save-state")).not_to_have_text("已保存")


async def test_a_login_that_ended_loses_nothing_and_a_new_one_sends_it(
    paper: PaperStandIn, browser: Browser
) -> None:
    """The token is refused, and the page that would have a new one leads to the login."""
    async with sitting(paper, browser) as (page, _):
        paper.log_out()
        await choose(page, 1)
        await says(page, "登录已失效，答案已存在本机，重新登录后自动上传")
        await expect(page.get_by_role("link", name="重新登录").first).to_be_visible()
        await expect(page.get_by_text("没有保存")).to_have_count(0)
        await picture(page, "paper-login-expired")
        paper.log_in()
        await says(page, "已保存")
        assert len(paper.journal) == 1


async def test_another_page_takes_over_and_this_one_says_so_but_still_sends(
    paper: PaperStandIn, browser: Browser
) -> None:
    async with sitting(paper, browser) as (page, _):
        paper.fault["answers"] = "cut"
        await choose(page, 1)
        await says(page, "网络中断，答案已存在本机，恢复后自动上传")
        paper.epoch = 2
        paper.fault.clear()
        await expect(page.locator("#notices").get_by_text("本卷已在其他页面")).to_be_visible(timeout=20_000)
        await expect(page.locator("#options[disabled]")).to_have_count(1)
        await says(page, "本页已停止作答")
        assert [each["epoch"] for each in paper.journal] == [1]
        await press_notice(page, "改在本页作答")
        await expect(page.locator("#options[disabled]")).to_have_count(0)
        assert paper.epoch == 3


async def test_a_device_that_does_not_hold_the_paper_is_sent_to_the_takeover(
    paper: PaperStandIn, browser: Browser
) -> None:
    paper.fault["lease"] = (409, "takeover_needed")
    async with paper.serving() as address, person(browser, address) as page:
        await page.goto(paper.path)
        await page.wait_for_url(f"**{paper.path}/takeover")


async def test_a_look_of_the_server_is_answered_at_once(paper: PaperStandIn, browser: Browser) -> None:
    paper.proctored = True
    async with sitting(paper, browser) as (page, _):
        await expect(page.locator("#proctor-hint")).to_contain_text("监考已连接", timeout=15_000)
        paper.epoch = 2
        beats = paper.beats
        await paper.look()
        await expect(page.locator("#notices").get_by_text("本卷已在其他页面")).to_be_visible(timeout=3000)
        assert paper.beats > beats


async def test_a_late_answer_is_told_and_does_not_look_counted(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as (page, _):
        paper.outcome = "late"
        await choose(page, 1)
        await expect(
            page.get_by_text("第1题的答案在截止后才到达，已保存供考核机构核查，未计入成绩。")
        ).to_be_visible()
        await expect(page.locator("#option-list input:checked")).to_have_count(0)


async def test_handing_in_waits_for_every_answer(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as (page, _):
        first, second = await answered_offline(page, paper)
        await page.locator("#hand-in").click()
        await page.get_by_role("button", name="现在交卷").click()
        await expect(page.locator("#hand-in-state")).to_contain_text("还有2个答案没有上传")
        await page.wait_for_timeout(1500)
        assert paper.state == "running"
        await expect(page.locator("#hand-in-dialog")).to_be_visible()
        paper.fault.clear()
        await page.wait_for_url("**/result")
        assert paper.state == "marked"
        assert paper.answers == {first.id: first.option(1), second.id: second.option(2)}


async def test_what_cannot_be_sent_can_be_exported_for_the_staff(
    paper: PaperStandIn, browser: Browser, tmp_path: Path
) -> None:
    async with sitting(paper, browser) as (page, _):
        first, second = await answered_offline(page, paper)
        await page.locator("#hand-in").click()
        await page.get_by_role("button", name="现在交卷").click()
        button = page.get_by_role("button", name="导出未上传的答案")
        await expect(button).to_have_count(0)
        await expect(button).to_be_visible(timeout=25_000)
        await picture(page, "paper-export")
        async with page.expect_download() as downloading:
            await button.click()
        download = await downloading.value
        assert download.suggested_filename == f"answers-{paper.attempt}.json"
        await download.save_as(tmp_path / "answers.json")
        text = (tmp_path / "answers.json").read_text()
        assert first.option(1) not in text
        exported = json.loads(text)
        assert (exported["format"], exported["attempt"]) == ("exam-outbox-1", paper.attempt)
        opened = [json.loads(paper.unseal(entry)) for entry in exported["entries"]]
        assert [(each["item"], each["option"]) for each in opened] == [
            (first.id, first.option(1)),
            (second.id, second.option(2)),
        ]
        assert all(each["client_time"].endswith("Z") for each in opened)


async def test_in_wechat_which_downloads_nothing_the_export_is_copied(
    paper: PaperStandIn, browser: Browser
) -> None:
    wechat = "Object.defineProperty(navigator, 'userAgent', { value: 'Mobile MicroMessenger/8.0' });"
    async with sitting(paper, browser, setup=wechat) as (page, context):
        await context.grant_permissions(["clipboard-read", "clipboard-write"])
        await answered_offline(page, paper)
        paper.fault["answers"] = (409, "attempt_closed")
        said = []

        async def read(dialog: Dialog) -> None:
            said.append(dialog.message)
            await dialog.accept()

        page.on("dialog", read)
        await press_notice(page, "导出未上传的答案")
        await until(lambda: said)
        exported = json.loads(await page.evaluate("navigator.clipboard.readText()"))
        assert len([paper.unseal(entry) for entry in exported["entries"]]) == 2


async def test_when_the_attempt_is_over_for_good_the_export_is_all_that_is_left(
    paper: PaperStandIn, browser: Browser, tmp_path: Path
) -> None:
    async with sitting(paper, browser) as (page, context):
        await answered_offline(page, paper)
        paper.fault["answers"] = (409, "attempt_closed")
        await expect(page.get_by_text("还有2个答案没有上传")).to_be_visible(timeout=20_000)
        await expect(page.get_by_role("button", name="导出未上传的答案")).to_be_visible()
        await expect(page.locator("#save-state")).not_to_have_text("已保存")
        # A later load can't even open the paper; the answers are still there.
        paper.fault["lease"] = (409, "attempt_closed")
        again = await context.new_page()
        await again.goto(paper.path)
        await expect(again.get_by_text("还有2个答案没有上传")).to_be_visible()
        async with again.expect_download() as downloading:
            await press_notice(again, "导出未上传的答案")
        await (await downloading.value).save_as(tmp_path / "answers.json")
        exported = json.loads((tmp_path / "answers.json").read_text())
        assert len([paper.unseal(entry) for entry in exported["entries"]]) == 2


async def test_leaving_warns_while_the_paper_is_open(paper: PaperStandIn, browser: Browser) -> None:
    async with sitting(paper, browser) as (page, _):
        await choose(page, 1)
        await says(page, "已保存")
        asked = []

        async def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            await dialog.accept()

        page.on("dialog", stay)
        await page.reload()
        assert asked == ["beforeunload"]
        await expect(page.locator("#stem")).to_be_visible()
        await page.locator("#hand-in").click()
        await page.get_by_role("button", name="现在交卷").click()
        await page.wait_for_url("**/result")
        assert asked == ["beforeunload"]
