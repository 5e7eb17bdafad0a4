"""Keys that follow from the master key: derived again wherever they are needed, stored nowhere."""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive_key(master: bytes, *purpose: str) -> bytes:
    """32 bytes by HKDF-SHA-256 (RFC 5869); another purpose gives another key."""
    info = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in ("exam-service", *purpose))
    return HKDF(SHA256(), 32, salt=None, info=info).derive(master)
