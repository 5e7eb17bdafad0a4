"""Papers: the draw, attempts, timing, answers, marking, retake rules."""

from __future__ import annotations

from exam_service.wiring import Job, Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.papers import (  # noqa: PLC0415 - workers need no web
        alternative_routes,
        routes,
        supervision_routes,
        usecases,
    )

    wiring.add_routes(routes.ROUTES)
    wiring.add_routes(alternative_routes.ROUTES)
    wiring.add_routes(supervision_routes.ROUTES)
    wiring.add_job(Job("deadlines", 1.0, usecases.sweep))
    wiring.add_beat(Job("pulse", 1.0, usecases.pulse))
