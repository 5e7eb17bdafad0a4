"""A hundred pages of one physician, old and new, write at once through several processes."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exam_service.papers import usecases as papers
from exam_service.papers.journal import AnswerEvent
from exam_service.papers.usecases import answers
from exam_service.papers.usecases.answers import AnswerWriter, Saved
from exam_service.storage.database import Database
from tests.world import DEVICE, World

ITEMS = 4
ANSWER = st.tuples(st.integers(0, ITEMS - 1), st.integers(0, 4) | st.none())
WRITERS = st.lists(st.lists(ANSWER, min_size=1, max_size=5), min_size=100, max_size=100)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(writers=WRITERS, epochs=st.lists(st.integers(1, 5), min_size=100, max_size=100), ends=st.booleans())
def test_a_hundred_racing_writers_end_in_one_consistent_state(
    world_at_rest: World, writers: list[list[tuple[int, int | None]]], epochs: list[int], *, ends: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "OWN_LIMIT", 500)  # they are a hundred pages, not one
        asyncio.run(race(world_at_rest, writers, epochs, ends=ends))


async def race(
    world: World, writers: list[list[tuple[int, int | None]]], epochs: list[int], *, ends: bool
) -> None:
    database = await Database.connect(world.settings.database_url, pool_size=8)
    try:
        services = replace(world.services, database=database)
        here = replace(world, database=database, services=services)
        owner = here.here.simple
        paper = await here.open(owner)
        for _ in range(4):  # five pages have had the lease by now
            await papers.take_lease(services, owner, paper.attempt.id, DEVICE)
        nodes = [AnswerWriter(database, world.clock) for _ in range(3)]
        running = [asyncio.create_task(node.run()) for node in nodes]
        acknowledged: list[tuple[AnswerEvent, Saved]] = []

        async def write(place: int) -> None:
            for offset, (item, option) in enumerate(writers[place]):
                chosen = paper.items[item]
                event = AnswerEvent(
                    paper.attempt.id,
                    epochs[place],
                    place * 10 + offset + 1,
                    chosen.id,
                    None if option is None else chosen.options[option].id,
                    world.clock.now(),
                )
                acknowledged.append((event, await nodes[place % 3].save(owner, event)))

        async def finish() -> None:
            if ends:
                await papers.hand_in(services, owner, paper.attempt.id, 5)

        await asyncio.gather(
            *(write(place) for place in range(50)), finish(), *(write(place) for place in range(50, 100))
        )
        for node in nodes:
            node.stop()
        await asyncio.gather(*running)
        await agrees(here, paper, acknowledged)
        if not ends:
            await papers.hand_in(services, owner, paper.attempt.id, 5)
        assert (await papers.replay(services, paper.attempt.id)).agrees
    finally:
        await database.close()


async def agrees(
    world: World, paper: papers.OpenPaper, acknowledged: list[tuple[AnswerEvent, Saved]]
) -> None:
    """Everything acknowledged is in the journal once, and the newest that counted stands."""
    assert (await papers.replay(world.services, paper.attempt.id)).agrees
    numbers = [saved.receipt.number for _, saved in acknowledged]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    counted = [event for event, saved in acknowledged if saved.outcome != "late"]
    expected = {}
    for event in sorted(counted, key=lambda event: event.order):
        expected[event.item_id] = event.option_id
    assert await papers.answers_of(world.database, world.here.simple, paper.attempt.id) == expected
