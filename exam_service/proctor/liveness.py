"""Turn your head: whether somebody alive sits there, as far as a camera can tell. Pure.

A try asks for the front, both sides in random order, and the front again, of one and the same person. What
that stops and what it doesn't is in docs/decisions/0017-a-turn-of-the-head.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from exam_service.proctor.model import Verdict

STRAIGHT = 0.45
"""Up to this yaw (about 20°) a head may be when it looks at the screen: cameras stand aside, faces differ."""
TURNED = 0.3
"""So much further than at the try's first front a head is turned."""
FRONT = 0.2
"""So near to the first front it is back."""
TRY_LASTS = timedelta(seconds=60)
"""From the first front on: nobody needs longer for two turns, and a forger gets no longer."""
SETTLING = timedelta(seconds=5)
"""A try isn't spent before: the phone is still being put down."""
BREATHER = timedelta(seconds=3)
"""After a spent try, frames that were on their way already begin no new one."""
UNSURE_LASTS = timedelta(seconds=15)
WRONG_TURNS = 3
"""So many are forgiven: a self view is mirrored, and people take left for right."""
WINDOW, STRANGERS = 3, 2
"""Two of the last three faces must be somebody else's: one bad picture is none."""
MOST_STRANGERS = 6
"""So many of a try are too many however they are spread: between turned faces one could try for ever."""


class Ask(StrEnum):
    """Where to look; left and right are the person's own."""

    FRONT = "front"
    LEFT = "left"
    RIGHT = "right"


Asks = tuple[Ask, ...]
PLAIN: Asks = (Ask.FRONT,)
TURNS: tuple[Asks, ...] = (
    (Ask.FRONT, Ask.LEFT, Ask.RIGHT, Ask.FRONT),
    (Ask.FRONT, Ask.RIGHT, Ask.LEFT, Ask.FRONT),
)
"""The orders that a try draws from."""

_OPPOSITE = {Ask.LEFT: Ask.RIGHT, Ask.RIGHT: Ask.LEFT}
_OF_A_TURNED_FACE = frozenset({Verdict.MATCH, Verdict.UNSURE, Verdict.TURNED_AWAY})
_OF_A_FACE = _OF_A_TURNED_FACE | {Verdict.MISMATCH}


class Spent(StrEnum):
    """Why a try ended without passing."""

    ANOTHER_FACE = "another_face"
    UNSURE = "unsure"
    WRONG_TURNS = "wrong_turns"
    TOO_SLOW = "too_slow"
    ANOTHER_DEVICE = "another_device"


@dataclass(frozen=True)
class Pose:
    """What one frame shows.

    Attributes:
        at: When it was received.
        yaw: −1 to 1, positive to the person's own left; ``None`` when the verifier doesn't say.
        same: Whether its face may be that of the try's first front: ``None`` when there is nothing to
            compare, ``False`` from the threshold of a mismatch on. A turned face is never surely the same.
    """

    at: datetime
    verdict: Verdict
    yaw: float | None = None
    same: bool | None = None

    def facing(self, front_yaw: float | None) -> Ask | None:
        """Where the face looks, seen from the first front; ``None`` in between, or where nothing is known."""
        if self.yaw is None or self.verdict not in _OF_A_FACE:
            return None
        if front_yaw is None:
            return Ask.FRONT if abs(self.yaw) <= STRAIGHT else None
        turned = self.yaw - front_yaw
        if abs(turned) <= FRONT:
            return Ask.FRONT
        if abs(turned) < TURNED:
            return None
        return Ask.LEFT if turned > 0 else Ask.RIGHT

    @property
    def is_stranger(self) -> bool:
        return self.verdict is Verdict.MISMATCH or self.same is False


@dataclass(frozen=True)
class Challenge:
    """One try, as far as it has come.

    Attributes:
        asks: What is asked, in order; :data:`PLAIN` asks for one match and no turn.
        done: How many of them were shown.
        first_at: When a face was first seen.
        front_at: When the first front was shown: the minute counts from here, and turns from its yaw.
        last_at: Of the newest frame that counted; an older one that comes later doesn't.
        facing: Where the newest frame with a face looked.
        strangers: Of the last three faces, which were somebody else's; ``strange``: how many of all.
        spent: Why it is over without passing.
    """

    asks: Asks
    done: int = 0
    first_at: datetime | None = None
    front_at: datetime | None = None
    front_yaw: float | None = None
    last_at: datetime | None = None
    unsure_since: datetime | None = None
    facing: Ask | None = None
    wrong_turns: int = 0
    is_wrong_way: bool = False
    strangers: tuple[bool, ...] = field(default=())
    strange: int = 0
    spent: Spent | None = None

    @property
    def is_passed(self) -> bool:
        return self.done == len(self.asks)

    @property
    def is_over(self) -> bool:
        return self.is_passed or self.spent is not None

    @property
    def ask(self) -> Ask | None:
        """What is asked for now; ``None`` when it is over."""
        return None if self.is_over else self.asks[self.done]

    def to_json(self) -> dict[str, Any]:
        return {
            "asks": list(self.asks),
            "done": self.done,
            "first_at": _text(self.first_at),
            "front_at": _text(self.front_at),
            "front_yaw": self.front_yaw,
            "last_at": _text(self.last_at),
            "unsure_since": _text(self.unsure_since),
            "facing": self.facing,
            "wrong_turns": self.wrong_turns,
            "is_wrong_way": self.is_wrong_way,
            "strangers": list(self.strangers),
            "strange": self.strange,
            "spent": self.spent,
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Challenge:
        """What :meth:`to_json` wrote."""
        return cls(
            asks=tuple(Ask(ask) for ask in raw["asks"]),
            done=raw["done"],
            first_at=_time(raw["first_at"]),
            front_at=_time(raw["front_at"]),
            front_yaw=raw["front_yaw"],
            last_at=_time(raw["last_at"]),
            unsure_since=_time(raw["unsure_since"]),
            facing=Ask(raw["facing"]) if raw["facing"] else None,
            wrong_turns=raw["wrong_turns"],
            is_wrong_way=raw["is_wrong_way"],
            strangers=tuple(raw["strangers"]),
            strange=raw.get("strange", 0),
            spent=Spent(raw["spent"]) if raw["spent"] else None,
        )


def advance(challenge: Challenge, pose: Pose) -> Challenge:
    """What a frame does to a try. One that is over stays as it is, and frames out of order do nothing."""
    if challenge.is_over or (challenge.last_at is not None and pose.at < challenge.last_at):
        return challenge
    challenge = replace(challenge, last_at=pose.at)
    if challenge.front_at is not None and pose.at - challenge.front_at > TRY_LASTS:
        return replace(challenge, spent=Spent.TOO_SLOW)
    if pose.verdict not in _OF_A_FACE:
        return challenge
    challenge = _doubted(_turned(challenge, pose), pose)
    if challenge.spent is None and _is_shown(challenge, pose):
        shown = replace(challenge, done=challenge.done + 1, is_wrong_way=False)
        return shown if challenge.done else replace(shown, front_at=pose.at, front_yaw=pose.yaw)
    return challenge


def _turned(challenge: Challenge, pose: Pose) -> Challenge:
    """A turn to the wrong side counts once, however long it is held; the side of the turn before is none."""
    facing = pose.facing(challenge.front_yaw)
    wrong = _OPPOSITE.get(challenge.asks[challenge.done])
    if facing is None or facing is not wrong:
        return replace(challenge, facing=facing, is_wrong_way=False)
    if challenge.facing is wrong:
        return challenge
    turns = challenge.wrong_turns + 1
    return replace(
        challenge,
        facing=facing,
        wrong_turns=turns,
        is_wrong_way=True,
        spent=Spent.WRONG_TURNS if turns > WRONG_TURNS else None,
    )


def _doubted(challenge: Challenge, pose: Pose) -> Challenge:
    """Whether this is somebody else, or nobody can say who: both for long enough to be no accident."""
    first_at = challenge.first_at or pose.at
    strangers = (*challenge.strangers, pose.is_stranger)[-WINDOW:]
    strange = challenge.strange + pose.is_stranger
    is_another = sum(strangers) >= STRANGERS or strange >= MOST_STRANGERS
    unsure_since = challenge.unsure_since
    if pose.verdict is Verdict.MATCH:
        unsure_since = None
    elif pose.verdict is Verdict.UNSURE and challenge.ask is Ask.FRONT:
        unsure_since = unsure_since or pose.at
    spent = challenge.spent
    if spent is None and is_another and pose.at - first_at >= SETTLING:
        spent = Spent.ANOTHER_FACE
    if spent is None and unsure_since is not None and pose.at - unsure_since > UNSURE_LASTS:
        spent = Spent.UNSURE
    return replace(
        challenge,
        first_at=first_at,
        strangers=strangers,
        strange=strange,
        unsure_since=unsure_since,
        spent=spent,
    )


def _is_shown(challenge: Challenge, pose: Pose) -> bool:
    ask = challenge.asks[challenge.done]
    if challenge.asks == PLAIN:
        return pose.verdict is Verdict.MATCH
    if ask is not challenge.facing:
        return False
    if ask is Ask.FRONT:
        return pose.verdict is Verdict.MATCH and pose.same is not False
    return pose.verdict in _OF_A_TURNED_FACE and pose.same is True


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
