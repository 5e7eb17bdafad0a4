"""An institution's departments, and the roster of the physicians who mainly practise there."""

from __future__ import annotations

from exam_service.wiring import Job, Services, Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.institutions import routes, usecases  # noqa: PLC0415 - workers need no web

    async def import_rosters(services: Services) -> None:
        while await usecases.work(services):
            pass

    wiring.add_routes(routes.ROUTES)
    wiring.add_job(Job("rosters", 1.0, import_rosters))
