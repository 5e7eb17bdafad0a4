"""The WebSocket that frames come in by. The protocol is written down in docs/architecture.md.

One task reads frames, one forwards verdicts, one asks whether the stream is still wanted: now and then, and
at once when a signal says so. A peer that doesn't take what it is sent is dropped; a browser that comes back
opens a new stream, and the newest of a purpose is the only one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import Any, TypedDict
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import BaseModel, Field, ValidationError

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal, Role
from exam_service.crypto.hashes import same
from exam_service.errors import DomainError, Forbidden, Invalid, LoginRequired, Unavailable
from exam_service.http.csrf import is_same_origin
from exam_service.http.device import device_hash, device_kind
from exam_service.http.guards import allow
from exam_service.http.request_keys import CSRF_TOKEN, SESSION_DIGEST
from exam_service.http.requests import path_id
from exam_service.http.session import SESSION_STORE
from exam_service.keys import BUCKETS, FRAMES, SERVICES, viewer
from exam_service.papers import usecases as papers
from exam_service.proctor import usecases
from exam_service.proctor.model import Purpose, TooFast
from exam_service.proctor.usecases import OpenStream
from exam_service.wiring import Services

log = logging.getLogger(__name__)

HELLO_SECONDS = 5.0
SEND_SECONDS = 10.0
HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 15.0
_SEQ_BYTES = 4
_LARGEST_MESSAGE_FACTOR = 4  # a frame somewhat too large is refused politely, a huge one ends the connection
_WORDS = 20  # text after the hello that is passed over
_BURST = 5
_RATE_ALLOWANCE = 2.0  # random extra snapshots come on top of the regular ones


OPEN_SOCKETS = web.AppKey("open_sockets", set[web.WebSocketResponse])


class Device(TypedDict):
    """What is known of the browser."""

    device_hash: bytes
    device: str


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
    return await _serve(request, None)


async def _serve(request: web.Request, attempt_id: UUID | None) -> web.WebSocketResponse:
    """Frames of an attempt, or (``None``) of a rehearsal."""
    if not is_same_origin(request):
        raise Forbidden("页面已过期，请刷新页面后再试一次。", code="bad_origin")
    settings = request.app[SERVICES].settings
    socket = web.WebSocketResponse(
        heartbeat=HEARTBEAT_SECONDS,
        max_msg_size=settings.frame_max_bytes * _LARGEST_MESSAGE_FACTOR,
        compress=False,
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
    def __init__(self, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = float(burst), time.monotonic()

    def take(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class _Connection:
    """One browser's connection, from hello to close."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, attempt_id: UUID | None) -> None:
        self._request = request
        self._socket = socket
        self._attempt_id = attempt_id
        self._services: Services = request.app[SERVICES]
        self._principal: Principal = viewer(request)
        self._frames = 0
        self._refused = 0
        self._told: object = None

    async def run(self) -> None:
        try:
            stream, interval_ms = await self._begin()
        except DomainError as refusal:
            await self._say_closed(refusal)
            return
        except (TimeoutError, ConnectionError):
            await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"hello expected")
            return
        tasks = {
            asyncio.create_task(self._read(stream, interval_ms)),
            asyncio.create_task(self._forward(stream)),
            asyncio.create_task(self._recheck(stream)),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if isinstance(error, DomainError):
                    await self._say_closed(error)
                elif isinstance(error, (TimeoutError, ConnectionError)):
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too slow")
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
            await self._socket.close()

    async def _begin(self) -> tuple[OpenStream, int]:
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
        device: Device = {"device_hash": device_hash(self._request), "device": device_kind(self._request)}
        if self._attempt_id is None:
            stream = await usecases.open_rehearsal(self._services, self._principal, **device)
        else:
            stream = await usecases.open_stream(
                self._services,
                self._principal,
                self._attempt_id,
                purpose=hello.purpose,
                epoch=hello.epoch,
                **device,
            )
        settings = self._services.settings
        interval_ms = (
            settings.frame_interval_ms if stream.row.purpose is Purpose.PAPER else settings.check_interval_ms
        )
        ready = {"type": "ready", "stream": str(stream.row.id), "interval_ms": interval_ms}
        status = await usecases.check_status(self._services, stream.row)
        self._told = status["state"]
        await self._send(ready | {"check": status})
        return stream, interval_ms

    async def _read(self, stream: OpenStream, interval_ms: int) -> None:
        rate = _RATE_ALLOWANCE * 1000 / interval_ms
        bucket = _TokenBucket(rate, _BURST)
        last_seq = words = 0
        async for message in self._socket:
            if message.type is not WSMsgType.BINARY:
                words += 1
                if words > _WORDS:
                    await self._socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"too many words")
                    return
                continue
            seq = int.from_bytes(message.data[:_SEQ_BYTES])
            try:
                if not last_seq < seq < 2**31:
                    raise Invalid("画面序号不正确，已跳过。", code="bad_seq")
                last_seq = seq
                if not bucket.take():
                    raise TooFast
                await usecases.check_pace(self._request.app[BUCKETS], stream, frames_a_second=rate)
                await usecases.enqueue_frame(
                    self._services, self._request.app[FRAMES], stream, seq, message.data[_SEQ_BYTES:]
                )
                self._frames += 1
            except DomainError as refusal:
                self._refused += 1
                await self._send(
                    {"type": "refused", "seq": seq, "code": refusal.code, "message": refusal.sentence}
                )

    async def _forward(self, stream: OpenStream) -> None:
        async with self._services.signals.listen(usecases.topic(stream.row.subject_id)) as signals:
            while True:
                check_id = UUID(await signals.get())
                try:
                    found = await usecases.check_and_admission(self._services, self._principal, check_id)
                except Unavailable:  # the hint is lost, the verdict is not
                    continue
                if found and found.check.stream_id == stream.row.id:
                    message = usecases.message_of(found)
                    self._told = message["state"]
                    await self._send(message)

    async def _recheck(self, stream: OpenStream) -> None:
        topics = papers.topic(stream.row.subject_id), accounts.topic(self._principal.account_id)
        async with self._services.signals.listen(*topics) as signals:
            while True:
                signalled = await self._is_signalled(signals, stream)
                if signalled and stream.row.purpose is Purpose.PAPER:
                    await self._send({"type": "look"})
                try:
                    if signalled:
                        await self._tell_status(stream)
                    store = self._request.app[SESSION_STORE]
                    if await store.find(self._request[SESSION_DIGEST]) is None:
                        raise LoginRequired("登录已过期，请重新登录。")
                    await usecases.still_wanted(self._services, self._principal, stream)
                except Unavailable:
                    continue

    async def _tell_status(self, stream: OpenStream) -> None:
        """A person may have decided on the identity check, or asked for one."""
        status = await usecases.check_status(self._services, stream.row)
        if status["state"] != self._told:
            self._told = status["state"]
            await self._send({"type": "check"} | status)

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
                await self._send({"type": "closed", "code": refusal.code, "message": refusal.sentence})
        await self._socket.close()
