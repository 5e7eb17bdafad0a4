"""Counters of all processes together, in Redis: added up here, sent every few seconds, lost with Redis.

A counter is named as Prometheus shows it, labels included: ``exam_frames_dropped_total{reason="too_fast"}``.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any

from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client

log = logging.getLogger(__name__)

_KEY = "meters"


def sample(name: str, **labels: str) -> str:
    """The name of a counter; labels are words of our own, never what somebody sent."""
    inside = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{inside}}}" if inside else name


class Meters:
    """Counts in memory; :meth:`flush` adds it to what the other processes counted."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._counted: Counter[str] = Counter()
        self._seconds: Counter[str] = Counter()  # microseconds, so that sums stay whole

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        self._counted[sample(name, **labels)] += amount

    def observe(self, name: str, seconds: float, bounds: Sequence[float]) -> None:
        """One more in the histogram ``name``, whose buckets reach up to ``bounds`` and then for ever."""
        for bound in bounds:
            if seconds <= bound:
                self.count(f"{name}_bucket", le=f"{bound:g}")
        self.count(f"{name}_bucket", le="+Inf")
        self.count(f"{name}_count")
        self._seconds[f"{name}_sum"] += round(seconds * 1e6)

    async def flush(self) -> None:
        """Send what was counted since the last time; while Redis is away it is kept for the next."""
        counted, seconds = self._counted, self._seconds
        if not counted:
            return
        self._counted, self._seconds = Counter(), Counter()
        pipeline = self._client.pipeline(transaction=True)
        for name, amount in counted.items():
            pipeline.hincrby(_KEY, name, amount)
        for name, amount in seconds.items():
            pipeline.hincrbyfloat(_KEY, name, amount / 1e6)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await pipeline.execute()
        except AWAY:
            self._counted += counted
            self._seconds += seconds

    async def totals(self) -> dict[str, float]:
        """What all processes have counted since Redis was emptied. Raises as the client when it is away."""
        client: Any = self._client
        async with asyncio.timeout(PATIENCE_SECONDS):
            found: dict[bytes, bytes] = await client.hgetall(_KEY)
        return {name.decode(): float(amount) for name, amount in found.items()}
