"""The server's clock, passed as an argument: no rule reads the time by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

CHINA = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Anything that tells an aware UTC time."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def in_china(moment: datetime) -> datetime:
    """The same moment on a Chinese wall clock, for showing to people."""
    return moment.astimezone(CHINA)
