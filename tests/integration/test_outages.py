"""The interruption ledger: an outage of the service is measured and given back, before anything is closed."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta

import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.clock import SystemClock
from exam_service.errors import DomainError, NotFound, Unavailable
from exam_service.papers import usecases as papers
from exam_service.papers.journal import AnswerEvent
from exam_service.papers.model import Attempt, LeaseLost, State
from exam_service.papers.usecases.answers import AnswerWriter
from tests.world import DEVICE, START, World


async def beats(world: World, seconds: int, *, to: datetime | None = None) -> None:
    """The service lives for so long."""
    for _ in range(seconds):
        world.clock.move(seconds=1)
        await papers.pulse(world.services)


async def attempt_of(world: World, paper: papers.OpenPaper) -> Attempt:
    attempt, _ = await papers.result(world.database, world.here.simple, paper.attempt.id)
    return attempt


async def ledger(world: World) -> list[tuple[float, str]]:
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT seconds, kind FROM time_credit ORDER BY granted_at, id")
    return [(row["seconds"], row["kind"]) for row in rows]


async def test_a_service_that_lives_writes_no_outage(world: World) -> None:
    await beats(world, 30)
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM outage") == 0


async def test_an_outage_is_credited_once_however_many_sweepers_and_pulses_there_are(world: World) -> None:
    await beats(world, 1)
    paper = await world.open(world.here.simple)
    deadline = paper.attempt.deadline
    assert deadline is not None
    world.clock.move(minutes=5)
    await asyncio.gather(*(papers.pulse(world.services) for _ in range(5)))
    await asyncio.gather(*(papers.sweep(world.services) for _ in range(5)))
    await papers.sweep(world.services)
    assert await ledger(world) == [(300, "outage")]
    assert (await attempt_of(world, paper)).deadline == deadline + timedelta(minutes=5)


async def test_a_paper_whose_deadline_lay_in_the_outage_goes_on_with_what_was_left(world: World) -> None:
    paper = await world.open(world.here.simple)
    world.clock.move(minutes=58)
    await papers.pulse(world.services)
    world.clock.move(minutes=30)
    await papers.sweep(world.services)
    assert (await attempt_of(world, paper)).state is State.RUNNING, "nothing closes while the service is away"
    await papers.pulse(world.services)
    await papers.sweep(world.services)
    attempt = await attempt_of(world, paper)
    assert attempt.state is State.RUNNING
    assert attempt.deadline == world.clock.now() + timedelta(minutes=2)
    await beats(world, 121)
    await papers.sweep(world.services)
    assert (await attempt_of(world, paper)).state is State.CLOSING
    await beats(world, 60)
    await papers.sweep(world.services)
    assert (await attempt_of(world, paper)).state is State.CLOSING, "answers may still be being written"
    await beats(world, 10)
    await papers.sweep(world.services)
    closed = await attempt_of(world, paper)
    assert (closed.state, closed.closed_at) == (State.MARKED, attempt.deadline)


async def test_what_was_over_before_the_outage_is_closed_during_it(world: World) -> None:
    paper = await world.open(world.here.simple)
    world.clock.move(minutes=62)
    await papers.pulse(world.services)
    world.clock.move(minutes=10)
    await papers.sweep(world.services)
    assert (await attempt_of(world, paper)).state is State.MARKED


async def test_a_paper_that_began_to_close_is_opened_again_by_its_credit(world: World) -> None:
    """The pulse came late: the sweeper had already moved it to closing."""
    paper = await world.open(world.here.simple)
    world.clock.move(minutes=60, seconds=2)
    await papers.sweep(world.services)
    assert (await attempt_of(world, paper)).state is State.CLOSING
    async with world.database.tx() as tx:
        began = world.clock.now() - timedelta(seconds=30)
        await tx.execute(
            "INSERT INTO outage (id, began_at, ended_at) VALUES (gen_random_uuid(), $1, $2)",
            began,
            world.clock.now(),
        )
    await papers.sweep(world.services)
    assert (await attempt_of(world, paper)).state is State.RUNNING


async def test_who_was_handed_in_or_came_later_gets_nothing(world: World) -> None:
    await beats(world, 1)
    early = await world.open(world.here.simple)
    await papers.hand_in(world.services, world.here.simple, early.attempt.id, 1)
    world.clock.move(minutes=5)
    await papers.pulse(world.services)
    world.clock.move(seconds=1)
    await world.open(world.here.general)
    await papers.sweep(world.services)
    assert await ledger(world) == []


async def test_a_page_that_was_away_leaves_a_gap_and_one_that_beats_none(world: World) -> None:
    paper = await world.open(world.here.simple)
    for seconds in (15, 45, 46, 15):
        world.clock.move(seconds=seconds)
        await world.beat(world.here.simple, paper.attempt.id, 1)
    async with world.database.tx() as tx:
        (gap,) = await tx.fetch("SELECT ended_at - began_at AS length FROM presence_gap")
    assert gap["length"] == timedelta(seconds=46)


async def test_pages_that_beat_together_get_each_their_own_answer(world: World) -> None:
    simple, general = world.here.simple, world.here.general
    one, other = await world.open(simple), await world.open(general)
    staff = world.here.staff[Role.BODY]
    await papers.send_notice(world.services, staff, text="请面向摄像头", attempt_id=one.attempt.id)
    world.clock.move(seconds=46)
    presences = papers.Presences(world.database, world.clock, gather_seconds=0.05)

    async def beat(who: Principal, paper: papers.OpenPaper, epoch: int) -> papers.Presence | DomainError:
        try:
            return await presences.hear(papers.Heartbeat(who, paper.attempt.id, epoch))
        except DomainError as refusal:
            return refusal

    first, again, neighbour, stale, foreign = await asyncio.gather(
        beat(simple, one, 1),
        beat(simple, one, 1),
        beat(general, other, 1),
        beat(simple, one, 0),
        beat(general, one, 1),
    )
    for presence, paper in ((first, one), (again, one), (neighbour, other)):
        assert isinstance(presence, papers.Presence)
        assert presence.attempt.id == paper.attempt.id
        assert presence.time_left == timedelta(minutes=60) - timedelta(seconds=46)
        assert len(presence.notices) == (paper is one)
    assert isinstance(stale, LeaseLost)
    assert isinstance(foreign, NotFound)
    async with world.database.tx() as tx:
        gaps = await tx.fetch("SELECT attempt_id FROM presence_gap")
    assert {gap["attempt_id"] for gap in gaps} == {one.attempt.id, other.attempt.id}
    assert len(gaps) == 2


async def test_how_far_the_clock_is_from_postgresql_is_measured(world: World) -> None:
    ahead = await world.database.clock_ahead(lambda: SystemClock().now() + timedelta(seconds=30))
    assert timedelta(seconds=29) < ahead < timedelta(seconds=31)


async def test_no_paper_is_closed_before_it_is_credited_however_many_were_hit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one batch of them, rows held while the sweeper credits, a pulse in the middle of a sweep."""
    monkeypatch.setattr(sys.modules["exam_service.papers.usecases.sweep"], "_SWEEP_BATCH", 1)
    one, other = await world.open(world.here.simple), await world.open(world.here.general)
    world.clock.move(minutes=58)
    await papers.pulse(world.services)
    world.clock.move(minutes=7)
    assert await papers.credit_outages(world.services) == 0  # nothing is known yet
    await papers.pulse(world.services)
    await papers.close_due(world.services)
    async with world.database.tx() as tx:
        states = await tx.fetch("SELECT state, deadline FROM attempt ORDER BY id")
    assert one.attempt.deadline is not None
    assert other.attempt.id != one.attempt.id
    await papers.sweep(world.services)
    async with world.database.tx() as tx:
        states = await tx.fetch("SELECT state, deadline FROM attempt ORDER BY id")
    assert [(row["state"], row["deadline"]) for row in states] == [
        ("running", one.attempt.deadline + timedelta(minutes=7))
    ] * 2


async def test_answers_that_arrive_with_the_end_of_an_outage_wait_and_then_count(world: World) -> None:
    """The pages come back in the same moment as the service, before pulse and sweeper."""
    paper = await world.open(world.here.simple)
    world.clock.move(minutes=58)
    await papers.pulse(world.services)
    world.clock.move(minutes=7)
    item = paper.items[0]
    event = AnswerEvent(paper.attempt.id, 1, 1, item.id, item.options[0].id, world.clock.now())
    with pytest.raises(Unavailable):
        await world.save(world.here.simple, event)
    with pytest.raises(Unavailable):
        await papers.hand_in(world.services, world.here.simple, paper.attempt.id, 1)
    with pytest.raises(Unavailable):
        await papers.take_lease(world.services, world.here.simple, paper.attempt.id, DEVICE)
    await papers.pulse(world.services)  # and still no sweeper
    assert (await world.save(world.here.simple, event)).outcome == "current"
    attempt = await attempt_of(world, paper)
    assert attempt.deadline == (paper.attempt.deadline or START) + timedelta(minutes=7)


async def test_an_outage_after_the_deadline_is_not_paid_for_by_a_later_extension(world: World) -> None:
    paper = await world.open(world.here.simple)
    world.clock.move(minutes=61, seconds=1)
    await papers.pulse(world.services)
    world.clock.move(seconds=8)
    await papers.pulse(world.services)
    await papers.extend(
        world.services, world.here.staff[Role.BODY], paper.attempt.id, minutes=5, reason="设备故障"
    )
    await papers.sweep(world.services)
    assert await ledger(world) == [(300, "extension")]


async def test_a_held_attempt_does_not_stop_its_neighbours(world: World) -> None:
    held, free = await world.open(world.here.simple), await world.open(world.here.general)
    writer = AnswerWriter(world.database, world.clock)
    running = asyncio.create_task(writer.run())

    def answer(owner: Principal, paper: papers.OpenPaper) -> asyncio.Task[papers.Saved]:
        item = paper.items[0]
        event = AnswerEvent(paper.attempt.id, 1, 1, item.id, item.options[0].id, world.clock.now())
        return asyncio.create_task(writer.save(owner, event))

    async with world.database.tx() as tx:
        await tx.execute("SELECT FROM attempt WHERE id = $1 FOR UPDATE", held.attempt.id)
        waiting = answer(world.here.simple, held)
        assert (await answer(world.here.general, free)).outcome == "current"
        assert not waiting.done()
    assert (await waiting).outcome == "current"
    writer.stop()
    await running
