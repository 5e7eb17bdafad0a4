"""Whether a file is a picture that may come in, by its bytes and header alone: nothing is decoded. Pure."""

from __future__ import annotations

from exam_service import jpeg, png
from exam_service.cycles.form_rules import MEGABYTE, PictureType, UploadKind, UploadRule
from exam_service.errors import Invalid
from exam_service.registration.form.model import Crop

MOST_PIXELS = 40_000_000
"""120 MB once decoded; phones take 12 megapixels unless told otherwise."""
_MOST_SCANS = 100
_SMALLEST_PHOTO = 200
"""Pixels of the shorter side of what is cut out: a printed inch at 200 dpi."""
_WHOLE = 1000
_INCH = (25, 35)
_KNOWN = (
    (b"%PDF", "PDF文档"),
    (b"PK\x03\x04", "压缩文件或Office文档"),
    (b"GIF8", "GIF动图"),
    (b"RIFF", "WebP图片"),
    (b"BM", "BMP图片"),
)


class BadPicture(Invalid):
    """A file that isn't taken, with the reason and what to do."""

    default_code = "bad_picture"


def check_picture(data: bytes, rule: UploadRule) -> tuple[int, int]:
    """Width and height that a file announces, before any rotation told by EXIF.

    Raises:
        BadPicture: Too large, of a type that isn't taken whatever its name, not whole, or too many pixels.
    """
    if len(data) > rule.max_bytes:
        raise BadPicture(
            f"图片约{len(data) / MEGABYTE:.1f}MB，超过了{rule.max_megabytes}MB的限制，"
            "没有上传。请压缩或重新拍摄后再上传，已填写的内容不受影响。",
            code="picture_too_large",
        )
    kind = _type_of(data)
    if kind is None or kind not in rule.types:
        raise BadPicture(_of_what_type(data, rule), code="picture_type")
    try:
        if kind is PictureType.PNG:
            width, height = png.dimensions(data)
        else:
            width, height = jpeg.dimensions(data)
            if jpeg.scans(data) > _MOST_SCANS:
                raise jpeg.BadJpeg("too many scans")
    except (jpeg.BadJpeg, png.BadPng) as error:
        raise BadPicture(
            "图片不完整或已损坏，请重新拍摄，或用相册另存一份后再上传。",
            code="picture_broken",
        ) from error
    if width * height > MOST_PIXELS:
        raise BadPicture("图片的像素过大，请缩小到4000万像素以内后再上传。", code="picture_pixels")
    return width, height


def read_crop(text: str) -> Crop | None:
    """``left,top,right,bottom`` in thousandths, as the page sends it; ``None`` for anything else."""
    try:
        left, top, right, bottom = map(int, text.split(","))
    except ValueError:
        return None
    if 0 <= left < right <= _WHOLE and 0 <= top < bottom <= _WHOLE:
        return Crop(left, top, right, bottom)
    return None


def pixels_of(crop: Crop | None, kind: UploadKind, width: int, height: int) -> tuple[int, int, int, int]:
    """What is cut out of an upright picture: left, top, right, bottom in pixels.

    Without a crop a photo is cut to the middle, as tall and wide as one inch (25 × 35 mm); other pictures are
    taken whole.
    """
    if crop is not None:
        return (
            crop.left * width // _WHOLE,
            crop.top * height // _WHOLE,
            max(crop.right * width // _WHOLE, crop.left * width // _WHOLE + 1),
            max(crop.bottom * height // _WHOLE, crop.top * height // _WHOLE + 1),
        )
    if kind is not UploadKind.PHOTO:
        return 0, 0, width, height
    across, down = _INCH
    if width * down > height * across:
        narrow = max(1, height * across // down)
        left = (width - narrow) // 2
        return left, 0, left + narrow, height
    low = max(1, width * down // across)
    top = (height - low) // 2
    return 0, top, width, top + low


def check_photo_size(crop: Crop | None, width: int, height: int) -> None:
    """Raises BadPicture for a photo of which too few pixels are left; sides may still be swapped by EXIF."""
    left, top, right, bottom = pixels_of(crop, UploadKind.PHOTO, width, height)
    if min(right - left, bottom - top) < _SMALLEST_PHOTO:
        raise BadPicture(
            "照片太小，打印出来会不清楚。请上传更清晰的照片，或把裁剪框放大一些。", code="photo_too_small"
        )


def _type_of(data: bytes) -> PictureType | None:
    if data.startswith(png.SIGNATURE):
        return PictureType.PNG
    return PictureType.JPEG if data.startswith(b"\xff\xd8\xff") else None


def _of_what_type(data: bytes, rule: UploadRule) -> str:
    wanted = f"请上传{rule.type_words}格式的图片"
    if not data:
        return f"文件是空的，{wanted}。"
    if _type_of(data) is PictureType.PNG:
        return f"这里不接受png图片，{wanted}。"
    if b"ftyphei" in data[:16] or b"ftypmif1" in data[:16]:
        return f"这是HEIC格式的照片，{wanted}：可在手机相机设置中选“兼容性最佳”后重新拍摄，或截图后上传。"
    for head, name in _KNOWN:
        if data.startswith(head):
            return f"这个文件实际上是{name}，只改扩展名不能转换格式，{wanted}。"
    return f"这个文件不是图片，只改扩展名不能转换格式，{wanted}。"
