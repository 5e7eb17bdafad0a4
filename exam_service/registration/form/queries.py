from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.accounts.identity import DocumentType
from exam_service.cycles.form_rules import UploadKind
from exam_service.errors import NotFound
from exam_service.registration.form.fields import Step
from exam_service.registration.form.model import Crop, Form, PageSave, Return, Upload, UploadState
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration.form")


@dataclass(frozen=True)
class StoredForm:
    """``content`` is sealed, with the registration's id as its row; ``saved_by`` is what wrote it.

    Attributes:
        passed: The pages that were saved at least once.
    """

    revision: int
    content: bytes
    saved_at: datetime
    saved_by: PageSave
    passed: frozenset[Step]


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
    if row is None:
        return None
    saved_by = PageSave(row["page"], row["page_seq"])
    passed = frozenset(Step(each) for each in row["passed"])
    return StoredForm(row["revision"], row["content"], row["saved_at"], saved_by, passed)


async def upsert_form(
    tx: Tx, registration_id: UUID, province_id: str, content: bytes, saved_at: datetime, saved_by: PageSave
) -> int:
    revision: int = await tx.fetch_value(
        SQL["upsert_form"], registration_id, province_id, content, saved_at, saved_by.page, saved_by.seq
    )
    return revision


async def update_page(tx: Tx, registration_id: UUID, province_id: str, saved_by: PageSave) -> None:
    """Note which save was the last one, where it changed nothing."""
    await tx.execute(SQL["update_page"], registration_id, province_id, saved_by.page, saved_by.seq)


async def update_passed(tx: Tx, registration_id: UUID, province_id: str, step: Step) -> None:
    await tx.execute(SQL["update_passed"], registration_id, province_id, step.value)


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


async def remove_upload(tx: Tx, upload_id: UUID, at: datetime) -> bool:
    return await tx.fetch_value(SQL["remove_upload"], upload_id, at) is not None


async def forget_files(tx: Tx, upload_ids: list[UUID]) -> list[UUID]:
    """Evidence that these no longer name; it is still to be taken away."""
    return [row["id"] for row in await tx.fetch(SQL["forget_files"], upload_ids)]


async def claim_optional_upload(tx: Tx, now: datetime, taken_before: datetime) -> tuple[Upload, int] | None:
    """The next picture that nobody has in hand, and which try it is."""
    row = await tx.fetch_optional(SQL["claim_optional_upload"], now, taken_before)
    return (_upload(row), row["tries"]) if row else None


async def claim_optional_document(
    tx: Tx, now: datetime, taken_before: datetime, purpose: str, version: str, most_tries: int
) -> tuple[Upload, int] | None:
    row = await tx.fetch_optional(
        SQL["claim_optional_document"], now, taken_before, purpose, version, most_tries
    )
    return (_upload(row), row["tries"]) if row else None


async def release_upload(tx: Tx, upload_id: UUID) -> None:
    await tx.execute(SQL["release_upload"], upload_id)


async def update_upload_checked(
    tx: Tx, checked: Upload, face_checked_at: datetime | None, at: datetime
) -> bool:
    """``checked`` is the upload as it is from now on; ``False`` when it was removed or answered meanwhile."""
    updated = await tx.fetch_value(
        SQL["update_upload_checked"],
        checked.id,
        checked.state,
        checked.evidence_id,
        checked.width,
        checked.height,
        checked.problem,
        checked.advice,
        checked.as_face,
        face_checked_at,
        at,
    )
    return updated is not None


@dataclass(frozen=True)
class EarlierSubmission:
    """Sealed, with its own id as its row; ``title`` of the cycle that approved it."""

    id: UUID
    content: bytes
    title: str


async def select_optional_earlier_submission(
    tx: Tx, account_id: UUID, province_id: str, before_cycle_id: UUID
) -> EarlierSubmission | None:
    row = await tx.fetch_optional(
        SQL["select_optional_earlier_submission"], account_id, province_id, before_cycle_id
    )
    return EarlierSubmission(row["id"], row["content"], row["title"]) if row else None


async def select_optional_return(tx: Tx, registration_id: UUID) -> Return | None:
    row = await tx.fetch_optional(SQL["select_optional_return"], registration_id)
    if row is None or row["decision"] != "returned":
        return None
    return Return(row["reason"], tuple(row["marked"]), row["decided_at"])


async def update_department(tx: Tx, registration_id: UUID, department_id: UUID | None) -> None:
    await tx.execute(SQL["update_department"], registration_id, department_id)


async def update_submitted(tx: Tx, registration_id: UUID, form: Form, submitted_at: datetime) -> None:
    """What lists filter by, of a form that is complete."""
    await tx.execute(
        SQL["update_submitted"],
        registration_id,
        form.practice.department_id,
        form.procedure.procedure,
        form.practice.category,
        form.practice.level,
        bool(form.conduct.has_bad),
        submitted_at,
    )


async def select_optional_mobile(tx: Tx, account_id: UUID, province_id: str) -> bytes | None:
    mobile: bytes | None = await tx.fetch_value(SQL["select_optional_mobile"], account_id, province_id)
    return mobile


async def select_optional_department_name(tx: Tx, department_id: UUID, province_id: str) -> str | None:
    name: str | None = await tx.fetch_value(
        SQL["select_optional_department_name"], department_id, province_id
    )
    return name


async def select_document_type(tx: Tx, account_id: UUID, province_id: str) -> DocumentType:
    kind = await tx.fetch_value(SQL["select_document_type"], account_id, province_id)
    if kind is None:
        raise NotFound("没有找到这位医师。", account=account_id)
    return DocumentType(kind)
