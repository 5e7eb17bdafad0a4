"""Read what was submitted, and keep a form as submitted: for reviewers, exemptions, modifications."""

from __future__ import annotations

import json
from uuid import UUID

from exam_service.clock import Clock
from exam_service.crypto.envelope import BadEnvelope, seal
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.registration.form import queries
from exam_service.registration.form.model import Form, Upload, UploadState, parse_form
from exam_service.registration.model import Registration
from exam_service.storage.database import Tx
from exam_service.storage.evidence import EvidenceStore
from exam_service.storage.vault import Vault

FORM = "registration_form"
"""Class of data of the form and of what was submitted."""


async def submitted_form(tx: Tx, vault: Vault, registration_id: UUID, province_id: str) -> Form:
    """What was submitted last, with the modifications that were granted since.

    Raises:
        NotFound: Nothing was submitted, or it is purged.
    """
    stored = await queries.select_submission(tx, registration_id, province_id)
    return parse_form(json.loads(await vault.open(tx, stored.content, stored.id)))


async def record_submission(
    tx: Tx, clock: Clock, vault: Vault, registration: Registration, form: Form, *, submitted_by: UUID
) -> UUID:
    """Keep a form as what reviewers see from now on; those before stay on record. The row is held."""
    submission_id = new_id()
    content = await seal_form(tx, vault, registration, form, submission_id)
    await queries.insert_submission(
        tx,
        submission_id,
        registration.id,
        registration.province_id,
        content,
        submitted_by,
        clock.now(),
    )
    return submission_id


async def seal_form(tx: Tx, vault: Vault, registration: Registration, form: Form, row_id: UUID) -> bytes:
    """The form as a row keeps it."""
    key = await vault.key_for(
        tx,
        province_id=registration.province_id,
        account_id=registration.account_id,
        cycle_id=registration.cycle_id,
        data_class=FORM,
    )
    return seal(key, json.dumps(form.to_json(), ensure_ascii=False).encode(), row_id)


async def uploads_of(tx: Tx, registration_id: UUID, slot_prefix: str | None = None) -> list[Upload]:
    """The pictures of a registration that weren't removed, in the order in which they were handed in."""
    return await queries.select_uploads(tx, registration_id, slot_prefix or "")


async def upload_of(tx: Tx, upload_id: UUID, province_id: str) -> Upload:
    """A picture of this province; whose it is the caller looks at.

    Raises:
        NotFound: There is none of that id.
    """
    return await queries.select_upload(tx, upload_id, province_id)


async def open_picture(
    tx: Tx, vault: Vault, store: EvidenceStore, upload_id: UUID, province_id: str
) -> bytes:
    """The picture as the worker encoded it anew, JPEG bytes; the caller checks scope and records the viewing.

    Raises:
        NotFound: There is none, it isn't accepted, or it is purged or altered.
    """
    upload = await queries.select_upload(tx, upload_id, province_id)
    if upload.state is not UploadState.ACCEPTED or upload.evidence_id is None:
        raise NotFound("这张图片还不能查看。", code="no_picture", upload=upload_id)
    return await open_evidence(tx, vault, store, upload.evidence_id, province_id)


async def open_evidence(
    tx: Tx, vault: Vault, store: EvidenceStore, evidence_id: UUID, province_id: str
) -> bytes:
    """A file of this province, decrypted.

    Raises:
        NotFound: There is none of that id, or it is purged or altered.
    """
    sealed = await store.read(tx, evidence_id, province_id=province_id)
    try:
        return await vault.open(tx, sealed, evidence_id)
    except BadEnvelope:
        raise NotFound(
            "这份资料与存档时不一致，已拒绝显示，请联系系统管理员。",
            code="evidence_altered",
            evidence=evidence_id,
        ) from None


async def department_name(tx: Tx, department_id: UUID | None, province_id: str) -> str | None:
    """What the department of a form is called, stopped ones too."""
    if department_id is None:
        return None
    return await queries.select_optional_department_name(tx, department_id, province_id)
