"""A connection that sends frames: opened, still wanted, frames handed to the workers, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.crypto.envelope import DataKey, seal
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.papers import timing
from exam_service.papers import usecases as papers
from exam_service.papers.model import UNDER_WAY, Attempt, AttemptClosed, LeaseLost, State
from exam_service.proctor import queries
from exam_service.proctor.jpeg import BadJpeg, dimensions
from exam_service.proctor.model import (
    BadFrame,
    ConsentRequired,
    Frame,
    FramesNotWanted,
    Purpose,
    StreamReplaced,
    StreamRow,
    TooFast,
)
from exam_service.proctor.usecases import identity
from exam_service.registration import usecases as registration
from exam_service.settings import Settings
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


def topic(subject_id: UUID) -> str:
    """Where a new verdict is signalled: on an attempt, or on a registration's rehearsal."""
    return f"proctor:{subject_id}"


def wall_topic(body_id: UUID) -> str:
    """Where the attempts of a body are signalled that have a new verdict, for its live wall."""
    return f"wall:{body_id}"


async def open_stream(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    *,
    purpose: Purpose,
    epoch: int,
    device_hash: bytes | None = None,
    device: str = "",
) -> OpenStream:
    """A connection wants to send frames; an older one of the same purpose ends.

    Args:
        device: What kind of device and browser it is, in words.

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
        row = StreamRow(
            new_id(),
            attempt.province_id,
            attempt.registration_id,
            attempt.id,
            purpose,
            epoch,
            now,
            device_hash,
        )
        await queries.insert_stream(tx, row)
        await identity.begin_check(tx, row, cycle_id=attempt.cycle_id, device=device)
        tx.after_commit(lambda: services.signals.publish(papers.topic(attempt_id), str(row.id)))
    return OpenStream(row, key)


async def open_rehearsal(
    services: Services, principal: Principal, *, device_hash: bytes | None = None, device: str = ""
) -> OpenStream:
    """As :func:`open_stream`, for 设备自检: of the physician's newest registration, and of no attempt.

    Raises:
        NotFound: No cycle has this physician.
        ConsentRequired: No face byte before consent.
    """
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            raise NotFound("您尚未被纳入考核周期，暂时不需要设备自检。", code="no_registration")
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        own = entitled.registration
        key = await services.vault.key_for(
            tx,
            province_id=own.province_id,
            account_id=own.account_id,
            cycle_id=own.cycle_id,
            data_class=FRAME,
        )
        row = StreamRow(
            new_id(),
            own.province_id,
            own.id,
            None,
            Purpose.REHEARSAL,
            0,
            services.clock.now(),
            device_hash,
        )
        await queries.insert_stream(tx, row)
        await identity.begin_check(tx, row, cycle_id=own.cycle_id, device=device)
        tx.after_commit(lambda: services.signals.publish(papers.topic(own.id), str(row.id)))
    return OpenStream(row, key)


async def still_wanted(services: Services, principal: Principal, stream: OpenStream) -> None:
    """Raises as :func:`open_stream` once frames are no longer wanted, or consent has ended.

    Raises:
        StreamReplaced: A newer connection sends them.
    """
    attempt_id = stream.row.attempt_id
    async with services.database.tx() as tx:
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        if attempt_id is not None:
            attempt = await papers.own_attempt(tx, principal, attempt_id)
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
    key = f"frames:{stream.row.subject_id}:{stream.row.purpose}"
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
        stream.row.registration_id,
        stream.row.attempt_id,
        stream.row.province_id,
        stream.row.purpose,
        seq,
        services.clock.now(),
        seal(stream.key, jpeg, frame_id),
    )
    if not await queue.add(frame.to_fields()):
        raise Conflict("监考繁忙，本帧已跳过，答题不受影响。", code="queue_full")
