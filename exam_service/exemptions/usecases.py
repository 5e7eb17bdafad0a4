"""Apply for an exemption, withdraw it, decide level by level; the last grant makes the paper
count as passed.

Locks come first: the registration's row, then the application's. Whoever starts the paper holds the
former too, so that of a start and a grant in the same moment one comes first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask, parse_identity_number
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cards import Card
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import ReviewLevel, Subject
from exam_service.errors import Conflict, DomainError, Invalid, NotFound
from exam_service.exemptions import queries
from exam_service.exemptions.model import (
    LEVEL_ROLES,
    PAGE_SIZE,
    Application,
    Outcome,
    State,
    check_application,
    check_decision,
    check_may_apply,
    check_move,
    check_standing,
    condition_labels,
    first_state,
    level_of,
    state_after,
    why_closed,
)
from exam_service.exemptions.queries import Filters, Listed, Scope
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.model import Upload
from exam_service.registration.form.pictures import check_picture
from exam_service.registration.model import Entitlement, Result
from exam_service.registration.reviewing import decisions as reviewing
from exam_service.storage.database import Tx
from exam_service.wiring import Services

SLOT = "exemption."
BEGUN_REASON = "医师已参加这项测评，免考申请不再适用。"


@dataclass(frozen=True)
class Claim:
    """An application with its evidence."""

    application: Application
    uploads: Sequence[Upload]


@dataclass(frozen=True)
class PaperClaims:
    """A paper that may be waived, with what was applied for, the newest first.

    ``closed``: why it can't be applied for now.
    """

    subject: Subject
    label: str
    closed: str | None
    claims: Sequence[Claim]


@dataclass(frozen=True)
class OwnPage:
    entitled: Entitlement
    papers: Sequence[PaperClaims]


@dataclass(frozen=True)
class ListPage:
    """A page of a reviewer's list; ``next_cursor`` is where the next one begins.

    Numbers and names of papers are by the cursor of their row.
    """

    rows: Sequence[Listed]
    masked_numbers: Mapping[UUID, str]
    labels: Mapping[UUID, str]
    waiting: int
    subjects: Mapping[Subject, str]
    next_cursor: UUID | None


@dataclass(frozen=True)
class Sheet:
    """One application as a reviewer sees it.

    Attributes:
        may_decide: Whether it is this level's turn and the stage of review is open; else ``closed`` says why.
        following: The next one that waits for this reviewer.
    """

    entitled: Entitlement
    claim: Claim
    label: str
    name: str
    masked_number: str
    institution: str
    may_decide: bool
    closed: str | None
    following: UUID | None


# The physician


async def own_page(services: Services, principal: Principal) -> OwnPage | None:
    """The papers that may be waived, and what was applied for; ``None`` when no cycle has the physician."""
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return None
        own = entitled.registration
        applications = await queries.select_applications(tx, own.id, own.province_id)
        begun = await papers.begun(tx, own.id, own.province_id)
        uploads = await form.uploads_of(tx, own.id, SLOT)
    now = services.clock.now()
    found = []
    for rule in entitled.rule.papers:
        subject = rule.subject
        if not entitled.may_be_exempted(subject):
            continue
        mine = [each for each in applications if each.subject is subject]
        closed = why_closed(entitled, subject, mine, now, begun=subject in begun)
        label = entitled.cycle.policy.label(subject)
        found.append(PaperClaims(subject, label, closed, [_claim(each, uploads) for each in mine]))
    return OwnPage(entitled, found)


def slot_of(application_id: UUID) -> str:
    """Where the evidence of an application lies among the registration's pictures."""
    return f"{SLOT}{application_id}"


def _claim(application: Application, uploads: Sequence[Upload]) -> Claim:
    slot = slot_of(application.id)
    return Claim(application, [each for each in uploads if each.slot == slot])


async def apply(
    services: Services,
    principal: Principal,
    subject: Subject,
    *,
    conditions: Sequence[str],
    statement: str,
    pictures: Sequence[bytes],
) -> None:
    """Apply for a paper's exemption with its evidence.

    Raises:
        NotFound: No cycle has the physician.
        Invalid: No condition, no evidence, or a file that the preset doesn't take.
        Conflict: It isn't open; says why.
    """
    application_id = new_id()
    async with services.database.tx() as tx:
        entitled = await _own(tx, principal)
        await _check_apply(tx, services, entitled, subject)
    rule = entitled.cycle.policy.exemption
    check_application(rule, conditions, statement, len(pictures))
    own = entitled.registration
    application = Application(
        application_id,
        own.province_id,
        own.id,
        subject,
        tuple(conditions),
        statement,
        services.clock.now(),
        first_state(rule),
    )

    async def may(tx: Tx) -> None:
        held = await registration.lock_entitlement(tx, own.id, own.province_id)
        await _check_apply(tx, services, held, subject)

    try:
        await _hand_in(services, entitled, application_id, pictures, before=0, may=may)
        async with services.database.tx() as tx:
            await may(tx)
            await _insert(tx, services.clock, principal, application)
    except DomainError:
        async with services.database.tx() as tx:
            await registration.lock_registration(tx, own.id, own.province_id)
            handed_in = await form.uploads_of(tx, own.id, slot_of(application_id))
            await form.forget_uploads(tx, services, handed_in)
        raise


async def _insert(tx: Tx, clock: Clock, principal: Principal, application: Application) -> None:
    if not await queries.insert_application(tx, application):
        raise Conflict("您已提交免考申请，请在本页查看审核进度。", code="application_open")
    await _record(
        tx,
        clock,
        principal,
        "exemption.applied",
        application.registration_id,
        application=str(application.id),
        subject=application.subject.value,
        conditions=list(application.conditions),
    )


async def _own(tx: Tx, principal: Principal) -> Entitlement:
    entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    if entitled is None:
        raise NotFound("您尚未被纳入考核周期，如需参加请联系所在医疗卫生机构。", code="no_registration")
    return entitled


async def _check_apply(tx: Tx, services: Services, entitled: Entitlement, subject: Subject) -> None:
    own = entitled.registration
    applications = await queries.select_applications(tx, own.id, own.province_id)
    check_may_apply(
        entitled,
        subject,
        [each for each in applications if each.subject is subject],
        services.clock.now(),
        begun=subject in await papers.begun(tx, own.id, own.province_id),
    )


async def add_evidence(
    services: Services, principal: Principal, application_id: UUID, pictures: Sequence[bytes]
) -> None:
    """Further pictures for an application that is open.

    Raises:
        NotFound: It isn't this physician's.
        Invalid: None, too many, or a file that the preset doesn't take.
        Conflict: It is decided or withdrawn.
    """
    async with services.database.tx() as tx:
        entitled = await _own(tx, principal)
        application = await _own_application(tx, entitled, application_id)
        before = await form.uploads_of(tx, entitled.registration.id, slot_of(application_id))
    _check_open(application)
    if not pictures:
        raise Invalid("请选择要补充的图片。", code="no_evidence")

    async def may(tx: Tx) -> None:
        await registration.lock_registration(tx, application.registration_id, application.province_id)
        _check_open(await _own_application(tx, entitled, application_id))

    await _hand_in(services, entitled, application_id, pictures, before=len(before), may=may)


def _check_open(application: Application) -> None:
    if not application.is_open:
        raise Conflict("这份免考申请已处理，不能再补充材料。", code="already_decided")


async def _hand_in(
    services: Services,
    entitled: Entitlement,
    application_id: UUID,
    pictures: Sequence[bytes],
    *,
    before: int,
    may: Callable[[Tx], Awaitable[object]],
) -> None:
    """Take in all of them or none: each is looked at before the first is kept."""
    own, policy = entitled.registration, entitled.cycle.policy
    rule = policy.form.uploads[UploadKind.EVIDENCE]
    if before + len(pictures) > rule.most:
        raise Invalid(f"证明材料最多{rule.most}张图片，请减少后重新选择。", code="too_many_pictures")
    for picture in pictures:
        check_picture(picture, rule)
    for picture in pictures:
        await form.add_upload(
            services,
            own,
            policy,
            kind=UploadKind.EVIDENCE,
            slot=slot_of(application_id),
            data=picture,
            may=may,
        )


async def _own_application(tx: Tx, entitled: Entitlement, application_id: UUID) -> Application:
    own = entitled.registration
    application = await queries.select_optional_application(tx, application_id, own.province_id)
    if application is None or application.registration_id != own.id:
        raise _no_such_application(application_id)
    return application


def _no_such_application(application_id: UUID) -> NotFound:
    return NotFound("没有找到这份免考申请，请返回列表查看。", application=application_id)


async def withdraw(services: Services, principal: Principal, application_id: UUID) -> None:
    """The physician withdraws an application that is open.

    Pictures that no level has decided on are destroyed: they are of no use to anybody, and whoever applies
    and withdraws again and again would fill the disk. Those that a decision was made on stay with it.

    Raises:
        NotFound: It isn't this physician's.
        Conflict: It is decided or withdrawn.
    """
    async with services.database.tx() as tx:
        entitled = await _own(tx, principal)
        own = entitled.registration
        await registration.lock_registration(tx, own.id, own.province_id)
        application = await queries.lock_optional_application(tx, application_id, own.province_id)
        if application is None or application.registration_id != own.id:
            raise _no_such_application(application_id)
        if not application.is_open:
            raise Conflict("这份免考申请已处理，不能撤回。", code="already_decided")
        await _move(tx, application, State.WITHDRAWN)
        await queries.update_withdrawn(tx, application.id, services.clock.now())
        undecided = (
            [] if application.decisions else await form.uploads_of(tx, own.id, slot_of(application_id))
        )
        await form.destroy_uploads(tx, services, undecided)
        await _record(
            tx,
            services.clock,
            principal,
            "exemption.withdrawn",
            own.id,
            application=str(application_id),
            pictures_destroyed=len(undecided),
        )


async def own_picture(
    services: Services, principal: Principal, application_id: UUID, upload_id: UUID
) -> bytes:
    """A picture that the physician handed in with an application, as it was stored.

    Raises:
        NotFound: It isn't theirs, or isn't checked yet.
    """
    async with services.database.tx() as tx:
        application = await _own_application(tx, await _own(tx, principal), application_id)
        return await _picture(tx, services, application, upload_id)


# The reviewers


async def list_page(
    services: Services,
    principal: Principal,
    *,
    waiting: bool,
    name: str,
    number: str,
    subject: str,
    cursor: UUID | None,
) -> ListPage:
    """What waits for this reviewer, the oldest first; or what their level decided, the newest first.

    Args:
        number: An identity number as typed; one that can't be any finds nobody.
    """
    scope = _scope(principal)
    filters = Filters(name.strip(), None, subject if subject in set(Subject) else "")
    if number.strip():
        try:
            digest = accounts.document_hash(services.settings, parse_identity_number(number))
        except Invalid:
            digest = b""
        filters = Filters(filters.name, digest, filters.subject)
    select = queries.select_waiting if waiting else queries.select_decided
    async with services.database.tx() as tx:
        rows = await select(tx, scope, filters, cursor, PAGE_SIZE + 1)
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE]
        numbers = await accounts.identity_numbers_of(
            tx, services.vault, scope.province_id, {row.account_id for row in rows}
        )
        policies = {
            cycle_id: (await cycles.cycle_of(tx, cycle_id, scope.province_id)).policy
            for cycle_id in {row.cycle_id for row in rows}
        }
        newest = await cycles.newest_cycle(tx, scope.province_id)
        count = await queries.count_waiting(tx, scope)
    return ListPage(
        rows,
        {row.cursor: mask(numbers.get(row.account_id, "")) for row in rows},
        {row.cursor: policies[row.cycle_id].label(row.subject) for row in rows},
        count,
        {} if newest is None else {each: newest.policy.label(each) for each in Subject},
        rows[-1].cursor if more else None,
    )


async def cards(tx: Tx, clock: Clock, principal: Principal) -> list[Card]:  # noqa: ARG001 - as all cards
    """免考待审, for whoever decides on exemptions in the province's newest cycle."""
    cycle = await cycles.newest_cycle(tx, principal.province_id)
    if cycle is None or principal.role not in LEVEL_ROLES.values():
        return []
    level = level_of(principal)
    if level not in cycle.policy.exemption.levels:
        return []
    number = await queries.count_waiting(tx, _scope(principal))
    return [Card("免考待审", str(number), base_of(principal), "份免考申请等待审核")]


def base_of(principal: Principal) -> str:
    """Where this reviewer's list is."""
    return f"/{level_of(principal)}/exemptions"


def _scope(principal: Principal) -> Scope:
    level = level_of(principal)
    if level is ReviewLevel.INSTITUTION:
        return Scope(principal.province_id, principal.of_institution(), None, level)
    return Scope(principal.province_id, None, principal.of_body(), level)


async def _reviewed(tx: Tx, principal: Principal, application_id: UUID) -> tuple[Application, Entitlement]:
    """An application within the scope of a reviewer; nothing is locked.

    Raises:
        NotFound: It isn't.
    """
    application = await queries.select_optional_application(tx, application_id, principal.province_id)
    if application is None:
        raise _no_such_application(application_id)
    entitled = await registration.entitlement_of(tx, application.registration_id, application.province_id)
    _check_scope(principal, application, entitled)
    return application, entitled


def _check_scope(principal: Principal, application: Application, entitled: Entitlement) -> None:
    scope, own = _scope(principal), entitled.registration
    theirs = scope.institution_id == own.institution_id or scope.body_id == own.body_id
    reached = _has_reached(entitled, application, scope.level)
    if not theirs or not reached:
        raise _no_such_application(application.id)


def _has_reached(entitled: Entitlement, application: Application, level: ReviewLevel) -> bool:
    """Whether an application lies before this level, was decided there, or was withdrawn meanwhile."""
    if application.state in {level.value, State.WITHDRAWN}:
        return level in entitled.cycle.policy.exemption.levels
    return any(decision.level is level for decision in application.decisions)


async def sheet(services: Services, principal: Principal, application_id: UUID) -> Sheet:
    """One application with its evidence; recorded as a viewing.

    Raises:
        NotFound: It isn't within this reviewer's scope, or hasn't come to their level.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        application, entitled = await _reviewed(tx, principal, application_id)
        own = entitled.registration
        uploads = await form.uploads_of(tx, own.id, slot_of(application_id))
        number = await accounts.identity_number_of(tx, services.vault, own.account_id, own.province_id)
        closed = _why_not_decidable(entitled, application, level_of(principal), now)
        further = await _following(tx, principal, application_id)
        name, institution = await queries.select_person(tx, own.id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=own.province_id,
            actor_id=principal.account_id,
            action="exemption.viewed",
            subject_id=application.id,
        )
    return Sheet(
        entitled,
        _claim(application, uploads),
        entitled.cycle.policy.label(application.subject),
        name,
        mask(number or ""),
        institution,
        closed is None,
        closed,
        further,
    )


def _why_not_decidable(
    entitled: Entitlement, application: Application, level: ReviewLevel, now: datetime
) -> str | None:
    try:
        check_decision(entitled.cycle, application, level, now, granted=True, reason="")
        check_standing(entitled)
    except Conflict as refusal:
        return refusal.sentence
    return None


async def decide(
    services: Services, principal: Principal, application_id: UUID, *, granted: bool, reason: str
) -> Outcome:
    """A level's word. The last grant makes the paper count as passed; of the last open paper it concludes.

    Where the registration isn't reviewed yet (the preset's own stage) the grant is kept and counts later.
    A paper that was begun meanwhile can't be waived any more: then the application is refused by that rule.

    Raises:
        NotFound: It isn't within this reviewer's scope.
        Invalid: A refusal without a reason.
        Conflict: Somebody was first, the stage is closed, or the physician is out of the cycle.
    """
    level, now, reason = level_of(principal), services.clock.now(), reason.strip()
    async with services.database.tx() as tx:
        seen, _ = await _reviewed(tx, principal, application_id)
        entitled = await registration.lock_entitlement(tx, seen.registration_id, seen.province_id)
        application = await queries.lock_optional_application(tx, application_id, seen.province_id)
        if application is None:
            raise _no_such_application(application_id)
        _check_scope(principal, application, entitled)
        check_decision(entitled.cycle, application, level, now, granted=granted, reason=reason)
        check_standing(entitled)
        own, subject = entitled.registration, application.subject
        if granted and subject in await papers.begun(tx, own.id, own.province_id):
            await _decide(tx, services, principal, application, level, State.REFUSED, BEGUN_REASON)
            return Outcome.BEGUN
        if granted and not entitled.may_be_exempted(subject):
            raise Conflict(
                "医师的考核程序已变更，这项测评不再适用免考，请填写理由后选择不同意。", code="not_exemptible"
            )
        rule = entitled.cycle.policy.exemption
        state = state_after(rule, level, granted=granted)
        await _decide(tx, services, principal, application, level, state, reason)
        if state is not State.GRANTED:
            return Outcome.REFUSED if state is State.REFUSED else Outcome.PASSED_ON
        grounds = "；".join(condition_labels(rule, application.conditions))
        await papers.exempt(
            tx, services.clock, own.id, own.province_id, subject, grounds, principal.account_id
        )
        return await _conclude(tx, services.clock, own.id, principal)


async def following(services: Services, principal: Principal, application_id: UUID) -> UUID | None:
    """The next application that waits for this reviewer after this one, or else the first."""
    async with services.database.tx() as tx:
        return await _following(tx, principal, application_id)


async def _following(tx: Tx, principal: Principal, application_id: UUID) -> UUID | None:
    scope = _scope(principal)
    for after in (application_id, None):
        for row in await queries.select_waiting(tx, scope, Filters(), after, 2):
            if row.id != application_id:
                return row.id
    return None


async def _decide(
    tx: Tx,
    services: Services,
    principal: Principal,
    application: Application,
    level: ReviewLevel,
    state: State,
    reason: str,
) -> None:
    granted = state is not State.REFUSED
    await _move(tx, application, state)
    await queries.insert_decision(
        tx,
        new_id(),
        application,
        level,
        reason,
        principal.account_id,
        services.clock.now(),
        granted=granted,
    )
    await _record(
        tx,
        services.clock,
        principal,
        "exemption.decided",
        application.registration_id,
        application=str(application.id),
        level=level.value,
        granted=granted,
        reason=reason,
    )


async def _conclude(tx: Tx, clock: Clock, registration_id: UUID, principal: Principal) -> Outcome:
    """End the cycle when the last open paper was waived; its row is held."""
    entitled = await registration.lock_entitlement(tx, registration_id, principal.province_id)
    if not entitled.may_test or not await papers.all_passed_for_good(tx, clock, entitled):
        return Outcome.GRANTED
    own = entitled.registration
    rated = await reviewing.ratings_in_force(tx, own.id, own.province_id)
    result = rated.ratings.result if rated is not None and rated.ratings else Result.PASSED
    await registration.conclude(
        tx, clock, own, result, cause="last_paper_exempted", actor_id=principal.account_id
    )
    return Outcome.CONCLUDED


async def _move(tx: Tx, application: Application, to_state: State) -> None:
    check_move(application.id, application.state, to_state)
    await queries.update_state(tx, application.id, to_state)


async def reviewed_picture(
    services: Services, principal: Principal, application_id: UUID, upload_id: UUID
) -> bytes:
    """A picture of an application's evidence; recorded as a viewing.

    Raises:
        NotFound: It isn't within this reviewer's scope, or isn't checked yet.
    """
    async with services.database.tx() as tx:
        application, entitled = await _reviewed(tx, principal, application_id)
        picture = await _picture(tx, services, application, upload_id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=entitled.registration.province_id,
            actor_id=principal.account_id,
            action="exemption.picture_viewed",
            subject_id=upload_id,
        )
    return picture


async def _picture(tx: Tx, services: Services, application: Application, upload_id: UUID) -> bytes:
    slot = slot_of(application.id)
    if upload_id not in {each.id for each in await form.uploads_of(tx, application.registration_id, slot)}:
        raise NotFound("没有找到这张图片，请刷新页面查看。", code="no_picture")
    return await form.open_picture(tx, services.vault, services.evidence, upload_id, application.province_id)


async def _record(
    tx: Tx, clock: Clock, principal: Principal, action: str, subject_id: UUID, **facts: Any
) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=subject_id,
        facts=facts,
    )


async def applications_of(tx: Tx, registration_id: UUID, province_id: str) -> list[Application]:
    """What was applied for and decided, the newest first; whose registration it is the caller looks at."""
    return await queries.select_applications(tx, registration_id, province_id)
