"""What each kind of process does until it is told to stop: web, worker, sweep."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress

from exam_service.queue.heartbeats import Heartbeats
from exam_service.settings import Settings
from exam_service.tools import frame_queue, open_services
from exam_service.wiring import Job, Services

log = logging.getLogger(__name__)

STOP_SECONDS = 10.0
PARENT_POLL_SECONDS = 1.0


async def run_web(settings: Settings) -> None:
    """Serve pages until SIGTERM or SIGINT; requests under way are finished first."""
    from aiohttp import web  # noqa: PLC0415 - only web processes load pages

    from exam_service.app import RESERVE, create_app, tls_context  # noqa: PLC0415
    from exam_service.features import wire  # noqa: PLC0415

    if settings.demo:
        log.warning("EXAM_DEMO is on: the first identity check of an account enrols whatever face it sees")
    app = create_app(settings)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=STOP_SECONDS,
        auto_decompress=False,  # browsers send no compressed bodies, and a bomb is not unpacked
    )
    await runner.setup()
    try:
        site = web.TCPSite(
            runner,
            settings.host,
            settings.port,
            ssl_context=tls_context(settings),
            reuse_port=settings.web_processes > 1 or None,
        )
        await site.start()
        beats = [asyncio.create_task(_repeat(job, app[RESERVE])) for job in wire().beats]
        await _until_told_to_stop()
        for beat in beats:
            beat.cancel()
        await asyncio.gather(*beats, return_exceptions=True)
    finally:
        await runner.cleanup()


async def run_worker(settings: Settings) -> None:
    """Verify frames and check pictures until SIGTERM or SIGINT; the batch in hand is finished first."""
    from exam_service.proctor.photo_worker import PhotoWorker  # noqa: PLC0415 - only workers load networks
    from exam_service.proctor.worker import FaceRecogniser, Worker  # noqa: PLC0415

    async with open_services(settings) as (services, client):
        recogniser = FaceRecogniser.open(settings.data_dir / "models", settings.recogniser)
        stop = asyncio.Event()
        worker = Worker(services, frame_queue(settings, client), recogniser, Heartbeats(client))
        working = asyncio.create_task(worker.run(stop))
        looking = asyncio.create_task(PhotoWorker(services).run(stop))
        waiting = asyncio.create_task(_until_told_to_stop())
        await asyncio.wait({working, looking, waiting}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        waiting.cancel()
        await asyncio.gather(working, looking)


async def run_sweep(settings: Settings) -> None:
    """Run the features' jobs again and again until SIGTERM or SIGINT."""
    from exam_service.features import wire  # noqa: PLC0415

    async with open_services(settings) as (services, _):
        tasks = [asyncio.create_task(_repeat(job, services)) for job in wire().jobs]
        await _until_told_to_stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _repeat(job: Job, services: Services) -> None:
    while True:
        try:
            await job.run(services)
        except Exception:  # a job that fails now may succeed in a moment, and must not stop the others
            log.exception("job %s failed", job.name)
        await asyncio.sleep(job.every)


async def _until_told_to_stop() -> None:
    """Wait for SIGTERM, SIGINT, or the death of a supervisor that was killed without a chance to say so."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    supervisor = os.environ.get("EXAM_SUPERVISOR")
    while not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), PARENT_POLL_SECONDS)
        if supervisor and str(os.getppid()) != supervisor:
            log.warning("the supervisor is gone, stopping")
            return
