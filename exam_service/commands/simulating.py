"""Many physicians at once, each with a camera."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--url", required=True, help="Where the service is, such as http://127.0.0.1:8080.")
@click.option(
    "--physicians", type=click.IntRange(1), required=True, metavar="N", help="How many sit at the same time."
)
@click.option("--minutes", type=click.FloatRange(0, min_open=True), required=True, help="How long each sits.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
@click.option(
    "--faces",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of pictures for each person; without it everybody has matplotlib's sample portrait.",
)
@click.option(
    "--answer-every",
    type=click.FloatRange(0, min_open=True),
    default=8.0,
    show_default=True,
    metavar="SECONDS",
    help="How long each thinks about an item, on average.",
)
@click.option(
    "--frame-every",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Without it the interval that the service asks for.",
)
@click.option(
    "--reconnect",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    metavar="SHARE",
    help="Share of the physicians that drop everything in the middle and come back.",
)
@click.option(
    "--accounts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV file with province,number,password; without it the accounts of a demonstration.",
)
@click.option("--password", help="For accounts without one of their own; default the demonstration's.")
@click.option("--insecure", is_flag=True, help="Accept any certificate.")
def simulate(url: str, password: str | None, as_json: bool, reconnect: float, **plan: Any) -> None:  # noqa: FBT001
    """Sit papers as N physicians over real HTTP and WebSocket, and read every answer back.

    Ends with exit code 1 when an acknowledged answer was lost or anything failed.
    """
    from exam_service.demo.people import PASSWORD  # noqa: PLC0415
    from exam_service.simulate import CannotSimulate  # noqa: PLC0415
    from exam_service.simulate.report import table  # noqa: PLC0415
    from exam_service.simulate.run import Plan, service_url  # noqa: PLC0415
    from exam_service.simulate.run import simulate as run  # noqa: PLC0415

    def say(line: str) -> None:
        click.echo(line, err=True)

    try:
        wanted = Plan(url=service_url(url), password=password or PASSWORD, returning=reconnect, **plan)
        summed = asyncio.run(run(wanted, say))
    except CannotSimulate as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(summed) if as_json else table(summed))
    if summed["answers_lost"] or summed["errors"]:
        sys.exit(1)
