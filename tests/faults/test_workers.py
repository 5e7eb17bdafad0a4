"""kill -9 of workers under load: every frame that was taken gets exactly one verdict."""

from __future__ import annotations

import asyncio

from exam_service.app import frame_queue, open_services
from exam_service.papers.model import Attempt
from exam_service.proctor import usecases
from exam_service.proctor.model import Purpose
from exam_service.proctor.wire import Sent
from tests.faults.service import Process, Service
from tests.world import camera_frame, eventually, portrait, unseen

WORKERS = 3
KILLS = 2  # a third could make the third delivery of a frame its last: then it would be parked, by design
FRAMES = 120


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
        picture = camera_frame(portrait())
        try:
            for seq in range(1, FRAMES + 1):
                await usecases.enqueue_frame(services, queue, stream, Sent(seq, 0, unseen(picture)))
            for victim in workers[:KILLS]:
                done = await _verdicts(service, attempt)
                await eventually(lambda done=done: _more(service, attempt, done), within=60)
                await victim.kill()
                victim.spawn()

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
    return Process(service.data, f"worker{number}", ["-m", "exam_service", "worker"], {})


async def _verdicts(service: Service, attempt: Attempt) -> int:
    async with service.connected() as connection:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM proctor_check WHERE attempt_id = $1", attempt.id
        )
        return count


async def _more(service: Service, attempt: Attempt, than: int) -> bool:
    return await _verdicts(service, attempt) > than
