"""A connection that sends frames: opened, still wanted, frames handed to the workers, closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.crypto.envelope import DataKey, seal
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import ProctorRule
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.jpeg import BadJpeg, dimensions
from exam_service.papers import timing
from exam_service.papers import usecases as papers
from exam_service.papers.model import UNDER_WAY, Attempt, AttemptClosed, LeaseLost, State
from exam_service.proctor import measures, queries
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
from exam_service.proctor.wire import Sent
from exam_service.registration import usecases as registration
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.wiring import Services

FRAME = "frame"
BURST = 10  # twice that of one connection: who comes back after a cut isn't refused at once


class FrameQueue(Protocol):
    """Where frames wait for a worker; see :class:`exam_service.queue.stream.WorkStream`."""

    async def add(self, fields: dict[bytes, bytes]) -> bool: ...

    async def waiting(self) -> int: ...


class Throttle(Protocol):
    """Token buckets; see :class:`exam_service.queue.buckets.Buckets`."""

    async def take(self, key: str, *, capacity: int, seconds: float) -> float: ...


@dataclass(frozen=True)
class OpenStream:
    """A stream that may send frames, the key that seals them, and how often they are wanted."""

    row: StreamRow
    key: DataKey
    rule: ProctorRule

    def interval_ms(self, settings: Settings) -> int:
        """From one frame to the next, while nothing is in doubt."""
        if self.row.purpose is not Purpose.PAPER:
            return settings.check_interval_ms
        return settings.frame_interval_ms or 1000 * self.rule.interval_seconds

    def doubt_interval_ms(self, settings: Settings) -> int:
        """From one frame to the next after a doubt."""
        return min(self.interval_ms(settings), 1000 * self.rule.doubt_interval_seconds)


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
        AttemptClosed, FramesNotWanted: The attempt takes no frames of this purpose now, or of this device.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        _check_wanted(attempt, purpose, epoch, now)
        await _check_device(tx, attempt, purpose, device_hash, now)
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
        return await _opened(tx, services, principal, row, attempt.cycle_id, device)


async def open_rehearsal(
    services: Services, principal: Principal, *, device_hash: bytes, device: str = ""
) -> OpenStream:
    """A connection wants to send frames of a rehearsal, which is of the newest registration and no attempt.

    Raises:
        NotFound: This physician is registered for nothing.
        ConsentRequired: No face byte before consent.
    """
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            raise NotFound("没有找到您的报名信息，请联系所在机构。", code="not_registered")
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        own = entitled.registration
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
        return await _opened(tx, services, principal, row, own.cycle_id, device)


async def _opened(
    tx: Tx, services: Services, principal: Principal, row: StreamRow, cycle_id: UUID, device: str
) -> OpenStream:
    cycle = await cycles.cycle_of(tx, cycle_id, row.province_id)
    key = await services.vault.key_for(
        tx,
        province_id=row.province_id,
        account_id=principal.account_id,
        cycle_id=cycle_id,
        data_class=FRAME,
    )
    await queries.insert_stream(tx, row)
    await identity.begin_check(tx, row, rule=cycle.policy.proctor, device=device)
    tx.after_commit(lambda: services.signals.publish(papers.topic(row.subject_id), str(row.id)))
    return OpenStream(row, key, cycle.policy.proctor)


async def frame_interval(tx: Tx, services: Services, cycle_id: UUID, province_id: str) -> timedelta:
    """From one frame of a paper to the next, as the cycle's policy has it."""
    if services.settings.frame_interval_ms is not None:
        return timedelta(milliseconds=services.settings.frame_interval_ms)
    cycle = await cycles.cycle_of(tx, cycle_id, province_id)
    return timedelta(seconds=cycle.policy.proctor.interval_seconds)


async def still_wanted(services: Services, principal: Principal, stream: OpenStream) -> None:
    """Raises as :func:`open_stream` once frames are no longer wanted, or consent has ended.

    Raises:
        StreamReplaced: A newer connection sends them.
    """
    async with services.database.statements() as tx:
        if not await accounts.has_face_consent(tx, principal.account_id):
            raise ConsentRequired
        if stream.row.attempt_id is not None:
            attempt = await papers.own_attempt(tx, principal, stream.row.attempt_id)
            _check_wanted(attempt, stream.row.purpose, stream.row.epoch, services.clock.now())
        if await queries.exists_newer_stream(tx, stream.row):
            raise StreamReplaced


def _check_wanted(attempt: Attempt, purpose: Purpose, epoch: int, now: datetime) -> None:
    if attempt.is_over or attempt.state is State.CLOSING:
        raise AttemptClosed
    if attempt.watched:
        raise FramesNotWanted("本次为现场监考，不使用摄像头。", code="watched")
    if purpose is Purpose.CHECK:
        if attempt.state is not State.PREPARED or timing.check_holds(attempt.checked_at, now):
            raise FramesNotWanted("身份核验已通过，请进入答题。", code="already_admitted")
    elif attempt.state not in UNDER_WAY:
        raise FramesNotWanted("请先完成设备与身份核验。", code="not_admitted")
    elif purpose is Purpose.PAPER and epoch != attempt.lease_epoch:
        raise LeaseLost


async def _check_device(
    tx: Tx, attempt: Attempt, purpose: Purpose, device_hash: bytes | None, now: datetime
) -> None:
    """The camera of a paper is where its answers come from; who has the paper has nothing to take over."""
    if purpose is Purpose.PAPER and attempt.is_elsewhere(device_hash):
        raise LeaseLost
    if (
        purpose is Purpose.TAKEOVER
        and device_hash is not None
        and not await papers.needs_takeover(tx, attempt, device_hash, now)
    ):
        raise FramesNotWanted("本设备可以直接进入答题，无需再次核验。", code="no_takeover_needed")


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
    if await throttle.take(key, capacity=BURST, seconds=BURST / frames_a_second) > 0:
        raise TooFast


async def enqueue_frame(services: Services, queue: FrameQueue, stream: OpenStream, sent: Sent) -> None:
    """Seal a frame and hand it to the workers.

    Raises:
        BadFrame: See :func:`check_frame`.
        Conflict: The workers are behind; this frame is dropped and counted.
        Unavailable: Redis is away; likewise.
    """
    check_frame(services.settings, sent.jpeg)
    frame_id = new_id()
    frame = Frame(
        frame_id,
        stream.row.id,
        stream.row.registration_id,
        stream.row.attempt_id,
        stream.row.province_id,
        stream.row.purpose,
        sent.seq,
        services.clock.now(),
        seal(stream.key, sent.jpeg, frame_id),
        sent.age_ms,
    )
    if not await queue.add(frame.to_fields()):
        raise Conflict("监考繁忙，本帧已跳过，答题不受影响。", code="queue_full")
    services.meters.count(measures.TAKEN)
