from __future__ import annotations

from uuid import UUID

import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.errors import BadFields, Conflict
from exam_service.institutions import usecases as institutions
from tests.world import Another, World


@pytest.fixture
def desk(world: World) -> Principal:
    return world.here.staff[Role.INSTITUTION]


async def added(world: World, desk: Principal, name: str, *subjects: str) -> UUID:
    return await institutions.add_department(
        world.database, world.clock, desk, name=name, subjects=subjects or ("03.01",)
    )


async def names(world: World, desk: Principal, **filters: object) -> list[str]:
    page = await institutions.list_departments(world.database, desk, **filters)  # type: ignore[arg-type]
    return [each.name for each in page.rows]


async def test_a_name_is_an_institutions_once(world: World, desk: Principal) -> None:
    await added(world, desk, "内科")
    with pytest.raises(BadFields) as refused:
        await added(world, desk, "内科 ")
    assert refused.value.problems == {"name": "本机构已有同名科室，请换一个名称。"}
    surgery = await added(world, desk, "外科", "04")
    with pytest.raises(BadFields):
        await institutions.amend_department(
            world.database, world.clock, desk, surgery, name="内科", subjects=["04"]
        )
    neighbour = await world.clerk(world.here, "neighbour", institution_id=world.here.other_institution_id)
    await added(world, neighbour, "内科")


async def test_a_stopped_department_is_not_offered_and_may_be_reopened(world: World, desk: Principal) -> None:
    internal, _ = await added(world, desk, "内科"), await added(world, desk, "外科", "04")
    await institutions.stop_department(world.database, world.clock, desk, internal)

    async def offered() -> list[str]:
        async with world.database.tx() as tx:
            found = await institutions.departments(tx, world.here.institution_id, world.here.province_id)
        return [each.name for each in found]

    assert await offered() == ["外科"]
    assert await names(world, desk, stopped=True) == ["内科"]
    assert await names(world, desk, stopped=False) == ["外科"]
    assert await names(world, desk, name="科") == ["内科", "外科"]
    assert await names(world, desk, name="%") == []
    await institutions.reopen_department(world.database, world.clock, desk, internal)
    assert await offered() == ["内科", "外科"]


async def test_a_department_that_was_chosen_in_a_form_is_stopped_not_deleted(
    world: World, desk: Principal
) -> None:
    unused, used = await added(world, desk, "内科"), await added(world, desk, "外科", "04")
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE registration SET department_id = $1 WHERE id = $2", used, world.here.registrations[0].id
        )
    with pytest.raises(Conflict, match="停用"):
        await institutions.delete_department(world.database, world.clock, desk, used)
    await institutions.delete_department(world.database, world.clock, desk, unused)
    assert await names(world, desk) == ["外科"]


async def test_what_was_typed_of_a_department_stays_when_it_is_refused(
    world: World, another: Another
) -> None:
    browser = await another("hunan-institution")
    await browser.submit("/institution/departments", name="内科", subject="03.01")
    answer = await browser.submit("/institution/departments", name="内科", subject="03.02")
    page = await answer.text()
    assert answer.status == 422
    assert 'id="name-error">本机构已有同名科室' in page
    assert 'value="03.02" checked' in page


async def test_departments_page_by_what_came_last(world: World, desk: Principal, another: Another) -> None:
    for number in range(51):
        await added(world, desk, f"{number:02}病区")
    browser = await another("hunan-institution")
    first = await (await browser.get("/institution/departments")).text()
    assert "00病区" in first
    assert "50病区" not in first
    address = first.split('href="/institution/departments?cursor=')[1].split('"')[0]
    second = await (await browser.get(f"/institution/departments?cursor={address}")).text()
    assert "50病区" in second
    assert "49病区" not in second
