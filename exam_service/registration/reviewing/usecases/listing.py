"""Lists of what was submitted, what waits, and what was decided lately."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import DocumentType, mask, parse_document
from exam_service.accounts.model import Principal, Role
from exam_service.audit import usecases as audit
from exam_service.cards import Card, Group
from exam_service.clock import Clock
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.cycles.policy import ReviewLevel
from exam_service.errors import Invalid
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.filters import (
    PAGE_SIZE,
    STATES,
    TAB_LABELS,
    Filter,
    Listed,
    Place,
    Tab,
    born_between,
)
from exam_service.registration.reviewing.model import AWAITING, MOST_IN_BULK, UNDO_WITHIN, may_undo
from exam_service.registration.reviewing.queries import Narrowed, Recent, Scope
from exam_service.registration.reviewing.usecases.scoping import level_of, newest_scope
from exam_service.settings import Settings
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class ListPage:
    """A page of a list.

    Attributes:
        cycle: The newest; ``None`` where the province has none, and then there are no rows.
        masked: The identity numbers of the rows, by account.
        awaiting: How many wait for this level altogether.
        departments: Of the institution that the list is of, for its filter.
        institution: The one that a body's list is narrowed to.
        after: Where the next page begins.
        at: When it was.
    """

    level: ReviewLevel
    cycle: Cycle | None
    rows: list[Listed]
    masked: Mapping[UUID, str]
    awaiting: int
    departments: Mapping[UUID, str]
    institution: str | None
    after: Place | None
    at: datetime


def narrowed(clock: Clock, wanted: Filter) -> Narrowed:
    """A filter as statements take it."""
    return Narrowed(wanted, born_between(wanted.age, day_in_china(clock.now())))


async def list_page(
    services: Services, principal: Principal, tab: Tab, wanted: Filter, after: Place | None
) -> ListPage:
    """A page of the level's list, in order of submission; recorded as a viewing.

    Raises:
        Forbidden: The principal decides for no level.
    """
    level = level_of(principal)
    now = services.clock.now()
    wanted = replace(wanted, states=STATES[level, tab])
    async with services.database.tx() as tx:
        found = await newest_scope(tx, principal)
        if found is None:
            return ListPage(level, None, [], {}, 0, {}, None, None, now)
        scope, cycle = found
        narrow = narrowed(services.clock, wanted)
        rows = await queries.select_listed(tx, scope, narrow, after, PAGE_SIZE + 1)
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE]
        numbers = await accounts.identity_numbers_of(
            tx, services.vault, principal.province_id, [row.account_id for row in rows]
        )
        owner = principal.institution_id or wanted.institution_id
        page = ListPage(
            level,
            cycle,
            rows,
            {account_id: mask(number) for account_id, number in numbers.items()},
            await queries.count_awaiting(tx, scope, AWAITING[level]),
            await queries.select_departments(tx, owner, principal.province_id) if owner else {},
            await queries.select_optional_institution(tx, scope, wanted.institution_id)
            if wanted.institution_id
            else None,
            rows[-1].place if more else None,
            now,
        )
        await audit.record(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="registrations.listed",
            subject_id=principal.institution_id or principal.body_id,
            facts={"tab": tab.value, "registrations": [str(row.id) for row in rows]},
        )
    return page


async def find(services: Services, principal: Principal, number: str) -> UUID:
    """The registration of whoever has this number on their document, among those that were submitted.

    Numbers are looked for by post and lead to a page of an id: no address ever holds one.

    Raises:
        Invalid: It is no number of a document, or nobody's in the principal's scope.
    """
    digests = _digests(services.settings, number)
    async with services.database.tx() as tx:
        found = await newest_scope(tx, principal)
        registration_id = await queries.select_optional_by_document(tx, found[0], digests) if found else None
    if registration_id is None:
        raise Invalid("已提交的报名信息中没有这个证件号码，请核对后重新查找。", code="nobody_found")
    return registration_id


def _digests(settings: Settings, number: str) -> list[bytes]:
    """By every type of document whose number it may be; raises Invalid where there is none."""
    digests, refusal = [], None
    for kind in DocumentType:
        try:
            digests.append(accounts.document_hash(settings, parse_document(kind, number)))
        except Invalid as error:
            refusal = refusal or error
    if refusal is not None and not digests:
        raise refusal
    return digests


async def neighbours(
    tx: Tx, services: Services, scope: Scope, wanted: Filter, place: Place
) -> tuple[UUID | None, UUID | None]:
    """The one before and the one after a place in a list; after the last comes the first."""
    narrow = narrowed(services.clock, wanted)
    previous = await queries.select_optional_previous(tx, scope, narrow, place)
    following = await queries.select_listed(tx, scope, narrow, place, 1)
    if not following:
        following = await queries.select_listed(tx, scope, narrow, None, 1)
    others = [row.id for row in following if row.id != place.id]
    return previous, others[0] if others else None


async def recent(services: Services, principal: Principal) -> list[Recent]:
    """What the principal decided in the last minutes and may still take back, the newest first."""
    level = level_of(principal)
    now = services.clock.now()
    async with services.database.tx() as tx:
        found = await queries.select_recent(
            tx, principal.account_id, principal.province_id, now - UNDO_WITHIN, MOST_IN_BULK
        )
    return [each for each in found if may_undo(each.review, each.state, now, level)]


async def cards(tx: Tx, principal: Principal) -> list[Card]:
    """What waits for an institution's or a body's reviewers, and how far their physicians are."""
    if principal.role not in {Role.INSTITUTION, Role.BODY, Role.AUTHORITY}:
        return []
    found = await newest_scope(tx, principal)
    if found is None:
        return []
    scope, _ = found
    total = await queries.select_progress_total(tx, scope, "")
    share = f"报名完成{total.done}人，共开通{total.total}人"
    progress = Card("报名进度", f"{total.share / 10:.1f}%", f"/{principal.role}/progress", share, Group.DESK)
    if principal.role is Role.AUTHORITY:
        return [progress]
    level = level_of(principal)
    waiting = await queries.count_awaiting(tx, scope, AWAITING[level])
    label = TAB_LABELS[level][Tab.AWAITING]
    return [Card(label, str(waiting), f"/{principal.role}/reviews", "份报名信息等待处理"), progress]
