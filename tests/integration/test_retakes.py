"""Retakes in the database: other items each time, make-up rounds, exemptions, starts in the same instant."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import day_in_china
from exam_service.cycles.policy import Procedure, Subject, merge_preset
from exam_service.errors import Conflict, Forbidden, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt, State
from exam_service.papers.retakes import MakeupRound, PaperOffer
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from tests.world import World, browsing, draft, serving

HUMANITIES, PROFESSIONAL = Subject.HUMANITIES, Subject.PROFESSIONAL
EXEMPT = "本项测评已免考，视为合格。"
FINAL = "补考未合格，为最终结果。"


async def offers(world: World, principal: Principal) -> dict[Subject, PaperOffer]:
    found = await papers.offers(world.database, world.clock, principal)
    return {offer.rule.subject: offer for offer in found}


async def reason(world: World, principal: Principal, subject: Subject) -> str | None:
    return (await offers(world, principal))[subject].availability.reason


async def items_of(world: World, attempt: Attempt) -> frozenset[object]:
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT item_id FROM attempt_item WHERE attempt_id = $1", attempt.id)
    return frozenset(row["item_id"] for row in rows)


async def fail(world: World, principal: Principal, subject: Subject = HUMANITIES) -> Attempt:
    """Sit a paper and hand it in empty; where the body confirms the mark, it does."""
    attempt = await world.hand_in(await world.open(principal, subject), right=0)
    if attempt.awaits_confirmation:
        staff = world.here.staff[Role.BODY].account_id
        async with world.database.tx() as tx:
            attempt = await papers.confirm(
                tx, world.clock, attempt.id, attempt.province_id, passed=False, actor_id=staff
            )
    return attempt


async def audited(world: World, action: str) -> list[Any]:
    async with world.database.tx() as tx:
        return await tx.fetch("SELECT actor_id, subject_id, facts FROM audit_entry WHERE action = $1", action)


# The draw


async def test_every_attempt_has_the_items_that_were_not_seen_before_as_far_as_the_bank_goes(
    world: World,
) -> None:
    """50 of 55: the second paper has the five that were left."""
    first = await fail(world, world.here.simple)
    second = await fail(world, world.here.simple)
    before, after = await items_of(world, first), await items_of(world, second)
    assert (len(before), len(after), len(before | after)) == (50, 50, 55)


async def test_no_paper_of_many_is_the_same_as_another(world: World) -> None:
    sat = [await items_of(world, await fail(world, world.here.simple)) for _ in range(6)]
    assert len(set(sat)) == 6


async def test_papers_are_drawn_from_what_was_imported_since(world: World) -> None:
    """What is kept of a bank from draw to draw is not out of date."""
    first = await fail(world, world.here.simple)
    async with world.database.tx() as tx:
        await questions.import_bank(
            tx,
            world.clock,
            province_id=world.here.province_id,
            title="人文考试",
            subject=HUMANITIES,
            category=None,
            level=None,
            use=Use.EXAM,
            drafts=[draft(f"补充第{number}题") for number in range(45)],
        )
    second = await fail(world, world.here.simple)
    assert not await items_of(world, first) & await items_of(world, second)


# Two starts at once


@pytest.mark.parametrize("often", [2, 8])
async def test_starts_at_once_create_one_attempt(world: World, often: int) -> None:
    attempts = await asyncio.gather(*(world.start(world.here.general) for _ in range(often)))
    assert len({attempt.id for attempt in attempts}) == 1
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM attempt") == 1
        assert await tx.fetch_value("SELECT count(*) FROM attempt_item") == 50


async def test_two_papers_begun_in_the_same_instant_are_not_both_sat(world: World) -> None:
    humanities = await world.start(world.here.general, HUMANITIES)
    professional = await world.start(world.here.general, PROFESSIONAL)
    outcomes = await asyncio.gather(
        world.admit(humanities), world.admit(professional), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if outcome is not None]
    assert [type(outcome) for outcome in refused] == [Conflict]
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM attempt WHERE admitted_at IS NOT NULL") == 1


# Exemptions


async def exempt(
    world: World, principal: Principal, subject: Subject, why: str = "住院医师规范化培训"
) -> None:
    own = world.here.registrations[world.here.physicians.index(principal)]
    async with world.database.tx() as tx:
        await papers.exempt(
            tx, world.clock, own.id, own.province_id, subject, why, world.here.staff[Role.BODY].account_id
        )


async def test_an_exempted_paper_counts_as_passed_and_is_never_started(world: World) -> None:
    await exempt(world, world.here.general, PROFESSIONAL)
    offered = await offers(world, world.here.general)
    assert (offered[PROFESSIONAL].exempted, offered[HUMANITIES].exempted) == (True, False)
    assert offered[PROFESSIONAL].counts_as_passed
    with pytest.raises(Conflict, match=EXEMPT):
        await world.start(world.here.general, PROFESSIONAL)
    assert (await world.start(world.here.general, HUMANITIES)).state is State.PREPARED


async def test_a_paper_that_was_prepared_is_not_begun_once_it_is_waived(world: World) -> None:
    attempt = await world.start(world.here.general, PROFESSIONAL)
    await exempt(world, world.here.general, PROFESSIONAL)
    with pytest.raises(Conflict, match=EXEMPT):
        await world.admit(attempt)


async def test_an_exemption_is_in_the_journal_once(world: World) -> None:
    await exempt(world, world.here.general, PROFESSIONAL)
    await exempt(world, world.here.general, PROFESSIONAL)
    (entry,) = await audited(world, "exemption.granted")
    assert entry["subject_id"] == world.here.registrations[0].id
    assert entry["actor_id"] == world.here.staff[Role.BODY].account_id
    assert entry["facts"] == {"subject": "professional", "reason": "住院医师规范化培训"}


async def test_no_exemption_once_the_paper_was_admitted(world: World) -> None:
    await world.open(world.here.general, PROFESSIONAL)
    with pytest.raises(Conflict) as refused:
        await exempt(world, world.here.general, PROFESSIONAL)
    assert (refused.value.code, refused.value.sentence) == (
        "paper_begun",
        "该医师已参加这项测评，不能再批准免考。",
    )
    assert not await audited(world, "exemption.granted")


async def test_an_attempt_at_the_other_paper_hinders_no_exemption(world: World) -> None:
    await world.open(world.here.general, HUMANITIES)
    await exempt(world, world.here.general, PROFESSIONAL)
    assert await reason(world, world.here.general, PROFESSIONAL) == EXEMPT


async def test_only_what_the_policy_waives_is_waived(world: World) -> None:
    for principal, subject in (
        (world.here.general, HUMANITIES),
        (world.here.simple, HUMANITIES),
        (world.here.simple, PROFESSIONAL),
    ):
        with pytest.raises(Invalid, match="不能免考"):
            await exempt(world, principal, subject)
    with pytest.raises(Invalid, match="免考理由"):
        await exempt(world, world.here.general, PROFESSIONAL, "  ")


async def test_no_exemption_for_a_registration_of_another_province(world: World) -> None:
    own = world.here.registrations[0]
    async with world.database.tx() as tx:
        with pytest.raises(NotFound):
            await papers.exempt(
                tx, world.clock, own.id, world.elsewhere.province_id, PROFESSIONAL, "理由", None
            )


async def test_an_exemption_and_an_admission_at_once_exclude_each_other(world: World) -> None:
    attempt = await world.start(world.here.general, PROFESSIONAL)
    outcomes = await asyncio.gather(
        world.admit(attempt), exempt(world, world.here.general, PROFESSIONAL), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Conflict]


# Make-up rounds


def day(world: World, number: int) -> date:
    """Days from today; make-up is from the tenth to the fortieth."""
    return day_in_china(world.clock.now()) + timedelta(days=number)


async def open_round(
    world: World, opens: int, closes: int, staff: Principal | None = None, **changes: Any
) -> MakeupRound:
    staff = staff or world.here.staff[Role.BODY]
    cycle_id = changes.get("cycle_id", world.here.cycle.id)
    return await papers.open_makeup_round(
        world.database, world.clock, staff, cycle_id, day(world, opens), day(world, closes)
    )


async def test_a_failed_paper_is_sat_again_in_a_round_and_a_second_fail_is_final(world: World) -> None:
    physician = world.here.general
    opened = await open_round(world, 12, 14)
    first = await fail(world, physician, PROFESSIONAL)
    days = f"{opened.opens} 至 {opened.closes}"
    assert await reason(world, physician, PROFESSIONAL) == f"测评次数已用完，补考时间为 {days}。"
    world.clock.move(days=12)
    again = await fail(world, physician, PROFESSIONAL)
    assert (first.round_id, again.round_id, again.ordinal) == (None, opened.id, 2)
    assert await reason(world, physician, PROFESSIONAL) == FINAL
    with pytest.raises(Conflict, match=FINAL):
        await world.start(physician, PROFESSIONAL)


async def test_who_passes_the_make_up_has_passed(world: World) -> None:
    physician = world.here.general
    await open_round(world, 12, 14)
    await fail(world, physician, HUMANITIES)
    world.clock.move(days=12)
    passed = await world.hand_in(await world.open(physician, HUMANITIES), right=40)
    assert passed.passed
    assert (await offers(world, physician))[HUMANITIES].counts_as_passed


async def test_a_paper_prepared_in_the_tests_and_begun_in_a_round_belongs_to_the_round(world: World) -> None:
    physician = world.here.simple
    opened = await open_round(world, 12, 14)
    await fail(world, physician)
    prepared = await world.start(physician)
    assert prepared.round_id is None
    world.clock.move(days=12)
    paper = await world.open(physician)
    assert (paper.attempt.id, paper.attempt.round_id) == (prepared.id, opened.id)


async def test_in_a_round_what_was_never_sat_stays_closed(world: World) -> None:
    await open_round(world, 12, 14)
    world.clock.move(days=12)
    assert await reason(world, world.here.simple, HUMANITIES) == (
        "现在是补考时间，补考仅限成绩不合格的测评，如有疑问请联系考核机构。"
    )


async def test_a_round_of_another_body_opens_nothing(world: World) -> None:
    other = await world.colleague(world.here, "hunan-other", body_id=world.here.other_body_id)
    await open_round(world, 12, 14, other)
    await fail(world, world.here.simple)
    world.clock.move(days=12)
    assert await reason(world, world.here.simple, HUMANITIES) == ("测评时间已过，请留意考核机构的补考安排。")


@pytest.mark.parametrize(
    ("opens", "closes", "sentence"),
    [
        (9, 12, "补考须安排在卫生行政部门确定的补考时间内（{}），请更正日期。"),
        (39, 41, "补考须安排在卫生行政部门确定的补考时间内（{}），请更正日期。"),
        (14, 13, "补考的开始日期不能晚于结束日期，请更正。"),
    ],
)
async def test_a_round_lies_within_the_days_of_the_authority(
    world: World, opens: int, closes: int, sentence: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await open_round(world, opens, closes)
    assert refused.value.sentence == sentence.format(f"{day(world, 10)} 至 {day(world, 40)}")
    async with world.database.tx() as tx:
        assert await papers.makeup_rounds(tx, world.here.staff[Role.BODY]) == []


async def test_a_round_that_is_over_is_not_opened(world: World) -> None:
    world.clock.move(days=20)
    with pytest.raises(Invalid, match="结束日期已过"):
        await open_round(world, -5, -1)
    assert (await open_round(world, -5, 0)).is_open(world.clock.now())


async def test_without_days_of_the_authority_there_is_no_round(world: World) -> None:
    async with world.database.tx() as tx:
        cycle = await cycles.open_cycle(
            tx,
            world.clock,
            province_id=world.here.province_id,
            title="无补考",
            tests_from=day(world, 0),
            tests_until=day(world, 1),
            policy=world.here.cycle.policy,
        )
    with pytest.raises(Invalid, match="卫生行政部门尚未确定补考时间"):
        await open_round(world, 12, 14, cycle_id=cycle.id)
    async with world.database.tx() as tx:
        offered = await papers.makeup_cycles(tx, world.here.staff[Role.BODY])
    assert [each.id for each in offered] == [world.here.cycle.id]


@pytest.mark.parametrize(("opens", "closes"), [(12, 14), (14, 16), (10, 12), (11, 15), (13, 13)])
async def test_rounds_of_a_body_do_not_overlap(world: World, opens: int, closes: int) -> None:
    first = await open_round(world, 12, 14)
    with pytest.raises(Conflict) as refused:
        await open_round(world, opens, closes)
    assert refused.value.sentence == (
        f"与已开放的补考轮次（{first.opens} 至 {first.closes}）日期重叠，请另选日期。"
    )


async def test_rounds_side_by_side_and_of_another_body_are_opened(world: World) -> None:
    own = [await open_round(world, 12, 14), await open_round(world, 15, 16), await open_round(world, 10, 11)]
    other = await world.colleague(world.here, "hunan-other", body_id=world.here.other_body_id)
    theirs = await open_round(world, 12, 14, other)
    async with world.database.tx() as tx:
        shown = await papers.makeup_rounds(tx, world.here.staff[Role.BODY])
        shown_there = await papers.makeup_rounds(tx, other)
    assert shown == sorted(own, key=lambda each: each.opens, reverse=True)
    assert shown_there == [theirs]


async def test_the_same_round_opened_twice_at_once_is_one(world: World) -> None:
    outcomes = await asyncio.gather(
        open_round(world, 12, 14), open_round(world, 13, 15), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "MakeupRound"]


async def test_a_round_is_in_the_journal(world: World) -> None:
    opened = await open_round(world, 12, 14)
    (entry,) = await audited(world, "makeup_round.opened")
    assert (entry["actor_id"], entry["subject_id"]) == (world.here.staff[Role.BODY].account_id, opened.id)
    assert entry["facts"] == {
        "cycle": str(opened.cycle_id),
        "body": str(opened.body_id),
        "opens": opened.opens.isoformat(),
        "closes": opened.closes.isoformat(),
    }


@pytest.mark.parametrize("role", [Role.INSTITUTION, Role.AUTHORITY, Role.OPERATOR])
async def test_only_the_body_opens_and_sees_rounds(world: World, role: Role) -> None:
    with pytest.raises(Forbidden):
        await open_round(world, 12, 14, world.here.staff[role])
    async with world.database.tx() as tx:
        with pytest.raises(Forbidden):
            await papers.makeup_rounds(tx, world.here.staff[role])


async def test_no_round_in_a_cycle_of_another_province_or_for_a_body_of_another(world: World) -> None:
    with pytest.raises(NotFound):
        await open_round(world, 12, 14, cycle_id=world.elsewhere.cycle.id)
    stranger = replace(world.here.staff[Role.BODY], body_id=world.elsewhere.body_id)
    with pytest.raises(NotFound):
        await open_round(world, 12, 14, stranger)
    with pytest.raises(NotFound):
        await open_round(world, 12, 14, cycle_id=new_id())


async def test_a_cycle_keeps_the_days_of_make_up_and_the_rules_of_its_policy(world: World) -> None:
    policy = merge_preset(
        'name = "guangxi-2026"\nprovince = "guangxi"\n[procedures.simple]\n'
        "humanities = { pause_minutes = 30, fresh_items = false }\n"
    )
    async with world.database.tx() as tx:
        opened = await cycles.open_cycle(
            tx,
            world.clock,
            province_id=world.here.province_id,
            title="广西",
            tests_from=day(world, 0),
            tests_until=day(world, 1),
            policy=policy,
            makeup_from=day(world, 3),
            makeup_until=day(world, 4),
        )
        assert await cycles.cycle_of(tx, opened.id, world.here.province_id) == opened
    (rule,) = opened.policy.procedures[Procedure.SIMPLE].papers
    assert (rule.pause_minutes, rule.fresh_items) == (30, False)


# What the physician sees


async def test_both_results_are_listed(world: World) -> None:
    await open_round(world, 12, 14)
    await fail(world, world.here.general, PROFESSIONAL)
    world.clock.move(days=12)
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        page = await (await browser.get("/papers")).text()
        assert "1/1次 · 补考 0/1次" in page
        assert "参加补考" in page
    await fail(world, world.here.general, PROFESSIONAL)
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        page = await (await browser.get("/papers")).text()
    assert "第1次：不合格" in page
    assert "补考：不合格" in page
    assert FINAL in page
    assert "参加补考" not in page


@pytest.mark.parametrize(
    ("subject", "regular", "made_up"),
    [
        (HUMANITIES, "可以再次参加测评，不限次数。", "补考时间内可以再次参加。"),
        (PROFESSIONAL, "请留意考核机构的补考安排。", FINAL),
    ],
)
async def test_the_page_of_a_failed_result_says_what_is_left(
    world: World, subject: Subject, regular: str, made_up: str
) -> None:
    await open_round(world, 12, 14)
    first = await fail(world, world.here.general, subject)
    world.clock.move(days=12)
    second = await fail(world, world.here.general, subject)
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        for attempt, sentence in ((first, regular), (second, made_up)):
            page = await (await browser.get(f"/attempts/{attempt.id}/result")).text()
            assert sentence in page


async def test_an_exempted_paper_is_listed_as_such(world: World) -> None:
    await exempt(world, world.here.general, PROFESSIONAL)
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        page = await (await browser.get("/papers")).text()
        notice = await browser.get("/papers/professional/notice")
    assert "免考" in page
    assert EXEMPT in page
    assert "0/1次" not in page
    assert notice.status == 409
