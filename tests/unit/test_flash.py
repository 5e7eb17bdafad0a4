"""A message for the next page travels in a cookie, which anybody may have written."""

import base64
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from exam_service.http.session import FLASH_COOKIE, flash, read_flash


def read(packed: str) -> dict[str, str] | None:
    return read_flash(make_mocked_request("GET", "/", headers={"Cookie": f"{FLASH_COOKIE}={packed}"}))


def test_what_one_page_leaves_the_next_one_shows() -> None:
    response = web.Response()
    flash(response, "good", "您已安全退出。")
    cookie = response.cookies[FLASH_COOKIE]
    assert read(cookie.value) == {"kind": "good", "text": "您已安全退出。"}
    assert cookie["httponly"]
    assert cookie["secure"]


def test_without_a_message_there_is_nothing_to_show() -> None:
    assert read_flash(make_mocked_request("GET", "/")) is None
    assert read("") is None


@pytest.mark.parametrize("packed", ["!!!", "é", "YQ", base64.urlsafe_b64encode(b"\xff").decode()])
def test_a_cookie_that_cannot_be_unpacked_says_nothing(packed: str) -> None:
    assert read(packed) is None


@pytest.mark.parametrize("value", [None, 1, "good", {}, [], ["good"], ["good", "text", "more"]])
def test_a_cookie_of_another_shape_says_nothing(value: object) -> None:
    assert read(base64.urlsafe_b64encode(json.dumps(value).encode()).decode()) is None
