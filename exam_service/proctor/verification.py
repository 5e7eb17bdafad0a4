"""What a worker does with a frame: open it, look at it, keep the verdict and the evidence, admit."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from exam_service.accounts import usecases as accounts
from exam_service.crypto.envelope import seal
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.proctor import queries, usecases
from exam_service.proctor.model import (
    Check,
    Frame,
    Purpose,
    Thresholds,
    Verdict,
    verdict_of,
)
from exam_service.proctor.usecases import EMBEDDING, identity, topic
from exam_service.storage.database import Tx
from exam_service.wiring import Services

log = logging.getLogger(__name__)


class FaceReading(Protocol):
    """What a verifier reads off a picture; ``embedding`` is of the largest face, 128 numbers."""

    @property
    def faces(self) -> int: ...

    @property
    def embedding(self) -> NDArray[np.float32] | None: ...


class Recogniser(Protocol):
    """The verifier, as this room needs it: pictures in, readings out; blocking."""

    model: str

    def read(self, jpeg: bytes) -> FaceReading | None:
        """``None`` for bytes that are no picture."""
        ...

    def read_photo(self, photo: bytes) -> FaceReading | None: ...

    def distance(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> float: ...


async def verify_frame(services: Services, recogniser: Recogniser, frame: Frame) -> Check | None:
    """Look at a frame, keep the verdict and the evidence, and admit when an identity check is passed.

    ``None`` when there is nothing to do: looked at before, no consent any more, or its attempt or key is
    gone. Blocks for a few milliseconds while the recogniser works, which is all that a worker does.
    """
    async with services.database.tx() as tx:
        if await queries.exists_check(tx, frame.stream_id, frame.seq):
            return None
        owner = await queries.select_frame_owner(tx, frame.registration_id, frame.province_id)
        if owner is None or not await accounts.has_face_consent(tx, owner.account_id):
            return None
        try:
            jpeg = await services.vault.open(tx, frame.sealed, frame.id)
        except NotFound:  # purged while it waited
            return None
        reference = await _enrolled(tx, services, recogniser, owner)
    if reference is None and owner.reviewed_photo_id is not None:
        reference = await _enrol_photo(
            services, recogniser, owner, owner.reviewed_photo_id, frame.province_id
        )
    reading = recogniser.read(jpeg)
    enrols = (
        services.settings.demo
        and owner.reviewed_photo_id is None
        and reference is None
        and frame.purpose is Purpose.CHECK
        and reading is not None
        and reading.faces == 1
    )
    check = _judged(services, recogniser, frame, reading, reference, enrols=enrols)
    kept = await usecases.keep(services, frame, check)
    embedding = reading.embedding if reading is not None else None
    await _store(services, recogniser, owner, kept, embedding)
    return check


def _judged(
    services: Services,
    recogniser: Recogniser,
    frame: Frame,
    reading: FaceReading | None,
    reference: NDArray[np.float32] | None,
    *,
    enrols: bool,
) -> Check:
    thresholds = Thresholds(services.settings.match_threshold, services.settings.mismatch_threshold)
    faces, distance = 0, None
    verdict = Verdict.UNUSABLE
    if reading is not None:
        faces = reading.faces
        if enrols:
            distance = 0.0
        elif reference is not None and reading.embedding is not None:
            distance = recogniser.distance(reference, reading.embedding)
        verdict = verdict_of(faces, distance, thresholds)
    return Check(
        id=frame.id,
        province_id=frame.province_id,
        registration_id=frame.registration_id,
        attempt_id=frame.attempt_id,
        stream_id=frame.stream_id,
        seq=frame.seq,
        purpose=frame.purpose,
        received_at=frame.received_at,
        checked_at=services.clock.now(),
        verdict=verdict,
        faces=faces,
        distance=distance,
        model=recogniser.model,
        thresholds=thresholds,
        enrolled=enrols,
        evidence_id=None,
    )


async def _enrolled(
    tx: Tx, services: Services, recogniser: Recogniser, owner: queries.Owner
) -> NDArray[np.float32] | None:
    enrolment = await queries.select_optional_enrolment(tx, owner.registration_id, recogniser.model)
    if enrolment is None:
        return None
    try:
        raw = await services.vault.open(tx, enrolment.embedding, enrolment.id)
    except NotFound:  # purged: there is nothing to compare with until they are enrolled again
        return None
    return np.frombuffer(raw, dtype=np.float32)


async def _enrol_photo(
    services: Services, recogniser: Recogniser, owner: queries.Owner, photo_id: UUID, province_id: str
) -> NDArray[np.float32] | None:
    """Enrol the reviewed registration photo, when it is first needed with this model."""
    async with services.database.tx() as tx:
        try:
            sealed = await services.evidence.read(tx, photo_id, province_id=province_id)
            photo = await services.vault.open(tx, sealed, photo_id)
        except NotFound as missing:
            log.warning("no registration photo to enrol: %s", missing)
            return None
    reading = recogniser.read_photo(photo)
    if reading is None or reading.embedding is None:
        return None
    async with services.database.tx() as tx:
        await _enrol(
            tx,
            services,
            recogniser,
            owner,
            province_id,
            reading.embedding,
            source="registration_photo",
            now=services.clock.now(),
        )
    return reading.embedding


async def _enrol(
    tx: Tx,
    services: Services,
    recogniser: Recogniser,
    owner: queries.Owner,
    province_id: str,
    embedding: NDArray[np.float32],
    *,
    source: str,
    now: datetime,
) -> None:
    key = await services.vault.key_for(
        tx,
        province_id=province_id,
        account_id=owner.account_id,
        cycle_id=owner.cycle_id,
        data_class=EMBEDDING,
    )
    enrolment_id = new_id()
    sealed = seal(key, embedding.astype(np.float32).tobytes(), enrolment_id)
    await queries.insert_enrolment(
        tx,
        queries.Enrolment(enrolment_id, sealed),
        province_id,
        owner.registration_id,
        recogniser.model,
        source,
        now,
    )


async def _store(
    services: Services,
    recogniser: Recogniser,
    owner: queries.Owner,
    kept: usecases.Kept,
    embedding: NDArray[np.float32] | None,
) -> None:
    check = kept.check
    async with services.database.tx() as tx:
        await usecases.record_kept(tx, services, kept, owner.account_id)
        if not await queries.insert_check(tx, check):
            return
        if check.enrolled and embedding is not None:
            await _enrol(
                tx,
                services,
                recogniser,
                owner,
                check.province_id,
                embedding,
                source="first_check",
                now=check.checked_at,
            )
        await identity.advance(
            tx, services, identity.Seen(check, owner.account_id, embedding, recogniser.distance)
        )

        async def signal() -> None:
            await services.signals.publish(topic(check.subject_id), str(check.id))

        tx.after_commit(signal)
