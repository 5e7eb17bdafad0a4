"""The way of a frame from the camera to evidence."""

from __future__ import annotations

from exam_service.wiring import Job, Wiring

FRAME_STREAM = "frames"
METERS_SECONDS = 5.0
_HOUR, _DAY = 3600.0, 86_400.0


def setup(wiring: Wiring) -> None:
    from exam_service.proctor import consent_routes, metrics, routes, usecases  # noqa: PLC0415 - no web

    wiring.add_routes(routes.ROUTES)
    wiring.add_routes(consent_routes.ROUTES)
    wiring.add_routes(metrics.ROUTES)
    wiring.add_job(Job("rechecks", 10.0, usecases.hand_over_rechecks))
    wiring.add_job(Job("purges", _HOUR, usecases.purge_due))
    wiring.add_job(Job("evidence", _DAY, usecases.sweep_evidence))
    wiring.add_beat(Job("meters", METERS_SECONDS, metrics.flush))
