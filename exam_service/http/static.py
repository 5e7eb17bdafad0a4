"""Assets, held in memory: few and small, compressed once, named by the digest of them all."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import re
from pathlib import Path

from aiohttp import web

from exam_service.http.guards import public

_SMALLEST_WORTH_COMPRESSING = 512
_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)


class Assets:
    """Everything below a directory; a URL names the build, so that browsers may keep it for ever."""

    def __init__(self, files: dict[str, bytes]) -> None:
        digest = hashlib.sha256()
        for name, content in sorted(files.items()):
            digest.update(name.encode() + b"\0" + content + b"\0")
        self.build = digest.hexdigest()[:12]
        self._files = files
        self._compressed: dict[str, bytes] = {}  # what was asked for

    @classmethod
    def read(cls, root: Path) -> Assets:
        return cls(
            {
                path.relative_to(root).as_posix(): path.read_bytes()
                for path in root.rglob("*")
                if path.is_file()
            }
        )

    def url(self, name: str) -> str:
        """The address of an asset; a KeyError for one that doesn't exist."""
        if name not in self._files:
            raise KeyError(f"no asset {name}")
        return f"/static/{self.build}/{name}"

    def answer(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        content = self._files.get(name)
        if content is None:
            raise web.HTTPNotFound
        headers = {"Vary": "Accept-Encoding", "Cache-Control": "public, max-age=31536000, immutable"}
        if request.match_info["build"] != self.build:
            headers["Cache-Control"] = (
                "no-store"  # an old page asks a new build: right content, not for keeping
            )
        takes_gzip = _GZIP.search(request.headers.get("Accept-Encoding", ""))
        if takes_gzip and len(content) >= _SMALLEST_WORTH_COMPRESSING:
            if name not in self._compressed:
                self._compressed[name] = gzip.compress(content, 9, mtime=0)
            content = self._compressed[name]
            headers["Content-Encoding"] = "gzip"
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        charset = "utf-8" if kind.startswith("text/") or kind.endswith("javascript") else None
        return web.Response(body=content, content_type=kind, charset=charset, headers=headers)


ASSETS = web.AppKey("assets", Assets)


@public
async def serve_asset(request: web.Request) -> web.Response:
    return request.app[ASSETS].answer(request)
