"""Demonstrations only: messages are kept in a table that everybody can read, instead of being sent."""

from __future__ import annotations

from datetime import timedelta

from exam_service.clock import Clock
from exam_service.ids import new_id
from exam_service.sms import queries
from exam_service.sms.queries import Message
from exam_service.storage.database import Database

_KEPT = timedelta(days=2)
_SHOWN = 50


class Outbox:
    """A sender that sends nothing."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def send(self, mobile: str, text: str) -> None:
        async with self._database.tx() as tx:
            await queries.insert_message(tx, new_id(), mobile, text, self._clock.now())


async def newest_messages(database: Database) -> list[Message]:
    """The newest first, as many as a page shows."""
    async with database.tx() as tx:
        return await queries.select_newest_messages(tx, _SHOWN)


async def forget_old_messages(database: Database, clock: Clock) -> None:
    """Delete what nobody looks for any more."""
    async with database.tx() as tx:
        await queries.delete_messages_before(tx, clock.now() - _KEPT)
