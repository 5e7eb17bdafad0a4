"""The roster as other features read and change it; composed into their transactions."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.errors import NotFound
from exam_service.institutions import queries
from exam_service.institutions.model import Left, RosterDetails, RosterEntry
from exam_service.institutions.reading import Practising
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault

ROSTER = "roster"
"""The class of data that certificate numbers are sealed as."""


async def roster_entry(tx: Tx, account_id: UUID, province_id: str) -> RosterEntry | None:
    """What the roster says of a physician; ``None`` where no institution ever entered them."""
    return await queries.select_optional_entry(tx, account_id, province_id)


async def lock_entry(tx: Tx, account_id: UUID, province_id: str) -> RosterEntry | None:
    """As :func:`roster_entry`, the row held until the end of the transaction."""
    return await queries.lock_optional_entry(tx, account_id, province_id)


async def roster_details(tx: Tx, vault: Vault, account_id: UUID, province_id: str) -> RosterDetails:
    """The certificate numbers of the roster, decrypted; empty where it has none."""
    sealed = await queries.select_optional_details(tx, account_id, province_id)
    if sealed is None:
        return RosterDetails()
    return RosterDetails.from_json(json.loads(await vault.open(tx, sealed, account_id)))


async def put_on_roster(
    tx: Tx,
    clock: Clock,
    vault: Vault,
    *,
    account_id: UUID,
    province_id: str,
    institution_id: UUID,
    name: str,
    practising: Practising,
    actor_id: UUID | None,
) -> None:
    """Enter somebody who has an account and is on no roster yet."""
    key = await vault.key_for(
        tx, province_id=province_id, account_id=account_id, cycle_id=None, data_class=ROSTER
    )
    entry = queries.NewEntry(
        account_id,
        practising.department_id,
        name,
        practising.sex,
        practising.born_on,
        practising.category,
        practising.level,
        practising.licensed_on,
        practising.first_registered_on,
        seal(key, json.dumps(practising.details.to_json()).encode(), account_id),
    )
    await queries.insert_entries(tx, province_id, institution_id, [entry], clock.now())
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=actor_id,
        action="roster.added",
        subject_id=account_id,
    )


async def move_entry(
    tx: Tx,
    clock: Clock,
    *,
    account_id: UUID,
    province_id: str,
    to_institution_id: UUID,
    actor_id: UUID,
) -> None:
    """A physician mainly practises at another institution of the province from now on; in no department yet.

    Open requests to take them over end with it. Their registration is the caller's to take along
    (``registration.usecases.rehome``).

    Raises:
        NotFound: They are on no roster of this province.
    """
    entry = await queries.lock_optional_entry(tx, account_id, province_id)
    if entry is None:
        raise NotFound("名册中没有这名医师，请核对后重试。", code="not_on_roster", account=account_id)
    await queries.update_entry_institution(tx, account_id, province_id, to_institution_id)
    await queries.withdraw_transfers_of(
        tx, account_id, actor_id, clock.now(), "医师已转入其他机构，申请自动撤回。"
    )
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=actor_id,
        action="roster.moved",
        subject_id=account_id,
        facts={
            "from": str(entry.institution_id) if entry.institution_id else None,
            "to": str(to_institution_id),
        },
    )


async def leave(
    tx: Tx, clock: Clock, entry: RosterEntry, reason: Left, *, left_at: datetime, actor_id: UUID
) -> None:
    """调离: on no institution's roster from now on. The entry's row is held."""
    await queries.update_entry_left(tx, entry.account_id, entry.province_id, left_at, reason)
    await queries.withdraw_transfers_of(
        tx, entry.account_id, actor_id, clock.now(), "原机构已将医师调离，请重新调入。"
    )
    await audit.record(
        tx,
        clock,
        province_id=entry.province_id,
        actor_id=actor_id,
        action="roster.left",
        subject_id=entry.account_id,
        facts={"from": str(entry.institution_id), "reason": reason.value},
    )


async def bring_back(
    tx: Tx,
    clock: Clock,
    entry: RosterEntry,
    institution_id: UUID,
    department_id: UUID | None,
    *,
    actor_id: UUID,
) -> None:
    """Undo :func:`leave`; without a department where theirs was deleted since. The entry's row is held."""
    back_in = await queries.update_entry_back(
        tx, entry.account_id, entry.province_id, institution_id, department_id
    )
    await audit.record(
        tx,
        clock,
        province_id=entry.province_id,
        actor_id=actor_id,
        action="roster.brought_back",
        subject_id=entry.account_id,
        facts={"to": str(institution_id), "department": str(back_in) if back_in else None},
    )


async def forget_entry(tx: Tx, clock: Clock, entry: RosterEntry, *, actor_id: UUID) -> None:
    """删除: for those who were entered by mistake. The entry's row is held; the account goes with it."""
    await queries.delete_entry(tx, entry.account_id, entry.province_id)
    await audit.record(
        tx,
        clock,
        province_id=entry.province_id,
        actor_id=actor_id,
        action="roster.removed",
        subject_id=entry.account_id,
        facts={"from": str(entry.institution_id)},
    )


async def names_of(
    tx: Tx, account_ids: Collection[UUID], institution_id: UUID, province_id: str
) -> dict[UUID, str]:
    """Of these physicians, those on the institution's roster, by account in order of it."""
    return await queries.select_names(tx, list(account_ids), institution_id, province_id)


async def count_entries(tx: Tx, institution_id: UUID) -> int:
    """How many the institution's roster has."""
    return await queries.count_entries(tx, institution_id)
