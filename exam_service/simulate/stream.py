"""Frames up, verdicts down, over a WebSocket; the protocol is at the top of ``web/static/js/stream.js``."""

from __future__ import annotations

import asyncio
import hashlib
import json
from abc import ABC, abstractmethod
from contextlib import suppress
from http import HTTPStatus
from typing import Any, ClassVar

import aiohttp

from exam_service.simulate.browser import Browser, Refused, Socket
from exam_service.simulate.chance import CHANCE, jittered
from exam_service.simulate.concurrency import first_of
from exam_service.simulate.faces import Frames
from exam_service.simulate.tally import Tally

_TAG_BYTES = 16
_COMMENT = b"\xff\xfe"  # a JPEG segment that decoders skip
_READY_SECONDS = 10.0
_SILENCE_FLOOR = 20.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0
ANOTHER_FACE = "another_face"
_BROKEN = (aiohttp.ClientError, TimeoutError, OSError)


class StreamEnded(Refused):
    """The service closed the stream for good."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(HTTPStatus.OK, code, message)


class FrameStream(ABC):
    """The frames of one page. What the kinds of page differ in is when the next frame is due."""

    purpose: ClassVar[str]

    def __init__(self, browser: Browser, attempt: str, epoch: int, frames: Frames, tally: Tally) -> None:
        self._browser = browser
        self._path = f"/attempts/{attempt}/stream"
        self._epoch = epoch
        self._frames = frames
        self._tally = tally
        self._socket: Socket | None = None
        self._interval = 0.0
        self._unanswered: dict[int, float] = {}
        self._answered = asyncio.Event()
        self._trusted = False
        self._shot = CHANCE.choice(frames)
        self._ask: str | None = None
        self._steps_done = 0

    async def run(self) -> None:
        """Send and hear until cancelled; a connection that breaks is dialled again.

        Raises:
            StreamEnded: The service closed it for good.
            Refused: The service doesn't take this physician's WebSocket.
        """
        failures = 0
        while True:
            self._trusted = False
            try:
                self._socket = await self._browser.dial(self._path)
            except Refused as refusal:
                if not refusal.passing:
                    raise
            else:
                with suppress(*_BROKEN):
                    await self._converse(self._socket)
                await self.leave()
            self._tally.breaks += 1
            failures = 1 if self._trusted else failures + 1
            ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures, 10))
            await asyncio.sleep(CHANCE.uniform(_FIRST_PAUSE, ceiling))

    async def leave(self) -> None:
        """Say goodbye, where there is a connection; cancelling :meth:`run` alone says nothing."""
        socket, self._socket = self._socket, None
        if socket is not None:
            with suppress(*_BROKEN):
                await socket.close()

    @abstractmethod
    def _next_in(self) -> float:
        """Seconds from one frame to the next."""

    @abstractmethod
    async def _rest(self) -> None:
        """Wait until the next frame may be taken, which was sent just now."""

    async def _converse(self, socket: Socket) -> None:
        self._unanswered.clear()  # on a new connection nobody speaks of frames of the one before
        self._answered.set()
        hello = {"type": "hello", "csrf": self._browser.csrf, "purpose": self.purpose, "epoch": self._epoch}
        await socket.send_json(hello)
        async with asyncio.timeout(_READY_SECONDS):
            ready = await _heard(socket)
        if ready is None:
            return
        if ready["type"] != "ready":
            self._take(ready)
            return
        self._interval = ready["interval_ms"] / 1000
        self._heed(ready.get("check", {}))
        await first_of(self._hear(socket), self._send(socket, bytes.fromhex(ready["nonce"])))

    async def _send(self, socket: Socket, nonce: bytes) -> None:
        clock = asyncio.get_running_loop().time
        seq = 0
        while True:
            seq += 1
            self._unanswered[seq] = began = clock()
            self._answered.clear()
            await socket.send_bytes(_message(nonce, seq, _unseen(self._picture())))
            self._tally.frames_sent += 1
            # Sending waits while the socket is backed up; a browser drops the frames that fall due meanwhile.
            self._tally.held_back += int((clock() - began) / self._next_in())
            await self._rest()

    def _picture(self) -> bytes:
        """What the service asked to see; the turns of one try are of the picture that it began with."""
        if self._ask == "left":
            return CHANCE.choice(self._shot.left)
        if self._ask == "right":
            return CHANCE.choice(self._shot.right)
        if self._steps_done == 0:
            self._shot = CHANCE.choice(self._frames)
        return self._shot.front

    def _heed(self, check: dict[str, Any]) -> None:
        self._ask, self._steps_done = check.get("ask"), check.get("done", 0)

    async def _hear(self, socket: Socket) -> None:
        while True:
            # A silent line is a dead one; the pings that the socket answers by itself don't count.
            async with asyncio.timeout(max(3 * self._next_in(), _SILENCE_FLOOR)):
                message = await _heard(socket)
            if message is None:
                return
            self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "closed":
            if message.get("wait_ms"):
                raise ConnectionError(message["code"])
            raise StreamEnded(message["code"], message["message"])
        self._trusted = True
        if message["type"] == "pace":
            self._interval = message["interval_ms"] / 1000
        if "ask" in message:
            self._heed(message)
        if "seq" not in message:
            return
        sent_at = self._unanswered.pop(message["seq"], None)
        if message["type"] == "refused":
            self._tally.refused += 1
        elif message["type"] == "verdict" and sent_at is not None:
            self._tally.verdict_after(asyncio.get_running_loop().time() - sent_at)
        self._answered.set()


def _message(nonce: bytes, seq: int, jpeg: bytes) -> bytes:
    """A frame as browsers send it: seq, age, tag, picture."""
    numbers = seq.to_bytes(4) + bytes(4)
    return numbers + hashlib.sha256(nonce + numbers + jpeg).digest()[:_TAG_BYTES] + jpeg


def _unseen(jpeg: bytes) -> bytes:
    """The same picture in bytes that were never sent before, as a camera's noise makes them."""
    comment = CHANCE.randbytes(8)
    return jpeg[:2] + _COMMENT + (len(comment) + 2).to_bytes(2) + comment + jpeg[2:]


async def _heard(socket: Socket) -> dict[str, Any] | None:
    """The next message; ``None`` when the connection is closed."""
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        return None
    content: dict[str, Any] = json.loads(message.data)
    return content


class CheckStream(FrameStream):
    """The identity check: one frame at a time, until a verdict admits."""

    purpose = "check"
    _ANSWER_PATIENCE = 3.0
    _MISMATCHES = 5

    def __init__(self, browser: Browser, attempt: str, frames: Frames, tally: Tally) -> None:
        super().__init__(browser, attempt, 0, frames, tally)
        self._admitted = asyncio.Event()
        self._mismatches = 0
        self.last_verdict = "none"

    async def wait_until_admitted(self) -> None:
        await self._admitted.wait()

    def _next_in(self) -> float:
        return self._interval

    async def _rest(self) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._ANSWER_PATIENCE):  # wait_for of Python 3.11 may miss a cancel
                await self._answered.wait()
        if self._admitted.is_set():
            await asyncio.Event().wait()
        await asyncio.sleep(self._interval - (clock() - began))

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("code") == "already_admitted":  # the verdict was given while nobody listened
            self._admitted.set()
            return
        super()._take(message)
        if message.get("admitted"):
            self._admitted.set()
        if "verdict" in message:
            self.last_verdict = message["verdict"]
            self._mismatches = self._mismatches + 1 if self.last_verdict == "mismatch" else 0
        if self._mismatches >= self._MISMATCHES or message.get("state") in {"waiting", "refused"}:
            raise Refused(HTTPStatus.CONFLICT, ANOTHER_FACE, "the service knows another face of this account")


class PaperStream(FrameStream):
    """Beside the paper: a frame now and then, at an interval that nobody can pose for."""

    purpose = "paper"
    _JITTER = 0.2

    def __init__(
        self,
        browser: Browser,
        attempt: str,
        epoch: int,
        frames: Frames,
        tally: Tally,
        *,
        every: float | None,
    ) -> None:
        super().__init__(browser, attempt, epoch, frames, tally)
        self._every = every
        self._enough = False

    def _next_in(self) -> float:
        return self._every or self._interval

    async def _rest(self) -> None:
        await asyncio.sleep(jittered(self._next_in(), self._JITTER))
        if self._enough:
            await asyncio.Event().wait()

    async def settle(self, seconds: float) -> None:
        """Send no more, and wait up to ``seconds`` for the verdicts that are still due."""
        self._enough = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._unanswered:
                    self._answered.clear()
                    await self._answered.wait()
