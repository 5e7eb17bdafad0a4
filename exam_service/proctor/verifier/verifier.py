"""One picture in, one reading out."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import picture
from exam_service.proctor.verifier.detector import Detector, Face
from exam_service.proctor.verifier.network import Network
from exam_service.proctor.verifier.reading import Reading

MODEL = "dlib-resnet-v1"  # stored with every verdict; embeddings of different models are never compared


class Verifier:
    """Reads faces out of pictures; one per process, never shared between threads."""

    def __init__(self, cache_dir: Path) -> None:
        """`cache_dir` is where the network is kept between starts; nothing is loaded before `warm`."""
        self._cache_dir = cache_dir
        self._loaded: tuple[Detector, Network] | None = None

    def warm(self) -> None:
        """Loads detector and network, so that the first picture isn't the slow one; once is enough.

        Raises:
            FileNotFoundError: `face_recognition_models` isn't installed.
            ValueError: its weights aren't the known network.
            OSError: the cache can't be read or written.
        """
        self._parts()

    def read(self, jpeg: bytes) -> Reading:
        """What is seen in a frame of the camera, JPEG or PNG, fitted to within 640×480 first.

        Raises:
            UnreadableImage: the bytes can't be decoded, or would decode to more than 40 megapixels.
        """
        detector, network = self._parts()
        image = picture.decode(jpeg)
        frame = picture.fit(image)
        return _reading(image, frame, detector.detect(frame), detector, network)

    def read_photo(self, photo: bytes) -> Reading:
        """As `read`, for photos that were chosen rather than filmed (registration, enrolment, comparison).

        Where no face is found the frame is searched once more at twice its size: a full-length photo is worth
        the 70 ms, a frame of an empty chair every ten seconds is not.

        Raises:
            UnreadableImage: as for `read`.
        """
        detector, network = self._parts()
        image = picture.decode(photo)
        frame = picture.fit(image)
        faces = detector.detect(frame) or detector.detect_small(frame)
        return _reading(image, frame, faces, detector, network)

    def _parts(self) -> tuple[Detector, Network]:
        if self._loaded is None:
            cv2.setNumThreads(1)  # one worker a core: OpenCV's own threads would fight the other workers
            self._loaded = (Detector.open(), Network.open(self._cache_dir))
        return self._loaded


def _reading(
    image: NDArray[np.uint8],
    frame: NDArray[np.uint8],
    faces: list[Face],
    detector: Detector,
    network: Network,
) -> Reading:
    height, width = image.shape[:2]
    if not faces:
        return Reading(0, None, None, None, width, height)
    largest = faces[0]
    embedding = network.embed(detector.chip(frame, largest)[np.newaxis])[0]
    return Reading(len(faces), _box(largest, frame), largest.score, embedding, width, height)


def _box(face: Face, frame: NDArray[np.uint8]) -> tuple[int, int, int, int]:
    height, width = frame.shape[:2]
    rectangle = face.rectangle  # its right and bottom are the last pixels inside
    return (
        max(0, rectangle.left()),
        max(0, rectangle.top()),
        min(width, rectangle.right() + 1),
        min(height, rectangle.bottom() + 1),
    )
