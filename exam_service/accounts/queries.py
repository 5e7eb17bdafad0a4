from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from exam_service.accounts.identity import DocumentType
from exam_service.accounts.model import ConsentRecord, Principal, Purpose, Role
from exam_service.errors import Conflict
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.accounts")


@dataclass(frozen=True, repr=False)
class Login:
    """Attributes: asked_hash: Of the password that was chosen with a slip, while its application waits."""

    id: UUID
    province_id: str
    role: Role
    password_hash: str | None
    has_second_factor: bool
    asked_hash: str | None


@dataclass(frozen=True, repr=False)
class Person:
    """An account as the ways in and its own settings see it; the ``bytes`` are sealed or hashes."""

    id: UUID
    province_id: str
    role: Role
    name: str
    username: str | None
    document_hash: bytes | None
    document: bytes | None
    mobile: bytes | None
    mobile_hash: bytes | None
    mobile_bound_at: datetime | None
    password_hash: str | None
    totp: bytes | None
    totp_since: datetime | None
    totp_last_step: int | None


@dataclass(frozen=True, repr=False)
class Code:
    account_id: UUID | None
    mobile_hash: bytes
    code_hash: bytes
    expires_at: datetime
    tries: int
    used_at: datetime | None


@dataclass(frozen=True)
class CodesSent:
    last_sent_at: datetime | None
    of_person: int
    to_mobile: int


@dataclass(frozen=True)
class Slip:
    account_id: UUID
    province_id: str
    institution_id: UUID | None


@dataclass(frozen=True)
class ActivationRequest:
    id: UUID
    account_id: UUID
    institution_id: UUID
    asked_at: datetime
    name: str
    institution: str
    phone: str


@dataclass(frozen=True, repr=False)
class SessionRow:
    token_hash: bytes
    device: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True)
class Colleague:
    """A member of staff of an institution or a body, as the authority sees them."""

    id: UUID
    name: str
    username: str
    body_id: UUID | None
    institution_id: UUID | None
    must_change_password: bool
    disabled_at: datetime | None


@dataclass(frozen=True)
class Session:
    principal: Principal
    seen_at: datetime
    ends_at: datetime
    must_change_password: bool
    has_second_factor: bool


async def insert_physician(
    tx: Tx,
    account_id: UUID,
    province_id: str,
    name: str,
    document_type: DocumentType,
    document_hash: bytes,
    document: bytes,
    mobile: bytes | None,
    mobile_hash: bytes | None,
    password_hash: str | None,
    now: datetime,
) -> None:
    await tx.execute(
        SQL["insert_physician"],
        account_id,
        province_id,
        name,
        document_type,
        document_hash,
        document,
        mobile,
        mobile_hash,
        password_hash,
        now,
    )


async def insert_staff(
    tx: Tx,
    account_id: UUID,
    province_id: str,
    role: Role,
    name: str,
    body_id: UUID | None,
    institution_id: UUID | None,
    username: str,
    password_hash: str,
    now: datetime,
    *,
    must_change_password: bool,
) -> None:
    await tx.execute(
        SQL["insert_staff"],
        account_id,
        province_id,
        role,
        name,
        body_id,
        institution_id,
        username,
        password_hash,
        must_change_password,
        now,
    )


def _login(row: Row | None) -> Login | None:
    if row is None:
        return None
    return Login(
        row["id"],
        row["province_id"],
        Role(row["role"]),
        row["password_hash"],
        row["totp_since"] is not None,
        row["asked_hash"],
    )


async def select_optional_login_by_document(tx: Tx, province_id: str, document_hash: bytes) -> Login | None:
    return _login(
        await tx.fetch_optional(SQL["select_optional_login_by_document"], province_id, document_hash)
    )


async def select_optional_login_by_mobile(tx: Tx, province_id: str, mobile_hash: bytes) -> Login | None:
    return _login(await tx.fetch_optional(SQL["select_optional_login_by_mobile"], province_id, mobile_hash))


async def select_optional_login_by_username(tx: Tx, username: str) -> Login | None:
    return _login(await tx.fetch_optional(SQL["select_optional_login_by_username"], username))


async def update_password_hash(tx: Tx, account_id: UUID, password_hash: str) -> None:
    await tx.execute(SQL["update_password_hash"], account_id, password_hash)


async def set_password(
    tx: Tx, account_id: UUID, password_hash: str, now: datetime, *, must_change: bool = False
) -> None:
    await tx.execute(SQL["set_password"], account_id, password_hash, must_change, now)


async def clear_password(tx: Tx, account_id: UUID) -> None:
    await tx.execute(SQL["clear_password"], account_id)


async def bind_mobile(tx: Tx, account_id: UUID, mobile: bytes, mobile_hash: bytes, now: datetime) -> None:
    """Raises Conflict when the number is bound to somebody else of the province."""
    try:
        await tx.execute(SQL["bind_mobile"], account_id, mobile, mobile_hash, now)
    except asyncpg.UniqueViolationError:
        raise Conflict(
            "这个手机号已经绑定了其他账号，请换一个手机号，或联系所在医疗卫生机构。", code="mobile_taken"
        ) from None


async def unbind_mobile(tx: Tx, account_id: UUID) -> None:
    """The number of a person's own is forgotten; one of the roster stays."""
    await tx.execute(SQL["unbind_mobile"], account_id)


def _person(row: Row | None) -> Person | None:
    return Person(**{**row, "role": Role(row["role"])}) if row else None


async def select_optional_person_by_document(tx: Tx, province_id: str, document_hash: bytes) -> Person | None:
    return _person(
        await tx.fetch_optional(SQL["select_optional_person_by_document"], province_id, document_hash)
    )


async def lock_optional_person(tx: Tx, account_id: UUID) -> Person | None:
    return _person(await tx.fetch_optional(SQL["lock_optional_person"], account_id))


async def lock_turn(tx: Tx, who: bytes) -> None:
    await tx.execute(SQL["lock_turn"], who)


async def select_codes_sent(tx: Tx, who: bytes, mobile_hash: bytes, since: datetime) -> CodesSent:
    row = await tx.fetch_optional(SQL["select_codes_sent"], who, mobile_hash, since)
    assert row is not None  # noqa: S101 - an aggregate always has its row
    return CodesSent(**row)


async def supersede_codes(tx: Tx, who: bytes, now: datetime) -> None:
    await tx.execute(SQL["supersede_codes"], who, now)


async def insert_code(
    tx: Tx,
    code_id: UUID,
    province_id: str,
    account_id: UUID | None,
    who: bytes,
    purpose: Purpose,
    mobile_hash: bytes,
    code_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_code"],
        code_id,
        province_id,
        account_id,
        who,
        purpose,
        mobile_hash,
        code_hash,
        now,
        expires_at,
    )


async def lock_optional_code(tx: Tx, code_id: UUID, purpose: Purpose) -> Code | None:
    row = await tx.fetch_optional(SQL["lock_optional_code"], code_id, purpose)
    return Code(**row) if row else None


async def update_code_tries(tx: Tx, code_id: UUID) -> None:
    await tx.execute(SQL["update_code_tries"], code_id)


async def update_code_used(tx: Tx, code_id: UUID, now: datetime) -> None:
    await tx.execute(SQL["update_code_used"], code_id, now)


async def void_codes(tx: Tx, account_id: UUID, now: datetime) -> None:
    await tx.execute(SQL["void_codes"], account_id, now)


async def delete_old_codes(tx: Tx, before: datetime) -> None:
    await tx.execute(SQL["delete_old_codes"], before)


async def revoke_slips(tx: Tx, account_id: UUID, now: datetime) -> None:
    await tx.execute(SQL["revoke_slips"], account_id, now)


async def insert_slip(
    tx: Tx,
    token_hash: bytes,
    province_id: str,
    account_id: UUID,
    institution_id: UUID,
    printed_by: UUID,
    now: datetime,
    expires_at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_slip"], token_hash, province_id, account_id, institution_id, printed_by, now, expires_at
    )


async def select_optional_slip(tx: Tx, token_hash: bytes, now: datetime) -> Slip | None:
    row = await tx.fetch_optional(SQL["select_optional_slip"], token_hash, now)
    return Slip(**row) if row else None


async def exists_slip(tx: Tx, account_id: UUID, now: datetime) -> bool:
    return bool(await tx.fetch_value(SQL["exists_slip"], account_id, now))


async def use_slip(tx: Tx, token_hash: bytes, now: datetime) -> bool:
    return bool(await tx.fetch_value(SQL["use_slip"], token_hash, now))


async def insert_activation_request(
    tx: Tx,
    request_id: UUID,
    province_id: str,
    account_id: UUID,
    institution_id: UUID | None,
    password_hash: str,
    now: datetime,
) -> None:
    await tx.execute(
        SQL["insert_activation_request"],
        request_id,
        province_id,
        account_id,
        institution_id,
        password_hash,
        now,
    )


async def withdraw_activation_requests(tx: Tx, account_id: UUID, now: datetime) -> None:
    await tx.execute(SQL["withdraw_activation_requests"], account_id, now)


async def select_open_activation_requests(
    tx: Tx, province_id: str, institution_ids: Sequence[UUID]
) -> list[ActivationRequest]:
    rows = await tx.fetch(SQL["select_open_activation_requests"], province_id, list(institution_ids))
    return [ActivationRequest(**row) for row in rows]


async def lock_optional_activation_request(
    tx: Tx, request_id: UUID, province_id: str, institution_ids: Sequence[UUID]
) -> tuple[UUID, str] | None:
    """Whose it is, and the hash of the password that they chose."""
    row = await tx.fetch_optional(
        SQL["lock_optional_activation_request"], request_id, province_id, list(institution_ids)
    )
    return (row["account_id"], row["password_hash"]) if row else None


async def decide_activation_request(
    tx: Tx, request_id: UUID, state: str, decided_by: UUID, now: datetime
) -> None:
    await tx.execute(SQL["decide_activation_request"], request_id, state, decided_by, now)


async def set_pending_totp(tx: Tx, account_id: UUID, secret: bytes) -> None:
    await tx.execute(SQL["set_pending_totp"], account_id, secret)


async def confirm_totp(tx: Tx, account_id: UUID, now: datetime, step: int) -> None:
    await tx.execute(SQL["confirm_totp"], account_id, now, step)


async def update_totp_step(tx: Tx, account_id: UUID, step: int) -> None:
    await tx.execute(SQL["update_totp_step"], account_id, step)


async def clear_totp(tx: Tx, account_id: UUID) -> None:
    await tx.execute(SQL["clear_totp"], account_id)


async def replace_recovery_codes(tx: Tx, account_id: UUID, hashes: Sequence[bytes]) -> None:
    await tx.execute(SQL["delete_recovery_codes"], account_id)
    await tx.execute_many(SQL["insert_recovery_code"], [(account_id, each) for each in hashes])


async def use_recovery_code(tx: Tx, account_id: UUID, code_hash: bytes, now: datetime) -> bool:
    return bool(await tx.fetch_value(SQL["use_recovery_code"], account_id, code_hash, now))


async def count_recovery_codes(tx: Tx, account_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_recovery_codes"], account_id))


async def insert_captcha_answered(tx: Tx, captcha_id: UUID, now: datetime) -> bool:
    """``False`` when it was answered before."""
    return bool(await tx.fetch_value(SQL["insert_captcha_answered"], captcha_id, now))


async def delete_old_captchas(tx: Tx, before: datetime) -> None:
    await tx.execute(SQL["delete_old_captchas"], before)


async def select_document(tx: Tx, account_id: UUID, province_id: str) -> bytes | None:
    document: bytes | None = await tx.fetch_value(SQL["select_document"], account_id, province_id)
    return document


async def insert_session(
    tx: Tx, token_hash: bytes, account_id: UUID, device: str, now: datetime, ends_at: datetime
) -> None:
    await tx.execute(SQL["insert_session"], token_hash, account_id, device, now, ends_at)


async def select_optional_session(tx: Tx, token_hash: bytes) -> Session | None:
    row = await tx.fetch_optional(SQL["select_optional_session"], token_hash)
    if row is None:
        return None
    principal = Principal(
        row["id"],
        Role(row["role"]),
        row["province_id"],
        row["name"],
        row["body_id"],
        row["institution_id"],
    )
    return Session(
        principal,
        row["seen_at"],
        row["ends_at"],
        row["must_change_password"],
        row["has_second_factor"],
    )


async def update_session_seen(tx: Tx, token_hash: bytes, now: datetime) -> None:
    await tx.execute(SQL["update_session_seen"], token_hash, now)


async def delete_session(tx: Tx, token_hash: bytes) -> None:
    await tx.execute(SQL["delete_session"], token_hash)


async def delete_other_sessions(tx: Tx, account_id: UUID, kept: bytes | None) -> None:
    await tx.execute(SQL["delete_other_sessions"], account_id, kept)


async def select_sessions(tx: Tx, account_id: UUID, now: datetime, seen_since: datetime) -> list[SessionRow]:
    return [SessionRow(**row) for row in await tx.fetch(SQL["select_sessions"], account_id, now, seen_since)]


async def delete_ended_sessions(tx: Tx, now: datetime) -> None:
    await tx.execute(SQL["delete_ended_sessions"], now)


async def insert_consent(
    tx: Tx, consent_id: UUID, province_id: str, account_id: UUID, purpose: str, version: str, now: datetime
) -> None:
    await tx.execute(SQL["replace_consent"], account_id, purpose, version, now)
    await tx.execute(SQL["insert_consent"], consent_id, province_id, account_id, purpose, version, now)


async def insert_refusal(
    tx: Tx, refusal_id: UUID, province_id: str, account_id: UUID, purpose: str, version: str, now: datetime
) -> None:
    await tx.execute(SQL["insert_refusal"], refusal_id, province_id, account_id, purpose, version, now)


async def exists_consent(tx: Tx, account_id: UUID, purpose: str, version: str) -> bool:
    return bool(await tx.fetch_value(SQL["exists_consent"], account_id, purpose, version))


async def select_consents(tx: Tx, account_id: UUID, purpose: str) -> list[ConsentRecord]:
    """The newest first."""
    return [ConsentRecord(**row) for row in await tx.fetch(SQL["select_consents"], account_id, purpose)]


async def select_consenting(tx: Tx, account_ids: Sequence[UUID], purpose: str, version: str) -> set[UUID]:
    rows = await tx.fetch(SQL["select_consenting"], list(account_ids), purpose, version)
    return {row["account_id"] for row in rows}


async def lock_consenting(tx: Tx, account_ids: Sequence[UUID], purpose: str, version: str) -> set[UUID]:
    rows = await tx.fetch(SQL["lock_consenting"], list(account_ids), purpose, version)
    return {row["account_id"] for row in rows}


async def withdraw_consent(tx: Tx, account_id: UUID, purpose: str, now: datetime) -> None:
    await tx.execute(SQL["withdraw_consent"], account_id, purpose, now)


@dataclass(frozen=True, repr=False)
class NewAccount:
    id: UUID
    name: str
    document_type: str
    document_hash: bytes
    document: bytes
    mobile: bytes | None
    mobile_hash: bytes | None


async def insert_physicians(tx: Tx, province_id: str, now: datetime, rows: Sequence[NewAccount]) -> None:
    await tx.execute(
        SQL["insert_physicians"],
        province_id,
        now,
        [row.id for row in rows],
        [row.name for row in rows],
        [row.document_type for row in rows],
        [row.document_hash for row in rows],
        [row.document for row in rows],
        [row.mobile for row in rows],
        [row.mobile_hash for row in rows],
    )


async def select_accounts_of_documents(
    tx: Tx, province_id: str, hashes: Sequence[bytes]
) -> dict[bytes, UUID]:
    rows = await tx.fetch(SQL["select_accounts_of_documents"], province_id, list(hashes))
    return {row["document_hash"]: row["id"] for row in rows}


@dataclass(frozen=True, repr=False)
class RosterPerson:
    name: str
    document_type: str
    document: bytes
    mobile: bytes | None
    first_activated_at: datetime | None


async def select_optional_roster_person(tx: Tx, account_id: UUID, province_id: str) -> RosterPerson | None:
    row = await tx.fetch_optional(SQL["select_optional_roster_person"], account_id, province_id)
    return RosterPerson(**row) if row else None


async def select_documents(tx: Tx, account_ids: Sequence[UUID], province_id: str) -> dict[UUID, bytes]:
    rows = await tx.fetch(SQL["select_documents"], list(account_ids), province_id)
    return {row["id"]: row["document"] for row in rows}


async def correct_physician(
    tx: Tx,
    account_id: UUID,
    province_id: str,
    name: str,
    document_type: str | None,
    document_hash: bytes | None,
    document: bytes | None,
    mobile: bytes | None,
    mobile_hash: bytes | None,
) -> bool:
    """Whether there is such an account that was never activated."""
    corrected = await tx.fetch_value(
        SQL["correct_physician"],
        account_id,
        province_id,
        name,
        document_type,
        document_hash,
        document,
        mobile,
        mobile_hash,
    )
    return corrected is not None


async def delete_physician(tx: Tx, account_id: UUID, province_id: str) -> bool:
    """Whether nothing held it and nobody ever activated it; where something did, the transaction is lost."""
    try:
        return await tx.fetch_value(SQL["delete_physician"], account_id, province_id) is not None
    except asyncpg.ForeignKeyViolationError:
        return False


async def select_colleagues(
    tx: Tx, province_id: str, body_id: UUID | None, institution_id: UUID | None
) -> list[Colleague]:
    rows = await tx.fetch(SQL["select_colleagues"], province_id, body_id, institution_id)
    return [Colleague(**row) for row in rows]


async def select_optional_colleague(tx: Tx, province_id: str, account_id: UUID) -> Colleague | None:
    row = await tx.fetch_optional(SQL["select_optional_colleague"], province_id, account_id)
    return Colleague(**row) if row else None


async def exists_username(tx: Tx, username: str) -> bool:
    return bool(await tx.fetch_value(SQL["exists_username"], username))


async def update_disabled(tx: Tx, account_id: UUID, at: datetime | None) -> None:
    await tx.execute(SQL["update_disabled"], account_id, at)
