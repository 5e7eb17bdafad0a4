"""One load of the paper page: a lease, an outbox, a heartbeat and a stream, until it is left or dropped."""

from __future__ import annotations

import asyncio
from typing import Any

from exam_service.simulate.answers import ENDINGS, Ledger, Outbox
from exam_service.simulate.browser import PATIENCE_SECONDS, Browser, Refused
from exam_service.simulate.chance import CHANCE, jittered
from exam_service.simulate.concurrency import first_of
from exam_service.simulate.faces import Frames
from exam_service.simulate.stream import PaperStream
from exam_service.simulate.tally import Tally

_PRESENCE_SECONDS = 15.0
_PRESENCE_JITTER = 0.1
_ANSWER_JITTER = 0.5
_VERDICT_PATIENCE = 15.0  # what a killed worker leaves behind, the others take up after ten


class Sitting:
    """The paper page of an attempt, as :func:`open_sitting` loads it."""

    def __init__(
        self,
        browser: Browser,
        attempt: str,
        lease: dict[str, Any],
        frames: Frames,
        ledger: Ledger,
        tally: Tally,
        *,
        answer_every: float,
        frame_every: float | None,
    ) -> None:
        self._browser = browser
        self._path = f"/attempts/{attempt}"
        self._epoch: int = lease["epoch"]
        self._items: list[dict[str, Any]] = lease["items"]
        self._tally = tally
        self._answer_every = answer_every
        self._outbox = Outbox(browser, f"{self._path}/answers", self._epoch, lease["next_seq"], ledger, tally)
        self._stream = PaperStream(browser, attempt, self._epoch, frames, tally, every=frame_every)
        self.deadline = asyncio.get_running_loop().time() + lease["time_left_ms"] / 1000

    async def sit_until(self, moment: float) -> None:
        """Answer until ``moment`` (of the loop's clock), whatever is still on its way then.

        Raises:
            Refused: The paper has ended for this page.
        """
        await first_of(self._answer(moment), *self._background())

    async def finish_at(self, moment: float) -> None:
        """Answer until ``moment``, then wait until answers are acknowledged and verdicts have come.

        Raises:
            Refused: The paper has ended for this page, or the last answers can't be brought to the service.
        """
        await first_of(self._finish(moment), *self._background())

    async def leave(self) -> None:
        await self._stream.leave()

    async def hand_in(self) -> None:
        """Press 交卷 and look at the result.

        Raises:
            Refused: It wasn't taken.
        """
        reply = await self._browser.patiently(
            lambda: self._browser.post(f"{self._path}/hand-in", {"epoch": self._epoch})
        )
        self._tally.handed_in += 1
        await self._browser.patiently(lambda: self._browser.page(reply["result_url"]))

    def _background(self) -> tuple[Any, Any, Any]:
        return self._outbox.run(), self._watch(), self._beat()

    async def _answer(self, moment: float) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            pause = jittered(self._answer_every, _ANSWER_JITTER)
            if clock() + pause >= moment:
                await asyncio.sleep(moment - clock())
                return
            await asyncio.sleep(pause)
            item = CHANCE.choice(self._items)
            self._outbox.put(item["id"], CHANCE.choice(item["options"])["id"])

    async def _finish(self, moment: float) -> None:
        await self._answer(moment)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._outbox.drained()
        except TimeoutError:
            raise Refused(0, "never_acknowledged", "the last answers are still not acknowledged") from None
        await self._stream.settle(_VERDICT_PATIENCE)

    async def _watch(self) -> None:
        """Proctoring that ends is an error, and doesn't keep anybody from answering."""
        try:
            await self._stream.run()
        except Refused as end:
            self._tally.error("streaming frames", end.code, end.message)
        await asyncio.Event().wait()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(jittered(_PRESENCE_SECONDS, _PRESENCE_JITTER))
            try:
                await self._browser.post(f"{self._path}/presence", {"epoch": self._epoch})
            except Refused as refusal:
                if refusal.code in ENDINGS:
                    raise
                if refusal.passing:
                    self._tally.retries += 1  # with the next beat
                else:
                    self._tally.error("being present", refusal.code, refusal.message)


async def open_sitting(
    browser: Browser,
    attempt: str,
    frames: Frames,
    ledger: Ledger,
    tally: Tally,
    *,
    answer_every: float,
    frame_every: float | None,
) -> Sitting:
    """Load the paper page and take the lease.

    Raises:
        Refused: The paper can't be opened.
    """
    path = f"/attempts/{attempt}"
    await browser.patiently(lambda: browser.page(path))
    lease = await browser.patiently(lambda: browser.post(f"{path}/lease", {}))
    return Sitting(
        browser, attempt, lease, frames, ledger, tally, answer_every=answer_every, frame_every=frame_every
    )
