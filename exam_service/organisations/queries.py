from __future__ import annotations

from uuid import UUID

from exam_service.organisations.model import Body, Institution, Province
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.organisations")


async def insert_province(tx: Tx, province: Province) -> None:
    await tx.execute(SQL["insert_province"], province.id, province.name)


async def select_provinces(tx: Tx) -> list[Province]:
    return [Province(**row) for row in await tx.fetch(SQL["select_provinces"])]


async def insert_body(tx: Tx, body: Body) -> None:
    await tx.execute(SQL["insert_body"], body.id, body.province_id, body.name)


async def select_body_name(tx: Tx, body_id: UUID, province_id: str) -> str:
    return str(await tx.fetch_value(SQL["select_body_name"], body_id, province_id))


async def insert_institution(tx: Tx, institution: Institution) -> None:
    await tx.execute(SQL["insert_institution"], institution.id, institution.province_id, institution.name)


async def select_institution_name(tx: Tx, institution_id: UUID, province_id: str) -> str:
    return str(await tx.fetch_value(SQL["select_institution_name"], institution_id, province_id))
