"""What operators watch of the proctor: ``GET /metrics``, for Prometheus and the like."""

from __future__ import annotations

import hmac
from contextlib import suppress

from aiohttp import web

from exam_service.errors import Unavailable
from exam_service.exposition import CONTENT_TYPE, expose
from exam_service.http.guards import public
from exam_service.keys import FRAMES, HEARTBEATS, SERVICES
from exam_service.proctor.measures import METRICS, OLDEST, PARKED, UP, WAITING, WORKERS
from exam_service.queue.connection import AWAY
from exam_service.wiring import Services

_BEARER = "Bearer "


@public
async def show_metrics(request: web.Request) -> web.Response:
    """The numbers of all processes together; without ``EXAM_METRICS_TOKEN`` there is no such page."""
    token = request.app[SERVICES].settings.metrics_token
    if token is None:
        raise web.HTTPNotFound
    said = request.headers.get("Authorization", "")
    wanted = _BEARER + token.get_secret_value()
    if not hmac.compare_digest(said.encode(errors="surrogateescape"), wanted.encode()):
        raise web.HTTPUnauthorized(headers={"WWW-Authenticate": "Bearer"})
    return web.Response(
        body=expose(METRICS, await _samples(request.app)).encode(),
        headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"},
    )


async def _samples(app: web.Application) -> dict[str, float]:
    queue = app[FRAMES]
    samples: dict[str, float] = {UP: 0}
    with suppress(Unavailable, *AWAY):
        await app[SERVICES].meters.flush()
        samples |= await app[SERVICES].meters.totals()
        samples[WAITING] = await queue.waiting()
        samples[OLDEST] = await queue.oldest_seconds()
        samples[PARKED] = await queue.parked()
        samples[WORKERS] = len(await app[HEARTBEATS].alive())
        samples[UP] = 1
    return samples


async def flush(services: Services) -> None:
    """Send what this process has counted."""
    await services.meters.flush()


ROUTES = [web.get("/metrics", show_metrics)]
