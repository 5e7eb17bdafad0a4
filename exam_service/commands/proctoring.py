"""Face verification: two pictures compared, thresholds calibrated and set."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import click

from exam_service.commands.data import data_option, used_data_dir
from exam_service.settings import load_settings


@click.group()
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
@data_option
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
    with servers(used_data_dir(data), join=True):
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
