"""Throttling goes on when Redis is away. The buckets refill so slowly here that a test's time is nothing."""

import time
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisIsAway

from exam_service.queue.buckets import Buckets

AGES = 1e9


class NoRedis:
    """A client whose server is away."""

    def register_script(self, _script: str) -> Any:
        async def run(**_arguments: object) -> object:
            raise RedisIsAway

        return run

    async def delete(self, _name: str) -> int:
        raise RedisIsAway


@pytest.fixture
def buckets() -> Buckets:
    return Buckets(NoRedis())


async def test_a_bucket_gives_as_many_tokens_as_it_holds(buckets: Buckets) -> None:
    waits = [await buckets.take("login:a", capacity=3, seconds=AGES) for _ in range(5)]
    assert waits[:3] == [0.0, 0.0, 0.0]
    assert all(wait > 0 for wait in waits[3:])


async def test_the_wait_is_for_one_token_not_for_all(buckets: Buckets) -> None:
    for _ in range(4):
        await buckets.take("login:a", capacity=4, seconds=AGES)
    wait = await buckets.take("login:a", capacity=4, seconds=AGES)
    assert 0.99 * AGES / 4 < wait <= AGES / 4


async def test_asking_again_does_not_prolong_the_wait(buckets: Buckets) -> None:
    await buckets.take("login:a", capacity=1, seconds=AGES)
    first = await buckets.take("login:a", capacity=1, seconds=AGES)
    second = await buckets.take("login:a", capacity=1, seconds=AGES)
    assert second <= first


async def test_one_bucket_does_not_empty_another(buckets: Buckets) -> None:
    await buckets.take("login:a", capacity=1, seconds=AGES)
    assert await buckets.take("login:b", capacity=1, seconds=AGES) == 0.0


async def test_a_success_fills_the_bucket_again(buckets: Buckets) -> None:
    await buckets.take("login:a", capacity=1, seconds=AGES)
    await buckets.refill("login:a")
    assert await buckets.take("login:a", capacity=1, seconds=AGES) == 0.0


async def test_a_bucket_fills_in_its_time(buckets: Buckets) -> None:
    half_ago = time.monotonic() - AGES / 2
    buckets._local["login:a"] = (0.0, half_ago)
    waits = [await buckets.take("login:a", capacity=8, seconds=AGES) for _ in range(6)]
    assert waits[:4] == [0.0] * 4
    assert all(wait > 0 for wait in waits[4:])


async def test_a_bucket_that_fills_at_once_never_waits(buckets: Buckets) -> None:
    assert [await buckets.take("a", capacity=1, seconds=1e-9) for _ in range(5)] == [0.0] * 5


async def test_a_flood_of_names_does_not_fill_the_memory(buckets: Buckets) -> None:
    for number in range(10_050):
        await buckets.take(f"login:{number}", capacity=1, seconds=AGES)
    assert len(buckets._local) == 10_000
    assert await buckets.take("login:10049", capacity=1, seconds=AGES) > 0
