"""The WebSocket that frames come in by. The protocol is written down in docs/architecture.md.

One task reads frames, one forwards verdicts, one asks for a frame at random moments, and one asks whether the
stream is still wanted: now and then, and at once when a signal says so. A peer that doesn't take what it is
sent is dropped; a browser that comes back opens a new stream, and the newest of a purpose is the only one.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import secrets
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import BaseModel, Field, ValidationError

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal, Role
from exam_service.crypto.hashes import same
from exam_service.errors import DomainError, Forbidden, Invalid, LoginRequired, TooMany, Unavailable
from exam_service.http.csrf import is_same_origin
from exam_service.http.device import device_hash, device_kind
from exam_service.http.guards import allow
from exam_service.http.request_keys import CSRF_TOKEN, SESSION_DIGEST
from exam_service.http.requests import path_id
from exam_service.http.session import SESSION_STORE
from exam_service.keys import BUCKETS, FRAMES, SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.proctor import measures, usecases, wire
from exam_service.proctor.cadence import Cadence
from exam_service.proctor.identification import IdentityState, Judged
from exam_service.proctor.model import BadFrame, Purpose, TooFast, TooMuch, Verdict
from exam_service.proctor.usecases import OpenStream
from exam_service.wiring import Services

log = logging.getLogger(__name__)

HELLO_SECONDS = 5.0
SEND_SECONDS = 10.0
HEARTBEAT_SECONDS = 15.0  # a pong that is half of that late: the peer is dead, after 22.5 s at the most
CLOSE_SECONDS = 3.0
RECHECK_SECONDS = 60.0
OPENINGS_A_MINUTE = 30
BAD_IN_A_ROW = 20
RECHECK_INTERVAL_MS = 1000  # a turn of the head is over in seconds
# What is said to one browser before we wait for it to take it: hundreds of verdicts, so that a phone in a
# tunnel is not taken for a dead one. The transport's own buffer is as much again.
WRITER_LIMIT = 64 * 1024
_LARGEST_MESSAGE_FACTOR = 4  # a frame somewhat too large is refused politely, a huge one ends the connection
_WORDS = 20  # text after the hello that is passed over
_BURST = 5
_RATE_ALLOWANCE = 2.0  # random extra snapshots come on top of the regular ones
_BYTES_BURST = 32  # frames of the largest size
_LEAST_COST = 1024  # bytes that any message counts for: thousands of pings are work, too

_random = random.SystemRandom()

OPEN_SOCKETS = web.AppKey("open_sockets", set[web.WebSocketResponse])
VERDICTS = web.AppKey("verdicts", usecases.Verdicts)


class Hello(BaseModel):
    """What the browser says first."""

    type: str = Field(pattern="^hello$")
    csrf: str = Field(max_length=200)
    purpose: Purpose
    epoch: int = Field(ge=0, le=2**31 - 1)


@allow(Role.PHYSICIAN)
async def stream_frames(request: web.Request) -> web.WebSocketResponse:
    return await _serve(request, path_id(request, "attempt"))


@allow(Role.PHYSICIAN)
async def stream_rehearsal(request: web.Request) -> web.WebSocketResponse:
    """As :func:`stream_frames`, of the physician's registration and no attempt."""
    return await _serve(request, None)


async def _serve(request: web.Request, attempt_id: UUID | None) -> web.WebSocketResponse:
    if not is_same_origin(request):
        raise Forbidden("页面已过期，请刷新页面后再试一次。", code="bad_origin")
    settings = request.app[SERVICES].settings
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_SECONDS,
        timeout=CLOSE_SECONDS,
        max_msg_size=settings.frame_max_bytes * _LARGEST_MESSAGE_FACTOR,
        compress=False,
        autoping=False,  # aiohttp's own answer waits for ever for a peer that takes none
        writer_limit=WRITER_LIMIT,
    )
    await socket.prepare(request)
    request.app[OPEN_SOCKETS].add(socket)
    try:
        await _Connection(request, socket, attempt_id).run()
    finally:
        request.app[OPEN_SOCKETS].discard(socket)
    return socket


async def close_sockets(app: web.Application) -> None:
    """At a graceful stop: browsers reconnect, to another process or a new one."""
    sockets = app[OPEN_SOCKETS]
    for socket in tuple(sockets):
        with suppress(OSError):
            await socket.close(code=WSCloseCode.GOING_AWAY, message=b"restarting")


class _TokenBucket:
    """So many a second, and ``burst`` at once after a quiet time."""

    def __init__(self, burst: float) -> None:
        self.rate, self._burst = 0.0, burst
        self._tokens, self._at = burst, time.monotonic()

    def take(self, count: float = 1) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < count:
            return False
        self._tokens -= count
        return True


class _Connection:
    """One browser's connection, from hello to close; of an attempt, or without one of a rehearsal."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, attempt_id: UUID | None) -> None:
        self._request = request
        self._socket = socket
        self._attempt_id = attempt_id
        self._services: Services = request.app[SERVICES]
        self._principal: Principal = viewer(request)
        self._transport = request.transport
        self._nonce = secrets.token_bytes(wire.NONCE_BYTES)
        self._frames = 0
        self._refused = 0
        self._bad = 0  # in a row
        self._told: object = None  # how the identity check stood when last the browser heard of it

    async def run(self) -> None:
        try:
            await self._converse()
        finally:
            await self._hang_up()

    async def _converse(self) -> None:
        try:
            stream = await self._begin()
        except DomainError as refusal:
            await self._say_closed(refusal)
            return
        except (TimeoutError, ConnectionError):
            await self._close(WSCloseCode.POLICY_VIOLATION, b"hello expected")
            return
        tasks = {
            asyncio.create_task(work)
            for work in (self._read(stream), self._forward(stream), self._recheck(stream), self._snap(stream))
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if isinstance(error, DomainError):
                    await self._say_closed(error)
                elif isinstance(error, (TimeoutError, ConnectionError)):
                    await self._close(WSCloseCode.POLICY_VIOLATION, b"too slow")
                elif error is not None:
                    log.error("stream %s failed", stream.row.id, exc_info=error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(Unavailable):
                await usecases.close_stream(
                    self._services, stream, frames=self._frames, refused=self._refused
                )

    async def _hang_up(self) -> None:
        """Close, and leave nothing behind: a peer that takes nothing would keep its buffers for ever."""
        await self._close()
        transport = self._transport
        if transport is not None and transport.get_write_buffer_size():
            transport.abort()

    async def _close(self, code: int = WSCloseCode.OK, message: bytes = b"") -> None:
        """Close, waiting a little for the other side; a second time it does nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._socket.close(code=code, message=message)

    async def _begin(self) -> OpenStream:
        async with asyncio.timeout(HELLO_SECONDS):
            message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            raise ConnectionError("hello expected")
        try:
            hello = Hello.model_validate_json(message.data)
        except ValidationError:
            raise Invalid("页面已过期，请刷新页面后再试一次。", code="bad_hello") from None
        if not same(hello.csrf, self._request[CSRF_TOKEN]):
            raise LoginRequired("页面已过期，请重新登录或刷新页面。")  # a login elsewhere renewed the token
        wait = await self._request.app[BUCKETS].take(
            f"streams:{self._principal.account_id}", capacity=OPENINGS_A_MINUTE, seconds=60
        )
        if wait > 0:
            raise TooMany("摄像头连接过于频繁，稍后会自动重连。", retry_after=wait)
        stream = await self._open(hello)
        settings = self._services.settings
        self._cadence = Cadence(stream.interval_ms(settings), stream.doubt_interval_ms(settings))
        self._rate = _TokenBucket(_BURST)
        self._budget = _TokenBucket(_BYTES_BURST * settings.frame_max_bytes)
        self._set_pace(stream.interval_ms(settings))
        await self._send(
            {
                "type": "ready",
                "stream": str(stream.row.id),
                "nonce": self._nonce.hex(),
                "interval_ms": self._interval_ms,
                "check": await self._status(stream),
            }
        )
        return stream

    async def _open(self, hello: Hello) -> OpenStream:
        device, kind = device_hash(self._request), device_kind(self._request)
        if self._attempt_id is None or hello.purpose is Purpose.REHEARSAL:
            if self._attempt_id is not None or hello.purpose is not Purpose.REHEARSAL:
                raise Invalid("页面已过期，请刷新页面后再试一次。", code="bad_hello")
            return await usecases.open_rehearsal(
                self._services, self._principal, device_hash=device, device=kind
            )
        return await usecases.open_stream(
            self._services,
            self._principal,
            self._attempt_id,
            purpose=hello.purpose,
            epoch=hello.epoch,
            device_hash=device,
            device=kind,
        )

    async def _read(self, stream: OpenStream) -> None:
        last_seq = words = 0
        async for message in self._socket:
            if message.type not in {WSMsgType.BINARY, WSMsgType.TEXT, WSMsgType.PING, WSMsgType.PONG}:
                continue
            if not self._budget.take(max(_LEAST_COST, len(message.data))):
                raise TooMuch("摄像头发送的数据过多，已断开，请刷新页面。", code="too_many_bytes")
            if message.type is WSMsgType.PING:
                async with asyncio.timeout(SEND_SECONDS):
                    await self._socket.pong(message.data)
            if message.type in {WSMsgType.PING, WSMsgType.PONG}:
                continue
            if message.type is WSMsgType.TEXT:
                words += 1
                if words > _WORDS:
                    await self._close(WSCloseCode.POLICY_VIOLATION, b"too many words")
                    return
                continue
            try:
                sent = wire.parse(self._nonce, message.data)
                if not last_seq < sent.seq < 2**31:
                    raise BadFrame("画面序号不正确，已跳过。", code="bad_seq")
                last_seq = sent.seq
                await self._take(stream, sent)
            except DomainError as refusal:
                await self._refuse(wire.seq_of(message.data), refusal)

    async def _take(self, stream: OpenStream, sent: wire.Sent) -> None:
        if not self._rate.take():
            raise TooFast
        if self._frames < usecases.BURST:
            # Who opens one connection after the other gets a connection's burst only so often.
            await usecases.check_pace(self._request.app[BUCKETS], stream, frames_a_second=self._rate.rate)
        await usecases.enqueue_frame(self._services, self._request.app[FRAMES], stream, sent)
        self._frames += 1

    async def _refuse(self, seq: int, refusal: DomainError) -> None:
        """Say and count that a frame isn't taken; raises TooMuch after too many bad ones in a row."""
        self._refused += 1
        self._services.meters.count(measures.DROPPED, reason=refusal.code)
        await self._send({"type": "refused", "seq": seq, "code": refusal.code, "message": refusal.sentence})
        if isinstance(refusal, BadFrame) and not isinstance(refusal, TooFast):
            self._note_bad()

    def _note_bad(self) -> None:
        self._bad += 1
        if self._bad >= BAD_IN_A_ROW:
            raise TooMuch(
                "摄像头的画面一直无法识别，已断开：请检查摄像头后，点监考小窗或刷新页面重试。",
                code="bad_frames",
            )

    async def _forward(self, stream: OpenStream) -> None:
        async with self._services.signals.listen(usecases.topic(stream.row.subject_id)) as signals:
            while True:
                check_id = UUID(await signals.get())
                try:
                    found = await self._judged(stream, check_id)
                except Unavailable:  # the hint is lost, the verdict is not
                    continue
                if found and found.check.stream_id == stream.row.id:
                    message = usecases.message_of(found)
                    self._told = message["state"]
                    await self._send(message)
                    await self._heed(stream, found.check.verdict)

    async def _judged(self, stream: OpenStream, check_id: UUID) -> Judged | None:
        """Of a paper without an identity check only the verdict is asked for: it is most of what there is."""
        if stream.row.purpose is Purpose.PAPER and self._told is None:
            check = await self._request.app[VERDICTS].of(check_id, stream.row.id)
            return Judged(check, None, admitted=False) if check else None
        return await usecases.check_and_admission(self._services, self._principal, check_id)

    async def _heed(self, stream: OpenStream, verdict: Verdict) -> None:
        """What a verdict means for the stream: a doubt wants more frames, rubbish none at all."""
        if verdict is Verdict.UNUSABLE:
            self._note_bad()
        else:
            self._bad = 0
        if stream.row.purpose is Purpose.PAPER:
            self._cadence.see(verdict, time.monotonic())
            await self._say_pace()

    async def _say_pace(self) -> None:
        """Tell the browser how often frames are wanted, where that has changed."""
        interval_ms = self._cadence.interval_ms(time.monotonic())
        if self._told == IdentityState.OPEN:
            interval_ms = min(interval_ms, RECHECK_INTERVAL_MS)
        if interval_ms == self._interval_ms:
            return
        self._set_pace(interval_ms)
        await self._send({"type": "pace", "interval_ms": interval_ms})

    def _set_pace(self, interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._rate.rate = _RATE_ALLOWANCE * 1000 / interval_ms
        self._budget.rate = 2 * self._rate.rate * self._services.settings.frame_max_bytes

    async def _snap(self, stream: OpenStream) -> None:
        """Ask for a frame now, at moments that nobody can foresee: waits of a Poisson process."""
        if stream.row.purpose is not Purpose.PAPER or not stream.rule.extra_per_hour:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(_random.expovariate(stream.rule.extra_per_hour / 3600))
            await self._send({"type": "snap"})

    async def _recheck(self, stream: OpenStream) -> None:
        topics = papers.topic(stream.row.subject_id), accounts.topic(self._principal.account_id)
        async with self._services.signals.listen(*topics) as signals:
            while True:
                signalled = await self._is_signalled(signals, stream)
                if stream.row.purpose is Purpose.PAPER:
                    if signalled:
                        await self._send({"type": "look"})
                    await self._say_pace()
                try:
                    await self._tell_status(stream)
                    store = self._request.app[SESSION_STORE]
                    if await store.find(self._request[SESSION_DIGEST]) is None:
                        raise LoginRequired("登录已过期，请重新登录。")
                    await usecases.still_wanted(self._services, self._principal, stream)
                except Unavailable:
                    continue

    async def _status(self, stream: OpenStream) -> dict[str, Any]:
        status = await usecases.check_status(self._services, stream.row)
        self._told = status["state"]
        return status

    async def _tell_status(self, stream: OpenStream) -> None:
        """A person may have decided on the identity check, or asked for one."""
        before = self._told
        status = await self._status(stream)
        if self._told != before:
            await self._send({"type": "check"} | status)
            if stream.row.purpose is Purpose.PAPER:
                await self._say_pace()

    @staticmethod
    async def _is_signalled(signals: asyncio.Queue[str], stream: OpenStream) -> bool:
        """Wait until it is time to ask again; whether somebody said so. Its own opening is no news."""
        try:
            async with asyncio.timeout(RECHECK_SECONDS):
                while await signals.get() == str(stream.row.id):
                    pass
        except TimeoutError:
            return False
        while not signals.empty():  # several at once are one
            signals.get_nowait()
        return True

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(SEND_SECONDS):
            await self._socket.send_json(message)

    async def _say_closed(self, refusal: DomainError) -> None:
        with suppress(TimeoutError, ConnectionError):
            if not isinstance(refusal, Unavailable):  # then the browser should simply come back
                self._services.meters.count(measures.CLOSED, reason=refusal.code)
                closed: dict[str, Any] = {"type": "closed", "code": refusal.code, "message": refusal.sentence}
                if isinstance(refusal, TooMany):
                    closed["wait_ms"] = math.ceil(1000 * refusal.retry_after)
                await self._send(closed)
        await self._close()
