"""Keyed hashes, for looking up what is stored encrypted and for tokens."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def keyed_hash(key: bytes, *parts: str | bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) over length-prefixed parts: ("ab", "c") and ("a", "bc") differ."""
    message = b"".join(len(raw).to_bytes(4) + raw for raw in map(_bytes, parts))
    return hmac.digest(key, message, "sha256")


def new_token() -> str:
    """A random token of 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is stored of a token: SHA-256 is enough, for the token has 256 bits of its own."""
    return hashlib.sha256(_bytes(token)).digest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(_bytes(left), _bytes(right))


def _bytes(text: str | bytes) -> bytes:
    if isinstance(text, bytes):
        return text
    # Headers and cookies may carry bytes that are no text: simply wrong, and no reason to break.
    return text.encode(errors="surrogateescape")
