"""Migrations: applied to nothing they make schema.sql, once, in order, and never edited."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from exam_service.errors import Misconfigured
from exam_service.storage import migrate as migrations
from exam_service.storage.migrate import Migration, all_migrations, migrate
from tests.migration.schema import HEADER, SCHEMA, dumped, normalised


@pytest.fixture
async def empty() -> AsyncIterator[str]:
    """The address of a database with nothing in it."""
    server = os.environ["EXAM_TESTS_DSN"]
    name = f"empty_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    yield server.replace("/exam?", f"/{name}?")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


async def fetch(url: str, sql: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetch(sql)
    finally:
        await connection.close()


async def execute(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def tables(url: str) -> set[str]:
    found = await fetch(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in found}


STEPS = [
    Migration("202601010000_test_first", "CREATE TABLE first (id integer PRIMARY KEY)"),
    Migration("202601010001_test_second", "CREATE TABLE second (id integer PRIMARY KEY REFERENCES first)"),
]


async def test_all_migrations_applied_to_nothing_make_the_schema(empty: str) -> None:
    applied = await migrate(empty)
    assert applied == [migration.name for migration in all_migrations()]
    assert applied == sorted(applied)
    assert HEADER + dumped(empty) == SCHEMA.read_text(encoding="utf-8"), "run `make schema`"


async def test_the_schema_applied_to_nothing_makes_itself(empty: str) -> None:
    schema = SCHEMA.read_text(encoding="utf-8")
    await execute(empty, schema)
    assert dumped(empty) == normalised(schema)


async def test_the_comparison_sees_a_difference(empty: str) -> None:
    await migrate(empty)
    for change in (
        "ALTER TABLE session ALTER COLUMN ends_at DROP NOT NULL",
        "CREATE INDEX one_more ON attempt (state)",
        "ALTER TABLE answer DROP CONSTRAINT answer_pkey",
        "COMMENT ON TABLE attempt IS 'new'",
    ):
        before = dumped(empty)
        await execute(empty, change)
        assert dumped(empty) != before, change


async def test_applying_twice_does_nothing(empty: str) -> None:
    await migrate(empty)
    before = dumped(empty), await fetch(empty, "SELECT * FROM migration ORDER BY name")
    assert await migrate(empty) == []
    assert (dumped(empty), await fetch(empty, "SELECT * FROM migration ORDER BY name")) == before


async def test_four_at_once_apply_once(empty: str) -> None:
    done = await asyncio.gather(*(migrate(empty) for _ in range(4)))
    assert sorted(name for names in done for name in names) == [step.name for step in all_migrations()]
    assert sorted(map(bool, done)) == [False, False, False, True]


async def test_a_new_migration_is_applied_to_what_is_there(empty: str) -> None:
    assert await migrate(empty, STEPS[:1]) == [STEPS[0].name]
    assert await migrate(empty, STEPS) == [STEPS[1].name]
    assert await tables(empty) == {"migration", "first", "second"}


async def test_an_applied_migration_that_was_edited_is_refused(empty: str) -> None:
    await migrate(empty, STEPS)
    edited = [replace(STEPS[0], sql=STEPS[0].sql + " -- only a comment"), *STEPS[1:]]
    third = Migration("202601010002_test_third", "CREATE TABLE third (id integer)")
    with pytest.raises(Misconfigured, match="202601010000_test_first was edited after it was applied"):
        await migrate(empty, [*edited, third])
    assert "third" not in await tables(empty)


async def test_a_database_newer_than_the_program_is_refused(empty: str) -> None:
    await migrate(empty, STEPS)
    with pytest.raises(Misconfigured, match="newer than this program: it has 202601010001_test_second"):
        await migrate(empty, STEPS[:1])
    with pytest.raises(Misconfigured, match="newer than this program"):
        await migrate(empty)
    assert await tables(empty) == {"migration", "first", "second"}


async def test_a_migration_that_fails_leaves_nothing_of_itself_and_may_be_mended(empty: str) -> None:
    broken = replace(STEPS[1], sql="CREATE TABLE half (id integer); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, [STEPS[0], broken])
    assert await tables(empty) == {"migration", "first"}
    assert await migrate(empty, STEPS) == [STEPS[1].name]


@pytest.mark.parametrize(
    "name",
    [
        "first.sql",
        "20260101_test_first.sql",
        "202601010000_first.sql",
        "202601010000-test-first.sql",
        "202601010000_Test_first.sql",
        "202601010000_test_first.up.sql",
        "202601010000_test_.sql",
    ],
)
def test_a_file_with_a_bad_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "202601010000_test_good.sql").write_text("SELECT 1")
    (folder / "README.md").write_text("passed over")
    monkeypatch.setattr(migrations, "files", lambda _: tmp_path)
    assert [migration.name for migration in all_migrations()] == ["202601010000_test_good"]
    (folder / name).write_text("SELECT 1")
    with pytest.raises(Misconfigured, match=f"migration {name} must be named"):
        all_migrations()
