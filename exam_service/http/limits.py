"""How much one account may ask of one process: nobody's scripts take the service away from the others.

A bucket in the memory of the process, so that it works without Redis and costs nothing. Far above what a page
or a person does: a page sends one answer after the other and a heartbeat every fifteen seconds.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from exam_service.errors import TooMany

H = TypeVar("H", bound=Callable[..., Any])

CAPACITY = 400.0
PER_SECOND = 100.0
DEAR = 25.0
_ACCOUNTS_KEPT = 20_000
_ATTRIBUTE = "exam_cost"


def dear(handler: H) -> H:
    """Costs as much as twenty-five others: it reads a whole paper or journal, or takes a row's lock."""
    setattr(handler, _ATTRIBUTE, DEAR)
    return handler


def cost_of(handler: object) -> float:
    return float(getattr(handler, _ATTRIBUTE, 1.0))


class Limits:
    """What each account has left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, account: Hashable, cost: float) -> None:
        """Raises TooMany when the account has asked for too much lately."""
        now = self._clock()
        left, at = self._left.get(account, (CAPACITY, now))
        left = min(CAPACITY, left + (now - at) * PER_SECOND)
        enough = left >= cost
        self._left[account] = (left - cost if enough else left, now)
        self._left.move_to_end(account)
        if len(self._left) > _ACCOUNTS_KEPT:
            self._left.popitem(last=False)
        if not enough:
            raise TooMany("操作太频繁，请稍等几秒再试。", retry_after=max(1.0, (cost - left) / PER_SECOND))
