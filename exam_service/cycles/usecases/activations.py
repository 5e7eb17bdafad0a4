"""Physicians with a slip and no mobile number that a code reaches: staff see who they are, and approve."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal, Role
from exam_service.accounts.usecases import ActivationRequest
from exam_service.cycles import queries
from exam_service.cycles.model import OfficeFilter
from exam_service.errors import Forbidden
from exam_service.storage.database import Tx
from exam_service.wiring import Services


async def open_requests(tx: Tx, principal: Principal) -> list[ActivationRequest]:
    """Who waits, the oldest first: of a body's institutions in the newest cycle, of an authority's province.

    Raises:
        Forbidden: Staff of neither.
    """
    return await accounts.open_activation_requests(
        tx, principal.province_id, await _institutions(tx, principal)
    )


async def requests(
    services: Services, principal: Principal
) -> tuple[list[ActivationRequest], Mapping[UUID, str]]:
    """As :func:`open_requests`, and their masked numbers by account: two of a name are told apart by them."""
    async with services.database.tx() as tx:
        waiting = await open_requests(tx, principal)
        numbers = await accounts.identity_numbers_of(
            tx, services.vault, principal.province_id, [each.account_id for each in waiting]
        )
    return waiting, {account_id: mask(number) for account_id, number in numbers.items()}


async def decide(services: Services, principal: Principal, request_id: UUID, *, approve: bool) -> None:
    """It is the person, or it isn't.

    Raises:
        Forbidden: Staff of neither a body nor an authority.
        NotFound: No such open request of their institutions.
        Conflict: The account has been taken into use meanwhile.
    """
    async with services.database.tx() as tx:
        await accounts.decide_activation(
            tx,
            services.clock,
            principal,
            request_id,
            institution_ids=await _institutions(tx, principal),
            approve=approve,
        )


async def _institutions(tx: Tx, principal: Principal) -> list[UUID]:
    cycle = await queries.select_optional_newest(tx, principal.province_id)
    if principal.role is Role.BODY:
        body_id = principal.of_body()
        return await queries.select_institutions_of_body(tx, cycle.id, body_id) if cycle else []
    if principal.role is Role.AUTHORITY:
        cycle_id = cycle.id if cycle else None
        return await queries.select_office_ids(tx, principal.province_id, cycle_id, OfficeFilter())
    raise Forbidden("激活申请由考核机构或卫生行政部门核实。")
