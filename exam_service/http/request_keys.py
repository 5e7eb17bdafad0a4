"""What the middlewares leave on a request for those after them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

VIEWER = web.RequestKey("viewer", object)
"""Who is logged in, as the session store gave it; ``None`` for a visitor."""

SESSION_DIGEST = web.RequestKey("session_digest", bytes)
DEVICE_TOKEN = web.RequestKey("device_token", str)
"""Of the browser, whoever is logged in on it; see :mod:`exam_service.http.device`."""

CSRF_BASIS = web.RequestKey("csrf_basis", str)
CSRF_TOKEN = web.RequestKey("csrf_token", str)


def role_of(viewer: Any) -> str:
    """The role of whatever the session store gave."""
    return str(viewer.role)
