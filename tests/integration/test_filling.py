"""A new installation is filled from the command line: a province, its first staff; a preset is checked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from exam_service.__main__ import main
from exam_service.organisations import usecases as organisations
from tests.world import World, browsing

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
def command(world: World) -> Command:
    """A command on the servers of this world."""
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
        return await asyncio.to_thread(CliRunner(env=environment).invoke, main, list(words))

    return run


async def test_a_province_is_added_and_its_authority_logs_in(
    world: World, command: Command, server: TestServer
) -> None:
    added = await command("provinces", "add", "hubei", "湖北省", "--authority", "湖北省卫生健康委员会")
    assert added.exit_code == 0, added.output
    words = "staff add --province hubei --role authority --username Hubei-WJW --name 张三"
    made = await command(*words.split())
    assert made.exit_code == 0, made.output
    password = made.stdout.split("one-time password")[1].strip()
    async with browsing(server) as browser:
        await browser.get("/staff/login")
        await browser.submit("/staff/login", username="hubei-wjw", password=password)
        assert (await browser.get("/home")).headers["Location"] == "/account/password?next=/home"
    async with world.database.tx() as tx:
        province = await organisations.province(tx, "hubei")
    assert (province.name, province.authority) == ("湖北省", "湖北省卫生健康委员会")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("provinces add hunan 湖南 --authority 卫健委", "已有省份 hunan"),
        ("provinces add Hu-Bei 湖北 --authority 卫健委", "小写英文字母"),
        ("staff add --province atlantis --role authority --username x-1 --name 某", "没有找到这个省份"),
        ("staff add --province hunan --role operator --username hunan-body --name 某", "已被使用"),
    ],
)
async def test_what_can_not_be_is_said_in_a_sentence(
    world: World, command: Command, words: str, said: str
) -> None:
    refused = await command(*words.split())
    assert refused.exit_code == 1
    assert said in refused.output


async def test_cycles_are_listed_with_their_policy(world: World, command: Command) -> None:
    listed = await command("cycles", "list", "--province", "henan")
    (line,) = listed.stdout.splitlines()
    assert str(world.elsewhere.cycle.id) in line
    assert "henan-c6" in line


def test_a_preset_is_checked_without_any_server(tmp_path: Path) -> None:
    file = tmp_path / "hubei-2026.toml"
    file.write_text('name = "hubei-2026"\nprovince = "hubei"\n', encoding="utf-8")
    right = CliRunner().invoke(main, ["policy", "check", str(file)])
    assert right.exit_code == 0, right.output
    assert "人文医学：50题，60分钟，60分合格，不限次，交卷即出成绩" in right.stdout
    file.write_text('name = "hubei-2026"\nprovince = "hubei"\n[form]\nlocked = ["shoe"]\n', encoding="utf-8")
    wrong = CliRunner().invoke(main, ["policy", "check", str(file)])
    assert wrong.exit_code == 1
    assert "policy.form.locked" in wrong.output
