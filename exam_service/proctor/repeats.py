"""Looks that stand still or come again: a camera that shows what it showed before. Pure.

A look is a 64-bit perceptual hash of a frame; looks that differ in few bits show the same picture. Who sits
still has looks *near* each other again and again, so nearness alone proves nothing: standing still is told
by looks that are *equal* for minutes, which the noise of a live sensor hardly allows, and a loop by a varied
run of looks that comes again in the same order, which a living person doesn't do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from operator import itemgetter

STILL_FRAMES = 30
STILL_FOR = timedelta(minutes=4)
"""So many equal looks in a row, over so long: also where frames come faster than the cadence. Portraits whose
head was moved by 3 mm at a time had the same look up to 16 times, on a flat wall 34 times (decision 0015)."""
LOOP_RUN = 12
"""Frames of a run that came before. Of portraits moved at random for 400 frames, one of twenty had a run of 8
that recurred by chance."""
LOOP_LOOKS = 4
"""Different looks in such a run: who turns between the screen and the window has two or three."""
NEAR_BITS = 2
"""What encoding the same picture twice changes."""

_BANDS = ((0, 0x3FFFFF), (22, 0x1FFFFF), (43, 0x1FFFFF))
"""Shift and mask of three parts of a look: of two that differ in two bits, one part at least is equal."""
_REMEMBERED = 16
"""Poses looked at in each part's pigeonhole, the newest: what bounds the work for every frame."""
_BITS = (1 << 64) - 1


def still_runs(looks: Sequence[int]) -> list[range]:
    """Runs of :data:`STILL_FRAMES` equal looks or more, as indices."""
    runs = []
    for _, group in groupby(enumerate(looks), key=itemgetter(1)):
        places = [place for place, _ in group]
        if len(places) >= STILL_FRAMES:
            runs.append(range(places[0], places[-1] + 1))
    return runs


def recurring_runs(looks: Sequence[int]) -> list[tuple[range, frozenset[int]]]:
    """Runs that came before in the same order: the indices of each, and of what it repeats.

    Every run of :data:`LOOP_RUN` poses is looked up among the earlier ones once, so the work grows with the
    number of frames and not with its square.
    """
    poses = _poses(looks)
    seen: dict[tuple[int, ...], int] = {}
    found: list[tuple[range, frozenset[int]]] = []
    for begin in range(len(poses) - LOOP_RUN + 1):
        run = tuple(poses[begin : begin + LOOP_RUN])
        if len(set(run)) < LOOP_LOOKS:
            continue
        earlier = seen.get(run)
        seen[run] = begin
        if earlier is None:
            continue
        repeats = range(begin, begin + LOOP_RUN)
        originals = frozenset(range(earlier, earlier + LOOP_RUN))
        if found and begin <= found[-1][0].stop:
            before, its = found.pop()
            repeats, originals = range(before.start, repeats.stop), its | originals
        found.append((repeats, originals))
    return found


def _poses(looks: Sequence[int]) -> list[int]:
    """A number for each look: that of the first look which it is near to, or one of its own."""
    pigeonholes: dict[tuple[int, int], deque[int]] = {}
    poses: list[int] = []
    for place, look in enumerate(looks):
        keys = [(shift, (look >> shift) & mask) for shift, mask in _BANDS]
        candidates = (pose for key in keys for pose in pigeonholes.get(key, ()))
        pose = next((pose for pose in candidates if _are_near(look, looks[pose])), place)
        if pose == place:
            for key in keys:
                pigeonholes.setdefault(key, deque(maxlen=_REMEMBERED)).append(place)
        poses.append(pose)
    return poses


def _are_near(look: int, other: int) -> bool:
    return ((look ^ other) & _BITS).bit_count() <= NEAR_BITS
