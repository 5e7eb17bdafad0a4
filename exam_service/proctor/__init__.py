"""The way of a frame from the camera to evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring

FRAME_STREAM = "frames"
_HOUR, _DAY = 3600.0, 86_400.0


def setup(wiring: Wiring) -> None:
    from exam_service.proctor import consent_routes, routes, usecases  # noqa: PLC0415 - workers need no web
    from exam_service.wiring import Job  # noqa: PLC0415

    wiring.add_routes(routes.ROUTES)
    wiring.add_routes(consent_routes.ROUTES)
    wiring.add_job(Job("purges", _HOUR, usecases.purge_due))
    wiring.add_job(Job("evidence", _DAY, usecases.sweep_evidence))
