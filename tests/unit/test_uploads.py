"""Files in forms: each handler takes as much as it says, and no other handler takes more for it."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from exam_service.http.csrf import FIELD, HEADER, csrf_middleware, token_for
from exam_service.http.guards import Handler, public
from exam_service.http.problems import problems
from exam_service.http.request_keys import CSRF_BASIS, VIEWER
from exam_service.http.requests import form_fields
from exam_service.http.uploads import takes_files, uploaded_file, uploaded_files

MEGABYTE = 1024 * 1024
KEY = b"k" * 32
TOKEN = token_for(KEY, "somebody")


@web.middleware
async def somebody(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[CSRF_BASIS] = "somebody"
    request[VIEWER] = object()
    return await handler(request)


@public
@takes_files(3 * MEGABYTE)
async def take_one(request: web.Request) -> web.Response:
    file = await uploaded_file(request, "file")
    fields = await form_fields(request)
    return web.json_response([file.name, len(file.data), fields.get("slot")])


@public
async def take_little(request: web.Request) -> web.Response:
    return web.json_response([len(file.data) for file in await uploaded_files(request, "file")])


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[TestClient]:
    app = web.Application(client_max_size=MEGABYTE, middlewares=[problems, somebody, csrf_middleware(KEY)])
    app.router.add_post("/one", take_one)
    app.router.add_post("/little", take_little)
    async with TestClient(TestServer(app), headers={"Accept": "application/json"}) as client:
        yield client


def form(*sizes: int, token: str = TOKEN) -> FormData:
    data = FormData(quote_fields=False)  # as browsers do
    data.add_field(FIELD, token)
    data.add_field("slot", "photo")
    for number, size in enumerate(sizes):
        data.add_field("file", b"x" * size, filename=f"照片{number}.jpg", content_type="image/jpeg")
    return data


async def test_a_large_file_arrives_with_its_fields(client: TestClient) -> None:
    async with client.post("/one", data=form(3 * MEGABYTE)) as response:
        assert await response.json() == ["照片0.jpg", 3 * MEGABYTE, "photo"]


async def test_a_script_may_send_the_token_in_a_header(client: TestClient) -> None:
    async with client.post("/one", data=form(2 * MEGABYTE, token=""), headers={HEADER: TOKEN}) as response:
        assert response.status == 200


async def test_a_file_that_is_too_large_is_refused_with_what_to_do(client: TestClient) -> None:
    async with client.post("/one", data=form(4 * MEGABYTE)) as response:
        assert response.status == 413
        assert "压缩" in (await response.json())["error"]["message"]


async def test_a_handler_that_says_nothing_takes_a_megabyte(client: TestClient) -> None:
    async with client.post("/little", data=form(2 * MEGABYTE)) as response:
        assert response.status == 413
    async with client.post("/little", data=form(1000, 2000)) as response:
        assert await response.json() == [1000, 2000]


@pytest.mark.parametrize("sizes", [(), (10, 10)], ids=["none", "two"])
async def test_one_file_is_neither_none_nor_two(client: TestClient, sizes: tuple[int, ...]) -> None:
    async with client.post("/one", data=form(*sizes)) as response:
        assert response.status == 422
        assert (await response.json())["error"]["code"] == "no_file"


async def test_a_form_with_files_needs_its_token_too(client: TestClient) -> None:
    async with client.post("/one", data=form(10, token="forged")) as response:
        assert response.status == 403
