"""Whether anything of a physician's papers is still open: what may be forgotten depends on it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from exam_service.papers import queries
from exam_service.papers.model import OPEN, State
from exam_service.storage.database import Tx


async def settlement(tx: Tx, registration_id: UUID, province_id: str) -> tuple[bool, datetime | None]:
    """Whether a paper is being sat or awaits the body's word, and when the newest result came.

    A paper that was only prepared, and never begun, holds nothing.
    """
    attempts = await queries.select_attempts(tx, registration_id, province_id)
    is_open = any(
        attempt.state in OPEN - {State.PREPARED} or attempt.awaits_confirmation for attempt in attempts
    )
    return is_open, await queries.select_last_result(tx, registration_id)
