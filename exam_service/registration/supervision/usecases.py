"""The authority finds physicians, moves them, withdraws them; and gives institutions their body."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import DocumentType, mask, parse_document
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle, OfficeFilter, check_reason
from exam_service.cycles.usecases import offices
from exam_service.errors import BadFields, Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import Institution
from exam_service.registration import usecases as registration
from exam_service.registration.model import Registration, State
from exam_service.registration.supervision import queries
from exam_service.registration.supervision.model import (
    FOLLOWS,
    Act,
    Supervised,
    check_withdrawable,
    state_after_move,
)
from exam_service.registration.supervision.queries import Found, Place
from exam_service.storage.database import Tx
from exam_service.wiring import Services

PAGE = 30
_MOST_PLACES = 20
_FIRST = UUID(int=0)
_LAST_CHARACTER = chr(sys.maxunicode)


@dataclass(frozen=True)
class FoundPage:
    """Physicians by name; ``next_cursor`` is name and account of the last when there are more."""

    rows: list[Found]
    next_cursor: tuple[str, UUID] | None


@dataclass(frozen=True)
class Sheet:
    """A physician as the authority has them before it.

    Attributes:
        number: Masked.
        institution: Of the roster; ``None`` for 调离, or nobody's roster.
        registration: In the newest cycle, if they were ever admitted to it.
        places: Institutions that they can be moved to, as searched for.
    """

    account_id: UUID
    name: str
    number: str
    institution: Institution | None
    cycle: Cycle | None
    registration: Registration | None
    acts: list[Supervised]
    places: list[Place]


async def find(
    services: Services, principal: Principal, text: str, after: tuple[str, UUID] | None
) -> FoundPage:
    """Physicians of the own province whose name begins with ``text``.

    Raises:
        Forbidden: Not staff of an authority.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await cycles.newest_cycle(tx, province_id)
        cycle_id = cycle.id if cycle else None
        rows = await queries.select_physicians(
            tx, province_id, text, text + _LAST_CHARACTER, cycle_id, after or ("", _FIRST), PAGE + 1
        )
    last = rows[PAGE - 1] if len(rows) > PAGE else None
    return FoundPage(rows[:PAGE], (last.name, last.account_id) if last else None)


async def find_by_number(services: Services, principal: Principal, text: str) -> FoundPage | None:
    """Physicians of the own province with that number of a document; ``None`` for what is no number.

    Raises:
        Forbidden: Not staff of an authority.
    """
    province_id = principal.of_authority()
    hashes = _hashes(services, text)
    if not hashes:
        return None
    async with services.database.tx() as tx:
        cycle = await cycles.newest_cycle(tx, province_id)
        found = await queries.select_physicians_by_document(
            tx, province_id, hashes, cycle.id if cycle else None
        )
        await audit.record(
            tx,
            services.clock,
            province_id=province_id,
            actor_id=principal.account_id,
            action="physician.looked_up",
            subject_id=found[0].account_id if found else None,
        )
    return FoundPage(found, None)


def _hashes(services: Services, text: str) -> list[bytes]:
    """What a document of any type with this number is looked up by; none for what is no number."""
    if not text.isascii() or not any(character.isdigit() for character in text):
        return []
    found = []
    for kind in DocumentType:
        try:
            found.append(accounts.document_hash(services.settings, parse_document(kind, text)))
        except Invalid:
            continue
    return found


async def sheet(services: Services, principal: Principal, account_id: UUID, search: str) -> Sheet:
    """One physician of the own province; institutions whose name contains ``search`` to move them to.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: There is none of that id.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        name = await _name(tx, account_id, province_id)
        number = await accounts.identity_number_of(tx, services.vault, account_id, province_id)
        cycle = await cycles.newest_cycle(tx, province_id)
        own = await registration.registration_in_cycle(tx, cycle.id, account_id) if cycle else None
        entry = await institutions.roster_entry(tx, account_id, province_id)
        home = entry.institution_id if entry else own.institution_id if own else None
        return Sheet(
            account_id,
            name,
            mask(number) if number else "",
            await organisations.institution(tx, home, province_id) if home else None,
            cycle,
            own,
            await queries.select_acts(tx, own.id) if own else [],
            await queries.select_places(tx, province_id, cycle.id if cycle else None, search, _MOST_PLACES)
            if search
            else [],
        )


async def _name(tx: Tx, account_id: UUID, province_id: str) -> str:
    name = await queries.select_optional_physician(tx, account_id, province_id)
    if name is None:
        raise NotFound("没有找到这名医师，请返回查找。", account=account_id)
    return name


async def lock_own(tx: Tx, principal: Principal, account_id: UUID) -> Registration | None:
    """A physician's registration in the newest cycle of the own province, its row held.

    The roster's row is held first, as institutions do: of two that act on one physician the other waits.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such physician in this province.
    """
    province_id = principal.of_authority()
    await _name(tx, account_id, province_id)
    await institutions.lock_entry(tx, account_id, province_id)
    cycle = await cycles.newest_cycle(tx, province_id)
    own = await registration.registration_in_cycle(tx, cycle.id, account_id) if cycle else None
    return await registration.lock_registration(tx, own.id, province_id) if own else None


async def move(
    tx: Tx,
    clock: Clock,
    principal: Principal,
    account_id: UUID,
    own: Registration | None,
    to_institution_id: UUID,
    reason: str,
) -> Registration | None:
    """Move a physician to the right institution: on the roster, and with an open registration (held).

    What was submitted is reviewed by the new institution; what is concluded stays where it was.

    Raises:
        NotFound: No such institution in this province.
        BadFields: No reason, or they are there already.
        Conflict: They have begun their papers, or the institution has no body in the cycle.
    """
    reason = check_reason(reason)
    province_id = principal.province_id
    to = await organisations.institution(tx, to_institution_id, province_id)
    entry = await institutions.lock_entry(tx, account_id, province_id)
    moves_registration = own is not None and own.state is not State.CONCLUDED
    if (entry is None or entry.institution_id == to.id) and (
        own is None or not moves_registration or own.institution_id == to.id
    ):
        raise BadFields({"institution": "医师已在这个机构，无需调整。"})
    if entry is not None and entry.institution_id != to.id:
        await institutions.move_entry(
            tx,
            clock,
            account_id=account_id,
            province_id=province_id,
            to_institution_id=to.id,
            actor_id=principal.account_id,
        )
    if own is None or not moves_registration:
        return own
    return await _move_registration(tx, clock, principal, own, to, reason)


async def _move_registration(
    tx: Tx, clock: Clock, principal: Principal, own: Registration, to: Institution, reason: str
) -> Registration:
    state = state_after_move(own.state)
    body_id = await cycles.body_of_institution(tx, own.cycle_id, to.id)
    if body_id is None:
        raise Conflict(f"{to.name}在本周期还没有考核机构，请先分配。", code="without_body")
    moved = await registration.rehome(
        tx,
        clock,
        own,
        institution_id=to.id,
        body_id=body_id,
        actor_id=principal.account_id,
    )
    if state is not moved.state:
        moved = await registration.move(
            tx,
            clock,
            moved,
            state,
            cause="moved_by_authority",
            actor_id=principal.account_id,
        )
    await _keep(tx, clock, principal, own, Act.MOVED, to.id, reason)
    return moved


async def withdraw(
    tx: Tx, clock: Clock, principal: Principal, own: Registration | None, reason: str
) -> Registration:
    """Take a physician out of the cycle; the registration's row is held.

    Raises:
        BadFields: No reason.
        Conflict: They aren't in it, or it is concluded for them.
    """
    check_withdrawable(own.id if own else None, own.state if own else None)
    assert own is not None  # noqa: S101 - checked just now
    reason = check_reason(reason)
    out = await registration.move(
        tx,
        clock,
        own,
        State.NOT_ADMITTED,
        cause="withdrawn_by_authority",
        actor_id=principal.account_id,
    )
    await _keep(tx, clock, principal, own, Act.WITHDRAWN, None, reason)
    return out


async def _keep(
    tx: Tx,
    clock: Clock,
    principal: Principal,
    own: Registration,
    act: Act,
    to_institution_id: UUID | None,
    reason: str,
) -> None:
    await queries.insert_act(
        tx,
        new_id(),
        own.id,
        own.province_id,
        act,
        own.institution_id,
        to_institution_id,
        reason,
        principal.account_id,
        clock.now(),
    )
    await audit.record(
        tx,
        clock,
        province_id=own.province_id,
        actor_id=principal.account_id,
        action=f"registration.{act}",
        subject_id=own.id,
        facts={"to": str(to_institution_id) if to_institution_id else None, "reason": reason},
    )


async def acts_of(tx: Tx, registration_id: UUID) -> list[Supervised]:
    """What the authority did to a registration, in order."""
    return await queries.select_acts(tx, registration_id)


async def why_withdrawn(tx: Tx, own: Registration) -> str | None:
    """The reason that the authority gave, while it holds; ``None`` for everybody else."""
    if own.state is not State.NOT_ADMITTED:
        return None
    acts = await queries.select_acts(tx, own.id)
    return acts[-1].reason if acts and acts[-1].act is Act.WITHDRAWN else None


async def assign(
    services: Services,
    principal: Principal,
    body_id: UUID,
    *,
    chosen: Sequence[UUID] = (),
    listed: OfficeFilter | None = None,
) -> int:
    """Give institutions a body in the newest cycle: the ``chosen``, or all that a list shows. Gives how many.

    Registrations that no body has before it yet go along.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such body, or one of the institutions isn't of this province.
        Invalid: No institution was chosen.
        Conflict: The province has no cycle.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await cycles.newest_cycle(tx, province_id)
        if cycle is None:
            raise Conflict("请先建立考核周期，再分配考核机构。", code="no_cycle")
        ids = await offices.assign(tx, cycle, body_id, chosen, listed)
        await queries.update_bodies(tx, cycle.id, province_id, ids, body_id, sorted(FOLLOWS))
        await audit.record(
            tx,
            services.clock,
            province_id=province_id,
            actor_id=principal.account_id,
            action="cycle.institutions_assigned",
            subject_id=cycle.id,
            facts={"body": str(body_id), "institutions": len(ids)},
        )
    return len(ids)
