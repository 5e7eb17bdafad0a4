"""申请修改: a registered physician asks for a correction, the institution decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.registration.modifications import routes  # noqa: PLC0415 - workers need no web

    wiring.add_routes(routes.ROUTES)
