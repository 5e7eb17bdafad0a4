"""What a JPEG says of itself before anybody decodes it: its size, its scans, whether its end has arrived.

Standard library only: the web process refuses frames by this without ever loading an image decoder, and
the verifier asks it before handing bytes to one. Source: ITU-T T.81 (1992), annex B.

Deliberately stricter than decoders, which skip rubbish between segments: bytes that two readers could
understand in two ways are refused, so the size judged here is the size that would be decoded.
"""

import re
import struct
from collections.abc import Iterator

_START = b"\xff\xd8"
_END_OF_IMAGE = 0xD9
_START_OF_SCAN = 0xDA

# Any number of fill bytes may precede a marker's code (B.1.1.2). The run is possessive, so that a megabyte
# of 0xFF costs one pass and no backtracking.
_MARKER = re.compile(rb"\xff++(.)", re.DOTALL)
# Inside a scan 0xFF is followed by a stuffed zero or is a restart marker; anything else ends the scan.
_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

# Precision, height, width, number of components; three bytes for each component follow (B.2.2).
_FRAME = struct.Struct(">BHHB")

# SOF0 baseline, SOF1 extended sequential, SOF2 progressive: Huffman-coded all three.
_DECODABLE_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
# SOF3 lossless, SOF5-7 differential, JPG reserved, SOF9-11 and SOF13-15 arithmetic: browsers make none.
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xCC}  # DHT and DAC share the range, and are tables
# Stuffed zero, TEM, RSTn, SOI: no length follows them, and none belongs between segments.
_BARE = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})

# A picture of a phone has some dozens; without a bound, ten megabytes of four-byte segments are a second
# of Python for each upload.
_MOST_SEGMENTS = 1024


class BadJpeg(ValueError):
    """These bytes are no JPEG we would decode; `reason` says why, in English, for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def dimensions(data: bytes) -> tuple[int, int]:
    """Width and height in pixels as the frame header gives them, before any rotation told by EXIF.

    Looks no further than that header: what follows may be missing or broken (see `scans`).

    Raises:
        BadJpeg: not a JPEG, cut short before the frame header, malformed or too many segments, no frame
            header before the first scan, a width or height of zero, lossless, differential or arithmetic
            coding.
    """
    for marker, start, end in _segments(data):
        if marker in _DECODABLE_FRAMES:
            return _frame_size(data[start:end])
        if marker in _OTHER_FRAMES:
            raise BadJpeg("lossless, differential or arithmetic coding")
        if marker == _START_OF_SCAN:
            break
    raise BadJpeg("no frame header before the first scan")


def scans(data: bytes) -> int:
    """How many scans the picture is drawn in: 1 for a sequential one, about ten for a progressive one.

    Walks to the end marker, so it is also the answer to whether the picture has arrived whole: a decoder may
    paint what is missing grey and call it a picture, which on a cut frame would read as "no face". What lies
    behind the end marker (phones append films) isn't looked at.

    Raises:
        BadJpeg: not a JPEG, cut short, malformed or too many segments.
    """
    return sum(marker == _START_OF_SCAN for marker, _start, _end in _segments(data))


def _frame_size(header: bytes) -> tuple[int, int]:
    if len(header) < _FRAME.size:
        raise BadJpeg("the frame header has a wrong length")
    _precision, height, width, components = _FRAME.unpack_from(header)
    if len(header) != _FRAME.size + 3 * components:
        raise BadJpeg("the frame header has a wrong length")
    # A height of zero means "told after the first scan" (B.2.5), which decoders don't follow either.
    if width == 0 or height == 0:
        raise BadJpeg("width or height is zero")
    return width, height


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker code, start and end of the payload of each segment up to the end marker."""
    if not data.startswith(_START):
        raise BadJpeg("not a JPEG")
    position = len(_START)
    for _ in range(_MOST_SEGMENTS):
        found = _MARKER.match(data, position)
        if found is None:
            cut = data[position:].strip(b"\xff") == b""
            raise BadJpeg("cut short" if cut else "no marker where one belongs")
        marker = data[found.end() - 1]
        if marker == _END_OF_IMAGE:
            return
        if marker in _BARE:
            raise BadJpeg("a marker out of place")
        start = found.end() + 2
        length = int.from_bytes(data[found.end() : start], "big")  # counts its own two bytes (B.1.1.4)
        end = found.end() + length
        if start > len(data) or end > len(data):
            raise BadJpeg("cut short")
        if end < start:
            raise BadJpeg("a segment shorter than its own length field")
        yield marker, start, end
        position = end if marker != _START_OF_SCAN else _scan_end(data, end)
    raise BadJpeg("too many segments")


def _scan_end(data: bytes, start: int) -> int:
    found = _SCAN_END.search(data, start)
    if found is None:
        raise BadJpeg("cut short")
    return found.start()
