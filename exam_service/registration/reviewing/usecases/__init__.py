"""Look through what was submitted, decide, undo; follow progress; take lists home."""

from __future__ import annotations

from exam_service.registration.reviewing.usecases.bulk import (
    Bulked,
    Sorted,
    approve_many,
    bulk,
    undo_many,
)
from exam_service.registration.reviewing.usecases.deciding import (
    Basis,
    Decided,
    approve,
    rate_and_approve,
    return_form,
    undo,
)
from exam_service.registration.reviewing.usecases.exporting import Export, Exported, export
from exam_service.registration.reviewing.usecases.listing import (
    ListPage,
    cards,
    find,
    list_page,
    recent,
)
from exam_service.registration.reviewing.usecases.progress import ProgressPage, progress
from exam_service.registration.reviewing.usecases.reading import Dossier, dossier, next_awaiting, picture

__all__ = [
    "Basis",
    "Bulked",
    "Decided",
    "Dossier",
    "Export",
    "Exported",
    "ListPage",
    "ProgressPage",
    "Sorted",
    "approve",
    "approve_many",
    "bulk",
    "cards",
    "dossier",
    "export",
    "find",
    "list_page",
    "next_awaiting",
    "picture",
    "progress",
    "rate_and_approve",
    "recent",
    "return_form",
    "undo",
    "undo_many",
]
