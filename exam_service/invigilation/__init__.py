"""The invigilator's list: a running session, live, and what staff may do to a paper in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.invigilation import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
