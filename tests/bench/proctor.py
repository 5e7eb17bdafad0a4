"""How fast a frame is judged, against the stock `face_recognition` package on the same bytes.

    python -m tests.bench.proctor --json

One thread on one core. Frames alternate between the two, so that a busy machine slows both.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

import dlib
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier import Verifier, weights
from exam_service.proctor.verifier.detector import Detector
from exam_service.proctor.verifier.network import Network
from exam_service.proctor.verifier.picture import decode, fit
from tests.bench.frames import PICTURES, frames, portraits

P = ParamSpec("P")
T = TypeVar("T")

_STOCK = Path(__file__).resolve().parents[2] / "build" / "stock"
_INSTALL = (
    "the stock package isn't there; install it with\n"
    "  pip install --require-hashes --no-deps --target build/stock -r requirements/bench.txt"
)
_FRAMES = 240
_SEED = 1935
_STAGES = ("decode", "fit", "detect", "landmarks+chip", "embed")

# In a process of its own: this one holds the stock package's models and all the frames.
_WORKER = """
import sys
from pathlib import Path
from exam_service.proctor.verifier import Verifier
cache, *paths = map(Path, sys.argv[1:])
verifier = Verifier(cache)
for path in paths:
    verifier.read(path.read_bytes())
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")))
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--frames", type=int, default=_FRAMES, help="how many frames (default %(default)s)")
    arguments = parser.parse_args()
    # Before anything starts a thread: one core for either side, whatever its libraries would take.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    stock = _stock()
    if stock is None:
        print(_INSTALL, file=sys.stderr)
        return 2
    faces = portraits()
    if not faces:
        print(f"skipped: the pictures of {os.path.relpath(PICTURES)} aren't there", file=sys.stderr)
        return 0
    figures = _measure(stock, frames(faces, arguments.frames, _SEED))
    if arguments.json:
        print(json.dumps(figures, indent=2))
    else:
        for name, value in figures.items():
            print(f"{name:32} {value}")
    return 0


def _stock() -> Any:
    """The stock package, or None. Its folder comes first, for the sake of the old setuptools inside."""
    if _STOCK.is_dir():
        sys.path.insert(0, str(_STOCK))
    try:
        return importlib.import_module("face_recognition")
    except ImportError:
        return None


def _measure(stock: Any, shown: list[tuple[str, bytes]]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        rss = _resident(cache, Path(folder), [data for _, data in shown])
        verifier = Verifier(cache)
        verifier.warm()
        detector, network = Detector.open(), Network.open(cache)
    for _, data in shown[:5]:
        verifier.read(data)
        _stock_faces(stock, data)

    ours, theirs, counts, stock_counts = [], [], [], []
    for _, data in shown:
        reading, seconds = _timed(verifier.read, data)
        ours.append(seconds)
        counts.append(reading.faces)
        embeddings, seconds = _timed(_stock_faces, stock, data)
        theirs.append(seconds)
        stock_counts.append(len(embeddings))

    full_size = [_full_size_count(detector, data) for _, data in shown]
    chips = [chip for _, data in shown for chip in _chips(detector, data)]
    stages = [_stages(detector, network, data) for _, data in shown]
    pipeline_ms, stock_ms = 1e3 * float(np.median(ours)), 1e3 * float(np.median(theirs))
    return {
        "frames": len(shown),
        "people": len({person for (person, _), count in zip(shown, counts, strict=True) if count}),
        "stock_ms": round(stock_ms, 2),
        "pipeline_ms": round(pipeline_ms, 2),
        "ratio": round(stock_ms / pipeline_ms, 2),
        "face_count_agreement": _agreement(counts, full_size),
        "face_count_agreement_with_stock": _agreement(counts, stock_counts),
        "frames_without_face": counts.count(0),
        "embedding_max_diff": _largest_difference(network, chips),
        "stages_ms": {
            name: round(1e3 * float(np.median([stage[name] for stage in stages if name in stage])), 3)
            for name in _STAGES
        },
        "frames_per_second_per_core": round(len(ours) / sum(ours), 1),
        "rss_mb": rss,
    }


def _timed(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> tuple[T, float]:
    start = perf_counter()
    result = work(*given, **named)
    return result, perf_counter() - start


def _stock_faces(stock: Any, data: bytes) -> list[Any]:
    """What the package's own documentation does: load, locate, encode where located; all at its defaults."""
    image = stock.load_image_file(BytesIO(data))
    return list(stock.face_encodings(image, stock.face_locations(image)))


def _full_size_count(detector: Detector, data: bytes) -> int:
    return len(detector.detect(decode(data)))


def _chips(detector: Detector, data: bytes) -> list[NDArray[np.uint8]]:
    frame = fit(decode(data))
    return [detector.chip(frame, face) for face in detector.detect(frame)]


def _agreement(ours: list[int], others: list[int]) -> float:
    return round(float(np.mean(np.equal(ours, others))), 4)


def _largest_difference(network: Network, chips: list[NDArray[np.uint8]]) -> float:
    """Between our embeddings and dlib's own forward pass on the same chips."""
    reference = dlib.face_recognition_model_v1(str(weights.model_file(weights.RESNET)))
    return max(
        float(np.abs(network.embed(chip[np.newaxis])[0] - reference.compute_face_descriptor(chip)).max())
        for chip in chips
    )


def _stages(detector: Detector, network: Network, data: bytes) -> dict[str, float]:
    """Seconds of each step of `Verifier.read`; the last two only where there is a face."""
    image, decoding = _timed(decode, data)
    frame, fitting = _timed(fit, image)
    faces, detecting = _timed(detector.detect, frame)
    seconds = {"decode": decoding, "fit": fitting, "detect": detecting}
    if faces:
        chip, seconds["landmarks+chip"] = _timed(detector.chip, frame, faces[0])
        _, seconds["embed"] = _timed(network.embed, chip[np.newaxis])
    return seconds


def _resident(cache: Path, folder: Path, data: list[bytes]) -> float:
    """Megabytes of a process that holds a verifier and has read fifty frames."""
    Verifier(cache).warm()  # so that the process measured finds the network built, as a worker mostly does
    paths = [folder / f"{number}.jpg" for number in range(50)]
    for path, frame in zip(paths, data, strict=False):
        path.write_bytes(frame)
    existing = [str(path) for path in paths if path.exists()]
    command = [sys.executable, "-c", _WORKER, str(cache), *existing]
    return round(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024, 1)


if __name__ == "__main__":
    sys.exit(main())
