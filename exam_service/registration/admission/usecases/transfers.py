"""调入 with the other institution's agreement; a registration that wasn't submitted goes along, taken out."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import Document, name_key, parse_document
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.errors import BadFields, Conflict, Invalid, NotFound
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import (
    LONGEST_REASON,
    RosterEntry,
    Transfer,
    TransferState,
)
from exam_service.institutions.usecases import ListedTransfer
from exam_service.registration import usecases as registration
from exam_service.registration.admission.model import why_not_leaving
from exam_service.registration.model import EDITABLE, State
from exam_service.storage.database import Database, Tx
from exam_service.wiring import Services

PAGE = 30
_UNKNOWN = "没有找到姓名和证件号码都相符的医师，请核对；确为新医师的，请在名册中手工添加。"


@dataclass(frozen=True)
class TransferPage:
    rows: list[ListedTransfer]
    next_cursor: UUID | None


async def transfers(database: Database, principal: Principal, before: UUID | None) -> TransferPage:
    """A page of one's own institution's transfers, asked for by it and of it, the newest first."""
    async with database.tx() as tx:
        found = await institutions.list_transfers(tx, principal, before, PAGE + 1)
    rows = found[:PAGE]
    return TransferPage(rows, rows[-1].transfer.id if len(found) > PAGE else None)


async def take_over(
    services: Services,
    principal: Principal,
    *,
    name: str,
    document_type: str,
    number: str,
    reason: str,
) -> Transfer:
    """调入: who is in no institution comes at once, else the other institution is asked.

    Raises:
        BadFields: Nobody of that name and number, or a field can't be taken.
        Conflict: Somebody has asked already, or their registration doesn't allow it.
    """
    institution_id = principal.of_institution()
    document = _read(name, document_type, number, reason)
    async with services.database.tx() as tx:
        found = await accounts.accounts_of(tx, services.settings, principal.province_id, [document])
        account_id = found.get(document)
        entry = account_id and await institutions.lock_entry(tx, account_id, principal.province_id)
        if not entry or name_key(entry.name) != name_key(name):
            raise BadFields({"number": _UNKNOWN})
        if entry.institution_id == institution_id:
            raise BadFields({"number": f"{entry.name}已在本机构名册中，无需调入。"})
        await audit.record_view(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="roster.looked_up",
            subject_id=entry.account_id,
        )
        transfer = await institutions.ask_transfer(tx, services.clock, principal, entry, reason.strip())
        if transfer.state is TransferState.AGREED:
            await _bring(tx, services.clock, principal, entry, institution_id)
    return transfer


def _read(name: str, document_type: str, number: str, reason: str) -> Document:
    problems: dict[str, str] = {}
    document = None
    if not name.strip():
        problems["name"] = "请填写姓名。"
    try:
        document = parse_document(document_type, number)
    except Invalid as error:
        problems["number"] = error.sentence
    if len(reason.strip()) > LONGEST_REASON:
        problems["reason"] = f"说明不超过{LONGEST_REASON}个字，请缩短后重新提交。"
    if problems or document is None:
        raise BadFields(problems)
    return document


async def agree(database: Database, clock: Clock, principal: Principal, transfer_id: UUID) -> None:
    """The institution that a physician is at lets them go.

    Raises:
        NotFound: Nobody asks this institution so.
        Conflict: It is decided already, or the registration is under review or done.
    """
    async with database.tx() as tx:
        # The entry first, as whoever else changes it does.
        asked = await institutions.transfer_of(tx, transfer_id, principal.province_id)
        entry = await institutions.lock_entry(tx, asked.account_id, principal.province_id)
        transfer = await _asked_of(tx, principal, transfer_id)
        await institutions.decide_transfer(tx, clock, principal, transfer, TransferState.AGREED, "")
        if entry is None:
            raise NotFound("名册中没有这名医师，请刷新后重试。")
        await _bring(tx, clock, principal, entry, transfer.to_institution_id)


async def refuse(
    database: Database, clock: Clock, principal: Principal, transfer_id: UUID, *, decision: str
) -> None:
    """The institution that a physician is at doesn't let them go, and says why.

    Raises:
        NotFound: Nobody asks this institution so.
        Invalid: No reason, or too long a one.
        Conflict: It is decided already.
    """
    reason = decision.strip()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise Invalid(f"请填写不同意的原因，不超过{LONGEST_REASON}个字。", code="no_reason")
    async with database.tx() as tx:
        transfer = await _asked_of(tx, principal, transfer_id)
        await institutions.decide_transfer(tx, clock, principal, transfer, TransferState.REFUSED, reason)


async def withdraw(database: Database, clock: Clock, principal: Principal, transfer_id: UUID) -> None:
    """Who asked doesn't ask any more.

    Raises:
        NotFound: It isn't theirs.
        Conflict: It is decided already.
    """
    async with database.tx() as tx:
        transfer = await institutions.lock_transfer(tx, transfer_id, principal.province_id)
        if transfer.to_institution_id != principal.of_institution():
            raise NotFound("没有找到这份调入申请。", transfer=transfer_id)
        await institutions.decide_transfer(tx, clock, principal, transfer, TransferState.WITHDRAWN, "")


async def _asked_of(tx: Tx, principal: Principal, transfer_id: UUID) -> Transfer:
    transfer = await institutions.lock_transfer(tx, transfer_id, principal.province_id)
    if transfer.from_institution_id != principal.of_institution():
        raise NotFound("没有找到这份调入申请。", transfer=transfer_id)
    return transfer


async def _bring(
    tx: Tx, clock: Clock, principal: Principal, entry: RosterEntry, institution_id: UUID
) -> None:
    """The entry and what was not submitted go to another institution, which lets them in anew.

    Who is under review or registered is the cycle's here: only the authority moves them, and what was
    concluded stays where it was.
    """
    cycle = await cycles.newest_cycle(tx, entry.province_id)
    own = cycle and await registration.registration_in_cycle(tx, cycle.id, entry.account_id)
    if cycle and own:
        own = await registration.lock_registration(tx, own.id, own.province_id)
        if refusal := why_not_leaving(own.state):
            raise Conflict(f"{entry.name}暂不能调动：{refusal}", code="registered_here", registration=own.id)
        if own.state in EDITABLE:
            own = await registration.move(
                tx, clock, own, State.NOT_ADMITTED, cause="transferred", actor_id=principal.account_id
            )
        if own.state is State.NOT_ADMITTED:
            body_id = await cycles.body_of_institution(tx, cycle.id, institution_id)
            await registration.rehome(
                tx,
                clock,
                own,
                institution_id=institution_id,
                body_id=body_id or own.body_id,  # set anew when they are let in
                actor_id=principal.account_id,
            )
    await institutions.move_entry(
        tx,
        clock,
        account_id=entry.account_id,
        province_id=entry.province_id,
        to_institution_id=institution_id,
        actor_id=principal.account_id,
    )
