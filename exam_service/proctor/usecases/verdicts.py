"""Verdicts on frames of papers, read for all connections of a process together."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from exam_service.proctor import queries
from exam_service.proctor.model import Check
from exam_service.storage.database import Database
from exam_service.together import Together

_GATHER_SECONDS = 0.02  # a worker signals all verdicts of its batch at once


class Verdicts:
    """One statement for those that are signalled together, whosever they are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._together = Together(self._read, seconds=_GATHER_SECONDS)

    async def of(self, check_id: UUID, stream_id: UUID) -> Check | None:
        """The verdict that a signal speaks of, where it is on a frame of this connection.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        check = await self._together.ask(check_id)
        return check if check is not None and check.stream_id == stream_id else None

    async def _read(self, check_ids: Sequence[UUID]) -> list[Check | None]:
        async with self._database.statements() as tx:
            found = {check.id: check for check in await queries.select_checks_by_id(tx, check_ids)}
        return [found.get(check_id) for check_id in check_ids]
