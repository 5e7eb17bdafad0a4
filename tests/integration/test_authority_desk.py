"""The authority opens a cycle, keeps its organisations, decides who is a body."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import ApplicationState, OfficeFilter
from exam_service.cycles.plan import Plan, plan_of, read_plan, typed
from exam_service.cycles.policy import Procedure, Stage, Subject
from exam_service.cycles.usecases import applications, offices, opening, staff
from exam_service.errors import BadFields, Conflict, Forbidden, NotFound
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import Contact
from exam_service.sheets import BadRows, write_sheet
from exam_service.wiring import Services
from tests.world import World, browsing

PLAN = Plan(
    title="2026年医师定期考核",
    stages={
        Stage.BODY_APPLICATIONS: (date(2026, 5, 10), date(2026, 5, 20)),
        Stage.REGISTRATION: (date(2026, 6, 1), date(2026, 6, 20)),
        Stage.REVIEW: (date(2026, 6, 1), date(2026, 6, 25)),
        Stage.EXEMPTION_APPLICATIONS: (date(2026, 6, 1), date(2026, 6, 20)),
        Stage.EXEMPTION_REVIEW: (date(2026, 6, 1), date(2026, 6, 25)),
    },
    tests=(date(2026, 7, 1), date(2026, 7, 10)),
    makeup=None,
)
EVERYTHING = OfficeFilter()


async def test_a_cycle_is_opened_with_its_policy_and_is_the_newest(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    opened = await opening.open_planned(world.services, authority, "hunan-2026", PLAN)
    async with world.database.tx() as tx:
        newest = await cycles.newest_cycle(tx, world.here.province_id)
        elsewhere = await cycles.newest_cycle(tx, world.elsewhere.province_id)
        acts = await tx.fetch("SELECT action, facts FROM audit_entry WHERE subject_id = $1", opened.id)
    assert newest is not None
    assert plan_of(newest) == PLAN
    assert newest.policy.name == "hunan-2026"
    assert elsewhere == world.elsewhere.cycle
    assert [act["action"] for act in acts] == ["cycle.opened"]
    assert acts[0]["facts"]["tests_from"] == "2026-07-01"


async def test_a_sixth_province_is_one_file(world: World, tmp_path: Path) -> None:
    """What the file says holds, the rest is the commission's rule."""
    (tmp_path / "hubei-2026.toml").write_text(
        'name = "hubei-2026"\nprovince = "hubei"\n'
        '[labels]\nhumanities = "人文考核"\nregistered = "可以参加考核"\n'
        "[entry]\nmaintenance = ['23:00-24:00']\n"
        "[procedures.simple]\nhumanities = { items = 30, minutes = 40 }\n",
        encoding="utf-8",
    )
    settings = world.settings.model_copy(update={"presets_dir": tmp_path})
    services: Services = replace(world.services, settings=settings)
    authority = world.here.staff[Role.AUTHORITY]
    assert opening.Choice("hubei-2026", "自建模板") in opening.presets(services, authority)
    stages = {stage: PLAN.stages[stage] for stage in (Stage.REGISTRATION, Stage.REVIEW)}
    cycle = await opening.open_planned(services, authority, "hubei-2026", replace(PLAN, stages=stages))
    (paper,) = cycle.policy.procedures[Procedure.SIMPLE].papers
    assert (paper.subject, paper.items, paper.minutes, paper.pass_mark) == (Subject.HUMANITIES, 30, 40, 60)
    assert cycle.policy.labels["registered"] == "可以参加考核"
    async with world.database.tx() as tx:
        province = await organisations.province(tx, world.here.province_id)
    assert [hours.words for hours in province.entry.maintenance] == ["每天23:00至24:00"]


async def test_a_file_that_is_wrong_is_named_and_opens_nothing(world: World, tmp_path: Path) -> None:
    (tmp_path / "hubei-2026.toml").write_text('name = "hubei-2026"\nprovince = 7\n', encoding="utf-8")
    services = replace(world.services, settings=world.settings.model_copy(update={"presets_dir": tmp_path}))
    with pytest.raises(BadFields) as refusal:
        await opening.open_planned(services, world.here.staff[Role.AUTHORITY], "hubei-2026", PLAN)
    assert "policy.province" in refusal.value.problems["preset"]


async def test_days_are_changed_and_the_journal_says_from_what(world: World) -> None:
    authority, cycle = world.here.staff[Role.AUTHORITY], world.here.cycle
    plan = replace(PLAN, tests=(cycle.tests_from, date(2026, 5, 14)), makeup=plan_of(cycle).makeup)
    stages = {
        stage: (date(2026, 5, 1), date(2026, 5, 10))
        for stage in Stage
        if stage is not Stage.BODY_APPLICATIONS
    }
    changed = await opening.change_plan(world.services, authority, cycle.id, replace(plan, stages=stages))
    assert changed.tests_until == date(2026, 5, 14)
    async with world.database.tx() as tx:
        facts = await tx.fetch_value("SELECT facts FROM audit_entry WHERE action = 'cycle.changed'")
    assert facts["tests_until"] == f"{cycle.tests_until} → 2026-05-14"
    assert "tests_from" not in facts


async def test_the_tests_are_not_ended_before_today(world: World) -> None:
    """It is the second day of the tests."""
    cycle = world.here.cycle
    fields = typed(PLAN) | {
        "tests_from": cycle.tests_from.isoformat(),
        "tests_until": cycle.tests_from.isoformat(),
    }
    fields |= {
        name: "" for name in fields if name.startswith(("body", "registration", "review", "exemption"))
    }
    fields |= {
        f"{stage}_{end}": "2026-05-01"
        for stage in ("registration", "review", "exemption_applications", "exemption_review")
        for end in ("from", "until")
    }
    with pytest.raises(BadFields) as refusal:
        await opening.change_plan(
            world.services, world.here.staff[Role.AUTHORITY], cycle.id, read_plan(fields)
        )
    assert "今天以前" in refusal.value.problems["tests_until"]


async def test_bodies_and_institutions_are_carried_over_from_the_cycle_before(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    opened = await opening.open_planned(world.services, authority, "hunan-2026", PLAN)
    before = await opening.overview(world.services, authority, opened.id)
    assert await opening.carry_over(world.services, authority, opened.id) >= 1
    after = await opening.overview(world.services, authority, opened.id)
    assert world.here.body_id in {body.id for body in after.bodies}
    assert after.unassigned < before.unassigned
    assert await opening.carry_over(world.services, authority, opened.id) == 0


async def test_institutions_come_from_a_file_with_their_body(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    rows = [(f"第{number}诊所", "0731-88888888", "芙蓉路1号", "考核机构乙") for number in range(300)]
    data = write_sheet(offices.HEADER, rows)
    assert await offices.import_institutions(world.services, authority, data) == 300
    shown = OfficeFilter(search="诊所", body_id=world.here.other_body_id)
    first = await offices.institutions(world.services, authority, shown, "")
    assert len(first.rows) == offices.PAGE
    assert first.next_cursor is not None
    second = await offices.institutions(world.services, authority, shown, first.next_cursor)
    assert {row.name for row in first.rows}.isdisjoint(row.name for row in second.rows)
    assert {row.body for row in first.rows} == {"考核机构乙"}


async def test_of_a_file_with_bad_rows_nothing_is_taken_and_each_is_named(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    rows = [(f"第{number}诊所", "", "", "") for number in range(5000)]
    rows[10] = ("医院甲", "", "", "")
    rows[2000] = ("第7诊所", "", "", "")
    rows[4999] = ("第4999诊所", "打电话", "", "没有的机构")
    with pytest.raises(BadRows) as refusal:
        await offices.import_institutions(world.services, authority, write_sheet(offices.HEADER, rows))
    found = {row.number: row.reason for row in refusal.value.rows}
    assert sorted(found) == [9, 12, 2002, 5001]
    assert found[12] == "本省已有这个机构。"
    assert "同名" in found[2002]
    assert "联系电话" in found[5001]
    assert "没有的机构" in found[5001]
    page = await offices.institutions(world.services, authority, OfficeFilter(search="诊所"), "")
    assert page.rows == []


async def test_a_name_is_given_once_in_a_province(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    await offices.add_institution(world.services, authority, Contact("新医院"))
    with pytest.raises(BadFields, match="需要更正"):
        await offices.add_institution(world.services, authority, Contact("新医院"))
    elsewhere = world.elsewhere.staff[Role.AUTHORITY]
    await offices.add_institution(world.services, elsewhere, Contact("新医院"))


async def test_first_staff_log_in_with_a_one_time_password_and_change_it(
    world: World, server: TestServer
) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    institution_id = world.here.institution_id
    made = await staff.add_to_institution(world.services, authority, institution_id, "王经办", "wang")
    found = await staff.of_institution(world.services, authority, institution_id)
    (person,) = [each for each in found if each.username == "wang"]
    async with browsing(server) as browser:
        await browser.get("/staff/login")
        answer = await browser.submit("/staff/login", username="wang", password=made.password)
        assert answer.status == 303
        assert (await browser.get("/home")).headers["Location"] == "/account/password?next=/home"
        await staff.disable(world.services, authority, person.id)
        assert (await browser.get("/account/password")).headers["Location"].startswith("/staff/login")
        await staff.enable(world.services, authority, person.id)
        assert (await browser.get("/account/password")).headers["Location"].startswith("/staff/login")
    again = await staff.reset(world.services, authority, person.id)
    assert again.password != made.password


async def test_staff_of_another_province_are_nobodys_here(world: World) -> None:
    theirs = world.elsewhere.staff[Role.BODY].account_id
    authority = world.here.staff[Role.AUTHORITY]
    for act in (staff.reset, staff.disable, staff.enable):
        with pytest.raises(NotFound):
            await act(world.services, authority, theirs)
    async with world.database.tx() as tx:
        assert await accounts.colleagues(tx, world.here.province_id, body_id=world.elsewhere.body_id) == []


async def test_only_the_authority_keeps_the_desk(world: World) -> None:
    for role in (Role.BODY, Role.INSTITUTION, Role.OPERATOR):
        somebody = world.here.staff[role]
        with pytest.raises(Forbidden):
            await opening.open_planned(world.services, somebody, "hunan-2026", PLAN)
        with pytest.raises(Forbidden):
            await offices.institutions(world.services, somebody, EVERYTHING, "")
        with pytest.raises(Forbidden):
            await staff.of_body(world.services, somebody, world.here.body_id)


async def _applied(world: World) -> applications.OwnApplications:
    await opening.open_planned(
        world.services, world.here.staff[Role.AUTHORITY], "hunan-2026", PLAN
    )  # its days of applications are open
    institution = world.here.staff[Role.INSTITUTION]
    await applications.apply(world.services, institution, kind="institution", grounds="有考场和人员")
    return await applications.own(world.services, institution)


async def test_an_institution_applies_and_becomes_a_body_of_the_cycle(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    page = await _applied(world)
    (application,) = page.applications
    assert application.state is ApplicationState.OPEN
    body_id = await applications.grant(world.services, authority, application.id)
    assert page.cycle is not None
    overview = await opening.overview(world.services, authority, page.cycle.id)
    assert [(body.id, body.name) for body in overview.bodies] == [(body_id, "医院甲")]
    (granted,) = (await applications.own(world.services, world.here.staff[Role.INSTITUTION])).applications
    assert granted.state is ApplicationState.GRANTED
    with pytest.raises(Conflict):
        await applications.refuse(world.services, authority, application.id, "没有场地")
    with pytest.raises(Conflict):
        await applications.apply(
            world.services, world.here.staff[Role.INSTITUTION], kind="society", grounds="再次申请"
        )


async def test_who_is_refused_reads_why_and_may_apply_again(world: World) -> None:
    authority, institution = world.here.staff[Role.AUTHORITY], world.here.staff[Role.INSTITUTION]
    (application,) = (await _applied(world)).applications
    with pytest.raises(BadFields):
        await applications.refuse(world.services, authority, application.id, "  ")
    await applications.refuse(world.services, authority, application.id, "场地不足")
    (refused,) = (await applications.own(world.services, institution)).applications
    assert (refused.state, refused.decision) == (ApplicationState.REFUSED, "场地不足")
    await applications.apply(world.services, institution, kind="institution", grounds="已补充场地")
    newest, _ = (await applications.own(world.services, institution)).applications
    await applications.withdraw(world.services, institution, newest.id)
    page = await applications.listed(world.services, authority, None, None)
    assert [row.state for row in page.rows] == [ApplicationState.REFUSED, ApplicationState.WITHDRAWN]


async def test_outside_the_days_the_days_are_said(world: World) -> None:
    await _applied(world)
    world.clock.move(days=30)
    other = replace(world.here.staff[Role.INSTITUTION])
    with pytest.raises(Conflict, match="考核机构申请已经结束，时间为2026-05-10 至 2026-05-20"):
        await applications.apply(world.services, other, kind="institution", grounds="迟到的申请")
