"""CSRF: on every unsafe request a token tied to the session cookie by HMAC, and an Origin of our own."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from exam_service.crypto.hashes import keyed_hash, same
from exam_service.errors import Forbidden, LoginRequired
from exam_service.http.guards import PUBLIC, Handler, access_of
from exam_service.http.request_keys import CSRF_BASIS, CSRF_TOKEN, SESSION_DIGEST, VIEWER
from exam_service.http.requests import form_fields
from exam_service.http.uploads import with_room

HEADER = "X-CSRF-Token"
FIELD = "csrf_token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_EXPIRED = "页面已过期，请刷新页面后再试一次。"
# A new page mends nothing where the browser keeps no cookies at all, as Safari keeps none of ours over HTTP.
_NO_COOKIES = (
    "页面已过期，或浏览器不保存 Cookie。请刷新页面后再试一次；仍然不行时，请在浏览器设置中允许 Cookie，"
    "并使用 https:// 开头的网址，或换一个浏览器。"
)


def token_for(key: bytes, basis: str) -> str:
    """The token of a session (or of a visitor's cookie)."""
    return base64.urlsafe_b64encode(keyed_hash(key, "csrf", basis)).decode()


def is_same_origin(request: web.Request) -> bool:
    """Whether the Origin header, which browsers send on every unsafe and WebSocket request, is our own."""
    try:
        origin = urlsplit(request.headers.get("Origin", ""))
    except ValueError:
        return False
    return origin.scheme in {"http", "https"} and origin.netloc.lower() == request.host.lower()


def csrf_middleware(key: bytes) -> Any:
    """Refuse unsafe requests without a token, or from elsewhere."""

    @web.middleware
    async def csrf(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[CSRF_TOKEN] = token_for(key, request[CSRF_BASIS])
        if request.method not in _SAFE and request.match_info.http_exception is None:
            if "Origin" in request.headers and not is_same_origin(request):
                raise Forbidden(_EXPIRED, code="bad_origin")
            nobody = request.get(VIEWER) is None
            if nobody and access_of(request.match_info.handler) is not PUBLIC:
                raise LoginRequired("登录已过期，请重新登录。")  # asked first: so did the token
            request = with_room(request)
            sent = request.headers.get(HEADER)
            if sent is None and request.content_type in {
                "application/x-www-form-urlencoded",
                "multipart/form-data",
            }:
                sent = (await form_fields(request)).get(FIELD)
            if not same(sent or "", request[CSRF_TOKEN]):
                if nobody and SESSION_DIGEST in request:
                    raise LoginRequired("登录已过期，请重新登录。")
                raise Forbidden(_EXPIRED if request.cookies else _NO_COOKIES, code="bad_csrf")
        return await handler(request)

    return csrf
