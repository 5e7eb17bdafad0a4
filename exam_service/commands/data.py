"""Which data directory a command means."""

from __future__ import annotations

from pathlib import Path

import click

from exam_service.errors import Misconfigured
from exam_service.settings import configured, is_configured

DATA, DEMO_DATA = "var", "var/demo"

data_option = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data directory of the embedded servers, running or not, where no EXAM_DATABASE_URL is set "
    "(default: EXAM_DATA_DIR, else var; the demonstration's is var/demo).",
)


def data_dir(data: Path | None, default: str = DATA) -> Path:
    """What the command line says, else the settings, else ``default``."""
    return (data or Path(configured("data_dir") or default)).absolute()


def used_data_dir(data: Path | None) -> Path:
    """As :func:`data_dir`, for commands that only look: a mistyped directory isn't filled with a new service.

    Raises:
        Misconfigured: No service was ever started there, and no other database is named.
    """
    directory = data_dir(data)
    if not is_configured("database_url") and not (directory / "secrets.toml").is_file():
        raise Misconfigured(
            f"there is no service in {directory}: name the directory of `serve` with --data or EXAM_DATA_DIR,"
            " or another database with EXAM_DATABASE_URL"
        )
    return directory
