"""How quickly a reviewer's desk lets the uncontested pass, and what an export of 100,000 costs.

    python -m tests.bench.reviewing --json

`per_minute` is of a browser in which 1 and A are pressed as soon as the next form is there: what the service
leaves room for; how long a person looks comes on top. `first_page_ms` and `filtered_ms` are of lists,
`export_*` of whole files.
"""

import argparse
import asyncio
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiohttp.test_utils import TestServer
from playwright.async_api import async_playwright, expect

from exam_service.accounts.model import Principal, Role
from exam_service.app import create_app
from exam_service.clock import SystemClock
from exam_service.crypto.envelope import DataKey, new_secret, seal
from exam_service.cycles.policy import ReviewLevel, read_preset
from exam_service.ids import new_id
from exam_service.registration.model import State
from exam_service.registration.reviewing import usecases as reviewing
from exam_service.registration.reviewing.filters import STATES, Filter, Tab
from exam_service.registration.reviewing.usecases import Export, Exported
from exam_service.settings import Settings
from exam_service.sheets import GrowingSheet, csv_bytes
from exam_service.storage.database import Database
from exam_service.storage.embedded import EmbeddedPostgres, EmbeddedRedis
from exam_service.storage.migrate import migrate
from exam_service.storage.vault import Vault
from exam_service.wiring import Services
from tests.bench.registrations import BODY, FILL, PROVINCE, SETTLE, STAFF
from tests.forms import open_stages
from tests.submissions import pass_institution, submit
from tests.world import PASSWORD, World, build_world, services_for

_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
_CLEARED = 20
_RUNS = 5
_AT_ONCE = 5000
_KEYS = """
INSERT INTO data_key (id, province_id, account_id, data_class, wrapped) VALUES ($1, $2, $3, 'identity', $4)
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON and nothing else")
    parser.add_argument("--physicians", type=int, default=100_000, help="in the lists (%(default)s)")
    wants = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="exam-bench-") as home:
        postgres = EmbeddedPostgres(Path(home) / "postgres")
        postgres.start()
        try:
            with EmbeddedRedis(Path(home) / "redis") as redis:
                found = asyncio.run(_measured(postgres.dsn, redis.url, Path(home), wants.physicians))
        finally:
            postgres.stop()
    sys.stdout.write(json.dumps(found, indent=None if wants.json else 2) + "\n")
    return 0


async def _measured(dsn: str, redis_url: str, home: Path, physicians: int) -> dict[str, Any]:
    large = dsn.replace("/exam?", "/large?")
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE DATABASE large")
    await connection.close()
    found: dict[str, Any] = {}
    if chromium := shutil.which("chromium") or shutil.which("google-chrome"):
        await migrate(dsn)
        found |= await _by_keyboard(_settings(dsn, redis_url, home / "small"), chromium)
    await migrate(large)
    found |= await _lists(_settings(large, redis_url, home / "large"), physicians)
    return found


def _settings(url: str, redis_url: str, data_dir: Path) -> Settings:
    return Settings(
        database_url=url,
        redis_url=redis_url,
        data_dir=data_dir,
        master_key=_KEY,
        lookup_key=_KEY,
        csrf_key=_KEY,
    )


@asynccontextmanager
async def _world(settings: Settings) -> AsyncIterator[World]:
    database = await Database.connect(settings.database_url, pool_size=4)
    try:
        yield await build_world(database, settings, Vault(settings.key("master_key")), SystemClock())
    finally:
        await database.close()


async def _by_keyboard(settings: Settings, chromium: str) -> dict[str, Any]:
    """Tick the licence and press A until the queue is empty."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(_world(settings))
        await open_stages(world, world.here)
        while len(world.here.registrations) < _CLEARED:
            await world.newcomer()
        for own in world.here.registrations:
            await submit(world, own)
            await pass_institution(world, world.here, own.id)
        server = await stack.enter_async_context(TestServer(create_app(settings), host="localhost"))
        playwright = await stack.enter_async_context(async_playwright())
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        stack.push_async_callback(browser.close)
        page = await browser.new_page(base_url=str(server.make_url("/")).rstrip("/"))
        await page.goto("/staff/login")
        await page.get_by_label("账号").fill(world.here.username_of(Role.BODY))
        await page.get_by_label("密码", exact=True).fill(PASSWORD)
        await page.get_by_role("button", name="登录").click()
        await page.wait_for_url("**/home")
        await page.goto(f"/body/reviews/{world.here.registrations[0].id}")
        name = page.locator("#who")
        began = time.perf_counter()
        for position in range(1, _CLEARED + 1):
            await expect(name).to_have_text(f"医师{position}")
            await page.keyboard.press("1")
            await page.keyboard.press("a")
        await page.wait_for_url("**/body/reviews")
        seconds = time.perf_counter() - began
        async with world.database.tx() as tx:
            registered = await tx.fetch_value(
                "SELECT count(*) FROM registration WHERE cycle_id = $1 AND state = $2",
                world.here.cycle.id,
                State.REGISTERED,
            )
    assert registered == _CLEARED
    return {"cleared": _CLEARED, "per_minute": round(60 * _CLEARED / seconds, 1)}


async def _lists(settings: Settings, physicians: int) -> dict[str, Any]:
    connection = await asyncpg.connect(settings.database_url)
    await connection.execute(FILL.format(physicians=physicians))
    await connection.execute(
        "UPDATE cycle SET policy = $1", json.dumps(dict(read_preset("hunan-2026").raw), default=str)
    )
    await connection.execute(SETTLE)
    await connection.close()
    async with AsyncExitStack() as stack:
        database = await Database.connect(settings.database_url, pool_size=2)
        stack.push_async_callback(database.close)
        services = services_for(database, settings, Vault(settings.key("master_key")), SystemClock())
        await _seal_numbers(database, settings)
        body = Principal(STAFF, Role.BODY, PROVINCE, "复核人员", BODY, None)
        authority = Principal(STAFF, Role.AUTHORITY, PROVINCE, "卫健委", None, None)
        found = {
            "physicians": physicians,
            "first_page_ms": await _took(services, body, Filter()),
            "filtered_ms": await _took(services, body, Filter(bad_records=True, name="王建国")),
        }
        everybody = Filter(states=STATES[ReviewLevel.BODY, Tab.ALL])
        for kind in ("csv", "xlsx"):
            before, began = _memory(), time.perf_counter()
            exported = await reviewing.export(services, authority, Export(everybody))
            size = await _written(exported, kind)
            found |= {
                f"export_{kind}_s": round(time.perf_counter() - began, 1),
                f"export_{kind}_mb": round(size / 1e6, 1),
                f"export_{kind}_grew_mb": round((_memory() - before) / 1024, 1),
            }
    return found


async def _seal_numbers(database: Database, settings: Settings) -> None:
    """Numbers sealed as accounts seal them, each with a key of its own."""
    master = DataKey(UUID(int=0), settings.key("master_key"))
    async with database.tx() as tx:
        ids = [row["id"] for row in await tx.fetch("SELECT id FROM account WHERE role = 'physician'")]
    for start in range(0, len(ids), _AT_ONCE):
        keys, documents = [], []
        for account_id in ids[start : start + _AT_ONCE]:
            key_id, secret = new_id(), new_secret()
            keys.append((key_id, PROVINCE, account_id, seal(master, secret, key_id)))
            documents.append((account_id, seal(DataKey(key_id, secret), b"430000197001020006", account_id)))
        async with database.tx() as tx:
            await tx.execute_many(_KEYS, keys)
            await tx.execute_many("UPDATE account SET document = $2 WHERE id = $1", documents)


async def _took(services: Services, who: Principal, wanted: Filter) -> float:
    """The median of a few pages, in milliseconds."""
    times = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        await reviewing.list_page(services, who, Tab.AWAITING, wanted, None)
        times.append(time.perf_counter() - began)
    return round(1000 * sorted(times)[_RUNS // 2], 1)


async def _written(exported: Exported, kind: str) -> int:
    """What the handler does with the pages, into a file."""
    with tempfile.TemporaryFile() as file:
        if kind == "csv":
            async for page in exported.pages:
                file.write(await asyncio.to_thread(csv_bytes, page))
        else:
            sheet = GrowingSheet()
            async for page in exported.pages:
                await asyncio.to_thread(sheet.append, page)
            await asyncio.to_thread(sheet.save, file)
        return file.tell()


def _memory() -> int:
    """The most that this process ever held, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    raise SystemExit(main())
