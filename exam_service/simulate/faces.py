"""Frames as a camera would take them: made once before the run, so that sending them costs little."""

from __future__ import annotations

from dataclasses import dataclass
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

# How far a picture is sheared for a head to seem turned: the nose leaves the middle of the eyes by about a tenth
# of their distance, which a verifier takes for 17° to 20°.
_SHEARS = (0.25, 0.32)


@dataclass(frozen=True)
class Shot:
    """One picture of a person: as it is, and as if they had turned the head to their own left or right."""

    front: bytes
    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


Frames = tuple[Shot, ...]


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
    """Distinct frames (JPEG, 640×480, at most 60 KB) from the pictures of one person, in their order.

    Raises:
        CannotSimulate: A picture can't be read.
    """
    wanted = min(MOST, max(FEWEST, len(pictures)))
    fitted = [_fitted(file) for file in pictures[:MOST]]
    return tuple(_shot(picture) for picture in islice(cycle(fitted), wanted))


def _fitted(file: Path) -> Image.Image:
    try:
        with Image.open(file) as picture:
            upright = ImageOps.exif_transpose(picture).convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise CannotSimulate(f"{file} is not a picture that can be read ({error})") from None
    return ImageOps.pad(upright, SIZE, color=_BACKGROUND)


def _shot(picture: Image.Image) -> Shot:
    return Shot(
        _frame(picture),
        tuple(_frame(turned(picture, shear)) for shear in _SHEARS),
        tuple(_frame(turned(picture, -shear)) for shear in _SHEARS),
    )


def turned(picture: Image.Image, shear: float) -> Image.Image:
    """As if the head were turned, positive to the person's own left: what lies lower moves sideways.

    Of the face's plane that is a shear and no turn, but the nose leaves the middle of the eyes as in one.
    """
    matrix = (1, -shear, shear * picture.height / 2, 0, 1, 0)
    return picture.transform(
        picture.size,
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BICUBIC,
        fillcolor=_BACKGROUND,
    )


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
