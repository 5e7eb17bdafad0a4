"""The registration form: saved as it is typed, its pictures, its submission."""

from __future__ import annotations

from exam_service.wiring import Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.registration.form import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
