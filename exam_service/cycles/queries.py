from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import parse_policy
from exam_service.errors import NotFound
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.cycles")


def _cycle(row: Row) -> Cycle:
    return Cycle(
        row["id"],
        row["province_id"],
        row["title"],
        row["tests_from"],
        row["tests_until"],
        parse_policy(row["policy"]),
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
    )


async def select_cycle(tx: Tx, cycle_id: UUID, province_id: str) -> Cycle:
    row = await tx.fetch_optional(SQL["select_cycle"], cycle_id, province_id)
    if row is None:
        raise NotFound("没有找到这个考核周期。", cycle=cycle_id)
    return _cycle(row)
