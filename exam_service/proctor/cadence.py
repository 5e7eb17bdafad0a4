"""How often frames of a paper are wanted: the policy's interval, closer after a doubt. Pure."""

from __future__ import annotations

from exam_service.proctor.model import Verdict

ENOUGH_MATCHES = 3
DOUBT_SECONDS = 120.0


class Cadence:
    """The interval of one stream; ``now`` is in seconds of whatever clock.

    A doubt is any frame that isn't plainly the physician. It ends with ``ENOUGH_MATCHES`` in a row, or after
    ``DOUBT_SECONDS``: who can't be recognised at all isn't photographed the whole paper long.
    """

    def __init__(self, regular_ms: int, doubt_ms: int) -> None:
        self._regular_ms = regular_ms
        self._doubt_ms = doubt_ms
        self._matches = ENOUGH_MATCHES
        self._doubted_at: float | None = None

    def see(self, verdict: Verdict, now: float) -> None:
        """A verdict came."""
        if verdict is not Verdict.MATCH:
            if self._doubted_at is None:
                self._doubted_at = now
            self._matches = 0
            return
        self._matches += 1
        if self._matches >= ENOUGH_MATCHES:
            self._doubted_at = None

    def interval_ms(self, now: float) -> int:
        """From one frame to the next."""
        in_doubt = self._doubted_at is not None and now - self._doubted_at < DOUBT_SECONDS
        return self._doubt_ms if in_doubt else self._regular_ms
