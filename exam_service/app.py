"""The composition root: opens the tools, knows every feature, closes what it opened."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from exam_service.accounts.usecases import Sessions
from exam_service.clock import Clock, SystemClock
from exam_service.crypto.signing import Signer
from exam_service.errors import Unavailable
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
from exam_service.proctor import FRAME_STREAM
from exam_service.proctor.stream import OPEN_SOCKETS, VERDICTS, close_sockets
from exam_service.proctor.usecases import Outlooks, Verdicts
from exam_service.queue.buckets import Buckets
from exam_service.queue.connection import Client, connect
from exam_service.queue.heartbeats import Heartbeats
from exam_service.queue.line import Line
from exam_service.queue.meters import Meters
from exam_service.queue.recent import Recent
from exam_service.queue.signals import Signals
from exam_service.queue.stream import WorkStream
from exam_service.settings import Settings
from exam_service.sms.opening import open_post
from exam_service.storage.database import Database
from exam_service.storage.evidence import DirectoryBlobs, EvidenceStore
from exam_service.storage.heads import HeadLog
from exam_service.storage.migrate import check_migrated
from exam_service.storage.vault import Vault
from exam_service.wiring import Services

WEB_ROOT = Path(__file__).parent.parent / "web"
LARGEST_BODY = 1024 * 1024
RESERVE = web.AppKey("reserve", Services)
RESERVED_CONNECTIONS = 3
_CLOCKS_COMPARED_EVERY = 10.0


@asynccontextmanager
async def open_services(
    settings: Settings, clock: Clock | None = None
) -> AsyncIterator[tuple[Services, Client]]:
    """The tools of one process, while the block lasts.

    Raises:
        Misconfigured: PostgreSQL isn't durable, is too old, or lacks migrations.
        Unavailable: It can't be reached.
    """
    database = await Database.connect(settings.database_url, pool_size=settings.database_pool)
    client = connect(settings.redis_url)
    clock = clock or SystemClock()
    comparing = asyncio.create_task(_compare_clocks(clock, database))
    try:
        if isinstance(clock, SystemClock):
            clock.note_ahead(await database.clock_ahead(clock.uncorrected))
        async with database.tx() as tx:
            await check_migrated(tx)
        async with open_post(settings, database, clock) as post:
            yield (
                Services(
                    settings=settings,
                    clock=clock,
                    database=database,
                    signals=Signals(client),
                    recent=Recent(client),
                    meters=Meters(client),
                    vault=Vault(settings.key("master_key")),
                    evidence=EvidenceStore(DirectoryBlobs(settings.data_dir / "evidence")),
                    signer=Signer(settings.key("master_key"), "receipts"),
                    heads=head_log(settings),
                    post=post,
                ),
                client,
            )
    finally:
        comparing.cancel()
        with suppress(asyncio.CancelledError):
            await comparing
        await client.aclose()
        await database.close()


async def _compare_clocks(clock: Clock, database: Database) -> None:
    """Keep in mind how far this node's clock is from PostgreSQL's: beyond a second it admits nobody."""
    while isinstance(clock, SystemClock):
        with suppress(Unavailable):
            await asyncio.sleep(_CLOCKS_COMPARED_EVERY)
            clock.note_ahead(await database.clock_ahead(clock.uncorrected))


def head_log(settings: Settings) -> HeadLog:
    """Where the heads of the audit journal are signed."""
    directory = settings.audit_heads or settings.data_dir / "audit"
    return HeadLog(directory, Signer(settings.key("master_key"), "audit heads"))


def frame_queue(settings: Settings, client: Client) -> WorkStream:
    """The stream that frames wait in."""
    return WorkStream(client, FRAME_STREAM, limit=settings.queue_limit)


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
