"""The journal's entries and their chain. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

GENESIS = bytes(32)


@dataclass(frozen=True)
class Entry:
    """One thing that somebody did or looked at.

    Attributes:
        actor_id: The account that did it; ``None`` for the service itself.
        action: Dotted name, such as ``review.confirmed`` or ``snapshot.viewed``.
        subject_id: What it was done to, mostly an attempt.
        facts: A few values that a reader needs; never an identity number.
    """

    id: UUID
    province_id: str
    at: datetime
    actor_id: UUID | None
    action: str
    subject_id: UUID | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Seal:
    """A link of the chain: the digest up to and with entry ``number``, counted from 1."""

    number: int
    digest: bytes


@dataclass(frozen=True)
class SealedEntry:
    """A link and its entry, ``None`` where somebody removed it."""

    seal: Seal
    entry: Entry | None


@dataclass(frozen=True)
class Damage:
    """An entry from ``first`` to ``last`` was edited or removed.

    Attributes:
        is_signed: A head shows it that was signed of ``last``; else the chain itself does.
    """

    first: int
    last: int
    is_signed: bool = False


@dataclass(frozen=True)
class Unsealed:
    """Entries that the chain doesn't have; ``oldest`` is when the first of them says it was."""

    count: int
    oldest: datetime


def chained(previous: bytes, number: int, entry: Entry) -> bytes:
    """SHA-256 over the previous digest (32 bytes), the number and the canonical JSON of the entry."""
    canonical = json.dumps(
        [
            number,
            str(entry.id),
            entry.province_id,
            entry.at.astimezone(UTC).isoformat(),
            str(entry.actor_id),
            entry.action,
            str(entry.subject_id),
            dict(entry.facts),
        ],
        ensure_ascii=False,
        separators=(",", ":"),
        sort_keys=True,
    )
    return hashlib.sha256(previous + canonical.encode()).digest()
