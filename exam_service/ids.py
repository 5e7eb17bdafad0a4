"""Ids are UUIDv7, made in the application: sortable by time, the same in every node."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7 (RFC 9562 §5.7)."""
    return uuid7()
