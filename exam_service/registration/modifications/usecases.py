"""申请修改: ask, withdraw, decide. A grant is a new submission: what was submitted before stays on record."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask, parse_identity_number
from exam_service.accounts.model import Principal, Role
from exam_service.audit import usecases as audit
from exam_service.cards import Card
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import day_in_china
from exam_service.cycles.policy import Policy
from exam_service.errors import BadFields, Conflict, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Department
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.answers import Answers, EntryList, Problems
from exam_service.registration.form.checks import Facts, problems
from exam_service.registration.form.model import Form
from exam_service.registration.form.usecases.reading import FORM
from exam_service.registration.form.view import Owner, sections
from exam_service.registration.model import Entitlement
from exam_service.registration.modifications import queries
from exam_service.registration.modifications.answering import answered, lists_of
from exam_service.registration.modifications.model import (
    PAGE_SIZE,
    Changes,
    Request,
    State,
    changeable,
    changes_between,
    check_decision,
    check_may_ask,
    check_move,
    check_request,
    parse_changes,
    with_values,
)
from exam_service.registration.modifications.queries import Filters, Listed, Stored
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class Shown:
    """A request as a page shows it: label, old text and new text of each field; none when purged."""

    request: Request
    rows: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class OwnPage:
    """A physician's page.

    Attributes:
        fields: Names and labels of what may be changed.
        lists: Those of ``fields`` whose entries are lists.
        closed: Why nothing can be asked for now.
    """

    entitled: Entitlement
    form: Form
    fields: Mapping[str, str]
    lists: Sequence[EntryList]
    departments: Sequence[Department]
    requests: Sequence[Shown]
    closed: str | None


@dataclass(frozen=True)
class ListPage:
    """A page of the institution's list; ``next_cursor`` is where the next one begins."""

    rows: Sequence[Listed]
    masked_numbers: Mapping[UUID, str]
    labels: Mapping[UUID, Mapping[str, str]]
    waiting: int
    next_cursor: UUID | None


@dataclass(frozen=True)
class Sheet:
    """A request as the institution sees it; ``following`` is the next one that waits."""

    entitled: Entitlement
    shown: Shown
    name: str
    masked_number: str
    following: UUID | None


# The physician


async def own_page(services: Services, principal: Principal) -> OwnPage:
    """What may be changed, and what was asked for, the newest first.

    Raises:
        NotFound: The province knows no such requests, or nothing was submitted.
    """
    async with services.database.tx() as tx:
        entitled = await _own(tx, principal)
        fields = changeable(entitled.cycle.policy)
        own = entitled.registration
        submitted = await form.submitted_form(tx, services.vault, own.id, own.province_id)
        stored = await queries.select_requests(tx, own.id, own.province_id)
        departments = await institutions.departments(tx, own.institution_id, own.province_id)
        shown = [await _shown(tx, services, entitled, submitted, each) for each in stored]
    closed = None
    try:
        check_may_ask(entitled, [each.request for each in stored])
    except Conflict as refusal:
        closed = refusal.sentence
    lists = lists_of(entitled.cycle.policy)
    return OwnPage(entitled, submitted, fields, lists, departments, shown, closed)


async def _own(tx: Tx, principal: Principal) -> Entitlement:
    entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    if entitled is None:
        raise NotFound("您尚未被纳入考核周期，如需参加请联系所在医疗卫生机构。", code="no_registration")
    return entitled


async def ask(services: Services, principal: Principal, answers: Answers, reason: str) -> None:
    """Ask for what is different in ``answers`` from what was submitted.

    Args:
        answers: Of fields, as the form's pages send them; of lists, see ``answering.with_list``.

    Raises:
        NotFound: The province knows no such requests, or nothing was submitted.
        BadFields: Some of it can't be taken.
        Invalid: Nothing is different, or the reason is missing.
        Conflict: Not registered, or a request is open.
    """
    async with services.database.tx() as tx:
        entitled = await _own(tx, principal)
        own = entitled.registration
        entitled = await registration.lock_entitlement(tx, own.id, own.province_id)
        stored = await queries.select_requests(tx, own.id, own.province_id)
        check_may_ask(entitled, [each.request for each in stored])
        policy = entitled.cycle.policy
        fields = changeable(policy)
        old = await form.submitted_form(tx, services.vault, own.id, own.province_id)
        new, found = answered(old, policy, answers)
        changes = changes_between(old, new, list(fields))
        found |= await _problems(tx, services, entitled, new, changes)
        if found:
            raise BadFields(found)
        check_request(changes, reason)
        request = Request(
            new_id(),
            own.province_id,
            own.id,
            tuple(changes.new),
            reason,
            services.clock.now(),
            State.OPEN,
        )
        key = await services.vault.key_for(
            tx,
            province_id=own.province_id,
            account_id=own.account_id,
            cycle_id=own.cycle_id,
            data_class=FORM,
        )
        sealed = seal(key, json.dumps(changes.to_json(), ensure_ascii=False).encode(), request.id)
        if not await queries.insert_request(tx, request, sealed):
            raise Conflict("您的修改申请正在等待审核，审核后才能再次申请。", code="request_open")
        await _record(tx, services.clock, principal, "modification.asked", request)


async def _problems(
    tx: Tx, services: Services, entitled: Entitlement, new: Form, changes: Changes
) -> Problems:
    """What can't be right in the fields that change; whatever else the form lacks is no matter here."""
    own = entitled.registration
    departments = await institutions.departments(tx, own.institution_id, own.province_id)
    facts = Facts(
        {each.id: institutions.specialties_of(each) for each in departments},
        day_in_china(services.clock.now()),
    )
    touched = set(changes.new)
    if "practice.department_id" in touched:  # they hang together
        touched.add("practice.specialties")
    uploads = await form.uploads_of(tx, own.id)
    found = problems(new, uploads, entitled.cycle.policy, facts)
    return {field: sentence for field, sentence in found.items() if field in touched}


async def withdraw(services: Services, principal: Principal, request_id: UUID) -> None:
    """The physician withdraws a request that is open.

    Raises:
        NotFound: It isn't this physician's.
        Conflict: It is decided or withdrawn.
    """
    async with services.database.tx() as tx:
        entitled = await _own(tx, principal)
        await registration.lock_registration(tx, entitled.registration.id, principal.province_id)
        await queries.lock_request(tx, request_id)
        stored = await queries.select_optional_request(tx, request_id, principal.province_id)
        if stored is None or stored.request.registration_id != entitled.registration.id:
            raise _no_such_request(request_id)
        if stored.request.state is not State.OPEN:
            raise Conflict("这份修改申请已处理，不能撤回。", code="already_decided")
        check_move(request_id, stored.request.state, State.WITHDRAWN)
        await queries.update_withdrawn(tx, request_id, services.clock.now())
        await _record(tx, services.clock, principal, "modification.withdrawn", stored.request)


def _no_such_request(request_id: UUID) -> NotFound:
    return NotFound("没有找到这份修改申请，请返回列表查看。", request=request_id)


# What a request says


async def _shown(tx: Tx, services: Services, entitled: Entitlement, submitted: Form, stored: Stored) -> Shown:
    try:
        raw = await services.vault.open(tx, stored.changes, stored.request.id)
    except NotFound:  # purged
        return Shown(stored.request, [])
    changes = parse_changes(json.loads(raw))
    policy = entitled.cycle.policy
    old = await _texts(tx, policy, with_values(submitted, changes.old))
    new = await _texts(tx, policy, with_values(submitted, changes.new))
    return Shown(
        stored.request, [(old[field][0], old[field][1], new[field][1]) for field in stored.request.fields]
    )


async def _texts(tx: Tx, policy: Policy, shown: Form) -> dict[str, tuple[str, str]]:
    """Label and text of each field, as the form for reading has them."""
    department = None
    if shown.practice.department_id is not None:
        department = await queries.select_optional_department(tx, shown.practice.department_id)
    found = sections(shown, policy, Owner("", "", ""), department, [])
    return {
        row.field: (row.label, "\n".join(entry.text for entry in row.entries if entry.text))
        for section in found
        for row in section.rows
    }


# The institution


async def list_page(
    services: Services,
    principal: Principal,
    *,
    waiting: bool,
    name: str,
    number: str,
    cursor: UUID | None,
) -> ListPage:
    """What waits for this institution, the oldest first; or what it decided, the newest first.

    Args:
        number: An identity number as typed; one that can't be any finds nobody.
    """
    institution_id, province_id = principal.of_institution(), principal.province_id
    filters = Filters(name.strip())
    if number.strip():
        try:
            filters = replace(
                filters,
                document_hash=accounts.document_hash(services.settings, parse_identity_number(number)),
            )
        except Invalid:
            filters = replace(filters, document_hash=b"")
    select = queries.select_open if waiting else queries.select_decided
    async with services.database.tx() as tx:
        rows = await select(tx, province_id, institution_id, filters, cursor, PAGE_SIZE + 1)
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE]
        numbers = await accounts.identity_numbers_of(
            tx, services.vault, province_id, {row.account_id for row in rows}
        )
        labels = {
            cycle_id: changeable((await cycles.cycle_of(tx, cycle_id, province_id)).policy)
            for cycle_id in {row.cycle_id for row in rows}
        }
        count = await queries.count_open(tx, province_id, institution_id)
    return ListPage(
        rows,
        {row.id: mask(numbers.get(row.account_id, "")) for row in rows},
        {row.id: labels[row.cycle_id] for row in rows},
        count,
        rows[-1].id if more else None,
    )


async def cards(tx: Tx, clock: Clock, principal: Principal) -> list[Card]:  # noqa: ARG001 - as all cards
    """修改申请, for an institution where the province's newest cycle knows them."""
    if principal.role is not Role.INSTITUTION:
        return []
    cycle = await cycles.newest_cycle(tx, principal.province_id)
    if cycle is None or not cycle.policy.form.modification:
        return []
    number = await queries.count_open(tx, principal.province_id, principal.of_institution())
    return [Card("修改申请", str(number), "/institution/modifications", "份修改申请等待审核")]


async def _of_institution(tx: Tx, principal: Principal, request_id: UUID) -> tuple[Stored, Entitlement]:
    institution_id = principal.of_institution()
    stored = await queries.select_optional_request(tx, request_id, principal.province_id)
    if stored is None:
        raise _no_such_request(request_id)
    entitled = await registration.entitlement_of(
        tx, stored.request.registration_id, stored.request.province_id
    )
    if entitled.registration.institution_id != institution_id:
        raise _no_such_request(request_id)
    return stored, entitled


async def sheet(services: Services, principal: Principal, request_id: UUID) -> Sheet:
    """A request, old beside new; recorded as a viewing.

    Raises:
        NotFound: It isn't this institution's.
    """
    async with services.database.tx() as tx:
        stored, entitled = await _of_institution(tx, principal, request_id)
        own = entitled.registration
        submitted = await form.submitted_form(tx, services.vault, own.id, own.province_id)
        shown = await _shown(tx, services, entitled, submitted, stored)
        number = await accounts.identity_number_of(tx, services.vault, own.account_id, own.province_id)
        name = await queries.select_person(tx, own.account_id)
        further = await _following(tx, principal, request_id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=own.province_id,
            actor_id=principal.account_id,
            action="modification.viewed",
            subject_id=request_id,
        )
    return Sheet(entitled, shown, name, mask(number or ""), further)


async def following(services: Services, principal: Principal, request_id: UUID) -> UUID | None:
    """The next request that waits after this one, or else the first."""
    async with services.database.tx() as tx:
        return await _following(tx, principal, request_id)


async def _following(tx: Tx, principal: Principal, request_id: UUID) -> UUID | None:
    institution_id = principal.of_institution()
    for after in (request_id, None):
        for row in await queries.select_open(tx, principal.province_id, institution_id, Filters(), after, 2):
            if row.id != request_id:
                return row.id
    return None


async def decide(
    services: Services, principal: Principal, request_id: UUID, *, granted: bool, reason: str
) -> None:
    """The institution's word. A grant is a new submission with the new values, and the draft has them too.

    Raises:
        NotFound: It isn't this institution's.
        Invalid: A refusal without a reason.
        Conflict: Somebody was first, the physician is through with the cycle, or a value can't be taken any
            more, for instance because the department was stopped.
    """
    reason = reason.strip()
    async with services.database.tx() as tx:
        seen, _ = await _of_institution(tx, principal, request_id)
        await registration.lock_registration(tx, seen.request.registration_id, principal.province_id)
        await queries.lock_request(tx, request_id)
        stored, entitled = await _of_institution(tx, principal, request_id)
        request = stored.request
        check_decision(request, granted=granted, reason=reason)
        if not entitled.may_test:
            raise Conflict("该医师现在不在报名完成的状态，不能再修改报名信息。", code="not_registered")
        to_state = State.GRANTED if granted else State.REFUSED
        check_move(request.id, request.state, to_state)
        if granted:
            await _take(tx, services, entitled, stored, actor_id=principal.account_id)
        await queries.update_decided(
            tx, request.id, to_state, reason, principal.account_id, services.clock.now()
        )
        await _record(
            tx,
            services.clock,
            principal,
            "modification.decided",
            request,
            granted=granted,
            decision=reason,
        )


async def _take(tx: Tx, services: Services, entitled: Entitlement, stored: Stored, *, actor_id: UUID) -> None:
    own = entitled.registration
    changes = parse_changes(json.loads(await services.vault.open(tx, stored.changes, stored.request.id)))
    old = await form.submitted_form(tx, services.vault, own.id, own.province_id)
    new = with_values(old, changes.new)
    found = await _problems(tx, services, entitled, new, changes)
    if found:
        raise Conflict(
            f"申请的内容已不能使用：{next(iter(found.values()))}请填写理由后选择不同意。", code="outdated"
        )
    await form.amend(tx, services.clock, services.vault, own, new, amended_by=actor_id)


async def requests_of(tx: Tx, registration_id: UUID, province_id: str) -> list[Request]:
    """What was asked for and decided, the newest first; whose registration it is the caller looks at."""
    return [each.request for each in await queries.select_requests(tx, registration_id, province_id)]


async def _record(
    tx: Tx, clock: Clock, principal: Principal, action: str, request: Request, **facts: Any
) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=request.registration_id,
        facts={"request": str(request.id), "fields": list(request.fields), **facts},
    )
