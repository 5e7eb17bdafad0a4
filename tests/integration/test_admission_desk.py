"""允许报名, 取消报名, 调离, 调入, 删除, 重置密码, 激活单: what an institution does with its roster."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from exam_service.accounts import queries as account_queries
from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal, Role
from exam_service.cycles.policy import Stage
from exam_service.demo.people import identity_number
from exam_service.errors import BadFields, Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import TransferState
from exam_service.keys import SERVICES
from exam_service.organisations import usecases as organisations
from exam_service.registration import usecases as registration
from exam_service.registration.admission.usecases import acts, transfers
from exam_service.registration.admission.usecases import desk as office
from exam_service.registration.admission.usecases.acts import Outcome, Refusal
from exam_service.registration.model import Registration, State
from exam_service.sms.outbox import Outbox
from exam_service.sms.sender import Post
from tests.world import Another, World, eventually

OPEN = "已允许报名，无需重复办理。"


@pytest.fixture
async def desk(world: World) -> Principal:
    """Staff of ``here``'s institution, while registration is open."""
    await registration_lasts(world, days=3)
    return world.here.staff[Role.INSTITUTION]


@pytest.fixture
async def neighbour(world: World) -> Principal:
    return await world.clerk(world.here, "neighbour", institution_id=world.here.other_institution_id)


async def registration_lasts(world: World, *, days: int) -> None:
    """The stage 医师报名 begins in two days and lasts so many more."""
    today = world.clock.now().date()
    first = today + timedelta(days=2 if days > 0 else -9)
    last = today + timedelta(days=2 + days if days > 0 else days)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE cycle SET stages = jsonb_build_object($1::text, jsonb_build_array($2::text, $3::text))",
            Stage.REGISTRATION,
            str(first),
            str(last),
        )


async def of(world: World, account_id: UUID) -> Registration | None:
    async with world.database.tx() as tx:
        return await registration.registration_in_cycle(tx, world.here.cycle.id, account_id)


async def state_of(world: World, account_id: UUID) -> State | None:
    own = await of(world, account_id)
    return own.state if own else None


async def goes_to(world: World, account_id: UUID, *states: State) -> None:
    async with world.database.tx() as tx:
        own = await registration.registration_in_cycle(tx, world.here.cycle.id, account_id)
        assert own
        for state in states:
            own = await registration.move(tx, world.clock, own, state, cause="test", actor_id=None)


async def admit(world: World, who: Principal, *ids: UUID) -> Outcome:
    return await acts.admit(world.database, world.clock, who, ids)


async def cancel(world: World, who: Principal, *ids: UUID) -> Outcome:
    return await acts.cancel(world.database, world.clock, who, ids)


async def leave(world: World, who: Principal, *ids: UUID) -> Outcome:
    return await acts.leave(world.database, world.clock, who, ids, reason="departed")


async def undo(world: World, who: Principal, outcome: Outcome) -> Outcome:
    assert outcome.act_id
    return await acts.undo(world.database, world.clock, who, outcome.act_id)


async def take_over(world: World, who: Principal, number: int, name: str | None = None):  # noqa: ANN201
    return await transfers.take_over(
        world.services,
        who,
        name=name or f"医师{number}",
        document_type="identity_card",
        number=identity_number(who.province_id, number),
        reason="",
    )


async def somebody_waits_for_a_row(world: World) -> bool:
    async with world.database.tx() as tx:
        return bool(
            await tx.fetch_value(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )


async def institution_of(world: World, account_id: UUID) -> UUID | None:
    async with world.database.tx() as tx:
        entry = await institutions.roster_entry(tx, account_id, world.here.province_id)
    return entry.institution_id if entry else None


async def test_a_physician_is_let_in_before_the_first_day_and_belongs_to_the_institutions_body(
    world: World, desk: Principal
) -> None:
    new = await world.on_roster(desk, 71, category="dental", level="assistant")
    outcome = await admit(world, desk, new)
    assert (outcome.done, outcome.refusals) == (1, ())
    own = await of(world, new)
    assert own
    assert (own.state, own.body_id, own.category, own.level) == (
        State.ADMITTED,
        world.here.body_id,
        "dental",
        "assistant",
    )


async def test_of_many_those_who_cannot_be_let_in_are_named_and_the_rest_is_done(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    new, twice = await world.on_roster(desk, 71), await world.on_roster(desk, 72)
    theirs = await world.on_roster(neighbour, 73)
    registered = world.here.general.account_id
    await admit(world, desk, twice)
    outcome = await admit(world, desk, new, twice, registered, theirs, new_id())
    assert outcome.done == 1
    gone = Refusal("", "本机构名册中没有这名医师，请刷新名册后重试。")
    assert sorted(outcome.refusals, key=lambda each: each.name) == [
        gone,
        gone,
        Refusal("医师1", "已提交报名信息，无需再次允许。"),
        Refusal("医师72", OPEN),
    ]
    assert await state_of(world, theirs) is None


@pytest.mark.parametrize("act", [admit, cancel])
async def test_after_registration_nobody_is_let_in_or_taken_out_and_the_days_are_said(
    world: World, desk: Principal, act: object
) -> None:
    new = await world.on_roster(desk, 71)
    await registration_lasts(world, days=-1)
    with pytest.raises(Conflict, match=r"医师报名已经结束，时间为2026-05-03 至 2026-05-11"):
        await act(world, desk, new)  # type: ignore[operator]


async def test_an_institution_outside_the_cycle_is_told_whom_to_ask(world: World, desk: Principal) -> None:
    new = await world.on_roster(desk, 71)
    async with world.database.tx() as tx:
        await tx.execute("DELETE FROM cycle_institution WHERE institution_id = $1", world.here.institution_id)
    with pytest.raises(Conflict, match="请联系卫生行政部门"):
        await admit(world, desk, new)


async def test_who_is_taken_out_and_let_in_again_goes_on_with_the_form_that_was_begun(
    world: World, desk: Principal
) -> None:
    new = await world.on_roster(desk, 71)
    await admit(world, desk, new)
    await goes_to(world, new, State.DRAFT)
    assert (await cancel(world, desk, new)).done == 1
    assert await state_of(world, new) is State.NOT_ADMITTED
    await admit(world, desk, new)
    assert await state_of(world, new) is State.DRAFT


async def test_a_submitted_registration_is_not_cancelled_and_its_physician_does_not_leave(
    world: World, desk: Principal
) -> None:
    new = await world.on_roster(desk, 71)
    await admit(world, desk, new)
    await goes_to(world, new, State.DRAFT, State.INSTITUTION_REVIEW)
    assert "请先在审核中驳回" in (await cancel(world, desk, new)).refusals[0].reason
    assert "请先在审核中驳回" in (await leave(world, desk, new)).refusals[0].reason
    assert await institution_of(world, new) == world.here.institution_id
    registered = await leave(world, desk, world.here.general.account_id)
    assert "请联系卫生行政部门办理" in registered.refusals[0].reason


async def test_each_act_is_undone_as_if_it_had_not_been(world: World, desk: Principal) -> None:
    surgery = await institutions.add_department(
        world.database, world.clock, desk, name="外科", subjects=["04"]
    )
    new = await world.on_roster(desk, 71, department=str(surgery))
    undone = await undo(world, desk, await admit(world, desk, new))
    assert (undone.done, await state_of(world, new)) == (1, State.NOT_ADMITTED)
    await admit(world, desk, new)
    await goes_to(world, new, State.DRAFT)
    await undo(world, desk, await cancel(world, desk, new))
    assert await state_of(world, new) is State.DRAFT
    left = await leave(world, desk, new)
    assert (await institution_of(world, new), await state_of(world, new)) == (None, State.NOT_ADMITTED)
    await undo(world, desk, left)
    async with world.database.tx() as tx:
        entry = await institutions.roster_entry(tx, new, world.here.province_id)
    assert entry
    assert (entry.institution_id, entry.department_id, entry.left_at) == (
        world.here.institution_id,
        surgery,
        None,
    )
    assert await state_of(world, new) is State.DRAFT


async def test_who_left_a_department_that_is_deleted_meanwhile_comes_back_without_one(
    world: World, desk: Principal
) -> None:
    surgery = await institutions.add_department(
        world.database, world.clock, desk, name="外科", subjects=["04"]
    )
    new = await world.on_roster(desk, 71, department=str(surgery))
    await admit(world, desk, new)
    left = await leave(world, desk, new)
    async with world.database.tx() as deleting:
        await deleting.execute("DELETE FROM department WHERE id = $1", surgery)
        undoing = asyncio.create_task(undo(world, desk, left))
        await eventually(lambda: somebody_waits_for_a_row(world))
    undone = await undoing
    assert (undone.done, undone.refusals) == (1, ())
    async with world.database.tx() as tx:
        entry = await institutions.roster_entry(tx, new, world.here.province_id)
        noted = await tx.fetch_value(
            "SELECT facts::text FROM audit_entry WHERE action = 'roster.brought_back'"
        )
    assert entry
    assert (entry.institution_id, entry.department_id) == (world.here.institution_id, None)
    assert json.loads(noted) == {"to": str(world.here.institution_id), "department": None}
    assert await state_of(world, new) is State.ADMITTED


async def test_what_was_done_is_said_once_on_the_roster_and_on_the_page_of_the_physician(
    world: World, desk: Principal, another: Another
) -> None:
    first, second = await world.on_roster(desk, 71), await world.on_roster(desk, 72)
    browser = await another("hunan-institution")

    async def told(act: str, back: str, physician: UUID) -> list[str]:
        fields = {"physician": str(physician), "back": back}
        answer = await browser.submit(f"/institution/roster/{act}", **fields)
        text = await (await browser.get(answer.headers["Location"])).text()
        return re.findall(r"已为\w+办理“(\w+)”", text)

    for back in ("/institution/roster", "/institution/roster?standing=admitted"):
        assert await told("admission", back, first) == ["允许报名"]
        assert await told("cancellation", back, first) == ["取消报名"]
    assert await told("admission", f"/institution/roster/{second}", second) == ["允许报名"]


async def test_what_has_changed_since_is_not_undone_and_the_rest_is(world: World, desk: Principal) -> None:
    begun, idle = await world.on_roster(desk, 71), await world.on_roster(desk, 72)
    outcome = await admit(world, desk, begun, idle)
    await goes_to(world, begun, State.DRAFT)
    undone = await undo(world, desk, outcome)
    assert undone.done == 1
    assert undone.refusals == (Refusal("医师71", "报名状态之后又有变化，不能撤销。"),)
    assert (await state_of(world, begun), await state_of(world, idle)) == (
        State.DRAFT,
        State.NOT_ADMITTED,
    )


async def test_undoing_is_for_ten_minutes_once_and_for_the_own_institution(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    new, other = await world.on_roster(desk, 71), await world.on_roster(desk, 72)
    outcome = await admit(world, desk, new)
    with pytest.raises(NotFound):
        await undo(world, neighbour, outcome)
    await undo(world, desk, outcome)
    with pytest.raises(Conflict, match="已经撤销"):
        await undo(world, desk, outcome)
    late = await admit(world, desk, other)
    world.clock.move(minutes=10, seconds=1)
    with pytest.raises(Conflict, match="超过10分钟"):
        await undo(world, desk, late)


async def test_a_transfer_needs_the_other_institution_and_what_was_begun_goes_along_taken_out(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    new = await world.on_roster(desk, 71)
    await admit(world, desk, new)
    await goes_to(world, new, State.DRAFT)
    asked = await take_over(world, neighbour, 71)
    assert asked.state is TransferState.OPEN
    assert await institution_of(world, new) == world.here.institution_id
    with pytest.raises(Conflict, match="已有机构申请调入"):
        await take_over(world, neighbour, 71)
    with pytest.raises(NotFound):  # who asks can't agree
        await transfers.agree(world.database, world.clock, neighbour, asked.id)
    await transfers.agree(world.database, world.clock, desk, asked.id)
    assert await institution_of(world, new) == world.here.other_institution_id
    own = await of(world, new)
    assert own
    assert (own.state, own.institution_id, own.body_id) == (
        State.NOT_ADMITTED,
        world.here.other_institution_id,
        world.here.other_body_id,
    )
    await admit(world, neighbour, new)
    assert await state_of(world, new) is State.DRAFT
    for who in (desk, neighbour):
        page = await transfers.transfers(world.database, who, None)
        assert [(each.name, each.transfer.state) for each in page.rows] == [("医师71", TransferState.AGREED)]


async def test_a_transfer_is_refused_with_a_reason_or_withdrawn(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    new = await world.on_roster(desk, 71)
    first = await take_over(world, neighbour, 71)
    with pytest.raises(Invalid, match="请填写不同意的原因"):
        await transfers.refuse(world.database, world.clock, desk, first.id, decision=" ")
    await transfers.refuse(world.database, world.clock, desk, first.id, decision="合同未到期")
    second = await take_over(world, neighbour, 71)
    await transfers.withdraw(world.database, world.clock, neighbour, second.id)
    with pytest.raises(Conflict, match="已经办结"):
        await transfers.agree(world.database, world.clock, desk, second.id)
    assert await institution_of(world, new) == world.here.institution_id
    (withdrawn, refused) = (await transfers.transfers(world.database, neighbour, None)).rows
    assert (withdrawn.transfer.state, refused.transfer.decision) == (
        TransferState.WITHDRAWN,
        "合同未到期",
    )


async def test_who_is_under_review_is_not_transferred(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    new = await world.on_roster(desk, 71)
    await admit(world, desk, new)
    await goes_to(world, new, State.DRAFT, State.INSTITUTION_REVIEW)
    asked = await take_over(world, neighbour, 71)
    with pytest.raises(Conflict, match="请先在审核中驳回"):
        await transfers.agree(world.database, world.clock, desk, asked.id)
    assert await institution_of(world, new) == world.here.institution_id
    await goes_to(world, new, State.RETURNED)
    await transfers.agree(world.database, world.clock, desk, asked.id)
    assert await institution_of(world, new) == world.here.other_institution_id


async def test_who_is_in_no_institution_comes_at_once(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    new = await world.on_roster(desk, 71)
    await leave(world, desk, new)
    taken = await take_over(world, neighbour, 71)
    assert taken.state is TransferState.AGREED
    assert await institution_of(world, new) == world.here.other_institution_id


async def test_a_physician_is_found_by_name_and_number_together(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    await world.on_roster(desk, 71)
    for number, name in ((71, "王五"), (79, None)):
        with pytest.raises(BadFields) as refused:
            await take_over(world, neighbour, number, name)
        assert "没有找到姓名和证件号码都相符的医师" in refused.value.problems["number"]
    with pytest.raises(BadFields, match="更正") as own:
        await take_over(world, desk, 71)
    assert own.value.problems == {"number": "医师71已在本机构名册中，无需调入。"}


async def test_only_who_was_entered_by_mistake_is_deleted(
    world: World, desk: Principal, neighbour: Principal
) -> None:
    mistaken, admitted = await world.on_roster(desk, 71), await world.on_roster(desk, 72)
    wanted = await world.on_roster(desk, 73)
    await admit(world, desk, admitted)
    await take_over(world, neighbour, 73)
    active = world.here.general.account_id
    outcome = await office.remove(
        world.database, world.clock, world.vault, desk, [mistaken, admitted, wanted, active]
    )
    assert outcome.done == 1
    assert sorted(each.name for each in outcome.refusals) == ["医师1", "医师72", "医师73"]
    async with world.database.tx() as tx:
        assert not await tx.fetch_value("SELECT count(*) FROM account WHERE id = $1", mistaken)
        assert not await tx.fetch_value("SELECT count(*) FROM data_key WHERE account_id = $1", mistaken)
    assert await institution_of(world, wanted) == world.here.institution_id
    await world.on_roster(desk, 71)  # the document is free again


async def test_a_password_that_was_reset_logs_nobody_in(
    world: World, desk: Principal, another: Another
) -> None:
    physician = await another("physician")
    outcome = await office.reset_passwords(world.database, world.clock, desk, [world.here.general.account_id])
    assert outcome.done == 1
    assert (await physician.get("/home")).status == 303


async def test_a_reset_makes_nobody_else_of_a_physician(world: World, desk: Principal) -> None:
    """An institution could give a registered physician's account, papers and all, to somebody else."""
    account_id = await world.on_roster(desk, 71, mobile="13800000071")
    async with world.database.tx() as tx:
        await account_queries.set_password(tx, account_id, "activated", world.clock.now())
    await office.reset_passwords(world.database, world.clock, desk, [account_id])
    somebody_else = {
        "name": "他人",
        "number": identity_number(desk.province_id, 72),
        "mobile": "13900000099",
        "category": "clinical",
        "level": "licensed",
    }
    await institutions.amend_entry(world.services, desk, account_id, somebody_else)
    async with world.database.tx() as tx:
        person = await accounts.person_on_roster(tx, world.vault, account_id, desk.province_id)
    number = identity_number(desk.province_id, 71)
    assert (person.name, person.number, person.mobile) == ("医师71", number, "13800000071")
    outcome = await office.remove(world.database, world.clock, world.vault, desk, [account_id])
    assert outcome.done == 0


async def test_slips_are_printed_for_who_has_not_activated(
    world: World, desk: Principal, another: Another
) -> None:
    new = await world.on_roster(desk, 71)
    browser = await another("hunan-institution")
    answer = await browser.client.post(
        "/institution/roster/slips",
        data=[
            ("csrf_token", browser.csrf),
            ("physician", str(new)),
            ("physician", str(world.here.general.account_id)),
        ],
    )
    page = await answer.text()
    number = identity_number(world.here.province_id, 71)
    assert answer.headers["Cache-Control"] == "no-store"
    assert page.count('class="slip"') == 1
    assert "<svg" in page
    assert number not in page
    assert f"{number[:3]}***********{number[-4:]}" in page
    assert "医师1：" in page
    assert "已经激活" in page


async def test_the_slips_say_that_whom_no_code_reaches_waits_for_a_person(
    world: World, desk: Principal, server: TestServer, another: Another
) -> None:
    new = await world.on_roster(desk, 71)
    browser = await another("hunan-institution")
    for sends, wants, whom in (
        (True, True, "收不到短信验证码的医师，"),
        (True, False, "本省不发送短信验证码，医师"),
        (False, True, "本省不发送短信验证码，医师"),
    ):
        sender = Outbox(world.database, world.clock) if sends else None
        object.__setattr__(server.app[SERVICES], "post", Post(sender))
        async with world.database.tx() as tx:
            await organisations.set_entry(tx, world.here.province_id, {"mobile_code": wants})
        page = await (await browser.submit("/institution/roster/slips", physician=str(new))).text()
        rest = "凭激活单设置密码后，还须考核机构或卫生行政部门的工作人员核实通过，才能登录。"
        assert f"{whom}{rest}" in page


async def test_the_sheet_says_how_somebody_activates(
    world: World, desk: Principal, server: TestServer, another: Another
) -> None:
    new = await world.on_roster(desk, 71)
    browser = await another("hunan-institution")
    sheet = f"/institution/roster/{new}"
    for sends, entry, said in (
        (True, {}, "名册中没有手机号，收不到验证码"),
        (True, {"unlisted_mobile": True}, "本人激活时填写自己的手机号"),
        (True, {"mobile_code": False}, "本省不发送短信验证码，请打印激活单"),
        (False, {}, "本省不发送短信验证码，请打印激活单"),
    ):
        sender = Outbox(world.database, world.clock) if sends else None
        object.__setattr__(server.app[SERVICES], "post", Post(sender))
        async with world.database.tx() as tx:
            await organisations.set_entry(tx, world.here.province_id, entry)
        assert said in await (await browser.get(sheet)).text()

    async with world.database.tx() as tx:
        await tx.execute(
            "INSERT INTO activation_request"
            " (id, province_id, account_id, institution_id, password_hash, state, asked_at)"
            " VALUES (gen_random_uuid(), $1, $2, $3, 'x', 'open', $4)",
            world.here.province_id,
            new,
            world.here.institution_id,
            world.clock.now(),
        )
    assert "等待考核机构或卫生行政部门核实" in await (await browser.get(sheet)).text()
    of_active = f"/institution/roster/{world.here.general.account_id}"
    assert "激活单" not in await (await browser.get(of_active)).text()


async def test_every_physician_of_a_bulk_act_has_a_row_in_the_journal(world: World, desk: Principal) -> None:
    ids = [await world.on_roster(desk, number) for number in (71, 72, 73)]
    await admit(world, desk, *ids)
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT r.account_id FROM audit_entry a JOIN registration r ON r.id = a.subject_id "
            "WHERE a.action = 'registration.admitted' AND a.actor_id = $1",
            desk.account_id,
        )
    assert {row["account_id"] for row in rows} == set(ids)


async def test_nobody_ticked_or_too_many_is_said(world: World, desk: Principal) -> None:
    with pytest.raises(Invalid, match="请先勾选医师"):
        await admit(world, desk)
    with pytest.raises(Invalid, match="一次最多办理200人"):
        await admit(world, desk, *(new_id() for _ in range(201)))
