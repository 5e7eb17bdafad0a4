from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Policy, parse_policy, parse_stages, stages_as_json
from exam_service.errors import NotFound
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.cycles")


@lru_cache(maxsize=64)
def _policy(text: str) -> Policy:
    """Every step of every paper asks for its cycle; there are as many texts as cycles that are open."""
    return parse_policy(json.loads(text))


def _cycle(row: Row) -> Cycle:
    return Cycle(
        row["id"],
        row["province_id"],
        row["title"],
        row["tests_from"],
        row["tests_until"],
        _policy(row["policy"]),
        row["makeup_from"],
        row["makeup_until"],
        parse_stages(json.loads(row["stages"])),
    )


async def insert_cycle(tx: Tx, cycle: Cycle, opened_at: datetime) -> None:
    await tx.execute(
        SQL["insert_cycle"],
        cycle.id,
        cycle.province_id,
        cycle.title,
        cycle.tests_from,
        cycle.tests_until,
        dict(cycle.policy.raw),
        opened_at,
        cycle.makeup_from,
        cycle.makeup_until,
        stages_as_json(cycle.stages),
    )


async def select_cycle(tx: Tx, cycle_id: UUID, province_id: str) -> Cycle:
    row = await tx.fetch_optional(SQL["select_cycle"], cycle_id, province_id)
    if row is None:
        raise NotFound("没有找到这个考核周期。", cycle=cycle_id)
    return _cycle(row)


async def select_cycles(tx: Tx, province_id: str | None, cycle_id: UUID | None) -> list[Cycle]:
    return [_cycle(row) for row in await tx.fetch(SQL["select_cycles"], province_id, cycle_id)]


async def select_cycles_with_makeup(tx: Tx, province_id: str) -> list[Cycle]:
    return [_cycle(row) for row in await tx.fetch(SQL["select_cycles_with_makeup"], province_id)]


async def insert_cycle_body(tx: Tx, cycle_id: UUID, body_id: UUID, province_id: str) -> None:
    await tx.execute(SQL["insert_cycle_body"], cycle_id, body_id, province_id)


async def upsert_cycle_institution(
    tx: Tx, cycle_id: UUID, institution_id: UUID, body_id: UUID, province_id: str
) -> None:
    await tx.execute(SQL["upsert_cycle_institution"], cycle_id, institution_id, body_id, province_id)


async def select_optional_body(tx: Tx, cycle_id: UUID, institution_id: UUID) -> UUID | None:
    body_id: UUID | None = await tx.fetch_value(SQL["select_optional_body"], cycle_id, institution_id)
    return body_id


async def select_optional_newest(tx: Tx, province_id: str) -> Cycle | None:
    row = await tx.fetch_optional(SQL["select_optional_newest"], province_id)
    return _cycle(row) if row else None
