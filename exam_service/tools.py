"""Opens the tools of one process, of whatever kind, and closes them; knows no page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from exam_service.clock import Clock, SystemClock
from exam_service.crypto.signing import Signer
from exam_service.errors import Unavailable
from exam_service.proctor import FRAME_STREAM
from exam_service.queue.connection import Client, connect
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
