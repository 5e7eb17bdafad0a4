"""Unsafe requests need a token of the session and come from our own pages. Tried over real HTTP."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from exam_service.http.csrf import FIELD, HEADER, csrf_middleware, is_same_origin, token_for
from exam_service.http.guards import Handler, allow, public
from exam_service.http.problems import problems
from exam_service.http.request_keys import CSRF_BASIS, CSRF_TOKEN

KEY, BASIS = bytes(32), "token of a session"
JSON = {"Accept": "application/json"}
TOKEN = token_for(KEY, BASIS)


@web.middleware
async def session(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[CSRF_BASIS] = BASIS
    return await handler(request)


@public
async def accept(request: web.Request) -> web.Response:
    return web.Response(text=request[CSRF_TOKEN])


@allow("physician")
async def keep(_: web.Request) -> web.Response:
    return web.Response()


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    app = web.Application(middlewares=[problems, session, csrf_middleware(KEY)])
    app.router.add_route("*", "/", accept)
    app.router.add_route("*", "/kept", keep)
    async with TestClient(TestServer(app)) as client:
        yield client


def own_origin(client: TestClient) -> str:
    return str(client.make_url("/")).rstrip("/")


async def refusal(client: TestClient, **options: object) -> tuple[int, str]:
    headers = {**JSON, **options.pop("headers", {})}
    async with client.post("/", headers=headers, **options) as response:
        return response.status, (await response.json())["error"]["code"]


def test_a_token_belongs_to_one_session_and_one_key() -> None:
    assert token_for(KEY, BASIS) == TOKEN
    assert token_for(KEY, "another session") != TOKEN
    assert token_for(bytes(31) + b"\1", BASIS) != TOKEN
    assert BASIS not in TOKEN


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_looking_needs_no_token(client: TestClient, method: str) -> None:
    async with client.request(method, "/") as response:
        assert response.status == 200


async def test_a_page_gets_the_token_of_its_session(client: TestClient) -> None:
    async with client.get("/") as response:
        assert await response.text() == TOKEN


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_changing_needs_a_token(client: TestClient, method: str) -> None:
    async with client.request(method, "/", headers=JSON) as response:
        assert response.status == 403
    async with client.request(method, "/", headers={HEADER: TOKEN}) as response:
        assert response.status == 200


async def test_a_form_brings_its_token_as_a_field(client: TestClient) -> None:
    async with client.post("/", data={FIELD: TOKEN}) as response:
        assert response.status == 200
    with_file = FormData({FIELD: TOKEN})
    with_file.add_field("photo", b"jpeg", filename="photo.jpg")
    async with client.post("/", data=with_file) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "sent",
    ["", "wrong", TOKEN[:-1], TOKEN + "=", TOKEN.swapcase(), token_for(KEY, "another session"), "医师"],
)
async def test_a_wrong_token_is_refused(client: TestClient, sent: str) -> None:
    assert await refusal(client, data={FIELD: sent}) == (403, "bad_csrf")
    assert await refusal(client, headers={HEADER: sent}) == (403, "bad_csrf")


async def test_a_token_in_json_or_in_the_address_does_not_count(client: TestClient) -> None:
    assert await refusal(client, json={FIELD: TOKEN}) == (403, "bad_csrf")
    assert await refusal(client, params={FIELD: TOKEN}) == (403, "bad_csrf")


async def test_a_wrong_token_in_the_header_is_not_made_good_by_one_in_the_form(client: TestClient) -> None:
    assert await refusal(client, headers={HEADER: "wrong"}, data={FIELD: TOKEN}) == (403, "bad_csrf")


async def test_a_browser_that_keeps_no_cookies_is_told_so(client: TestClient) -> None:
    async with client.post("/", headers=JSON) as response:
        assert "Cookie" in (await response.json())["error"]["message"]
    async with client.post("/", headers={**JSON, "Cookie": "theirs=1"}) as response:
        assert (await response.json())["error"]["message"] == "页面已过期，请刷新页面后再试一次。"


def test_a_request_that_does_not_say_its_origin_has_not_ours() -> None:
    assert not is_same_origin(make_mocked_request("GET", "/"))


async def test_a_file_is_no_token(client: TestClient) -> None:
    form = FormData()
    form.add_field(FIELD, TOKEN.encode(), filename="token.txt")
    assert await refusal(client, data=form) == (403, "bad_csrf")


async def test_a_request_of_our_own_page_passes(client: TestClient) -> None:
    headers = {HEADER: TOKEN, "Origin": own_origin(client)}
    async with client.post("/", headers=headers) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://", "http://127.0.0.1", "http://[", "http://[::1"]
)
async def test_a_request_of_another_page_is_refused_even_with_the_token(
    client: TestClient, origin: str
) -> None:
    headers = {HEADER: TOKEN, "Origin": origin}
    assert await refusal(client, headers=headers) == (403, "bad_origin")


async def test_our_address_in_front_of_anothers_is_another(client: TestClient) -> None:
    for origin in (f"{own_origin(client)}.evil.example", f"{own_origin(client)}@evil.example"):
        assert await refusal(client, headers={HEADER: TOKEN, "Origin": origin}) == (403, "bad_origin")


async def status_of_raw(client: TestClient, headers: bytes, body: bytes = b"") -> int:
    """What the server makes of a request that no well-behaved client sends."""
    reader, writer = await asyncio.open_connection(client.host, client.port)
    head = f"POST / HTTP/1.1\r\nHost: {client.host}\r\nAccept: application/json\r\nConnection: close\r\n"
    writer.write(head.encode() + headers + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    status = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return int(status.split()[1])


async def test_a_token_of_bytes_that_are_no_text_is_refused_and_breaks_nothing(client: TestClient) -> None:
    assert await status_of_raw(client, HEADER.encode() + b": \xff") == 403


@pytest.mark.parametrize("token", [None, "", "of a session that has ended", TOKEN])
async def test_nobody_is_sent_to_the_login_whatever_their_token(
    client: TestClient, token: str | None
) -> None:
    """After a logout in another tab cookie and token are gone: that is no reason to speak of an old page."""
    headers = {} if token is None else {HEADER: token}
    async with client.post("/kept", headers=headers | JSON) as response:
        assert response.status == 401
        assert (await response.json())["error"]["code"] == "login_required"
    form = {} if token is None else {FIELD: token}
    async with client.post("/kept", data=form, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, "/login")


async def test_nobody_of_another_site_is_told_nothing(client: TestClient) -> None:
    headers = {"Origin": "https://evil.example"} | JSON
    async with client.post("/kept", headers=headers) as response:
        assert response.status == 403


URLENCODED = b"Content-Type: application/x-www-form-urlencoded"
MULTIPART = b"Content-Type: multipart/form-data"
PART = b"--x\r\nContent-Disposition: form-data; name=csrf_token\r\n"


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (URLENCODED, b"csrf_token=\xff"),
        (URLENCODED + b"; charset=nonsense", b"csrf_token=a"),
        (URLENCODED + b"; charset=unicode_escape", rb"csrf_token=\ud800"),
        (MULTIPART, b"no boundary"),
        (MULTIPART + b"; boundary=x", b"no parts"),
        (MULTIPART + b"; boundary=x", b"--x\r\n\r\nno name\r\n--x--\r\n"),
        (MULTIPART + b"; boundary=x", PART + b"\r\n\xff\r\n--x--\r\n"),
        (
            MULTIPART + b"; boundary=x",
            PART + b"Content-Type: text/plain; charset=nonsense\r\n\r\na\r\n--x--\r\n",
        ),
    ],
    ids=[
        "no UTF-8",
        "no encoding",
        "half a character",
        "no boundary",
        "no parts",
        "no name",
        "a part no UTF-8",
        "a part no encoding",
    ],
)
async def test_a_form_that_cannot_be_read_is_refused_and_breaks_nothing(
    client: TestClient, headers: bytes, body: bytes
) -> None:
    assert 400 <= await status_of_raw(client, headers, body) < 500
