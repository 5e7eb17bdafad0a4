"""Where the faces are, and each one turned upright: dlib's HOG detector and five landmarks."""

from dataclasses import dataclass
from typing import Self

import dlib
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import weights
from exam_service.proctor.verifier.graph import CHIP

_PADDING = 0.25  # what the network was trained with


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face found in a frame.

    Attributes:
        rectangle: where, in pixels of the frame; it may reach beyond the frame's edges.
        score: how far above the detector's threshold of 0.
    """

    rectangle: dlib.rectangle
    score: float


class Detector:
    """Holds dlib's scratch memory: one per thread."""

    def __init__(self, detector: dlib.fhog_object_detector, landmarks: dlib.shape_predictor) -> None:
        self._detector = detector
        self._landmarks = landmarks

    @classmethod
    def open(cls) -> Self:
        """Loads the landmarks; the detector itself is inside dlib.

        Raises:
            FileNotFoundError: `face_recognition_models` isn't installed.
            RuntimeError: dlib can't read the landmarks.
        """
        path = weights.model_file(weights.LANDMARKS)
        return cls(dlib.get_frontal_face_detector(), dlib.shape_predictor(str(path)))

    def detect(self, frame: NDArray[np.uint8]) -> list[Face]:
        """The faces of a uint8 RGB frame, largest first; frontal ones from about 80 pixels across.

        Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", trained as in King,
        "Max-Margin Object Detection"; the model comes inside dlib.
        """
        return self._detect(frame, 0)

    def detect_small(self, frame: NDArray[np.uint8]) -> list[Face]:
        """As `detect` on the frame at twice its size: faces from about 40 pixels, at four times the cost."""
        return self._detect(frame, 1)

    def chip(self, frame: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
        """That face cut out, upright and centred by its five landmarks: uint8 RGB (150, 150, 3)."""
        shape = self._landmarks(frame, face.rectangle)
        return np.asarray(dlib.get_face_chip(frame, shape, size=CHIP, padding=_PADDING), np.uint8)

    def _detect(self, frame: NDArray[np.uint8], upsampling: int) -> list[Face]:
        rectangles, scores, _ = self._detector.run(frame, upsampling, 0.0)
        faces = [Face(rectangle, float(score)) for rectangle, score in zip(rectangles, scores, strict=True)]
        # The detector knows few sizes, so two faces are often equally large: then the clearer one.
        return sorted(faces, key=lambda face: (face.rectangle.area(), face.score), reverse=True)
