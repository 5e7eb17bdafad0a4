"""Pictures that come in, looked at by the worker: real photographs, crafted files, a worker that dies."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from exam_service.accounts.model import Principal
from exam_service.proctor.photo_worker import PhotoWorker
from exam_service.proctor.photos import Face, advice_of, problem_of
from exam_service.proctor.verifier import PhotoReader
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import Crop, Upload, UploadState
from tests.forms import a_picture, admitted
from tests.world import World


@pytest.fixture
async def physician(world: World) -> Principal:
    await admitted(world, world.here, world.here.general)
    await world.consent(world.here.general)
    return world.here.general


@pytest.fixture(scope="module")
def reader() -> PhotoReader:
    return PhotoReader()


async def checked(
    world: World, physician: Principal, slot: str, data: bytes, crop: Crop | None = None
) -> Upload:
    await form.add_pictures(world.services, physician, slot, [data], crop=crop)
    assert await PhotoWorker(world.services).check_next()
    opened = await form.draft(world.services, physician)
    assert opened is not None
    return opened.uploads[-1]


def as_jpeg(path: Path, *, longest: int = 1200) -> bytes:
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((longest, longest))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=90)
    return written.getvalue()


async def test_a_frontal_photo_is_a_face(world: World, physician: Principal, faces_dir: Path) -> None:
    upload = await checked(world, physician, "photo", as_jpeg(faces_dir / "obama.jpg"))

    assert (upload.state, upload.problem) == (UploadState.ACCEPTED, None)
    assert upload.as_face
    assert upload.raw_id is None


async def test_two_people_are_refused(world: World, physician: Principal, faces_dir: Path) -> None:
    whole = Crop(0, 0, 1000, 1000)
    upload = await checked(world, physician, "photo", as_jpeg(faces_dir / "obama_and_biden.jpg"), whole)

    assert upload.state is UploadState.REFUSED
    assert "不止一张人脸" in (upload.problem or "")
    assert upload.evidence_id is None


async def test_a_photo_without_a_face_says_what_to_do(world: World, physician: Principal) -> None:
    upload = await checked(world, physician, "photo", a_picture(colour="white"))

    assert upload.state is UploadState.REFUSED
    assert "没有看到人脸" in (upload.problem or "")
    assert "请上传" in (upload.problem or "")


async def test_a_licence_is_looked_at_for_no_face(world: World, physician: Principal) -> None:
    upload = await checked(world, physician, "licence", a_picture(3000, 1500))

    assert upload.state is UploadState.ACCEPTED
    assert (upload.width, upload.height, upload.as_face) == (2000, 1000, False)


async def test_what_the_camera_wrote_beside_the_picture_is_gone(world: World, physician: Principal) -> None:
    picture = Image.new("RGB", (400, 200), "teal")
    ImageDraw.Draw(picture).rectangle((0, 0, 100, 200), fill="red")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    exif[0x010F] = "maker of the phone"
    written = io.BytesIO()
    picture.save(written, "JPEG", exif=exif)

    upload = await checked(world, physician, "licence", written.getvalue())

    assert (upload.width, upload.height) == (200, 400)
    kept = await form.own_picture(world.services, physician, upload.id)
    assert b"maker of the phone" not in kept
    with Image.open(io.BytesIO(kept)) as shown:
        assert not shown.getexif()
        assert shown.size == (200, 400)
        red, green, _ = shown.getpixel((100, 10))  # type: ignore[misc]
    assert red > 200 > green


async def test_a_crop_is_what_is_kept(world: World, physician: Principal) -> None:
    upload = await checked(world, physician, "licence", a_picture(1000, 800), Crop(100, 250, 600, 1000))

    assert (upload.width, upload.height) == (500, 600)


async def test_a_file_that_only_a_decoder_sees_through_is_refused_by_the_worker(
    world: World, physician: Principal
) -> None:
    written = io.BytesIO()
    Image.effect_noise((300, 300), 80).convert("RGB").save(written, "PNG")
    sound = written.getvalue()
    crafted = sound[:100] + bytes(len(sound) - 200) + sound[-100:]  # header and end are sound

    upload = await checked(world, physician, "licence", crafted)

    assert upload.state is UploadState.REFUSED
    assert "已损坏" in (upload.problem or "")


async def test_a_picture_that_hangs_the_decoder_is_refused_in_the_end(
    world: World, physician: Principal
) -> None:
    release = threading.Event()

    class Hanging(PhotoReader):
        def redraw(self, *_args: object) -> None:  # type: ignore[override]
            release.wait(20)

    await form.add_pictures(world.services, physician, "licence", [a_picture()])
    for _ in range(form.MOST_TRIES):
        worker = PhotoWorker(world.services, patience_seconds=0.05, reader=Hanging())
        assert await worker.check_next()
        world.clock.move(minutes=2)
    release.set()

    assert not await PhotoWorker(world.services).check_next()
    opened = await form.draft(world.services, physician)
    assert opened is not None
    assert opened.uploads[0].state is UploadState.REFUSED


async def test_what_a_dead_worker_had_in_hand_is_checked_by_another(
    world: World, physician: Principal
) -> None:
    await form.add_pictures(world.services, physician, "licence", [a_picture()])
    assert await form.claim_upload(world.services) is not None  # and it died
    assert not await PhotoWorker(world.services).check_next()
    world.clock.move(minutes=2)

    assert await PhotoWorker(world.services).check_next()

    opened = await form.draft(world.services, physician)
    assert opened is not None
    assert opened.uploads[0].state is UploadState.ACCEPTED


FINE = Face(faces=1, quality="fine", yaw=0.1, share=0.5, plain=True)


@pytest.mark.parametrize(
    ("face", "words"),
    [
        (FINE, None),
        (Face(0, "fine", None, None, plain=True), "没有看到人脸"),
        (Face(0, "dark", None, None, plain=True), "太暗"),
        (Face(2, "fine", 0.0, 0.4, plain=True), "不止一张人脸"),
        (Face(1, "blurred", 0.0, 0.4, plain=True), "模糊"),
        (Face(1, "fine", -0.6, 0.4, plain=True), "正面"),
        (Face(1, "fine", 0.0, 0.1, plain=True), "太小"),
        (Face(1, "fine", 0.0, 0.5, plain=False), None),
    ],
)
def test_what_a_photo_must_show(face: Face, words: str | None) -> None:
    problem = problem_of(face)
    assert (words in problem) if words and problem else problem is words
    assert (advice_of(face) is None) is face.plain


def test_plain_ground_is_told_from_a_room(reader: PhotoReader, faces_dir: Path) -> None:
    assert reader.read(a_picture(colour="white")).plain
    assert not reader.read(as_jpeg(faces_dir / "obama.jpg")).plain
