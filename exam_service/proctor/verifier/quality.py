"""Whether a face can be judged at all: dark, blurred, too small, cut off, turned away.

Each limit was measured on the photographs of `shared/data/faces`, spoilt step by step: it lies where a
picture of somebody gets as far from the untouched one of the same person as the shipped match threshold
(0.45), or a little before. What the limits call poor is never compared, so it is never "somebody else".
"""

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier.reading import Quality

Points = NDArray[np.float64]

# The lightest tenth of the face, 0 to 255. Of the lightest, not the mean: dark skin in fair light has lips,
# teeth, eyes and a shine on the forehead far above it. Spoilt photographs match down to 25.
DARK_FACE = 30
# The lightest twentieth of a frame that shows nobody: a covered lens or a room without light.
DARK_FRAME = 35
# Variance of the Laplacian over the variance of the face, at 50 pixels a face, so that neither light nor
# contrast nor distance counts. Photographs have 0.16 to 1.5; blurred by 3 % of the face's width, 0.02 to
# 0.10.
BLURRED = 0.045
# Pixels between the outer corners of the eyes: a face about 55 pixels wide.
TOO_SMALL = 28
# Part of the face's width or height that lies beyond the edge of the frame.
CUT_OFF = 0.15

# How far the end of the nose stands beside the middle of the eyes, in outer eye distances, when a head is
# turned by 45°, and about linear below: 0.10 at 20°, 0.19 at 30°, 0.23 at 40° (by eye, of people in
# photographs and in the film clip).
_TURNED_BY_45_DEGREES = 0.25
# A head is clearly turned, as the liveness challenge asks (about 20°): nobody sits like that by chance.
TURNED_YAW = 0.4
# Past this (about 30°) the detector begins to lose the face, and the embedding means less.
AWAY_YAW = 0.7

_SIDE = 50


def points(landmarks: dlib.full_object_detection) -> Points:
    """The five landmarks of dlib as float64 (5, 2), x and y in pixels of the frame.

    Outer and inner corner of the person's left eye (on the right in the picture), outer and inner corner of
    their right eye, end of the nose above the lip.
    """
    return np.array([(point.x, point.y) for point in landmarks.parts()], np.float64)


def yaw_of(five: Points) -> float:
    """How far a head is turned, −1 to 1 (about 45°), positive to the person's own left.

    The nose stands out of the plane of the eyes, so it moves sideways between them when the head turns. The
    picture is taken as the camera sees it; a mirrored one changes the sign.
    """
    _, across, _, nose = _axes(five)
    span = float(np.hypot(*across))
    if span == 0:
        return 0.0
    aside = float(nose @ across) / span**2
    return float(np.clip(aside / _TURNED_BY_45_DEGREES, -1, 1))


def is_plausible(five: Points, width: float) -> bool:
    """Whether landmarks stand as in a face: eyes apart, more beside than above each other, nose below.

    Args:
        width: Of the face's box.
    """
    span, across, down, nose = _axes(five)
    below = float(nose @ down)
    upright = abs(across[1]) < across[0]
    return bool(upright and 0.3 * width < span < 0.9 * width and 0.1 * width < below < 0.6 * width)


def quality_of_face(
    chip: NDArray[np.uint8], five: Points, rectangle: dlib.rectangle, size: tuple[int, int]
) -> Quality:
    """Of one face; the first that applies, in the order in which it is best put right.

    Args:
        chip: The face upright, as `Detector.chip` gives it.
        five: Its landmarks.
        rectangle: Where it was found; may reach beyond the frame.
        size: Width and height of the frame.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    if _lightest(small, 0.1) < DARK_FACE:
        return Quality.DARK
    if _beyond(rectangle, size) > CUT_OFF:
        return Quality.CUT_OFF
    if np.hypot(*(five[0] - five[2])) < TOO_SMALL:
        return Quality.TOO_SMALL
    if _sharpness(small) < BLURRED:
        return Quality.BLURRED
    if abs(yaw_of(five)) > AWAY_YAW:
        return Quality.TURNED_AWAY
    return Quality.FINE


def quality_of_nobody(cells: NDArray[np.uint8]) -> Quality:
    """Of a frame without a face, given as `scene.thumbnail`: dark or fine."""
    return Quality.DARK if _lightest(cells, 0.05) < DARK_FRAME else Quality.FINE


def _axes(five: Points) -> tuple[float, Points, Points, Points]:
    """Outer eye distance, the vector that spans it, the unit vector down the face, the nose from mid-eyes."""
    left, right = (five[0] + five[1]) / 2, (five[2] + five[3]) / 2
    outer = five[0] - five[2]
    span = float(np.hypot(*outer))
    along = outer / span if span else np.array([1.0, 0.0])
    down = np.array([-along[1], along[0]])
    return span, outer, down, five[4] - (left + right) / 2


def _beyond(rectangle: dlib.rectangle, size: tuple[int, int]) -> float:
    width, height = size
    sideways = max(-rectangle.left(), rectangle.right() + 1 - width, 0) / rectangle.width()
    upwards = max(-rectangle.top(), rectangle.bottom() + 1 - height, 0) / rectangle.height()
    return float(max(sideways, upwards))


def _lightest(grey: NDArray[np.uint8], part: float) -> int:
    """The darkest of the lightest part of the pixels; a percentile of numpy's takes nine times as long."""
    nth = grey.size - 1 - int(part * grey.size)
    return int(np.partition(grey, nth, axis=None)[nth])


def _sharpness(grey: NDArray[np.uint8]) -> float:
    pixels = grey.astype(np.float32)
    return _variance(cv2.Laplacian(pixels, cv2.CV_32F)) / max(_variance(pixels), 1.0)


def _variance(pixels: cv2.typing.MatLike) -> float:
    _, deviation = cv2.meanStdDev(pixels)
    return float(deviation[0, 0]) ** 2
