"""The identity check before a paper: its page, and what a verdict on its frames means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.papers import timing
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import queries
from exam_service.proctor.model import Check, Purpose, Verdict
from exam_service.storage.database import Tx
from exam_service.wiring import Services

Embedding = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame that was just judged, for what hangs on it; ``apart`` gives the distance of two embeddings."""

    check: Check
    account_id: UUID
    embedding: Embedding | None
    apart: Callable[[Embedding, Embedding], float]


async def advance(tx: Tx, services: Services, seen: Seen) -> None:
    """What a frame does to the check it was sent for: it may pass, or let another device take over.

    Called by workers, once for each new verdict, in the transaction that stores it.
    """
    check = seen.check
    if check.attempt_id is None or check.verdict is not Verdict.MATCH:
        return
    if check.checked_at - check.received_at > timing.TAKEOVER_LASTS:  # who is there now?
        return
    if check.purpose is Purpose.CHECK:
        await papers.pass_check(
            tx,
            services.clock,
            check.attempt_id,
            check.province_id,
            cause="identity_check",
            actor_id=seen.account_id,
            device_hash=await queries.select_optional_device(tx, check.stream_id),
        )
    elif check.purpose is Purpose.TAKEOVER:
        device_hash = await queries.select_optional_device(tx, check.stream_id)
        if device_hash is not None:
            await papers.allow_takeover(
                tx,
                services.clock,
                check.attempt_id,
                check.province_id,
                device_hash,
                verified=True,
                actor_id=seen.account_id,
            )


@dataclass(frozen=True)
class CheckPage:
    """What the identity check's page needs; ``enrols_here`` says that the first face seen will be theirs."""

    attempt: Attempt
    label: str
    consented: bool
    enrols_here: bool


async def check_page(services: Services, principal: Principal, attempt_id: UUID) -> CheckPage:
    """The identity check before an attempt.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        may_enrol = services.settings.demo and not await queries.exists_reference(tx, attempt.registration_id)
        return CheckPage(
            attempt,
            await papers.label_of(tx, attempt),
            await accounts.has_face_consent(tx, principal.account_id),
            may_enrol,
        )


async def check_and_admission(
    services: Services, principal: Principal, check_id: UUID
) -> tuple[Check, bool] | None:
    """The verdict that a signal speaks of, and whether it lets the physician in by now."""
    async with services.database.tx() as tx:
        check = await queries.select_optional_check(tx, check_id, principal.province_id)
        if check is None:
            return None
        if check.attempt_id is None:
            return None
        attempt = await papers.own_attempt(tx, principal, check.attempt_id)
        if check.purpose is Purpose.TAKEOVER:
            device_hash = await queries.select_optional_device(tx, check.stream_id)
            return check, device_hash is not None and await papers.takeover_is_allowed(
                tx, attempt.id, device_hash, services.clock.now()
            )
    passed = timing.check_holds(attempt.checked_at, services.clock.now())
    return check, passed or attempt.admitted_at is not None
