"""What differs from one physician to the next, and from one moment to the next."""

from __future__ import annotations

import random

CHANCE = random.SystemRandom()
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 15.0


def jittered(seconds: float, share: float) -> float:
    """``seconds``, give or take up to ``share`` of them."""
    return seconds * CHANCE.uniform(1 - share, 1 + share)


def pause_after(failures: int) -> float:
    """Seconds to rest before trying again, as ``retry.js`` does: growing, and spread out."""
    ceiling = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
    return ceiling * CHANCE.uniform(0.5, 1)


def comes_back(index: int, share: float) -> bool:
    """Whether physician ``index`` (from 0) is of the ``share`` that leaves in the middle and returns.

    Of the first n physicians it is always ``share`` of n, rounded down, so that small runs have some as well.
    """
    return int((index + 1) * share) > int(index * share)
