"""现场测评: who shows no camera their face is watched by people, and nobody gets a paper without either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt, State
from exam_service.papers.sittings import SittingState
from exam_service.papers.usecases import alternative
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import FramesNotWanted, Purpose
from exam_service.review import usecases as review
from tests.world import DEVICE, START, Browser, World, browsing, serving

PLACE, TIME = "一楼会议室", START + timedelta(hours=1)


@pytest.fixture
async def browsers(world: World) -> AsyncIterator[tuple[Browser, Browser]]:
    """The physician's and the body's."""
    async with serving(world) as server, browsing(server) as physician, browsing(server) as body:
        await physician.login(world.here, world.here.general)
        await body.login(world.here, world.here.staff[Role.BODY])
        yield physician, body


async def arrange(world: World) -> None:
    """Somebody asks, and the body arranges."""
    await alternative.ask(world.services, world.here.general, reason="")
    await alternative.arrange(
        world.services,
        world.here.staff[Role.BODY],
        world.here.registrations[0].id,
        place=PLACE,
        starts_at=TIME,
    )


async def check_in(world: World, attempt: Attempt) -> None:
    await alternative.check_in(world.services, world.here.staff[Role.BODY], attempt.id)


async def actions(world: World) -> list[str]:
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT action FROM audit_entry WHERE action ~ '^(sitting|consent)[.]|attempt.checked' "
            "ORDER BY id"
        )
    return [row["action"] for row in rows]


async def test_from_a_refusal_to_a_paper_that_people_watch(
    browsers: tuple[Browser, Browser], world: World
) -> None:
    physician, body = browsers
    page = await (await physician.get("/consent")).text()
    version = page.split('name="version" value="')[1].split('"')[0]
    refused = await physician.submit("/consent/refusal", version=version)
    assert refused.headers["Location"] == "/alternative"
    assert (await physician.submit("/alternative", reason="")).status == 303

    sheet = f"/alternatives/{world.here.registrations[0].id}"
    assert "不同意采集人脸信息" in await (await body.get("/alternatives")).text()
    assert "待考核机构安排" in await (await body.get(sheet)).text()
    await body.submit(f"{sheet}/answer", answer="当天无考场，建议次日")
    assert "当天无考场，建议次日" in await (await physician.get("/alternative")).text()
    arranged = await body.submit(f"{sheet}/arrangement", place=PLACE, starts_at="2026-05-12T11:00")
    assert arranged.headers["Location"] == sheet
    own = await (await physician.get("/alternative")).text()
    assert all(words in own for words in (PLACE, "2026-05-12 11:00", "有效身份证件"))

    attempt = await world.start(world.here.general)
    assert (await physician.get(f"/attempts/{attempt.id}")).status == 303
    checked = await body.submit(f"{sheet}/check-in/{attempt.id}")
    assert checked.headers["Location"] == sheet
    assert f"/attempts/{attempt.id}" in await (await physician.get("/alternative")).text()
    await physician.get(f"/attempts/{attempt.id}")
    assert (await physician.submit(f"/attempts/{attempt.id}/enter")).status == 303
    assert "现场监考" in await (await physician.get(f"/attempts/{attempt.id}")).text()
    lease = await (await physician.send(f"/attempts/{attempt.id}/lease", {})).json()
    assert lease["proctor"] == {"required": False}
    assert await actions(world) == [
        "consent.declined",
        "sitting.asked",
        "sitting.answered",
        "sitting.arranged",
        "attempt.checked",
        "sitting.checked_in",
    ]


async def test_no_frame_is_taken_of_a_paper_that_people_watch(world: World) -> None:
    general = world.here.general
    await world.consent(general)
    await arrange(world)
    attempt = await world.start(general)
    await check_in(world, attempt)
    for purpose in (Purpose.CHECK, Purpose.PAPER):
        with pytest.raises(FramesNotWanted, match="现场监考"):
            await proctor.open_stream(world.services, general, attempt.id, purpose=purpose, epoch=0)
        await world.admit(attempt)
    paper = await papers.take_lease(world.services, general, attempt.id, DEVICE)
    assert paper.attempt.watched
    world.clock.move(minutes=20)
    await papers.hand_in(world.services, general, attempt.id, paper.attempt.lease_epoch)
    dossier = await review.dossier(world.services, world.here.staff[Role.BODY], attempt.id)
    assert dossier.attempt.watched
    assert dossier.judged.in_person, "people watched all the time"
    assert not dossier.findings


async def test_another_device_of_a_watched_paper_is_the_staffs_matter(world: World) -> None:
    general, staff = world.here.general, world.here.staff[Role.BODY]
    await arrange(world)
    attempt = await world.start(general)
    await check_in(world, attempt)
    await world.admit(attempt)
    await papers.take_lease(world.services, general, attempt.id, DEVICE)
    other = bytes(32)
    with pytest.raises(Conflict, match="takeover_needed"):
        await papers.take_lease(world.services, general, attempt.id, other)
    await papers.release_lease(world.services, staff, attempt.id, reason="设备没电")
    assert await papers.take_lease(world.services, general, attempt.id, other)


async def test_without_an_arrangement_and_a_word_on_the_spot_there_is_no_paper(world: World) -> None:
    general, staff = world.here.general, world.here.staff[Role.BODY]
    attempt = await world.start(general)
    with pytest.raises(Conflict, match="not_arranged"):
        await check_in(world, attempt)
    await alternative.ask(world.services, general, reason="")
    with pytest.raises(Conflict, match="not_arranged"):
        await check_in(world, attempt)
    registration_id = world.here.registrations[0].id
    tomorrow = START + timedelta(days=1)
    await alternative.arrange(world.services, staff, registration_id, place=PLACE, starts_at=tomorrow)
    with pytest.raises(Conflict, match="another_day"):
        await check_in(world, attempt)
    async with world.database.tx() as tx:
        with pytest.raises(Conflict, match="not_checked"):
            await papers.admit(
                tx, world.clock, attempt.id, "hunan", cause="test", actor_id=general.account_id
            )


async def test_a_word_on_the_spot_holds_ten_minutes_and_may_be_given_again(world: World) -> None:
    await arrange(world)
    attempt = await world.start(world.here.general)
    await check_in(world, attempt)
    world.clock.move(minutes=16)
    async with world.database.tx() as tx:
        with pytest.raises(Conflict, match="not_checked"):
            await papers.admit(
                tx, world.clock, attempt.id, "hunan", cause="test", actor_id=attempt.account_id
            )
    await check_in(world, attempt)
    async with world.database.tx() as tx:
        assert await papers.admit(
            tx, world.clock, attempt.id, "hunan", cause="test", actor_id=attempt.account_id
        )
    with pytest.raises(Conflict, match="begun"):
        await check_in(world, attempt)


async def test_a_request_is_one_and_is_withdrawn_until_the_check(world: World) -> None:
    general = world.here.general
    with pytest.raises(Conflict, match="no_sitting"):
        await alternative.withdraw(world.services, general)
    await arrange(world)
    with pytest.raises(Conflict, match="sitting_open"):
        await alternative.ask(world.services, general, reason="")
    await alternative.withdraw(world.services, general)
    own = await alternative.own_sitting(world.services, general)
    assert own.sitting is None
    assert own.may_ask
    await arrange(world)
    await check_in(world, await world.start(general, Subject.PROFESSIONAL))
    with pytest.raises(Conflict, match="checked_in"):
        await alternative.withdraw(world.services, general)
    with pytest.raises(Conflict, match="checked_in"):
        await alternative.answer(
            world.services, world.here.staff[Role.BODY], world.here.registrations[0].id, note="改日"
        )


async def test_who_is_awaited_by_people_is_not_sent_before_a_camera(
    browsers: tuple[Browser, Browser], world: World
) -> None:
    physician, _ = browsers
    await arrange(world)
    listed = await (await physician.get("/papers")).text()
    assert PLACE in listed
    assert "申请现场测评" not in listed
    start = f"/papers/{Subject.HUMANITIES.value}/start"
    version = world.here.cycle.policy.notice_version
    began = await physician.submit(start, accept="yes", version=version)
    assert began.headers["Location"] == "/alternative"
    attempt = await world.start(world.here.general)
    check = f"/attempts/{attempt.id}/check"
    assert (await physician.get(check)).headers["Location"] == "/alternative"
    await world.consent(world.here.general)
    assert (await physician.get(check)).status == 200
    assert check in await (await physician.get("/alternative")).text()


async def test_who_was_checked_in_is_not_moved_that_day_and_begins_anew_on_another(world: World) -> None:
    staff, registration_id = world.here.staff[Role.BODY], world.here.registrations[0].id
    await arrange(world)
    attempt = await world.start(world.here.general)
    await check_in(world, attempt)
    moved = {"place": PLACE, "starts_at": TIME + timedelta(days=2)}
    with pytest.raises(Conflict, match="checked_in"):
        await alternative.arrange(world.services, staff, registration_id, **moved)
    async with world.database.tx() as tx:
        assert (await papers.own_attempt(tx, world.here.general, attempt.id)).watched
    world.clock.move(minutes=24 * 60)
    await alternative.arrange(world.services, staff, registration_id, **moved)
    async with world.database.tx() as tx:
        attempt = await papers.own_attempt(tx, world.here.general, attempt.id)
    assert (attempt.watched, attempt.checked_at) == (False, None)
    await alternative.withdraw(world.services, world.here.general)


async def test_another_body_sees_and_does_nothing(world: World) -> None:
    await arrange(world)
    attempt = await world.start(world.here.general)
    neighbour = await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    registration_id = world.here.registrations[0].id
    for stranger in (neighbour, world.elsewhere.staff[Role.BODY]):
        assert await alternative.sittings(world.services, stranger) == []
        with pytest.raises(NotFound):
            await alternative.sitting_sheet(world.services, stranger, registration_id)
        with pytest.raises(NotFound):
            await alternative.check_in(world.services, stranger, attempt.id)
        with pytest.raises(NotFound):
            await alternative.answer(world.services, stranger, registration_id, note="不")
    [listed] = await alternative.sittings(world.services, world.here.staff[Role.BODY])
    assert listed.sitting.state is SittingState.ARRANGED


@pytest.mark.parametrize(
    ("place", "starts_at"), [("", TIME), (" " * 3, TIME), ("长" * 101, TIME), (PLACE, None), (PLACE, START)]
)
async def test_an_arrangement_has_a_place_and_a_time_to_come(
    world: World, place: str, starts_at: object
) -> None:
    await alternative.ask(world.services, world.here.general, reason="")
    with pytest.raises(Invalid):
        await alternative.arrange(
            world.services,
            world.here.staff[Role.BODY],
            world.here.registrations[0].id,
            place=place,
            starts_at=starts_at,
        )


async def test_a_refused_arrangement_keeps_what_was_typed(
    browsers: tuple[Browser, Browser], world: World
) -> None:
    _, body = browsers
    await alternative.ask(world.services, world.here.general, reason="")
    sheet = f"/alternatives/{world.here.registrations[0].id}"
    answer = await body.submit(f"{sheet}/arrangement", place=PLACE, starts_at="x")
    assert answer.status == 422
    text = await answer.text()
    assert PLACE in text
    assert "今后的时间" in text
    assert (await world.start(world.here.general)).state is State.PREPARED
