"""Pictures of stems: found in one directory, decoded, and encoded anew: nothing of the file itself is kept.

The only place that opens them; browsers and the database see our own bytes (OWASP ASVS 5.0, V5).
"""

from __future__ import annotations

import hashlib
import io
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image as Pillow
from PIL import ImageOps
from PIL.ImageFile import ImageFile

from exam_service.errors import Invalid
from exam_service.questions.model import DraftImage, Image, Pictures

LARGEST_FILE = 2 * 1024 * 1024
LONGEST_SIDE = 4096
WIDEST = 1280
LARGEST_ENCODED = 300 * 1024
_FORMATS = ("PNG", "JPEG", "WEBP")
_JPEG_QUALITY = 85
_PALETTE = 256
_OPAQUE = 255


def of_directory(directory: Path) -> Pictures:
    """Pictures by their path within ``directory``; one that leads out of it, by whatever way, is refused."""
    root = directory.resolve()

    def picture(name: str, alt: str) -> DraftImage:
        data = _read(_within(root, name))
        return DraftImage(encode(data, alt), hashlib.sha256(data).digest())

    return picture


def _within(root: Path, name: str) -> Path:
    """The file of that name.

    Raises:
        Invalid: It isn't in ``root``, or there is none.
    """
    # Cells are NFC; on a disk that a Mac wrote names may be NFD. Backslashes are what Windows copies.
    for form in ("NFC", "NFD"):
        try:
            path = (root / unicodedata.normalize(form, name.replace("\\", "/"))).resolve()
            if not path.is_relative_to(root):
                raise Invalid(f"图片必须放在 --images 指明的目录之内：{name[:80]}")
            if path.is_file():
                return path
        except (OSError, ValueError, RuntimeError):  # too long a name, a loop of links
            break
    raise Invalid(f"找不到图片文件：{name[:80]}")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as opened:
            data = opened.read(LARGEST_FILE + 1)
    except OSError:
        raise Invalid(f"图片文件无法读取：{path.name}") from None
    if len(data) > LARGEST_FILE:
        raise Invalid(f"图片文件超过{LARGEST_FILE // 1024**2} MB，请压缩后再导入：{path.name}")
    return data


def encode(data: bytes, alt: str) -> Image:
    """A PNG, JPEG or WebP file as a picture of ours: upright, without metadata, at most 1280 pixels wide.

    PNG where it has transparency or at most 256 colours, which is what drawings and tables have; else JPEG.

    Raises:
        Invalid: It is no such file, not whole, animated, or too large before or after.
    """
    picture = _decode(data)
    lossless = picture.mode == "RGBA" or picture.getcolors(_PALETTE) is not None
    if picture.width > WIDEST:
        height = max(1, round(picture.height * WIDEST / picture.width))
        picture = picture.resize((WIDEST, height), Pillow.Resampling.LANCZOS)
    media_type, encoded = "image/png", _png(picture) if lossless else b""
    # An X-ray has 256 greys at most, yet is a photograph: as a PNG it is many times as large.
    if not lossless or (len(encoded) > LARGEST_ENCODED and picture.mode != "RGBA"):
        media_type, encoded = "image/jpeg", _jpeg(picture)
    if len(encoded) > LARGEST_ENCODED:
        size, most = -(-len(encoded) // 1024), LARGEST_ENCODED // 1024
        raise Invalid(f"图片处理后仍有{size} KB，超过{most} KB，请裁剪或缩小后再导入")
    return Image(media_type, picture.width, picture.height, alt, encoded)


def _decode(data: bytes) -> Pillow.Image:
    """Pixels alone: mode L, RGB or RGBA, with nothing in ``info`` that an encoder could write out again."""
    try:
        with _guarded(), _opened(data) as opened, _opened(data) as end:
            if max(opened.size) > LONGEST_SIDE:
                raise Invalid(f"图片边长超过{LONGEST_SIDE}像素，请缩小后再导入")
            # A telephone's JPEG may have a second picture behind the first (MPO); that is no animation.
            if opened.format in {"PNG", "WEBP"} and getattr(opened, "is_animated", False):
                raise Invalid("图片不能是动图，请改用静态图片")
            end.verify()  # a PNG that lacks its end has all its pixels and would pass; it uses the file up
            opened.load()
            pixels = _plain(ImageOps.exif_transpose(opened))
    except Invalid:
        raise
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise Invalid(f"图片边长超过{LONGEST_SIDE}像素，请缩小后再导入") from None
    except Exception:  # noqa: BLE001 - decoders raise whatever a broken file makes them stumble over
        raise Invalid("不是完整的PNG、JPEG或WebP图片，请重新导出后再导入") from None
    pixels.info.clear()
    return pixels


def _opened(data: bytes) -> ImageFile:
    return Pillow.open(io.BytesIO(data), formats=_FORMATS)


@contextmanager
def _guarded() -> Iterator[None]:
    """Pillow's own guard, as tight as ours: it also holds for what a decoder finds out late."""
    before = Pillow.MAX_IMAGE_PIXELS
    Pillow.MAX_IMAGE_PIXELS = LONGEST_SIDE**2
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pillow.DecompressionBombWarning)
            yield
    finally:
        Pillow.MAX_IMAGE_PIXELS = before


def _plain(picture: Pillow.Image) -> Pillow.Image:
    if picture.has_transparency_data:
        with_alpha = picture.convert("RGBA")
        if with_alpha.getchannel("A").getextrema()[0] != _OPAQUE:
            return with_alpha
        return with_alpha.convert("RGB")  # an alpha channel that says nothing, as screenshots have
    if picture.mode.startswith("I"):
        # 16 bits a pixel, as radiographs have; converted right away, all above 255 would be white.
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return picture.convert("L" if picture.mode in {"1", "L"} else "RGB")


def _png(picture: Pillow.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "PNG", optimize=True)
    return written.getvalue()


def _jpeg(picture: Pillow.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return written.getvalue()
