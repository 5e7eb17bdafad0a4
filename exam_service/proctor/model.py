"""Frames, verdicts and what they are called. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from exam_service.errors import Conflict, Forbidden, Invalid


class Purpose(StrEnum):
    """What a stream of frames is for.

    ``check``: the identity check before a paper. ``paper``: the paper itself. ``takeover``: the face check of
    a device that wants to go on with a paper which another device has.
    """

    CHECK = "check"
    PAPER = "paper"
    TAKEOVER = "takeover"


class Verdict(StrEnum):
    """What one frame shows. ``no_face`` and ``unsure`` never become "not them"."""

    MATCH = "match"
    UNSURE = "unsure"
    MISMATCH = "mismatch"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    UNUSABLE = "unusable"


VERDICT_LABELS: Mapping[Verdict, str] = {
    Verdict.MATCH: "本人",
    Verdict.UNSURE: "不确定",
    Verdict.MISMATCH: "疑似他人",
    Verdict.NO_FACE: "无人脸",
    Verdict.SEVERAL_FACES: "多张人脸",
    Verdict.UNUSABLE: "画面不可用",
}
HINTS: Mapping[Verdict, str] = {
    Verdict.MATCH: "监考正常",
    Verdict.UNSURE: "看不太清，请正对屏幕，让光照在脸上",
    Verdict.MISMATCH: "暂未确认是本人，请摘下口罩和帽子，正对屏幕",
    Verdict.NO_FACE: "没有看到您的脸，请回到画面中间",
    Verdict.SEVERAL_FACES: "画面中不止一个人，请独自作答",
    Verdict.UNUSABLE: "画面无法识别，请检查摄像头",
}


NOTHING_TO_COMPARE = "还没有审核通过的报名照片可供核对，请联系考核机构"


@dataclass(frozen=True)
class Thresholds:
    """Face distances: up to ``match`` it is them, from ``mismatch`` on it is not, between is unsure."""

    match: float
    mismatch: float


def verdict_of(faces: int, distance: float | None, thresholds: Thresholds) -> Verdict:
    """The verdict on a frame with ``faces`` faces, the largest at ``distance`` from the enrolled one.

    Without anything to compare with (``None``) it is unsure: that is what is known.
    """
    if faces == 0:
        return Verdict.NO_FACE
    if faces > 1:
        return Verdict.SEVERAL_FACES
    if distance is None:
        return Verdict.UNSURE
    if distance <= thresholds.match:
        return Verdict.MATCH
    if distance >= thresholds.mismatch:
        return Verdict.MISMATCH
    return Verdict.UNSURE


@dataclass(frozen=True)
class StreamRow:
    """A connection that sends frames of an attempt; ``device_hash`` is of the browser it comes from."""

    id: UUID
    province_id: str
    attempt_id: UUID
    purpose: Purpose
    epoch: int
    opened_at: datetime
    device_hash: bytes | None = None


@dataclass(frozen=True)
class StreamSpan:
    """When a stream was open; ``closed_at`` is ``None`` while it is, or when its server died."""

    purpose: Purpose
    opened_at: datetime
    closed_at: datetime | None
    frames: int
    refused: int


@dataclass(frozen=True, repr=False)
class Frame:
    """A frame on its way to a worker; ``sealed`` is the JPEG, encrypted for the row ``id``."""

    id: UUID
    stream_id: UUID
    attempt_id: UUID
    province_id: str
    purpose: Purpose
    seq: int
    received_at: datetime
    sealed: bytes

    def to_fields(self) -> dict[bytes, bytes]:
        return {
            b"id": self.id.bytes,
            b"stream": self.stream_id.bytes,
            b"attempt": self.attempt_id.bytes,
            b"province": self.province_id.encode(),
            b"purpose": self.purpose.value.encode(),
            b"seq": str(self.seq).encode(),
            b"received": self.received_at.isoformat().encode(),
            b"sealed": self.sealed,
        }

    @classmethod
    def from_fields(cls, fields: Mapping[bytes, bytes]) -> Frame:
        """Raises KeyError or ValueError for fields that :meth:`to_fields` didn't write."""
        return cls(
            id=UUID(bytes=fields[b"id"]),
            stream_id=UUID(bytes=fields[b"stream"]),
            attempt_id=UUID(bytes=fields[b"attempt"]),
            province_id=fields[b"province"].decode(),
            purpose=Purpose(fields[b"purpose"].decode()),
            seq=int(fields[b"seq"]),
            received_at=datetime.fromisoformat(fields[b"received"].decode()),
            sealed=fields[b"sealed"],
        )


@dataclass(frozen=True)
class Check:
    """The verdict on one frame, with everything needed to question it later."""

    id: UUID
    province_id: str
    attempt_id: UUID
    stream_id: UUID
    seq: int
    purpose: Purpose
    received_at: datetime
    checked_at: datetime
    verdict: Verdict
    faces: int
    distance: float | None
    model: str
    thresholds: Thresholds
    enrolled: bool
    evidence_id: UUID | None


def is_kept(verdict: Verdict, purpose: Purpose, seq: int, every_nth_match: int) -> bool:
    """Whether a frame is kept as evidence: of a paper every n-th that plainly matches, and all others."""
    if verdict is Verdict.UNUSABLE:
        return False
    return (
        verdict is not Verdict.MATCH
        or purpose is not Purpose.PAPER
        or seq % every_nth_match == 1 % every_nth_match
    )


class ConsentRequired(Forbidden):
    """No face byte before consent."""

    def __init__(self) -> None:
        super().__init__("请先阅读并同意人脸信息采集告知。", code="consent_required")


class BadFrame(Invalid):
    """A frame that isn't taken; the stream goes on."""

    default_code = "bad_frame"


class TooFast(BadFrame):
    """More frames than are wanted; this one isn't taken."""

    def __init__(self) -> None:
        super().__init__("画面发送过于频繁，已跳过。", code="too_fast")


class FramesNotWanted(Conflict):
    """The attempt isn't in a state that takes frames of this purpose."""


class StreamReplaced(Conflict):
    """A newer connection sends the frames of this purpose: there is one of each at most."""

    def __init__(self) -> None:
        super().__init__("摄像头已在其他页面使用，本页不再拍摄。", code="replaced")
