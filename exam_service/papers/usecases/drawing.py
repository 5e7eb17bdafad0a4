"""The paper of an attempt: drawn when it is prepared, or ahead of a cycle's surge."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle, end_of
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict
from exam_service.institutions.model import Category, Level
from exam_service.papers import queries
from exam_service.papers.model import Attempt
from exam_service.papers.queries import DrawnPaper, Paper
from exam_service.papers.retakes import MakeupRound, PaperOffer, offers_of
from exam_service.questions import usecases as questions
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.storage.database import Database, Tx

log = logging.getLogger(__name__)

_BATCH = 500


async def lay_paper(tx: Tx, entitled: Entitlement, attempt: Attempt) -> None:
    """Give a new attempt the paper that was drawn ahead for it, or draw one now.

    Raises:
        Conflict: The banks hold too few items.
    """
    own = entitled.registration
    paper = await queries.delete_drawn_paper(tx, own.id, attempt.subject, attempt.ordinal)
    if paper is None or not await _still_fits(tx, entitled, attempt, paper):
        avoid = []
        if attempt.rule.fresh_items:
            avoid = await queries.select_earlier_papers(tx, own.id, attempt.subject)
        paper = await questions.draw(
            tx,
            province_id=own.province_id,
            subject=attempt.subject,
            category=own.category,
            level=own.level,
            count=attempt.total,
            avoid=avoid,
        )
    await queries.insert_attempt_items(tx, attempt.id, paper)


async def _still_fits(tx: Tx, entitled: Entitlement, attempt: Attempt, paper: Paper) -> bool:
    """The policy, the physician's category or the banks may have changed since it was drawn."""
    own = entitled.registration
    return len(paper) == attempt.total and await questions.are_exam_items(
        tx,
        [item_id for item_id, _ in paper],
        province_id=own.province_id,
        subject=attempt.subject,
        category=own.category,
        level=own.level,
    )


@dataclass(frozen=True)
class Prepared:
    """What :func:`prepare` did: papers drawn now, papers drawn before, papers that can't be drawn."""

    drawn: int = 0
    kept: int = 0
    failed: int = 0

    def __add__(self, other: Prepared) -> Prepared:
        return Prepared(self.drawn + other.drawn, self.kept + other.kept, self.failed + other.failed)


async def prepare(
    database: Database,
    clock: Clock,
    *,
    province_id: str | None = None,
    cycle_id: UUID | None = None,
    say: Callable[[str], None] = log.info,
) -> Prepared:
    """Draw the next paper of everybody who may sit one, so that a start needs only to copy it.

    Of all cycles that are not over, or those of a province, or one. Run again it draws what has come since; a
    paper that is never started does no harm. What is drawn is checked again when it is used.

    Args:
        say: Takes a line of progress at a time.
    """
    now = clock.now()
    async with database.tx() as tx:
        coming = await cycles.cycles_to_sit(tx, now, province_id=province_id, cycle_id=cycle_id)
    total = Prepared()
    for cycle in coming:
        after, seen = None, 0
        while True:
            async with database.tx() as tx:
                page = await registration.testable(tx, cycle, after, _BATCH)
                if not page:
                    break
                total += await _prepare_page(tx, cycle, page, now, say)
            after, seen = page[-1].registration.id, seen + len(page)
            say(f"{cycle.title}: {seen} registrations, {total.drawn} papers drawn")
    return total


async def _prepare_page(
    tx: Tx, cycle: Cycle, page: Sequence[Entitlement], now: datetime, say: Callable[[str], None]
) -> Prepared:
    ids = [entitled.registration.id for entitled in page]
    attempts = await queries.select_attempts_of(tx, ids, cycle.province_id)
    drawn = await queries.select_drawn(tx, ids)
    earlier = await queries.select_earlier_papers_of(tx, ids)
    rounds = await _rounds_of(tx, cycle, page)
    wanted: defaultdict[tuple[Subject, Category, Level], list[DrawnPaper]] = defaultdict(list)
    counts: dict[tuple[UUID, Subject, int], int] = {}
    kept = 0
    for entitled in page:
        own = entitled.registration
        for offer in _to_draw(entitled, attempts.get(own.id, []), rounds[own.body_id], now):
            blank = DrawnPaper(own.id, offer.rule.subject, len(offer.attempts) + 1, [])
            if blank.key in drawn:
                kept += 1
                continue
            counts[blank.key] = offer.rule.items
            if not offer.rule.fresh_items:
                earlier.pop((own.id, offer.rule.subject), None)
            wanted[offer.rule.subject, own.category, own.level].append(blank)
    papers: list[DrawnPaper] = []
    failed = 0
    for (subject, category, level), blanks in wanted.items():
        try:
            laid = await questions.draw_many(
                tx,
                province_id=cycle.province_id,
                subject=subject,
                category=category,
                level=level,
                wanted=[
                    (counts[blank.key], earlier.get((blank.registration_id, subject), ())) for blank in blanks
                ],
            )
        except Conflict as too_few:
            failed += len(blanks)
            say(f"{cycle.title}: {subject}, {category}, {level}: {too_few.sentence}")
            continue
        papers += [replace(blank, paper=paper) for blank, paper in zip(blanks, laid, strict=True)]
    await queries.insert_drawn_papers(tx, papers, now)
    return Prepared(len(papers), kept, failed)


async def _rounds_of(tx: Tx, cycle: Cycle, page: Sequence[Entitlement]) -> Mapping[UUID, list[MakeupRound]]:
    """The make-up rounds, by body."""
    bodies = {entitled.registration.body_id for entitled in page}
    return {
        body_id: await queries.select_rounds(tx, cycle.id, body_id, cycle.province_id) for body_id in bodies
    }


def _to_draw(
    entitled: Entitlement, attempts: Sequence[Attempt], rounds: Sequence[MakeupRound], now: datetime
) -> list[PaperOffer]:
    """What could be started now, or on the first day of the tests, and has no attempt that goes on."""
    moment = max(now, end_of(entitled.cycle.tests_from - timedelta(days=1)))
    return [
        offer
        for offer in offers_of(entitled, attempts, moment, rounds=rounds)
        if offer.availability.may_start and offer.availability.resumes is None
    ]
