from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.cycles.form_rules import UploadKind
from exam_service.errors import NotFound
from exam_service.registration.form.model import Crop, Upload, UploadState
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration.form")


@dataclass(frozen=True)
class StoredForm:
    """``content`` is sealed, with the registration's id as its row."""

    revision: int
    content: bytes
    saved_at: datetime


@dataclass(frozen=True)
class StoredSubmission:
    """``content`` is sealed, with the submission's own id as its row."""

    id: UUID
    content: bytes
    submitted_at: datetime


def _upload(row: Row) -> Upload:
    return Upload(
        id=row["id"],
        registration_id=row["registration_id"],
        province_id=row["province_id"],
        account_id=row["account_id"],
        kind=UploadKind(row["kind"]),
        slot=row["slot"],
        state=UploadState(row["state"]),
        crop=Crop(*row["crop"]) if row["crop"] else None,
        raw_id=row["raw_id"],
        evidence_id=row["evidence_id"],
        width=row["width"],
        height=row["height"],
        problem=row["problem"],
        advice=row["advice"],
        as_face=row["as_face"],
        created_at=row["created_at"],
    )


async def select_optional_form(tx: Tx, registration_id: UUID, province_id: str) -> StoredForm | None:
    row = await tx.fetch_optional(SQL["select_optional_form"], registration_id, province_id)
    return StoredForm(row["revision"], row["content"], row["saved_at"]) if row else None


async def upsert_form(
    tx: Tx, registration_id: UUID, province_id: str, content: bytes, saved_at: datetime
) -> int:
    revision: int = await tx.fetch_value(SQL["upsert_form"], registration_id, province_id, content, saved_at)
    return revision


async def insert_submission(
    tx: Tx,
    submission_id: UUID,
    registration_id: UUID,
    province_id: str,
    content: bytes,
    submitted_by: UUID,
    submitted_at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_submission"],
        submission_id,
        registration_id,
        province_id,
        content,
        submitted_by,
        submitted_at,
    )


async def select_submission(tx: Tx, registration_id: UUID, province_id: str) -> StoredSubmission:
    row = await tx.fetch_optional(SQL["select_optional_submission"], registration_id, province_id)
    if row is None:
        raise NotFound("这份报名信息还没有提交。", code="not_submitted", registration=registration_id)
    return StoredSubmission(row["id"], row["content"], row["submitted_at"])


async def insert_upload(tx: Tx, upload: Upload) -> None:
    crop = upload.crop
    await tx.execute(
        SQL["insert_upload"],
        upload.id,
        upload.registration_id,
        upload.province_id,
        upload.account_id,
        upload.kind,
        upload.slot,
        [crop.left, crop.top, crop.right, crop.bottom] if crop else None,
        upload.raw_id,
        upload.created_at,
    )


async def select_uploads(tx: Tx, registration_id: UUID, slot_prefix: str) -> list[Upload]:
    rows = await tx.fetch(SQL["select_uploads"], registration_id, slot_prefix)
    return [_upload(row) for row in rows]


async def select_upload(tx: Tx, upload_id: UUID, province_id: str) -> Upload:
    row = await tx.fetch_optional(SQL["select_optional_upload"], upload_id, province_id)
    if row is None:
        raise NotFound("没有找到这张图片。", upload=upload_id)
    return _upload(row)
