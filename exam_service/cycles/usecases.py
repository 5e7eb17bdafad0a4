"""Open a cycle; look one up."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from exam_service.clock import Clock
from exam_service.cycles import queries
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import Policy
from exam_service.ids import new_id
from exam_service.storage.database import Tx


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
) -> Cycle:
    """Open a cycle with its policy, which it keeps; with days for make-up, where the authority gives some."""
    cycle = Cycle(new_id(), province_id, title, tests_from, tests_until, policy, makeup_from, makeup_until)
    await queries.insert_cycle(tx, cycle, clock.now())
    return cycle


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


async def cycles_over(tx: Tx, now: datetime) -> list[Cycle]:
    """Cycles of all provinces whose tests and days of make-up are over."""
    today = day_in_china(now)
    return [cycle for cycle in await queries.select_cycles(tx, None, None) if cycle.last_day < today]
