"""How long a paper of 100 takes to draw from a bank of 60,000 items.

    python -m tests.bench.draw --json

`cold_ms` is the first draw of a process, which reads the ids of all items; `p50_ms` and `p99_ms` are of those
after it, with their two statements; `own_p50_ms` is what is left without them. Half of the papers are second
papers, which avoid a first.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random, SystemRandom
from time import perf_counter
from uuid import UUID

import asyncpg

from exam_service.cycles.policy import Subject
from exam_service.institutions.model import Category, Level
from exam_service.questions import usecases as questions
from exam_service.questions.model import choose
from exam_service.storage.database import Database
from exam_service.storage.embedded import EmbeddedPostgres
from exam_service.storage.migrate import migrate

_ITEMS, _COUNT, _DRAWS = 60_000, 100, 400
_PROVINCE = "hunan"
_RANDOM = SystemRandom()

_FILL = """
INSERT INTO province (id, name) VALUES ('hunan', '湖南省');
INSERT INTO bank (id, province_id, title, subject, category, level, created_at, revision)
VALUES (gen_random_uuid(), 'hunan', '临床', 'professional', 'clinical', 'licensed', '2026-01-01',
        gen_random_uuid());
CREATE TEMPORARY TABLE made AS
SELECT gen_random_uuid() AS id, gen_random_uuid() AS key_id, n FROM generate_series(1, {items}) AS n;
BEGIN;
INSERT INTO item (id, province_id, bank_id, use, stem, explanation, tags, key_id)
SELECT made.id, 'hunan', bank.id, 'exam', '题干' || n, '解析' || n, ARRAY['标签'], key_id FROM made, bank;
INSERT INTO item_option (id, item_id, ordinal, text)
SELECT CASE WHEN o = 1 THEN key_id ELSE gen_random_uuid() END, id, o, '选项' || o
FROM made, generate_series(1, 5) AS o;
COMMIT;
ANALYZE;
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON and nothing else")
    wants = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exam-bench-") as home:
        postgres = EmbeddedPostgres(Path(home) / "postgres")
        postgres.start()
        try:
            found = asyncio.run(_measure(postgres.dsn))
        finally:
            postgres.stop()
    if wants.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:<12}{value}" for name, value in found.items()))
    return 0


async def _measure(dsn: str) -> dict[str, float]:
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute(_FILL.format(items=_ITEMS))
    ids = [row["id"] for row in await connection.fetch("SELECT id FROM item")]
    await connection.close()
    database = await Database.connect(dsn, pool_size=1)
    try:
        cold, first = await _draw(database, [])
        draws = [await _draw(database, [first] if number % 2 else []) for number in range(_DRAWS)]
    finally:
        await database.close()
    own = sorted(_choose(ids, [first] if number % 2 else []) for number in range(_DRAWS))
    whole = sorted(seconds for seconds, _ in draws)
    return {
        "items": _ITEMS,
        "count": _COUNT,
        "draws": _DRAWS,
        "cold_ms": _milliseconds(cold),
        "p50_ms": _milliseconds(whole[_DRAWS // 2]),
        "p99_ms": _milliseconds(whole[_DRAWS * 99 // 100]),
        "own_p50_ms": _milliseconds(own[_DRAWS // 2]),
        "own_p99_ms": _milliseconds(own[_DRAWS * 99 // 100]),
    }


async def _draw(database: Database, avoid: Sequence[frozenset[UUID]]) -> tuple[float, frozenset[UUID]]:
    async with database.tx() as tx:
        began = perf_counter()
        paper = await questions.draw(
            tx,
            province_id=_PROVINCE,
            subject=Subject.PROFESSIONAL,
            category=Category.CLINICAL,
            level=Level.LICENSED,
            count=_COUNT,
            avoid=avoid,
        )
        return perf_counter() - began, frozenset(item_id for item_id, _ in paper)


def _choose(ids: Sequence[UUID], avoid: Sequence[frozenset[UUID]]) -> float:
    """The items, and the order of five options of each."""
    began = perf_counter()
    random = Random(_RANDOM.randbytes(32))
    for _ in choose(ids, _COUNT, avoid, random):
        random.sample(range(5), 5)
    return perf_counter() - began


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 2)


if __name__ == "__main__":
    sys.exit(main())
