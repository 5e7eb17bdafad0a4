"""Commands of the program within the process of the tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from click.testing import CliRunner

from exam_service.__main__ import main
from exam_service.settings import Settings


def run_here(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, for what a command says: a process costs seconds of a core."""
    nothing = {name: None for name in os.environ if name.startswith("EXAM_")}
    ended = CliRunner().invoke(main, [*map(str, words)], env=nothing | settings)
    if ended.exception and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return subprocess.CompletedProcess(words, ended.exit_code, ended.stdout, ended.stderr)


def environment_of(settings: Settings) -> dict[str, str]:
    """What a command needs to find the service of these settings."""
    named = {name: str(getattr(settings, name)) for name in ("database_url", "redis_url", "data_dir")}
    secret = {
        name: getattr(settings, name).get_secret_value() for name in ("master_key", "lookup_key", "csrf_key")
    }
    return {f"EXAM_{name.upper()}": value for name, value in (named | secret).items()}
