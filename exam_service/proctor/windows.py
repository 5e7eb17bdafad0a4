"""N of M: when enough of the last few frames say the same. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Rule:
    """``needed`` of ``of_last`` frames in a row, ``at_least`` so long from the first to the last of them."""

    needed: int
    of_last: int
    at_least: timedelta = timedelta(0)


def spells(places: Sequence[int], needed: int, of_last: int) -> list[range]:
    """Where ``needed`` of ``of_last`` places in a row are hits; spells that share a hit are one.

    Args:
        places: Where the hits are in their series, ascending.

    Returns:
        Each spell as a range of indices into ``places``: a spell has all the hits between its ends.
    """
    found: list[range] = []
    for last in range(needed - 1, len(places)):
        first = last - needed + 1
        if places[last] - places[first] >= of_last:
            continue
        if found and first < found[-1].stop:
            found[-1] = range(found[-1].start, last + 1)
        else:
            found.append(range(first, last + 1))
    return found
