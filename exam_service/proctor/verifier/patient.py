"""The slow look: dlib's detecting network, for the one frame that would complete an absence.

It sees faces that HOG doesn't: turned further, behind a hand, half out of the picture. King, "Max-Margin
Object Detection", 2015, and dlib's `dnn_mmod_face_detection_ex.cpp`.
"""

from pathlib import Path
from typing import Self

import cv2
import dlib
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from exam_service.proctor.verifier import weights
from exam_service.proctor.verifier.detector import Face
from exam_service.proctor.verifier.layout import FIRST, PICTURE, SCORES, STRIDE
from exam_service.proctor.verifier.network import cached, session

_WINDOW = 80  # pixels of the smallest face it knows, as its file has it
_STEP = 5 / 6  # from each size of the picture to the next smaller one
_BORDER = 40  # pixels of black all round, so that half a face at the edge has a whole window
_SAME = 0.3  # faces that share so much of what they cover together are one


class PatientDetector:
    """Holds the network: 40 to 100 ms a frame on one core, where dlib's own takes over a second."""

    def __init__(self, network: onnxruntime.InferenceSession) -> None:
        self._network = network

    @classmethod
    def open(cls, cache_dir: Path) -> Self:
        """Loads the network, writing it to `cache_dir` first when it is missing or damaged there.

        Raises:
            FileNotFoundError: `face_recognition_models` isn't installed.
            ValueError: its weights aren't the known network.
            OSError: the cache can't be read or written.
        """
        return cls(session(cached(cache_dir, "mmod", weights.MMOD)))

    def detect(self, frame: NDArray[np.uint8]) -> list[Face]:
        """The faces of a uint8 RGB frame, largest first, from 80 pixels; one score is no other detector's."""
        found: list[Face] = []
        scale = 1.0
        while min(frame.shape[:2]) * scale >= _WINDOW / 2:
            found += self._at(frame, scale)
            scale *= _STEP
        kept: list[Face] = []
        for face in sorted(found, key=lambda face: face.score, reverse=True):
            if not any(_shared(face.rectangle, other.rectangle) > _SAME for other in kept):
                kept.append(face)
        return sorted(kept, key=lambda face: (face.rectangle.area(), face.score), reverse=True)

    def _at(self, frame: NDArray[np.uint8], scale: float) -> list[Face]:
        """What is as large as the window once the frame is scaled."""
        height, width = frame.shape[:2]
        size = (round(width * scale), round(height * scale))
        scaled = cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) if scale < 1 else frame
        framed = cv2.copyMakeBorder(scaled, _BORDER, _BORDER, _BORDER, _BORDER, cv2.BORDER_CONSTANT)
        (scores,) = self._network.run([SCORES], {PICTURE: np.asarray(framed)[np.newaxis]})
        rows, columns = np.nonzero(scores[0, 0] > 0)
        return [
            Face(_rectangle(int(row), int(column), scale), float(scores[0, 0, row, column]))
            for row, column in zip(rows, columns, strict=True)
        ]


def _rectangle(row: int, column: int, scale: float) -> dlib.rectangle:
    side = _WINDOW / scale
    left = (STRIDE * column + FIRST - _BORDER) / scale - side / 2
    top = (STRIDE * row + FIRST - _BORDER) / scale - side / 2
    return dlib.rectangle(round(left), round(top), round(left + side) - 1, round(top + side) - 1)


def _shared(one: dlib.rectangle, other: dlib.rectangle) -> float:
    """What both cover over what either covers."""
    both = one.intersect(other).area()
    return float(both / (one.area() + other.area() - both))
