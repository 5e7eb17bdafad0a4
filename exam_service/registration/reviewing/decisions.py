"""What was decided on a registration, for whoever shows it: the returned form, the history."""

from __future__ import annotations

from uuid import UUID

from exam_service.cycles.policy import ReviewLevel
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.model import Decision, Review
from exam_service.storage.database import Tx


async def reviews_of(tx: Tx, registration_id: UUID, province_id: str) -> list[Review]:
    """All decisions, the newest first; whose registration it is the caller looks at."""
    return await queries.select_reviews(tx, registration_id, province_id)


async def newest_return(tx: Tx, registration_id: UUID, province_id: str) -> Review | None:
    """Why a returned form was returned, with the fields that were marked; ``None`` if it wasn't.

    A return that was undone doesn't count, nor one before a later decision.
    """
    reviews = await queries.select_reviews(tx, registration_id, province_id)
    newest = reviews[0] if reviews else None
    return newest if newest is not None and newest.decision is Decision.RETURNED else None


async def ratings_in_force(tx: Tx, registration_id: UUID, province_id: str) -> Review | None:
    """The decision whose ratings count: the body's approval, before it the institution's."""
    reviews = await queries.select_reviews(tx, registration_id, province_id)
    for level in (ReviewLevel.BODY, ReviewLevel.INSTITUTION):
        newest = next((review for review in reviews if review.level is level), None)
        if newest is not None and newest.decision is Decision.APPROVED:
            return newest
    return None
