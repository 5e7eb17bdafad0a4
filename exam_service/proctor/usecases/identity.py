"""Who sits there: identity checks before, beside and at another device of a paper, advanced by frames.

An identity check's row is locked before its attempt's, by everybody.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.crypto.envelope import seal
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import ProctorRule
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.papers import timing
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import liveness, queries
from exam_service.proctor.identification import (
    BEHIND,
    TRIES,
    IdentityCheck,
    IdentityState,
    Judged,
    status_of,
)
from exam_service.proctor.liveness import BREATHER, PLAIN, TURNS, Challenge, Pose, Spent
from exam_service.proctor.model import Check, Purpose, StreamRow, Verdict
from exam_service.registration import usecases as registration
from exam_service.storage.database import Tx
from exam_service.wiring import Services

Embedding = NDArray[np.float32]

EMBEDDING = "embedding"


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame that was just judged, for what hangs on it; ``apart`` gives the distance of two embeddings."""

    check: Check
    account_id: UUID
    embedding: Embedding | None
    apart: Callable[[Embedding, Embedding], float]


def fresh_challenge(*, turns: bool) -> Challenge:
    """A try that nothing was shown of; the order of its turns can't be known before."""
    return Challenge(secrets.choice(TURNS) if turns else PLAIN)


async def begin_check(tx: Tx, stream: StreamRow, *, rule: ProctorRule, device: str) -> IdentityCheck | None:
    """A connection wants to show a face: go on with the identity check of its kind, or begin one.

    ``None`` for the frames of a paper: those show a face anyway, and only staff ask for a check then.

    Args:
        device: What kind of device and browser it comes from, in words.
    """
    if stream.purpose is Purpose.PAPER:
        return None
    subject = (stream.registration_id, stream.attempt_id, stream.purpose)
    newest = await queries.lock_optional_newest_identity_check(tx, *subject)
    if newest is not None and newest.state not in BEHIND:
        if newest.state is IdentityState.OPEN:  # else a person decides on whom this device didn't show
            newest = _on_device(newest, stream.device_hash, device)
            await queries.update_identity_check(tx, newest)
        return newest
    identity = IdentityCheck(
        id=new_id(),
        province_id=stream.province_id,
        registration_id=stream.registration_id,
        attempt_id=stream.attempt_id,
        purpose=stream.purpose,
        state=IdentityState.OPEN,
        device_hash=stream.device_hash,
        device=device,
        opened_at=stream.opened_at,
        tries=0,
        challenge=fresh_challenge(turns=rule.liveness and stream.purpose is not Purpose.TAKEOVER),
    )
    if await queries.insert_identity_check(tx, identity):
        return identity
    return await queries.lock_optional_newest_identity_check(tx, *subject)


def _on_device(identity: IdentityCheck, device_hash: bytes | None, device: str) -> IdentityCheck:
    """Go on here. Turns that were begun elsewhere aren't ended here: the next frame spends that try."""
    if identity.device_hash != device_hash and identity.challenge.done:
        challenge = replace(identity.challenge, spent=Spent.ANOTHER_DEVICE)
        identity = replace(identity, challenge=challenge, front_embedding=None, front_model=None)
    return replace(identity, device_hash=device_hash, device=device)


async def awaited(tx: Tx, checks: Sequence[Check]) -> set[UUID]:
    """Those of these verdicts, by their ids, that an open identity check awaits: few of a paper's.

    None on a frame that came late, for who is there now?
    """
    return await queries.select_awaited(tx, [check for check in checks if not check.age_ms])


async def advance(tx: Tx, services: Services, seen: Seen) -> None:
    """What a frame does to the identity check that is open: a step, a try less, passed, or over to a person.

    Called by workers, once for each new verdict that is :func:`awaited`, in the transaction that stores it.
    Under the lock it is asked once more whether the identity check is open. A frame that waited too long says
    nothing of who is there now, and a replayed one never did.
    """
    check = seen.check
    if check.checked_at - check.received_at > timing.TAKEOVER_LASTS:
        return
    identity = await queries.lock_optional_newest_identity_check(
        tx, check.registration_id, check.attempt_id, check.purpose
    )
    if identity is None or identity.state is not IdentityState.OPEN or check.received_at < identity.opened_at:
        return
    if check.purpose is not Purpose.PAPER and identity.device_hash != await queries.select_optional_device(
        tx, check.stream_id
    ):
        return  # of a connection that another device has replaced
    before = identity.challenge
    challenge = liveness.advance(before, await _pose(tx, services, identity, seen))
    identity = replace(identity, challenge=challenge)
    if check.purpose is Purpose.REHEARSAL and check.faces == 1:
        identity = replace(identity, compared=check.distance is not None)
    if before.done == 0 and challenge.done == 1 and not challenge.is_passed:
        identity = await _with_front(tx, services, identity, seen)
    if challenge.is_passed:
        identity = await _pass(tx, services, identity, seen)
    elif challenge.spent is not None:
        identity = await _spend(tx, services, identity, check)
    await queries.update_identity_check(tx, identity)


async def _pose(tx: Tx, services: Services, identity: IdentityCheck, seen: Seen) -> Pose:
    check = seen.check
    verdict = check.verdict
    if check.purpose is Purpose.REHEARSAL and verdict is Verdict.UNSURE and check.distance is None:
        verdict = Verdict.MATCH  # nothing to compare with yet, which is no fault of theirs
    same = None
    if seen.embedding is not None and identity.front_embedding and identity.front_model == check.model:
        try:
            raw = await services.vault.open(tx, identity.front_embedding, identity.id)
        except NotFound:  # purged meanwhile
            raw = b""
        front = np.frombuffer(raw, dtype=np.float32)
        if front.shape == seen.embedding.shape:
            same = seen.apart(front, seen.embedding) < check.thresholds.mismatch
    return Pose(check.received_at, verdict, check.yaw, same)


async def _with_front(tx: Tx, services: Services, identity: IdentityCheck, seen: Seen) -> IdentityCheck:
    """The face that all further frames of this try must show."""
    if seen.embedding is None:
        return identity
    own = await registration.registration_of(tx, identity.registration_id, identity.province_id)
    key = await services.vault.key_for(
        tx,
        province_id=identity.province_id,
        account_id=seen.account_id,
        cycle_id=own.cycle_id,
        data_class=EMBEDDING,
    )
    sealed = seal(key, seen.embedding.astype(np.float32).tobytes(), identity.id)
    return replace(identity, front_embedding=sealed, front_model=seen.check.model)


async def _pass(tx: Tx, services: Services, identity: IdentityCheck, seen: Seen) -> IdentityCheck:
    check = seen.check
    passed = replace(
        identity, state=IdentityState.PASSED, passed_at=services.clock.now(), front_embedding=None
    )
    if check.attempt_id is not None and check.purpose is not Purpose.PAPER:
        device_hash = await queries.select_optional_device(tx, check.stream_id)
        await let_in(
            tx, services, replace(passed, device_hash=device_hash), cause="identity_check", by=seen.account_id
        )
    else:
        await record(tx, services, passed, "identity.passed", seen.account_id, tries=passed.tries)
    return passed


async def let_in(tx: Tx, services: Services, identity: IdentityCheck, *, cause: str, by: UUID) -> bool:
    """What a passed or accepted identity check is good for; ``False`` when the attempt needs it no more."""
    if identity.attempt_id is None or identity.purpose is Purpose.PAPER:
        return True
    if identity.purpose is Purpose.TAKEOVER:
        return identity.device_hash is not None and await papers.allow_takeover(
            tx,
            services.clock,
            identity.attempt_id,
            identity.province_id,
            identity.device_hash,
            verified=True,
            actor_id=by,
        )
    return await papers.pass_check(
        tx,
        services.clock,
        identity.attempt_id,
        identity.province_id,
        cause=cause,
        actor_id=by,
        device_hash=identity.device_hash,
    )


async def _spend(tx: Tx, services: Services, identity: IdentityCheck, check: Check) -> IdentityCheck:
    """One try less; after the last a person decides, and a rehearsal has simply not been passed."""
    spent = identity.challenge.spent
    identity = replace(
        identity, tries=identity.tries + 1, last_spent=spent, front_embedding=None, front_model=None
    )
    if identity.tries < TRIES:
        anew = fresh_challenge(turns=identity.challenge.asks != PLAIN)
        return replace(identity, challenge=replace(anew, last_at=check.received_at + BREATHER))
    if identity.purpose is Purpose.REHEARSAL:
        return replace(identity, state=IdentityState.EXPIRED)
    await record(tx, services, identity, "identity.waiting", None, spent=spent)
    return replace(identity, state=IdentityState.WAITING)


async def record(
    tx: Tx, services: Services, identity: IdentityCheck, action: str, actor_id: UUID | None, **facts: object
) -> None:
    """Write what became of an identity check to the audit journal, under its attempt or registration."""
    await audit.record(
        tx,
        services.clock,
        province_id=identity.province_id,
        actor_id=actor_id,
        action=action,
        subject_id=identity.attempt_id or identity.registration_id,
        facts={"purpose": identity.purpose.value, **facts},
    )


async def recheck_is_open(tx: Tx, attempt_id: UUID) -> bool:
    """Whether staff asked to see the face beside this paper, and it wasn't shown yet."""
    return await queries.exists_open_recheck(tx, attempt_id)


@dataclass(frozen=True)
class CheckPage:
    """What the identity check's page needs.

    Attributes:
        enrols_here: The first face seen will be theirs.
        turns: Whether they will be asked to turn the head.
        is_arranged: People await them at a place and a time, without a camera.
    """

    attempt: Attempt
    label: str
    consented: bool
    enrols_here: bool
    turns: bool
    is_arranged: bool


async def check_page(services: Services, principal: Principal, attempt_id: UUID) -> CheckPage:
    """The identity check before an attempt.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        may_enrol = services.settings.demo and not await queries.exists_reference(tx, attempt.registration_id)
        policy = (await cycles.cycle_of(tx, attempt.cycle_id, attempt.province_id)).policy
        return CheckPage(
            attempt,
            policy.label(attempt.subject),
            await accounts.has_face_consent(tx, principal.account_id),
            may_enrol,
            policy.proctor.liveness,
            await papers.alternative.is_arranged(tx, attempt.registration_id, attempt.province_id),
        )


async def check_and_admission(services: Services, principal: Principal, check_id: UUID) -> Judged | None:
    """The verdict that a signal speaks of, and whether it lets the physician in by now.

    Raises:
        NotFound: The attempt is somebody else's.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        check = await queries.select_optional_check(tx, check_id, principal.province_id)
        if check is None:
            return None
        identity = await queries.select_optional_newest_identity_check(
            tx, check.registration_id, check.attempt_id, check.purpose
        )
        if check.attempt_id is None:
            own = await registration.registration_of(tx, check.registration_id, check.province_id)
            if own.account_id != principal.account_id:
                return None
            return Judged(
                check, identity, admitted=identity is not None and identity.state is IdentityState.PASSED
            )
        attempt = await papers.own_attempt(tx, principal, check.attempt_id)
        if check.purpose is Purpose.TAKEOVER:
            device_hash = await queries.select_optional_device(tx, check.stream_id)
            admitted = device_hash is not None and await papers.takeover_is_allowed(
                tx, attempt.id, device_hash, now
            )
            return Judged(check, identity, admitted)
    passed = timing.check_holds(attempt.checked_at, now)
    return Judged(check, identity, passed or attempt.admitted_at is not None)


async def check_status(services: Services, stream: StreamRow) -> dict[str, object]:
    """How the identity check stands that a connection's frames are for: the message for its page."""
    async with services.database.statements() as tx:
        return status_of(
            await queries.select_optional_newest_identity_check(
                tx, stream.registration_id, stream.attempt_id, stream.purpose
            )
        )
