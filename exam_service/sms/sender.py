"""What sends a short message, and how pages hand one over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Protocol

from exam_service.errors import Unavailable

log = logging.getLogger(__name__)

TROUBLED_SECONDS = 60.0
REFUSED = "sms_refused"
"""The gateway was there and didn't take it: the fault may be the number's."""
_REFUSALS_OF_TROUBLE = 3
_CLOSING_SECONDS = 10.0
_MOST_WAITING = 500


class Sender(Protocol):
    """Sends a text to a mobile number of eleven digits."""

    async def send(self, mobile: str, text: str) -> None:
        """Raises Unavailable when it can't be handed over; neither number nor text is ever logged."""
        ...


class Post:
    """Takes messages and sends them behind the answer to whoever asked.

    A page that waited for the gateway would tell, by its time and by its errors, who is known to the service
    and who isn't. Whether the gateway has lately failed is told to everybody alike. One refusal isn't, for it
    would tell whoever asked with a number that is always refused that a message was sent; a claim has one a
    minute.
    """

    def __init__(self, sender: Sender | None) -> None:
        self._sender = sender
        self._sending: set[asyncio.Task[None]] = set()
        self._failed_at: float | None = None
        self._refused_at: deque[float] = deque(maxlen=_REFUSALS_OF_TROUBLE)

    @property
    def can_send(self) -> bool:
        """Whether this service sends messages at all."""
        return self._sender is not None

    @property
    def is_troubled(self) -> bool:
        """Whether, within the last minute, the gateway was away or refused one message after the other."""
        since = time.monotonic() - TROUBLED_SECONDS
        refuses = len(self._refused_at) == _REFUSALS_OF_TROUBLE and self._refused_at[0] > since
        return refuses or (self._failed_at is not None and self._failed_at > since)

    def send(self, mobile: str, text: str) -> None:
        """Begin to send, after the transaction that decided it.

        Raises:
            Unavailable: There is no sender, or too many messages wait for it.
        """
        if self._sender is None:
            raise Unavailable("本系统没有开通短信，请向所在医疗卫生机构领取激活单。", code="no_sms")
        if len(self._sending) >= _MOST_WAITING:
            raise Unavailable("短信发送繁忙，请一分钟后再试。", code="sms_busy")
        task = asyncio.create_task(self._send(self._sender, mobile, text))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, sender: Sender, mobile: str, text: str) -> None:
        try:
            await sender.send(mobile, text)
        except Unavailable as error:
            if error.code == REFUSED:
                self._refused_at.append(time.monotonic())
            else:
                self._failed_at = time.monotonic()
            log.warning("a message was not sent: %s", error)
        else:
            self._failed_at = None
            self._refused_at.clear()

    async def settle(self) -> None:
        """Wait for what is being sent; used when the process stops."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=_CLOSING_SECONDS)
