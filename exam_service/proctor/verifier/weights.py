"""The files of `face_recognition_models`, and the numbers inside the one that holds the ResNet.

The package itself is never imported: its `__init__` needs `pkg_resources`, which new setuptools lack.
"""

import hashlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier.layout import EMBEDDING

RESNET = "dlib_face_recognition_resnet_model_v1.dat"
MMOD = "mmod_human_face_detector.dat"
# Five points, never the sixty-eight: those come from iBUG 300-W, whose licence forbids commercial use.
LANDMARKS = "shape_predictor_5_face_landmarks.dat"

_BLOCKS = 29
_FEATURES = 256
_MMOD_BLOCKS = 6
_EPSILON = 1e-4  # dlib's DEFAULT_BATCH_NORM_EPS


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A convolution and the affine layer after it (what is left of batch normalisation after training).

    Attributes:
        filters: float32 (filters, channels, rows, columns).
        bias: float32 (filters,).
        stride: pixels, the same both ways.
        padding: pixels of zeros on each side, the same both ways.
        gamma: float32 (filters,), the factor of the affine layer.
        beta: float32 (filters,), its offset.
    """

    filters: NDArray[np.float32]
    bias: NDArray[np.float32]
    stride: int
    padding: int
    gamma: NDArray[np.float32]
    beta: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """The network of dlib's `face_recognition_model_v1`, in forward order.

    Attributes:
        blocks: the 29 convolutions.
        projection: float32 (256, 128), the last layer, without a bias.
    """

    blocks: tuple[Block, ...]
    projection: NDArray[np.float32]


def model_file(name: str) -> Path:
    """Where `face_recognition_models` keeps the file of this name.

    Raises:
        FileNotFoundError: the package or the file isn't installed.
    """
    spec = importlib.util.find_spec("face_recognition_models")
    folders = (spec.submodule_search_locations if spec else None) or ()
    for folder in folders:
        path = Path(folder) / "models" / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"{name} is missing: install face_recognition_models==0.3.0")


def digest(data: bytes) -> str:
    """What tells one file of weights from another: SHA-256, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes) -> Weights:
    """The numbers of `dlib_face_recognition_resnet_model_v1.dat`, given as the file's bytes.

    Layout after dlib's `serialize.h` and `dnn/layers.h`. Between the layers lie empty gradients and cached
    outputs, which say nothing; each layer is found by the name dlib writes before it.

    Raises:
        ValueError: the file isn't that network.
    """
    reader = _Reader(data)
    blocks = tuple(_block(reader) for _ in range(_BLOCKS))
    _follow(blocks)
    return Weights(blocks, _projection(reader))


def parse_detector(data: bytes) -> tuple[Block, ...]:
    """The seven convolutions of `mmod_human_face_detector.dat`, given as the file's bytes.

    The network of dlib's `dnn_mmod_face_detection_ex.cpp`: three that halve the picture, three, and one that
    gives the score. It was stored while it could still be trained, so that batch normalisation stands where
    the ResNet has affine layers, and becomes one here.

    Raises:
        ValueError: the file isn't that network.
    """
    reader = _Reader(data)
    blocks = []
    for _ in range(_MMOD_BLOCKS):
        filters, bias, stride, padding = _convolution(reader)
        blocks.append(Block(filters, bias, stride, padding, *_normalisation(reader, len(filters))))
    filters, bias, stride, padding = _convolution(reader)
    blocks.append(Block(filters, bias, stride, padding, np.ones(1, np.float32), np.zeros(1, np.float32)))
    _follow(blocks)
    if filters.shape[0] != 1:
        raise ValueError("the last layer of the weights gives more than a score")
    return tuple(blocks)


class _Reader:
    """A place in a file that dlib wrote."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def seek_layer(self, name: str) -> None:
        """Goes to just behind the next layer of this name."""
        mark = bytes([1, len(name)]) + name.encode()  # a string is its length, as an integer, and its bytes
        found = self._data.find(mark, self._position)
        if found < 0:
            raise ValueError(f"the weights have no further layer {name}")
        self._position = found + len(mark)

    def integer(self) -> int:
        """A byte of sign (highest bit) and length (the rest), then as many bytes, little end first."""
        head = self._take(1)[0]
        value = int.from_bytes(self._take(head & 0x7F), "little")
        return -value if head & 0x80 else value

    def tensor(self) -> NDArray[np.float32]:
        """Version, four dimensions, raw little-endian floats."""
        version, *shape = (self.integer() for _ in range(5))
        if version != 2 or min(shape) < 1:  # noqa: PLR2004 - dlib's own number of this layout
            raise ValueError("a tensor of the weights is of an unknown layout")
        # Python's integers don't overflow, so a crafted shape asks for more bytes than there are, and fails.
        count = shape[0] * shape[1] * shape[2] * shape[3]
        return np.frombuffer(self._take(4 * count), "<f4").astype(np.float32).reshape(shape)

    def integers(self, count: int) -> Iterator[int]:
        return (self.integer() for _ in range(count))

    def _take(self, count: int) -> bytes:
        taken = self._data[self._position : self._position + count]
        if len(taken) < count:
            raise ValueError("the weights are cut short")
        self._position += count
        return taken


def _follow(blocks: Sequence[Block]) -> None:
    channels = 3  # RGB
    for block in blocks:
        if block.filters.shape[1] != channels:
            raise ValueError("the layers of the weights don't follow from one another")
        channels = block.filters.shape[0]


def _convolution(reader: _Reader) -> tuple[NDArray[np.float32], NDArray[np.float32], int, int]:
    """Filters, biases, stride and padding of the next one."""
    reader.seek_layer("con_4")
    parameters = reader.tensor().ravel()
    count, rows, columns, stride, stride_x, padding, padding_x = reader.integers(7)
    if count < 1 or rows < 1 or rows != columns or stride != stride_x or padding != padding_x:
        raise ValueError("a convolution of the weights isn't square")
    channels, rest = divmod(parameters.size - count, count * rows * columns)
    if channels < 1 or rest:
        raise ValueError("a convolution of the weights has the wrong number of parameters")
    filters, bias = np.split(parameters, [-count])  # the biases come behind the filters
    return filters.reshape(count, channels, rows, columns), bias, stride, padding


def _normalisation(reader: _Reader, count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Batch normalisation by what it had learnt of mean and variance, as a factor and an offset."""
    reader.seek_layer("bn_con2")
    learnt = reader.tensor().ravel()
    list(reader.integers(2 * 5))  # where gamma and beta lie in it: one behind the other
    _, _, means, variances = (reader.tensor().ravel() for _ in range(4))
    if not learnt.size == 2 * count == 2 * means.size == 2 * variances.size:
        raise ValueError("a normalisation of the weights has the wrong number of parameters")
    gamma, beta = np.split(learnt.astype(np.float64), 2)
    factor = gamma / np.sqrt(variances.astype(np.float64) + _EPSILON)
    return factor.astype(np.float32), (beta - means * factor).astype(np.float32)


def _block(reader: _Reader) -> Block:
    filters, bias, stride, padding = _convolution(reader)
    count = len(filters)
    reader.seek_layer("affine_")
    affine = reader.tensor().ravel()
    if affine.size != 2 * count:
        raise ValueError("an affine layer of the weights has the wrong number of parameters")
    gamma, beta = np.split(affine, 2)
    return Block(filters, bias, stride, padding, gamma, beta)


def _projection(reader: _Reader) -> NDArray[np.float32]:
    reader.seek_layer("fc_2")
    outputs, inputs = reader.integers(2)
    matrix = reader.tensor()
    if (outputs, inputs, matrix.size) != (EMBEDDING, _FEATURES, EMBEDDING * _FEATURES):
        raise ValueError("the last layer of the weights isn't 256 to 128")
    return matrix.reshape(_FEATURES, EMBEDDING)
