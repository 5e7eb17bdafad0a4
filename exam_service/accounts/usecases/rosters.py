"""What an institution's roster asks of accounts: many at once, documents, one put right or forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.identity import Document, DocumentType
from exam_service.accounts.usecases.people import IDENTITY, document_hash, mobile_hash
from exam_service.clock import Clock
from exam_service.crypto.envelope import DataKey, data_key_id, open_envelope, seal
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault


@dataclass(frozen=True, repr=False)
class NewPhysician:
    """Whose account is to be made; ``mobile`` is the one that an activation code goes to."""

    name: str
    document: Document
    mobile: str | None


async def add_physicians(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    *,
    province_id: str,
    physicians: Sequence[NewPhysician],
) -> list[UUID]:
    """Accounts that wait for activation, in the order given; a few statements for thousands.

    The caller has asked :func:`accounts_of` whether they are new.
    """
    ids = [new_id() for _ in physicians]
    keys = await vault.new_keys(tx, province_id=province_id, account_ids=ids, data_class=IDENTITY)
    await queries.insert_physicians(
        tx,
        province_id,
        clock.now(),
        [
            _row(settings, keys[account_id], account_id, each)
            for account_id, each in zip(ids, physicians, strict=True)
        ],
    )
    return ids


def _row(settings: Settings, key: DataKey, account_id: UUID, new: NewPhysician) -> queries.NewAccount:
    return queries.NewAccount(
        account_id,
        new.name,
        new.document.type,
        document_hash(settings, new.document),
        seal(key, new.document.written.encode(), account_id),
        seal(key, new.mobile.encode(), account_id) if new.mobile else None,
        mobile_hash(settings, new.mobile) if new.mobile else None,
    )


async def accounts_of(
    tx: Tx, settings: Settings, province_id: str, documents: Collection[Document]
) -> dict[Document, UUID]:
    """Of these documents, those that a physician of the province has, with their accounts."""
    by_hash = {document_hash(settings, document): document for document in documents}
    found = await queries.select_accounts_of_documents(tx, province_id, list(by_hash))
    return {by_hash[digest]: account_id for digest, account_id in found.items()}


@dataclass(frozen=True, repr=False)
class PersonOnRoster:
    """Who a physician is, decrypted; callers show numbers masked or record the viewing.

    ``first_activated_at``: a reset of the password leaves it, and who they are with it.
    """

    name: str
    document_type: DocumentType
    number: str
    mobile: str | None
    first_activated_at: datetime | None


async def person_on_roster(tx: Tx, vault: Vault, account_id: UUID, province_id: str) -> PersonOnRoster:
    """A physician of this province.

    Raises:
        NotFound: There is none of that id.
    """
    row = await queries.select_optional_roster_person(tx, account_id, province_id)
    if row is None:
        raise NotFound("没有找到这名医师，请返回名册核对。", account=account_id)
    return PersonOnRoster(
        row.name,
        DocumentType(row.document_type),
        (await vault.open(tx, row.document, account_id)).decode(),
        (await vault.open(tx, row.mobile, account_id)).decode() if row.mobile else None,
        row.first_activated_at,
    )


async def identity_numbers_of(
    tx: Tx, vault: Vault, province_id: str, account_ids: Collection[UUID]
) -> Mapping[UUID, str]:
    """Numbers as the roster writes them, decrypted, by account, two statements for a page; no purged ones."""
    sealed = await queries.select_documents(tx, list(account_ids), province_id)
    keys = await vault.keys_of(tx, sealed.values())
    return {
        account_id: open_envelope(keys[data_key_id(envelope)], envelope, account_id).decode()
        for account_id, envelope in sealed.items()
        if data_key_id(envelope) in keys
    }


async def correct_physician(
    tx: Tx,
    settings: Settings,
    vault: Vault,
    *,
    account_id: UUID,
    province_id: str,
    name: str,
    document: Document | None,
    mobile: str | None,
) -> None:
    """Put right what was entered wrongly of somebody who never activated the account; ``None`` leaves it.

    Raises:
        Conflict: It was activated once: the rest is the authority's.
    """
    key = await vault.key_for(
        tx, province_id=province_id, account_id=account_id, cycle_id=None, data_class=IDENTITY
    )
    corrected = await queries.correct_physician(
        tx,
        account_id,
        province_id,
        name,
        document.type if document else None,
        document_hash(settings, document) if document else None,
        seal(key, document.written.encode(), account_id) if document else None,
        seal(key, mobile.encode(), account_id) if mobile else None,
        mobile_hash(settings, mobile) if mobile else None,
    )
    if not corrected:
        raise Conflict(
            "医师激活过账号，姓名、证件和手机号不能在名册中修改；确有错误的，请联系卫生行政部门。",
            code="activated",
            account=account_id,
        )


async def forget_physician(tx: Tx, vault: Vault, *, account_id: UUID, province_id: str) -> bool:
    """Delete an account that was made by mistake and never activated, with its keys; whether that could be.

    Where something else holds it, the transaction is lost.
    """
    deleted = await queries.delete_physician(tx, account_id, province_id)
    if deleted:
        await vault.destroy_keys_of(tx, account_id)
    return deleted
