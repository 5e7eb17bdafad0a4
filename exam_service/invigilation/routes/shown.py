"""What several pages show alike: times, numbers, the kind of a standing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from exam_service.clock import in_china
from exam_service.invigilation.model import Standing

KINDS: Mapping[Standing, str] = {
    Standing.WAITING: "muted",
    Standing.CHECKING: "info",
    Standing.READY: "info",
    Standing.ANSWERING: "good",
    Standing.OFFLINE: "warn",
    Standing.COLLECTING: "info",
    Standing.HANDED_IN: "muted",
    Standing.TERMINATED: "bad",
}
_MOST_DIGITS = 4


def time_text(moment: datetime | None, pattern: str = "%H:%M:%S") -> str:
    return in_china(moment).strftime(pattern) if moment else "—"


def day_time_text(moment: datetime | None) -> str:
    return time_text(moment, "%m-%d %H:%M:%S")


def milliseconds(left: timedelta | None) -> int | None:
    return None if left is None else left // timedelta(milliseconds=1)


def whole_number(text: str | None) -> int | None:
    """What was typed as a whole number; ``None`` when it is none."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None


def paper_text(label: str, ordinal: int | None) -> str:
    return label if ordinal is None else f"{label}（第{ordinal}次）"
