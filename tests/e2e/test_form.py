"""我要报名 on a phone: what was typed is there when the phone comes back, and the photo is cut by hand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from exam_service.registration.form import usecases as form
from tests.e2e.conftest import late, on_every_screen, person, picture
from tests.forms import a_picture, admitted
from tests.world import PASSWORD, World

pytestmark = pytest.mark.browser


async def log_in(page: Page, world: World) -> None:
    await page.goto("/login")
    await page.get_by_label("省份").select_option(world.here.province_id)
    await page.get_by_label("身份证号").fill(world.here.number_of(world.here.general))
    await page.get_by_label("密码", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="登录").click()
    await page.wait_for_url("**/home")


async def until_filled(page: Page, label: str, value: str) -> None:
    """What a page sent as it went may come after the page that is opened next."""
    for _ in range(20):
        if await page.get_by_label(label).input_value() == value:
            return
        await page.reload()
    await expect(page.get_by_label(label)).to_have_value(value)


@on_every_screen
async def test_a_form_survives_the_phone_and_is_submitted(
    world: World,
    watched_address: str,
    browser: Browser,
    viewport: dict[str, int],
    faces_dir: Path,
    tmp_path: Path,
) -> None:
    physician = world.here.general
    await admitted(world, world.here, physician)
    async with person(browser, watched_address, viewport) as page:
        await log_in(page, world)
        await page.goto("/registration")
        await expect(page.get_by_role("heading", name="基本信息", level=1)).to_be_visible()
        await picture(page, "form-basic-consent")
        await page.get_by_role("link", name="查看并选择").click()

        # Typed before the script that saves it has come, and after; and the page is gone without a word.
        async with late(page, "registration.js"):
            await page.get_by_role("button", name="同意", exact=True).click()
            await page.wait_for_url("**/registration/basic", wait_until="commit")
            await page.get_by_label("民族").select_option("汉族")
            await page.get_by_label("学历").select_option("本科")
            await page.get_by_label("电子邮箱").fill("name@example.com")
        await expect(page.get_by_text("已保存")).to_be_visible()
        async with page.expect_response("**/draft"):
            await page.get_by_label("手机号码").fill("13800000000")
        await expect(page.get_by_text("已保存")).to_be_visible()
        await page.goto("about:blank")
        await page.goto("/registration/basic")
        await expect(page.get_by_label("电子邮箱")).to_have_value("name@example.com")
        await expect(page.get_by_label("民族")).to_have_value("汉族")

        # The photo is cut: moved and made smaller by keyboard, dragged by pointer.
        await page.get_by_label("选择图片：照片").set_input_files(faces_dir / "obama.jpg")
        box = page.get_by_role("group", name="裁剪框")
        await expect(box).to_be_visible()
        chosen = page.locator('input[name="crop.photo"]')
        whole = await chosen.input_value()
        await box.focus()
        await page.keyboard.press("-")
        await page.keyboard.press("ArrowUp")
        assert await chosen.input_value() != whole
        before = await chosen.input_value()
        place = await box.bounding_box()
        assert place is not None
        await page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        await page.mouse.down()
        await page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2 + 4)
        await page.mouse.up()
        assert await chosen.input_value() != before
        await picture(page, "form-basic-crop")
        await page.get_by_role("button", name="上传", exact=True).click()
        await expect(page.get_by_text("已通过检查")).to_be_visible(timeout=60_000)
        await picture(page, "form-basic")
        await page.get_by_role("button", name="下一步").last.click()

        await page.wait_for_url("**/registration/practice")
        await picture(page, "form-practice-empty")
        await page.get_by_label("科室").select_option("内科")
        await page.get_by_label("呼吸内科专业").check()
        await page.get_by_label("职称", exact=False).first.select_option("中级（主治医师）")
        await page.get_by_role("group", name="规培生").get_by_label("否").check()
        await page.get_by_role("group", name="执业情况").get_by_label("在职").check()
        await page.get_by_label("内科专业", exact=True).check()
        await page.get_by_label("资格证书编号").fill("201443110430611988031300")
        await page.get_by_label("执业证书编号").fill("110430000000001")
        await page.get_by_label("执业证书取得时间").fill("2020-09-05")
        licence = tmp_path / "licence.jpg"
        licence.write_bytes(a_picture(900, 600, colour="lightsteelblue"))
        await page.get_by_label("选择图片：上传执业证或电子证照").set_input_files(licence)
        await page.get_by_role("button", name="上传", exact=True).click()
        await expect(page.get_by_text("已通过检查")).to_be_visible(timeout=60_000)
        await picture(page, "form-practice")
        await page.get_by_role("button", name="下一步").last.click()

        await page.wait_for_url("**/registration/experience")
        await page.get_by_role("button", name=re.compile("新增.*教育经历")).click()
        await picture(page, "form-entry")
        await page.get_by_label("学历").select_option("本科")
        await page.get_by_label("毕业院校").fill("首都医学院")
        await page.get_by_label("专业").fill("临床医学")
        await page.get_by_label("开始时间").fill("2006-09-01")
        await page.get_by_label("结束时间").fill("2011-07-01")
        await page.get_by_role("button", name="保存").last.click()
        await expect(page.get_by_text("首都医学院，临床医学").first).to_be_visible()
        await picture(page, "form-experience")
        await page.get_by_role("button", name="下一步").last.click()

        await page.wait_for_url("**/registration/conduct")
        await page.get_by_role("group", name="良好执业行为记录", exact=False).get_by_label("有").check()
        await picture(page, "form-conduct-good")
        await page.get_by_role("button", name=re.compile("新增.*受到的表彰、奖励")).click()
        await page.get_by_label("授予部门").fill("市卫生健康委")
        await page.get_by_label("时间").fill("2025-05-01")
        await page.get_by_label("内容").fill("优秀医师")
        await page.get_by_label("选择图片：佐证材料").set_input_files(licence)
        await picture(page, "form-record")
        await page.get_by_role("button", name="保存").last.click()
        await page.wait_for_url("**/registration/conduct*")
        await page.get_by_role("group", name="不良执业行为记录").get_by_label("无").check()
        for name in ("完成工作数量", "完成工作质量", "完成政府指令性工作情况"):
            await page.get_by_role("group", name=name).get_by_label("合格", exact=True).check()
        await page.get_by_label("接诊病人数").fill("3000")
        await page.get_by_role("group", name="被直接认定为不合格").get_by_label("无").check()
        await page.get_by_role("group", name="医德医风自评").get_by_label("优秀").check()
        await picture(page, "form-conduct")
        await page.get_by_role("button", name="下一步").last.click()

        await page.wait_for_url("**/registration/procedure")
        await page.get_by_label("简易程序", exact=True).check()
        await page.get_by_label("具有12年以上").check()
        await expect(page.get_by_text("仍可申请简易程序")).to_be_visible()
        await page.get_by_label("请填写个人述职").fill("本人执业以来，遵守各项规章制度。")
        await expect(page.locator("[data-count]")).to_have_text("16")
        await page.get_by_label("选择图片：证明材料").set_input_files(licence)
        await page.get_by_role("button", name="上传", exact=True).click()
        await expect(page.get_by_text("已通过检查")).to_be_visible(timeout=60_000)
        await picture(page, "form-procedure")
        await page.get_by_role("button", name="确认信息").last.click()

        await page.wait_for_url("**/registration/confirm")
        await expect(page.get_by_text("还有")).not_to_be_visible()
        await picture(page, "form-confirm")
        await page.get_by_role("button", name="提交信息").click()
        await expect(page.get_by_text("请耐心等待机构审核")).to_be_visible()
        await picture(page, "form-submitted")
        await page.get_by_role("link", name="查看信息").click()
        await picture(page, "form-read-only")
    opened = await form.draft(world.services, physician)
    assert opened is not None
    assert opened.form.conduct.patients == 3000
    (photo,) = [each for each in opened.uploads if each.slot == "photo"]
    assert photo.as_face
    assert photo.width is not None
    assert photo.height is not None
    assert abs(photo.width / photo.height - 25 / 35) < 0.02
