"""Which data directory a command means."""

from __future__ import annotations

from pathlib import Path

import click

from exam_service.settings import configured

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
