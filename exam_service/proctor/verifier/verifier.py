"""Pictures in, readings out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import picture, quality, scene
from exam_service.proctor.verifier.cascade import Cascade, Sight
from exam_service.proctor.verifier.detector import Detector, Face
from exam_service.proctor.verifier.own_recogniser import OwnRecogniser
from exam_service.proctor.verifier.patient import PatientDetector
from exam_service.proctor.verifier.reading import Box, Quality, Reading
from exam_service.proctor.verifier.recogniser import DlibRecogniser, Recogniser
from exam_service.proctor.verifier.unreadable import UnreadableImage

# A face that was turned away is still somebody's; of the other poor ones the numbers would mean nothing.
_COMPARABLE = frozenset({Quality.FINE, Quality.TURNED_AWAY})


@dataclass(frozen=True, slots=True, eq=False)
class Glance:
    """A frame of the camera to be read, and what is remembered of the one before.

    Attributes:
        picture: JPEG or PNG bytes.
        last_box: `Reading.box` of the frame before; None searches the whole frame, which is right for a first
            frame, every k-th, and after a doubt.
        last_scene: `Reading.scene` of the frame before. With it, a change beside the sitter has the whole
            frame searched at once; without it that waits for the k-th.
    """

    picture: bytes
    last_box: Box | None = None
    last_scene: NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    detector: Detector
    cascade: Cascade
    recogniser: Recogniser


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """A frame that has been searched; `size` is of the picture before it was fitted."""

    size: tuple[int, int]
    frame: NDArray[np.uint8]
    sight: Sight
    last_scene: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A reading that lacks its embedding, and the face it is to be made from, if it is to have one."""

    reading: Reading
    aligned: NDArray[np.uint8] | None


class Verifier:
    """Reads faces out of pictures; one per process, never shared between threads."""

    def __init__(self, cache_dir: Path, recogniser: Path | None = None) -> None:
        """Nothing is loaded before `warm`.

        Args:
            cache_dir: Where the shipped network is kept between starts.
            recogniser: The TOML of an operator's own, see `own_recogniser.py`; None takes the shipped one.
        """
        self._cache_dir = cache_dir
        self._recogniser = recogniser
        self._patient: PatientDetector | None = None
        self._loaded: _Parts | None = None

    @property
    def model(self) -> str:
        """What makes the embeddings, `name@version`; loads it if need be."""
        return self._parts().recogniser.model

    @property
    def thresholds(self) -> tuple[float, float]:
        """The recogniser's own: match up to the first distance, mismatch from the second on."""
        return self._parts().recogniser.thresholds

    def warm(self) -> None:
        """Loads detector and network, so that the first picture isn't the slow one; once is enough.

        Raises:
            FileNotFoundError: `face_recognition_models` isn't installed.
            ValueError: its weights aren't the known network.
            BadRecogniser: the operator's own can't be used.
            OSError: the cache can't be read or written.
        """
        self._parts()

    def read(
        self, jpeg: bytes, last_box: Box | None = None, last_scene: NDArray[np.uint8] | None = None
    ) -> Reading:
        """What is seen in a frame of the camera, JPEG or PNG, fitted to within 640×480 first; see `Glance`.

        Raises:
            UnreadableImage: the bytes can't be decoded, or would decode to more than 40 megapixels.
        """
        looked = self._looked(Glance(jpeg, last_box, last_scene))
        return self._embedded([self._described(looked, _COMPARABLE)])[0]

    def read_many(self, glances: Sequence[Glance]) -> list[Reading | UnreadableImage]:
        """As `read` of each, in the order given.

        The embeddings are made together at the end: the network's twenty megabytes and the landmarks' nine
        drive each other out of the processor's caches. What can't be read stands as its error in its place:
        the others are none the worse for it.
        """
        seen: list[_Seen | UnreadableImage] = []
        for glance in glances:
            try:
                seen.append(self._described(self._looked(glance), _COMPARABLE))
            except UnreadableImage as unreadable:
                seen.append(unreadable)
        readings = iter(self._embedded([each for each in seen if isinstance(each, _Seen)]))
        return [each if isinstance(each, UnreadableImage) else next(readings) for each in seen]

    def read_photo(self, photo: bytes) -> Reading:
        """As `read`, for photos that were chosen rather than filmed (registration, enrolment, comparison).

        Where no face is found the frame is searched once more at twice its size: a full-length photo is worth
        the 70 ms, a frame of an empty chair every ten seconds is not. The embedding is given whatever the
        quality: a person has accepted the photo, and it is the only one there is.

        Raises:
            UnreadableImage: as for `read`.
        """
        return self._closely(photo, self._parts().detector.detect_small, comparable=frozenset(Quality))

    def look_harder(self, jpeg: bytes) -> Reading:
        """As `read` of the whole frame, and where nobody is seen dlib's detecting network looks too: it knows
        faces behind a hand and far turned. Only for the frame that would complete an absence: 40 to 100 ms,
        and the network is loaded at the first.

        Raises:
            UnreadableImage: as for `read`.
        """
        if self._patient is None:
            self._patient = PatientDetector.open(self._cache_dir)
        return self._closely(jpeg, self._patient.detect, comparable=_COMPARABLE)

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        """How far two embeddings of `model` are apart, in its metric.

        Raises:
            ValueError: one isn't of this model's length. (Which model it is of, its numbers can't say:
                whoever stores embeddings stores `model` with them, and reads them by it.)
        """
        return self._parts().recogniser.distance(a, b)

    def _parts(self) -> _Parts:
        if self._loaded is None:
            cv2.setNumThreads(1)  # one worker a core: OpenCV's own threads would fight the other workers
            detector = Detector.open()
            self._loaded = _Parts(detector, Cascade(detector), self._open_recogniser())
        return self._loaded

    def _open_recogniser(self) -> Recogniser:
        if self._recogniser is None:
            return DlibRecogniser.open(self._cache_dir)
        return OwnRecogniser.open(self._recogniser)

    def _looked(self, glance: Glance) -> _Looked:
        image = picture.decode(glance.picture)
        frame = picture.fit(image)
        sight = self._parts().cascade.look(frame, glance.last_box, glance.last_scene)
        return _Looked((image.shape[1], image.shape[0]), frame, sight, glance.last_scene)

    def _closely(
        self,
        photo: bytes,
        second_look: Callable[[NDArray[np.uint8]], list[Face]],
        comparable: frozenset[Quality],
    ) -> Reading:
        looked = self._looked(Glance(photo))
        if not looked.sight.faces:
            looked = replace(looked, sight=replace(looked.sight, faces=second_look(looked.frame)))
        return self._embedded([self._described(looked, comparable)])[0]

    def _described(self, looked: _Looked, comparable: frozenset[Quality]) -> _Seen:
        frame, sight = looked.frame, looked.sight
        reading = Reading(
            faces=len(sight.faces),
            box=None,
            score=None,
            embedding=None,
            width=looked.size[0],
            height=looked.size[1],
            look=scene.look(sight.cells),
            scene=sight.cells if sight.whole else looked.last_scene,
            whole=sight.whole,
        )
        if not sight.faces:
            return _Seen(replace(reading, quality=quality.quality_of_nobody(sight.cells)), None)
        parts, largest = self._parts(), sight.faces[0]
        landmarks = parts.detector.landmarks(frame, largest)
        chip = parts.detector.chip(frame, landmarks)
        five = quality.points(landmarks)
        size = frame.shape[1], frame.shape[0]
        reading = replace(
            reading,
            box=_box(largest, size),
            score=largest.score,
            quality=quality.quality_of_face(chip, five, largest.rectangle, size),
            yaw=quality.yaw_of(five),
        )
        is_comparable = reading.quality in comparable
        return _Seen(reading, parts.recogniser.align(frame, five, chip) if is_comparable else None)

    def _embedded(self, seen: Sequence[_Seen]) -> list[Reading]:
        aligned = [each.aligned for each in seen if each.aligned is not None]
        embeddings = iter(self._parts().recogniser.embed(np.stack(aligned)) if aligned else ())
        return [
            each.reading if each.aligned is None else replace(each.reading, embedding=next(embeddings))
            for each in seen
        ]


def _box(face: Face, size: tuple[int, int]) -> Box:
    width, height = size
    rectangle = face.rectangle  # its right and bottom are the last pixels inside
    return (
        max(0, rectangle.left()),
        max(0, rectangle.top()),
        min(width, rectangle.right() + 1),
        min(height, rectangle.bottom() + 1),
    )
