"""The authority keeps the institutions and bodies of its province: single, and as a list from a file."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import queries
from exam_service.cycles.model import Cycle, CycleBody, Office, OfficeFilter
from exam_service.errors import Invalid, NotFound
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import Body, Contact, Institution, contact_problems
from exam_service.sheets import BadRow, BadRows, columns, read_sheet, write_sheet
from exam_service.storage.database import Tx
from exam_service.wiring import Services

PAGE = 50
NAME, PHONE, ADDRESS, BODY = "机构名称", "联系电话", "地址", "考核机构"
HEADER = (NAME, PHONE, ADDRESS, BODY)


@dataclass(frozen=True)
class OfficePage:
    """Institutions by name; ``next_cursor`` is the last name when there are more.

    Attributes:
        cycle: The newest; bodies are those of it.
    """

    rows: list[Office]
    next_cursor: str | None
    cycle: Cycle | None
    bodies: list[CycleBody]


async def institutions(
    services: Services, principal: Principal, shown: OfficeFilter, after: str
) -> OfficePage:
    """A page of the province's institutions, those after the name ``after``.

    Raises:
        Forbidden: Not staff of an authority.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await queries.select_optional_newest(tx, province_id)
        cycle_id = cycle.id if cycle else None
        rows = await queries.select_offices(tx, province_id, cycle_id, shown, after, PAGE + 1)
        bodies = await queries.select_bodies(tx, province_id, cycle_id)
    more = len(rows) > PAGE
    return OfficePage(rows[:PAGE], rows[PAGE - 1].name if more else None, cycle, bodies)


async def bodies(services: Services, principal: Principal) -> tuple[Cycle | None, list[CycleBody]]:
    """The province's bodies by name, and the newest cycle that their institutions are counted in.

    Raises:
        Forbidden: Not staff of an authority.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await queries.select_optional_newest(tx, province_id)
        return cycle, await queries.select_bodies(tx, province_id, cycle.id if cycle else None)


async def institution(services: Services, principal: Principal, institution_id: UUID) -> Institution:
    """An institution of the own province.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: There is none of that id.
    """
    async with services.database.tx() as tx:
        return await organisations.institution(tx, institution_id, principal.of_authority())


async def body(services: Services, principal: Principal, body_id: UUID) -> Body:
    """A body of the own province.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: There is none of that id.
    """
    async with services.database.tx() as tx:
        return await organisations.body(tx, body_id, principal.of_authority())


async def add_institution(services: Services, principal: Principal, contact: Contact) -> Institution:
    """Raises Forbidden, and BadFields for what can't be taken."""
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        added = await organisations.add_institution(
            tx, province_id, contact.name, contact.phone, contact.address
        )
        await _record(tx, services, principal, "institution.added", added.id, name=added.name)
    return added


async def add_body(services: Services, principal: Principal, contact: Contact) -> Body:
    """A body, in the newest cycle from now on.

    Raises:
        Forbidden: Not staff of an authority.
        BadFields: Something can't be taken.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        added = await organisations.add_body(tx, province_id, contact.name, contact.phone)
        cycle = await queries.select_optional_newest(tx, province_id)
        if cycle is not None:
            await queries.insert_cycle_body(tx, cycle.id, added.id, province_id)
        await _record(tx, services, principal, "body.added", added.id, name=added.name)
    return added


async def edit_institution(
    services: Services, principal: Principal, institution_id: UUID, contact: Contact
) -> None:
    """Raises Forbidden, NotFound, and BadFields for what can't be taken."""
    async with services.database.tx() as tx:
        edited = await organisations.edit_institution(tx, institution_id, principal.of_authority(), contact)
        await _record(
            tx,
            services,
            principal,
            "institution.edited",
            edited.id,
            name=edited.name,
            phone=edited.phone,
            address=edited.address,
        )


async def edit_body(services: Services, principal: Principal, body_id: UUID, contact: Contact) -> None:
    """Raises Forbidden, NotFound, and BadFields for what can't be taken."""
    async with services.database.tx() as tx:
        edited = await organisations.edit_body(tx, body_id, principal.of_authority(), contact)
        await _record(tx, services, principal, "body.edited", edited.id, name=edited.name, phone=edited.phone)


async def assign(
    tx: Tx, cycle: Cycle, body_id: UUID, chosen: Sequence[UUID], listed: OfficeFilter | None
) -> list[UUID]:
    """Give institutions a body in the cycle: the ``chosen``, or all that a list shows; gives their ids.

    Raises:
        NotFound: The body or one of the institutions isn't of the cycle's province.
        Invalid: There is none.
    """
    await organisations.body(tx, body_id, cycle.province_id)
    if listed is not None:
        ids = await queries.select_office_ids(tx, cycle.province_id, cycle.id, listed)
    else:
        ids = await queries.select_own_ids(tx, cycle.province_id, chosen)
        if len(ids) < len(set(chosen)):
            raise NotFound("没有找到其中的机构，请刷新页面后重新选择。")
    if not ids:
        raise Invalid("请先选择要分配的机构。", code="nobody_chosen")
    await queries.insert_cycle_body(tx, cycle.id, body_id, cycle.province_id)
    await queries.assign_institutions(tx, cycle.id, ids, body_id, cycle.province_id)
    return ids


def template() -> bytes:
    """An XLSX file to fill in."""
    return write_sheet(HEADER, [("示例医院（导入前请删除本行）", "0731-88888888", "示例路1号", "")])


async def import_institutions(services: Services, principal: Principal, data: bytes) -> int:
    """Take a list of institutions, with their body in the newest cycle where the list names one.

    Raises:
        Forbidden: Not staff of an authority.
        Invalid: No such file, or nothing in it.
        BadRows: Rows are wrong; nothing was taken.
    """
    province_id = principal.of_authority()
    rows = await asyncio.to_thread(read_sheet, data)
    places = columns(rows, HEADER, needed=(NAME,))
    listed = [
        (number, {name: row[place] if place < len(row) else "" for name, place in places.items()})
        for number, row in enumerate(rows[1:], start=2)
        if row
    ]
    if not listed:
        raise Invalid("文件中没有机构，请从第二行开始填写。", code="empty_sheet")
    async with services.database.tx() as tx:
        cycle = await queries.select_optional_newest(tx, province_id)
        known = {
            each.name: each.id
            for each in await queries.select_bodies(tx, province_id, cycle.id if cycle else None)
        }
        taken = await organisations.known_institutions(tx, province_id, [row[NAME] for _, row in listed])
        if bad := _bad_rows(listed, taken, known if cycle else {}):
            raise BadRows(bad)
        added = await organisations.add_institutions(tx, province_id, [_contact(row) for _, row in listed])
        await _assign_listed(tx, cycle, added, [known.get(row.get(BODY, "")) for _, row in listed])
        await _record(tx, services, principal, "institutions.imported", None, count=len(added))
    return len(added)


def _contact(row: dict[str, str]) -> Contact:
    return Contact(row[NAME], row.get(PHONE, ""), row.get(ADDRESS, ""))


def _bad_rows(
    listed: Sequence[tuple[int, dict[str, str]]], taken: set[str], bodies: dict[str, UUID]
) -> list[BadRow]:
    times = Counter(row[NAME] for _, row in listed)
    found = []
    for number, row in listed:
        reasons = list(contact_problems(_contact(row)).values())
        if row[NAME] in taken:
            reasons.append("本省已有这个机构。")
        elif row[NAME] and times[row[NAME]] > 1:
            reasons.append("文件中有同名的机构。")
        if (name := row.get(BODY)) and name not in bodies:
            reasons.append(f"没有名为“{name}”的考核机构，请先添加，或留空。")
        if reasons:
            found.append(BadRow(number, "".join(reasons)))
    return found


async def _assign_listed(
    tx: Tx, cycle: Cycle | None, added: Sequence[Institution], bodies: Sequence[UUID | None]
) -> None:
    if cycle is None:
        return
    for body_id in {each for each in bodies if each is not None}:
        chosen = [one.id for one, its in zip(added, bodies, strict=True) if its == body_id]
        await queries.insert_cycle_body(tx, cycle.id, body_id, cycle.province_id)
        await queries.assign_institutions(tx, cycle.id, chosen, body_id, cycle.province_id)


async def _record(
    tx: Tx, services: Services, principal: Principal, action: str, subject_id: UUID | None, **facts: object
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
