"""Which frames are kept as evidence, and why. Pure.

Of a paper a few frames at random, and everything around a doubt; of checks, takeovers and rehearsals all.
What looks like a picture that is kept already isn't kept again, and an attempt can't flood the store.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from uuid import UUID

from exam_service.proctor.model import Check, KeptFor, Purpose, Verdict

LOOK_BACK = 30
"""How many verdicts before it a decision knows of."""
BEFORE = 3
"""Frames just before a doubt that are kept with it; they wait in Redis."""
AFTER = 3
"""Frames just after a doubt that are kept."""
ALIKE_BITS = 4
"""Looks that differ in up to so many of their 64 bits are of the same picture."""
ALIKE_FOR = timedelta(minutes=5)
"""So long a kept match stands for those that look like it."""
EVERY_NTH_DOUBT = 6
"""Of a doubt that repeats the same picture: the first, each n-th, and the last."""
MOST = 600
"""Pictures of one attempt's paper; beyond them only some doubts are kept, and the rest is counted."""
EVERY_NTH_BEYOND = 10


@dataclass(frozen=True)
class Keeping:
    """What becomes of a frame.

    Attributes:
        reason: Why it is kept; ``None``: it isn't. ``over_limit``: it would have been, and is only counted.
        before: How many of the frames just before it are kept now, too, if they weren't.
    """

    reason: KeptFor | None = None
    before: int = 0

    @property
    def is_kept(self) -> bool:
        return self.reason is not None and self.reason is not KeptFor.OVER_LIMIT


def is_passed_over(frame_id: UUID, check: Check, latest: Iterable[Verdict], *, sample_every: int) -> bool:
    """Whether :func:`keeping` keeps nothing for a frame of a paper, whatever else came before.

    So it is with most, and it can be said without knowing what they looked like.

    Args:
        latest: The newest :data:`AFTER` verdicts before it.
    """
    plain = all(verdict is Verdict.MATCH for verdict in (check.verdict, *latest))
    return plain and not is_sampled(frame_id, sample_every)


def keeping(
    frame_id: UUID, check: Check, previous: Sequence[Check], *, kept: int, sample_every: int
) -> Keeping:
    """What becomes of the frame that ``check`` judges.

    Args:
        frame_id: Made by the server, so nobody can foresee whether it will be a sample.
        previous: Verdicts on the same attempt's paper before it, the oldest first, :data:`LOOK_BACK` at most.
        kept: Pictures of the attempt's paper kept so far.
        sample_every: Of frames that plainly match, one in so many is kept.
    """
    if check.verdict is Verdict.UNUSABLE:  # there is no picture
        return Keeping()
    if check.purpose is not Purpose.PAPER:  # few, and each decides something
        return Keeping(KeptFor.CHECK)
    doubtful = is_doubt(check)
    if kept >= MOST:
        if not doubtful:
            return Keeping()
        return Keeping(KeptFor.DOUBT if is_sampled(frame_id, EVERY_NTH_BEYOND) else KeptFor.OVER_LIMIT)
    if doubtful:
        return _of_doubt(check, previous)
    # The end of a doubt that was thinned: its last picture is kept after all.
    before = 1 if previous and is_doubt(previous[-1]) and previous[-1].evidence_id is None else 0
    if _is_duplicate(check, previous):
        return Keeping(before=before)
    if any(is_doubt(earlier) for earlier in previous[-AFTER:]):
        return Keeping(KeptFor.AROUND, before)
    return Keeping(KeptFor.SAMPLE if is_sampled(frame_id, sample_every) else None, before)


def _of_doubt(check: Check, previous: Sequence[Check]) -> Keeping:
    same = list(takewhile(lambda earlier: _repeats(check, earlier), reversed(previous)))
    if any(earlier.evidence_id is not None for earlier in same[: EVERY_NTH_DOUBT - 1]):
        return Keeping()
    if not previous or not is_doubt(previous[-1]):
        return Keeping(KeptFor.DOUBT, BEFORE)
    # Another doubt follows on one that was thinned: the last picture of that one is kept after all.
    return Keeping(KeptFor.DOUBT, 1 if not same and previous[-1].evidence_id is None else 0)


def is_doubt(check: Check) -> bool:
    """Whatever isn't plainly the physician alone."""
    return check.verdict is not Verdict.MATCH


def is_sampled(frame_id: UUID, every: int) -> bool:
    """One in ``every`` frames, at random and yet the same ones whenever it is asked."""
    return int.from_bytes(hashlib.sha256(frame_id.bytes).digest()[:8]) % every == 0


def look_alike(one: int | None, other: int | None) -> bool:
    """Whether two perceptual hashes (64 bits, signed) are of nearly the same picture."""
    if one is None or other is None:
        return False
    return ((one ^ other) & (2**64 - 1)).bit_count() <= ALIKE_BITS


def _repeats(check: Check, earlier: Check) -> bool:
    return earlier.verdict is check.verdict and look_alike(check.look, earlier.look)


def _is_duplicate(check: Check, previous: Sequence[Check]) -> bool:
    return any(
        earlier.evidence_id is not None
        and not is_doubt(earlier)
        and look_alike(check.look, earlier.look)
        and check.received_at - earlier.received_at < ALIKE_FOR
        for earlier in previous
    )
