"""From a series of verdicts to findings: N of the last M frames, never one alone; and how soon to look. Pure.

A finding is a question put to a person of the assessment body, and a risk is the order in which to look.
Neither ends a paper, fails anybody or is shown to the physician: nothing but people acts on them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.proctor.model import POOR_PICTURES, Check, Purpose, Verdict
from exam_service.proctor.repeats import STILL_FOR, recurring_runs, still_runs
from exam_service.proctor.watched import CADENCE, Span, gaps
from exam_service.proctor.windows import Rule, spells

APART = timedelta(minutes=5)
"""What was seen so far apart is never one spell."""


class FindingKind(StrEnum):
    ABSENT = "absent"
    SEVERAL_FACES = "several_faces"
    ANOTHER_FACE = "another_face"
    UNSURE_TOO_LONG = "unsure_too_long"
    CAMERA_GAP = "camera_gap"
    FROZEN = "frozen"
    LOOPED = "looped"


FINDING_LABELS: Mapping[FindingKind, str] = {
    FindingKind.ABSENT: "离开画面",
    FindingKind.SEVERAL_FACES: "多人入镜",
    FindingKind.ANOTHER_FACE: "疑似他人",
    FindingKind.UNSURE_TOO_LONG: "长时间无法确认",
    FindingKind.CAMERA_GAP: "监考中断",
    FindingKind.FROZEN: "画面静止",
    FindingKind.LOOPED: "疑似循环画面",
}

RULES: Mapping[FindingKind, Rule] = {
    # Half a minute at the usual cadence: picking something up from the floor takes less.
    FindingKind.ABSENT: Rule(3, 5),
    # A colleague who passes behind is on one frame, or two.
    FindingKind.SEVERAL_FACES: Rule(3, 5),
    # A distance beyond the threshold happens to everybody once in a while, seldom thrice in a minute.
    FindingKind.ANOTHER_FACE: Rule(3, 5),
    # Thinking with the hand on the chin or looking down is no offence; a minute of it is worth a look. The
    # time counts as well, because frames come faster after a doubt.
    FindingKind.UNSURE_TOO_LONG: Rule(6, 8, at_least=timedelta(minutes=1)),
    # The same bytes twice don't come from a live sensor at all; thrice rules out a browser's hiccup. (Equal
    # looks and recurring runs have measures of their own: repeats.py; gaps: watched.py.)
    FindingKind.FROZEN: Rule(3, 5),
    FindingKind.LOOPED: Rule(3, 5),
}

_KINDS: Mapping[Verdict, FindingKind] = {
    Verdict.NO_FACE: FindingKind.ABSENT,
    Verdict.SEVERAL_FACES: FindingKind.SEVERAL_FACES,
    Verdict.MISMATCH: FindingKind.ANOTHER_FACE,
    Verdict.UNSURE: FindingKind.UNSURE_TOO_LONG,
    **dict.fromkeys(POOR_PICTURES, FindingKind.UNSURE_TOO_LONG),
}


@dataclass(frozen=True)
class Finding:
    """Something a person should look at: what, from when to when, on how many frames.

    Attributes:
        began_at: Of a loop, when pictures began to come again.
        frames: How many frames carry it, of a loop both times they came; 0 of a camera gap, which is what no
            frame shows.
        checks: Ids of the verdicts to look at: of those frames, in order; of a camera gap of the last frame
            before it, of what few came meanwhile, and of the first after it.
    """

    kind: FindingKind
    began_at: datetime
    ended_at: datetime
    frames: int
    checks: tuple[UUID, ...]

    @property
    def length(self) -> timedelta:
        return self.ended_at - self.began_at


@dataclass(frozen=True)
class Weight:
    """Points of a kind of finding: for being there at all, for each minute of it, and at most."""

    once: int
    per_minute: int
    most: int


WEIGHTS: Mapping[FindingKind, Weight] = {
    FindingKind.ANOTHER_FACE: Weight(45, 5, 75),
    FindingKind.LOOPED: Weight(40, 2, 70),
    FindingKind.SEVERAL_FACES: Weight(20, 4, 60),
    FindingKind.FROZEN: Weight(25, 2, 60),
    FindingKind.ABSENT: Weight(10, 3, 50),
    FindingKind.UNSURE_TOO_LONG: Weight(5, 1, 25),
    # A gap accuses nobody: all of a sitting without a camera weighs less than another face on three frames.
    FindingKind.CAMERA_GAP: Weight(5, 0, 40),
}
GAP_POINTS = 35
"""Points for how long, of a sitting that no camera watched at all; of a part of it, its share."""


@dataclass(frozen=True)
class Risk:
    """How soon to look: 0 (nothing found) to 100; and a sentence for each kind of finding, heaviest first."""

    score: int
    reasons: tuple[str, ...]


def findings(
    checks: Iterable[Check], *, sat: Span | None = None, cadence: timedelta = CADENCE
) -> list[Finding]:
    """Findings in the frames of a paper, in order of their beginning.

    One begins when ``needed`` of the last ``of_last`` frames say the same (:data:`RULES`), and reaches from
    the first to the last of them; it ends when fewer do, and spells that share a frame are one. What can't be
    judged (unsure, and poor pictures) may be unsure too long, and is never absence or another face. Frames of
    other purposes than the paper don't count. Same checks, in whatever order they are given, same findings.
    n log n in the number of checks.

    Args:
        sat: When the camera should have watched: ``None`` looks for no gaps.
        cadence: How often a frame was due.
    """
    ordered = sorted(
        (check for check in checks if check.purpose is Purpose.PAPER),
        key=lambda check: (check.received_at, check.stream_id, check.seq),
    )
    found = _merged([*_said(ordered), *_repeated(ordered)])
    if sat is not None:
        found += _gaps(ordered, sat, cadence)
    return sorted(found, key=lambda finding: (finding.began_at, finding.kind))


def watching(checks: Iterable[Check]) -> list[datetime]:
    """When frames of the paper came that show anything, ascending."""
    return sorted(
        check.received_at
        for check in checks
        if check.purpose is Purpose.PAPER and check.verdict is not Verdict.UNUSABLE
    )


def risk(findings: Iterable[Finding], sat: Span | None = None) -> Risk:
    """How soon a person should look at these findings, and why.

    The score is the sum over the kinds of finding, 100 at most, of
    ``min(most, once + per_minute × minutes of that kind)`` (:data:`WEIGHTS`); of camera gaps
    ``min(most, once + GAP_POINTS × share of the sitting)``. Points are whole, rounded down. Another finding
    never lowers it. It orders work and decides nothing.
    """
    by_kind: dict[FindingKind, list[Finding]] = {}
    for finding in findings:
        by_kind.setdefault(finding.kind, []).append(finding)
    points = {kind: _points(kind, found, sat) for kind, found in by_kind.items()}
    heaviest_first = sorted(points, key=lambda kind: (-points[kind], kind))
    return Risk(
        min(100, sum(points.values())),
        tuple(f"{_summary(kind, by_kind[kind])} +{points[kind]}" for kind in heaviest_first),
    )


def weight_of(finding: Finding) -> int:
    """The points of a finding by itself: which of a sitting's to name first."""
    return _points(finding.kind, [finding], None)


def _points(kind: FindingKind, found: Sequence[Finding], sat: Span | None) -> int:
    weight = WEIGHTS[kind]
    length = sum((finding.length for finding in found), timedelta(0))
    points = weight.once + weight.per_minute * (length / timedelta(minutes=1))
    if kind is FindingKind.CAMERA_GAP and sat is not None and sat.length:
        points += GAP_POINTS * (length / sat.length)
    return min(weight.most, int(points))


def _summary(kind: FindingKind, found: Sequence[Finding]) -> str:
    length = sum((finding.length for finding in found), timedelta(0))
    frames = sum(finding.frames for finding in found)
    times = f"{len(found)}次" if len(found) > 1 else ""
    pictures = f"，共{frames}张" if frames else ""
    return f"{FINDING_LABELS[kind]}{times} {length_text(length)}{pictures}"


def length_text(length: timedelta) -> str:
    """A length as people say it: ``3分20秒``, ``45秒``."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    return f"{minutes}分{seconds:02}秒" if minutes else f"{seconds}秒"


def _said(ordered: Sequence[Check]) -> Iterable[Finding]:
    """Findings of what enough of a few frames in a row say."""
    hits: dict[FindingKind, list[tuple[int, Check]]] = {}
    place = 0
    before: Check | None = None
    for check in ordered:
        if before is not None and check.received_at - before.received_at >= APART:
            place += max(rule.of_last for rule in RULES.values())  # no window reaches across
        place += 1
        kind = _kind_of(check, before)
        if kind is not None:
            hits.setdefault(kind, []).append((place, check))
        before = check
    for kind, said in hits.items():
        rule = RULES[kind]
        for spell in spells([place for place, _ in said], rule.needed, rule.of_last):
            finding = _finding(kind, [said[hit][1] for hit in spell])
            if finding.length >= rule.at_least:
                yield finding


def _kind_of(check: Check, before: Check | None) -> FindingKind | None:
    """What a frame speaks for. The same bytes again: of the frame just before, or of an earlier one."""
    if check.verdict is not Verdict.REPLAYED:
        return _KINDS.get(check.verdict)
    of_earlier = before is not None and check.frame_hash is not None and check.frame_hash != before.frame_hash
    return FindingKind.LOOPED if of_earlier else FindingKind.FROZEN


def _repeated(ordered: Sequence[Check]) -> Iterable[Finding]:
    """Findings of looks that stand still or recur; a dark or empty room may well look the same for long."""
    shown = [
        (check, check.look)
        for check in ordered
        if check.faces and check.look is not None and check.verdict is not Verdict.DARK
    ]
    looks = [look for _, look in shown]
    for run in still_runs(looks):
        finding = _finding(FindingKind.FROZEN, [shown[place][0] for place in run])
        if finding.length >= STILL_FOR:
            yield finding
    for repeats, originals in recurring_runs(looks):
        ids = tuple(shown[place][0].id for place in sorted(originals.union(repeats)))
        first, last = shown[repeats[0]][0], shown[repeats[-1]][0]
        yield Finding(FindingKind.LOOPED, first.received_at, last.received_at, len(ids), ids)


def _gaps(ordered: Sequence[Check], sat: Span, cadence: timedelta) -> Iterable[Finding]:
    frames = [check for check in ordered if check.verdict is not Verdict.UNUSABLE]
    moments = [check.received_at for check in frames]
    for gap in gaps(moments, sat, cadence):
        first = max(0, bisect_left(moments, gap.began_at) - 1)
        beyond = bisect_left(moments, gap.ended_at) + 1
        ids = tuple(check.id for check in frames[first:beyond])
        yield Finding(FindingKind.CAMERA_GAP, gap.began_at, gap.ended_at, 0, ids)


def _finding(kind: FindingKind, spell: Sequence[Check]) -> Finding:
    ids = tuple(check.id for check in spell)
    return Finding(kind, spell[0].received_at, spell[-1].received_at, len(spell), ids)


def _merged(found: Iterable[Finding]) -> list[Finding]:
    """Findings of a kind that overlap as one: equal looks and equal bytes may tell of the same spell."""
    merged: list[Finding] = []
    for finding in sorted(found, key=lambda finding: (finding.kind, finding.began_at, finding.ended_at)):
        last = merged[-1] if merged else None
        if last is None or last.kind is not finding.kind or finding.began_at > last.ended_at:
            merged.append(finding)
            continue
        ids = tuple(dict.fromkeys((*last.checks, *finding.checks)))
        ended_at = max(last.ended_at, finding.ended_at)
        merged[-1] = Finding(last.kind, last.began_at, ended_at, len(ids), ids)
    return merged
