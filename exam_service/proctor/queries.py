from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.proctor.identification import IdentityCheck, IdentityState, WaitingCheck
from exam_service.proctor.liveness import Challenge, Spent
from exam_service.proctor.model import (
    Check,
    Purpose,
    StreamRow,
    StreamSpan,
    Thresholds,
    ThresholdSetting,
    Verdict,
)
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
    )


async def select_optional_check(tx: Tx, check_id: UUID, province_id: str) -> Check | None:
    row = await tx.fetch_optional(SQL["select_optional_check"], check_id, province_id)
    return _check(row) if row else None


async def select_checks(tx: Tx, attempt_id: UUID, province_id: str) -> list[Check]:
    return [_check(row) for row in await tx.fetch(SQL["select_checks"], attempt_id, province_id)]


async def select_checks_of_attempts(tx: Tx, attempt_ids: Sequence[UUID], province_id: str) -> list[Check]:
    rows = await tx.fetch(SQL["select_checks_of_attempts"], list(attempt_ids), province_id)
    return [_check(row) for row in rows]


async def select_new_checks(
    tx: Tx, looks: Sequence[tuple[UUID, datetime, datetime]], province_id: str
) -> list[Check]:
    """In no order. A look is an attempt, and after when its frames were received and judged."""
    columns = [list(column) for column in zip(*looks, strict=True)] if looks else [[], [], []]
    return [_check(row) for row in await tx.fetch(SQL["select_new_checks"], *columns, province_id)]


async def select_optional_newest_kept(tx: Tx, attempt_id: UUID, province_id: str) -> UUID | None:
    evidence_id: UUID | None = await tx.fetch_value(
        SQL["select_optional_newest_kept"], attempt_id, province_id
    )
    return evidence_id


async def insert_identity_check(tx: Tx, identity: IdentityCheck) -> bool:
    """``False`` when one that is undecided was opened at the same time."""
    inserted = await tx.fetch_value(
        SQL["insert_identity_check"],
        identity.id,
        identity.province_id,
        identity.registration_id,
        identity.attempt_id,
        identity.purpose,
        identity.device_hash,
        identity.device,
        identity.opened_at,
        identity.challenge.to_json(),
        identity.asked_by,
        identity.asked_reason,
    )
    return inserted is not None


def _identity(row: Row | None) -> IdentityCheck | None:
    if row is None:
        return None
    typed = {
        "purpose": Purpose(row["purpose"]),
        "state": IdentityState(row["state"]),
        "challenge": Challenge.from_json(row["challenge"]),
        "last_spent": Spent(row["last_spent"]) if row["last_spent"] else None,
    }
    return IdentityCheck(**dict(row) | typed)


async def lock_optional_newest_identity_check(
    tx: Tx, registration_id: UUID, attempt_id: UUID | None, purpose: Purpose
) -> IdentityCheck | None:
    return _identity(
        await tx.fetch_optional(
            SQL["lock_optional_newest_identity_check"], registration_id, attempt_id, purpose
        )
    )


async def select_optional_newest_identity_check(
    tx: Tx, registration_id: UUID, attempt_id: UUID | None, purpose: Purpose
) -> IdentityCheck | None:
    return _identity(
        await tx.fetch_optional(
            SQL["select_optional_newest_identity_check"], registration_id, attempt_id, purpose
        )
    )


async def select_optional_identity_check(
    tx: Tx, identity_check_id: UUID, province_id: str
) -> IdentityCheck | None:
    return _identity(
        await tx.fetch_optional(SQL["select_optional_identity_check"], identity_check_id, province_id)
    )


async def lock_optional_identity_check(
    tx: Tx, identity_check_id: UUID, province_id: str
) -> IdentityCheck | None:
    return _identity(
        await tx.fetch_optional(SQL["lock_optional_identity_check"], identity_check_id, province_id)
    )


async def exists_open_recheck(tx: Tx, attempt_id: UUID) -> bool:
    return bool(await tx.fetch_value(SQL["exists_open_recheck"], attempt_id))


async def update_identity_check(tx: Tx, identity: IdentityCheck) -> None:
    await tx.execute(
        SQL["update_identity_check"],
        identity.id,
        identity.state,
        identity.device_hash,
        identity.device,
        identity.tries,
        identity.challenge.to_json(),
        identity.last_spent,
        identity.front_embedding,
        identity.front_model,
        identity.compared,
        identity.passed_at,
        identity.decided_by,
        identity.decided_at,
        identity.decision_reason,
    )


async def select_optional_passed_rehearsal(tx: Tx, registration_id: UUID) -> IdentityCheck | None:
    return _identity(await tx.fetch_optional(SQL["select_optional_passed_rehearsal"], registration_id))


async def select_waiting_checks(tx: Tx, province_id: str, body_id: UUID) -> list[WaitingCheck]:
    return [
        WaitingCheck(
            row["id"],
            row["attempt_id"],
            Purpose(row["purpose"]),
            row["name"],
            row["institution"],
            row["opened_at"],
            row["tries"],
            Spent(row["last_spent"]) if row["last_spent"] else None,
            row["asked_reason"],
        )
        for row in await tx.fetch(SQL["select_waiting_checks"], province_id, body_id)
    ]


async def update_overdue_rechecks(tx: Tx, opened_before: datetime) -> list[tuple[UUID, UUID]]:
    """The attempts whose recheck now waits for a person, each with its body."""
    rows = await tx.fetch(SQL["update_overdue_rechecks"], opened_before)
    return [(row["attempt_id"], row["body_id"]) for row in rows]


async def update_unneeded_identity_checks(tx: Tx) -> None:
    await tx.execute(SQL["update_unneeded_identity_checks"])


async def select_optional_kept_picture(
    tx: Tx, attempt_id: UUID, province_id: str, purpose: Purpose
) -> UUID | None:
    evidence_id: UUID | None = await tx.fetch_value(
        SQL["select_optional_kept_picture"], attempt_id, province_id, purpose
    )
    return evidence_id


async def insert_thresholds(
    tx: Tx, thresholds_id: UUID, province_id: str, model: str, setting: ThresholdSetting
) -> None:
    await tx.execute(
        SQL["insert_thresholds"],
        thresholds_id,
        province_id,
        model,
        setting.thresholds.match,
        setting.thresholds.mismatch,
        setting.set_at,
        setting.set_by,
        setting.note,
    )


async def select_thresholds(tx: Tx, province_id: str, model: str, limit: int) -> list[ThresholdSetting]:
    """The newest first."""
    return [
        ThresholdSetting(
            Thresholds(row["match_threshold"], row["mismatch_threshold"]),
            row["set_at"],
            row["set_by"],
            row["note"],
        )
        for row in await tx.fetch(SQL["select_thresholds"], province_id, model, limit)
    ]
