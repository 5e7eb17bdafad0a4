"""What a service is filled with: provinces, first accounts, question banks, papers drawn ahead."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import click

from exam_service.commands.data import data_dir, data_option, used_data_dir
from exam_service.settings import load_settings


@click.group()
def provinces() -> None:
    """The provinces that this service works for."""


@provinces.command("add")
@click.argument("province", metavar="ID")
@click.argument("name")
@click.option("--authority", required=True, help="Name of its health administration, as physicians read it.")
@data_option
def add_province(province: str, name: str, authority: str, data: Path | None) -> None:
    """Add a province: ID is a short Latin name such as hunan, NAME what people read (湖南省).

    Its first member of staff comes next (staff add), and opens a cycle and adds everything else in pages.
    """
    from exam_service import filling  # noqa: PLC0415

    filling.run(data_dir(data), filling.add_province(province, name, authority))
    click.echo(f"{province} added; next: exam-service staff add --province {province} --role authority …")


@click.group()
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
@data_option
def add_staff(province: str, role: str, username: str, name: str, data: Path | None) -> None:
    """Add an account, and print its one-time password: it is shown once, and changed at the first login."""
    from exam_service import filling  # noqa: PLC0415

    made, password = filling.run(data_dir(data), filling.add_staff(province, role, username, name))
    click.echo(f"user name           {made}")
    click.echo(f"one-time password   {password}")


@click.group()
def cycles() -> None:
    """Cycles of assessment."""


@cycles.command("list")
@click.option("--province", help="Only this province, such as hunan (default: all).")
@data_option
def list_cycles(province: str | None, data: Path | None) -> None:
    """List cycles with their policy and the days of their tests."""
    from exam_service import filling  # noqa: PLC0415

    listed = filling.run(used_data_dir(data), filling.cycles_of(province))
    if not listed:
        click.echo(f"no cycles{f' of a province {province}' if province else ''}", err=True)
    for cycle in listed:
        click.echo(
            f"{cycle.id}  {cycle.province_id:12} {cycle.tests_from} – {cycle.tests_until}  "
            f"{cycle.policy.name:18} {cycle.title}"
        )


@click.group()
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


@click.group()
def papers() -> None:
    """Papers before they are sat."""


@papers.command()
@click.option("--province", help="Only this province, such as hunan (default: all).")
@click.option("--cycle", type=click.UUID, help="Only this cycle, by its id (default: all that are not over).")
@data_option
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

    with servers(used_data_dir(data), join=True):
        done = asyncio.run(run())
    click.echo(f"{done.drawn} papers drawn, {done.kept} were drawn before")
    if done.failed:
        raise click.ClickException(f"{done.failed} papers could not be drawn")


@click.group()
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
@data_option
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
            file, province, bank, subject, use, category, level, data_dir(data), images
        )
    except BadRows as error:
        for row in error.rows:
            click.echo(f"第{row.number}行：{row.reason}", err=True)
        raise click.ClickException(error.sentence) from None
    click.echo(f"{count} items imported into {bank}")
