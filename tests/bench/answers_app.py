"""The web process of the benchmark: the application as it is, and two routes more that only it has.

    python -m tests.bench.answers_app

`…/noop` takes the same request as a save, through the same middlewares, and stores nothing. `…/single` does
the same work as a save in a transaction of its own. With `BENCH_PROFILE=file` it leaves a profile there, of
the time from SIGUSR1 on.
"""

from __future__ import annotations

import asyncio
import cProfile
import hashlib
import os
import signal
from typing import Any

from aiohttp import web

from exam_service import processes
from exam_service.accounts.model import Role
from exam_service.app import create_app
from exam_service.errors import DomainError
from exam_service.http.guards import allow
from exam_service.http.requests import json_body, path_id
from exam_service.keys import SERVICES, viewer
from exam_service.papers.journal import AnswerEvent
from exam_service.papers.routes import AnswerBody, storable
from exam_service.papers.usecases.answers import Save, save_batch
from exam_service.settings import Settings, load_settings

_HASH = hashlib.sha256(b"").hexdigest()


async def _event(request: web.Request) -> AnswerEvent:
    body = await json_body(request, AnswerBody)
    attempt_id = path_id(request, "attempt")
    return AnswerEvent(attempt_id, body.epoch, body.seq, body.item, body.option, storable(body.client_time))


def _reply(seq: int, outcome: str, epoch: int, number: int, digest: str, left_ms: int) -> web.Response:
    return web.json_response(
        {
            "seq": seq,
            "outcome": outcome,
            "epoch": epoch,
            "receipt": {"number": number, "hash": digest},
            "time_left_ms": left_ms,
        }
    )


@allow(Role.PHYSICIAN)
async def noop(request: web.Request) -> web.Response:
    event = await _event(request)
    assert viewer(request).account_id
    return _reply(event.seq, "current", event.epoch, event.seq, _HASH, 3_600_000)


@allow(Role.PHYSICIAN)
async def single(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    event = await _event(request)
    save = Save(viewer(request).account_id, event, services.clock.now())
    (saved,) = await save_batch(services.database, services.clock, [save])
    if isinstance(saved, DomainError):
        raise saved
    number, digest = saved.receipt.number, (saved.receipt.digest or b"").hex()
    left_ms = int(saved.time_left.total_seconds() * 1000)
    return _reply(event.seq, saved.outcome.value, saved.epoch, number, digest, left_ms)


def bench_app(settings: Settings, *given: Any, **named: Any) -> web.Application:
    app = create_app(settings, *given, **named)
    app.add_routes(
        [web.post("/attempts/{attempt}/noop", noop), web.post("/attempts/{attempt}/single", single)]
    )
    return app


def main() -> None:
    processes.create_app = bench_app  # all else as `exam-service web` does it
    profile = cProfile.Profile() if "BENCH_PROFILE" in os.environ else None
    if profile is not None:
        signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
    asyncio.run(processes.run_web(load_settings()))
    if profile is not None:
        profile.disable()
        profile.dump_stats(os.environ["BENCH_PROFILE"])


if __name__ == "__main__":
    main()
