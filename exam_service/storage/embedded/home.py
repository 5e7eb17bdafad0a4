"""The directory an embedded server lives in: who may use it, which server still does, where its socket is.

Two locks, both ``flock``, so that the kernel lets go of them however a process dies:

``parent.lock``
    held by the process that called ``start()``. One parent per home.
``server.lock``
    inherited by the server and by everything the server forks. While it is held some process of a server
    still works on the data, whatever the pid files say; once it is free every pid file and socket is stale.
    A pid alone proves nothing: it may have been given to somebody else since.
"""

import fcntl
import hashlib
import os
import re
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exam_service.storage.embedded.error import EmbeddedServerError

LONGEST_SOCKET_PATH = 103
"""Bytes. macOS ends a Unix socket's path after 104 with the closing NUL, Linux after 108."""

_POLL_SECONDS = 0.01
_PARENT_PATIENCE_SECONDS = 0.5
_ORPHAN_PATIENCE_SECONDS = 20.0
_ORPHAN_SECONDS_PER_SIGNAL = 2.0
_NOBODY_SECONDS = 0.3
_PROC = Path("/proc")
_PLAIN_PATH = re.compile(r"[\w./+@~-]+")  # PostgreSQL splits a list at commas and trims blanks


@dataclass(frozen=True, slots=True)
class Marks:
    """How the processes of one home's server look in the list of all processes.

    ``argument`` is a word on the command line of the main process that nothing else has; ``title`` is how the
    titles of the processes it forks begin, None where it forks none.
    """

    argument: str
    title: str | None = None

    def find_main(self) -> list[int]:
        """Process ids of main processes."""
        return [pid for pid, words in _command_lines() if self.argument in words]

    def find_all(self) -> list[int]:
        """Process ids of main processes and of what they forked."""
        return [
            pid
            for pid, words in _command_lines()
            if self.argument in words or (self.title and " ".join(words).startswith(self.title))
        ]


def _command_lines() -> Iterator[tuple[int, list[str]]]:
    if _PROC.is_dir():
        for directory in _PROC.iterdir():
            if directory.name.isdecimal():
                with suppress(OSError):  # it has ended since
                    words = (directory / "cmdline").read_bytes().split(b"\0")
                    yield int(directory.name), [os.fsdecode(word) for word in words]
        return
    listed = subprocess.run(
        ["/bin/ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=False
    )
    for line in listed.stdout.splitlines():
        pid, _, command = line.strip().partition(" ")
        yield int(pid), command.strip().split(" ")


def open_home(path: Path, *, owner: tuple[int, int] | None = None) -> Path:
    """Create the home, 0700, unless it is there; return its real absolute path.

    ``owner`` (uid, gid) gets an empty home that root made: the account root steps down to can then enter it
    by itself. The directories above keep their owner and their mode.
    """
    home = Path(os.path.realpath(path))
    home.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        home.mkdir(mode=0o700)
    if owner is not None and home.stat().st_uid == os.geteuid() and not any(home.iterdir()):
        give(home, owner)
    return home


def give(thing: Path | int, owner: tuple[int, int]) -> None:
    """Hand a path or an open descriptor of ours to ``owner`` (uid, gid).

    Raises ``EmbeddedServerError`` where the kernel forbids it, as in a user namespace with a single user.
    """
    try:
        os.chown(thing, *owner)
    except OSError as error:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and user {owner[0]}, which it would run as, cannot be given "
            f"files here ({error}). Start as an ordinary user."
        ) from error


def open_file(home: Path, name: str, flags: int) -> int:
    """Open, or create as 0600, a file of the home; return the descriptor.

    Refuses a symbolic link, and what root creates in somebody's home belongs to that somebody: otherwise one
    start as root would lock the owner out.
    """
    descriptor = os.open(home / name, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        owner = home.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def claim(home: Path) -> int:
    """Become the one parent of this home; return the descriptor which holds the claim until it is closed.

    Raises ``EmbeddedServerError`` naming the process that already is. Waits half a second first: a parent
    killed a moment ago may still be on its way out.
    """
    descriptor = open_file(home, "parent.lock", os.O_RDWR)
    deadline = time.monotonic() + _PARENT_PATIENCE_SECONDS
    while not _try_lock(descriptor):
        if time.monotonic() > deadline:
            holder = os.pread(descriptor, 32, 0).decode("ascii", errors="replace").strip() or "unknown"
            os.close(descriptor)
            msg = (
                f"{home} is in use by the running process {holder}. "
                "Stop that one first, or choose another data directory."
            )
            raise EmbeddedServerError(msg)
        time.sleep(_POLL_SECONDS)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


def digest_of(home: Path) -> str:
    """Sixteen hexadecimal digits that stand for the home where its path does not fit."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def evict_orphans(home: Path, marks: Marks, signals: Sequence[signal.Signals]) -> int:
    """End the servers that earlier parents left behind; return the locked descriptor of ``server.lock``.

    Stopped, not adopted: an orphan has the settings and perhaps the binary of another release. The first of
    ``signals`` goes to the main process alone, because PostgreSQL's other processes understand something else
    by it; the rest, two seconds apart, go to all.

    Raises ``EmbeddedServerError`` when something still holds the lock after 20 s.
    """
    descriptor = open_file(home, "server.lock", os.O_RDWR)
    try:
        deadline = time.monotonic() + _ORPHAN_PATIENCE_SECONDS
        due = time.monotonic()
        unsent = list(signals)
        while not _try_lock(descriptor):
            _refuse_after(deadline, home, marks)
            if unsent and time.monotonic() >= due:
                orphans = marks.find_main() if len(unsent) == len(signals) else marks.find_all()
                for pid in orphans:
                    with suppress(ProcessLookupError):
                        os.kill(pid, unsent[0])
                del unsent[0]
                due = time.monotonic() + (_ORPHAN_SECONDS_PER_SIGNAL if orphans else _NOBODY_SECONDS)
            time.sleep(_POLL_SECONDS)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_after(deadline: float, home: Path, marks: Marks) -> None:
    if time.monotonic() > deadline:
        left = ", ".join(str(pid) for pid in marks.find_all()) or "unknown"
        msg = (
            f"A server that an earlier run left behind still works in {home} (process {left}). "
            "End it, then start again."
        )
        raise EmbeddedServerError(msg)


def socket_directory(home: Path, socket_name: str, *, owner: tuple[int, int]) -> Path:
    """Return a directory, 0700 and of ``owner`` (uid, gid), whose path leaves room for the socket's name.

    Inside the home where that is short and plain enough, otherwise below the temporary directory under a name
    derived from the home. What lets a client in is this directory alone, so one that is a symbolic link or
    belongs to somebody else is refused with ``EmbeddedServerError``.
    """
    directory = home / "socket"
    if not _usable(directory / socket_name):
        name = f"exam-{owner[0]}-{digest_of(home)}"
        below = [Path(tempfile.gettempdir()), Path("/tmp")]  # noqa: S108 - checked below
        directory = next((d / name for d in below if _usable(d / name / socket_name)), below[-1] / name)
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise EmbeddedServerError(
            f"{directory} should be a private directory of ours but is a symbolic link, a file or somebody "
            "else's. Find out who put it there and remove it."
        ) from error
    try:
        found = os.fstat(descriptor)
        if found.st_uid not in {owner[0], os.geteuid()}:
            msg = (
                f"{directory} belongs to user {found.st_uid}, not to {owner[0]}. "
                "Find out who put it there and remove it."
            )
            raise EmbeddedServerError(msg)
        if found.st_uid != owner[0]:
            give(descriptor, owner)
        if stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
            os.fchmod(descriptor, stat.S_IRWXU)
    finally:
        os.close(descriptor)
    return directory


def _usable(socket: Path) -> bool:
    return len(os.fsencode(socket)) <= LONGEST_SOCKET_PATH and bool(_PLAIN_PATH.fullmatch(str(socket)))
