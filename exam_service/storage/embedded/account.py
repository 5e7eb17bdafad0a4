"""Who a server runs as, and how it is tied to the life of its parent: the words put before its command line.

PostgreSQL refuses to run as root, and root is what a container gives us. The wheel and the data may lie below
a directory that only root can enter (``mktemp -d``, ``/root``); loosening the user's directories is not ours
to do, so where nothing less works the server keeps one capability that opens them.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from exam_service.storage.embedded.error import EmbeddedServerError

_ACCOUNTS = ("postgres", "nobody")

_CAPABILITIES = (None, "dac_read_search", "dac_override")
"""From none to much. The second reads everything, the third writes it too and is the one Docker grants."""

_PROBE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user of this machine."""

    name: str
    uid: int
    gid: int


def account_below_root(data: Path) -> Account | None:
    """Return the account which root's servers run as, None where this process is not root.

    The owner of existing ``data`` comes first, then ``postgres``, then ``nobody``. Raises
    ``EmbeddedServerError`` where the machine has none of them.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and (owner := data.stat()).st_uid != 0:
        return Account(f"uid {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in _ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    msg = (
        "PostgreSQL does not run as root, and there is no user 'postgres' or 'nobody'. Use an ordinary user."
    )
    raise EmbeddedServerError(msg)


def words_before(
    account: Account | None, *, at_parents_death: signal.Signals, must_reach: Iterable[Path] = ()
) -> list[str]:
    """Return what to put before a command so that it runs as ``account`` and ends with this process.

    ``at_parents_death`` reaches the command when this process dies, on Linux and when asked for by the main
    thread (the kernel means the thread that forked, and a pool's thread may end long before the process).
    ``must_reach`` are the programs the account must be able to execute and the directories it must be able to
    write; it gets the least capability that does.

    Raises ``EmbeddedServerError`` when ``account`` cannot be made to reach them.
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    death = []
    if threading.current_thread() is threading.main_thread():
        death = [f"--pdeathsig={at_parents_death.name.removeprefix('SIG')}"]
    if account is None:
        tied = [setpriv, *death] if setpriv and death else []
        return tied if _succeeds([*tied, "true"]) else []
    if setpriv:
        for capability in _CAPABILITIES:
            words = [setpriv, *death, *_stepping_down(account, capability)]
            if all(_succeeds([*words, "test", *_wanted(path), str(path)]) for path in must_reach):
                return words
    msg = (
        f"PostgreSQL does not run as root; it would run as {account.name} (user id {account.uid}), "
        f"who cannot use {', '.join(map(str, must_reach))}. "
        "Install below and choose a data directory that this user can reach, start as an ordinary user, or "
        "allow setpriv (util-linux 2.33 or newer) to change the user and keep CAP_DAC_OVERRIDE."
    )
    raise EmbeddedServerError(msg)


def _stepping_down(account: Account, capability: str | None) -> list[str]:
    kept = f",+{capability}" if capability else ""
    words = [
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--no-new-privs",
        f"--inh-caps=-all{kept}",
        f"--ambient-caps=-all{kept}",
    ]
    # initdb asks access(2) whether it may run postgres, and access() leaves out the capabilities of every
    # user but root unless this bit is set.
    return [*words, "--securebits=+no_setuid_fixup"] if capability else words


def _wanted(path: Path) -> tuple[str, ...]:
    return ("-w",) if path.is_dir() else ("-x",)


def _succeeds(command: list[str]) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
