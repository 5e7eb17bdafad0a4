"""Answers on their way into the journal."""

from __future__ import annotations

from datetime import timedelta

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.errors import Conflict
from exam_service.papers import queries, timing
from exam_service.papers.model import AnswerEvent, AttemptClosed, LeaseLost, check_answer
from exam_service.papers.usecases.attempts import lock_own
from exam_service.storage.database import Database


async def save_answer(
    database: Database, clock: Clock, principal: Principal, event: AnswerEvent
) -> timedelta:
    """Journal an answer and make it current; returns once committed, with the time left.

    The same (attempt, epoch, seq) sent again is acknowledged again and changes nothing. An answer of an older
    lease is journaled, becomes current only where no newer lease answered that item, and its page is told.
    One that comes too late to count is journaled for staff to see.

    Raises:
        NotFound: Not this physician's attempt.
        AttemptClosed: It came too late to count.
        LeaseLost: It was journaled, and the page must stop.
        Invalid: Not an item or option of this paper, or an epoch that was never given out.
        Conflict: This seq was used for something else.
    """
    now = clock.now()
    async with database.tx() as tx:
        attempt = await lock_own(tx, principal, event.attempt_id)
        counts = timing.takes_answers(attempt.state, attempt.deadline, now)
        if not counts and not timing.keeps_late_answers(attempt.deadline, now):
            raise AttemptClosed
        options = await queries.select_optional_options(tx, attempt.id, event.item_id)
        check_answer(event, options)
        if event.epoch > attempt.lease_epoch:
            raise Conflict("页面已过期，请刷新后继续作答。", code="unknown_epoch")
        if not await queries.insert_answer_event(tx, event, now):
            earlier = await queries.select_answer_event(tx, attempt.id, event.epoch, event.seq)
            if earlier != (event.item_id, event.option_id):
                raise Conflict("页面已过期，请刷新后继续作答。", code="seq_reused")
        elif counts:
            await queries.upsert_answer(tx, event)
    if not counts:
        raise AttemptClosed
    if event.epoch < attempt.lease_epoch:
        raise LeaseLost
    return timing.time_left(attempt.deadline or now, now)
