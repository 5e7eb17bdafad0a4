"""Looking for faces, cheapest look first: round the last place, then the whole frame.

Why in this order, and what each look costs: docs/decisions/0013.
"""

from dataclasses import dataclass

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import scene
from exam_service.proctor.verifier.detector import NARROWEST, Detector, Face
from exam_service.proctor.verifier.picture import shrunk
from exam_service.proctor.verifier.quality import is_plausible, points
from exam_service.proctor.verifier.reading import Box

# The regions searched round the last face, close and wide: how far they reach, in widths of it, and how wide
# the face is made in them, so that the cost doesn't grow with it. The close one has room for a head that
# moved by a seventh of its width, at half the cost; in the wide one who leans back by a sixth is still found.
_CLOSE = 1.35, 1.1 * NARROWEST
_WIDE = 1.7, 1.2 * NARROWEST

# Grey scores lie within 0.4 of those in colour, which are the ones that count: what is above is a face, what
# is below is none, what lies between is looked at again.
_CLEAR = 0.4
_FAINT = -0.4
# A frame made to show hundreds of faces must not take seconds.
_MOST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """The faces of a frame, and how it was searched.

    Attributes:
        faces: largest first.
        whole: whether the whole frame was searched, and not only the region round the last place.
        cells: the frame in little, as `scene.thumbnail` makes it.
    """

    faces: list[Face]
    whole: bool
    cells: NDArray[np.uint8]


class Cascade:
    """The looks, each on uint8 RGB frames as `picture.fit` gives them."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def look(
        self,
        frame: NDArray[np.uint8],
        last_box: Box | None = None,
        last_scene: NDArray[np.uint8] | None = None,
    ) -> Sight:
        """The faces of a frame.

        Args:
            last_box: Where the face was in the frame before; None searches the whole frame.
            last_scene: `Sight.cells` of the frame that was last searched whole, if known.
        """
        grey = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), np.uint8)
        cells = scene.thumbnail(grey)
        size = frame.shape[1], frame.shape[0]
        if last_box is not None and (
            last_scene is None or not scene.changed(last_scene, cells, last_box, size)
        ):
            for reach, width in (_CLOSE, _WIDE):
                near = self._round(grey, last_box, reach, width)
                if len(near) == 1:
                    return Sight(near, whole=False, cells=cells)
        return Sight(self._whole(frame, grey), whole=True, cells=cells)

    def look_closely(self, image: NDArray[np.uint8]) -> list[Face]:
        """The small faces of a larger picture in which the whole frame showed none, largest first: from 80
        pixels, and where there are none from 40. Each is seen again in a picture of its own, for the larger
        the picture, the more there is in it to be taken for a face.
        """
        for detect in (self._detector.detect, self._detector.detect_small):
            found = [face for face in detect(image)[:_MOST] if self._is_confirmed(image, face)]
            if found:
                return found
        return []

    def _round(self, grey: NDArray[np.uint8], box: Box, reach: float, width: float) -> list[Face]:
        """The faces near the last place; exactly one is an answer, anything else is a doubt."""
        region = _Region.about(grey, box, reach, width)
        return [region.outside(face) for face in self._detector.detect(region.pixels)]

    def _whole(self, frame: NDArray[np.uint8], grey: NDArray[np.uint8]) -> list[Face]:
        """Every face from 80 pixels, wherever it is."""
        found = self._detector.detect(grey, _FAINT)[:_MOST]
        return [face for face in found if face.score >= _CLEAR or self._is_confirmed(frame, face)]

    def _is_confirmed(self, frame: NDArray[np.uint8], face: Face) -> bool:
        """Whether a faint face is seen again in colour, in a picture of its own, with eyes above a nose."""
        region = _Region.about(frame, _box(face), *_WIDE)
        again = [region.outside(found) for found in self._detector.detect(region.pixels)]
        return any(
            face.rectangle.contains(found.rectangle.center())
            and is_plausible(points(self._detector.landmarks(frame, found)), found.rectangle.width())
            for found in again
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Region:
    """A part of a frame, scaled so that the face in it is about so many pixels wide; hardly ever enlarged."""

    pixels: NDArray[np.uint8]
    left: int
    top: int
    scale: float

    @classmethod
    def about(cls, frame: NDArray[np.uint8], box: Box, reach: float, wide: float) -> "_Region":
        """As far as `reach` widths of the box, scaled so that the box becomes `wide` pixels wide."""
        height, width = frame.shape[:2]
        left, top, right, bottom = box
        side = max(right - left, bottom - top, NARROWEST)
        x, y, half = (left + right) / 2, (top + bottom) / 2, side * reach / 2
        first_column, first_row = max(0, _even(x - half)), max(0, _even(y - half))
        pixels = frame[first_row : min(height, _even(y + half)), first_column : min(width, _even(x + half))]
        scale = wide / side
        if pixels.size:
            size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
            pixels = shrunk(pixels, size)
        return cls(np.ascontiguousarray(pixels), first_column, first_row, scale)

    def outside(self, face: Face) -> Face:
        """A face of the region, in pixels of the frame."""
        within = face.rectangle
        return Face(
            dlib.rectangle(
                round(within.left() / self.scale) + self.left,
                round(within.top() / self.scale) + self.top,
                round(within.right() / self.scale) + self.left,
                round(within.bottom() / self.scale) + self.top,
            ),
            face.score,
        )


def _even(place: float) -> int:
    """Next to it, so that a region can be halved."""
    return 2 * round(place / 2)


def _box(face: Face) -> Box:
    rectangle = face.rectangle
    return rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1
