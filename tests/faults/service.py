"""The service as it is deployed, on a directory of its own; its processes can be killed and started again."""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from yarl import URL

from exam_service.accounts import usecases as accounts
from exam_service.clock import SystemClock
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.settings import Settings
from exam_service.storage.database import Database
from exam_service.storage.vault import Vault
from tests.faults.servers import held
from tests.faults.sitter import Sitter
from tests.world import PASSWORD, World, build_world, eventually

ROOT = Path(__file__).resolve().parents[2]
POSTGRES, REDIS = "PostgreSQL", "Redis"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.02


def short_directory(*, in_memory: bool = True) -> Path:
    """A new directory whose path leaves room for the name of a socket."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return Path(tempfile.mkdtemp(prefix="exam-f-", dir=memory if in_memory and roomy else "/tmp"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """A child of this process; it ends when this one does."""

    def __init__(self, data: Path, name: str, words: list[str], environment: dict[str, str]) -> None:
        self.log = data / f"{name}.log"
        self._words = words
        # Nothing that the tests' own environment says of another service.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("EXAM_")}
        own = {"EXAM_DATA_DIR": str(data), "EXAM_SUPERVISOR": str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        self.environment = inherited | own | environment
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def spawn(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._words],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def kill(self) -> None:
        """kill -9, and wait until it is dead."""
        assert self._process is not None
        self._process.kill()
        await asyncio.to_thread(self._process.wait)

    async def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            await asyncio.to_thread(self._process.wait, 30)
        except subprocess.TimeoutExpired:
            await self.kill()

    def errors(self) -> str:
        """What its log has from the first ERROR on."""
        lines = self.log.read_text(errors="replace").splitlines()
        first = next((number for number, line in enumerate(lines) if " ERROR " in line), len(lines))
        return "\n".join(lines[first : first + 60])

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class Service:
    """One service: its servers, ``web`` and ``sweep``; a world with a bank, and physicians who sit papers.

    Attributes:
        url: Where ``web`` listens.
        world: The world that was built in its database, by its own use cases.
    """

    world: World
    settings: Settings

    def __init__(self, data: Path, web: list[str] | None = None) -> None:
        self.data = data
        self.port = free_port()
        self.url = URL(f"http://127.0.0.1:{self.port}")
        place = {"EXAM_PORT": str(self.port)}
        self.servers = Process(data, "servers", ["-m", "tests.faults.servers", str(data)], {})
        self.web = Process(data, "web", web or ["-m", "exam_service", "web"], place)
        self.sweep = Process(data, "sweep", ["-m", "exam_service", "sweep"], {})
        self._password_hash = ""
        self._seated: list[Sitter] = []

    async def start(self) -> None:
        self.servers.spawn()
        await self._until(lambda: "ready" in self.servers.log.read_text().split(), self.servers)
        values = tomllib.loads((self.data / "servers.toml").read_text())
        values |= tomllib.loads((self.data / "secrets.toml").read_text())
        self.settings = Settings(**values, data_dir=self.data, port=self.port, database_pool=8)
        database = await Database.connect(self.settings.database_url, pool_size=8)
        vault = Vault(self.settings.key("master_key"))
        self.world = await build_world(database, self.settings, vault, SystemClock())
        self._password_hash = await accounts.hash_password(PASSWORD)
        await self.start_web()
        await self.start_sweep()

    async def stop(self) -> None:
        for sitter in self._seated:
            await sitter.leave()
        for process in (self.web, self.sweep):
            await process.stop()
        if hasattr(self, "world"):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.world.database.close(), 10)
        await self.servers.stop()

    async def start_web(self) -> None:
        """Start ``web``, and again should it end because PostgreSQL isn't there yet, as ``serve`` does."""
        await self._start_again_until(self.web, self._is_served)

    async def start_sweep(self) -> None:
        """Start ``sweep`` and wait until it works: where it finds no PostgreSQL it ends, for good here."""
        self.sweep.spawn()
        async with self.connected() as connection:
            sealed = "SELECT count(*) FROM audit_seal"
            await eventually(lambda: connection.fetchval(sealed), within=_START_SECONDS)

    async def kill_postgres(self) -> None:
        """kill -9 of the postmaster; returns once the next one, which its keeper starts, is ready."""
        killed = self._kill_postgres()
        await self._until(lambda: self.postgres_pid not in {None, killed}, self.servers)

    def _kill_postgres(self) -> int:
        pid = self.postgres_pid
        assert pid is not None, "PostgreSQL isn't ready"
        os.kill(pid, signal.SIGKILL)
        return pid

    async def hold_postgres(self) -> None:
        """kill -9, and PostgreSQL stays dead until it is released; returns once nothing of it is left."""
        held(self.data, POSTGRES).touch()
        self._kill_postgres()
        with (self.data / "postgres" / "server.lock").open() as lock:  # all of them hold it
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)

    async def release_postgres(self) -> None:
        killed = self.postgres_pid
        held(self.data, POSTGRES).unlink()
        await self._until(lambda: self.postgres_pid not in {None, killed}, self.servers)

    @property
    def postgres_pid(self) -> int | None:
        """Of the postmaster, while it is ready for connections."""
        try:
            lines = (self.data / "postgres" / "cluster" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return None
        return int(lines[0]) if len(lines) > 7 and lines[7].strip() == "ready" else None

    async def kill_redis(self, *, hold: bool) -> None:
        """kill -9 of Redis; it stays dead while it is held."""
        if hold:
            held(self.data, REDIS).touch()
        os.kill(await self._redis_pid(), signal.SIGKILL)

    async def release_redis(self) -> None:
        held(self.data, REDIS).unlink()

    async def flush_redis(self) -> None:
        assert (await self._redis(b"FLUSHALL")).startswith(b"+OK")

    async def redis_answers(self) -> bool:
        try:
            return (await self._redis(b"PING")).startswith(b"+PONG")
        except OSError:
            return False

    async def _redis_pid(self) -> int:
        info = await self._redis(b"INFO server")
        return int(info.split(b"process_id:")[1].split()[0])

    async def _redis(self, command: bytes) -> bytes:
        path = URL(self.settings.redis_url).path
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(command + b"\r\n")
        answer = await reader.read(8192)
        writer.close()
        return answer

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        """A connection of our own, without the service's code in between."""
        connection = await asyncpg.connect(self.settings.database_url)
        try:
            yield connection
        finally:
            await connection.close()

    async def seat(self, count: int, *, through: URL | None = None) -> list[Sitter]:
        """New physicians, logged in and admitted, each with a paper open in a browser of their own."""
        place = self.world.here
        newcomers = [await self.world.newcomer(self._password_hash) for _ in range(count)]
        attempts: list[Attempt] = []
        for physician in newcomers:
            attempts.append(await self.world.start(physician))
            await self._admit(attempts[-1])
        sitters = [
            Sitter(through or self.url, place.province_id, place.number_of(physician), attempt.id)
            for physician, attempt in zip(newcomers, attempts, strict=True)
        ]
        self._seated += sitters
        for sitter in sitters:
            await sitter.log_in()
            await sitter.open_paper()
        return sitters

    async def _admit(self, attempt: Attempt) -> None:
        who = (attempt.id, attempt.province_id)
        async with self.world.database.tx() as tx:
            for step in (papers.pass_check, papers.admit):
                await step(tx, self.world.clock, *who, cause="test", actor_id=attempt.account_id)

    async def _start_again_until(self, process: Process, served: Any) -> None:
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            if not process.running:
                process.spawn()
            if served():
                return
            assert time.monotonic() < give_up_at, f"didn't start:\n{process.tail()}"
            await asyncio.sleep(_POLL_SECONDS)

    async def _until(self, fact: Any, process: Process) -> None:
        give_up_at = time.monotonic() + _START_SECONDS
        while not fact():
            assert process.running, f"ended:\n{process.tail()}"
            assert time.monotonic() < give_up_at, f"didn't start:\n{process.tail()}"
            await asyncio.sleep(_POLL_SECONDS)

    def _is_served(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@asynccontextmanager
async def deployed(data: Path | None = None) -> AsyncIterator[Service]:
    """A running service; its directory goes with it, if it is of its own making."""
    directory = data or short_directory()
    service = Service(directory)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()
        if data is None:
            shutil.rmtree(directory, ignore_errors=True)
