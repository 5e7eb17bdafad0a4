"""What staff of the body do to a running paper, and what its physician asks of them.

Each takes the row of the attempt first, looks at scope and state under the lock, writes to the audit journal
and tells the open pages to ask anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, NotFound
from exam_service.papers import queries, timing
from exam_service.papers.model import OPEN, Attempt, State
from exam_service.papers.oversight import (
    BEING_SAT,
    MOST_EXTENSION,
    MOST_GRANTED,
    MOST_OVERRIDE,
    NEWEST_NOTICES,
    Notice,
    RequestState,
    SeenRequest,
    Termination,
    TimeRequest,
    check_being_sat,
    check_extension,
    check_minutes,
    check_second_person,
    requested_span,
    written,
)
from exam_service.papers.usecases.attempts import (
    accept_late_answers,
    add_time,
    close,
    label_of,
    lock_own,
    own_attempt,
    topic,
)
from exam_service.registration import usecases as registration
from exam_service.registration.model import Registration
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_PUSH_SECONDS = 5.0


async def _lock(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    """The attempt's row, held.

    Raises:
        NotFound: It is another body's, or doesn't exist.
    """
    attempt = await queries.lock_optional_attempt(tx, attempt_id, principal.province_id)
    if attempt is None or attempt.body_id != principal.of_body():
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    return attempt


async def _record(
    tx: Tx, services: Services, principal: Principal, action: str, subject_id: UUID | None, **facts: Any
) -> None:
    await audit.record(
        tx,
        services.clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=subject_id,
        facts=facts,
    )


def _push(tx: Tx, services: Services, attempt_ids: Sequence[UUID]) -> None:
    """Have open pages of these attempts ask anew. It may be lost: they ask by themselves every 15 s."""

    async def publish() -> None:
        async with asyncio.timeout(_PUSH_SECONDS):
            for attempt_id in attempt_ids:
                await services.signals.publish(topic(attempt_id), str(attempt_id))

    tx.after_commit(publish)


async def extend(
    services: Services, principal: Principal, attempt_id: UUID, *, minutes: int | None, reason: str
) -> Attempt:
    """Add minutes to a paper that is being sat; one that was closing goes on.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: No reason, not 1 to 60 minutes, or the time would still be over.
        Conflict: It isn't being sat.
    """
    reason, minutes = written(reason, "理由"), check_minutes(minutes, MOST_EXTENSION)
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        check_extension(attempt, minutes, services.clock.now())
        attempt = await add_time(
            tx,
            services.clock,
            attempt,
            60 * minutes,
            kind="extension",
            reason=reason,
            granted_by=principal.account_id,
        )
        await _record(tx, services, principal, "attempt.extended", attempt.id, minutes=minutes, reason=reason)
        _push(tx, services, [attempt.id])
    return attempt


async def release_lease(services: Services, principal: Principal, attempt_id: UUID, *, reason: str) -> None:
    """Let the next device take the paper over without a face check.

    The page that is open keeps the lease until another one opens the paper.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: No reason.
        Conflict: It isn't being sat, or no device holds it.
    """
    reason = written(reason, "理由")
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        check_being_sat(attempt)
        if attempt.device_hash is None:
            raise Conflict("目前没有设备占用这份试卷，医师可以直接在新设备上进入。", code="no_lease")
        await queries.release_device(tx, attempt.id)
        await _record(tx, services, principal, "lease.released", attempt.id, reason=reason)


async def request_termination(
    services: Services, principal: Principal, attempt_id: UUID, *, reason: str
) -> None:
    """The first of two people who end a paper.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: No reason.
        Conflict: It isn't being sat, or somebody asked before.
    """
    reason = written(reason, "理由")
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        check_being_sat(attempt)
        now = services.clock.now()
        if not await queries.insert_termination(tx, attempt, reason, principal.account_id, now):
            raise Conflict("已有人申请终止这份试卷，请刷新页面后确认或撤回。", code="termination_open")
        await _record(tx, services, principal, "termination.requested", attempt.id, reason=reason)


async def open_termination(tx: Tx, attempt: Attempt) -> Termination | None:
    """The request to end an attempt that waits for a second person."""
    return await queries.select_optional_termination(tx, attempt.id)


async def _awaited_termination(tx: Tx, attempt: Attempt) -> Termination:
    termination = await open_termination(tx, attempt)
    if termination is None:
        raise Conflict("没有待确认的终止申请，可能已由他人处理，请刷新页面查看。", code="no_termination")
    return termination


async def confirm_termination(services: Services, principal: Principal, attempt_id: UUID) -> Attempt:
    """The second of two people: the paper ends now, and is not marked.

    Raises:
        NotFound: It isn't one of this body's.
        Conflict: Nobody asked, the same person asked, or the paper ended by itself meanwhile.
    """
    now = services.clock.now()
    by = principal.account_id
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        termination = await _awaited_termination(tx, attempt)
        check_second_person(termination, by)
        check_being_sat(attempt)
        attempt = await close(
            tx,
            services.signer,
            attempt,
            cause="terminated",
            actor_id=by,
            at=now,
            closed_at=now,
            to_state=State.TERMINATED,
        )
        await queries.update_termination(tx, termination.id, "carried_out", by, now)
        await _record(
            tx,
            services,
            principal,
            "attempt.terminated",
            attempt.id,
            reason=termination.reason,
            requested_by=str(termination.requested_by),
        )
        _push(tx, services, [attempt.id])
    return attempt


async def withdraw_termination(services: Services, principal: Principal, attempt_id: UUID) -> None:
    """Whoever asked, or a colleague, lets the paper go on.

    Raises:
        NotFound: It isn't one of this body's.
        Conflict: Nobody asked.
    """
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        termination = await _awaited_termination(tx, attempt)
        now = services.clock.now()
        await queries.update_termination(tx, termination.id, "withdrawn", principal.account_id, now)
        await _record(tx, services, principal, "termination.withdrawn", attempt.id)


async def send_notice(
    services: Services, principal: Principal, *, text: str, attempt_id: UUID | None = None
) -> int:
    """Say something on the page of one paper, or (no ``attempt_id``) of all that this body has being sat.

    Gives how many papers it went to.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: No text, or too long a one.
        Conflict: Nothing is being sat.
    """
    text = written(text, "通知内容")
    body_id, province_id = principal.of_body(), principal.province_id
    async with services.database.tx() as tx:
        if attempt_id is None:
            sat = await queries.select_being_sat(tx, province_id, body_id)
            if not sat:
                raise Conflict("现在没有医师正在答题，通知没有发出。", code="nobody_there")
        else:
            attempt = await _lock(tx, principal, attempt_id)
            check_being_sat(attempt)
            sat = [attempt.id]
        now = services.clock.now()
        await queries.insert_notice(tx, province_id, body_id, attempt_id, text, principal.account_id, now)
        await _record(
            tx, services, principal, "notice.sent", attempt_id or body_id, text=text, papers=len(sat)
        )
        _push(tx, services, sat)
    return len(sat)


async def being_sat(tx: Tx, principal: Principal) -> int:
    """How many papers a notice to all of this body would reach now."""
    return len(await queries.select_being_sat(tx, principal.province_id, principal.of_body()))


async def notices_of(tx: Tx, attempts: Collection[Attempt]) -> dict[UUID, list[Notice]]:
    """What was said to each of them, or to all of its body, since admission: the newest 5, oldest first."""
    return await queries.select_notices(tx, attempts, NEWEST_NOTICES)


async def acknowledge_notice(
    services: Services, principal: Principal, attempt_id: UUID, notice_id: UUID
) -> None:
    """A physician has read a notice on the page of this attempt; twice is fine.

    Raises:
        NotFound: Not this physician's attempt, or the notice wasn't for it.
    """
    async with services.database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        if not await queries.insert_acknowledgement(tx, attempt, notice_id, services.clock.now()):
            raise NotFound("没有找到这条通知。", code="no_such_notice")


async def open_time_request(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    *,
    began_at: datetime,
    ended_at: datetime,
    reason: str,
) -> UUID:
    """A physician asks for time that was lost on their side; gives the id of the request.

    Raises:
        NotFound: Not this physician's attempt.
        Invalid: No reason, or a time that can't be.
        Conflict: One is open already (code ``request_open``), or it is too early or too late to ask.
    """
    reason = written(reason, "原因")
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await lock_own(tx, principal, attempt_id)
        began_at, ended_at = requested_span(attempt, began_at, ended_at, now)
        request_id = await queries.insert_time_request(tx, attempt, began_at, ended_at, reason, now)
        if request_id is None:
            raise Conflict("您已提交补时申请，请等待考核机构处理。", code="request_open")
        await _record(
            tx,
            services,
            principal,
            "time_request.opened",
            attempt.id,
            began_at=began_at.isoformat(),
            ended_at=ended_at.isoformat(),
        )
    return request_id


async def time_requests(tx: Tx, attempt: Attempt) -> list[SeenRequest]:
    """All requests of an attempt, the oldest first, each beside what the server saw by itself."""
    requests = await queries.select_time_requests(tx, attempt.id)
    if not requests:
        return []
    silences = await queries.select_silences(tx, attempt.id)
    late = await queries.count_late_answers(tx, attempt.id)
    return [
        SeenRequest(
            request,
            tuple(
                silence
                for silence in silences
                if silence.began_at < request.ended_at and silence.ended_at > request.began_at
            ),
            late,
        )
        for request in requests
    ]


async def own_time_requests(
    services: Services, principal: Principal, attempt_id: UUID
) -> tuple[Attempt, str, list[TimeRequest]]:
    """An own attempt, what its paper is called, and what was asked for it.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with services.database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        return attempt, await label_of(tx, attempt), await queries.select_time_requests(tx, attempt.id)


async def _open_request(tx: Tx, attempt: Attempt, request_id: UUID) -> TimeRequest:
    for request in await queries.select_time_requests(tx, attempt.id):
        if request.id == request_id:
            if request.state is not RequestState.OPEN:
                raise Conflict("这项申请已由他人处理，请刷新页面查看。", code="request_decided")
            return request
    raise NotFound("没有找到这项补时申请。", code="no_such_request")


async def grant_time_request(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    request_id: UUID,
    *,
    minutes: int | None,
    note: str,
) -> Attempt:
    """Give back what was lost: minutes while the paper is being sat, afterwards answers that came too late.

    Args:
        minutes: 1 to 120; not asked for once the paper is closed.

    Raises:
        NotFound: The attempt isn't one of this body's, or the request not one of the attempt's.
        Invalid: No note, or no such number of minutes.
        Conflict: Somebody was first; or it is closed and there is nothing to accept, or its mark is final.
    """
    note = written(note, "处理说明")
    by = principal.account_id
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        request = await _open_request(tx, attempt, request_id)
        now = services.clock.now()
        if attempt.state in BEING_SAT:
            minutes = check_minutes(minutes, MOST_GRANTED)
            check_extension(attempt, minutes, now)
            attempt = await add_time(
                tx,
                services.clock,
                attempt,
                60 * minutes,
                kind="request",
                reason=note,
                granted_by=by,
                request_id=request.id,
            )
        else:
            minutes = None
            until = (attempt.deadline or now) + (request.ended_at - request.began_at) + timing.GRACE
            attempt = await accept_late_answers(tx, services.clock, attempt, until=until, reason=note, by=by)
        await queries.update_time_request(tx, request.id, RequestState.GRANTED, by, now, note)
        await _record(
            tx,
            services,
            principal,
            "time_request.granted",
            attempt.id,
            request=str(request.id),
            minutes=minutes,
            note=note,
        )
        _push(tx, services, [attempt.id])
    return attempt


async def refuse_time_request(
    services: Services, principal: Principal, attempt_id: UUID, request_id: UUID, *, note: str
) -> None:
    """Say no, and why.

    Raises:
        NotFound: The attempt isn't one of this body's, or the request not one of the attempt's.
        Invalid: No note.
        Conflict: Somebody was first.
    """
    note = written(note, "处理说明")
    async with services.database.tx() as tx:
        attempt = await _lock(tx, principal, attempt_id)
        request = await _open_request(tx, attempt, request_id)
        await queries.update_time_request(
            tx, request.id, RequestState.REFUSED, principal.account_id, services.clock.now(), note
        )
        await _record(
            tx, services, principal, "time_request.refused", attempt.id, request=str(request.id), note=note
        )
        _push(tx, services, [attempt.id])


async def registration_for_body(tx: Tx, principal: Principal, registration_id: UUID) -> Registration:
    """A registration of the body that this member of staff works for.

    Raises:
        NotFound: It is another body's, or doesn't exist.
    """
    found = await registration.registration_of(tx, registration_id, principal.province_id)
    if found.body_id != principal.of_body():
        raise NotFound("没有找到这份报名信息。", registration=registration_id)
    return found


async def grant_override(
    services: Services,
    principal: Principal,
    registration_id: UUID,
    subject: Subject,
    *,
    extra_minutes: int | None,
    reason: str,
) -> None:
    """More minutes for somebody with special needs, from their next admission to this paper on.

    Raises:
        NotFound: Not a registration of this body, or the paper isn't part of its procedure.
        Invalid: No reason, or not 1 to 120 minutes.
        Conflict: The paper is being sat: that one is extended instead.
    """
    reason, extra_minutes = written(reason, "理由"), check_minutes(extra_minutes, MOST_OVERRIDE)
    async with services.database.tx() as tx:
        own = await registration_for_body(tx, principal, registration_id)
        cycle = await cycles.cycle_of(tx, own.cycle_id, own.province_id)
        if subject not in {rule.subject for rule in cycle.policy.procedures[own.procedure].papers}:
            raise NotFound("该医师本周期不需要参加这项测评。", code="no_such_paper")
        attempts = await queries.lock_attempts_at(tx, own.id, own.province_id, subject)
        if any(attempt.state in OPEN - {State.PREPARED} for attempt in attempts):
            raise Conflict("该医师已开始答题，请在其测评页面使用“延长时间”。", code="being_sat")
        await queries.upsert_time_override(
            tx,
            own.id,
            subject,
            own.province_id,
            extra_minutes,
            reason,
            principal.account_id,
            services.clock.now(),
        )
        await _record(
            tx,
            services,
            principal,
            "override.granted",
            own.id,
            subject=subject.value,
            minutes=extra_minutes,
            reason=reason,
        )
