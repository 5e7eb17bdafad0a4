"""An operator's own recogniser: an ONNX network, and a TOML beside it that says how it wants to be used.

    name = "sface"
    version = "2021dec"
    file = "face_recognition_sface_2021dec.onnx"     # relative to the TOML
    sha256 = "…"                                     # of that file

    [input]
    width = 112
    height = 112
    channels = "RGB"                                 # or BGR
    layout = "NCHW"                                  # or NHWC
    mean = [127.5, 127.5, 127.5]                     # subtracted, in the order of `channels`
    scale = 127.5                                    # then divided by
    template = "arcface"                             # or "dlib", or five [x, y] in pixels of the input

    [output]
    name = "embedding"                               # the first output without it
    size = 512

    [distance]
    metric = "cosine"                                # or euclidean
    normalise = true                                 # each embedding to length 1 first
    match = 0.45
    mismatch = 0.65

Every key but `output.name` is needed: a wrong guess would give numbers that look right and aren't. The model
is stored as `name@version+` and a fingerprint of all that changes the numbers, so that embeddings made
differently are never compared even if the version was forgotten; other thresholds alone keep the model.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, Self

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from exam_service.proctor.verifier.network import session
from exam_service.proctor.verifier.quality import Points

# Where ArcFace-kind networks expect, in 112×112 pixels, the eye on the left of the picture, the other one and
# the tip of the nose (Deng et al., "ArcFace", 2019, as its reference alignment has them; dlib's five points
# lack the corners of the mouth).
_ARCFACE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366))
_ARCFACE_SIDE = 112
# dlib's fifth point is where the nose meets the lip, and not its tip: so much further from the eyes.
_NOSE_END = 1.18

_POINTS = 5
_CHANNELS = 3
_LARGEST_SIDE = 1024
_LARGEST_OUTPUT = 8192


class BadRecogniser(ValueError):
    """The TOML or the network it names can't be used; the message, for an operator, names the key."""


class OwnRecogniser:
    """What a TOML describes; keeps the protocol of `recogniser.Recogniser`."""

    def __init__(self, description: "_Description", network: onnxruntime.InferenceSession) -> None:
        self._is = description
        self._network = network
        self.model = f"{description.name}@{description.version}+{description.fingerprint}"
        self.thresholds = (description.match, description.mismatch)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Reads the TOML, loads the network and runs it once.

        Raises:
            BadRecogniser: something about either is wrong.
        """
        description = _Description(path)
        try:
            recogniser = cls(description, session(description.network))
            blank = np.zeros((1, description.height, description.width, _CHANNELS), np.uint8)
            recogniser.embed(blank)
        except BadRecogniser:
            raise
        except Exception as error:  # onnxruntime raises what it likes, its own kinds among them
            raise BadRecogniser(f"{path}: the network of `file` doesn't run as described: {error}") from error
        return recogniser

    def align(self, frame: NDArray[np.uint8], five: Points, chip: NDArray[np.uint8]) -> NDArray[np.uint8]:
        size = (self._is.width, self._is.height)
        if self._is.template is None:
            return np.asarray(cv2.resize(chip, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix = similarity(_seen(five, len(self._is.template)), self._is.template)
        return np.asarray(cv2.warpAffine(frame, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)

    def embed(self, aligned: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(aligned) == 0:
            return np.empty((0, self._is.outputs), np.float32)
        pixels = aligned[..., ::-1] if self._is.channels == "BGR" else aligned
        values = (pixels.astype(np.float32) - self._is.mean) / np.float32(self._is.scale)
        if self._is.layout == "NCHW":
            values = values.transpose(0, 3, 1, 2)
        # One by one: many networks are written for a batch of one.
        rows = [self._run(np.ascontiguousarray(value[np.newaxis])) for value in values]
        return np.stack(rows)

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        expected = (self._is.outputs,)
        if a.shape != expected or b.shape != expected:
            raise ValueError(f"embeddings of shapes {a.shape} and {b.shape} aren't of {self.model}")
        one, other = a.astype(np.float64), b.astype(np.float64)
        if self._is.metric == "euclidean":
            return float(np.linalg.norm(one - other))
        lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
        return 1.0 - float(one @ other) / lengths if lengths else 1.0

    def _run(self, value: NDArray[np.float32]) -> NDArray[np.float32]:
        name = self._network.get_inputs()[0].name
        outputs = [self._is.output] if self._is.output else None
        embedding = np.asarray(self._network.run(outputs, {name: value})[0], np.float32).ravel()
        if embedding.size != self._is.outputs:
            raise BadRecogniser(f"`output.size` is {self._is.outputs}, the network gives {embedding.size}")
        length = float(np.linalg.norm(embedding))
        return embedding / np.float32(length) if self._is.normalise and length else embedding


def similarity(points: Points, template: Points) -> Points:
    """The turn, scale and shift, float64 (2, 3), that lays `points` on `template` with the least squares.

    Both are (n, 2). Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point
    Patterns", 1991: in the plane it is one complex number and needs no decomposition.
    """
    from_middle, to_middle = points.mean(axis=0), template.mean(axis=0)
    start = (points - from_middle) @ np.array([1, 1j])
    end = (template - to_middle) @ np.array([1, 1j])
    spread = float(np.sum(np.abs(start) ** 2))
    turn = complex(np.sum(np.conj(start) * end)) / spread if spread else 1 + 0j
    rotation = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([rotation, to_middle - rotation @ from_middle])


def _seen(five: Points, count: int) -> Points:
    """The landmarks as a template of three means them, or all five for one of five."""
    if count == _POINTS:
        return five
    left, right = five[2:4].mean(axis=0), five[:2].mean(axis=0)  # as they stand in the picture
    return np.array([left, right, five[4]])


class _Description:
    """The TOML, every key looked at."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadRecogniser(f"{path}: can't be read as TOML: {error}") from error
        known = {"name", "version", "file", "sha256", "input", "output", "distance"}
        for key in content.keys() - known:
            self._refuse(key, "is unknown")
        self.name, self.version = self._text(content, "name"), self._text(content, "version")
        self.network = self._file(content)
        self._read_input(self._table(content, "input"))
        output = self._table(content, "output")
        self.output = self._text(output, "output.name") if "name" in output else None
        self.outputs = self._whole(output, "output.size", _LARGEST_OUTPUT)
        distance = self._table(content, "distance")
        self.metric = self._one_of(distance, "distance.metric", ("euclidean", "cosine"))
        self.normalise: bool = self._value(distance, "distance.normalise", bool)
        self.match = self._number(distance, "distance.match")
        self.mismatch = self._number(distance, "distance.mismatch")
        if not 0 < self.match <= self.mismatch:
            self._refuse("distance.match", "must be above 0 and not above `distance.mismatch`")
        self.fingerprint = self._fingerprint(content)

    def _fingerprint(self, content: Mapping[str, Any]) -> str:
        """Eight digits that change with whatever changes the numbers, even if the version was left alone."""
        parts = (content["sha256"].lower(), content["input"], content["output"], self.metric, self.normalise)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:8]

    def _read_input(self, table: Mapping[str, Any]) -> None:
        self.width = self._whole(table, "input.width", _LARGEST_SIDE)
        self.height = self._whole(table, "input.height", _LARGEST_SIDE)
        self.channels = self._one_of(table, "input.channels", ("RGB", "BGR"))
        self.layout = self._one_of(table, "input.layout", ("NCHW", "NHWC"))
        self.mean = self._numbers(table, "input.mean", (_CHANNELS,)).astype(np.float32)
        self.scale = self._number(table, "input.scale")
        if self.scale == 0:
            self._refuse("input.scale", "must not be 0")
        self.template = self._template(table)

    def _template(self, table: Mapping[str, Any]) -> Points | None:
        """Where the points go in the input; None for dlib's own chip, which is scaled."""
        named = table.get("template")
        if named == "dlib":
            return None
        if named == "arcface":
            eyes_and_nose = np.array(_ARCFACE)
            eyes = eyes_and_nose[:2].mean(axis=0)
            eyes_and_nose[2] = eyes + _NOSE_END * (eyes_and_nose[2] - eyes)
            return np.asarray(eyes_and_nose * (self.width, self.height) / _ARCFACE_SIDE)
        if isinstance(named, str):
            self._refuse("input.template", "must be arcface, dlib, or five points [x, y]")
        return self._numbers(table, "input.template", (_POINTS, 2))

    def _file(self, content: Mapping[str, Any]) -> bytes:
        path = self._path.parent / self._text(content, "file")
        try:
            network = path.read_bytes()
        except OSError as error:
            self._refuse("file", f"can't be read: {error}")
        if hashlib.sha256(network).hexdigest() != self._text(content, "sha256").lower():
            self._refuse("sha256", f"isn't that of {path.name}")
        return network

    def _table(self, content: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        table: Mapping[str, Any] = self._value(content, key, dict)
        known = {
            "input": {"width", "height", "channels", "layout", "mean", "scale", "template"},
            "output": {"name", "size"},
            "distance": {"metric", "normalise", "match", "mismatch"},
        }
        for extra in table.keys() - known[key]:
            self._refuse(f"{key}.{extra}", "is unknown")
        return table

    def _text(self, table: Mapping[str, Any], key: str) -> str:
        text: str = self._value(table, key, str)
        if not text or "@" in text:
            self._refuse(key, "must not be empty and has no @")
        return text

    def _one_of(self, table: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
        chosen: str = self._value(table, key, str)
        if chosen not in choices:
            self._refuse(key, f"must be one of {', '.join(choices)}")
        return chosen

    def _whole(self, table: Mapping[str, Any], key: str, most: int) -> int:
        number = self._value(table, key, int)
        if isinstance(number, bool) or not 1 <= number <= most:
            self._refuse(key, f"must be from 1 to {most}")
        return int(number)

    def _number(self, table: Mapping[str, Any], key: str) -> float:
        return float(self._numbers(table, key, ()))

    def _numbers(self, table: Mapping[str, Any], key: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
        given = self._value(table, key, object)
        try:
            numbers = np.array(given, np.float64)
        except (TypeError, ValueError):
            self._refuse(key, "must be numbers")
        if numbers.shape != shape or not np.isfinite(numbers).all():
            self._refuse(key, f"must be {'×'.join(map(str, shape)) or 'one'} finite number(s)")
        return numbers

    def _value(self, table: Mapping[str, Any], key: str, kind: type) -> Any:
        name = key.rpartition(".")[2]
        if name not in table:
            self._refuse(key, "is missing")
        if not isinstance(table[name], kind):
            self._refuse(key, f"must be a {kind.__name__}")
        return table[name]

    def _refuse(self, key: str, why: str) -> NoReturn:
        raise BadRecogniser(f"{self._path}: `{key}` {why}")
