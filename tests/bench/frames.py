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
_IN_THE_DARK = (
    "spectator"  # sits in a dark hall and is lightened; of the others nobody takes him for a visitor
)
_HOPPER = "mpl-data/sample_data/grace_hopper.jpg"  # public domain, comes with matplotlib


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A face to point a camera at: whose, in which picture (RGB), its centre and width in pixels there.

    `alone` says that nobody else is in the picture.
    """

    person: str
    picture: NDArray[np.uint8]
    centre: tuple[float, float]
    width: float
    alone: bool


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
            if person == _IN_THE_DARK:
                image = cv2.convertScaleAbs(image, alpha=2.5)
            found += _faces(detector, np.ascontiguousarray(image[..., ::-1], np.uint8), (person,))
    matplotlib = find_spec("matplotlib")
    for folder in (matplotlib.submodule_search_locations if matplotlib else None) or ():
        found += _faces(detector, decode((Path(folder) / _HOPPER).read_bytes()), ("hopper",))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """A frame of a sitting: who sits there, what happens in it, and its JPEG bytes."""

    person: str
    event: str
    data: bytes


def sittings(of: list[Portrait], count: int, seed: int) -> list[Shot]:
    """`count` distinct 640×480 JPEG frames of proctored sittings, of all people mixed together.

    Everybody sits for equally many frames before one camera in one room, whose place, distance, side, light
    and compression stay; half hold a phone, so that the whole picture moves, the others' camera stands. From
    one frame to the next, ten seconds later, the head moves by a few hundredths of its width, sometimes by a
    third, and comes nearer or goes back. In some frames somebody else comes (for three frames together, their
    face 85 to 150 pixels wide), nobody is there, the head is turned, or the light is out.
    """
    chance = np.random.default_rng(seed)
    by_person: dict[str, list[Portrait]] = {}
    for portrait in of:
        if portrait.alone:
            by_person.setdefault(portrait.person, []).append(portrait)
    each = -(-count // len(by_person))
    sequences = [
        _sitting(mine[chance.integers(len(mine))], of, each, chance) for _, mine in sorted(by_person.items())
    ]
    # Whose frame comes next is chance, but each one's own stay in order.
    turns = chance.permutation(np.repeat(np.arange(len(sequences)), each))[:count]
    following = [iter(sequence) for sequence in sequences]
    return [next(following[turn]) for turn in turns]


# What happens in a sitting, how many frames it lasts, and in how many of a hundred frames it begins.
_EVENTS = {"second": (3, 2), "nobody": (2, 2), "turned": (2, 3), "dark": (1, 1)}


def _sitting(portrait: Portrait, of: list[Portrait], count: int, chance: np.random.Generator) -> list[Shot]:
    width = chance.uniform(95, 230)
    room, centre = _placed(portrait, width, chance)
    by_hand, mirrored = chance.random() < 0.5, chance.random() < 0.5
    light, quality = chance.uniform(0.7, 1.2), int(chance.integers(65, 90))
    others = [other for other in of if other.person not in (portrait.person, _IN_THE_DARK)]
    shots: list[Shot] = []
    while len(shots) < count:
        event, frames = "alone", 1
        drawn = chance.uniform(0, 100)
        for name, (lasts, share) in _EVENTS.items():
            drawn -= share
            if drawn < 0:
                event, frames = name, lasts
                break
        visitor = others[chance.integers(len(others))]
        side, distance = chance.choice([-1, 1]), chance.uniform(85, 150)
        for _ in range(frames):
            scene = room
            if event == "nobody":
                scene = _emptied(scene, centre, width)
            else:
                scene = _moved(scene, centre, width, chance, turn=0.6 if event == "turned" else 0.0)
            if event == "second":
                scene = _joined(scene, visitor, centre[0] + side * (0.8 * width + 0.9 * distance), distance)
            if by_hand:
                x, y = chance.normal(0, 12, 2).round()
                scene = _shifted(scene, x, y)
            if mirrored:
                scene = scene[:, ::-1]
            gain = light * chance.normal(1, 0.02) * (0.07 if event == "dark" else 1)
            noisy = scene * gain + chance.normal(0, 3, scene.shape)
            image = noisy.clip(0, 255).astype(np.uint8)[..., ::-1]
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            shots.append(Shot(portrait.person, event, data.tobytes()))
    return shots[:count]


def _placed(
    portrait: Portrait, width: float, chance: np.random.Generator
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """The room as a camera sees it, with the face `width` pixels wide, and where its centre is."""
    scale = width / portrait.width
    size = [round(side * scale) for side in portrait.picture.shape[1::-1]]
    scaled = cv2.resize(
        portrait.picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    )
    x, y = chance.uniform(0.35, 0.65) * FRAME_WIDTH, chance.uniform(0.4, 0.6) * FRAME_HEIGHT
    seen = _shifted(scaled, round(x - portrait.centre[0] * scale), round(y - portrait.centre[1] * scale))
    return seen, (x, y)


def _shifted(picture: NDArray[np.uint8], x: float, y: float) -> NDArray[np.uint8]:
    # Edges repeat outwards: mirrored ones would show a second face.
    matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
    size = (FRAME_WIDTH, FRAME_HEIGHT)
    return np.asarray(cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _moved(
    room: NDArray[np.uint8],
    centre: tuple[float, float],
    width: float,
    chance: np.random.Generator,
    turn: float,
) -> NDArray[np.uint8]:
    """The head moved, brought nearer and turned; what is two widths away stays where it is."""
    spread = 0.25 if chance.random() < 0.1 else 0.05
    aside, down = chance.normal(0, spread, 2) * width
    nearer = float(np.clip(chance.normal(1, spread / 2), 0.8, 1.25))
    x, y = _grid(centre)
    far = np.hypot(x, y / 1.2) / width
    along = np.clip((2.2 - far) / 1.2, 0, 1)  # one within a width, none past two
    # The nose stands out by a quarter of the face's width, so it goes further than the cheeks.
    nose = 0.22 * width * np.exp(-((x / (0.22 * width)) ** 2) - ((y / (0.3 * width)) ** 2))
    from_x = x + centre[0] - along * (aside + (1 - 1 / nearer) * x) - turn * nose
    from_y = y + centre[1] - along * (down + (1 - 1 / nearer) * y)
    return np.asarray(
        cv2.remap(
            room,
            from_x.astype(np.float32),
            from_y.astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _emptied(room: NDArray[np.uint8], centre: tuple[float, float], width: float) -> NDArray[np.uint8]:
    """The room without the head: all round it is smeared over the place."""
    smeared = cv2.GaussianBlur(room, (0, 0), width / 2)
    x, y = _grid(centre)
    return _blended(room, smeared, np.clip((1.6 - np.hypot(x, y / 1.3) / width) / 0.4, 0, 1))


def _joined(room: NDArray[np.uint8], visitor: Portrait, x: float, width: float) -> NDArray[np.uint8]:
    """Somebody else's head beside the sitter's."""
    scale = width / visitor.width
    x = float(np.clip(x, 0.7 * width, FRAME_WIDTH - 0.7 * width))
    y = FRAME_HEIGHT * 0.4
    size = [round(side * scale) for side in visitor.picture.shape[1::-1]]
    scaled = cv2.resize(visitor.picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    head = _shifted(scaled, x - visitor.centre[0] * scale, y - visitor.centre[1] * scale)
    across, along = _grid((x, y))
    return _blended(room, head, np.clip((1.1 - np.hypot(across, along / 1.2) / width) / 0.2, 0, 1))


def _grid(centre: tuple[float, float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, x = np.mgrid[0:FRAME_HEIGHT, 0:FRAME_WIDTH].astype(np.float64)
    return x - centre[0], y - centre[1]


def _blended(
    below: NDArray[np.uint8], above: NDArray[np.uint8], share: NDArray[np.float64]
) -> NDArray[np.uint8]:
    return (below * (1 - share[..., None]) + above * share[..., None]).astype(np.uint8)


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
            alone=len(people) == 1,
        )
        for person, box in zip(people, boxes, strict=True)
    ]
