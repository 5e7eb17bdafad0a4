from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Subject, parse_rule
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.papers.journal import AnswerEvent, Entry, Receipt, Source
from exam_service.papers.model import Attempt, Move, Outage, PageEvent, SignedReceipt, State
from exam_service.papers.oversight import Notice, RequestState, Silence, Termination, TimeRequest
from exam_service.papers.retakes import MakeupRound
from exam_service.papers.sittings import Sitting, SittingState
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.papers")

Paper: TypeAlias = Sequence[tuple[UUID, Sequence[UUID]]]
"""Its items in order, each with its options in order."""


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
        checked_at=row["checked_at"],
        extra_minutes=row["extra_minutes"],
        device_hash=row["device_hash"],
        receipt=Receipt(row["receipt_count"], row["receipt_head"]),
        round_id=row["round_id"],
        watched=row["watched"],
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
        attempt.round_id,
    )
    return inserted is not None


async def insert_attempt_items(tx: Tx, attempt_id: UUID, paper: Paper) -> None:
    await tx.execute(
        SQL["insert_attempt_items"],
        attempt_id,
        [item_id for item_id, _ in paper],
        [f"{{{','.join(map(str, option_ids))}}}" for _, option_ids in paper],
    )


async def update_notice(
    tx: Tx, attempt_id: UUID, version: str, accepted_at: datetime, round_id: UUID | None
) -> None:
    await tx.execute(SQL["update_notice"], attempt_id, version, accepted_at, round_id)


async def select_earlier_papers(tx: Tx, registration_id: UUID, subject: Subject) -> list[frozenset[UUID]]:
    rows = await tx.fetch(SQL["select_earlier_papers"], registration_id, subject)
    return [frozenset(row["items"]) for row in rows]


async def select_extra_minutes(tx: Tx, registration_id: UUID) -> dict[Subject, int]:
    rows = await tx.fetch(SQL["select_extra_minutes"], registration_id)
    return {Subject(row["subject"]): row["extra_minutes"] for row in rows}


async def lock_optional_body(tx: Tx, body_id: UUID, province_id: str) -> UUID | None:
    found: UUID | None = await tx.fetch_value(SQL["lock_optional_body"], body_id, province_id)
    return found


async def insert_round(tx: Tx, opened: MakeupRound, opened_by: UUID, opened_at: datetime) -> None:
    await tx.execute(
        SQL["insert_round"],
        opened.id,
        opened.province_id,
        opened.cycle_id,
        opened.body_id,
        opened.opens,
        opened.closes,
        opened_by,
        opened_at,
    )


async def select_rounds(tx: Tx, cycle_id: UUID, body_id: UUID, province_id: str) -> list[MakeupRound]:
    rows = await tx.fetch(SQL["select_rounds"], cycle_id, body_id, province_id)
    return [MakeupRound(**row) for row in rows]


async def select_rounds_of_body(tx: Tx, body_id: UUID, province_id: str) -> list[MakeupRound]:
    return [MakeupRound(**row) for row in await tx.fetch(SQL["select_rounds_of_body"], body_id, province_id)]


async def select_attempts(tx: Tx, registration_id: UUID, province_id: str) -> list[Attempt]:
    return [_attempt(row) for row in await tx.fetch(SQL["select_attempts"], registration_id, province_id)]


async def select_moves_of(tx: Tx, registration_id: UUID, province_id: str) -> list[Move]:
    attempts = {each.id: each for each in await select_attempts(tx, registration_id, province_id)}
    return [
        Move(
            row["at"],
            attempts[row["attempt_id"]],
            State(row["to_state"]),
            row["cause"],
            row["actor"],
            Role(row["actor_role"]) if row["actor_role"] else None,
        )
        for row in await tx.fetch(SQL["select_moves_of"], registration_id, province_id)
    ]


async def select_optional_attempt(tx: Tx, attempt_id: UUID, province_id: str) -> Attempt | None:
    row = await tx.fetch_optional(SQL["select_optional_attempt"], attempt_id, province_id)
    return _attempt(row) if row else None


async def select_attempts_by_id(tx: Tx, wanted: Collection[tuple[UUID, str]]) -> dict[UUID, Attempt]:
    """Given by id and province."""
    rows = await tx.fetch(
        SQL["select_attempts_by_id"], [each for each, _ in wanted], [province_id for _, province_id in wanted]
    )
    return {row["id"]: _attempt(row) for row in rows}


async def select_attempt_held(tx: Tx, attempt_id: UUID) -> Attempt:
    """One whose row this transaction holds already."""
    (row,) = await tx.fetch(SQL["select_attempt_held"], attempt_id)
    return _attempt(row)


async def select_attempt_anywhere(tx: Tx, attempt_id: UUID) -> Attempt:
    row = await tx.fetch_optional(SQL["select_attempt_anywhere"], attempt_id)
    if row is None:
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    return _attempt(row)


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


async def lock_attempts(tx: Tx, registration_id: UUID, province_id: str) -> list[Attempt]:
    return [_attempt(row) for row in await tx.fetch(SQL["lock_attempts"], registration_id, province_id)]


async def update_checked(
    tx: Tx, attempt_id: UUID, checked_at: datetime | None, device_hash: bytes | None
) -> None:
    await tx.execute(SQL["update_checked"], attempt_id, checked_at, device_hash)


async def update_admitted(
    tx: Tx, before: Attempt, admitted: Attempt, cause: str, actor_id: UUID | None
) -> None:
    """The move and what is fixed with it."""
    await tx.execute(
        SQL["update_admitted"],
        admitted.id,
        new_id(),
        admitted.province_id,
        before.state,
        admitted.state,
        cause,
        actor_id,
        admitted.admitted_at,
        admitted.deadline,
        admitted.extra_minutes,
        admitted.round_id,
    )


@dataclass(frozen=True)
class DrawnPaper:
    """A paper that was drawn for an attempt which doesn't exist yet."""

    registration_id: UUID
    subject: Subject
    ordinal: int
    paper: Paper

    @property
    def key(self) -> tuple[UUID, Subject, int]:
        return self.registration_id, self.subject, self.ordinal


async def delete_drawn_paper(tx: Tx, registration_id: UUID, subject: Subject, ordinal: int) -> Paper | None:
    paper = await tx.fetch_value(SQL["delete_drawn_paper"], registration_id, subject, ordinal)
    if paper is None:
        return None
    return [(UUID(item_id), [UUID(option_id) for option_id in option_ids]) for item_id, option_ids in paper]


async def insert_drawn_papers(tx: Tx, drawn: Sequence[DrawnPaper], drawn_at: datetime) -> None:
    """Those that are drawn already stay as they are."""
    await tx.execute(
        SQL["insert_drawn_papers"],
        [each.registration_id for each in drawn],
        [each.subject for each in drawn],
        [each.ordinal for each in drawn],
        [
            json.dumps([[str(item_id), list(map(str, option_ids))] for item_id, option_ids in each.paper])
            for each in drawn
        ],
        drawn_at,
    )


async def select_drawn(tx: Tx, registration_ids: Sequence[UUID]) -> set[tuple[UUID, Subject, int]]:
    rows = await tx.fetch(SQL["select_drawn"], registration_ids)
    return {(row["registration_id"], Subject(row["subject"]), row["ordinal"]) for row in rows}


async def select_attempts_of(
    tx: Tx, registration_ids: Sequence[UUID], province_id: str
) -> dict[UUID, list[Attempt]]:
    """By registration; those without any are left out."""
    found: dict[UUID, list[Attempt]] = {}
    for row in await tx.fetch(SQL["select_attempts_of"], registration_ids, province_id):
        found.setdefault(row["registration_id"], []).append(_attempt(row))
    return found


async def select_earlier_papers_of(
    tx: Tx, registration_ids: Sequence[UUID]
) -> dict[tuple[UUID, Subject], list[frozenset[UUID]]]:
    """By registration and subject: the items of each paper that was prepared."""
    found: dict[tuple[UUID, Subject], list[frozenset[UUID]]] = {}
    for row in await tx.fetch(SQL["select_earlier_papers_of"], registration_ids):
        key = row["registration_id"], Subject(row["subject"])
        found.setdefault(key, []).append(frozenset(row["items"]))
    return found


async def update_lease(tx: Tx, attempt_id: UUID, epoch: int, device_hash: bytes, taken_at: datetime) -> None:
    await tx.execute(SQL["update_lease"], attempt_id, epoch, device_hash, taken_at)


async def update_closed(tx: Tx, attempt_id: UUID, closed_at: datetime, handed_in_at: datetime | None) -> None:
    await tx.execute(SQL["update_closed"], attempt_id, closed_at, handed_in_at)


async def update_marked(tx: Tx, attempt_id: UUID, correct: int, mark: Decimal, *, passed: bool) -> None:
    await tx.execute(SQL["update_marked"], attempt_id, correct, mark, passed)


async def update_passed(tx: Tx, attempt_id: UUID, *, passed: bool) -> None:
    await tx.execute(SQL["update_passed"], attempt_id, passed)


async def select_paper(tx: Tx, attempt_id: UUID) -> list[tuple[UUID, list[UUID]]]:
    return [(row["item_id"], row["option_ids"]) for row in await tx.fetch(SQL["select_paper"], attempt_id)]


@dataclass(frozen=True, slots=True)
class HeldAttempt:
    """What the batch writer needs of an attempt whose row it holds."""

    account_id: UUID
    state: State
    deadline: datetime | None
    lease_epoch: int
    device_hash: bytes | None
    receipt: Receipt


async def lock_for_answers(tx: Tx, attempt_ids: Sequence[UUID]) -> dict[UUID, HeldAttempt]:
    rows = await tx.fetch(SQL["lock_for_answers"], attempt_ids)
    return {
        row["id"]: HeldAttempt(
            row["account_id"],
            State(row["state"]),
            row["deadline"],
            row["lease_epoch"],
            row["device_hash"],
            Receipt(row["receipt_count"], row["receipt_head"]),
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Ground:
    """What an answer falls on: the item's options, what was journaled under its key, what stands now.

    Attributes:
        options: ``None`` when the item isn't in the paper.
        earlier: The entry of the same (attempt, epoch, seq).
        standing: (epoch, seq) of the current answer to the item.
        device_hash: Of the browser that had the lease of this epoch; ``None`` for none.
    """

    options: list[UUID] | None
    earlier: Entry | None
    standing: tuple[int, int] | None
    device_hash: bytes | None


async def select_grounds(tx: Tx, events: Sequence[AnswerEvent]) -> list[Ground]:
    """In the order of ``events``."""
    rows = await tx.fetch(
        SQL["select_grounds"],
        [event.attempt_id for event in events],
        [event.epoch for event in events],
        [event.seq for event in events],
        [event.item_id for event in events],
    )
    return [
        Ground(
            row["option_ids"],
            None if row["number"] is None else _entry(row),
            None if row["answer_epoch"] is None else (row["answer_epoch"], row["answer_seq"]),
            row["device_hash"],
        )
        for row in rows
    ]


async def select_known(tx: Tx, attempt_ids: Sequence[UUID]) -> set[UUID]:
    """Those of the ids that are attempts."""
    return {row["id"] for row in await tx.fetch(SQL["select_known"], attempt_ids)}


async def insert_answers(
    tx: Tx, entries: Sequence[Entry], current: Sequence[AnswerEvent], receipts: Mapping[UUID, Receipt]
) -> None:
    """Journal ``entries``, make ``current`` (one of an item) stand, move the chains on: one statement."""
    events = [entry.event for entry in entries]
    await tx.execute(
        SQL["insert_answers"],
        [event.attempt_id for event in events],
        [entry.number for entry in entries],
        [event.epoch for event in events],
        [event.seq for event in events],
        [event.item_id for event in events],
        [event.option_id for event in events],
        [event.client_time for event in events],
        [entry.received_at for entry in entries],
        [entry.counted for entry in entries],
        [entry.source for entry in entries],
        [entry.receipt for entry in entries],
        [event.attempt_id for event in current],
        [event.item_id for event in current],
        [event.option_id for event in current],
        [event.epoch for event in current],
        [event.seq for event in current],
        list(receipts),
        [receipt.number for receipt in receipts.values()],
        [receipt.digest for receipt in receipts.values()],
    )


def _entry(row: Row) -> Entry:
    event = AnswerEvent(
        row["attempt_id"], row["epoch"], row["seq"], row["item_id"], row["option_id"], row["client_time"]
    )
    return Entry(
        event, row["number"], row["received_at"], row["counted"], Source(row["source"]), row["receipt"]
    )


async def select_journal(tx: Tx, attempt_id: UUID) -> list[Entry]:
    return [_entry(row) for row in await tx.fetch(SQL["select_journal"], attempt_id)]


async def select_accepted(tx: Tx, attempt_id: UUID) -> set[int]:
    return {row["number"] for row in await tx.fetch(SQL["select_accepted"], attempt_id)}


async def insert_acceptances(
    tx: Tx, attempt_id: UUID, numbers: Sequence[int], reason: str, by: UUID, at: datetime
) -> None:
    await tx.execute(SQL["insert_acceptances"], attempt_id, numbers, reason, by, at)


async def upsert_answers(tx: Tx, current: Sequence[AnswerEvent]) -> None:
    await tx.execute(
        SQL["upsert_answers"],
        [event.attempt_id for event in current],
        [event.item_id for event in current],
        [event.option_id for event in current],
        [event.epoch for event in current],
        [event.seq for event in current],
    )


async def insert_attempt_receipt(
    tx: Tx, attempt_id: UUID, end: Receipt, digest: bytes, closed_at: datetime, signature: bytes
) -> None:
    await tx.execute(SQL["insert_attempt_receipt"], attempt_id, end.number, digest, closed_at, signature)


async def select_optional_attempt_receipt(tx: Tx, attempt_id: UUID) -> SignedReceipt | None:
    row = await tx.fetch_optional(SQL["select_optional_attempt_receipt"], attempt_id)
    return SignedReceipt(**row) if row else None


async def select_answers(tx: Tx, attempt_id: UUID) -> dict[UUID, UUID | None]:
    return {row["item_id"]: row["option_id"] for row in await tx.fetch(SQL["select_answers"], attempt_id)}


async def upsert_presences(
    tx: Tx, epochs: Mapping[UUID, int], seen_at: datetime, *, silent_since: datetime
) -> None:
    """Pages of attempts are heard; those that were last heard before ``silent_since`` leave gaps."""
    await tx.execute(SQL["upsert_presences"], list(epochs), list(epochs.values()), seen_at, silent_since)


async def insert_page_events(
    tx: Tx, attempt_id: UUID, epoch: int, events: Sequence[PageEvent], received_at: datetime, most: int
) -> None:
    """Up to ``most`` an attempt."""
    await tx.execute(
        SQL["insert_page_events"],
        attempt_id,
        epoch,
        [new_id() for _ in events],
        [event.kind for event in events],
        [event.client_time for event in events],
        received_at,
        most,
    )


async def update_deadline(tx: Tx, attempt_id: UUID, deadline: datetime) -> None:
    await tx.execute(SQL["update_deadline"], attempt_id, deadline)


async def insert_credit(
    tx: Tx,
    attempt: Attempt,
    seconds: int,
    *,
    kind: str,
    reason: str,
    granted_by: UUID | None,
    outage_id: UUID | None,
    request_id: UUID | None,
    granted_at: datetime,
) -> bool:
    """``False`` when this outage was credited before."""
    inserted = await tx.fetch_value(
        SQL["insert_credit"],
        new_id(),
        attempt.province_id,
        attempt.id,
        kind,
        seconds,
        outage_id,
        request_id,
        reason,
        granted_by,
        granted_at,
    )
    return inserted is not None


async def lock_optional_pulse(tx: Tx) -> datetime | None:
    at: datetime | None = await tx.fetch_value(SQL["lock_optional_pulse"])
    return at


async def select_optional_pulse(tx: Tx) -> datetime | None:
    at: datetime | None = await tx.fetch_value(SQL["select_optional_pulse"])
    return at


async def upsert_pulse(tx: Tx, at: datetime) -> None:
    await tx.execute(SQL["upsert_pulse"], at)


async def insert_outage(tx: Tx, began_at: datetime, ended_at: datetime) -> None:
    await tx.execute(SQL["insert_outage"], new_id(), began_at, ended_at)


async def select_uncredited(tx: Tx, since: datetime, grace: timedelta, limit: int) -> list[UUID]:
    """Attempts that an outage hit, or its grace; those of the oldest outage first, each once."""
    rows = await tx.fetch(SQL["select_uncredited"], since, grace, limit)
    return list(dict.fromkeys(row["attempt_id"] for row in rows))


async def select_outages_of(tx: Tx, attempt_id: UUID, admitted_at: datetime, until: datetime) -> list[Outage]:
    rows = await tx.fetch(SQL["select_outages_of"], attempt_id, admitted_at, until)
    return [Outage(row["id"], row["began_at"], row["ended_at"]) for row in rows]


async def select_due(tx: Tx, now: datetime, grace_began: datetime, limit: int) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_due"], now, grace_began, limit)]


async def select_unmarked(tx: Tx, limit: int) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_unmarked"], limit)]


# oversight


async def release_device(tx: Tx, attempt_id: UUID) -> None:
    await tx.execute(SQL["release_device"], attempt_id)


async def insert_termination(tx: Tx, attempt: Attempt, reason: str, by: UUID, at: datetime) -> bool:
    """``False`` when one is open already."""
    inserted = await tx.fetch_value(
        SQL["insert_termination"], new_id(), attempt.province_id, attempt.id, reason, by, at
    )
    return inserted is not None


async def select_optional_termination(tx: Tx, attempt_id: UUID) -> Termination | None:
    row = await tx.fetch_optional(SQL["select_optional_termination"], attempt_id)
    return Termination(**row) if row else None


async def update_termination(tx: Tx, termination_id: UUID, state: str, by: UUID, at: datetime) -> None:
    await tx.execute(SQL["update_termination"], termination_id, state, by, at)


async def insert_notice(
    tx: Tx, province_id: str, body_id: UUID, attempt_id: UUID | None, text: str, by: UUID, at: datetime
) -> None:
    await tx.execute(SQL["insert_notice"], new_id(), province_id, body_id, attempt_id, text, by, at)


async def select_notices(tx: Tx, attempts: Collection[Attempt], limit: int) -> dict[UUID, list[Notice]]:
    """Of each attempt that was admitted the newest ``limit``, oldest first."""
    rows = await tx.fetch(
        SQL["select_notices"],
        [attempt.id for attempt in attempts],
        [attempt.body_id for attempt in attempts],
        [attempt.admitted_at for attempt in attempts],
        limit,
    )
    notices: dict[UUID, list[Notice]] = {attempt.id: [] for attempt in attempts}
    for row in rows:
        fields = dict(row)
        notices[fields.pop("listed_for")].append(Notice(**fields))
    return notices


async def select_being_sat(tx: Tx, province_id: str, body_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_being_sat"], province_id, body_id)]


async def insert_time_request(
    tx: Tx, attempt: Attempt, began_at: datetime, ended_at: datetime, reason: str, at: datetime
) -> UUID | None:
    """``None`` when one is open already."""
    request_id: UUID | None = await tx.fetch_value(
        SQL["insert_time_request"], new_id(), attempt.province_id, attempt.id, began_at, ended_at, reason, at
    )
    return request_id


async def select_time_requests(tx: Tx, attempt_id: UUID) -> list[TimeRequest]:
    return [
        TimeRequest(**{**row, "state": RequestState(row["state"])})
        for row in await tx.fetch(SQL["select_time_requests"], attempt_id)
    ]


async def update_time_request(
    tx: Tx, request_id: UUID, state: RequestState, by: UUID, at: datetime, note: str
) -> None:
    await tx.execute(SQL["update_time_request"], request_id, state, by, at, note)


async def select_silences(tx: Tx, attempt_id: UUID) -> list[Silence]:
    return [Silence(**row) for row in await tx.fetch(SQL["select_silences"], attempt_id)]


async def count_late_answers(tx: Tx, attempt_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_late_answers"], attempt_id))


async def lock_attempts_at(
    tx: Tx, registration_id: UUID, province_id: str, subject: Subject
) -> list[Attempt]:
    rows = await tx.fetch(SQL["lock_attempts_at"], registration_id, province_id, subject)
    return [_attempt(row) for row in rows]


async def upsert_time_override(
    tx: Tx,
    registration_id: UUID,
    subject: Subject,
    province_id: str,
    extra_minutes: int,
    reason: str,
    by: UUID,
    at: datetime,
) -> None:
    await tx.execute(
        SQL["upsert_time_override"], registration_id, subject, province_id, extra_minutes, reason, by, at
    )


async def upsert_takeover(
    tx: Tx, attempt_id: UUID, device_hash: bytes, allowed_at: datetime, *, verified: bool
) -> None:
    await tx.execute(SQL["upsert_takeover"], attempt_id, device_hash, allowed_at, verified)


async def exists_takeover(tx: Tx, attempt_id: UUID, device_hash: bytes, since: datetime) -> bool:
    return bool(await tx.fetch_value(SQL["exists_takeover"], attempt_id, device_hash, since))


async def select_last_result(tx: Tx, registration_id: UUID) -> datetime | None:
    """When an attempt was last marked, confirmed, terminated or declared void."""
    at: datetime | None = await tx.fetch_value(SQL["select_last_result"], registration_id)
    return at


# alternative sittings

_MOST_SITTINGS = 500


@dataclass(frozen=True)
class ListedSitting:
    """A request with whose it is; ``declined``: they declined the processing of their face."""

    sitting: Sitting
    name: str
    institution: str
    declined: bool


def _sitting(row: Row) -> Sitting:
    return Sitting(
        row["id"],
        row["province_id"],
        row["registration_id"],
        row["body_id"],
        row["reason"],
        SittingState(row["state"]),
        row["asked_at"],
        row["place"],
        row["starts_at"],
        row["note"],
        row["decided_by"],
        row["decided_at"],
    )


async def insert_sitting(
    tx: Tx,
    sitting_id: UUID,
    province_id: str,
    registration_id: UUID,
    body_id: UUID,
    reason: str,
    asked_at: datetime,
) -> bool:
    """``False`` when there is one already."""
    inserted = await tx.fetch_value(
        SQL["insert_sitting"], sitting_id, province_id, registration_id, body_id, reason, asked_at
    )
    return inserted is not None


async def select_optional_sitting(tx: Tx, registration_id: UUID, province_id: str) -> Sitting | None:
    row = await tx.fetch_optional(SQL["select_optional_sitting"], registration_id, province_id)
    return _sitting(row) if row else None


async def lock_optional_sitting(tx: Tx, registration_id: UUID, province_id: str) -> Sitting | None:
    row = await tx.fetch_optional(SQL["lock_optional_sitting"], registration_id, province_id)
    return _sitting(row) if row else None


async def select_sittings(
    tx: Tx, body_id: UUID, province_id: str, *, registration_id: UUID | None = None
) -> list[ListedSitting]:
    rows = await tx.fetch(SQL["select_sittings"], body_id, province_id, registration_id, _MOST_SITTINGS)
    return [
        ListedSitting(_sitting(row), row["physician"], row["institution"], bool(row["declined"]))
        for row in rows
    ]


async def count_open_sittings(tx: Tx, body_id: UUID, province_id: str) -> int:
    return int(await tx.fetch_value(SQL["count_open_sittings"], body_id, province_id))


async def update_sitting(
    tx: Tx,
    sitting_id: UUID,
    state: SittingState,
    place: str | None,
    starts_at: datetime | None,
    note: str,
    by: UUID,
    at: datetime,
) -> None:
    await tx.execute(SQL["update_sitting"], sitting_id, state, place, starts_at, note, by, at)


async def update_sitting_state(tx: Tx, sitting_id: UUID, state: SittingState) -> None:
    await tx.execute(SQL["update_sitting_state"], sitting_id, state)


async def update_watched(tx: Tx, attempt_id: UUID) -> None:
    await tx.execute(SQL["update_watched"], attempt_id)


async def take_back_check_in(tx: Tx, registration_id: UUID) -> None:
    """No paper that wasn't begun is watched by people any more."""
    await tx.execute(SQL["take_back_check_in"], registration_id)


async def insert_acknowledgement(tx: Tx, attempt: Attempt, notice_id: UUID, at: datetime) -> bool:
    """``False`` when the notice wasn't for this attempt."""
    found = await tx.fetch_value(SQL["insert_acknowledgement"], notice_id, attempt.id, attempt.body_id, at)
    return found is not None


async def rehome_prepared(tx: Tx, registration_id: UUID, institution_id: UUID, body_id: UUID) -> None:
    """What waits for a start, and a sitting that isn't done, are the new body's."""
    await tx.execute(SQL["rehome_prepared"], registration_id, institution_id, body_id)
    await tx.execute(SQL["rehome_sitting"], registration_id, body_id)
