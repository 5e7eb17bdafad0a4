"""Log in and out, keep sessions, give consent, make accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from exam_service.accounts import queries
from exam_service.accounts.identity import IdentityNumber, parse_identity_number
from exam_service.accounts.model import (
    FACE_CONSENT,
    FACE_CONSENT_VERSION,
    ConsentRecord,
    Principal,
    Role,
    SessionLimits,
    session_is_live,
)
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.envelope import data_key_id, open_envelope, seal
from exam_service.crypto.hashes import keyed_hash, new_token, token_hash
from exam_service.errors import Conflict, Invalid, TooMany
from exam_service.ids import new_id
from exam_service.settings import Settings
from exam_service.storage.database import Database, Tx
from exam_service.storage.vault import Vault

# OWASP's Password Storage Cheat Sheet: Argon2id, 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

IDENTITY = "identity"
THROTTLE_SECONDS = 900.0
_ACCOUNT_TRIES_FACTOR = 5
_SEEN_EVERY = timedelta(seconds=30)
_WRONG = "账号或密码不正确，请核对后重试。仍不能登录请联系所在机构的管理人员。"


class Throttle(Protocol):
    """Token buckets; see :class:`exam_service.queue.buckets.Buckets`."""

    async def take(self, key: str, *, capacity: int, seconds: float) -> float: ...

    async def refill(self, key: str) -> None: ...


class Signaller(Protocol):
    """Says "look again"; see :class:`exam_service.queue.signals.Signals`."""

    async def publish(self, topic: str, subject_id: str) -> None: ...


def session_limits(settings: Settings, role: Role) -> SessionLimits:
    """Staff's sessions are short, physicians' outlast a paper."""
    if role is Role.PHYSICIAN:
        return SessionLimits(
            timedelta(minutes=settings.physician_idle_minutes),
            timedelta(hours=settings.physician_session_hours),
        )
    return SessionLimits(
        timedelta(minutes=settings.staff_idle_minutes), timedelta(hours=settings.staff_session_hours)
    )


def document_hash(settings: Settings, number: IdentityNumber) -> bytes:
    """What an identity number is looked up by: 15 and 18 digits of one person give the same."""
    return keyed_hash(settings.key("lookup_key"), "identity", number.canonical)


async def login_physician(
    database: Database,
    clock: Clock,
    settings: Settings,
    throttle: Throttle,
    *,
    province_id: str,
    number: str,
    password: str,
    address: str,
) -> str:
    """Check a physician's identity number and password; give the token of a new session.

    Raises:
        Invalid: The number is malformed, or number and password don't belong together.
        TooMany: Too many tries.
    """
    identity = parse_identity_number(number)
    digest = document_hash(settings, identity)
    who = keyed_hash(settings.key("lookup_key"), "login", province_id, identity.canonical).hex()[:32]
    buckets = await _throttle_login(throttle, settings, who, address)
    async with database.tx() as tx:
        login = await queries.select_optional_login_by_document(tx, province_id, digest)
    return await _finish_login(database, clock, settings, throttle, login, password, buckets)


async def login_staff(
    database: Database,
    clock: Clock,
    settings: Settings,
    throttle: Throttle,
    *,
    username: str,
    password: str,
    address: str,
) -> str:
    """Check a member of staff's user name and password; give the token of a new session.

    Raises:
        Invalid: They don't belong together.
        TooMany: Too many tries.
    """
    name = username.strip().lower()
    key = keyed_hash(settings.key("lookup_key"), "username", name).hex()[:32]
    buckets = await _throttle_login(throttle, settings, key, address)
    async with database.tx() as tx:
        login = await queries.select_optional_login_by_username(tx, name)
    return await _finish_login(database, clock, settings, throttle, login, password, buckets)


async def _throttle_login(throttle: Throttle, settings: Settings, who: str, address: str) -> tuple[str, str]:
    # Per address first: a stranger elsewhere shouldn't lock a physician out easily.
    near, far = f"login:{who}:{address}", f"login:{who}"
    for key, capacity in (
        (f"login-address:{address}", settings.login_tries_per_address),
        (near, settings.login_tries),
        (far, settings.login_tries * _ACCOUNT_TRIES_FACTOR),
    ):
        wait = await throttle.take(key, capacity=capacity, seconds=THROTTLE_SECONDS)
        if wait > 0:
            minutes = max(1, round(wait / 60 + 0.5))
            raise TooMany(f"登录尝试次数过多，请{minutes}分钟后再试。", retry_after=wait)
    return near, far


async def _finish_login(
    database: Database,
    clock: Clock,
    settings: Settings,
    throttle: Throttle,
    login: queries.Login | None,
    password: str,
    buckets: tuple[str, str],
) -> str:
    # An unknown account costs the same time as a wrong password.
    stored = login.password_hash if login else None
    if stored is None:
        stored = await asyncio.to_thread(_decoy_hash)
    right = await asyncio.to_thread(_verify, stored, password)
    if login is None or login.password_hash is None or not right:
        raise Invalid(_WRONG, code="wrong_login")
    for bucket in buckets:
        await throttle.refill(bucket)
    renewed = None
    if _HASHER.check_needs_rehash(login.password_hash):
        renewed = await hash_password(password)
    now = clock.now()
    token = new_token()
    async with database.tx() as tx:
        if renewed:
            await queries.update_password_hash(tx, login.id, renewed)
        ends_at = now + session_limits(settings, login.role).whole
        await queries.insert_session(tx, token_hash(token), login.id, now, ends_at)
        await audit.record(
            tx,
            clock,
            province_id=login.province_id,
            actor_id=login.id,
            action="account.logged_in",
            subject_id=login.id,
        )
    return token


@lru_cache(maxsize=1)
def _decoy_hash() -> str:
    return _HASHER.hash(new_token())


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False


async def hash_password(password: str) -> str:
    """Argon2id in a thread: about 15 ms."""
    return await asyncio.to_thread(_HASHER.hash, password)


class Sessions:
    """The store behind the cookie: PostgreSQL, so that a login survives Redis."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._limits = {role: session_limits(settings, role) for role in Role}

    async def find(self, token_digest: bytes, *, attended: bool = True) -> Principal | None:
        """Who the session belongs to while it lives; notes the activity twice a minute at most.

        ``attended``: somebody is there; what a page asks by itself is no activity.
        """
        now = self._clock.now()
        async with self._database.statements() as tx:
            session = await queries.select_optional_session(tx, token_digest)
            if session is None:
                return None
            limits = self._limits[session.principal.role]
            if not session_is_live(limits, session.seen_at, session.ends_at, now):
                await queries.delete_session(tx, token_digest)
                return None
            if attended and now - session.seen_at > _SEEN_EVERY:
                await queries.update_session_seen(tx, token_digest, now)
            return session.principal


async def logout(database: Database, token_digest: bytes) -> None:
    """End a session; ending one twice is fine."""
    async with database.tx() as tx:
        await queries.delete_session(tx, token_digest)


async def forget_ended_sessions(database: Database, now: datetime) -> None:
    """Delete sessions past their end."""
    async with database.tx() as tx:
        await queries.delete_ended_sessions(tx, now)


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


async def add_physician(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    *,
    province_id: str,
    name: str,
    number: str,
    password_hash: str | None,
) -> UUID:
    """A physician's account; without a password nobody can log in to it yet."""
    identity = parse_identity_number(number)
    account_id = new_id()
    key = await vault.key_for(
        tx, province_id=province_id, account_id=account_id, cycle_id=None, data_class=IDENTITY
    )
    await queries.insert_physician(
        tx,
        account_id,
        province_id,
        name,
        document_hash(settings, identity),
        seal(key, identity.written.encode(), account_id),
        password_hash,
        clock.now(),
    )
    return account_id


async def add_staff(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    role: Role,
    name: str,
    username: str,
    password_hash: str,
    body_id: UUID | None = None,
    institution_id: UUID | None = None,
) -> UUID:
    """An account of a member of staff; user names are unique in the whole service, in small letters."""
    account_id = new_id()
    await queries.insert_staff(
        tx,
        account_id,
        province_id,
        role,
        name,
        body_id,
        institution_id,
        username.strip().lower(),
        password_hash,
        clock.now(),
    )
    return account_id


async def identity_number_of(tx: Tx, vault: Vault, account_id: UUID, province_id: str) -> str | None:
    """The number as the roster writes it, decrypted; callers show it masked or record the viewing."""
    sealed = await queries.select_document(tx, account_id, province_id)
    return (await vault.open(tx, sealed, account_id)).decode() if sealed else None


async def identity_numbers_of(
    tx: Tx, vault: Vault, account_ids: Collection[UUID], province_id: str
) -> dict[UUID, str]:
    """As :func:`identity_number_of`, of a page of a list; who has no number, or a purged one, is left out."""
    sealed = await queries.select_documents(tx, list(account_ids), province_id)
    keys = await vault.keys_of(tx, sealed.values())
    return {
        account_id: open_envelope(keys[data_key_id(document)], document, account_id).decode()
        for account_id, document in sealed.items()
        if data_key_id(document) in keys
    }
