"""Beside the frames of a worker: pictures that physicians handed in are decoded, and photos looked at.

Decoding runs in a thread of its own, one picture at a time, so that frames don't wait. A picture that kills
the process, or hangs the thread, was claimed before: it comes again, and after three times it is refused.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from exam_service.cycles.form_rules import UploadKind
from exam_service.proctor.photos import Face, advice_of, problem_of
from exam_service.proctor.verifier import PhotoReader, UnreadableImage
from exam_service.registration.form import usecases as form
from exam_service.registration.form.pictures import pixels_of
from exam_service.registration.form.usecases import Claimed, Finding
from exam_service.wiring import Services

T = TypeVar("T")

log = logging.getLogger(__name__)

POLL_SECONDS = 2.0
_PATIENCE_SECONDS = 20.0
_LONGEST_PHOTO = 1200
_LONGEST_PAGE = 2000
_UNREADABLE = "图片不完整或已损坏，请重新拍摄，或用相册另存一份后再上传。"


class PhotoWorker:
    """Checks what is pending until told to stop."""

    def __init__(
        self,
        services: Services,
        *,
        patience_seconds: float = _PATIENCE_SECONDS,
        reader: PhotoReader | None = None,
    ) -> None:
        self._services = services
        self._patience = patience_seconds
        self._reader = reader or PhotoReader()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set: at once when one is signalled, and every two seconds."""
        listening = asyncio.create_task(self._services.signals.run())
        try:
            async with self._services.signals.listen(form.SIGNAL) as signalled:
                while not stop.is_set():
                    try:
                        while not stop.is_set() and await self.check_next():
                            pass
                    except Exception:  # the database is away, say: what is pending stays pending
                        log.exception("a picture was not checked")
                    await _first_of(stop.wait(), signalled.get())
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def check_next(self) -> bool:
        """Check one picture; ``False`` when none is waiting."""
        claimed = await form.claim_upload(self._services)
        if claimed is None:
            return False
        reader = self._reader
        try:
            finding = await asyncio.wait_for(_in_a_thread(lambda: look_at(reader, claimed)), self._patience)
        except TimeoutError:
            # The thread is left to itself, with the reader it holds; the picture comes again.
            log.warning("picture %s took too long", claimed.upload.id)
            self._reader = PhotoReader()
            return True
        await form.record_check(self._services, claimed, finding)
        return True


def look_at(reader: PhotoReader, claimed: Claimed) -> Finding:
    """Decode a picture, cut it out, encode it anew, and look for a face where that is wanted."""
    upload = claimed.upload
    try:
        if claimed.is_document:
            drawn, data = None, claimed.data
        else:
            longest = _LONGEST_PHOTO if upload.kind is UploadKind.PHOTO else _LONGEST_PAGE
            drawn = reader.redraw(claimed.data, partial(pixels_of, upload.crop, upload.kind), longest)
            data = drawn.jpeg
        found = reader.read(data) if claimed.look_for_face else None
    except UnreadableImage as error:
        log.info("picture %s: %s", upload.id, error.reason)
        return Finding(problem=_UNREADABLE)
    face = None if found is None else Face(found.faces, found.quality, found.yaw, found.share, found.plain)
    return Finding(
        data,
        drawn.width if drawn else upload.width,
        drawn.height if drawn else upload.height,
        problem_of(face) if face else None,
        advice_of(face) if face else None,
    )


async def _in_a_thread(call: Callable[[], T]) -> T:
    """As ``asyncio.to_thread``, in a thread that no stop of the process waits for."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def answer(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = call()
        except Exception as raised:  # noqa: BLE001 - it is raised where it is awaited
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(answer, result, error)

    threading.Thread(target=work, daemon=True, name="pictures").start()
    return await done


async def _first_of(*waiting: object) -> None:
    tasks = [asyncio.ensure_future(each) for each in waiting]  # type: ignore[call-overload]
    await asyncio.wait(tasks, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
