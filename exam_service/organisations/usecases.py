"""Provinces, bodies and institutions: add them, name them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from exam_service.ids import new_id
from exam_service.organisations import queries
from exam_service.organisations.entry import parse_entry
from exam_service.organisations.model import Body, Institution, Province
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
    province = Province(province_id, name, authority or f"{name}卫生健康委员会")
    await queries.insert_province(tx, province)
    return province


async def add_body(tx: Tx, province_id: str, name: str) -> Body:
    body = Body(new_id(), province_id, name)
    await queries.insert_body(tx, body)
    return body


async def add_institution(tx: Tx, province_id: str, name: str) -> Institution:
    institution = Institution(new_id(), province_id, name)
    await queries.insert_institution(tx, institution)
    return institution


async def body_name(tx: Tx, body_id: UUID, province_id: str) -> str:
    return await queries.select_body_name(tx, body_id, province_id)


async def institution_name(tx: Tx, institution_id: UUID, province_id: str) -> str:
    return await queries.select_institution_name(tx, institution_id, province_id)
