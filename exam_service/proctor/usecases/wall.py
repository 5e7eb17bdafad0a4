"""What the people who watch see of papers that are being sat: the newest picture, and what it adds up to.

The verdicts of a sitting are read once and kept in the memory of the process; a second look fetches what is
new. That memory is a help and no truth: it may be dropped at any time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from exam_service.crypto.envelope import BadEnvelope
from exam_service.errors import NotFound, Unavailable
from exam_service.papers.model import Attempt
from exam_service.proctor import queries
from exam_service.proctor.judgement import Finding, findings, risk
from exam_service.proctor.model import Check, Purpose
from exam_service.proctor.watched import Span
from exam_service.storage.database import Tx
from exam_service.wiring import Services

MOST_CHECKS = 60_000
_LATE_FRAME = timedelta(minutes=3)  # a frame that another worker had to take over
_LATE_COMMIT = timedelta(seconds=5)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outlook:
    """What the frames of a sitting add up to.

    Attributes:
        newest: The newest verdict, of whatever purpose; ``None`` before the first.
        findings: In order of their beginning.
        reasons: What the score is made of, a sentence for each kind of finding.
        score: 0 (nothing) to 100.
    """

    newest: Check | None = None
    findings: tuple[Finding, ...] = ()
    score: int = 0
    reasons: tuple[str, ...] = ()


@dataclass
class _Remembered:
    checks: dict[UUID, Check] = field(default_factory=dict)
    received_at: datetime = _NEVER
    checked_at: datetime = _NEVER
    outlook: Outlook = field(default_factory=Outlook)


class Outlooks:
    """The verdicts of sittings, in the memory of one process: ``most`` at most, the newest asked for."""

    def __init__(self, most: int = MOST_CHECKS) -> None:
        self._most = most
        self._remembered: OrderedDict[UUID, _Remembered] = OrderedDict()

    async def of(self, tx: Tx, attempt_ids: Sequence[UUID], province_id: str) -> dict[UUID, Outlook]:
        """How each of these attempts looks now. Reads only verdicts that came since the last look."""
        known = {attempt_id: self._remembered.get(attempt_id, _Remembered()) for attempt_id in attempt_ids}
        fresh = await queries.select_new_checks(
            tx,
            [
                (attempt_id, each.received_at - _LATE_FRAME, each.checked_at - _LATE_COMMIT)
                if each.checks
                else (attempt_id, _NEVER, _NEVER)
                for attempt_id, each in known.items()
            ],
            province_id,
        )
        changed: set[UUID] = set()
        for check in fresh:
            if check.attempt_id is None:
                continue
            each = known[check.attempt_id]
            if check.id in each.checks:
                continue
            each.checks[check.id] = check
            each.received_at = max(each.received_at, check.received_at)
            each.checked_at = max(each.checked_at, check.checked_at)
            changed.add(check.attempt_id)
        for attempt_id in changed:
            known[attempt_id].outlook = _outlook(known[attempt_id].checks.values())
        for attempt_id, each in known.items():
            self._remembered[attempt_id] = each
            self._remembered.move_to_end(attempt_id)
        self._forget()
        return {attempt_id: each.outlook for attempt_id, each in known.items()}

    def _forget(self) -> None:
        held = sum(len(each.checks) for each in self._remembered.values())
        while held > self._most and self._remembered:
            _, oldest = self._remembered.popitem(last=False)
            held -= len(oldest.checks)


def _outlook(checks: Iterable[Check]) -> Outlook:
    """Of at least one verdict. Gaps are looked for up to the newest frame: what is missing now, tiles say."""
    ordered = sorted(checks, key=lambda check: (check.received_at, check.seq))
    frames = [check.received_at for check in ordered if check.purpose is Purpose.PAPER]
    sat = Span(frames[0], frames[-1]) if frames else None
    found = findings(ordered, sat=sat)
    assessed = risk(found, sat)
    return Outlook(ordered[-1], tuple(found), assessed.score, assessed.reasons)


@dataclass(frozen=True)
class Picture:
    """A JPEG; ``is_live``: from the newest frames, otherwise from what was kept."""

    jpeg: bytes
    is_live: bool


async def newest_picture(tx: Tx, services: Services, attempt: Attempt) -> Picture | None:
    """The newest frame of an attempt, or the last one that was kept; ``None`` when there is neither."""
    try:
        frames = await services.recent.frames(attempt.id, 1)
    except Unavailable:
        frames = []
    for frame_id, sealed in frames:
        if (jpeg := await _opened(tx, services, sealed, frame_id)) is not None:
            return Picture(jpeg, is_live=True)
    evidence_id = await queries.select_optional_newest_kept(tx, attempt.id, attempt.province_id)
    if evidence_id is None or (jpeg := await _kept(tx, services, evidence_id, attempt.province_id)) is None:
        return None
    return Picture(jpeg, is_live=False)


async def registration_photo(tx: Tx, services: Services, attempt: Attempt) -> bytes | None:
    """The registration photo of whose attempt it is, as it was uploaded; ``None`` without one."""
    owner = await queries.select_frame_owner(tx, attempt.registration_id, attempt.province_id)
    if owner is None or owner.reviewed_photo_id is None:
        return None
    return await _kept(tx, services, owner.reviewed_photo_id, attempt.province_id)


async def _kept(tx: Tx, services: Services, evidence_id: UUID, province_id: str) -> bytes | None:
    try:
        sealed = await services.evidence.read(tx, evidence_id, province_id=province_id)
    except NotFound:
        return None
    return await _opened(tx, services, sealed, evidence_id)


async def _opened(tx: Tx, services: Services, sealed: bytes, row_id: UUID) -> bytes | None:
    """``None`` for what was purged or altered: the wall then has no picture, the review says why."""
    try:
        return await services.vault.open(tx, sealed, row_id)
    except (NotFound, BadEnvelope):
        return None


def wall_topic(body_id: UUID) -> str:
    """Where it is signalled that a sitting of this body has news, by the id of its attempt."""
    return f"wall:{body_id}"
