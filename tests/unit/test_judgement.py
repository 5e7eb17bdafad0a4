"""From frames to findings. One symbol a frame, ten seconds apart:

``.`` match, ``?`` unsure, ``x`` mismatch, ``0`` nobody, ``2`` several faces, ``#`` unusable, ``=`` the same
bytes again; ``d``, ``b``, ``s``, ``c``, ``t``: dark, blurred, too small, cut off, turned away.
"""

from datetime import timedelta
from random import Random

import pytest

from exam_service.proctor.judgement import (
    FINDING_LABELS,
    RULES,
    WEIGHTS,
    Finding,
    FindingKind,
    findings,
    length_text,
    risk,
)
from exam_service.proctor.model import POOR_PICTURES, Check, Purpose, Verdict
from exam_service.proctor.watched import Span
from tests.factories import a_check, an_id, at, checks

ABSENT, SEVERAL = FindingKind.ABSENT, FindingKind.SEVERAL_FACES
OTHER, UNSURE = FindingKind.ANOTHER_FACE, FindingKind.UNSURE_TOO_LONG
GAP, FROZEN, LOOPED = FindingKind.CAMERA_GAP, FindingKind.FROZEN, FindingKind.LOOPED
Told = tuple[FindingKind, int, int, int]


def told(picture: str) -> list[Told]:
    """Kind, first and last frame (from 0), and how many frames."""
    return [
        (
            finding.kind,
            int((finding.began_at - at(0)).total_seconds()) // 10,
            int((finding.ended_at - at(0)).total_seconds()) // 10,
            finding.frames,
        )
        for finding in findings(checks(picture))
    ]


@pytest.mark.parametrize(
    "picture",
    [
        "",
        ".",
        "x",
        "xx",
        "..........",
        "xx...xx...xx",
        "x..x..x..x",
        "x....x....x",
        "0.2.x.?.0.2",
        "xx00??22",
        "?????",
        "??..??..??..??",
        "dbsct",
        "xx.dt.x.tx",
        "00ddddd0",
        "########",
        "x#.#x",
    ],
)
def test_too_few_frames_are_no_finding(picture: str) -> None:
    assert told(picture) == []


@pytest.mark.parametrize(
    ("picture", "finding"),
    [
        ("xxx", (OTHER, 0, 2, 3)),
        ("000", (ABSENT, 0, 2, 3)),
        ("222", (SEVERAL, 0, 2, 3)),
        ("..x.x.x..", (OTHER, 2, 6, 3)),
        ("xx..x", (OTHER, 0, 4, 3)),
        ("x?x?x", (OTHER, 0, 4, 3)),
        ("..xxxxxxx..", (OTHER, 2, 8, 7)),
        ("0..00", (ABSENT, 0, 4, 3)),
    ],
)
def test_three_of_five_frames_are_a_finding_from_the_first_to_the_last_of_them(
    picture: str, finding: Told
) -> None:
    assert told(picture) == [finding]


@pytest.mark.parametrize("picture", ["???????", "ttttttt", "ddddddd", "?t?t?t?", "dbsct?d"])
def test_a_minute_that_cannot_be_judged_is_unsure_too_long_whatever_the_reason(picture: str) -> None:
    assert told(picture) == [(UNSURE, 0, 6, 7)]


def test_frames_that_come_faster_make_no_minute_of_a_few_seconds() -> None:
    fast = [a_check(Verdict.UNSURE, second) for second in range(0, 58, 2)]
    assert findings(fast) == []
    assert [finding.kind for finding in findings([*fast, a_check(Verdict.UNSURE, 60)])] == [UNSURE]


@pytest.mark.parametrize("verdict", [Verdict.UNSURE, *sorted(POOR_PICTURES)])
def test_what_cannot_be_judged_is_never_absence_or_another_face(verdict: Verdict) -> None:
    series = [a_check(verdict, 10 * turn) for turn in range(100)]
    assert {finding.kind for finding in findings(series)} == {UNSURE}


def test_a_finding_ends_when_the_person_is_back_and_a_new_spell_is_a_new_one() -> None:
    assert told("xxx......xxxx..") == [(OTHER, 0, 2, 3), (OTHER, 9, 12, 4)]
    assert told("xxx...xxx") == [(OTHER, 0, 2, 3), (OTHER, 6, 8, 3)]


def test_a_single_good_frame_does_not_end_a_spell() -> None:
    assert told("xxx.xxx") == [(OTHER, 0, 6, 6)]


def test_findings_of_several_kinds_come_in_order_of_their_beginning() -> None:
    assert told("000..222..xxx") == [(ABSENT, 0, 2, 3), (SEVERAL, 5, 7, 3), (OTHER, 10, 12, 3)]


def test_kinds_may_overlap() -> None:
    assert told("x0x0x0") == [(OTHER, 0, 4, 3), (ABSENT, 1, 5, 3)]


@pytest.mark.parametrize(
    ("picture", "finding"),
    [("x.x.x.x.x", (OTHER, 0, 8, 5)), ("x.xx..x", (OTHER, 0, 6, 4)), ("xxx..xx", (OTHER, 0, 6, 5))],
)
def test_spells_that_share_a_frame_are_one_finding(picture: str, finding: Told) -> None:
    assert told(picture) == [finding]


def test_an_unusable_picture_is_nobodys_fault_and_still_a_frame() -> None:
    assert told("xx#.x") == [(OTHER, 0, 4, 3)]
    assert told("xx###x") == []


def test_frames_of_the_identity_check_do_not_count() -> None:
    assert findings(checks("xxxxx", purpose=Purpose.CHECK)) == []
    between = [*checks("x.x.x"), *checks("xxxxx", purpose=Purpose.CHECK)]
    assert [finding.frames for finding in findings(between)] == [3]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_workers_finish_does_not_matter(seed: int) -> None:
    series = checks("..xx.x..000.?.?.?2.2.2")
    shuffled = list(series)
    Random(seed).shuffle(shuffled)
    assert shuffled != series
    assert findings(shuffled) == findings(series)


def test_two_frames_of_one_moment_are_judged_the_same_in_either_order() -> None:
    first = checks("xx..")
    twins = [a_check(verdict, 40, stream_id=an_id(), seq=5) for verdict in (Verdict.MISMATCH, Verdict.MATCH)]
    assert findings([*first, *twins]) == findings([*first, *reversed(twins)])


def test_a_finding_has_the_times_of_its_frames() -> None:
    (finding,) = findings(checks("..xxx"))
    assert (finding.began_at, finding.ended_at) == (at(20), at(40))


def test_what_lies_minutes_apart_is_no_spell() -> None:
    series = [a_check(Verdict.MISMATCH, seconds) for seconds in (0, 10, 400)]
    assert findings(series) == []


def test_a_finding_names_the_frames_that_carry_it() -> None:
    series = checks("..x.xx..")
    (finding,) = findings(series)
    assert finding.checks == (series[2].id, series[4].id, series[5].id)


def test_a_finding_needs_more_than_half_of_the_frames_looked_at() -> None:
    assert all(1 < rule.needed <= rule.of_last < 2 * rule.needed for rule in RULES.values())


def test_every_kind_has_a_chinese_name() -> None:
    assert set(FINDING_LABELS) == set(FindingKind)
    assert set(WEIGHTS) == set(FindingKind)


# A camera that shows what it showed before


def showing(looks: list[int], seconds: float = 10, **changes: object) -> list[Check]:
    """A face that matches, on frames of these looks."""
    return [a_check(Verdict.MATCH, seconds * turn, look=look, **changes) for turn, look in enumerate(looks)]


def replayed(hashes: str) -> list[Check]:
    """Frames by the letter of their bytes; what came before is told as replayed."""
    return [
        a_check(
            Verdict.REPLAYED if letter in hashes[:place] else Verdict.MATCH,
            10 * place,
            frame_hash=letter.encode(),
        )
        for place, letter in enumerate(hashes)
    ]


def some_looks(count: int, seed: int = 1) -> list[int]:
    random = Random(seed)
    return [random.getrandbits(64) - (1 << 63) for _ in range(count)]


def kinds(series: list[Check]) -> list[FindingKind]:
    return [finding.kind for finding in findings(series)]


def test_the_same_look_for_minutes_is_frozen() -> None:
    alive = some_looks(5)
    series = showing([*alive, *[7] * 30, *some_looks(5, seed=2)])
    (finding,) = findings(series)
    assert (finding.kind, finding.began_at, finding.ended_at) == (FROZEN, at(50), at(340))
    assert finding.checks == tuple(check.id for check in series[5:35])
    assert findings(showing([*alive, *[7] * 29, *some_looks(5, seed=2)])) == []


def test_somebody_who_sits_still_trembles_and_is_not_frozen() -> None:
    assert findings(showing([7 ^ (1 << turn % 2) for turn in range(200)])) == []


def test_the_same_look_on_fast_frames_is_not_frozen_yet() -> None:
    assert findings(showing([7] * 40, seconds=2)) == []


@pytest.mark.parametrize("changes", [{"faces": 0, "verdict": Verdict.NO_FACE}, {"verdict": Verdict.DARK}])
def test_an_empty_or_a_dark_room_looks_the_same_for_long_and_is_not_frozen(
    changes: dict[str, object],
) -> None:
    series = [a_check(seconds=10 * turn, look=0, **changes) for turn in range(30)]  # type: ignore[arg-type]
    assert FROZEN not in kinds(series)


@pytest.mark.parametrize(
    ("hashes", "expected"),
    [
        ("abcc", []),
        ("abccc", []),
        ("abcccc", [FROZEN]),
        ("abcabcabc", [LOOPED]),
        ("abcdebfghi", []),
    ],
)
def test_the_same_bytes_thrice_are_frozen_or_looped(hashes: str, expected: list[FindingKind]) -> None:
    assert kinds(replayed(hashes)) == expected


def test_replayed_bytes_without_a_hash_are_frozen() -> None:
    assert told("..===..") == [(FROZEN, 2, 4, 3)]


def test_a_recurring_run_is_looped_and_shows_both_times() -> None:
    film = some_looks(14)
    series = showing([*some_looks(3, seed=2), *film, *some_looks(4, seed=3), *film])
    (finding,) = findings(series)
    assert (finding.kind, finding.began_at, finding.ended_at) == (LOOPED, at(210), at(340))
    assert finding.checks == tuple(check.id for check in [*series[3:17], *series[21:35]])


def test_a_loop_is_found_through_the_noise_of_encoding() -> None:
    random = Random(5)
    film = some_looks(12)
    series = showing([look ^ (1 << random.randrange(62)) for look in film] + film)
    assert kinds(series) == [LOOPED]


def test_a_habit_is_no_loop() -> None:
    screen, window, keys = some_looks(3)
    assert findings(showing([screen, window, keys] * 40)) == []


# Gaps: what no frame shows


def test_unusable_frames_watch_nothing() -> None:
    (gap,) = findings(checks("..######.."), sat=Span(at(0), at(100)))
    assert (gap.kind, gap.began_at, gap.ended_at, gap.frames) == (GAP, at(20), at(80), 0)


def test_a_gap_shows_who_was_there_before_and_after() -> None:
    series = [a_check(seconds=second) for second in (0, 10, 70, 80)]
    (gap,) = findings(series, sat=Span(at(0), at(90)))
    assert gap.checks == (series[1].id, series[2].id)


def test_without_a_sitting_there_are_no_gaps() -> None:
    assert findings([]) == []
    assert [(gap.began_at, gap.ended_at) for gap in findings([], sat=Span(at(0), at(60)))] == [
        (at(0), at(60))
    ]


# Risk


def a_finding(kind: FindingKind, seconds: float, frames: int = 3) -> Finding:
    return Finding(kind, at(0), at(seconds), frames, ())


HOUR = Span(at(0), at(3600))


@pytest.mark.parametrize(
    ("found", "score", "reasons"),
    [
        ([], 0, ()),
        ([a_finding(OTHER, 200, 12)], 61, ("疑似他人 3分20秒，共12张 +61",)),
        ([a_finding(GAP, 3600, 0)], 40, ("监考中断 60分00秒 +40",)),
        ([a_finding(GAP, 30, 0)], 5, ("监考中断 30秒 +5",)),
        (
            [a_finding(ABSENT, 60), a_finding(OTHER, 20), a_finding(ABSENT, 30, 4)],
            60,
            ("疑似他人 20秒，共3张 +46", "离开画面2次 1分30秒，共7张 +14"),
        ),
        ([a_finding(kind, 9999) for kind in (OTHER, LOOPED)], 100, None),
    ],
)
def test_the_risk_explains_itself(found: list[Finding], score: int, reasons: tuple[str, ...] | None) -> None:
    told = risk(found, HOUR)
    assert told.score == score
    assert reasons is None or told.reasons == reasons


def test_another_face_for_a_moment_outweighs_a_camera_that_was_never_there() -> None:
    assert risk([a_finding(OTHER, 2)], HOUR).score > risk([a_finding(GAP, 3600, 0)], HOUR).score


def test_a_length_is_told_as_people_say_it() -> None:
    assert [length_text(timedelta(seconds=seconds)) for seconds in (0, 59, 60, 305)] == [
        "0秒", "59秒", "1分00秒", "5分05秒",
    ]  # fmt: skip
