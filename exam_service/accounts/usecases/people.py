"""Make accounts, find their documents."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.identity import Document, DocumentType, parse_document, parse_mobile, tidy_name
from exam_service.accounts.model import Role
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.crypto.hashes import keyed_hash
from exam_service.ids import new_id
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault

IDENTITY = "identity"


def document_hash(settings: Settings, document: Document) -> bytes:
    """What a document is looked up by: 15 and 18 digits of one person give the same."""
    if document.type is DocumentType.IDENTITY_CARD:
        return keyed_hash(settings.key("lookup_key"), "identity", document.canonical)
    return keyed_hash(settings.key("lookup_key"), "document", document.type, document.canonical)


def mobile_hash(settings: Settings, mobile: str) -> bytes:
    """What a mobile number is looked up by."""
    return keyed_hash(settings.key("lookup_key"), "mobile", mobile)


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
    document_type: str = DocumentType.IDENTITY_CARD,
    mobile: str | None = None,
) -> UUID:
    """A physician's account; without a password nobody can log in to it before it is activated.

    Args:
        mobile: The number that the roster has: an activation code goes to it and to no other.

    Raises:
        Invalid: Name, number or mobile are malformed.
    """
    document = parse_document(document_type, number)
    account_id = new_id()
    key = await vault.key_for(
        tx, province_id=province_id, account_id=account_id, cycle_id=None, data_class=IDENTITY
    )
    registered = parse_mobile(mobile) if mobile else None
    await queries.insert_physician(
        tx,
        account_id,
        province_id,
        tidy_name(name),
        document.type,
        document_hash(settings, document),
        seal(key, document.written.encode(), account_id),
        seal(key, registered.encode(), account_id) if registered else None,
        mobile_hash(settings, registered) if registered else None,
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
    one_time: bool = False,
) -> UUID:
    """An account of a member of staff; user names are unique in the whole service, in small letters.

    ``one_time``: the password only opens the page that changes it.
    """
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
        must_change_password=one_time,
    )
    return account_id


async def identity_number_of(tx: Tx, vault: Vault, account_id: UUID, province_id: str) -> str | None:
    """The number as the roster writes it, decrypted; callers show it masked or record the viewing."""
    sealed = await queries.select_document(tx, account_id, province_id)
    return (await vault.open(tx, sealed, account_id)).decode() if sealed else None


async def seal_mobile(tx: Tx, vault: Vault, account_id: UUID, province_id: str, mobile: str) -> bytes:
    """A mobile number as its account keeps it."""
    key = await vault.key_for(
        tx, province_id=province_id, account_id=account_id, cycle_id=None, data_class=IDENTITY
    )
    return seal(key, mobile.encode(), account_id)
