"""Identity checks, as a physician, the workers and the staff of a body move them; the faces are made up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import numpy as np
import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import queries, usecases
from exam_service.proctor.identification import TRIES, IdentityCheck, IdentityState, Judged
from exam_service.proctor.liveness import Ask, Spent
from exam_service.proctor.model import (
    Check,
    ConsentRequired,
    FramesNotWanted,
    Purpose,
    StreamRow,
    Thresholds,
    Verdict,
)
from exam_service.proctor.usecases import identity
from exam_service.storage.database import Row
from exam_service.tools import open_services
from exam_service.wiring import Services
from tests.world import DEVICE, World

pytestmark = pytest.mark.usefixtures("redis_client")

ANOTHER_DEVICE = bytes(31) + b"\1"
ME, OTHER = (np.full(128, value, np.float32) for value in (0.0, 0.1))  # 1.13 apart: a mismatch
YAWS = {Ask.FRONT: 0.0, Ask.LEFT: 0.6, Ask.RIGHT: -0.6}


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other))


@dataclass
class Booth:
    """A physician in front of a camera; frames come a second apart."""

    world: World
    services: Services
    who: Principal
    attempt: Attempt | None
    purpose: Purpose = Purpose.CHECK
    stream: StreamRow | None = None
    seq: int = 0

    async def sit_down(self, purpose: Purpose = Purpose.CHECK, device: bytes = DEVICE) -> None:
        """Open a connection."""
        browser = {"device_hash": device, "device": "安卓手机 · 微信"}
        self.purpose = purpose
        if purpose is Purpose.REHEARSAL:
            opened = await usecases.open_rehearsal(self.services, self.who, **browser)
        else:
            assert self.attempt
            epoch = 1 if purpose is Purpose.PAPER else 0
            opened = await usecases.open_stream(
                self.services, self.who, self.attempt.id, purpose=purpose, epoch=epoch, **browser
            )
        self.stream, self.seq = opened.row, 0

    async def show(
        self,
        verdict: Verdict = Verdict.MATCH,
        *,
        yaw: float | None = 0.0,
        face: np.ndarray | None = ME,
        distance: float | None = 0.3,
        late: float = 0.0,
    ) -> Judged:
        """One frame, judged ``late`` seconds after it was received; what the page is told."""
        assert self.stream
        self.seq += 1
        self.world.clock.move(seconds=1)
        received_at = self.world.clock.now()
        self.world.clock.move(seconds=late)
        check = Check(
            id=new_id(),
            province_id=self.who.province_id,
            registration_id=self.stream.registration_id,
            attempt_id=self.stream.attempt_id,
            stream_id=self.stream.id,
            seq=self.seq,
            purpose=self.purpose,
            received_at=received_at,
            checked_at=self.world.clock.now(),
            verdict=verdict,
            faces=1,
            distance=distance,
            model="model of tests",
            thresholds=Thresholds(0.45, 0.65),
            enrolled=False,
            evidence_id=None,
            yaw=yaw,
        )
        async with self.services.database.tx() as tx:
            await queries.insert_checks(tx, [check])
            await identity.advance(tx, self.services, identity.Seen(check, self.who.account_id, face, apart))
        judged = await usecases.check_and_admission(self.services, self.who, check.id)
        assert judged
        return judged

    async def turn(self, ask: Ask, face: np.ndarray | None = ME) -> Judged:
        verdict = Verdict.MATCH if ask is Ask.FRONT else Verdict.TURNED_AWAY
        return await self.show(verdict, yaw=YAWS[ask], face=face)

    async def obey(self) -> Judged:
        """Do whatever is asked until it is over."""
        while True:
            state = await self.state()
            assert state.ask
            judged = await self.turn(state.ask)
            assert judged.identity
            if judged.identity.state is not IdentityState.OPEN:
                return judged

    async def fail(self, tries: int = TRIES) -> None:
        """Spend so many tries."""
        for _ in range(tries):
            before = (await self.state()).tries
            while (await self.state()).tries == before:
                await self.show(Verdict.MISMATCH, face=OTHER, distance=0.8)

    async def state(self) -> IdentityCheck:
        assert self.stream
        async with self.services.database.tx() as tx:
            found = await queries.select_optional_newest_identity_check(
                tx, self.stream.registration_id, self.stream.attempt_id, self.purpose
            )
        assert found
        return found

    async def may_begin(self) -> bool:
        [row] = await self.sql("SELECT checked_at FROM attempt")
        return row["checked_at"] is not None

    async def sql(self, statement: str) -> list[Row]:
        async with self.services.database.tx() as tx:
            return await tx.fetch(statement)

    async def audited(self) -> list[str]:
        rows = await self.sql("SELECT action FROM audit_entry WHERE action LIKE 'identity.%' ORDER BY id")
        return [row["action"] for row in rows]


@pytest.fixture
async def booth(world: World) -> AsyncIterator[Booth]:
    who = world.here.general
    await world.consent(who)
    async with open_services(world.settings, world.clock) as (services, _):
        yield Booth(world, services, who, await world.start(who))


@pytest.fixture
def staff(world: World) -> Principal:
    return world.here.staff[Role.BODY]


@pytest.fixture
async def neighbours(world: World) -> list[Principal]:
    """Staff of the body next door, and of another province."""
    next_door = await world.colleague(world.here, "next-door", body_id=world.here.other_body_id)
    return [next_door, world.elsewhere.staff[Role.BODY]]


# Before a paper


async def test_who_turns_as_asked_may_begin(booth: Booth) -> None:
    await booth.sit_down()
    first = await booth.show()
    assert not first.admitted, "one match alone admits nobody"
    assert (await booth.state()).ask in {Ask.LEFT, Ask.RIGHT}

    last = await booth.obey()

    assert last.admitted
    assert usecases.message_of(last)["hint"] == "身份核验通过"
    assert await booth.may_begin()
    kept = await booth.state()
    assert kept.front_embedding is None, "what was needed for the try goes with it"


async def test_frames_that_were_on_their_way_spend_no_further_try(booth: Booth) -> None:
    await booth.sit_down()
    await booth.fail(1)
    for _ in range(2):
        await booth.show(Verdict.MISMATCH, face=OTHER, distance=0.8)
    assert (await booth.state()).challenge.first_at is None, "the next try begins when the advice was read"


async def test_a_photograph_held_up_does_not_pass_and_a_person_decides(
    booth: Booth, staff: Principal
) -> None:
    await booth.sit_down()
    for _ in range(TRIES * 65):
        judged = await booth.show()
    assert judged.identity
    assert (judged.identity.state, judged.identity.last_spent) == (IdentityState.WAITING, Spent.TOO_SLOW)
    assert not await booth.may_begin()
    async with booth.services.database.tx() as tx:
        [waiting] = await usecases.waiting_for_person(tx, staff)
    assert (waiting.name, waiting.purpose, waiting.tries) == (booth.who.name, Purpose.CHECK, TRIES)


async def test_another_face_in_the_middle_of_the_turns_is_not_taken(booth: Booth) -> None:
    await booth.sit_down()
    await booth.show()
    asked = (await booth.state()).ask
    assert asked
    await booth.turn(asked, face=OTHER)
    assert (await booth.state()).ask is asked


async def test_a_reload_gives_no_more_tries(booth: Booth) -> None:
    await booth.sit_down()
    await booth.fail(2)
    await booth.sit_down(device=ANOTHER_DEVICE)
    judged = await booth.show(Verdict.NO_FACE)
    assert usecases.message_of(judged)["tries_left"] == TRIES - 2


async def test_turns_shown_at_one_device_are_not_ended_by_a_photograph_at_another(booth: Booth) -> None:
    await booth.sit_down()
    for _ in range(3):
        asked = (await booth.state()).ask
        assert asked
        await booth.turn(asked)
    first = booth.stream
    await booth.sit_down(device=ANOTHER_DEVICE)
    judged = await booth.show()
    assert judged.identity
    assert (judged.admitted, judged.identity.tries) == (False, 1)
    assert usecases.message_of(judged)["again"] == "您换了设备，请在本机从头再试一次"

    booth.stream, booth.seq = first, 100
    await booth.show()
    assert (await booth.state()).challenge.done == 0, "the device before has nothing to say any more"

    await booth.sit_down(device=ANOTHER_DEVICE)
    assert (await booth.obey()).admitted


async def test_who_is_accepted_goes_on_at_the_device_that_was_seen(booth: Booth, staff: Principal) -> None:
    assert booth.attempt
    await booth.sit_down()
    await booth.fail()
    assert booth.stream
    await booth.world.snapshot(booth.attempt, booth.stream, 99, Verdict.MISMATCH, b"seen")
    await booth.sit_down(device=ANOTHER_DEVICE)
    booth.world.clock.move(seconds=1)
    await booth.world.snapshot(booth.attempt, booth.stream, 99, Verdict.MISMATCH, b"elsewhere")
    waiting = await booth.state()

    assert (await usecases.pictures_of(booth.services, staff, waiting.id)).snapshot == b"seen"
    await usecases.decide(booth.services, staff, waiting.id, accepted=True, reason="视频里核对了证件")

    [row] = await booth.sql("SELECT device_hash FROM attempt WHERE checked_at IS NOT NULL")
    assert row["device_hash"] == DEVICE


async def test_after_the_last_try_no_frame_admits(booth: Booth) -> None:
    await booth.sit_down()
    await booth.fail()
    for ask in (Ask.FRONT, Ask.LEFT, Ask.RIGHT, Ask.FRONT):
        judged = await booth.turn(ask)
    assert not judged.admitted
    message = usecases.message_of(judged)
    assert (message["state"], message["ask"], message["tries_left"]) == ("waiting", None, 0)
    assert "人工核验" in message["hint"]
    assert not await booth.may_begin()


async def test_a_frame_that_waited_too_long_is_no_frame_of_now(booth: Booth) -> None:
    await booth.world.without_liveness()
    await booth.sit_down()
    await booth.show(late=61)
    assert not await booth.may_begin()
    await booth.show()
    assert await booth.may_begin()


async def test_a_replayed_frame_passes_nothing(booth: Booth) -> None:
    await booth.world.without_liveness()
    await booth.sit_down()
    await booth.show(Verdict.REPLAYED, distance=0.1)
    assert not await booth.may_begin()


# A person decides


@pytest.mark.parametrize("accepted", [True, False])
async def test_a_person_accepts_or_refuses_and_it_is_on_record(
    booth: Booth, staff: Principal, *, accepted: bool
) -> None:
    await booth.sit_down()
    await booth.fail()
    waiting = await booth.state()

    await usecases.decide(booth.services, staff, waiting.id, accepted=accepted, reason="与照片一致")

    assert await booth.may_begin() is accepted
    decided = await booth.state()
    assert (decided.decided_by, decided.decision_reason) == (staff.account_id, "与照片一致")
    assert (await booth.audited())[-1] == ("identity.accepted" if accepted else "identity.refused")
    if accepted:
        [entry] = await booth.sql("SELECT actor_id, facts FROM audit_entry WHERE action = 'attempt.checked'")
        assert (entry["actor_id"], entry["facts"]) == (staff.account_id, {"cause": "identity_by_person"})
    with pytest.raises(Conflict):
        await usecases.decide(booth.services, staff, waiting.id, accepted=not accepted, reason="改判")


@pytest.mark.parametrize("refused", [False, True])
async def test_pictures_that_a_person_decides_on_cannot_be_asked_away(
    booth: Booth, staff: Principal, *, refused: bool
) -> None:
    assert booth.attempt
    await booth.sit_down()
    await booth.fail()
    assert booth.stream
    await booth.world.snapshot(booth.attempt, booth.stream, 99, Verdict.MISMATCH, b"a stranger")
    waiting = await booth.state()
    if refused:
        await usecases.decide(booth.services, staff, waiting.id, accepted=False, reason="不是本人")

    await usecases.ask_deletion(booth.services, booth.who)

    assert (await usecases.pictures_of(booth.services, staff, waiting.id)).snapshot == b"a stranger"
    booth.world.clock.move(days=59)
    await usecases.purge_due(booth.services)
    assert await booth.sql("SELECT FROM purge WHERE data_class = 'frame'") == []
    booth.world.clock.move(days=2)
    await usecases.purge_due(booth.services)
    assert len(await booth.sql("SELECT FROM purge WHERE data_class = 'frame'")) == 1


async def test_without_a_photo_a_person_says_what_they_accept_a_face_by(
    booth: Booth, staff: Principal
) -> None:
    await booth.sit_down()
    await booth.fail()
    waiting = await booth.state()
    with pytest.raises(Invalid, match="没有报名照片"):
        await usecases.decide(booth.services, staff, waiting.id, accepted=True, reason=" ")
    await booth.world.photo(booth.world.here.registrations[0], b"photo")
    await usecases.decide(booth.services, staff, waiting.id, accepted=True, reason="")
    assert await booth.may_begin()


async def test_a_refusal_ends_what_an_older_pass_still_allowed(booth: Booth, staff: Principal) -> None:
    assert booth.attempt
    await booth.sit_down()
    await booth.obey()
    booth.world.clock.move(minutes=10)
    await booth.sit_down()
    await booth.fail()
    await usecases.decide(booth.services, staff, (await booth.state()).id, accepted=False, reason="不是本人")

    with pytest.raises(Conflict) as refused:
        async with booth.services.database.tx() as tx:
            await papers.admit(
                tx, booth.world.clock, booth.attempt.id, "hunan", cause="test", actor_id=booth.who.account_id
            )
    assert refused.value.code == "not_checked"


async def test_whoever_was_refused_has_no_tries_until_staff_give_some(booth: Booth, staff: Principal) -> None:
    await booth.sit_down()
    await booth.fail()
    waiting = await booth.state()
    with pytest.raises(Invalid):
        await usecases.decide(booth.services, staff, waiting.id, accepted=False, reason=" ")
    await usecases.decide(booth.services, staff, waiting.id, accepted=False, reason="画面不是本人")

    await booth.sit_down()
    message = usecases.message_of(await booth.show())
    assert (message["state"], message["reason"]) == ("refused", "画面不是本人")

    await usecases.give_tries(booth.services, staff, waiting.id, reason="换了光线")
    assert (await booth.obey()).admitted


async def test_other_bodies_know_nothing_of_it(booth: Booth, neighbours: list[Principal]) -> None:
    await booth.sit_down()
    await booth.fail()
    waiting = await booth.state()
    for stranger in neighbours:
        async with booth.services.database.tx() as tx:
            assert await usecases.waiting_for_person(tx, stranger) == []
        with pytest.raises(NotFound):
            await usecases.decide(booth.services, stranger, waiting.id, accepted=True, reason="")
        with pytest.raises(NotFound):
            await usecases.give_tries(booth.services, stranger, waiting.id, reason="再试")
        with pytest.raises(NotFound):
            await usecases.pictures_of(booth.services, stranger, waiting.id)
    async with booth.services.database.tx() as tx:
        with pytest.raises(Forbidden):
            await usecases.waiting_for_person(tx, booth.who)
    assert await booth.state() == waiting


async def test_the_staff_see_the_newest_picture_and_the_reviewed_photo(
    booth: Booth, staff: Principal
) -> None:
    assert booth.attempt
    await booth.sit_down()
    await booth.fail()
    assert booth.stream
    await booth.world.snapshot(booth.attempt, booth.stream, 99, Verdict.MISMATCH, b"a snapshot")

    pictures = await usecases.pictures_of(booth.services, staff, (await booth.state()).id)

    assert (pictures.snapshot, pictures.photo) == (b"a snapshot", None)
    assert await booth.audited() == ["identity.waiting", "identity.viewed"]


# Another device


async def test_another_device_needs_one_match_and_no_turn_and_has_five_tries(
    booth: Booth, staff: Principal
) -> None:
    assert booth.attempt
    await booth.world.admit(booth.attempt)
    await papers.take_lease(booth.services, booth.who, booth.attempt.id, DEVICE)
    await booth.sit_down(Purpose.TAKEOVER, ANOTHER_DEVICE)
    assert (await booth.show()).admitted

    booth.world.clock.move(minutes=2)
    await booth.sit_down(Purpose.TAKEOVER, ANOTHER_DEVICE)
    await booth.fail()
    assert not (await booth.show()).admitted
    await usecases.decide(booth.services, staff, (await booth.state()).id, accepted=True, reason="见过本人")
    assert (await booth.show()).admitted


# Beside a paper


@pytest.fixture
async def sitting(booth: Booth) -> Booth:
    """A paper being sat in front of the camera."""
    assert booth.attempt
    await booth.world.admit(booth.attempt)
    await papers.take_lease(booth.services, booth.who, booth.attempt.id, DEVICE)
    await booth.sit_down(Purpose.PAPER)
    return booth


async def is_open(booth: Booth) -> bool:
    assert booth.attempt
    async with booth.services.database.tx() as tx:
        return await usecases.recheck_is_open(tx, booth.attempt.id)


async def test_staff_ask_for_the_face_beside_a_paper_and_its_frames_answer(
    sitting: Booth, staff: Principal, neighbours: list[Principal]
) -> None:
    assert sitting.attempt
    assert usecases.message_of(await sitting.show())["state"] is None
    for stranger in neighbours:
        with pytest.raises(NotFound):
            await usecases.ask_recheck(sitting.services, stranger, sitting.attempt.id, "画面不清")
    await usecases.ask_recheck(sitting.services, staff, sitting.attempt.id, "画面不清")
    assert await is_open(sitting)
    with pytest.raises(Conflict):
        await usecases.ask_recheck(sitting.services, staff, sitting.attempt.id, "再核验")

    message = usecases.message_of(await sitting.show())
    assert message["ask"] in {Ask.LEFT, Ask.RIGHT}
    assert message["hint"] == "监考正常"
    passed = await sitting.obey()

    assert passed.identity
    assert passed.identity.state is IdentityState.PASSED
    assert not await is_open(sitting)
    assert await sitting.audited() == ["identity.asked", "identity.passed"]


async def test_a_recheck_that_takes_too_long_waits_for_a_person_and_ends_nothing(
    sitting: Booth, staff: Principal
) -> None:
    assert sitting.attempt
    await usecases.ask_recheck(sitting.services, staff, sitting.attempt.id, "画面不清")
    await usecases.hand_over_rechecks(sitting.services)
    assert await is_open(sitting)

    sitting.world.clock.move(minutes=3)
    await usecases.hand_over_rechecks(sitting.services)

    assert (await sitting.state()).state is IdentityState.WAITING
    await usecases.decide(
        sitting.services, staff, (await sitting.state()).id, accepted=False, reason="不是本人"
    )
    [attempt] = await sitting.sql("SELECT state FROM attempt")
    assert attempt["state"] == "running"


async def test_a_check_whose_paper_began_without_it_waits_for_nobody(booth: Booth, staff: Principal) -> None:
    assert booth.attempt
    await booth.sit_down()
    await booth.fail()
    await booth.world.admit(booth.attempt)
    await usecases.hand_over_rechecks(booth.services)
    assert (await booth.state()).state is IdentityState.EXPIRED
    async with booth.services.database.tx() as tx:
        assert await usecases.waiting_for_person(tx, staff) == []


# 设备自检


async def test_a_rehearsal_gives_a_pass_for_a_week_and_admits_to_nothing(booth: Booth) -> None:
    await booth.sit_down(Purpose.REHEARSAL)
    assert (await booth.obey()).admitted

    shown = await usecases.rehearsal_pass(booth.services, booth.who, DEVICE)

    assert (shown.device, shown.compared, shown.same_device) == ("安卓手机 · 微信", True, True)
    assert not await booth.may_begin()
    booth.world.clock.move(days=7)
    with pytest.raises(NotFound):
        await usecases.rehearsal_pass(booth.services, booth.who, DEVICE)


async def test_without_a_photo_a_rehearsal_says_that_nobody_was_compared(booth: Booth) -> None:
    await booth.sit_down(Purpose.REHEARSAL)
    while (await booth.state()).state is IdentityState.OPEN:
        ask = (await booth.state()).ask
        assert ask
        verdict = Verdict.UNSURE if ask is Ask.FRONT else Verdict.TURNED_AWAY
        await booth.show(verdict, yaw=YAWS[ask], distance=None)
    shown = await usecases.rehearsal_pass(booth.services, booth.who, ANOTHER_DEVICE)
    assert (shown.compared, shown.same_device) == (False, False)


async def test_a_rehearsal_that_fails_five_times_waits_for_nobody_and_may_be_begun_again(
    booth: Booth,
) -> None:
    await booth.sit_down(Purpose.REHEARSAL)
    await booth.fail()
    assert (await booth.state()).state is IdentityState.EXPIRED
    await booth.sit_down(Purpose.REHEARSAL)
    assert (await booth.state()).tries_left == TRIES


async def test_no_face_byte_of_a_rehearsal_before_consent(world: World, booth: Booth) -> None:
    stranger = replace(booth, who=world.here.simple, attempt=None)
    with pytest.raises(ConsentRequired):
        await stranger.sit_down(Purpose.REHEARSAL)


async def test_a_check_that_was_passed_takes_no_more_frames(booth: Booth) -> None:
    await booth.sit_down()
    await booth.obey()
    with pytest.raises(FramesNotWanted):
        await booth.sit_down()


@pytest.mark.parametrize("refused", [False, True])
async def test_an_outage_gives_no_paper_to_a_device_whose_face_was_not_recognised(
    booth: Booth, staff: Principal, *, refused: bool
) -> None:
    class Away:
        async def waiting(self) -> int:
            raise Unavailable("监考服务暂时不可用，答题不受影响。")

        async def add(self, _fields: dict[bytes, bytes]) -> bool:
            raise Unavailable("监考服务暂时不可用，答题不受影响。")

    assert booth.attempt
    await booth.world.admit(booth.attempt)
    await papers.take_lease(booth.services, booth.who, booth.attempt.id, DEVICE)
    await booth.sit_down(Purpose.TAKEOVER, ANOTHER_DEVICE)
    await booth.fail()
    if refused:
        await usecases.decide(
            booth.services, staff, (await booth.state()).id, accepted=False, reason="不是本人"
        )

    for device in (ANOTHER_DEVICE, bytes(31) + b"\2"):
        with pytest.raises(Conflict) as conflict:
            await usecases.take_over_unverified(booth.services, Away(), booth.who, booth.attempt.id, device)
        assert conflict.value.code == "takeover_not_passed"
