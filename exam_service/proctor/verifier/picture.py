"""From uploaded bytes to the frame that everything else looks at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor import jpeg
from exam_service.proctor.verifier.unreadable import UnreadableImage

MAX_PIXELS = 40_000_000  # 120 MB once decoded; phones take 12 megapixels unless told otherwise
FRAME_WIDTH = 640
FRAME_HEIGHT = 480

# Encoders write about ten; each further scan of a crafted progressive file costs a pass over all pixels.
_MOST_SCANS = 100

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = _PNG + b"\x00\x00\x00\x0dIHDR"
_PNG_END = b"IEND\xaeB`\x82"  # the last chunk is empty, so its checksum is always this one


def decode(data: bytes) -> NDArray[np.uint8]:
    """The picture as uint8 RGB of shape (height, width, 3), turned upright as its EXIF says.

    JPEG or PNG; greyscale, palette and 16 bits become 8-bit RGB, an alpha channel is dropped.
    Size and completeness are judged from the header, so that no decoder ever allocates for a refused one.

    Raises:
        UnreadableImage: neither JPEG nor PNG, over `MAX_PIXELS`, cut short, or refused by the decoder.
    """
    width, height = _announced_size(data)
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width}×{height} is more than {MAX_PIXELS // 1_000_000} megapixels")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    except cv2.error as error:
        raise UnreadableImage("the decoder refused it") from error
    if image is None:
        raise UnreadableImage("the decoder refused it")
    return np.asarray(image, np.uint8)


def fit(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture made to lie within 640×480, its proportions kept; a smaller one is returned as it is.

    Every face is looked for at this size, in frames and in photos alike, so that the time it takes is bounded
    and a score means the same everywhere. The price: who stands far behind, under the detector's 80 pixels
    once fitted, isn't counted.
    """
    height, width = image.shape[:2]
    scale = min(FRAME_WIDTH / width, FRAME_HEIGHT / height)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    # Averaged over the area: plain interpolation skips pixels and leaves edges that HOG takes for faces.
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _announced_size(data: bytes) -> tuple[int, int]:
    if data.startswith(_PNG):
        return _png_size(data)
    try:
        size = jpeg.dimensions(data)
        scans = jpeg.scans(data)
    except jpeg.BadJpeg as error:
        raise UnreadableImage(f"neither a PNG nor a sound JPEG: {error.reason}") from error
    if scans > _MOST_SCANS:
        raise UnreadableImage(f"a JPEG of more than {_MOST_SCANS} scans")
    return size


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height from IHDR, which is always the first chunk (PNG, third edition, 11.2.1)."""
    body = len(_PNG_HEADER)
    width = int.from_bytes(data[body : body + 4], "big")
    height = int.from_bytes(data[body + 4 : body + 8], "big")
    if not data.startswith(_PNG_HEADER) or width == 0 or height == 0:
        raise UnreadableImage("a PNG without a sound header")
    if data.find(_PNG_END, body) < 0:
        raise UnreadableImage("the PNG is cut short")
    return width, height
