"""What other features may ask of a registration, and do to it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.envelope import BadEnvelope, seal
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, Subject
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.institutions.model import Category, Level
from exam_service.registration import queries
from exam_service.registration.model import (
    Entitlement,
    Move,
    Registration,
    Result,
    State,
    check_move,
)
from exam_service.storage.database import Database, Tx
from exam_service.storage.evidence import EvidenceStore
from exam_service.storage.vault import Vault

PHOTO = "registration_photo"


async def entitlement(tx: Tx, account_id: UUID, province_id: str) -> Entitlement | None:
    """The physician's registration in the newest cycle with its policy; ``None`` when there is none."""
    registration = await queries.select_optional_latest(tx, account_id, province_id)
    return None if registration is None else await _entitled(tx, registration)


async def _entitled(tx: Tx, registration: Registration) -> Entitlement:
    return _entitlement(
        registration,
        await cycles.cycle_of(tx, registration.cycle_id, registration.province_id),
        await queries.select_exempted(tx, registration.id),
    )


def _entitlement(registration: Registration, cycle: Cycle, granted: frozenset[Subject]) -> Entitlement:
    """Of the exemptions that were granted those that the procedure knows: it may have changed since."""
    entitled = Entitlement(registration, cycle)
    return replace(entitled, exempted=frozenset(filter(entitled.may_be_exempted, granted)))


async def entitlement_of(tx: Tx, registration_id: UUID, province_id: str) -> Entitlement:
    """What a registration lets its physician sit.

    Raises:
        NotFound: There is none of that id.
    """
    return await _entitled(tx, await queries.select_registration(tx, registration_id, province_id))


async def lock_entitlement(tx: Tx, registration_id: UUID, province_id: str) -> Entitlement:
    """What a registration lets its physician sit, its row held: of two admissions one waits for the other.

    Raises:
        NotFound: There is none of that id.
    """
    return await _entitled(tx, await queries.lock_registration(tx, registration_id, province_id))


async def testable(tx: Tx, cycle: Cycle, after: UUID | None, limit: int) -> list[Entitlement]:
    """Up to ``limit`` registrations of a cycle that may sit papers, in order of id, those after ``after``."""
    found = await queries.select_testable(tx, cycle.id, cycle.province_id, after, limit)
    return [_entitlement(registration, cycle, granted) for registration, granted in found]


async def registration_of(tx: Tx, registration_id: UUID, province_id: str) -> Registration:
    """A registration of this province.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_registration(tx, registration_id, province_id)


async def add_registration(
    tx: Tx,
    clock: Clock,
    *,
    cycle: Cycle,
    account_id: UUID,
    institution_id: UUID,
    body_id: UUID,
    procedure: Procedure,
    category: Category,
    level: Level,
    state: State,
) -> Registration:
    """A physician enters a cycle in ``state``."""
    registration = Registration(
        id=new_id(),
        province_id=cycle.province_id,
        cycle_id=cycle.id,
        account_id=account_id,
        institution_id=institution_id,
        body_id=body_id,
        state=state,
        procedure=procedure,
        category=category,
        level=level,
        photo_id=None,
        photo_is_reviewed=False,
    )
    await queries.insert_registration(tx, registration, clock.now())
    return registration


async def mark_testing(tx: Tx, clock: Clock, registration: Registration, *, actor_id: UUID) -> None:
    """The first paper was started: procedure and category are fixed from here. Nothing on later papers.

    The registration's row is held, see :func:`lock_entitlement`.
    """
    if registration.state is State.TESTING:
        return
    await move(tx, clock, registration, State.TESTING, cause="first_paper_started", actor_id=actor_id)


async def move(
    tx: Tx,
    clock: Clock,
    registration: Registration,
    to_state: State,
    *,
    cause: str,
    actor_id: UUID | None,
) -> Registration:
    """Move a registration whose row is held (:func:`lock_registration`), with its cause and who.

    ``cause`` is a code of a few words; what a person wrote as a reason belongs to the row of their decision.

    Raises:
        IllegalMove: The table of moves doesn't list it.
    """
    check_move(registration.id, registration.state, to_state)
    await queries.update_state(tx, registration, to_state, new_id(), cause, actor_id, clock.now())
    return replace(registration, state=to_state)


async def conclude(
    tx: Tx, clock: Clock, registration: Registration, result: Result, *, cause: str, actor_id: UUID | None
) -> Registration:
    """End a physician's cycle with its one result. The row is held.

    Raises:
        IllegalMove: From where it stands it can't be concluded.
    """
    concluded = await move(tx, clock, registration, State.CONCLUDED, cause=cause, actor_id=actor_id)
    await queries.update_result(tx, registration.id, result, clock.now())
    return replace(concluded, result=result, concluded_at=clock.now())


async def rehome(
    tx: Tx,
    clock: Clock,
    registration: Registration,
    *,
    institution_id: UUID,
    body_id: UUID,
    actor_id: UUID,
) -> Registration:
    """From now on the registration is this institution's and this body's. The row is held.

    The department was the former institution's and is chosen anew.
    """
    await queries.update_place(tx, registration.id, institution_id, body_id)
    await audit.record(
        tx,
        clock,
        province_id=registration.province_id,
        actor_id=actor_id,
        action="registration.rehomed",
        subject_id=registration.id,
        facts={"from": str(registration.institution_id), "to": str(institution_id)},
    )
    return replace(registration, institution_id=institution_id, body_id=body_id, department_id=None)


async def lock_registration(tx: Tx, registration_id: UUID, province_id: str) -> Registration:
    """A registration with its row held until the end of the transaction.

    Raises:
        NotFound: There is none of that id in this province.
    """
    return await queries.lock_registration(tx, registration_id, province_id)


async def registration_in_cycle(tx: Tx, cycle_id: UUID, account_id: UUID) -> Registration | None:
    """A physician's registration in a cycle, if they were ever admitted to it."""
    return await queries.select_optional_of_cycle(tx, cycle_id, account_id)


async def grant_exemption(
    tx: Tx,
    clock: Clock,
    registration_id: UUID,
    province_id: str,
    subject: Subject,
    reason: str,
    granted_by: UUID | None,
) -> None:
    """A paper need not be sat and counts as passed; ``papers.exempt`` asks first whether it was begun.

    Granted again, nothing changes.

    Raises:
        NotFound: No such registration in this province.
        Invalid: The policy waives no such paper of this procedure, or the reason is missing.
        Conflict: The cycle is concluded.
    """
    if not reason.strip():
        raise Invalid("请填写免考理由。", code="no_reason")
    state = await queries.lock_state(tx, registration_id, province_id)
    registration = await queries.select_registration(tx, registration_id, province_id)
    entitled = await _entitled(tx, registration)
    if not entitled.may_be_exempted(subject):
        raise Invalid("按本省规定，这项测评不能免考，请核对考核程序和测评。", code="not_exemptible")
    if state is State.CONCLUDED:
        raise Conflict("本周期考核已结束，不能再批准免考。", code="concluded")
    if await queries.insert_exemption(
        tx, registration_id, subject, province_id, reason.strip(), granted_by, clock.now()
    ):
        await audit.record(
            tx,
            clock,
            province_id=province_id,
            actor_id=granted_by,
            action="exemption.granted",
            subject_id=registration_id,
            facts={"subject": subject.value, "reason": reason.strip()},
        )


async def store_reviewed_photo(
    database: Database,
    clock: Clock,
    vault: Vault,
    store: EvidenceStore,
    registration: Registration,
    picture: bytes,
) -> UUID:
    """Keep a registration photo that has passed review: from now on it enrols.

    Args:
        picture: JPEG or PNG bytes.
    """
    now = clock.now()
    photo_id = new_id()
    async with database.tx() as tx:
        key = await vault.key_for(
            tx,
            province_id=registration.province_id,
            account_id=registration.account_id,
            cycle_id=registration.cycle_id,
            data_class=PHOTO,
        )
    sealed = seal(key, picture, photo_id)
    blob = await store.write(
        photo_id, sealed, province_id=registration.province_id, data_class=PHOTO, now=now
    )
    async with database.tx() as tx:
        await store.record(
            tx,
            blob,
            province_id=registration.province_id,
            account_id=registration.account_id,
            data_class=PHOTO,
            now=now,
        )
        await queries.update_photo(tx, registration.id, photo_id, now)
    return photo_id


async def enrol_photo(tx: Tx, clock: Clock, registration_id: UUID, photo_id: UUID) -> None:
    """A photo that is kept already (evidence of the class :data:`PHOTO`) has passed review: it enrols."""
    await queries.update_photo(tx, registration_id, photo_id, clock.now())


async def reviewed_photo(
    tx: Tx, vault: Vault, store: EvidenceStore, registration_id: UUID, province_id: str
) -> bytes:
    """The registration photo that faces are compared with, decrypted: JPEG or PNG bytes.

    Raises:
        NotFound: There is none that has passed review, or it has been purged or altered.
    """
    registration = await queries.select_registration(tx, registration_id, province_id)
    if registration.photo_id is None or not registration.photo_is_reviewed:
        raise NotFound("没有审核通过的报名照片。", code="no_photo")
    sealed = await store.read(tx, registration.photo_id, province_id=province_id)
    try:
        return await vault.open(tx, sealed, registration.photo_id)
    except BadEnvelope:
        raise NotFound(
            "这份资料与存档时不一致，已拒绝显示，请联系系统管理员。",
            code="evidence_altered",
            evidence=registration.photo_id,
        ) from None


async def counts_in_scope(tx: Tx, principal: Principal) -> dict[State, int]:
    """Registrations by state, within the scope of a member of staff."""
    return await queries.count_by_state(
        tx, principal.province_id, principal.institution_id, principal.body_id
    )


async def moves_of(tx: Tx, registration_id: UUID, province_id: str) -> list[Move]:
    """All moves, the oldest first; whose registration it is the caller looks at."""
    return await queries.select_moves(tx, registration_id, province_id)
