"""申请修改: a registered physician asks for a correction, the institution decides, the old values stay."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from exam_service.accounts.model import Role
from exam_service.errors import BadFields, Conflict, NotFound
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Category, Level, Sex
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import (
    Basic,
    Education,
    Employment,
    Experience,
    Form,
    Practice,
    parse_form,
)
from exam_service.registration.model import State as Registered
from exam_service.registration.modifications import usecases as modifications
from tests.world import Browser, Place, World, browsing

PAGE, DESK = "/registration/modification", "/institution/modifications"
SCHOOL = Education("e1", "本科", "山西医科大学", "临床医学", date(2008, 9, 1), date(2013, 6, 30))


@pytest.fixture
async def shanxi(world: World) -> Place:
    """A province that knows such requests; its general physician's form is submitted and registered."""
    place = await world.open_province("shanxi", "shanxi-2024")
    staff, own = place.staff[Role.INSTITUTION], place.registrations[0]
    for name, subjects in (("内科", ("03",)), ("外科", ("04",))):
        await institutions.add_department(world.database, world.clock, staff, name=name, subjects=subjects)
    async with world.database.tx() as tx:
        medicine, _ = await institutions.departments(tx, place.institution_id, place.province_id)
        submitted = Form(
            Basic(Sex.FEMALE, "汉族", date(1985, 3, 1), "本科", "old@example.com", "13500000000"),
            Practice(
                department_id=medicine.id,
                specialties=institutions.specialties_of(medicine)[:1],
                title="主治医师",
                level=Level.LICENSED,
                trainee=False,
                category=Category.CLINICAL,
                scopes=("内科专业",),
                employment=Employment.EMPLOYED,
                qualification_number="199814110104",
                practising_number="110410000000",
                licensed_on=date(2010, 2, 2),
            ),
            Experience(education=(SCHOOL,)),
        )
        await form.amend(tx, world.clock, world.vault, own, submitted, amended_by=own.account_id)
    return place


@pytest.fixture
async def browsers(world: World, server: TestServer, shanxi: Place) -> AsyncIterator[tuple[Browser, Browser]]:
    """The physician's and the institution's."""
    async with AsyncExitStack() as stack:
        physician = await stack.enter_async_context(browsing(server))
        institution = await stack.enter_async_context(browsing(server))
        await physician.login(shanxi, shanxi.general)
        await institution.login(shanxi, shanxi.staff[Role.INSTITUTION])
        yield physician, institution


async def ask(world: World, place: Place, **answers: str) -> UUID:
    """The general physician asks for other values; gives the request."""
    values = {name.replace("__", "."): [value] for name, value in answers.items()}
    await modifications.ask(world.services, place.general, values, "填写有误")
    page = await modifications.own_page(world.services, place.general)
    return page.requests[0].request.id


async def decide(world: World, place: Place, request: UUID, *, granted: bool, reason: str = "") -> None:
    await modifications.decide(
        world.services, place.staff[Role.INSTITUTION], request, granted=granted, reason=reason
    )


async def submissions(world: World, place: Place) -> list[Form]:
    """All that were kept, the oldest first."""
    own = place.registrations[0]
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT id, content FROM registration_submission WHERE registration_id = $1 ORDER BY id", own.id
        )
        return [parse_form(json.loads(await world.vault.open(tx, row["content"], row["id"]))) for row in rows]


async def first_waiting(browser: Browser) -> str:
    page = await (await browser.get(DESK)).text()
    return f"{DESK}/" + page.split(f'href="{DESK}/', 1)[1].split('"', 1)[0]


async def test_a_granted_modification_counts_from_then_on_and_the_old_values_stay(
    browsers: tuple[Browser, Browser], world: World, shanxi: Place
) -> None:
    physician, institution = browsers
    page = await (await physician.get(PAGE)).text()
    assert "old@example.com" in page
    assert 'name="practice.category"' not in page
    unchanged = await physician.submit(PAGE, reason="邮箱写错")
    assert "没有任何修改" in await unchanged.text()
    wrong = await physician.submit(PAGE, reason="邮箱写错", **{"basic.email": "无"})
    assert wrong.status == 422
    assert "电子邮箱格式不正确" in await wrong.text()
    asked = await physician.submit(PAGE, reason="邮箱写错", **{"basic.email": "new@example.com"})
    assert asked.status == 303
    again = await physician.submit(PAGE, reason="再改", **{"basic.email": "third@example.com"})
    assert again.status == 409

    sheet = await first_waiting(institution)
    shown = await (await institution.get(sheet)).text()
    assert all(words in shown for words in ("old@example.com", "new@example.com", "邮箱写错"))
    granted = await institution.submit(f"{sheet}/decision", decision="grant", reason="")
    assert granted.headers["Location"] == DESK
    own = await (await physician.get(PAGE)).text()
    assert "已同意，修改生效" in own
    assert "institution人员" not in own
    old, new = await submissions(world, shanxi)
    assert (old.basic.email, new.basic.email) == ("old@example.com", "new@example.com")
    assert new.practice == old.practice


async def test_a_refused_modification_changes_nothing_and_says_why(
    browsers: tuple[Browser, Browser], world: World, shanxi: Place
) -> None:
    physician, institution = browsers
    await ask(world, shanxi, practice__licensed_on="2001-02-02")
    sheet = await first_waiting(institution)
    await institution.get(sheet)
    silent = await institution.submit(f"{sheet}/decision", decision="refuse", reason="")
    assert silent.status == 422
    await institution.submit(f"{sheet}/decision", decision="refuse", reason="与执业证书不符")
    own = await (await physician.get(PAGE)).text()
    assert "与执业证书不符" in own
    assert len(await submissions(world, shanxi)) == 1
    assert "还没有" not in await (await institution.get(f"{DESK}?tab=decided")).text()


async def test_a_new_department_is_what_lists_filter_by(world: World, shanxi: Place) -> None:
    async with world.database.tx() as tx:
        _, surgery = await institutions.departments(tx, shanxi.institution_id, shanxi.province_id)
    with pytest.raises(BadFields) as refusal:
        await ask(world, shanxi, practice__department_id=str(surgery.id))
    assert set(refusal.value.problems) == {"practice.specialties"}
    specialty = institutions.specialties_of(surgery)[0]
    request = await ask(
        world, shanxi, practice__department_id=str(surgery.id), practice__specialties=specialty
    )
    await decide(world, shanxi, request, granted=True)
    own = shanxi.registrations[0]
    async with world.database.tx() as tx:
        now = await registration.registration_of(tx, own.id, own.province_id)
    assert now.department_id == surgery.id


async def test_what_cannot_be_taken_any_more_is_not_granted(world: World, shanxi: Place) -> None:
    staff = shanxi.staff[Role.INSTITUTION]
    async with world.database.tx() as tx:
        _, surgery = await institutions.departments(tx, shanxi.institution_id, shanxi.province_id)
    request = await ask(
        world,
        shanxi,
        practice__department_id=str(surgery.id),
        practice__specialties=institutions.specialties_of(surgery)[0],
    )
    await institutions.stop_department(world.database, world.clock, staff, surgery.id)
    with pytest.raises(Conflict, match="outdated"):
        await decide(world, shanxi, request, granted=True)
    await decide(world, shanxi, request, granted=False, reason="科室已停用")


async def test_a_request_is_withdrawn_while_it_is_open(world: World, shanxi: Place) -> None:
    request = await ask(world, shanxi, basic__education="硕士")
    await modifications.withdraw(world.services, shanxi.general, request)
    with pytest.raises(Conflict, match="withdrawn"):
        await decide(world, shanxi, request, granted=True)
    with pytest.raises(Conflict, match="already_decided"):
        await modifications.withdraw(world.services, shanxi.general, request)
    await ask(world, shanxi, basic__education="博士")


async def test_who_is_returned_corrects_the_form_itself(world: World, shanxi: Place) -> None:
    request = await ask(world, shanxi, basic__education="硕士")
    async with world.database.tx() as tx:
        own = await registration.lock_registration(tx, shanxi.registrations[0].id, "shanxi")
        await registration.move(tx, world.clock, own, Registered.RETURNED, cause="test", actor_id=None)
    with pytest.raises(Conflict, match="not_registered"):
        await ask(world, shanxi, basic__education="博士")
    with pytest.raises(Conflict, match="not_registered"):
        await decide(world, shanxi, request, granted=True)


async def test_where_the_province_has_none_there_is_no_page(world: World, server: TestServer) -> None:
    async with browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        assert (await browser.get(PAGE)).status == 404
        assert (await browser.submit(PAGE, reason="改")).status == 404


async def test_another_institution_finds_nothing(world: World, shanxi: Place) -> None:
    request = await ask(world, shanxi, basic__education="硕士")
    for stranger in (
        await world.clerk(shanxi, "stranger", institution_id=shanxi.other_institution_id),
        world.here.staff[Role.INSTITUTION],
    ):
        with pytest.raises(NotFound):
            await modifications.sheet(world.services, stranger, request)
        with pytest.raises(NotFound):
            await modifications.decide(world.services, stranger, request, granted=True, reason="")
        page = await modifications.list_page(
            world.services, stranger, waiting=True, name="", number="", cursor=None
        )
        assert (page.rows, page.waiting) == ([], 0)
    with pytest.raises(NotFound):
        await modifications.withdraw(world.services, shanxi.simple, request)


async def test_nothing_of_a_request_lies_open_in_the_database(world: World, shanxi: Place) -> None:
    await ask(world, shanxi, basic__email="secret@example.com")
    async with world.database.tx() as tx:
        stored = await tx.fetch_value("SELECT changes FROM modification_request")
    assert b"secret" not in stored
