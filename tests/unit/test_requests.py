"""What requests bring: where to go after a login, from which address, bodies and ids."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from multidict import CIMultiDict
from pydantic import BaseModel, Field

from exam_service.errors import NotFound
from exam_service.http.problems import problems
from exam_service.http.requests import form_fields, json_body, local_path, path_id, remote_address


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/papers",
        "/attempts/0190?tab=all#last",
        "/ok?x=//y",
        "/ok?next=https://evil.example",
        "/a//b",
        "/查询?省=湖南",
        "/:80/",
        "/@evil.example",
        "/a b",
    ],
)
def test_a_path_of_our_own_is_followed(path: str) -> None:
    assert local_path(path, "/home") == path


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        " ",
        "papers",
        "?x=1",
        "//evil.example",
        "///evil.example",
        "////evil.example/%2e%2e",
        "/\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nSet-Cookie: a=b",
        "/a\0b",
        "\t//evil.example",
        " //evil.example",
        "https://evil.example",
        "HTTPS://evil.example/papers",
        "https:evil.example",
        "http:/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "evil.example",
        "／／evil.example",
    ],
)
def test_nobody_is_sent_elsewhere(target: str | None) -> None:
    assert local_path(target, "/home") == "/home"


def a_request(*forwarded: str) -> web.Request:
    headers = CIMultiDict([("X-Forwarded-For", value) for value in forwarded])
    return make_mocked_request("GET", "/", headers=headers)


def test_without_a_proxy_the_address_is_the_connections_whatever_the_headers_say() -> None:
    request = a_request("203.0.113.9")
    assert remote_address(request, behind_proxy=False) == (request.remote or "?")


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        (["203.0.113.9,198.51.100.7 "], "198.51.100.7"),
        (["unknown, 2001:db8::1"], "2001:db8::1"),
        (["203.0.113.9, "], "?"),
    ],
    ids=["one", "forged before it", "without spaces", "version 6", "nothing"],
)
def test_behind_a_proxy_it_is_the_one_that_the_proxy_added(forwarded: list[str], address: str) -> None:
    assert remote_address(a_request(*forwarded), behind_proxy=True) == address


def test_a_proxy_may_add_its_address_in_a_line_of_its_own() -> None:
    # as HAProxy's `option forwardfor` does
    forged_first = a_request("203.0.113.9", "198.51.100.7")
    assert remote_address(forged_first, behind_proxy=True) == "198.51.100.7"


def test_behind_a_proxy_that_says_nothing_it_is_the_connections() -> None:
    request = a_request()
    assert remote_address(request, behind_proxy=True) == (request.remote or "?")


@pytest.mark.parametrize("written", ["42", "", "0190-", "../../etc/passwd", "é"])
def test_an_address_with_what_is_no_id_is_not_found(written: str) -> None:
    request = make_mocked_request("GET", "/", match_info={"id": written})
    with pytest.raises(NotFound):
        path_id(request, "id")


class Answer(BaseModel):
    """A body such as a page sends."""

    seq: int = Field(ge=1)
    option: str | None


async def take_json(request: web.Request) -> web.Response:
    answer = await json_body(request, Answer)
    return web.json_response([answer.seq, answer.option])


async def take_form(request: web.Request) -> web.Response:
    return web.json_response(await form_fields(request))


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    app = web.Application(middlewares=[problems])
    app.router.add_post("/json", take_json)
    app.router.add_post("/form", take_form)
    async with TestClient(TestServer(app), headers={"Accept": "application/json"}) as client:
        yield client


async def test_a_body_of_the_right_shape_is_read(client: TestClient) -> None:
    async with client.post("/json", data=b'{"seq": 1, "option": null}') as response:
        assert (response.status, await response.json()) == (200, [1, None])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"seq=1",
        b"[]",
        b"null",
        b"{}",
        b'{"seq": 1}',
        b'{"seq": 0, "option": null}',
        b'{"seq": "x", "option": null}',
        b'{"seq": 1, "option": "\xff"}',
        b'{"seq": 1, "option": "\\ud800"}',
        b"[" * 5000,
    ],
    ids=[
        "nothing",
        "a form",
        "a list",
        "null",
        "empty",
        "part",
        "range",
        "type",
        "bytes",
        "surrogate",
        "deep",
    ],
)
async def test_a_body_of_another_shape_is_refused_in_a_sentence(client: TestClient, body: bytes) -> None:
    async with client.post("/json", data=body) as response:
        assert response.status == 422
        assert await response.json() == {
            "error": {"code": "bad_body", "message": "提交的数据格式不正确，请刷新页面后重试。"}
        }


async def test_the_fields_of_a_form_are_read_as_they_were_typed(client: TestClient) -> None:
    async with client.post("/form", data={"number": " 11010519491231002X ", "next": ""}) as response:
        assert await response.json() == {"number": " 11010519491231002X ", "next": ""}


async def test_the_files_of_a_form_are_no_fields(client: TestClient) -> None:
    form = FormData({"number": "1"})
    form.add_field("photo", b"jpeg", filename="photo.jpg")
    async with client.post("/form", data=form) as response:
        assert await response.json() == {"number": "1"}


async def test_a_form_with_a_nul_is_refused_for_no_database_takes_it(client: TestClient) -> None:
    async with client.post("/form", data={"username": "a\0b"}) as response:
        assert response.status == 422
