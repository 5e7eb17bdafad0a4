"""What a registration photo must show, in words for its physician. Pure.

Frontal as 证件照 are; what is refused a photographer can put right, what isn't plain ground is only advised.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_LEAST_SHARE = 0.2
"""Of the picture's width that the face takes; in an inch of a document it is about half."""
_TURNED = 0.4
"""About 20°, see the verifier's ``TURNED_YAW``."""
_NO_FACE = (
    "照片中没有看到人脸。请上传本人近期正面免冠证件照，露出整张脸，光线均匀；全身照请用裁剪框框住头部和肩部。"
)
_SEVERAL = "照片中不止一张人脸。请上传只有本人的单人证件照，或用裁剪框只框住本人。"
_FAR = "照片中的脸太小。请用裁剪框框住头部和肩部，或换一张近一些的证件照。"
_TURNED_AWAY = "照片不是正面照。请上传正对镜头拍摄的证件照。"
_POOR: Mapping[str, str] = {
    "dark": "照片太暗。请在光线充足、均匀的地方重新拍摄。",
    "blurred": "照片模糊。请擦净镜头、拿稳手机，重新拍摄后上传。",
    "too_small": _FAR,
    "cut_off": "脸没有完整地在照片中。请把裁剪框放大一些，或重新拍摄。",
    "turned_away": _TURNED_AWAY,
}
NOT_PLAIN = "背景似乎不是纯色，建议使用纯底色（白底）的证件照；审核人员可能要求更换。"


@dataclass(frozen=True)
class Face:
    """What was seen in a photo: ``quality`` is a value of the verifier's, of the largest face."""

    faces: int
    quality: str
    yaw: float | None
    share: float | None
    plain: bool


def problem_of(face: Face) -> str | None:
    """Why a photo can't be the one that faces are compared with, and what to do; ``None`` when it can."""
    if face.faces == 0:
        return _POOR.get(face.quality, _NO_FACE)
    if face.faces > 1:
        return _SEVERAL
    if face.quality in _POOR:
        return _POOR[face.quality]
    if face.share is not None and face.share < _LEAST_SHARE:
        return _FAR
    return _TURNED_AWAY if face.yaw is not None and abs(face.yaw) > _TURNED else None


def advice_of(face: Face) -> str | None:
    """What would be better and refuses nothing."""
    return None if face.plain else NOT_PLAIN
