"""What a PNG says of itself before anybody decodes it: its size, and whether its end has arrived.

Standard library only, as `jpeg`. Source: Portable Network Graphics, third edition, 5 and 11.2.1.
"""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = SIGNATURE + b"\x00\x00\x00\x0dIHDR"
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
