"""What the people who watch see of papers that are being sat: the newest picture, and what it adds up to.

The verdicts of a sitting are read once and kept in the memory of the process; a second look fetches what is
new. That memory is a help and no truth: it may be dropped at any time.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from exam_service.crypto.envelope import BadEnvelope
from exam_service.errors import NotFound, Unavailable
from exam_service.papers.model import Attempt
from exam_service.proctor import queries
from exam_service.proctor.judgement import Finding, findings, risk
from exam_service.proctor.model import Check, Purpose, Thresholds
from exam_service.proctor.watched import Span
from exam_service.storage.database import Tx
from exam_service.wiring import Services

MOST_CHECKS = 300_000
_AT_ONCE = 8  # new sittings in one read: some 3,000 verdicts
_FORGOTTEN_SECONDS = 120.0
_NO_THRESHOLDS = Thresholds(0.0, 0.0)
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
    asked_at: float = 0.0
    checks: dict[UUID, Check] = field(default_factory=dict)
    received_at: datetime = _NEVER
    checked_at: datetime = _NEVER
    outlook: Outlook = field(default_factory=Outlook)

    def add(self, check: Check) -> None:
        self.checks[check.id] = check
        self.received_at = max(self.received_at, check.received_at)
        self.checked_at = max(self.checked_at, check.checked_at)


class Outlooks:
    """The verdicts of sittings, in the memory of one process.

    Those that nobody asked for in two minutes go, and beyond ``most`` verdicts the longest not asked for.
    """

    def __init__(self, most: int = MOST_CHECKS) -> None:
        self._most = most
        self._remembered: OrderedDict[UUID, _Remembered] = OrderedDict()

    async def of(self, tx: Tx, attempt_ids: Sequence[UUID], province_id: str) -> dict[UUID, Outlook]:
        """How each of these attempts looks now. Reads only verdicts that came since the last look."""
        known = {attempt_id: self._remembered.get(attempt_id, _Remembered()) for attempt_id in attempt_ids}
        new = [attempt_id for attempt_id, each in known.items() if not each.checks]
        seen = [attempt_id for attempt_id in attempt_ids if known[attempt_id].checks]
        for batch in (seen, *(new[first : first + _AT_ONCE] for first in range(0, len(new), _AT_ONCE))):
            if batch:
                await self._read(tx, {attempt_id: known[attempt_id] for attempt_id in batch}, province_id)
        now = time.monotonic()
        for attempt_id, each in known.items():
            each.asked_at = now
            self._remembered[attempt_id] = each
            self._remembered.move_to_end(attempt_id)
        self._forget(now)
        return {attempt_id: each.outlook for attempt_id, each in known.items()}

    @staticmethod
    async def _read(tx: Tx, known: Mapping[UUID, _Remembered], province_id: str) -> None:
        """What is new of some attempts. Between two of them the process does what else there is to do."""
        looks = [
            (attempt_id, each.received_at - _LATE_FRAME, each.checked_at - _LATE_COMMIT)
            for attempt_id, each in known.items()
        ]
        changed: set[UUID] = set()
        for check in await queries.select_new_checks(tx, looks, province_id):
            if check.attempt_id is not None and check.id not in known[check.attempt_id].checks:
                known[check.attempt_id].add(_lean(check))
                changed.add(check.attempt_id)
        for attempt_id in changed:
            known[attempt_id].outlook = _outlook(known[attempt_id].checks.values())
            await asyncio.sleep(0)

    def _forget(self, now: float) -> None:
        held = sum(len(each.checks) for each in self._remembered.values())
        while self._remembered:
            oldest = next(iter(self._remembered.values()))
            if held <= self._most and now - oldest.asked_at < _FORGOTTEN_SECONDS:
                return
            self._remembered.popitem(last=False)
            held -= len(oldest.checks)


def _lean(check: Check) -> Check:
    """Without what findings don't ask for: a wall has tens of thousands of them in memory."""
    return replace(
        check, province_id="", model="", thresholds=_NO_THRESHOLDS, evidence_id=None, distance=None
    )


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
