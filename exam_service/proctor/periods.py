"""How long face data are kept: one rule, which the purge follows and the pages tell. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from exam_service.cycles.policy import Retention


class Kind(StrEnum):
    """What is kept of a face, by when it must go.

    ``sample``: pictures at random without a doubt, deleted one by one. ``frame``: all pictures, with their
    data key. ``embedding``: the numbers that faces are compared by, with theirs.
    """

    SAMPLE = "sample"
    FRAME = "frame"
    EMBEDDING = "embedding"


KIND_LABELS: Mapping[Kind, str] = {
    Kind.SAMPLE: "随机留存的监考照片",
    Kind.FRAME: "身份核验和有提示的监考照片",
    Kind.EMBEDDING: "人脸特征值",
}


class Why(StrEnum):
    """``retention``: the time was over. ``request``, ``withdrawal``: the physician wanted it."""

    RETENTION = "retention"
    REQUEST = "request"
    WITHDRAWAL = "withdrawal"


WHY_LABELS: Mapping[Why, str] = {
    Why.RETENTION: "保存期满，按规定清除",
    Why.REQUEST: "按您的申请清除",
    Why.WITHDRAWAL: "您撤回同意后清除",
}


@dataclass(frozen=True)
class Purge:
    """The proof that something is gone.

    Attributes:
        key_id: Of the data key that was destroyed; ``None`` for samples, whose key others still need.
        items: Pictures, or embeddings.
        size: Bytes of what was sealed.
        digest: SHA-256 over the SHA-256 digests of the sealed items, in ascending order.
    """

    id: UUID
    province_id: str
    account_id: UUID
    cycle_id: UUID
    kind: Kind
    key_id: UUID | None
    items: int
    size: int
    digest: bytes
    why: Why
    at: datetime


@dataclass(frozen=True)
class DeletionRequest:
    """A physician wants their face data gone as soon as the law allows."""

    id: UUID
    province_id: str
    account_id: UUID
    why: Why
    asked_at: datetime


@dataclass(frozen=True)
class Standing:
    """Where a physician is with the papers of a cycle.

    Attributes:
        last_day: Of the cycle's tests and make-up.
        last_result: Day of the newest result, or of an identity check that a person refused or is yet to
            decide; ``None``: there is none.
        is_open: A paper is being sat, or its result isn't decided: nothing may go that the decision rests on.
    """

    last_day: date
    last_result: date | None
    is_open: bool


def due_on(kind: Kind, periods: Retention, standing: Standing, *, wanted: bool) -> date | None:
    """The day from which data of a kind are purged; ``None`` while a result is open, which holds them.

    Args:
        wanted: The physician asked for it: then only an appeal is waited for, and where no paper was sat,
            nothing.
    """
    if standing.is_open:
        return None
    if wanted:
        if standing.last_result is None or kind is Kind.EMBEDDING:
            return date.min
        return standing.last_result + timedelta(days=periods.appeal_days + 1)
    days = {
        Kind.SAMPLE: periods.sample_days,
        Kind.FRAME: periods.frame_days,
        Kind.EMBEDDING: periods.embedding_days,
    }[kind]
    over = standing.last_day + timedelta(days=days + 1)
    if kind is Kind.FRAME and standing.last_result is not None:
        return max(over, standing.last_result + timedelta(days=periods.appeal_days + 1))
    return over


def retention_text(periods: Retention) -> tuple[str, ...]:
    """The periods in plain words, for who is asked to consent."""
    return (
        f"{KIND_LABELS[Kind.EMBEDDING]}：本周期测评（含补考）结束后{periods.embedding_days}天内清除；",
        f"{KIND_LABELS[Kind.SAMPLE]}：测评结束后保存{periods.sample_days}天；",
        (
            f"{KIND_LABELS[Kind.FRAME]}：测评结束后保存{periods.frame_days}天，"
            f"且不少于您最后一次成绩确定后{periods.appeal_days}天，供申诉时核对；"
        ),
        "报名照片作为报名资料保存，不属于监考采集，不在此列；",
        "答题中的画面在内存中最多停留3分钟，未留存的自动消失。",
    )
