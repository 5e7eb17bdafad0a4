"""Face data go when their time is over, or when the physician wants it; each purge leaves a proof.

Destroying the data key is the purge: what it sealed can't be read any more, wherever copies lie. Rows and
files go with it. Each registration is purged in a transaction of its own, under the registration's lock:
nobody is admitted to a paper meanwhile, and of two sweepers the second finds nothing left to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import ConsentRecord, Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import day_in_china
from exam_service.cycles.policy import Retention
from exam_service.errors import Conflict
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.proctor import queries
from exam_service.proctor.periods import DeletionRequest, Kind, Purge, Standing, Why, due_on
from exam_service.proctor.usecases.identity import EMBEDDING
from exam_service.proctor.usecases.streaming import FRAME
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.storage.database import Tx
from exam_service.storage.evidence import Audit
from exam_service.wiring import Services

_CLASS_OF = {Kind.SAMPLE: FRAME, Kind.FRAME: FRAME, Kind.EMBEDDING: EMBEDDING}
_PAGE = 100
_FIRST = UUID(int=0)


@dataclass(frozen=True)
class Held:
    """What is kept of one kind; ``due`` as :func:`exam_service.proctor.periods.due_on` says."""

    kind: Kind
    items: int
    due: date | None


@dataclass(frozen=True)
class HeldInCycle:
    cycle_title: str
    held: tuple[Held, ...]


@dataclass(frozen=True)
class FaceData:
    """What a physician sees of their own face data.

    Attributes:
        last_due: When an open request will have been carried out; ``None`` while an open result holds some.
    """

    consents: list[ConsentRecord]
    cycles: tuple[HeldInCycle, ...]
    purges: list[Purge]
    request: DeletionRequest | None
    last_due: date | None

    @property
    def is_empty(self) -> bool:
        return not any(held.items for cycle in self.cycles for held in cycle.held)


@dataclass(frozen=True)
class Verification:
    """What ``evidence verify`` found: ``keys_left`` are data keys that a purge says are destroyed."""

    purges: int
    keys_left: list[UUID]
    files: Audit

    @property
    def is_sound(self) -> bool:
        return not self.keys_left and self.files.is_sound


async def periods_for(tx: Tx, principal: Principal) -> Retention:
    """The periods of the physician's newest cycle; the usual ones where no cycle has them."""
    entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    return entitled.cycle.policy.retention if entitled else Retention()


async def purge_due(services: Services) -> int:
    """Purge what is due of all cycles that are over, and what physicians want gone; how much was purged."""
    now = services.clock.now()
    today, purged = day_in_china(now), 0
    async with services.database.tx() as tx:
        over = await cycles.cycles_over(tx, now)
    for cycle in over:
        earliest = Standing(cycle.last_day, None, is_open=False)
        for kind in Kind:
            due = due_on(kind, cycle.policy.retention, earliest, wanted=False)
            if due is None or due > today:
                continue
            after: UUID | None = _FIRST
            while after is not None:
                async with services.database.tx() as tx:
                    page = await queries.select_registrations_holding(
                        tx, cycle.id, _CLASS_OF[kind], after, _PAGE
                    )
                for registration_id in page:
                    purged += await _purge_due_of(
                        services, registration_id, cycle.province_id, (kind,), Why.RETENTION
                    )
                after = page[-1] if page else None
    return purged + await _carry_out_requests(services)


async def _carry_out_requests(services: Services) -> int:
    purged, after = 0, _FIRST
    while True:
        async with services.database.tx() as tx:
            requests = await queries.select_deletion_requests(tx, after, _PAGE)
        for request in requests:
            purged += await _carry_out(services, request)
        if not requests:
            return purged
        after = requests[-1].id


async def _carry_out(services: Services, request: DeletionRequest) -> int:
    """Purge what of a request may go today; it is carried out once nothing is left."""
    purged = 0
    async with services.database.tx() as tx:
        registrations = await queries.select_registrations_of(tx, request.account_id, request.province_id)
    for registration_id in registrations:
        purged += await _purge_due_of(
            services, registration_id, request.province_id, (Kind.FRAME, Kind.EMBEDDING), request.why
        )
    async with services.database.tx() as tx:
        for registration_id in registrations:
            entitled = await registration.lock_entitlement(tx, registration_id, request.province_id)
            if await queries.select_face_keys(tx, request.account_id, entitled.cycle.id):
                return purged
        await queries.update_deletion_carried_out(tx, request.id, services.clock.now())
    return purged


async def _purge_due_of(
    services: Services, registration_id: UUID, province_id: str, kinds: Sequence[Kind], why: Why
) -> int:
    now = services.clock.now()
    done = 0
    async with services.database.tx() as tx:
        entitled = await registration.lock_entitlement(tx, registration_id, province_id)
        standing = await _standing(tx, entitled)
        for kind in kinds:
            due = due_on(kind, entitled.cycle.policy.retention, standing, wanted=why is not Why.RETENTION)
            if due is not None and due <= day_in_china(now):
                done += await _purge(tx, services, entitled, kind, why, now)
    return done


async def _standing(tx: Tx, entitled: Entitlement) -> Standing:
    own = entitled.registration
    is_open, last_result = await papers.settlement(tx, own.id, own.province_id)
    if doubted_at := await queries.select_optional_doubt(tx, own.id):
        last_result = max(last_result or doubted_at, doubted_at)
    return Standing(entitled.cycle.last_day, last_result and day_in_china(last_result), is_open)


async def _purge(
    tx: Tx, services: Services, entitled: Entitlement, kind: Kind, why: Why, now: datetime
) -> bool:
    """Destroy what is held of a kind, and write down that it was; ``False``: there was nothing."""
    own = entitled.registration
    key_id = (await queries.select_face_keys(tx, own.account_id, own.cycle_id)).get(_CLASS_OF[kind])
    if key_id is None:
        return False
    if kind is Kind.EMBEDDING:
        sealed = await queries.delete_enrolments(tx, own.id)
        sealed += await queries.forget_fronts(tx, own.id)
        digests = sorted(hashlib.sha256(each).digest() for each in sealed)
        size = sum(map(len, sealed))
    else:
        pictures = (
            await queries.select_samples(tx, own.id)
            if kind is Kind.SAMPLE
            else await queries.select_keyed_evidence(tx, key_id)
        )
        if kind is Kind.SAMPLE and not pictures:
            return False
        await queries.forget_evidence(tx, pictures)
        removed = await services.evidence.remove(tx, pictures)
        digests = [each.sha256 for each in removed]
        size = sum(each.size for each in removed)
    destroyed = None
    if kind is not Kind.SAMPLE:
        await services.vault.destroy(tx, key_id)
        destroyed = key_id
    purge = Purge(
        new_id(),
        own.province_id,
        own.account_id,
        own.cycle_id,
        kind,
        destroyed,
        len(digests),
        size,
        hashlib.sha256(b"".join(digests)).digest(),
        why,
        now,
    )
    await queries.insert_purge(tx, purge)
    await audit.record(
        tx,
        services.clock,
        province_id=own.province_id,
        actor_id=None,
        action="face_data.purged",
        subject_id=own.account_id,
        facts={
            "purge": str(purge.id),
            "cycle": str(own.cycle_id),
            "kind": kind.value,
            "items": purge.items,
            "digest": purge.digest.hex(),
            "why": why.value,
        },
    )
    return True


async def sweep_evidence(services: Services) -> int:
    """Take away files that no row knows: of purges and uploads that a crash cut off."""
    return await services.evidence.sweep(services.database, services.clock.now())


async def face_data(services: Services, principal: Principal) -> FaceData:
    """What is held of a physician's face, until when, what was purged, and their consents."""
    async with services.database.tx() as tx:
        request = await queries.select_optional_deletion_request(tx, principal.account_id)
        found: list[HeldInCycle] = []
        for registration_id in await queries.select_registrations_of(
            tx, principal.account_id, principal.province_id
        ):
            entitled = await registration.entitlement_of(tx, registration_id, principal.province_id)
            standing = await _standing(tx, entitled)
            counts = await queries.count_held(tx, registration_id)
            periods = entitled.cycle.policy.retention
            held = tuple(
                Held(kind, counts[kind], _own_due(kind, periods, standing, request))
                for kind in Kind
                if counts[kind]
            )
            found.append(HeldInCycle(entitled.cycle.title, held))
        dues = [held.due for cycle in found for held in cycle.held]
        return FaceData(
            await accounts.consent_records(tx, principal.account_id),
            tuple(found),
            await queries.select_purges(tx, account_id=principal.account_id),
            request,
            None if None in dues else max((due for due in dues if due), default=date.min),
        )


def _own_due(
    kind: Kind, periods: Retention, standing: Standing, request: DeletionRequest | None
) -> date | None:
    usual = due_on(kind, periods, standing, wanted=False)
    wanted = due_on(kind, periods, standing, wanted=True) if request else usual
    return None if usual is None or wanted is None else min(usual, wanted)


async def ask_deletion(services: Services, principal: Principal) -> None:
    """The physician wants their face data gone: at once where nothing is sat, else after the appeal period.

    Raises:
        Conflict: They asked before.
    """
    async with services.database.tx() as tx:
        consented = await accounts.has_face_consent(tx, principal.account_id)
        why = Why.REQUEST if consented else Why.WITHDRAWAL
        request = DeletionRequest(
            new_id(), principal.province_id, principal.account_id, why, services.clock.now()
        )
        if not await queries.insert_deletion_request(
            tx, request.id, request.province_id, request.account_id, why, request.asked_at
        ):
            raise Conflict("您已申请删除，请在本页查看进度。", code="deletion_open")
        await _record(tx, services, principal, "face_data.deletion_requested", why=why.value)
    await _carry_out(services, request)


async def withdraw_deletion(services: Services, principal: Principal) -> None:
    """The physician thinks again; what is gone is gone.

    Raises:
        Conflict: No request is open.
    """
    async with services.database.tx() as tx:
        if not await queries.withdraw_deletion_request(tx, principal.account_id, services.clock.now()):
            raise Conflict("没有待处理的删除申请，请刷新页面查看。", code="no_deletion")
        await _record(tx, services, principal, "face_data.deletion_withdrawn")


async def _record(tx: Tx, services: Services, principal: Principal, action: str, **facts: str) -> None:
    await audit.record(
        tx,
        services.clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=principal.account_id,
        facts=facts,
    )


async def purges(services: Services, cycle_id: UUID | None) -> list[Purge]:
    """All purges, or those of a cycle, for operators."""
    async with services.database.tx() as tx:
        return await queries.select_purges(tx, cycle_id=cycle_id)


async def verify_evidence(services: Services) -> Verification:
    """Whether what was purged is gone, and what is kept is what was recorded."""
    async with services.database.tx() as tx:
        done = await queries.select_purges(tx)
        keys_left = await queries.select_purged_keys_left(tx)
    files = await services.evidence.audit(services.database, services.clock.now())
    return Verification(len(done), keys_left, files)
