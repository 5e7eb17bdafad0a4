"""The authority keeps the accounts of the staff of its institutions and bodies."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal, Role
from exam_service.accounts.usecases import Colleague
from exam_service.organisations import usecases as organisations
from exam_service.wiring import Services


@dataclass(frozen=True, repr=False)
class OneTime:
    """A password to be told once and changed at the first login; ``office``: the page of where they work."""

    username: str
    password: str
    office: str


async def of_institution(services: Services, principal: Principal, institution_id: UUID) -> list[Colleague]:
    """Raises Forbidden for who isn't staff of an authority."""
    async with services.database.tx() as tx:
        return await accounts.colleagues(tx, principal.of_authority(), institution_id=institution_id)


async def of_body(services: Services, principal: Principal, body_id: UUID) -> list[Colleague]:
    """Raises Forbidden for who isn't staff of an authority."""
    async with services.database.tx() as tx:
        return await accounts.colleagues(tx, principal.of_authority(), body_id=body_id)


async def add_to_institution(
    services: Services, principal: Principal, institution_id: UUID, name: str, username: str
) -> OneTime:
    """An account for staff of an institution.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such institution in this province.
        BadFields: Name or user name can't be taken.
    """
    async with services.database.tx() as tx:
        institution = await organisations.institution(tx, institution_id, principal.of_authority())
        made = await accounts.employ(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            role=Role.INSTITUTION,
            name=name,
            username=username,
            institution_id=institution.id,
        )
    return OneTime(*made, f"/authority/institutions/{institution_id}")


async def add_to_body(
    services: Services, principal: Principal, body_id: UUID, name: str, username: str
) -> OneTime:
    """An account for staff of a body. Raises as :func:`add_to_institution`."""
    async with services.database.tx() as tx:
        body = await organisations.body(tx, body_id, principal.of_authority())
        made = await accounts.employ(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            role=Role.BODY,
            name=name,
            username=username,
            body_id=body.id,
        )
    return OneTime(*made, f"/authority/bodies/{body_id}")


async def reset(services: Services, principal: Principal, account_id: UUID) -> OneTime:
    """Let somebody in anew with a one-time password.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such member of staff of an institution or body of this province.
    """
    async with services.database.tx() as tx:
        person = await accounts.colleague(tx, principal.of_authority(), account_id)
        password = await accounts.reset_staff(tx, services.clock, principal, account_id)
    return OneTime(person.username, password, _office(person))


async def disable(services: Services, principal: Principal, account_id: UUID) -> str:
    """Nobody logs in with it any more; gives the page of the office. Raises as :func:`reset`."""
    async with services.database.tx() as tx:
        person = await accounts.colleague(tx, principal.of_authority(), account_id)
        await accounts.disable_staff(tx, services.clock, principal, person)
    return _office(person)


async def enable(services: Services, principal: Principal, account_id: UUID) -> str:
    """They may log in again; gives the page of the office. Raises as :func:`reset`."""
    async with services.database.tx() as tx:
        person = await accounts.colleague(tx, principal.of_authority(), account_id)
        await accounts.enable_staff(tx, services.clock, principal, person)
    return _office(person)


def _office(person: Colleague) -> str:
    if person.body_id is not None:
        return f"/authority/bodies/{person.body_id}"
    return f"/authority/institutions/{person.institution_id}"
