"""Where the faces are, and each one turned upright: dlib's HOG detector and five landmarks."""

from dataclasses import dataclass
from typing import Self

import dlib
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import weights
from exam_service.proctor.verifier.layout import CHIP

NARROWEST = 73  # pixels of the box of the smallest face found: the detector's window of 80 less its rim
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

    def detect(self, image: NDArray[np.uint8], threshold: float = 0.0) -> list[Face]:
        """The faces of a uint8 image, RGB or grey, largest first; frontal ones from about 80 pixels across.

        Grey costs a quarter less and moves the scores a little: in colour, the strongest channel's edge
        counts.
        Dalal and Triggs, "Histograms of Oriented Gradients for Human Detection", trained as in King,
        "Max-Margin Object Detection"; the model comes inside dlib.

        Args:
            threshold: Faces scoring below are left out; negative also gives what the detector wouldn't call
                one.
        """
        return self._detect(image, 0, threshold)

    def detect_small(self, image: NDArray[np.uint8]) -> list[Face]:
        """As `detect` on the image at twice its size: faces from about 40 pixels, at four times the cost."""
        return self._detect(image, 1, 0.0)

    def landmarks(self, frame: NDArray[np.uint8], face: Face) -> dlib.full_object_detection:
        """Five points: the corners of both eyes, and where the nose ends above the lip."""
        return self._landmarks(frame, face.rectangle)

    def chip(self, frame: NDArray[np.uint8], landmarks: dlib.full_object_detection) -> NDArray[np.uint8]:
        """That face cut out, upright and centred: uint8 RGB (150, 150, 3)."""
        return np.asarray(dlib.get_face_chip(frame, landmarks, size=CHIP, padding=_PADDING), np.uint8)

    def _detect(self, image: NDArray[np.uint8], upsampling: int, threshold: float) -> list[Face]:
        rectangles, scores, _ = self._detector.run(image, upsampling, threshold)
        faces = [Face(rectangle, float(score)) for rectangle, score in zip(rectangles, scores, strict=True)]
        # The detector knows few sizes, so two faces are often equally large: then the clearer one.
        return sorted(faces, key=lambda face: (face.rectangle.area(), face.score), reverse=True)
