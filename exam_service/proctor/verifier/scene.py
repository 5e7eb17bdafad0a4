"""The whole frame in little: what it looks like, and whether something beside the sitter has changed."""

import cv2
import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.verifier.picture import shrunk
from exam_service.proctor.verifier.reading import Box

_COLUMNS, _ROWS = 32, 24

# A cell of 20×20 pixels has changed when it is lighter or darker by so much (of 255) than it and all its
# neighbours were: a camera held by hand moves by less than a cell, and what it saw is still next door.
_STEP = 20
# So many together: somebody's head at 80 pixels covers 16 cells, their shoulders as many again. Twelve and a
# step of 16 found one visitor in fifty sooner, and had a third more frames searched whole.
_CELLS = 16
# How far the sitter's head may go, in widths of the face, before it is taken for a change of the room.
_SWAY = 0.5

_LOOK_BITS = 64


def thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey frame as 32×24 cells, each the mean of what it covers: uint8 (24, 32)."""
    return shrunk(grey, (_COLUMNS, _ROWS))


def look(cells: NDArray[np.uint8]) -> int:
    """64 bits of perceptual hash as a signed number: near pictures differ in few bits.

    Each bit says whether the picture gets lighter from one of nine columns to the next, in eight rows
    (difference hash, Krawetz, "Kind of Like That", 2013).
    """
    nine = cv2.resize(cells, (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = np.packbits(nine[:, 1:] > nine[:, :-1])
    return int.from_bytes(bits.tobytes(), "big", signed=True)


def likeness(one: int, other: int) -> int:
    """In how many of 64 bits two looks differ (Hamming distance)."""
    return ((one ^ other) & (1 << _LOOK_BITS) - 1).bit_count()


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8], sitter: Box, size: tuple[int, int]) -> bool:
    """Whether something came, went or moved away from the sitter.

    What the sitter's head can cover, and all below it, is left out; so is a change of the light as a whole.

    Args:
        before: `thumbnail` of the frame that was last searched whole.
        after: of this frame.
        sitter: The box of the face in the last frame.
        size: Width and height of the frame the box is in.
    """
    if before.shape != after.shape:
        return True
    width, height = size
    left, top, right, _ = sitter
    reach = _SWAY * (right - left)
    aside = np.ones(after.shape, bool)
    columns = slice(
        max(0, int((left - reach) * _COLUMNS / width)), int(np.ceil((right + reach) * _COLUMNS / width))
    )
    aside[max(0, int((top - reach) * _ROWS / height)) :, columns] = False
    if not aside.any():
        return True
    around = np.ones((3, 3), np.uint8)
    lightest = cv2.dilate(before, around).astype(np.int16)
    darkest = cv2.erode(before, around).astype(np.int16)
    lighter = _middle(after[aside]) - _middle(before[aside])
    now = after.astype(np.int16) - lighter
    new = (now > lightest + _STEP) | (now < darkest - _STEP)
    return bool(np.count_nonzero(new & aside) >= _CELLS)


def _middle(cells: NDArray[np.uint8]) -> int:
    """The median; numpy's own takes ten times as long for so few."""
    return int(np.partition(cells, cells.size // 2)[cells.size // 2])
