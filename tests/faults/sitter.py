"""A physician at a paper, without a camera: saves answers and keeps account of what was acknowledged."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
from yarl import URL

from exam_service.simulate.accounts import Account
from exam_service.simulate.answers import Ledger
from exam_service.simulate.browser import Browser, Refused
from exam_service.simulate.chance import CHANCE
from exam_service.simulate.physician import log_in
from exam_service.simulate.tally import Tally
from tests.world import PASSWORD

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 0.4


class Phone(Browser):
    """A browser that gives up on an answer sooner than people's do, so that tests needn't wait."""

    request_seconds = 2.0

    def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=self._cookies,
            timeout=aiohttp.ClientTimeout(total=self.request_seconds),
            headers={"Origin": str(self._url), "Accept": "text/html, application/json"},
        )


@dataclass(frozen=True)
class Sent:
    """One answer as it goes over the wire, the same each time."""

    epoch: int
    seq: int
    item: str
    option: str | None
    client_time: str

    def body(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "seq": self.seq,
            "item": self.item,
            "option": self.option,
            "client_time": self.client_time,
        }


@dataclass(frozen=True)
class Acknowledged:
    """What the service said 200 to, and with which words."""

    sent: Sent
    reply: dict[str, Any]


class Sitter:
    """Sends one answer at a time, in order, until it is acknowledged.

    Attributes:
        sent: Everything that ever went out; nothing else may be stored.
        acknowledged: Everything that must be stored.
        refusals: How often which refusal came; ``network`` when no answer did.
        clock_off: How far this browser's clock is wrong.
    """

    def __init__(self, url: URL, province: str, number: str, attempt: UUID) -> None:
        self.attempt = attempt
        self.path = f"/attempts/{attempt}"
        self.browser = Phone(url, Tally(lambda _: None), insecure=False)
        self.browser.open()
        self.lease: dict[str, Any] = {}
        self.next_seq = 1
        self.sent: list[Sent] = []
        self.acknowledged: list[Acknowledged] = []
        self.refusals: Counter[str] = Counter()
        self.ledger = Ledger()
        self.clock_off = timedelta(0)
        self._account = Account("a physician", province, number, PASSWORD)

    @property
    def items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.lease["items"]
        return items

    @property
    def epoch(self) -> int:
        epoch: int = self.lease["epoch"]
        return epoch

    async def log_in(self) -> None:
        await log_in(self.browser, self._account)

    async def open_paper(self) -> None:
        """Load the paper page: a new epoch."""
        await self.browser.patiently(lambda: self.browser.page(self.path))
        self.lease = await self.browser.patiently(lambda: self.browser.post(f"{self.path}/lease", {}))
        self.next_seq = self.lease["next_seq"]

    def write(self, item: int | None = None, option: int | None = None) -> Sent:
        """The next answer, by place in the paper; by chance where none is said."""
        chosen = CHANCE.choice(self.items) if item is None else self.items[item]
        options = chosen["options"]
        answer = CHANCE.choice(options) if option is None else options[option]
        moment = datetime.now(UTC) + self.clock_off
        written = Sent(self.epoch, self.next_seq, chosen["id"], answer["id"], moment.isoformat())
        self.next_seq += 1
        return written

    async def send(self, written: Sent) -> dict[str, Any]:
        """One try.

        Raises:
            Refused: It wasn't acknowledged.
        """
        assert written.option is not None
        self.sent.append(written)
        self.ledger.sent(written.item, written.option)
        try:
            reply: dict[str, Any] = await self.browser.post(f"{self.path}/answers", written.body())
        except Refused as refusal:
            self.refusals[refusal.code] += 1
            raise
        self.acknowledged.append(Acknowledged(written, reply))
        if reply.get("outcome", "current") == "current":
            self.ledger.acknowledged(written.item, written.option)
        return reply

    async def deliver(self, written: Sent) -> dict[str, Any]:
        """Send it again and again until it is acknowledged.

        Raises:
            Refused: For good.
        """
        pause = _SHORTEST_PAUSE
        while True:
            try:
                return await self.send(written)
            except Refused as refusal:
                if not refusal.passing:
                    raise
            await asyncio.sleep(CHANCE.uniform(0.5, 1) * pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    async def answer_while(self, going_on: Callable[[], bool], *, every: float = 0.01) -> None:
        """Answer by chance, one after the other, and see the last one through."""
        while going_on():
            await self.deliver(self.write())
            await asyncio.sleep(every)

    async def hand_in(self) -> str:
        """Gives the address of the result.

        Raises:
            Refused: For good.
        """
        reply = await self.browser.patiently(
            lambda: self.browser.post(f"{self.path}/hand-in", {"epoch": self.epoch})
        )
        url: str = reply["result_url"]
        return url

    async def leave(self) -> None:
        await self.browser.drop()
