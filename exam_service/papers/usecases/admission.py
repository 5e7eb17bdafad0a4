"""From 参加测评 to a running clock: what may be sat, the notice, the draw, admission."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.papers import queries, timing
from exam_service.papers.model import Attempt, State, check_move
from exam_service.papers.retakes import MakeupRound, PaperOffer, offers_of
from exam_service.papers.usecases.attempts import own_attempt
from exam_service.papers.usecases.drawing import lay_paper
from exam_service.queue.line import Line, Place
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.storage.database import Database, Tx


async def offers(database: Database, clock: Clock, principal: Principal) -> list[PaperOffer]:
    """The papers of the physician's registration; empty when there is none or no paper applies."""
    async with database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return []
        return await _offers(tx, clock.now(), entitled)


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
            await queries.update_notice(tx, resumed.id, notice_version, now, offer.availability.round_id)
            return resumed
        attempt = _new_attempt(entitled, offer)
        if await queries.insert_attempt(tx, attempt, notice_version, now):
            await lay_paper(tx, entitled, attempt)
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
        for offer in await _offers(tx, now, entitled):
            if offer.rule.subject is subject:
                return entitled, offer
    raise NotFound("您本周期不需要参加这项测评。", code="no_such_paper")


async def _offers(tx: Tx, now: datetime, entitled: Entitlement) -> list[PaperOffer]:
    own = entitled.registration
    attempts = await queries.select_attempts(tx, own.id, own.province_id)
    return await _offers_at(tx, now, entitled, attempts)


async def _offers_at(
    tx: Tx, now: datetime, entitled: Entitlement, attempts: Sequence[Attempt]
) -> list[PaperOffer]:
    own = entitled.registration
    rounds: list[MakeupRound] = []
    if entitled.cycle.makeup_from is not None:  # else no body can open one
        rounds = await queries.select_rounds(tx, own.cycle_id, own.body_id, own.province_id)
    extra = await queries.select_extra_minutes(tx, own.id)
    return offers_of(entitled, attempts, now, rounds=rounds, extra_minutes=extra)


def _check_startable(offer: PaperOffer) -> None:
    if not offer.availability.may_start:
        running = offer.availability.running
        raise Conflict(
            offer.availability.reason or "现在不能参加这项测评。",
            code="paper_not_open",
            way=("继续测评", f"/attempts/{running}") if running else None,
        )


def _new_attempt(entitled: Entitlement, offer: PaperOffer) -> Attempt:
    own, rule = entitled.registration, offer.rule
    return Attempt(
        id=new_id(),
        province_id=own.province_id,
        registration_id=own.id,
        cycle_id=own.cycle_id,
        account_id=own.account_id,
        institution_id=own.institution_id,
        body_id=own.body_id,
        subject=rule.subject,
        ordinal=len(offer.attempts) + 1,
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
        round_id=offer.availability.round_id,
    )


async def begin(
    database: Database, clock: Clock, principal: Principal, attempt_id: UUID
) -> tuple[Attempt, PaperOffer]:
    """What the page with the button 开始答题 is shown for: an own attempt that is prepared.

    Raises:
        NotFound: Not this physician's attempt, or none of their newest registration.
        Conflict: The paper can't be started any more; says why.
    """
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        _, offer = await _offer(tx, clock.now(), principal, attempt.subject)
    _check_startable(offer)
    return attempt, offer


async def exempt(
    tx: Tx,
    clock: Clock,
    registration_id: UUID,
    province_id: str,
    subject: Subject,
    reason: str,
    granted_by: UUID | None,
) -> None:
    """A paper that was not begun need not be sat and counts as passed. Granted again, nothing changes.

    Raises:
        NotFound, Invalid, Conflict: As :func:`registration.grant_exemption`, or the paper was begun.
    """
    await registration.lock_entitlement(tx, registration_id, province_id)
    if subject in await begun(tx, registration_id, province_id):
        raise Conflict("该医师已参加这项测评，不能再批准免考。", code="paper_begun")
    await registration.grant_exemption(tx, clock, registration_id, province_id, subject, reason, granted_by)


async def begun(tx: Tx, registration_id: UUID, province_id: str) -> frozenset[Subject]:
    """The papers that a physician was admitted to; an attempt that is void doesn't count."""
    attempts = await queries.select_attempts(tx, registration_id, province_id)
    return frozenset(
        each.subject for each in attempts if each.admitted_at is not None and each.state is not State.VOID
    )


async def all_passed_for_good(tx: Tx, clock: Clock, entitled: Entitlement) -> bool:
    """Whether every paper of the procedure is exempted or passed and confirmed, and nothing is open."""
    return all(offer.is_passed_for_good for offer in await _offers(tx, clock.now(), entitled))


async def pass_check(
    tx: Tx,
    clock: Clock,
    attempt_id: UUID,
    province_id: str,
    *,
    cause: str,
    actor_id: UUID,
    device_hash: bytes | None = None,
) -> bool:
    """The identity check was passed, which holds for a while; ``False`` when the attempt needs none any more.

    Args:
        device_hash: Of the browser that showed the face: the paper opens there, and elsewhere by a takeover.

    Raises:
        NotFound: No such attempt.
    """
    attempt = await queries.lock_optional_attempt(tx, attempt_id, province_id)
    if attempt is None:
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    if attempt.state is not State.PREPARED:
        return False
    now = clock.now()
    if not timing.check_holds(attempt.checked_at, now) or attempt.device_hash != device_hash:
        await queries.update_checked(tx, attempt.id, now, device_hash)
        await audit.record(
            tx,
            clock,
            province_id=province_id,
            actor_id=actor_id,
            action="attempt.checked",
            subject_id=attempt.id,
            facts={"cause": cause},
        )
    return True


async def void_check(tx: Tx, attempt_id: UUID, province_id: str) -> None:
    """A person says that somebody else sits there: a check that was passed before counts no more."""
    attempt = await queries.lock_optional_attempt(tx, attempt_id, province_id)
    if attempt is not None and attempt.state is State.PREPARED:
        await queries.update_checked(tx, attempt.id, None, attempt.device_hash)


async def enter(
    database: Database, clock: Clock, line: Line, principal: Principal, attempt_id: UUID
) -> Place | None:
    """开始答题 was pressed: admit whose turn it is. Gives the place in line of who has to wait.

    A physician has one place, whichever of their papers it is for; so nobody can fill the line.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: As :func:`admit` says.
        Unavailable: This node's clock is wrong.
    """
    place = await line.take(str(principal.account_id))
    if not place.is_turn:
        return place
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        await _admit(tx, clock, attempt, cause="entered", actor_id=principal.account_id)
    return None


async def place_in_line(
    database: Database, line: Line, principal: Principal, attempt_id: UUID
) -> tuple[Attempt, Place | None]:
    """An own attempt and the place of its physician in the line; ``None`` when they have none (any more).

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
    return attempt, await line.look(str(principal.account_id))


async def admit(
    tx: Tx, clock: Clock, attempt_id: UUID, province_id: str, *, cause: str, actor_id: UUID
) -> bool:
    """Time and attempts count from now. ``False`` if it was admitted before.

    Raises:
        NotFound: No such attempt.
        Conflict: The identity check isn't passed or was too long ago (code ``not_checked``), or the paper
            can't be started any more (``paper_not_open``), for instance because another one is being sat.
        Unavailable: This node's clock is wrong.
    """
    attempt = await queries.select_optional_attempt(tx, attempt_id, province_id)
    if attempt is None:
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    return await _admit(tx, clock, attempt, cause=cause, actor_id=actor_id)


async def _admit(tx: Tx, clock: Clock, seen: Attempt, *, cause: str, actor_id: UUID) -> bool:
    """As :func:`admit`, for an attempt that was read without its lock."""
    if seen.state is not State.PREPARED:
        return False
    clock.check_trusted()
    # The registration first, then the attempts: of two papers of one physician one waits for the other.
    entitled = await registration.lock_entitlement(tx, seen.registration_id, seen.province_id)
    own = entitled.registration
    attempts = await queries.lock_attempts(tx, own.id, own.province_id)
    attempt = next(each for each in attempts if each.id == seen.id)
    if attempt.state is not State.PREPARED:
        return False
    now = clock.now()
    if not timing.check_holds(attempt.checked_at, now, in_line=True):
        raise Conflict("身份核验已超过有效时间，请重新核验后再开始答题。", code="not_checked")
    offer = next(
        each for each in await _offers_at(tx, now, entitled, attempts) if each.rule.subject is attempt.subject
    )
    _check_startable(offer)
    check_move(attempt.id, attempt.state, State.ADMITTED)
    admitted = replace(
        attempt,
        state=State.ADMITTED,
        admitted_at=now,
        deadline=timing.deadline_of(now, attempt.rule.minutes + offer.extra_minutes),
        extra_minutes=offer.extra_minutes,
        round_id=offer.availability.round_id,
    )
    await queries.update_admitted(tx, attempt, admitted, cause, actor_id)
    await registration.mark_testing(tx, clock, own, actor_id=attempt.account_id)
    return True
