"""The WebSocket that frames come in by, through the whole application: who may open it, what it takes."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMsgType, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.crypto.hashes import token_hash
from exam_service.cycles.policy import Subject
from exam_service.http.device import DEVICE_COOKIE
from exam_service.keys import SERVICES
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import FRAME_STREAM, stream, usecases
from exam_service.proctor.model import Frame, Purpose, StreamRow, Verdict
from exam_service.proctor.stream import OPEN_SOCKETS
from exam_service.proctor.wire import NONCE_BYTES, OLDEST_MS, compose
from exam_service.queue.connection import Client
from exam_service.queue.signals import Signals
from exam_service.settings import Settings
from exam_service.storage.database import Row
from exam_service.storage.embedded import EmbeddedRedis
from tests.world import (
    DEVICE,
    Browser,
    World,
    browsing,
    camera_frame,
    eventually,
    portrait,
    serving_as_deployed,
)

pytestmark = pytest.mark.usefixtures("redis_client")

FRAME = camera_frame(portrait())


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Frames may come quickly, so that tests needn't wait."""
    return settings.model_copy(update={"check_interval_ms": 200, "frame_interval_ms": 500})


@pytest.fixture
async def server(world: World) -> AsyncIterator[TestServer]:
    async with serving_as_deployed(world) as server:
        yield server


@pytest.fixture
async def browser(world: World, server: TestServer) -> AsyncIterator[Browser]:
    """A physician's, who has agreed to face capture."""
    await world.consent(world.here.general)
    async with browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        yield browser


@pytest.fixture
async def attempt(world: World) -> Attempt:
    """Prepared: the identity check comes next."""
    return await world.start(world.here.general)


class Camera:
    """The browser's end of a stream."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket
        self.nonce = bytes(NONCE_BYTES)

    async def send(self, seq: int, jpeg: bytes = FRAME, *, age_ms: int = 0) -> None:
        await self.socket.send_bytes(compose(self.nonce, seq, jpeg, age_ms=age_ms))

    async def hears_ready(self) -> dict[str, Any]:
        """The server is ready for frames of this connection."""
        ready = await self.hears()
        assert ready["type"] == "ready", ready
        self.nonce = bytes.fromhex(ready["nonce"])
        return ready

    async def hears(self) -> dict[str, Any]:
        """The next message, but for a request for an extra frame: that may come at any moment."""
        while (message := json.loads(await self.socket.receive_str(timeout=5)))["type"] == "snap":
            pass
        heard: dict[str, Any] = message
        return heard

    async def hears_refusal(self) -> tuple[int, str]:
        """Seq and code of the next message, which must be a refusal with a sentence."""
        message = await self.hears()
        assert message["type"] == "refused", message
        assert message["message"].endswith("。")
        return message["seq"], message["code"]

    async def hears_closed(self) -> str:
        """Why the stream is over; nothing follows."""
        message = await self.hears()
        assert message["type"] == "closed", message
        assert message["message"].endswith("。")
        assert await self.is_hung_up() == WSCloseCode.OK
        return str(message["code"])

    async def is_hung_up(self, within: float = 5) -> int:
        """The code that the server closes the socket with, before it says anything more."""
        message = await self.socket.receive(timeout=within)
        assert message.type is WSMsgType.CLOSE, message
        return int(message.data)


def origin_of(browser: Browser) -> str:
    return str(browser.client.make_url("/").origin())


def path_of(attempt: Attempt) -> str:
    return f"/attempts/{attempt.id}/stream"


@asynccontextmanager
async def connected(browser: Browser, path: str) -> AsyncIterator[Camera]:
    """The socket is open, nothing is said yet."""
    async with browser.client.ws_connect(path, headers={"Origin": origin_of(browser)}) as socket:
        yield Camera(socket)


async def say_hello(camera: Camera, browser: Browser, purpose: Purpose, epoch: int = 0) -> None:
    await camera.socket.send_json({"type": "hello", "csrf": browser.csrf, "purpose": purpose, "epoch": epoch})


@asynccontextmanager
async def streaming(
    browser: Browser, attempt: Attempt, purpose: Purpose = Purpose.CHECK, epoch: int = 0
) -> AsyncIterator[Camera]:
    """The server is ready for frames."""
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, purpose, epoch)
        await camera.hears_ready()
        yield camera


async def streams(world: World) -> list[Row]:
    async with world.database.tx() as tx:
        return await tx.fetch("SELECT * FROM proctor_stream ORDER BY id")


async def ended_stream(world: World) -> Row:
    """The only stream's row, once its connection has ended."""

    async def ended() -> list[Row]:
        return [row for row in await streams(world) if row["closed_at"] is not None]

    [row] = await eventually(ended)
    return row


async def queued(client: Client) -> list[dict[bytes, bytes]]:
    return [fields for _, fields in await client.xrange(FRAME_STREAM)]


async def wait_for_queued(client: Client, count: int) -> None:
    async def there() -> bool:
        return await client.xlen(FRAME_STREAM) >= count

    await eventually(there)
    assert await client.xlen(FRAME_STREAM) == count


# Who is let in


async def refusal(browser: Browser, path: str, **headers: str) -> int:
    """The status that a connection is refused with before it becomes a WebSocket."""
    with pytest.raises(WSServerHandshakeError) as refused:
        await browser.client.ws_connect(path, headers=headers)
    return refused.value.status


async def test_a_page_of_another_site_is_refused_and_so_is_a_client_that_names_none(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    host = origin_of(browser).removeprefix("http://")
    for foreign in ("https://evil.example", f"http://{host}.evil.example", f"http://evil@{host}", "null"):
        assert await refusal(browser, path_of(attempt), Origin=foreign) == 403
    assert await refusal(browser, path_of(attempt)) == 403
    assert await streams(world) == []


async def test_a_visitor_is_sent_to_the_login(server: TestServer, world: World, attempt: Attempt) -> None:
    async with browsing(server) as visitor:
        upgrade = {
            "Origin": origin_of(visitor),
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        answer = await visitor.get(path_of(attempt), headers=upgrade)
        assert answer.status == 303
        assert answer.headers["Location"].startswith("/login?next=")
    assert await streams(world) == []


@pytest.mark.parametrize("role", [Role.BODY, Role.INSTITUTION, Role.AUTHORITY, Role.OPERATOR])
async def test_staff_have_no_stream(server: TestServer, world: World, attempt: Attempt, role: Role) -> None:
    async with browsing(server) as staff:
        await staff.login(world.here, world.here.staff[role])
        assert await refusal(staff, path_of(attempt), Origin=origin_of(staff)) == 403
    assert await streams(world) == []


async def test_an_attempt_of_another_physician_is_not_found(
    browser: Browser, server: TestServer, world: World, attempt: Attempt
) -> None:
    theirs = await world.start(world.here.simple)
    await world.consent(world.here.simple)
    async with connected(browser, path_of(theirs)) as camera:
        await say_hello(camera, browser, Purpose.CHECK)
        assert await camera.hears_closed() == "no_such_attempt"

    await world.consent(world.elsewhere.general)
    async with browsing(server) as elsewhere:
        await elsewhere.login(world.elsewhere, world.elsewhere.general)
        async with connected(elsewhere, path_of(attempt)) as camera:
            await say_hello(camera, elsewhere, Purpose.CHECK)
            assert await camera.hears_closed() == "no_such_attempt"
    assert await streams(world) == []


async def test_an_attempt_that_does_not_exist_is_not_found(browser: Browser, world: World) -> None:
    async with connected(browser, f"/attempts/{uuid4()}/stream") as camera:
        await say_hello(camera, browser, Purpose.CHECK)
        assert await camera.hears_closed() == "no_such_attempt"
    assert await refusal(browser, "/attempts/1/stream", Origin=origin_of(browser)) == 404
    assert await streams(world) == []


# The hello


async def test_who_says_nothing_is_hung_up_on_after_a_few_seconds(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with connected(browser, path_of(attempt)) as camera:
        began = time.monotonic()
        assert await camera.is_hung_up(within=stream.HELLO_SECONDS + 3) == WSCloseCode.POLICY_VIOLATION
        assert time.monotonic() - began > stream.HELLO_SECONDS - 1
    assert await streams(world) == []


async def test_who_begins_with_a_frame_is_hung_up_on(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with connected(browser, path_of(attempt)) as camera:
        await camera.send(1)
        assert await camera.is_hung_up() == WSCloseCode.POLICY_VIOLATION
    assert await streams(world) == []


@pytest.mark.parametrize(
    "hello",
    [
        "",
        "[]",
        "hello",
        '{"type": "hello"}',
        '{"type": "goodbye", "csrf": "", "purpose": "check", "epoch": 0}',
        '{"type": "hello", "csrf": "", "purpose": "party", "epoch": 0}',
        '{"type": "hello", "csrf": "", "purpose": "check", "epoch": -1}',
        '{"type": "hello", "csrf": "", "purpose": "check", "epoch": 99999999999}',
    ],
)
async def test_a_malformed_hello_is_told_so(
    browser: Browser, world: World, attempt: Attempt, hello: str
) -> None:
    async with connected(browser, path_of(attempt)) as camera:
        await camera.socket.send_str(hello)
        assert await camera.hears_closed() == "bad_hello"
    assert await streams(world) == []


async def test_a_hello_without_the_pages_token_is_told_so(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    for wrong in ("", "x", browser.csrf[:-1]):
        async with connected(browser, path_of(attempt)) as camera:
            hello = {"type": "hello", "csrf": wrong, "purpose": "check", "epoch": 0}
            await camera.socket.send_json(hello)
            assert await camera.hears_closed() == "login_required"
    assert await streams(world) == []


async def test_no_face_byte_is_taken_before_consent(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    general = world.here.general
    await accounts.withdraw_face_consent(world.database, world.clock, world.services.signals, general)
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.CHECK)
        await camera.send(1)
        assert await camera.hears_closed() == "consent_required"
    assert await streams(world) == []
    assert await queued(redis_client) == []


async def test_ready_says_how_often_frames_are_wanted(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.CHECK)
        ready = await camera.hears()
    [row] = await streams(world)
    assert len(bytes.fromhex(ready.pop("nonce"))) == NONCE_BYTES
    assert (ready["type"], ready["stream"], ready["interval_ms"]) == ("ready", str(row["id"]), 200)
    assert (ready["check"]["state"], ready["check"]["ask"], ready["check"]["tries_left"]) == (
        "open",
        "front",
        5,
    )
    assert (row["attempt_id"], row["province_id"], row["purpose"]) == (attempt.id, "hunan", "check")

    await world.admit(attempt)
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.PAPER)
        assert (await camera.hears())["interval_ms"] == 500


async def test_the_identity_check_is_over_once_admitted(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    await world.admit(attempt)
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.CHECK)
        assert await camera.hears_closed() == "already_admitted"
    assert await streams(world) == []


async def test_frames_of_the_paper_come_after_admission(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.PAPER)
        assert await camera.hears_closed() == "not_admitted"
    assert await streams(world) == []


async def test_a_takeover_is_checked_while_the_paper_is_sat_and_its_device_is_written_down(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.TAKEOVER)
        assert await camera.hears_closed() == "not_admitted"
    await world.admit(attempt)
    await browser.get(f"/attempts/{attempt.id}/check")
    await browser.get("/papers")
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.TAKEOVER)
        assert await camera.hears_closed() == "no_takeover_needed"
    assert await streams(world) == []
    await world.give_to_another_device(attempt)
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.TAKEOVER)
        assert (await camera.hears())["interval_ms"] == 200
    *_, row = await streams(world)
    own = device_of(browser)
    assert (row["purpose"], row["epoch"], row["device_hash"]) == ("takeover", 0, own)


def device_of(browser: Browser) -> bytes:
    """The hash of the browser's device cookie."""
    [token] = [cookie.value for cookie in browser.client.session.cookie_jar if cookie.key == DEVICE_COOKIE]
    return token_hash(token)


async def test_only_the_newest_page_streams(browser: Browser, world: World, attempt: Attempt) -> None:
    await world.admit(attempt)
    for _ in range(2):
        await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
    for epoch in (1, 3):
        async with connected(browser, path_of(attempt)) as camera:
            await say_hello(camera, browser, Purpose.PAPER, epoch)
            assert await camera.hears_closed() == "lease_lost"
    assert await streams(world) == []
    async with streaming(browser, attempt, Purpose.PAPER, epoch=2):
        assert [row["epoch"] for row in await streams(world)] == [2]


@pytest.mark.parametrize("purpose", [Purpose.CHECK, Purpose.PAPER, Purpose.TAKEOVER])
async def test_an_attempt_that_is_over_takes_no_frames(
    browser: Browser, world: World, attempt: Attempt, purpose: Purpose
) -> None:
    await world.admit(attempt)
    world.clock.move(minutes=62)
    await papers.close_due(world.services)
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, purpose)
        assert await camera.hears_closed() == "attempt_closed"
    assert await streams(world) == []


# What is taken


async def test_a_frame_lies_in_redis_as_ciphertext_and_opens_with_its_own_key_alone(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(7)
        await wait_for_queued(redis_client, 1)

    [fields] = await queued(redis_client)
    in_redis = b"".join(fields.values())
    assert len(in_redis) > len(FRAME)
    assert FRAME not in in_redis
    assert FRAME[:16] not in in_redis, "the marker that a JPEG begins with"
    assert FRAME[1000:1016] not in in_redis

    frame = Frame.from_fields(fields)
    assert frame.to_fields() == fields
    [row] = await streams(world)
    assert (frame.stream_id, frame.attempt_id, frame.province_id) == (row["id"], attempt.id, "hunan")
    assert (frame.purpose, frame.seq, frame.received_at) == (Purpose.CHECK, 7, world.clock.now())
    async with world.database.tx() as tx:
        assert await world.vault.open(tx, frame.sealed, frame.id) == FRAME
        with pytest.raises(ValueError, match="another row"):
            await world.vault.open(tx, frame.sealed, uuid4())
    assert {key async for key in redis_client.scan_iter()} <= {b"frames", *await throttles(redis_client)}


async def throttles(client: Client) -> list[bytes]:
    return [key async for key in client.scan_iter("bucket:*")]


async def test_how_many_frames_came_and_how_many_were_refused_is_written_down(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        opened = world.clock.now()
        await camera.send(1)
        await camera.send(2, b"no picture")
        await camera.send(3)
        await wait_for_queued(redis_client, 2)
        [row] = await streams(world)
        assert (row["opened_at"], row["closed_at"]) == (opened, None)
        world.clock.move(seconds=30)
    row = await ended_stream(world)
    assert (row["frames"], row["refused"]) == (2, 1)
    assert row["closed_at"] == world.clock.now()


def with_size(jpeg: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header: what a decompression bomb is."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + height.to_bytes(2) + width.to_bytes(2) + jpeg[at + 4 :]


def padded(jpeg: bytes, size: int) -> bytes:
    return jpeg + bytes(size - len(jpeg))


@pytest.mark.parametrize(
    ("jpeg", "code"),
    [
        (padded(FRAME, 65_537), "frame_too_large"),
        (padded(FRAME, 200_000), "frame_too_large"),
        (with_size(FRAME, 1281, 720), "frame_too_large"),
        (with_size(FRAME, 1280, 721), "frame_too_large"),
        (with_size(FRAME, 65_535, 65_535), "frame_too_large"),
        (with_size(FRAME, 0, 480), "bad_frame"),
        (b"\x89PNG\r\n\x1a\n" + FRAME, "bad_frame"),
        (FRAME[:100], "bad_frame"),
        (b"\xff\xd8", "bad_frame"),
        (b"\xff" * 60_000, "bad_frame"),
        (b"", "bad_frame"),
    ],
    ids=[
        "a byte too much",
        "200 KB",
        "too wide",
        "too high",
        "a bomb",
        "no width",
        "a PNG",
        "cut short",
        "only a beginning",
        "only fill bytes",
        "nothing",
    ],
)
async def test_a_frame_that_is_no_reasonable_jpeg_is_refused_and_the_stream_goes_on(
    browser: Browser, attempt: Attempt, redis_client: Client, jpeg: bytes, code: str
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(1, jpeg)
        assert await camera.hears_refusal() == (1, code)
        await camera.send(2)
        await wait_for_queued(redis_client, 1)
    [fields] = await queued(redis_client)
    assert Frame.from_fields(fields).seq == 2


async def test_the_largest_frame_that_is_allowed_is_taken(
    browser: Browser, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(1, padded(with_size(FRAME, 1280, 720), 65_536))
        await wait_for_queued(redis_client, 1)


async def test_a_seq_that_does_not_grow_is_refused_and_the_stream_goes_on(
    browser: Browser, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(5)
        for wrong in (5, 4, 0, 2**31, 2**32 - 1):
            await camera.send(wrong)
            assert await camera.hears_refusal() == (wrong, "bad_seq")
        await camera.socket.send_bytes(b"\0\0")
        assert await camera.hears_refusal() == (0, "bad_tag")
        await camera.send(6)
        await wait_for_queued(redis_client, 2)
    assert [Frame.from_fields(fields).seq for fields in await queued(redis_client)] == [5, 6]


async def test_what_was_recorded_or_altered_on_the_way_is_refused_and_the_stream_goes_on(
    browser: Browser, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        recorded = compose(camera.nonce, 1, FRAME)
        altered = bytearray(recorded)
        altered[-1] ^= 1
        for wrong in (bytes(altered), compose(bytes(NONCE_BYTES), 1, FRAME)):
            await camera.socket.send_bytes(wrong)
            assert await camera.hears_refusal() == (1, "bad_tag")
        await camera.socket.send_bytes(recorded)
        await camera.socket.send_bytes(recorded)
        assert await camera.hears_refusal() == (1, "bad_seq")
    async with streaming(browser, attempt) as camera:
        await camera.socket.send_bytes(recorded)
        assert await camera.hears_refusal() == (1, "bad_tag")
    assert await redis_client.xlen(FRAME_STREAM) == 1


async def test_a_frame_that_was_kept_while_the_connection_was_cut_says_how_old_it_is(
    browser: Browser, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(1, age_ms=OLDEST_MS + 1)
        assert await camera.hears_refusal() == (1, "too_old")
        await camera.send(2, age_ms=7000)
        await wait_for_queued(redis_client, 1)
    [fields] = await queued(redis_client)
    assert Frame.from_fields(fields).age_ms == 7000


async def test_who_opens_streams_without_end_is_told_to_wait(
    browser: Browser, world: World, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "OPENINGS_A_MINUTE", 2)
    for _ in range(2):
        async with streaming(browser, attempt):
            pass
    async with connected(browser, path_of(attempt)) as camera:
        await say_hello(camera, browser, Purpose.CHECK)
        closed = await camera.hears()
    assert (closed["type"], closed["code"]) == ("closed", "too_many")
    assert 0 < closed["wait_ms"] <= 30_000
    assert len(await streams(world)) == 2


async def test_who_sends_more_bytes_than_a_camera_is_cut_off(
    browser: Browser, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_BYTES_BURST", 3)
    monkeypatch.setattr(stream, "_RATE_ALLOWANCE", 0.01)
    async with streaming(browser, attempt) as camera:
        await camera.send(1, padded(FRAME, 100_000))
        assert await camera.hears_refusal() == (1, "frame_too_large")
        await camera.send(2, padded(FRAME, 100_000))
        assert await camera.hears_closed() == "too_many_bytes"


async def test_a_stream_that_brings_nothing_but_rubbish_is_cut_off_and_counted(
    browser: Browser, server: TestServer, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BAD_IN_A_ROW", 3)
    async with streaming(browser, attempt) as camera:
        for seq in (1, 2, 3):
            await camera.send(seq, b"no picture")
            assert await camera.hears_refusal() == (seq, "bad_frame")
        assert await camera.hears_closed() == "bad_frames"
    meters = server.app[SERVICES].meters
    await meters.flush()
    totals = await meters.totals()
    assert totals['exam_frames_dropped_total{reason="bad_frame"}'] == 3
    assert totals['exam_streams_closed_total{reason="bad_frames"}'] == 1


async def test_frames_that_come_too_fast_are_refused_and_the_stream_goes_on(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    sent = 30
    async with streaming(browser, attempt) as camera:
        for seq in range(1, sent + 1):
            await camera.send(seq)
        await camera.send(sent, b"")  # the repeated seq is refused last: then all is answered
        refusals = []
        while (last := await camera.hears_refusal()) != (sent, "bad_seq"):
            refusals.append(last)
        taken = await redis_client.xlen(FRAME_STREAM)
        assert {code for _, code in refusals} == {"too_fast"}
        assert taken + len(refusals) == sent
        assert 5 <= taken <= 15, "a burst of five, and ten a second"

        await asyncio.sleep(0.25)
        await camera.send(sent + 1)
        await wait_for_queued(redis_client, taken + 1)
    row = await ended_stream(world)
    assert (row["frames"], row["refused"]) == (taken + 1, len(refusals) + 1)


async def test_many_connections_send_no_more_frames_than_one_may(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    """Each has a burst of its own; whoever opens one after the other must not get it again and again."""
    began = time.monotonic()
    for _ in range(12):
        async with streaming(browser, attempt) as camera:
            for seq in range(1, 6):
                await camera.send(seq)
            await camera.send(5, b"")  # refused for its seq: then all before it are answered
            while await camera.hears_refusal() != (5, "bad_seq"):
                pass
    allowed = 10 + 10 * (time.monotonic() - began)  # ten at once, then ten a second
    assert await redis_client.xlen(FRAME_STREAM) <= allowed < 60, "or this was too slow to prove anything"


async def test_words_after_the_hello_are_passed_over(
    browser: Browser, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        for _ in range(20):
            await camera.socket.send_str('{"type": "verdict", "admitted": true}')
        await camera.send(1)
        await wait_for_queued(redis_client, 1)


async def test_who_talks_without_end_is_hung_up_on(browser: Browser, world: World, attempt: Attempt) -> None:
    async with streaming(browser, attempt) as camera:
        for _ in range(21):
            await camera.socket.send_str("x")
        assert await camera.is_hung_up() == WSCloseCode.POLICY_VIOLATION
    assert (await ended_stream(world))["frames"] == 0


async def test_who_pings_without_end_is_hung_up_on_though_nothing_is_read(
    browser: Browser, server: TestServer, world: World, attempt: Attempt
) -> None:
    async with streaming(browser, attempt) as camera:
        with suppress(ConnectionError):
            for _ in range(20_000):
                await camera.socket.ping(bytes(100))

        async def is_gone() -> bool:
            return not server.app[OPEN_SOCKETS]

        await eventually(is_gone)
    assert (await ended_stream(world))["frames"] == 0


async def test_a_ping_is_answered(browser: Browser, attempt: Attempt) -> None:
    path, headers = path_of(attempt), {"Origin": origin_of(browser)}
    async with browser.client.ws_connect(path, headers=headers, autoping=False) as socket:
        camera = Camera(socket)
        await say_hello(camera, browser, Purpose.CHECK)
        await camera.hears_ready()
        await socket.ping(b"there?")
        answer = await socket.receive(timeout=5)
    assert (answer.type, bytes(answer.data)) == (WSMsgType.PONG, b"there?")


async def test_a_huge_message_ends_the_connection(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(1)
        await wait_for_queued(redis_client, 1)
        await camera.send(2, padded(FRAME, 1024 * 1024))
        assert await camera.is_hung_up() == WSCloseCode.MESSAGE_TOO_BIG
    assert (await ended_stream(world))["frames"] == 1
    assert await redis_client.xlen(FRAME_STREAM) == 1


async def test_a_full_queue_refuses_and_counts_and_takes_frames_again_later(
    world: World, attempt: Attempt, redis_client: Client
) -> None:
    world.settings = world.settings.model_copy(update={"queue_limit": 2})
    await world.consent(world.here.general)
    async with serving_as_deployed(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        async with streaming(browser, attempt) as camera:
            for seq in (1, 2, 3):
                await camera.send(seq)
            assert await camera.hears_refusal() == (3, "queue_full")
            waiting = [Frame.from_fields(fields).seq for fields in await queued(redis_client)]
            assert waiting == [1, 2], "what waits is not pushed out"

            await redis_client.delete(FRAME_STREAM)
            await camera.send(4)
            await wait_for_queued(redis_client, 1)
        row = await ended_stream(world)
        assert (row["frames"], row["refused"]) == (3, 1)


# Redis away


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that may be stopped."""
    with EmbeddedRedis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
async def sitting(world: World, own_redis: EmbeddedRedis) -> AsyncIterator[tuple[Browser, papers.OpenPaper]]:
    """A physician in the middle of a paper, in an application on a Redis of its own."""
    world.settings = world.settings.model_copy(update={"redis_url": own_redis.url})
    await world.consent(world.here.general)
    paper = await world.open(world.here.general)
    async with serving_as_deployed(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        yield browser, paper


async def save(browser: Browser, paper: papers.OpenPaper, seq: int) -> int:
    item = paper.items[seq]
    answer = await browser.send(
        f"/attempts/{paper.attempt.id}/answers",
        {
            "epoch": paper.attempt.lease_epoch,
            "seq": seq,
            "item": str(item.id),
            "option": str(item.options[0].id),
            "client_time": datetime.now(UTC).isoformat(),
        },
    )
    return answer.status


async def test_without_redis_frames_are_refused_and_answers_are_saved(
    sitting: tuple[Browser, papers.OpenPaper], own_redis: EmbeddedRedis, world: World
) -> None:
    browser, paper = sitting
    async with streaming(browser, paper.attempt, Purpose.PAPER, epoch=1) as camera:
        own_redis.stop()

        await camera.send(1)
        assert await camera.hears_refusal() == (1, "queue_away")
        assert await save(browser, paper, 1) == 200
        await camera.send(2)
        assert await camera.hears_refusal() == (2, "queue_away")

        own_redis.start()
        await camera.send(3)
        await camera.send(3, b"")  # refused for its seq: then the frame before it has been taken
        assert await camera.hears_refusal() == (3, "bad_seq")
    row = await ended_stream(world)
    assert (row["frames"], row["refused"]) == (1, 3), "the gap is on record"


async def test_a_paper_can_be_handed_in_without_redis(
    sitting: tuple[Browser, papers.OpenPaper], own_redis: EmbeddedRedis
) -> None:
    browser, paper = sitting
    own_redis.stop()
    answer = await browser.send(f"/attempts/{paper.attempt.id}/hand-in", {"epoch": 1})
    assert answer.status == 200


async def test_answers_are_saved_while_redis_hangs(
    sitting: tuple[Browser, papers.OpenPaper], own_redis: EmbeddedRedis
) -> None:
    browser, paper = sitting
    async with streaming(browser, paper.attempt, Purpose.PAPER, epoch=1) as camera:
        os.kill(own_redis.pid, signal.SIGSTOP)
        try:
            await camera.send(1)
            async with asyncio.timeout(3):
                for seq in range(1, 6):
                    assert await save(browser, paper, seq) == 200
        finally:
            os.kill(own_redis.pid, signal.SIGCONT)


# How often


async def test_after_a_doubt_frames_are_wanted_more_often_until_three_match(
    browser: Browser, world: World, server: TestServer, attempt: Attempt
) -> None:
    world.settings = world.settings.model_copy(update={"frame_interval_ms": None})
    await world.consent(world.here.general)
    await world.admit(attempt)
    async with serving_as_deployed(world) as policed, browsing(policed) as sitting:
        await sitting.login(world.here, world.here.general)
        async with connected(sitting, path_of(attempt)) as camera:
            await say_hello(camera, sitting, Purpose.PAPER)
            assert (await camera.hears_ready())["interval_ms"] == 10_000
            [row] = await streams(world)
            seqs = itertools.count(1)

            async def seen(verdict: Verdict) -> dict[str, Any]:
                """The worker's verdict reaches the browser; the message after it."""
                source = StreamRow(**{key: row[key] for key in StreamRow.__dataclass_fields__})
                check = await world.snapshot(attempt, source, next(seqs), verdict, None)
                await world.services.signals.publish(usecases.topic(attempt.id), str(check.id))
                return await camera.hears()

            assert (await seen(Verdict.MATCH))["verdict"] == "match"
            assert (await seen(Verdict.NO_FACE))["verdict"] == "no_face"
            assert await camera.hears() == {"type": "pace", "interval_ms": 4000}
            for _ in range(3):
                assert (await seen(Verdict.MATCH))["type"] == "verdict"
            assert await camera.hears() == {"type": "pace", "interval_ms": 10_000}


async def test_extra_frames_are_asked_for_at_random(
    browser: Browser, world: World, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = [0.01, 3600.0]
    monkeypatch.setattr(stream._random, "expovariate", lambda _rate: waits.pop(0))
    await world.admit(attempt)
    async with streaming(browser, attempt, Purpose.PAPER) as camera:
        assert json.loads(await camera.socket.receive_str(timeout=5)) == {"type": "snap"}


# Peers that are gone


async def test_a_peer_that_no_longer_reads_is_cut_off_and_leaves_nothing_behind(
    browser: Browser,
    server: TestServer,
    world: World,
    attempt: Attempt,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its network still takes bytes, or nothing at all: it is the pong that is missing."""
    assert stream.HEARTBEAT_SECONDS * 1.5 <= 30
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.2)
    _, writer = await asyncio.open_connection(server.host, server.port, limit=1)
    cookies = browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/"))
    writer.write(
        (
            f"GET {path_of(attempt)} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            f"Origin: {origin_of(browser)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Cookie: {'; '.join(f'{name}={morsel.value}' for name, morsel in cookies.items())}\r\n\r\n"
        ).encode()
    )
    hello = json.dumps({"type": "hello", "csrf": browser.csrf, "purpose": "check", "epoch": 0}).encode()
    length = bytes([0x80 | len(hello)]) if len(hello) < 126 else b"\xfe" + len(hello).to_bytes(2)
    writer.write(b"\x81" + length + bytes(4) + hello)  # masked with zeros
    writer.transport.pause_reading()
    row = await ended_stream(world)
    assert row["frames"] == 0
    assert server.app[OPEN_SOCKETS] == set()
    writer.transport.abort()


# Until when


@pytest.fixture
def rechecks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "RECHECK_SECONDS", 0.05)


@pytest.fixture
def signals_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: object) -> None:
        """As when Redis is away."""

    monkeypatch.setattr(Signals, "publish", lost)


@pytest.mark.usefixtures("rechecks_often")
async def test_a_stream_that_is_wanted_goes_on(
    browser: Browser, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        for seq in (1, 2, 3):
            await asyncio.sleep(0.15)
            await camera.send(seq)
        await wait_for_queued(redis_client, 3)


@pytest.mark.usefixtures("rechecks_often")
async def test_the_stream_ends_when_consent_is_withdrawn(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with streaming(browser, attempt) as camera:
        await browser.submit("/consent/withdraw")
        assert await camera.hears_closed() == "consent_required"
    assert (await ended_stream(world))["closed_at"] is not None


@pytest.mark.usefixtures("rechecks_often")
async def test_the_stream_ends_with_the_attempt(browser: Browser, world: World, attempt: Attempt) -> None:
    await world.admit(attempt)
    async with streaming(browser, attempt, Purpose.PAPER) as camera:
        world.clock.move(minutes=60)
        await papers.close_due(world.services)
        assert await camera.hears_closed() == "attempt_closed"


@pytest.mark.usefixtures("rechecks_often")
async def test_the_stream_of_the_check_ends_with_admission(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with streaming(browser, attempt) as camera:
        await world.admit(attempt)
        assert await camera.hears_closed() == "already_admitted"


@pytest.mark.usefixtures("rechecks_often", "signals_lost")
async def test_the_stream_of_an_older_page_ends_when_a_newer_one_opens_the_paper(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    await world.admit(attempt)
    await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
    async with streaming(browser, attempt, Purpose.PAPER, epoch=1) as older:
        await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
        assert await older.hears_closed() == "lease_lost"


@pytest.mark.usefixtures("rechecks_often")
async def test_the_stream_ends_with_the_session(browser: Browser, world: World, attempt: Attempt) -> None:
    async with streaming(browser, attempt) as camera:
        await browser.submit("/logout")
        assert await camera.hears_closed() == "login_required"
    assert (await ended_stream(world))["closed_at"] is not None


# What is told at once, long before the next look at the clock


async def test_a_stream_of_a_paper_is_told_to_look_and_goes_on(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    await world.admit(attempt)
    async with streaming(browser, attempt, Purpose.PAPER) as camera:
        await world.services.signals.publish(papers.topic(attempt.id), "a notice")
        assert await camera.hears() == {"type": "look"}
        await camera.send(1)
        await wait_for_queued(redis_client, 1)


async def test_only_a_paper_is_told_to_look(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await world.services.signals.publish(papers.topic(attempt.id), "a notice")
        await camera.send(1, b"")
        assert await camera.hears_refusal() == (1, "bad_frame")


async def test_the_older_page_hears_within_a_second_that_another_has_the_paper(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    await world.admit(attempt)
    await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
    async with streaming(browser, attempt, Purpose.PAPER, epoch=1) as older, asyncio.timeout(1):
        await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
        assert await older.hears() == {"type": "look"}
        assert await older.hears_closed() == "lease_lost"


async def test_a_camera_is_told_at_once_that_consent_is_withdrawn(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera, asyncio.timeout(2):
        await browser.submit("/consent/withdraw")
        assert await camera.hears_closed() == "consent_required"


async def test_of_several_connections_the_newest_is_the_only_one(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as older, streaming(browser, attempt) as newer:
        async with asyncio.timeout(5):
            assert await older.hears_closed() == "replaced"
        await newer.send(1)
        await wait_for_queued(redis_client, 1)
    _, row = await streams(world)
    [fields] = await queued(redis_client)
    assert Frame.from_fields(fields).stream_id == row["id"]


@pytest.mark.usefixtures("rechecks_often", "signals_lost")
async def test_an_older_connection_ends_too_where_the_signal_is_lost(
    browser: Browser, attempt: Attempt
) -> None:
    async with streaming(browser, attempt) as older, streaming(browser, attempt):
        assert await older.hears_closed() == "replaced"


async def test_a_takeovers_camera_leaves_that_of_the_paper_alone(
    browser: Browser, world: World, attempt: Attempt, redis_client: Client
) -> None:
    await world.admit(attempt)
    await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
    async with streaming(browser, attempt, Purpose.PAPER, epoch=1) as paper:
        await world.give_to_another_device(attempt)
        async with streaming(browser, attempt, Purpose.TAKEOVER) as takeover:
            assert await paper.hears() == {"type": "look"}
            await paper.send(1)
            await takeover.send(1)
            await wait_for_queued(redis_client, 2)


async def test_at_a_graceful_stop_browsers_are_told_that_the_server_goes_away(
    browser: Browser, server: TestServer, world: World, attempt: Attempt, redis_client: Client
) -> None:
    async with streaming(browser, attempt) as camera:
        await camera.send(1)
        await wait_for_queued(redis_client, 1)
        stopping = asyncio.create_task(server.close())

        assert await camera.is_hung_up() == WSCloseCode.GOING_AWAY

        async with asyncio.timeout(5):
            await stopping
    row = await ended_stream(world)
    assert (row["frames"], row["refused"]) == (1, 0)


async def test_phones_that_have_vanished_keep_neither_the_others_nor_the_server_waiting(
    browser: Browser, server: TestServer, world: World, attempt: Attempt
) -> None:
    second = await world.start(world.here.general, Subject.PROFESSIONAL)
    simple = await world.start(world.here.simple)
    await world.consent(world.here.simple)
    async with browsing(server) as another:
        await another.login(world.here, world.here.simple)
        async with (
            streaming(browser, attempt),  # hears nothing and answers nothing from here on
            streaming(browser, second) as one,
            streaming(another, simple) as other,
        ):
            async with asyncio.timeout(5):
                stopping = asyncio.create_task(server.close())
                codes = await asyncio.gather(*(camera.is_hung_up() for camera in (one, other)))
                await stopping
    assert set(codes) == {WSCloseCode.GOING_AWAY}
    assert all(row["closed_at"] is not None for row in await streams(world))
