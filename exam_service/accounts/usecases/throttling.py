"""How often somebody may try: token buckets by network address and by what is tried."""

from __future__ import annotations

import math
from typing import Protocol

from exam_service.errors import TooMany
from exam_service.settings import Settings

THROTTLE_SECONDS = 900.0
ACCOUNT_TRIES_FACTOR = 5


class Throttle(Protocol):
    """Token buckets; see :class:`exam_service.queue.buckets.Buckets`."""

    async def take(self, key: str, *, capacity: int, seconds: float) -> float: ...

    async def refill(self, key: str) -> None: ...


async def throttle_login(throttle: Throttle, settings: Settings, who: str, address: str) -> tuple[str, str]:
    """Take a try of a login; give the buckets to refill when it was right.

    Raises:
        TooMany: There were too many.
    """
    # Per address first: a stranger elsewhere shouldn't lock a physician out easily.
    near, far = f"login:{who}:{address}", f"login:{who}"
    for key, capacity in (
        (f"login-address:{address}", settings.login_tries_per_address),
        (near, settings.login_tries),
        (far, settings.login_tries * ACCOUNT_TRIES_FACTOR),
    ):
        await _take(throttle, key, capacity, "登录尝试次数过多")
    return near, far


async def throttle_entrance(throttle: Throttle, settings: Settings, who: str, address: str) -> None:
    """Take a try of activation, recovery and the like: by address, and by the document that is claimed.

    Raises:
        TooMany: There were too many.
    """
    await throttle_address(throttle, settings, address)
    await _take(throttle, f"entrance:{who}:{address}", settings.login_tries, "尝试次数过多")
    await _take(throttle, f"entrance:{who}", settings.login_tries * ACCOUNT_TRIES_FACTOR, "尝试次数过多")


async def throttle_address(throttle: Throttle, settings: Settings, address: str) -> None:
    """Take a try by address alone, where what is tried counts its own tries.

    Raises:
        TooMany: There were too many.
    """
    await _take(throttle, f"entrance-address:{address}", settings.login_tries_per_address, "尝试次数过多")


async def throttle_own(throttle: Throttle, settings: Settings, what: str) -> None:
    """Take a try of somebody logged in at their own password or code.

    Raises:
        TooMany: There were too many.
    """
    await _take(throttle, f"own:{what}", settings.login_tries, "尝试次数过多")


async def _take(throttle: Throttle, key: str, capacity: int, what: str) -> None:
    wait = await throttle.take(key, capacity=capacity, seconds=THROTTLE_SECONDS)
    if wait > 0:
        raise TooMany(f"{what}，请{max(1, math.ceil(wait / 60))}分钟后再试。", retry_after=wait)
