"""删除, 重置密码 and 打印激活单: what can't be undone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import SLIP_LASTS, Principal
from exam_service.clock import Clock
from exam_service.errors import Conflict
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import RosterEntry
from exam_service.organisations import usecases as organisations
from exam_service.registration.admission import queries
from exam_service.registration.admission.queries import Item
from exam_service.registration.admission.usecases.acts import Outcome, Refusal, chosen, with_each
from exam_service.storage.database import Database
from exam_service.storage.vault import Vault
from exam_service.wiring import Services

_HELD = "账号已激活，或有过报名、调入记录，不能删除；不在本机构执业的，请办理“调离”。"


class _HeldError(Exception):
    """Something holds the account: the transaction is lost."""


async def remove(
    database: Database, clock: Clock, vault: Vault, principal: Principal, account_ids: Collection[UUID]
) -> Outcome:
    """删除 of those who were entered by mistake: never let into a cycle, never activated.

    Each stands alone: one that something holds is left, the others go.

    Raises:
        Invalid: Nobody, or too many.
    """
    done = 0
    refusals: list[Refusal] = []
    for account_id in chosen(account_ids):
        outcome = await _remove_one(database, clock, vault, principal, account_id)
        if isinstance(outcome, Refusal):
            refusals.append(outcome)
        else:
            done += 1
    return Outcome(done, tuple(refusals))


async def _remove_one(
    database: Database, clock: Clock, vault: Vault, principal: Principal, account_id: UUID
) -> Refusal | None:
    name = ""
    try:
        async with database.tx() as tx:

            async def one(entry: RosterEntry) -> Item | str:
                nonlocal name
                name = entry.name
                if await queries.exists_registration(tx, entry.account_id):
                    return _HELD
                await institutions.forget_entry(tx, clock, entry, actor_id=principal.account_id)
                if not await accounts.forget_physician(
                    tx, vault, account_id=entry.account_id, province_id=entry.province_id
                ):
                    raise _HeldError
                return Item(entry.account_id, None, None, None)

            _, refusals = await with_each(tx, principal, [account_id], one)
            return refusals[0] if refusals else None
    except _HeldError:
        return Refusal(name, _HELD)


async def reset_passwords(
    database: Database, clock: Clock, principal: Principal, account_ids: Collection[UUID]
) -> Outcome:
    """重置密码: the password is gone, sessions end, and the account must be activated again.

    Raises:
        Invalid: Nobody, or too many.
    """
    ids = chosen(account_ids)
    async with database.tx() as tx:

        async def one(entry: RosterEntry) -> Item | str:
            await accounts.reset_password(
                tx,
                clock,
                account_id=entry.account_id,
                province_id=entry.province_id,
                actor_id=principal.account_id,
            )
            return Item(entry.account_id, None, None, None)

        items, refusals = await with_each(tx, principal, ids, one)
    return Outcome(len(items), tuple(refusals))


@dataclass(frozen=True, repr=False)
class Slip:
    name: str
    masked_number: str
    token: str


@dataclass(frozen=True, repr=False)
class Slips:
    """Printed slips; until ``expires_at`` each activates one account, once.

    Attributes:
        by_code: Whether codes reach physicians here; where they don't, each activation waits for a person.
    """

    institution: str
    expires_at: datetime
    by_code: bool
    slips: tuple[Slip, ...]
    refusals: tuple[Refusal, ...]


async def print_slips(services: Services, principal: Principal, account_ids: Collection[UUID]) -> Slips:
    """打印激活单: a fresh one for each, whose older ones end.

    Raises:
        Invalid: Nobody, or too many.
        Conflict: All of them have activated their accounts.
    """
    ids = chosen(account_ids)
    institution_id = principal.of_institution()
    tokens: dict[UUID, str] = {}
    names: dict[UUID, str] = {}
    async with services.database.tx() as tx:

        async def one(entry: RosterEntry) -> Item | str:
            try:
                tokens[entry.account_id] = await accounts.print_slip(
                    tx,
                    services.clock,
                    account_id=entry.account_id,
                    province_id=entry.province_id,
                    institution_id=institution_id,
                    printed_by=principal.account_id,
                )
            except Conflict as error:
                return error.sentence
            names[entry.account_id] = entry.name
            return Item(entry.account_id, None, None, None)

        _, refusals = await with_each(tx, principal, ids, one)
        if not tokens:
            raise Conflict(refusals[0].reason, code="no_slips")
        numbers = await accounts.identity_numbers_of(tx, services.vault, principal.province_id, list(tokens))
        institution = await organisations.institution_name(tx, institution_id, principal.province_id)
        entry = (await organisations.province(tx, principal.province_id)).entry
    return Slips(
        institution,
        services.clock.now() + SLIP_LASTS,
        accounts.can_send_codes(services, entry),
        tuple(
            Slip(names[account_id], mask(numbers[account_id]), token) for account_id, token in tokens.items()
        ),
        tuple(refusals),
    )
