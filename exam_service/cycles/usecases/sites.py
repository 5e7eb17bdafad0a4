"""考点管理: a body's places for sittings that people watch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.ids import new_id
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import ExamSite, check_site
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class Typed:
    """A site as it was typed, trimmed."""

    name: str
    address: str
    seats: str
    note: str = ""


async def sites(services: Services, principal: Principal) -> list[ExamSite]:
    """The body's sites, those in use first.

    Raises:
        Forbidden: Not staff of a body.
    """
    async with services.database.tx() as tx:
        return await organisations.sites_of(tx, principal.of_body(), principal.province_id)


async def add(services: Services, principal: Principal, typed: Typed) -> None:
    """Raises Forbidden, and BadFields for what can't be taken."""
    body_id = principal.of_body()
    seats = check_site(typed.name, typed.address, typed.seats, typed.note)
    site = ExamSite(new_id(), principal.province_id, body_id, typed.name, typed.address, seats, typed.note)
    async with services.database.tx() as tx:
        await organisations.add_site(tx, services.clock, site)
        await _record(tx, services, principal, "exam_site.added", site.id)


async def edit(services: Services, principal: Principal, site_id: UUID, typed: Typed) -> None:
    """Raises Forbidden, NotFound (another body's), and BadFields for what can't be taken."""
    body_id = principal.of_body()
    async with services.database.tx() as tx:
        site = await organisations.lock_site(tx, site_id, body_id, principal.province_id)
        seats = check_site(typed.name, typed.address, typed.seats, typed.note)
        await organisations.edit_site(
            tx,
            replace(site, name=typed.name, address=typed.address, seats=seats, note=typed.note),
        )
        await _record(tx, services, principal, "exam_site.edited", site.id)


async def stop(services: Services, principal: Principal, site_id: UUID) -> None:
    """No sitting is arranged there any more. Raises Forbidden and NotFound."""
    async with services.database.tx() as tx:
        site = await organisations.lock_site(tx, site_id, principal.of_body(), principal.province_id)
        await organisations.stop_site(tx, site, services.clock.now())
        await _record(tx, services, principal, "exam_site.stopped", site.id)


async def resume(services: Services, principal: Principal, site_id: UUID) -> None:
    """Sittings are arranged there again. Raises Forbidden and NotFound."""
    async with services.database.tx() as tx:
        site = await organisations.lock_site(tx, site_id, principal.of_body(), principal.province_id)
        await organisations.stop_site(tx, site, None)
        await _record(tx, services, principal, "exam_site.resumed", site.id)


async def delete(services: Services, principal: Principal, site_id: UUID) -> None:
    """Forget a site that was never used.

    Raises:
        Forbidden: Not staff of a body.
        NotFound: It is another body's.
        Conflict: A sitting was arranged there.
    """
    async with services.database.tx() as tx:
        site = await organisations.lock_site(tx, site_id, principal.of_body(), principal.province_id)
        await organisations.delete_site(tx, site)
        await _record(tx, services, principal, "exam_site.deleted", site.id, name=site.name)


async def _record(
    tx: Tx, services: Services, principal: Principal, action: str, subject_id: UUID, **facts: object
) -> None:
    await audit.record(
        tx,
        services.clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=subject_id,
        facts=facts,
    )
