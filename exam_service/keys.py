"""Where handlers find their tools."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Principal
from exam_service.queue.buckets import Buckets
from exam_service.queue.stream import WorkStream
from exam_service.wiring import Services

SERVICES = web.AppKey("services", Services)
BUCKETS = web.AppKey("buckets", Buckets)
FRAMES = web.AppKey("frames", WorkStream)


def viewer(request: web.Request) -> Principal:
    """Who asks; only for routes that are not public."""
    principal: Principal = request["viewer"]
    return principal
