"""A proctor worker: one process, frames in batches that grow with the queue, the verifier warmed once."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from exam_service.errors import Unavailable
from exam_service.proctor import verifier as faces
from exam_service.proctor.model import Frame
from exam_service.proctor.verification import Glance, Verification
from exam_service.proctor.verifier import Reading, UnreadableImage, Verifier
from exam_service.queue.connection import AWAY
from exam_service.queue.heartbeats import BEAT_SECONDS, Heartbeats
from exam_service.queue.stream import Entry, WorkStream
from exam_service.wiring import Services

log = logging.getLogger(__name__)

LARGEST_BATCH = 16
_WAIT_SECONDS = 1.0
_PAUSE_SECONDS = 0.5
_BEATS_BETWEEN_BURIALS = 12


class FaceRecogniser:
    """The verifier as the use cases know it."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self.model = verifier.model
        self.own_thresholds = None if verifier.model == faces.MODEL else verifier.thresholds

    @classmethod
    def open(cls, cache_dir: Path, recogniser: Path | None = None) -> FaceRecogniser:
        """Load the networks: about a second, more when the ONNX file has to be written first."""
        verifier = Verifier(cache_dir, recogniser)
        verifier.warm()
        return cls(verifier)

    def read_many(self, glances: Sequence[Glance]) -> list[Reading | None]:
        readings = self._verifier.read_many(
            [faces.Glance(glance.picture, glance.last_box, glance.last_scene) for glance in glances]
        )
        return [None if isinstance(reading, UnreadableImage) else reading for reading in readings]

    def read(self, jpeg: bytes) -> Reading | None:
        try:
            return self._verifier.read(jpeg)
        except UnreadableImage:
            return None

    def read_photo(self, photo: bytes) -> Reading | None:
        try:
            return self._verifier.read_photo(photo)
        except UnreadableImage:
            return None

    def look_harder(self, jpeg: bytes) -> Reading | None:
        try:
            return self._verifier.look_harder(jpeg)
        except UnreadableImage:
            return None

    def distance(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        return self._verifier.distance(one, other)


class BatchSize:
    """How many frames to take at once: one while nothing waits, doubled while as many come as were taken."""

    def __init__(self, largest: int = LARGEST_BATCH) -> None:
        self._largest = largest
        self.now = 1

    def took(self, count: int) -> None:
        self.now = min(self._largest, 2 * self.now) if count >= self.now else max(1, count)


class Worker:
    """Takes frames from the queue until told to stop."""

    def __init__(
        self, services: Services, queue: WorkStream, recogniser: FaceRecogniser, heartbeats: Heartbeats
    ) -> None:
        self._services = services
        self._queue = queue
        self._model = recogniser.model
        self._verification = Verification(services, recogniser)
        self._heartbeats = heartbeats
        self._started = services.clock.now()
        self._frames = 0
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; the batch in hand is finished first."""
        beating = asyncio.create_task(self._beat())
        size = BatchSize()
        while not stop.is_set():
            try:
                entries = await self._queue.take(self.name, count=size.now, wait_seconds=_WAIT_SECONDS)
            except AWAY as error:
                log.warning("no frames to be had: %r", error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            size.took(len(entries))
            await self._work_off(entries, stop)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await self._services.meters.flush()
        try:
            await self._queue.forget(self.name)
            await self._heartbeats.leave(self.name)
        except AWAY:
            log.warning("left the group without a word, Redis is away")

    async def _work_off(self, entries: Sequence[Entry], stop: asyncio.Event) -> None:
        frames = _frames_of(entries)
        failed: set[UUID] = set()
        while frames:
            try:
                failed = await self._verification.verify(list(frames.values()))
                break
            except Unavailable:
                # The database is away, which is no fault of the frames: they are held, not delivered again,
                # for a delivery too many would park them.
                if stop.is_set():
                    return
                with suppress(*AWAY):
                    await self._queue.hold(self.name, list(frames))
                await asyncio.sleep(_PAUSE_SECONDS)
        self._frames += len(frames) - len(failed)
        # What failed will be delivered again, and after a few times be parked for a person to see.
        done = [entry.id for entry in entries if entry.id not in frames or frames[entry.id].id not in failed]
        try:
            await self._queue.done(*done)
        except AWAY:
            log.warning("%d frames not acknowledged, they come again and are known as done", len(done))

    async def _beat(self) -> None:
        """Say every few seconds that this worker is alive, and now and then bury those that aren't."""
        facts: dict[str, str | int] = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "model": self._model,
            "started": self._started.isoformat(),
        }
        beats = 0
        while True:
            with suppress(*AWAY):
                await self._heartbeats.beat(self.name, {**facts, "frames": self._frames})
                if beats % _BEATS_BETWEEN_BURIALS == 0:
                    await self._queue.bury()
            await self._services.meters.flush()
            beats += 1
            await asyncio.sleep(BEAT_SECONDS)


def _frames_of(entries: Sequence[Entry]) -> dict[bytes, Frame]:
    """By the entry's id; without entries that are no frames."""
    frames = {}
    for entry in entries:
        try:
            frames[entry.id] = Frame.from_fields(entry.fields)
        except (KeyError, ValueError):
            log.warning("entry %r is no frame", entry.id)
    return frames
