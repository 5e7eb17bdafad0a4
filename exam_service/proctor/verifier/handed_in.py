"""Pictures that physicians hand in: cut out, encoded anew, and for a photo what face it shows.

Light beside `Verifier`: no network that makes embeddings is loaded, and nothing is compared. One per thread.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import picture, quality
from exam_service.proctor.verifier.cascade import Cascade
from exam_service.proctor.verifier.detector import Detector
from exam_service.proctor.verifier.reading import Box, Quality
from exam_service.proctor.verifier.unreadable import UnreadableImage

_JPEG_QUALITY = 88
# What lies beside and above the head: the top tenth, and a tenth left and right of the upper half.
_RIM = 0.1
_UPPER = 0.5
# Standard deviation of the rim's lightness, 0 to 255, at 64 pixels, its darkest and lightest twentieth left
# out: hair reaches into it. Plain grounds have up to 12, with a shadow 20; rooms and streets 30 and more.
_PLAIN = 25
_SMALL = 64
_CLOSELY = 2


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """A picture as we encode it: upright, without metadata."""

    jpeg: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PhotoReading:
    """What a photo for a document shows.

    Attributes:
        faces: How many faces the detector found.
        quality: Of the largest; without a face dark or fine.
        yaw: How far it is turned, −1 to 1; None without a face.
        share: Its width as a part of the picture's; None without a face.
        plain: Whether the ground beside the head is plain.
    """

    faces: int
    quality: Quality
    yaw: float | None
    share: float | None
    plain: bool


class PhotoReader:
    """Decodes what browsers sent. Holds dlib's scratch memory: one per thread."""

    def __init__(self) -> None:
        self._detector: Detector | None = None

    def redraw(self, data: bytes, box_of: Callable[[int, int], Box], longest: int) -> Redrawn:
        """What is to be kept of a picture as a JPEG of ours.

        Args:
            box_of: Of width and height of the upright picture what is cut out, in its pixels.
            longest: Pixels of its longer side at most; a smaller one isn't enlarged.

        Raises:
            UnreadableImage: no JPEG or PNG, too many pixels, cut short, or refused by the decoder.
        """
        image = picture.decode(data)
        left, top, right, bottom = box_of(image.shape[1], image.shape[0])
        cut = image[top:bottom, left:right]
        if cut.size == 0:
            raise UnreadableImage("nothing is inside the crop")
        height, width = cut.shape[:2]
        scale = longest / max(height, width)
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            cut = np.asarray(cv2.resize(cut, size, interpolation=cv2.INTER_AREA), np.uint8)
        done, encoded = cv2.imencode(
            ".jpg", cv2.cvtColor(cut, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )
        if not done:
            raise UnreadableImage("it can't be encoded")
        return Redrawn(encoded.tobytes(), cut.shape[1], cut.shape[0])

    def read(self, jpeg: bytes) -> PhotoReading:
        """The faces of a photo. Where none is found it is looked at once more at twice the size of a frame:
        who handed in a full-length portrait is to hear that the face is too small, not that there is none.

        Raises:
            UnreadableImage: as for `redraw`.
        """
        if self._detector is None:
            self._detector = Detector.open()
        image = picture.decode(jpeg)
        frame = picture.fit(image)
        cascade = Cascade(self._detector)
        sight = cascade.look(frame)
        faces = sight.faces
        plain, closer = _is_plain(frame), 1.0
        if not faces:
            closer = 1 / frame.shape[1]
            frame = picture.fit(image, times=_CLOSELY)
            closer *= frame.shape[1]
            faces = cascade.look_closely(frame)
        if not faces:
            found = quality.quality_of_nobody(sight.cells)
            return PhotoReading(0, found, None, None, plain)
        largest = faces[0]
        landmarks = self._detector.landmarks(frame, largest)
        chip = self._detector.chip(frame, landmarks)
        five = quality.points(landmarks)
        size = frame.shape[1], frame.shape[0]
        return PhotoReading(
            len(faces),
            # Small is what would be small in a frame, where this face is to be found again.
            quality.quality_of_face(chip, five / closer, largest.rectangle, size),
            quality.yaw_of(five),
            largest.rectangle.width() / size[0],
            plain,
        )


def _is_plain(frame: NDArray[np.uint8]) -> bool:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(grey, (_SMALL, _SMALL), interpolation=cv2.INTER_AREA), np.float64)
    rim, upper = round(_SMALL * _RIM), round(_SMALL * _UPPER)
    beside = np.concatenate(
        [small[:rim].ravel(), small[rim:upper, :rim].ravel(), small[rim:upper, -rim:].ravel()]
    )
    low, high = np.percentile(beside, (5, 95))
    return bool(beside[(beside >= low) & (beside <= high)].std() < _PLAIN)
