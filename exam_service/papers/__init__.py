"""Papers: the draw, attempts, timing, answers, marking, retake rules."""

from __future__ import annotations

from exam_service.wiring import Job, Services, Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.papers import routes, usecases  # noqa: PLC0415 - workers need no web

    async def close_due(services: Services) -> None:
        await usecases.close_due(services.database, services.clock)

    wiring.add_routes(routes.ROUTES)
    wiring.add_job(Job("deadlines", 1.0, close_due))
