"""Identity numbers, login, sessions, staff, consent."""

from __future__ import annotations

from exam_service.wiring import Job, Services, Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.accounts import routes, usecases  # noqa: PLC0415 - workers need no web

    async def forget_ended_sessions(services: Services) -> None:
        await usecases.forget_ended_sessions(services.database, services.clock.now())
        await usecases.forget_entrances(services)

    wiring.add_routes(routes.ROUTES)
    wiring.add_job(Job("sessions", 300.0, forget_ended_sessions))
