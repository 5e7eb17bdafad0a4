"""现场测评: asked for, arranged, and the identity confirmed by staff who see the physician.

It is the way for whoever shows no camera their face. Denying the camera isn't one: without an arrangement of
the body, and its staff's word on the spot, there is no paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles.model import day_in_china
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import ExamSite
from exam_service.papers import queries
from exam_service.papers.model import Attempt, State
from exam_service.papers.oversight import written
from exam_service.papers.queries import ListedSitting
from exam_service.papers.sittings import (
    FIXED,
    Sitting,
    SittingState,
    check_answerable,
    check_day,
    check_movable,
    check_place,
    check_starts_at,
    check_withdrawable,
)
from exam_service.papers.usecases.admission import pass_check
from exam_service.papers.usecases.attempts import label_of, topic
from exam_service.papers.usecases.oversight import registration_for_body
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class Waiting:
    """A paper that waits for its physician's identity to be confirmed, or for them to begin."""

    attempt: Attempt
    label: str


@dataclass(frozen=True)
class OwnSitting:
    """A physician's page; ``sitting`` is ``None`` while they asked for none.

    ``consented``: they may choose the camera all the same.
    """

    sitting: Sitting | None
    may_ask: bool
    consented: bool
    papers: list[Waiting]


@dataclass(frozen=True)
class SittingSheet:
    """One request as the body sees it, with the papers that staff can check somebody in for."""

    listed: ListedSitting
    papers: list[Waiting]
    sites: list[ExamSite]


async def own_sitting(services: Services, principal: Principal) -> OwnSitting:
    """The physician's request in the newest cycle, and their papers."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return OwnSitting(None, may_ask=False, consented=False, papers=[])
        sitting = await queries.select_optional_sitting(tx, entitled.registration.id, principal.province_id)
        return OwnSitting(
            sitting,
            may_ask=sitting is None and entitled.may_test,
            consented=await accounts.has_face_consent(tx, principal.account_id),
            papers=await _papers(tx, entitled),
        )


async def sitting_of(services: Services, principal: Principal) -> Sitting | None:
    """The physician's request in the newest cycle."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return None
        return await queries.select_optional_sitting(tx, entitled.registration.id, principal.province_id)


async def is_arranged(tx: Tx, registration_id: UUID, province_id: str) -> bool:
    """Whether a place and a time are fixed at which people will watch."""
    sitting = await queries.select_optional_sitting(tx, registration_id, province_id)
    return sitting is not None and sitting.state in FIXED


async def _papers(tx: Tx, entitled: Entitlement) -> list[Waiting]:
    own = entitled.registration
    return [
        Waiting(attempt, await label_of(tx, attempt))
        for attempt in await queries.select_attempts(tx, own.id, own.province_id)
        if not attempt.is_over
    ]


async def ask(services: Services, principal: Principal, *, reason: str) -> None:
    """The physician asks for a sitting that people watch; ``reason`` may be empty.

    Raises:
        Invalid: The reason is too long.
        Conflict: They asked before, or may not sit papers.
    """
    reason = written(reason, "说明") if reason.strip() else ""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None or not entitled.may_test:
            raise Conflict("您目前没有可以参加的测评，报名完成后再申请。", code="nothing_to_sit")
        own = entitled.registration
        inserted = await queries.insert_sitting(
            tx, new_id(), own.province_id, own.id, own.body_id, reason, services.clock.now()
        )
        if not inserted:
            raise Conflict("您已申请现场测评，请在本页查看进度。", code="sitting_open")
        await _record(tx, services, principal, "sitting.asked", own.id, reason=reason)


async def withdraw(services: Services, principal: Principal) -> None:
    """The physician needs none after all.

    Raises:
        Conflict: There is none, or they were checked in.
    """
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        sitting = entitled and await queries.lock_optional_sitting(
            tx, entitled.registration.id, principal.province_id
        )
        if not sitting:
            raise Conflict("没有可以撤回的申请，请刷新页面查看。", code="no_sitting")
        check_withdrawable(sitting)
        await queries.update_sitting_state(tx, sitting.id, SittingState.WITHDRAWN)
        await _record(tx, services, principal, "sitting.withdrawn", sitting.registration_id)


async def sittings(services: Services, principal: Principal) -> list[ListedSitting]:
    """The requests at this body: what waits for it first, then by time."""
    async with services.database.tx() as tx:
        return await queries.select_sittings(tx, principal.of_body(), principal.province_id)


async def open_sittings(tx: Tx, principal: Principal) -> int:
    """How many physicians wait for this body to arrange a sitting."""
    return await queries.count_open_sittings(tx, principal.of_body(), principal.province_id)


async def sitting_sheet(services: Services, principal: Principal, registration_id: UUID) -> SittingSheet:
    """One request at this body.

    Raises:
        NotFound: It is another body's, or there is none.
    """
    async with services.database.tx() as tx:
        own = await registration_for_body(tx, principal, registration_id)
        for listed in await queries.select_sittings(
            tx, own.body_id, own.province_id, registration_id=registration_id
        ):
            entitled = await registration.entitlement_of(tx, own.id, own.province_id)
            sites = await organisations.sites_of(tx, own.body_id, own.province_id)
            offered = [site for site in sites if site.stopped_at is None]
            return SittingSheet(listed, await _papers(tx, entitled), offered)
    raise NotFound("没有找到这份现场测评申请，可能已被撤回。", code="no_sitting")


async def arrange(
    services: Services,
    principal: Principal,
    registration_id: UUID,
    *,
    place: str,
    starts_at: datetime | None,
    note: str = "",
) -> None:
    """Fix place and time; done again, it is moved. After the day of a check-in what wasn't begun there is
    to be checked in anew.

    Raises:
        NotFound: It is another body's, or there is none.
        Invalid: No place, or no time to come.
        Conflict: The physician was checked in today.
    """
    now = services.clock.now()
    place, starts_at = check_place(place), check_starts_at(starts_at, now)
    note = written(note, "说明") if note.strip() else ""
    async with services.database.tx() as tx:
        own = await registration_for_body(tx, principal, registration_id)
        await queries.lock_attempts(tx, own.id, own.province_id)  # before the sitting, as the check-in does
        sitting = await _lock(tx, principal, registration_id)
        fixed = sitting.starts_at and day_in_china(sitting.starts_at)
        check_movable(sitting, day_in_china(now), fixed)
        if sitting.state is SittingState.CHECKED_IN:
            await queries.take_back_check_in(tx, own.id)
        await queries.update_sitting(
            tx, sitting.id, SittingState.ARRANGED, place, starts_at, note, principal.account_id, now
        )
        await organisations.note_site_used(tx, services.clock, own.body_id, own.province_id, place)
        await _record(
            tx,
            services,
            principal,
            "sitting.arranged",
            registration_id,
            place=place,
            starts_at=starts_at.isoformat(),
        )


async def answer(services: Services, principal: Principal, registration_id: UUID, *, note: str) -> None:
    """It can't be as asked for: say why, and what is possible instead. The request stays open.

    Raises:
        NotFound: It is another body's, or there is none.
        Invalid: No words.
        Conflict: The physician was checked in.
    """
    note = written(note, "原因和建议")
    async with services.database.tx() as tx:
        sitting = await _lock(tx, principal, registration_id)
        check_answerable(sitting)
        await queries.update_sitting(
            tx,
            sitting.id,
            SittingState.ANSWERED,
            None,
            None,
            note,
            principal.account_id,
            services.clock.now(),
        )
        await _record(tx, services, principal, "sitting.answered", registration_id, note=note)


async def check_in(services: Services, principal: Principal, attempt_id: UUID) -> None:
    """Staff saw the physician and their document: the identity check is passed, and people watch.

    Which device the paper opens on is open until one takes it.

    Raises:
        NotFound: The attempt isn't one of this body's.
        Conflict: No sitting is arranged for today, or the paper has begun.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await queries.lock_optional_attempt(tx, attempt_id, principal.province_id)
        if attempt is None or attempt.body_id != principal.of_body():
            raise NotFound("没有找到这次测评。", code="no_such_attempt")
        sitting = await queries.lock_optional_sitting(tx, attempt.registration_id, attempt.province_id)
        if sitting is None or sitting.starts_at is None:
            raise Conflict("还没有安排现场测评的时间和地点，请先安排。", code="not_arranged")
        check_day(sitting, day_in_china(now), day_in_china(sitting.starts_at))
        if attempt.state is not State.PREPARED:
            raise Conflict("这份试卷已开始作答，不需要再核验。", code="begun")
        await pass_check(
            tx,
            services.clock,
            attempt.id,
            attempt.province_id,
            cause="checked_in_person",
            actor_id=principal.account_id,
        )
        await queries.update_watched(tx, attempt.id)
        await queries.update_sitting_state(tx, sitting.id, SittingState.CHECKED_IN)
        await _record(
            tx, services, principal, "sitting.checked_in", attempt.id, account=str(attempt.account_id)
        )
        tx.after_commit(lambda: services.signals.publish(topic(attempt_id), str(attempt_id)))


async def _lock(tx: Tx, principal: Principal, registration_id: UUID) -> Sitting:
    own = await registration_for_body(tx, principal, registration_id)
    sitting = await queries.lock_optional_sitting(tx, own.id, own.province_id)
    if sitting is None:
        raise NotFound("没有找到这份现场测评申请，可能已被撤回。", code="no_sitting")
    return sitting


async def _record(
    tx: Tx, services: Services, principal: Principal, action: str, subject_id: UUID, **facts: Any
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
