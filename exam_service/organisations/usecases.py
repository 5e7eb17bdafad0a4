"""Provinces, bodies and institutions: add them, name them."""

from __future__ import annotations

from uuid import UUID

from exam_service.ids import new_id
from exam_service.organisations import queries
from exam_service.organisations.model import Body, Institution, Province
from exam_service.storage.database import Database, Tx


async def provinces(database: Database) -> list[Province]:
    """Every province that this service works for, in order of id."""
    async with database.tx() as tx:
        return await queries.select_provinces(tx)


async def add_province(tx: Tx, province_id: str, name: str) -> Province:
    province = Province(province_id, name)
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
