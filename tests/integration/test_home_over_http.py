"""Home pages, FAQ and support as people of a province see them; sites of a body; hours of maintenance."""

from __future__ import annotations

from aiohttp.test_utils import TestServer

from exam_service.accounts.model import Role
from exam_service.demo.people import identity_number
from exam_service.organisations import usecases as organisations
from exam_service.papers.usecases import alternative, supervision
from exam_service.registration.model import State
from tests.world import PASSWORD, Another, Browser, World, browsing


async def page(browser: Browser, path: str) -> str:
    return await (await browser.get(path)).text()


async def test_a_physicians_home_says_where_they_stand_and_whom_to_call(
    world: World, another: Another
) -> None:
    async with world.database.tx() as tx:
        await tx.execute("UPDATE institution SET phone = '0731-1111111' WHERE name = '医院甲'")
        await tx.execute(
            "UPDATE cycle SET stages = $1 WHERE province_id = 'hunan'",
            {"registration": ["2026-04-13", "2026-05-06"]},
        )
    text = await page(await another("physician"), "/home")
    for words in (
        "报名完成-等待测评",
        "请关注考试通知，点击下方【参加考试】，查看考试安排。",
        "2026-04-13 至 2026-05-06",
        "hunan省卫生健康委员会",
        "医院甲",
        "0731-1111111",
        "考核机构甲",
        "我要学习",
        "首次考核结果",
    ):
        assert words in text, words


async def test_who_is_on_a_roster_but_not_let_in_reads_which_institution_to_ask(
    world: World, server: TestServer
) -> None:
    new = await world.on_roster(world.here.staff[Role.INSTITUTION], 71)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE account SET password_hash = $2, first_activated_at = now() WHERE id = $1",
            new,
            await tx.fetch_value(
                "SELECT password_hash FROM account WHERE id = $1", world.here.general.account_id
            ),
        )
    async with browsing(server) as browser:
        await browser.get("/staff/login")
        answer = await browser.submit(
            "/login",
            province=world.here.province_id,
            number=identity_number(world.here.province_id, 71),
            password=PASSWORD,
        )
        assert answer.status == 303
        text = await page(browser, "/home")
    offices = text[text.index("机构信息") :]
    async with world.database.tx() as tx:
        assert (
            await tx.fetch_value("SELECT name FROM institution WHERE id = $1", world.here.institution_id)
            in offices
        )


async def test_who_is_in_no_cycle_reads_so_and_sees_the_days(world: World, server: TestServer) -> None:
    async with world.database.tx() as tx:
        await tx.execute("DELETE FROM registration WHERE id = $1", world.here.registrations[2].id)
    async with browsing(server) as browser:
        await browser.login(world.here, world.here.physicians[2])
        text = await page(browser, "/home")
    assert "未开通报名，请联系医疗卫生机构。" in text
    assert world.here.cycle.window() in text
    assert "/papers" not in text


async def test_who_was_withdrawn_reads_why(world: World, server: TestServer) -> None:
    own = world.here.registrations[1]
    await supervision.withdraw_physician(
        world.services, world.here.staff[Role.AUTHORITY], own.account_id, "不在本省执业"
    )
    async with browsing(server) as browser:
        await browser.login(world.here, world.here.simple)
        assert "已将您退出本周期：不在本省执业" in await page(browser, "/home")


async def test_a_home_has_the_desk_of_its_role(world: World, another: Another) -> None:
    authority = await page(await another("hunan-authority"), "/home")
    assert "hunan省卫生健康委员会" in authority
    for href in ("/authority/institutions", "/authority/bodies", "/authority/physicians"):
        assert f'href="{href}"' in authority
    assert "待办" in authority
    body = await page(await another("hunan-body"), "/home")
    assert 'href="/sites"' in body
    assert 'href="/authority' not in body


async def test_faq_and_support_are_the_provinces_own(world: World, server: TestServer) -> None:
    async with browsing(server) as visitor:
        chosen = await page(visitor, "/faq")
        assert "/faq?province=henan" in chosen
        assert "系统提示医师信息不存在怎么办？" in await page(visitor, "/faq?province=henan")
        support = await page(visitor, "/support?province=henan")
        assert "0371-60107618" in support
        assert "每天22:00至24:00" in support
        assert "0371" not in await page(visitor, "/support?province=hunan")
        assert "您在哪个省份执业" in await page(visitor, "/support?province=atlantis")


async def test_the_pages_before_a_paper_say_when_the_system_is_maintained(
    world: World, server: TestServer
) -> None:
    """In Henan from 22:00 on: at half past nine in the evening a paper of an hour is begun no more."""
    async with browsing(server) as browser:
        await browser.login(world.elsewhere, world.elsewhere.simple)
        assert "系统维护：每天22:00至24:00" in await page(browser, "/papers/humanities/notice")
        world.clock.move(hours=11.5)
        await browser.login(world.elsewhere, world.elsewhere.simple)
        text = await page(browser, "/papers")
        assert "试卷须在21:00前开始，05-13 00:00后可以参加。" in text
        refused = await browser.get("/papers/humanities/notice")
        assert refused.status == 409


async def test_a_site_is_chosen_for_a_sitting_and_then_it_stays(world: World, another: Another) -> None:
    body = await another("hunan-body")
    await page(body, "/sites")
    await body.submit("/sites", name="一号考点", address="芙蓉路1号", seats="30")
    refused = await body.submit("/sites", name="一号考点", address="别处", seats="无")
    assert refused.status == 422
    assert "座位数须为" in await refused.text()
    await body.submit("/sites", name="二号考点", address="五一路2号", seats="10")
    async with world.database.tx() as tx:
        first, second = await organisations.sites_of(tx, world.here.body_id, "hunan")
    await alternative.ask(world.services, world.here.simple, reason="")
    sheet = f"/alternatives/{world.here.registrations[1].id}"
    assert "一号考点（芙蓉路1号）" in await page(body, sheet)
    await body.submit(f"{sheet}/arrangement", place=first.words, starts_at="2026-05-13T09:00")
    assert (await body.submit(f"/sites/{first.id}/deletion")).status == 409
    assert (await body.submit(f"/sites/{second.id}/deletion")).status == 303
    await body.submit(f"/sites/{first.id}/stopping")
    assert "一号考点（芙蓉路1号）</option>" not in await page(body, sheet)
    (left,) = await _sites(world)
    assert left.stopped_at is not None


async def _sites(world: World) -> list[organisations.ExamSite]:
    async with world.database.tx() as tx:
        return await organisations.sites_of(tx, world.here.body_id, "hunan")


async def test_a_cycle_is_opened_in_pages_and_what_is_wrong_is_shown_at_its_field(
    world: World, another: Another
) -> None:
    browser = await another("hunan-authority")
    text = await page(browser, "/authority/cycles/new?preset=hunan-2026")
    assert 'value="2026-04-13"' in text
    assert "人文医学测评：50题，60分钟" in text
    days = {
        f"{stage}_{end}": f"2026-06-{day}"
        for stage in ("registration", "review", "exemption_applications", "exemption_review")
        for end, day in (("from", "01"), ("until", "20"))
    }
    fields = {"preset": "hunan-2026", "title": "2026年考核", **days}
    wrong = fields | {"tests_from": "2026-07-10", "tests_until": "2026-07-01"}
    refused = await browser.submit("/authority/cycles", **wrong)
    text = await refused.text()
    assert refused.status == 422
    assert 'id="tests_until-error"' in text
    assert 'value="2026年考核"' in text
    right = fields | {"tests_from": "2026-07-01", "tests_until": "2026-07-10"}
    opened = await browser.submit("/authority/cycles", **right)
    assert opened.status == 303
    shown = await page(browser, opened.headers["Location"])
    assert "2026-07-01 至 2026-07-10" in shown
    assert "还没有考核机构" in shown


async def test_a_physician_is_moved_in_pages(world: World, another: Another) -> None:
    async with world.database.tx() as tx:
        to = await organisations.add_institution(tx, "hunan", "医院丙")
        own = world.here.registrations[1]
        await tx.execute("UPDATE registration SET state = $2 WHERE id = $1", own.id, State.DRAFT)
    browser = await another("hunan-authority")
    sheet = f"/authority/physicians/{own.account_id}"
    assert "没有名称含" in await page(browser, f"{sheet}?institution=医院丙")  # without a body
    await browser.submit(
        "/authority/assignments", which="chosen", institution=str(to.id), body=str(world.here.body_id)
    )
    assert f'value="{to.id}"' in await page(browser, f"{sheet}?institution=医院丙")
    refused = await browser.submit(f"{sheet}/move", institution=str(to.id), reason="", search="医院丙")
    assert refused.status == 422
    assert 'id="move-reason-error"' in await refused.text()
    await browser.submit(f"{sheet}/move", institution=str(to.id), reason="登记有误")
    assert "医院甲 → 医院丙" in await page(browser, sheet)
    assert world.here.staff[Role.AUTHORITY].name in await page(browser, sheet)
