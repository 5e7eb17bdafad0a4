from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from exam_service.cycles.policy import Subject, parse_rule
from exam_service.papers.model import AnswerEvent, Attempt, State
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.papers")


def _attempt(row: Row) -> Attempt:
    return Attempt(
        id=row["id"],
        province_id=row["province_id"],
        registration_id=row["registration_id"],
        cycle_id=row["cycle_id"],
        account_id=row["account_id"],
        institution_id=row["institution_id"],
        body_id=row["body_id"],
        subject=Subject(row["subject"]),
        ordinal=row["ordinal"],
        state=State(row["state"]),
        rule=parse_rule(row["rule"]),
        admitted_at=row["admitted_at"],
        deadline=row["deadline"],
        handed_in_at=row["handed_in_at"],
        closed_at=row["closed_at"],
        lease_epoch=row["lease_epoch"],
        total=row["total"],
        correct=row["correct"],
        mark=row["mark"],
        passed=row["passed"],
    )


async def insert_attempt(tx: Tx, attempt: Attempt, notice_version: str, notice_accepted_at: datetime) -> bool:
    inserted = await tx.fetch_value(
        SQL["insert_attempt"],
        attempt.id,
        attempt.province_id,
        attempt.registration_id,
        attempt.cycle_id,
        attempt.account_id,
        attempt.institution_id,
        attempt.body_id,
        attempt.subject,
        attempt.ordinal,
        attempt.state,
        attempt.rule.to_json(),
        notice_version,
        notice_accepted_at,
        attempt.total,
    )
    return inserted is not None


async def insert_attempt_items(tx: Tx, attempt_id: UUID, paper: Sequence[tuple[UUID, list[UUID]]]) -> None:
    await tx.execute_many(
        SQL["insert_attempt_item"],
        [
            (attempt_id, position, item_id, option_ids)
            for position, (item_id, option_ids) in enumerate(paper, start=1)
        ],
    )


async def update_notice(tx: Tx, attempt_id: UUID, version: str, accepted_at: datetime) -> None:
    await tx.execute(SQL["update_notice"], attempt_id, version, accepted_at)


async def select_attempts(tx: Tx, registration_id: UUID, province_id: str) -> list[Attempt]:
    return [_attempt(row) for row in await tx.fetch(SQL["select_attempts"], registration_id, province_id)]


async def select_optional_attempt(tx: Tx, attempt_id: UUID, province_id: str) -> Attempt | None:
    row = await tx.fetch_optional(SQL["select_optional_attempt"], attempt_id, province_id)
    return _attempt(row) if row else None


async def lock_optional_attempt(tx: Tx, attempt_id: UUID, province_id: str) -> Attempt | None:
    row = await tx.fetch_optional(SQL["lock_optional_attempt"], attempt_id, province_id)
    return _attempt(row) if row else None


async def lock_optional_attempt_skipping(tx: Tx, attempt_id: UUID) -> Attempt | None:
    row = await tx.fetch_optional(SQL["lock_optional_attempt_skipping"], attempt_id)
    return _attempt(row) if row else None


async def update_state(tx: Tx, attempt_id: UUID, state: State) -> None:
    await tx.execute(SQL["update_state"], attempt_id, state)


async def insert_move(
    tx: Tx,
    move_id: UUID,
    attempt: Attempt,
    to_state: State,
    cause: str,
    actor_id: UUID | None,
    at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_move"],
        move_id,
        attempt.id,
        attempt.province_id,
        attempt.state,
        to_state,
        cause,
        actor_id,
        at,
    )


async def update_admitted(tx: Tx, attempt_id: UUID, admitted_at: datetime, deadline: datetime) -> None:
    await tx.execute(SQL["update_admitted"], attempt_id, admitted_at, deadline)


async def update_lease(tx: Tx, attempt_id: UUID, epoch: int) -> None:
    await tx.execute(SQL["update_lease"], attempt_id, epoch)


async def update_closed(tx: Tx, attempt_id: UUID, closed_at: datetime, handed_in_at: datetime | None) -> None:
    await tx.execute(SQL["update_closed"], attempt_id, closed_at, handed_in_at)


async def update_marked(tx: Tx, attempt_id: UUID, correct: int, mark: Decimal, *, passed: bool) -> None:
    await tx.execute(SQL["update_marked"], attempt_id, correct, mark, passed)


async def update_passed(tx: Tx, attempt_id: UUID, *, passed: bool) -> None:
    await tx.execute(SQL["update_passed"], attempt_id, passed)


async def select_paper(tx: Tx, attempt_id: UUID) -> list[tuple[UUID, list[UUID]]]:
    return [(row["item_id"], row["option_ids"]) for row in await tx.fetch(SQL["select_paper"], attempt_id)]


async def select_optional_options(tx: Tx, attempt_id: UUID, item_id: UUID) -> list[UUID] | None:
    options: Any = await tx.fetch_value(SQL["select_optional_options"], attempt_id, item_id)
    return options if options is None else list(options)


async def insert_answer_event(tx: Tx, event: AnswerEvent, received_at: datetime) -> bool:
    inserted = await tx.fetch_value(
        SQL["insert_answer_event"],
        event.attempt_id,
        event.epoch,
        event.seq,
        event.item_id,
        event.option_id,
        event.client_time,
        received_at,
    )
    return inserted is not None


async def select_answer_event(tx: Tx, attempt_id: UUID, epoch: int, seq: int) -> tuple[UUID, UUID | None]:
    row = await tx.fetch_optional(SQL["select_answer_event"], attempt_id, epoch, seq)
    assert row is not None  # noqa: S101 - asked for only after its insert met it
    return row["item_id"], row["option_id"]


async def upsert_answer(tx: Tx, event: AnswerEvent) -> None:
    await tx.execute(
        SQL["upsert_answer"], event.attempt_id, event.item_id, event.option_id, event.epoch, event.seq
    )


async def select_answers(tx: Tx, attempt_id: UUID) -> dict[UUID, UUID | None]:
    return {row["item_id"]: row["option_id"] for row in await tx.fetch(SQL["select_answers"], attempt_id)}


async def upsert_presence(tx: Tx, attempt_id: UUID, seen_at: datetime, epoch: int) -> None:
    await tx.execute(SQL["upsert_presence"], attempt_id, seen_at, epoch)


async def select_due(tx: Tx, now: datetime, grace_began: datetime, limit: int) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_due"], now, grace_began, limit)]


async def select_unmarked(tx: Tx, limit: int) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_unmarked"], limit)]
