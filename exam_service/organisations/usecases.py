"""Provinces, bodies, institutions and sites: add them, name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from exam_service.clock import Clock
from exam_service.errors import BadFields, Conflict
from exam_service.ids import new_id
from exam_service.organisations import queries
from exam_service.organisations.entry import parse_entry
from exam_service.organisations.model import (
    Body,
    Contact,
    ExamSite,
    Institution,
    Province,
    check_contact,
    check_province,
)
from exam_service.storage.database import Database, Tx


async def provinces(database: Database) -> list[Province]:
    """Every province that this service works for, in order of id."""
    async with database.tx() as tx:
        return await queries.select_provinces(tx)


async def province(tx: Tx, province_id: str) -> Province:
    """A province of this service.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_province(tx, province_id)


async def set_entry(tx: Tx, province_id: str, entry: Mapping[str, Any]) -> None:
    """How its people come in from now on; the table ``[entry]`` of a policy."""
    parse_entry(entry)
    await queries.update_entry(tx, province_id, entry)


async def add_province(tx: Tx, province_id: str, name: str, authority: str | None = None) -> Province:
    """A province, its health administration called ``authority``.

    Raises:
        BadFields: The id is no short Latin name, or the name is missing.
        Conflict: There is one of that id.
    """
    check_province(province_id, name)
    if any(known.id == province_id for known in await queries.select_provinces(tx)):
        raise Conflict(f"已有省份 {province_id}，请换一个代号。", code="province_exists")
    province = Province(province_id, name, authority or f"{name}卫生健康委员会")
    await queries.insert_province(tx, province)
    return province


async def add_body(tx: Tx, province_id: str, name: str, phone: str = "") -> Body:
    """A body of the province.

    Raises:
        BadFields: The name is missing, too long or taken, or ``phone`` is no telephone number.
    """
    check_contact(Contact(name, phone))
    body = Body(new_id(), province_id, name, phone)
    if not await queries.insert_body(tx, body):
        raise BadFields({"name": "本省已有同名的考核机构，请核对。"})
    return body


async def edit_body(tx: Tx, body_id: UUID, province_id: str, contact: Contact) -> Body:
    """Another name or telephone number of a body.

    Raises:
        NotFound: It isn't of this province.
        BadFields: As :func:`add_body`.
    """
    check_contact(contact)
    body = replace(
        await queries.select_body(tx, body_id, province_id), name=contact.name, phone=contact.phone
    )
    if not await queries.update_body(tx, body):
        raise BadFields({"name": "本省已有同名的考核机构，请核对。"})
    return body


async def add_institution(
    tx: Tx, province_id: str, name: str, phone: str = "", address: str = ""
) -> Institution:
    """An institution of the province.

    Raises:
        BadFields: The name is missing, too long or taken, or something else can't be taken.
    """
    check_contact(Contact(name, phone, address))
    institution = Institution(new_id(), province_id, name, phone, address)
    if not await queries.insert_institution(tx, institution):
        raise BadFields({"name": "本省已有同名的医疗卫生机构，请核对。"})
    return institution


async def edit_institution(tx: Tx, institution_id: UUID, province_id: str, contact: Contact) -> Institution:
    """Another name, telephone number or address of an institution.

    Raises:
        NotFound: It isn't of this province.
        BadFields: As :func:`add_institution`.
    """
    check_contact(contact)
    institution = replace(
        await queries.select_institution(tx, institution_id, province_id),
        name=contact.name,
        phone=contact.phone,
        address=contact.address,
    )
    if not await queries.update_institution(tx, institution):
        raise BadFields({"name": "本省已有同名的医疗卫生机构，请核对。"})
    return institution


async def add_institutions(tx: Tx, province_id: str, contacts: Sequence[Contact]) -> list[Institution]:
    """Many at once; their fields are right and their names differ, see :func:`known_institutions`."""
    added = [Institution(new_id(), province_id, each.name, each.phone, each.address) for each in contacts]
    await queries.insert_institutions(tx, province_id, added)
    return added


async def known_institutions(tx: Tx, province_id: str, names: Sequence[str]) -> set[str]:
    """Which of these names institutions of the province have."""
    return await queries.select_known_institutions(tx, province_id, names)


async def body(tx: Tx, body_id: UUID, province_id: str) -> Body:
    """A body of this province.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_body(tx, body_id, province_id)


async def institution(tx: Tx, institution_id: UUID, province_id: str) -> Institution:
    """An institution of this province.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_institution(tx, institution_id, province_id)


async def body_name(tx: Tx, body_id: UUID, province_id: str) -> str:
    return (await queries.select_body(tx, body_id, province_id)).name


async def institution_name(tx: Tx, institution_id: UUID, province_id: str) -> str:
    return (await queries.select_institution(tx, institution_id, province_id)).name


async def add_site(tx: Tx, clock: Clock, site: ExamSite) -> None:
    """A site of a body, its fields checked.

    Raises:
        BadFields: The body has one of that name.
    """
    if not await queries.insert_site(tx, site, clock.now()):
        raise BadFields({"name": "已有同名的考点，请换一个名称。"})


async def edit_site(tx: Tx, site: ExamSite) -> None:
    """A site as it is called from now on; its row is held (:func:`lock_site`).

    Raises:
        BadFields: The body has another of that name.
    """
    if not await queries.update_site(tx, site):
        raise BadFields({"name": "已有同名的考点，请换一个名称。"})


async def lock_site(tx: Tx, site_id: UUID, body_id: UUID, province_id: str) -> ExamSite:
    """A site of this body with its row held.

    Raises:
        NotFound: It is another body's, or there is none.
    """
    return await queries.lock_site(tx, site_id, body_id, province_id)


async def stop_site(tx: Tx, site: ExamSite, stopped_at: datetime | None) -> None:
    """No sitting is arranged there any more; ``None``: again."""
    await queries.update_site_stopped(tx, site.id, stopped_at)


async def delete_site(tx: Tx, site: ExamSite) -> None:
    """Forget a site that was never used; its row is held.

    Raises:
        Conflict: A sitting was arranged there.
    """
    if site.used:
        raise Conflict("这个考点已安排过现场测评，不能删除，可以停用。", code="site_used")
    await queries.delete_site(tx, site.id)


async def sites_of(tx: Tx, body_id: UUID, province_id: str) -> list[ExamSite]:
    """The sites of a body, those in use first."""
    return await queries.select_sites(tx, body_id, province_id)


async def note_site_used(tx: Tx, clock: Clock, body_id: UUID, province_id: str, place: str) -> None:
    """A sitting was arranged at ``place``, as :attr:`ExamSite.words` has it; any other place is fine too."""
    await queries.update_site_used(tx, body_id, province_id, place, clock.now())
