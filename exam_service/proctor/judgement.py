"""From a series of verdicts to findings: N of the last M frames, never a single one. Pure.

A finding is a question put to a person of the assessment body. Nothing here ends a paper.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from exam_service.proctor.model import Check, Purpose, Verdict

NEEDED = 3
OF_LAST = 5


class FindingKind(StrEnum):
    ABSENT = "absent"
    SEVERAL_FACES = "several_faces"
    ANOTHER_FACE = "another_face"
    UNSURE_TOO_LONG = "unsure_too_long"


FINDING_LABELS: Mapping[FindingKind, str] = {
    FindingKind.ABSENT: "离开画面",
    FindingKind.SEVERAL_FACES: "多人入镜",
    FindingKind.ANOTHER_FACE: "疑似他人",
    FindingKind.UNSURE_TOO_LONG: "长时间无法确认",
}
_KINDS: Mapping[Verdict, FindingKind] = {
    Verdict.NO_FACE: FindingKind.ABSENT,
    Verdict.SEVERAL_FACES: FindingKind.SEVERAL_FACES,
    Verdict.MISMATCH: FindingKind.ANOTHER_FACE,
    Verdict.UNSURE: FindingKind.UNSURE_TOO_LONG,
}


@dataclass(frozen=True)
class Finding:
    """Something a person should look at: what, from when to when, on how many frames."""

    kind: FindingKind
    began_at: datetime
    ended_at: datetime
    frames: int


def findings(checks: Iterable[Check]) -> list[Finding]:
    """Findings in the frames of a paper, in order of their beginning.

    One begins when ``NEEDED`` of the last ``OF_LAST`` frames say the same, and reaches from the first to the
    last of them; it ends when fewer do, and spells that share a frame are one. Frames of the identity check
    don't count. Same checks, in whatever order they are given, same findings.
    """
    ordered = sorted(
        (check for check in checks if check.purpose is Purpose.PAPER),
        key=lambda check: (check.received_at, check.stream_id, check.seq),
    )
    found = [_finding(kind, spell) for verdict, kind in _KINDS.items() for spell in _spells(ordered, verdict)]
    return sorted(found, key=lambda finding: (finding.began_at, finding.kind))


def _spells(checks: list[Check], verdict: Verdict) -> list[list[Check]]:
    window: deque[Check] = deque(maxlen=OF_LAST)
    spells: list[list[Check]] = []
    for check in checks:
        window.append(check)
        hits = [seen for seen in window if seen.verdict is verdict]
        if len(hits) < NEEDED:
            continue
        # What the window shares with the spell before can only be at that spell's end.
        recent = spells[-1][-OF_LAST:] if spells else []
        if hits[0] not in recent:
            spells.append([])
            recent = []
        spells[-1].extend(hit for hit in hits if hit not in recent)
    return spells


def _finding(kind: FindingKind, spell: list[Check]) -> Finding:
    return Finding(kind, spell[0].received_at, spell[-1].received_at, len(spell))
