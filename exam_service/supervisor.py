"""``serve``: embedded servers where no others are named, and one machine's processes under one parent."""

from __future__ import annotations

import asyncio
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

from exam_service.errors import Misconfigured
from exam_service.settings import Settings, ensure_secrets, load_settings
from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServerError
from exam_service.storage.migrate import migrate

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
START_SECONDS = 60.0
_POLL_SECONDS = 0.2
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0  # a browser is to resume within ten seconds
_STEADY_SECONDS = 30.0


@contextmanager
def servers(data_dir: Path, *, join: bool = False) -> Iterator[None]:
    """PostgreSQL and Redis for this process and its children: those of the environment, else embedded ones.

    While they run their addresses are in ``servers.toml``, where other commands on the same data find them.

    Args:
        join: Use the servers of a service that runs on this data directory already, if one does.

    Raises:
        EmbeddedServerError: One doesn't start, or another process has this data directory.
    """
    data_dir = data_dir.absolute()
    os.environ["EXAM_DATA_DIR"] = str(data_dir)
    with ExitStack() as stack:
        addresses = data_dir / "servers.toml"
        if "EXAM_DATABASE_URL" not in os.environ:
            ensure_secrets(data_dir)
            try:
                postgres = stack.enter_context(EmbeddedPostgres(data_dir / "postgres"))
            except EmbeddedServerError:
                if join and addresses.exists():
                    yield
                    return
                raise
            stack.callback(os.environ.pop, "EXAM_DATABASE_URL", None)
            os.environ["EXAM_DATABASE_URL"] = postgres.dsn
        if "EXAM_REDIS_URL" not in os.environ:
            redis = stack.enter_context(EmbeddedRedis(data_dir / "redis"))
            stack.callback(os.environ.pop, "EXAM_REDIS_URL", None)
            os.environ["EXAM_REDIS_URL"] = redis.url
        _write_addresses(addresses)
        stack.callback(addresses.unlink, missing_ok=True)
        yield


def _write_addresses(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        for name in ("database_url", "redis_url"):
            file.write(f"{name} = {json.dumps(os.environ[f'EXAM_{name.upper()}'])}\n")


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
    with servers(data_dir):
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
            _wait_until_served(settings, children, stopping)
            if ready and not stopping.asked:
                ready(settings)
            while not stopping.asked:
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
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Misconfigured(
                f"can't listen on {settings.host}:{settings.port} ({error.strerror}); choose another --port"
            ) from None


def _wait_until_served(settings: Settings, children: list[_Child], stopping: _Stop) -> None:
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and not stopping.asked:
        try:
            socket.create_connection((host, settings.port), timeout=1).close()
        except OSError:
            for child in children:
                child.keep_running()
            stopping.wait(_POLL_SECONDS)
        else:
            return


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
