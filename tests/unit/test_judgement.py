"""From frames to findings. One symbol a frame, ten seconds apart:

``.`` match, ``?`` unsure, ``x`` mismatch, ``0`` nobody, ``2`` several faces, ``#`` unusable.
"""

from random import Random

import pytest

from exam_service.proctor.judgement import FINDING_LABELS, NEEDED, OF_LAST, FindingKind, findings
from exam_service.proctor.model import Purpose, Verdict
from tests.factories import a_check, an_id, at, checks

ABSENT, SEVERAL = FindingKind.ABSENT, FindingKind.SEVERAL_FACES
OTHER, UNSURE = FindingKind.ANOTHER_FACE, FindingKind.UNSURE_TOO_LONG
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
        "########",
        "x#.#x",
    ],
)
def test_fewer_than_three_of_five_frames_are_no_finding(picture: str) -> None:
    assert told(picture) == []


@pytest.mark.parametrize(
    ("picture", "finding"),
    [
        ("xxx", (OTHER, 0, 2, 3)),
        ("000", (ABSENT, 0, 2, 3)),
        ("222", (SEVERAL, 0, 2, 3)),
        ("???", (UNSURE, 0, 2, 3)),
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


def test_a_finding_needs_more_than_half_of_the_frames_looked_at() -> None:
    assert 1 < NEEDED <= OF_LAST < 2 * NEEDED


def test_every_kind_has_a_chinese_name() -> None:
    assert set(FINDING_LABELS) == set(FindingKind)
