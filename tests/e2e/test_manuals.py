"""The five manuals, each walked in a browser with its own words: from the way in to waiting for the test."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.async_api import Browser, expect

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.clock import SystemClock
from exam_service.storage.database import Database
from exam_service.storage.embedded import EmbeddedRedis
from exam_service.storage.vault import Vault
from tests.conftest import settings_for
from tests.e2e.conftest import DESKTOP, serving_with_a_worker
from tests.e2e.manual import (
    NEW_PASSWORD,
    Province,
    activate,
    add_department,
    add_to_roster,
    admit,
    answer_in_words,
    apply_for_exemption,
    approve,
    approve_on_both_levels,
    button,
    choose_general,
    choose_password,
    choose_simple,
    code_of,
    decide_exemption,
    expect_state,
    fill_in_basic,
    fill_in_conduct,
    fill_in_practice,
    go_on,
    group,
    open_all_stages,
    send_back,
    staff_of_second_institution,
    submit,
    upload,
)
from tests.world import PASSWORD, build_place, build_world, own_database

pytestmark = pytest.mark.browser

OTHER_PRESETS = {
    "shanxi": "shanxi-2024",
    "hainan": "hainan-2024",
    "dingkaotong": "dingkaotong-2023",
}
NAME = "阿依古丽"


@dataclass(frozen=True)
class Service:
    """One service for the five provinces, with a worker that looks at pictures."""

    provinces: Mapping[str, Province]

    def of(self, province_id: str) -> Province:
        return self.provinces[province_id]


@pytest.fixture(scope="module")
async def service(
    template_database: str,
    redis_server: EmbeddedRedis,
    browser: Browser,
    faces_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Service]:
    directory = tmp_path_factory.mktemp("manuals")
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(own_database(template_database))
        settings = settings_for(url, redis_server, directory / "data").model_copy(update={"demo": True})
        database = await Database.connect(url, pool_size=4)
        stack.push_async_callback(database.close)
        vault, clock = Vault(settings.key("master_key")), SystemClock()
        world = await build_world(database, settings, vault, clock)
        password_hash = await accounts.hash_password(PASSWORD)
        places = [world.here, world.elsewhere]
        async with database.tx() as tx:
            for name, preset in OTHER_PRESETS.items():
                places.append(await build_place(tx, clock, settings, vault, name, preset, password_hash))
        for place in places:
            await open_all_stages(world, place)
        pictures = draw_evidence(directory)
        address = await stack.enter_async_context(serving_with_a_worker(settings))
        yield Service(
            {
                place.province_id: Province(world, place, browser, address, faces_dir, pictures)
                for place in places
            }
        )


def draw_evidence(directory: Path) -> Path:
    """A certificate, drawn."""
    image = Image.new("RGB", (900, 640), "white")
    ImageDraw.Draw(image).rectangle((40, 40, 860, 600), outline="maroon", width=8)
    path = directory / "certificate.jpg"
    image.save(path, "JPEG")
    return path


async def test_hunan_2026(service: Service) -> None:
    """Roster and departments, the form on a phone, a return, both reviews, an exemption accepted."""
    province = service.of("hunan")
    number, mobile = province.number(1), province.mobile(1)
    async with province.staff(Role.INSTITUTION) as desk:
        await add_department(desk)
        await province.looked_at(desk, "departments")
        await add_to_roster(desk, NAME, number, mobile, department="内科")

        async with province.physician() as page:
            await activate(page, province, NAME, number, mobile)
            await expect_state(page, "未开通报名", "未开通报名，请联系医疗卫生机构。")
            await admit(desk, NAME)
            await province.looked_at(desk, "roster")
            await expect_state(page, "已开通报名", "所在医疗卫生机构已经允许您参加本周期考核")
            await province.looked_at(page, "home-admitted")

            await page.get_by_role("link", name="我要报名").first.click()
            await page.wait_for_url("**/registration/basic")
            await expect(page.get_by_text("照片将用于考试过程监考及考核结果通知书打印").first).to_be_visible()
            await fill_in_basic(page, province)
            await province.looked_at(page, "form-basic")
            await go_on(page, "practice")
            await fill_in_practice(page)
            await upload(page, "上传执业证或电子证照", [province.pictures, province.pictures])
            await province.looked_at(page, "form-practice")
            await go_on(page, "experience")
            await province.looked_at(page, "form-experience")
            await go_on(page, "conduct")
            await expect(page.get_by_text("设区的市级以上").first).to_be_visible()
            await expect(page.get_by_text("人次/三年").first).to_be_visible()
            await fill_in_conduct(page)
            await province.looked_at(page, "form-conduct")
            await go_on(page, "procedure")
            await expect(page.get_by_text("截止2025年12月31日").first).to_be_visible()
            await choose_general(page)
            await province.looked_at(page, "form-procedure")
            await go_on(page, "confirm")
            await province.looked_at(page, "form-confirm")
            await submit(page)
            await expect(page.get_by_text("个人报名信息提交成功，请耐心等待机构审核")).to_be_visible()
            await expect_state(page, "已报名-待医疗卫生机构审核", "请耐心等待机构审核")

            await send_back(desk, NAME, "电子邮箱打不开，请更正。", ["电子邮箱"])
            await expect_state(page, "已驳回", "您的报名信息被驳回，请按驳回原因更正后重新提交。")
            await province.looked_at(page, "home-returned")
            await page.goto("/registration")
            await page.wait_for_url("**/registration/basic**")
            await expect(page.get_by_text("电子邮箱打不开，请更正。")).to_be_visible()
            await expect(page.get_by_text("审核人员要求更正此项")).to_have_count(1)
            await province.looked_at(page, "form-returned")
            await page.get_by_label("电子邮箱").fill("ayiguli@example.com")
            await page.locator(".form-buttons .button-primary").click()
            await page.goto("/registration/confirm")
            await submit(page)

            await approve(desk, Role.INSTITUTION, NAME)
            await expect_state(page, "已报名-待考核机构复核", "请耐心等待考核机构复核")
            async with province.staff(Role.BODY) as body:
                await approve(body, Role.BODY, NAME)
                await expect_state(
                    page, "报名完成-等待测评", "请关注考试通知，点击下方【参加考试】，查看考试安排。"
                )
                await province.looked_at(page, "home-registered")

                await apply_for_exemption(page, "住院医师规范化培训", province.pictures)
                await province.looked_at(page, "exemption")
                await decide_exemption(desk, Role.INSTITUTION, NAME, grant=True)
                await decide_exemption(body, Role.BODY, NAME, grant=True)
            await page.goto("/papers")
            await expect(page.get_by_text("免考").first).to_be_visible()
            await province.looked_at(page, "papers-exempted")


async def test_dingkaotong_2023(service: Service) -> None:
    """A printed slip, a transfer, the simple procedure; an exemption refused means: sit it."""
    province = service.of("dingkaotong")
    neighbour = await staff_of_second_institution(province.world, province.place)
    number = province.number(1)
    async with province.staff(Role.INSTITUTION, neighbour) as second:
        await add_to_roster(second, NAME, number)
        async with province.staff(Role.INSTITUTION) as desk:
            await add_department(desk)
            await desk.goto("/institution/transfers")
            await desk.get_by_label("姓名").fill(NAME)
            await desk.get_by_label("证件号码").fill(number)
            await desk.get_by_role("button", name="调入", exact=True).click()
            await second.goto("/institution/transfers")
            await province.looked_at(second, "transfer")
            await button(second, "同意调出", NAME).click()
            await admit(desk, NAME)

            await desk.get_by_label(f"选择{NAME}").check()
            await desk.get_by_text("更多", exact=True).click()
            await desk.get_by_role("button", name="打印激活单").click()
            code = await desk.locator(".slip-code").inner_text()
            await province.looked_at(desk, "slip")

            async with province.physician() as page:
                await page.goto("/activate/slip")
                await page.get_by_label("激活单编码").fill(code)
                await page.get_by_label("证件号码").fill(number)
                await page.get_by_label("姓名").fill(NAME)
                await page.get_by_label(re.compile("^手机号")).fill(province.mobile(1))
                await province.looked_at(page, "slip-entered")
                await page.locator("form .button-primary").click()
                await page.get_by_label("短信验证码").fill(await code_of(page, province.mobile(1)))
                await choose_password(page)
                await page.wait_for_url("**/home")
                await expect_state(page, "已开通报名", "请点击下方常用工具里面的（我要报名）提交报名信息")
                await page.goto("/registration/basic")
                await expect(page.get_by_text("建议白底，jpg格式").first).to_be_visible()
                await fill_in_basic(page, province)
                await go_on(page, "practice")
                await fill_in_practice(page)
                await go_on(page, "experience")
                await go_on(page, "conduct")
                await fill_in_conduct(page)
                await go_on(page, "procedure")
                await choose_simple(page, "12年以上执业经历", province.pictures)
                await province.looked_at(page, "form-simple")
                await go_on(page, "confirm")
                await submit(page)
                await approve(desk, Role.INSTITUTION, NAME)
                async with province.staff(Role.BODY) as body:
                    await approve(body, Role.BODY, NAME)
                    await expect_state(page, "报名完成-等待测评", "请按通知时间及时参加测评")
                    await page.get_by_role("link", name="申请免考").first.click()
                    await apply_for_exemption(page, "住院医师规范化培训", province.pictures)
                    await decide_exemption(desk, Role.INSTITUTION, NAME, grant=True)
                    await decide_exemption(
                        body, Role.BODY, NAME, grant=False, reason="证书不在本考核周期内。"
                    )
                await page.goto("/exemptions")
                await expect(page.get_by_text("证书不在本考核周期内。")).to_be_visible()
                await page.goto("/papers")
                await expect(page.get_by_text("医学人文测评").first).to_be_visible()
                await expect(page.get_by_text("免考", exact=True)).to_have_count(0)


async def test_shanxi_2024(service: Service) -> None:
    """Without a paper, the simple procedure ends with its review; another physician has a field modified."""
    province = service.of("shanxi")
    async with province.staff(Role.INSTITUTION) as desk, province.staff(Role.BODY) as body:
        await add_department(desk)
        for index, name in ((1, NAME), (2, "欧阳小明")):
            number, mobile = province.number(index), province.mobile(index)
            await add_to_roster(desk, name, number, mobile, department="内科")
            await admit(desk, name)
            async with province.physician() as page:
                await activate(page, province, name, number, mobile)
                await expect_state(
                    page, "您已被主要执业机构纳入本周期考核", "您已被纳入当前考核周期，请及时填报信息。"
                )
                await page.get_by_role("link", name="填报信息").first.click()
                await page.wait_for_url("**/registration/basic")
                await fill_in_basic(page, province)
                await go_on(page, "practice")
                await fill_in_practice(page)
                await go_on(page, "experience")
                await go_on(page, "conduct")
                await expect(page.get_by_role("heading", name="请针对您的工作业绩进行自评")).to_be_visible()
                await fill_in_conduct(page)
                await go_on(page, "procedure")
                if index == 1:
                    await choose_simple(page, "12年以上执业经历", province.pictures)
                else:
                    await choose_general(page)
                await go_on(page, "confirm")
                await submit(page)
                await approve(desk, Role.INSTITUTION, name)
                await approve(body, Role.BODY, name)
                if index == 1:
                    await expect_state(page, "考核结束", "考核已完成，请查看考核结果。")
                    await expect(page.get_by_text("合格").first).to_be_visible()
                    await province.looked_at(page, "home-concluded")
                    continue
                await expect_state(page, "报名完成-待测评", "请按通知时间参加业务水平测评")
                await page.goto("/registration/modification")
                await page.get_by_role("textbox", name="职务", exact=True).fill("科室副主任")
                await page.get_by_role("textbox", name="申请理由").fill("任职后没有更新，以任命文件为准。")
                await province.looked_at(page, "modification")
                await page.get_by_role("button", name="提交申请").click()
                await desk.goto("/institution/modifications")
                await desk.get_by_role("link", name=name).click()
                await expect(desk.get_by_text("科室副主任")).to_be_visible()
                await province.looked_at(desk, "modification-sheet")
                await desk.get_by_role("button", name="同意修改").click()
                await page.goto("/registration")
                await expect(page.get_by_text("科室副主任")).to_be_visible()


async def test_henan_c6(service: Service) -> None:
    """Binding by code, a good record with its picture, years that fall short and don't block."""
    province = service.of("henan")
    number, mobile = province.number(1), province.mobile(1)
    async with province.staff(Role.INSTITUTION) as desk:
        await add_department(desk)
        await add_to_roster(desk, NAME, number, mobile)
        await admit(desk, NAME)
    async with province.physician() as page:
        await page.goto("/support?province=henan")
        await expect(page.get_by_text("0371-60107618 0371-60207618").first).to_be_visible()
        await expect(page.get_by_text("22:00").first).to_be_visible()
        await activate(page, province, NAME, number, mobile)
        await expect_state(page, "已开通报名", "请提交报名信息")
        await page.get_by_role("link", name="填报信息").first.click()
        await page.wait_for_url("**/registration/basic")
        await expect(page.get_by_text("头像要求上传近两年一寸纯底色的证件照").first).to_be_visible()
        await expect(page.get_by_label("出生年月")).to_have_count(0)
        await fill_in_basic(page, province)
        await go_on(page, "practice")
        await fill_in_practice(page, licensed_on="2023-02-02")
        await go_on(page, "experience")
        await go_on(page, "conduct")
        await expect(page.get_by_text("人次/两年").first).to_be_visible()
        await fill_in_conduct(page, good="有")
        await button(page, "新增", "奖励表彰类").click()
        await page.get_by_label("授予部门").fill("省卫生健康委员会")
        await page.get_by_label("时间").fill("2024-05-12")
        await page.get_by_label("内容").fill("先进工作者")
        await upload(page, "佐证材料", [province.pictures])
        await province.looked_at(page, "record")
        await page.get_by_role("button", name="保存", exact=True).last.click()
        await page.wait_for_url("**/registration/conduct**")
        await expect(page.get_by_text("先进工作者").first).to_be_visible()
        await go_on(page, "procedure")
        await choose_simple(page, "5年以上执业经历", province.pictures)
        await expect(page.locator("#shortfall")).to_contain_text("年")
        await province.looked_at(page, "form-shortfall")
        await go_on(page, "confirm")
        await submit(page)
        await approve_on_both_levels(province, NAME)
        await expect_state(page, "待参加测评", "报名成功，请关注后续考核通知。")
        await expect(page.get_by_role("link", name="免考申请入口")).to_be_visible()
        await province.looked_at(page, "home-registered")


async def test_hainan_2024(service: Service) -> None:
    """On a PC: registered by oneself, logged in by mobile number and captcha; research is voluntary."""
    province = service.of("hainan")
    number, mobile = province.number(1), province.mobile(1)
    async with province.staff(Role.INSTITUTION) as desk:
        await add_department(desk)
        await add_to_roster(desk, NAME, number, mobile)
        await admit(desk, NAME)
    async with province.physician(DESKTOP) as page:
        await page.goto("/login?province=hainan")
        await page.get_by_role("link", name="注册新账号").click()
        await page.get_by_label("证件类型").select_option(label="身份证")
        await page.get_by_label("证件号码").fill(number)
        await page.get_by_label("姓名").fill(NAME)
        await page.get_by_label("手机号").fill(mobile)
        await page.get_by_label(re.compile("《用户协议》")).check()
        await province.looked_at(page, "register")
        await page.get_by_role("button", name="提交注册").click()
        await page.get_by_label("短信验证码").fill(await code_of(page, mobile))
        await choose_password(page)
        await page.wait_for_url("**/home")
    async with province.physician(DESKTOP) as page:
        await page.goto("/login?province=hainan")
        await province.looked_at(page, "login-captcha")
        await answer_in_words(page)
        await page.get_by_label("身份证号或手机号").fill(mobile)
        await page.get_by_label("密码", exact=True).fill(NEW_PASSWORD)
        await page.get_by_role("button", name="登录", exact=True).click()
        await page.wait_for_url("**/home")
        await page.get_by_role("link", name="参加报名").first.click()
        await page.wait_for_url("**/registration/basic")
        await fill_in_basic(page, province)
        await province.looked_at(page, "form-basic")
        await go_on(page, "practice")
        await fill_in_practice(page)
        await go_on(page, "experience")
        await expect(page.get_by_role("heading", name="科研成果")).to_be_visible()
        await button(page, "新增", "科研获奖").click()
        await page.get_by_label(re.compile("名称")).fill("省科技进步三等奖")
        await page.get_by_label(re.compile("时间")).fill("2022-06-01")
        for box in await page.locator("form .field select").all():
            await box.select_option(index=1)
        for box in await page.locator("form .field input[type=text]").all():
            if not await box.input_value():
                await box.fill("省部级")
        await page.locator(".form-buttons .button-primary").click()
        await page.wait_for_url("**/registration/experience**")
        await expect(page.get_by_text("省科技进步三等奖").first).to_be_visible()
        await province.looked_at(page, "form-research")
        await go_on(page, "conduct")
        await expect(page.get_by_text("救死扶伤，全心全意为人民服务")).to_be_visible()
        await fill_in_conduct(page)
        await go_on(page, "procedure")
        await expect(page.get_by_text("在本考核周期内按规定通过住院医师规范化培训").first).to_be_visible()
        await choose_general(page)
        await go_on(page, "confirm")
        await submit(page, "提交")
        await expect(page.get_by_text("报名审核通过后，可在首页查看免考条件，申请免考。")).to_be_visible()
        await approve_on_both_levels(province, NAME)
        await expect_state(page, "待参加测评", "个人报名信息已通过审核，请按通知时间及时参加测评。")
        await province.looked_at(page, "home-registered")
        assert await group(page, "常用工具").count() == 0
