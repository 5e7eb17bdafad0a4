"""Hash passwords and compare them."""

from __future__ import annotations

import asyncio
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from exam_service.crypto.hashes import new_token

# OWASP's Password Storage Cheat Sheet: Argon2id, 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_EASY_LETTERS = "abcdefghjkmnpqrstuvwxyz"  # none to take for a digit
_EASY_DIGITS = "23456789"


async def hash_password(password: str) -> str:
    """Argon2id in a thread: about 15 ms."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def is_password(stored: str | None, password: str) -> bool:
    """Whether it is the one; takes the same time where there is none to compare with."""
    if stored is None:
        decoy = await asyncio.to_thread(_decoy_hash)
        await asyncio.to_thread(_verify, decoy, password)
        return False
    return await asyncio.to_thread(_verify, stored, password)


def needs_rehash(stored: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return _HASHER.check_needs_rehash(stored)


def new_one_time_password() -> str:
    """About 60 random bits, to be read out and typed once: three groups of letters and digits."""
    return "-".join(
        "".join(secrets.choice(_EASY_LETTERS) for _ in range(3))
        + "".join(secrets.choice(_EASY_DIGITS) for _ in range(2))
        for _ in range(3)
    )


@lru_cache(maxsize=1)
def _decoy_hash() -> str:
    return _HASHER.hash(new_token())


def _verify(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return False
