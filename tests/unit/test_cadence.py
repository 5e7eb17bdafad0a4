"""How often frames are wanted, and how many a worker takes at once."""

from __future__ import annotations

import pytest

from exam_service.proctor.cadence import DOUBT_SECONDS, Cadence
from exam_service.proctor.model import Verdict

OF_LETTERS = {"m": Verdict.MATCH, "u": Verdict.UNSURE, "n": Verdict.NO_FACE, "d": Verdict.DARK}


@pytest.mark.parametrize(
    ("seen", "interval"),
    [("", 10), ("mmm", 10), ("u", 4), ("mmn", 4), ("dmm", 4), ("dmmm", 10), ("dmmdmm", 4), ("nmmmd", 4)],
)
def test_a_doubt_lasts_until_three_frames_in_a_row_match(seen: str, interval: int) -> None:
    cadence = Cadence(10_000, 4_000)
    for letter in seen:
        cadence.see(OF_LETTERS[letter], 0.0)
    assert cadence.interval_ms(1.0) == interval * 1000


def test_who_is_never_recognised_is_not_photographed_more_often_for_the_whole_paper() -> None:
    cadence = Cadence(10_000, 4_000)
    for second in range(0, 200, 4):
        cadence.see(Verdict.UNSURE, second)
    assert cadence.interval_ms(DOUBT_SECONDS - 1) == 4_000
    assert cadence.interval_ms(DOUBT_SECONDS + 1) == 10_000
