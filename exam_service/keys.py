"""Where handlers find their tools."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Principal
from exam_service.http.request_keys import VIEWER
from exam_service.queue.buckets import Buckets
from exam_service.queue.heartbeats import Heartbeats
from exam_service.queue.line import Line
from exam_service.queue.stream import WorkStream
from exam_service.wiring import Services

SERVICES = web.AppKey("services", Services)
BUCKETS = web.AppKey("buckets", Buckets)
FRAMES = web.AppKey("frames", WorkStream)
HEARTBEATS = web.AppKey("heartbeats", Heartbeats)
LINE = web.AppKey("line", Line)


def viewer(request: web.Request) -> Principal:
    """Who asks; only for routes that are not public."""
    principal = request[VIEWER]
    assert isinstance(principal, Principal)  # noqa: S101 - the guard let nobody else in
    return principal
