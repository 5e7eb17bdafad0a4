"""AES-256-GCM envelopes (NIST SP 800-38D).

Layout: version (1 byte) · id of the data key (16) · nonce (12) · ciphertext and tag. The row's id is the
associated data, so that a ciphertext moved to another row does not open. The data key itself is *not* in the
envelope: it lies wrapped in the table ``data_key``, where destroying it is the purge of all it sealed
(see docs/decisions/0005).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = 1
_ID_BYTES = 16
_NONCE_BYTES = 12
_HEAD_BYTES = 1 + _ID_BYTES


class BadEnvelope(ValueError):
    """Not an envelope of ours, altered, sealed with another key, or for another row."""


@dataclass(frozen=True, repr=False)
class DataKey:
    """A key that seals one physician's data of one class; ``secret`` is 32 bytes."""

    id: UUID
    secret: bytes


def new_secret() -> bytes:
    """32 random bytes for a new data key."""
    return AESGCM.generate_key(256)


def seal(key: DataKey, plain: bytes, row_id: UUID) -> bytes:
    """Encrypt ``plain`` for the row ``row_id``."""
    nonce = os.urandom(_NONCE_BYTES)
    head = bytes([VERSION]) + key.id.bytes
    return head + nonce + AESGCM(key.secret).encrypt(nonce, plain, head + row_id.bytes)


def data_key_id(envelope: bytes) -> UUID:
    """Which data key opens this envelope.

    Raises:
        BadEnvelope: It is too short or of an unknown version.
    """
    if len(envelope) < _HEAD_BYTES + _NONCE_BYTES or envelope[0] != VERSION:
        raise BadEnvelope("not an envelope of a version that this program knows")
    return UUID(bytes=envelope[1:_HEAD_BYTES])


def open_envelope(key: DataKey, envelope: bytes, row_id: UUID) -> bytes:
    """Decrypt what :func:`seal` made for the same row.

    Raises:
        BadEnvelope: Altered, another key's, or another row's.
    """
    if data_key_id(envelope) != key.id:
        raise BadEnvelope("sealed with another data key")
    nonce = envelope[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
    try:
        return AESGCM(key.secret).decrypt(
            nonce, envelope[_HEAD_BYTES + _NONCE_BYTES :], envelope[:_HEAD_BYTES] + row_id.bytes
        )
    except InvalidTag:
        raise BadEnvelope("altered, or sealed for another row") from None
