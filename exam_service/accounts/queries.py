from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import ConsentRecord, Principal, Role
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.accounts")


@dataclass(frozen=True, repr=False)
class Login:
    id: UUID
    province_id: str
    role: Role
    password_hash: str | None


@dataclass(frozen=True)
class Session:
    principal: Principal
    seen_at: datetime
    ends_at: datetime


async def insert_physician(
    tx: Tx,
    account_id: UUID,
    province_id: str,
    name: str,
    document_hash: bytes,
    document: bytes,
    password_hash: str | None,
    now: datetime,
) -> None:
    await tx.execute(
        SQL["insert_physician"], account_id, province_id, name, document_hash, document, password_hash, now
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
        now,
    )


async def select_optional_login_by_document(tx: Tx, province_id: str, document_hash: bytes) -> Login | None:
    row = await tx.fetch_optional(SQL["select_optional_login_by_document"], province_id, document_hash)
    return Login(row["id"], row["province_id"], Role(row["role"]), row["password_hash"]) if row else None


async def select_optional_login_by_username(tx: Tx, username: str) -> Login | None:
    row = await tx.fetch_optional(SQL["select_optional_login_by_username"], username)
    return Login(row["id"], row["province_id"], Role(row["role"]), row["password_hash"]) if row else None


async def update_password_hash(tx: Tx, account_id: UUID, password_hash: str) -> None:
    await tx.execute(SQL["update_password_hash"], account_id, password_hash)


async def select_document(tx: Tx, account_id: UUID, province_id: str) -> bytes | None:
    document: bytes | None = await tx.fetch_value(SQL["select_document"], account_id, province_id)
    return document


async def select_documents(tx: Tx, account_ids: list[UUID], province_id: str) -> dict[UUID, bytes]:
    rows = await tx.fetch(SQL["select_documents"], account_ids, province_id)
    return {row["id"]: row["document"] for row in rows}


async def insert_session(
    tx: Tx, token_hash: bytes, account_id: UUID, now: datetime, ends_at: datetime
) -> None:
    await tx.execute(SQL["insert_session"], token_hash, account_id, now, ends_at)


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
    return Session(principal, row["seen_at"], row["ends_at"])


async def update_session_seen(tx: Tx, token_hash: bytes, now: datetime) -> None:
    await tx.execute(SQL["update_session_seen"], token_hash, now)


async def delete_session(tx: Tx, token_hash: bytes) -> None:
    await tx.execute(SQL["delete_session"], token_hash)


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
