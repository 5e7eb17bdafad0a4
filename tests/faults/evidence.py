"""What PostgreSQL holds, held against what the clients were told. Asks PostgreSQL itself, not the service."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from click.testing import CliRunner

from exam_service.__main__ import main
from tests.faults.service import Service
from tests.faults.sitter import Acknowledged, Sitter


@dataclass(frozen=True)
class Findings:
    """Each is a list of sentences, empty when all is well.

    Attributes:
        lost: Acknowledged, and not in the journal, or there with other content or another receipt.
        invented: In the journal, and never sent.
        standing: The current answers aren't what the journal adds up to, or not the last acknowledged.
        deadlines: A deadline that isn't admission, minutes and what was credited.
        chains: A chain of receipts that doesn't hold, as ``attempts replay`` sees it.
    """

    lost: tuple[str, ...]
    invented: tuple[str, ...]
    standing: tuple[str, ...]
    deadlines: tuple[str, ...]
    chains: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        return self.lost + self.invented + self.standing + self.deadlines + self.chains


async def findings(service: Service, sitters: Sequence[Sitter], *, moved_deadlines: bool = False) -> Findings:
    """Look everything up.

    Args:
        moved_deadlines: The test has set deadlines by itself.
    """
    lost: list[str] = []
    invented: list[str] = []
    standing: list[str] = []
    deadlines: list[str] = []
    async with service.connected() as connection:
        for sitter in sitters:
            journal = {(row["epoch"], row["seq"]): row for row in await _journal(connection, sitter)}
            lost += [
                f"{sitter.attempt} {told.sent}"
                for told in sitter.acknowledged
                if not _is_kept(told, journal.get((told.sent.epoch, told.sent.seq)))
            ]
            sent = {(one.epoch, one.seq, one.item, one.option) for one in sitter.sent}
            invented += [
                f"{sitter.attempt} {dict(row)}"
                for row in journal.values()
                if (row["epoch"], row["seq"], str(row["item_id"]), _text(row["option_id"])) not in sent
            ]
            answers = {
                str(row["item_id"]): (row["epoch"], row["seq"], _text(row["option_id"]))
                for row in await connection.fetch(
                    "SELECT item_id, option_id, epoch, seq FROM answer WHERE attempt_id = $1", sitter.attempt
                )
            }
            if answers != _added_up(journal.values()):
                standing.append(f"{sitter.attempt}: {answers} isn't what the journal adds up to")
            current = {item: option for item, (_, _, option) in answers.items() if option is not None}
            standing += [f"{sitter.attempt}: item {item}" for item in sitter.ledger.lost(current)]
            if not moved_deadlines:
                deadlines += await _wrong_deadline(connection, sitter)
    chains = await asyncio.to_thread(_broken_chains, service, sitters)
    return Findings(tuple(lost), tuple(invented), tuple(standing), tuple(deadlines), tuple(chains))


async def _journal(connection: Any, sitter: Sitter) -> list[Any]:
    rows: list[Any] = await connection.fetch(
        "SELECT epoch, seq, item_id, option_id, counted, number, receipt FROM answer_event "
        "WHERE attempt_id = $1 ORDER BY number",
        sitter.attempt,
    )
    return rows


def _is_kept(told: Acknowledged, row: Any) -> bool:
    if row is None or (str(row["item_id"]), _text(row["option_id"])) != (told.sent.item, told.sent.option):
        return False
    if (receipt := told.reply.get("receipt")) is None:
        return True
    return bool((receipt["number"], receipt["hash"]) == (row["number"], row["receipt"].hex()))


def _added_up(rows: Any) -> dict[str, tuple[int, int, str | None]]:
    newest: dict[str, tuple[int, int, str | None]] = {}
    for row in sorted(rows, key=lambda row: (row["epoch"], row["seq"])):
        if row["counted"]:
            newest[str(row["item_id"])] = (row["epoch"], row["seq"], _text(row["option_id"]))
    return newest


def _text(option: Any) -> str | None:
    return None if option is None else str(option)


async def _wrong_deadline(connection: Any, sitter: Sitter) -> list[str]:
    row = await connection.fetchrow(
        "SELECT admitted_at, deadline, (rule->>'minutes')::integer + extra_minutes AS minutes, "
        "(SELECT coalesce(sum(seconds), 0)::integer FROM time_credit WHERE attempt_id = $1) AS credited "
        "FROM attempt WHERE id = $1",
        sitter.attempt,
    )
    due = row["admitted_at"] + timedelta(minutes=row["minutes"], seconds=row["credited"])
    return [] if row["deadline"] == due else [f"{sitter.attempt}: {dict(row)}"]


def _broken_chains(service: Service, sitters: Sequence[Sitter]) -> list[str]:
    """``exam-service attempts replay`` of each; in this process, for a start takes longer than a replay."""
    if "attempts" not in main.commands:
        return []
    own = dict.fromkeys(name for name in os.environ if name.startswith("EXAM_"))
    environment = own | {"EXAM_DATA_DIR": str(service.data)}
    broken = []
    for sitter in sitters:
        done = CliRunner().invoke(main, ["attempts", "replay", str(sitter.attempt)], env=environment)
        if done.exit_code != 0:
            broken.append(f"{sitter.attempt}: {done.output} {done.exception!r}")
    return broken
