"""A running session: the list with its counts, one attempt, one registration. Viewings are recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import Subject
from exam_service.invigilation import queries
from exam_service.invigilation.model import (
    BEING_SAT,
    PAGE_SIZE,
    TAB_STANDINGS,
    Event,
    Listed,
    Place,
    Search,
    SeatingPlan,
    Tab,
    tab_counts,
)
from exam_service.invigilation.queries import Colleague, Override, Sibling, Watch
from exam_service.invigilation.tiles import Tile
from exam_service.invigilation.usecases.wall import tile_of
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.papers.oversight import SeenRequest, Termination
from exam_service.papers.retakes import MakeupRound
from exam_service.papers.timing import CHECK_HOLDS, LONGEST_IN_LINE, SILENT_AFTER
from exam_service.proctor import usecases as proctor
from exam_service.proctor.identification import UnsettledCheck
from exam_service.proctor.judgement import Finding
from exam_service.proctor.usecases import Outlooks
from exam_service.registration.model import Registration
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_CHECK_HOLDS = CHECK_HOLDS + LONGEST_IN_LINE


@dataclass(frozen=True)
class Board:
    """A page of the list; ``next_place`` is where the next one begins.

    Attributes:
        at: The time that it is true of.
        labels: What papers are called, by cycle and subject.
        being_sat: How many papers a notice to all would reach.
    """

    at: datetime
    rows: list[Listed]
    labels: Mapping[tuple[UUID, Subject], str]
    counts: Mapping[Tab, int]
    being_sat: int
    next_place: Place | None
    is_open: bool


async def _plans(tx: Tx, clock: Clock, principal: Principal) -> list[SeatingPlan]:
    """The papers that somebody of this body may be at now."""
    body_id, province_id = principal.of_body(), principal.province_id
    plans: list[SeatingPlan] = []
    for session in await queries.select_sessions(tx, province_id, body_id, day_in_china(clock.now())):
        if not (session.whole or session.round_id or session.being_sat):
            continue
        policy = (await cycles.cycle_of(tx, session.cycle_id, province_id)).policy
        plans.extend(
            SeatingPlan(
                session.cycle_id,
                procedure,
                rule.subject,
                policy.label(rule.subject),
                session.whole,
                session.round_id,
            )
            for procedure, ruled in policy.procedures.items()
            for rule in ruled.papers
        )
    return plans


async def board(tx: Tx, clock: Clock, principal: Principal, search: Search) -> Board:
    """What the list shows now."""
    now = clock.now()
    silent_since = now - SILENT_AFTER
    body_id, province_id = principal.of_body(), principal.province_id
    plans = await _plans(tx, clock, principal)
    standings = TAB_STANDINGS.get(search.tab)
    rows = await queries.select_listed(
        tx,
        province_id,
        body_id,
        plans,
        silent_since=silent_since,
        checked_since=now - _CHECK_HOLDS,
        name=search.name,
        standings=sorted(standings) if standings else None,
        only_attention=search.tab is Tab.ATTENTION,
        after=search.after,
        limit=PAGE_SIZE + 1,
    )
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    answered = await queries.count_answers(tx, [row.attempt_id for row in rows if row.attempt_id])
    by_standing, attention = await queries.count_listed(
        tx,
        province_id,
        body_id,
        plans,
        silent_since=silent_since,
        checked_since=now - _CHECK_HOLDS,
        name=search.name,
    )
    return Board(
        at=now,
        rows=[
            replace(row, answered=answered.get(row.attempt_id, 0)) if row.attempt_id else row for row in rows
        ],
        labels={(plan.cycle_id, plan.subject): plan.label for plan in plans},
        counts=tab_counts(by_standing, attention),
        being_sat=await papers.being_sat(tx, principal),
        next_place=Place(rows[-1].registration_id, rows[-1].subject) if more else None,
        is_open=bool(plans),
    )


async def list_papers(
    services: Services, principal: Principal, search: Search
) -> tuple[Board, Mapping[UUID, str]]:
    """A page of the list with masked identity numbers by account; recorded as a viewing.

    Raises:
        Forbidden: Not staff of a body.
    """
    async with services.database.tx() as tx:
        found = await board(tx, services.clock, principal, search)
        numbers = {}
        for account_id in dict.fromkeys(row.account_id for row in found.rows):
            number = await accounts.identity_number_of(tx, services.vault, account_id, principal.province_id)
            numbers[account_id] = mask(number or "")
        await audit.record(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="invigilation.listed",
            subject_id=principal.body_id,
            facts={"tab": search.tab.value, "papers": [row.key for row in found.rows]},
        )
    return found, numbers


async def watch_papers(services: Services, principal: Principal, search: Search) -> Board:
    """The list again, without identity numbers, for a page that is open; recorded once a minute.

    Raises:
        Forbidden: Not staff of a body.
    """
    body_id = principal.of_body()
    async with services.database.tx() as tx:
        found = await board(tx, services.clock, principal, search)
        await audit.record_view(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="invigilation.watched",
            subject_id=body_id,
        )
    return found


async def sitting_now(tx: Tx, clock: Clock, principal: Principal) -> tuple[int, int, int]:
    """How many papers of this body are being sat, how many wait for staff, and how many faces to be told."""
    now = clock.now()
    by_standing, attention = await queries.count_listed(
        tx,
        principal.province_id,
        principal.of_body(),
        await _plans(tx, clock, principal),
        silent_since=now - SILENT_AFTER,
        checked_since=now - _CHECK_HOLDS,
        name="",
    )
    faces = {each.attempt_id for each in await proctor.waiting_for_person(tx, principal)}
    return sum(by_standing.get(standing, 0) for standing in BEING_SAT), attention, len(faces)


@dataclass(frozen=True)
class Sheet:
    """One attempt with all that staff decide by."""

    at: datetime
    attempt: Attempt
    label: str
    name: str
    institution: str
    masked_number: str
    watch: Watch
    time_left: timedelta | None
    timeline: Sequence[Event]
    page_events: Mapping[str, int]
    requests: Sequence[SeenRequest]
    termination: Termination | None
    siblings: Sequence[Sibling]
    viewer_asked: bool
    duty: Colleague | None
    colleagues: Sequence[Colleague]
    has_photo: bool
    tile: Tile | None
    findings: Sequence[Finding]
    unsettled: Sequence[UnsettledCheck]


async def sheet(services: Services, outlooks: Outlooks, principal: Principal, attempt_id: UUID) -> Sheet:
    """An attempt with its timeline; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        name, institution = await queries.select_person(
            tx, attempt.account_id, attempt.institution_id, attempt.province_id
        )
        number = await accounts.identity_number_of(
            tx, services.vault, attempt.account_id, attempt.province_id
        )
        watch = await queries.select_watch(
            tx, attempt.id, silent_since=now - SILENT_AFTER, checked_since=now - _CHECK_HOLDS
        )
        termination = await papers.open_termination(tx, attempt)
        tile = await tile_of(tx, services, outlooks, principal, attempt.id)
        outlook = await outlooks.of(tx, [attempt.id], attempt.province_id)
        found = Sheet(
            at=now,
            attempt=attempt,
            label=await papers.label_of(tx, attempt),
            name=name,
            institution=institution,
            masked_number=mask(number or ""),
            watch=watch,
            time_left=max(timedelta(0), attempt.deadline - now)
            if watch.standing in BEING_SAT and attempt.deadline
            else None,
            timeline=await queries.select_timeline(tx, attempt.id, attempt.body_id),
            page_events=await queries.count_page_events(tx, attempt.id),
            requests=await papers.time_requests(tx, attempt),
            termination=termination,
            siblings=await queries.select_attempts_at(
                tx, attempt.registration_id, attempt.subject, attempt.province_id
            ),
            viewer_asked=termination is not None and termination.requested_by == principal.account_id,
            duty=await queries.select_optional_duty(tx, attempt.id),
            colleagues=await queries.select_colleagues(tx, attempt.province_id, attempt.body_id),
            has_photo=(
                await papers.registration_for_body(tx, principal, attempt.registration_id)
            ).photo_is_reviewed,
            tile=tile,
            findings=outlook[attempt.id].findings,
            unsettled=await proctor.unsettled_of(tx, attempt),
        )
        await audit.record_view(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="attempt.viewed",
            subject_id=attempt.id,
        )
    return found


@dataclass(frozen=True)
class PaperOf:
    """A paper of a registration: its minutes by the policy, what was granted, what was sat."""

    subject: Subject
    label: str
    minutes: int
    override: Override | None
    attempts: Sequence[Sibling]


@dataclass(frozen=True)
class RegistrationSheet:
    """A registration with its papers, for what is granted before one is sat."""

    registration: Registration
    name: str
    institution: str
    masked_number: str
    papers: Sequence[PaperOf]


async def registration_sheet(
    services: Services, principal: Principal, registration_id: UUID
) -> RegistrationSheet:
    """A registration and its papers; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's.
    """
    async with services.database.tx() as tx:
        own = await papers.registration_for_body(tx, principal, registration_id)
        name, institution = await queries.select_person(
            tx, own.account_id, own.institution_id, own.province_id
        )
        number = await accounts.identity_number_of(tx, services.vault, own.account_id, own.province_id)
        policy = (await cycles.cycle_of(tx, own.cycle_id, own.province_id)).policy
        overrides = await queries.select_overrides(tx, own.id, own.province_id)
        found = RegistrationSheet(
            own,
            name,
            institution,
            mask(number or ""),
            [
                PaperOf(
                    rule.subject,
                    policy.label(rule.subject),
                    rule.minutes,
                    overrides.get(rule.subject),
                    await queries.select_attempts_at(tx, own.id, rule.subject, own.province_id),
                )
                for rule in policy.procedures[own.procedure].papers
            ],
        )
        await audit.record_view(
            tx,
            services.clock,
            province_id=own.province_id,
            actor_id=principal.account_id,
            action="registration.viewed",
            subject_id=own.id,
        )
    return found


async def makeup(services: Services, principal: Principal) -> tuple[list[MakeupRound], list[Cycle]]:
    """The rounds of this body, and the cycles that it may open one in.

    Raises:
        Forbidden: Not staff of a body.
    """
    async with services.database.tx() as tx:
        return await papers.makeup_rounds(tx, principal), await papers.makeup_cycles(tx, principal)
