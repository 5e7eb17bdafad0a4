"""The newest few frames of each attempt, sealed, for a few minutes.

The live wall shows the newest; what came just before a doubt is fetched from here and kept as evidence. In
Redis' memory only: when it is gone, the wall shows the last picture that was kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from exam_service.errors import Unavailable
from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client

KEPT = 4
SECONDS = 180

_ID_BYTES = 16

# KEYS the lists · ARGV how many are kept, for how many seconds, then the frame on top of each
_PUSH = """
for number, key in ipairs(KEYS) do
  redis.call('LPUSH', key, ARGV[number + 2])
  redis.call('LTRIM', key, 0, ARGV[1] - 1)
  redis.call('EXPIRE', key, ARGV[2])
end
"""


class Recent:
    """A short list for each subject (an attempt), newest first."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._push = client.register_script(_PUSH)

    async def push(self, subject_id: UUID, frame_id: UUID, sealed: bytes) -> None:
        """Put a frame on top; the oldest falls off. Redis away is no fault: there is then no newest."""
        await self.push_all([(subject_id, frame_id, sealed)])

    async def push_all(self, frames: Sequence[tuple[UUID, UUID, bytes]]) -> None:
        """As :meth:`push`, of several frames in one round trip."""
        keys = [_key(subject_id) for subject_id, _, _ in frames]
        entries = [frame_id.bytes + sealed for _, frame_id, sealed in frames]
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._push(keys=keys, args=[KEPT, SECONDS, *entries])
        except AWAY:
            return

    async def frames(self, subject_id: UUID, count: int = KEPT) -> list[tuple[UUID, bytes]]:
        """Ids and sealed bytes, the newest first.

        Raises:
            Unavailable: Redis is away.
        """
        client: Any = self._client
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                entries = await client.lrange(_key(subject_id), 0, count - 1)
        except AWAY as error:
            raise Unavailable(
                "监考画面暂时取不到，请稍后再试。", code="recent_away", cause=repr(error)
            ) from error
        return [(UUID(bytes=entry[:_ID_BYTES]), entry[_ID_BYTES:]) for entry in entries]


def _key(subject_id: UUID) -> str:
    return f"recent:{subject_id}"
