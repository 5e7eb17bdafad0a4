"""Every step of a physician's registration, who, when and why: asked of each feature below."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.history import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
