"""Which sender the settings ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exam_service.clock import Clock
from exam_service.settings import Settings
from exam_service.sms.outbox import Outbox
from exam_service.sms.sender import Post
from exam_service.storage.database import Database


@asynccontextmanager
async def open_post(settings: Settings, database: Database, clock: Clock) -> AsyncIterator[Post]:
    """To a gateway where one is set, to a demonstration's outbox, or nowhere; while the block lasts."""
    if settings.sms_url is None:
        post = Post(Outbox(database, clock) if settings.demo else None)
        yield post
        await post.settle()
        return
    import aiohttp  # noqa: PLC0415 - who sends nothing needs no client

    from exam_service.sms.gateway import Gateway, HttpSender  # noqa: PLC0415

    token = settings.sms_token.get_secret_value() if settings.sms_token else None
    gateway = Gateway(
        settings.sms_url,
        settings.sms_body,
        settings.sms_format == "form",
        token,
        settings.sms_success,
        settings.sms_seconds,
    )
    async with aiohttp.ClientSession() as client:
        post = Post(HttpSender(gateway, client))
        yield post
        await post.settle()
