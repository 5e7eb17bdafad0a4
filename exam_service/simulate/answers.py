"""Answers on their way, and the account of what was acknowledged: lost is what is then not found again."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from exam_service.simulate.browser import Browser, Refused
from exam_service.simulate.chance import pause_after
from exam_service.simulate.tally import Tally

ENDINGS = frozenset({"lease_lost", "attempt_closed"})
CURRENT, LATE = "current", "late"


class Ledger:
    """What one attempt's service has acknowledged, over all its leases."""

    def __init__(self) -> None:
        self._acknowledged: dict[str, str] = {}
        self._uncertain: defaultdict[str, set[str]] = defaultdict(set)

    def sent(self, item: str, option: str) -> None:
        """It may be stored from now on, acknowledged or not."""
        self._uncertain[item].add(option)

    def refused(self, item: str, option: str) -> None:
        """It was refused at the first try: it must not be stored."""
        self._uncertain[item].discard(option)

    def acknowledged(self, item: str, option: str) -> None:
        """It is stored, and nothing that was sent earlier may take its place."""
        self._acknowledged[item] = option
        self._uncertain.pop(item, None)

    def lost(self, found: Mapping[str, str]) -> list[str]:
        """The items whose last acknowledged answer is neither in ``found`` nor superseded by a later one.

        Later ones that were sent and never acknowledged may or may not have arrived: both are right.
        """
        return [
            item
            for item, option in self._acknowledged.items()
            if found.get(item) != option and found.get(item) not in self._uncertain.get(item, ())
        ]


@dataclass(frozen=True)
class Entry:
    """One answer as it is sent, the same each time."""

    seq: int
    item: str
    option: str
    client_time: str

    def body(self, epoch: int) -> dict[str, Any]:
        return {
            "epoch": epoch,
            "seq": self.seq,
            "item": self.item,
            "option": self.option,
            "client_time": self.client_time,
        }


class Outbox:
    """Sends answers one at a time, in their order, until each is acknowledged (as ``outbox.js``)."""

    def __init__(
        self, browser: Browser, path: str, epoch: int, next_seq: int, ledger: Ledger, tally: Tally
    ) -> None:
        self._browser = browser
        self._path = path
        self._epoch = epoch
        self._next_seq = next_seq
        self._ledger = ledger
        self._tally = tally
        self._queue: deque[Entry] = deque()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, item: str, option: str) -> None:
        self._queue.append(Entry(self._next_seq, item, option, datetime.now(UTC).isoformat()))
        self._next_seq += 1
        self._filled.set()
        self._empty.clear()

    async def drained(self) -> None:
        """Until nothing is left to send."""
        await self._empty.wait()

    async def run(self) -> None:
        """Send what is put in, until cancelled.

        Raises:
            Refused: The paper has ended for this page: another has the lease, or the attempt is closed.
        """
        while True:
            await self._filled.wait()
            while self._queue:
                await self._deliver(self._queue[0])
                self._queue.popleft()
            self._filled.clear()
            self._empty.set()

    async def _deliver(self, entry: Entry) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        self._tally.answers_sent += 1
        self._ledger.sent(entry.item, entry.option)
        failures = 0
        while True:
            try:
                reply = await self._browser.post(self._path, entry.body(self._epoch))
            except Refused as refusal:
                if refusal.passing:
                    failures += 1
                    self._tally.retries += 1
                    await asyncio.sleep(pause_after(failures))
                    continue
                if refusal.code in ENDINGS:
                    raise
                if not failures:
                    self._ledger.refused(entry.item, entry.option)
                self._tally.error("saving an answer", refusal.code, refusal.message)
                return
            if reply["outcome"] == CURRENT:
                self._ledger.acknowledged(entry.item, entry.option)
            self._tally.acknowledged_after(clock() - began)
            if reply["outcome"] == LATE:
                raise Refused(HTTPStatus.OK, "attempt_closed", "an answer came too late to count")
            if reply["epoch"] > self._epoch:
                raise Refused(HTTPStatus.OK, "lease_lost", "another page has the paper")
            return
