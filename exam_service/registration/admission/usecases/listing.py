"""The roster as its institution reads it: with the registrations of the province's newest cycle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import Document, DocumentType, mask, parse_document
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.errors import Conflict, Invalid
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Department, RosterDetails
from exam_service.organisations import usecases as organisations
from exam_service.organisations.entry import Entry
from exam_service.registration.admission import queries
from exam_service.registration.admission.model import Filters, check_admission_is_open
from exam_service.registration.admission.queries import Listed, Sheet, Undoable
from exam_service.registration.admission.usecases.acts import chosen, undoable
from exam_service.storage.database import Database
from exam_service.storage.vault import Vault
from exam_service.wiring import Services

PAGE = 50


@dataclass(frozen=True)
class RosterPage:
    """A page of the roster.

    Attributes:
        masked_numbers: Of documents, by account.
        total: How many the roster has altogether.
        closed: Why nobody can be let in or taken out now; ``None`` when they can.
        undoable: What this member of staff did last, while it may be undone.
    """

    rows: list[Listed]
    masked_numbers: Mapping[UUID, str]
    total: int
    departments: list[Department]
    cycle: Cycle | None
    today: date
    closed: str | None
    undoable: Undoable | None
    next_cursor: UUID | None


async def roster_page(
    database: Database,
    clock: Clock,
    vault: Vault,
    principal: Principal,
    filters: Filters,
    after: UUID | None,
) -> RosterPage:
    """A page of one's own institution's roster, recorded as a viewing."""
    institution_id, today = principal.of_institution(), day_in_china(clock.now())
    async with database.tx() as tx:
        cycle = await cycles.newest_cycle(tx, principal.province_id)
        found = await queries.select_listed(
            tx,
            *queries.listing(
                institution_id,
                principal.province_id,
                cycle.id if cycle else None,
                filters,
                today,
                after,
                PAGE + 1,
            ),
        )
        rows = found[:PAGE]
        numbers = await accounts.identity_numbers_of(
            tx, vault, principal.province_id, [row.account_id for row in rows]
        )
        if rows:
            await audit.record_view(
                tx,
                clock,
                province_id=principal.province_id,
                actor_id=principal.account_id,
                action="roster.listed",
                subject_id=institution_id,
            )
        return RosterPage(
            rows=rows,
            masked_numbers={account_id: mask(number) for account_id, number in numbers.items()},
            total=await institutions.count_entries(tx, institution_id),
            departments=await institutions.departments(tx, institution_id, principal.province_id),
            cycle=cycle,
            today=today,
            closed=_closed(cycle, clock),
            undoable=await undoable(tx, clock, principal),
            next_cursor=rows[-1].account_id if len(found) > PAGE else None,
        )


def _closed(cycle: Cycle | None, clock: Clock) -> str | None:
    if cycle is None:
        return "本省尚未开启考核周期，开启后才能办理允许报名。"
    try:
        check_admission_is_open(cycle, clock.now())
    except Conflict as error:
        return error.sentence
    return None


@dataclass(frozen=True, repr=False)
class SheetPage:
    """One physician of the roster.

    Attributes:
        number: Of their document; masked unless it was asked for in full.
        mobile: Masked.
        entry: How the province lets its people in, for telling how this one activates.
        asks_activation: They came by a slip, without a code, and wait for the body or the authority.
        is_removable: Entered by mistake: never let into a cycle, never activated.
    """

    sheet: Sheet
    number: str
    mobile: str | None
    details: RosterDetails
    cycle: Cycle | None
    closed: str | None
    entry: Entry
    asks_activation: bool
    is_removable: bool


async def roster_sheet(
    database: Database, clock: Clock, vault: Vault, principal: Principal, account_id: UUID, *, in_full: bool
) -> SheetPage:
    """What the roster says of one of its physicians; their number in full is a viewing of its own.

    Raises:
        NotFound: They aren't on this institution's roster.
    """
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        cycle = await cycles.newest_cycle(tx, principal.province_id)
        sheet = await queries.select_sheet(
            tx, account_id, institution_id, principal.province_id, cycle.id if cycle else None
        )
        person = await accounts.person_on_roster(tx, vault, account_id, principal.province_id)
        asking = await accounts.open_activation_requests(tx, principal.province_id, [institution_id])
        province = await organisations.province(tx, principal.province_id)
        await audit.record_view(
            tx,
            clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="identity_number.viewed" if in_full else "roster.viewed",
            subject_id=account_id,
        )
        return SheetPage(
            sheet=sheet,
            number=person.number if in_full else mask(person.number),
            mobile=mask(person.mobile) if person.mobile else None,
            details=await institutions.roster_details(tx, vault, account_id, principal.province_id),
            cycle=cycle,
            closed=_closed(cycle, clock),
            entry=province.entry,
            asks_activation=any(each.account_id == account_id for each in asking),
            is_removable=sheet.first_activated_at is None
            and not await queries.exists_registration(tx, account_id),
        )


async def chosen_names(
    database: Database, principal: Principal, account_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Who was ticked, for asking once more.

    Raises:
        Invalid: Nobody, or too many at once.
    """
    ids = chosen(account_ids)
    async with database.tx() as tx:
        return await institutions.names_of(tx, ids, principal.of_institution(), principal.province_id)


async def find_by_number(services: Services, principal: Principal, number: str) -> UUID | None:
    """Whoever of one's own institution's roster has a document of this number, whichever its type.

    Raises:
        Invalid: No document has such a number.
    """
    institution_id = principal.of_institution()
    documents = documents_of(number)
    async with services.database.tx() as tx:
        found = await accounts.accounts_of(tx, services.settings, principal.province_id, documents)
        own = await institutions.names_of(tx, list(found.values()), institution_id, principal.province_id)
    return next(iter(own), None)


def documents_of(number: str) -> list[Document]:
    """What a number may be: an identity number, or of any other document.

    Raises:
        Invalid: Nothing of it.
    """
    documents = []
    refused = None
    for kind in DocumentType:
        try:
            documents.append(parse_document(kind, number))
        except Invalid as error:
            refused = refused or error
    if not documents and refused:
        raise refused
    return documents
