"""在线学习: sets of 50 items at random, never proctored, never exam items."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.practice import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
