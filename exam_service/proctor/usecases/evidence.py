"""What was seen of an attempt: verdicts, connections, kept pictures; and what of a frame is kept."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.crypto.envelope import BadEnvelope
from exam_service.errors import NotFound, Unavailable
from exam_service.proctor import queries
from exam_service.proctor.keeping import LOOK_BACK, keeping
from exam_service.proctor.model import Check, Frame, Purpose, StreamSpan, Verdict
from exam_service.proctor.usecases.streaming import FRAME
from exam_service.storage.database import Tx
from exam_service.storage.evidence import StoredBlob
from exam_service.wiring import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A verdict with why its picture is kept, and the files that are written and have no rows yet.

    Attributes:
        blobs: Of the frame itself, where it is kept, and of those just before it that are kept with it.
    """

    check: Check
    blobs: tuple[StoredBlob, ...]


async def keep(services: Services, frame: Frame, check: Check) -> Kept:
    """Decide what of a frame, and of those just before it, is kept, and write the files.

    ``check`` bears the frame's id: by it the frames that wait in Redis find their verdicts. Not inside a
    transaction; :func:`record_kept` follows in the one that stores the verdict.
    """
    previous, kept = [], 0
    if check.purpose is Purpose.PAPER and check.attempt_id is not None:
        async with services.database.statements() as tx:
            previous = await queries.select_previous(tx, check, LOOK_BACK)
            kept = await queries.count_kept(tx, check.attempt_id)
    found = keeping(frame.id, check, previous, kept=kept, sample_every=services.settings.keep_every_nth_match)
    wanted = await _just_before(services, frame, found.before) if found.before else []
    if found.is_kept:
        wanted.append((frame.id, frame.sealed))
    blobs = [
        await services.evidence.write(
            frame_id, sealed, province_id=check.province_id, data_class=FRAME, now=check.checked_at
        )
        for frame_id, sealed in wanted
    ]
    evidence_id = frame.id if found.is_kept else None
    return Kept(replace(check, evidence_id=evidence_id, kept_for=found.reason), tuple(blobs))


async def _just_before(services: Services, frame: Frame, count: int) -> list[tuple[UUID, bytes]]:
    """The frames before this one that still wait in Redis and aren't kept, ``count`` at most."""
    try:
        recent = await services.recent.frames(frame.subject_id)
    except Unavailable:  # they are gone, which the gap in the pictures says
        log.warning("what came before frame %s can't be kept, Redis is away", frame.id)
        return []
    earlier = {frame_id: sealed for frame_id, sealed in recent if frame_id < frame.id}
    newest = sorted(earlier, reverse=True)[:count]
    async with services.database.statements() as tx:
        keepable = await queries.select_keepable(tx, newest)
    return [(frame_id, earlier[frame_id]) for frame_id in newest if frame_id in keepable]


async def record_kept(tx: Tx, services: Services, kept: Kept, account_id: UUID) -> None:
    """The rows of what :func:`keep` wrote, in the transaction that stores the verdict, before the verdict."""
    check = kept.check
    for blob in kept.blobs:
        await services.evidence.record(
            tx,
            blob,
            province_id=check.province_id,
            account_id=account_id,
            data_class=FRAME,
            now=check.checked_at,
        )
        if blob.id != check.id:
            await queries.update_kept(tx, blob.id)


async def checks_of(tx: Tx, attempt_id: UUID, province_id: str) -> list[Check]:
    """All verdicts on an attempt, in the order the frames came."""
    return await queries.select_checks(tx, attempt_id, province_id)


async def streams_of(tx: Tx, attempt_id: UUID, province_id: str) -> list[StreamSpan]:
    """The connections that sent frames, in order: what lies between them nobody saw."""
    return await queries.select_streams(tx, attempt_id, province_id)


async def verdict_counts(tx: Tx, attempt_ids: list[UUID], province_id: str) -> dict[UUID, dict[Verdict, int]]:
    """How many frames of each attempt's paper, and of takeovers of it, got which verdict."""
    return await queries.count_verdicts(tx, attempt_ids, province_id)


async def snapshot(tx: Tx, services: Services, attempt_id: UUID, check_id: UUID, province_id: str) -> bytes:
    """A kept frame of this attempt, decrypted: JPEG bytes.

    Raises:
        NotFound: There is no such check of this attempt, it wasn't kept, or it has been purged.
    """
    check = await queries.select_optional_check(tx, check_id, province_id)
    if check is None or check.attempt_id != attempt_id or check.evidence_id is None:
        raise NotFound("这张抓拍没有留存。", code="no_snapshot")
    sealed = await services.evidence.read(tx, check.evidence_id, province_id=province_id)
    try:
        return await services.vault.open(tx, sealed, check.evidence_id)
    except BadEnvelope:
        raise NotFound(
            "这份资料与存档时不一致，已拒绝显示，请联系系统管理员。", code="evidence_altered", check=check_id
        ) from None
