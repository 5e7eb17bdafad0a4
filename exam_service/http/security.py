"""Headers on every answer (OWASP ASVS 5.0, V3): only what we ship runs, nothing personal is cached."""

from __future__ import annotations

import re

from aiohttp import web

_HOST = re.compile(r"^[A-Za-z0-9.\-\[\]:]+$")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'{sockets}; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


async def security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """For ``on_response_prepare``: what a handler sends page by page has left before a middleware sees it."""
    # Older WebKit doesn't count ws: and wss: of the same host as 'self'.
    sockets = f" ws://{request.host} wss://{request.host}" if _HOST.match(request.host) else ""
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _POLICY.format(sockets=sockets))
    headers.setdefault("Cache-Control", "no-store")
    headers["Server"] = "exam-service"
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "same-origin"
    headers["Cross-Origin-Opener-Policy"] = "same-origin"
    headers["Cross-Origin-Resource-Policy"] = "same-origin"
    headers["Permissions-Policy"] = "camera=(self), microphone=(), geolocation=()"
    if request.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
