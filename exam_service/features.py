"""Every feature that brings routes or jobs, in one list."""

from __future__ import annotations

from exam_service import (
    accounts,
    cycles,
    exemptions,
    history,
    home,
    institutions,
    invigilation,
    papers,
    practice,
    proctor,
    review,
    sms,
)
from exam_service.audit import usecases as audit
from exam_service.registration import admission, form, modifications, reviewing, supervision
from exam_service.wiring import Job, Services, Wiring


async def _seal(services: Services) -> None:
    while await audit.seal(services.database):
        pass


async def _export_head(services: Services) -> None:
    await audit.export_head(services.database, services.clock, services.heads)


FEATURES = (
    sms,
    accounts,
    cycles,
    institutions,
    admission,
    form,
    reviewing,
    supervision,
    modifications,
    papers,
    practice,
    proctor,
    invigilation,
    review,
    exemptions,
    history,
    home,
)


def wire() -> Wiring:
    """Ask each feature what it brings."""
    wiring = Wiring()
    for feature in FEATURES:
        feature.setup(wiring)
    wiring.add_job(Job("audit", 1.0, _seal))
    wiring.add_job(Job("audit heads", 10.0, _export_head))
    return wiring
