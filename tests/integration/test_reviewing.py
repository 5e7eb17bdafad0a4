"""Two levels look at a submitted form: what they decide, what comes of it, and who may take it back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.cycles.policy import ReviewLevel, read_preset
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.registration import usecases as registration
from exam_service.registration.model import Registration, Result, State
from exam_service.registration.reviewing import decisions
from exam_service.registration.reviewing import usecases as reviewing
from exam_service.registration.reviewing.filters import Column, Filter, Tab
from exam_service.registration.reviewing.model import Decision, Doubt, Ratings
from exam_service.registration.reviewing.usecases import Decided, Export
from exam_service.registration.supervision import usecases as supervision
from tests.forms import a_form, open_stages
from tests.submissions import (
    FIT,
    SIMPLE,
    TICKED,
    a_page,
    basis_of,
    hand_in,
    pass_institution,
    submit,
)
from tests.world import World

pytestmark = pytest.mark.usefixtures("redis_client")


@pytest.fixture
async def own(world: World) -> Registration:
    """The general physician's form, which waits for the institution; the review stage is open."""
    await open_stages(world, world.here)
    return await submit(world, world.here.registrations[0])


@pytest.fixture
def institution(world: World) -> Principal:
    return world.here.staff[Role.INSTITUTION]


@pytest.fixture
def body(world: World) -> Principal:
    return world.here.staff[Role.BODY]


async def now(world: World, own: Registration) -> Registration:
    async with world.database.tx() as tx:
        return await registration.registration_of(tx, own.id, own.province_id)


async def state(world: World, own: Registration) -> State:
    return (await now(world, own)).state


async def approve(world: World, physician: Registration, **changes: Any) -> Decided:
    """The body upholds the institution's ratings, but for ``changes``."""
    asked = {"ticked": TICKED, "own": None, "reason": "", "fails": False} | changes
    return await reviewing.approve(
        world.services,
        world.here.staff[Role.BODY],
        physician.id,
        await basis_of(world, world.here, physician.id, Role.BODY),
        **asked,
    )


async def give_back(world: World, own: Registration, role: Role, **changes: Any) -> Decided:
    asked = {"reason": "照片不清晰，请重新上传。", "marked": ["photo"]} | changes
    return await reviewing.return_form(
        world.services,
        world.here.staff[role],
        own.id,
        await basis_of(world, world.here, own.id, role),
        **asked,
    )


async def rated(world: World, own: Registration) -> Ratings:
    found = await reviewing.dossier(world.services, world.here.staff[Role.BODY], own.id, Filter())
    return found.ratings


async def without_papers(world: World) -> None:
    """As in Shanxi: the simple procedure has no paper."""
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE cycle SET policy = $2 WHERE id = $1",
            world.here.cycle.id,
            dict(read_preset("shanxi-2024").raw),
        )


async def test_through_both_levels_a_physician_is_registered(world: World, own: Registration) -> None:
    await pass_institution(world, world.here, own.id)
    assert await state(world, own) is State.BODY_REVIEW
    decided = await approve(world, own)
    assert await state(world, own) is State.REGISTERED
    assert decided.review.upheld is True
    async with world.database.tx() as tx:
        reviews = await decisions.reviews_of(tx, own.id, own.province_id)
        counting = await decisions.ratings_in_force(tx, own.id, own.province_id)
        moves = await tx.fetch(
            "SELECT cause FROM registration_move WHERE registration_id = $1 ORDER BY id", own.id
        )
    assert [(each.level, each.decision) for each in reviews] == [
        (ReviewLevel.BODY, Decision.APPROVED),
        (ReviewLevel.INSTITUTION, Decision.APPROVED),
    ]
    assert counting is not None
    assert counting.ratings == reviews[0].ratings
    assert [row["cause"] for row in moves] == ["institution_approved", "body_approved"]


async def test_a_returned_form_says_why_and_where(world: World, own: Registration) -> None:
    await give_back(world, own, Role.INSTITUTION, marked=["licence", "photo"])
    assert await state(world, own) is State.RETURNED
    async with world.database.tx() as tx:
        returned = await decisions.newest_return(tx, own.id, own.province_id)
    assert returned is not None
    assert returned.reason == "照片不清晰，请重新上传。"
    assert returned.marked == ("photo", "licence")  # in the order of the form


async def test_the_body_returns_to_the_institution_which_reviews_once_more(
    world: World, own: Registration
) -> None:
    await pass_institution(world, world.here, own.id)
    await give_back(world, own, Role.BODY, to_institution=True, marked=[])
    assert await state(world, own) is State.INSTITUTION_REVIEW
    await pass_institution(world, world.here, own.id)
    found = await reviewing.dossier(world.services, world.here.staff[Role.BODY], own.id, Filter())
    assert found.doubts == (Doubt.RETURNED_BEFORE,)
    await approve(world, own)
    assert await state(world, own) is State.REGISTERED


async def test_a_failed_rating_concludes_only_when_the_body_has_upheld_it(
    world: World, own: Registration
) -> None:
    await pass_institution(world, world.here, own.id, quality=False, reason="年度考核质量不达标")
    assert (await now(world, own)).result is None
    with pytest.raises(Invalid, match="不能撤销"):
        await approve(world, own)
    decided = await approve(world, own, fails=True)
    concluded = await now(world, own)
    assert (concluded.state, concluded.result) == (State.CONCLUDED, Result.FAILED)
    assert decided.outcome.cause == "performance_upheld"
    with pytest.raises(Conflict, match="两位"):
        await reviewing.undo(world.services, world.here.staff[Role.BODY], own.id)


async def test_the_body_overturns_a_failed_rating_with_its_reason(world: World, own: Registration) -> None:
    await pass_institution(world, world.here, own.id, quality=False, reason="年度考核质量不达标")
    better = replace(await rated(world, own), quality=True)
    with pytest.raises(Invalid, match="理由"):
        await approve(world, own, own=better)
    decided = await approve(world, own, own=better, reason="补充材料证明质量合格")
    assert decided.review.upheld is False
    assert await state(world, own) is State.REGISTERED


async def test_listed_misconduct_forces_a_failure(world: World, own: Registration) -> None:
    await pass_institution(world, world.here, own.id, misconduct=("6",), reason="经查实")
    await approve(world, own, fails=True)
    assert (await now(world, own)).result is Result.FAILED


async def test_where_no_paper_applies_the_approval_concludes(world: World) -> None:
    await open_stages(world, world.here)
    await without_papers(world)
    own = await submit(world, world.here.registrations[1], a_form(procedure=replace(SIMPLE, conditions=())))
    await pass_institution(world, world.here, own.id)
    await approve(world, own)
    concluded = await now(world, own)
    assert (concluded.state, concluded.result) == (State.CONCLUDED, Result.PASSED)


async def test_the_checklist_is_gone_through(world: World, own: Registration, institution: Principal) -> None:
    found = await reviewing.dossier(world.services, institution, own.id, Filter())
    with pytest.raises(Invalid, match="头像"):
        await reviewing.rate_and_approve(
            world.services,
            institution,
            own.id,
            await basis_of(world, world.here, own.id),
            ticked=["ratings"],
            ratings=found.ratings,
            reason="",
        )
    assert await state(world, own) is State.INSTITUTION_REVIEW


async def test_of_two_reviewers_at_once_one_decides_and_the_other_is_told(
    world: World, own: Registration, institution: Principal
) -> None:
    basis = await basis_of(world, world.here, own.id)
    ratings = (await reviewing.dossier(world.services, institution, own.id, Filter())).ratings

    async def one() -> Decided:
        return await reviewing.rate_and_approve(
            world.services, institution, own.id, basis, ticked=TICKED, ratings=ratings, reason=""
        )

    found = await asyncio.gather(one(), one(), return_exceptions=True)
    refused = [each for each in found if isinstance(each, Conflict)]
    assert len(refused) == 1
    assert "已先处理：通过" in refused[0].sentence
    async with world.database.tx() as tx:
        assert len(await decisions.reviews_of(tx, own.id, own.province_id)) == 1


async def test_a_stale_tab_decides_on_nothing_newer(
    world: World, own: Registration, institution: Principal
) -> None:
    stale = await basis_of(world, world.here, own.id)
    ratings = (await reviewing.dossier(world.services, institution, own.id, Filter())).ratings
    await give_back(world, own, Role.INSTITUTION)
    world.clock.move(minutes=1)
    await submit(world, own, slots=())
    with pytest.raises(Conflict) as refused:
        await reviewing.rate_and_approve(
            world.services, institution, own.id, stale, ticked=TICKED, ratings=ratings, reason=""
        )
    assert refused.value.code == "changed_since"


@pytest.mark.parametrize("days", [-2, None])
async def test_outside_the_review_stage_nothing_is_decided(
    world: World, own: Registration, days: int | None
) -> None:
    if days is None:
        async with world.database.tx() as tx:
            await tx.execute("UPDATE cycle SET stages = '{}' WHERE id = $1", world.here.cycle.id)
    else:
        await open_stages(world, world.here, review=days)
    with pytest.raises(Conflict, match="报名审核"):
        await pass_institution(world, world.here, own.id)
    with pytest.raises(Conflict, match="报名审核"):
        await give_back(world, own, Role.INSTITUTION)
    assert await state(world, own) is State.INSTITUTION_REVIEW


async def test_a_decision_is_taken_back_within_ten_minutes(
    world: World, own: Registration, institution: Principal, body: Principal
) -> None:
    await pass_institution(world, world.here, own.id)
    await reviewing.undo(world.services, institution, own.id)
    assert await state(world, own) is State.INSTITUTION_REVIEW
    await pass_institution(world, world.here, own.id)
    await approve(world, own)
    with pytest.raises(Conflict):
        await reviewing.undo(world.services, institution, own.id)
    world.clock.move(minutes=9)
    assert [each.review.registration_id for each in await reviewing.recent(world.services, body)] == [own.id]
    await reviewing.undo(world.services, body, own.id)
    assert await state(world, own) is State.BODY_REVIEW
    await approve(world, own)
    world.clock.move(minutes=10)
    assert await reviewing.recent(world.services, body) == []
    with pytest.raises(Conflict):
        await reviewing.undo(world.services, body, own.id)


async def test_a_return_is_taken_back_by_the_body_that_made_it_and_not_by_the_one_that_came_after(
    world: World, own: Registration, body: Principal
) -> None:
    """What a body gave back goes with its institution to another body, within the ten minutes too."""
    after = await world.colleague(world.here, "after", body_id=world.here.other_body_id)
    colleague = await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    await pass_institution(world, world.here, own.id)
    await give_back(world, own, Role.BODY)
    assert (await reviewing.dossier(world.services, colleague, own.id, Filter())).undoable
    await supervision.assign(
        world.services,
        world.here.staff[Role.AUTHORITY],
        world.here.other_body_id,
        chosen=[world.here.institution_id],
    )
    assert not (await reviewing.dossier(world.services, after, own.id, Filter())).undoable
    with pytest.raises(Conflict, match="not_your_decision"):
        await reviewing.undo(world.services, after, own.id)
    with pytest.raises(NotFound):
        await reviewing.undo(world.services, world.elsewhere.staff[Role.BODY], own.id)
    assert await state(world, own) is State.RETURNED
    assert [each.review.registration_id for each in await reviewing.recent(world.services, body)] == [own.id]
    undone = await reviewing.undo(world.services, colleague, own.id)
    assert not undone.stays
    assert (await now(world, own)).body_id == world.here.other_body_id
    assert await state(world, own) is State.BODY_REVIEW
    with pytest.raises(NotFound):
        await reviewing.undo(world.services, world.elsewhere.staff[Role.BODY], own.id)


async def test_others_neither_see_nor_decide(world: World, own: Registration) -> None:
    neighbour = await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    strangers = [
        neighbour,
        world.elsewhere.staff[Role.BODY],
        world.elsewhere.staff[Role.INSTITUTION],
    ]
    picture_id = await hand_in(world, own, "licence")
    for stranger in strangers:
        with pytest.raises(NotFound):
            await reviewing.dossier(world.services, stranger, own.id, Filter())
        with pytest.raises(NotFound):
            await reviewing.picture(world.services, stranger, own.id, picture_id)
        with pytest.raises(NotFound):
            await reviewing.undo(world.services, stranger, own.id)
        page = await reviewing.list_page(world.services, stranger, Tab.AWAITING, Filter(), None)
        assert (page.rows, page.awaiting) == ([], 0)


async def test_what_was_never_submitted_is_nobodys_to_review(world: World, institution: Principal) -> None:
    with pytest.raises(NotFound):
        await reviewing.dossier(world.services, institution, world.here.registrations[2].id, Filter())


async def test_a_picture_is_shown_and_its_viewing_recorded(
    world: World, own: Registration, institution: Principal
) -> None:
    upload_id = await hand_in(world, own, "procedure")
    assert await reviewing.picture(world.services, institution, own.id, upload_id) == a_page("procedure")
    other = await submit(world, world.here.registrations[1])
    with pytest.raises(NotFound):
        await reviewing.picture(world.services, institution, other.id, upload_id)
    async with world.database.tx() as tx:
        viewed = await tx.fetch(
            "SELECT subject_id FROM audit_entry WHERE action = 'registration_picture.viewed'"
        )
    assert [row["subject_id"] for row in viewed] == [upload_id]


async def test_the_uncontested_are_approved_together_and_the_rest_named(
    world: World, own: Registration, body: Principal
) -> None:
    world.clock.move(seconds=5)
    doubtful = await submit(
        world, world.here.registrations[1], a_form(conduct=replace(FIT, has_bad=True)), slots=("photo",)
    )
    for each in (own, doubtful):
        await pass_institution(world, world.here, each.id)
    found = await reviewing.bulk(world.services, body, Filter(), None)
    assert [row.id for row in found.uncontested] == [own.id]
    assert [(row.id, why) for row, why in found.contested] == [
        (doubtful.id, (Doubt.BAD_RECORD, Doubt.LICENCE))
    ]
    done = await reviewing.approve_many(world.services, body, found.bases)
    assert (done.done, done.concluded, done.left) == (1, 0, [])
    assert await state(world, own) is State.REGISTERED
    again = await reviewing.approve_many(world.services, body, found.bases)
    assert (again.done, len(again.left)) == (0, 1)
    undone = await reviewing.undo_many(world.services, body, [own.id])
    assert undone.done == 1
    assert await state(world, own) is State.BODY_REVIEW


async def test_a_bulk_asks_again_whether_something_speaks_against_it(
    world: World, own: Registration, body: Principal
) -> None:
    await pass_institution(world, world.here, own.id)
    found = await reviewing.bulk(world.services, body, Filter(), None)
    await hand_in(world, own, "licence", "refused")
    done = await reviewing.approve_many(world.services, body, found.bases)
    assert done.done == 0
    assert await state(world, own) is State.BODY_REVIEW


async def test_a_list_is_narrowed_and_goes_on_where_it_stopped(
    world: World, own: Registration, institution: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exam_service.registration.reviewing.usecases.listing.PAGE_SIZE", 2)
    for number in (1, 2):
        world.clock.move(seconds=5)
        await submit(world, world.here.registrations[number], a_form(procedure=SIMPLE))
    page = await reviewing.list_page(world.services, institution, Tab.AWAITING, Filter(), None)
    assert [row.name for row in page.rows] == ["医师1", "医师2"]
    assert page.awaiting == 3
    rest = await reviewing.list_page(world.services, institution, Tab.AWAITING, Filter(), page.after)
    assert ([row.name for row in rest.rows], rest.after) == (["医师3"], None)
    assert all("*" in number for number in page.masked.values())
    for wanted, names in (
        (Filter(name="医师2"), ["医师2"]),
        (Filter(name="医师"), ["医师1", "医师2"]),
        (Filter(name="%"), []),
        (Filter(procedure=SIMPLE.procedure), ["医师2", "医师3"]),
        (Filter(bad_records=True), []),
    ):
        narrow = await reviewing.list_page(world.services, institution, Tab.AWAITING, wanted, None)
        assert [row.name for row in narrow.rows] == names, wanted
    reviewed = await reviewing.list_page(world.services, institution, Tab.REVIEWED, Filter(), None)
    assert reviewed.rows == []


async def test_next_and_previous_stay_in_the_list_that_was_come_from(
    world: World, own: Registration, institution: Principal
) -> None:
    second, third = world.here.registrations[1:3]
    for each in (second, third):
        world.clock.move(seconds=5)
        await submit(world, each)
    found = await reviewing.dossier(world.services, institution, second.id, Filter())
    assert (found.previous, found.following) == (own.id, third.id)
    last = await reviewing.dossier(world.services, institution, third.id, Filter())
    assert (last.previous, last.following) == (second.id, own.id)  # the first of the list again
    alone = await reviewing.dossier(world.services, institution, third.id, Filter(name="医师3"))
    assert (alone.previous, alone.following) == (None, None)


async def test_a_number_is_looked_for_whole(world: World, own: Registration, institution: Principal) -> None:
    number = world.here.number_of(world.here.general)
    assert await reviewing.find(world.services, institution, number) == own.id
    for wrong in ("123", world.here.number_of(world.here.simple)):  # no number; nobody who submitted
        with pytest.raises(Invalid):
            await reviewing.find(world.services, institution, wrong)


async def test_progress_counts_by_institution_and_by_department(
    world: World, own: Registration, institution: Principal, body: Principal
) -> None:
    await pass_institution(world, world.here, own.id)
    page = await reviewing.progress(world.services, body)
    row = next(each for each in page.rows if each.total)
    assert (row.name, row.total, row.body_review, row.registered, row.share) == ("医院甲", 3, 1, 2, 666)
    assert page.total.total == 3
    for column in Column:
        sorted_by = await reviewing.progress(world.services, body, column, largest_first=True)
        assert row in sorted_by.rows
        if column is not Column.NAME:
            assert sorted_by.rows[0].figure(column) >= sorted_by.rows[-1].figure(column)
    (department,) = (await reviewing.progress(world.services, institution)).rows
    assert (department.id, department.total) == (None, 3)
    province = await reviewing.progress(world.services, world.here.staff[Role.AUTHORITY])
    assert row in province.rows
    assert (await reviewing.progress(world.services, world.elsewhere.staff[Role.BODY])).total.total == 3


async def test_an_export_masks_numbers_and_whole_ones_are_in_the_journal(
    world: World, own: Registration, institution: Principal, body: Principal
) -> None:
    await pass_institution(world, world.here, own.id)
    number = world.here.number_of(world.here.general)
    waiting = Filter(states=(State.BODY_REVIEW,))

    async def numbers(who: Principal, asked: Export) -> list[str]:
        exported = await reviewing.export(world.services, who, asked)
        column = exported.header.index("证件号码")
        return [row[column] async for page in exported.pages for row in page]

    (masked,) = await numbers(body, Export(waiting))
    assert "*" in masked
    assert await numbers(body, Export(waiting, whole_numbers=True, reason="报送省级汇总")) == [number]
    with pytest.raises(Invalid):
        await numbers(body, Export(waiting, whole_numbers=True))
    with pytest.raises(Exception, match="部分"):
        await numbers(institution, Export(waiting, whole_numbers=True, reason="想要"))
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT facts FROM audit_entry WHERE action = 'registrations.exported' ORDER BY id"
        )
    assert [row["facts"] for row in rows] == [
        {"whole_numbers": False, "rows": 1},
        {"whole_numbers": True, "reason": "报送省级汇总", "rows": 1},
    ]
