"""What the review pages show, in words that accuse nobody: a machine saw, a person decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from exam_service.clock import in_china
from exam_service.papers.model import State, mark_text
from exam_service.proctor.judgement import FINDING_LABELS, Finding, FindingKind, Risk, length_text
from exam_service.proctor.model import VERDICT_LABELS, Check, Purpose, Verdict
from exam_service.proctor.watched import Span
from exam_service.review.model import (
    Decision,
    FindingReview,
    FindingVerdict,
    Judged,
    ListedAttempt,
    ReviewedFinding,
    may_review,
)
from exam_service.review.usecases import Dossier, ListPage

SHOTS_PAGE = 48
SHOTS_OF_FINDING = 7
"""Pictures under a finding; of more, these many spread evenly from its first to its last."""
TIMELINE_WIDTH = 1000

_SERIOUS, _NOTABLE = 50, 20
"""Risks from which on a row stands out. They change a colour and nothing else."""
_KINDS: Mapping[Verdict, str] = {
    Verdict.MATCH: "good",
    Verdict.UNSURE: "warn",
    Verdict.MISMATCH: "bad",
    Verdict.NO_FACE: "warn",
    Verdict.SEVERAL_FACES: "bad",
    Verdict.DARK: "warn",
    Verdict.BLURRED: "warn",
    Verdict.TOO_SMALL: "warn",
    Verdict.CUT_OFF: "warn",
    Verdict.TURNED_AWAY: "warn",
    Verdict.REPLAYED: "bad",
    Verdict.UNUSABLE: "warn",
}
_REVIEWS: Mapping[FindingVerdict, tuple[str, str]] = {
    FindingVerdict.UPHELD: ("bad", "核对为属实"),
    FindingVerdict.DISMISSED: ("good", "核对为不属实"),
}
_COMPARED = frozenset({FindingKind.ANOTHER_FACE, FindingKind.UNSURE_TOO_LONG, FindingKind.SEVERAL_FACES})
"""Findings whose pictures the reference belongs beside."""
_NOTES = {Purpose.CHECK: "身份核验", Purpose.TAKEOVER: "换设备核验"}


def clock_time(moment: datetime | None, pattern: str = "%Y-%m-%d %H:%M") -> str:
    return in_china(moment).strftime(pattern) if moment else "—"


def listed(page: ListPage, row: ListedAttempt) -> dict[str, Any]:
    """A row of the list."""
    found = page.judged[row.id]
    return {
        "id": row.id,
        "name": row.name,
        "masked_number": page.masked_numbers[row.id],
        "institution": row.institution,
        "paper": f"{page.labels[row.id]}（第{row.ordinal}次）",
        "mark": None if row.mark is None else mark_text(row.mark),
        "result_label": _result_label(row.passed, awaits=row.awaits_confirmation),
        "handed_in": clock_time(row.handed_in_at or row.closed_at),
        "risk": _risk(found.risk),
        "flags": _flags(found),
        "watched": _watched(found),
        "state_label": _state_label(row.state, awaits=row.awaits_confirmation),
    }


def dossier(page: Dossier, *, shots: int, every_nth: int) -> dict[str, Any]:
    """One attempt with everything that a decision rests on.

    Args:
        shots: How many pictures of the paper to show.
        every_nth: How many of the frames that plainly match are kept: one of so many.
    """
    attempt = page.attempt
    awaits = attempt.awaits_confirmation
    of_paper = [check for check in page.checks if check.purpose is Purpose.PAPER]
    kept = [check for check in of_paper if check.evidence_id is not None]
    counted = Counter(check.verdict for check in of_paper)
    by_id = {check.id: check for check in page.checks}
    upheld = [each.finding for each in page.findings if each.is_upheld]
    return {
        "attempt": {
            "id": attempt.id,
            "name": page.name,
            "paper": f"{page.label}（第{attempt.ordinal}次）",
            "masked_number": page.masked_number,
            "institution": page.institution,
            "mark": None if attempt.mark is None else mark_text(attempt.mark),
            "result_label": _result_label(attempt.passed, awaits=awaits),
            "started": clock_time(attempt.admitted_at),
            "handed_in": clock_time(attempt.handed_in_at or attempt.closed_at),
            "state_label": _state_label(attempt.state, awaits=awaits),
        },
        "risk": _risk(page.judged.risk) | {"reasons": page.judged.risk.reasons},
        "watched": _watched(page.judged),
        "findings": [_finding(page, each, by_id) for each in page.findings],
        "upheld": [f"{FINDING_LABELS[finding.kind]} {_times(finding)}" for finding in upheld],
        "may_review": may_review(attempt),
        "timeline": _timeline(page.sat, page.judged.findings),
        "gaps": [
            {"time": _times(finding), "length": length_text(finding.length)}
            for finding in page.judged.findings
            if finding.kind is FindingKind.CAMERA_GAP
        ],
        "reference": _reference(page),
        "identity": [_shot(check) for check in page.checks if check.purpose is not Purpose.PAPER],
        "summary": [
            {"kind": _KINDS[verdict], "label": VERDICT_LABELS[verdict], "count": counted[verdict]}
            for verdict in Verdict
            if counted[verdict]
        ],
        "kept_rule": _kept_rule(every_nth),
        "groups": _groups(kept[:shots]),
        "shown": min(shots, len(kept)),
        "kept": len(kept),
        "more": shots + SHOTS_PAGE if len(kept) > shots else None,
        "decision": _decision(page.decision),
        "may_decide": awaits,
    }


def _result_label(passed: bool | None, *, awaits: bool) -> str:  # noqa: FBT001
    if passed is None:
        return "未评分"
    if awaits:
        return "达到分数线" if passed else "未达分数线"
    return "合格" if passed else "不合格"


def _state_label(state: State, *, awaits: bool) -> str:
    if awaits:
        return "待评定"
    return {
        State.MARKED: "已出成绩",
        State.CONFIRMED: "已评定",
        State.TERMINATED: "已终止",
        State.VOID: "已作废",
        State.CLOSING: "正在收卷",
        State.CLOSED: "正在收卷",
    }.get(state, "测评中")


def _risk(told: Risk) -> dict[str, Any]:
    kind = "bad" if told.score >= _SERIOUS else "warn" if told.score >= _NOTABLE else "info"
    return {"score": told.score, "kind": kind if told.score else "good"}


def _watched(found: Judged) -> dict[str, Any]:
    """How much of the sitting the camera watched; a paper it hardly watched must not look clean."""
    share = int(100 * found.coverage)
    if not found.hardly_watched:
        return {"kind": "muted", "label": f"画面覆盖{share}%", "hardly": False}
    return {"kind": "bad", "label": f"几乎没有画面（{share}%）" if share else "没有画面", "hardly": True}


def _flags(found: Judged) -> list[str]:
    flags = [
        f"{FINDING_LABELS[kind]}{f' {times}次' if times > 1 else ''}"
        for kind, times in Counter(finding.kind for finding in found.findings).most_common()
    ]
    if found.strange_takeovers:
        flags.append(f"换设备时疑似他人 {found.strange_takeovers}张")
    return flags


def _times(span: Finding | Span) -> str:
    began, ended = (clock_time(time, "%H:%M:%S") for time in (span.began_at, span.ended_at))
    return f"{began} 至 {ended}"


def _finding(page: Dossier, reviewed: ReviewedFinding, by_id: Mapping[UUID, Check]) -> dict[str, Any]:
    finding = reviewed.finding
    kept = [by_id[each] for each in finding.checks if by_id[each].evidence_id is not None]
    return {
        "kind": finding.kind.value,
        "began_at": finding.began_at.isoformat(),
        "anchor": f"{finding.kind.value}-{finding.began_at:%H%M%S}",
        "label": FINDING_LABELS[finding.kind],
        "time": _times(finding),
        "length": length_text(finding.length),
        "frames": f"{finding.frames}张" if finding.frames else None,
        "is_gap": finding.kind is FindingKind.CAMERA_GAP,
        "reference": _reference(page) if finding.kind in _COMPARED and kept else None,
        "shots": [_shot(check) for check in _spread(kept)],
        "left_out": max(0, len(kept) - SHOTS_OF_FINDING),
        "not_kept": len(finding.checks) - len(kept) if finding.frames else 0,
        "review": _review(reviewed.review),
    }


def _spread(checks: Sequence[Check]) -> Sequence[Check]:
    """The first, the last, and as many evenly between them as are shown."""
    if len(checks) <= SHOTS_OF_FINDING:
        return checks
    last = len(checks) - 1
    return [checks[turn * last // (SHOTS_OF_FINDING - 1)] for turn in range(SHOTS_OF_FINDING)]


def _review(review: FindingReview | None) -> dict[str, str] | None:
    if review is None:
        return None
    kind, label = _REVIEWS[review.verdict]
    return {
        "kind": kind,
        "label": label,
        "by": review.reviewed_by,
        "at": clock_time(review.reviewed_at),
        "note": review.note,
    }


def _timeline(sat: Span | None, found: Sequence[Finding]) -> dict[str, Any] | None:
    """The sitting as a line of :data:`TIMELINE_WIDTH` units, with what was found on it."""
    if sat is None or not sat.length:
        return None
    marks = []
    for finding in found:
        left = round(TIMELINE_WIDTH * ((finding.began_at - sat.began_at) / sat.length))
        width = round(TIMELINE_WIDTH * (finding.length / sat.length))
        left = max(0, min(left, TIMELINE_WIDTH - 6))
        marks.append(
            {
                "is_gap": finding.kind is FindingKind.CAMERA_GAP,
                "left": left,
                "width": max(6, min(width, TIMELINE_WIDTH - left)),
                "title": f"{FINDING_LABELS[finding.kind]} {_times(finding)}",
            }
        )
    return {
        "width": TIMELINE_WIDTH,
        "marks": marks,
        "began": clock_time(sat.began_at, "%H:%M"),
        "ended": clock_time(sat.ended_at, "%H:%M"),
    }


def _reference(page: Dossier) -> dict[str, str] | None:
    """What frames were compared with, to put beside them."""
    if page.has_photo:
        return {"url": f"/review/{page.attempt.id}/photo", "label": "报名照片"}
    enrolled = next((check for check in page.checks if check.enrolled and check.evidence_id), None)
    if enrolled is None:
        return None
    return {"url": _url(enrolled), "label": "首次核验画面（演示）"}


def _url(check: Check) -> str:
    return f"/review/{check.attempt_id}/snapshots/{check.id}"


def _shot(check: Check) -> dict[str, Any]:
    return {
        "url": None if check.evidence_id is None else _url(check),
        "time": clock_time(check.received_at, "%H:%M:%S"),
        "verdict_label": VERDICT_LABELS[check.verdict],
        "verdict_kind": _KINDS[check.verdict],
        "distance": None if check.distance is None else f"{check.distance:.2f}",
        "note": "首次核验，作为比对照片（演示）" if check.enrolled else _NOTES.get(check.purpose),
        "basis": _basis(check),
    }


def _basis(check: Check) -> str:
    """What a verdict rests on: how to question it later."""
    thresholds = check.thresholds
    return (
        f"比对模型 {check.model}，距离越小越像：不超过{thresholds.match:g}判为本人，"
        f"达到{thresholds.mismatch:g}判为疑似他人，两者之间为不确定。"
    )


def _groups(kept: Sequence[Check]) -> list[dict[str, Any]]:
    """Pictures by the hour, and apart where model or thresholds changed."""
    by_basis = groupby(kept, key=lambda check: (clock_time(check.received_at, "%H"), _basis(check)))
    groups = []
    for (hour, basis), checks in by_basis:
        shots = [_shot(check) for check in checks]
        groups.append({"title": f"{hour}时", "basis": basis, "shots": shots, "count": len(shots)})
    return groups


def _kept_rule(every_nth: int) -> str:
    if every_nth > 1:
        return f"比对为本人的画面每{every_nth}张留存1张，其余画面全部留存。"
    return "所有画面均留存。"


def _decision(decision: Decision | None) -> dict[str, str] | None:
    if decision is None:
        return None
    return {
        "kind": "good" if decision.passed else "bad",
        "label": "合格" if decision.passed else "不合格",
        "by": decision.decided_by,
        "at": clock_time(decision.decided_at),
        "note": decision.note,
    }
