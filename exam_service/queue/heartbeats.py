"""Who is at work: each process says so every few seconds, and drops out when it falls silent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from exam_service.queue.connection import Client

BEAT_SECONDS = 5.0
SILENT_SECONDS = 15

_NAMES = "workers"


class Heartbeats:
    """One key for each, gone by itself ``SILENT_SECONDS`` after the last beat."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client

    async def beat(self, name: str, facts: Mapping[str, str | int]) -> None:
        """Say that ``name`` is alive, and what there is to know of it. Raises as the client."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.sadd(_NAMES, name)
        pipeline.set(_key(name), json.dumps(dict(facts)), ex=SILENT_SECONDS)
        await pipeline.execute()

    async def leave(self, name: str) -> None:
        """A graceful stop. Raises as the client."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.srem(_NAMES, name)
        pipeline.delete(_key(name))
        await pipeline.execute()

    async def alive(self) -> dict[str, dict[str, str | int]]:
        """The facts of each that was heard lately; the silent are forgotten. Raises as the client."""
        names = sorted(name.decode() for name in await self._client.smembers(_NAMES))
        if not names:
            return {}
        facts = await self._client.mget([_key(name) for name in names])
        found = dict(zip(names, facts, strict=True))
        silent = [name for name, said in found.items() if said is None]
        if silent:
            await self._client.srem(_NAMES, *silent)
        return {name: json.loads(said) for name, said in found.items() if said is not None}


def _key(name: str) -> str:
    return f"worker:{name}"
