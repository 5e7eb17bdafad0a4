"""What is counted while the physicians are at it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

_MESSAGES_SHOWN = 10


@dataclass
class Tally:
    """The counters of one run; latencies in milliseconds.

    Attributes:
        say: Takes the first few errors, one line each.
        refused: Frames that the service refused.
        held_back: Frames that were due while the socket was still busy with the one before.
        retries: Requests sent again after a passing refusal; no error, but worth seeing.
        returns: How often somebody left in the middle and came back.
        replaced: Accounts that had nothing left to sit, another was taken instead.
        breaks: Streams that broke without having been left.
    """

    say: Callable[[str], None]
    sitting: int = 0
    admitted: int = 0
    handed_in: int = 0
    answers_sent: int = 0
    answers_acked: int = 0
    answers_lost: int = 0
    frames_sent: int = 0
    frames_verified: int = 0
    refused: int = 0
    held_back: int = 0
    retries: int = 0
    returns: int = 0
    replaced: int = 0
    breaks: int = 0
    ack_ms: list[float] = field(default_factory=list)
    verdict_ms: list[float] = field(default_factory=list)
    error_kinds: Counter[str] = field(default_factory=Counter)

    def error(self, doing: str, code: str, message: str) -> None:
        """Something that a physician would have noticed went wrong while ``doing``."""
        self.error_kinds[f"{doing}: {code}"] += 1
        if self.errors <= _MESSAGES_SHOWN:
            self.say(f"error while {doing}: {code}: {message}")

    def lost(self, attempt: str, items: list[str]) -> None:
        """These items' answers were acknowledged and are not found again."""
        for item in items:
            self.answers_lost += 1
            if self.answers_lost <= _MESSAGES_SHOWN:
                self.say(f"lost: attempt {attempt}, item {item}")

    @property
    def errors(self) -> int:
        return self.error_kinds.total()

    @property
    def frames_dropped(self) -> int:
        return self.refused + self.held_back

    def acknowledged_after(self, seconds: float) -> None:
        """An answer is stored; ``seconds`` from its first sending, retries and their pauses included."""
        self.answers_acked += 1
        self.ack_ms.append(seconds * 1000)

    def verdict_after(self, seconds: float) -> None:
        self.frames_verified += 1
        self.verdict_ms.append(seconds * 1000)
