"""报名审核 and 报名复核 over HTTP: lists, one form, decisions without a script, what refusals keep."""

from __future__ import annotations

import csv
import io
import re

import pytest
from openpyxl import load_workbook

from exam_service.accounts.model import Role
from exam_service.registration.model import Registration, State
from tests.forms import a_form, open_stages
from tests.submissions import hand_in, pass_institution, submit
from tests.world import Another, Browser, World

pytestmark = pytest.mark.usefixtures("redis_client")


@pytest.fixture
async def own(world: World) -> Registration:
    await open_stages(world, world.here)
    return await submit(world, world.here.registrations[0])


@pytest.fixture
async def institution(another: Another) -> Browser:
    return await another("hunan-institution")


async def page_of(browser: Browser, path: str, status: int = 200) -> str:
    answer = await browser.get(path)
    assert answer.status == status
    return await answer.text()


def basis_in(page: str) -> str:
    found = re.search(r'name="basis" value="([^"]+)"', page)
    assert found
    return found[1]


async def state(world: World, own: Registration) -> str:
    async with world.database.tx() as tx:
        found: str = await tx.fetch_value("SELECT state FROM registration WHERE id = $1", own.id)
    return found


async def send(browser: Browser, path: str, fields: list[tuple[str, str]], **headers: str):  # noqa: ANN201
    data = [("csrf_token", browser.csrf), *fields]
    return await browser.client.post(path, data=data, headers=headers, allow_redirects=False)


FIT = [(name, "yes") for name in ("quantity", "quality", "task", "ethics")] + [("grade", "good")]
LOOKED_AT = [("check", "photo"), ("check", "ratings")]


async def test_an_institution_approves_and_is_led_to_the_next(
    world: World, own: Registration, institution: Browser
) -> None:
    world.clock.move(seconds=5)
    following = await submit(world, world.here.registrations[1])
    listed = await page_of(institution, "/institution/reviews")
    assert f"/institution/reviews/{own.id}" in listed
    page = await page_of(institution, f"/institution/reviews/{own.id}")
    assert world.here.number_of(world.here.general) in page
    assert "通过并看下一位" in page
    path = f"/institution/reviews/{own.id}/approval"
    onward = f"/institution/reviews/{following.id}"
    fields = [("basis", basis_in(page)), *FIT, *LOOKED_AT]
    answer = await send(institution, path, fields)
    assert (answer.status, answer.headers["Location"]) == (303, onward)
    assert await state(world, own) == State.BODY_REVIEW
    assert "已通过，报送考核机构复核。" in await page_of(institution, onward)


async def test_after_the_last_one_the_list_is_shown(
    world: World, own: Registration, institution: Browser
) -> None:
    page = await page_of(institution, f"/institution/reviews/{own.id}?name=医师")
    fields = [("basis", basis_in(page)), ("reason", "照片不清晰")]
    answer = await send(institution, f"/institution/reviews/{own.id}/return?name=医师", fields)
    assert answer.headers["Location"] == "/institution/reviews?name=%E5%8C%BB%E5%B8%88"


async def test_a_refusal_keeps_what_was_typed(world: World, own: Registration, institution: Browser) -> None:
    page = await page_of(institution, f"/institution/reviews/{own.id}")
    fields = [("basis", basis_in(page)), *FIT[:1], ("quality", "no"), *FIT[2:], *LOOKED_AT, ("note", "")]
    answer = await send(institution, f"/institution/reviews/{own.id}/approval", fields)
    again = await answer.text()
    assert answer.status == 422
    assert "请写明理由" in again
    assert re.search(r'name="quality" value="no" checked', again)
    assert await state(world, own) == State.INSTITUTION_REVIEW


async def test_a_return_marks_fields_by_hand_and_by_ready_made_reason(
    world: World, own: Registration, institution: Browser
) -> None:
    page = await page_of(institution, f"/institution/reviews/{own.id}")
    fields = [("basis", basis_in(page)), ("phrase", "photo"), ("mark", "basic.email"), ("reason", "谢谢。")]
    answer = await send(institution, f"/institution/reviews/{own.id}/return", fields)
    assert answer.status == 303
    again = await page_of(institution, f"/institution/reviews/{own.id}")
    assert "头像不是近期一寸免冠证件照，请重新上传。谢谢。" in again
    assert "需更正：照片、电子邮箱" in again
    assert "10分钟内可以撤销" in again


async def test_the_second_reviewer_sees_what_the_first_decided(
    world: World, own: Registration, institution: Browser
) -> None:
    page = await page_of(institution, f"/institution/reviews/{own.id}")
    await pass_institution(world, world.here, own.id)
    fields = [("basis", basis_in(page)), *FIT, *LOOKED_AT]
    answer = await send(institution, f"/institution/reviews/{own.id}/approval", fields)
    text = await answer.text()
    assert answer.status == 409
    assert "已先处理：通过" in text
    assert "处理记录" in text
    as_json = await send(
        institution, f"/institution/reviews/{own.id}/approval", fields, Accept="application/json"
    )
    assert (await as_json.json())["error"]["code"] == "decided_by_another"


async def test_a_script_gets_the_next_address_as_json_and_undoes(
    world: World, own: Registration, body: Browser
) -> None:
    await pass_institution(world, world.here, own.id)
    page = await page_of(body, f"/body/reviews/{own.id}")
    fields = [("basis", basis_in(page)), ("check", "licence"), ("check", "ratings"), ("verdict", "uphold")]
    answer = await send(body, f"/body/reviews/{own.id}/approval", fields, Accept="application/json")
    assert await answer.json() == {"next": "/body/reviews", "text": "已通过，该医师报名完成。"}
    assert "已通过，该医师报名完成。" in await page_of(
        body, "/body/reviews"
    )  # nobody waits: the list says it
    assert await state(world, own) == State.REGISTERED
    undone = await send(body, f"/body/reviews/{own.id}/undo", [], Accept="application/json")
    assert (await undone.json())["next"] == f"/body/reviews/{own.id}"
    assert await state(world, own) == State.BODY_REVIEW


async def test_the_body_fails_nobody_by_a_slip(world: World, own: Registration, body: Browser) -> None:
    await pass_institution(world, world.here, own.id, task=False, reason="未完成指令性任务")
    page = await page_of(body, f"/body/reviews/{own.id}")
    fields = [("basis", basis_in(page)), ("check", "licence"), ("check", "ratings"), ("verdict", "uphold")]
    answer = await send(body, f"/body/reviews/{own.id}/approval", fields)
    assert answer.status == 422
    answer = await send(body, f"/body/reviews/{own.id}/approval", [*fields, ("fails", "yes")])
    assert answer.status == 303
    assert await state(world, own) == State.CONCLUDED


async def test_a_bulk_is_previewed_approved_and_undone(
    world: World, own: Registration, body: Browser
) -> None:
    await pass_institution(world, world.here, own.id)
    preview = await page_of(body, "/body/reviews/bulk")
    chosen = re.findall(r'name="chosen" value="([^"]+)" checked', preview)
    assert len(chosen) == 1
    answer = await send(body, "/body/reviews/bulk", [("chosen", each) for each in chosen])
    assert (answer.status, answer.headers["Location"]) == (303, "/body/reviews/recent")
    assert await state(world, own) == State.REGISTERED
    assert str(own.id) in await page_of(body, "/body/reviews/recent")
    answer = await send(body, "/body/reviews/recent/undo", [("registration", str(own.id))])
    assert answer.status == 303
    assert await state(world, own) == State.BODY_REVIEW
    assert (await send(body, "/body/reviews/bulk", [])).status == 422


async def test_a_number_is_searched_by_post_and_never_stands_in_an_address(
    world: World, own: Registration, institution: Browser
) -> None:
    await page_of(institution, "/institution/reviews")
    number = world.here.number_of(world.here.general)
    answer = await institution.submit("/institution/reviews/search", number=number)
    assert answer.headers["Location"] == f"/institution/reviews/{own.id}"
    wrong = await institution.submit("/institution/reviews/search", number="430")
    assert wrong.status == 422
    assert "number-error" in await wrong.text()


async def test_pictures_are_shown_to_the_level_that_looks_at_the_form(
    world: World, own: Registration, institution: Browser
) -> None:
    upload_id = await hand_in(world, own, "procedure")
    answer = await institution.get(f"/institution/reviews/{own.id}/pictures/{upload_id}")
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_list_goes_home_without_formulas(world: World, body: Browser, kind: str) -> None:
    await open_stages(world, world.here)
    own = await submit(world, world.here.registrations[0], a_form(), state=State.BODY_REVIEW)
    async with world.database.tx() as tx:
        await tx.execute("UPDATE account SET name = '=1+1' WHERE id = $1", own.account_id)
    await page_of(body, "/body/reviews")
    answer = await body.submit("/body/reviews/export", format=kind)
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].endswith(f'registrations.{kind}"')
    data = await answer.read()
    if kind == "csv":
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    else:
        rows = [list(row) for row in load_workbook(io.BytesIO(data)).active.iter_rows(values_only=True)]
    header, row = rows
    assert row[header.index("姓名")] == "'=1+1"
    assert "*" in row[header.index("证件号码")]
    refused = await body.submit("/body/reviews/export", format=kind, numbers="whole")
    assert refused.status == 422
    assert "export-reason-error" in await refused.text()


async def test_progress_and_home_lead_to_what_waits(
    world: World, own: Registration, another: Another, institution: Browser
) -> None:
    home = await page_of(institution, "/home")
    assert "待审核" in home
    assert 'href="/institution/reviews"' in home
    assert "未填写科室" in await page_of(institution, "/institution/progress")
    authority = await another(world.here.username_of(Role.AUTHORITY))
    progress = await page_of(authority, "/authority/progress?sort=total&order=desc")
    assert 'aria-sort="descending"' in progress
    answer = await authority.submit("/authority/progress/export", format="csv")
    assert "医院甲" in (await answer.read()).decode("utf-8-sig")


async def test_staff_whose_time_is_up_come_to_their_own_login(institution: Browser) -> None:
    institution.client.session.cookie_jar.clear()
    answer = await institution.get("/institution/reviews")
    assert (answer.status, answer.headers["Location"]) == (303, "/staff/login?next=/institution/reviews")


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
async def test_a_list_that_is_taken_home_is_kept_by_no_cache(
    own: Registration, institution: Browser, kind: str
) -> None:
    await page_of(institution, "/institution/reviews")
    answer = await send(institution, "/institution/reviews/export", [("format", kind)])
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Server"] == "exam-service"
