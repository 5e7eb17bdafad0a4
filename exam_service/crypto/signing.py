"""Signatures on what people take home: Ed25519 (RFC 8032), with a key that follows from the master key."""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from exam_service.crypto.derive import derive_key


class Signer:
    """Signs for one purpose, and checks what it signed."""

    def __init__(self, master: bytes, purpose: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(derive_key(master, "signing", purpose))

    @property
    def public_key(self) -> str:
        """The public key, 32 bytes in base64: whoever has it can check a signature without us."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, text: bytes) -> bytes:
        """A signature of 64 bytes."""
        return self._key.sign(text)

    def is_signed(self, text: bytes, signature: bytes) -> bool:
        try:
            self._key.public_key().verify(signature, text)
        except InvalidSignature:
            return False
        return True
