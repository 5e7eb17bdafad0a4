"""The server of one paper, by hand: real templates and assets, the JSON API of docs/architecture.md.

It does on demand what the real one does only in bad hours: refuse, stay silent, give time, lose the login.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jinja2
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exam_service.app import WEB_ROOT
from exam_service.http.static import Assets

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self' ws:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
PROXY_PAGE = "<html><body><h1>Request blocked</h1></body></html>"


@dataclass
class Item:
    stem: str
    image: dict[str, Any] | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    options: list[dict[str, str]] = field(
        default_factory=lambda: [{"id": str(uuid4()), "text": f"选项{letter}"} for letter in "甲乙丙丁戊"]
    )

    def option(self, index: int) -> str:
        return self.options[index]["id"]


class PaperStandIn:
    """One attempt. ``journal`` has every answer in the order of arrival; the rest are knobs."""

    def __init__(self) -> None:
        self.attempt = str(uuid4())
        self.key = secrets.token_bytes(32)
        self.items = [Item(f"第{number}道题的题干，问的是什么？") for number in range(1, 11)]
        self.epoch = 0
        self.time_left_ms = 3_600_000
        self.state = "running"
        self.block_copy = False
        self.watermark: str | None = None
        self.proctored = False
        self.notices: list[dict[str, Any]] = []
        self.journal: list[dict[str, Any]] = []
        self.events: list[dict[str, str]] = []
        self.time_requests: list[dict[str, str]] = []
        self.beats = 0
        self.fault: dict[str, tuple[int, str] | str] = {}
        """By action: "html" is a proxy's page, "cut" no answer at all, else status and code."""
        self.logged_in = True
        self.outcome: str | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._csrf = secrets.token_urlsafe(8)
        self._assets = Assets.read(WEB_ROOT / "static")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(WEB_ROOT / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals["static"] = self._assets.url

    @property
    def path(self) -> str:
        return f"/attempts/{self.attempt}"

    def log_in(self) -> None:
        """A new session, and with it another token."""
        self.logged_in = True
        self._csrf = secrets.token_urlsafe(8)

    def log_out(self) -> None:
        self.logged_in = False

    @property
    def answers(self) -> dict[str, str]:
        """What counts: of each item the largest (epoch, seq)."""
        counted = sorted(
            (each for each in self.journal if not each["late"]), key=lambda e: (e["epoch"], e["seq"])
        )
        return {each["item"]: each["option"] for each in counted}

    async def look(self) -> None:
        """Tell the page to ask how things are."""
        for socket in self._sockets:
            await socket.send_json({"type": "look"})

    def unseal(self, entry: dict[str, Any]) -> bytes:
        """What the import of the staff does."""
        iv, data = (base64.b64decode(entry[name]) for name in ("iv", "data"))
        return AESGCM(self.key).decrypt(iv, data, f"{self.attempt}|{entry['epoch']}|{entry['seq']}".encode())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/static/{build}/{name:.+}", self._asset)
        app.router.add_get("/login", self._login)
        app.router.add_get(self.path, self._page)
        app.router.add_get(f"{self.path}/{{name:result|takeover}}", self._named)
        app.router.add_get(f"{self.path}/stream", self._stream)
        app.router.add_post(f"{self.path}/{{action}}", self._act)
        async with TestServer(app, host="localhost") as server:
            yield str(server.make_url("/")).rstrip("/")

    async def _asset(self, request: web.Request) -> web.Response:
        return self._assets.answer(request)

    async def _login(self, _request: web.Request) -> web.Response:
        return web.Response(
            text='<meta name="csrf-token" content="of-a-visitor">登录', content_type="text/html"
        )

    async def _named(self, request: web.Request) -> web.Response:
        return web.Response(text=request.match_info["name"], content_type="text/html")

    async def _page(self, _request: web.Request) -> web.Response:
        if not self.logged_in:
            raise web.HTTPSeeOther(f"/login?next={self.path}")
        page = self._templates.get_template("papers/paper.html").render(
            account=None,
            csrf_token=self._csrf,
            flash=None,
            attempt_id=self.attempt,
            title="人文医学测评",
            watched=False,
        )
        headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
        return web.Response(text=page, content_type="text/html", headers=headers)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            if message.type is web.WSMsgType.TEXT:
                ready = {"type": "ready", "stream": str(uuid4()), "nonce": "00" * 16}
                await socket.send_json(ready | {"interval_ms": 60_000})
                self._sockets.append(socket)
        return socket

    async def _act(self, request: web.Request) -> web.StreamResponse:
        action = request.match_info["action"]
        fault = self.fault.get(action) or self.fault.get("*")
        if fault == "html":
            return web.Response(status=403, text=PROXY_PAGE, content_type="text/html")
        if fault == "cut":
            assert request.transport is not None
            request.transport.abort()
            await asyncio.sleep(0)
            return web.Response()
        if fault:
            return _refusal(int(fault[0]), fault[1])
        if request.headers.get("X-CSRF-Token") != self._csrf or not self.logged_in:
            return _refusal(403, "bad_csrf")
        body = await request.json()
        return web.json_response(getattr(self, f"_{action.replace('-', '_')}")(body))

    def _lease(self, _body: dict[str, Any]) -> dict[str, Any]:
        self.epoch += 1
        return {
            "attempt": {"id": self.attempt, "title": "人文医学测评", "minutes": 60},
            "epoch": self.epoch,
            "next_seq": 1,
            "time_left_ms": self.time_left_ms,
            "items": [
                {"id": item.id, "stem": item.stem, "options": item.options}
                | ({"image": item.image} if item.image else {})
                for item in self.items
            ],
            "answers": self.answers,
            "result_url": f"{self.path}/result",
            "proctor": {"required": self.proctored},
            "outbox_key": base64.b64encode(self.key).decode(),
            "protection": {"block_copy": self.block_copy, "watermark": self.watermark},
            "notices": self.notices,
        }

    def _answers(self, body: dict[str, Any]) -> dict[str, Any]:
        place = (body["epoch"], body["seq"])
        if place not in {(each["epoch"], each["seq"]) for each in self.journal}:
            self.journal.append({**body, "late": self.outcome == "late"})
        newest = max((e["epoch"], e["seq"]) for e in self.journal if e["item"] == body["item"])
        return {
            "seq": body["seq"],
            "outcome": self.outcome or ("current" if newest == place else "superseded"),
            "epoch": self.epoch,
            "receipt": {"number": len(self.journal), "hash": "00" * 32},
            "time_left_ms": self.time_left_ms,
        }

    def _presence(self, body: dict[str, Any]) -> dict[str, Any]:
        self.beats += 1
        assert len(body["events"]) <= 20
        self.events += body["events"]
        return {
            "state": self.state,
            "over": self.state in {"closed", "marked"},
            "time_left_ms": self.time_left_ms,
            "epoch": self.epoch,
            "notices": self.notices,
        }

    def _hand_in(self, _body: dict[str, Any]) -> dict[str, Any]:
        self.state = "marked"
        return {"result_url": f"{self.path}/result"}

    def _time_requests(self, body: dict[str, Any]) -> dict[str, Any]:
        self.time_requests.append(body)
        return {"state": "open"}


def _refusal(status: int, code: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": f"没有收下（{code}）。"}}, status=status)
