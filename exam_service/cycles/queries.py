from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from exam_service.cycles.model import (
    ApplicationState,
    BodyApplication,
    BodyKind,
    Cycle,
    CycleBody,
    Office,
    OfficeFilter,
)
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


async def lock_cycle(tx: Tx, cycle_id: UUID, province_id: str) -> Cycle:
    row = await tx.fetch_optional(SQL["lock_cycle"], cycle_id, province_id)
    if row is None:
        raise NotFound("没有找到这个考核周期。", cycle=cycle_id)
    return _cycle(row)


async def update_plan(tx: Tx, cycle: Cycle) -> None:
    await tx.execute(
        SQL["update_plan"],
        cycle.id,
        cycle.title,
        cycle.tests_from,
        cycle.tests_until,
        cycle.makeup_from,
        cycle.makeup_until,
        stages_as_json(cycle.stages),
    )


async def select_cycle_bodies(tx: Tx, cycle_id: UUID, province_id: str) -> list[CycleBody]:
    return [CycleBody(**row) for row in await tx.fetch(SQL["select_cycle_bodies"], cycle_id, province_id)]


async def select_bodies(tx: Tx, province_id: str, cycle_id: UUID | None) -> list[CycleBody]:
    return [CycleBody(**row) for row in await tx.fetch(SQL["select_bodies"], province_id, cycle_id)]


async def count_unassigned(tx: Tx, province_id: str, cycle_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_unassigned"], province_id, cycle_id))


async def carry_over(tx: Tx, to_cycle: UUID, from_cycle: UUID, province_id: str) -> int:
    """Bodies, and which of them each institution belongs to; gives how many institutions."""
    await tx.execute(SQL["carry_bodies_over"], to_cycle, from_cycle, province_id)
    return int(await tx.fetch_value(SQL["carry_institutions_over"], to_cycle, from_cycle, province_id))


async def select_optional_cycle_before(tx: Tx, province_id: str, cycle_id: UUID) -> Cycle | None:
    row = await tx.fetch_optional(SQL["select_optional_cycle_before"], province_id, cycle_id)
    return _cycle(row) if row else None


async def select_offices(
    tx: Tx, province_id: str, cycle_id: UUID | None, shown: OfficeFilter, after: str, limit: int
) -> list[Office]:
    rows = await tx.fetch(
        SQL["select_offices"],
        province_id,
        cycle_id,
        shown.search,
        shown.body_id,
        shown.unassigned,
        after,
        limit,
    )
    return [Office(**row) for row in rows]


async def select_office_ids(
    tx: Tx, province_id: str, cycle_id: UUID | None, shown: OfficeFilter
) -> list[UUID]:
    rows = await tx.fetch(
        SQL["select_office_ids"], province_id, cycle_id, shown.search, shown.body_id, shown.unassigned
    )
    return [row["id"] for row in rows]


async def select_own_ids(tx: Tx, province_id: str, ids: Sequence[UUID]) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_own_ids"], province_id, list(ids))]


async def assign_institutions(
    tx: Tx, cycle_id: UUID, institution_ids: Sequence[UUID], body_id: UUID, province_id: str
) -> None:
    await tx.execute(SQL["assign_institutions"], cycle_id, list(institution_ids), body_id, province_id)


async def select_institutions_of_body(tx: Tx, cycle_id: UUID, body_id: UUID) -> list[UUID]:
    rows = await tx.fetch(SQL["select_institutions_of_body"], cycle_id, body_id)
    return [row["institution_id"] for row in rows]


def _application(row: Row) -> BodyApplication:
    return BodyApplication(
        row["id"],
        row["province_id"],
        row["cycle_id"],
        row["institution_id"],
        row["institution"],
        BodyKind(row["kind"]),
        row["grounds"],
        row["applied_at"],
        ApplicationState(row["state"]),
        row["decided_at"],
        row["decision"],
        row["body_id"],
    )


async def insert_application(tx: Tx, application: BodyApplication, applied_by: UUID) -> bool:
    """Whether it was taken: not while the institution has one in the cycle that is open or granted."""
    inserted = await tx.fetch_value(
        SQL["insert_application"],
        application.id,
        application.province_id,
        application.cycle_id,
        application.institution_id,
        application.kind,
        application.grounds,
        applied_by,
        application.applied_at,
    )
    return inserted is not None


async def select_own_applications(
    tx: Tx, institution_id: UUID, province_id: str, cycle_id: UUID
) -> list[BodyApplication]:
    rows = await tx.fetch(SQL["select_own_applications"], institution_id, province_id, cycle_id)
    return [_application(row) for row in rows]


async def select_applications(
    tx: Tx,
    province_id: str,
    cycle_id: UUID,
    state: ApplicationState | None,
    after: UUID | None,
    limit: int,
) -> list[BodyApplication]:
    rows = await tx.fetch(SQL["select_applications"], province_id, cycle_id, state, after, limit)
    return [_application(row) for row in rows]


async def count_open_applications(tx: Tx, province_id: str, cycle_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_open_applications"], province_id, cycle_id))


async def lock_application(tx: Tx, application_id: UUID, province_id: str) -> BodyApplication:
    row = await tx.fetch_optional(SQL["lock_application"], application_id, province_id)
    if row is None:
        raise NotFound("没有找到这份申请。", application=application_id)
    return _application(row)


async def update_application(
    tx: Tx,
    application_id: UUID,
    state: ApplicationState,
    decided_by: UUID | None,
    decided_at: datetime | None,
    decision: str | None,
    body_id: UUID | None,
) -> None:
    await tx.execute(
        SQL["update_application"], application_id, state, decided_by, decided_at, decision, body_id
    )


async def select_optional_body_of_name(tx: Tx, province_id: str, name: str) -> UUID | None:
    body_id: UUID | None = await tx.fetch_value(SQL["select_optional_body_of_name"], province_id, name)
    return body_id
