"""A browser as far as the service sees one: cookies, the CSRF token, pages, forms, JSON and WebSockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from html.parser import HTMLParser
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar

import aiohttp
from yarl import URL

from exam_service.simulate.chance import pause_after
from exam_service.simulate.tally import Tally

T = TypeVar("T")
Socket: TypeAlias = "aiohttp.ClientWebSocketResponse[bool]"

PATIENCE_SECONDS = 60.0
_REQUEST_SECONDS = 10.0
_CLOSE_SECONDS = 3.0
_CONNECTIONS = 6  # as many as browsers open to one host
_NO_ANSWER = 0


class Refused(Exception):
    """What was asked for didn't happen.

    Attributes:
        status: The HTTP status; 0 when no answer came.
        code: The service's own name for it, such as ``lease_lost``; ``network`` when no answer came.
        message: For people.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message

    @property
    def passing(self) -> bool:
        """Worth sending the same thing again: nothing is wrong with what was sent (as in ``api.js``)."""
        return (
            self.status in {_NO_ANSWER, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS}
            or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        )


class Page(HTMLParser):
    """What a page says to programs: its CSRF token, its hidden fields, and the words of an alert.

    Attributes:
        refresh: Seconds until the page loads itself anew; ``None`` when it doesn't.
        turn_in: Seconds until the turn of who waits in line comes.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.csrf = ""
        self.refresh: float | None = None
        self.turn_in = 0.0
        self.hidden: dict[str, str] = {}
        self._alert: list[str] = []
        self._depth = 0
        self.feed(html)

    @property
    def alert(self) -> str:
        return " ".join(" ".join(self._alert).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = dict(attrs)
        name, value = at.get("name") or "", at.get("value") or ""
        if tag == "meta" and name == "csrf-token":
            self.csrf = at.get("content") or ""
        elif tag == "meta" and at.get("http-equiv") == "refresh":
            self.refresh = float(at.get("content") or 0)
        elif tag == "form" and "data-seconds" in at:
            self.turn_in = float(at["data-seconds"] or 0)
        elif tag == "input" and at.get("type") == "hidden":
            self.hidden[name] = value
        elif tag == "div" and (self._depth or at.get("role") == "alert"):
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        if tag == "div" and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._depth:
            self._alert.append(data)


class Browser:
    """One physician's browser. ``open`` it first; after ``drop`` it can be opened again, cookies kept."""

    def __init__(self, url: URL, tally: Tally, *, insecure: bool) -> None:
        self._url = url
        self._tally = tally
        self._insecure = insecure
        self._session: aiohttp.ClientSession | None = None
        self.forget()

    def forget(self) -> None:
        """Become a browser that was never here: no cookies. Only while it isn't open."""
        # Browsers accept __Host- cookies from localhost over http; aiohttp has to be told, for any host.
        self._cookies = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=self._url)
        self.csrf = ""

    def open(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit_per_host=_CONNECTIONS, ssl=not self._insecure),
            cookie_jar=self._cookies,
            timeout=aiohttp.ClientTimeout(total=_REQUEST_SECONDS),
            headers={
                "Origin": str(self._url),
                "Accept": "text/html, application/json",  # refusals come as JSON, with their code
                "User-Agent": "exam-service simulate",
            },
        )

    async def drop(self) -> None:
        """Close every connection at once and without a word, as a phone does that runs out of power."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def page(self, path: str) -> Page:
        """Open a page; its CSRF token is used from now on.

        Raises:
            Refused: There is no such page for this physician now, or no answer.
        """
        status, location, text = await self._send("GET", path)
        if status != HTTPStatus.OK:
            raise Refused(status, "sent_elsewhere", f"{path} sends to {location}")
        page = Page(text)
        self.csrf = page.csrf
        return page

    async def submit(self, path: str, **fields: str) -> str:
        """Send a form, with the CSRF token; gives the path that the answer sends to.

        Raises:
            Refused: It wasn't taken, or no answer came.
        """
        _, location, _ = await self._send("POST", path, data={"csrf_token": self.csrf, **fields})
        if location is None:
            raise Refused(HTTPStatus.OK, "no_redirect", f"{path} doesn't say where to go on")
        return location

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Send JSON and read JSON.

        Raises:
            Refused: It wasn't taken, or no answer came.
        """
        _, _, text = await self._send("POST", path, json=body, headers={"X-CSRF-Token": self.csrf})
        return _parsed(text)

    async def get(self, path: str) -> Any:
        """Read JSON.

        Raises:
            Refused: It isn't there for this physician, or no answer came.
        """
        _, _, text = await self._send("GET", path)
        return _parsed(text)

    async def dial(self, path: str) -> Socket:
        """Open a WebSocket.

        Raises:
            Refused: The service doesn't want it, or no answer came.
        """
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                return await self._opened().ws_connect(
                    self._url.join(URL(path)), timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS)
                )
        except aiohttp.WSServerHandshakeError as error:
            raise Refused(error.status, "no_websocket", error.message) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refused(_NO_ANSWER, "network", str(error) or type(error).__name__) from error

    async def patiently(self, ask: Callable[[], Awaitable[T]], seconds: float = PATIENCE_SECONDS) -> T:
        """What ``ask`` gives; asked again, with growing pauses, while the refusal is a passing one.

        Raises:
            Refused: For good, or still after ``seconds``.
        """
        give_up_at = asyncio.get_running_loop().time() + seconds
        failures = 0
        while True:
            try:
                return await ask()
            except Refused as refusal:
                failures += 1
                pause = pause_after(failures)
                if not refusal.passing or asyncio.get_running_loop().time() + pause > give_up_at:
                    raise
                self._tally.retries += 1
            await asyncio.sleep(pause)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("this browser isn't open")
        return self._session

    async def _send(self, method: str, path: str, **content: Any) -> tuple[int, str | None, str]:
        try:
            async with self._opened().request(
                method, self._url.join(URL(path)), allow_redirects=False, **content
            ) as reply:
                text = await reply.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refused(_NO_ANSWER, "network", str(error) or type(error).__name__) from error
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(reply.status, text)
        return reply.status, reply.headers.get("Location"), text


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refused(_NO_ANSWER, "unreadable", "the answer is no JSON") from None


def _refusal(status: int, text: str) -> Refused:
    """By the JSON of the service, or by the words of a page, its own or that of a proxy in front."""
    try:
        error = json.loads(text)["error"]
        return Refused(status, str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return Refused(status, f"http_{status}", Page(text).alert or "no reason given")
