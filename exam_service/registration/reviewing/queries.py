from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from exam_service.cycles.policy import Procedure, ReviewLevel
from exam_service.errors import NotFound
from exam_service.institutions.model import Category, Level
from exam_service.registration.model import Result, State
from exam_service.registration.reviewing.filters import (
    Column,
    Filter,
    Listed,
    Place,
    Progress,
    ProgressPlace,
)
from exam_service.registration.reviewing.model import Decision, Review, parse_ratings
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.registration.reviewing")


@dataclass(frozen=True)
class Scope:
    """Whose rows: of a cycle, and of a body or an institution where there is one."""

    cycle_id: UUID
    province_id: str
    body_id: UUID | None
    institution_id: UUID | None


@dataclass(frozen=True)
class Person:
    name: str
    document_type: str
    institution: str
    body: str


@dataclass(frozen=True)
class Submitted:
    """A registration's newest submission, ``content`` sealed with the submission's id as its row."""

    registration_id: UUID
    account_id: UUID
    submission_id: UUID
    content: bytes
    submitted_at: datetime
    has_bad_records: bool
    first_registered_on: date | None
    licensed_on: date | None


@dataclass(frozen=True)
class Recent:
    """A decision that is the newest of its registration, with where that stands now."""

    review: Review
    state: State
    name: str
    institution: str


@dataclass(frozen=True)
class Picture:
    registration_id: UUID
    slot: str
    is_accepted: bool


@dataclass(frozen=True)
class Narrowed:
    """A filter as statements take it.

    Attributes:
        born: After the first, up to the second.
    """

    wanted: Filter
    born: tuple[date | None, date | None]

    def arguments(self, scope: Scope) -> tuple[object, ...]:
        """The first fifteen of ``select_listed`` and its like."""
        wanted = self.wanted
        one, some = (wanted.states[0], None) if len(wanted.states) == 1 else (None, list(wanted.states))
        return (
            scope.cycle_id,
            scope.province_id,
            one,
            some,
            scope.body_id,
            scope.institution_id,
            wanted.institution_id,
            wanted.department_id,
            wanted.name or None,
            *self.born,
            wanted.category,
            wanted.level,
            wanted.bad_records,
            wanted.procedure,
        )


async def select_listed(
    tx: Tx, scope: Scope, narrowed: Narrowed, after: Place | None, limit: int
) -> list[Listed]:
    await tx.execute(SQL["plan_afresh"])
    place = (after.submitted_at, after.id) if after else (None, None)
    rows = await tx.fetch(SQL["select_listed"], *narrowed.arguments(scope), *place, limit)
    return [_listed(row) for row in rows]


async def select_optional_previous(tx: Tx, scope: Scope, narrowed: Narrowed, before: Place) -> UUID | None:
    await tx.execute(SQL["plan_afresh"])
    previous: UUID | None = await tx.fetch_value(
        SQL["select_optional_previous"], *narrowed.arguments(scope), before.submitted_at, before.id
    )
    return previous


def _listed(row: Row) -> Listed:
    return Listed(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        institution=row["institution"],
        department=row["department"],
        born_on=row["born_on"],
        category=Category(row["category"]),
        level=Level(row["level"]),
        licensed_on=row["licensed_on"],
        first_registered_on=row["first_registered_on"],
        has_bad_records=row["has_bad_records"],
        procedure=Procedure(row["procedure"]),
        state=State(row["state"]),
        result=Result(row["result"]) if row["result"] else None,
        submitted_at=row["submitted_at"],
    )


async def select_optional_by_document(tx: Tx, scope: Scope, document_hashes: list[bytes]) -> UUID | None:
    found: UUID | None = await tx.fetch_value(
        SQL["select_optional_by_document"],
        document_hashes,
        scope.province_id,
        scope.cycle_id,
        scope.body_id,
        scope.institution_id,
    )
    return found


async def count_awaiting(tx: Tx, scope: Scope, state: State) -> int:
    count: int = await tx.fetch_value(
        SQL["count_awaiting"],
        scope.cycle_id,
        scope.province_id,
        state,
        scope.body_id,
        scope.institution_id,
    )
    return count


async def select_departments(tx: Tx, institution_id: UUID, province_id: str) -> dict[UUID, str]:
    rows = await tx.fetch(SQL["select_departments"], institution_id, province_id)
    return {row["id"]: row["name"] for row in rows}


async def select_optional_institution(tx: Tx, scope: Scope, institution_id: UUID) -> str | None:
    row = await tx.fetch_optional(
        SQL["select_optional_institution"], scope.cycle_id, institution_id, scope.province_id, scope.body_id
    )
    return row["name"] if row else None


async def select_person(
    tx: Tx, account_id: UUID, institution_id: UUID, body_id: UUID, province_id: str
) -> Person:
    row = await tx.fetch_optional(SQL["select_person"], account_id, institution_id, body_id, province_id)
    if row is None:
        raise NotFound("没有找到这份报名信息。", account=account_id)
    return Person(row["name"], row["document_type"], row["institution"], row["body"])


def _review(row: Row) -> Review:
    return Review(
        id=row["id"],
        registration_id=row["registration_id"],
        level=ReviewLevel(row["level"]),
        decision=Decision(row["decision"]),
        checklist=tuple(row["checklist"]),
        ratings=parse_ratings(row["ratings"]) if row["ratings"] else None,
        upheld=row["upheld"],
        reason=row["reason"],
        marked=tuple(row["marked"]),
        reviewer_id=row["reviewer_id"],
        reviewer=row["reviewer"],
        decided_at=row["decided_at"],
        office=row["office"],
    )


async def select_reviews(tx: Tx, registration_id: UUID, province_id: str) -> list[Review]:
    rows = await tx.fetch(SQL["select_reviews"], registration_id, province_id)
    return [_review(row) for row in rows]


async def insert_review(tx: Tx, review: Review, province_id: str) -> None:
    await tx.execute(
        SQL["insert_review"],
        review.id,
        review.registration_id,
        province_id,
        review.level,
        review.decision,
        list(review.checklist),
        review.ratings.to_json() if review.ratings else None,
        review.upheld,
        review.reason,
        list(review.marked),
        review.reviewer_id,
        review.decided_at,
    )


async def select_submission_id(tx: Tx, registration_id: UUID, province_id: str) -> UUID:
    submission_id: UUID | None = await tx.fetch_value(
        SQL["select_submission_id"], registration_id, province_id
    )
    if submission_id is None:
        raise NotFound("这份报名信息还没有提交。", code="not_submitted", registration=registration_id)
    return submission_id


async def select_submitted(tx: Tx, registration_ids: Sequence[UUID], province_id: str) -> list[Submitted]:
    rows = await tx.fetch(SQL["select_facts"], list(registration_ids), province_id)
    return [
        Submitted(
            row["id"],
            row["account_id"],
            row["submission_id"],
            row["content"],
            row["submitted_at"],
            row["has_bad_records"],
            row["first_registered_on"],
            row["licensed_on"],
        )
        for row in rows
    ]


async def select_pictures(tx: Tx, registration_ids: Sequence[UUID]) -> list[Picture]:
    rows = await tx.fetch(SQL["select_pictures"], list(registration_ids))
    return [Picture(row["registration_id"], row["slot"], row["state"] == "accepted") for row in rows]


async def select_reviews_of_many(
    tx: Tx, registration_ids: Sequence[UUID], province_id: str
) -> dict[UUID, list[Review]]:
    rows = await tx.fetch(SQL["select_reviews_of_many"], list(registration_ids), province_id)
    reviews: dict[UUID, list[Review]] = {registration_id: [] for registration_id in registration_ids}
    for row in rows:
        reviews[row["registration_id"]].append(_review(row))
    return reviews


async def select_recent(
    tx: Tx, reviewer_id: UUID, province_id: str, since: datetime, limit: int
) -> list[Recent]:
    rows = await tx.fetch(SQL["select_recent"], reviewer_id, province_id, since, limit)
    return [Recent(_review(row), State(row["state"]), row["name"], row["institution"]) for row in rows]


_FIGURES = (
    Column.TOTAL,
    Column.UNSUBMITTED,
    Column.INSTITUTION_REVIEW,
    Column.BODY_REVIEW,
    Column.RETURNED,
    Column.REGISTERED,
    Column.CONCLUDED,
)


def _progress(row: Row, row_id: UUID | None, name: str) -> Progress:
    figures: Mapping[str, Any] = {column.value: row[column.value] for column in _FIGURES}
    return Progress(row_id, name, **figures)


async def select_progress(
    tx: Tx, scope: Scope, column: Column, *, largest_first: bool, after: ProgressPlace | None, limit: int
) -> list[Progress]:
    """By institution, sorted by a figure."""
    sign = -1 if largest_first else 1
    rows = await tx.fetch(
        SQL["select_progress"],
        scope.cycle_id,
        scope.province_id,
        scope.body_id,
        column,
        sign,
        None if after is None else sign * int(after.key),
        None if after is None else after.id,
        limit,
    )
    return [_progress(row, row["id"], row["name"]) for row in rows]


async def select_progress_by_name(
    tx: Tx, scope: Scope, after: ProgressPlace | None, limit: int
) -> list[Progress]:
    rows = await tx.fetch(
        SQL["select_progress_by_name"],
        scope.cycle_id,
        scope.province_id,
        scope.body_id,
        None if after is None else after.key,
        None if after is None else after.id,
        limit,
    )
    return [_progress(row, row["id"], row["name"]) for row in rows]


async def select_progress_total(tx: Tx, scope: Scope, name: str) -> Progress:
    row = await tx.fetch_optional(
        SQL["select_progress_total"], scope.cycle_id, scope.province_id, scope.body_id, scope.institution_id
    )
    assert row is not None  # noqa: S101 - an aggregate without groups has one row
    return _progress(row, None, name)


async def select_progress_of_departments(tx: Tx, scope: Scope, nowhere: str) -> list[Progress]:
    """``nowhere``: what those of no department are called."""
    rows = await tx.fetch(
        SQL["select_progress_of_departments"], scope.cycle_id, scope.province_id, scope.institution_id
    )
    return [_progress(row, row["id"], row["name"] or nowhere) for row in rows]
