"""From uploaded bytes to the frame that everything else looks at."""

from typing import Any

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

    JPEG or PNG; greyscale, palette and 16 bits become 8-bit RGB. What is transparent becomes white, the
    ground of a document's photo: the colours beneath it were never meant to be seen, and mostly are black.
    Size and completeness are judged from the header, so that no decoder ever allocates for a refused one.

    Raises:
        UnreadableImage: neither JPEG nor PNG, over `MAX_PIXELS`, cut short, or refused by the decoder.
    """
    width, height = _announced_size(data)
    if width * height > MAX_PIXELS:
        raise UnreadableImage(f"{width}×{height} is more than {MAX_PIXELS // 1_000_000} megapixels")
    if data.startswith(png.SIGNATURE) and png.may_be_transparent(data):
        return _upright(_on_white(_decoded(data, cv2.IMREAD_UNCHANGED)), png.orientation(data))
    return np.asarray(_decoded(data, cv2.IMREAD_COLOR_RGB), np.uint8)


def _decoded(data: bytes, how: int) -> NDArray[Any]:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    except cv2.error as error:
        raise UnreadableImage("the decoder refused it") from error
    if image is None:
        raise UnreadableImage("the decoder refused it")
    return image


def _on_white(image: NDArray[Any]) -> NDArray[np.uint8]:
    """Of BGRA as it was decoded, 8 or 16 bits, the RGB that is seen on white. Channel by channel, so that no
    more than the picture itself is held: 320 MB at the very most.
    """
    if image.dtype == np.uint16:
        image = cv2.convertScaleAbs(image, alpha=1 / 257)
    if image.ndim == 2:  # noqa: PLR2004 - a grey that was meant to be transparent, which OpenCV doesn't tell
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB), np.uint8)
    if image.shape[2] == 3:  # noqa: PLR2004 - nothing is transparent after all
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
    *colours, alpha = cv2.split(image)
    for colour in colours:  # what is missing to white, as far as it is seen
        cv2.bitwise_not(colour, dst=colour)
        cv2.multiply(colour, alpha, dst=colour, scale=1 / 255)
        cv2.bitwise_not(colour, dst=colour)
    return np.asarray(cv2.merge(colours[::-1]), np.uint8)


def _upright(image: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turned and mirrored as EXIF's ``orientation`` asks for; `cv2.IMREAD_UNCHANGED` leaves that to us."""
    if orientation >= 5:  # noqa: PLR2004 - 5 to 8: rows and columns are swapped
        image = np.transpose(image, (1, 0, 2))
    if orientation in {2, 3, 6, 7}:
        image = image[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        image = image[::-1]
    return np.ascontiguousarray(image)


def fit(image: NDArray[np.uint8], times: int = 1) -> NDArray[np.uint8]:
    """The picture made to lie within 640×480, its proportions kept; a smaller one is returned as it is.

    Every face is looked for at this size, in frames and in photos alike, so that the time it takes is bounded
    and a score means the same everywhere. The price: who stands far behind, under the detector's 80 pixels
    once fitted, isn't counted.

    Args:
        times: Within so many times that size, for a second and closer look.
    """
    height, width = image.shape[:2]
    scale = times * min(FRAME_WIDTH / width, FRAME_HEIGHT / height)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return shrunk(image, size)


def shrunk(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """The image at that width and height, each pixel the mean of those it covers.

    Plain interpolation skips pixels and leaves edges that HOG takes for faces. Halves are made first, as long
    as they come out even: OpenCV is five times as quick at them.
    """
    width, height = size
    while (
        image.shape[1] >= 2 * width
        and image.shape[0] >= 2 * height
        and image.shape[1] % 2 == image.shape[0] % 2 == 0
    ):
        half = image.shape[1] // 2, image.shape[0] // 2
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
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
