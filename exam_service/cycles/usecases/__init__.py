"""Open a cycle; look one up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

from exam_service.clock import Clock
from exam_service.cycles import queries
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import Policy, Stage
from exam_service.cycles.usecases.desks import cards
from exam_service.ids import new_id
from exam_service.organisations import usecases as organisations
from exam_service.storage.database import Tx

__all__ = [
    "all_cycles",
    "assign_institution",
    "body_of_institution",
    "cards",
    "cycle_of",
    "cycles_over",
    "cycles_to_sit",
    "cycles_with_makeup",
    "newest_cycle",
    "open_cycle",
]


async def open_cycle(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    title: str,
    tests_from: date,
    tests_until: date,
    policy: Policy,
    makeup_from: date | None = None,
    makeup_until: date | None = None,
    stages: Mapping[Stage, tuple[date, date]] | None = None,
) -> Cycle:
    """Open a cycle with its policy, which it keeps; with days for make-up, where the authority gives some.

    From now on its province's people come in as the policy says.
    """
    cycle = Cycle(
        new_id(),
        province_id,
        title,
        tests_from,
        tests_until,
        policy,
        makeup_from,
        makeup_until,
        dict(stages or {}),
    )
    await queries.insert_cycle(tx, cycle, clock.now())
    await organisations.set_entry(tx, province_id, policy.raw["entry"])
    return cycle


async def assign_institution(tx: Tx, cycle: Cycle, institution_id: UUID, body_id: UUID) -> None:
    """An institution is in the cycle from now on, with this body. Ids of the cycle's province only."""
    await queries.insert_cycle_body(tx, cycle.id, body_id, cycle.province_id)
    await queries.upsert_cycle_institution(tx, cycle.id, institution_id, body_id, cycle.province_id)


async def body_of_institution(tx: Tx, cycle_id: UUID, institution_id: UUID) -> UUID | None:
    """The body that an institution belongs to in a cycle; ``None`` when it isn't in it."""
    return await queries.select_optional_body(tx, cycle_id, institution_id)


async def newest_cycle(tx: Tx, province_id: str) -> Cycle | None:
    """The cycle that the province's people are in; ``None`` before there is one."""
    return await queries.select_optional_newest(tx, province_id)


async def cycle_of(tx: Tx, cycle_id: UUID, province_id: str) -> Cycle:
    """A cycle of this province.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_cycle(tx, cycle_id, province_id)


async def cycles_to_sit(
    tx: Tx, now: datetime, *, province_id: str | None = None, cycle_id: UUID | None = None
) -> list[Cycle]:
    """Cycles (of a province, or this one) whose tests or days of make-up are not over yet."""
    today = day_in_china(now)
    return [
        cycle for cycle in await queries.select_cycles(tx, province_id, cycle_id) if today <= cycle.last_day
    ]


async def cycles_with_makeup(tx: Tx, province_id: str) -> list[Cycle]:
    """The province's cycles with days for make-up, the newest first."""
    return await queries.select_cycles_with_makeup(tx, province_id)


async def all_cycles(tx: Tx, province_id: str | None) -> list[Cycle]:
    """The cycles of a province or of all, in order of their opening."""
    return await queries.select_cycles(tx, province_id, None)


async def cycles_over(tx: Tx, now: datetime) -> list[Cycle]:
    """Cycles of all provinces whose tests and days of make-up are over."""
    today = day_in_china(now)
    return [cycle for cycle in await queries.select_cycles(tx, None, None) if cycle.last_day < today]
