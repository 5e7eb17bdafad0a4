"""Pictures of stems come as files that people found somewhere: what is stored is ours, and only pixels."""

from __future__ import annotations

import hashlib
import io
import os
import random
import struct
import unicodedata
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageOps
from PIL.PngImagePlugin import PngInfo

from exam_service.errors import Invalid
from exam_service.questions import pictures
from exam_service.questions.pictures import LARGEST_ENCODED, LARGEST_FILE, LONGEST_SIDE, WIDEST, encode

PIXELS_OF_PILLOW = Image.MAX_IMAGE_PIXELS
BROKEN = "不是完整的PNG、JPEG或WebP图片，请重新导出后再导入"
TOO_LONG = "图片边长超过4096像素，请缩小后再导入"


def file_of(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, form, **options)
    return written.getvalue()


def photograph(width: int = 600, height: int = 400) -> Image.Image:
    """Many colours, soft as a photograph is."""
    noise = Image.frombytes("RGB", (60, 40), random.Random(1).randbytes(60 * 40 * 3))
    return noise.resize((width, height), Image.Resampling.BICUBIC)


def drawing(width: int = 300, height: int = 200) -> Image.Image:
    drawn = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(drawn).ellipse((20, 20, width - 20, height - 20), outline="red", fill="navy", width=5)
    return drawn


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def refusal(data: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        encode(data, "题图")
    return refused.value.sentence


def test_the_limits_are_those_of_the_manual() -> None:
    assert (LARGEST_FILE, LONGEST_SIDE, WIDEST, LARGEST_ENCODED) == (2097152, 4096, 1280, 307200)


# What becomes of a picture


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_photograph_becomes_a_jpeg_of_its_size(form: str) -> None:
    image = encode(file_of(photograph(), form), "病变外观")
    assert (image.media_type, image.width, image.height, image.alt) == ("image/jpeg", 600, 400, "病变外观")
    shown = opened(image.data)
    assert (shown.format, shown.size) == ("JPEG", (600, 400))
    assert image.src.startswith("data:image/jpeg;base64,/9j/")


def test_a_drawing_stays_as_sharp_as_it_was() -> None:
    image = encode(file_of(drawing()), "题图")
    assert (image.media_type, image.width, image.height) == ("image/png", 300, 200)
    assert opened(image.data).convert("RGB").tobytes() == drawing().tobytes()
    assert image.src.startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize("colours", [256, 257])
def test_a_png_has_256_colours_at_most(colours: int) -> None:
    picture = Image.new("RGB", (colours, 1))
    picture.putdata([(number % 256, number // 256, 7) for number in range(colours)])
    assert encode(file_of(picture), "").media_type == ("image/png" if colours == 256 else "image/jpeg")


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_what_is_transparent_stays_so(form: str) -> None:
    picture = photograph(300, 200).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    image = encode(file_of(picture, form, lossless=True), "题图")
    assert image.media_type == "image/png"
    assert opened(image.data).getchannel("A").getextrema() == (0, 255)


def test_a_transparent_colour_of_a_palette_stays_so() -> None:
    picture = drawing().quantize(8)
    data = file_of(picture, transparency=picture.getpixel((0, 0)))
    shown = opened(encode(data, "题图").data)
    assert shown.convert("RGBA").getpixel((0, 0))[3] == 0
    assert shown.convert("RGBA").getpixel((150, 100)) == (0, 0, 128, 255)


def test_an_alpha_channel_that_says_nothing_makes_no_png() -> None:
    assert encode(file_of(photograph().convert("RGBA")), "题图").media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("size", "becomes"),
    [
        ((1280, 900), (1280, 900)),
        ((1281, 900), (1280, 899)),
        ((2560, 1000), (1280, 500)),
        ((4096, 1), (1280, 1)),
    ],
)
def test_it_is_1280_pixels_wide_at_most(size: tuple[int, int], becomes: tuple[int, int]) -> None:
    image = encode(file_of(drawing(*size) if size[1] > 1 else Image.new("L", size)), "题图")
    assert (image.width, image.height) == becomes
    assert opened(image.data).size == becomes


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_pixels_of_every_kind_are_taken(mode: str) -> None:
    form = "JPEG" if mode == "CMYK" else "PNG"
    image = encode(file_of(drawing().convert(mode), form), "题图")
    assert opened(image.data).size == (300, 200)
    light = opened(image.data).convert("L")
    assert light.getpixel((0, 0)) > 250
    assert light.getpixel((150, 100)) < 60


def test_a_radiograph_of_16_bits_keeps_its_greys() -> None:
    ramp = Image.new("I;16", (256, 2))
    ramp.putdata([grey * 257 for _ in range(2) for grey in range(256)])
    shown = opened(encode(file_of(ramp), "胸片").data)
    assert [shown.getpixel((x, 1)) for x in (0, 64, 128, 255)] == [0, 64, 128, 255]


def test_a_grey_photograph_that_is_too_large_as_a_png_is_a_jpeg() -> None:
    noise = random.Random(2).randbytes(900 * 700)
    grey = Image.blend(photograph(900, 700).convert("L"), Image.frombytes("L", (900, 700), noise), 0.1)
    assert len(file_of(grey, optimize=True)) > LARGEST_ENCODED
    image = encode(file_of(grey), "胸片")
    assert image.media_type == "image/jpeg"
    assert len(image.data) <= LARGEST_ENCODED


# What must not come along


def secretive(form: str) -> bytes:
    exif = Image.Exif()
    exif[0x010E] = "SECRET description"
    exif[0x8825] = {1: "N", 2: (28.0, 11.0, 49.0), 29: "SECRET gps"}
    about: dict[str, object] = {"exif": exif.tobytes(), "icc_profile": b"SECRET profile" * 20}
    if form == "PNG":
        about["pnginfo"] = PngInfo()
        about["pnginfo"].add_text("Author", "SECRET author")
        about["pnginfo"].add_itxt("XML:com.adobe.xmp", "SECRET xmp", zip=False)
        about["dpi"] = (300, 300)
    elif form == "JPEG":
        about |= {"comment": b"SECRET comment", "xmp": b"SECRET xmp", "dpi": (300, 300)}
    else:
        about["xmp"] = b"SECRET xmp"
    return file_of(drawing() if form == "PNG" else photograph(), form, **about)


def chunks_of(png: bytes) -> set[bytes]:
    found, place = set(), 8
    while place < len(png):
        length, name = struct.unpack(">I4s", png[place : place + 8])
        found.add(name)
        place += length + 12
    return found


def markers_of(jpeg: bytes) -> set[int]:
    """Those before the pixels."""
    found, place = set(), 2
    while jpeg[place + 1] != 0xDA:
        found.add(jpeg[place + 1])
        place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return found


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_metadata_stays_behind(form: str) -> None:
    data = secretive(form)
    assert b"SECRET" in data
    image = encode(data, "题图")
    assert b"SECRET" not in image.data
    assert not image.data.count(b"Exif")
    if image.media_type == "image/png":
        assert chunks_of(image.data) <= {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
    else:
        application_or_comment = {*range(0xE1, 0xF0), 0xFE}
        assert not markers_of(image.data) & application_or_comment


def test_what_is_hidden_behind_the_pixels_stays_behind() -> None:
    image = encode(file_of(drawing()) + b"<script>SECRET</script>", "题图")
    assert b"SECRET" not in image.data


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_upright_before_its_orientation_is_forgotten(form: str, orientation: int) -> None:
    picture = Image.new("RGB", (80, 40), "white")
    picture.paste("red", (0, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = encode(file_of(picture, form, exif=exif.tobytes()), "题图")
    shown = opened(image.data).convert("RGB")
    assert shown.size == ((80, 40) if orientation < 5 else (40, 80))
    marked = Image.open(io.BytesIO(file_of(picture, form, exif=exif.tobytes())))
    expected = ImageOps.exif_transpose(marked).convert("RGB")
    corners = [(3, 3), (shown.width - 4, 3), (3, shown.height - 4), (shown.width - 4, shown.height - 4)]
    reds = [corner for corner in corners if shown.getpixel(corner)[1] < 100]
    assert reds == [corner for corner in corners if expected.getpixel(corner)[1] < 100]
    assert len(reds) == 1
    assert reds[0] == {1: corners[0], 2: corners[1], 3: corners[3], 4: corners[2]}.get(orientation, reds[0])


# What is refused


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "ICO", "PPM", "PDF"])
def test_other_formats_are_refused_however_they_are_named(form: str) -> None:
    assert refusal(file_of(drawing(64, 64), form)) == BROKEN


@pytest.mark.parametrize(
    "data", [b"", b"stem,A,B", b"\x89PNG\r\n\x1a\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert refusal(data) == BROKEN


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_picture_is_refused_wherever_it_ends(form: str) -> None:
    data = file_of(photograph(120, 80), form)
    encode(data, "题图")
    for end in [*range(0, len(data), len(data) // 60), len(data) - 20, len(data) - 9]:
        assert refusal(data[:end]) == BROKEN, end


@given(
    st.sampled_from(["PNG", "JPEG", "WEBP"]), st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)))
)
def test_a_damaged_picture_is_taken_or_refused_in_a_sentence(
    form: str, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(file_of(drawing(60, 50), form))
    for place, value in damage:
        data[place % len(data)] = value
    try:
        image = encode(bytes(data), "题图")
    except Invalid as refused:
        assert refused.sentence in {BROKEN, TOO_LONG, "图片不能是动图，请改用静态图片"}  # noqa: PT017
    else:
        assert opened(image.data).size == (image.width, image.height)


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_a_moving_picture_is_refused(form: str) -> None:
    frames = [drawing(), drawing().rotate(90)]
    assert refusal(file_of(frames[0], form, save_all=True, append_images=frames[1:])) == (
        "图片不能是动图，请改用静态图片"
    )


def test_a_telephones_photograph_with_a_second_one_behind_is_taken() -> None:
    data = file_of(photograph(), "MPO", save_all=True, append_images=[photograph(60, 40)])
    assert opened(data).n_frames == 2
    image = encode(data, "题图")
    assert (image.media_type, image.width) == ("image/jpeg", 600)


@pytest.mark.parametrize("size", [(4097, 8), (8, 4097)])
def test_4097_pixels_are_too_many(size: tuple[int, int]) -> None:
    assert refusal(file_of(Image.new("L", size))) == TOO_LONG
    longest = (min(size[0], 4096), min(size[1], 4096))
    assert encode(file_of(Image.new("L", longest)), "题图").media_type == "image/png"


def bomb(width: int, height: int) -> bytes:
    """A file of a few bytes whose pixels would fill the memory."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [5000, 30000, 2**31 - 1])
def test_a_bomb_is_refused_by_what_its_header_says(side: int) -> None:
    assert refusal(bomb(side, side)) == TOO_LONG


def test_the_decoders_own_guard_is_as_tight_and_for_this_decoding_only() -> None:
    with pictures._guarded(), pytest.raises(Image.DecompressionBombWarning):
        Image.open(io.BytesIO(bomb(4096, 4097)))
    with pictures._guarded():
        Image.open(io.BytesIO(bomb(4096, 4096)))
    encode(file_of(drawing()), "题图")
    refusal(bomb(5000, 5000))
    assert Image.MAX_IMAGE_PIXELS == PIXELS_OF_PILLOW


def test_what_stays_too_large_is_refused_with_its_size() -> None:
    noise = Image.frombytes("RGB", (1000, 700), random.Random(3).randbytes(2_100_000))
    data = file_of(noise, "JPEG", quality=85)
    assert len(data) < LARGEST_FILE
    sentence = refusal(data)
    assert sentence.endswith("超过300 KB，请裁剪或缩小后再导入")
    assert int(sentence.removeprefix("图片处理后仍有").split(" ")[0]) > 300


# Files


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    (images / "深").mkdir(parents=True)
    (images / "一.png").write_bytes(file_of(drawing()))
    (images / "深" / "二.jpg").write_bytes(file_of(photograph(), "JPEG"))
    (tmp_path / "outside.png").write_bytes(file_of(drawing()))
    return images


def reason(directory: Path, name: str) -> str:
    with pytest.raises(Invalid) as refused:
        pictures.of_directory(directory)(name, "题图")
    return refused.value.sentence


def test_a_picture_is_found_by_its_path(directory: Path) -> None:
    find = pictures.of_directory(directory)
    first = find("一.png", "甲")
    assert (first.image.media_type, first.image.alt) == ("image/png", "甲")
    assert first.source_digest == hashlib.sha256((directory / "一.png").read_bytes()).digest()
    assert find("深/二.jpg", "乙").image.media_type == "image/jpeg"
    assert find("深\\二.jpg", "乙") == find("./深/../深/二.jpg", "乙")


def test_a_name_as_a_mac_writes_it_is_the_same_name(directory: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Ménière.png")
    assert decomposed != "Ménière.png"
    (directory / decomposed).write_bytes(file_of(drawing()))
    assert pictures.of_directory(directory)("Ménière.png", "题图").image.width == 300


@pytest.mark.parametrize(
    "name",
    [
        "../outside.png",
        "深/../../outside.png",
        "..\\outside.png",
        "{}/outside.png",
        "link.png",
        "up/outside.png",
    ],
)
def test_no_path_leads_out_of_the_directory(directory: Path, name: str) -> None:
    (directory / "link.png").symlink_to(directory.parent / "outside.png")
    (directory / "up").symlink_to(directory.parent, target_is_directory=True)
    name = name.format(directory.parent)
    assert reason(directory, name) == f"图片必须放在 --images 指明的目录之内：{name[:80]}"


@pytest.mark.parametrize("name", ["三.png", "深", ".", "深/三.png", "一.png/x", "长" * 300, "loop"])
def test_what_is_not_there_is_named(directory: Path, name: str) -> None:
    (directory / "loop").symlink_to("loop")
    assert reason(directory, name) == f"找不到图片文件：{name[:80]}"


def test_what_is_no_file_is_not_waited_for(directory: Path) -> None:
    os.mkfifo(directory / "pipe.png")
    assert reason(directory, "pipe.png") == "找不到图片文件：pipe.png"


def test_a_file_has_two_megabytes_at_most(directory: Path) -> None:
    data = file_of(drawing())
    (directory / "just.png").write_bytes(data + bytes(LARGEST_FILE - len(data)))
    (directory / "over.png").write_bytes(data + bytes(LARGEST_FILE - len(data) + 1))
    assert pictures.of_directory(directory)("just.png", "题图").image.width == 300
    assert reason(directory, "over.png") == "图片文件超过2 MB，请压缩后再导入：over.png"
