"""Where faces are looked for, what makes a picture too poor to judge, and what a frame looks like."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from numpy.typing import NDArray

from exam_service.proctor.verifier import (
    AWAY_YAW,
    TURNED_YAW,
    Box,
    Glance,
    Quality,
    Reading,
    UnreadableImage,
    Verifier,
    distance,
    scene,
    weights,
)
from exam_service.proctor.verifier.patient import PatientDetector
from exam_service.proctor.verifier.picture import decode, fit
from exam_service.proctor.verifier.quality import is_plausible, yaw_of

Image = NDArray[np.uint8]

FACES = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "faces"
needs_faces = pytest.mark.skipif(
    not FACES.is_dir(), reason="the pictures of ../shared/data/faces aren't there"
)
# Cut in half by the edge of the picture.
HALVES = {"obama_partial_face.jpg", "obama_partial_face2.jpg"}


def _hopper() -> Image:
    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    folder = Path(matplotlib.origin).parent / "mpl-data" / "sample_data"
    return fit(decode((folder / "grace_hopper.jpg").read_bytes()))


HOPPER = _hopper()  # 410×480, RGB


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    return Verifier(tmp_path_factory.mktemp("verifier"))


def _jpeg(image: Image) -> bytes:
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(image[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])
    return data.tobytes()


def _room(*people: tuple[int, int], width: int = 150) -> Image:
    """A 640×480 room with Hopper at each place; her face is a good third as wide as her picture."""
    room = np.full((480, 640, 3), (120, 110, 100), np.uint8)
    size = (width, round(width * HOPPER.shape[0] / HOPPER.shape[1]))
    person = cv2.resize(HOPPER, size, interpolation=cv2.INTER_AREA)
    for x, y in people:
        room[y : y + size[1], x : x + size[0]] = person[: 480 - y, : 640 - x]
    return room


def _still(number: int) -> bytes:
    """A frame of the film of a man on a stage."""
    clip = cv2.VideoCapture(str(FACES / "short_hamilton_clip.mp4"))
    clip.set(cv2.CAP_PROP_POS_FRAMES, number)
    _, image = clip.read()
    return _jpeg(np.asarray(image[..., ::-1], np.uint8))


def _box(reading: Reading) -> Box:
    assert reading.box is not None
    return reading.box


# Where faces are looked for


@pytest.mark.parametrize(
    "aside", [0, 8, 25], ids=["stayed", "moved a little", "moved by a quarter of its width"]
)
def test_a_face_that_hardly_moved_is_found_round_its_last_place(verifier: Verifier, aside: int) -> None:
    whole = verifier.read(_jpeg(_room((150, 100), width=240)))
    moved = verifier.read(_jpeg(_room((150 + aside, 95), width=230)), whole.box)
    assert whole.whole
    assert not moved.whole
    assert moved.faces == 1
    assert moved.embedding is not None
    assert whole.embedding is not None
    assert distance(moved.embedding, whole.embedding) < 0.3


def test_a_face_that_went_elsewhere_is_found_in_the_whole_frame(verifier: Verifier) -> None:
    before = verifier.read(_jpeg(_room((10, 100), width=240)))
    after = verifier.read(_jpeg(_room((390, 150), width=240)), before.box)
    assert after.whole
    assert after.faces == 1
    assert _box(after)[0] > 390


def test_somebody_who_comes_is_seen_at_once_where_the_room_is_remembered(verifier: Verifier) -> None:
    alone = verifier.read(_jpeg(_room((10, 100), width=240)))
    both = _jpeg(_room((10, 100), (390, 150), width=240))
    assert verifier.read(both, alone.box).faces == 1, "looked at round the sitter only"
    assert verifier.read(both, alone.box, alone.scene).faces == 2
    assert verifier.read(both).faces == 2


def test_the_room_is_remembered_as_it_was_when_it_was_searched(verifier: Verifier) -> None:
    first = verifier.read(_jpeg(_room((150, 100), width=240)))
    second = verifier.read(_jpeg(_room((160, 100), width=240)), first.box, first.scene)
    assert not second.whole
    assert second.scene is first.scene


def test_light_that_changes_everywhere_and_a_camera_that_sways_are_no_visitor() -> None:
    chance = np.random.default_rng(5)
    room = cv2.GaussianBlur(chance.integers(0, 200, (480, 640), np.uint8), (0, 0), 25)
    room = cv2.normalize(room, None, 20, 200, cv2.NORM_MINMAX)
    swayed, lighter = np.roll(room, (9, -12), (0, 1)), cv2.add(room, np.full_like(room, 25))
    visited = room.copy()
    cv2.ellipse(visited, (520, 220), (60, 80), 0, 0, 360, 230, -1)
    sitter, size = (200, 150, 320, 270), (640, 480)
    before = scene.thumbnail(room)
    assert not scene.changed(before, scene.thumbnail(swayed), sitter, size)
    assert not scene.changed(before, scene.thumbnail(lighter), sitter, size)
    assert scene.changed(before, scene.thumbnail(visited), sitter, size)


@pytest.mark.parametrize("box", [(0, 0, 1, 1), (600, 440, 640, 480), (0, 0, 640, 480), (-50, -50, 900, 900)])
def test_a_last_place_that_is_nowhere_near_costs_nothing_but_time(verifier: Verifier, box: Box) -> None:
    assert verifier.read(_jpeg(_room((390, 150), width=240)), box).faces == 1


@needs_faces
def test_a_false_face_of_full_size_is_not_counted(verifier: Verifier) -> None:
    assert verifier.read((FACES / "obama_and_biden.jpg").read_bytes()).faces == 2


# The slow look


def test_the_detecting_network_sees_what_dlibs_own_sees(tmp_path: Path) -> None:
    room = _room((10, 100), (330, 160), width=240)
    theirs = dlib.cnn_face_detection_model_v1(str(weights.model_file(weights.MMOD)))(room, 0)
    ours = PatientDetector.open(tmp_path).detect(room)
    assert len(ours) == len(theirs) == 2
    for face, other in zip(
        sorted(ours, key=lambda face: face.rectangle.left()),
        sorted(theirs, key=lambda other: other.rect.left()),
        strict=True,
    ):
        assert face.rectangle.contains(other.rect.center())
        assert face.score == pytest.approx(other.confidence, abs=0.15)
    assert PatientDetector.open(tmp_path).detect(np.zeros((480, 640, 3), np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (45, 60, 3)])
def test_the_detecting_network_looks_at_whatever_there_is(tmp_path: Path, shape: tuple[int, ...]) -> None:
    assert PatientDetector.open(tmp_path).detect(np.zeros(shape, np.uint8)) == []


@needs_faces
def test_who_is_not_seen_at_a_glance_is_seen_by_looking_harder(verifier: Verifier) -> None:
    glanced, looked = (look(_still(24)) for look in (verifier.read, verifier.look_harder))
    assert (glanced.faces, looked.faces) == (0, 1)
    assert looked.embedding is not None
    assert verifier.look_harder(_jpeg(_room())).faces == 0


def test_weights_that_are_not_the_detecting_network_are_refused() -> None:
    source = weights.model_file(weights.MMOD).read_bytes()
    for other in (b"", source[: len(source) // 2], source[6000:]):
        with pytest.raises(ValueError, match="weights"):
            weights.parse_detector(other)


# Together


def test_frames_read_together_read_as_each_alone_and_bad_ones_stand_in_their_place(
    verifier: Verifier,
) -> None:
    one, other = _jpeg(HOPPER), _jpeg(_room((150, 100), width=240))
    nobody = _jpeg(_room())
    bulk = verifier.read_many([Glance(one), Glance(b"garbage"), Glance(nobody), Glance(other, (0, 0, 9, 9))])
    assert isinstance(bulk[1], UnreadableImage)
    for reading, data in ((bulk[0], one), (bulk[2], nobody), (bulk[3], other)):
        alone = verifier.read(data)
        assert isinstance(reading, Reading)
        assert (reading.faces, reading.look, reading.quality) == (alone.faces, alone.look, alone.quality)
        if alone.embedding is not None:
            assert reading.embedding is not None
            assert distance(reading.embedding, alone.embedding) < 1e-5
    assert verifier.read_many([]) == []


# Poor pictures


@pytest.mark.parametrize(
    ("spoilt", "quality"),
    [
        (lambda image: image, Quality.FINE),
        (lambda image: (image * 0.12).astype(np.uint8), Quality.DARK),
        (lambda image: (image * 0.35).astype(np.uint8), Quality.FINE),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 6), Quality.BLURRED),
        (lambda image: cv2.GaussianBlur(image, (0, 0), 1.5), Quality.FINE),
        (lambda image: image[:, 165:], Quality.CUT_OFF),
    ],
    ids=["untouched", "dark", "dim", "blurred", "a little soft", "cut off"],
)
def test_a_spoilt_picture_is_called_what_it_is(
    verifier: Verifier, spoilt: Callable[[Image], Image], quality: Quality
) -> None:
    reading = verifier.read(_jpeg(spoilt(HOPPER)))
    assert reading.faces == 1
    assert reading.quality is quality
    assert (reading.embedding is None) is (quality is not Quality.FINE)


def test_a_small_face_is_missed_in_a_frame_and_a_photo_of_it_is_compared_all_the_same(
    verifier: Verifier,
) -> None:
    data = _jpeg(_room((250, 200), width=82))
    assert verifier.read(data).faces == 0
    photo = verifier.read_photo(data)
    assert (photo.faces, photo.quality) == (1, Quality.TOO_SMALL)
    assert photo.embedding is not None


def test_a_covered_camera_is_dark_and_an_empty_room_is_not(verifier: Verifier) -> None:
    assert verifier.read(_jpeg(np.zeros((480, 640, 3), np.uint8))).quality is Quality.DARK
    assert verifier.read(_jpeg(_room())).quality is Quality.FINE


@needs_faces
def test_no_good_photograph_is_called_poor_and_half_a_face_is_cut_off(verifier: Verifier) -> None:
    pictures = [path for path in sorted(FACES.iterdir()) if path.suffix in {".jpg", ".png"}]
    called = {path.name: verifier.read(path.read_bytes()).quality for path in pictures}
    assert len(called) >= 20
    assert {name for name, quality in called.items() if quality is not Quality.FINE} == HALVES
    assert {called[name] for name in HALVES} == {Quality.CUT_OFF}


# Turned heads


def _turned(by: float) -> Image:
    """Hopper's nose moved across her face by that part of its width, the rest of the face less."""
    left, top, right, bottom = 145, 112, 295, 262  # her face
    width = right - left
    y, x = np.mgrid[0 : HOPPER.shape[0], 0 : HOPPER.shape[1]].astype(np.float32)
    across, along = (x - (left + right) / 2) / width, (y - (top + bottom) / 2 - 0.1 * width) / width
    depth = np.exp(-((across / 0.25) ** 2) - (along / 0.3) ** 2)
    return np.asarray(
        cv2.remap(HOPPER, (x - by * width * depth).astype(np.float32), y, cv2.INTER_LINEAR), np.uint8
    )


def test_the_further_a_head_turns_the_larger_the_yaw_and_its_sign_is_the_side(verifier: Verifier) -> None:
    yaws = [verifier.read(_jpeg(_turned(by))).yaw for by in (-0.16, -0.08, 0, 0.08, 0.16)]
    seen = [yaw for yaw in yaws if yaw is not None]
    assert len(seen) == len(yaws)
    assert seen == sorted(seen)
    assert seen[0] < -TURNED_YAW
    assert seen[-1] > TURNED_YAW
    assert abs(seen[2]) < TURNED_YAW


def test_a_mirrored_face_is_turned_the_other_way(verifier: Verifier) -> None:
    straight = verifier.read(_jpeg(_turned(0.12))).yaw
    mirrored = verifier.read(_jpeg(_turned(0.12)[:, ::-1])).yaw
    assert straight is not None
    assert mirrored is not None
    assert straight > 0.2
    assert mirrored == pytest.approx(-straight, abs=0.15)


@needs_faces
def test_a_man_on_a_stage_turns_to_his_right_and_back(verifier: Verifier) -> None:
    readings = {number: verifier.read(_still(number)) for number in (90, 132, 210)}
    yaws = {number: reading.yaw or 0.0 for number, reading in readings.items()}
    assert abs(yaws[90]) < TURNED_YAW
    assert readings[90].quality is Quality.FINE
    assert yaws[132] < yaws[210] < -TURNED_YAW
    assert yaws[132] < -AWAY_YAW
    assert readings[132].quality is Quality.TURNED_AWAY
    assert readings[132].embedding is not None, "the liveness challenge compares turned faces"


def test_landmarks_that_stand_like_no_face_are_not_plausible() -> None:
    face = np.array([(70, 40), (55, 40), (20, 40), (35, 40), (45, 70)], np.float64)
    assert is_plausible(face, 90)
    assert yaw_of(face) == 0
    assert not is_plausible(face[:, ::-1], 90), "lying"
    assert not is_plausible(np.full((5, 2), 40.0), 90), "all in one place"
    assert yaw_of(np.full((5, 2), 40.0)) == 0
    assert not is_plausible(face, 300), "much smaller than the box"


# Looks


def _look(verifier: Verifier, image: Image) -> int:
    look = verifier.read(_jpeg(image)).look
    assert look is not None
    return look


def test_near_pictures_look_alike_and_others_do_not(verifier: Verifier) -> None:
    here = _look(verifier, HOPPER)
    noisy = (HOPPER + np.random.default_rng(3).normal(0, 4, HOPPER.shape)).clip(0, 255).astype(np.uint8)
    assert -(2**63) <= here < 2**63
    assert scene.likeness(here, _look(verifier, HOPPER)) == 0
    assert scene.likeness(here, _look(verifier, noisy)) <= 6
    assert scene.likeness(here, _look(verifier, HOPPER[:, ::-1])) > 20
    assert scene.likeness(-1, 0) == 64
