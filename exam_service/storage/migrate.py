"""Numbered migrations, applied in order under an advisory lock, each in a transaction of its own.

Files are ``migrations/YYYYMMDDHHMM_feature_what.sql``. An applied one is never edited: its digest is stored
and compared. ``schema.sql`` is what they add up to; a test proves the two equal.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from exam_service.errors import Misconfigured
from exam_service.storage.database import Tx

_FILE = re.compile(r"^\d{12}_[a-z]+_[a-z0-9_]+\.sql$")
_LOCK = 0x65_78_61_6D  # "exam": one migration at a time, from whichever node


@dataclass(frozen=True)
class Migration:
    """One file: its name without the ending, and its SQL."""

    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def all_migrations() -> list[Migration]:
    """Every migration of the package, in order of name.

    Raises:
        Misconfigured: A file in the folder isn't named as it should be.
    """
    found = []
    for file in sorted(files("exam_service.storage").joinpath("migrations").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        if not _FILE.match(file.name):
            raise Misconfigured(f"migration {file.name} must be named YYYYMMDDHHMM_feature_what.sql")
        found.append(Migration(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")))
    return found


async def check_migrated(tx: Tx) -> None:
    """Raises Misconfigured when the database lacks a migration that this program needs."""
    if await tx.fetch_value("SELECT to_regclass('migration') IS NULL"):
        applied: set[str] = set()
    else:
        applied = {row["name"] for row in await tx.fetch("SELECT name FROM migration")}
    missing = [migration.name for migration in all_migrations() if migration.name not in applied]
    if missing:
        raise Misconfigured(f"the database lacks {missing[0]}: run `exam-service migrate` first")


async def migrate(url: str, migrations: list[Migration] | None = None) -> list[str]:
    """Apply what is missing; give the names applied.

    Raises:
        Misconfigured: An applied migration was edited afterwards, or is newer than this program knows; or the
            database can't be reached.
    """
    wanted = all_migrations() if migrations is None else migrations
    try:
        connection = await asyncpg.connect(url)
    except (OSError, asyncpg.PostgresError) as error:
        raise Misconfigured(f"can't connect to the database: {error}") from None
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migration ("
            "name text PRIMARY KEY, digest text NOT NULL, applied_at timestamptz NOT NULL)"
        )
        applied = {
            row["name"]: row["digest"] for row in await connection.fetch("SELECT name, digest FROM migration")
        }
        known = {migration.name for migration in wanted}
        if unknown := sorted(set(applied) - known):
            raise Misconfigured(f"the database is newer than this program: it has {unknown[0]}")
        done = []
        for migration in wanted:
            if migration.name in applied:
                if applied[migration.name] != migration.digest:
                    raise Misconfigured(f"migration {migration.name} was edited after it was applied")
                continue
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO migration (name, digest, applied_at) VALUES ($1, $2, clock_timestamp())",
                    migration.name,
                    migration.digest,
                )
            done.append(migration.name)
        return done
    finally:
        await connection.close()
