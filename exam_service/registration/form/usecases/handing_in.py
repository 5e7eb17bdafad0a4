"""A physician hands in pictures while the form is theirs, and takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.cycles.form_rules import UploadKind
from exam_service.errors import Conflict, NotFound
from exam_service.registration.form.answers import entries_of, entry_lists
from exam_service.registration.form.model import (
    LICENCE_SLOT,
    PHOTO_SLOT,
    PROCEDURE_SLOT,
    Crop,
    record_slot,
)
from exam_service.registration.form.usecases.filling import Draft, draft, held_draft
from exam_service.registration.form.usecases.pictures import add_upload, forget_uploads, own_upload
from exam_service.storage.database import Tx
from exam_service.wiring import Services


async def add_pictures(
    services: Services,
    principal: Principal,
    slot: str,
    files: Sequence[bytes],
    *,
    crop: Crop | None = None,
) -> None:
    """Hand in pictures for one place of the form.

    Raises:
        NotFound: The form has no such place.
        BadPicture: One isn't taken, and why; those before it are.
        Conflict: The form can't be edited, the place has as many as it takes, or consent on faces hasn't been
            asked for.
    """
    opened = await draft(services, principal)
    if opened is None:
        raise NotFound("您还没有被纳入考核周期，请联系所在医疗卫生机构。", code="not_admitted")
    if opened.closed:
        raise Conflict(opened.closed, code="form_closed", way=("查看报名信息", "/registration"))
    kind = kind_of_slot(opened, slot)
    if kind is UploadKind.PHOTO and opened.face_consent is None:
        raise Conflict("上传照片前，请先选择是否同意人脸信息采集。", code="consent_unanswered")

    async def may(tx: Tx) -> None:
        kind_of_slot(await held_draft(tx, services, principal), slot)

    for data in files:
        await add_upload(
            services,
            opened.registration,
            opened.cycle.policy,
            kind=kind,
            slot=slot,
            data=data,
            may=may,
            crop=crop,
        )


def kind_of_slot(opened: Draft, slot: str) -> UploadKind:
    """What the pictures in a place of the form are for.

    Raises:
        NotFound: This form has no such place.
    """
    policy = opened.cycle.policy
    kinds = {PHOTO_SLOT: UploadKind.PHOTO, PROCEDURE_SLOT: UploadKind.EVIDENCE}
    if policy.form.licence:
        kinds[LICENCE_SLOT] = UploadKind.LICENCE
    for entry_list in entry_lists(policy).values():
        if entry_list.evidence:
            for entry in entries_of(opened.form, entry_list):
                if not entry.carried_from:
                    kinds[record_slot(entry.id)] = UploadKind.EVIDENCE
    if slot not in kinds:
        raise NotFound("没有找到要上传到的位置，请刷新页面后重试。", code="no_such_slot")
    return kinds[slot]


async def remove_picture(services: Services, principal: Principal, upload_id: UUID) -> str:
    """Take a picture out of the form; the place that it was in.

    Raises:
        NotFound: It isn't one of theirs in this form.
        Conflict: The form can't be edited.
    """
    async with services.database.tx() as tx:
        upload = await own_upload(tx, principal, upload_id)
        opened = await held_draft(tx, services, principal)
        if upload.registration_id != opened.registration.id:
            raise NotFound("没有找到这张图片，可能已经删除。", upload=upload_id)
        kind_of_slot(opened, upload.slot)  # what isn't of the form has rules of its own
        await forget_uploads(tx, services, [upload])
        return upload.slot
