"""The database, its outages, and the vault, against real servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from exam_service.crypto.envelope import BadEnvelope, new_secret, seal
from exam_service.errors import Misconfigured, NotFound, Unavailable
from exam_service.ids import new_id
from exam_service.settings import Settings
from exam_service.storage import database as storage
from exam_service.storage.database import Database, Tx, check_durable
from exam_service.storage.embedded import EmbeddedPostgres
from exam_service.storage.evidence import DirectoryBlobs, EvidenceStore
from exam_service.storage.migrate import migrate
from exam_service.storage.vault import Vault
from tests.world import START, browsing, build_world, eventually, serving

ACCOUNT = UUID("01990000-0000-7000-8000-00000000000a")
CYCLE = UUID("01990000-0000-7000-8000-00000000000c")


async def add(tx: Tx, name: str) -> None:
    await tx.execute("INSERT INTO province (id, name) VALUES ($1, $1)", name)


async def names(database: Database) -> set[str]:
    async with database.tx() as tx:
        return {row["id"] for row in await tx.fetch("SELECT id FROM province")}


# A server that may forget is refused


async def set_for_database(url: str, setting: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        name = await connection.fetchval("SELECT current_database()")
        await connection.execute(f'ALTER DATABASE "{name}" SET {setting}')
    finally:
        await connection.close()


@pytest.mark.parametrize("value", ["off", "local"])
async def test_a_server_that_acknowledges_before_it_stored_is_refused(database_url: str, value: str) -> None:
    await set_for_database(database_url, f"synchronous_commit = {value}")
    with pytest.raises(Misconfigured, match=f"synchronous_commit = {value}"):
        await Database.connect(database_url, pool_size=2)


@pytest.mark.parametrize("value", ["on", "remote_apply"])
async def test_a_server_that_stores_first_is_taken(database_url: str, value: str) -> None:
    await set_for_database(database_url, f"synchronous_commit = {value}")
    database = await Database.connect(database_url, pool_size=2)
    await database.close()


async def test_a_server_without_fsync_is_refused(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as postgres:
        with pytest.raises(Misconfigured, match="fsync = off"):
            await Database.connect(postgres.dsn, pool_size=2)
        left = await asyncpg.connect(postgres.dsn)
        held = await left.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'exam-service'"
        )
        await left.close()
        assert held == 0, "the refusal leaves no connection behind"


class Answering(Tx):
    """A transaction on a server that is what a test says."""

    def __init__(self, **settings: str) -> None:
        super().__init__(None)
        self._settings = settings

    async def fetch_value(self, sql: str, *args: object) -> str:
        if "server_version_num" in sql:
            return self._settings.get("server_version_num", "180000")
        return self._settings.get(str(args[0]), "on")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fsync": "off"}, "fsync"),
        ({"full_page_writes": "off"}, "full_page_writes"),
        ({"synchronous_commit": "off"}, "synchronous_commit"),
        ({"server_version_num": "140012"}, "PostgreSQL 14 is too old"),
    ],
)
async def test_each_setting_is_looked_at_and_named(settings: dict[str, str], said: str) -> None:
    with pytest.raises(Misconfigured, match=said):
        await check_durable(Answering(**settings))


async def test_a_server_of_the_oldest_version_is_taken() -> None:
    await check_durable(Answering(server_version_num="150000"))


async def test_nobody_at_the_address_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        await Database.connect(f"postgresql://exam@/exam?host={tmp_path}", pool_size=2)


# Transactions


async def test_a_transaction_is_whole_or_not_at_all(database: Database) -> None:
    async def add_two_and(error: BaseException) -> None:
        async with database.tx() as tx:
            await add(tx, "one")
            await add(tx, "two")
            raise error

    for error in (NotFound("没有。"), ZeroDivisionError(), KeyError("x"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await add_two_and(error)
        assert await names(database) == set()
    async with database.tx() as tx:
        await add(tx, "one")
    assert await names(database) == {"one"}


async def test_a_cancelled_request_stores_nothing_and_frees_its_connection(database_url: str) -> None:
    database = await Database.connect(database_url, pool_size=1)
    inside = asyncio.Event()

    async def slow() -> None:
        async with database.tx() as tx:
            await add(tx, "slow")
            inside.set()
            await tx.execute("SELECT pg_sleep(30)")

    task = asyncio.create_task(slow())
    await inside.wait()
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    began = time.monotonic()
    assert await names(database) == set()
    assert time.monotonic() - began < 4
    await database.close()


async def test_a_refused_statement_undoes_the_statements_before_it(database: Database) -> None:
    async def add_twice() -> None:
        async with database.tx() as tx:
            await add(tx, "one")
            await add(tx, "one")

    with pytest.raises(asyncpg.UniqueViolationError):
        await add_twice()
    assert await names(database) == set()


async def test_what_follows_a_commit_sees_it(database: Database) -> None:
    seen: list[set[str]] = []

    async def look() -> None:
        seen.append(await names(database))

    async with database.tx() as tx:
        tx.after_commit(look)
        await add(tx, "one")
        assert seen == []
    assert seen == [{"one"}]


async def test_nothing_follows_a_rollback(database: Database) -> None:
    called: list[str] = []

    async def call() -> None:
        called.append("called")

    async def fail() -> None:
        async with database.tx() as tx:
            tx.after_commit(call)
            await add(tx, "one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert called == []


async def test_nothing_follows_a_commit_that_failed(database: Database) -> None:
    """A deferred constraint is looked at only by the commit itself."""
    called: list[str] = []

    async def call() -> None:
        called.append("called")

    async def commit_badly() -> None:
        async with database.tx() as tx:
            tx.after_commit(call)
            await tx.execute("CREATE TABLE later (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
            await tx.execute("INSERT INTO later VALUES (1), (1)")

    with pytest.raises(asyncpg.UniqueViolationError):
        await commit_badly()
    assert called == []


async def test_a_signal_that_fails_harms_neither_the_commit_nor_the_next_signal(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    async def fail() -> None:
        raise OSError("Redis is away")

    async def call() -> None:
        called.append("called")

    async with database.tx() as tx:
        tx.after_commit(fail)
        tx.after_commit(call)
        await add(tx, "one")
    assert await names(database) == {"one"}
    assert called == ["called"]
    assert "a signal after commit was lost" in caplog.text


async def test_a_value_that_no_column_holds_is_a_defect_not_an_outage(database: Database) -> None:
    """An outage is tried again, by the browser for ever; this would never succeed."""

    async def ask(sql: str, value: object) -> None:
        async with database.tx() as tx:
            await tx.fetch_value(sql, value)

    for sql, value in (
        ("SELECT $1::integer", 2**40),
        ("SELECT $1::uuid", "x"),
        ("SELECT $1::text", "a\0b"),
        ("SELECT $1::timestamptz", "yesterday"),
    ):
        with pytest.raises(asyncpg.DataError):
            await ask(sql, value)


async def test_an_error_of_the_use_case_itself_is_not_taken_for_an_outage(database: Database) -> None:
    """A file that can't be read inside a transaction says nothing of the database."""

    async def fail() -> None:
        async with database.tx() as tx:
            await add(tx, "one")
            raise PermissionError("evidence")

    with pytest.raises(PermissionError):
        await fail()


# Outages


async def test_a_server_that_takes_no_writes_is_unavailable_and_reads_go_on(
    database_url: str, database: Database
) -> None:
    await set_for_database(database_url, "default_transaction_read_only = on")
    standby = await Database.connect(database_url, pool_size=2)

    async def write() -> None:
        async with standby.tx() as tx:
            await add(tx, "one")

    with pytest.raises(Unavailable):
        await write()
    assert await names(standby) == set()
    await standby.close()


async def test_when_all_connections_are_taken_the_next_is_told_to_come_back(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "ACQUIRE_SECONDS", 0.1)
    database = await Database.connect(database_url, pool_size=1)
    async with database.tx() as tx:
        await add(tx, "one")
        with pytest.raises(Unavailable):
            await names(database)
    assert await names(database) == {"one"}
    await database.close()


async def test_a_connection_that_was_ended_is_replaced(database: Database) -> None:
    """As a failover or an administrator does it."""

    async def end_ourselves() -> None:
        async with database.tx() as tx:
            await add(tx, "one")
            await tx.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Unavailable):
        await end_ourselves()
    assert await names(database) == set()


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped and started."""
    with EmbeddedPostgres(tmp_path / "postgres") as server:
        yield server


@pytest.fixture
async def own_database(own_postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    await migrate(own_postgres.dsn)
    database = await Database.connect(own_postgres.dsn, pool_size=4)
    yield database
    await database.close()


async def test_an_outage_is_unavailable_loses_nothing_acknowledged_and_heals_by_itself(
    own_postgres: EmbeddedPostgres, own_database: Database
) -> None:
    called: list[str] = []

    async def call() -> None:
        called.append("called")

    async def write_while_it_stops() -> None:
        async with own_database.tx() as tx:
            tx.after_commit(call)
            await add(tx, "during")
            await asyncio.to_thread(own_postgres.stop)

    async with own_database.tx() as tx:
        await add(tx, "before")
    with pytest.raises(Unavailable):
        await write_while_it_stops()
    for _ in range(6):  # more than the pool has connections
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await names(own_database)
        assert time.monotonic() - began < storage.ACQUIRE_SECONDS + 1
    own_postgres.start()
    began = time.monotonic()

    async def answers() -> bool:
        try:
            return await names(own_database) == {"before"}
        except Unavailable:
            return False

    await eventually(answers, within=10)
    assert time.monotonic() - began < 10
    assert called == []


async def test_pages_say_so_during_an_outage_and_come_back_after_it(
    own_postgres: EmbeddedPostgres, own_database: Database, settings: Settings, redis_client: object
) -> None:
    settings = settings.model_copy(update={"database_url": own_postgres.dsn})
    world = await build_world(own_database, settings, Vault(settings.key("master_key")))
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        await asyncio.to_thread(own_postgres.stop)
        for path in ("/papers", "/login", "/nowhere"):
            page = await browser.get(path)
            assert (page.status, page.content_type) == (503, "text/html"), path
            assert "请稍" in await page.text()
            assert page.headers["Cache-Control"] == "no-store"
        answer = await browser.send("/practice", {})
        assert answer.status == 503
        assert (await answer.json())["error"]["code"] == "unavailable"
        own_postgres.start()

        async def is_back() -> bool:
            return (await browser.get("/papers")).status == 200

        await eventually(is_back, within=10)


# The vault


def vault_of(settings: Settings) -> Vault:
    return Vault(settings.key("master_key"))


async def test_first_uses_at_once_make_one_key(database: Database, settings: Settings) -> None:
    async def use(vault: Vault) -> tuple[UUID, bytes]:
        async with database.tx() as tx:
            key = await vault.key_for(
                tx, province_id="hunan", account_id=ACCOUNT, cycle_id=None, data_class="identity"
            )
        return key.id, key.secret

    vaults = [vault_of(settings) for _ in range(2)]
    found = await asyncio.gather(*(use(vaults[turn % 2]) for turn in range(8)))
    assert len(set(found)) == 1
    async with database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM data_key") == 1


async def test_a_first_use_waits_for_another_and_takes_over_when_that_is_undone(
    database: Database, settings: Settings
) -> None:
    vault = vault_of(settings)
    owner = {"province_id": "hunan", "account_id": ACCOUNT, "cycle_id": CYCLE, "data_class": "frame"}

    async def use() -> UUID:
        async with database.tx() as tx:
            return (await vault.key_for(tx, **owner)).id

    async def use_and_fail() -> None:
        async with database.tx() as tx:
            first = await vault.key_for(tx, **owner)
            waiting = asyncio.create_task(use())
            await asyncio.sleep(0.1)
            assert not waiting.done()
            others.append((first.id, waiting))
            raise ZeroDivisionError

    others: list[tuple[UUID, asyncio.Task[UUID]]] = []
    with pytest.raises(ZeroDivisionError):
        await use_and_fail()
    undone, waiting = others[0]
    assert await waiting != undone
    async with database.tx() as tx:
        assert await tx.fetch_value("SELECT id FROM data_key") == await waiting


async def test_each_physician_cycle_and_class_has_a_key_of_its_own(
    database: Database, settings: Settings
) -> None:
    vault = vault_of(settings)
    secrets = set()
    async with database.tx() as tx:
        for account_id in (ACCOUNT, new_id()):
            for cycle_id in (None, CYCLE, new_id()):
                for data_class in ("frame", "embedding"):
                    key = await vault.key_for(
                        tx,
                        province_id="hunan",
                        account_id=account_id,
                        cycle_id=cycle_id,
                        data_class=data_class,
                    )
                    again = await vault_of(settings).key_for(
                        tx,
                        province_id="hunan",
                        account_id=account_id,
                        cycle_id=cycle_id,
                        data_class=data_class,
                    )
                    assert again == key
                    secrets.add(key.secret)
        wrapped = await tx.fetch("SELECT wrapped FROM data_key")
    assert len(secrets) == 12
    assert not any(secret in row["wrapped"] for secret in secrets for row in wrapped)


async def test_a_destroyed_key_is_gone_at_once_for_every_process(
    database: Database, settings: Settings
) -> None:
    here, there = vault_of(settings), vault_of(settings)
    row_id = new_id()
    async with database.tx() as tx:
        owner = {"province_id": "hunan", "account_id": ACCOUNT, "cycle_id": CYCLE, "data_class": "frame"}
        envelope = seal(await here.key_for(tx, **owner), b"a face", row_id)
        for vault in (here, there):
            assert await vault.open(tx, envelope, row_id) == b"a face"
        await tx.execute("DELETE FROM data_key")
    async with database.tx() as tx:
        for vault in (here, there):
            with pytest.raises(NotFound, match="已按保存期限清除"):
                await vault.open(tx, envelope, row_id)
        fresh = await here.key_for(tx, **owner)
        assert fresh.id.bytes not in envelope


async def test_another_master_key_opens_nothing(database: Database, settings: Settings) -> None:
    row_id = new_id()
    async with database.tx() as tx:
        key = await vault_of(settings).key_for(
            tx, province_id="hunan", account_id=ACCOUNT, cycle_id=None, data_class="identity"
        )
        envelope = seal(key, b"a number", row_id)
        with pytest.raises(BadEnvelope):
            await Vault(new_secret()).open(tx, envelope, row_id)


async def test_a_key_moved_to_another_row_does_not_open(database: Database, settings: Settings) -> None:
    """Somebody with the database gives one physician's wrapped key to another."""
    vault = vault_of(settings)
    async with database.tx() as tx:
        for account_id in (ACCOUNT, CYCLE):
            await vault.key_for(
                tx, province_id="hunan", account_id=account_id, cycle_id=None, data_class="identity"
            )
        await tx.execute(
            "UPDATE data_key SET wrapped = (SELECT wrapped FROM data_key WHERE account_id = $1) "
            "WHERE account_id = $2",
            ACCOUNT,
            CYCLE,
        )
        with pytest.raises(BadEnvelope):
            await vault.key_for(
                tx, province_id="hunan", account_id=CYCLE, cycle_id=None, data_class="identity"
            )


# Evidence


async def test_evidence_without_its_row_is_not_found_and_with_it_is(
    database: Database, tmp_path: Path
) -> None:
    store = EvidenceStore(DirectoryBlobs(tmp_path / "evidence"))
    evidence_id = new_id()
    blob = await store.write(evidence_id, b"sealed", province_id="hunan", data_class="frame", now=START)
    assert blob.path == f"hunan/frame/2026-05/{evidence_id}"
    async with database.tx() as tx:
        with pytest.raises(NotFound):
            await store.read(tx, evidence_id, province_id="hunan")
        for _ in range(2):  # a frame delivered twice
            await store.record(
                tx, blob, province_id="hunan", account_id=ACCOUNT, data_class="frame", now=START
            )
        assert await store.read(tx, evidence_id, province_id="hunan") == b"sealed"
        with pytest.raises(NotFound):
            await store.read(tx, evidence_id, province_id="henan")
    left = [path.name for path in (tmp_path / "evidence").rglob("*") if path.is_file()]
    assert left == [str(evidence_id)], "no half-written file stays"
    assert not (tmp_path / "evidence" / blob.path).stat().st_mode & 0o077
