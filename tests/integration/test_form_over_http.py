"""我要报名 as a browser without scripts has it, and what the script sends."""

from __future__ import annotations

import re

import pytest
from aiohttp import ClientResponse, FormData

from exam_service.accounts.model import Principal
from exam_service.cycles.policy import read_preset
from exam_service.registration.form import usecases as form
from exam_service.registration.form.answers import entry_lists, typed
from exam_service.registration.model import State
from tests.forms import (
    a_form,
    a_picture,
    admitted,
    check_pictures,
    fill_in,
    open_stages,
    put_in_state,
    submitted,
)
from tests.world import Another, Browser, World


@pytest.fixture
async def physician(world: World) -> Principal:
    return world.here.general


@pytest.fixture
async def browser(another: Another) -> Browser:
    return await another("physician")


async def multipart(browser: Browser, path: str, *parts: tuple[str, str | bytes]) -> ClientResponse:
    """A form as browsers send it: fields in order, files by name."""
    data = FormData()
    data.add_field("csrf_token", browser.csrf)
    for name, value in parts:
        if isinstance(value, bytes):
            data.add_field(name, value, filename="图片.jpg", content_type="image/jpeg")
        else:
            data.add_field(name, value)
    return await browser.client.post(path, data=data, allow_redirects=False)


async def page(browser: Browser, path: str) -> str:
    answer = await browser.get(path)
    assert answer.status == 200, (path, answer.status, answer.headers.get("Location"))
    return await answer.text()


async def test_every_page_has_the_words_of_its_manual(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    assert (await browser.get("/registration")).headers["Location"] == "/registration/basic"

    words = {
        "basic": ("纯底色，背景颜色不限", "出生年月", "证件号码", "电子邮箱"),
        "practice": ("科室", "从事专业", "规培生", "返聘", "请先选择科室", "电子证照"),
        "experience": ("多机构备案信息", "教育经历", "执业经历"),
        "conduct": ("设区的市级以上", "人次/三年", "医德医风自评", "救死扶伤", "代他人参加医师资格考试的"),
        "procedure": ("截止2025年12月31日", "简易程序", "请填写个人述职", "0</span>/2000"),
        "confirm": ("确认信息", "还有", "提交信息"),
    }
    for step, expected in words.items():
        text = await page(browser, f"/registration/{step}")
        for word in expected:
            assert word in text, (step, word)


PRESETS = {
    "hainan-2024": {"experience": "科研成果", "procedure": "在本考核周期内按规定通过住院医师规范化培训"},
    "dingkaotong-2023": {"basic": "考核结果通知书打印", "practice": "返回", "procedure": "12年以上执业经历"},
    "shanxi-2024": {
        "basic": "5MB以内",
        "conduct": "工作业绩",
        "procedure": "省级以上卫生行政部门规定的其他情形",
    },
    "henan-c6": {"conduct": "人次/两年", "basic": "近两年一寸纯底色", "procedure": "执业年限证明材料"},
}


async def test_every_manual_has_its_own_words(world: World, browser: Browser, physician: Principal) -> None:
    await admitted(world, world.here, physician)
    await world.consent(physician)
    for preset, expected in PRESETS.items():
        async with world.database.tx() as tx:
            await tx.execute(
                "UPDATE cycle SET policy = $2 WHERE id = $1", world.here.cycle.id, read_preset(preset).raw
            )
        for step in ("basic", "practice", "experience", "conduct", "procedure", "confirm"):
            text = await page(browser, f"/registration/{step}")
            assert expected.get(step, "") in text, (preset, step)
        for name in entry_lists(read_preset(preset)):
            await page(browser, f"/registration/entry?list={name}")


async def test_a_form_is_filled_in_and_submitted_without_scripts(
    world: World, browser: Browser, physician: Principal
) -> None:
    department_id = await admitted(world, world.here, physician)
    await world.consent(physician)
    answers = dict(typed(a_form()))
    answers["practice.department_id"] = [str(department_id)]
    pictures = {"basic": "photo", "practice": "licence"}
    onwards = {
        "basic": "practice",
        "practice": "experience",
        "experience": "conduct",
        "conduct": "procedure",
        "procedure": "confirm",
    }
    await browser.get("/registration/basic")
    for step, following in onwards.items():
        parts: list[tuple[str, str | bytes]] = [
            (name, value)
            for name, values in answers.items()
            if name.startswith(f"{step}.")
            for value in values
        ]
        if step in pictures:
            parts.append((f"file.{pictures[step]}", a_picture()))
        answer = await multipart(browser, f"/registration/{step}", *parts, ("to", following))
        assert answer.headers.get("Location") == f"/registration/{following}", await answer.text()
    await check_pictures(world)

    text = await page(browser, "/registration/confirm")
    assert "还有" not in text
    answer = await browser.submit("/registration/submission", revision="")
    assert answer.headers["Location"] == "/registration/submitted"
    assert "报名信息提交成功" in await page(browser, "/registration/submitted")
    text = await page(browser, "/registration")
    assert "已报名-待医疗卫生机构审核" in text
    assert "普通外科" not in text
    assert "呼吸内科专业" in text
    assert (await browser.get("/registration/basic")).headers["Location"] == "/registration"


async def test_a_step_that_asks_for_nothing_is_done_when_somebody_was_there(
    world: World, browser: Browser, physician: Principal
) -> None:
    """相关经历 is optional: until somebody was there it is neither ticked nor passed over."""
    department_id = await admitted(world, world.here, physician)
    await world.consent(physician)

    async def ticked() -> list[str]:
        text = await page(browser, "/registration/confirm")
        return re.findall(r'form-step-label">([^<]+)<span class="visually-hidden">（已填好）', text)

    await fill_in(world, physician, department_id)
    assert len(await ticked()) == 4
    assert "相关经历" not in await ticked()
    assert "还有" not in await page(browser, "/registration/confirm")
    assert (await browser.get("/registration")).headers["Location"] == "/registration/experience"
    await page(browser, "/registration/experience")
    answer = await multipart(browser, "/registration/experience", ("to", "conduct"))
    assert answer.headers["Location"] == "/registration/conduct"
    assert "相关经历" in await ticked()
    assert (await browser.get("/registration")).headers["Location"] == "/registration/confirm"


async def test_what_is_typed_is_saved_as_json(world: World, browser: Browser, physician: Principal) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/basic")
    fields = [["basic.ethnicity", "汉族"], ["basic.born_on", "1988-02-30"]]
    body = {"revision": 0, "page": "one", "seq": 1, "fields": fields}

    answer = await browser.send("/registration/basic/draft", body)
    said = await answer.json()
    assert said["revision"] == 1
    assert "日期有误" in said["problems"]["basic.born_on"]

    stale = await browser.send("/registration/basic/draft", body | {"page": "another"})
    assert stale.status == 409
    assert (await stale.json())["error"]["code"] == "stale_form"
    assert 'value="汉族" selected' in await page(browser, "/registration/basic")


async def test_an_older_page_is_shown_again_with_what_was_typed(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/basic")
    body = {"revision": 0, "page": "another", "seq": 1, "fields": [["basic.email", "a@b.cn"]]}
    await browser.send("/registration/basic/draft", body)

    answer = await multipart(
        browser, "/registration/basic", ("revision", "0"), ("basic.email", "mine@b.cn"), ("to", "practice")
    )

    text = await answer.text()
    assert answer.status == 409
    assert "重新载入" in text
    assert "mine@b.cn" in text


async def test_a_wrong_value_stays_on_its_page(world: World, browser: Browser, physician: Principal) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/basic")

    answer = await multipart(
        browser,
        "/registration/basic",
        ("basic.email", "kein"),
        ("basic.ethnicity", "汉族"),
        ("to", "practice"),
    )

    text = await answer.text()
    assert answer.status == 422
    assert "电子邮箱格式不正确" in text
    assert 'aria-invalid="true"' in text
    assert 'value="汉族" selected' in text


async def test_a_large_file_is_refused_with_the_limit_and_nothing_else_lost(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await world.consent(physician)
    await browser.get("/registration/basic")

    answer = await multipart(
        browser,
        "/registration/basic",
        ("basic.email", "name@example.com"),
        ("file.photo", a_picture() + bytes(20 * 1024 * 1024)),
        ("to", "#photo"),
    )

    text = await answer.text()
    assert answer.status == 422
    assert "超过了2MB的限制" in text
    assert "name@example.com" in await page(browser, "/registration/basic")


async def test_a_file_beyond_everything_is_refused_in_words(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/basic")

    answer = await multipart(browser, "/registration/basic", ("file.photo", bytes(40 * 1024 * 1024)))

    assert answer.status == 413
    assert "文件太大" in await answer.text()


async def test_an_upload_that_lies_about_its_type(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/practice")

    answer = await multipart(
        browser, "/registration/practice", ("file.licence", b"%PDF-1.7"), ("to", "#licence")
    )

    assert answer.status == 422
    assert "实际上是PDF文档" in await answer.text()


async def test_pictures_are_shown_to_their_physician_alone(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/practice")
    await multipart(browser, "/registration/practice", ("file.licence", a_picture()), ("to", "#licence"))
    text = await page(browser, "/registration/practice")
    assert "正在检查" in text
    states = await (await browser.get("/registration/uploads")).json()
    (upload_id,) = states["uploads"]
    assert (await browser.get(f"/registration/uploads/{upload_id}")).status == 404
    await check_pictures(world)

    shown = await browser.get(f"/registration/uploads/{upload_id}")
    assert shown.status == 200
    assert shown.content_type == "image/jpeg"
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    answer = await multipart(
        browser,
        f"/registration/uploads/{upload_id}/removal",
        ("step", "practice"),
        ("practice.position", "主任"),
    )
    assert answer.headers["Location"] == "/registration/practice#licence"
    assert "主任" in await page(browser, "/registration/practice")


async def test_a_record_with_its_evidence_in_one_go(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/conduct")
    answer = await multipart(browser, "/registration/conduct", ("to", "entry?list=good.award"))
    assert answer.headers["Location"] == "/registration/entry?list=good.award"
    assert "受到的表彰、奖励" in await page(browser, "/registration/entry?list=good.award")

    answer = await multipart(
        browser,
        "/registration/entry",
        ("list", "good.award"),
        ("granted_by", "市卫生健康委"),
        ("date", "2025-05-01"),
        ("content", "优秀医师"),
        ("file.record.new", a_picture()),
        ("to", "back"),
    )
    assert answer.headers["Location"] == "/registration/conduct#list-good.award"
    text = await page(browser, "/registration/conduct")
    assert "市卫生健康委，2025-05-01，优秀医师" in text
    assert "佐证材料1" in text

    opened = await form.draft(world.services, physician)
    assert opened is not None
    (record,) = opened.form.conduct.good_records
    assert "优秀医师" in await page(browser, f"/registration/entry?list=good.award&entry={record.id}")
    answer = await multipart(browser, f"/registration/entry/removal?list=good.award&entry={record.id}")
    assert answer.status == 303
    assert "优秀医师" not in await page(browser, "/registration/conduct")


async def test_an_entry_that_lacks_something_is_shown_again(
    world: World, browser: Browser, physician: Principal
) -> None:
    await admitted(world, world.here, physician)
    await browser.get("/registration/experience")

    answer = await multipart(browser, "/registration/entry", ("list", "filings"), ("institution", "乙医院"))

    assert answer.status == 422
    assert "请填写科室。" in await answer.text()


async def test_who_is_not_admitted_is_told_whom_to_ask(
    world: World, browser: Browser, physician: Principal
) -> None:
    await open_stages(world, world.here)
    await put_in_state(world, physician, State.NOT_ADMITTED)

    assert "请联系医疗卫生机构" in await page(browser, "/registration")


async def test_outside_the_days_the_form_is_read_only(
    world: World, browser: Browser, physician: Principal
) -> None:
    department_id = await admitted(world, world.here, physician)
    await world.consent(physician)
    await fill_in(world, physician, department_id)
    await open_stages(world, world.here, registration=-2, review=5)

    text = await page(browser, "/registration")
    assert "医师报名已经结束" in text
    assert "呼吸内科专业" in text
    assert (await browser.get("/registration/basic")).status == 303


async def test_a_returned_form_shows_reason_and_marks(
    world: World, browser: Browser, physician: Principal
) -> None:
    own = await submitted(world, world.here, physician)
    await put_in_state(world, physician, State.RETURNED)
    async with world.database.tx() as tx:
        await tx.execute(
            """INSERT INTO registration_review (id, registration_id, province_id, level, decision, reason,
                                                marked, reviewer_id, decided_at)
               VALUES (gen_random_uuid(), $1, $2, 'body', 'returned', '执业证模糊', '{licence}', $3,
                       now())""",
            own.id,
            own.province_id,
            physician.account_id,
        )

    assert (await browser.get("/registration")).headers["Location"] == "/registration/practice"
    text = await page(browser, "/registration/practice")
    assert "执业证模糊" in text
    assert "审核人员要求更正此项" in text
