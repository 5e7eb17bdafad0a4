"""``docs/operations.md`` names everything that an operator can set or run."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from exam_service.__main__ import main
from exam_service.proctor.measures import METRICS
from exam_service.settings import Settings

OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


def commands(group: click.Group, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        full = f"{path} {name}".strip()
        if isinstance(command, click.Group):
            yield from commands(command, full)
        else:
            yield full


COMMANDS = sorted(commands(main))


@pytest.fixture(scope="module")
def operations() -> str:
    return OPERATIONS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_operations_manual(operations: str, name: str) -> None:
    assert re.search(rf"\bEXAM_{name.upper()}\b", operations)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_in_the_operations_manual(operations: str, command: str) -> None:
    assert re.search(rf"\bexam-service {re.escape(command)}\b", operations)


def test_the_operations_manual_names_no_setting_that_does_not_exist(operations: str) -> None:
    outside = {"CONFIG", "LOG"}  # read before the settings are
    known = {name.upper() for name in Settings.model_fields} | outside
    assert set(re.findall(r"\bEXAM_([A-Z][A-Z_]*[A-Z])\b", operations)) <= known


def test_every_metric_is_in_the_operations_manual_and_no_other(operations: str) -> None:
    named = set(re.findall(r"\| `(exam_[a-z_]+)` \|", operations))
    assert named == {metric.name for metric in METRICS}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(command: str) -> None:
    found: click.Command = main
    for name in command.split():
        assert isinstance(found, click.Group)
        found = found.commands[name]
    assert found.help
