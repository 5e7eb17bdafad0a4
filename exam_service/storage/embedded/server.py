"""The life of an embedded server as a child of this process: started, waited for, stopped."""

import os
import signal
import subprocess
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from exam_service.storage.embedded.error import EmbeddedServerError
from exam_service.storage.embedded.home import Marks, claim, evict_orphans, open_file, open_home

_POLL_SECONDS = 0.01
_IMPATIENT_SECONDS = 3.0
_LARGEST_LOG = 10 * 1024 * 1024


def bare_environment() -> dict[str, str]:
    """What a server may know of our environment: not the secrets in it, nor a stray ``PGDATA``."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"} | kept


class EmbeddedServer(ABC):
    """One server, its home directory, and this process as the parent of both.

    Synchronous and not thread-safe. A copy of it in a forked child does nothing: the server stays with the
    process that started it.
    """

    name: ClassVar[str]
    log_name: ClassVar[str]
    stop_signals: ClassVar[Sequence[signal.Signals]]
    """From polite to final."""

    def __init__(self, home: Path, *, start_timeout: float, stop_timeout: float) -> None:
        self._wanted_home = home
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._home: Path | None = None
        self._socket_directory: Path | None = None
        self._claim: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._minds_forks = False

    @property
    def home(self) -> Path:
        """The real absolute path of the home. Raises ``EmbeddedServerError`` before the first start."""
        return self._known(self._home)

    @property
    def log(self) -> Path:
        """The server's log: text, appended to, set aside as ``.1`` at a start that finds it past 10 MiB."""
        return self.home / self.log_name

    @property
    def running(self) -> bool:
        """Whether the server's process lives, as far as its parent (this process) knows."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the server. Raises ``EmbeddedServerError`` when it is not running."""
        if self._process is None or not self.running:
            raise EmbeddedServerError(f"{self.name} is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start the server and return once it answers; nothing to do when it runs already.

        Whatever a crash left behind is cleared first. Raises ``EmbeddedServerError`` when another process has
        the same home, when the server ends or does not answer within ``start_timeout`` seconds, and when the
        home cannot be used.
        """
        if self.running:
            return
        self.stop()  # a server that died by itself still has our claim on its home
        self._mind_forks()
        try:
            self._home = self._open_home(self._wanted_home)
            self._claim = claim(self._home)
            server_lock = evict_orphans(self._home, self._marks(), self.stop_signals)
            try:
                self._clear_remains()
                self._launch(server_lock)
            finally:
                os.close(server_lock)  # from here on only the server and its children hold the lock
            self._await_ready()
        except BaseException as error:
            self.stop()
            if isinstance(error, OSError | subprocess.SubprocessError):
                raise EmbeddedServerError(f"{self.name} cannot use {self._wanted_home}: {error}") from error
            raise

    def stop(self) -> None:
        """Stop the server and let go of its home; nothing to do when it does not run.

        Asks politely and waits ``stop_timeout`` seconds, then less politely, at last by SIGKILL. Committed
        data survive each of them.
        """
        process, self._process = self._process, None
        try:
            if process is not None:
                self._end(process)
                if self._socket_directory is not None:
                    with suppress(OSError):
                        self._socket_directory.rmdir()
        finally:
            held, self._claim = self._claim, None
            if held is not None:
                os.close(held)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _open_home(self, wanted: Path) -> Path:
        return open_home(wanted)

    @abstractmethod
    def _marks(self) -> Marks:
        """Return how this home's server is recognised among all processes."""

    @abstractmethod
    def _clear_remains(self) -> None:
        """Remove pid files and sockets; no server works in the home at this point."""

    @abstractmethod
    def _launch(self, server_lock: int) -> None:
        """Prepare the data and ``_spawn`` the server; its children inherit ``server_lock``."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Return whether the server answers now."""

    def _ask_to_stop(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(self.stop_signals[0])

    def _open_log(self) -> int:
        with suppress(FileNotFoundError):
            if self.log.stat().st_size > _LARGEST_LOG:
                self.log.replace(self.log.with_name(f"{self.log_name}.1"))
        return open_file(self.home, self.log_name, os.O_WRONLY | os.O_APPEND)

    def _spawn(self, command: Sequence[str], server_lock: int) -> None:
        log = self._open_log()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=bare_environment(),
                pass_fds=(server_lock,),
                start_new_session=True,  # the terminal's Ctrl-C is for the parent, which stops us in order
            )
        finally:
            os.close(log)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not self._is_ready():
            if not self.running:
                status = self._process.returncode if self._process else None
                raise EmbeddedServerError(
                    f"{self.name} ended while starting (status {status}).", log=self.log
                )
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"{self.name} did not answer within {self._start_timeout:g} s.", log=self.log
                )
            time.sleep(_POLL_SECONDS)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is not None:
            return
        self._ask_to_stop(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(self._stop_timeout)
        for sign in self.stop_signals[1:]:
            if process.poll() is not None:
                return
            process.send_signal(sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_IMPATIENT_SECONDS)

    def _mind_forks(self) -> None:
        if self._minds_forks:
            return
        this = weakref.ref(self)

        def forget() -> None:
            if (server := this()) is not None:
                server._forget()  # noqa: SLF001 - it is one of us

        os.register_at_fork(after_in_child=forget)
        self._minds_forks = True

    def _forget(self) -> None:
        self._process = None
        if self._claim is not None:
            os.close(self._claim)
            self._claim = None

    def _known(self, path: Path | None) -> Path:
        if path is None:
            raise EmbeddedServerError(f"{self.name} has not been started yet.")
        return path
