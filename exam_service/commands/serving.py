"""Processes: all of them on this machine, or one kind of them; and the database they need."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from exam_service.commands.data import DEMO_DATA, data_dir
from exam_service.settings import Settings, is_configured, load_settings


def _listening(command: Callable[..., None]) -> Callable[..., None]:
    """The options of whatever serves pages on this machine."""
    for option in (
        click.option(
            "--data",
            type=click.Path(file_okay=False, path_type=Path),
            help="Directory of evidence, models, and the embedded servers and secrets "
            "(default: EXAM_DATA_DIR, else var; the demonstration's is var/demo).",
        ),
        click.option(
            "--port", type=click.IntRange(1, 65535), help="Port to listen on (default: EXAM_PORT, else 8080)."
        ),
        click.option(
            "--host",
            help="Address to listen on, 0.0.0.0 for the whole network (default: EXAM_HOST, else 127.0.0.1).",
        ),
        click.option(
            "--tls",
            nargs=2,
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="CERT KEY",
            help="Serve HTTPS with this certificate chain and key (PEM).",
        ),
        click.option(
            "--self-signed",
            is_flag=True,
            help="Serve HTTPS with a certificate of our own: a phone on the same network gets the camera.",
        ),
    ):
        command = option(command)
    return command


def _overrides(
    data: Path, port: int | None, host: str | None, tls: tuple[Path, Path] | None, *, self_signed: bool
) -> dict[str, str]:
    """What the command line says, as environment variables; what it doesn't say stays the settings' own."""
    from exam_service.certificate import self_signed as make_certificate  # noqa: PLC0415

    if tls and self_signed:
        raise click.UsageError("--tls and --self-signed exclude each other")
    if self_signed:
        tls = make_certificate(data)
    overrides = {}
    if port is not None:
        overrides["EXAM_PORT"] = str(port)
    if host is not None:
        overrides["EXAM_HOST"] = host
    if tls:
        overrides |= {"EXAM_TLS_CERT": str(tls[0].absolute()), "EXAM_TLS_KEY": str(tls[1].absolute())}
    return overrides


def _warn_without_tls(settings: Settings) -> None:
    if settings.tls_cert is None and settings.host not in {"127.0.0.1", "localhost", "::1"}:
        click.secho(
            "Without HTTPS browsers on other machines can neither log in nor use the camera: "
            "add --self-signed or --tls, or put a TLS proxy in front.",
            fg="yellow",
            err=True,
        )


@click.command()
@_listening
def serve(
    data: Path | None,
    port: int | None,
    host: str | None,
    tls: tuple[Path, Path] | None,
    self_signed: bool,  # noqa: FBT001
) -> None:
    """Run everything on this machine: pages, proctor workers, sweeper.

    PostgreSQL and Redis are embedded unless EXAM_DATABASE_URL and EXAM_REDIS_URL name others. Secrets are
    generated once into DATA/secrets.toml: keep that file with the backups.
    """
    from exam_service import supervisor  # noqa: PLC0415
    from exam_service.demo.walkthrough import addresses  # noqa: PLC0415

    def ready(settings: Settings) -> None:
        _warn_without_tls(settings)
        click.echo("serving " + " ".join(addresses(settings)))

    directory = data_dir(data)
    supervisor.serve(directory, _overrides(directory, port, host, tls, self_signed=self_signed), ready=ready)


@click.command()
@_listening
@click.option(
    "--physicians",
    type=click.IntRange(0, 5000),
    default=200,
    show_default=True,
    help="Further accounts for `simulate` (only when the demonstration is first seeded).",
)
def demo(
    data: Path | None,
    port: int | None,
    host: str | None,
    tls: tuple[Path, Path] | None,
    self_signed: bool,  # noqa: FBT001
    physicians: int,
) -> None:
    """Serve a demonstration: five provinces, accounts for every role, question banks, a walk-through.

    The first identity check of an account enrols the face it sees; only a demonstration does that.
    """
    from exam_service import supervisor  # noqa: PLC0415
    from exam_service.demo.seed import seed  # noqa: PLC0415
    from exam_service.demo.walkthrough import walkthrough  # noqa: PLC0415

    if is_configured("database_url"):
        raise click.UsageError(
            "a demonstration has published passwords: it runs on an embedded database only. "
            "Unset EXAM_DATABASE_URL, or use `serve`."
        )

    def prepare(settings: Settings) -> None:
        asyncio.run(seed(settings, simulated=physicians))

    def ready(settings: Settings) -> None:
        _warn_without_tls(settings)
        click.echo(walkthrough(settings))

    directory = data_dir(data, DEMO_DATA)
    overrides = _overrides(directory, port, host, tls, self_signed=self_signed) | {"EXAM_DEMO": "true"}
    supervisor.serve(directory, overrides, prepare=prepare, ready=ready)


def _run(process: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    import uvloop  # noqa: PLC0415 - commands that don't serve need none

    uvloop.run(process(load_settings()))


@click.command()
def web() -> None:
    """Serve pages (one process of many; put a load balancer in front)."""
    from exam_service import processes  # noqa: PLC0415

    _run(processes.run_web)


@click.command()
def worker() -> None:
    """Verify frames: one process a core, on as many machines as you like."""
    from exam_service import processes  # noqa: PLC0415

    _run(processes.run_worker)


@click.command()
def sweep() -> None:
    """Close papers at their deadline, mark them, seal the audit journal. Safe to run more than once."""
    from exam_service import processes  # noqa: PLC0415

    _run(processes.run_sweep)


@click.command()
def migrate() -> None:
    """Bring the database of EXAM_DATABASE_URL up to date."""
    from exam_service.storage.migrate import migrate as apply  # noqa: PLC0415

    done = asyncio.run(apply(load_settings().database_url))
    click.echo("\n".join(done) if done else "nothing to do")
