"""A Redis Stream with one consumer group: at-least-once delivery, bounded, nothing trimmed unread.

An entry is acknowledged *and deleted* when done, so the length of the stream is what is still to do. What a
dead consumer left is claimed by the others; what was delivered ``MAX_DELIVERIES`` times without success is
parked in a stream of its own, for a person to look at.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from redis.exceptions import ResponseError

from exam_service.errors import Unavailable
from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client

Fields: TypeAlias = dict[bytes | bytearray | memoryview | str | int | float, Any]

GROUP = "workers"
MAX_DELIVERIES = 3
PARKED_KEPT = 1000
GONE_AFTER_SECONDS = 60.0
"""A consumer that asks for nothing for so long is gone: at work it asks every second, or has entries."""

# KEYS[1] the stream · ARGV the most that may wait, then names and values · 1 when it was appended
_ADD = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return 1
"""
# KEYS[1] the stream · ARGV group, milliseconds · gives how many consumers were taken out. Looking and taking
# out are one step: an entry that a consumer got in between would never be delivered again.
_BURY = """
local buried = 0
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #row, 2 do consumer[row[i]] = row[i + 1] end
  if consumer.pending == 0 and consumer.idle > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    buried = buried + 1
  end
end
return buried
"""


@dataclass(frozen=True, repr=False)
class Entry:
    """One entry: its id in the stream and its fields; ``was_left_behind`` by whoever had it before."""

    id: bytes
    fields: Mapping[bytes, bytes]
    was_left_behind: bool = False


class WorkStream:
    """The stream ``name`` and its parking lot ``name:parked``."""

    def __init__(self, client: Client, name: str, *, limit: int, claim_after_seconds: float = 10.0) -> None:
        self._client = client
        self._name = name
        self._parked = f"{name}:parked"
        self._limit = limit
        self._claim_after_ms = int(claim_after_seconds * 1000)
        self._claims_every = claim_after_seconds / 2
        self._claim_at = 0.0
        self._add = client.register_script(_ADD)
        self._bury = client.register_script(_BURY)

    async def add(self, fields: Mapping[bytes, bytes]) -> bool:
        """Append an entry; ``False`` when ``limit`` entries are already waiting.

        Raises:
            Unavailable: Redis is away.
        """
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                words = [word for pair in fields.items() for word in pair]
                return bool(await self._add(keys=[self._name], args=[self._limit, *words]))
        except AWAY as error:
            raise _away(error) from error

    async def open(self) -> None:
        """Make the consumer group where it is missing; reads from the oldest entry."""
        try:
            await self._client.xgroup_create(self._name, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def take(self, consumer: str, *, count: int, wait_seconds: float) -> list[Entry]:
        """Entries for this consumer: what others left behind, one at a time, before up to ``count`` new ones.

        A group that vanished (a Redis emptied or replaced) is made again.
        """
        try:
            if time.monotonic() >= self._claim_at:
                claimed = await self._claim(consumer)
                if claimed is not None:
                    return [claimed]
                self._claim_at = time.monotonic() + self._claims_every
            return await self._read(consumer, count, block_ms=int(wait_seconds * 1000))
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            await self.open()
            return []

    async def take_new(self, consumer: str, *, count: int) -> list[Entry]:
        """Up to ``count`` entries that nobody had, where there are some."""
        return await self._read(consumer, count, block_ms=None)

    async def _read(self, consumer: str, count: int, *, block_ms: int | None) -> list[Entry]:
        answer: Any = await self._client.xreadgroup(
            GROUP, consumer, {self._name: ">"}, count=count, block=block_ms
        )
        return [Entry(entry_id, fields) for _, entries in answer or [] for entry_id, fields in entries]

    async def done(self, *entry_ids: bytes) -> None:
        """Acknowledge and delete."""
        if not entry_ids:
            return
        pipeline = self._client.pipeline(transaction=True)
        pipeline.xack(self._name, GROUP, *entry_ids)
        pipeline.xdel(self._name, *entry_ids)
        await pipeline.execute()

    async def hold(self, consumer: str, entry_ids: Sequence[bytes]) -> None:
        """Keep entries that wait for something else than this consumer: nobody claims them meanwhile."""
        await self._client.xclaim(self._name, GROUP, consumer, 0, list(entry_ids), justid=True)

    async def forget(self, consumer: str) -> None:
        """Take a consumer out of the group at a graceful stop, unless entries are still its own."""
        pending = await self._client.xpending_range(self._name, GROUP, "-", "+", 1, consumername=consumer)
        if not pending:
            await self._client.xgroup_delconsumer(self._name, GROUP, consumer)

    async def bury(self, gone_after_seconds: float = GONE_AFTER_SECONDS) -> int:
        """Take consumers out of the group that died, once others have their entries; how many."""
        return int(await self._bury(keys=[self._name], args=[GROUP, int(gone_after_seconds * 1000)]))

    async def waiting(self) -> int:
        """How many entries are not done yet. Raises Unavailable as :meth:`add`."""
        return await self._length(self._name)

    async def oldest_seconds(self) -> float:
        """How long the oldest entry that isn't done has waited; 0.0 without one. Raises as :meth:`add`."""
        client: Any = self._client
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                oldest = await client.xrange(self._name, count=1)
                if not oldest:
                    return 0.0
                seconds, microseconds = await client.time()
        except AWAY as error:
            raise _away(error) from error
        waits_since = int(oldest[0][0].split(b"-")[0]) / 1000
        return max(0.0, float(seconds) + float(microseconds) / 1e6 - waits_since)

    async def parked(self) -> int:
        """How many entries lie in the parking lot. Raises Unavailable as :meth:`add`."""
        return await self._length(self._parked)

    async def _length(self, name: str) -> int:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return int(await self._client.xlen(name))
        except AWAY as error:
            raise _away(error) from error

    async def _claim(self, consumer: str) -> Entry | None:
        """One entry that somebody left behind.

        Alone: an entry that kills whoever works on it must not take its neighbours along time and again,
        until they are parked with it.
        """
        start: Any = "0-0"
        while True:
            answer: Any = await self._client.xautoclaim(
                self._name,
                GROUP,
                consumer,
                min_idle_time=self._claim_after_ms,
                start_id=start,
                count=1,
            )
            start = answer[0]
            for entry_id, fields in answer[1]:
                if fields:
                    entry = Entry(entry_id, fields, was_left_behind=True)
                    if not await self._is_hopeless(entry):
                        return entry
                    await self._park(entry)
            if start in (b"0-0", "0-0"):
                return None

    async def _is_hopeless(self, entry: Entry) -> bool:
        with suppress(IndexError):
            state: Any = (await self._client.xpending_range(self._name, GROUP, entry.id, entry.id, 1))[0]
            return bool(state["times_delivered"] > MAX_DELIVERIES)
        return False

    async def _park(self, entry: Entry) -> None:
        await self._client.xadd(self._parked, cast("Fields", entry.fields), maxlen=PARKED_KEPT)
        await self.done(entry.id)


def _away(error: BaseException) -> Unavailable:
    return Unavailable("监考服务暂时不可用，答题不受影响。", code="queue_away", cause=repr(error))
