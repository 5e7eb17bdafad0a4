"""The session cookie. Where sessions are kept is a port: http knows no accounts."""

from __future__ import annotations

import base64
import json
from typing import Any, Protocol

from aiohttp import web

from exam_service.crypto.hashes import new_token, token_hash
from exam_service.http.guards import Handler, is_attended
from exam_service.http.request_keys import CSRF_BASIS, SESSION_DIGEST, VIEWER

SESSION_COOKIE = "__Host-exam"
ANONYMOUS_COOKIE = "__Host-exam-visitor"
FLASH_COOKIE = "__Host-exam-flash"
DOOR_COOKIE = "__Host-exam-door"
_STAFF = "staff"


class SessionStore(Protocol):
    """Finds who a session belongs to."""

    async def find(self, token_digest: bytes, *, attended: bool = True) -> Any | None:
        """The viewer of a live session (an object with ``role``), or ``None``.

        Counts as activity, unless nobody is there (not ``attended``).
        """
        ...


SESSION_STORE = web.AppKey("session_store", SessionStore)


def set_cookie(response: web.StreamResponse, name: str, value: str, max_age: int | None = None) -> None:
    """A cookie only for this host, over HTTPS (or localhost), out of reach of scripts."""
    response.set_cookie(name, value, path="/", secure=True, httponly=True, samesite="Lax", max_age=max_age)


def drop_cookie(response: web.StreamResponse, name: str) -> None:
    response.del_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def remember_staffs_door(response: web.StreamResponse) -> None:
    """Lasts as long as the browser stays open: a session that ends by itself says no more whose it was."""
    set_cookie(response, DOOR_COOKIE, _STAFF)


def forget_door(response: web.StreamResponse) -> None:
    drop_cookie(response, DOOR_COOKIE)


def came_by_staffs_door(request: web.Request) -> bool:
    """Whether the last login of this browser was one of staff, who didn't log out."""
    return request.cookies.get(DOOR_COOKIE) == _STAFF


def flash(response: web.StreamResponse, kind: str, text: str) -> None:
    """Show ``text`` once, on the next page. ``kind`` is good, warn or bad."""
    packed = base64.urlsafe_b64encode(json.dumps([kind, text]).encode()).decode()
    set_cookie(response, FLASH_COOKIE, packed, max_age=60)


def read_flash(request: web.Request) -> dict[str, str] | None:
    packed = request.cookies.get(FLASH_COOKIE)
    if not packed:
        return None
    try:
        kind, text = json.loads(base64.urlsafe_b64decode(packed))
    except (ValueError, TypeError, RecursionError):
        return None
    return {"kind": str(kind), "text": str(text)}


@web.middleware
async def session(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Put ``viewer`` and ``session_digest`` on the request; give visitors a cookie to tie CSRF tokens to."""
    viewer = None
    token = request.cookies.get(SESSION_COOKIE)
    if token and not request.path.startswith("/static/"):
        digest = token_hash(token)
        viewer = await request.app[SESSION_STORE].find(digest, attended=is_attended(request))
        request[SESSION_DIGEST] = digest
    request[VIEWER] = viewer
    if token and viewer is not None:
        request[CSRF_BASIS] = token
        return await handler(request)
    visitor = request.cookies.get(ANONYMOUS_COOKIE)
    request[CSRF_BASIS] = visitor or new_token()
    response = await handler(request)
    if not visitor and request.method == "GET" and not response.prepared:
        set_cookie(response, ANONYMOUS_COOKIE, request[CSRF_BASIS])
    return response
