"""List attempts, look at one and its pictures, judge findings, confirm. Every viewing is in the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import usecases as cycles
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import usecases as proctor
from exam_service.proctor.judgement import FindingKind
from exam_service.proctor.model import Check
from exam_service.proctor.watched import Span, sitting
from exam_service.registration import usecases as registration
from exam_service.review import queries
from exam_service.review.model import (
    PAGE_SIZE,
    Decision,
    FindingVerdict,
    Judged,
    ListedAttempt,
    ReviewedFinding,
    Tab,
    check_decision,
    check_review,
    judged,
    with_reviews,
)
from exam_service.review.queries import Counts
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class ListPage:
    """A page of the list; ``next_cursor`` is where the next one begins."""

    rows: list[ListedAttempt]
    judged: Mapping[UUID, Judged]
    masked_numbers: Mapping[UUID, str]
    labels: Mapping[UUID, str]
    counts: Counts
    next_cursor: UUID | None


@dataclass(frozen=True)
class Dossier:
    """One attempt with all that a decision rests on.

    Attributes:
        sat: When the camera should have watched; ``None`` when nobody was admitted.
        has_photo: Whether there is a reviewed registration photo to compare with.
    """

    attempt: Attempt
    label: str
    name: str
    institution: str
    masked_number: str
    checks: list[Check]
    sat: Span | None
    judged: Judged
    findings: list[ReviewedFinding]
    has_photo: bool
    decision: Decision | None


async def counts(tx: Tx, principal: Principal) -> Counts:
    """How many attempts of this body there are, and how many await its word."""
    return await queries.count_attempts(tx, principal.province_id, principal.of_body())


async def list_attempts(services: Services, principal: Principal, tab: Tab, below: UUID | None) -> ListPage:
    """A page of the body's attempts, the newest first; recorded as a viewing.

    The risk is a column and no order: it follows from the verdicts, is stored nowhere, and is worked out for
    the rows of the page alone.
    """
    async with services.database.tx() as tx:
        rows = await queries.select_attempts(
            tx,
            principal.province_id,
            principal.of_body(),
            only_awaiting=tab is Tab.AWAITING,
            below=below,
            limit=PAGE_SIZE + 1,
        )
        more = len(rows) > PAGE_SIZE
        rows = rows[:PAGE_SIZE]
        checks = await proctor.checks_of_attempts(tx, [row.id for row in rows], principal.province_id)
        numbers, labels = {}, {}
        for row in rows:
            number = await accounts.identity_number_of(
                tx, services.vault, row.account_id, principal.province_id
            )
            numbers[row.id] = mask(number or "")
            cycle = await cycles.cycle_of(tx, row.cycle_id, principal.province_id)
            labels[row.id] = cycle.policy.label(row.subject)
        await audit.record(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action="results.listed",
            subject_id=principal.body_id,
            facts={"tab": tab.value, "attempts": [str(row.id) for row in rows]},
        )
        number_of = await counts(tx, principal)
    findings = {row.id: _judged(services, row, checks[row.id]) for row in rows}
    return ListPage(rows, findings, numbers, labels, number_of, rows[-1].id if more else None)


async def dossier(services: Services, principal: Principal, attempt_id: UUID) -> Dossier:
    """An attempt with its checks, findings and gaps; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        label = await papers.label_of(tx, attempt)
        name, institution = await queries.select_person(
            tx, attempt.account_id, attempt.institution_id, attempt.province_id
        )
        number = await accounts.identity_number_of(
            tx, services.vault, attempt.account_id, attempt.province_id
        )
        checks = await proctor.checks_of(tx, attempt.id, attempt.province_id)
        found = _judged(services, attempt, checks)
        reviews = await queries.select_finding_reviews(tx, attempt.id, attempt.province_id)
        registered = await registration.registration_of(tx, attempt.registration_id, attempt.province_id)
        decision = await queries.select_optional_decision(tx, attempt.id, attempt.province_id)
        await _record_view(tx, services, principal, attempt, "attempt.viewed")
    return Dossier(
        attempt,
        label,
        name,
        institution,
        mask(number or ""),
        checks,
        sitting(attempt, services.clock.now()),
        found,
        with_reviews(found.findings, reviews),
        registered.photo_id is not None and registered.photo_is_reviewed,
        decision,
    )


def _judged(services: Services, attempt: Attempt | ListedAttempt, checks: list[Check]) -> Judged:
    cadence = timedelta(milliseconds=services.settings.frame_interval_ms)
    return judged(attempt, checks, services.clock.now(), cadence)


async def _reviewed(tx: Tx, services: Services, attempt: Attempt) -> list[ReviewedFinding]:
    checks = await proctor.checks_of(tx, attempt.id, attempt.province_id)
    reviews = await queries.select_finding_reviews(tx, attempt.id, attempt.province_id)
    return with_reviews(_judged(services, attempt, checks).findings, reviews)


async def _record_view(
    tx: Tx, services: Services, principal: Principal, attempt: Attempt, action: str
) -> None:
    await audit.record_view(
        tx,
        services.clock,
        province_id=attempt.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=attempt.id,
    )


async def snapshot(services: Services, principal: Principal, attempt_id: UUID, check_id: UUID) -> bytes:
    """A kept frame of an attempt of this body, as JPEG; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's, or was not kept.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        picture = await proctor.snapshot(tx, services, attempt.id, check_id, attempt.province_id)
        await _record_view(tx, services, principal, attempt, "snapshot.viewed")
    return picture


async def photo(services: Services, principal: Principal, attempt_id: UUID) -> bytes:
    """The registration photo of the physician of an attempt of this body; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's, or there is no photo that has passed review.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        picture = await registration.reviewed_photo(
            tx, services.vault, services.evidence, attempt.registration_id, attempt.province_id
        )
        await _record_view(tx, services, principal, attempt, "photo.viewed")
    return picture


async def review_finding(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    kind: FindingKind,
    began_at: datetime,
    *,
    verdict: FindingVerdict,
    note: str,
) -> None:
    """A person's word on one finding. It is added to those before and counts instead of them.

    Raises:
        NotFound: It isn't one of this body's, or there is no such finding.
        Conflict: The paper is still being sat, or was decided.
        Invalid: The note is missing or too long.
    """
    async with services.database.tx() as tx:
        await queries.lock_attempt(tx, attempt_id, principal.province_id)
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        check_review(attempt, verdict, note)
        reviewed = await _reviewed(tx, services, attempt)
        found = [each.finding for each in reviewed]
        finding = next((each for each in found if (each.kind, each.began_at) == (kind, began_at)), None)
        if finding is None:
            raise NotFound("没有找到这条提示，请刷新页面查看。", code="no_such_finding")
        await queries.insert_finding_review(
            tx,
            new_id(),
            attempt.province_id,
            attempt.id,
            (kind, began_at),
            verdict,
            note,
            principal.account_id,
            services.clock.now(),
        )
        await audit.record(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="finding.reviewed",
            subject_id=attempt.id,
            facts={
                "kind": kind.value,
                "began_at": began_at.isoformat(),
                "ended_at": finding.ended_at.isoformat(),
                "frames": finding.frames,
                "verdict": verdict.value,
                "note": note,
            },
        )


async def confirm(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    *,
    passed: bool,
    note: str,
    by_findings: bool = False,
) -> None:
    """The body's word: 合格 or 不合格, with a note.

    Args:
        by_findings: Whether 不合格 is for what the camera saw; then a person must have upheld some of it.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: The mark doesn't allow it, a reason is missing, or no finding was upheld.
        Conflict: Somebody was first.
    """
    async with services.database.tx() as tx:
        await queries.lock_attempt(tx, attempt_id, principal.province_id)
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        upheld = [
            {"kind": each.finding.kind.value, "began_at": each.finding.began_at.isoformat()}
            for each in await _reviewed(tx, services, attempt)
            if each.is_upheld
        ]
        check_decision(attempt, passed=passed, note=note, by_findings=by_findings, upheld=len(upheld))
        await papers.confirm(
            tx,
            services.clock,
            attempt_id,
            attempt.province_id,
            passed=passed,
            actor_id=principal.account_id,
        )
        await queries.insert_decision(
            tx,
            new_id(),
            attempt.province_id,
            attempt.id,
            principal.account_id,
            services.clock.now(),
            passed=passed,
            note=note,
        )
        await audit.record(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="attempt.confirmed",
            subject_id=attempt.id,
            facts={"passed": passed, "note": note}
            | ({"by_findings": by_findings, "upheld": upheld} if upheld or by_findings else {}),
        )
