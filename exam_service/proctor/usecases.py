"""Open a stream, take a frame, show what was seen; what a worker does with it is in ``verification.py``.

Web seals frames and workers open them; between the two only ciphertext lies in Redis.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.crypto.envelope import BadEnvelope, DataKey, seal
from exam_service.errors import Conflict, NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.papers import timing
from exam_service.papers import usecases as papers
from exam_service.papers.model import UNDER_WAY, Attempt, AttemptClosed, LeaseLost, State
from exam_service.proctor import queries
from exam_service.proctor.jpeg import BadJpeg, dimensions
from exam_service.proctor.model import (
    BadFrame,
    Check,
    ConsentRequired,
    Frame,
    FramesNotWanted,
    Purpose,
    StreamReplaced,
    StreamRow,
    StreamSpan,
    TooFast,
    Verdict,
)
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.wiring import Services

FRAME = "frame"
_BURST = 10  # twice that of one connection: who comes back after a cut isn't refused at once


class FrameQueue(Protocol):
    """Where frames wait for a worker; see :class:`exam_service.queue.stream.WorkStream`."""

    async def add(self, fields: dict[bytes, bytes]) -> bool: ...

    async def waiting(self) -> int: ...


class Throttle(Protocol):
    """Token buckets; see :class:`exam_service.queue.buckets.Buckets`."""

    async def take(self, key: str, *, capacity: int, seconds: float) -> float: ...


@dataclass(frozen=True)
class OpenStream:
    """A stream that may send frames, and the key that seals them."""

    row: StreamRow
    key: DataKey


def topic(attempt_id: UUID) -> str:
    """Where a new verdict on an attempt is signalled."""
    return f"proctor:{attempt_id}"


@dataclass(frozen=True)
class CheckPage:
    """What the identity check's page needs; ``enrols_here`` says that the first face seen will be theirs."""

    attempt: Attempt
    label: str
    consented: bool
    enrols_here: bool


async def check_page(services: Services, principal: Principal, attempt_id: UUID) -> CheckPage:
    """The identity check before an attempt.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        may_enrol = services.settings.demo and not await queries.exists_reference(tx, attempt.registration_id)
        return CheckPage(
            attempt,
            await papers.label_of(tx, attempt),
            await accounts.has_face_consent(tx, principal.account_id),
            may_enrol,
        )


@dataclass(frozen=True)
class TakeoverPage:
    """What the page needs on which a second device asks for the paper.

    Attributes:
        needed: Another device has the paper, and this one may not take it over yet.
        proctor_away: No face can be checked now.
    """

    attempt: Attempt
    label: str
    consented: bool
    needed: bool
    proctor_away: bool


async def takeover_page(
    services: Services, queue: FrameQueue, principal: Principal, attempt_id: UUID, device_hash: bytes
) -> TakeoverPage:
    """An attempt as a device sees it that may want to take it over.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        label = await papers.label_of(tx, attempt)
        consented = await accounts.has_face_consent(tx, principal.account_id)
        needed = attempt.state in UNDER_WAY and await papers.needs_takeover(
            tx, attempt, device_hash, services.clock.now()
        )
    return TakeoverPage(attempt, label, consented, needed, needed and await _is_away(queue))


async def take_over_unverified(
    services: Services, queue: FrameQueue, principal: Principal, attempt_id: UUID, device_hash: bytes
) -> None:
    """Let this device go on without a face check, because nobody could check a face; a person looks later.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: Faces can be checked.
    """
    page = await takeover_page(services, queue, principal, attempt_id, device_hash)
    if not page.needed:
        return
    if not page.proctor_away:
        raise Conflict("监考服务已恢复，请完成人脸核验后继续。", code="proctor_is_back")
    async with services.database.tx() as tx:
        await papers.allow_takeover(
            tx,
            services.clock,
            attempt_id,
            principal.province_id,
            device_hash,
            verified=False,
            actor_id=principal.account_id,
        )


async def _is_away(queue: FrameQueue) -> bool:
    try:
        await queue.waiting()
    except Unavailable:
        return True
    return False


async def open_stream(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    *,
    purpose: Purpose,
    epoch: int,
    device_hash: bytes | None = None,
) -> OpenStream:
    """A connection wants to send frames; an older one of the same purpose ends.

    Raises:
        NotFound: Not this physician's attempt.
        ConsentRequired: No face byte before consent.
        LeaseLost: A newer page has the paper.
        AttemptClosed, FramesNotWanted: The attempt takes no frames of this purpose now.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        _check_wanted(attempt, purpose, epoch, now)
        _check_device(attempt, purpose, device_hash)
        key = await services.vault.key_for(
            tx,
            province_id=attempt.province_id,
            account_id=attempt.account_id,
            cycle_id=attempt.cycle_id,
            data_class=FRAME,
        )
        row = StreamRow(new_id(), attempt.province_id, attempt.id, purpose, epoch, now, device_hash)
        await queries.insert_stream(tx, row)
        tx.after_commit(lambda: services.signals.publish(papers.topic(attempt_id), str(row.id)))
    return OpenStream(row, key)


async def still_wanted(services: Services, principal: Principal, stream: OpenStream) -> None:
    """Raises as :func:`open_stream` once frames are no longer wanted, or consent has ended.

    Raises:
        StreamReplaced: A newer connection sends them.
    """
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, stream.row.attempt_id)
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        _check_wanted(attempt, stream.row.purpose, stream.row.epoch, services.clock.now())
        if await queries.exists_newer_stream(tx, stream.row):
            raise StreamReplaced


def _check_wanted(attempt: Attempt, purpose: Purpose, epoch: int, now: datetime) -> None:
    if attempt.is_over or attempt.state is State.CLOSING:
        raise AttemptClosed
    if purpose is Purpose.CHECK:
        if attempt.state is not State.PREPARED or timing.check_holds(attempt.checked_at, now):
            raise FramesNotWanted("身份核验已通过，请进入答题。", code="already_admitted")
    elif attempt.state not in UNDER_WAY:
        raise FramesNotWanted("请先完成设备与身份核验。", code="not_admitted")
    elif purpose is Purpose.PAPER and epoch != attempt.lease_epoch:
        raise LeaseLost


def _check_device(attempt: Attempt, purpose: Purpose, device_hash: bytes | None) -> None:
    """The camera of a paper is where its answers come from."""
    if purpose is Purpose.PAPER and attempt.is_elsewhere(device_hash):
        raise LeaseLost


async def close_stream(services: Services, stream: OpenStream, *, frames: int, refused: int) -> None:
    """The connection ended; how many frames it brought and how many were not taken."""
    async with services.database.tx() as tx:
        await queries.update_stream_closed(tx, stream.row.id, services.clock.now(), frames, refused)


def check_frame(settings: Settings, jpeg: bytes) -> None:
    """Refuse what isn't a JPEG of reasonable size, by its header, before anything decodes it.

    Raises:
        BadFrame: Too large, too many pixels, or no JPEG.
    """
    if len(jpeg) > settings.frame_max_bytes:
        raise BadFrame("画面数据过大，已跳过。", code="frame_too_large", size=len(jpeg))
    try:
        width, height = dimensions(jpeg)
    except BadJpeg as error:
        raise BadFrame("画面格式不正确，已跳过。", cause=str(error)) from None
    if width > settings.frame_max_width or height > settings.frame_max_height:
        raise BadFrame("画面尺寸过大，已跳过。", code="frame_too_large", width=width, height=height)


async def check_pace(throttle: Throttle, stream: OpenStream, *, frames_a_second: float) -> None:
    """All connections of an attempt together send no more than one may, in whichever process they end.

    Raises:
        TooFast: This frame is one too many.
    """
    key = f"frames:{stream.row.attempt_id}:{stream.row.purpose}"
    if await throttle.take(key, capacity=_BURST, seconds=_BURST / frames_a_second) > 0:
        raise TooFast


async def enqueue_frame(
    services: Services, queue: FrameQueue, stream: OpenStream, seq: int, jpeg: bytes
) -> None:
    """Seal a frame and hand it to the workers.

    Raises:
        BadFrame: See :func:`check_frame`.
        Conflict: The workers are behind; this frame is dropped and counted.
        Unavailable: Redis is away; likewise.
    """
    check_frame(services.settings, jpeg)
    frame_id = new_id()
    frame = Frame(
        frame_id,
        stream.row.id,
        stream.row.attempt_id,
        stream.row.province_id,
        stream.row.purpose,
        seq,
        services.clock.now(),
        seal(stream.key, jpeg, frame_id),
    )
    if not await queue.add(frame.to_fields()):
        raise Conflict("监考繁忙，本帧已跳过，答题不受影响。", code="queue_full")


async def check_and_admission(
    services: Services, principal: Principal, check_id: UUID
) -> tuple[Check, bool] | None:
    """The verdict that a signal speaks of, and whether it lets the physician in by now."""
    async with services.database.tx() as tx:
        check = await queries.select_optional_check(tx, check_id, principal.province_id)
        if check is None:
            return None
        attempt = await papers.own_attempt(tx, principal, check.attempt_id)
        if check.purpose is Purpose.TAKEOVER:
            device_hash = await queries.select_optional_device(tx, check.stream_id)
            return check, device_hash is not None and await papers.takeover_is_allowed(
                tx, attempt.id, device_hash, services.clock.now()
            )
    passed = timing.check_holds(attempt.checked_at, services.clock.now())
    return check, passed or attempt.admitted_at is not None


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
