"""Where frames don't settle who sits there, a person of the body does; and may ask to see a face."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.crypto.envelope import BadEnvelope
from exam_service.cycles import usecases as cycles
from exam_service.errors import Conflict, Invalid, NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.model import UNDER_WAY, Attempt
from exam_service.papers.oversight import written
from exam_service.proctor import queries
from exam_service.proctor.identification import (
    RECHECK_LASTS,
    UNDECIDED,
    IdentityCheck,
    IdentityState,
    UnsettledCheck,
    WaitingCheck,
)
from exam_service.proctor.liveness import PLAIN
from exam_service.proctor.model import Purpose
from exam_service.proctor.usecases.identity import fresh_challenge, let_in, record
from exam_service.proctor.usecases.streaming import wall_topic
from exam_service.registration import usecases as registration
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_PUSH_SECONDS = 5.0


async def waiting_for_person(tx: Tx, principal: Principal) -> list[WaitingCheck]:
    """The identity checks of this body that wait for a person, the longest waiting first.

    Raises:
        Forbidden: Not staff of a body.
    """
    return await queries.select_waiting_checks(tx, principal.province_id, principal.of_body())


async def unsettled_of(tx: Tx, attempt: Attempt) -> list[UnsettledCheck]:
    """The identity checks of a sitting that wait for a person or were refused, and could still be passed."""
    return await queries.select_unsettled_checks(tx, attempt.registration_id, attempt.id)


async def identity_of(
    tx: Tx, principal: Principal, attempt_id: UUID, purpose: Purpose
) -> IdentityCheck | None:
    """The newest identity check of an attempt and kind.

    Raises:
        NotFound: The attempt isn't one of this body's.
    """
    attempt = await papers.attempt_for_body(tx, principal, attempt_id)
    return await queries.select_optional_newest_identity_check(
        tx, attempt.registration_id, attempt.id, purpose
    )


async def ask_recheck(services: Services, principal: Principal, attempt_id: UUID, reason: str) -> UUID:
    """Ask to see the face beside a running paper, which goes on meanwhile; gives the identity check's id.

    Raises:
        NotFound: The attempt isn't one of this body's.
        Invalid: No reason.
        Conflict: It isn't being sat, has no camera, or one was asked for and isn't settled.
    """
    reason = written(reason, "理由")
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        if attempt.state not in UNDER_WAY:
            raise Conflict("该医师现在没有在答题，不能要求核验身份。", code="not_being_sat")
        if attempt.watched:
            raise Conflict("这是现场监考的测评，没有摄像头，请由现场工作人员核验。", code="watched")
        policy = (await cycles.cycle_of(tx, attempt.cycle_id, attempt.province_id)).policy
        identity = IdentityCheck(
            id=new_id(),
            province_id=attempt.province_id,
            registration_id=attempt.registration_id,
            attempt_id=attempt.id,
            purpose=Purpose.PAPER,
            state=IdentityState.OPEN,
            device_hash=None,
            device="",
            opened_at=services.clock.now(),
            tries=0,
            challenge=fresh_challenge(turns=policy.proctor.liveness),
            asked_by=principal.account_id,
            asked_reason=reason,
        )
        if not await queries.insert_identity_check(tx, identity):
            raise Conflict("已要求该医师核验身份，请等待结果。", code="recheck_open")
        await record(tx, services, identity, "identity.asked", principal.account_id, reason=reason)
        _push(tx, services, attempt.id, attempt.body_id)
    return identity.id


async def decide(
    services: Services, principal: Principal, identity_check_id: UUID, *, accepted: bool, reason: str
) -> None:
    """A person says who sits there: accepted, the physician goes on as if frames had passed.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: A refusal without a reason, which the physician is shown; or accepted without one where there
            is no registration photo: what was compared then is to be told.
        Conflict: Somebody was first, or the attempt needs it no more.
    """
    reason = reason.strip() if accepted and not reason.strip() else written(reason, "理由")
    async with services.database.tx() as tx:
        identity, attempt = await _lock(tx, principal, identity_check_id)
        own = await registration.registration_of(tx, identity.registration_id, identity.province_id)
        if accepted and not reason and not own.photo_is_reviewed:
            raise Invalid("没有报名照片可以比对，请在理由里写明怎样核实是本人。", code="no_reason")
        if identity.state not in UNDECIDED:
            raise Conflict("这项核验已由他人处理或已完成，请刷新页面查看。", code="identity_decided")
        decided = replace(
            identity,
            state=IdentityState.ACCEPTED if accepted else IdentityState.REFUSED,
            front_embedding=None,
            decided_by=principal.account_id,
            decided_at=services.clock.now(),
            decision_reason=reason,
        )
        if accepted and not await let_in(
            tx, services, decided, cause="identity_by_person", by=principal.account_id
        ):
            raise Conflict("这次测评已不需要核验，请刷新页面查看。", code="identity_not_needed")
        if not accepted and identity.purpose is Purpose.CHECK:
            await papers.void_check(tx, attempt.id, attempt.province_id)
        await queries.update_identity_check(tx, decided)
        action = "identity.accepted" if accepted else "identity.refused"
        await record(tx, services, decided, action, principal.account_id, reason=reason)
        _push(tx, services, attempt.id, attempt.body_id)


async def give_tries(
    services: Services, principal: Principal, identity_check_id: UUID, *, reason: str
) -> None:
    """Let the physician try again as often as at first, after waiting or a refusal.

    A recheck has its two minutes from now on: it would wait for a person again at once.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: No reason.
        Conflict: It isn't waiting and wasn't refused, another followed it, or the attempt needs it no more.
    """
    reason = written(reason, "理由")
    async with services.database.tx() as tx:
        identity, attempt = await _lock(tx, principal, identity_check_id)
        if identity.state not in {IdentityState.WAITING, IdentityState.REFUSED}:
            raise Conflict("这项核验不在等待处理，请刷新页面查看。", code="identity_not_waiting")
        if identity.id not in {each.id for each in await unsettled_of(tx, attempt)}:
            raise Conflict("这次测评已不需要这项核验，请刷新页面查看。", code="identity_not_needed")
        now = services.clock.now()
        anew = fresh_challenge(turns=identity.challenge.asks != PLAIN)
        given = replace(
            identity,
            state=IdentityState.OPEN,
            opened_at=now if identity.purpose is Purpose.PAPER else identity.opened_at,
            tries=0,
            challenge=replace(anew, last_at=now),
            last_spent=None,
            decided_by=None,
            decided_at=None,
            decision_reason="",
        )
        await queries.update_identity_check(tx, given)
        await record(tx, services, given, "identity.tries_given", principal.account_id, reason=reason)
        _push(tx, services, attempt.id, attempt.body_id)


@dataclass(frozen=True, repr=False)
class Pictures:
    """What a person compares, each JPEG or PNG bytes; ``None`` for what there isn't or was purged."""

    snapshot: bytes | None
    photo: bytes | None


async def pictures_of(services: Services, principal: Principal, identity_check_id: UUID) -> Pictures:
    """The newest picture of whoever sits there, and the registration photo; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's.
    """
    async with services.database.tx() as tx:
        identity, attempt = await _of_body(tx, principal, identity_check_id)
        own = await registration.registration_of(tx, identity.registration_id, identity.province_id)
        kept_id = await queries.select_optional_kept_picture(
            tx, attempt.id, attempt.province_id, identity.purpose, identity.device_hash
        )
        await audit.record_view(
            tx,
            services.clock,
            province_id=identity.province_id,
            actor_id=principal.account_id,
            action="identity.viewed",
            subject_id=attempt.id,
        )
    newest = await _newest(services, attempt.id) if identity.purpose is Purpose.PAPER else None
    snapshot = newest or await _opened(services, identity.province_id, kept_id)
    photo = await _opened(services, identity.province_id, own.photo_id if own.photo_is_reviewed else None)
    return Pictures(snapshot, photo)


async def _newest(services: Services, attempt_id: UUID) -> bytes | None:
    try:
        frames = await services.recent.frames(attempt_id, 1)
    except Unavailable:
        return None
    for frame_id, sealed in frames:
        async with services.database.tx() as tx:
            try:
                return await services.vault.open(tx, sealed, frame_id)
            except (NotFound, BadEnvelope):
                return None
    return None


async def _opened(services: Services, province_id: str, evidence_id: UUID | None) -> bytes | None:
    if evidence_id is None:
        return None
    async with services.database.tx() as tx:
        try:
            sealed = await services.evidence.read(tx, evidence_id, province_id=province_id)
            return await services.vault.open(tx, sealed, evidence_id)
        except (NotFound, BadEnvelope):
            return None


async def hand_over_rechecks(services: Services) -> None:
    """Rechecks that took too long wait for a person; checks whose paper began or ended wait for nobody."""
    overdue_since = services.clock.now() - RECHECK_LASTS
    async with services.database.tx() as tx:
        for attempt_id, body_id in await queries.update_overdue_rechecks(tx, overdue_since):
            _push(tx, services, attempt_id, body_id)
        await queries.update_unneeded_identity_checks(tx)


async def _of_body(tx: Tx, principal: Principal, identity_check_id: UUID) -> tuple[IdentityCheck, Attempt]:
    identity = await queries.select_optional_identity_check(tx, identity_check_id, principal.province_id)
    if identity is None or identity.attempt_id is None:
        raise NotFound("没有找到这项核验。", code="no_such_identity_check")
    return identity, await papers.attempt_for_body(tx, principal, identity.attempt_id)


async def _lock(tx: Tx, principal: Principal, identity_check_id: UUID) -> tuple[IdentityCheck, Attempt]:
    _, attempt = await _of_body(tx, principal, identity_check_id)
    locked = await queries.lock_optional_identity_check(tx, identity_check_id, principal.province_id)
    if locked is None:
        raise NotFound("没有找到这项核验。", code="no_such_identity_check")
    return locked, attempt


def _push(tx: Tx, services: Services, attempt_id: UUID, body_id: UUID) -> None:
    """Have the open pages of the attempt and of its body's staff ask how things are."""

    async def publish() -> None:
        async with asyncio.timeout(_PUSH_SECONDS):
            await services.signals.publish(papers.topic(attempt_id), str(attempt_id))
            await services.signals.publish(wall_topic(body_id), str(attempt_id))

    tx.after_commit(publish)
