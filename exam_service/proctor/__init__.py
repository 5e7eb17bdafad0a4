"""The way of a frame from the camera to evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring

FRAME_STREAM = "frames"


def setup(wiring: Wiring) -> None:
    from exam_service.proctor import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
