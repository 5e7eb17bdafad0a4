"""The web application: knows every feature, and where its handlers find the tools."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from exam_service.accounts.usecases import Sessions
from exam_service.clock import Clock
from exam_service.features import wire
from exam_service.http.csrf import csrf_middleware
from exam_service.http.guards import LIMITS, check_every_route_is_guarded, guard
from exam_service.http.limits import Limits
from exam_service.http.pages import setup_templates
from exam_service.http.problems import problems
from exam_service.http.security import security_headers
from exam_service.http.session import SESSION_STORE, session
from exam_service.http.static import ASSETS, Assets, serve_asset
from exam_service.invigilation.routes.wall import OUTLOOKS
from exam_service.keys import BUCKETS, FRAMES, HEARTBEATS, LINE, SERVICES
from exam_service.papers.routes import ANSWERS, PRESENCES
from exam_service.papers.usecases import AnswerWriter, Presences
from exam_service.proctor.stream import OPEN_SOCKETS, VERDICTS, close_sockets
from exam_service.proctor.usecases import Outlooks, Verdicts
from exam_service.queue.buckets import Buckets
from exam_service.queue.heartbeats import Heartbeats
from exam_service.queue.line import Line
from exam_service.settings import Settings
from exam_service.storage.database import Database
from exam_service.tools import frame_queue, open_services
from exam_service.wiring import Services

WEB_ROOT = Path(__file__).parent.parent / "web"
LARGEST_BODY = 1024 * 1024
RESERVE = web.AppKey("reserve", Services)
RESERVED_CONNECTIONS = 3


def create_app(settings: Settings, clock: Clock | None = None) -> web.Application:
    """The web application; its tools are opened when it starts. Tests bring a clock of their own."""
    app = web.Application(
        middlewares=[problems, session, csrf_middleware(settings.key("csrf_key")), guard],
        client_max_size=LARGEST_BODY,
    )
    app.on_response_prepare.append(security_headers)
    app[ASSETS] = Assets.read(WEB_ROOT / "static")
    app[OPEN_SOCKETS] = set()
    app[LIMITS] = Limits()
    app[OUTLOOKS] = Outlooks()
    setup_templates(app, WEB_ROOT / "templates")
    app.add_routes([web.get("/static/{build}/{name:.+}", serve_asset), *wire().routes])
    check_every_route_is_guarded(app)

    async def tools(app: web.Application) -> AsyncIterator[None]:
        async with open_services(settings, clock) as (services, client):
            app[SERVICES] = services
            app[BUCKETS] = Buckets(client)
            app[FRAMES] = frame_queue(settings, client)
            app[HEARTBEATS] = Heartbeats(client)
            app[LINE] = Line(
                client, "admission", rate=settings.admissions_per_second, burst=settings.admission_burst
            )
            app[VERDICTS] = Verdicts(services.database)
            app[PRESENCES] = Presences(services.database, services.clock)
            app[SESSION_STORE] = Sessions(services.database, services.clock, settings)
            # Of their own: however many pages are asked for, answers are written and the pulse beats.
            reserve = await Database.connect(settings.database_url, pool_size=RESERVED_CONNECTIONS)
            app[RESERVE] = replace(services, database=reserve)
            app[ANSWERS] = AnswerWriter(reserve, services.clock)
            listening = asyncio.create_task(services.signals.run())
            writing = asyncio.create_task(app[ANSWERS].run())
            yield
            app[ANSWERS].stop()
            await writing
            await reserve.close()
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    app.cleanup_ctx.append(tools)
    app.on_shutdown.append(close_sockets)
    return app


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """TLS by the settings' certificate; ``None`` without one."""
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.tls_cert, settings.tls_key)
    return context
