"""Attempts as the body sees them, and what it may decide. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, Invalid
from exam_service.papers.model import Attempt, State
from exam_service.proctor.judgement import Finding, FindingKind, Risk, findings, risk, watching
from exam_service.proctor.model import Check, Purpose, Verdict
from exam_service.proctor.watched import Sat, coverage, sitting

PAGE_SIZE = 20
LONGEST_NOTE = 500
HARDLY_WATCHED = 0.2
"""A camera that watched a smaller share of the sitting says next to nothing."""


class Tab(StrEnum):
    AWAITING = "awaiting"
    ALL = "all"


@dataclass(frozen=True)
class ListedAttempt:
    """A row of the body's list."""

    id: UUID
    account_id: UUID
    name: str
    institution: str
    subject: Subject
    cycle_id: UUID
    ordinal: int
    state: State
    admitted_at: datetime | None
    deadline: datetime | None
    handed_in_at: datetime | None
    closed_at: datetime | None
    mark: Decimal | None
    passed: bool | None
    awaits_confirmation: bool


@dataclass(frozen=True)
class Judged:
    """What the camera's verdicts come to.

    Attributes:
        coverage: The share of the sitting that the camera watched, 0 to 1.
        strange_takeovers: Frames of somebody else from a device that wanted to take the paper over; no
            finding of the paper, for it never got there.
    """

    findings: list[Finding]
    risk: Risk
    coverage: float
    strange_takeovers: int = 0

    @property
    def hardly_watched(self) -> bool:
        """Whether the absence of findings would say next to nothing."""
        return self.coverage < HARDLY_WATCHED


def judged(attempt: Sat, checks: Sequence[Check], now: datetime, cadence: timedelta) -> Judged:
    """The findings in an attempt's checks, and how soon to look at them."""
    sat = sitting(attempt, now)
    found = findings(checks, sat=sat, cadence=cadence)
    share = coverage(watching(checks), sat, cadence) if sat else 1.0
    strange = sum(check.purpose is Purpose.TAKEOVER and check.verdict is Verdict.MISMATCH for check in checks)
    return Judged(found, risk(found, sat), share, strange)


@dataclass(frozen=True)
class Decision:
    """The body's word on an attempt."""

    passed: bool
    note: str
    decided_by: str
    decided_at: datetime


class FindingVerdict(StrEnum):
    """属实, 不属实: what a person found, who has looked at the evidence."""

    UPHELD = "upheld"
    DISMISSED = "dismissed"


@dataclass(frozen=True)
class FindingReview:
    """A person's word on one finding; never changed, a newer one counts instead."""

    kind: FindingKind
    began_at: datetime
    verdict: FindingVerdict
    note: str
    reviewed_by: str
    reviewed_at: datetime


@dataclass(frozen=True)
class ReviewedFinding:
    """A finding with the newest word on it; ``None`` while nobody has said any."""

    finding: Finding
    review: FindingReview | None

    @property
    def is_upheld(self) -> bool:
        return self.review is not None and self.review.verdict is FindingVerdict.UPHELD


def with_reviews(found: Iterable[Finding], reviews: Iterable[FindingReview]) -> list[ReviewedFinding]:
    """Each finding with the newest review of it.

    Args:
        reviews: The oldest first.
    """
    newest = {(review.kind, review.began_at): review for review in reviews}
    return [ReviewedFinding(finding, newest.get((finding.kind, finding.began_at))) for finding in found]


def may_review(attempt: Attempt) -> bool:
    """Whether its findings may be judged: when no more can come, and before they have been acted upon."""
    return attempt.is_over and attempt.state not in {State.CONFIRMED, State.VOID}


def check_review(attempt: Attempt, verdict: FindingVerdict, note: str) -> None:
    """When a member of the body may judge a finding of this attempt.

    Raises:
        Conflict: The paper is still being sat, or was decided.
        Invalid: 属实 without saying what was seen, or too long a note.
    """
    if not attempt.is_over:
        raise Conflict("测评还在进行，请在交卷后核对。", code="still_sat")
    if not may_review(attempt):
        raise Conflict("这次测评已评定，核对结果不能再更改。", code="already_decided")
    _check_length(note)
    if verdict is FindingVerdict.UPHELD and not note:
        raise Invalid("核对为属实须写明您看到了什么。", code="reason_needed")


def check_decision(
    attempt: Attempt, *, passed: bool, note: str, by_findings: bool = False, upheld: int = 0
) -> None:
    """What a member of the body may decide alone.

    Args:
        by_findings: Whether 不合格 is for what the camera saw.
        upheld: How many findings a person has judged to be true.

    Raises:
        Invalid: 合格 under the pass mark; or 不合格 despite the mark without a reason, or for findings none
            of which anybody upheld; or too long a note.
    """
    _check_length(note)
    reached = attempt.mark is not None and attempt.mark >= attempt.rule.pass_mark
    if passed and not reached:
        raise Invalid("成绩未达到分数线，不能评定为合格。", code="below_pass_mark")
    if not passed and reached and not note:
        raise Invalid("成绩已达到分数线，评定为不合格须写明理由。", code="reason_needed")
    if not passed and by_findings and not upheld:
        raise Invalid(
            "以监考提示为由评定为不合格，须先看过画面，将至少一条提示核对为属实。", code="nothing_upheld"
        )


def _check_length(note: str) -> None:
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"说明不能超过{LONGEST_NOTE}字。", code="note_too_long")
