"""The pool, transactions, and what is done once they are committed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias

import asyncpg

from exam_service.errors import Misconfigured, Unavailable

log = logging.getLogger(__name__)

ACQUIRE_SECONDS = 5.0
STATEMENT_SECONDS = 15.0
_KEPT_OPEN = 4

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.LockNotAvailableError,
)

_SESSION = {
    "application_name": "exam-service",
    "timezone": "UTC",
    # A process that hangs in a transaction, or a machine that vanished, must not hold rows for ever.
    "lock_timeout": "8s",
    "idle_in_transaction_session_timeout": "15s",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

Row: TypeAlias = Mapping[str, Any]


@contextmanager
def _away_is_unavailable() -> Iterator[None]:
    """Only round statements and the connection: what else fails inside a transaction is not PostgreSQL's."""
    try:
        yield
    except _AWAY as error:
        log.warning("database away: %r", error)
        raise Unavailable("服务器暂时无法保存，请稍等片刻，系统会自动重试。", cause=repr(error)) from error


class Tx:
    """One open transaction. Use cases that are composed take it as an argument."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._after_commit: list[Callable[[], Awaitable[object]]] = []

    def after_commit(self, call: Callable[[], Awaitable[object]]) -> None:
        """Have ``call`` awaited once the transaction is committed; it is not called after a rollback.

        For signals ("look again"): its failure is logged and changes nothing, because the truth is stored.
        """
        self._after_commit.append(call)

    async def execute(self, sql: str, *args: object) -> str:
        with _away_is_unavailable():
            return str(await self._connection.execute(sql, *args))

    async def execute_many(self, sql: str, rows: Iterable[tuple[object, ...]]) -> None:
        with _away_is_unavailable():
            await self._connection.executemany(sql, rows)

    async def fetch(self, sql: str, *args: object) -> list[Row]:
        with _away_is_unavailable():
            rows: list[Row] = await self._connection.fetch(sql, *args)
            return rows

    async def fetch_optional(self, sql: str, *args: object) -> Row | None:
        with _away_is_unavailable():
            row: Row | None = await self._connection.fetchrow(sql, *args)
            return row

    async def fetch_value(self, sql: str, *args: object) -> Any:
        with _away_is_unavailable():
            return await self._connection.fetchval(sql, *args)


class Database:
    """The way to PostgreSQL. Made by :meth:`connect`, closed by :meth:`close`."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, url: str, *, pool_size: int) -> Database:
        """Open a pool of up to ``pool_size`` connections and check that the server is durable.

        Raises:
            Misconfigured: The server runs with ``fsync`` or ``synchronous_commit`` off, or is too old.
            Unavailable: It can't be reached.
        """
        try:
            pool = await asyncpg.create_pool(
                url,
                min_size=min(_KEPT_OPEN, pool_size),
                max_size=pool_size,
                command_timeout=STATEMENT_SECONDS,
                init=_prepare_connection,
                reset=_nothing_to_reset,
                server_settings=_SESSION,
            )
        except _AWAY as error:
            raise Unavailable("数据库暂时连接不上，请稍后再试。", cause=repr(error)) from error
        database = cls(pool)
        try:
            async with database.tx() as tx:
                await check_durable(tx)
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        await self._pool.close()

    async def clock_ahead(self, now: Callable[[], datetime]) -> timedelta:
        """How far ``now`` is ahead of the server's clock, to within half of the time of asking."""
        async with self.tx() as tx:
            asked = now()
            there: datetime = await tx.fetch_value("SELECT clock_timestamp()")
            answered = now()
        return asked + (answered - asked) / 2 - there

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        """A transaction: committed when the block ends, rolled back when it raises.

        Raises:
            Unavailable: PostgreSQL is away or refuses to write; nothing was stored.
        """
        async with self._connection() as connection:
            transaction = connection.transaction()
            with _away_is_unavailable():
                await transaction.start()
            tx = Tx(connection)
            try:
                yield tx
            except BaseException:
                with suppress(*_AWAY):
                    await transaction.rollback()
                raise
            with _away_is_unavailable():
                await transaction.commit()
        for call in tx._after_commit:  # noqa: SLF001 - the two classes are one thing
            try:
                await call()
            except Exception:
                log.warning("a signal after commit was lost", exc_info=True)

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Tx]:
        """Statements that each stand alone, without the round trips of a transaction around them.

        Raises:
            Unavailable: PostgreSQL is away.
        """
        async with self._connection() as connection:
            yield Tx(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        with _away_is_unavailable():
            async with asyncio.timeout(ACQUIRE_SECONDS):  # the pool's own limit costs a task each time
                connection = await self._pool.acquire()
        try:
            yield connection
        finally:
            with suppress(*_AWAY):
                await self._pool.release(connection)


async def _nothing_to_reset(connection: Any) -> None:
    """We change nothing of a session that outlives a transaction: no round trip to undo it."""


async def _prepare_connection(connection: Any) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def check_durable(tx: Tx) -> None:
    """Refuse a server that may forget what it acknowledged.

    Raises:
        Misconfigured: Names the setting of PostgreSQL to change.
    """
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        value = await tx.fetch_value("SELECT current_setting($1)", name)
        if value == "off" or (name == "synchronous_commit" and value == "local"):
            raise Misconfigured(
                f"PostgreSQL runs with {name} = {value}: an acknowledged answer could be lost. Turn it on."
            )
    version = int(await tx.fetch_value("SELECT current_setting('server_version_num')"))
    oldest = 150_000
    if version < oldest:
        raise Misconfigured(f"PostgreSQL {version // 10_000} is too old, 15 is the oldest that will do")
