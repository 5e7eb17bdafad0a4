"""What the verifier saw in one picture, and how far two faces are apart."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Quality(StrEnum):
    """Whether a picture is good enough to be judged, and if not, why; of the largest face."""

    FINE = "fine"
    DARK = "dark"
    BLURRED = "blurred"
    TOO_SMALL = "too_small"
    CUT_OFF = "cut_off"
    TURNED_AWAY = "turned_away"


Box = tuple[int, int, int, int]


# No equality: arrays have no single truth value, and nobody has to ask whether two readings are the same.
@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The faces of one picture, the largest one in detail.

    Attributes:
        faces: how many faces the detector found.
        box: left, top, right, bottom of the largest face in pixels of the *fitted* frame (at most 640×480),
            cut at its edges; right and bottom are exclusive. None without a face.
        score: the detector's confidence in that face: 0 is its threshold, clear frontal faces reach 1 to 3.
            None without a face.
        embedding: float32 of shape (n,), the recogniser's descriptor of that face; n is the model's, 128 for
            the one that is shipped. None without a face, and of one too poor to be compared (but not of one
            that is turned away).
        width: pixels of the picture as decoded and turned upright, before fitting.
        height: likewise.
        quality: of the largest face; without a face dark or fine.
        yaw: how far that face is turned, −1 to 1, positive to the person's own left. None without a face.
        look: 64 bits of a perceptual hash of the whole frame, as a signed number.
        scene: the frame that was last searched whole, in little: to be given back with the next frame.
        whole: whether this frame was searched whole, or only round the last place.
    """

    faces: int
    box: Box | None
    score: float | None
    embedding: NDArray[np.float32] | None
    width: int
    height: int
    quality: Quality = Quality.FINE
    yaw: float | None = None
    look: int | None = None
    scene: NDArray[np.uint8] | None = None
    whole: bool = True


def distance(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Euclidean distance of two embeddings *of the same model*; no unit, 0 for the same chip.

    dlib's author calls two faces the same person below 0.6 (99.38 % on Labeled Faces in the Wild,
    http://blog.dlib.net/2017/02/high-quality-face-recognition-with-deep.html); that figure comes from mostly
    western faces, so the thresholds in use are the policy's and not written here.

    Raises:
        ValueError: the shapes differ or aren't one-dimensional.
    """
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"embeddings of shapes {a.shape} and {b.shape} cannot be compared")
    return float(np.linalg.norm(a.astype(np.float64) - b.astype(np.float64)))
