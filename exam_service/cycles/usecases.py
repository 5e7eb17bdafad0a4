"""Open a cycle; look one up."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from exam_service.clock import Clock
from exam_service.cycles import queries
from exam_service.cycles.model import Cycle
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
) -> Cycle:
    """Open a cycle with its policy, which it keeps."""
    cycle = Cycle(new_id(), province_id, title, tests_from, tests_until, policy)
    await queries.insert_cycle(tx, cycle, clock.now())
    return cycle


async def cycle_of(tx: Tx, cycle_id: UUID, province_id: str) -> Cycle:
    """A cycle of this province.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_cycle(tx, cycle_id, province_id)
