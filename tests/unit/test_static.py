"""Assets over real HTTP: an address for every build, kept for ever, compressed where it pays."""

import gzip
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from exam_service.http.static import ASSETS, Assets, serve_asset

LONG, SHORT = b"body { color: black } " * 100, b"export const a = 1;\n"
FILES = {"css/main.css": LONG, "js/a.js": SHORT, "icon.png": b"\x89PNG" + bytes(600)}


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    app = web.Application()
    app[ASSETS] = Assets(FILES)
    app.router.add_get("/static/{build}/{name:.+}", serve_asset)
    async with TestClient(TestServer(app), auto_decompress=False) as client:
        yield client


def test_an_address_names_the_build() -> None:
    assets = Assets(FILES)
    assert assets.url("js/a.js") == f"/static/{assets.build}/js/a.js"


@pytest.mark.parametrize(
    "other",
    [{**FILES, "js/a.js": SHORT + b" "}, {**FILES, "new.js": b""}, {"css/main.css": LONG}],
    ids=["a byte more", "a file more", "files fewer"],
)
def test_another_build_has_another_address(other: dict[str, bytes]) -> None:
    assert Assets(other).build != Assets(FILES).build


def test_the_order_in_which_files_are_found_does_not_matter() -> None:
    assert Assets(dict(reversed(FILES.items()))).build == Assets(FILES).build


def test_an_asset_that_does_not_exist_has_no_address() -> None:
    with pytest.raises(KeyError, match=r"missing\.js"):
        Assets(FILES).url("missing.js")


def test_everything_below_a_directory_is_an_asset(tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert Assets.read(tmp_path).build == Assets(FILES).build


async def test_an_asset_is_kept_for_ever(client: TestClient) -> None:
    async with client.get(Assets(FILES).url("css/main.css")) as response:
        assert response.status == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert response.headers["Content-Type"] == "text/css; charset=utf-8"
        assert response.headers["Vary"] == "Accept-Encoding"


async def test_scripts_are_served_as_scripts(client: TestClient) -> None:
    async with client.get(Assets(FILES).url("js/a.js")) as response:
        assert response.content_type in {"text/javascript", "application/javascript"}
        assert response.charset == "utf-8"
        assert await response.read() == SHORT


async def test_what_is_long_goes_compressed_to_who_takes_it(client: TestClient) -> None:
    address = Assets(FILES).url("css/main.css")
    async with client.get(address, headers={"Accept-Encoding": "br, gzip"}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        body = await response.read()
        assert gzip.decompress(body) == LONG
        assert len(body) < len(LONG) / 4
    async with client.get(address, headers={"Accept-Encoding": "identity"}) as response:
        assert "Content-Encoding" not in response.headers
        assert await response.read() == LONG


async def test_what_is_short_goes_as_it_is(client: TestClient) -> None:
    async with client.get(Assets(FILES).url("js/a.js"), headers={"Accept-Encoding": "gzip"}) as response:
        assert "Content-Encoding" not in response.headers


async def test_a_page_of_an_older_build_gets_the_present_asset_and_does_not_keep_it(
    client: TestClient,
) -> None:
    async with client.get("/static/0123456789ab/js/a.js") as response:
        assert (response.status, await response.read()) == (200, SHORT)
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["missing.js", "js", "%2e%2e/secrets.toml", "..%2fsecrets.toml"])
async def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    async with client.get(f"/static/{Assets(FILES).build}/{name}") as response:
        assert response.status == 404
