"""Turn your head: what passes a try, what spends it, and what does neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from exam_service.proctor.liveness import PLAIN, TURNS, Ask, Challenge, Pose, Spent, advance
from exam_service.proctor.model import Verdict

BEGAN = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)
LEFT_FIRST, RIGHT_FIRST = TURNS

# What a frame shows, in the tables below.
FRONT = (Verdict.MATCH, 0.02, True)
LEFT = (Verdict.TURNED_AWAY, 0.65, True)
RIGHT = (Verdict.TURNED_AWAY, -0.6, True)
ASIDE = (Verdict.MATCH, 0.3, True)
HALF_LEFT = (Verdict.UNSURE, 0.25, True)
UNSURE = (Verdict.UNSURE, 0.0, True)
OTHER = (Verdict.MISMATCH, 0.0, False)
OTHER_LEFT = (Verdict.TURNED_AWAY, 0.6, False)
FACELESS_LEFT = (Verdict.TURNED_AWAY, 0.6, None)
NOBODY = (Verdict.NO_FACE, None, None)
TWO = (Verdict.SEVERAL_FACES, 0.6, True)
REPLAYED = (Verdict.REPLAYED, 0.6, True)
NO_YAW = (Verdict.MATCH, None, True)

Shown = tuple[Verdict, float | None, bool | None]


def tried(*shown: Shown, asks: tuple[Ask, ...] = LEFT_FIRST, every: float = 1.0) -> Challenge:
    """A try that saw these frames, one each second."""
    challenge = Challenge(asks)
    for index, (verdict, yaw, same) in enumerate(shown):
        challenge = advance(challenge, Pose(BEGAN + timedelta(seconds=index * every), verdict, yaw, same))
    return challenge


@pytest.mark.parametrize(
    ("shown", "asks"),
    [
        ((FRONT, LEFT, RIGHT, FRONT), LEFT_FIRST),
        ((FRONT, RIGHT, LEFT, FRONT), RIGHT_FIRST),
        ((NOBODY, FRONT, FRONT, HALF_LEFT, LEFT, LEFT, FRONT, RIGHT, FRONT), LEFT_FIRST),
        ((FRONT, RIGHT, LEFT, FRONT, RIGHT, FRONT), LEFT_FIRST),
        ((OTHER, FRONT, LEFT, RIGHT, FRONT), LEFT_FIRST),
        ((FRONT, (Verdict.UNSURE, 0.5, True), RIGHT, FRONT), LEFT_FIRST),
        ((ASIDE, LEFT, (Verdict.MATCH, 0.0, True), ASIDE), LEFT_FIRST),
        ((NO_YAW,), PLAIN),
        ((UNSURE, OTHER, FRONT), PLAIN),
    ],
    ids=[
        "left and right",
        "right and left",
        "slowly and with pauses",
        "a wrong turn first",
        "one bad picture",
        "unsure while turned",
        "a camera that stands aside",
        "no turns",
        "no turns, late",
    ],
)
def test_what_passes(shown: tuple[Shown, ...], asks: tuple[Ask, ...]) -> None:
    challenge = tried(*shown, asks=asks)
    assert challenge.is_passed
    assert challenge.ask is None
    assert challenge.spent is None


@pytest.mark.parametrize(
    ("shown", "ask"),
    [
        ((), Ask.FRONT),
        ((LEFT,), Ask.FRONT),
        ((NO_YAW,) * 5, Ask.FRONT),
        ((FRONT,) * 5, Ask.LEFT),
        ((FRONT, HALF_LEFT), Ask.LEFT),
        ((FRONT, FACELESS_LEFT), Ask.LEFT),
        ((FRONT, OTHER_LEFT), Ask.LEFT),
        ((FRONT, TWO, REPLAYED, NOBODY), Ask.LEFT),
        ((FRONT, RIGHT), Ask.LEFT),
        ((FRONT, LEFT, LEFT), Ask.RIGHT),
        ((FRONT, LEFT, RIGHT, UNSURE), Ask.FRONT),
    ],
    ids=[
        "nothing",
        "turned at once",
        "a verifier that knows no yaw",
        "a photograph",
        "not far enough",
        "nothing to compare",
        "another face",
        "no single face, or not of now",
        "the wrong side",
        "the same side again",
        "unsure at the end",
    ],
)
def test_what_is_still_asked(shown: tuple[Shown, ...], ask: Ask) -> None:
    challenge = tried(*shown)
    assert challenge.ask is ask
    assert not challenge.is_over


@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ((OTHER,) * 6, Spent.ANOTHER_FACE),
        ((FRONT, *(OTHER_LEFT,) * 5), Spent.ANOTHER_FACE),
        ((FRONT, FRONT, FRONT, FRONT, OTHER, FRONT, OTHER), Spent.ANOTHER_FACE),
        ((OTHER, FACELESS_LEFT, FACELESS_LEFT) * 6, Spent.ANOTHER_FACE),
        ((UNSURE,) * 17, Spent.UNSURE),
        ((UNSURE, *(NOBODY,) * 15, UNSURE), Spent.UNSURE),
        ((FRONT, *(RIGHT, FRONT) * 4), Spent.WRONG_TURNS),
        ((*(FRONT,) * 62,), Spent.TOO_SLOW),
        ((FRONT, *(NOBODY,) * 61), Spent.TOO_SLOW),
    ],
    ids=[
        "somebody else",
        "somebody else turns",
        "two of three",
        "somebody else between turned faces",
        "never clear",
        "never clear, with pauses",
        "a fourth wrong turn",
        "a photograph",
        "gone away",
    ],
)
def test_what_spends_a_try(shown: tuple[Shown, ...], why: Spent) -> None:
    challenge = tried(*shown)
    assert challenge.spent is why
    assert challenge.ask is None


def test_the_first_seconds_spend_nothing() -> None:
    assert not tried(OTHER, OTHER, OTHER, OTHER).is_over


def test_a_wrong_turn_is_said_and_counts_once_however_long_it_is_held() -> None:
    held = tried(FRONT, RIGHT, RIGHT, RIGHT)
    assert (held.wrong_turns, held.is_wrong_way) == (1, True)
    assert not tried(FRONT, RIGHT, FRONT).is_wrong_way


def test_a_frame_that_comes_out_of_order_does_nothing() -> None:
    challenge = tried(FRONT, every=5)
    earlier = Pose(BEGAN - timedelta(seconds=1), *LEFT)
    assert advance(challenge, earlier) == challenge


def test_what_is_stored_is_what_it_was() -> None:
    every_kind = (OTHER, FRONT, RIGHT, UNSURE, LEFT, RIGHT, UNSURE, FRONT)
    for end, _ in enumerate(pairwise(every_kind)):
        challenge = tried(*every_kind[:end])
        assert Challenge.from_json(challenge.to_json()) == challenge
