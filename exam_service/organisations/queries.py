from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from exam_service.errors import NotFound
from exam_service.organisations.entry import Entry, parse_entry
from exam_service.organisations.model import Body, ExamSite, Institution, Province
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


async def insert_body(tx: Tx, body: Body) -> bool:
    """Whether it was added: a province has no two of one name."""
    added = await tx.fetch_value(SQL["insert_body"], body.id, body.province_id, body.name, body.phone)
    return added is not None


async def select_body(tx: Tx, body_id: UUID, province_id: str) -> Body:
    row = await tx.fetch_optional(SQL["select_body"], body_id, province_id)
    if row is None:
        raise NotFound("没有找到这个考核机构。", body=body_id)
    return Body(row["id"], row["province_id"], row["name"], row["phone"])


async def update_body(tx: Tx, body: Body) -> bool:
    """Whether it was changed: not where another has that name."""
    changed = await tx.fetch_value(SQL["update_body"], body.id, body.province_id, body.name, body.phone)
    return changed is not None


async def insert_institution(tx: Tx, institution: Institution) -> bool:
    """Whether it was added: a province has no two of one name."""
    added = await tx.fetch_value(
        SQL["insert_institution"],
        institution.id,
        institution.province_id,
        institution.name,
        institution.phone,
        institution.address,
    )
    return added is not None


async def select_institution(tx: Tx, institution_id: UUID, province_id: str) -> Institution:
    row = await tx.fetch_optional(SQL["select_institution"], institution_id, province_id)
    if row is None:
        raise NotFound("没有找到这个医疗卫生机构。", institution=institution_id)
    return Institution(row["id"], row["province_id"], row["name"], row["phone"], row["address"])


async def update_institution(tx: Tx, institution: Institution) -> bool:
    """Whether it was changed: not where another has that name."""
    changed = await tx.fetch_value(
        SQL["update_institution"],
        institution.id,
        institution.province_id,
        institution.name,
        institution.phone,
        institution.address,
    )
    return changed is not None


async def select_known_institutions(tx: Tx, province_id: str, names: Sequence[str]) -> set[str]:
    rows = await tx.fetch(SQL["select_known_institutions"], province_id, list(names))
    return {row["name"] for row in rows}


async def insert_institutions(tx: Tx, province_id: str, institutions: Sequence[Institution]) -> None:
    await tx.execute(
        SQL["insert_institutions"],
        province_id,
        [each.id for each in institutions],
        [each.name for each in institutions],
        [each.phone for each in institutions],
        [each.address for each in institutions],
    )


def _site(row: Row) -> ExamSite:
    return ExamSite(
        row["id"],
        row["province_id"],
        row["body_id"],
        row["name"],
        row["address"],
        row["seats"],
        row["note"],
        row["stopped_at"],
        used=row["used_at"] is not None,
    )


async def insert_site(tx: Tx, site: ExamSite, now: datetime) -> bool:
    """Whether it was added: a body has no two of one name."""
    added = await tx.fetch_value(
        SQL["insert_site"],
        site.id,
        site.province_id,
        site.body_id,
        site.name,
        site.address,
        site.seats,
        site.note,
        now,
    )
    return added is not None


async def select_sites(tx: Tx, body_id: UUID, province_id: str) -> list[ExamSite]:
    return [_site(row) for row in await tx.fetch(SQL["select_sites"], body_id, province_id)]


async def lock_site(tx: Tx, site_id: UUID, body_id: UUID, province_id: str) -> ExamSite:
    row = await tx.fetch_optional(SQL["lock_site"], site_id, body_id, province_id)
    if row is None:
        raise NotFound("没有找到这个考点，可能已被删除。", site=site_id)
    return _site(row)


async def update_site(tx: Tx, site: ExamSite) -> bool:
    """Whether it was changed: not where another of the body has that name."""
    changed = await tx.fetch_value(
        SQL["update_site"], site.id, site.name, site.address, site.seats, site.note
    )
    return changed is not None


async def update_site_stopped(tx: Tx, site_id: UUID, stopped_at: datetime | None) -> None:
    await tx.execute(SQL["update_site_stopped"], site_id, stopped_at)


async def update_site_used(tx: Tx, body_id: UUID, province_id: str, words: str, now: datetime) -> None:
    await tx.execute(SQL["update_site_used"], body_id, province_id, words, now)


async def delete_site(tx: Tx, site_id: UUID) -> None:
    await tx.execute(SQL["delete_site"], site_id)
