"""Approve, return, undo. Each locks the registration, looks at it again, and says what became of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles.policy import Procedure, ReviewLevel, Stage
from exam_service.errors import Conflict, Invalid
from exam_service.ids import new_id
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.form.fields import fields_of
from exam_service.registration.model import Entitlement, Result
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.model import (
    AWAITING,
    Decision,
    Outcome,
    Ratings,
    Review,
    check_awaits,
    check_checklist,
    check_rating,
    check_return,
    check_undo,
    checklist,
    doubts,
    outcome,
    rerated,
)
from exam_service.registration.reviewing.usecases.reading import has_papers, read_many
from exam_service.registration.reviewing.usecases.scoping import (
    check_is_theirs,
    is_theirs,
    level_of,
    office_of,
)
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class Basis:
    """What a reviewer had before their eyes: the submission, and the newest decision if there was one."""

    submission_id: UUID
    review_id: UUID | None


@dataclass(frozen=True)
class Decided:
    """A decision, and where it led; ``stays``: whether the registration still lies with whoever decided."""

    review: Review
    outcome: Outcome
    stays: bool = True


@dataclass(frozen=True)
class Held:
    """A registration whose row is held and that awaits this level, as the reviewer saw it."""

    entitled: Entitlement
    reviews: Sequence[Review]

    @property
    def institution(self) -> Ratings | None:
        """What the institution rates; the body decides on rated forms only."""
        newest = next((each for each in self.reviews if each.level is ReviewLevel.INSTITUTION), None)
        return newest.ratings if newest is not None and newest.decision is Decision.APPROVED else None


async def hold(tx: Tx, services: Services, principal: Principal, registration_id: UUID, basis: Basis) -> Held:
    """Lock a registration that awaits the principal's level.

    Raises:
        NotFound: It isn't one of theirs.
        Conflict: It was decided, or changed, since the page was opened; or the review stage isn't open.
    """
    entitled = await registration.lock_entitlement(tx, registration_id, principal.province_id)
    check_is_theirs(principal, entitled.registration)
    reviews = await queries.select_reviews(tx, registration_id, principal.province_id)
    newest = reviews[0] if reviews else None
    submission_id = await queries.select_submission_id(tx, registration_id, principal.province_id)
    same = basis == Basis(submission_id, newest.id if newest else None)
    check_awaits(level_of(principal), entitled.registration.state, newest, same_basis=same)
    entitled.cycle.check_stage(Stage.REVIEW, services.clock.now())
    return Held(entitled, reviews)


async def rate_and_approve(
    services: Services,
    principal: Principal,
    registration_id: UUID,
    basis: Basis,
    *,
    ticked: Collection[str],
    ratings: Ratings,
    reason: str,
) -> Decided:
    """The institution rates work and ethics and passes the form on to the body.

    Raises:
        NotFound: It isn't one of this institution's.
        Invalid: The checklist isn't whole, or 不合格 comes without its reason.
        Conflict: Somebody was first, or the stage isn't open.
    """
    principal.of_institution()
    async with services.database.tx() as tx:
        held = await hold(tx, services, principal, registration_id, basis)
        policy = held.entitled.cycle.policy
        _check_ticked(principal, held, ticked)
        check_rating(ratings, reason, {code for code, _ in policy.form.misconduct})
        review = _review(
            services, principal, registration_id, Decision.APPROVED, reason, ticked=ticked, ratings=ratings
        )
        return await carry_out(tx, services, held, review)


async def approve(
    services: Services,
    principal: Principal,
    registration_id: UUID,
    basis: Basis,
    *,
    ticked: Collection[str],
    own: Ratings | None,
    reason: str,
    fails: bool,
) -> Decided:
    """The body upholds the institution's ratings, or overturns them, and registers or concludes.

    Args:
        own: The body's own ratings, where it overturns.
        fails: Whether the reviewer has said that this is to conclude as 不合格.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: The checklist isn't whole, overturned without a reason, or 不合格 without a word of its own.
        Conflict: Somebody was first, or the stage isn't open.
    """
    principal.of_body()
    async with services.database.tx() as tx:
        held = await hold(tx, services, principal, registration_id, basis)
        _check_ticked(principal, held, ticked)
        institution = held.institution
        if institution is None:
            raise Conflict("机构尚未评定，不能复核，请退回机构。", code="unrated")
        ratings, upheld = rerated(institution, own, reason)
        known = {code for code, _ in held.entitled.cycle.policy.form.misconduct}
        if not upheld:
            check_rating(ratings, reason, known)
        if ratings.result is Result.FAILED and not fails:
            raise Invalid(
                "按此评定，本周期考核结论为不合格，且不能撤销。请核对后勾选确认。", code="fail_unconfirmed"
            )
        review = _review(
            services,
            principal,
            registration_id,
            Decision.APPROVED,
            reason,
            ticked=ticked,
            ratings=ratings,
            upheld=upheld,
        )
        return await carry_out(tx, services, held, review)


async def approve_uncontested(
    services: Services, principal: Principal, registration_id: UUID, basis: Basis
) -> Decided:
    """Approve what nothing speaks against: whether so is asked again, the row held.

    Raises:
        NotFound: It isn't one of this body's.
        Conflict: Somebody was first, the stage isn't open, or something speaks against it by now.
    """
    principal.of_body()
    async with services.database.tx() as tx:
        held = await hold(tx, services, principal, registration_id, basis)
        own, cycle = held.entitled.registration, held.entitled.cycle
        reviews = {registration_id: held.reviews}
        read = (await read_many(tx, services.vault, cycle, [registration_id], reviews)).get(registration_id)
        if read is None or doubts(ReviewLevel.BODY, read.facts):
            raise Conflict("这份报名信息需要单独查看，没有批量通过。", code="contested")
        wanted = checklist(
            ReviewLevel.BODY, simple=own.procedure is Procedure.SIMPLE, licence=cycle.policy.form.licence
        )
        review = _review(
            services,
            principal,
            registration_id,
            Decision.APPROVED,
            "",
            ticked=wanted,
            ratings=read.facts.institution,
            upheld=True,
        )
        return await carry_out(tx, services, held, review)


async def return_form(
    services: Services,
    principal: Principal,
    registration_id: UUID,
    basis: Basis,
    *,
    reason: str,
    marked: Collection[str],
    to_institution: bool = False,
) -> Decided:
    """Send a form back for correction: to the physician, or from the body to the institution.

    Args:
        marked: Names of fields that the physician has to correct; those that the province lacks are left out.

    Raises:
        NotFound: It isn't one of theirs.
        Invalid: No reason, or one too long.
        Conflict: Somebody was first, or the stage isn't open.
    """
    if to_institution:
        principal.of_body()
    async with services.database.tx() as tx:
        held = await hold(tx, services, principal, registration_id, basis)
        check_return(reason)
        decision = Decision.RETURNED_TO_INSTITUTION if to_institution else Decision.RETURNED
        in_order = [field for field in fields_of(held.entitled.cycle.policy) if field in marked]
        review = _review(services, principal, registration_id, decision, reason, marked=in_order)
        return await carry_out(tx, services, held, review)


async def undo(services: Services, principal: Principal, registration_id: UUID) -> Decided:
    """Take back the newest decision, of the principal's own institution or body, within minutes.

    It is theirs to take back also when the physician has come to another office meanwhile, and never that
    office's.

    Raises:
        NotFound: It isn't one of theirs.
        Conflict: It is too late, somebody has decided since, the physician has gone on, or the decision was
            that of the office before.
    """
    level, office = level_of(principal), office_of(principal)
    now = services.clock.now()
    async with services.database.tx() as tx:
        entitled = await registration.lock_entitlement(tx, registration_id, principal.province_id)
        own = entitled.registration
        reviews = await queries.select_reviews(tx, registration_id, principal.province_id)
        newest = reviews[0] if reviews else None
        if newest is None or newest.office != office:
            check_is_theirs(principal, own)
        if check_undo(newest, own.state, now, level).office != office:
            raise Conflict(
                "这次处理由原来负责的机构作出，只能由该机构的工作人员撤销。",
                code="not_your_decision",
                registration=registration_id,
            )
        entitled.cycle.check_stage(Stage.REVIEW, now)
        review = _review(services, principal, registration_id, Decision.UNDONE, "")
        await queries.insert_review(tx, review, own.province_id)
        back = Outcome(AWAITING[level], "undone")
        await registration.move(
            tx, services.clock, own, back.state, cause=back.cause, actor_id=principal.account_id
        )
        await _record(tx, services, review, own.province_id, back)
    return Decided(review, back, stays=is_theirs(principal, own))


def _check_ticked(principal: Principal, held: Held, ticked: Collection[str]) -> None:
    own = held.entitled.registration
    wanted = checklist(
        level_of(principal),
        simple=own.procedure is Procedure.SIMPLE,
        licence=held.entitled.cycle.policy.form.licence,
    )
    check_checklist(wanted, ticked)


def _review(
    services: Services,
    principal: Principal,
    registration_id: UUID,
    decision: Decision,
    reason: str,
    *,
    ticked: Collection[str] = (),
    ratings: Ratings | None = None,
    upheld: bool | None = None,
    marked: Sequence[str] = (),
) -> Review:
    return Review(
        id=new_id(),
        registration_id=registration_id,
        level=level_of(principal),
        decision=decision,
        checklist=tuple(sorted(ticked)),
        ratings=ratings,
        upheld=upheld,
        reason=reason,
        marked=tuple(marked),
        reviewer_id=principal.account_id,
        reviewer=principal.name,
        decided_at=services.clock.now(),
        office=office_of(principal),
    )


async def carry_out(tx: Tx, services: Services, held: Held, review: Review) -> Decided:
    """Keep a decision and make its move. The row is held."""
    own = held.entitled.registration
    leads_to = outcome(review.level, review.decision, review.ratings, papers=has_papers(held.entitled))
    await queries.insert_review(tx, review, own.province_id)
    if review.level is ReviewLevel.BODY and review.decision is Decision.APPROVED:
        await form.accept_photo(tx, services.clock, own.id, own.province_id)
    if leads_to.result is None:
        await registration.move(
            tx, services.clock, own, leads_to.state, cause=leads_to.cause, actor_id=review.reviewer_id
        )
    else:
        await registration.conclude(
            tx, services.clock, own, leads_to.result, cause=leads_to.cause, actor_id=review.reviewer_id
        )
    await _record(tx, services, review, own.province_id, leads_to)
    return Decided(review, leads_to)


async def _record(tx: Tx, services: Services, review: Review, province_id: str, leads_to: Outcome) -> None:
    facts: dict[str, object] = {
        "review": str(review.id),
        "level": review.level.value,
        "decision": review.decision.value,
        "state": leads_to.state.value,
    }
    if leads_to.result is not None:
        facts["result"] = leads_to.result.value
    if review.upheld is not None:
        facts["upheld"] = review.upheld
    await audit.record(
        tx,
        services.clock,
        province_id=province_id,
        actor_id=review.reviewer_id,
        action="registration.reviewed",
        subject_id=review.registration_id,
        facts=facts,
    )
