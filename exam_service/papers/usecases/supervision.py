"""The authority's acts on who may be sitting a paper: refused while one is under way."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.errors import Conflict
from exam_service.papers import queries
from exam_service.papers.model import UNDER_WAY, State
from exam_service.registration.model import Registration
from exam_service.registration.supervision import usecases as supervision
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_BEING_SAT = UNDER_WAY | {State.CLOSING, State.CLOSED}


async def move_physician(
    services: Services, principal: Principal, account_id: UUID, institution_id: UUID, reason: str
) -> None:
    """Move a physician to the right institution; a paper that was prepared and not begun goes along.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such physician or institution in this province.
        BadFields: No reason, or they are there already.
        Conflict: A paper is under way or was begun, or the institution has no body in the cycle.
    """
    async with services.database.tx() as tx:
        own = await supervision.lock_own(tx, principal, account_id)
        await _check_nothing_under_way(tx, own)
        moved = await supervision.move(tx, services.clock, principal, account_id, own, institution_id, reason)
        if moved is not None:
            await queries.rehome_prepared(tx, moved.id, moved.institution_id, moved.body_id)


async def withdraw_physician(services: Services, principal: Principal, account_id: UUID, reason: str) -> None:
    """Take a physician out of the cycle.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such physician in this province.
        BadFields: No reason.
        Conflict: A paper is under way, or they aren't in the cycle, or it is concluded for them.
    """
    async with services.database.tx() as tx:
        own = await supervision.lock_own(tx, principal, account_id)
        await _check_nothing_under_way(tx, own)
        await supervision.withdraw(tx, services.clock, principal, own, reason)


async def _check_nothing_under_way(tx: Tx, own: Registration | None) -> None:
    if own is None:
        return
    attempts = await queries.lock_attempts(tx, own.id, own.province_id)
    if any(attempt.state in _BEING_SAT for attempt in attempts):
        raise Conflict("医师正在参加测评，请在交卷以后再办理。", code="paper_under_way")
