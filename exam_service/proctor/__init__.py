"""The way of a frame from the camera to evidence."""

from __future__ import annotations

from exam_service.wiring import Job, Wiring

FRAME_STREAM = "frames"


def setup(wiring: Wiring) -> None:
    from exam_service.proctor import routes, usecases  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
    wiring.add_job(Job("rechecks", 10.0, usecases.hand_over_rechecks))
