"""What other features may ask of a registration, and do to it."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure
from exam_service.ids import new_id
from exam_service.registration import queries
from exam_service.registration.model import (
    Category,
    Entitlement,
    Level,
    Registration,
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
    if registration is None:
        return None
    return Entitlement(registration, await cycles.cycle_of(tx, registration.cycle_id, province_id))


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


async def mark_testing(
    tx: Tx, clock: Clock, registration_id: UUID, province_id: str, *, actor_id: UUID
) -> None:
    """The first paper was started: procedure and category are fixed from here. Nothing on later papers."""
    state = await queries.lock_state(tx, registration_id, province_id)
    if state is State.TESTING:
        return
    check_move(registration_id, state, State.TESTING)
    await queries.update_state(tx, registration_id, State.TESTING)
    await queries.insert_move(
        tx,
        new_id(),
        registration_id,
        province_id,
        state,
        State.TESTING,
        "first_paper_started",
        actor_id,
        clock.now(),
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


async def counts_in_scope(tx: Tx, principal: Principal) -> dict[State, int]:
    """Registrations by state, within the scope of a member of staff."""
    return await queries.count_by_state(
        tx, principal.province_id, principal.institution_id, principal.body_id
    )
