from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.ids import new_id
from exam_service.invigilation.model import Event, Happening, Listed, Place, SeatingPlan, Standing
from exam_service.invigilation.tiles import Sitting
from exam_service.papers.model import State
from exam_service.proctor.identification import IdentityState
from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.invigilation")


@dataclass(frozen=True)
class Session:
    """A cycle in which somebody may be at a paper; the rest as in ``SeatingPlan``."""

    cycle_id: UUID
    whole: bool
    round_id: UUID | None
    being_sat: bool


async def select_sessions(tx: Tx, province_id: str, body_id: UUID, today: date) -> list[Session]:
    rows = await tx.fetch(SQL["select_sessions"], province_id, body_id, today)
    return [Session(**row) for row in rows]


def _plan_values(plans: Sequence[SeatingPlan]) -> tuple[list[object], ...]:
    return (
        [plan.cycle_id for plan in plans],
        [plan.procedure for plan in plans],
        [plan.subject for plan in plans],
        [plan.whole for plan in plans],
        [plan.round_id for plan in plans],
    )


def _contains(name: str) -> str | None:
    """A pattern for LIKE: the name with anything around it, its own signs taken literally."""
    if not name:
        return None
    for sign in ("\\", "%", "_"):
        name = name.replace(sign, f"\\{sign}")
    return f"%{name}%"


async def select_listed(
    tx: Tx,
    province_id: str,
    body_id: UUID,
    plans: Sequence[SeatingPlan],
    *,
    silent_since: datetime,
    checked_since: datetime,
    name: str,
    standings: Sequence[Standing] | None,
    only_attention: bool,
    after: Place | None,
    limit: int,
) -> list[Listed]:
    rows = await tx.fetch(
        SQL["select_listed"],
        province_id,
        body_id,
        *_plan_values(plans),
        silent_since,
        _contains(name),
        standings,
        only_attention,
        after.registration_id if after else None,
        after.subject if after else None,
        limit,
        checked_since,
    )
    return [
        Listed(**{**row, "subject": Subject(row["subject"]), "standing": Standing(row["standing"])})
        for row in rows
    ]


async def count_listed(
    tx: Tx,
    province_id: str,
    body_id: UUID,
    plans: Sequence[SeatingPlan],
    *,
    silent_since: datetime,
    checked_since: datetime,
    name: str,
) -> tuple[dict[Standing, int], int]:
    """How many by standing, and how many wait for staff."""
    rows = await tx.fetch(
        SQL["count_listed"],
        province_id,
        body_id,
        *_plan_values(plans),
        silent_since,
        _contains(name),
        checked_since,
    )
    by_standing = {Standing(row["standing"]): row["papers"] for row in rows}
    return by_standing, sum(row["attention"] for row in rows)


async def count_answers(tx: Tx, attempt_ids: Sequence[UUID]) -> dict[UUID, int]:
    return {row["attempt_id"]: row["answered"] for row in await tx.fetch(SQL["count_answers"], attempt_ids)}


async def select_person(tx: Tx, account_id: UUID, institution_id: UUID, province_id: str) -> tuple[str, str]:
    row = (await tx.fetch(SQL["select_person"], account_id, institution_id, province_id))[0]
    return row["name"], row["institution"]


@dataclass(frozen=True)
class Watch:
    """Attributes:
    answered: Items that have an answer now.
    late: Answers that came too late to count; ``accepted``: those of them that staff let count.
    signed_at: When the receipt was signed, ``None`` before the close.
    """

    standing: Standing
    last_seen: datetime | None
    answered: int
    late: int
    accepted: int
    signed_at: datetime | None


async def select_watch(tx: Tx, attempt_id: UUID, *, silent_since: datetime, checked_since: datetime) -> Watch:
    row = (await tx.fetch(SQL["select_watch"], attempt_id, silent_since, checked_since))[0]
    return Watch(**{**row, "standing": Standing(row["standing"])})


async def select_timeline(tx: Tx, attempt_id: UUID, body_id: UUID) -> list[Event]:
    rows = await tx.fetch(SQL["select_timeline"], attempt_id, body_id)
    return [Event(**{**row, "what": Happening(row["what"])}) for row in rows]


async def count_page_events(tx: Tx, attempt_id: UUID) -> Mapping[str, int]:
    return {row["kind"]: row["events"] for row in await tx.fetch(SQL["count_page_events"], attempt_id)}


@dataclass(frozen=True)
class Sibling:
    """An attempt at the same paper."""

    id: UUID
    ordinal: int
    state: State
    has_request: bool


async def select_attempts_at(
    tx: Tx, registration_id: UUID, subject: Subject, province_id: str
) -> list[Sibling]:
    rows = await tx.fetch(SQL["select_attempts_at"], registration_id, subject, province_id)
    return [Sibling(**{**row, "state": State(row["state"])}) for row in rows]


@dataclass(frozen=True)
class Override:
    """Extra minutes that were granted for special needs."""

    subject: Subject
    extra_minutes: int
    reason: str
    granted_by: str
    granted_at: datetime


async def select_overrides(tx: Tx, registration_id: UUID, province_id: str) -> dict[Subject, Override]:
    rows = await tx.fetch(SQL["select_overrides"], registration_id, province_id)
    found = [Override(**{**row, "subject": Subject(row["subject"])}) for row in rows]
    return {override.subject: override for override in found}


async def select_sittings(
    tx: Tx,
    province_id: str,
    body_id: UUID,
    *,
    silent_since: datetime,
    checked_since: datetime,
    name: str,
    camera_since: datetime,
    only: Sequence[UUID] | None,
) -> list[Sitting]:
    """In no order."""
    rows = await tx.fetch(
        SQL["select_sittings"],
        province_id,
        body_id,
        silent_since,
        checked_since,
        _contains(name),
        camera_since,
        only,
    )
    return [
        Sitting(
            **{
                **row,
                "subject": Subject(row["subject"]),
                "standing": Standing(row["standing"]),
                "identity": IdentityState(row["identity"]) if row["identity"] else None,
            }
        )
        for row in rows
    ]


@dataclass(frozen=True)
class Colleague:
    """A member of staff of the same body."""

    id: UUID
    name: str


async def select_optional_duty(tx: Tx, attempt_id: UUID) -> Colleague | None:
    """Who looks after an attempt."""
    row = await tx.fetch_optional(SQL["select_optional_duty"], attempt_id)
    return Colleague(row["account_id"], row["name"]) if row and row["account_id"] else None


async def insert_duty(
    tx: Tx, province_id: str, attempt_id: UUID, account_id: UUID | None, by: UUID, at: datetime, note: str
) -> None:
    await tx.execute(SQL["insert_duty"], new_id(), province_id, attempt_id, account_id, by, at, note)


async def insert_note(tx: Tx, province_id: str, attempt_id: UUID, text: str, by: UUID, at: datetime) -> None:
    await tx.execute(SQL["insert_note"], new_id(), province_id, attempt_id, text, by, at)


async def select_colleagues(tx: Tx, province_id: str, body_id: UUID) -> list[Colleague]:
    return [Colleague(**row) for row in await tx.fetch(SQL["select_colleagues"], province_id, body_id)]
