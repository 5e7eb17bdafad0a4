"""What a PNG says of itself before anybody decodes it: its size, whether its end has arrived, whether parts
of it are transparent, and which way up it is.

Standard library only, as `jpeg`. Source: Portable Network Graphics, third edition, 5, 11.2.1, 11.3.
"""

import struct
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = SIGNATURE + b"\x00\x00\x00\x0dIHDR"
_WITH_ALPHA = frozenset({4, 6})  # the colour types, of which 3 may have tRNS, as 0 and 2
_UPRIGHT = 1
_END = b"IEND\xaeB`\x82"  # the last chunk is empty, so its checksum is always this one


class BadPng(ValueError):
    """These bytes are no PNG we would decode; `reason` says why, in English, for logs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def dimensions(data: bytes) -> tuple[int, int]:
    """Width and height in pixels from IHDR, which is always the first chunk.

    Raises:
        BadPng: not a PNG, without a sound header, or cut short.
    """
    body = len(_HEADER)
    width = int.from_bytes(data[body : body + 4], "big")
    height = int.from_bytes(data[body + 4 : body + 8], "big")
    if not data.startswith(_HEADER) or width == 0 or height == 0:
        raise BadPng("a PNG without a sound header")
    if data.find(_END, body) < 0:
        raise BadPng("the PNG is cut short")
    return width, height


def may_be_transparent(data: bytes) -> bool:
    """Whether it has an alpha channel, or a colour or palette that is shown as transparent.

    Args:
        data: One whose :func:`dimensions` could be read.
    """
    return data[len(_HEADER) + 9] in _WITH_ALPHA or any(name == b"tRNS" for name, _ in _chunks(data))


def orientation(data: bytes) -> int:
    """EXIF's number for how it lies, 1 to 8; 1 is upright, and what isn't understood counts as upright.

    Source: CIPA DC-008, 4.6.4 and 4.6.5 (tag 0x0112).
    """
    exif = next((body for name, body in _chunks(data) if name == b"eXIf"), b"")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(exif[:4])
    try:
        if order is None:
            return _UPRIGHT
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", exif, place)
            if (tag, kind) == (0x0112, 3) and 1 <= value <= 8:  # noqa: PLR2004 - of the standard
                return int(value)
    except struct.error:  # cut short
        pass
    return _UPRIGHT


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of what stands before the pixels."""
    place = len(SIGNATURE)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        if name == b"IDAT":
            return
        yield name, data[place + 8 : place + 8 + length]
        place += length + 12
