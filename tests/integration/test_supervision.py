"""The authority finds physicians, moves them to the right institution, withdraws them from the cycle."""

from __future__ import annotations

from uuid import UUID

import pytest

from exam_service.accounts.model import Role
from exam_service.cycles import usecases as cycles
from exam_service.errors import BadFields, Conflict, Forbidden, NotFound
from exam_service.organisations import usecases as organisations
from exam_service.papers.usecases import supervision as acts
from exam_service.registration import usecases as registration
from exam_service.registration.model import Registration, State
from exam_service.registration.supervision import usecases as supervision
from exam_service.registration.supervision.model import Act
from exam_service.storage.database import Tx
from tests.world import World


async def put(tx: Tx, own: Registration, state: State) -> None:
    await tx.execute("UPDATE registration SET state = $2 WHERE id = $1", own.id, state)


async def another_institution(world: World, *, in_cycle: bool = True) -> UUID:
    """With the other body."""
    async with world.database.tx() as tx:
        added = await organisations.add_institution(tx, world.here.province_id, "医院丙")
        if in_cycle:
            await cycles.assign_institution(tx, world.here.cycle, added.id, world.here.other_body_id)
    return added.id


async def own_now(world: World, own: Registration) -> Registration:
    async with world.database.tx() as tx:
        return await registration.registration_of(tx, own.id, own.province_id)


AFTER = {
    State.NOT_ADMITTED: State.NOT_ADMITTED,
    State.ADMITTED: State.ADMITTED,
    State.DRAFT: State.DRAFT,
    State.RETURNED: State.RETURNED,
    State.INSTITUTION_REVIEW: State.INSTITUTION_REVIEW,
    State.BODY_REVIEW: State.INSTITUTION_REVIEW,
    State.REGISTERED: State.INSTITUTION_REVIEW,
}


async def test_what_was_submitted_is_reviewed_by_the_new_institution(world: World) -> None:
    authority, own = world.here.staff[Role.AUTHORITY], world.here.registrations[1]
    to = await another_institution(world)
    back = world.here.institution_id
    for state, after in AFTER.items():
        async with world.database.tx() as tx:
            await put(tx, own, state)
        await acts.move_physician(world.services, authority, own.account_id, to, "原登记有误")
        moved = await own_now(world, own)
        assert (moved.state, moved.institution_id) == (after, to), state
        assert moved.body_id == world.here.other_body_id
        await acts.move_physician(world.services, authority, own.account_id, back, "再移回")
    sheet = await supervision.sheet(world.services, authority, own.account_id, "")
    assert len(sheet.acts) == 2 * len(AFTER)
    assert (sheet.acts[0].act, sheet.acts[0].from_institution, sheet.acts[0].to_institution) == (
        Act.MOVED,
        "医院甲",
        "医院丙",
    )
    assert (sheet.acts[0].reason, sheet.acts[0].decided_by) == ("原登记有误", "authority人员")


async def test_who_has_begun_a_paper_is_not_moved(world: World) -> None:
    authority, own = world.here.staff[Role.AUTHORITY], world.here.registrations[1]
    to = await another_institution(world)
    paper = await world.open(world.here.simple)
    for act in (
        acts.move_physician(world.services, authority, own.account_id, to, "登记有误"),
        acts.withdraw_physician(world.services, authority, own.account_id, "不符合条件"),
    ):
        with pytest.raises(Conflict, match="正在参加测评"):
            await act
    await world.hand_in(paper, right=1)
    with pytest.raises(Conflict, match="已开始测评"):
        await acts.move_physician(world.services, authority, own.account_id, to, "登记有误")
    assert (await own_now(world, own)).institution_id == world.here.institution_id


async def test_a_paper_that_was_only_prepared_goes_along(world: World) -> None:
    authority, own = world.here.staff[Role.AUTHORITY], world.here.registrations[1]
    to = await another_institution(world)
    attempt = await world.start(world.here.simple)
    await acts.move_physician(world.services, authority, own.account_id, to, "登记有误")
    async with world.database.tx() as tx:
        row = await tx.fetch_optional("SELECT institution_id, body_id FROM attempt WHERE id = $1", attempt.id)
    assert row is not None
    assert (row["institution_id"], row["body_id"]) == (to, world.here.other_body_id)


async def test_an_institution_without_a_body_takes_nobody(world: World) -> None:
    authority, own = world.here.staff[Role.AUTHORITY], world.here.registrations[1]
    to = await another_institution(world, in_cycle=False)
    with pytest.raises(Conflict, match="还没有考核机构"):
        await acts.move_physician(world.services, authority, own.account_id, to, "登记有误")


@pytest.mark.parametrize(
    "state", [state for state in State if state not in {State.NOT_ADMITTED, State.CONCLUDED}]
)
async def test_who_is_withdrawn_is_out_of_the_cycle_and_the_reason_is_kept(
    world: World, state: State
) -> None:
    authority, own = world.here.staff[Role.AUTHORITY], world.here.registrations[1]
    async with world.database.tx() as tx:
        await put(tx, own, state)
    with pytest.raises(BadFields):
        await acts.withdraw_physician(world.services, authority, own.account_id, " ")
    await acts.withdraw_physician(world.services, authority, own.account_id, "不符合条件")
    assert (await own_now(world, own)).state is State.NOT_ADMITTED
    sheet = await supervision.sheet(world.services, authority, own.account_id, "")
    assert [(act.act, act.reason) for act in sheet.acts] == [(Act.WITHDRAWN, "不符合条件")]
    with pytest.raises(Conflict):
        await acts.withdraw_physician(world.services, authority, own.account_id, "再一次")


async def test_who_is_concluded_stays(world: World) -> None:
    authority, own = world.here.staff[Role.AUTHORITY], world.here.registrations[1]
    async with world.database.tx() as tx:
        await put(tx, own, State.CONCLUDED)
    with pytest.raises(Conflict, match="考核已结束"):
        await acts.withdraw_physician(world.services, authority, own.account_id, "不符合条件")


async def test_physicians_are_found_by_name_and_by_number_in_their_own_province(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    by_name = await supervision.find(world.services, authority, "医师", None)
    assert [row.name for row in by_name.rows] == ["医师1", "医师2", "医师3"]
    assert (await supervision.find(world.services, authority, "师", None)).rows == []
    (second,) = (await supervision.find(world.services, authority, "医师2", None)).rows
    assert second.name == "医师2"
    number = world.here.number_of(world.here.simple)
    for typed in (number, f" {number.lower()} "):
        page = await supervision.find_by_number(world.services, authority, typed)
        assert page
        (found,) = page.rows
        assert found.account_id == world.here.simple.account_id
    stranger = world.elsewhere.number_of(world.elsewhere.simple)
    nobody = await supervision.find_by_number(world.services, authority, stranger)
    assert nobody
    assert nobody.rows == []
    assert await supervision.find_by_number(world.services, authority, "医师2") is None
    assert (await supervision.find(world.services, authority, stranger, None)).rows == []
    with pytest.raises(NotFound):
        await supervision.sheet(world.services, authority, world.elsewhere.simple.account_id, "")
    with pytest.raises(Forbidden):
        await supervision.find(world.services, world.here.staff[Role.BODY], "医师", None)


async def test_the_list_goes_on_where_it_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "PAGE", 2)
    authority = world.here.staff[Role.AUTHORITY]
    first = await supervision.find(world.services, authority, "", None)
    assert first.next_cursor is not None
    second = await supervision.find(world.services, authority, "", first.next_cursor)
    assert [row.name for row in (*first.rows, *second.rows)] == ["医师1", "医师2", "医师3"]
    assert second.next_cursor is None


async def test_the_search_by_name_reads_an_index(world: World) -> None:
    async with world.database.tx() as tx:
        await tx.execute("SET LOCAL enable_seqscan = off")
        lines = await tx.fetch(
            "EXPLAIN SELECT id FROM account WHERE province_id = 'hunan' AND role = 'physician' "
            "AND name COLLATE \"C\" >= '张' AND name COLLATE \"C\" < '张三' "
            'ORDER BY name COLLATE "C", id LIMIT 30'
        )
    assert any("account_physician_name" in line["QUERY PLAN"] for line in lines)


async def test_registrations_go_with_their_institution_until_a_body_has_them(world: World) -> None:
    """Two are registered and stay with their body; the one that is being filled in goes along."""
    authority, here = world.here.staff[Role.AUTHORITY], world.here
    async with world.database.tx() as tx:
        await put(tx, here.registrations[2], State.DRAFT)
    count = await supervision.assign(
        world.services, authority, here.other_body_id, chosen=[here.institution_id]
    )
    assert count == 1
    bodies = [(await own_now(world, own)).body_id for own in here.registrations]
    assert bodies == [here.body_id, here.body_id, here.other_body_id]
    with pytest.raises(NotFound):
        await supervision.assign(
            world.services, authority, here.body_id, chosen=[world.elsewhere.institution_id]
        )
    with pytest.raises(NotFound):
        await supervision.assign(
            world.services, authority, world.elsewhere.body_id, chosen=[here.institution_id]
        )
