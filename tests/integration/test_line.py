"""The waiting line in a real Redis: one for all processes, and there also when Redis is not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from exam_service.queue.connection import Client, connect
from exam_service.queue.line import KEPT_SECONDS, Line
from exam_service.storage.embedded import EmbeddedRedis
from tests.world import eventually

SLOW = 0.01
"""Turns a second: a test's own time is nothing beside it."""


def line_of(client: Client, *, rate: float = SLOW, burst: int = 3) -> Line:
    return Line(client, "test", rate=rate, burst=burst)


async def test_the_burst_goes_at_once_and_the_others_are_counted_off(redis_client: Client) -> None:
    line = line_of(redis_client)
    places = [await line.take(f"{number}") for number in range(6)]
    assert [place.is_turn for place in places] == [True] * 3 + [False] * 3
    assert [place.ahead for place in places] == [0, 0, 0, 0, 1, 2]
    for nth, place in enumerate(places[3:], start=1):
        assert (nth - 0.1) / SLOW < place.seconds <= nth / SLOW


async def test_asking_again_keeps_the_place_and_looking_takes_none(redis_client: Client) -> None:
    line = line_of(redis_client, burst=1)
    for number in range(3):
        await line.take(f"{number}")
    first = await line.take("2")
    assert await line.look("3") is None
    again = await line.look("2")
    assert again is not None
    assert (first.ahead, again.ahead) == (1, 1)
    assert again.seconds <= first.seconds
    assert (await line.take("3")).ahead == 2


async def test_a_line_is_one_for_all_processes(redis_server: EmbeddedRedis, redis_client: Client) -> None:
    other_client = connect(redis_server.url)
    here, there = line_of(redis_client, burst=1), line_of(other_client, burst=1)
    assert (await here.take("a")).is_turn
    assert (await there.take("b")).ahead == 0
    assert (await here.take("c")).ahead == 1
    assert (await here.take("b")).ahead == 0
    await other_client.aclose()


async def test_everybody_at_once_gets_a_moment_of_their_own(redis_client: Client) -> None:
    line = line_of(redis_client, rate=1.0, burst=1)
    places = await asyncio.gather(*(line.take(f"{number}") for number in range(50)))
    assert sorted(place.ahead for place in places) == [0, *range(49)]


async def test_the_turn_comes_when_it_was_said(redis_client: Client) -> None:
    line = line_of(redis_client, rate=10.0, burst=1)
    await line.take("first")
    place = await line.take("second")
    assert 0 < place.seconds <= 0.1
    began = time.monotonic()

    async def has_come() -> bool:
        return (await line.take("second")).is_turn

    await eventually(has_come)
    assert time.monotonic() - began >= place.seconds - 0.02


async def test_nothing_of_a_line_stays_in_redis(redis_client: Client) -> None:
    line = line_of(redis_client, rate=1.0, burst=1)
    await line.take("a")
    await line.take("b")
    for key in ("line:test", "line:test:b"):
        assert KEPT_SECONDS <= await redis_client.ttl(key) <= KEPT_SECONDS + 2


@pytest.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[EmbeddedRedis]:
    """One that a test may kill."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


async def test_without_redis_the_line_goes_on_and_its_places_hold_when_redis_is_back(
    own_redis: EmbeddedRedis,
) -> None:
    client = connect(own_redis.url)
    line = line_of(client, burst=1)
    await line.take("a")
    before = await line.take("b")
    assert before.ahead == 0
    own_redis.stop()
    assert await line.look("b") is None  # its place went with Redis: it asks again
    assert (await line.take("b")).is_turn
    assert (await line.take("c")).ahead == 0
    assert (await line.take("d")).ahead == 1
    own_redis.start()
    kept = await line.look("d")
    assert kept is not None
    assert kept.ahead == 1
    assert (await line.take("e")).is_turn  # Redis is empty, its line begins anew
    await client.aclose()


async def test_an_emptied_redis_begins_a_new_line(redis_client: Client) -> None:
    line = line_of(redis_client, burst=1)
    await line.take("a")
    assert not (await line.take("b")).is_turn
    await redis_client.flushall()
    assert await line.look("b") is None
    assert (await line.take("b")).is_turn
