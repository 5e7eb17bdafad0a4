"""The long faults: hundreds of kills, cuts of minutes. ``make drill``; a quarter of an hour as it comes.

    python -m tests.faults.drill --kills 200 --cut 30 --cut 300

Prints how it goes, and one JSON object as the last line; ends with 1 when anything was lost or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from exam_service.papers.timing import GRACE
from exam_service.simulate.chance import CHANCE
from tests.faults.evidence import findings
from tests.faults.load import acknowledged, answering, more_acknowledged, refused
from tests.faults.service import Service, deployed
from tests.faults.sitter import Sent, Sitter
from tests.faults.wire import Cut, wired

_SITTERS = 6
_ANSWER_EVERY = 0.02
_BETWEEN_KILLS = (0.1, 0.8)
_WRITE_EVERY = 1.0
_SAID_EVERY = 10


class Drill:
    """Counts what went wrong, and says so at once."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.wrong: list[str] = []
        self.acknowledged = 0
        self.refused = 0

    async def kills(self, what: str, count: int, kill: Callable[[], Awaitable[None]]) -> dict[str, Any]:
        """Kill ``count`` times at moments of chance, each time until everybody is acknowledged again."""
        sitters = await self.service.seat(_SITTERS)
        recovered: list[float] = []
        async with answering(sitters, every=_ANSWER_EVERY):
            for number in range(1, count + 1):
                await asyncio.sleep(CHANCE.uniform(*_BETWEEN_KILLS))
                began = time.monotonic()
                await kill()
                await more_acknowledged(sitters)
                recovered.append(time.monotonic() - began)
                if number % _SAID_EVERY == 0:
                    say(f"{what}: {number}/{count} kills, {acknowledged(sitters)} acknowledged")
        await self._come_back(sitters)
        await self._look_up(what, sitters)
        return {
            "kills": count,
            "acknowledged": acknowledged(sitters),
            "refused": refused(sitters),
            "recovery_p50_s": round(median(recovered), 2) if recovered else None,
            "recovery_max_s": round(max(recovered), 2) if recovered else None,
        }

    async def kill_web(self) -> None:
        await self.service.web.kill()
        await self.service.start_web()

    async def kill_postgres(self) -> None:
        await self.service.kill_postgres()

    async def cut(self, seconds: float) -> dict[str, Any]:
        """Cut in every way at once, and one across the deadline; deliver afterwards what was answered."""
        async with AsyncExitStack() as network:
            wires = [await network.enter_async_context(wired(self.service.url)) for _ in [*Cut, None]]
            pairs = [await self.service.seat(2, through=wire.url) for wire in wires]
            *plain, crossing = pairs
            deadline = datetime.now(UTC) + timedelta(seconds=seconds / 2)
            await self._set_deadline(crossing, deadline)
            say(f"cut of {seconds:g} s: {', '.join(Cut)}, and one across the deadline")
            over = asyncio.Event()
            async with asyncio.TaskGroup() as writing:
                waiting = [
                    (sitter, writing.create_task(_write_until(sitter, over)))
                    for pair in pairs
                    for sitter in pair
                ]
                async with AsyncExitStack() as cuts:
                    for wire, how in zip(wires, [*Cut, Cut.RESET], strict=True):
                        await cuts.enter_async_context(wire.cut(how))
                    await asyncio.sleep(seconds)
                    over.set()
            written = [(sitter, task.result()) for sitter, task in waiting]
            await asyncio.gather(*(_deliver_all(sitter, answers) for sitter, answers in written))
            self._check_outcomes(crossing, deadline)
            await self._come_back([sitter for pair in plain for sitter in pair])
            await self._look_up(f"cut of {seconds:g} s", [sitter for pair in plain for sitter in pair])
            await self._look_up(f"cut of {seconds:g} s across the deadline", crossing, moved_deadlines=True)
        return {"seconds": seconds, "answers": sum(len(answers) for _, answers in written)}

    def _check_outcomes(self, sitters: Sequence[Sitter], deadline: datetime) -> None:
        now = datetime.now(UTC)
        wanted = "current" if now < deadline + GRACE else "late"
        outcomes = {told.reply["outcome"] for sitter in sitters for told in sitter.acknowledged}
        if outcomes != {wanted}:
            self.note(f"across the deadline: {outcomes} instead of {wanted}")

    async def _set_deadline(self, sitters: Sequence[Sitter], deadline: datetime) -> None:
        async with self.service.connected() as connection:
            for sitter in sitters:
                await connection.execute(
                    "UPDATE attempt SET deadline = $2 WHERE id = $1", sitter.attempt, deadline
                )

    async def _come_back(self, sitters: Sequence[Sitter]) -> None:
        for sitter in sitters:
            items = sitter.items
            await sitter.open_paper()
            if sitter.items != items:
                self.note(f"{sitter.attempt}: another paper")
            if missing := sitter.ledger.lost(sitter.lease["answers"]):
                self.note(f"{sitter.attempt}: not in the page: {missing}")

    async def _look_up(self, what: str, sitters: Sequence[Sitter], *, moved_deadlines: bool = False) -> None:
        found = await findings(self.service, sitters, moved_deadlines=moved_deadlines)
        for sentence in found.all:
            self.note(f"{what}: {sentence}")
        self.acknowledged += acknowledged(sitters)
        self.refused += refused(sitters)
        say(f"{what}: {acknowledged(sitters)} acknowledged, {len(found.all)} wrong")

    def note(self, sentence: str) -> None:
        self.wrong.append(sentence)
        say(f"WRONG: {sentence}")


async def _write_until(sitter: Sitter, over: asyncio.Event) -> list[Sent]:
    """What somebody answers who can send nothing; the page tries the first of it all the time."""
    written: list[Sent] = []
    while not over.is_set():
        written.append(sitter.write())
        await asyncio.sleep(CHANCE.uniform(0.5, 1.5) * _WRITE_EVERY)
    return written


async def _deliver_all(sitter: Sitter, written: Sequence[Sent]) -> None:
    for one in written:
        await sitter.deliver(one)


def say(line: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {line}", flush=True)


async def run(kills: int, cuts: Sequence[float]) -> dict[str, Any]:
    began = time.monotonic()
    async with deployed() as service:
        drill = Drill(service)
        web = await drill.kills("web", kills, drill.kill_web)
        postgres = await drill.kills("postgresql", kills, drill.kill_postgres)
        cut = [await drill.cut(seconds) for seconds in cuts]
    return {
        "web": web,
        "postgresql": postgres,
        "cuts": cut,
        "acknowledged": drill.acknowledged,
        "refused": drill.refused,
        "wrong": len(drill.wrong),
        "seconds": round(time.monotonic() - began),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--kills", type=int, default=200, help="of web, and of PostgreSQL (default %(default)s)"
    )
    parser.add_argument(
        "--cut", type=float, action="append", metavar="SECONDS", help="may be repeated (default 30 and 300)"
    )
    arguments = parser.parse_args()
    summed = asyncio.run(run(arguments.kills, arguments.cut or [30.0, 300.0]))
    print(json.dumps(summed))
    return 1 if summed["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
