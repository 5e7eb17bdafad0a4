"""What sends a short message, and how pages hand one over."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from exam_service.errors import Unavailable

log = logging.getLogger(__name__)

TROUBLED_SECONDS = 60.0
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
    and who isn't. Whether the gateway has lately failed is told to everybody alike.
    """

    def __init__(self, sender: Sender | None) -> None:
        self._sender = sender
        self._sending: set[asyncio.Task[None]] = set()
        self._failed_at: float | None = None

    @property
    def can_send(self) -> bool:
        """Whether this service sends messages at all."""
        return self._sender is not None

    @property
    def is_troubled(self) -> bool:
        """Whether a message failed within the last minute, in this process."""
        return self._failed_at is not None and time.monotonic() - self._failed_at < TROUBLED_SECONDS

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
            self._failed_at = time.monotonic()
            log.warning("a message was not sent: %s", error)
        else:
            self._failed_at = None

    async def settle(self) -> None:
        """Wait for what is being sent; used when the process stops."""
        if self._sending:
            await asyncio.wait(self._sending, timeout=_CLOSING_SECONDS)
