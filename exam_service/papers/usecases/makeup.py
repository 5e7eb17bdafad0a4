"""Make-up rounds: the days in which a body lets be sat again what was failed."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle, day_in_china, days
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.papers import queries
from exam_service.papers.retakes import MakeupRound
from exam_service.storage.database import Database, Tx


async def open_makeup_round(
    database: Database, clock: Clock, principal: Principal, cycle_id: UUID, opens: date, closes: date
) -> MakeupRound:
    """Open a round for the physicians of this body: days in China, both included.

    Raises:
        Forbidden: Not staff of a body.
        NotFound: No such cycle in this province.
        Invalid: The days are in the wrong order, over already, or not within those of the authority.
        Conflict: Another round of this body has some of these days.
    """
    body_id = principal.of_body()
    now = clock.now()
    async with database.tx() as tx:
        if await queries.lock_optional_body(tx, body_id, principal.province_id) is None:
            raise NotFound("没有找到您所在的考核机构，请重新登录。", body=body_id)
        cycle = await cycles.cycle_of(tx, cycle_id, principal.province_id)
        _check_days(cycle, opens, closes, day_in_china(now))
        for other in await queries.select_rounds(tx, cycle_id, body_id, principal.province_id):
            if opens <= other.closes and other.opens <= closes:
                raise Conflict(
                    f"与已开放的补考轮次（{other.window()}）日期重叠，请另选日期。", code="round_overlaps"
                )
        opened = MakeupRound(new_id(), principal.province_id, cycle_id, body_id, opens, closes)
        await queries.insert_round(tx, opened, principal.account_id, now)
        await audit.record(
            tx,
            clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="makeup_round.opened",
            subject_id=opened.id,
            facts={
                "cycle": str(cycle_id),
                "body": str(body_id),
                "opens": opens.isoformat(),
                "closes": closes.isoformat(),
            },
        )
    return opened


def _check_days(cycle: Cycle, opens: date, closes: date, today: date) -> None:
    if cycle.makeup_from is None or cycle.makeup_until is None:
        raise Invalid("卫生行政部门尚未确定补考时间，请先与卫生行政部门联系。", code="no_makeup_dates")
    if opens > closes:
        raise Invalid("补考的开始日期不能晚于结束日期，请更正。", code="bad_dates")
    if opens < cycle.makeup_from or closes > cycle.makeup_until:
        allowed = days(cycle.makeup_from, cycle.makeup_until)
        raise Invalid(
            f"补考须安排在卫生行政部门确定的补考时间内（{allowed}），请更正日期。", code="outside_makeup"
        )
    if closes < today:
        raise Invalid("补考的结束日期已过，请更正。", code="bad_dates")


async def makeup_rounds(tx: Tx, principal: Principal) -> list[MakeupRound]:
    """The rounds of this body, the latest first.

    Raises:
        Forbidden: Not staff of a body.
    """
    return await queries.select_rounds_of_body(tx, principal.of_body(), principal.province_id)


async def makeup_cycles(tx: Tx, principal: Principal) -> list[Cycle]:
    """The cycles that a body may open rounds in, with the authority's days for them; the newest first."""
    return await cycles.cycles_with_makeup(tx, principal.province_id)
