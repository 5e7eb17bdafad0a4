"""Find an attempt within somebody's scope, lock it, move it, close it, mark it: what all rooms build on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.crypto.signing import Signer
from exam_service.cycles import usecases as cycles
from exam_service.errors import Conflict, NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.papers import journal, queries, timing
from exam_service.papers.journal import Source
from exam_service.papers.model import OPEN, Attempt, Move, State, check_move, count_correct, mark_of
from exam_service.questions import usecases as questions
from exam_service.storage.database import Tx


async def own_attempt(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    """The physician's own attempt.

    Raises:
        NotFound: It isn't theirs, or doesn't exist.
    """
    return owned(principal, await queries.select_optional_attempt(tx, attempt_id, principal.province_id))


async def lock_own(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    return owned(principal, await queries.lock_optional_attempt(tx, attempt_id, principal.province_id))


def owned(principal: Principal, attempt: Attempt | None) -> Attempt:
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


async def moves_of(tx: Tx, registration_id: UUID, province_id: str) -> list[Move]:
    """All steps of a registration's attempts, the oldest first; whose they are the caller looks at."""
    return await queries.select_moves_of(tx, registration_id, province_id)


async def label_of(tx: Tx, attempt: Attempt) -> str:
    """What the attempt's paper is called in its own cycle."""
    cycle = await cycles.cycle_of(tx, attempt.cycle_id, attempt.province_id)
    return cycle.policy.label(attempt.subject)


async def move(
    tx: Tx, attempt: Attempt, to_state: State, *, cause: str, actor_id: UUID | None, at: datetime
) -> Attempt:
    check_move(attempt.id, attempt.state, to_state)
    await queries.update_state(tx, attempt.id, to_state)
    await queries.insert_move(tx, new_id(), attempt, to_state, cause, actor_id, at)
    return replace(attempt, state=to_state)


async def close(
    tx: Tx,
    signer: Signer,
    attempt: Attempt,
    *,
    cause: str,
    actor_id: UUID | None,
    at: datetime,
    closed_at: datetime,
    handed_in_at: datetime | None = None,
    to_state: State = State.CLOSED,
) -> Attempt:
    """No answer counts any more; the end of the journal's chain is signed. The attempt's row is held.

    Args:
        at: When it was done.
        closed_at: When it counts as closed: at the deadline, however late that is carried out.
        to_state: ``CLOSED``, or ``TERMINATED``.
    """
    attempt = await move(tx, attempt, to_state, cause=cause, actor_id=actor_id, at=at)
    await queries.update_closed(tx, attempt.id, closed_at, handed_in_at)
    text = journal.signed_text(attempt.id, attempt.receipt, closed_at)
    digest = attempt.receipt.digest or journal.genesis(attempt.id)
    await queries.insert_attempt_receipt(
        tx, attempt.id, attempt.receipt, digest, closed_at, signer.sign(text)
    )
    return replace(attempt, closed_at=closed_at, handed_in_at=handed_in_at)


async def add_time(
    tx: Tx,
    clock: Clock,
    attempt: Attempt,
    seconds: int,
    *,
    kind: str,
    reason: str,
    granted_by: UUID | None,
    outage_id: UUID | None = None,
    request_id: UUID | None = None,
) -> Attempt:
    """Move the deadline of an attempt that is being sat, and say why; open pages are told. Its row is held.

    A paper that was closing and has time again goes on. The same outage is credited once.

    Args:
        kind: ``outage``, ``request`` or ``extension``.
    """
    now = clock.now()
    if kind != "outage":  # what an outage took comes first: it is reckoned from the deadline as it was then
        attempt = await credit_outages_of(tx, clock, attempt)
    added = await queries.insert_credit(
        tx,
        attempt,
        seconds,
        kind=kind,
        reason=reason,
        granted_by=granted_by,
        outage_id=outage_id,
        request_id=request_id,
        granted_at=now,
    )
    if not added or attempt.deadline is None:
        return attempt
    deadline = attempt.deadline + timedelta(seconds=seconds)
    await queries.update_deadline(tx, attempt.id, deadline)
    attempt = replace(attempt, deadline=deadline)
    if attempt.state is State.CLOSING and timing.time_left(deadline, now):
        attempt = await move(tx, attempt, State.RUNNING, cause=f"time_{kind}", actor_id=granted_by, at=now)
    return attempt


async def settled(tx: Tx, clock: Clock, attempt: Attempt) -> Attempt:
    """With the time that is owed to it. The attempt's row is held.

    Whoever is about to tell a physician that time is over asks this first: after an outage the pages come
    back in the same moment as the service, before the sweeper has reckoned up.

    Raises:
        Unavailable: How long the service was away isn't written down yet; ask again in a second.
    """
    now = clock.now()
    if attempt.deadline is None or now < attempt.deadline or attempt.is_over:
        return attempt
    pulse = await queries.select_optional_pulse(tx)  # before the outages: the sweeper says why
    if timing.closes_until(pulse, now) < min(now, attempt.deadline + timing.GRACE):
        raise Unavailable("服务刚刚恢复，正在核算补时，答案将自动重新发送，请勿关闭页面。", code="busy")
    return await credit_outages_of(tx, clock, attempt)


async def credit_outages_of(tx: Tx, clock: Clock, attempt: Attempt) -> Attempt:
    """Add every measured outage that hit an attempt to its deadline, once. The attempt's row is held."""
    if attempt.is_over or attempt.admitted_at is None or attempt.deadline is None:
        return attempt
    deadline = attempt.deadline
    for outage in await queries.select_outages_of(
        tx, attempt.id, attempt.admitted_at, deadline + timing.GRACE
    ):
        credit = timing.outage_credit(attempt.admitted_at, deadline, outage.began_at, outage.ended_at)
        if not credit:
            continue
        attempt = await add_time(
            tx,
            clock,
            attempt,
            credit // timedelta(seconds=1),
            kind="outage",
            reason="服务中断，系统自动补时",
            granted_by=None,
            outage_id=outage.id,
        )
        deadline = attempt.deadline or deadline
    return attempt


async def accept_late_answers(
    tx: Tx, clock: Clock, attempt: Attempt, *, until: datetime, reason: str, by: UUID
) -> Attempt:
    """Let answers that were kept for staff count, and mark again. The attempt's row is held.

    Only those that arrived by ``until``, and none that a page sent after the physician's own handing in: the
    result may have been seen by then. What staff imported themselves counts whenever it was brought.

    Raises:
        Conflict: It isn't closed yet, its mark is confirmed, or there is nothing to accept.
    """
    if attempt.state not in {State.CLOSED, State.MARKED}:
        raise Conflict("试卷未结束或成绩已评定，不能再采纳迟到的答案。", code="not_acceptable")
    accepted = await queries.select_accepted(tx, attempt.id)
    late = [
        entry
        for entry in await queries.select_journal(tx, attempt.id)
        if not entry.counted
        and entry.number not in accepted
        and (
            entry.source is Source.IMPORT
            or (entry.received_at <= until and entry.received_at <= (attempt.handed_in_at or until))
        )
    ]
    if not late:
        raise Conflict("没有迟到的答案可以采纳。", code="nothing_late")
    others = await queries.select_attempts(tx, attempt.registration_id, attempt.province_id)
    if any(
        other.id != attempt.id and other.subject is attempt.subject and other.state in OPEN
        for other in others
    ):
        raise Conflict("该医师正在再次参加这项测评，暂不能采纳迟到的答案。", code="sits_again")
    now = clock.now()
    await queries.insert_acceptances(tx, attempt.id, [entry.number for entry in late], reason, by, now)
    newest = {entry.event.item_id: entry.event for entry in sorted(late, key=lambda late: late.event.order)}
    await queries.upsert_answers(tx, list(newest.values()))
    if attempt.state is State.MARKED:
        attempt = await move(tx, attempt, State.CLOSED, cause="late_answers_accepted", actor_id=by, at=now)
    return await mark(tx, clock, attempt)


def topic(attempt_id: UUID) -> str:
    """Where it is signalled that an attempt's pages should ask anew."""
    return f"attempt:{attempt_id}"


async def mark(tx: Tx, clock: Clock, attempt: Attempt) -> Attempt:
    paper = await queries.select_paper(tx, attempt.id)
    keys = await questions.keys_by_id(tx, [item_id for item_id, _ in paper])
    answers = await queries.select_answers(tx, attempt.id)
    correct = count_correct(answers, keys)
    mark = mark_of(correct, attempt.total)
    passed = mark >= attempt.rule.pass_mark
    attempt = await move(tx, attempt, State.MARKED, cause="marked", actor_id=None, at=clock.now())
    await queries.update_marked(tx, attempt.id, correct, mark, passed=passed)
    return replace(attempt, correct=correct, mark=mark, passed=passed)
