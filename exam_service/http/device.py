"""The device cookie: which browser it is, so that a paper knows where it is being sat.

It says nothing about the person and outlives every login. A page from which a paper may be opened sets it, so
that it is there before the first lease.
"""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from exam_service.crypto.hashes import new_token, token_hash
from exam_service.http.request_keys import DEVICE_TOKEN
from exam_service.http.session import set_cookie

DEVICE_COOKIE = "__Host-exam-device"
_LASTS = timedelta(days=365)
# The first mark that is found counts: most browsers call themselves Safari too, and Edge also Chrome.
_DEVICES = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("HarmonyOS", "鸿蒙手机"),
    ("Android", "安卓手机"),
    ("Windows", "Windows 电脑"),
    ("Macintosh", "Mac 电脑"),
)
_BROWSERS = (
    ("MicroMessenger", "微信"),
    ("DingTalk", "钉钉"),
    ("Edg", "Edge"),
    ("HuaweiBrowser", "华为浏览器"),
    ("MiuiBrowser", "小米浏览器"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("Chrome", "Chrome"),
    ("CriOS", "Chrome"),
    ("Safari", "Safari"),
)


def device_hash(request: web.Request) -> bytes:
    """SHA-256 of the browser's token, which :func:`remember_device` gives it where it has none yet."""
    return token_hash(_token(request))


def remember_device(request: web.Request, response: web.StreamResponse) -> None:
    """Set the cookie where it is missing; without this the next request is of another device."""
    token = _token(request)
    if request.cookies.get(DEVICE_COOKIE) != token:
        set_cookie(response, DEVICE_COOKIE, token, max_age=int(_LASTS.total_seconds()))


def device_kind(request: web.Request) -> str:
    """What kind of device and browser this is, in words; for people, since browsers say what they like."""
    agent = request.headers.get("User-Agent", "")
    device = next((words for mark, words in _DEVICES if mark in agent), "电脑")
    browser = next((words for mark, words in _BROWSERS if mark in agent), "其他浏览器")
    return f"{device} · {browser}"


def _token(request: web.Request) -> str:
    if DEVICE_TOKEN not in request:
        request[DEVICE_TOKEN] = request.cookies.get(DEVICE_COOKIE) or new_token()
    return request[DEVICE_TOKEN]
