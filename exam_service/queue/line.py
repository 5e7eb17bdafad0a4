"""A waiting line: places are given out at a steady rate, in the order of asking.

The generic cell rate algorithm (a token bucket), with reservations. Moments lie ``1 / rate`` seconds apart;
who asks gets the next free one, and may go once it has come. Moments that nobody took are kept for up to
``burst`` people at once. So in any window of ``t`` seconds at most ``burst + rate · t`` turns come, and who
has ``n`` people ahead waits at most ``(n + 1) / rate``.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client

log = logging.getLogger(__name__)

KEPT_SECONDS = 120
"""A turn that has come is kept for so long; who comes later stands in line again."""

# KEYS[1] the next free moment, KEYS[2] the ticket's moment · ARGV rate, burst, seconds that a turn is kept,
# "1" to take a place or "0" to look · gives the seconds to wait, false without a place.
_TAKE = """
local rate, burst, kept = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local turn = tonumber(redis.call('GET', KEYS[2]))
if not turn then
  if ARGV[4] == '0' then return false end
  turn = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now - (burst - 1) / rate)
  local expires = math.ceil(math.max(0, turn - now) + kept)
  redis.call('SET', KEYS[1], string.format('%.6f', turn + 1 / rate), 'EX', expires)
  redis.call('SET', KEYS[2], string.format('%.6f', turn), 'EX', expires)
end
return string.format('%.6f', math.max(0, turn - now))
"""
_AWAY_SECONDS = 5.0


@dataclass(frozen=True)
class Place:
    """Where somebody stands in a line.

    Attributes:
        ahead: How many come before them.
        seconds: Until their turn; 0.0 when it has come.
    """

    ahead: int
    seconds: float

    @property
    def is_turn(self) -> bool:
        return self.seconds <= 0


class Line:
    """A line in Redis, the same for all processes; a local one to fall back on when Redis is away.

    Args:
        rate: Turns a second.
        burst: How many may go at once after a quiet time.
    """

    def __init__(self, client: Client, name: str, *, rate: float, burst: int) -> None:
        self._script = client.register_script(_TAKE)
        self._name = name
        self._rate = rate
        self._burst = burst
        self._away_until = 0.0  # a Redis that hangs is not asked by everybody in the line
        self._local = LocalLine(rate, burst)

    async def take(self, ticket: str) -> Place:
        """The place of ``ticket``: a new one at the end of the line, or the one that it has.

        Without Redis each process has a line of its own: faster by the number of processes, never shut.
        """
        place = await self._ask(ticket, takes=True)
        return place or self._local.take(ticket, time.monotonic())

    async def look(self, ticket: str) -> Place | None:
        """The place of ``ticket``; ``None`` when it has none (any more)."""
        return await self._ask(ticket, takes=False)

    async def _ask(self, ticket: str, *, takes: bool) -> Place | None:
        standing = self._local.look(ticket, time.monotonic())
        if standing is not None:  # taken while Redis was away: it counts, whether Redis is back or not
            return standing
        if time.monotonic() < self._away_until:
            return None
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                wait: Any = await self._script(
                    keys=[f"line:{self._name}", f"line:{self._name}:{ticket}"],
                    args=[self._rate, self._burst, KEPT_SECONDS, int(takes)],
                )
        except AWAY as error:
            log.warning("the line %s is kept locally, Redis is away", self._name)
            if isinstance(error, TimeoutError):
                self._away_until = time.monotonic() + _AWAY_SECONDS
            return None
        return None if wait is None else place_of(float(wait), self._rate)


def place_of(seconds: float, rate: float) -> Place:
    """The place of whose turn comes in ``seconds``."""
    return Place(max(0, math.ceil(round(seconds * rate, 3)) - 1), seconds)


class LocalLine:
    """The same algorithm in the memory of one process; time is an argument."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._free = -math.inf
        self._turns: OrderedDict[str, float] = OrderedDict()  # the earliest first

    def take(self, ticket: str, now: float) -> Place:
        """As :meth:`Line.take`."""
        place = self.look(ticket, now)
        if place is not None:
            return place
        turn = max(self._free, now - (self._burst - 1) / self._rate)
        self._free = turn + 1 / self._rate
        self._turns[ticket] = turn
        return place_of(max(0.0, turn - now), self._rate)

    def look(self, ticket: str, now: float) -> Place | None:
        """As :meth:`Line.look`."""
        while self._turns and next(iter(self._turns.values())) + KEPT_SECONDS <= now:
            self._turns.popitem(last=False)
        turn = self._turns.get(ticket)
        return None if turn is None else place_of(max(0.0, turn - now), self._rate)
