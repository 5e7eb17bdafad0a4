"""The sessions behind the cookie."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.model import (
    Principal,
    Role,
    SecondFactor,
    SessionLimits,
    must_first,
    session_is_live,
)
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.hashes import new_token, token_hash
from exam_service.settings import Settings
from exam_service.storage.database import Database, Tx

_SEEN_EVERY = timedelta(seconds=30)


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


async def begin_session(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    *,
    account_id: UUID,
    province_id: str,
    role: Role,
    device: str,
) -> str:
    """Log somebody in; give the token for the cookie."""
    now = clock.now()
    token = new_token()
    ends_at = now + session_limits(settings, role).whole
    await queries.insert_session(tx, token_hash(token), account_id, device, now, ends_at)
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=account_id,
        action="account.logged_in",
        subject_id=account_id,
    )
    return token


class Sessions:
    """The store behind the cookie: PostgreSQL, so that a login survives Redis."""

    def __init__(self, database: Database, clock: Clock, settings: Settings) -> None:
        self._database = database
        self._clock = clock
        self._limits = {role: session_limits(settings, role) for role in Role}
        self._second_factor = SecondFactor(settings.staff_totp)

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
        due = must_first(
            session.principal.role,
            must_change_password=session.must_change_password,
            has_second_factor=session.has_second_factor,
            second_factor=self._second_factor,
        )
        return replace(session.principal, must_first=due) if due else session.principal


async def logout(database: Database, token_digest: bytes) -> None:
    """End a session; ending one twice is fine."""
    async with database.tx() as tx:
        await queries.delete_session(tx, token_digest)


async def forget_ended_sessions(database: Database, now: datetime) -> None:
    """Delete sessions past their end."""
    async with database.tx() as tx:
        await queries.delete_ended_sessions(tx, now)
