from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from uuid import UUID

from exam_service.errors import NotFound
from exam_service.organisations.entry import Entry, parse_entry
from exam_service.organisations.model import Body, Institution, Province
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.organisations")


@lru_cache(maxsize=64)
def _entry(text: str) -> Entry:
    """Every login page asks for its provinces; there are as many texts as provinces."""
    return parse_entry(json.loads(text))


def _province(row: Row) -> Province:
    return Province(row["id"], row["name"], row["authority"], _entry(row["entry"]))


async def insert_province(tx: Tx, province: Province) -> None:
    await tx.execute(SQL["insert_province"], province.id, province.name, province.authority)


async def select_provinces(tx: Tx) -> list[Province]:
    return [_province(row) for row in await tx.fetch(SQL["select_provinces"])]


async def select_province(tx: Tx, province_id: str) -> Province:
    row = await tx.fetch_optional(SQL["select_province"], province_id)
    if row is None:
        raise NotFound("没有找到这个省份，请重新选择。", province=province_id)
    return _province(row)


async def update_entry(tx: Tx, province_id: str, entry: Mapping[str, Any]) -> None:
    await tx.execute(SQL["update_entry"], province_id, dict(entry))


async def insert_body(tx: Tx, body: Body) -> None:
    await tx.execute(SQL["insert_body"], body.id, body.province_id, body.name)


async def select_body_name(tx: Tx, body_id: UUID, province_id: str) -> str:
    return str(await tx.fetch_value(SQL["select_body_name"], body_id, province_id))


async def insert_institution(tx: Tx, institution: Institution) -> None:
    await tx.execute(SQL["insert_institution"], institution.id, institution.province_id, institution.name)


async def select_institution_name(tx: Tx, institution_id: UUID, province_id: str) -> str:
    return str(await tx.fetch_value(SQL["select_institution_name"], institution_id, province_id))
