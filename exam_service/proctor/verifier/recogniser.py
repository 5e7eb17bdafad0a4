"""What tells faces apart: the one protocol that every recogniser keeps, and the shipped one."""

from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier.layout import EMBEDDING
from exam_service.proctor.verifier.network import Network
from exam_service.proctor.verifier.quality import Points
from exam_service.proctor.verifier.reading import distance

MODEL = "dlib-resnet@1"  # the shipped recogniser

# Up to the first it is the same person, from the second on it isn't: from few and western pairs, a start.
_MATCH, _MISMATCH = 0.45, 0.65


class Recogniser(Protocol):
    """From a face in a frame to numbers that are near for the same person. Blocking; one thread.

    Attributes:
        model: `name@version`, stored with every verdict and enrolment. Embeddings of different models are
            never compared, so whatever changes the numbers changes this.
        thresholds: distances: up to the first the same person, from the second on another.
    """

    @property
    def model(self) -> str: ...

    @property
    def thresholds(self) -> tuple[float, float]: ...

    def align(self, frame: NDArray[np.uint8], five: Points, chip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The face as the network wants to see it: uint8 RGB (height, width, 3).

        Args:
            frame: uint8 RGB.
            five: The landmarks in it, as `quality.points` gives them.
            chip: The face as `Detector.chip` cuts it.
        """
        ...

    def embed(self, aligned: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings, float32 (n, numbers), of what `align` gave, stacked to (n, height, width, 3)."""
        ...

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        """How far two embeddings of this model are apart, in its own metric; 0 for the same.

        Raises:
            ValueError: one isn't of this model's length.
        """
        ...


class DlibRecogniser:
    """dlib's face ResNet, as `face_recognition` has it."""

    model = MODEL
    thresholds = (_MATCH, _MISMATCH)

    def __init__(self, network: Network) -> None:
        self._network = network

    @classmethod
    def open(cls, cache_dir: Path) -> Self:
        """As `Network.open`."""
        return cls(Network.open(cache_dir))

    def align(
        self,
        frame: NDArray[np.uint8],  # noqa: ARG002 - dlib's chip is all it needs
        five: Points,  # noqa: ARG002
        chip: NDArray[np.uint8],
    ) -> NDArray[np.uint8]:
        return chip

    def embed(self, aligned: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self._network.embed(aligned)

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        if a.shape != (EMBEDDING,):
            raise ValueError(f"an embedding of shape {a.shape} isn't of {self.model}")
        return distance(a, b)
