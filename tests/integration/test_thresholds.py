"""The thresholds of a province: set and shown from the command line, kept for ever, and nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from click.testing import CliRunner, Result

from exam_service.__main__ import main
from exam_service.errors import Invalid
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import Thresholds
from exam_service.proctor.verifier import MODEL
from tests.world import World

Command = Callable[..., Awaitable[Result]]
SHIPPED = Thresholds(0.45, 0.65)


@pytest.fixture
def command(world: World) -> Command:
    """``proctor thresholds`` on the servers of this world."""
    settings = world.settings
    environment = {
        "EXAM_DATABASE_URL": settings.database_url,
        "EXAM_REDIS_URL": settings.redis_url,
        "EXAM_DATA_DIR": str(settings.data_dir),
        "EXAM_MASTER_KEY": settings.master_key.get_secret_value(),
        "EXAM_LOOKUP_KEY": settings.lookup_key.get_secret_value(),
        "EXAM_CSRF_KEY": settings.csrf_key.get_secret_value(),
    }

    async def run(*words: str) -> Result:
        runner = CliRunner(env=environment)
        return await asyncio.to_thread(runner.invoke, main, ["proctor", "thresholds", *words])

    return run


async def holding(world: World, province_id: str, model: str = MODEL) -> Thresholds:
    async with world.database.tx() as tx:
        return await proctor.thresholds_for(tx, province_id, model, world.settings)


async def put(world: World, match: float, mismatch: float, note: str = "校准") -> None:
    async with world.database.tx() as tx:
        await proctor.set_thresholds(
            tx,
            world.clock,
            province_id="hunan",
            model=MODEL,
            thresholds=Thresholds(match, mismatch),
            set_by="root@exam",
            note=note,
        )


async def test_until_a_province_sets_its_own_the_settings_hold(world: World, command: Command) -> None:
    assert await holding(world, "hunan") == SHIPPED
    shown = await command("hunan")
    assert shown.exit_code == 0, shown.output
    assert f"hunan, {MODEL}: match 0.45, mismatch 0.65\n" in shown.stdout
    assert "never set" in shown.stdout


async def test_what_is_set_holds_for_that_province_and_model_alone(world: World, command: Command) -> None:
    words = ("--match", "0.41", "--mismatch", "0.6", "--note", "2026年校准")
    done = await command("hunan", *words)
    assert done.exit_code == 0, done.output
    assert await holding(world, "hunan") == Thresholds(0.41, 0.6)
    assert await holding(world, "henan") == SHIPPED
    assert await holding(world, "hunan", "sface@1") == SHIPPED

    shown = await command("hunan")
    assert shown.stdout == done.stdout
    assert shown.stdout.startswith(f"hunan, {MODEL}: match 0.41, mismatch 0.6\n")
    assert ": 2026年校准" in shown.stdout
    assert "never set" in (await command("hunan", "--model", "sface@1")).stdout


async def test_the_newest_counts_and_the_older_ones_are_told(world: World, command: Command) -> None:
    await put(world, 0.4, 0.6, "初次")
    await put(world, 0.42, 0.61, "同一时刻")
    world.clock.move(days=1)
    await put(world, 0.39, 0.6, "再次")
    assert await holding(world, "hunan") == Thresholds(0.39, 0.6)
    lines = (await command("hunan")).stdout.splitlines()
    assert [line.rsplit(": ", 1)[1] for line in lines[1:]] == ["再次", "同一时刻", "初次"]
    assert "2026-05-13 10:00 (China)" in lines[1]


async def test_who_set_what_and_why_is_in_the_journal(world: World) -> None:
    await put(world, 0.4, 0.6)
    async with world.database.tx() as tx:
        (entry,) = await tx.fetch("SELECT * FROM audit_entry WHERE action = 'thresholds.set'")
    assert (entry["province_id"], entry["actor_id"]) == ("hunan", None)
    assert entry["facts"] == {
        "model": MODEL,
        "match": 0.4,
        "mismatch": 0.6,
        "by": "root@exam",
        "note": "校准",
    }


@pytest.mark.parametrize(
    "change", ["UPDATE proctor_thresholds SET match_threshold = 0.1", "DELETE FROM proctor_thresholds"]
)
async def test_what_held_can_be_neither_changed_nor_removed(world: World, change: str) -> None:
    await put(world, 0.4, 0.6)
    with pytest.raises(asyncpg.RaiseError, match="append-only"):
        async with world.database.tx() as tx:
            await tx.execute(change)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["hainan"], "there is no province 'hainan'; there are: henan, hunan"),
        (["hainan", "--match", "0.4", "--mismatch", "0.6", "--note", "校准"], "there are: henan, hunan"),
        (["hunan", "--match", "0.7", "--mismatch", "0.6", "--note", "校准"], "--match 0.7 is above"),
        (["hunan", "--match", "0.4"], "go together"),
        (["hunan", "--match", "0.4", "--mismatch", "0.6"], "go together"),
        (["hunan", "--match", "0", "--mismatch", "0.6", "--note", "校准"], "--match"),
        (["hunan", "--match", "nan", "--mismatch", "0.6", "--note", "校准"], "阈值应大于0"),
    ],
)
async def test_what_makes_no_sense_is_refused(
    world: World, command: Command, words: list[str], said: str
) -> None:
    refused = await command(*words)
    assert refused.exit_code == (1 if "nan" in words else 2), refused.output
    assert said in refused.stderr
    assert await holding(world, "hunan") == SHIPPED


@pytest.mark.parametrize(("match", "mismatch"), [(0.7, 0.6), (0, 0.6), (-1, 0.6), (0.4, float("inf"))])
async def test_the_use_case_refuses_them_too(world: World, match: float, mismatch: float) -> None:
    with pytest.raises(Invalid):
        await put(world, match, mismatch)


async def test_a_note_is_needed(world: World) -> None:
    with pytest.raises(Invalid):
        await put(world, 0.4, 0.6, " ")
