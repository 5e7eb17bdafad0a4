"""Short messages: one interface, an HTTP gateway behind it, and an outbox to read in a demonstration."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exam_service.wiring import Services, Wiring


def setup(wiring: Wiring) -> None:
    from exam_service.sms import outbox  # noqa: PLC0415 - wiring knows this package's interface
    from exam_service.wiring import Job  # noqa: PLC0415

    async def forget_old_messages(services: Services) -> None:
        await outbox.forget_old_messages(services.database, services.clock)

    wiring.add_job(Job("sms", 3600.0, forget_old_messages))
