"""Pictures of the form: taken in sealed, checked by a worker, shown, taken away.

Web looks at bytes and header only (``form.pictures``); a worker claims what is pending, decodes it, and says
what it found with :func:`record_check`. The browser's own bytes are gone then, and were never shown.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import FACE_CONSENT, FACE_CONSENT_VERSION, Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.cycles.form_rules import UploadKind, UploadRule
from exam_service.cycles.policy import Policy
from exam_service.errors import Conflict, DomainError, NotFound
from exam_service.ids import new_id
from exam_service.registration import usecases as registration
from exam_service.registration.form import queries
from exam_service.registration.form.model import PHOTO_SLOT, Crop, Upload, UploadState
from exam_service.registration.form.pictures import check_photo_size, check_picture
from exam_service.registration.form.usecases.reading import open_evidence, open_picture
from exam_service.registration.model import EDITABLE, TESTABLE, Registration
from exam_service.storage.database import Tx
from exam_service.wiring import Services

log = logging.getLogger(__name__)

UPLOAD = "registration_upload"
"""Class of data of pictures as they came, and of licences and evidence. Photos are ``registration.PHOTO``."""
SIGNAL = "uploads"
_TAKEN_FOR = timedelta(minutes=1)
MOST_TRIES = 3
_UNREADABLE = "这张图片无法处理，请重新拍摄，或用相册另存一份后再上传。"


async def add_upload(
    services: Services,
    own: Registration,
    policy: Policy,
    *,
    kind: UploadKind,
    slot: str,
    data: bytes,
    may: Callable[[Tx], Awaitable[object]],
    crop: Crop | None = None,
) -> Upload:
    """Take in a picture, sealed and unseen until a worker has checked it. A new photo replaces the old one.

    Args:
        may: Holds the registration's row and raises where nothing may be handed in. It is asked before the
            file is written, and with the row that tells of it: a form may be submitted in between.

    Raises:
        BadPicture: It isn't taken, and why.
        Conflict: The place has as many as it takes.
    """
    rule = policy.form.uploads[kind]
    width, height = check_picture(data, rule)
    if kind is UploadKind.PHOTO:
        check_photo_size(crop, width, height)
    now, raw_id = services.clock.now(), new_id()
    async with services.database.tx() as tx:
        await may(tx)
        await _check_room(tx, own, rule, kind, slot)
        key = await services.vault.key_for(
            tx,
            province_id=own.province_id,
            account_id=own.account_id,
            cycle_id=own.cycle_id,
            data_class=UPLOAD,
        )
    blob = await services.evidence.write(
        raw_id, seal(key, data, raw_id), province_id=own.province_id, data_class=UPLOAD, now=now
    )
    upload = Upload(
        id=new_id(),
        registration_id=own.id,
        province_id=own.province_id,
        account_id=own.account_id,
        kind=kind,
        slot=slot,
        state=UploadState.PENDING,
        crop=crop,
        raw_id=raw_id,
        evidence_id=None,
        width=None,
        height=None,
        problem=None,
        advice=None,
        as_face=False,
        created_at=now,
    )
    try:
        async with services.database.tx() as tx:
            await may(tx)
            before = await _check_room(tx, own, rule, kind, slot)
            if kind is UploadKind.PHOTO:
                await forget_uploads(tx, services, before)
            await services.evidence.record(
                tx,
                blob,
                province_id=own.province_id,
                account_id=own.account_id,
                data_class=UPLOAD,
                now=now,
            )
            await queries.insert_upload(tx, upload)
            await _record(tx, services.clock, upload, "upload.added", own.account_id)
            tx.after_commit(lambda: services.signals.publish(SIGNAL, str(upload.id)))
    except DomainError:  # nothing refused fills the disk
        await services.evidence.discard(blob)
        raise
    return upload


async def _check_room(
    tx: Tx, own: Registration, rule: UploadRule, kind: UploadKind, slot: str
) -> list[Upload]:
    """What lies in a place of the form; raises Conflict where it takes no more."""
    before = [each for each in await queries.select_uploads(tx, own.id, slot) if each.slot == slot]
    if kind is not UploadKind.PHOTO and len(before) >= rule.most:
        raise Conflict(f"这里最多{rule.most}张图片，请先删除不需要的。", code="too_many_pictures")
    return before


async def forget_uploads(tx: Tx, services: Services, uploads: Sequence[Upload]) -> None:
    """Take pictures away. What was submitted before stays on record, and what enrols stays in use."""
    for upload in uploads:
        if not await queries.remove_upload(tx, upload.id, services.clock.now()):
            continue
        own = await registration.registration_of(tx, upload.registration_id, upload.province_id)
        was_submitted = own.submitted_at is not None and upload.created_at <= own.submitted_at
        enrols = upload.evidence_id is not None and upload.evidence_id == own.photo_id
        if not was_submitted and not enrols:
            await services.evidence.remove(tx, await queries.forget_files(tx, [upload.id]))
        await _record(tx, services.clock, upload, "upload.removed", upload.account_id)


async def destroy_uploads(tx: Tx, services: Services, uploads: Sequence[Upload]) -> None:
    """Take pictures away with their files, whatever was submitted since; no submission may show them."""
    for upload in uploads:
        if await queries.remove_upload(tx, upload.id, services.clock.now()):
            await services.evidence.remove(tx, await queries.forget_files(tx, [upload.id]))
            await _record(tx, services.clock, upload, "upload.destroyed", upload.account_id)


async def own_upload(tx: Tx, principal: Principal, upload_id: UUID) -> Upload:
    """A picture of this physician.

    Raises:
        NotFound: It isn't one of theirs.
    """
    upload = await queries.select_upload(tx, upload_id, principal.province_id)
    if upload.account_id != principal.account_id:
        raise NotFound("没有找到这张图片。", upload=upload_id)
    return upload


async def own_picture(services: Services, principal: Principal, upload_id: UUID) -> bytes:
    """A physician looks at their own picture: JPEG bytes.

    Raises:
        NotFound: It isn't one of theirs, or not accepted.
    """
    async with services.database.tx() as tx:
        upload = await own_upload(tx, principal, upload_id)
        return await open_picture(tx, services.vault, services.evidence, upload.id, upload.province_id)


async def own_uploads(services: Services, principal: Principal) -> list[Upload]:
    """A physician's pictures in the newest cycle: how each stands."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        return [] if entitled is None else await queries.select_uploads(tx, entitled.registration.id, "")


# What the worker does


@dataclass(frozen=True)
class Claimed:
    """A picture that a worker has in hand.

    Attributes:
        data: As it came, or of a document that is looked at later as it was encoded anew.
        look_for_face: A photo, of somebody who consents.
        is_document: It was accepted already, without a look for faces.
    """

    upload: Upload
    data: bytes
    look_for_face: bool
    is_document: bool


@dataclass(frozen=True)
class Finding:
    """What a worker says of a picture.

    Attributes:
        jpeg: Encoded anew, ``None`` when it couldn't be read or isn't to be kept.
        problem: Why it is refused, a sentence; ``None`` accepts it.
        advice: What would be better.
    """

    jpeg: bytes | None = None
    width: int | None = None
    height: int | None = None
    problem: str | None = None
    advice: str | None = None


async def claim_upload(services: Services) -> Claimed | None:
    """The next picture to check, if there is one. Workers on many machines each get another.

    One that was claimed three times without an answer kills or hangs whoever decodes it: it is refused.
    """
    while True:
        now = services.clock.now()
        async with services.database.tx() as tx:
            claimed = await queries.claim_optional_upload(tx, now, now - _TAKEN_FOR)
            if claimed is None:
                return await _claim_document(tx, services)
            upload, tries = claimed
            data = await _opened(tx, services, upload, upload.raw_id) if tries <= MOST_TRIES else None
            if data is None:
                await _refuse_for_good(tx, services, upload)
                continue
            consents = upload.kind is UploadKind.PHOTO and await accounts.has_face_consent(
                tx, upload.account_id
            )
            return Claimed(upload, data, look_for_face=consents, is_document=False)


async def _claim_document(tx: Tx, services: Services) -> Claimed | None:
    now = services.clock.now()
    claimed = await queries.claim_optional_document(
        tx, now, now - _TAKEN_FOR, FACE_CONSENT, FACE_CONSENT_VERSION, MOST_TRIES
    )
    if claimed is None:
        return None
    upload, _ = claimed
    data = await _opened(tx, services, upload, upload.evidence_id)
    return None if data is None else Claimed(upload, data, look_for_face=True, is_document=True)


async def _opened(tx: Tx, services: Services, upload: Upload, evidence_id: UUID | None) -> bytes | None:
    """``None`` when it is purged, gone or altered: nobody can check it then."""
    try:
        if evidence_id is not None:
            return await open_evidence(tx, services.vault, services.evidence, evidence_id, upload.province_id)
    except NotFound as error:
        log.warning("picture %s can't be checked: %s", upload.id, error)
    return None


async def _refuse_for_good(tx: Tx, services: Services, upload: Upload) -> None:
    refused = replace(upload, state=UploadState.REFUSED, problem=_UNREADABLE)
    await _answer(tx, services, upload, refused, face_checked=False)


async def release_upload(services: Services, claimed: Claimed) -> None:
    """Not checked, and not the picture's fault: it is taken again at once."""
    async with services.database.tx() as tx:
        await queries.release_upload(tx, claimed.upload.id)


async def record_check(services: Services, claimed: Claimed, finding: Finding) -> None:
    """What a worker found; the browser's own bytes go. Nothing when the picture was removed meanwhile.

    Where consent to look for a face was withdrawn meanwhile, nothing is kept of the look, and it is taken
    again as a document.
    """
    upload = claimed.upload
    evidence_id = None
    if finding.jpeg is not None and finding.problem is None and not claimed.is_document:
        evidence_id = new_id()
    blob = None
    data_class = registration.PHOTO if upload.kind is UploadKind.PHOTO else UPLOAD
    now = services.clock.now()
    if evidence_id is not None and finding.jpeg is not None:
        async with services.database.tx() as tx:
            own = await registration.registration_of(tx, upload.registration_id, upload.province_id)
            key = await services.vault.key_for(
                tx,
                province_id=own.province_id,
                account_id=own.account_id,
                cycle_id=own.cycle_id,
                data_class=data_class,
            )
        blob = await services.evidence.write(
            evidence_id,
            seal(key, finding.jpeg, evidence_id),
            province_id=upload.province_id,
            data_class=data_class,
            now=now,
        )
    async with services.database.tx() as tx:
        own = await registration.lock_registration(tx, upload.registration_id, upload.province_id)
        if claimed.look_for_face and not await accounts.all_still_consent(tx, [upload.account_id]):
            await queries.release_upload(tx, upload.id)
            return
        if blob is not None:
            await services.evidence.record(
                tx,
                blob,
                province_id=upload.province_id,
                account_id=upload.account_id,
                data_class=data_class,
                now=now,
            )
        if claimed.is_document:
            checked = _looked_at_later(upload, finding, own)
        else:
            checked = replace(
                upload,
                state=UploadState.REFUSED if finding.problem else UploadState.ACCEPTED,
                evidence_id=evidence_id,
                width=finding.width,
                height=finding.height,
                problem=finding.problem,
                advice=finding.advice,
                as_face=claimed.look_for_face and finding.problem is None,
            )
        answered = await _answer(tx, services, upload, checked, face_checked=claimed.look_for_face)
        if not answered and evidence_id is not None:
            await services.evidence.remove(tx, [evidence_id])
        if answered and checked.as_face and own.state in TESTABLE and not own.photo_is_reviewed:
            await accept_photo(tx, services.clock, own.id, own.province_id)


def _looked_at_later(upload: Upload, finding: Finding, own: Registration) -> Upload:
    """A document whose physician consents by now: a face, or while they can still change it refused."""
    if finding.problem is None:
        return replace(upload, as_face=True, advice=finding.advice)
    if own.state in EDITABLE:
        return replace(upload, state=UploadState.REFUSED, problem=finding.problem)
    return replace(upload, advice=finding.problem)


async def _answer(
    tx: Tx,
    services: Services,
    before: Upload,
    checked: Upload,
    *,
    face_checked: bool,
) -> bool:
    """Whether it was still waiting for one."""
    now = services.clock.now()
    answered = await queries.update_upload_checked(tx, checked, now if face_checked else None, now)
    if answered and before.raw_id is not None:
        await services.evidence.remove(tx, [before.raw_id])
    if answered:
        await _record(tx, services.clock, checked, f"upload.{checked.state}", None)
    return answered


async def accept_photo(tx: Tx, clock: Clock, registration_id: UUID, province_id: str) -> bool:
    """The body has approved: the photo enrols from now on, where it was looked at as a face.

    ``False`` for who declined: their photo stays a document, and they sit watched by people. When they
    consent later, the photo is looked at and enrols then.

    Raises:
        NotFound: No such registration in this province.
    """
    await registration.registration_of(tx, registration_id, province_id)
    for upload in await queries.select_uploads(tx, registration_id, PHOTO_SLOT):
        if upload.as_face and upload.evidence_id is not None and upload.state is UploadState.ACCEPTED:
            if not await accounts.has_face_consent(tx, upload.account_id):
                return False
            await registration.enrol_photo(tx, clock, registration_id, upload.evidence_id)
            return True
    return False


async def _record(tx: Tx, clock: Clock, upload: Upload, action: str, actor_id: UUID | None) -> None:
    await audit.record(
        tx,
        clock,
        province_id=upload.province_id,
        actor_id=actor_id,
        action=action,
        subject_id=upload.registration_id,
        facts={"upload": str(upload.id), "kind": upload.kind.value, "slot": upload.slot},
    )
