"""Streams, signals and token buckets on a real Redis, which may be emptied, stopped or hang at any time."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exam_service.errors import Unavailable
from exam_service.queue.buckets import Buckets
from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client, connect
from exam_service.queue.signals import Signals
from exam_service.queue.stream import GROUP, MAX_DELIVERIES, Entry, WorkStream
from exam_service.storage.embedded import EmbeddedRedis
from tests.world import eventually

SOON = 0.05
"""Seconds after which an entry counts as left behind."""


@pytest.fixture
async def work(redis_client: Client) -> WorkStream:
    """A stream with its group, as the first worker makes it."""
    work = WorkStream(redis_client, "work", limit=100, claim_after_seconds=SOON)
    await work.open()
    return work


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that may be stopped."""
    with EmbeddedRedis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
async def own_client(own_redis: EmbeddedRedis) -> AsyncIterator[Client]:
    client = connect(own_redis.url)
    yield client
    await client.aclose()


async def add(work: WorkStream, *names: str) -> None:
    for name in names:
        assert await work.add({b"name": name.encode()})


async def take(work: WorkStream, consumer: str = "anne", count: int = 8) -> list[Entry]:
    return await work.take(consumer, count=count, wait_seconds=0.02)


async def next_of(work: WorkStream, consumer: str = "anne") -> Entry:
    [entry] = await eventually(lambda: take(work, consumer, count=1))
    return entry


def names(entries: list[Entry]) -> list[str]:
    return [entry.fields[b"name"].decode() for entry in entries]


async def consumers(client: Client) -> set[str]:
    return {row["name"].decode() for row in await client.xinfo_consumers("work", GROUP)}


async def stays_empty(work: WorkStream, consumer: str = "anne") -> bool:
    """Nothing is delivered, though everything pending has been idle for long enough several times over."""
    for _ in range(3):
        await asyncio.sleep(SOON * 1.5)
        if await take(work, consumer):
            return False
    return True


async def test_a_dead_consumer_is_taken_out_once_others_have_its_entries(
    work: WorkStream, redis_client: Client
) -> None:
    await add(work, "done", "one")
    await work.done((await next_of(work, "idle")).id)
    await take(work, "dead")
    await asyncio.sleep(SOON)
    assert await work.bury(gone_after_seconds=SOON / 2) == 1
    assert await consumers(redis_client) == {"dead"}, "what it has in hand would be lost with it"
    assert names([await next_of(work, "anne")]) == ["one"]
    assert await work.bury(gone_after_seconds=60) == 0
    assert await work.bury(gone_after_seconds=0) == 1
    assert await consumers(redis_client) == {"anne"}


async def test_how_long_the_oldest_entry_has_waited(work: WorkStream) -> None:
    assert await work.oldest_seconds() == 0
    await add(work, "one")
    await asyncio.sleep(SOON)
    assert SOON <= await work.oldest_seconds() < 10


async def test_entries_come_in_order_with_their_fields_and_bytes(work: WorkStream) -> None:
    every_byte = bytes(range(256))
    assert await work.add({b"name": b"first", b"sealed": every_byte})
    await add(work, "second", "third")

    entries = await take(work)

    assert names(entries) == ["first", "second", "third"]
    assert entries[0].fields == {b"name": b"first", b"sealed": every_byte}


async def test_what_was_added_before_the_first_worker_came_is_delivered(redis_client: Client) -> None:
    work = WorkStream(redis_client, "work", limit=100)
    await add(work, "early")

    await work.open()

    assert names(await take(work)) == ["early"]


async def test_opening_again_changes_nothing(work: WorkStream) -> None:
    await add(work, "once")
    [entry] = await take(work)
    await work.open()
    await work.done(entry.id)
    assert await stays_empty(work)


async def test_two_workers_never_get_the_same_entry_while_both_are_quick(work: WorkStream) -> None:
    await add(work, *(f"frame {number}" for number in range(20)))

    taken: list[str] = []
    while entries := [*await take(work, "anne", 3), *await take(work, "bert", 3)]:
        taken += names(entries)
        for entry in entries:
            await work.done(entry.id)

    assert sorted(taken) == sorted(f"frame {number}" for number in range(20))
    assert await work.waiting() == 0


async def test_an_entry_that_is_not_done_comes_again_and_one_that_is_done_does_not(work: WorkStream) -> None:
    await add(work, "done", "failed")
    done, failed = await take(work)
    await work.done(done.id)

    again = await next_of(work)

    assert (again.id, again.fields) == (failed.id, failed.fields)
    await work.done(again.id)
    assert await stays_empty(work)
    assert await work.waiting() == 0


async def test_what_a_dead_worker_left_is_claimed_by_another_after_the_idle_time(
    work: WorkStream, redis_client: Client
) -> None:
    await add(work, "left 1", "left 2")
    assert len(await take(work, "dead")) == 2
    patient = WorkStream(redis_client, "work", limit=100, claim_after_seconds=60)
    assert await take(patient, "bert") == [], "its worker may still be at it"

    claimed = await eventually(lambda: take(work, "bert"))

    assert names(claimed) == ["left 1"], "one at a time, in order"
    assert names(await take(work, "bert")) == ["left 2"]


async def test_an_entry_that_kills_its_worker_takes_no_neighbour_along(
    work: WorkStream, redis_client: Client
) -> None:
    await add(work, "one", "two", "crafted", "three", "four")
    finished: list[str] = []
    for life in range(20):  # a new worker each time that one died
        batch = await take(work, f"worker {life}")
        while batch and names(batch)[0] != "crafted":
            await work.done(batch[0].id)
            finished += names(batch[:1])
            batch = batch[1:] or await take(work, f"worker {life}")
        await asyncio.sleep(SOON * 1.5)
        if await work.parked():
            break

    assert sorted(finished) == ["four", "one", "three", "two"]
    assert [fields[b"name"] for _, fields in await redis_client.xrange("work:parked")] == [b"crafted"]
    assert await work.waiting() == 0


async def test_what_was_left_behind_is_found_behind_what_many_others_are_at(work: WorkStream) -> None:
    await add(work, *(f"frame {number}" for number in range(40)))
    under_way = await take(work, "busy", count=35)
    await take(work, "dead")
    await asyncio.sleep(SOON * 1.5)
    await work.hold("busy", [entry.id for entry in under_way])

    assert names(await take(work, "bert")) == ["frame 35"]


async def test_what_was_left_behind_comes_before_what_is_new(work: WorkStream) -> None:
    await add(work, "left")
    await take(work, "dead")
    await add(work, "new")
    await asyncio.sleep(SOON * 1.5)

    assert names(await take(work, "bert")) == ["left"]
    assert names(await take(work, "bert")) == ["new"]


async def test_an_entry_that_fails_at_each_delivery_is_parked_and_counted_and_not_delivered_again(
    work: WorkStream, redis_client: Client
) -> None:
    await add(work, "crafted")
    deliveries = [await next_of(work, consumer) for consumer in ("anne", "bert", "carl")[:MAX_DELIVERIES]]
    assert len({entry.id for entry in deliveries}) == 1

    assert await stays_empty(work)

    assert await work.parked() == 1
    assert await work.waiting() == 0
    [(_, fields)] = await redis_client.xrange("work:parked")
    assert fields == {b"name": b"crafted"}
    assert (await redis_client.xpending("work", GROUP))["pending"] == 0


async def test_a_parked_entry_does_not_hold_up_the_others(work: WorkStream) -> None:
    await add(work, "crafted")
    for _ in range(MAX_DELIVERIES):
        await next_of(work)
    await add(work, "good")
    await asyncio.sleep(SOON * 1.5)

    assert names(await eventually(lambda: take(work))) == ["good"]
    assert await work.parked() == 1


async def test_a_full_stream_refuses_and_loses_nothing_of_what_waits(redis_client: Client) -> None:
    work = WorkStream(redis_client, "work", limit=3, claim_after_seconds=SOON)
    await work.open()
    await add(work, "one", "two", "three")

    assert not await work.add({b"name": b"four"})

    entries = await take(work)
    assert names(entries) == ["one", "two", "three"]
    assert not await work.add({b"name": b"four"}), "what was delivered and isn't done counts too"
    await work.done(entries[0].id)
    assert await work.add({b"name": b"four"})
    await asyncio.sleep(SOON * 1.5)
    assert [names(await take(work)) for _ in range(3)] == [["two"], ["three"], ["four"]]


async def test_after_redis_was_emptied_the_group_is_made_again(
    work: WorkStream, redis_client: Client
) -> None:
    await add(work, "lost")
    await take(work)
    await redis_client.flushall()
    await add(work, "after")

    assert names(await eventually(lambda: take(work))) == ["after"]


async def test_a_worker_that_waits_while_redis_is_emptied_gets_what_comes_after(
    work: WorkStream, redis_client: Client
) -> None:
    waiting = asyncio.create_task(work.take("anne", count=8, wait_seconds=1.0))
    await eventually(lambda: _blocked(redis_client))
    await redis_client.flushall()
    await add(work, "after")

    entries = await waiting or await eventually(lambda: take(work))

    assert names(entries) == ["after"]


async def _blocked(client: Client) -> int:
    return int((await client.info("clients"))["blocked_clients"])


async def test_a_worker_that_leaves_is_forgotten_unless_entries_are_still_its_own(
    work: WorkStream, redis_client: Client
) -> None:
    await add(work, "unfinished")
    await take(work, "busy")
    await add(work, "finished")
    [finished] = await take(work, "idle")
    await work.done(finished.id)
    assert await consumers(redis_client) == {"busy", "idle"}

    await work.forget("idle")
    await work.forget("busy")

    assert await consumers(redis_client) == {"busy"}
    assert names(await eventually(lambda: take(work, "other"))) == ["unfinished"]
    await work.forget("busy")
    assert await consumers(redis_client) == {"other"}


async def test_what_a_worker_holds_is_left_to_it_and_counts_as_no_further_delivery(
    work: WorkStream, redis_client: Client
) -> None:
    other = WorkStream(redis_client, "work", limit=100, claim_after_seconds=0.5)
    await add(work, "held")
    [entry] = await take(work, "patient")
    for _ in range(10):
        await asyncio.sleep(0.08)
        await work.hold("patient", [entry.id])
        assert await take(other, "greedy") == []

    [pending] = await redis_client.xpending_range("work", GROUP, "-", "+", 1)
    assert (pending["consumer"], pending["times_delivered"]) == (b"patient", 1)
    assert names(await eventually(lambda: take(other, "greedy"))) == ["held"], "no longer held"


async def test_without_redis_adding_says_so_and_goes_on_once_it_is_back(
    own_redis: EmbeddedRedis, own_client: Client
) -> None:
    work = WorkStream(own_client, "work", limit=100, claim_after_seconds=SOON)
    await work.open()
    await add(work, "before")
    own_redis.stop()

    with pytest.raises(Unavailable) as refusal:
        await work.add({b"name": b"during"})
    assert refusal.value.code == "queue_away"
    with pytest.raises(AWAY):
        await take(work)

    own_redis.start()
    await add(work, "after")
    assert names(await eventually(lambda: take(work))) == ["after"]


async def test_more_requests_than_connections_wait_for_each_other(redis_server: EmbeddedRedis) -> None:
    client = connect(redis_server.url, max_connections=3)
    work = WorkStream(client, "work", limit=10_000)
    try:
        async with delivering(client) as signals, signals.listen("topic") as queue:  # keeps a connection
            assert all(await asyncio.gather(*(work.add({b"name": b"x"}) for _ in range(300))))
            await signals.publish("topic", "still heard")
            assert await heard(queue) == "still heard"
        await work.open()
        assert len(await work.take("anne", count=400, wait_seconds=0.02)) == 300
    finally:
        await client.aclose()


async def test_a_connection_that_does_not_come_free_is_not_waited_for_long(
    redis_server: EmbeddedRedis, redis_client: Client
) -> None:
    client = connect(redis_server.url, max_connections=1)
    listening = client.pubsub()
    try:
        await listening.subscribe("topic")  # keeps the only one
        async with asyncio.timeout(PATIENCE_SECONDS + 2):
            with pytest.raises(Unavailable):
                await WorkStream(client, "work", limit=1).waiting()
    finally:
        await listening.aclose()
        await client.aclose()


async def test_who_listens_to_several_topics_hears_each(redis_client: Client) -> None:
    async with delivering(redis_client) as signals:
        async with signals.listen("one", "two") as queue:
            await signals.publish("two", "2")
            await signals.publish("one", "1")
            assert [await heard(queue), await heard(queue)] == ["2", "1"]
        await signals.publish("one", "late")
        assert queue.empty()


@asynccontextmanager
async def delivering(client: Client) -> AsyncIterator[Signals]:
    """Signals as a process has them: subscribed, and delivering in the background."""
    signals = Signals(client)
    running = asyncio.create_task(signals.run())
    try:
        async with signals.listen("subscribed") as subscribed:

            async def is_subscribed() -> bool:
                await signals.publish("subscribed", "")
                return not subscribed.empty()

            await eventually(is_subscribed)
        yield signals
    finally:
        assert not running.done(), "nothing may end the delivery of signals but the process"
        await _end(running)


async def heard(queue: asyncio.Queue[str]) -> str:
    async with asyncio.timeout(5):
        return await queue.get()


async def test_a_signal_reaches_the_listeners_of_its_topic_in_every_process(
    redis_server: EmbeddedRedis, redis_client: Client
) -> None:
    other_client = connect(redis_server.url)
    async with (
        delivering(redis_client) as here,
        delivering(other_client) as there,
        here.listen("proctor:1") as one,
        there.listen("proctor:1") as two,
        there.listen("proctor:2") as neighbour,
    ):
        await here.publish("proctor:1", "check 7")
        assert await heard(one) == "check 7"
        assert await heard(two) == "check 7"

        await there.publish("proctor:2", "check 8")
        assert await heard(neighbour) == "check 8"
        assert one.empty()
        assert two.empty()
    await other_client.aclose()


async def test_who_stopped_listening_hears_nothing_more(redis_client: Client) -> None:
    async with delivering(redis_client) as signals, signals.listen("topic") as stays:
        async with signals.listen("topic") as leaves:
            await signals.publish("topic", "1")
            assert await heard(leaves) == "1"
        await signals.publish("topic", "2")
        assert [await heard(stays), await heard(stays)] == ["1", "2"]
        assert leaves.empty()


async def test_a_slow_listener_loses_the_oldest_and_never_the_newest(redis_client: Client) -> None:
    async with (
        delivering(redis_client) as signals,
        signals.listen("topic") as slow,
        signals.listen("end") as end,
    ):
        for number in range(200):
            await signals.publish("topic", str(number))
        await signals.publish("end", "")
        await heard(end)  # signals keep their order: by now all have arrived

        kept = [slow.get_nowait() for _ in range(slow.qsize())]

    assert 0 < len(kept) < 200
    assert kept == [str(number) for number in range(200 - len(kept), 200)]


@pytest.mark.parametrize(
    "message",
    ["", "{", "7", "null", "[1]", '["ab", 3]', b"\xff\x00", '{"topic": 1}', "[" * 100_000],
    ids=range(9),
)
async def test_a_message_that_is_no_signal_is_passed_over(redis_client: Client, message: bytes | str) -> None:
    async with delivering(redis_client) as signals, signals.listen("topic") as queue:
        await redis_client.publish("signals", message)
        await signals.publish("topic", "after")
        assert await heard(queue) == "after"


async def test_signals_go_on_after_redis_was_restarted(own_redis: EmbeddedRedis, own_client: Client) -> None:
    async with delivering(own_client) as signals, signals.listen("topic") as queue:
        await signals.publish("topic", "before")
        assert await heard(queue) == "before"

        own_redis.stop()
        await signals.publish("topic", "lost")  # is logged, and doesn't raise
        own_redis.start()

        async def after() -> str | None:
            await signals.publish("topic", "after")
            return None if queue.empty() else queue.get_nowait()

        assert await eventually(after) == "after"


async def test_the_delivery_of_signals_ends_whenever_its_process_does(redis_client: Client) -> None:
    """It is cancelled once, at a moment nobody chooses; were that lost, the process would never stop."""
    for step in range(100):
        running = asyncio.create_task(Signals(redis_client).run())
        await asyncio.sleep(step * 0.0002)
        running.cancel()
        await asyncio.wait({running}, timeout=1.0)
        ended = running.done()
        await _end(running)
        assert ended, f"still delivering 1 s after it was cancelled, {step * 0.2:.1f} ms after it began"


async def _end(task: asyncio.Task[None]) -> None:
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.1)


async def test_a_bucket_gives_its_capacity_and_then_says_how_long_to_wait(redis_client: Client) -> None:
    buckets = Buckets(redis_client)

    waits = [await buckets.take("login:a", capacity=3, seconds=60) for _ in range(5)]

    assert waits[:3] == [0, 0, 0]
    assert all(15 < wait <= 20 for wait in waits[3:]), "one token comes every 20 s"
    assert await buckets.take("login:b", capacity=3, seconds=60) == 0


async def test_a_bucket_is_one_for_all_processes(redis_server: EmbeddedRedis, redis_client: Client) -> None:
    other_client = connect(redis_server.url)
    assert await Buckets(redis_client).take("login", capacity=2, seconds=60) == 0
    assert await Buckets(other_client).take("login", capacity=2, seconds=60) == 0
    assert await Buckets(redis_client).take("login", capacity=2, seconds=60) > 0
    await other_client.aclose()


async def test_a_bucket_refills_in_the_time_it_names_and_not_beyond_its_capacity(
    redis_client: Client,
) -> None:
    buckets = Buckets(redis_client)
    await buckets.take("save", capacity=2, seconds=0.2)
    await buckets.take("save", capacity=2, seconds=0.2)
    wait = await buckets.take("save", capacity=2, seconds=0.2)
    assert 0 < wait <= 0.1

    await asyncio.sleep(wait + 0.01)
    assert await buckets.take("save", capacity=2, seconds=0.2) == 0

    await asyncio.sleep(0.5)
    waits = [await buckets.take("save", capacity=2, seconds=0.2) for _ in range(3)]
    assert waits[:2] == [0, 0]
    assert waits[2] > 0


async def test_a_bucket_is_full_again_once_what_was_taken_is_forgotten(redis_client: Client) -> None:
    buckets = Buckets(redis_client)
    for _ in range(3):
        await buckets.take("login", capacity=2, seconds=60)

    await buckets.refill("login")

    assert await buckets.take("login", capacity=2, seconds=60) == 0


async def test_an_unused_bucket_does_not_stay_in_redis(redis_client: Client) -> None:
    await Buckets(redis_client).take("login", capacity=10, seconds=60)
    assert 60 <= await redis_client.ttl("bucket:login") <= 62


async def test_without_redis_every_process_counts_for_itself_and_the_bucket_is_never_open(
    own_redis: EmbeddedRedis, own_client: Client
) -> None:
    buckets = Buckets(own_client)
    own_redis.stop()

    waits = [await buckets.take("login", capacity=3, seconds=60) for _ in range(5)]

    assert waits[:3] == [0, 0, 0]
    assert all(15 < wait <= 20 for wait in waits[3:])
    assert await buckets.take("other", capacity=3, seconds=60) == 0
    await buckets.refill("login")
    assert await buckets.take("login", capacity=3, seconds=60) == 0

    own_redis.start()
    assert await buckets.take("login", capacity=3, seconds=60) == 0
    assert await own_client.exists("bucket:login"), "counted in Redis again"


async def test_a_redis_that_hangs_hangs_neither_a_login_nor_a_frame(
    own_redis: EmbeddedRedis, own_client: Client
) -> None:
    await own_client.ping()
    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            assert await Buckets(own_client).take("login", capacity=1, seconds=60) == 0
            with pytest.raises(Unavailable):
                await WorkStream(own_client, "work", limit=1).add({b"name": b"frame"})
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)


async def test_without_redis_a_local_bucket_refills_too(own_redis: EmbeddedRedis, own_client: Client) -> None:
    buckets = Buckets(own_client)
    own_redis.stop()
    assert await buckets.take("save", capacity=1, seconds=0.2) == 0

    wait = await buckets.take("save", capacity=1, seconds=0.2)

    assert 0 < wait <= 0.2
    await asyncio.sleep(wait + 0.01)
    assert await buckets.take("save", capacity=1, seconds=0.2) == 0
