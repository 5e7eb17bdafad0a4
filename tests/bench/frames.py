"""Camera frames made out of photographs: what a proctored physician's camera would send, without one."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier.detector import Detector
from exam_service.proctor.verifier.picture import FRAME_HEIGHT, FRAME_WIDTH, decode, fit

PICTURES = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "faces"

# Who is to be seen, from left to right.
_PHOTOS = {
    "alex-lacamoire.png": ("lacamoire",),
    "alex-lacamoire2.jpg": ("lacamoire",),
    "alex_lacamoire1.jpg": ("lacamoire",),
    "biden.jpg": ("biden",),
    "biden2.jpg": ("biden",),
    "kit-harington1.jpg": ("harington",),
    "kit-harington2.jpg": ("harington",),
    "kit_with_rose.jpg": ("leslie", "harington"),
    "lin-manuel-miranda.png": ("miranda",),
    "obama.jpg": ("obama",),
    "obama2.jpg": ("obama",),
    "obama3.jpg": ("obama",),
    "obama_and_biden.jpg": ("biden", "obama"),
    "rose-leslie1.jpg": ("leslie",),
    "rose-leslie2.jpg": ("leslie",),
    "two_people.jpg": ("obama", "biden"),
}
_CLIP = "short_hamilton_clip.mp4"
# Numbers of the clip's frames, and whose face they show largest; the second is a man in the audience.
_CLIP_FRAMES = {**dict.fromkeys((90, 140, 155, 205), "miranda"), **dict.fromkeys((235, 240), "spectator")}
_HOPPER = "mpl-data/sample_data/grace_hopper.jpg"  # public domain, comes with matplotlib


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face to point a camera at: whose, in which picture (RGB), its centre and width in pixels there."""

    person: str
    picture: NDArray[np.uint8]
    centre: tuple[float, float]
    width: float


def portraits() -> list[Portrait]:
    """Every face of the known pictures; empty without the pictures."""
    if not PICTURES.is_dir():
        return []
    detector = Detector.open()
    found = [
        portrait
        for name, people in _PHOTOS.items()
        for portrait in _faces(detector, decode((PICTURES / name).read_bytes()), people)
    ]
    clip = cv2.VideoCapture(str(PICTURES / _CLIP))
    for number, person in _CLIP_FRAMES.items():
        clip.set(cv2.CAP_PROP_POS_FRAMES, number)
        read, image = clip.read()
        if read:
            found += _faces(detector, np.asarray(image[..., ::-1], np.uint8), (person,))
    matplotlib = find_spec("matplotlib")
    for folder in (matplotlib.submodule_search_locations if matplotlib else None) or ():
        found += _faces(detector, decode((Path(folder) / _HOPPER).read_bytes()), ("hopper",))
    return found


def frames(of: list[Portrait], count: int, seed: int) -> list[tuple[str, bytes]]:
    """`count` distinct 640×480 JPEG frames with whom each is of, shuffled; everybody is in equally many.

    Distance, place, side, light, noise and compression vary as they do before a laptop or a phone on a stand.
    """
    chance = np.random.default_rng(seed)
    by_person: dict[str, list[Portrait]] = {}
    for portrait in of:
        by_person.setdefault(portrait.person, []).append(portrait)
    made: dict[bytes, str] = {}
    while len(made) < count:
        person = sorted(by_person)[len(made) % len(by_person)]
        mine = by_person[person]
        made[_frame(mine[chance.integers(len(mine))], chance)] = person
    shuffled = [(person, data) for data, person in made.items()]
    return [shuffled[index] for index in chance.permutation(count)]


def _faces(detector: Detector, picture: NDArray[np.uint8], people: tuple[str, ...]) -> list[Portrait]:
    frame = fit(picture)
    scale = picture.shape[1] / frame.shape[1]
    faces = detector.detect(frame)[: len(people)]
    if len(faces) < len(people):
        faces = detector.detect_small(frame)[: len(people)]
    boxes = sorted((face.rectangle for face in faces), key=lambda box: box.left())
    return [
        Portrait(
            person,
            picture,
            (box.center().x * scale, box.center().y * scale),
            box.width() * scale,
        )
        for person, box in zip(people, boxes, strict=True)
    ]


def _frame(portrait: Portrait, chance: np.random.Generator) -> bytes:
    scale = chance.uniform(95, 230) / portrait.width
    shrinks = scale < 1
    size = [round(side * scale) for side in portrait.picture.shape[1::-1]]
    scaled = cv2.resize(portrait.picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    x = chance.uniform(0.3, 0.7) * FRAME_WIDTH - portrait.centre[0] * scale
    y = chance.uniform(0.35, 0.6) * FRAME_HEIGHT - portrait.centre[1] * scale
    # Edges repeat outwards: mirrored ones would show a second face.
    seen = cv2.warpAffine(
        scaled,
        np.array([[1, 0, round(x)], [0, 1, round(y)]], np.float32),
        (FRAME_WIDTH, FRAME_HEIGHT),
        borderMode=cv2.BORDER_REPLICATE,
    )
    if chance.random() < 0.5:
        seen = seen[:, ::-1]
    lit = seen * chance.uniform(0.7, 1.25) + chance.uniform(-15, 15)
    noisy = lit + chance.normal(0, 3, seen.shape)
    image = noisy.clip(0, 255).astype(np.uint8)[..., ::-1]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(chance.integers(65, 90))])
    return data.tobytes()
