"""A proctor worker: one process, frames in batches of what comes together, the verifier warmed once."""

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
from exam_service.proctor.model import Frame, Purpose
from exam_service.proctor.verification import Glance, Verification
from exam_service.proctor.verifier import Reading, UnreadableImage, Verifier
from exam_service.queue.connection import AWAY
from exam_service.queue.heartbeats import BEAT_SECONDS, Heartbeats
from exam_service.queue.stream import Entry, WorkStream
from exam_service.wiring import Services

log = logging.getLogger(__name__)

LARGEST_BATCH = 16
GATHER_SECONDS = 1.0
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
        while not stop.is_set():
            try:
                entries = await self._queue.take(self.name, count=LARGEST_BATCH, wait_seconds=_WAIT_SECONDS)
            except AWAY as error:
                log.warning("no frames to be had: %r", error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await self._work_off(await self._gathered(entries, stop), stop)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await self._services.meters.flush()
        try:
            await self._queue.forget(self.name)
            await self._heartbeats.leave(self.name)
        except AWAY:
            log.warning("left the group without a word, Redis is away")

    async def _gathered(self, entries: list[Entry], stop: asyncio.Event) -> list[Entry]:
        """With what comes in a moment: a frame of a paper can wait, and costs half as much among others.

        Somebody who stands before the camera of an identity check isn't kept waiting; an entry that somebody
        left behind is worked on alone.
        """
        if not 0 < len(entries) < LARGEST_BATCH or not all(_can_wait(entry) for entry in entries):
            return entries
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), GATHER_SECONDS)
        with suppress(*AWAY):
            entries += await self._queue.take_new(self.name, count=LARGEST_BATCH - len(entries))
        return entries

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


def _can_wait(entry: Entry) -> bool:
    return not entry.was_left_behind and entry.fields.get(b"purpose") == Purpose.PAPER.value.encode()


def _frames_of(entries: Sequence[Entry]) -> dict[bytes, Frame]:
    """By the entry's id; without entries that are no frames."""
    frames = {}
    for entry in entries:
        try:
            frames[entry.id] = Frame.from_fields(entry.fields)
        except (KeyError, ValueError):
            log.warning("entry %r is no frame", entry.id)
    return frames
