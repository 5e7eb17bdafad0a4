"""``serve``: embedded servers where no others are named, and one machine's processes under one parent."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

from exam_service.errors import Misconfigured
from exam_service.settings import Settings, ensure_secrets, is_configured, load_settings
from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServerError
from exam_service.storage.migrate import migrate

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
START_SECONDS = 60.0
_POLL_SECONDS = 0.2
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0  # a browser is to resume within ten seconds
_STEADY_SECONDS = 30.0


class Embedded(Protocol):
    """A server that is a child of this process."""

    @property
    def running(self) -> bool: ...

    def start(self) -> object: ...


@contextmanager
def servers(data_dir: Path, *, join: bool = False) -> Iterator[list[Embedded]]:
    """PostgreSQL and Redis for this process and its children: those that are configured, else embedded ones.

    While embedded ones run, their addresses are in ``servers.toml``, where other commands on the same data
    find them. Gives the embedded ones.

    Args:
        join: Use the servers of a service that runs on this data directory already, if one does.

    Raises:
        EmbeddedServerError: One doesn't start, or another process has this data directory.
        Misconfigured: The data directory can't be made.
    """
    data_dir = data_dir.absolute()
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Misconfigured(f"the data directory {data_dir} can't be made: {error.strerror}") from None
    os.environ["EXAM_DATA_DIR"] = str(data_dir)
    embedded: list[Embedded] = []
    addresses = data_dir / "servers.toml"
    with ExitStack() as stack:
        found: dict[str, str] = {}
        if not is_configured("database_url"):
            ensure_secrets(data_dir)
            try:
                postgres = stack.enter_context(EmbeddedPostgres(data_dir / "postgres"))
            except EmbeddedServerError:
                if join and addresses.exists():
                    yield []
                    return
                raise
            embedded.append(postgres)
            found["database_url"] = postgres.dsn
        if not is_configured("redis_url"):
            redis = stack.enter_context(EmbeddedRedis(data_dir / "redis"))
            embedded.append(redis)
            found["redis_url"] = redis.url
        if found:
            _write_addresses(addresses, found)
            stack.callback(addresses.unlink, missing_ok=True)
        yield embedded


def _write_addresses(path: Path, found: Mapping[str, str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name} = {json.dumps(url)}\n" for name, url in found.items())


@dataclass
class _Child:
    """One process that is kept running; a child that keeps dying is restarted ever more slowly."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = _SHORTEST_PAUSE
    restart_at: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "exam_service", *self.arguments],
            env={**os.environ, **self.environment, "EXAM_SUPERVISOR": str(os.getpid())},
            start_new_session=True,  # Ctrl-C is the supervisor's to hear
        )

    def keep_running(self) -> None:
        now = time.monotonic()
        if self.process is None:
            if now >= self.restart_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        steady = now - self.started > _STEADY_SECONDS
        self.pause = _SHORTEST_PAUSE if steady else min(_LONGEST_PAUSE, self.pause * 2)
        log.error("%s ended with %s, again in %.1f s", " ".join(self.arguments), code, self.pause)
        self.process = None
        self.restart_at = now + self.pause


def serve(
    data_dir: Path,
    overrides: Mapping[str, str],
    *,
    prepare: Callable[[Settings], None] | None = None,
    ready: Callable[[Settings], None] | None = None,
) -> None:
    """Run everything on this machine until SIGTERM or SIGINT.

    Args:
        overrides: Settings from the command line, as environment variables; they win.
        prepare: Called once the database is migrated, before anything listens.
        ready: Called once pages are served.

    Raises:
        Misconfigured: A setting is missing or wrong, or the port is taken.
    """
    os.environ.update(overrides)
    stopping = _Stop()
    with servers(data_dir) as embedded:
        settings = load_settings()
        _check_port_is_free(settings)
        asyncio.run(migrate(settings.database_url))
        if prepare:
            prepare(settings)
        children = [
            *(_Child(("web",), {}) for _ in range(settings.web_processes)),
            *(_Child(("worker",), {}) for _ in range(settings.worker_processes)),
            _Child(("sweep",), {}),
        ]
        try:
            for child in children:
                child.start()
            if _wait_until_served(settings, children, stopping) and ready:
                ready(settings)
            while not stopping.asked:
                for server in embedded:
                    if not server.running:
                        log.error("an embedded server died, starting it again")
                        try:
                            server.start()
                        except EmbeddedServerError:  # a full disk, say: the next round tries again
                            log.exception("an embedded server did not start")
                for child in children:
                    child.keep_running()
                stopping.wait(_POLL_SECONDS)
        finally:
            _stop(children)


class _Stop:
    """Set by SIGTERM and SIGINT."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)  # a signal ends the sleep's purpose, not the sleep: keep it short


def _check_port_is_free(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            other = "--host" if error.errno == errno.EADDRNOTAVAIL else "--port"
            raise Misconfigured(
                f"can't listen on {settings.host}:{settings.port} ({error.strerror}); choose another {other}"
            ) from None


def _wait_until_served(settings: Settings, children: list[_Child], stopping: _Stop) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not stopping.asked:
        try:
            socket.create_connection((host, settings.port), timeout=1).close()
        except OSError:
            for child in children:
                child.keep_running()
            stopping.wait(_POLL_SECONDS)
        else:
            return True
    if not stopping.asked:
        log.error("no page served after %.0f s, still trying", START_SECONDS)
    return False


def _stop(children: list[_Child]) -> None:
    running = [child.process for child in children if child.process is not None]
    for process in running:
        process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in running:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("process %s didn't stop, killing it", process.pid)  # noqa: TRY400 - not a surprise
            process.kill()
            process.wait()
