"""A proctor worker: one process, one frame at a time, the verifier warmed once."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exam_service.errors import Unavailable
from exam_service.proctor.model import Frame
from exam_service.proctor.verification import verify_frame
from exam_service.proctor.verifier import Reading, UnreadableImage, Verifier
from exam_service.queue.connection import AWAY
from exam_service.queue.stream import Entry, WorkStream
from exam_service.wiring import Services

log = logging.getLogger(__name__)

_BATCH = 8
_WAIT_SECONDS = 1.0
_PAUSE_SECONDS = 0.5


class FaceRecogniser:
    """The verifier as the use cases know it."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self.model = verifier.model

    @classmethod
    def open(cls, cache_dir: Path, recogniser: Path | None = None) -> FaceRecogniser:
        """Load the networks: about a second, more when the ONNX file has to be written first."""
        verifier = Verifier(cache_dir, recogniser)
        verifier.warm()
        return cls(verifier)

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

    def distance(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        return self._verifier.distance(one, other)


class Worker:
    """Takes frames from the queue until told to stop."""

    def __init__(self, services: Services, queue: WorkStream, recogniser: FaceRecogniser) -> None:
        self._services = services
        self._queue = queue
        self._recogniser = recogniser
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set; the batch in hand is finished first."""
        while not stop.is_set():
            try:
                entries = await self._queue.take(self.name, count=_BATCH, wait_seconds=_WAIT_SECONDS)
            except AWAY as error:
                log.warning("no frames to be had: %r", error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            await self._work_off(entries, stop)
        try:
            await self._queue.forget(self.name)
        except AWAY:
            log.warning("left the group without a word, Redis is away")

    async def _work_off(self, entries: Sequence[Entry], stop: asyncio.Event) -> None:
        for position, entry in enumerate(entries):
            while not await self._work(entry):
                # The database is away, which is no fault of the frames: they are held, not delivered again,
                # for a delivery too many would park them.
                if stop.is_set():
                    return
                with suppress(*AWAY):
                    await self._queue.hold(self.name, [held.id for held in entries[position:]])
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _work(self, entry: Entry) -> bool:
        """``False`` when it should be tried again as it is."""
        try:
            frame = Frame.from_fields(entry.fields)
        except (KeyError, ValueError):
            log.warning("entry %r is no frame", entry.id)
        else:
            try:
                await verify_frame(self._services, self._recogniser, frame)
            except Unavailable:
                return False
            except Exception:  # it will be delivered again, and after a few times parked for a person to see
                log.exception("frame %s failed", frame.id)
                return True
        try:
            await self._queue.done(entry.id)
        except AWAY:
            log.warning("frame not acknowledged, it will come again and be recognised as done")
        return True
