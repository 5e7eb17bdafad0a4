"""kill -9 of workers under load: every frame that was taken gets exactly one verdict."""

from __future__ import annotations

import asyncio

from exam_service.proctor import FRAME_STREAM, usecases
from exam_service.proctor.model import Purpose
from exam_service.proctor.wire import Sent
from exam_service.queue.connection import Client
from exam_service.queue.stream import GROUP
from exam_service.tools import frame_queue, open_services
from tests.faults.service import Process, Service
from tests.world import camera_frame, eventually, portrait, unseen

WORKERS = 3
KILLS = 2  # a third could make the third delivery of a frame its last: then it would be parked, by design
FRAMES = 90


async def test_every_frame_gets_exactly_one_verdict_though_workers_are_killed(service: Service) -> None:
    here, world = service.world.here, service.world
    await world.consent(here.general)
    attempt = await world.start(here.general)
    workers = [_worker(service, number) for number in range(WORKERS)]
    for worker in workers:
        worker.spawn()
    async with open_services(service.settings) as (services, client):
        queue = frame_queue(service.settings, client)
        stream = await usecases.open_stream(
            services, here.general, attempt.id, purpose=Purpose.CHECK, epoch=0, device_hash=bytes(32)
        )
        await queue.open()
        picture = camera_frame(portrait())
        try:
            for seq in range(1, FRAMES + 1):
                await usecases.enqueue_frame(services, queue, stream, Sent(seq, 0, unseen(picture)))
            left_behind = 0
            while left_behind < KILLS:  # who had nothing in hand was killed for nothing
                left_behind += await _kill_at_work(client, workers)

            async def is_empty() -> bool:
                return await queue.waiting() == 0

            await eventually(is_empty, within=90)
            assert await queue.parked() == 0
        finally:
            await asyncio.gather(*(worker.stop() for worker in workers))
    async with service.connected() as connection:
        seqs = await connection.fetch(
            "SELECT seq, count(*) FROM proctor_check WHERE attempt_id = $1 GROUP BY seq ORDER BY seq",
            attempt.id,
        )
    assert [tuple(row) for row in seqs] == [(seq, 1) for seq in range(1, FRAMES + 1)]


def _worker(service: Service, number: int) -> Process:
    return Process(service.data, f"worker{number}", ["-m", "tests.faults.hasty_worker"], {})


async def _kill_at_work(client: Client, workers: list[Process]) -> bool:
    """kill -9 of a worker that has frames in hand, and start it again; whether it left any behind."""

    async def at_work() -> tuple[Process, bytes] | None:
        for consumer in await client.xinfo_consumers(FRAME_STREAM, GROUP):
            for worker in workers:
                if consumer["pending"] and f"-{worker.pid}-" in consumer["name"].decode():
                    return worker, consumer["name"]
        return None

    victim, name = await eventually(at_work, within=60)
    await victim.kill()
    left = await client.xpending_range(FRAME_STREAM, GROUP, "-", "+", 1, consumername=name)
    victim.spawn()
    return bool(left)
