"""How fast a frame is judged, against the stock `face_recognition` package on the same bytes.

    python -m tests.bench.proctor --json

One thread on one core, and its time on it (waiting for a busy machine isn't counted; on an idle one it is the
time that passes). The two take turns of eight frames, so that each has its own numbers in the processor's
caches as it has at work.

The frames are of proctored sittings, all people mixed together (see `frames.sittings`: heads move, half of
the cameras are held by hand, somebody comes, nobody is there, heads turn, the light goes out). The pipeline
is given of each person what a worker remembers: the last box and scene. A first frame, one after a doubt (not
exactly one face, or a poor picture) and every `WHOLE_EVERY`-th are searched whole. `pipeline_ms`
is the median over all frames, whole searches among them, `mean_ms` their mean, `cold_ms` the median when
every frame comes without a memory. The number of faces is compared with detection in colour at full size.
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
from time import thread_time
from typing import Any, ParamSpec, TypeVar

import dlib
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verification import WHOLE_EVERY
from exam_service.proctor.verifier import Quality, Reading, Verifier, weights
from exam_service.proctor.verifier.cascade import Cascade
from exam_service.proctor.verifier.detector import Detector, Face
from exam_service.proctor.verifier.network import Network
from exam_service.proctor.verifier.picture import decode, fit
from tests.bench.frames import PICTURES, Shot, portraits, sittings

P = ParamSpec("P")
T = TypeVar("T")

_STOCK = Path(__file__).resolve().parents[2] / "build" / "stock"
_INSTALL = (
    "the stock package isn't there; install it with\n"
    "  pip install --require-hashes --no-deps --target build/stock -r requirements/bench.txt"
)
_FRAMES = 240
_SEED = 1935
_STAGES = ("decode", "detect near", "detect whole", "landmarks+chip", "embed")
_BATCH = 8

# In a process of its own: this one holds the stock package's models and all the frames.
_WORKER = """
import sys
from pathlib import Path
from exam_service.proctor.verifier import Glance, Verifier
cache, *paths = map(Path, sys.argv[1:])
verifier = Verifier(cache)
glances = [Glance(path.read_bytes()) for path in paths]
for at in range(0, len(glances), 8):
    verifier.read_many(glances[at : at + 8])
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
    figures = _measure(stock, sittings(faces, arguments.frames, _SEED))
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


class _Memory:
    """What a worker remembers of each person: their last reading, and when a frame was searched whole."""

    def __init__(self) -> None:
        self._readings: dict[str, Reading] = {}
        self._since_whole: dict[str, int] = {}

    def of(self, person: str) -> dict[str, Any]:
        """What `Verifier.read` is told beside the picture."""
        last = self._readings.get(person)
        if last is None:
            return {}
        doubt = last.faces != 1 or last.quality is not Quality.FINE
        due = self._since_whole[person] >= WHOLE_EVERY - 1
        return {"last_box": None if doubt or due else last.box, "last_scene": last.scene}

    def keep(self, person: str, reading: Reading) -> None:
        self._readings[person] = reading
        self._since_whole[person] = 0 if reading.whole else self._since_whole.get(person, 0) + 1


def _measure(stock: Any, shots: list[Shot]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) / "cache"
        rss = _resident(cache, Path(folder), [shot.data for shot in shots])
        verifier = Verifier(cache)
        verifier.warm()
        detector, network = Detector.open(), Network.open(cache)
    for shot in shots[:5]:
        verifier.read(shot.data)
        _stock_faces(stock, shot.data)

    memory = _Memory()
    readings, ours, theirs, cold, stock_counts = [], [], [], [], []
    for turn in (shots[at : at + _BATCH] for at in range(0, len(shots), _BATCH)):
        for shot in turn:
            reading, seconds = _timed(verifier.read, shot.data, **memory.of(shot.person))
            memory.keep(shot.person, reading)
            readings.append(reading)
            ours.append(seconds)
        cold += [_timed(verifier.read, shot.data)[1] for shot in turn]
        for shot in turn:
            embeddings, seconds = _timed(_stock_faces, stock, shot.data)
            theirs.append(seconds)
            stock_counts.append(len(embeddings))

    counts = [reading.faces for reading in readings]
    full_size = [_full_size_count(detector, shot.data) for shot in shots]
    chips = [chip for shot in shots for chip in _chips(detector, shot.data)]
    stages = [
        _stages(detector, network, shot.data, reading) for shot, reading in zip(shots, readings, strict=True)
    ]
    pipeline_ms, stock_ms = 1e3 * float(np.median(ours)), 1e3 * float(np.median(theirs))
    return {
        "frames": len(shots),
        "people": len({shot.person for shot, count in zip(shots, counts, strict=True) if count}),
        "stock_ms": round(stock_ms, 2),
        "pipeline_ms": round(pipeline_ms, 2),
        "ratio": round(stock_ms / pipeline_ms, 2),
        "mean_ms": round(1e3 * float(np.mean(ours)), 2),
        "ratio_of_means": round(sum(theirs) / sum(ours), 2),
        "cold_ms": round(1e3 * float(np.median(cold)), 2),
        "whole_frame_share": round(float(np.mean([reading.whole for reading in readings])), 4),
        "face_count_agreement": _agreement(counts, full_size),
        "face_count_agreement_with_stock": _agreement(counts, stock_counts),
        "frames_without_face": counts.count(0),
        "frames_of_several": sum(count > 1 for count in counts),
        "several_said_of_one": sum(
            count > 1 and shot.event != "second" for shot, count in zip(shots, counts, strict=True)
        ),
        "poor_of_undisturbed": sum(
            reading.quality is not Quality.FINE and shot.event == "alone"
            for shot, reading in zip(shots, readings, strict=True)
        ),
        "embedding_max_diff": _largest_difference(network, chips),
        "stages_ms": {
            name: round(1e3 * float(np.median([stage[name] for stage in stages if name in stage])), 3)
            for name in _STAGES
        }
        | {"embed, of a batch of 8": round(_batched(network, chips), 3)},
        "frames_per_second_per_core": round(len(ours) / sum(ours), 1),
        "rss_mb": rss,
    }


def _timed(work: Callable[P, T], *given: P.args, **named: P.kwargs) -> tuple[T, float]:
    start = thread_time()
    result = work(*given, **named)
    return result, thread_time() - start


def _stock_faces(stock: Any, data: bytes) -> list[Any]:
    """What the package's own documentation does: load, locate, encode where located; all at its defaults."""
    image = stock.load_image_file(BytesIO(data))
    return list(stock.face_encodings(image, stock.face_locations(image)))


def _full_size_count(detector: Detector, data: bytes) -> int:
    return len(detector.detect(decode(data)))


def _chips(detector: Detector, data: bytes) -> list[NDArray[np.uint8]]:
    frame = fit(decode(data))
    return [_chip(detector, frame, face) for face in detector.detect(frame)]


def _agreement(ours: list[int], others: list[int]) -> float:
    return round(float(np.mean(np.equal(ours, others))), 4)


def _largest_difference(network: Network, chips: list[NDArray[np.uint8]]) -> float:
    """Between our embeddings and dlib's own forward pass on the same chips."""
    reference = dlib.face_recognition_model_v1(str(weights.model_file(weights.RESNET)))
    return max(
        float(np.abs(network.embed(chip[np.newaxis])[0] - reference.compute_face_descriptor(chip)).max())
        for chip in chips
    )


def _stages(detector: Detector, network: Network, data: bytes, reading: Reading) -> dict[str, float]:
    """Seconds of each step of `Verifier.read`; all but the first and third only where there is a face."""
    frame, decoding = _timed(decode, data)
    cascade = Cascade(detector)
    seen, searching = _timed(cascade.look, frame)
    seconds = {"decode": decoding, "detect whole": searching}
    if reading.box is not None:
        sight, near = _timed(cascade.look, frame, reading.box)
        if not sight.whole:
            seconds["detect near"] = near
    if seen.faces:
        chip, seconds["landmarks+chip"] = _timed(_chip, detector, frame, seen.faces[0])
        _, seconds["embed"] = _timed(network.embed, chip[np.newaxis])
    return seconds


def _chip(detector: Detector, frame: NDArray[np.uint8], face: Face) -> NDArray[np.uint8]:
    return detector.chip(frame, detector.landmarks(frame, face))


def _batched(network: Network, chips: list[NDArray[np.uint8]]) -> float:
    """Median milliseconds an embedding takes when eight are made together."""
    batches = [np.stack(chips[at : at + _BATCH]) for at in range(0, len(chips) - _BATCH + 1, _BATCH)]
    return 1e3 / _BATCH * float(np.median([_timed(network.embed, batch)[1] for batch in batches]))


def _resident(cache: Path, folder: Path, data: list[bytes]) -> float:
    """Megabytes of a process that holds a verifier and has read fifty frames in batches of eight."""
    Verifier(cache).warm()  # so that the process measured finds the network built, as a worker mostly does
    paths = [folder / f"{number}.jpg" for number in range(50)]
    for path, frame in zip(paths, data, strict=False):
        path.write_bytes(frame)
    existing = [str(path) for path in paths if path.exists()]
    command = [sys.executable, "-c", _WORKER, str(cache), *existing]
    return round(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 1024, 1)


if __name__ == "__main__":
    sys.exit(main())
