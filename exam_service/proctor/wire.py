"""A frame as it is sent: a head of 24 bytes, then the JPEG. Pure.

The tag binds a frame to its connection (by the server's nonce), its number and its age: what was recorded on
one connection is refused on any other, and so is a frame sent twice. It is no signature: whoever holds the
page can make one.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from exam_service.proctor.model import BadFrame

NONCE_BYTES = 16
TAG_BYTES = 16
OLDEST_MS = 120_000
"""A frame that is older than this shows nothing that still matters."""

_NUMBERS = struct.Struct(">II")  # seq, age in milliseconds
HEAD_BYTES = _NUMBERS.size + TAG_BYTES


@dataclass(frozen=True, repr=False)
class Sent:
    """A frame as it arrived; ``age_ms`` is how long it was kept before it was sent, as the browser says."""

    seq: int
    age_ms: int
    jpeg: bytes


def compose(nonce: bytes, seq: int, jpeg: bytes, *, age_ms: int = 0) -> bytes:
    """The message that :func:`parse` reads."""
    numbers = _NUMBERS.pack(seq, age_ms)
    return numbers + _tag(nonce, numbers, jpeg) + jpeg


def seq_of(message: bytes) -> int:
    """Which frame a message says it is, for a refusal; 0 when it is too short to say."""
    return int.from_bytes(message[:4]) if len(message) >= HEAD_BYTES else 0


def parse(nonce: bytes, message: bytes) -> Sent:
    """Read a message of the connection that was given ``nonce``.

    Raises:
        BadFrame: Its tag is another's, or it is too short or too old.
    """
    numbers, tag, jpeg = message[: _NUMBERS.size], message[_NUMBERS.size : HEAD_BYTES], message[HEAD_BYTES:]
    if len(message) < HEAD_BYTES or not hmac.compare_digest(tag, _tag(nonce, numbers, jpeg)):
        raise BadFrame("画面校验不符，已跳过。", code="bad_tag")
    seq, age_ms = _NUMBERS.unpack(numbers)
    if age_ms > OLDEST_MS:
        raise BadFrame("画面太久以前拍摄，已跳过。", code="too_old", age_ms=age_ms)
    return Sent(seq, age_ms, jpeg)


def _tag(nonce: bytes, numbers: bytes, jpeg: bytes) -> bytes:
    return hashlib.sha256(nonce + numbers + jpeg).digest()[:TAG_BYTES]
