"""Who sits there, in a real browser: turns of the head, a person decides, rehearsals, cameras at fault."""

from __future__ import annotations

import re
from uuid import UUID

from playwright.async_api import Page, expect

from exam_service.accounts.model import Principal, Role
from exam_service.proctor import usecases
from exam_service.proctor.liveness import SETTLING
from tests.e2e.conftest import Hall, on_every_screen, person, picture
from tests.e2e.test_story import log_in
from tests.world import World

BODY = Role.BODY


async def begin_check(page: Page, world: World, physician: Principal) -> UUID:
    """Before the camera of a paper's identity check; the attempt's id."""
    attempt = await world.start(physician)
    await log_in(page, world, physician)
    await page.goto(f"/attempts/{attempt.id}/check")
    await page.get_by_role("button", name="开始检测").click()
    return attempt.id


async def waiting_id(world: World) -> UUID:
    async with world.services.database.tx() as tx:
        [waiting] = await usecases.waiting_for_person(tx, world.here.staff[BODY])
    return waiting.id


@on_every_screen
async def test_somebody_else_has_five_tries_and_then_a_person_decides(
    hall: Hall, viewport: dict[str, int]
) -> None:
    physician = await hall.newcomer()
    hall.show("biden.jpg")
    async with person(hall.browser, hall.address, viewport) as page:
        attempt_id = await begin_check(page, hall.world, physician)
        await expect(page.get_by_text("剩余次数：5次")).to_be_visible()
        await spend_all_but_one_try(hall.world, attempt_id)
        await expect(page.get_by_role("heading", name="已转人工核验")).to_be_visible(timeout=30_000)
        await picture(page, "check-waiting")
        await expect(page.locator("video")).to_be_visible()

        staff = hall.world.here.staff[BODY]
        await usecases.decide(
            hall.world.services, staff, await waiting_id(hall.world), accepted=False, reason="画面不是本人"
        )
        await expect(page.get_by_role("heading", name="身份核验没有通过")).to_be_visible()
        await expect(page.get_by_text("画面不是本人")).to_be_visible()
        await picture(page, "check-refused")
        async with hall.world.services.database.tx() as tx:
            found = await tx.fetch("SELECT checked_at FROM attempt WHERE id = $1", attempt_id)
        assert found[0]["checked_at"] is None


@on_every_screen
async def test_a_spent_try_waits_for_the_press_of_a_button(hall: Hall, viewport: dict[str, int]) -> None:
    physician = await hall.newcomer()
    hall.show("biden.jpg")
    async with person(hall.browser, hall.address, viewport) as page:
        attempt_id = await begin_check(page, hall.world, physician)
        again = page.get_by_role("button", name="再试一次")
        await expect(again).to_be_focused(timeout=30_000)
        await expect(again).to_be_in_viewport()
        await expect(page.locator("[data-part=spent]")).to_contain_text("请摘下口罩、帽子和眼镜")
        await expect(page.get_by_text("还可以试4次")).to_be_in_viewport()
        await picture(page, "check-spent")
        frames = await checked(hall.world, attempt_id)
        await page.wait_for_timeout(3000)
        assert await checked(hall.world, attempt_id) == frames, "nothing is sent meanwhile"
        hall.show("obama2.jpg")
        await again.press("Enter")
        await page.wait_for_url(re.compile(r"/attempts/[0-9a-f-]+$"), timeout=40_000)


async def checked(world: World, attempt_id: UUID) -> int:
    async with world.database.tx() as tx:
        found = await tx.fetch(
            "SELECT count(*) AS frames FROM proctor_check WHERE attempt_id = $1", attempt_id
        )
    return int(found[0]["frames"])


async def spend_all_but_one_try(world: World, attempt_id: UUID, *, settled: bool = False) -> None:
    """The next try is the last; where the physician has ``settled`` down, it may be spent at once."""
    moved = {"first_at": (world.clock.now() - SETTLING).isoformat()} if settled else {}
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE identity_check SET tries = 4, challenge = challenge || $2 WHERE attempt_id = $1",
            attempt_id,
            moved,
        )


async def test_an_accepted_face_goes_on_without_a_touch(hall: Hall) -> None:
    physician = await hall.newcomer()
    hall.show("biden.jpg")
    async with person(hall.browser, hall.address) as page:
        attempt_id = await begin_check(page, hall.world, physician)
        await expect(page.get_by_text("剩余次数：5次")).to_be_visible()
        await spend_all_but_one_try(hall.world, attempt_id, settled=True)
        await expect(page.get_by_role("heading", name="已转人工核验")).to_be_visible(timeout=30_000)
        await usecases.decide(
            hall.world.services,
            hall.world.here.staff[BODY],
            await waiting_id(hall.world),
            accepted=True,
            reason="视频里核对了证件",
        )
        await expect(page.get_by_text("身份核验通过").first).to_be_visible()
        await page.wait_for_url(re.compile(r"/attempts/[0-9a-f-]+$"))


@on_every_screen
async def test_a_photograph_is_asked_to_turn_and_never_passes(hall: Hall, viewport: dict[str, int]) -> None:
    physician = await hall.newcomer()
    hall.show("obama2.jpg")
    async with person(hall.browser, hall.address, viewport, script="") as page:
        await begin_check(page, hall.world, physician)
        await expect(page.locator(".turn")).to_be_visible()
        await expect(page.locator("[data-part=hint]")).to_have_text(re.compile("请慢慢向[左右]转头"))
        await picture(page, "check-turn")
        await expect(page.locator("[data-part=passed]")).to_be_hidden()


@on_every_screen
async def test_a_rehearsal_ends_in_a_pass_to_show(hall: Hall, viewport: dict[str, int]) -> None:
    physician = await hall.newcomer(consents=False)
    hall.show("obama2.jpg")
    async with person(hall.browser, hall.address, viewport) as page:
        await log_in(page, hall.world, physician)
        await page.get_by_role("link", name="设备自检").click()
        await page.wait_for_url("**/consent?**")
        await page.get_by_role("button", name="同意", exact=True).click()
        await picture(page, "rehearsal")
        await page.get_by_role("button", name="开始自检").click()
        await expect(page.locator("[data-part=hint]")).not_to_be_empty()
        await expect(page.get_by_text("剩余次数")).to_be_hidden()
        await page.wait_for_url("**/rehearsal/pass", timeout=40_000)
        await expect(page.get_by_text("设备自检通过")).to_be_visible()
        await expect(page.get_by_text("已与报名照片核对")).to_be_visible()
        await picture(page, "rehearsal-pass")
        await page.get_by_role("link", name="重新自检").click()
        await expect(page.get_by_role("link", name="查看凭证")).to_be_visible()


@on_every_screen
async def test_staff_ask_for_the_face_beside_a_paper_and_the_answering_goes_on(
    hall: Hall, viewport: dict[str, int]
) -> None:
    physician = await hall.newcomer()
    attempt = await hall.world.start(physician)
    await hall.world.admit(attempt)
    hall.show("obama2.jpg")
    async with person(hall.browser, hall.address, viewport) as page:
        await log_in(page, hall.world, physician)
        await page.goto(f"/attempts/{attempt.id}")
        await expect(page.locator("#proctor-hint")).to_have_text(re.compile("监考正常"))
        await usecases.ask_recheck(hall.world.services, hall.world.here.staff[BODY], attempt.id, "画面不清")
        await expect(page.locator("#recheck strong")).to_have_text(re.compile("请慢慢向[左右]转头"))
        await picture(page, "paper-recheck")
        await page.locator("label.option").first.click()
        await expect(page.locator("#recheck strong")).to_have_text("身份核验通过", timeout=30_000)
        await expect(page.locator("#save-state")).to_have_text("已保存")


# Cameras that can't be used. What browsers say is made up here; who says what is in camera.js.

REFUSALS = [
    ("NotAllowedError", "Permission denied", "没有获得摄像头的使用权限"),
    ("NotAllowedError", "Permission dismissed", "还没有允许使用摄像头"),
    ("NotAllowedError", "Permission denied by system", "系统没有允许浏览器使用摄像头"),
    ("NotReadableError", "Could not start video source", "摄像头正被其他程序使用"),
    ("NotFoundError", "Requested device not found", "没有找到摄像头"),
    ("SecurityError", "", "本页面被限制使用摄像头"),
]
REFUSE = """([name, message]) => {
  navigator.mediaDevices.getUserMedia = async () => { throw new DOMException(message, name); };
}"""


async def test_a_camera_that_cannot_be_used_is_explained(hall: Hall) -> None:
    async with person(hall.browser, hall.address, script=f"({REFUSE})(['NotFoundError', ''])") as page:
        await begin_check(page, hall.world, await hall.newcomer())
        for name, message, title in REFUSALS:
            await page.evaluate(REFUSE, [name, message])
            await page.get_by_role("button", name="重试").click()
            await expect(page.locator("[data-part=hint]")).to_have_text(title)
            await expect(page.locator("[data-part=remedies] li").first).to_be_visible()


SCRAMBLE = """
const read = CanvasRenderingContext2D.prototype.getImageData;
CanvasRenderingContext2D.prototype.getImageData = function (...place) {
  const seen = read.apply(this, place);
  return window.trusted ? seen : { data: seen.data.map(() => Math.random() * 256) };
};
"""


async def test_a_browser_that_scrambles_what_is_read_is_no_missing_face(hall: Hall) -> None:
    async with person(hall.browser, hall.address, script=SCRAMBLE) as page:
        await begin_check(page, hall.world, await hall.newcomer())
        await expect(page.locator("[data-part=hint]")).to_have_text("浏览器把摄像头画面变成了杂点")
        await expect(page.locator("[data-part=remedies]")).to_contain_text("图像数据")
        await page.evaluate("() => { window.trusted = true; }")
        await page.get_by_role("button", name="重试").click()
        await expect(page.locator("[data-part=fault]")).to_be_hidden()


APPS = [
    ("iPhone; CPU iPhone OS 14_0 like Mac OS X) MicroMessenger/8.0", "在 Safari 中打开"),
    ("Linux; Android 13; wv) DingTalk/7.0", "在浏览器打开"),
    ("Linux; Android 13) Chrome/120", "手机自带的浏览器"),
    ("Windows NT 10.0) MicroMessenger/8.0 WindowsWechat", "用默认浏览器打开"),
]


async def test_a_browser_without_cameras_says_where_to_go_instead(hall: Hall) -> None:
    script = "Object.defineProperty(navigator, 'mediaDevices', { get: () => undefined });"
    script += "Object.defineProperty(navigator, 'userAgent', { get: () => localStorage.agent || '' });"
    async with person(hall.browser, hall.address, script=script) as page:
        await begin_check(page, hall.world, await hall.newcomer())
        for agent, words in APPS:
            await page.evaluate("(agent) => { localStorage.agent = agent; }", f"Mozilla/5.0 ({agent}")
            await page.reload()
            await page.get_by_role("button", name="开始检测").click()
            await expect(page.locator("[data-part=hint]")).to_have_text("当前浏览器不能使用摄像头")
            await expect(page.locator("[data-part=remedies]")).to_contain_text(words)
