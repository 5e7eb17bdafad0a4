"""The server's clock, passed as an argument: no rule reads the time by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from exam_service.errors import Unavailable

CHINA = ZoneInfo("Asia/Shanghai")
FARTHEST_OFF = timedelta(seconds=1)


class Clock(Protocol):
    """Anything that tells an aware UTC time."""

    def now(self) -> datetime: ...

    def check_trusted(self) -> None:
        """Raises Unavailable when the clock is known to be wrong: then no new deadline may rest on it."""
        ...


class SystemClock:
    """The machine's clock, in UTC, put right by PostgreSQL's once the difference was measured."""

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def now(self) -> datetime:
        return self.uncorrected() - self._ahead

    def uncorrected(self) -> datetime:
        """What the machine itself says."""
        return datetime.now(UTC)

    def note_ahead(self, ahead: timedelta) -> None:
        """How far this clock is ahead of PostgreSQL's, which all nodes share."""
        self._ahead = ahead

    def check_trusted(self) -> None:
        if abs(self._ahead) > FARTHEST_OFF:
            raise Unavailable(
                "服务器时间正在校准，请稍等片刻后重试。",
                code="clock_off",
                ahead_seconds=self._ahead.total_seconds(),
            )


def in_china(moment: datetime) -> datetime:
    """The same moment on a Chinese wall clock, for showing to people."""
    return moment.astimezone(CHINA)
