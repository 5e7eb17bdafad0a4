"""What was seen of an attempt: verdicts, connections, kept pictures."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from exam_service.crypto.envelope import BadEnvelope
from exam_service.errors import NotFound
from exam_service.proctor import queries
from exam_service.proctor.model import Check, StreamSpan
from exam_service.storage.database import Tx
from exam_service.wiring import Services


async def checks_of(tx: Tx, attempt_id: UUID, province_id: str) -> list[Check]:
    """All verdicts on an attempt, in the order the frames came."""
    return await queries.select_checks(tx, attempt_id, province_id)


async def streams_of(tx: Tx, attempt_id: UUID, province_id: str) -> list[StreamSpan]:
    """The connections that sent frames, in order: what lies between them nobody saw."""
    return await queries.select_streams(tx, attempt_id, province_id)


async def checks_of_attempts(
    tx: Tx, attempt_ids: Sequence[UUID], province_id: str
) -> dict[UUID, list[Check]]:
    """All verdicts on each of these attempts, in no order."""
    checks: dict[UUID, list[Check]] = {attempt_id: [] for attempt_id in attempt_ids}
    for check in await queries.select_checks_of_attempts(tx, attempt_ids, province_id):
        if check.attempt_id is not None:
            checks[check.attempt_id].append(check)
    return checks


async def snapshot(tx: Tx, services: Services, attempt_id: UUID, check_id: UUID, province_id: str) -> bytes:
    """A kept frame of this attempt, decrypted: JPEG bytes.

    Raises:
        NotFound: There is no such check of this attempt, it wasn't kept, or it has been purged.
    """
    check = await queries.select_optional_check(tx, check_id, province_id)
    if check is None or check.attempt_id != attempt_id or check.evidence_id is None:
        raise NotFound("这张抓拍没有留存。", code="no_snapshot")
    sealed = await services.evidence.read(tx, check.evidence_id, province_id=province_id)
    try:
        return await services.vault.open(tx, sealed, check.evidence_id)
    except BadEnvelope:
        raise NotFound(
            "这份资料与存档时不一致，已拒绝显示，请联系系统管理员。", code="evidence_altered", check=check_id
        ) from None
