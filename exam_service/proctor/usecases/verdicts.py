"""Verdicts on frames of papers, read for all connections of a process together."""

from __future__ import annotations

import asyncio
from uuid import UUID

from exam_service.proctor import queries
from exam_service.proctor.model import Check
from exam_service.storage.database import Database

_GATHER_SECONDS = 0.02  # a worker signals all verdicts of its batch at once


class Verdicts:
    """One statement for those that are signalled together, whosever they are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted: list[UUID] = []
        self._reading: asyncio.Task[dict[UUID, Check]] | None = None

    async def of(self, check_id: UUID, stream_id: UUID) -> Check | None:
        """The verdict that a signal speaks of, where it is on a frame of this connection.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        self._wanted.append(check_id)
        if self._reading is None:
            self._reading = asyncio.create_task(self._read())
        found = await asyncio.shield(self._reading)  # who hangs up doesn't take the others' along
        check = found.get(check_id)
        return check if check is not None and check.stream_id == stream_id else None

    async def _read(self) -> dict[UUID, Check]:
        await asyncio.sleep(_GATHER_SECONDS)
        wanted, self._wanted, self._reading = self._wanted, [], None
        async with self._database.statements() as tx:
            return {check.id: check for check in await queries.select_checks_by_id(tx, wanted)}
