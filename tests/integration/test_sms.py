"""Short messages: a gateway that answers, refuses or is away; and the outbox of a demonstration."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from exam_service.errors import Misconfigured, Unavailable
from exam_service.sms.gateway import Gateway, HttpSender
from exam_service.sms.outbox import Outbox, newest_messages
from exam_service.sms.sender import Post
from tests.world import World, browsing, serving

MOBILE, TEXT = "13900000001", "您的验证码是123456"


class Recording:
    """A gateway that keeps what it got and answers as it is told."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any, str | None]] = []
        self.answer = web.Response(text='{"code": 0}')

    async def take(self, request: web.Request) -> web.Response:
        body = await request.json() if request.content_type == "application/json" else await request.post()
        self.got.append((request.content_type, dict(body), request.headers.get("Authorization")))
        return self.answer


@pytest.fixture
async def recording() -> Recording:
    return Recording()


@pytest.fixture
async def gateway_server(recording: Recording) -> AsyncIterator[TestServer]:
    app = web.Application()
    app.add_routes([web.post("/send", recording.take)])
    async with TestServer(app) as server:
        yield server


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as client:
        yield client


def gateway(server: TestServer, **changes: Any) -> Gateway:
    usual = {
        "url": str(server.make_url("/send")),
        "body": '{"to": ["{mobile}"], "message": {"text": "【卫健委】{text}"}, "priority": 1}',
        "as_form": False,
        "token": "secret-token",
        "success": '"code": 0',
        "seconds": 2.0,
    }
    return Gateway(**usual | changes)


async def test_the_gateway_gets_the_body_that_the_settings_shape(
    gateway_server: TestServer, recording: Recording, client: aiohttp.ClientSession
) -> None:
    await HttpSender(gateway(gateway_server), client).send(MOBILE, TEXT)
    body = {"to": [MOBILE], "message": {"text": f"【卫健委】{TEXT}"}, "priority": 1}
    assert recording.got == [("application/json", body, "Bearer secret-token")]


async def test_a_form_is_sent_where_the_gateway_wants_one(
    gateway_server: TestServer, recording: Recording, client: aiohttp.ClientSession
) -> None:
    shape = gateway(gateway_server, as_form=True, token=None, body='{"m": "{mobile}", "c": "{text}"}')
    await HttpSender(shape, client).send(MOBILE, TEXT)
    assert recording.got == [("application/x-www-form-urlencoded", {"m": MOBILE, "c": TEXT}, None)]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (web.Response(status=500, text='{"code": 0}'), "sms_unavailable"),
        (web.Response(status=302, headers={"Location": "/elsewhere"}), "sms_refused"),
        (web.Response(text='{"code": 7}'), "sms_refused"),
    ],
)
async def test_a_gateway_that_does_not_take_it_is_unavailable(
    gateway_server: TestServer,
    recording: Recording,
    client: aiohttp.ClientSession,
    answer: web.Response,
    code: str,
) -> None:
    recording.answer = answer
    with pytest.raises(Unavailable) as refusal:
        await HttpSender(gateway(gateway_server), client).send(MOBILE, TEXT)
    assert refusal.value.code == code
    assert MOBILE not in str(refusal.value)
    assert "123456" not in str(refusal.value)


async def test_a_gateway_that_is_away_is_unavailable_and_the_log_names_neither_number_nor_code(
    client: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    shape = Gateway("http://127.0.0.1:1/send", '{"m": "{mobile}", "c": "{text}"}', False, None, None, 2.0)
    post = Post(HttpSender(shape, client))
    assert post.can_send
    assert not post.is_troubled
    with caplog.at_level(logging.DEBUG):
        post.send(MOBILE, TEXT)
        await post.settle()
    assert post.is_troubled, "pages say so, to everybody alike"
    assert "sms_unavailable" in caplog.text
    assert MOBILE not in caplog.text
    assert "123456" not in caplog.text


async def test_one_number_that_is_refused_tells_nobody_that_a_message_was_sent(
    client: aiohttp.ClientSession, gateway_server: TestServer, recording: Recording
) -> None:
    """Several in a row are the gateway's trouble; one that it takes ends it."""
    post = Post(HttpSender(gateway(gateway_server), client))
    recording.answer = web.Response(status=400)
    for expected in (False, False, True):
        post.send(MOBILE, TEXT)
        await post.settle()
        recording.answer = web.Response(status=400)
        assert post.is_troubled is expected
    recording.answer = web.Response(text='{"code": 0}')
    post.send(MOBILE, TEXT)
    await post.settle()
    assert not post.is_troubled


@pytest.mark.parametrize("body", ["no json", "[]", '{"m": "{mobile}"}', '{"c": "{text}"}'])
async def test_a_body_without_number_or_text_stops_the_start(
    client: aiohttp.ClientSession, body: str
) -> None:
    with pytest.raises(Misconfigured, match="EXAM_SMS_BODY"):
        HttpSender(Gateway("http://x/", body, False, None, None, 1.0), client)


async def test_without_a_sender_nothing_is_sent_and_the_slip_is_named() -> None:
    post = Post(None)
    assert not post.can_send
    with pytest.raises(Unavailable, match="激活单"):
        post.send(MOBILE, TEXT)


async def test_a_demonstration_shows_its_messages_newest_first(world: World, redis_client: object) -> None:
    outbox = Outbox(world.database, world.clock)
    for text in ("第一条", "第二条"):
        await outbox.send(MOBILE, text)
    assert [message.text for message in await newest_messages(world.database)] == ["第二条", "第一条"]
    world.settings = world.settings.model_copy(update={"demo": True})
    async with serving(world) as server, browsing(server) as visitor:
        text = await (await visitor.get("/outbox")).text()
    assert text.index("第二条") < text.index("第一条")
    assert MOBILE in text


async def test_there_is_no_outbox_outside_a_demonstration(world: World, redis_client: object) -> None:
    async with serving(world) as server, browsing(server) as visitor:
        assert (await visitor.get("/outbox")).status == 404
