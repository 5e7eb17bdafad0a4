"""The paper page: its lease, its heartbeat, handing in, the result and the body's word on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import Conflict, NotFound
from exam_service.papers import queries, timing
from exam_service.papers.model import Attempt, AttemptClosed, LeaseLost, State
from exam_service.papers.usecases.attempts import label_of, lock_own, mark, move, own_attempt
from exam_service.questions import usecases as questions
from exam_service.questions.model import Item
from exam_service.storage.database import Database, Tx


@dataclass(frozen=True)
class OpenPaper:
    """What the paper page gets: the items in this attempt's order, and the answers so far."""

    attempt: Attempt
    label: str
    items: tuple[Item, ...]
    answers: dict[UUID, UUID | None]
    time_left: timedelta


async def take_lease(database: Database, clock: Clock, principal: Principal, attempt_id: UUID) -> OpenPaper:
    """A page opens the paper: it gets a new epoch, the one before becomes read-only.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: Not admitted yet (code ``not_admitted``), or over (``attempt_closed``).
    """
    now = clock.now()
    async with database.tx() as tx:
        attempt = await lock_own(tx, principal, attempt_id)
        if attempt.state is State.PREPARED:
            raise Conflict("请先完成设备与身份核验。", code="not_admitted")
        if attempt.deadline is None or attempt.is_over or now >= attempt.deadline:
            raise AttemptClosed
        if attempt.state is State.ADMITTED:
            attempt = await move(
                tx,
                attempt,
                State.RUNNING,
                cause="paper_opened",
                actor_id=principal.account_id,
                at=now,
            )
        attempt = replace(attempt, lease_epoch=attempt.lease_epoch + 1)
        await queries.update_lease(tx, attempt.id, attempt.lease_epoch)
        await queries.upsert_presence(tx, attempt.id, now, attempt.lease_epoch)
        paper = await queries.select_paper(tx, attempt.id)
        items = await questions.items_by_id(tx, [item_id for item_id, _ in paper])
        answers = await queries.select_answers(tx, attempt.id)
        label = await label_of(tx, attempt)
    return OpenPaper(
        attempt,
        label,
        tuple(_in_order(items[item_id], option_ids) for item_id, option_ids in paper),
        answers,
        timing.time_left(attempt.deadline or now, now),
    )


def _in_order(item: Item, option_ids: Sequence[UUID]) -> Item:
    by_id = {option.id: option for option in item.options}
    return replace(item, options=tuple(by_id[option_id] for option_id in option_ids))


async def be_present(
    database: Database, clock: Clock, principal: Principal, attempt_id: UUID, epoch: int
) -> tuple[Attempt, timedelta]:
    """The heartbeat of a paper page: notes that it is there, tells state and time left.

    Raises:
        NotFound: Not this physician's attempt.
        LeaseLost: A newer page has the paper.
    """
    now = clock.now()
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        if epoch != attempt.lease_epoch:
            raise LeaseLost
        if not attempt.is_over:
            await queries.upsert_presence(tx, attempt.id, now, epoch)
    return attempt, timing.time_left(attempt.deadline or now, now)


async def hand_in(
    database: Database, clock: Clock, principal: Principal, attempt_id: UUID, epoch: int
) -> Attempt:
    """Hand in and mark, exactly once; handing in what is handed in gives the same result.

    Raises:
        NotFound: Not this physician's attempt.
        LeaseLost: A newer page has the paper.
        Conflict: It was never opened.
    """
    now = clock.now()
    async with database.tx() as tx:
        attempt = await lock_own(tx, principal, attempt_id)
        if attempt.is_over:
            return attempt
        if epoch != attempt.lease_epoch:
            raise LeaseLost
        if attempt.state not in {State.RUNNING, State.CLOSING}:
            raise Conflict("试卷尚未打开，不能交卷。", code="not_running")
        by = principal.account_id
        closed_at = min(now, attempt.deadline or now)
        attempt = await move(tx, attempt, State.CLOSED, cause="handed_in", actor_id=by, at=now)
        attempt = replace(attempt, closed_at=closed_at, handed_in_at=now)
        await queries.update_closed(tx, attempt.id, closed_at, now)
        await audit.record(
            tx,
            clock,
            province_id=attempt.province_id,
            actor_id=by,
            action="attempt.handed_in",
            subject_id=attempt.id,
        )
        return await mark(tx, clock, attempt)


async def confirm(
    tx: Tx, clock: Clock, attempt_id: UUID, province_id: str, *, passed: bool, actor_id: UUID
) -> Attempt:
    """The body's word on a marked attempt.

    Raises:
        Conflict: It isn't awaiting one (any more).
    """
    attempt = await queries.lock_optional_attempt(tx, attempt_id, province_id)
    if attempt is None:
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    if not attempt.awaits_confirmation:
        raise Conflict("这次测评不在待评定状态，可能已由他人评定，请刷新页面查看。", code="not_awaiting")
    attempt = await move(tx, attempt, State.CONFIRMED, cause="confirmed", actor_id=actor_id, at=clock.now())
    await queries.update_passed(tx, attempt.id, passed=passed)
    return replace(attempt, passed=passed)


async def result(database: Database, principal: Principal, attempt_id: UUID) -> tuple[Attempt, str]:
    """An own attempt with what its paper is called.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        return attempt, await label_of(tx, attempt)


async def answers_of(database: Database, principal: Principal, attempt_id: UUID) -> dict[UUID, UUID | None]:
    """The current answers of an own attempt, by item.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        return await queries.select_answers(tx, attempt.id)
