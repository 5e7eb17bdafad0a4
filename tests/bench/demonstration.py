"""A service as deployed, on a directory of its own: what benchmarks load and account for."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections import Counter
from pathlib import Path

from yarl import URL

from exam_service.simulate.accounts import DEMO_PROVINCE

_START_SECONDS = 120.0
_STOP_SECONDS = 40.0
_KINDS = ("web", "worker", "sweep")


class Demonstration:
    """A service as deployed, on a directory of its own."""

    def __init__(self, data: Path, physicians: int, **settings: str) -> None:
        """Starts it; ``settings`` by their names without ``EXAM_``."""
        self.data = data
        self.url = URL(f"http://127.0.0.1:{_free_port()}")
        # Nothing that this shell says of another service.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("EXAM_")}
        self._environment = environment | {
            "EXAM_LOG": "WARNING",
            "EXAM_LOGIN_TRIES_PER_ADDRESS": str(10 * physicians),
        }
        self._environment |= {f"EXAM_{name}": value for name, value in settings.items()}
        self._log = (data / "demo.log").open("wb")
        words = ["demo", "--data", str(data), "--port", str(self.url.port), "--physicians", str(physicians)]
        self._process = subprocess.Popen(
            self._command(words), env=self._environment, stdout=self._log, stderr=self._log
        )

    def _command(self, words: list[str]) -> list[str]:
        return [sys.executable, "-m", "exam_service", *words]

    async def until_served(self) -> None:
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < give_up_at, self.log()
            try:
                socket.create_connection(("127.0.0.1", self.url.port or 0), timeout=1).close()
            except OSError:
                await asyncio.sleep(0.2)
            else:
                return

    async def prepare(self) -> str:
        """`papers prepare`; what it says last."""
        process = await asyncio.create_subprocess_exec(
            *self._command(["papers", "prepare", "--province", DEMO_PROVINCE, "--data", str(self.data)]),
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said
        return said.decode().splitlines()[-1]

    def database_url(self) -> str:
        url: str = tomllib.loads((self.data / "servers.toml").read_text())["database_url"]
        return url

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far by kind of process: web, worker, sweep, postgres, redis, supervisor.

        Of those that are alive and of the children that they have buried: PostgreSQL starts and ends many.
        """
        parents: dict[int, int] = {}
        spent: dict[int, float] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                except OSError:
                    continue
                pid = int(entry.name)
                parents[pid] = int(fields[1])
                own, buried = fields[11:13], fields[13:15]
                if pid == self._process.pid:  # its dead are those of the start: migrations, seeding
                    buried = []
                spent[pid] = sum(map(int, [*own, *buried])) / os.sysconf("SC_CLK_TCK")
        ours = {self._process.pid}
        while grown := {child for child, parent in parents.items() if parent in ours} - ours:
            ours |= grown
        by_kind: Counter[str] = Counter()
        for pid in ours:
            by_kind[_kind(pid)] += spent.get(pid, 0.0)
        return dict(by_kind)

    def log(self) -> str:
        return (self.data / "demo.log").read_text(errors="replace")[-5000:]

    async def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.to_thread(self._process.wait, _STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _kind(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ").split()
    except OSError:
        return "supervisor"
    if any("redis" in word for word in words[:1]):
        return "redis"
    if any("postgres" in word for word in words[:1]):
        return "postgres"
    return next((word for word in words if word in _KINDS), "supervisor")
