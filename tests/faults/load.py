"""Physicians who answer all the time, while something is done to the service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from tests.faults.sitter import Sitter
from tests.world import eventually

_PATIENCE = 60.0


def acknowledged(sitters: Sequence[Sitter]) -> int:
    return sum(len(sitter.acknowledged) for sitter in sitters)


def refused(sitters: Sequence[Sitter]) -> int:
    return sum(sitter.refusals.total() for sitter in sitters)


@asynccontextmanager
async def answering(sitters: Sequence[Sitter], *, every: float = 0.01) -> AsyncIterator[None]:
    """While the block lasts all answer; afterwards each sees its last answer through.

    Raises:
        Refused: An answer was refused for good.
    """
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as load:
        for sitter in sitters:
            load.create_task(sitter.answer_while(lambda: not stop.is_set(), every=every))
        try:
            yield
        finally:
            stop.set()


async def more_acknowledged(sitters: Sequence[Sitter], count: int = 1) -> None:
    """Until each of ``sitters`` has ``count`` further acknowledgements."""
    wanted = [len(sitter.acknowledged) + count for sitter in sitters]

    async def all_have() -> bool:
        return all(len(sitter.acknowledged) >= enough for sitter, enough in zip(sitters, wanted, strict=True))

    await eventually(all_have, within=_PATIENCE)


async def more_refused(sitters: Sequence[Sitter], count: int = 1) -> None:
    """Until ``count`` further tries of theirs weren't acknowledged."""
    wanted = refused(sitters) + count

    async def enough() -> bool:
        return refused(sitters) >= wanted

    await eventually(enough, within=_PATIENCE)
