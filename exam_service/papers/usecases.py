"""Start a paper, be admitted, answer, hand in; what is over is closed and marked.

Locks come first: whoever changes an attempt holds its row. The state is rechecked under the lock.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import PaperRule, Subject
from exam_service.errors import Conflict, NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.papers import queries, timing
from exam_service.papers.model import (
    UNDER_WAY,
    AnswerEvent,
    Attempt,
    AttemptClosed,
    LeaseLost,
    PaperOffer,
    State,
    check_answer,
    check_move,
    count_correct,
    mark_of,
    offers_of,
)
from exam_service.questions import usecases as questions
from exam_service.questions.model import Item
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.storage.database import Database, Tx

log = logging.getLogger(__name__)

_SWEEP_BATCH = 500


@dataclass(frozen=True)
class OpenPaper:
    """What the paper page gets: the items in this attempt's order, and the answers so far."""

    attempt: Attempt
    label: str
    items: tuple[Item, ...]
    answers: dict[UUID, UUID | None]
    time_left: timedelta


async def offers(database: Database, clock: Clock, principal: Principal) -> list[PaperOffer]:
    """The papers of the physician's registration; empty when there is none or no paper applies."""
    async with database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return []
        attempts = await queries.select_attempts(tx, entitled.registration.id, principal.province_id)
    return offers_of(entitled, attempts, clock.now())


async def notice(
    database: Database, clock: Clock, principal: Principal, subject: Subject
) -> tuple[PaperOffer, Entitlement]:
    """What 测评须知 is shown for.

    Raises:
        NotFound: The paper isn't part of the physician's procedure.
        Conflict: It can't be started now; says why.
    """
    async with database.tx() as tx:
        entitled, offer = await _offer(tx, clock.now(), principal, subject)
    _check_startable(offer)
    return offer, entitled


async def start(
    database: Database,
    clock: Clock,
    principal: Principal,
    subject: Subject,
    *,
    notice_version: str,
) -> Attempt:
    """Accept the notice and prepare an attempt with a paper of its own, or go back to the one that is open.

    Raises:
        NotFound: The paper isn't part of the physician's procedure.
        Conflict: It can't be started now, or the notice was renewed meanwhile.
    """
    now = clock.now()
    async with database.tx() as tx:
        entitled, offer = await _offer(tx, now, principal, subject)
        _check_startable(offer)
        resumed = offer.availability.resumes
        if resumed is not None and resumed.state is not State.PREPARED:
            return resumed
        if notice_version != entitled.cycle.policy.notice_version:
            raise Conflict("测评须知已更新，请重新阅读并确认。", code="notice_outdated")
        if resumed is not None:
            await queries.update_notice(tx, resumed.id, notice_version, now)
            return resumed
        attempt = _new_attempt(entitled, offer.rule, ordinal=len(offer.attempts) + 1)
        if await queries.insert_attempt(tx, attempt, notice_version, now):
            paper = await questions.draw(
                tx,
                province_id=attempt.province_id,
                subject=attempt.subject,
                category=entitled.registration.category,
                level=entitled.registration.level,
                count=attempt.total,
            )
            await queries.insert_attempt_items(tx, attempt.id, paper)
            return attempt
    # Another start of the same person was first; theirs is the attempt.
    async with database.tx() as tx:
        _, offer = await _offer(tx, now, principal, subject)
    _check_startable(offer)
    if offer.availability.resumes is None:
        raise Conflict("试卷正在准备，请刷新页面。", code="start_raced")
    return offer.availability.resumes


async def _offer(
    tx: Tx, now: datetime, principal: Principal, subject: Subject
) -> tuple[Entitlement, PaperOffer]:
    entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    if entitled is not None:
        attempts = await queries.select_attempts(tx, entitled.registration.id, principal.province_id)
        for offer in offers_of(entitled, attempts, now):
            if offer.rule.subject is subject:
                return entitled, offer
    raise NotFound("您本周期不需要参加这项测评。", code="no_such_paper")


def _check_startable(offer: PaperOffer) -> None:
    if not offer.availability.may_start:
        raise Conflict(offer.availability.reason or "现在不能参加这项测评。", code="paper_not_open")


def _new_attempt(entitled: Entitlement, rule: PaperRule, *, ordinal: int) -> Attempt:
    own = entitled.registration
    return Attempt(
        id=new_id(),
        province_id=own.province_id,
        registration_id=own.id,
        cycle_id=own.cycle_id,
        account_id=own.account_id,
        institution_id=own.institution_id,
        body_id=own.body_id,
        subject=rule.subject,
        ordinal=ordinal,
        state=State.PREPARED,
        rule=rule,
        admitted_at=None,
        deadline=None,
        handed_in_at=None,
        closed_at=None,
        lease_epoch=0,
        total=rule.items,
        correct=None,
        mark=None,
        passed=None,
    )


async def own_attempt(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    """The physician's own attempt.

    Raises:
        NotFound: It isn't theirs, or doesn't exist.
    """
    return _owned(principal, await queries.select_optional_attempt(tx, attempt_id, principal.province_id))


async def _lock_own(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    return _owned(principal, await queries.lock_optional_attempt(tx, attempt_id, principal.province_id))


def _owned(principal: Principal, attempt: Attempt | None) -> Attempt:
    if attempt is None or attempt.account_id != principal.account_id:
        raise NotFound("没有找到这次测评，请从“参加测评”进入。", code="no_such_attempt")
    return attempt


async def attempt_for_body(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    """An attempt of the body that this member of staff works for.

    Raises:
        NotFound: It is another body's, or doesn't exist.
    """
    attempt = await queries.select_optional_attempt(tx, attempt_id, principal.province_id)
    if attempt is None or attempt.body_id != principal.of_body():
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    return attempt


async def label_of(tx: Tx, attempt: Attempt) -> str:
    """What the attempt's paper is called in its own cycle."""
    cycle = await cycles.cycle_of(tx, attempt.cycle_id, attempt.province_id)
    return cycle.policy.label(attempt.subject)


async def _move(
    tx: Tx, attempt: Attempt, to_state: State, *, cause: str, actor_id: UUID | None, at: datetime
) -> Attempt:
    check_move(attempt.id, attempt.state, to_state)
    await queries.update_state(tx, attempt.id, to_state)
    await queries.insert_move(tx, new_id(), attempt, to_state, cause, actor_id, at)
    return replace(attempt, state=to_state)


async def admit(
    tx: Tx, clock: Clock, attempt_id: UUID, province_id: str, *, cause: str, actor_id: UUID
) -> bool:
    """The identity check was passed: time and attempts count from now. ``False`` if admitted before.

    Raises:
        NotFound: No such attempt.
        Conflict: The tests are no longer open, or another paper is being sat.
    """
    attempt = await queries.lock_optional_attempt(tx, attempt_id, province_id)
    if attempt is None:
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    if attempt.state is not State.PREPARED:
        return False
    now = clock.now()
    cycle = await cycles.cycle_of(tx, attempt.cycle_id, province_id)
    if not cycle.tests_are_open(now):
        raise Conflict("测评时间已过，请联系考核机构。", code="tests_closed")
    others = await queries.select_attempts(tx, attempt.registration_id, province_id)
    if any(other.state in UNDER_WAY for other in others):
        raise Conflict("您正在参加另一项测评，请先完成并交卷。", code="other_running")
    await _move(tx, attempt, State.ADMITTED, cause=cause, actor_id=actor_id, at=now)
    deadline = timing.deadline_of(now, attempt.rule.minutes)
    await queries.update_admitted(tx, attempt.id, now, deadline)
    await registration.mark_testing(
        tx, clock, attempt.registration_id, province_id, actor_id=attempt.account_id
    )
    return True


async def take_lease(database: Database, clock: Clock, principal: Principal, attempt_id: UUID) -> OpenPaper:
    """A page opens the paper: it gets a new epoch, the one before becomes read-only.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: Not admitted yet (code ``not_admitted``), or over (``attempt_closed``).
    """
    now = clock.now()
    async with database.tx() as tx:
        attempt = await _lock_own(tx, principal, attempt_id)
        if attempt.state is State.PREPARED:
            raise Conflict("请先完成设备与身份核验。", code="not_admitted")
        if attempt.deadline is None or attempt.is_over or now >= attempt.deadline:
            raise AttemptClosed
        if attempt.state is State.ADMITTED:
            attempt = await _move(
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
        attempt = await _lock_own(tx, principal, event.attempt_id)
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
        attempt = await _lock_own(tx, principal, attempt_id)
        if attempt.is_over:
            return attempt
        if epoch != attempt.lease_epoch:
            raise LeaseLost
        if attempt.state not in {State.RUNNING, State.CLOSING}:
            raise Conflict("试卷尚未打开，不能交卷。", code="not_running")
        by = principal.account_id
        closed_at = min(now, attempt.deadline or now)
        attempt = await _move(tx, attempt, State.CLOSED, cause="handed_in", actor_id=by, at=now)
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
        return await _mark(tx, clock, attempt)


async def _mark(tx: Tx, clock: Clock, attempt: Attempt) -> Attempt:
    paper = await queries.select_paper(tx, attempt.id)
    keys = await questions.keys_by_id(tx, [item_id for item_id, _ in paper])
    answers = await queries.select_answers(tx, attempt.id)
    correct = count_correct(answers, keys)
    mark = mark_of(correct, attempt.total)
    passed = mark >= attempt.rule.pass_mark
    attempt = await _move(tx, attempt, State.MARKED, cause="marked", actor_id=None, at=clock.now())
    await queries.update_marked(tx, attempt.id, correct, mark, passed=passed)
    return replace(attempt, correct=correct, mark=mark, passed=passed)


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
    attempt = await _move(tx, attempt, State.CONFIRMED, cause="confirmed", actor_id=actor_id, at=clock.now())
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


async def close_due(database: Database, clock: Clock) -> int:
    """Close what time has closed and mark what is closed; gives how many attempts moved.

    Each attempt in a transaction of its own; one that somebody else holds is left to them. Run again and
    again, on many nodes: it also finishes what a crash interrupted.
    """
    now = clock.now()
    async with database.tx() as tx:
        due = await queries.select_due(tx, now, now - timing.GRACE, _SWEEP_BATCH)
        unmarked = await queries.select_unmarked(tx, _SWEEP_BATCH)
    moved = 0
    for attempt_id in [*due, *unmarked]:
        try:
            async with database.tx() as tx:
                moved += await _close_one(tx, clock, attempt_id, now)
        except Unavailable:
            raise
        except Exception:  # one that can't be closed must not keep the others open
            log.exception("attempt %s can't be closed", attempt_id)
    return moved


async def _close_one(tx: Tx, clock: Clock, attempt_id: UUID, now: datetime) -> int:
    attempt = await queries.lock_optional_attempt_skipping(tx, attempt_id)
    if attempt is None:
        return 0
    before = attempt.state
    while (due := timing.due_state(attempt.state, attempt.deadline, now)) is not attempt.state:
        attempt = await _move(tx, attempt, due, cause="deadline", actor_id=None, at=now)
        if due is State.CLOSED:
            await queries.update_closed(tx, attempt.id, attempt.deadline or now, None)
    if attempt.state is State.CLOSED:
        attempt = await _mark(tx, clock, attempt)
    return int(attempt.state is not before)
