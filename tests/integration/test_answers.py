"""The batch writer: one transaction, an outcome for each answer, nothing acknowledged that isn't stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from exam_service.clock import Clock
from exam_service.errors import Conflict, DomainError, Invalid, NotFound, TooMany, Unavailable
from exam_service.papers import usecases as papers
from exam_service.papers.journal import AnswerEvent, Entry, Outcome, Receipt
from exam_service.papers.usecases import answers as room
from exam_service.papers.usecases.answers import AnswerWriter, Save, Saved, save_batch
from exam_service.storage.database import Database
from tests.world import START, World


def event(paper: papers.OpenPaper, seq: int, item: int, option: int = 0) -> AnswerEvent:
    chosen = paper.items[item]
    return AnswerEvent(paper.attempt.id, 1, seq, chosen.id, chosen.options[option].id, START)


def saves_of(world: World, paper: papers.OpenPaper, *events: AnswerEvent) -> list[Save]:
    return [Save(paper.attempt.account_id, each, world.clock.now()) for each in events]


async def stored(world: World, paper: papers.OpenPaper) -> dict[UUID, UUID | None]:
    return await papers.answers_of(world.database, world.here.simple, paper.attempt.id)


async def test_every_answer_of_a_batch_has_its_own_outcome(world: World) -> None:
    paper = await world.open(world.here.simple)
    foreign = await world.open(world.here.general)
    first, again = event(paper, 1, 0, 1), event(paper, 1, 0, 1)
    replies = await save_batch(
        world.database,
        world.clock,
        [
            *saves_of(world, paper, first, event(paper, 3, 1, 2), event(paper, 2, 1, 3), again),
            *saves_of(world, paper, event(foreign, 1, 0)),
            *saves_of(world, paper, replace(first, seq=9, option_id=paper.items[1].options[0].id)),
            *saves_of(world, paper, replace(first, seq=9, epoch=2), replace(first, option_id=None)),
            *saves_of(world, paper, replace(first, attempt_id=UUID(int=5))),
        ],
    )
    good, bad = replies[:4], replies[4:]
    assert [(reply.outcome, reply.receipt.number) for reply in good if isinstance(reply, Saved)] == [
        ("current", 1),
        ("current", 2),
        ("superseded", 3),
        ("current", 1),
    ]
    assert [(type(reply), reply.code) for reply in bad if isinstance(reply, DomainError)] == [
        (NotFound, "no_such_attempt"),
        (Invalid, "not_in_paper"),
        (Conflict, "unknown_epoch"),
        (Conflict, "seq_reused"),
        (NotFound, "no_such_attempt"),
    ]
    second = paper.items[1]
    assert await stored(world, paper) == {first.item_id: first.option_id, second.id: second.options[2].id}
    assert (await papers.replay(world.services, paper.attempt.id)).agrees
    assert await stored_events(world) == 3


async def stored_events(world: World) -> int:
    async with world.database.tx() as tx:
        return int(await tx.fetch_value("SELECT count(*) FROM answer_event"))


async def test_answers_given_at_once_are_written_together_and_all_acknowledged(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "OWN_LIMIT", 150)
    papers_open = [await world.open(world.here.simple), await world.open(world.here.general)]
    batches: list[int] = []
    whole = room.save_batch

    async def counting(database: Database, clock: Clock, saves: Sequence[Save]) -> list[room.Reply]:
        batches.append(len(saves))
        return await whole(database, clock, saves)

    monkeypatch.setattr(room, "save_batch", counting)
    writer = AnswerWriter(world.database, world.clock)
    running = asyncio.create_task(writer.run())
    owners = (world.here.simple, world.here.general)
    replies = await asyncio.gather(
        *(
            writer.save(owner, event(paper, seq, seq % 50, seq % 5))
            for seq in range(1, 151)
            for owner, paper in zip(owners, papers_open, strict=True)
        )
    )
    writer.stop()
    await running
    assert sum(batches) == len(replies) == await stored_events(world) == 300
    assert max(batches) <= room.LARGEST_BATCH
    assert len(batches) == 2
    for paper in papers_open:
        assert (await papers.replay(world.services, paper.attempt.id)).agrees


async def test_one_that_breaks_the_batch_fails_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Something nobody foresaw: the neighbours are written one by one."""
    paper = await world.open(world.here.simple)
    poison = event(paper, 5, 5)
    chain = room.journal.append

    def breaks(end: Receipt, each: AnswerEvent, *args: Any, **options: Any) -> Entry:
        if each.seq == poison.seq:
            raise RuntimeError("nobody foresaw this")
        return chain(end, each, *args, **options)

    monkeypatch.setattr(room.journal, "append", breaks)
    places = range(1, 10)
    writer = AnswerWriter(world.database, world.clock)
    running = asyncio.create_task(writer.run())
    replies = await asyncio.gather(
        *(writer.save(world.here.simple, event(paper, seq, seq)) for seq in places),
        return_exceptions=True,
    )
    writer.stop()
    await running
    assert [isinstance(reply, Saved) for reply in replies] == [place != poison.seq for place in places]
    assert isinstance(replies[4], Unavailable)
    assert set(await stored(world, paper)) == {
        paper.items[seq].id for seq in range(1, 10) if seq != poison.seq
    }


async def test_too_many_waiting_are_told_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "WAITING_LIMIT", 3)
    paper = await world.open(world.here.simple)
    writer = AnswerWriter(world.database, world.clock)
    waiting = [
        asyncio.create_task(writer.save(world.here.simple, event(paper, seq, seq))) for seq in range(1, 4)
    ]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable) as refused:
        await writer.save(world.here.simple, event(paper, 4, 4))
    assert refused.value.code == "busy"
    writer.stop()
    await writer.run()
    assert all(saved.outcome is Outcome.CURRENT for saved in await asyncio.gather(*waiting))
    with pytest.raises(Unavailable):
        await writer.save(world.here.simple, event(paper, 4, 4))


async def test_a_journal_that_no_person_fills_takes_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "MOST_ENTRIES", 2)
    paper = await world.open(world.here.simple)
    events = [event(paper, seq, seq) for seq in (1, 2, 3)]
    replies = await save_batch(world.database, world.clock, saves_of(world, paper, *events, events[0]))
    assert [type(reply) for reply in replies] == [Saved, Saved, TooMany, Saved]


async def test_an_answer_whose_browser_went_away_is_stored_all_the_same(world: World) -> None:
    paper = await world.open(world.here.simple)
    writer = AnswerWriter(world.database, world.clock)
    gone = asyncio.create_task(writer.save(world.here.simple, event(paper, 1, 0)))
    await asyncio.sleep(0)
    gone.cancel()
    writer.stop()
    await writer.run()
    assert list(await stored(world, paper)) == [paper.items[0].id]


async def test_what_counts_is_when_it_arrived_not_when_it_was_written(world: World) -> None:
    paper = await world.open(world.here.simple)
    world.clock.move(minutes=60, seconds=59)
    (save,) = saves_of(world, paper, event(paper, 1, 0))
    world.clock.move(seconds=5)
    (reply,) = await save_batch(world.database, world.clock, [save])
    assert isinstance(reply, Saved)
    assert reply.outcome is Outcome.CURRENT


async def test_after_handing_in_an_older_pages_answer_is_kept_and_does_not_count(world: World) -> None:
    paper = await world.open(world.here.simple)
    await papers.hand_in(world.services, world.here.simple, paper.attempt.id, 1)
    (reply,) = await save_batch(world.database, world.clock, saves_of(world, paper, event(paper, 1, 0)))
    assert isinstance(reply, Saved)
    assert reply.outcome is Outcome.LATE
    assert await stored(world, paper) == {}
    replayed = await papers.replay(world.services, paper.attempt.id)
    assert replayed.agrees
    assert replayed.signature_holds


async def test_no_journal_row_can_be_changed(world: World) -> None:
    paper = await world.open(world.here.simple)
    await world.save(world.here.simple, event(paper, 1, 0))
    with pytest.raises(Exception, match="append-only"):
        async with world.database.tx() as tx:
            await tx.execute("UPDATE answer_event SET option_id = NULL")


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE answer_event SET option_id = NULL WHERE number = 2",
        "UPDATE answer_event SET counted = FALSE WHERE number = 2",
        "DELETE FROM answer_event WHERE number = 3",
        "UPDATE attempt SET mark = 98, passed = TRUE",
        "UPDATE answer SET option_id = NULL WHERE seq = 2",
        "UPDATE attempt_receipt SET head = sha256('x')",
        "UPDATE attempt_receipt SET signature = sha256('x') || sha256('y')",
        "UPDATE attempt_receipt SET count = 2",
    ],
)
async def test_the_replay_finds_what_somebody_with_the_database_changed(world: World, deed: str) -> None:
    paper = await world.open(world.here.simple)
    await world.hand_in(paper, right=3)
    assert (await papers.replay(world.services, paper.attempt.id)).agrees
    async with world.database.tx() as tx:
        await tx.execute("ALTER TABLE answer_event DISABLE TRIGGER USER")
        await tx.execute(deed)
    assert not (await papers.replay(world.services, paper.attempt.id)).agrees
