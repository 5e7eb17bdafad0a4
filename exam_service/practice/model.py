"""A practice set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from exam_service.questions.model import Item

SET_SIZE = 50


@dataclass(frozen=True)
class PracticeSet:
    """Up to 50 items, drawn at random each time."""

    id: UUID
    bank_id: UUID
    item_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Given:
    """An answer, and whether it was right."""

    option_id: UUID
    right: bool


@dataclass(frozen=True)
class OpenSet:
    """A set as its page shows it."""

    title: str
    items: tuple[Item, ...]
    given: Mapping[UUID, Given]
