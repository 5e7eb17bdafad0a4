"""Finding out who sits there, over several tries, and then by a person: states, limits and words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from exam_service.proctor.liveness import Ask, Challenge, Spent
from exam_service.proctor.model import HINTS, NOTHING_TO_COMPARE, POOR_PICTURES, Check, Purpose, Verdict

TRIES = 5
"""Counted by the server; afterwards a person decides."""
RECHECK_LASTS = timedelta(minutes=2)
"""A recheck during a paper that isn't done by then is for a person to look at."""
REHEARSAL_HOLDS = timedelta(days=7)
"""How long a passed rehearsal can be shown: cameras and systems change."""


class IdentityState(StrEnum):
    """``open``: frames advance it. ``waiting``: the tries are used up, a person decides. ``passed``: by
    frames. ``accepted``, ``refused``: by a person. ``expired``: nobody needs it any more.
    """

    OPEN = "open"
    WAITING = "waiting"
    PASSED = "passed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    EXPIRED = "expired"


UNDECIDED = frozenset({IdentityState.OPEN, IdentityState.WAITING})
BEHIND = frozenset({IdentityState.PASSED, IdentityState.ACCEPTED, IdentityState.EXPIRED})
"""After these the next connection begins anew; after a refusal only staff can give more tries."""


@dataclass(frozen=True, repr=False)
class IdentityCheck:
    """A row of ``identity_check``.

    Attributes:
        attempt_id: ``None`` for a rehearsal.
        device_hash: Of the browser that its frames come from: an accepted face opens the paper there. It
            stays while a person decides, who is shown the face at that browser.
        device: What kind of device and browser it is, in words.
        tries: How many were spent since it was opened or more were given.
        challenge: The try that is under way, or the last one.
        front_embedding: The face of the try's first front, sealed for the row; ``front_model`` made it.
        compared: Whether there was a face to compare with; a rehearsal goes on without one.
        asked_by: Who of the body asked for it, during a paper.
    """

    id: UUID
    province_id: str
    registration_id: UUID
    attempt_id: UUID | None
    purpose: Purpose
    state: IdentityState
    device_hash: bytes | None
    device: str
    opened_at: datetime
    tries: int
    challenge: Challenge
    last_spent: Spent | None = None
    front_embedding: bytes | None = None
    front_model: str | None = None
    compared: bool = True
    passed_at: datetime | None = None
    asked_by: UUID | None = None
    asked_reason: str = ""
    decided_by: UUID | None = None
    decided_at: datetime | None = None
    decision_reason: str = ""

    @property
    def tries_left(self) -> int:
        return max(0, TRIES - self.tries)

    @property
    def ask(self) -> Ask | None:
        """Where to look now; ``None`` unless frames advance it."""
        return self.challenge.ask if self.state is IdentityState.OPEN else None


@dataclass(frozen=True)
class WaitingCheck:
    """An identity check that waits for a person, with what the list of the body's staff shows of it."""

    id: UUID
    attempt_id: UUID
    purpose: Purpose
    name: str
    institution: str
    opened_at: datetime
    tries: int
    last_spent: Spent | None
    asked_reason: str
    has_photo: bool


@dataclass(frozen=True)
class UnsettledCheck:
    """An identity check of a sitting that waits for a person, or whose physician a person refused.

    Attributes:
        decided_by: The name of who refused it; ``None`` while it waits.
    """

    id: UUID
    purpose: Purpose
    state: IdentityState
    opened_at: datetime
    tries: int
    last_spent: Spent | None
    asked_reason: str
    decided_by: str | None
    decided_at: datetime | None
    decision_reason: str


PURPOSE_LABELS: Mapping[Purpose, str] = {
    Purpose.CHECK: "开考前核验",
    Purpose.TAKEOVER: "换设备核验",
    Purpose.PAPER: "答题中核验",
    Purpose.REHEARSAL: "设备自检",
}
SPENT_WORDS: Mapping[Spent, str] = {
    Spent.ANOTHER_FACE: "没有核对上，请摘下口罩、帽子和眼镜，正对屏幕再试一次",
    Spent.UNSURE: "一直看不清，请让光从前面照在脸上再试一次",
    Spent.WRONG_TURNS: "转头的方向不对，请看箭头再试一次",
    Spent.TOO_SLOW: "超过了时间，请跟着提示再试一次",
    Spent.ANOTHER_DEVICE: "您换了设备，请在本机从头再试一次",
}
SPENT_LABELS: Mapping[Spent, str] = {
    Spent.ANOTHER_FACE: "与照片不符",
    Spent.UNSURE: "看不清",
    Spent.WRONG_TURNS: "转头方向不对",
    Spent.TOO_SLOW: "超过时间",
    Spent.ANOTHER_DEVICE: "中途换了设备",
}
_ASK_WORDS: Mapping[Ask, str] = {
    Ask.FRONT: "请正对屏幕",
    Ask.LEFT: "请慢慢向左转头",
    Ask.RIGHT: "请慢慢向右转头",
}
_BEFORE_A_PAPER: Mapping[Verdict, str] = {
    Verdict.MATCH: "已看清您的脸",
    Verdict.SEVERAL_FACES: "画面中不止一个人，请让其他人离开画面",
}
_BACK_WORDS = "很好，请转回来，正对屏幕"
_WRONG_WAY = "方向反了，请向另一侧转"
_WAITING = "已转人工核验，工作人员会尽快处理，请不要关闭本页"
_REFUSED = "工作人员没有通过这次核验，请联系考核机构：核实后可以再给您核验机会"
_PASSED = "身份核验通过"

_NO_ANSWER_TO_A_TURN = (POOR_PICTURES - {Verdict.TURNED_AWAY}) | {
    Verdict.NO_FACE,
    Verdict.SEVERAL_FACES,
    Verdict.REPLAYED,
    Verdict.UNUSABLE,
}


@dataclass(frozen=True)
class Judged:
    """A verdict, the identity check that it advanced, and whether the physician may go on by now."""

    check: Check
    identity: IdentityCheck | None
    admitted: bool


def message_of(judged: Judged) -> dict[str, Any]:
    """The message of the stream that tells a page of a verdict; its fields are in docs/architecture.md."""
    check = judged.check
    return {
        "type": "verdict",
        "seq": check.seq,
        "verdict": check.verdict.value,
        "hint": _hint(judged),
        "admitted": judged.admitted and check.purpose is not Purpose.PAPER,
        **status_of(judged.identity),
    }


def status_of(identity: IdentityCheck | None) -> dict[str, Any]:
    """How an identity check stands, as its page is told."""
    if identity is None:
        return {
            "state": None,
            "ask": None,
            "ask_hint": "",
            "again": "",
            "done": 0,
            "tries_left": None,
            "reason": "",
        }
    again = ""
    if identity.state is IdentityState.OPEN and identity.last_spent and identity.challenge.done == 0:
        again = SPENT_WORDS[identity.last_spent]
    return {
        "state": identity.state.value,
        "ask": identity.ask,
        "ask_hint": ask_words(identity),
        "again": again,
        "done": identity.challenge.done,
        "tries_left": identity.tries_left,
        "reason": identity.decision_reason if identity.state is IdentityState.REFUSED else "",
    }


def ask_words(identity: IdentityCheck) -> str:
    """What the physician should do now, whatever the last frame showed."""
    match identity.state:
        case IdentityState.WAITING:
            return _WAITING
        case IdentityState.REFUSED:
            return _REFUSED
        case IdentityState.PASSED | IdentityState.ACCEPTED:
            return _PASSED
        case IdentityState.EXPIRED:
            return ""
    challenge = identity.challenge
    if challenge.ask is None:
        return ""
    if challenge.is_wrong_way:
        return _WRONG_WAY
    if challenge.ask is Ask.FRONT and challenge.done:
        return _BACK_WORDS
    return _ASK_WORDS[challenge.ask]


def _hint(judged: Judged) -> str:
    """Of a check the next thing to do; beside a running paper what the frame showed, as ever."""
    check, identity = judged.check, judged.identity
    if check.purpose is Purpose.PAPER or identity is None:
        return _verdict_words(check)
    if identity.state is not IdentityState.OPEN:
        return ask_words(identity)
    if check.verdict in _NO_ANSWER_TO_A_TURN:
        return _verdict_words(check)
    if identity.challenge.done == 0 and check.verdict is not Verdict.MATCH:
        return _verdict_words(check)
    return ask_words(identity)


def _verdict_words(check: Check) -> str:
    if check.verdict is Verdict.UNSURE and check.distance is None:
        return NOTHING_TO_COMPARE
    if check.purpose is not Purpose.PAPER:
        return _BEFORE_A_PAPER.get(check.verdict, HINTS[check.verdict])
    return HINTS[check.verdict]
