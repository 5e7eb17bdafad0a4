"""Real servers for the tests: one PostgreSQL for the run, a Redis and a template database for each worker."""

from __future__ import annotations

import asyncio
import compileall
import gc
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from functools import partial
from pathlib import Path

import aiohttp_jinja2
import asyncpg
import jinja2
import pytest
from argon2 import PasswordHasher

import exam_service
from exam_service.accounts.usecases import passwords
from exam_service.clock import Clock
from exam_service.queue.connection import Client, connect
from exam_service.settings import Settings
from exam_service.storage.database import Database
from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis
from exam_service.storage.migrate import migrate
from exam_service.storage.vault import Vault
from tests.world import FakeClock, World, build_world, copy_of

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # of tests only: 32 digits
_HASHER = "exam_service.accounts.usecases.passwords._HASHER"
_REAL_HASHER = passwords._HASHER


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """The process that starts the run keeps its directory and the server; xdist's workers inherit both."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    home = Path(tempfile.mkdtemp(prefix="exam-run-", dir=_fast_directory()))
    home.chmod(0o711)  # for servers that step down from root
    os.environ["TMPDIR"] = tempfile.tempdir = str(home)
    compileall.compile_dir(Path(exam_service.__file__).parent, quiet=2)  # or every process would do it again
    postgres = EmbeddedPostgres(home / "postgres")
    postgres.start()
    os.environ["EXAM_TESTS_DSN"] = postgres.dsn

    def stop() -> None:
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)

    config.add_cleanup(stop)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Thousands of tests are no garbage: nobody looks through them while they are made, nor ever again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, so that all workers end together: browsers, and these files."""
    long = {"test_command_line", "test_worker", "test_verifier"}
    items.sort(key=lambda item: item.path.parent.name != "e2e" and item.path.stem not in long)


def _fast_directory() -> str | None:
    """Memory, where there is enough of it: servers and browsers write to it as to a disk, only sooner."""
    memory = Path("/dev/shm")
    enough = 2 * 1024**3
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > enough:
        return str(memory)
    return None


def _dsn_for(database: str) -> str:
    return os.environ["EXAM_TESTS_DSN"].replace("/exam?", f"/{database}?")


async def _run_sql(statement: str) -> None:
    connection = await asyncpg.connect(_dsn_for("exam"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def template_database(worker_id: str) -> str:
    """A migrated, empty database to copy."""
    name = f"template_{worker_id}"
    await _run_sql(f"CREATE DATABASE {name}")
    await migrate(_dsn_for(name))
    return name


@pytest.fixture(scope="session", autouse=True)
def thrift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a service does once, and every test would pay for.

    Templates are compiled once for all applications, a pool opens the connections that are asked for, and
    passwords are hashed quickly, but for ``real_hashes``.
    """
    compiled = jinja2.FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aiohttp_jinja2, "setup", partial(aiohttp_jinja2.setup, bytecode_cache=compiled))
        patch.setattr("exam_service.storage.database._KEPT_OPEN", 1)
        patch.setattr(_HASHER, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture
def real_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed as a service does it."""
    monkeypatch.setattr(_HASHER, _REAL_HASHER)


@pytest.fixture(scope="session")
def worker_id(request: pytest.FixtureRequest) -> str:
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


@pytest.fixture
async def database_url(template_database: str, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A migrated database of the test's own; already furnished for who wants a world."""
    template = template_database
    if "furnished_world" in request.fixturenames:
        template = _furnished(template, request.getfixturevalue("clock_of_worlds"))
    name = f"test_{secrets.token_hex(6)}"
    await _run_sql(copy_of(template, name))
    yield _dsn_for(name)
    await _run_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
async def redis_client(redis_server: EmbeddedRedis) -> AsyncIterator[Client]:
    """An empty Redis."""
    client = connect(redis_server.url)
    await client.flushall()
    yield client
    await client.aclose()


def settings_for(database_url: str, redis_server: EmbeddedRedis, data_dir: Path) -> Settings:
    return Settings(
        database_url=database_url,
        redis_url=redis_server.url,
        data_dir=data_dir,
        master_key=_KEY,
        lookup_key=_KEY,
        csrf_key=_KEY,
        database_pool=8,
    )


@pytest.fixture
def settings(database_url: str, redis_server: EmbeddedRedis, tmp_path: Path) -> Settings:
    return settings_for(database_url, redis_server, tmp_path / "data")


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = await Database.connect(settings.database_url, pool_size=8)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def clock_of_worlds() -> Clock:
    """It stands still within the tests' dates until a test moves its world's."""
    return FakeClock()


def _furnished(template: str, clock: Clock) -> str:
    return f"{template}_furnished_{type(clock).__name__.lower()}"


@pytest.fixture(scope="session")
async def furnished_world(
    template_database: str,
    redis_server: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
    clock_of_worlds: Clock,
) -> World:
    """Built once, in a database that every test with a world gets a copy of."""
    data_dir = tmp_path_factory.mktemp("furnished")
    return await furnish_world(template_database, redis_server, data_dir, clock_of_worlds)


async def furnish_world(template: str, redis_server: EmbeddedRedis, data_dir: Path, clock: Clock) -> World:
    """The world of that clock, at rest in a database whose name :func:`_furnished` knows."""
    name = _furnished(template, clock)
    await _run_sql(copy_of(template, name))
    settings = settings_for(_dsn_for(name), redis_server, data_dir)
    database = await Database.connect(settings.database_url, pool_size=2)
    try:
        return await build_world(database, settings, Vault(settings.key("master_key")), clock)
    finally:
        await database.close()


@pytest.fixture
async def world(furnished_world: World, settings: Settings, database: Database) -> World:
    """Two provinces with bodies, institutions, banks, and an account of every role in each."""
    return furnished_world.moved_to(database, settings)


@pytest.fixture(scope="session")
def faces_dir() -> Path:
    """Real photographs; where they are absent the test skips."""
    faces = SHARED / "faces"
    if not faces.is_dir():
        pytest.skip("the photographs of shared/data/faces are not here")
    return faces


@pytest.fixture(scope="session")
def question_files() -> list[Path]:
    """Real four-option questions; where they are absent the test skips."""
    files = sorted((SHARED / "questions").glob("*.csv"))
    if not files:
        pytest.skip("the questions of shared/data/questions are not here")
    return files


@pytest.fixture
def world_at_rest(settings: Settings) -> World:
    """A world for tests that bring an event loop of their own: its own database is closed, open another."""

    async def build() -> World:
        database = await Database.connect(settings.database_url, pool_size=2)
        try:
            return await build_world(database, settings, Vault(settings.key("master_key")))
        finally:
            await database.close()

    return asyncio.run(build())
