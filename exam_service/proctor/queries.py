from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.proctor.model import Check, KeptFor, Purpose, StreamRow, StreamSpan, Thresholds, Verdict
from exam_service.proctor.periods import DeletionRequest, Kind, Purge, Why
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.proctor")


@dataclass(frozen=True)
class Owner:
    """Whose frame it is, and what may enrol them."""

    account_id: UUID
    registration_id: UUID
    cycle_id: UUID
    reviewed_photo_id: UUID | None


@dataclass(frozen=True, repr=False)
class Enrolment:
    id: UUID
    embedding: bytes


async def insert_stream(tx: Tx, stream: StreamRow) -> None:
    await tx.execute(
        SQL["insert_stream"],
        stream.id,
        stream.province_id,
        stream.registration_id,
        stream.attempt_id,
        stream.purpose,
        stream.epoch,
        stream.opened_at,
        stream.device_hash,
    )


async def exists_newer_stream(tx: Tx, stream: StreamRow) -> bool:
    return bool(
        await tx.fetch_value(
            SQL["exists_newer_stream"], stream.registration_id, stream.attempt_id, stream.purpose, stream.id
        )
    )


async def select_optional_device(tx: Tx, stream_id: UUID) -> bytes | None:
    """The hash of the browser that a stream comes from."""
    device_hash: bytes | None = await tx.fetch_value(SQL["select_optional_device"], stream_id)
    return device_hash


async def update_stream_closed(
    tx: Tx, stream_id: UUID, closed_at: datetime, frames: int, refused: int
) -> None:
    await tx.execute(SQL["update_stream_closed"], stream_id, closed_at, frames, refused)


async def select_streams(tx: Tx, attempt_id: UUID, province_id: str) -> list[StreamSpan]:
    return [
        StreamSpan(Purpose(row["purpose"]), row["opened_at"], row["closed_at"], row["frames"], row["refused"])
        for row in await tx.fetch(SQL["select_streams"], attempt_id, province_id)
    ]


async def select_optional_enrolment(tx: Tx, registration_id: UUID, model: str) -> Enrolment | None:
    row = await tx.fetch_optional(SQL["select_optional_enrolment"], registration_id, model)
    return Enrolment(**row) if row else None


async def exists_reference(tx: Tx, registration_id: UUID) -> bool:
    return bool(await tx.fetch_value(SQL["exists_reference"], registration_id))


async def insert_enrolment(
    tx: Tx,
    enrolment: Enrolment,
    province_id: str,
    registration_id: UUID,
    model: str,
    source: str,
    created_at: datetime,
) -> None:
    await tx.execute(
        SQL["insert_enrolment"],
        enrolment.id,
        province_id,
        registration_id,
        model,
        source,
        enrolment.embedding,
        created_at,
    )


async def select_frame_owner(tx: Tx, registration_id: UUID, province_id: str) -> Owner | None:
    row = await tx.fetch_optional(SQL["select_frame_owner"], registration_id, province_id)
    if row is None:
        return None
    return Owner(
        row["account_id"],
        row["registration_id"],
        row["cycle_id"],
        row["photo_id"] if row["photo_reviewed_at"] else None,
    )


async def insert_check(tx: Tx, check: Check) -> bool:
    inserted = await tx.fetch_value(
        SQL["insert_check"],
        check.id,
        check.province_id,
        check.registration_id,
        check.attempt_id,
        check.stream_id,
        check.seq,
        check.purpose,
        check.received_at,
        check.checked_at,
        check.verdict,
        check.faces,
        check.distance,
        check.model,
        check.thresholds.match,
        check.thresholds.mismatch,
        check.enrolled,
        check.evidence_id,
        check.score,
        check.yaw,
        check.look,
        check.frame_hash,
        check.kept_for,
    )
    return inserted is not None


async def exists_check(tx: Tx, stream_id: UUID, seq: int) -> bool:
    return bool(await tx.fetch_value(SQL["exists_check"], stream_id, seq))


def _check(row: Row) -> Check:
    return Check(
        id=row["id"],
        province_id=row["province_id"],
        registration_id=row["registration_id"],
        attempt_id=row["attempt_id"],
        stream_id=row["stream_id"],
        seq=row["seq"],
        purpose=Purpose(row["purpose"]),
        received_at=row["received_at"],
        checked_at=row["checked_at"],
        verdict=Verdict(row["verdict"]),
        faces=row["faces"],
        distance=row["distance"],
        model=row["model"],
        thresholds=Thresholds(row["match_threshold"], row["mismatch_threshold"]),
        enrolled=row["enrolled"],
        evidence_id=row["evidence_id"],
        score=row["score"],
        yaw=row["yaw"],
        look=row["look"],
        frame_hash=row["frame_hash"],
        kept_for=KeptFor(row["kept_for"]) if row["kept_for"] else None,
    )


async def select_optional_check(tx: Tx, check_id: UUID, province_id: str) -> Check | None:
    row = await tx.fetch_optional(SQL["select_optional_check"], check_id, province_id)
    return _check(row) if row else None


async def select_checks(tx: Tx, attempt_id: UUID, province_id: str) -> list[Check]:
    return [_check(row) for row in await tx.fetch(SQL["select_checks"], attempt_id, province_id)]


async def count_verdicts(
    tx: Tx, attempt_ids: Sequence[UUID], province_id: str
) -> dict[UUID, dict[Verdict, int]]:
    counts: dict[UUID, dict[Verdict, int]] = {}
    for row in await tx.fetch(SQL["count_verdicts"], list(attempt_ids), province_id):
        counts.setdefault(row["attempt_id"], {})[Verdict(row["verdict"])] = row["frames"]
    return counts


# retention


async def select_previous(tx: Tx, check: Check, limit: int) -> list[Check]:
    """The newest ``limit`` verdicts on the same attempt's paper before this one, the oldest first."""
    rows = await tx.fetch(SQL["select_previous"], check.attempt_id, check.received_at, check.seq, limit)
    return [_check(row) for row in reversed(rows)]


async def count_kept(tx: Tx, attempt_id: UUID) -> int:
    return int(await tx.fetch_value(SQL["count_kept"], attempt_id))


async def update_kept(tx: Tx, frame_id: UUID) -> bool:
    return await tx.fetch_value(SQL["update_kept"], frame_id) is not None


async def select_keepable(tx: Tx, frame_ids: Sequence[UUID]) -> set[UUID]:
    return {row["id"] for row in await tx.fetch(SQL["select_keepable"], frame_ids)}


async def select_face_keys(tx: Tx, account_id: UUID, cycle_id: UUID) -> dict[str, UUID]:
    """Ids of the data keys, by class."""
    rows = await tx.fetch(SQL["select_face_keys"], account_id, cycle_id)
    return {row["data_class"]: row["id"] for row in rows}


async def select_keyed_evidence(tx: Tx, key_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_keyed_evidence"], key_id)]


async def select_samples(tx: Tx, registration_id: UUID) -> list[UUID]:
    return [row["evidence_id"] for row in await tx.fetch(SQL["select_samples"], registration_id)]


async def count_held(tx: Tx, registration_id: UUID) -> dict[Kind, int]:
    row = await tx.fetch_optional(SQL["count_held"], registration_id) or {}
    return {kind: row[kind.value] for kind in Kind}


async def select_registrations_holding(
    tx: Tx, cycle_id: UUID, data_class: str, after: UUID, limit: int
) -> list[UUID]:
    rows = await tx.fetch(SQL["select_registrations_holding"], cycle_id, data_class, after, limit)
    return [row["id"] for row in rows]


async def select_registrations_of(tx: Tx, account_id: UUID, province_id: str) -> list[UUID]:
    """The oldest cycle's first."""
    return [row["id"] for row in await tx.fetch(SQL["select_registrations_of"], account_id, province_id)]


async def forget_evidence(tx: Tx, evidence_ids: Sequence[UUID]) -> None:
    """Verdicts stay; their pictures are gone."""
    await tx.execute(SQL["forget_evidence"], evidence_ids)


async def delete_enrolments(tx: Tx, registration_id: UUID) -> list[bytes]:
    """The sealed embeddings that are gone."""
    return [row["embedding"] for row in await tx.fetch(SQL["delete_enrolments"], registration_id)]


async def insert_purge(tx: Tx, purge: Purge) -> None:
    await tx.execute(
        SQL["insert_purge"],
        purge.id,
        purge.province_id,
        purge.account_id,
        purge.cycle_id,
        purge.kind,
        purge.key_id,
        purge.items,
        purge.size,
        purge.digest,
        purge.why,
        purge.at,
    )


async def select_purges(
    tx: Tx, *, cycle_id: UUID | None = None, account_id: UUID | None = None
) -> list[Purge]:
    return [
        Purge(
            row["id"],
            row["province_id"],
            row["account_id"],
            row["cycle_id"],
            Kind(row["data_class"]),
            row["key_id"],
            row["items"],
            row["bytes"],
            row["digest"],
            Why(row["why"]),
            row["at"],
        )
        for row in await tx.fetch(SQL["select_purges"], cycle_id, account_id)
    ]


async def select_purged_keys_left(tx: Tx) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_purged_keys_left"])]


def _deletion(row: Row) -> DeletionRequest:
    return DeletionRequest(**{**row, "why": Why(row["why"])})


async def insert_deletion_request(
    tx: Tx, request_id: UUID, province_id: str, account_id: UUID, why: Why, asked_at: datetime
) -> bool:
    """``False`` when one is open already."""
    inserted = await tx.fetch_value(
        SQL["insert_deletion_request"], request_id, province_id, account_id, why, asked_at
    )
    return inserted is not None


async def select_optional_deletion_request(tx: Tx, account_id: UUID) -> DeletionRequest | None:
    row = await tx.fetch_optional(SQL["select_optional_deletion_request"], account_id)
    return _deletion(row) if row else None


async def select_deletion_requests(tx: Tx, after: UUID, limit: int) -> list[DeletionRequest]:
    """A page of those that are open."""
    return [_deletion(row) for row in await tx.fetch(SQL["select_deletion_requests"], after, limit)]


async def update_deletion_carried_out(tx: Tx, request_id: UUID, at: datetime) -> None:
    await tx.execute(SQL["update_deletion_carried_out"], request_id, at)


async def withdraw_deletion_request(tx: Tx, account_id: UUID, at: datetime) -> bool:
    return await tx.fetch_value(SQL["withdraw_deletion_request"], account_id, at) is not None
