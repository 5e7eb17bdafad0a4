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
    a device that wants to go on with a paper which another device has. ``rehearsal``: 设备自检, any day
    before; it belongs to a registration and to no attempt.
    """

    CHECK = "check"
    PAPER = "paper"
    TAKEOVER = "takeover"
    REHEARSAL = "rehearsal"


class Verdict(StrEnum):
    """What one frame shows. Only ``mismatch`` says "not them"; what can't be judged never becomes it.

    ``dark`` to ``turned_away`` are of a frame that can't be judged, and why. ``replayed``: the same bytes
    came before. ``unusable``: no picture at all.
    """

    MATCH = "match"
    UNSURE = "unsure"
    MISMATCH = "mismatch"
    NO_FACE = "no_face"
    SEVERAL_FACES = "several_faces"
    DARK = "dark"
    BLURRED = "blurred"
    TOO_SMALL = "too_small"
    CUT_OFF = "cut_off"
    TURNED_AWAY = "turned_away"
    REPLAYED = "replayed"
    UNUSABLE = "unusable"


POOR_PICTURES = frozenset(
    {Verdict.DARK, Verdict.BLURRED, Verdict.TOO_SMALL, Verdict.CUT_OFF, Verdict.TURNED_AWAY}
)


VERDICT_LABELS: Mapping[Verdict, str] = {
    Verdict.MATCH: "本人",
    Verdict.UNSURE: "不确定",
    Verdict.MISMATCH: "疑似他人",
    Verdict.NO_FACE: "无人脸",
    Verdict.SEVERAL_FACES: "多张人脸",
    Verdict.DARK: "画面过暗",
    Verdict.BLURRED: "画面模糊",
    Verdict.TOO_SMALL: "人脸过小",
    Verdict.CUT_OFF: "人脸不完整",
    Verdict.TURNED_AWAY: "未正对屏幕",
    Verdict.REPLAYED: "重复画面",
    Verdict.UNUSABLE: "画面不可用",
}
HINTS: Mapping[Verdict, str] = {
    Verdict.MATCH: "监考正常",
    Verdict.UNSURE: "看不太清，请正对屏幕，让光照在脸上",
    Verdict.MISMATCH: "暂未确认是本人，请摘下口罩和帽子，正对屏幕",
    Verdict.NO_FACE: "没有看到您的脸，请回到画面中间",
    Verdict.SEVERAL_FACES: "画面中不止一个人，请独自作答",
    Verdict.DARK: "光线太暗，请打开灯，让光照在脸上",
    Verdict.BLURRED: "画面模糊，请擦一擦镜头，把手机放稳",
    Verdict.TOO_SMALL: "离得太远，请靠近一些",
    Verdict.CUT_OFF: "脸没有全部在画面中，请移到画面中间",
    Verdict.TURNED_AWAY: "请转过来，正对屏幕",
    Verdict.REPLAYED: "画面没有更新，请重新打开摄像头",
    Verdict.UNUSABLE: "画面无法识别，请检查摄像头",
}


NOTHING_TO_COMPARE = "还没有审核通过的报名照片可供核对，请联系考核机构"


@dataclass(frozen=True)
class Thresholds:
    """Face distances: up to ``match`` it is them, from ``mismatch`` on it is not, between is unsure."""

    match: float
    mismatch: float


@dataclass(frozen=True)
class ThresholdSetting:
    """Thresholds that a province set for a model, and the record of it.

    Attributes:
        set_by: Who did it, by the name that the operating system knows them by.
        note: Why, for whoever questions a verdict later.
    """

    thresholds: Thresholds
    set_at: datetime
    set_by: str
    note: str


def verdict_of(
    faces: int, distance: float | None, thresholds: Thresholds, poor: Verdict | None = None
) -> Verdict:
    """The verdict on a frame with ``faces`` faces, the largest at ``distance`` from the enrolled one.

    Without anything to compare with (``None``) it is unsure: that is what is known.

    Args:
        poor: Why the picture can't be judged, one of :data:`POOR_PICTURES`: it goes before any comparison,
            for the distance of a poor picture says nothing.
    """
    if faces > 1:
        return Verdict.SEVERAL_FACES
    if poor is not None:
        return poor
    if faces == 0:
        return Verdict.NO_FACE
    if distance is None:
        return Verdict.UNSURE
    if distance <= thresholds.match:
        return Verdict.MATCH
    if distance >= thresholds.mismatch:
        return Verdict.MISMATCH
    return Verdict.UNSURE


@dataclass(frozen=True)
class StreamRow:
    """A connection that sends frames; ``device_hash`` is of the browser it comes from.

    ``attempt_id`` is ``None`` for a rehearsal, which is the registration's alone.
    """

    id: UUID
    province_id: str
    registration_id: UUID
    attempt_id: UUID | None
    purpose: Purpose
    epoch: int
    opened_at: datetime
    device_hash: bytes | None = None

    @property
    def subject_id(self) -> UUID:
        """Whom verdicts are signalled to: the attempt, of a rehearsal the registration."""
        return self.attempt_id or self.registration_id


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
    registration_id: UUID
    attempt_id: UUID | None
    province_id: str
    purpose: Purpose
    seq: int
    received_at: datetime
    sealed: bytes

    @property
    def subject_id(self) -> UUID:
        """As of its stream."""
        return self.attempt_id or self.registration_id

    def to_fields(self) -> dict[bytes, bytes]:
        return {
            b"id": self.id.bytes,
            b"stream": self.stream_id.bytes,
            b"registration": self.registration_id.bytes,
            b"attempt": self.attempt_id.bytes if self.attempt_id else b"",
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
            registration_id=UUID(bytes=fields[b"registration"]),
            attempt_id=UUID(bytes=fields[b"attempt"]) if fields[b"attempt"] else None,
            province_id=fields[b"province"].decode(),
            purpose=Purpose(fields[b"purpose"].decode()),
            seq=int(fields[b"seq"]),
            received_at=datetime.fromisoformat(fields[b"received"].decode()),
            sealed=fields[b"sealed"],
        )


@dataclass(frozen=True)
class Check:
    """The verdict on one frame, with everything needed to question it later.

    Attributes:
        distance: Of the largest face from the enrolled one, in the model's own metric.
        model: What made the embedding: its name and version.
        score: The detector's, of the largest face.
        yaw: How far that face is turned, −1 to 1; positive: to the physician's own left.
        look: 64 bits of a perceptual hash of the whole frame, as a signed number; near ones look alike.
        frame_hash: Keyed hash of the JPEG; the same bytes give the same.
        evidence_id: The kept picture; ``None`` when it wasn't kept.
    """

    id: UUID
    province_id: str
    registration_id: UUID
    attempt_id: UUID | None
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
    score: float | None = None
    yaw: float | None = None
    look: int | None = None
    frame_hash: bytes | None = None

    @property
    def subject_id(self) -> UUID:
        """As of its stream."""
        return self.attempt_id or self.registration_id


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
