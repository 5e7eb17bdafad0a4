"""What people say on their face, and on the agreements of a registration."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.agreements import (
    PRIVACY_POLICY,
    PRIVACY_POLICY_VERSION,
    USER_AGREEMENT,
    USER_AGREEMENT_VERSION,
)
from exam_service.accounts.model import FACE_CONSENT, FACE_CONSENT_VERSION, ConsentRecord, Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import Conflict
from exam_service.ids import new_id
from exam_service.storage.database import Database, Tx


class Signaller(Protocol):
    """Says "look again"; see :class:`exam_service.queue.signals.Signals`."""

    async def publish(self, topic: str, subject_id: str) -> None: ...


async def accept_agreements(tx: Tx, clock: Clock, *, province_id: str, account_id: UUID) -> None:
    """Record that somebody who registers accepted the present 用户协议 and 隐私政策."""
    for purpose, version in (
        (USER_AGREEMENT, USER_AGREEMENT_VERSION),
        (PRIVACY_POLICY, PRIVACY_POLICY_VERSION),
    ):
        await queries.insert_consent(tx, new_id(), province_id, account_id, purpose, version, clock.now())
        await audit.record(
            tx,
            clock,
            province_id=province_id,
            actor_id=account_id,
            action="consent.given",
            subject_id=account_id,
            facts={"purpose": purpose, "version": version},
        )


async def give_face_consent(database: Database, clock: Clock, principal: Principal, *, version: str) -> None:
    """Record the physician's separate consent to face processing (个人信息保护法 §29).

    Raises:
        Conflict: The text was renewed while the page was open; it must be read again.
    """
    _check_version(version)
    async with database.tx() as tx:
        await queries.insert_consent(
            tx,
            new_id(),
            principal.province_id,
            principal.account_id,
            FACE_CONSENT,
            version,
            clock.now(),
        )
        await _record_consent(tx, clock, principal, "consent.given", version=version)


async def decline_face_consent(
    database: Database, clock: Clock, signals: Signaller, principal: Principal, *, version: str
) -> None:
    """Record that the physician doesn't consent; a consent that was in force ends.

    Raises:
        Conflict: The text was renewed while the page was open; it must be read again.
    """
    _check_version(version)
    async with database.tx() as tx:
        await queries.withdraw_consent(tx, principal.account_id, FACE_CONSENT, clock.now())
        await queries.insert_refusal(
            tx,
            new_id(),
            principal.province_id,
            principal.account_id,
            FACE_CONSENT,
            version,
            clock.now(),
        )
        await _record_consent(tx, clock, principal, "consent.declined", version=version)
        _tell(tx, signals, principal.account_id)


def _check_version(version: str) -> None:
    if version != FACE_CONSENT_VERSION:
        raise Conflict("告知内容已更新，请重新阅读后再确认。", code="consent_outdated")


async def _record_consent(tx: Tx, clock: Clock, principal: Principal, action: str, **facts: str) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=principal.account_id,
        facts={"purpose": FACE_CONSENT, **facts},
    )


def _tell(tx: Tx, signals: Signaller, account_id: UUID) -> None:
    """Cameras that are on look again."""
    tx.after_commit(lambda: signals.publish(topic(account_id), str(account_id)))


def topic(account_id: UUID) -> str:
    """Where it is signalled that what an account allows has changed."""
    return f"account:{account_id}"


async def withdraw_face_consent(
    database: Database, clock: Clock, signals: Signaller, principal: Principal
) -> None:
    """Withdraw it: from now on no frame is taken, and cameras that are on are told."""
    async with database.tx() as tx:
        await queries.withdraw_consent(tx, principal.account_id, FACE_CONSENT, clock.now())
        await _record_consent(tx, clock, principal, "consent.withdrawn")
        _tell(tx, signals, principal.account_id)


async def has_face_consent(tx: Tx, account_id: UUID) -> bool:
    """Whether consent to the present text is in force."""
    return await queries.exists_consent(tx, account_id, FACE_CONSENT, FACE_CONSENT_VERSION)


async def consent_records(tx: Tx, account_id: UUID) -> list[ConsentRecord]:
    """What somebody said on their face, the newest first."""
    return await queries.select_consents(tx, account_id, FACE_CONSENT)


async def with_face_consent(tx: Tx, account_ids: Collection[UUID]) -> set[UUID]:
    """Those of these whose consent to the present text is in force."""
    return await queries.select_consenting(tx, list(account_ids), FACE_CONSENT, FACE_CONSENT_VERSION)


async def all_still_consent(tx: Tx, account_ids: Collection[UUID]) -> bool:
    """Whether all of these consent, who can't withdraw it before the end of this transaction."""
    consenting = await queries.lock_consenting(tx, list(account_ids), FACE_CONSENT, FACE_CONSENT_VERSION)
    return consenting >= set(account_ids)
