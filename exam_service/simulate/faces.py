"""Frames as a camera would take them: made once before the run, so that sending them costs little."""

from __future__ import annotations

from io import BytesIO
from itertools import cycle, islice
from pathlib import Path

import matplotlib as mpl
from PIL import Image, ImageEnhance, ImageOps

from exam_service.simulate import CannotSimulate
from exam_service.simulate.chance import CHANCE

SIZE = (640, 480)
LARGEST_BYTES = 60_000
FEWEST, MOST = 6, 24
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp"})
_BACKGROUND = (96, 100, 104)
_FARTHEST_SHIFT = 14  # pixels: somebody who sits before a phone
_BRIGHTNESS = (0.92, 1.08)
_BEST_QUALITY, _WORST_QUALITY, _QUALITY_STEP = 85, 25, 10

Frames = tuple[bytes, ...]


def shipped_face() -> Path:
    """The public-domain portrait that matplotlib ships."""
    return Path(mpl.get_data_path()) / "sample_data" / "grace_hopper.jpg"


def people(folder: Path | None) -> list[Frames]:
    """The frames of each person: one per subfolder of ``folder`` in order of name, or the shipped portrait's.

    Raises:
        CannotSimulate: A picture can't be read, or there is none.
    """
    if folder is None:
        return [frames_of([shipped_face()])]
    found = [_pictures(each) for each in sorted(folder.iterdir()) if each.is_dir()]
    found = [pictures for pictures in found if pictures]
    if not found:
        raise CannotSimulate(
            f"{folder} has no subfolder with pictures: give each person a folder of their own"
        )
    return [frames_of(pictures) for pictures in found]


def _pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)


def frames_of(pictures: list[Path]) -> Frames:
    """Distinct JPEG frames of 640×480 and at most 60 KB from the pictures of one person, in their order.

    Raises:
        CannotSimulate: A picture can't be read.
    """
    wanted = min(MOST, max(FEWEST, len(pictures)))
    fitted = [_fitted(file) for file in pictures[:MOST]]
    return tuple(_frame(picture) for picture in islice(cycle(fitted), wanted))


def _fitted(file: Path) -> Image.Image:
    try:
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise CannotSimulate(f"{file} is not a picture that can be read ({error})") from None
    return ImageOps.pad(upright, SIZE, color=_BACKGROUND)


def _frame(picture: Image.Image) -> bytes:
    """The picture once more, a little moved and a little lighter or darker, as no two frames are the same."""
    frame = Image.new("RGB", SIZE, _BACKGROUND)
    across, down = (CHANCE.randint(-_FARTHEST_SHIFT, _FARTHEST_SHIFT) for _ in SIZE)
    frame.paste(picture, (across, down))
    frame = ImageEnhance.Brightness(frame).enhance(CHANCE.uniform(*_BRIGHTNESS))
    for quality in range(_BEST_QUALITY, _WORST_QUALITY, -_QUALITY_STEP):
        jpeg = _jpeg(frame, quality)
        if len(jpeg) <= LARGEST_BYTES:
            return jpeg
    return _jpeg(frame, _WORST_QUALITY)


def _jpeg(frame: Image.Image, quality: int) -> bytes:
    buffer = BytesIO()
    frame.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
