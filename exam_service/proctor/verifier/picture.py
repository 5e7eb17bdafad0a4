"""From uploaded bytes to the frame that everything else looks at."""

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service import jpeg, png
from exam_service.proctor.verifier.unreadable import UnreadableImage

MAX_PIXELS = 40_000_000  # 120 MB once decoded; phones take 12 megapixels unless told otherwise
FRAME_WIDTH = 640
FRAME_HEIGHT = 480

# Encoders write about ten; each further scan of a crafted progressive file costs a pass over all pixels.
_MOST_SCANS = 100


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
    if data.startswith(png.SIGNATURE):
        try:
            return png.dimensions(data)
        except png.BadPng as error:
            raise UnreadableImage(error.reason) from error
    try:
        size = jpeg.dimensions(data)
        scans = jpeg.scans(data)
    except jpeg.BadJpeg as error:
        raise UnreadableImage(f"neither a PNG nor a sound JPEG: {error.reason}") from error
    if scans > _MOST_SCANS:
        raise UnreadableImage(f"a JPEG of more than {_MOST_SCANS} scans")
    return size
