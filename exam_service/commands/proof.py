"""What an operator answers for: the journal, the evidence, the way to a mark."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from exam_service.commands.data import data_option, used_data_dir
from exam_service.settings import load_settings


@click.group()
def audit() -> None:
    """The journal of who did what and who looked at what."""


@audit.command()
@click.option(
    "--heads",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory of signed heads to compare with (default: EXAM_AUDIT_HEADS, else audit in the data "
    "directory).",
)
@data_option
def verify(heads: Path | None, data: Path | None) -> None:
    """Walk the chain of the whole journal; exit 1 and name the first entry that was edited or removed.

    The heads that the sweeper signed outside the database show also that its end was cut off, or that it was
    written anew. Exits with 1 as well where entries were kept out of the chain.
    """
    from exam_service.audit.model import Damage, Unsealed  # noqa: PLC0415
    from exam_service.audit.usecases import find_damage, find_unsealed  # noqa: PLC0415
    from exam_service.clock import SystemClock  # noqa: PLC0415
    from exam_service.storage.database import Database  # noqa: PLC0415
    from exam_service.supervisor import servers  # noqa: PLC0415
    from exam_service.tools import head_log  # noqa: PLC0415

    async def run(url: str, digests: Mapping[int, bytes]) -> tuple[Damage | None, Unsealed | None]:
        database = await Database.connect(url, pool_size=1)
        try:
            return await find_damage(database, digests), await find_unsealed(database, SystemClock())
        finally:
            await database.close()

    with servers(used_data_dir(data), join=True):
        settings = load_settings()
        log = head_log(settings if heads is None else settings.model_copy(update={"audit_heads": heads}))
        try:
            signed = log.read()
        except OSError as error:
            raise click.ClickException(f"the signed heads can't be read: {error}") from None
        damage, unsealed = asyncio.run(run(settings.database_url, signed.digests))

    for place in signed.unreadable:
        click.echo(f"passed over, as it was cut short: {place}", err=True)
    if damage:
        entries = f"entry {damage.first}"
        if damage.last > damage.first:
            entries = f"an entry from {damage.first} to {damage.last}"
        witness = ", as a signed head shows" if damage.is_signed else ""
        restored = (
            "\nAfter a restore from a backup that is expected of heads signed since: set their directory "
            "aside, see docs/operations.md"
        )
        raise click.ClickException(
            f"the journal was tampered with: {entries} was edited or removed{witness}"
            + (restored if damage.is_signed else "")
        )
    if signed.unsigned:
        raise click.ClickException(f"not signed by this service: {'; '.join(signed.unsigned)}")
    if unsealed:
        raise click.ClickException(
            f"{unsealed.count} entries were never sealed, the oldest of "
            f"{unsealed.oldest.isoformat(timespec='seconds')}: whether they were edited can't be told. The "
            "sweeper seals within a second; if it runs, somebody keeps it from doing so"
        )
    click.echo("the journal is whole")
    if newest := signed.newest:
        at = newest.at.isoformat(timespec="seconds")
        click.echo(f"signed heads: {len(signed.digests)}, the last of entry {newest.number} at {at}")
    else:
        click.echo(f"whether its end was cut off can't be told: there are no signed heads in {log.directory}")


@click.group()
def evidence() -> None:
    """Pictures and face data: what is kept, and the proof of what is gone."""


@evidence.command("purges")
@click.option("--cycle", type=click.UUID, help="Only of this cycle, by its id (default: all).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
@data_option
def list_purges(cycle: UUID | None, as_json: bool, data: Path | None) -> None:  # noqa: FBT001
    """List what was purged: when, whose, why, how much, and the digest over what it was."""
    from exam_service.proctor import usecases as proctor  # noqa: PLC0415
    from exam_service.supervisor import servers  # noqa: PLC0415
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

    with servers(used_data_dir(data), join=True):
        asyncio.run(run())


@evidence.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def verify_evidence(as_json: bool, data: Path | None) -> None:  # noqa: FBT001
    """Check that what was purged is gone, and that every kept file is what was recorded; else exit 1."""
    from exam_service.proctor import usecases as proctor  # noqa: PLC0415
    from exam_service.supervisor import servers  # noqa: PLC0415
    from exam_service.tools import open_services  # noqa: PLC0415

    async def run() -> proctor.Verification:
        async with open_services(load_settings()) as (services, _):
            return await proctor.verify_evidence(services)

    with servers(used_data_dir(data), join=True):
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


@click.group()
def attempts() -> None:
    """Sittings of papers."""


@attempts.command()
@click.argument("attempt", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@data_option
def replay(attempt: UUID, as_json: bool, data: Path | None) -> None:  # noqa: FBT001
    """Rebuild answers and mark of ATTEMPT from its journal; exit 1 when they aren't what is stored."""
    from exam_service.errors import NotFound  # noqa: PLC0415
    from exam_service.papers import usecases as papers  # noqa: PLC0415
    from exam_service.supervisor import servers  # noqa: PLC0415
    from exam_service.tools import open_services  # noqa: PLC0415

    async def run() -> papers.Replay:
        async with open_services(load_settings()) as (services, _):
            return await papers.replay(services, attempt)

    try:
        with servers(used_data_dir(data), join=True):
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
