"""Signals: "look again at this". Topics and ids over pub/sub; losing one loses no data.

Every process hears all signals and knows who of its own listens, so those sent together are one message.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from redis.asyncio.client import PubSub

from exam_service.queue.connection import AWAY, PATIENCE_SECONDS, Client

log = logging.getLogger(__name__)

_CHANNEL = "signals"
_WAITING_PER_LISTENER = 64
_PAUSE_SECONDS = 0.5
_LOOK_UP_SECONDS = 0.5


class Signals:
    """Publishes, and listens with a single subscription for the whole process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listeners: defaultdict[str, set[asyncio.Queue[str]]] = defaultdict(set)

    async def publish(self, topic: str, subject_id: str) -> None:
        """Tell every listener of ``topic``, in whichever process. Redis away is logged, not raised."""
        await self.publish_all([(topic, subject_id)])

    async def publish_all(self, signals: Sequence[tuple[str, str]]) -> None:
        """As :meth:`publish`, of several topics and ids, heard in this order."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._client.publish(_CHANNEL, json.dumps(signals))
        except AWAY:
            log.warning("%d signals not sent, Redis is away", len(signals))

    @asynccontextmanager
    async def listen(self, *topics: str) -> AsyncIterator[asyncio.Queue[str]]:
        """The ids signalled on ``topics`` while the block lasts. Needs :meth:`run` in the background."""
        queue: asyncio.Queue[str] = asyncio.Queue(_WAITING_PER_LISTENER)
        for topic in topics:
            self._listeners[topic].add(queue)
        try:
            yield queue
        finally:
            for topic in topics:
                self._listeners[topic].discard(queue)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    async def run(self) -> None:
        """Deliver signals to the listeners until cancelled; comes back by itself when Redis does."""
        while not _cancelled():
            pubsub = self._client.pubsub(ignore_subscribe_messages=True)
            try:
                await pubsub.subscribe(_CHANNEL)
                await self._deliver(pubsub)
            except AWAY as error:
                log.warning("signals interrupted: %r", error)
                await asyncio.sleep(_PAUSE_SECONDS)
            finally:
                with suppress(*AWAY):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _deliver(self, pubsub: PubSub) -> None:
        while not _cancelled():
            message = await pubsub.get_message(timeout=_LOOK_UP_SECONDS)
            if message is None:
                continue
            for topic, subject_id in _signals_of(message["data"]):
                for queue in self._listeners.get(topic, ()):
                    if queue.full():  # a listener that is too slow loses the oldest: it is only "look again"
                        queue.get_nowait()
                    queue.put_nowait(subject_id)


def _signals_of(message: bytes) -> list[tuple[str, str]]:
    """None where the message is no list of ours, as of a program of another version."""
    try:
        return [(str(topic), str(subject_id)) for topic, subject_id in json.loads(message)]
    except (ValueError, TypeError, RecursionError):
        log.warning("passed over %d bytes that are no signals", len(message))
        return []


def _cancelled() -> bool:
    """The client swallows a cancellation that comes at the wrong moment; the task itself remembers it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
