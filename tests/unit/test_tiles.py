"""The wall's rules: which sitting comes first, what a tile says, how often it may change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from exam_service.cycles.policy import Subject
from exam_service.invigilation.model import Standing
from exam_service.invigilation.tiles import Level, Pace, Sitting, Tile, WallTab, in_order, narrowed
from exam_service.proctor.identification import IdentityState
from exam_service.proctor.judgement import Finding, FindingKind
from tests.world import START

ME = UUID(int=99)
NOW = START


def tile(
    number: int,
    *,
    score: int = 0,
    found: timedelta | None = None,
    picture: timedelta | None = timedelta(seconds=5),
    **sitting: object,
) -> Tile:
    """A calm sitting, but for what is said; ``found``: how long ago somebody else's face was seen last."""
    calm = Sitting(
        attempt_id=UUID(int=number),
        cycle_id=UUID(int=1),
        subject=Subject.HUMANITIES,
        ordinal=1,
        watched=False,
        name="医师",
        institution="医院",
        standing=Standing.ANSWERING,
        deadline=NOW + timedelta(minutes=30),
        last_seen=NOW,
        total=50,
        answered=3,
        has_request=False,
        awaits_second=False,
        identity=None,
        duty_id=None,
        duty=None,
        notice_at=None,
        notice_read_at=None,
    )
    findings: tuple[Finding, ...] = ()
    if found is not None:
        seen: datetime = NOW - found
        findings = (Finding(FindingKind.ANOTHER_FACE, seen - timedelta(seconds=30), seen, 4, ()),)
    at = None if picture is None else NOW - picture
    return Tile(replace(calm, **sitting), at, None, findings, score, ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "level"),
    [
        (tile(1), Level.CALM),
        (tile(1, picture=None, watched=True), Level.CALM),
        (tile(1, score=32, found=timedelta(seconds=10)), Level.ACT),
        (tile(1, score=32, found=timedelta(minutes=10)), Level.LOOK),
        (tile(1, score=12, found=timedelta(minutes=10)), Level.CALM),
        (tile(1, picture=timedelta(minutes=1)), Level.LOOK),
        (tile(1, picture=None), Level.LOOK),
        (tile(1, picture=timedelta(minutes=1), standing=Standing.CHECKING), Level.CALM),
        (tile(1, standing=Standing.OFFLINE), Level.LOOK),
        (tile(1, has_request=True), Level.ACT),
        (tile(1, awaits_second=True), Level.ACT),
        (tile(1, identity=IdentityState.WAITING, standing=Standing.CHECKING), Level.ACT),
        (tile(1, identity=IdentityState.REFUSED), Level.ACT),
        (tile(1, identity=IdentityState.REFUSED, standing=Standing.CHECKING), Level.LOOK),
    ],
)
def test_how_much_a_sitting_asks_for_a_person(seen: Tile, level: Level) -> None:
    assert seen.level(NOW) is level


def test_the_worst_comes_first_and_small_differences_move_nothing() -> None:
    tiles = [tile(1, score=11), tile(2, score=19), tile(3, has_request=True), tile(4, score=35)]
    assert [each.sitting.attempt_id.int for each in in_order(tiles, NOW)] == [3, 4, 1, 2]


def test_a_tab_has_what_waits_for_staff_or_for_me() -> None:
    tiles = [tile(1), tile(2, has_request=True), tile(3, duty_id=ME)]

    def found(tab: WallTab) -> list[int]:
        return [each.sitting.attempt_id.int for each in narrowed(tiles, tab, ME, NOW)]

    assert (found(WallTab.ALL), found(WallTab.ATTENTION), found(WallTab.MINE)) == ([1, 2, 3], [2], [3])


def test_a_finding_that_is_over_says_how_long_ago() -> None:
    assert tile(1, found=timedelta(seconds=10)).finding_texts(NOW) == ["疑似他人"]
    assert tile(1, found=timedelta(minutes=3)).finding_texts(NOW) == ["疑似他人，3分钟前"]


def test_the_worst_findings_are_named_first_and_what_is_left_out_is_counted() -> None:
    def seen(kind: FindingKind, minutes: int) -> Finding:
        at = NOW - timedelta(minutes=minutes)
        return Finding(kind, at - timedelta(seconds=30), at, 4, ())

    past = (
        seen(FindingKind.ANOTHER_FACE, 9),
        seen(FindingKind.UNSURE_TOO_LONG, 3),
        seen(FindingKind.ABSENT, 2),
    )
    assert replace(tile(1), findings=past).finding_texts(NOW) == [
        "疑似他人，9分钟前",
        "离开画面，2分钟前",
        "另1项",
    ]
    going = (*past, seen(FindingKind.UNSURE_TOO_LONG, 0))
    assert replace(tile(1), findings=going).finding_texts(NOW) == [
        "长时间无法确认",
        "疑似他人，9分钟前",
        "另2项",
    ]


def test_a_tile_is_told_of_once_a_second_at_most_and_no_news_is_lost() -> None:
    pace, one, other = Pace(1.0), UUID(int=1), UUID(int=2)
    for _ in range(5):
        pace.note(one)
    assert pace.due(0.0) == {one}
    pace.note(one)
    pace.note(other)
    assert pace.due(0.5) == {other}
    assert pace.due(0.9) == set()
    assert pace.due(1.0) == {one}
    assert pace.due(2.5) == set()
