"""Pictures that come in, looked at by the worker: real photographs, crafted files, a worker that dies."""

from __future__ import annotations

import io
import struct
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageOps

from exam_service import png
from exam_service.accounts.model import Principal
from exam_service.proctor.photo_worker import PhotoWorker
from exam_service.proctor.photos import Face, advice_of, problem_of
from exam_service.proctor.verifier import PhotoReader
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import Crop, Upload, UploadState
from tests.forms import a_picture, admitted
from tests.world import World, portrait


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


def full_length(tall: int) -> bytes:
    """Somebody of whom the picture shows all, on plain ground; ``tall``: of head and shoulders, in pixels."""
    with Image.open(io.BytesIO(portrait())) as opened:
        head = opened.convert("RGB")
    head.thumbnail((tall, tall))
    picture = Image.new("RGB", (860, 1200), "whitesmoke")
    left = (860 - head.width) // 2
    draw = ImageDraw.Draw(picture)
    draw.rectangle((left, 60 + head.height, left + head.width, 1150), fill="darkslategrey")
    picture.paste(head, (left, 60))
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=92)
    return written.getvalue()


@pytest.mark.parametrize("tall", [320, 260, 200])
async def test_of_a_full_length_portrait_it_is_said_that_the_face_is_too_small(
    world: World, physician: Principal, tall: int
) -> None:
    upload = await checked(world, physician, "photo", full_length(tall))

    assert upload.state is UploadState.REFUSED
    assert upload.problem == "照片中的脸太小。请用裁剪框框住头部和肩部，或换一张近一些的证件照。"


async def test_a_face_too_small_even_for_a_closer_look_is_not_said_to_be_there(
    world: World, physician: Principal
) -> None:
    upload = await checked(world, physician, "photo", full_length(60))

    assert "没有看到人脸" in (upload.problem or "")
    assert "全身照请用裁剪框框住头部和肩部" in (upload.problem or "")


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


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
def test_what_is_transparent_becomes_white(reader: PhotoReader, mode: str, turned: int) -> None:
    """A photo whose ground was cut away, as photographers and apps hand them out; it lies as EXIF says."""
    clear, half, solid = (0, 0, 0, 0), (0, 0, 0, 128), (40, 40, 40, 255)
    picture = Image.new("RGBA", (320, 240), clear)
    picture.paste(solid, (0, 0, 160, 120))
    if mode in {"RGBA", "LA"}:
        picture.paste(half, (160, 0, 320, 120))
    exif = Image.Exif()
    exif[0x0112] = turned
    written = io.BytesIO()
    key = {"P": {"transparency": 0}, "RGB": {"transparency": (0, 0, 0)}}.get(mode, {})
    picture.convert(mode).save(written, "PNG", exif=exif, **key)

    drawn = reader.redraw(written.getvalue(), lambda width, height: (0, 0, width, height), 1200)

    ground = Image.new("RGBA", picture.size, "white")
    seen = ImageOps.exif_transpose(_lying(Image.alpha_composite(ground, picture).convert("RGB"), turned))
    kept = Image.open(io.BytesIO(drawn.jpeg)).convert("RGB")
    assert kept.size == seen.size
    assert max(high for _, high in ImageChops.difference(kept, seen).getextrema()) < 24  # JPEG's edges


def _lying(picture: Image.Image, turned: int) -> Image.Image:
    picture.getexif()[0x0112] = turned
    return picture


def test_sixteen_bits_and_no_transparency_at_all_change_nothing(reader: PhotoReader) -> None:
    deep = np.full((200, 300, 4), (10 * 257, 20 * 257, 30 * 257, 65535), np.uint16)
    _, encoded = cv2.imencode(".png", deep)
    drawn = reader.redraw(encoded.tobytes(), lambda width, height: (0, 0, width, height), 1200)
    assert Image.open(io.BytesIO(drawn.jpeg)).convert("RGB").getpixel((150, 100)) == (30, 20, 10)


def test_a_png_that_lies_about_how_it_lies_is_taken_as_upright() -> None:
    for exif in (b"", b"II*\x00", b"II*\x00\xff\xff\xff\xff", b"MM\x00*\x00\x00\x00\x08\x00\x09", b"XX" * 9):
        chunk = struct.pack(">I4s", len(exif), b"eXIf") + exif + b"crc!"
        assert png.orientation(png.SIGNATURE + chunk) == 1
    assert png.orientation(png.SIGNATURE + b"\xff\xff\xff\xffeXIf") == 1


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
