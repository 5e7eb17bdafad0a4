"""The embedding network: built once, kept as a file, run by onnxruntime."""

import hashlib
import tempfile
from pathlib import Path
from typing import Self

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from exam_service.proctor.verifier import weights
from exam_service.proctor.verifier.layout import CHIP, EMBEDDING, GRAPH_VERSION, INPUT, OUTPUT

_CHIP_SHAPE = (CHIP, CHIP, 3)
_CHECKSUM = hashlib.sha256().digest_size


class Network:
    """dlib's face ResNet without dlib: the same 128 numbers to 1e-5 in a tenth of the time."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session

    @classmethod
    def open(cls, cache_dir: Path) -> Self:
        """Loads the network from `cache_dir`, writing it there first when it is missing or damaged.

        Raises:
            FileNotFoundError: `face_recognition_models` isn't installed.
            ValueError: its weights aren't the known network.
            OSError: the cache can't be read or written.
        """
        return cls(session(cached(cache_dir, "resnet", weights.RESNET)))

    def embed(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Embeddings, float32 (n, 128), of aligned faces, uint8 (n, 150, 150, 3) RGB (see `Detector.chip`).

        Equal to dlib's `face_recognition_model_v1.compute_face_descriptor(chip)` without jitter, to 1e-5.

        Raises:
            ValueError: another shape or type.
        """
        if chips.dtype != np.uint8 or chips.ndim != 1 + len(_CHIP_SHAPE) or chips.shape[1:] != _CHIP_SHAPE:
            raise ValueError(f"chips are uint8 (n, 150, 150, 3), not {chips.dtype} {chips.shape}")
        if len(chips) == 0:
            return np.empty((0, EMBEDDING), np.float32)
        (embeddings,) = self._session.run([OUTPUT], {INPUT: chips})
        return np.asarray(embeddings, np.float32)


def session(model: bytes) -> onnxruntime.InferenceSession:
    """Made ready for one thread.

    One worker a core: threads of one network would only take the cores from the other workers. Everything
    else stays as onnxruntime has it; what was tried is in docs/decisions/0013.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def cached(cache_dir: Path, name: str, model_file: str) -> bytes:
    """The ONNX file of a network, from the cache where it holds it intact; else written there first.

    A cached file begins with the checksum of what follows: one flipped bit in a weight would load without a
    word and give every face slightly wrong numbers.
    """
    source = weights.model_file(model_file).read_bytes()
    path = cache_dir / f"{name}-{weights.digest(source)[:16]}-g{GRAPH_VERSION}.model"
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        kept = b""
    checksum, model = kept[:_CHECKSUM], kept[_CHECKSUM:]
    if hashlib.sha256(model).digest() == checksum:
        return model
    # Only here: the writer's library would cost every worker 40 MB.
    from exam_service.proctor.verifier import graph  # noqa: PLC0415

    if model_file == weights.MMOD:
        model = graph.write_detector(weights.parse_detector(source))
    else:
        model = graph.write(weights.parse(source))
    _replace(path, hashlib.sha256(model).digest() + model)
    return model


def _replace(path: Path, content: bytes) -> None:
    """Puts the file in place at once: of two workers writing together, either one's is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        written = Path(file.name)
        try:
            file.write(content)
            file.close()
            written.replace(path)
        except BaseException:
            written.unlink(missing_ok=True)
            raise
