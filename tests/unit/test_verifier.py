import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest
from numpy.typing import NDArray

from exam_service.proctor.verifier import MODEL, Reading, UnreadableImage, Verifier, distance, graph, weights
from exam_service.proctor.verifier.detector import Detector
from exam_service.proctor.verifier.network import Network
from exam_service.proctor.verifier.picture import decode, fit

Image = NDArray[np.uint8]

FACES = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "faces"
needs_faces = pytest.mark.skipif(
    not FACES.is_dir(), reason="the pictures of ../shared/data/faces aren't there"
)


def _hopper() -> bytes:
    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    return (Path(matplotlib.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg").read_bytes()


HOPPER = _hopper()  # 512×600, one face, public domain


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verifier")


@pytest.fixture(scope="module")
def verifier(cache: Path) -> Verifier:
    return Verifier(cache)


@pytest.fixture(scope="module")
def network(cache: Path) -> Network:
    return Network.open(cache)


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.open()


@pytest.fixture(scope="module")
def reference() -> dlib.face_recognition_model_v1:
    return dlib.face_recognition_model_v1(str(weights.model_file(weights.RESNET)))


def _encoded(extension: str, image: Image) -> bytes:
    """The bytes of an image whose channels stand in OpenCV's order."""
    _, data = cv2.imencode(extension, image)
    return data.tobytes()


def _bgr(data: bytes) -> Image:
    return np.ascontiguousarray(decode(data)[..., ::-1])


def _face(reading: Reading) -> NDArray[np.float32]:
    assert reading.embedding is not None
    return reading.embedding


def _sample(name: str) -> bytes:
    return (FACES / name).read_bytes()


# What is seen


def test_a_portrait_shows_one_face_with_its_place_score_and_embedding(verifier: Verifier) -> None:
    reading = verifier.read(HOPPER)
    assert reading.faces == 1
    assert (reading.width, reading.height) == (512, 600)
    assert reading.box is not None
    left, top, right, bottom = reading.box
    assert 0 <= left < right <= 410  # the frame is 410×480 after fitting
    assert 0 <= top < bottom <= 480
    assert left < 205 < right, "she sits in the middle"
    assert reading.score is not None
    assert reading.score > 1
    assert _face(reading).shape == (128,)
    assert _face(reading).dtype == np.float32


def test_an_empty_room_shows_no_face_and_has_nothing_to_compare(verifier: Verifier) -> None:
    reading = verifier.read(_encoded(".jpg", np.full((480, 640, 3), 128, np.uint8)))
    assert reading.faces == 0
    assert reading.box is None
    assert reading.score is None
    assert reading.embedding is None
    assert (reading.width, reading.height) == (640, 480)


def test_of_two_faces_the_larger_one_is_read(verifier: Verifier) -> None:
    portrait = _bgr(HOPPER)[:480]
    small = cv2.resize(portrait, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    both = np.full((480, 900, 3), 90, np.uint8)
    both[:288, :307] = small[:288, :307]
    both[:, 388:] = portrait
    reading = verifier.read(_encoded(".png", both))
    assert reading.faces == 2
    assert reading.box is not None
    assert reading.box[0] > 320, "the larger one is on the right half of the fitted frame"


def test_a_face_at_the_edge_has_a_box_within_the_frame(verifier: Verifier) -> None:
    seen = verifier.read(HOPPER).box
    assert seen is not None
    image = _bgr(HOPPER)
    scale = 600 / 480
    cut = image[:, int((seen[0] + 8) * scale) :]
    reading = verifier.read(_encoded(".png", cut))
    assert reading.box is not None
    left, top, right, bottom = reading.box
    fitted_width = round(cut.shape[1] / scale)
    assert left == 0
    assert top >= 0
    assert right <= fitted_width
    assert bottom <= 480


def test_a_small_face_is_missed_in_a_frame_and_found_in_a_photo(verifier: Verifier) -> None:
    room = np.full((480, 640, 3), 120, np.uint8)
    person = cv2.resize(_bgr(HOPPER), None, fx=0.2, fy=0.2, interpolation=cv2.INTER_AREA)
    room[200 : 200 + person.shape[0], 250 : 250 + person.shape[1]] = person
    data = _encoded(".png", room)
    assert verifier.read(data).faces == 0
    found = verifier.read_photo(data)
    assert found.faces == 1
    assert distance(_face(found), _face(verifier.read(HOPPER))) < 0.45


def test_a_photo_with_a_clear_face_reads_as_a_frame_does(verifier: Verifier) -> None:
    frame, photo = verifier.read(HOPPER), verifier.read_photo(HOPPER)
    assert photo.box == frame.box
    assert distance(_face(photo), _face(frame)) == 0


def test_the_same_bytes_always_give_the_same_numbers(verifier: Verifier) -> None:
    assert np.array_equal(_face(verifier.read(HOPPER)), _face(verifier.read(HOPPER)))


@needs_faces
def test_two_people_before_a_crowd_are_two_faces(verifier: Verifier) -> None:
    assert verifier.read(_sample("obama_and_biden.jpg")).faces == 2
    assert verifier.read_photo(_sample("obama_and_biden.jpg")).faces == 2


@needs_faces
@pytest.mark.parametrize(
    "pair",
    [
        ("obama.jpg", "obama2.jpg"),
        ("obama.jpg", "obama_partial_face2.jpg"),
        ("biden.jpg", "biden2.jpg"),
        ("kit-harington1.jpg", "kit-harington2.jpg"),
        ("rose-leslie1.jpg", "rose-leslie2.jpg"),
    ],
)
def test_two_pictures_of_one_person_are_near(verifier: Verifier, pair: tuple[str, str]) -> None:
    one, other = (_face(verifier.read_photo(_sample(name))) for name in pair)
    assert distance(one, other) < 0.45


@needs_faces
@pytest.mark.parametrize(
    "pair",
    [
        ("obama.jpg", "biden.jpg"),
        ("obama2.jpg", "biden2.jpg"),
        ("kit-harington2.jpg", "rose-leslie2.jpg"),
        ("obama.jpg", "lin-manuel-miranda.png"),
    ],
)
def test_pictures_of_two_people_are_far_apart(verifier: Verifier, pair: tuple[str, str]) -> None:
    one, other = (_face(verifier.read(_sample(name))) for name in pair)
    assert distance(one, other) > 0.65


# What can be read


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_a_greyscale_picture_is_read(verifier: Verifier, extension: str) -> None:
    grey = cv2.cvtColor(_bgr(HOPPER), cv2.COLOR_BGR2GRAY)
    assert verifier.read(_encoded(extension, np.asarray(grey, np.uint8))).faces == 1


def test_a_png_whose_alpha_hides_nothing_is_read_as_the_opaque_one(verifier: Verifier) -> None:
    image = _bgr(HOPPER)
    alpha = np.full((*image.shape[:2], 1), 255, np.uint8)
    clear = verifier.read(_encoded(".png", np.concatenate([image, alpha], axis=-1)))
    assert distance(_face(clear), _face(verifier.read(_encoded(".png", image)))) == 0


def test_a_png_of_sixteen_bits_a_channel_is_read(verifier: Verifier) -> None:
    _, data = cv2.imencode(".png", _bgr(HOPPER).astype(np.uint16) * 257)
    assert verifier.read(data.tobytes()).faces == 1


@needs_faces
@pytest.mark.parametrize("name", ["32bit.png", "alex-lacamoire.png", "lin-manuel-miranda.png"])
def test_sample_pngs_with_alpha_show_their_face(verifier: Verifier, name: str) -> None:
    assert verifier.read(_sample(name)).faces == 1


def test_a_phone_held_sideways_gives_an_upright_face(verifier: Verifier) -> None:
    lying = _encoded(".jpg", np.rot90(_bgr(HOPPER)))
    # EXIF in its shortest form: one entry, orientation (0x0112), a short, 6: "turn right to see it upright".
    entry = bytes.fromhex("0112 0003 00000001 0006 0000")
    exif = b"Exif\0\0MM\0*" + bytes.fromhex("00000008 0001") + entry + bytes(4)
    tagged = lying[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + lying[2:]
    assert verifier.read(lying).faces == 0
    reading = verifier.read(tagged)
    assert reading.faces == 1
    assert (reading.width, reading.height) == (512, 600)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        b"GIF89a" + bytes(100),
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x00\x08\x00\x00\x00\x08rubbishIEND\xaeB`\x82",
        bytes(1000),
    ],
)
def test_garbage_is_unreadable_and_says_why(verifier: Verifier, data: bytes) -> None:
    with pytest.raises(UnreadableImage) as caught:
        verifier.read(data)
    assert caught.value.reason
    with pytest.raises(UnreadableImage):
        verifier.read_photo(data)


@pytest.mark.parametrize("extension", [".jpg", ".png"])
def test_a_picture_cut_short_is_unreadable_rather_than_faceless(verifier: Verifier, extension: str) -> None:
    whole = _encoded(extension, _bgr(HOPPER))
    with pytest.raises(UnreadableImage, match="cut short"):
        verifier.read(whole[: len(whole) // 2])


def test_a_jpeg_of_too_many_pixels_is_refused_by_its_header_alone(verifier: Verifier) -> None:
    at = HOPPER.index(b"\xff\xc0") + 5
    side = (6500).to_bytes(2, "big")
    with pytest.raises(UnreadableImage, match="megapixels"):
        verifier.read(HOPPER[:at] + side + side + HOPPER[at + 4 :])


def test_a_png_of_too_many_pixels_is_refused_by_its_header_alone(verifier: Verifier) -> None:
    small = _encoded(".png", np.zeros((8, 8, 3), np.uint8))
    side = (2**31 - 1).to_bytes(4, "big")
    with pytest.raises(UnreadableImage, match="megapixels"):
        verifier.read(small[:16] + side + side + small[24:])


def test_a_png_without_a_size_is_refused(verifier: Verifier) -> None:
    small = _encoded(".png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(UnreadableImage, match="header"):
        verifier.read(small[:16] + bytes(8) + small[24:])


def test_a_jpeg_of_hundreds_of_scans_is_refused(verifier: Verifier) -> None:
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x00"
    end = HOPPER.rindex(b"\xff\xd9")
    with pytest.raises(UnreadableImage, match="scans"):
        verifier.read(HOPPER[:end] + scan * 300 + HOPPER[end:])


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (4000, 1, 3)])
def test_a_picture_of_absurd_proportions_shows_no_face(verifier: Verifier, shape: tuple[int, ...]) -> None:
    assert verifier.read_photo(_encoded(".png", np.zeros(shape, np.uint8))).faces == 0


@pytest.mark.parametrize(
    ("size", "fitted"),
    [
        ((640, 480), (640, 480)),
        ((320, 240), (320, 240)),
        ((1280, 720), (640, 360)),
        ((480, 640), (360, 480)),
        ((4000, 3000), (640, 480)),
        ((641, 480), (640, 479)),
    ],
)
def test_frames_are_made_to_fit_640_by_480_and_never_enlarged(
    size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    frame = fit(np.zeros((size[1], size[0], 3), np.uint8))
    assert (frame.shape[1], frame.shape[0]) == fitted


# The network against dlib's own


def _parity(
    data: bytes, detector: Detector, network: Network, reference: dlib.face_recognition_model_v1
) -> tuple[int, float]:
    frame = fit(decode(data))
    chips = [detector.chip(frame, detector.landmarks(frame, face)) for face in detector.detect(frame)]
    if not chips:
        return 0, 0.0
    expected = np.array([reference.compute_face_descriptor(chip) for chip in chips])
    return len(chips), float(np.abs(network.embed(np.stack(chips)) - expected).max())


def test_the_network_gives_dlibs_own_numbers(
    detector: Detector, network: Network, reference: dlib.face_recognition_model_v1
) -> None:
    faces, difference = _parity(HOPPER, detector, network, reference)
    assert faces == 1
    assert difference <= 1e-5


def test_the_network_gives_dlibs_own_numbers_for_noise_black_and_white_too(
    network: Network, reference: dlib.face_recognition_model_v1
) -> None:
    noise = np.random.default_rng(7).integers(0, 256, (3, 150, 150, 3), np.uint8)
    noise[1], noise[2] = 0, 255
    expected = np.array([reference.compute_face_descriptor(chip) for chip in noise])
    assert np.abs(network.embed(noise) - expected).max() <= 1e-5


@needs_faces
def test_the_network_gives_dlibs_own_numbers_on_every_sample_picture(
    detector: Detector, network: Network, reference: dlib.face_recognition_model_v1
) -> None:
    pictures = sorted(path for path in FACES.iterdir() if path.suffix in {".jpg", ".png"})
    measured = [_parity(path.read_bytes(), detector, network, reference) for path in pictures]
    assert sum(faces for faces, _ in measured) >= 20
    assert max(difference for _, difference in measured) <= 1e-5


def test_chips_together_give_what_each_gives_alone(network: Network) -> None:
    chips = np.random.default_rng(8).integers(0, 256, (3, 150, 150, 3), np.uint8)
    alone = np.concatenate([network.embed(chip[np.newaxis]) for chip in chips])
    assert np.abs(network.embed(chips) - alone).max() <= 1e-6


def test_no_chips_give_no_embeddings(network: Network) -> None:
    assert network.embed(np.empty((0, 150, 150, 3), np.uint8)).shape == (0, 128)


@pytest.mark.parametrize(
    "chips",
    [
        np.zeros((150, 150, 3), np.uint8),
        np.zeros((1, 112, 112, 3), np.uint8),
        np.zeros((1, 150, 150, 3), np.float32),
    ],
    ids=["one chip without a batch", "another size", "another type"],
)
def test_what_is_not_a_batch_of_chips_is_refused(network: Network, chips: Image) -> None:
    with pytest.raises(ValueError, match="chips are uint8"):
        network.embed(chips)


# Distances


def test_a_face_is_at_no_distance_from_itself_and_equally_far_both_ways() -> None:
    one, other = np.zeros(128, np.float32), np.full(128, 0.5, np.float32)
    assert distance(one, one) == 0
    assert distance(one, other) == distance(other, one) == pytest.approx(np.sqrt(128) / 2)


def test_embeddings_of_different_lengths_are_not_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        distance(np.zeros(128, np.float32), np.zeros(1, np.float32))
    with pytest.raises(ValueError, match="cannot be compared"):
        distance(np.zeros((1, 128), np.float32), np.zeros((1, 128), np.float32))


def test_the_model_has_a_name_to_store_with_a_verdict() -> None:
    assert MODEL == "dlib-resnet@1"


# Weights and the cached network


def test_a_verifier_does_nothing_before_it_is_warmed(tmp_path: Path) -> None:
    Verifier(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_the_network_is_written_once_and_left_alone_afterwards(tmp_path: Path) -> None:
    Verifier(tmp_path).warm()
    (file,) = tmp_path.iterdir()
    before = file.stat()
    Verifier(tmp_path).warm()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("damage", ["empty", "cut short", "one bit", "garbage"])
def test_a_damaged_cache_is_written_anew(tmp_path: Path, damage: str) -> None:
    Verifier(tmp_path).warm()
    (file,) = tmp_path.iterdir()
    sound = file.read_bytes()
    flipped = bytearray(sound)
    flipped[len(flipped) // 2] ^= 1
    damaged = {
        "empty": b"",
        "cut short": sound[:-1000],
        "one bit": bytes(flipped),
        "garbage": b"garbage" * 99,
    }
    file.write_bytes(damaged[damage])
    Verifier(tmp_path).warm()
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_bytes() == sound


def test_two_workers_that_start_together_both_read_and_leave_one_network(tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(HOPPER)
    cache = tmp_path / "cache"
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from exam_service.proctor.verifier import Verifier\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "print(Verifier(Path(sys.argv[1])).read(Path(sys.argv[2]).read_bytes()).embedding.tobytes().hex())\n"
    )
    command = [sys.executable, "-c", program, str(cache), str(photo)]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    first, second = (worker.communicate()[0] for worker in workers)
    assert [worker.returncode for worker in workers] == [0, 0]
    assert len(first.strip()) == 128 * 4 * 2
    assert first == second
    assert len(list(cache.iterdir())) == 1, "neither leaves its draft behind"


def test_the_same_weights_always_give_the_same_graph() -> None:
    source = weights.model_file(weights.RESNET).read_bytes()
    assert graph.write(weights.parse(source)) == graph.write(weights.parse(source))


def test_weights_that_are_not_the_network_are_refused() -> None:
    source = weights.model_file(weights.RESNET).read_bytes()
    for other in (b"", b"garbage", source[: len(source) // 2], source[:-100_000], source[20_000:]):
        with pytest.raises(ValueError, match="weights"):
            weights.parse(other)


def test_a_missing_model_file_is_named_with_the_package_to_install() -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.dat is missing: install face_recognition_models"):
        weights.model_file("nothing.dat")


def test_reading_faces_loads_neither_pkg_resources_nor_the_package_of_models(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from exam_service.proctor.verifier import Verifier\n"
        "Verifier(Path(sys.argv[1])).warm()\n"
        "sys.exit(bool({'pkg_resources', 'face_recognition_models'} & set(sys.modules)))\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 0
