"""News of the wall for a page that is open: each tile soon after its verdict, the whole every few seconds."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

from aiohttp import WSCloseCode, WSMsgType, web

from exam_service.accounts.model import Role
from exam_service.errors import DomainError, Forbidden, LoginRequired, Unavailable
from exam_service.http.csrf import is_same_origin
from exam_service.http.guards import allow, unattended
from exam_service.http.request_keys import SESSION_DIGEST
from exam_service.http.session import SESSION_STORE
from exam_service.invigilation import usecases
from exam_service.invigilation.routes.shown import time_text
from exam_service.invigilation.routes.wall import OUTLOOKS, tile_shown, wall_search
from exam_service.invigilation.tiles import Pace
from exam_service.invigilation.usecases import WallPage
from exam_service.keys import SERVICES, viewer
from exam_service.proctor.stream import OPEN_SOCKETS
from exam_service.proctor.usecases import wall_topic

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
TILE_SECONDS = 1.0
BOARD_SECONDS = 5.0
SESSION_SECONDS = 20.0
_HEARTBEAT_SECONDS = 15.0
_SEND_SECONDS = 10.0
_CLOSE_SECONDS = 3.0
_ATTENDED_SECONDS = 10.0
_LARGEST_MESSAGE = 256
_CHANGES_BY_ITSELF = frozenset({"age_ms", "age", "left_ms", "left"})


@allow(Role.BODY)
@unattended
async def feed_wall(request: web.Request) -> web.WebSocketResponse:
    """News of the wall as JSON: ``tiles`` within a second of a verdict, ``board`` every five; see 0019."""
    if not is_same_origin(request):
        raise Forbidden("页面已过期，请刷新页面后再试一次。", code="bad_origin")
    socket = web.WebSocketResponse(
        heartbeat=_HEARTBEAT_SECONDS, max_msg_size=_LARGEST_MESSAGE, compress=False
    )
    await socket.prepare(request)
    request.app[OPEN_SOCKETS].add(socket)
    try:
        await _Feed(request, socket).run()
    finally:
        request.app[OPEN_SOCKETS].discard(socket)
    return socket


class _Feed:
    """One open page: what it was told last, and what has changed since."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self._request = request
        self._socket = socket
        self._transport = request.transport
        self._services = request.app[SERVICES]
        self._principal = viewer(request)
        self._search = wall_search(request)
        self._told: dict[str, str] = {}

    async def run(self) -> None:
        tasks = {asyncio.create_task(work()) for work in (self._read, self._tell, self._recheck)}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                error = task.exception()
                if isinstance(error, DomainError):
                    with suppress(TimeoutError, ConnectionError):
                        await self._send({"type": "closed", "message": error.sentence})
                elif error is not None and not isinstance(error, (TimeoutError, ConnectionError)):
                    log.error("the feed of the wall failed", exc_info=error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_SECONDS):
                    await self._socket.close()
            # A peer that takes nothing would keep its buffers for ever.
            if self._transport is not None and self._transport.get_write_buffer_size():
                self._transport.abort()

    async def _read(self) -> None:
        """The only thing that a page says: somebody is here."""
        noted = 0.0
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                await self._socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
                return
            now = time.monotonic()
            if now - noted > _ATTENDED_SECONDS:
                noted = now
                await self._check_session(attended=True)

    async def _recheck(self) -> None:
        while True:
            await asyncio.sleep(SESSION_SECONDS)
            with suppress(Unavailable):
                await self._check_session(attended=False)

    async def _check_session(self, *, attended: bool) -> None:
        store = self._request.app[SESSION_STORE]
        if await store.find(self._request[SESSION_DIGEST], attended=attended) is None:
            raise LoginRequired("登录已过期，请重新登录。")

    async def _tell(self) -> None:
        pace = Pace(TILE_SECONDS)
        board_at = 0.0
        topic = wall_topic(self._principal.of_body())
        async with self._services.signals.listen(topic) as signals:
            while True:
                while not signals.empty():
                    with suppress(ValueError):
                        pace.note(UUID(signals.get_nowait()))
                now = time.monotonic()
                with suppress(Unavailable):
                    if now >= board_at:
                        board_at = now + BOARD_SECONDS
                        await self._tell_board()
                    elif due := {each for each in pace.due(now) if str(each) in self._told}:
                        await self._tell_tiles(due)
                await asyncio.sleep(TICK_SECONDS)

    async def _tell_board(self) -> None:
        outlooks = self._request.app[OUTLOOKS]
        found = await usecases.look_at_wall(self._services, outlooks, self._principal, self._search)
        order = [str(tile.sitting.attempt_id) for tile in found.tiles]
        self._told = {key: told for key, told in self._told.items() if key in order}
        await self._send(
            {
                "type": "board",
                "at": time_text(found.at),
                "counts": {tab.value: count for tab, count in found.counts.items()},
                "order": order,
                "waiting": [str(each.id) for each in found.waiting],
                "tiles": self._changed(found),
            }
        )

    async def _tell_tiles(self, attempt_ids: set[UUID]) -> None:
        outlooks = self._request.app[OUTLOOKS]
        found = await usecases.look_at_tiles(self._services, outlooks, self._principal, attempt_ids)
        if changed := self._changed(found):
            await self._send({"type": "tiles", "tiles": changed})

    def _changed(self, found: WallPage) -> list[dict[str, Any]]:
        """The tiles that differ from what was told; of those that differ only by the time nothing is told."""
        changed = []
        for tile in found.tiles:
            shown = tile_shown(tile, found.labels, found.at)
            lasting = shown.keys() - _CHANGES_BY_ITSELF
            told = json.dumps({name: shown[name] for name in sorted(lasting)})
            if self._told.get(shown["key"]) != told:
                self._told[shown["key"]] = told
                changed.append(shown)
        return changed

    async def _send(self, message: dict[str, Any]) -> None:
        async with asyncio.timeout(_SEND_SECONDS):
            await self._socket.send_json(message)
