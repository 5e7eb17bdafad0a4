"""From 参加测评 to a running clock: what may be sat, the notice, the draw, admission."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import PaperRule, Subject
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.papers import queries, timing
from exam_service.papers.model import UNDER_WAY, Attempt, PaperOffer, State, offers_of
from exam_service.papers.usecases.attempts import move
from exam_service.questions import usecases as questions
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.storage.database import Database, Tx


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
    await move(tx, attempt, State.ADMITTED, cause=cause, actor_id=actor_id, at=now)
    deadline = timing.deadline_of(now, attempt.rule.minutes)
    await queries.update_admitted(tx, attempt.id, now, deadline)
    await registration.mark_testing(
        tx, clock, attempt.registration_id, province_id, actor_id=attempt.account_id
    )
    return True
