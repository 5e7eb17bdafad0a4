"""The roster's physicians one by one, as their institution's staff enter and amend them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import Document, parse_document, parse_mobile, tidy_name
from exam_service.accounts.model import Principal
from exam_service.accounts.usecases import PersonOnRoster
from exam_service.audit import usecases as audit
from exam_service.crypto.envelope import seal
from exam_service.cycles.model import day_in_china
from exam_service.errors import BadFields, Invalid, NotFound
from exam_service.institutions import queries
from exam_service.institutions.model import RosterDetails, RosterEntry
from exam_service.institutions.reading import read_newcomer, read_practising
from exam_service.institutions.usecases.imports import enter, why_known
from exam_service.institutions.usecases.roster import ROSTER, roster_details
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_MOST_DEPARTMENTS = 1000


async def _departments(tx: Tx, principal: Principal, current: UUID | None = None) -> dict[str, UUID]:
    """Those that may be chosen, by name and by id; the current one too, where it was stopped."""
    found = await queries.select_departments(
        tx, principal.of_institution(), principal.province_id, stopped=False, limit=_MOST_DEPARTMENTS
    )
    by_text = {each.name: each.id for each in found} | {str(each.id): each.id for each in found}
    if current:
        by_text[str(current)] = current
    return by_text


async def add_to_roster(services: Services, principal: Principal, texts: Mapping[str, str]) -> UUID:
    """Enter a physician by hand.

    Raises:
        BadFields: A field can't be taken, or the document is somebody's already.
    """
    institution_id = principal.of_institution()
    today = day_in_china(services.clock.now())
    async with services.database.tx() as tx:
        newcomer = read_newcomer(texts, await _departments(tx, principal), today)
        found = await accounts.accounts_of(tx, services.settings, principal.province_id, [newcomer.document])
        if found:
            account_id = found[newcomer.document]
            places = await queries.select_institutions_of(tx, [account_id], principal.province_id)
            raise BadFields({"number": why_known(places.get(account_id), institution_id)})
        (account_id,) = await enter(
            tx,
            services.clock,
            services.settings,
            services.vault,
            [newcomer],
            province_id=principal.province_id,
            institution_id=institution_id,
            actor_id=principal.account_id,
        )
    return account_id


@dataclass(frozen=True, repr=False)
class Editing:
    """What the page that amends an entry shows."""

    entry: RosterEntry
    person: PersonOnRoster
    details: RosterDetails


async def editing(services: Services, principal: Principal, account_id: UUID) -> Editing:
    """An entry of one's own institution with all that it says.

    Raises:
        NotFound: They aren't on its roster.
    """
    async with services.database.tx() as tx:
        entry = _own(principal, await queries.select_optional_entry(tx, account_id, principal.province_id))
        return Editing(
            entry,
            await accounts.person_on_roster(tx, services.vault, account_id, principal.province_id),
            await roster_details(tx, services.vault, account_id, principal.province_id),
        )


def _own(principal: Principal, entry: RosterEntry | None) -> RosterEntry:
    if entry is None or entry.institution_id != principal.of_institution():
        raise NotFound("本机构名册中没有这名医师，请返回名册核对。")
    return entry


async def amend_entry(
    services: Services, principal: Principal, account_id: UUID, texts: Mapping[str, str]
) -> None:
    """Amend an entry. Name, document and mobile until the account is first activated; left empty, they stay.

    Raises:
        NotFound: They aren't on one's own institution's roster.
        BadFields: A field can't be taken, or the document is somebody else's.
        Conflict: The account was activated meanwhile.
    """
    today = day_in_china(services.clock.now())
    async with services.database.tx() as tx:
        entry = _own(principal, await queries.lock_optional_entry(tx, account_id, principal.province_id))
        person = await accounts.person_on_roster(tx, services.vault, account_id, principal.province_id)
        known = parse_document(person.document_type, person.number)
        typed, problems = _read_person(person, texts) if person.first_activated_at is None else (None, {})
        try:
            practising = read_practising(
                {**texts, "number": "", "document_type": ""},
                await _departments(tx, principal, entry.department_id),
                today,
                (typed and typed.document) or known,
            )
        except BadFields as refused:
            raise BadFields(refused.problems | problems) from None
        if problems:
            raise BadFields(problems)
        if typed is not None:
            await _correct(tx, services, entry, typed)
        key = await services.vault.key_for(
            tx,
            province_id=entry.province_id,
            account_id=account_id,
            cycle_id=None,
            data_class=ROSTER,
        )
        amended = replace(
            entry,
            department_id=practising.department_id,
            sex=practising.sex,
            born_on=practising.born_on,
            category=practising.category,
            level=practising.level,
            licensed_on=practising.licensed_on,
            first_registered_on=practising.first_registered_on,
        )
        sealed = seal(key, json.dumps(practising.details.to_json()).encode(), account_id)
        await queries.update_entry(tx, amended, sealed)
        await audit.record(
            tx,
            services.clock,
            province_id=entry.province_id,
            actor_id=principal.account_id,
            action="roster.amended",
            subject_id=account_id,
            facts={"identity": bool(typed and typed.document), "mobile": bool(typed and typed.mobile)},
        )


@dataclass(frozen=True, repr=False)
class _Person:
    name: str
    document: Document | None
    mobile: str | None


def _read_person(person: PersonOnRoster, texts: Mapping[str, str]) -> tuple[_Person, dict[str, str]]:
    """What was typed of who somebody is, and what is wrong with it."""
    problems: dict[str, str] = {}
    name, document, mobile = person.name, None, None
    try:
        name = tidy_name(texts.get("name", ""))
    except Invalid as error:
        problems["name"] = error.sentence
    if number := texts.get("number", "").strip():
        try:
            document = parse_document(texts.get("document_type") or person.document_type, number)
        except Invalid as error:
            problems["number"] = error.sentence
    if typed := texts.get("mobile", "").strip():
        try:
            mobile = parse_mobile(typed)
        except Invalid as error:
            problems["mobile"] = error.sentence
    return _Person(name, document, mobile), problems


async def _correct(tx: Tx, services: Services, entry: RosterEntry, typed: _Person) -> None:
    if typed.document:
        found = await accounts.accounts_of(tx, services.settings, entry.province_id, [typed.document])
        if found.get(typed.document, entry.account_id) != entry.account_id:
            raise BadFields({"number": "系统中已有这个证件号码的医师，请核对。"})
    await accounts.correct_physician(
        tx,
        services.settings,
        services.vault,
        account_id=entry.account_id,
        province_id=entry.province_id,
        name=typed.name,
        document=typed.document,
        mobile=typed.mobile,
    )
    if typed.name != entry.name:
        await queries.update_entry_name(tx, entry.account_id, entry.province_id, typed.name)
