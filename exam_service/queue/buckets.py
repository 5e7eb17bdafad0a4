"""Token buckets in Redis, with a local one to fall back on when Redis is away."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict

from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client

log = logging.getLogger(__name__)

# KEYS[1] bucket · ARGV capacity, tokens per second · gives the seconds to wait, 0 when a token was taken.
_TAKE = """
local capacity, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(state[1]) or capacity
local at = tonumber(state[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate) + 1)
return tostring(wait)
"""
_LOCAL_KEPT = 10_000
_AWAY_SECONDS = 5.0


class Buckets:
    """``take`` a token from a named bucket of ``capacity`` that refills within ``seconds``."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._script = client.register_script(_TAKE)
        self._away_until = 0.0  # a Redis that hangs is not asked at every login
        self._local: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, key: str, *, capacity: int, seconds: float) -> float:
        """Seconds to wait before the next try; 0.0 when a token was taken.

        Without Redis each process counts for itself: looser by the number of processes, never open.
        """
        rate = capacity / seconds
        if time.monotonic() < self._away_until:
            return self._take_locally(key, capacity, rate)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return float(await self._script(keys=[f"bucket:{key}"], args=[capacity, rate]))
        except AWAY as error:
            log.warning("throttling locally, Redis is away")
            if isinstance(error, TimeoutError):
                self._away_until = time.monotonic() + _AWAY_SECONDS
            return self._take_locally(key, capacity, rate)

    async def refill(self, key: str) -> None:
        """Forget what was taken, after a success."""
        self._local.pop(key, None)
        if time.monotonic() < self._away_until:
            return
        try:
            await self._client.delete(f"bucket:{key}")
        except AWAY:
            log.warning("a bucket was not refilled, Redis is away")

    def _take_locally(self, key: str, capacity: int, rate: float) -> float:
        now = time.monotonic()
        tokens, at = self._local.get(key, (float(capacity), now))
        tokens = min(capacity, tokens + (now - at) * rate)
        taken = tokens >= 1
        self._local[key] = (tokens - 1 if taken else tokens, now)
        self._local.move_to_end(key)
        while len(self._local) > _LOCAL_KEPT:
            self._local.popitem(last=False)
        return 0.0 if taken else math.ceil((1 - tokens) / rate * 1000) / 1000
