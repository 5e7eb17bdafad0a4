"""The way of a frame from the camera to evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring

FRAME_STREAM = "frames"
METERS_SECONDS = 5.0


def setup(wiring: Wiring) -> None:
    from exam_service.proctor import metrics, routes  # noqa: PLC0415 - workers need no web
    from exam_service.wiring import Job  # noqa: PLC0415

    wiring.add_routes(routes.ROUTES)
    wiring.add_routes(metrics.ROUTES)
    wiring.add_beat(Job("meters", METERS_SECONDS, metrics.flush))
