"""What people do on the pages of a registration, by the words that they see. Read with test_manuals.py."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, Locator, Page, expect

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.policy import Stage
from exam_service.demo.people import identity_number
from tests.e2e.conftest import DESKTOP, PHONE, person, picture
from tests.world import PASSWORD, Place, World

NEW_PASSWORD = "sunny7days"
MADE_UP = 60
"""Numbers of physicians from here on are on no roster yet."""


@dataclass
class Province:
    """One province of the service, and its people's browsers."""

    world: World
    place: Place
    browser: Browser
    address: str
    faces_dir: Path
    pictures: Path

    @property
    def name(self) -> str:
        return self.place.province_id

    @asynccontextmanager
    async def physician(self, viewport: dict[str, int] = PHONE) -> AsyncIterator[Page]:
        async with person(self.browser, self.address, viewport) as page:
            yield page

    @asynccontextmanager
    async def staff(self, role: Role, username: str | None = None) -> AsyncIterator[Page]:
        """A member of staff at a desk, logged in."""
        async with person(self.browser, self.address, DESKTOP) as page:
            await page.goto("/staff/login")
            await page.get_by_label("账号").fill(username or self.place.username_of(role))
            await page.get_by_label("密码", exact=True).fill(PASSWORD)
            await page.get_by_role("button", name="登录").click()
            await page.wait_for_url("**/home")
            yield page

    @asynccontextmanager
    async def desks(self) -> AsyncIterator[tuple[Page, Page]]:
        """The institution's and the body's."""
        async with AsyncExitStack() as stack:
            yield (
                await stack.enter_async_context(self.staff(Role.INSTITUTION)),
                await stack.enter_async_context(self.staff(Role.BODY)),
            )

    def number(self, index: int) -> str:
        return identity_number(self.name, MADE_UP + index)

    def mobile(self, index: int) -> str:
        """Of nobody; different in every province."""
        return f"139{sum(self.name.encode()):05}{index:03}"

    def face(self, name: str = "obama.jpg") -> Path:
        return self.faces_dir / name

    async def looked_at(self, page: Page, name: str) -> None:
        """Nothing hangs over the side; with a picture where some are wanted."""
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        await picture(page, f"{self.name}-{name}")


async def open_all_stages(world: World, place: Place) -> None:
    """Everything before the tests began yesterday and goes on for some days."""
    today = in_china(world.clock.now()).date()
    days = [(today - timedelta(days=1)).isoformat(), (today + timedelta(days=6)).isoformat()]
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE cycle SET stages = $2 WHERE id = $1", place.cycle.id, dict.fromkeys(Stage, days)
        )


async def staff_of_second_institution(world: World, place: Place) -> str:
    """An account at the neighbours, 医院乙; its user name."""
    username = f"{place.province_id}-second"
    password_hash = await accounts.hash_password(PASSWORD)
    async with world.database.tx() as tx:
        await accounts.add_staff(
            tx,
            world.clock,
            province_id=place.province_id,
            role=Role.INSTITUTION,
            name="医院乙人员",
            username=username,
            password_hash=password_hash,
            institution_id=place.other_institution_id,
        )
    return username


# Ways in


async def code_of(page: Page, mobile: str) -> str:
    """The newest code that was sent there, in the inbox of a demonstration."""
    inbox = await page.context.new_page()
    await inbox.goto("/outbox")
    message = inbox.get_by_role("listitem").filter(has_text=mobile).first
    text = await message.inner_text()
    await inbox.close()
    found = re.search(r"(?<!\d)\d{6}(?!\d)", text.replace(mobile, ""))
    assert found, text
    return found[0]


async def activate(page: Page, province: Province, name: str, number: str, mobile: str) -> None:
    """By the code that comes to the mobile number."""
    await page.goto(f"/login?province={province.name}")
    await page.get_by_role("link", name="首次使用，激活账号").click()
    await page.get_by_label("省份").select_option(province.name)
    await page.get_by_label("证件号码").fill(number)
    await page.get_by_label("姓名").fill(name)
    await page.get_by_label("手机号").fill(mobile)
    await province.looked_at(page, "activate")
    await page.get_by_role("button", name="获取验证码").click()
    await page.get_by_label("短信验证码").fill(await code_of(page, mobile))
    await choose_password(page)
    await page.wait_for_url("**/home")


async def choose_password(page: Page) -> None:
    await page.get_by_label("新密码", exact=True).fill(NEW_PASSWORD)
    await page.get_by_label("再输入一次新密码", exact=True).fill(NEW_PASSWORD)
    await page.locator("form:has(#again) .button-primary").click()


async def answer_in_words(page: Page) -> None:
    """The captcha as a sum, for who can't see the picture."""
    await page.get_by_role("button", name="换成文字题").click()
    question = await page.locator("label[for=captcha]").inner_text()
    one, other = re.findall("[一二三四五六七八九]", question)
    digits = "零一二三四五六七八九"
    await page.get_by_label("验证问题").fill(str(digits.index(one) + digits.index(other)))


# The institution's desk


def button(page: Page, does: str, to: str) -> Locator:
    """One of several that do the same, by the hidden words that tell them apart."""
    return page.get_by_role("button", name=re.compile(rf"^{does}\s*：?\s*{to}$"))


async def add_department(page: Page, name: str = "内科", specialty: str = "呼吸内科专业") -> None:
    await page.goto("/institution/departments")
    await page.get_by_role("link", name="添加科室").first.click()
    await page.get_by_label("科室名称").fill(name)
    await page.get_by_label("在诊疗科目中查找").fill(specialty)
    await page.get_by_label(specialty, exact=True).check()
    await page.get_by_role("button", name="确定").click()
    await expect(page.get_by_role("row").filter(has_text=specialty)).to_be_visible()


async def add_to_roster(
    page: Page, name: str, number: str, mobile: str = "", *, department: str = ""
) -> None:
    await page.goto("/institution/roster/new")
    await page.get_by_label("姓名").fill(name)
    await page.get_by_label("证件号码").fill(number)
    if mobile:
        await page.get_by_label("手机号码").fill(mobile)
    await page.get_by_label("执业类别").select_option(label="临床")
    await page.get_by_label("医师级别").select_option(label="执业医师")
    if department:
        await page.get_by_label("科室").select_option(label=department)
    await page.get_by_role("button", name="加入名册").click()
    await expect(page.get_by_role("button", name="加入名册")).to_have_count(0)


async def admit(page: Page, name: str) -> None:
    """允许报名."""
    await page.goto("/institution/roster")
    await button(page, "允许报名", name).click()
    await expect(button(page, "取消报名", name)).to_be_visible()


# The form


async def upload(page: Page, label: str, files: Sequence[Path]) -> None:
    """Pictures for one place of the form, until the worker has found them fine."""
    place = page.get_by_role("group", name=re.compile(f"^{label}"))
    await page.get_by_label(f"选择图片：{label}").set_input_files(files)
    await place.get_by_role("button", name="上传", exact=True).click()
    await expect(place.get_by_text("已通过检查")).to_have_count(len(files), timeout=60_000)


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=re.compile(f"^{name}"))


async def pick(page: Page, question: str, answer: str) -> None:
    await group(page, question).get_by_label(answer, exact=True).check()


async def consent(page: Page) -> None:
    """To face processing, before the first photo."""
    await page.get_by_role("link", name="查看并选择").click()
    await page.get_by_role("button", name="同意", exact=True).click()
    await page.wait_for_url("**/registration/basic")


async def fill_in_basic(page: Page, province: Province) -> None:
    """基本信息, up to the button that goes on."""
    await consent(page)
    await upload(page, "照片", [province.face()])
    await page.get_by_label("民族").select_option(label="汉族")
    await page.get_by_label("学历").select_option(label="本科")
    await page.get_by_label("电子邮箱").fill("yishi@example.com")


async def fill_in_practice(page: Page, *, department: str = "内科", licensed_on: str = "2012-09-05") -> None:
    await page.get_by_label("科室").select_option(label=department)
    await page.get_by_label("呼吸内科专业").check()
    await page.get_by_label("职称", exact=False).first.select_option(label="中级（主治医师）")
    await pick(page, "规培生", "否")
    await pick(page, "执业情况", "在职")
    await page.get_by_label("内科专业", exact=True).check()
    for label, number in (("资格证书编号", "201443110430611988"), ("执业证书编号", "110430000000001")):
        box = page.get_by_label(label)
        if await box.count() and not await box.input_value():
            await box.fill(number)
    await page.get_by_label("执业证书取得时间").fill(licensed_on)


async def fill_in_conduct(page: Page, *, good: str = "无") -> None:
    await pick(page, "良好执业行为记录", good)
    await pick(page, "不良执业行为记录", "无")
    for what in ("完成工作数量", "完成工作质量", "完成政府指令性工作情况"):
        await pick(page, what, "合格")
    await pick(page, "在本考核周期内", "无")
    await pick(page, "医德医风自评", "良好")


async def choose_general(page: Page) -> None:
    await pick(page, "请依据以上条件", "一般程序")


async def choose_simple(page: Page, condition: str, evidence: Path) -> None:
    await pick(page, "请依据以上条件", "简易程序")
    await page.get_by_label(re.compile(re.escape(condition))).check()
    await page.get_by_label("请填写个人述职").fill("本人遵守各项规章制度，无违反行医准则的行为。")
    await upload(page, "证明材料", [evidence])


async def go_on(page: Page, to: str) -> None:
    """下一步, or 确认信息 at the last step."""
    await page.locator(".form-buttons .button-primary").click()
    await page.wait_for_url(f"**/registration/{to}**")


async def submit(page: Page, button: str = "提交信息") -> None:
    missing = await page.locator(".missing-link").all_inner_texts()
    assert not missing, missing
    await page.get_by_role("button", name=button, exact=True).click()
    await page.wait_for_url("**/registration/submitted")


# Reviews


async def open_review(page: Page, role: Role, name: str) -> None:
    await page.goto(f"/{role}/reviews")
    await page.get_by_role(
        "link", name=f"{'审核' if role is Role.INSTITUTION else '复核'}{name}的报名信息"
    ).click()
    await expect(page.get_by_role("heading", name=name)).to_be_visible()


async def approve(page: Page, role: Role, name: str) -> None:
    await open_review(page, role, name)
    for box in await page.get_by_role("group", name="重点核对").get_by_role("checkbox").all():
        await box.check()
    await page.locator("#approve").click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_have_count(0)


async def send_back(page: Page, name: str, reason: str, fields: Sequence[str]) -> None:
    """驳回, with the fields marked that are to be corrected."""
    await open_review(page, Role.INSTITUTION, name)
    for label in fields:
        await page.get_by_label(re.compile(rf"^需要更正：\s*{label}$")).check()
    await page.get_by_text("驳回", exact=True).first.click()
    await page.get_by_label("驳回原因").fill(reason)
    await page.get_by_role("button", name="驳回医师更正").click()
    await expect(page.get_by_role("heading", name=name, level=1)).to_have_count(0)


async def approve_on_both_levels(province: Province, name: str) -> None:
    async with province.desks() as (institution, body):
        await approve(institution, Role.INSTITUTION, name)
        await approve(body, Role.BODY, name)


async def expect_state(page: Page, state: str, sentence: str) -> None:
    """我的状态 on the home page."""
    await page.goto("/home")
    await expect(page.locator(".status-text")).to_have_text(state)
    await expect(page.get_by_text(sentence).first).to_be_visible()


# After the registration


async def apply_for_exemption(page: Page, condition: str, evidence: Path) -> None:
    await page.goto("/exemptions")
    await page.get_by_label(re.compile(re.escape(condition))).first.check()
    await page.get_by_label("证明材料").first.set_input_files([evidence])
    await page.get_by_role("button", name=re.compile("^提交申请")).first.click()
    await expect(page.get_by_role("button", name=re.compile("^撤回申请"))).to_be_visible()


async def decide_exemption(page: Page, role: Role, name: str, *, grant: bool, reason: str = "") -> None:
    await page.goto(f"/{role}/exemptions")
    await page.get_by_role("link", name=name).first.click()
    if reason:
        await page.get_by_label("理由").fill(reason)
    await page.get_by_role("button", name="同意免考" if grant else "不同意", exact=True).click()
    await expect(page.get_by_role("button", name="同意免考")).to_have_count(0)
