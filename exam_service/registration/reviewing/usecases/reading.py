"""One submitted form with its pictures and decisions, and what rules say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.crypto.envelope import data_key_id, open_envelope
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, ReviewLevel, Stage
from exam_service.errors import Conflict, NotFound
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.checks import Shortfall, years_between, years_shortfall
from exam_service.registration.form.model import LICENCE_SLOT, PHOTO_SLOT, Form, Upload, parse_form
from exam_service.registration.model import Entitlement, Registration
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.filters import STATES, Filter, Place, Tab
from exam_service.registration.reviewing.model import (
    AWAITING,
    Check,
    Decision,
    Doubt,
    Facts,
    Outcome,
    Ratings,
    Review,
    checklist,
    doubts,
    may_undo,
    outcome,
    self_assessed,
    ticked_beforehand,
)
from exam_service.registration.reviewing.queries import Person, Submitted
from exam_service.registration.reviewing.usecases.listing import neighbours
from exam_service.registration.reviewing.usecases.scoping import (
    check_is_theirs,
    level_of,
    newest_scope,
    office_of,
)
from exam_service.storage.database import Tx
from exam_service.storage.vault import Vault
from exam_service.wiring import Services


@dataclass(frozen=True)
class Read:
    """A submission as rules see it."""

    submission_id: UUID
    form: Form
    facts: Facts


@dataclass(frozen=True)
class Dossier:
    """A submitted form with all that a decision rests on.

    Attributes:
        number: The identity number, whole: the reviewer compares it with the pictures.
        department: Of the form.
        uploads: Its pictures, whatever became of them.
        reviews: All decisions, the newest first.
        wanted: What this level looks at; ``ticked`` is what the service has nothing against.
        ratings: What the form of a rating begins with.
        closed: Why nothing can be decided today; ``None`` while the stage is open.
        awaits: Whether this level is to decide now.
        undoable: Whether the newest decision may be taken back by this level.
        leads_to: Where an approval with these ratings leads.
    """

    level: ReviewLevel
    registration: Registration
    cycle: Cycle
    person: Person
    number: str
    department: str | None
    uploads: list[Upload]
    read: Read
    reviews: list[Review]
    doubts: tuple[Doubt, ...]
    wanted: tuple[Check, ...]
    ticked: frozenset[Check]
    ratings: Ratings
    closed: str | None
    awaits: bool
    undoable: bool
    leads_to: Outcome
    previous: UUID | None
    following: UUID | None
    at: datetime

    @property
    def newest(self) -> Review | None:
        return self.reviews[0] if self.reviews else None


async def read_many(
    tx: Tx,
    vault: Vault,
    cycle: Cycle,
    registration_ids: Sequence[UUID],
    reviews: Mapping[UUID, Sequence[Review]],
) -> dict[UUID, Read]:
    """The newest submissions of many registrations of a cycle, and the facts that rules ask for.

    Who never submitted, or whose form is purged, is left out.
    """
    submitted = await queries.select_submitted(tx, registration_ids, cycle.province_id)
    keys = await vault.keys_of(tx, [each.content for each in submitted])
    pictures = await queries.select_pictures(tx, registration_ids)
    accepted: dict[UUID, dict[str, bool]] = {}
    for picture in pictures:
        slots = accepted.setdefault(picture.registration_id, {})
        slots[picture.slot] = slots.get(picture.slot, True) and picture.is_accepted
    found = {}
    for each in submitted:
        key = keys.get(data_key_id(each.content))
        if key is None:
            continue
        content = parse_form(json.loads(open_envelope(key, each.content, each.submission_id)))
        facts = _facts(
            cycle, each, content, accepted.get(each.registration_id, {}), reviews[each.registration_id]
        )
        found[each.registration_id] = Read(each.submission_id, content, facts)
    return found


def _facts(
    cycle: Cycle, submitted: Submitted, content: Form, pictures: Mapping[str, bool], reviews: Sequence[Review]
) -> Facts:
    since = [review for review in reviews if review.id > submitted.submission_id]
    rated = next(
        (
            review.ratings
            for review in reviews
            if review.level is ReviewLevel.INSTITUTION and review.decision is Decision.APPROVED
        ),
        None,
    )
    return Facts(
        own=self_assessed(content.conduct),
        institution=rated,
        has_bad_records=submitted.has_bad_records,
        shortfall=_shortfall(cycle, content, submitted),
        photo_accepted=pictures.get(PHOTO_SLOT, False),
        licence_accepted=not cycle.policy.form.licence or pictures.get(LICENCE_SLOT, False),
        returned=any(review.decision is Decision.RETURNED_TO_INSTITUTION for review in since),
    )


def _shortfall(cycle: Cycle, content: Form, submitted: Submitted) -> Shortfall | None:
    """What the physician was told of, from the same days."""
    known = (content.practice.licensed_on, submitted.first_registered_on, submitted.licensed_on)
    since = min((day for day in known if day), default=None)
    first_day = cycle.stages.get(Stage.REGISTRATION, (cycle.tests_from,))[0]
    until = cycle.policy.form.years_until or first_day
    return years_shortfall(content, cycle.policy, years_between(since, until) if since else None)


async def dossier(services: Services, principal: Principal, registration_id: UUID, wanted: Filter) -> Dossier:
    """A submitted form with its claims, pictures and decisions; recorded as a viewing.

    Args:
        wanted: The list that was come from: where next and previous lead.

    Raises:
        NotFound: It isn't one of this institution's or body's, or was never submitted.
    """
    level = level_of(principal)
    now = services.clock.now()
    async with services.database.tx() as tx:
        entitled = await registration.entitlement_of(tx, registration_id, principal.province_id)
        own, cycle = entitled.registration, entitled.cycle
        check_is_theirs(principal, own)
        reviews = await queries.select_reviews(tx, own.id, own.province_id)
        read = (await read_many(tx, services.vault, cycle, [own.id], {own.id: reviews})).get(own.id)
        if read is None:
            raise NotFound("这份报名信息已按保存期限清除，不能再查看。", code="purged", registration=own.id)
        numbers = await accounts.identity_numbers_of(tx, services.vault, own.province_id, [own.account_id])
        departments = await queries.select_departments(tx, own.institution_id, own.province_id)
        previous, following = await _beside(tx, services, principal, own, wanted)
        checks = checklist(level, simple=own.procedure is Procedure.SIMPLE, licence=cycle.policy.form.licence)
        facts = read.facts
        ratings = facts.institution or facts.own
        found = Dossier(
            level=level,
            registration=own,
            cycle=cycle,
            person=await queries.select_person(
                tx, own.account_id, own.institution_id, own.body_id, own.province_id
            ),
            number=numbers.get(own.account_id, ""),
            department=departments.get(read.form.practice.department_id)
            if read.form.practice.department_id
            else None,
            uploads=await form.uploads_of(tx, own.id),
            read=read,
            reviews=reviews,
            doubts=doubts(level, facts),
            wanted=checks,
            ticked=ticked_beforehand(level, checks, facts),
            ratings=ratings,
            closed=closed(cycle, now),
            awaits=own.state is AWAITING[level],
            undoable=may_undo(reviews[0] if reviews else None, own.state, now, level)
            and reviews[0].office == office_of(principal),
            leads_to=outcome(level, Decision.APPROVED, ratings, papers=has_papers(entitled)),
            previous=previous,
            following=following,
            at=now,
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


def has_papers(entitled: Entitlement) -> bool:
    """Whether a paper of the procedure is left to sit."""
    return bool({rule.subject for rule in entitled.rule.papers} - entitled.exempted)


def closed(cycle: Cycle, now: datetime) -> str | None:
    """Why nothing can be decided now; ``None`` while the review stage is open."""
    try:
        cycle.check_stage(Stage.REVIEW, now)
    except Conflict as refusal:
        return refusal.sentence
    return None


async def next_awaiting(
    services: Services, principal: Principal, registration_id: UUID, wanted: Filter
) -> UUID | None:
    """The one that waits after this one in the list that was come from; ``None`` when none is left.

    Raises:
        NotFound: It isn't one of theirs.
    """
    async with services.database.tx() as tx:
        own = await registration.registration_of(tx, registration_id, principal.province_id)
        check_is_theirs(principal, own)
        _, following = await _beside(tx, services, principal, own, wanted)
    return following


async def _beside(
    tx: Tx, services: Services, principal: Principal, own: Registration, wanted: Filter
) -> tuple[UUID | None, UUID | None]:
    """Of those that wait in the list that was come from."""
    scope = await newest_scope(tx, principal)
    if scope is None or own.submitted_at is None:
        return None, None
    awaiting = replace(wanted, states=STATES[level_of(principal), Tab.AWAITING])
    return await neighbours(tx, services, scope[0], awaiting, Place(own.submitted_at, own.id))


async def picture(services: Services, principal: Principal, registration_id: UUID, upload_id: UUID) -> bytes:
    """A picture of a submitted form, JPEG bytes; recorded as a viewing.

    Raises:
        NotFound: The form isn't one of theirs, the picture isn't the form's, or can't be shown.
    """
    async with services.database.tx() as tx:
        own = await registration.registration_of(tx, registration_id, principal.province_id)
        check_is_theirs(principal, own)
        upload = await form.upload_of(tx, upload_id, own.province_id)
        if upload.registration_id != own.id:
            raise NotFound("没有找到这张图片。", upload=upload_id)
        data = await form.open_picture(tx, services.vault, services.evidence, upload_id, own.province_id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=own.province_id,
            actor_id=principal.account_id,
            action="registration_picture.viewed",
            subject_id=upload.id,
        )
    return data
