"""What a database looks like, as text: ``python -m tests.migration.schema`` writes ``storage/schema.sql``.

The text is pg_dump's without what differs between servers and runs: comments, session settings, owners.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from exam_service.storage.embedded import EmbeddedPostgres
from exam_service.storage.migrate import migrate

SCHEMA = Path(__file__).resolve().parents[2] / "exam_service" / "storage" / "schema.sql"
HEADER = "-- What all migrations add up to. Written by `make schema`, compared by a test, never edited.\n\n"
_NOISE = ("--", "\\", "SET ", "SELECT pg_catalog.set_config(")


def normalised(dump: str) -> str:
    """Statements alone, one blank line between them."""
    kept = [line.rstrip() for line in dump.splitlines() if not line.startswith(_NOISE)]
    paragraphs = "\n".join(kept).split("\n\n")
    return "\n\n".join(paragraph.strip("\n") for paragraph in paragraphs if paragraph.strip()) + "\n"


def dumped(url: str) -> str:
    """The schema of the database at ``url``, normalised.

    Raises:
        CalledProcessError: pg_dump failed; its words are on the standard error.
    """
    program = EmbeddedPostgres(Path())._binaries() / "pg_dump"
    shown = subprocess.run(
        [program, "--schema-only", "--no-owner", "--no-privileges", f"--dbname={url}"],
        stdout=subprocess.PIPE,
        text=True,
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "")},
        timeout=60,
        check=True,
    )
    return normalised(shown.stdout)


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="exam-schema-", ignore_cleanup_errors=True) as home,
        EmbeddedPostgres(Path(home) / "postgres", durable=False) as postgres,
    ):
        applied = asyncio.run(migrate(postgres.dsn))
        SCHEMA.write_text(HEADER + dumped(postgres.dsn), encoding="utf-8")
    print(f"{SCHEMA}: {len(applied)} migrations", file=sys.stderr)


if __name__ == "__main__":
    main()
