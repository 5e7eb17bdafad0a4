"""免考申请: an exemption is applied for, decided level by level, and granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.exemptions import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
