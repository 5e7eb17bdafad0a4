"""The command line: ``exam-service --help``."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from exam_service.errors import BadFields, DomainError, Misconfigured
from exam_service.settings import Settings, configured, is_configured, load_settings

DATA, DEMO_DATA = "var", "var/demo"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


class _Group(click.Group):
    """Errors that an operator can mend are printed as a sentence, not as a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        from exam_service.storage.embedded import EmbeddedServerError  # noqa: PLC0415

        try:
            return super().invoke(ctx)
        except (Misconfigured, EmbeddedServerError) as error:
            raise click.ClickException(str(error)) from None
        except BadFields as error:
            raise click.ClickException("".join(error.problems.values())) from None
        except DomainError as error:
            raise click.ClickException(error.sentence) from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="exam-service")
def main() -> None:
    """Online proctored examinations for the periodic assessment of physicians (医师定期考核).

    \b
    To try it:            exam-service demo
    On one machine:       exam-service serve --data /srv/exam
    On many machines:     exam-service migrate, then web, worker and sweep on each, with EXAM_DATABASE_URL
                          and EXAM_REDIS_URL naming the shared servers

    Every setting is an environment variable EXAM_… or a line of the TOML file that EXAM_CONFIG names; see
    docs/operations.md.
    """
    level = os.environ.get("EXAM_LOG", "INFO").upper()
    if level not in LEVELS:
        raise Misconfigured(f"EXAM_LOG is {level!r}; it must be one of {', '.join(LEVELS)}")
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


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


def _data_dir(data: Path | None, default: str) -> Path:
    return (data or Path(configured("data_dir") or default)).absolute()


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


@main.command()
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

    directory = _data_dir(data, DATA)
    supervisor.serve(directory, _overrides(directory, port, host, tls, self_signed=self_signed), ready=ready)


@main.command()
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

    directory = _data_dir(data, DEMO_DATA)
    overrides = _overrides(directory, port, host, tls, self_signed=self_signed) | {"EXAM_DEMO": "true"}
    supervisor.serve(directory, overrides, prepare=prepare, ready=ready)


def _run(process: Callable[[Settings], Coroutine[Any, Any, None]]) -> None:
    import uvloop  # noqa: PLC0415 - commands that don't serve need none

    uvloop.run(process(load_settings()))


@main.command()
def web() -> None:
    """Serve pages (one process of many; put a load balancer in front)."""
    from exam_service import processes  # noqa: PLC0415

    _run(processes.run_web)


@main.command()
def worker() -> None:
    """Verify frames: one process a core, on as many machines as you like."""
    from exam_service import processes  # noqa: PLC0415

    _run(processes.run_worker)


@main.command()
def sweep() -> None:
    """Close papers at their deadline, mark them, seal the audit journal. Safe to run more than once."""
    from exam_service import processes  # noqa: PLC0415

    _run(processes.run_sweep)


@main.command()
def migrate() -> None:
    """Bring the database of EXAM_DATABASE_URL up to date."""
    from exam_service.storage.migrate import migrate as apply  # noqa: PLC0415

    done = asyncio.run(apply(load_settings().database_url))
    click.echo("\n".join(done) if done else "nothing to do")


@main.group()
def audit() -> None:
    """The journal of who did what and who looked at what."""


@audit.command()
@click.option(
    "--heads",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of signed heads to compare with (default: EXAM_AUDIT_HEADS, else audit in the data "
    "directory).",
)
def verify(heads: Path | None) -> None:
    """Walk the chain of the whole journal; exit 1 and name the first entry that was edited or removed.

    The heads that the sweeper signed outside the database show also that its end was cut off, or that it was
    written anew.
    """
    from exam_service.audit.model import Damage  # noqa: PLC0415
    from exam_service.audit.usecases import find_damage  # noqa: PLC0415
    from exam_service.storage.database import Database  # noqa: PLC0415
    from exam_service.tools import head_log  # noqa: PLC0415

    settings = load_settings()
    log = head_log(settings if heads is None else settings.model_copy(update={"audit_heads": heads}))
    try:
        signed = log.read()
    except OSError as error:
        raise click.ClickException(f"the signed heads can't be read: {error}") from None

    async def run() -> Damage | None:
        database = await Database.connect(settings.database_url, pool_size=1)
        try:
            return await find_damage(database, signed.digests)
        finally:
            await database.close()

    for place in signed.unreadable:
        click.echo(f"passed over, as it was cut short: {place}", err=True)
    if damage := asyncio.run(run()):
        entries = f"entry {damage.first}"
        if damage.last > damage.first:
            entries = f"an entry from {damage.first} to {damage.last}"
        witness = ", as a signed head shows" if damage.is_signed else ""
        raise click.ClickException(f"the journal was tampered with: {entries} was edited or removed{witness}")
    if signed.unsigned:
        raise click.ClickException(f"not signed by this service: {'; '.join(signed.unsigned)}")
    click.echo("the journal is whole")
    if newest := signed.newest:
        at = newest.at.isoformat(timespec="seconds")
        click.echo(f"signed heads: {len(signed.digests)}, the last of entry {newest.number} at {at}")
    else:
        click.echo(f"whether its end was cut off can't be told: there are no signed heads in {log.directory}")


@main.group()
def evidence() -> None:
    """Pictures and face data: what is kept, and the proof of what is gone."""


@evidence.command("purges")
@click.option("--cycle", type=click.UUID, help="Only of this cycle, by its id (default: all).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_purges(cycle: UUID | None, as_json: bool) -> None:  # noqa: FBT001
    """List what was purged: when, whose, why, how much, and the digest over what it was."""
    from exam_service.proctor import usecases as proctor  # noqa: PLC0415
    from exam_service.tools import open_services  # noqa: PLC0415

    async def run() -> None:
        async with open_services(load_settings()) as (services, _):
            for purge in await proctor.purges(services, cycle):
                facts = {
                    "purge": str(purge.id),
                    "at": purge.at.isoformat(),
                    "province": purge.province_id,
                    "cycle": str(purge.cycle_id),
                    "account": str(purge.account_id),
                    "kind": purge.kind.value,
                    "why": purge.why.value,
                    "items": purge.items,
                    "bytes": purge.size,
                    "key": str(purge.key_id) if purge.key_id else None,
                    "sha256": purge.digest.hex(),
                }
                click.echo(json.dumps(facts) if as_json else "  ".join(str(each) for each in facts.values()))

    asyncio.run(run())


@evidence.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify_evidence(as_json: bool) -> None:  # noqa: FBT001
    """Check that what was purged is gone, and that every kept file is what was recorded; else exit 1."""
    from exam_service.proctor import usecases as proctor  # noqa: PLC0415
    from exam_service.tools import open_services  # noqa: PLC0415

    async def run() -> proctor.Verification:
        async with open_services(load_settings()) as (services, _):
            return await proctor.verify_evidence(services)

    found = asyncio.run(run())
    facts: dict[str, Any] = {
        "purges": found.purges,
        "keys_left": [str(key_id) for key_id in found.keys_left],
        "evidence": found.files.rows,
        "missing": [str(each) for each in found.files.missing],
        "altered": [str(each) for each in found.files.altered],
        "without_key": [str(each) for each in found.files.keyless],
        "files_without_row": list(found.files.strays),
    }
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name.replace('_', ' '):18} {len(value) if isinstance(value, list) else value}")
            for each in value if isinstance(value, list) else ():
                click.echo(f"  {each}")
    if not found.is_sound:
        raise click.ClickException("evidence is not as it should be; see above")


@main.group()
def attempts() -> None:
    """Sittings of papers."""


@attempts.command()
@click.argument("attempt", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay(attempt: UUID, as_json: bool) -> None:  # noqa: FBT001
    """Rebuild answers and mark of ATTEMPT from its journal; exit 1 when they aren't what is stored."""
    from exam_service.errors import NotFound  # noqa: PLC0415
    from exam_service.papers import usecases as papers  # noqa: PLC0415
    from exam_service.tools import open_services  # noqa: PLC0415

    async def run() -> papers.Replay:
        async with open_services(load_settings()) as (services, _):
            return await papers.replay(services, attempt)

    try:
        replayed = asyncio.run(run())
    except NotFound as error:
        raise click.ClickException(f"there is no attempt {attempt}") from error
    facts = replayed.facts()
    if as_json:
        click.echo(json.dumps(facts))
    else:
        for name, value in facts.items():
            click.echo(f"{name.replace('_', ' '):16} {value}")
    if not replayed.agrees:
        raise click.ClickException("the journal does not add up to what is stored")


_DATA_OPTION = click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data directory of the embedded servers, running or not, where no EXAM_DATABASE_URL is set "
    "(default: EXAM_DATA_DIR, else var; the demonstration's is var/demo).",
)


@main.group()
def provinces() -> None:
    """The provinces that this service works for."""


@provinces.command("add")
@click.argument("province", metavar="ID")
@click.argument("name")
@click.option("--authority", required=True, help="Name of its health administration, as physicians read it.")
@_DATA_OPTION
def add_province(province: str, name: str, authority: str, data: Path | None) -> None:
    """Add a province: ID is a short Latin name such as hunan, NAME what people read (湖南省).

    Its first member of staff comes next (staff add), and opens a cycle and adds everything else in pages.
    """
    from exam_service import filling  # noqa: PLC0415

    filling.run(_data_dir(data, DATA), filling.add_province(province, name, authority))
    click.echo(f"{province} added; next: exam-service staff add --province {province} --role authority …")


@main.group()
def staff() -> None:
    """The first accounts of staff; the authority makes all others in its pages."""


@staff.command("add")
@click.option("--province", required=True, help="Province id, such as hunan.")
@click.option(
    "--role",
    type=click.Choice(["authority", "operator"]),
    required=True,
    help="卫生行政部门, which opens cycles and keeps organisations, or 系统运维.",
)
@click.option("--username", required=True, help="3 to 40 of a-z, 0-9, . _ -; unique in the whole service.")
@click.option("--name", required=True, help="The person's name, as their pages show it.")
@_DATA_OPTION
def add_staff(province: str, role: str, username: str, name: str, data: Path | None) -> None:
    """Add an account, and print its one-time password: it is shown once, and changed at the first login."""
    from exam_service import filling  # noqa: PLC0415

    made, password = filling.run(_data_dir(data, DATA), filling.add_staff(province, role, username, name))
    click.echo(f"user name           {made}")
    click.echo(f"one-time password   {password}")


@main.group()
def cycles() -> None:
    """Cycles of assessment."""


@cycles.command("list")
@click.option("--province", help="Only this province, such as hunan (default: all).")
@_DATA_OPTION
def list_cycles(province: str | None, data: Path | None) -> None:
    """List cycles with their policy and the days of their tests."""
    from exam_service import filling  # noqa: PLC0415

    for cycle in filling.run(_data_dir(data, DATA), filling.cycles_of(province)):
        click.echo(
            f"{cycle.id}  {cycle.province_id:12} {cycle.tests_from} – {cycle.tests_until}  "
            f"{cycle.policy.name:18} {cycle.title}"
        )


@main.group()
def policy() -> None:
    """Policies of provinces."""


@policy.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def check_policy(file: Path) -> None:
    """Read a preset, say what it means; exit 1 and name the place when it is wrong. Needs no server."""
    from exam_service.cycles.policy import merge_preset  # noqa: PLC0415
    from exam_service.cycles.summary import summary  # noqa: PLC0415

    found = merge_preset(file.read_text(encoding="utf-8"))
    if found.name != file.stem:
        raise click.ClickException(f"policy.name is {found.name!r}: the file must be {found.name}.toml")
    for fact in summary(found):
        click.echo(fact.label)
        for line in fact.lines:
            click.echo(f"  {line}")


@main.group()
def papers() -> None:
    """Papers before they are sat."""


@papers.command()
@click.option("--province", help="Only this province, such as hunan (default: all).")
@click.option("--cycle", type=click.UUID, help="Only this cycle, by its id (default: all that are not over).")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data directory of the embedded servers, running or not, where no EXAM_DATABASE_URL is set "
    "(default: EXAM_DATA_DIR, else var; the demonstration's is var/demo).",
)
def prepare(province: str | None, cycle: UUID | None, data: Path | None) -> None:
    """Draw the next paper of everybody who may sit one, ahead of the day; again for who has come since.

    Exits with 1 when papers can't be drawn because a bank holds too few items.
    """
    from exam_service.clock import SystemClock  # noqa: PLC0415
    from exam_service.papers.usecases import Prepared, prepare  # noqa: PLC0415
    from exam_service.storage.database import Database  # noqa: PLC0415
    from exam_service.supervisor import servers  # noqa: PLC0415

    async def run() -> Prepared:
        database = await Database.connect(load_settings().database_url, pool_size=1)
        try:
            return await prepare(
                database, SystemClock(), province_id=province, cycle_id=cycle, say=click.echo
            )
        finally:
            await database.close()

    with servers(_data_dir(data, DATA), join=True):
        done = asyncio.run(run())
    click.echo(f"{done.drawn} papers drawn, {done.kept} were drawn before")
    if done.failed:
        raise click.ClickException(f"{done.failed} papers could not be drawn")


@main.group()
def questions() -> None:
    """Question banks."""


@questions.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--province", required=True, help="Province id, such as hunan.")
@click.option("--bank", required=True, help="Title of the bank; made if there is none.")
@click.option(
    "--subject",
    type=click.Choice(["humanities", "professional"]),
    required=True,
    help="What the bank asks: 人文医学 or 业务水平.",
)
@click.option("--use", type=click.Choice(["exam", "practice"]), required=True, help="The two never mix.")
@click.option(
    "--category",
    type=click.Choice(["clinical", "dental", "tcm", "public_health"]),
    help="Of a professional bank: 执业类别.",
)
@click.option(
    "--level",
    type=click.Choice(["licensed", "assistant"]),
    help="Of a professional bank: 执业医师 or 执业助理医师.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of the pictures that the column image (图片) names.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data directory of the embedded servers, running or not, where no EXAM_DATABASE_URL is set "
    "(default: EXAM_DATA_DIR, else var; the demonstration's is var/demo).",
)
def import_questions(
    file: Path,
    province: str,
    bank: str,
    subject: str,
    use: str,
    category: str | None,
    level: str | None,
    images: Path | None,
    data: Path | None,
) -> None:
    """Import items from a CSV file: all rows, or none and a report of every bad one.

    \b
    Columns: stem, A, B, C, D, E (may be missing or empty), key (a letter), explanation, tags (; between),
    image (a file in --images: PNG, JPEG or WebP, at most 2 MB), image_alt (what it shows).
    Question and Answer do for stem and key. UTF-8 or GB 18030.
    """
    from exam_service import imports  # noqa: PLC0415
    from exam_service.questions.model import BadRows  # noqa: PLC0415

    wanted = 2 if subject == "professional" else 0
    if (category is not None) + (level is not None) != wanted:
        raise click.UsageError("--category and --level go with --subject professional, and only with it")
    try:
        count = imports.import_file(
            file, province, bank, subject, use, category, level, _data_dir(data, DATA), images
        )
    except BadRows as error:
        for row in error.rows:
            click.echo(f"第{row.number}行：{row.reason}", err=True)
        raise click.ClickException(error.sentence) from None
    click.echo(f"{count} items imported into {bank}")


@main.group()
def proctor() -> None:
    """Face verification."""


@proctor.command()
@click.argument("a", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("b", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--models",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/models"),
    show_default=True,
    help="Where the network is cached.",
)
def compare(a: Path, b: Path, as_json: bool, models: Path) -> None:  # noqa: FBT001
    """Compare the largest faces of two pictures: match, unsure or mismatch.

    Needs no server. The thresholds are EXAM_MATCH_THRESHOLD and EXAM_MISMATCH_THRESHOLD.
    """
    from exam_service.proctor.comparison import NoFace, compare_pictures  # noqa: PLC0415
    from exam_service.proctor.verifier import BadRecogniser, UnreadableImage  # noqa: PLC0415

    try:
        result = compare_pictures(a.read_bytes(), b.read_bytes(), models)
    except (NoFace, UnreadableImage, BadRecogniser) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        click.echo(json.dumps(result))
    else:
        click.echo(f"{result['verdict']}: distance {result['distance']:.3f}, faces {result['faces']}")


@proctor.command()
@click.argument("pairs", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.svg",
    help="Draw the DET curve, and the distances with both thresholds.",
)
@click.option(
    "--fmr",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.001,
    show_default=True,
    help="Largest share of impostor pairs that may be called a match.",
)
@click.option(
    "--fnmr",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.001,
    show_default=True,
    help="Largest share of genuine pairs that may be called a mismatch.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 0.9999),
    default=0.95,
    show_default=True,
    help="Of the intervals, and with which the two shares must be shown.",
)
@click.option(
    "--models",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("var/models"),
    show_default=True,
    help="Where the network is cached.",
)
def calibrate(
    pairs: Path,
    as_json: bool,  # noqa: FBT001
    plot: Path | None,
    fmr: float,
    fnmr: float,
    confidence: float,
    models: Path,
) -> None:
    """Measure how often the recogniser errs on PAIRS.csv, and propose the two thresholds.

    \b
    Columns: a, b (pictures, relative to the file), same (1/0, true/false, yes/no, 是/否), perhaps group.
    Prints FMR and FNMR with exact intervals, says what the pairs are too few for, and changes nothing.
    Needs no server.
    """
    from exam_service.proctor.calibration import Wanted  # noqa: PLC0415
    from exam_service.proctor.calibration_report import facts, text  # noqa: PLC0415
    from exam_service.proctor.comparison import thresholds_outside_service  # noqa: PLC0415
    from exam_service.proctor.pairs import BadPairs, look_at, measure, read_pairs  # noqa: PLC0415
    from exam_service.proctor.verifier import BadRecogniser  # noqa: PLC0415

    wanted, configured = Wanted(fmr, fnmr, confidence), thresholds_outside_service()
    try:
        sheet = read_pairs(pairs)
        with click.progressbar(sheet.pictures, label="Looking at pictures", file=sys.stderr) as pictures:
            measured = measure(sheet, look_at(pictures, models))
    except BadRecogniser as error:
        raise click.ClickException(str(error)) from None
    except BadPairs as error:
        for row in error.rows:
            click.echo(f"line {row.line}: {row.reason}", err=True)
        raise click.ClickException(str(error)) from None
    found = facts(measured, wanted, configured)
    click.echo(json.dumps(found, ensure_ascii=False) if as_json else text(found))
    if plot:
        from exam_service.proctor.calibration_plot import plot as draw  # noqa: PLC0415

        try:
            draw(measured, wanted, plot)
        except OSError as error:
            raise click.ClickException(f"no plot: {error}") from None


@proctor.command()
@click.argument("province")
@click.option("--model", help="Of which recogniser (default: the one in use).")
@click.option(
    "--match",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="Set: face distance up to which it is the same person.",
)
@click.option(
    "--mismatch",
    type=click.FloatRange(0, min_open=True),
    metavar="Y",
    help="Set: face distance from which it is not.",
)
@click.option("--note", metavar="TEXT", help="Why, for whoever questions a verdict; needed to set.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Data directory of the embedded servers, running or not, where no EXAM_DATABASE_URL is set "
    "(default: EXAM_DATA_DIR, else var; the demonstration's is var/demo).",
)
def thresholds(
    province: str,
    model: str | None,
    match: float | None,
    mismatch: float | None,
    note: str | None,
    data: Path | None,
) -> None:
    """Show the thresholds that hold in PROVINCE; or set them, with --match, --mismatch and --note.

    They are of one model: another one measures other distances. Workers take up new ones within seconds;
    verdicts that were given stay. Every setting is kept, and is in the audit journal.
    """
    from exam_service.proctor.model import Thresholds  # noqa: PLC0415
    from exam_service.supervisor import servers  # noqa: PLC0415
    from exam_service.thresholds import UnknownProvince, model_in_use, show, store  # noqa: PLC0415

    wanted = None
    if match is not None and mismatch is not None and note:
        if match > mismatch:
            raise click.UsageError(f"--match {match:g} is above --mismatch {mismatch:g}")
        wanted = Thresholds(match, mismatch)
    elif (match, mismatch, note) != (None, None, None):
        raise click.UsageError("--match, --mismatch and --note go together")
    with servers(_data_dir(data, DATA), join=True):
        settings = load_settings()
        used, own = model_in_use(settings)
        model = model or used
        try:
            if wanted and note:
                asyncio.run(store(settings, province, model, wanted, note))
            lines = asyncio.run(show(settings, province, model, own if model == used else None))
        except UnknownProvince as error:
            raise click.BadParameter(str(error), param_hint="PROVINCE") from None
    click.echo("\n".join(lines))


@main.command()
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


if __name__ == "__main__":
    main(prog_name="exam-service")
