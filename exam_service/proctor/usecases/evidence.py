"""What was seen of an attempt: verdicts, connections, kept pictures; and what of a frame is kept."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.crypto.envelope import BadEnvelope
from exam_service.errors import NotFound, Unavailable
from exam_service.proctor import queries
from exam_service.proctor.keeping import AFTER, LOOK_BACK, is_passed_over, keeping
from exam_service.proctor.model import Check, Frame, KeptFor, Purpose, StreamSpan, Verdict
from exam_service.proctor.usecases.streaming import FRAME
from exam_service.storage.database import Tx
from exam_service.storage.evidence import StoredBlob
from exam_service.wiring import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Judged:
    """A frame with its verdict, which bears the frame's id, and whose it is."""

    frame: Frame
    check: Check
    account_id: UUID


@dataclass(frozen=True)
class Kept:
    """What of a batch is kept; the files are written and have no rows yet.

    Attributes:
        checks: The verdicts, each with why its picture is kept, in the order of the batch.
        blobs: Each with the frame that it is of, or that it came before.
        earlier: Verdicts stored before whose pictures are kept after all.
    """

    checks: tuple[Check, ...]
    blobs: tuple[tuple[StoredBlob, Judged], ...]
    earlier: tuple[UUID, ...]


async def keep(services: Services, batch: Sequence[Judged]) -> Kept:
    """Decide what of frames, and of those just before them, is kept, and write the files.

    Not inside a transaction; :func:`record_kept` follows in the one that stores the verdicts.
    """
    sample_every = services.settings.keep_every_nth_match
    series, counts = await _before(services, batch, sample_every)
    final: dict[UUID, Check] = {}
    earlier: dict[UUID, Judged] = {}
    for each in batch:
        previous = series.setdefault(each.frame.subject_id, [])
        found = keeping(
            each.frame.id,
            each.check,
            previous[-LOOK_BACK:],
            kept=counts.get(each.frame.subject_id, 0),
            sample_every=sample_every,
        )
        for position in range(max(0, len(previous) - found.before), len(previous)):
            before = previous[position]
            if before.evidence_id is None and before.verdict is not Verdict.UNUSABLE:
                previous[position] = replace(before, evidence_id=before.id, kept_for=KeptFor.AROUND)
                if before.id in final:
                    final[before.id] = previous[position]
                else:
                    earlier[before.id] = each
        evidence_id = each.frame.id if found.is_kept else None
        check = replace(each.check, evidence_id=evidence_id, kept_for=found.reason)
        final[check.id] = check
        if check.purpose is Purpose.PAPER:
            previous.append(check)
            counts[each.frame.subject_id] = counts.get(each.frame.subject_id, 0) + found.is_kept
    wanted = [
        (each.frame.id, each.frame.sealed, each)
        for each in batch
        if final[each.frame.id].evidence_id is not None
    ]
    wanted += await _just_before(services, earlier)
    blobs = [
        (
            await services.evidence.write(
                frame_id,
                sealed,
                province_id=each.check.province_id,
                data_class=FRAME,
                now=each.check.checked_at,
            ),
            each,
        )
        for frame_id, sealed, each in wanted
    ]
    return Kept(
        tuple(final[each.frame.id] for each in batch),
        tuple(blobs),
        tuple(sorted(blob.id for blob, _ in blobs if blob.id not in final)),
    )


async def _before(
    services: Services, batch: Sequence[Judged], sample_every: int
) -> tuple[dict[UUID, list[Check]], dict[UUID, int]]:
    """Of the papers of which something may be kept now: their newest verdicts, and how many pictures are."""
    checks = [
        (each.check, each.check.attempt_id)
        for each in batch
        if each.check.purpose is Purpose.PAPER and each.check.attempt_id is not None
    ]
    if not checks:
        return {}, {}
    async with services.database.statements() as tx:
        latest = await queries.select_latest_verdicts(tx, list({paper for _, paper in checks}), AFTER)
        papers = {
            paper
            for check, paper in checks
            if not is_passed_over(check.id, check, latest.get(paper, ()), sample_every=sample_every)
        }
        if not papers:
            return {}, {}
        series = await queries.select_previous(tx, list(papers), LOOK_BACK)
        return series, await queries.count_kept(tx, list(papers))


async def _just_before(
    services: Services, earlier: Mapping[UUID, Judged]
) -> list[tuple[UUID, bytes, Judged]]:
    """Those of the frames that still wait in Redis; of the others only the verdict is left."""
    found = []
    for subject_id in {each.frame.subject_id for each in earlier.values()}:
        try:
            recent = await services.recent.frames(subject_id)
        except Unavailable:
            log.warning("what came before a doubt on %s can't be kept, Redis is away", subject_id)
            continue
        found += [(frame_id, sealed, earlier[frame_id]) for frame_id, sealed in recent if frame_id in earlier]
    return found


async def record_kept(tx: Tx, services: Services, kept: Kept) -> None:
    """The rows of what :func:`keep` wrote, in the transaction that stores the verdicts, before those."""
    for blob, of in kept.blobs:
        await services.evidence.record(
            tx,
            blob,
            province_id=of.check.province_id,
            account_id=of.account_id,
            data_class=FRAME,
            now=of.check.checked_at,
        )
    for frame_id in kept.earlier:
        await queries.update_kept(tx, frame_id)


async def checks_of(tx: Tx, attempt_id: UUID, province_id: str) -> list[Check]:
    """All verdicts on an attempt, in the order the frames came."""
    return await queries.select_checks(tx, attempt_id, province_id)


async def streams_of(tx: Tx, attempt_id: UUID, province_id: str) -> list[StreamSpan]:
    """The connections that sent frames, in order: what lies between them nobody saw."""
    return await queries.select_streams(tx, attempt_id, province_id)


async def checks_of_attempts(
    tx: Tx, attempt_ids: Sequence[UUID], province_id: str
) -> dict[UUID, list[Check]]:
    """All verdicts on each of these attempts, in no order."""
    checks: dict[UUID, list[Check]] = {attempt_id: [] for attempt_id in attempt_ids}
    for check in await queries.select_checks_of_attempts(tx, attempt_ids, province_id):
        if check.attempt_id is not None:
            checks[check.attempt_id].append(check)
    return checks


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
