from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.proctor.identification import IdentityCheck, IdentityState, UnsettledCheck, WaitingCheck
from exam_service.proctor.liveness import Challenge, Spent
from exam_service.proctor.model import (
    Check,
    Frame,
    KeptFor,
    Purpose,
    StreamRow,
    StreamSpan,
    Thresholds,
    ThresholdSetting,
    Verdict,
)
from exam_service.proctor.periods import DeletionRequest, Kind, Purge, Why
from exam_service.storage.database import Row, Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.proctor")


@dataclass(frozen=True, repr=False)
class Enrolment:
    id: UUID
    embedding: bytes


@dataclass(frozen=True)
class Owner:
    """Whose frame it is, the face they are known by, and what may enrol them.

    Attributes:
        body_id: Of the attempt; ``None`` for a rehearsal.
    """

    account_id: UUID
    registration_id: UUID
    cycle_id: UUID
    reviewed_photo_id: UUID | None
    body_id: UUID | None
    enrolment: Enrolment | None


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


async def insert_checks(tx: Tx, checks: Sequence[Check]) -> set[UUID]:
    """Store the verdicts on frames that have none yet; their ids."""
    rows = [
        (
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
            check.age_ms,
            check.kept_for,
        )
        for check in checks
    ]
    inserted = await tx.fetch(SQL["insert_checks"], *zip(*rows, strict=True))
    return {row["id"] for row in inserted}


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
        age_ms=row["age_ms"],
        kept_for=KeptFor(row["kept_for"]) if row["kept_for"] else None,
    )


async def select_optional_check(tx: Tx, check_id: UUID, province_id: str) -> Check | None:
    row = await tx.fetch_optional(SQL["select_optional_check"], check_id, province_id)
    return _check(row) if row else None


async def select_checks_by_id(tx: Tx, check_ids: Sequence[UUID]) -> list[Check]:
    """Of whichever province, in no order."""
    return [_check(row) for row in await tx.fetch(SQL["select_checks_by_id"], check_ids)]


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


async def select_awaited(tx: Tx, checks: Sequence[Check]) -> set[UUID]:
    """Those of these verdicts, by their ids, of whose subject and purpose an identity check is open."""
    rows = await tx.fetch(
        SQL["select_awaited"],
        [check.id for check in checks],
        [check.registration_id for check in checks],
        [check.attempt_id for check in checks],
        [check.purpose for check in checks],
    )
    return {row["id"] for row in rows}


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
        identity.opened_at,
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
            row["has_photo"],
        )
        for row in await tx.fetch(SQL["select_waiting_checks"], province_id, body_id)
    ]


async def select_unsettled_checks(tx: Tx, registration_id: UUID, attempt_id: UUID) -> list[UnsettledCheck]:
    return [
        UnsettledCheck(
            **{
                **row,
                "purpose": Purpose(row["purpose"]),
                "state": IdentityState(row["state"]),
                "last_spent": Spent(row["last_spent"]) if row["last_spent"] else None,
            }
        )
        for row in await tx.fetch(SQL["select_unsettled_checks"], registration_id, attempt_id)
    ]


async def update_overdue_rechecks(tx: Tx, opened_before: datetime) -> list[tuple[UUID, UUID]]:
    """The attempts whose recheck now waits for a person, each with its body."""
    rows = await tx.fetch(SQL["update_overdue_rechecks"], opened_before)
    return [(row["attempt_id"], row["body_id"]) for row in rows]


async def update_unneeded_identity_checks(tx: Tx) -> None:
    await tx.execute(SQL["update_unneeded_identity_checks"])


async def select_optional_kept_picture(
    tx: Tx, attempt_id: UUID, province_id: str, purpose: Purpose, device_hash: bytes | None
) -> UUID | None:
    evidence_id: UUID | None = await tx.fetch_value(
        SQL["select_optional_kept_picture"], attempt_id, province_id, purpose, device_hash
    )
    return evidence_id


async def select_owners(tx: Tx, frames: Sequence[Frame], model: str) -> dict[UUID, Owner]:
    """By the frame's id; without those that have their verdict, or whose registration isn't there."""
    rows = await tx.fetch(
        SQL["select_owners"],
        [frame.stream_id for frame in frames],
        [frame.seq for frame in frames],
        [frame.registration_id for frame in frames],
        [frame.province_id for frame in frames],
        [frame.attempt_id for frame in frames],
        model,
    )
    return {frames[row["position"] - 1].id: _owner(row) for row in rows}


def _owner(row: Row) -> Owner:
    return Owner(
        row["account_id"],
        row["registration_id"],
        row["cycle_id"],
        row["reviewed_photo_id"],
        row["body_id"],
        Enrolment(row["enrolment_id"], row["embedding"]) if row["enrolment_id"] else None,
    )


async def select_seen(tx: Tx, frames: Sequence[tuple[UUID, bytes]]) -> set[tuple[UUID, bytes]]:
    """Which of these pairs of registration and frame hash there are checks of."""
    rows = await tx.fetch(
        SQL["select_seen"],
        [registration_id for registration_id, _ in frames],
        [frame_hash for _, frame_hash in frames],
    )
    return {(row["registration_id"], row["frame_hash"]) for row in rows}


async def select_latest_verdicts(
    tx: Tx, attempt_ids: Sequence[UUID], count: int
) -> dict[UUID, list[Verdict]]:
    """The newest ``count`` verdicts on each attempt's paper, the newest first."""
    latest: dict[UUID, list[Verdict]] = {}
    for row in await tx.fetch(SQL["select_latest_verdicts"], list(attempt_ids), count):
        latest.setdefault(row["attempt_id"], []).append(Verdict(row["verdict"]))
    return latest


async def select_optional_first_check(tx: Tx, registration_id: UUID) -> UUID | None:
    """The evidence of the check that enrolled this physician."""
    evidence_id: UUID | None = await tx.fetch_value(SQL["select_optional_first_check"], registration_id)
    return evidence_id


# retention


async def select_previous(tx: Tx, attempt_ids: Sequence[UUID], limit: int) -> dict[UUID, list[Check]]:
    """The newest ``limit`` verdicts on each paper, the oldest first."""
    found: dict[UUID, list[Check]] = {attempt_id: [] for attempt_id in attempt_ids}
    for row in await tx.fetch(SQL["select_previous"], attempt_ids, limit):
        found[row["attempt_id"]].append(_check(row))
    return found


async def count_kept(tx: Tx, attempt_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Pictures of each paper."""
    rows = await tx.fetch(SQL["count_kept"], attempt_ids)
    return {row["attempt_id"]: row["pictures"] for row in rows}


async def update_kept(tx: Tx, frame_id: UUID) -> bool:
    return await tx.fetch_value(SQL["update_kept"], frame_id) is not None


async def select_face_keys(tx: Tx, account_id: UUID, cycle_id: UUID) -> dict[str, UUID]:
    """Ids of the data keys, by class."""
    rows = await tx.fetch(SQL["select_face_keys"], account_id, cycle_id)
    return {row["data_class"]: row["id"] for row in rows}


async def select_keyed_evidence(tx: Tx, key_id: UUID) -> list[UUID]:
    return [row["id"] for row in await tx.fetch(SQL["select_keyed_evidence"], key_id)]


async def select_samples(tx: Tx, registration_id: UUID) -> list[UUID]:
    return [row["evidence_id"] for row in await tx.fetch(SQL["select_samples"], registration_id)]


async def select_optional_doubt(tx: Tx, registration_id: UUID) -> datetime | None:
    doubted_at: datetime | None = await tx.fetch_value(SQL["select_optional_doubt"], registration_id)
    return doubted_at


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


async def forget_fronts(tx: Tx, registration_id: UUID) -> list[bytes]:
    """The sealed embeddings that identity checks held."""
    return [row["front_embedding"] for row in await tx.fetch(SQL["forget_fronts"], registration_id)]


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
