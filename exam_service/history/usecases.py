"""Compose a registration's history of what every feature below wrote down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal, Role
from exam_service.audit import usecases as audit
from exam_service.errors import NotFound
from exam_service.exemptions import usecases as exemptions
from exam_service.history import queries
from exam_service.history.model import (
    ACTS,
    Step,
    as_the_physician_sees,
    by_day,
    steps_of_acts,
    steps_of_consents,
    steps_of_exemptions,
    steps_of_modifications,
    steps_of_moves,
    steps_of_papers,
    steps_of_reviews,
    steps_of_supervision,
    steps_of_transfers,
)
from exam_service.papers import usecases as papers
from exam_service.registration import usecases as registration
from exam_service.registration.model import Entitlement
from exam_service.registration.modifications import usecases as modifications
from exam_service.registration.reviewing import decisions as reviewing
from exam_service.registration.supervision import usecases as supervision
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class History:
    """A registration's steps by day, the oldest first.

    Attributes:
        masked_number: For staff; ``None`` on the physician's own page.
        uploads: How many pictures the physician has handed in.
    """

    entitled: Entitlement
    name: str
    institution: str
    masked_number: str | None
    uploads: int
    days: Sequence[tuple[date, Sequence[Step]]]


async def own_history(services: Services, principal: Principal) -> History | None:
    """The physician's, less what isn't theirs; ``None`` when no cycle has them."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return None
        person = await queries.select_person(tx, entitled.registration.id)
        steps = await _steps(tx, entitled, person)
    return History(
        entitled,
        person.name,
        person.institution,
        None,
        person.uploads,
        by_day(as_the_physician_sees(steps)),
    )


async def history_of(services: Services, principal: Principal, registration_id: UUID) -> History:
    """Every step, for staff; recorded as a viewing.

    Raises:
        NotFound: The registration isn't within their scope.
    """
    async with services.database.tx() as tx:
        entitled = await registration.entitlement_of(tx, registration_id, principal.province_id)
        _check_scope(principal, entitled)
        own = entitled.registration
        person = await queries.select_person(tx, own.id)
        steps = await _steps(tx, entitled, person)
        number = await accounts.identity_number_of(tx, services.vault, own.account_id, own.province_id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=own.province_id,
            actor_id=principal.account_id,
            action="history.viewed",
            subject_id=own.id,
        )
    return History(
        entitled, person.name, person.institution, mask(number or ""), person.uploads, by_day(steps)
    )


def _check_scope(principal: Principal, entitled: Entitlement) -> None:
    own = entitled.registration
    allowed = {
        Role.INSTITUTION: principal.institution_id == own.institution_id,
        Role.BODY: principal.body_id == own.body_id,
        Role.AUTHORITY: principal.province_id == own.province_id,
    }
    if not allowed.get(principal.role, False):
        raise NotFound("没有找到这份报名信息。", registration=own.id)


async def _steps(tx: Tx, entitled: Entitlement, person: queries.Person) -> list[Step]:
    own, policy = entitled.registration, entitled.cycle.policy
    scope = (own.id, own.province_id)
    reviews = await reviewing.reviews_of(tx, *scope)
    return [
        *steps_of_consents(await accounts.consent_records(tx, own.account_id), person.name),
        *steps_of_moves(await registration.moves_of(tx, *scope), own, reviewed=bool(reviews)),
        *steps_of_reviews(reversed(reviews), policy),
        *steps_of_transfers(
            await queries.select_transfers(tx, own.account_id, own.province_id, person.created_at)
        ),
        *steps_of_supervision(await supervision.acts_of(tx, own.id)),
        *steps_of_acts(
            await queries.select_acts(tx, own.province_id, (own.id, own.account_id), ACTS, person.created_at)
        ),
        *steps_of_exemptions(await exemptions.applications_of(tx, *scope), policy, person.name),
        *steps_of_modifications(await modifications.requests_of(tx, *scope), policy, person.name),
        *steps_of_papers(await papers.moves_of(tx, *scope), policy),
    ]
