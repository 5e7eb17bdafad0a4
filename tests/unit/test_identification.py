"""What a page is told of an identity check: the next thing to do, and never more than is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exam_service.ids import new_id
from exam_service.proctor.identification import (
    TRIES,
    IdentityCheck,
    IdentityState,
    Judged,
    message_of,
    status_of,
)
from exam_service.proctor.liveness import TURNS, Challenge, Spent
from exam_service.proctor.model import Check, Purpose, Thresholds, Verdict

NOW = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)
FRESH = Challenge(TURNS[0])
TURNING = replace(FRESH, done=1)
WRONG = replace(TURNING, is_wrong_way=True)
BACK = replace(FRESH, done=3)


def identity(challenge: Challenge = FRESH, **changes: object) -> IdentityCheck:
    row = IdentityCheck(
        new_id(),
        "hunan",
        new_id(),
        new_id(),
        Purpose.CHECK,
        IdentityState.OPEN,
        None,
        "iPhone · 微信",
        NOW,
        0,
        challenge,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def check(verdict: Verdict, purpose: Purpose = Purpose.CHECK) -> Check:
    return Check(
        id=new_id(),
        province_id="hunan",
        registration_id=new_id(),
        attempt_id=new_id(),
        stream_id=new_id(),
        seq=7,
        purpose=purpose,
        received_at=NOW,
        checked_at=NOW,
        verdict=verdict,
        faces=1,
        distance=0.3,
        model="model of tests",
        thresholds=Thresholds(0.45, 0.65),
        enrolled=False,
        evidence_id=None,
    )


@pytest.mark.parametrize(
    ("challenge", "verdict", "hint"),
    [
        (FRESH, Verdict.DARK, "光线太暗"),
        (FRESH, Verdict.MISMATCH, "暂未确认是本人"),
        (TURNING, Verdict.MATCH, "请慢慢向左转头"),
        (TURNING, Verdict.TURNED_AWAY, "请慢慢向左转头"),
        (TURNING, Verdict.NO_FACE, "没有看到您的脸"),
        (WRONG, Verdict.TURNED_AWAY, "方向反了"),
        (BACK, Verdict.TURNED_AWAY, "请转回来"),
    ],
)
def test_a_hint_says_what_to_do_next(challenge: Challenge, verdict: Verdict, hint: str) -> None:
    message = message_of(Judged(check(verdict), identity(challenge), admitted=False))
    assert hint in message["hint"]


def test_beside_a_paper_the_hint_stays_what_the_frame_showed() -> None:
    asked = identity(TURNING, purpose=Purpose.PAPER)
    message = message_of(Judged(check(Verdict.MATCH, Purpose.PAPER), asked, admitted=True))
    assert (message["hint"], message["ask"], message["admitted"]) == ("监考正常", "left", False)


def test_a_spent_try_is_explained_until_the_next_one_has_begun() -> None:
    spent = {"tries": 2, "last_spent": Spent.TOO_SLOW}
    assert "超过了时间" in status_of(identity(**spent))["again"]
    assert status_of(identity(TURNING, **spent))["again"] == ""
    assert status_of(identity(**spent))["tries_left"] == TRIES - 2


def test_a_reason_is_told_of_a_refusal_only() -> None:
    reason = {"decision_reason": "画面不是本人"}
    assert status_of(identity(state=IdentityState.REFUSED, **reason))["reason"] == "画面不是本人"
    assert status_of(identity(state=IdentityState.ACCEPTED, **reason))["reason"] == ""
    assert status_of(identity(state=IdentityState.WAITING))["ask"] is None
