"""List attempts, look at one and its snapshots, confirm. Every viewing is in the audit journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import usecases as cycles
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import usecases as proctor
from exam_service.proctor.judgement import Finding, findings
from exam_service.proctor.model import Check, Purpose, Verdict
from exam_service.review import queries
from exam_service.review.model import (
    PAGE_SIZE,
    Decision,
    Gap,
    ListedAttempt,
    Tab,
    check_decision,
    gaps,
)
from exam_service.review.queries import Counts
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class ListPage:
    """A page of the list; ``next_cursor`` is where the next one begins."""

    rows: list[ListedAttempt]
    masked_numbers: Mapping[UUID, str]
    labels: Mapping[UUID, str]
    counts: Counts
    next_cursor: UUID | None


@dataclass(frozen=True)
class Dossier:
    """One attempt with all that a decision rests on."""

    attempt: Attempt
    label: str
    name: str
    institution: str
    masked_number: str
    checks: list[Check]
    findings: list[Finding]
    gaps: list[Gap]
    decision: Decision | None


async def counts(tx: Tx, principal: Principal) -> Counts:
    """How many attempts of this body there are, and how many await its word."""
    return await queries.count_attempts(tx, principal.province_id, principal.of_body())


async def list_attempts(services: Services, principal: Principal, tab: Tab, below: UUID | None) -> ListPage:
    """A page of the body's attempts, the newest first; recorded as a viewing."""
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
        verdicts = await proctor.verdict_counts(tx, [row.id for row in rows], principal.province_id)
        rows = [replace(row, verdicts=verdicts.get(row.id, {})) for row in rows]
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
        return ListPage(rows, numbers, labels, await counts(tx, principal), rows[-1].id if more else None)


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
        interval = await proctor.frame_interval(tx, services, attempt)
        decision = await queries.select_optional_decision(tx, attempt.id, attempt.province_id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="attempt.viewed",
            subject_id=attempt.id,
        )
    return Dossier(
        attempt,
        label,
        name,
        institution,
        mask(number or ""),
        checks,
        findings(checks),
        gaps(attempt, _watched(checks, interval), services.clock.now()),
        decision,
    )


def _watched(checks: list[Check], interval: timedelta) -> list[tuple[datetime, datetime]]:
    """The times that frames stand for, each until the next is due: an open connection alone sees nothing."""
    return [
        (check.received_at, check.received_at + interval)
        for check in checks
        if check.purpose is Purpose.PAPER and check.verdict is not Verdict.UNUSABLE
    ]


async def snapshot(services: Services, principal: Principal, attempt_id: UUID, check_id: UUID) -> bytes:
    """A kept frame of an attempt of this body, as JPEG; recorded as a viewing.

    Raises:
        NotFound: It isn't one of this body's, or was not kept.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        picture = await proctor.snapshot(tx, services, attempt.id, check_id, attempt.province_id)
        await audit.record_view(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="snapshot.viewed",
            subject_id=attempt.id,
        )
    return picture


async def confirm(
    services: Services, principal: Principal, attempt_id: UUID, *, passed: bool, note: str
) -> None:
    """The body's word: 合格 or 不合格, with a note.

    Raises:
        NotFound: It isn't one of this body's.
        Invalid: The mark doesn't allow it, or a reason is missing.
        Conflict: Somebody was first.
    """
    async with services.database.tx() as tx:
        attempt = await papers.attempt_for_body(tx, principal, attempt_id)
        check_decision(attempt, passed=passed, note=note)
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
            facts={"passed": passed, "note": note},
        )
