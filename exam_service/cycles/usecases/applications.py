"""考核机构申请: an institution applies to be a body of the cycle, the authority decides."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import queries
from exam_service.cycles.model import (
    ApplicationState,
    BodyApplication,
    Cycle,
    check_grounds,
    check_reason,
)
from exam_service.cycles.policy import Stage
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.organisations import usecases as organisations
from exam_service.storage.database import Tx
from exam_service.wiring import Services

PAGE = 20


@dataclass(frozen=True)
class OwnApplications:
    """What an institution sees; ``cycle`` is the province's newest, if it has one."""

    cycle: Cycle | None
    applications: list[BodyApplication]


@dataclass(frozen=True)
class ApplicationPage:
    """``next_cursor`` when there are more."""

    cycle: Cycle | None
    rows: list[BodyApplication]
    next_cursor: UUID | None


async def own(services: Services, principal: Principal) -> OwnApplications:
    """The institution's applications in the newest cycle, the newest first.

    Raises:
        Forbidden: Not staff of an institution.
    """
    institution_id = principal.of_institution()
    async with services.database.tx() as tx:
        cycle = await queries.select_optional_newest(tx, principal.province_id)
        if cycle is None:
            return OwnApplications(None, [])
        found = await queries.select_own_applications(tx, institution_id, principal.province_id, cycle.id)
        return OwnApplications(cycle, found)


async def apply(services: Services, principal: Principal, *, kind: str, grounds: str) -> None:
    """Apply to be a body of the newest cycle.

    Raises:
        Forbidden: Not staff of an institution.
        NotFound: The province has no cycle.
        BadFields: No kind, no grounds.
        Conflict: Outside the stage's days, or there is an application already.
    """
    institution_id = principal.of_institution()
    grounds = grounds.strip()
    wanted = check_grounds(kind, grounds)
    now = services.clock.now()
    async with services.database.tx() as tx:
        cycle = await _newest(tx, principal)
        cycle.check_stage(Stage.BODY_APPLICATIONS, now)
        name = await organisations.institution_name(tx, institution_id, principal.province_id)
        application = BodyApplication(
            new_id(),
            principal.province_id,
            cycle.id,
            institution_id,
            name,
            wanted,
            grounds,
            now,
            ApplicationState.OPEN,
        )
        if not await queries.insert_application(tx, application, principal.account_id):
            raise Conflict("本机构已提交过申请，请等待卫生行政部门审核。", code="application_exists")
        await _record(tx, services, principal, "body_application.made", application.id)


async def withdraw(services: Services, principal: Principal, application_id: UUID) -> None:
    """Take an open application back.

    Raises:
        Forbidden: Not staff of an institution.
        NotFound: It is another institution's, or there is none.
        Conflict: It has been decided.
    """
    institution_id = principal.of_institution()
    async with services.database.tx() as tx:
        application = await queries.lock_application(tx, application_id, principal.province_id)
        if application.institution_id != institution_id:
            raise NotFound("没有找到这份申请。", application=application_id)
        application.check_open()
        await queries.update_application(
            tx, application.id, ApplicationState.WITHDRAWN, None, services.clock.now(), None, None
        )
        await _record(tx, services, principal, "body_application.withdrawn", application.id)


async def listed(
    services: Services, principal: Principal, state: ApplicationState | None, after: UUID | None
) -> ApplicationPage:
    """A page of the applications in the newest cycle, the oldest first.

    Raises:
        Forbidden: Not staff of an authority.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await queries.select_optional_newest(tx, province_id)
        if cycle is None:
            return ApplicationPage(None, [], None)
        rows = await queries.select_applications(tx, province_id, cycle.id, state, after, PAGE + 1)
    more = len(rows) > PAGE
    return ApplicationPage(cycle, rows[:PAGE], rows[PAGE - 1].id if more else None)


async def grant(services: Services, principal: Principal, application_id: UUID) -> UUID:
    """The applicant is a body of the cycle from now on; gives the body's id, whose staff come next.

    An institution that was a body in an earlier cycle is that body again.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such application in this province.
        Conflict: It has been decided or withdrawn.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        application = await queries.lock_application(tx, application_id, province_id)
        application.check_open()
        applicant = await organisations.institution(tx, application.institution_id, province_id)
        body_id = await queries.select_optional_body_of_name(tx, province_id, applicant.name)
        if body_id is None:
            body_id = (await organisations.add_body(tx, province_id, applicant.name, applicant.phone)).id
        await queries.insert_cycle_body(tx, application.cycle_id, body_id, province_id)
        await queries.update_application(
            tx,
            application.id,
            ApplicationState.GRANTED,
            principal.account_id,
            services.clock.now(),
            None,
            body_id,
        )
        await _record(tx, services, principal, "body_application.granted", application.id, body=str(body_id))
    return body_id


async def refuse(services: Services, principal: Principal, application_id: UUID, reason: str) -> None:
    """Refuse with a reason that the applicant reads; it may apply again while the stage is open.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such application in this province.
        BadFields: No reason.
        Conflict: It has been decided or withdrawn.
    """
    province_id = principal.of_authority()
    reason = check_reason(reason)
    async with services.database.tx() as tx:
        application = await queries.lock_application(tx, application_id, province_id)
        application.check_open()
        await queries.update_application(
            tx,
            application.id,
            ApplicationState.REFUSED,
            principal.account_id,
            services.clock.now(),
            reason,
            None,
        )
        await _record(tx, services, principal, "body_application.refused", application.id, reason=reason)


async def _newest(tx: Tx, principal: Principal) -> Cycle:
    cycle = await queries.select_optional_newest(tx, principal.province_id)
    if cycle is None:
        raise NotFound("本省还没有开放考核周期，请留意卫生行政部门通知。", code="no_cycle")
    return cycle


async def _record(
    tx: Tx, services: Services, principal: Principal, action: str, subject_id: UUID, **facts: object
) -> None:
    await audit.record(
        tx,
        services.clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=subject_id,
        facts=facts,
    )
