"""调入 as the rosters keep it; composed by who also knows the registrations."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import Conflict
from exam_service.ids import new_id
from exam_service.institutions import queries
from exam_service.institutions.model import RosterEntry, Transfer, TransferState
from exam_service.institutions.queries import ListedTransfer
from exam_service.storage.database import Tx


async def ask_transfer(
    tx: Tx, clock: Clock, principal: Principal, entry: RosterEntry, reason: str
) -> Transfer:
    """Ask for a physician of another institution; one that is in none is granted at once.

    The entry's row is held.

    Raises:
        Conflict: Somebody has asked already.
    """
    if await queries.select_optional_open_transfer(tx, entry.account_id):
        raise Conflict("已有机构申请调入这名医师，请等对方机构处理后再试。", code="transfer_open")
    granted = entry.institution_id is None
    transfer = Transfer(
        new_id(),
        entry.province_id,
        entry.account_id,
        entry.institution_id,
        principal.of_institution(),
        reason,
        clock.now(),
        TransferState.AGREED if granted else TransferState.OPEN,
    )
    await queries.insert_transfer(tx, transfer, principal.account_id, clock.now() if granted else None)
    await _record(tx, clock, principal, transfer, "transfer.asked")
    return transfer


async def transfer_of(tx: Tx, transfer_id: UUID, province_id: str) -> Transfer:
    """A transfer of this province, as it stands for the moment.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_transfer(tx, transfer_id, province_id)


async def lock_transfer(tx: Tx, transfer_id: UUID, province_id: str) -> Transfer:
    """A transfer of this province, its row held. Whose it is, is the caller's to ask.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.lock_transfer(tx, transfer_id, province_id)


async def decide_transfer(
    tx: Tx, clock: Clock, principal: Principal, transfer: Transfer, state: TransferState, decision: str
) -> None:
    """Agree, refuse or withdraw. The row is held.

    Raises:
        Conflict: That was done already.
    """
    if transfer.state is not TransferState.OPEN:
        raise Conflict("这份调入申请已经办结，请刷新后查看。", code="transfer_decided", transfer=transfer.id)
    await queries.update_transfer(tx, transfer.id, state, principal.account_id, clock.now(), decision)
    await _record(tx, clock, principal, transfer, f"transfer.{state.value}")


async def list_transfers(
    tx: Tx, principal: Principal, before: UUID | None, limit: int
) -> list[ListedTransfer]:
    """Those of one's own institution, asked for by it and of it, the newest first."""
    return await queries.select_transfers(
        tx, principal.of_institution(), principal.province_id, before, limit
    )


async def count_open_transfers(tx: Tx, institution_id: UUID) -> tuple[int, int]:
    """To be answered by the institution, and waited for by it."""
    return await queries.count_open_transfers(tx, institution_id)


async def _record(tx: Tx, clock: Clock, principal: Principal, transfer: Transfer, action: str) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=transfer.account_id,
        facts={"transfer": str(transfer.id)},
    )
