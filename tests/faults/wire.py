"""A network between browsers and the service that can be cut in the ways networks are."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from yarl import URL

_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: closing sends RST


class Cut(StrEnum):
    """``dropped``: connections are closed in order, new ones too. ``reset``: by RST.

    ``silent``: nothing passes, nothing is said; afterwards what was on its way arrives. ``half_open``:
    requests arrive, answers never do, and the connections of that time stay deaf for good.
    """

    DROPPED = "dropped"
    RESET = "reset"
    SILENT = "silent"
    HALF_OPEN = "half_open"


@dataclass(eq=False)
class _Line:
    """A connection of a client and ours to the service for it."""

    client: asyncio.StreamWriter
    service: asyncio.StreamWriter
    deaf: bool = False

    def close(self, *, reset: bool) -> None:
        for writer in (self.client, self.service):
            if reset:
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                writer.transport.abort()
            else:
                writer.close()


class Wire:
    """A TCP proxy of our own in front of ``target``."""

    def __init__(self, target: URL) -> None:
        self._target = target
        self._lines: set[_Line] = set()
        self._cut: Cut | None = None
        self._whole = asyncio.Event()
        self._whole.set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for line in list(self._lines):
            line.close(reset=True)
        self._whole.set()

    @property
    def url(self) -> URL:
        assert self._server is not None
        return URL(f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}")

    @asynccontextmanager
    async def cut(self, how: Cut) -> AsyncIterator[None]:
        """Cut while the block lasts."""
        self._cut = how
        self._whole.clear()
        for line in list(self._lines):
            if how is Cut.HALF_OPEN:
                line.deaf = True
            elif how is not Cut.SILENT:
                line.close(reset=how is Cut.RESET)
        try:
            yield
        finally:
            self._cut = None
            self._whole.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut is Cut.SILENT:
            await self._whole.wait()
        try:
            from_service, to_service = await asyncio.open_connection(self._target.host, self._target.port)
        except OSError:
            writer.transport.abort()
            return
        line = _Line(writer, to_service, deaf=self._cut is Cut.HALF_OPEN)
        if self._cut in {Cut.DROPPED, Cut.RESET}:
            line.close(reset=self._cut is Cut.RESET)
            return
        self._lines.add(line)
        try:
            await asyncio.gather(
                self._pass_on(reader, to_service, line, answers=False),
                self._pass_on(from_service, writer, line, answers=True),
            )
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._lines.discard(line)
            line.close(reset=False)

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line, *, answers: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            if self._cut is Cut.SILENT:
                await self._whole.wait()
            if answers and line.deaf:
                continue
            writer.write(data)
            await writer.drain()
        if not (answers and line.deaf):
            writer.close()


@asynccontextmanager
async def wired(target: URL) -> AsyncIterator[Wire]:
    wire = Wire(target)
    await wire.start()
    try:
        yield wire
    finally:
        await wire.stop()
