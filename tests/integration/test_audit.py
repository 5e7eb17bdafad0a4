"""The journal: sealed in one unbroken chain, and an edit, a deletion or a cut anywhere is seen."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from exam_service.audit import usecases as audit
from exam_service.audit.model import GENESIS, Damage, Entry, Unsealed, chained
from exam_service.crypto.signing import Signer
from exam_service.ids import new_id
from exam_service.storage.database import Database
from exam_service.storage.heads import HeadLog
from tests.world import START, FakeClock, eventually, own_database

ACTOR = UUID("01990000-0000-7000-8000-00000000000a")
SUBJECT = UUID("01990000-0000-7000-8000-00000000000b")


@pytest.fixture(scope="module")
async def journal(template_database: str) -> AsyncIterator[Database]:
    async with own_database(template_database) as url:
        database = await Database.connect(url, pool_size=8)
        yield database
        await database.close()


@pytest.fixture
async def database(journal: Database) -> Database:
    """One with an empty journal."""
    async with journal.tx() as tx:
        await tx.execute("TRUNCATE audit_seal, audit_entry, audit_head")
    return journal


async def write(database: Database, *actions: str) -> None:
    """An entry of each action, each in a transaction of its own."""
    for action in actions:
        async with database.tx() as tx:
            await audit.record(
                tx,
                FakeClock(),
                province_id="hunan",
                actor_id=ACTOR,
                action=action,
                subject_id=SUBJECT,
                facts={"passed": True, "备注": "一", "number": 1.5, "list": [1, None]},
            )


async def sealed_actions(database: Database) -> list[str]:
    """The actions in the order of the chain."""
    async with database.tx() as tx:
        rows = await tx.fetch(
            "SELECT e.action FROM audit_seal s JOIN audit_entry e ON e.id = s.entry_id ORDER BY s.number"
        )
    return [row["action"] for row in rows]


async def numbers(database: Database) -> list[int]:
    async with database.tx() as tx:
        rows = await tx.fetch("SELECT number FROM audit_seal ORDER BY number")
    return [row["number"] for row in rows]


async def seal(database: Database, count: int) -> None:
    """Seal exactly ``count`` entries.

    Not at once: the horizon is the whole server's, so that its other databases (other tests) delay a sealing.
    """
    done = 0
    while done < count:
        done += await eventually(lambda: audit.seal(database))
    assert done == count


async def all_sealed(database: Database, count: int) -> bool:
    """Whether, after one more sealing, ``count`` entries are sealed."""
    await audit.seal(database)
    return len(await numbers(database)) >= count


async def sealed(database: Database, count: int) -> list[str]:
    """``count`` entries, sealed and whole; gives their actions."""
    actions = [f"test.{number}" for number in range(1, count + 1)]
    await write(database, *actions)
    await seal(database, count)
    assert await audit.find_damage(database) is None
    return actions


async def test_sealing_numbers_and_chains_in_order(database: Database) -> None:
    actions = await sealed(database, 5)
    assert await sealed_actions(database) == actions
    assert await numbers(database) == [1, 2, 3, 4, 5]
    await write(database, "later.1", "later.2")
    await seal(database, 2)
    assert await sealed_actions(database) == [*actions, "later.1", "later.2"]
    assert await audit.find_damage(database) is None


async def test_each_digest_is_over_the_one_before_and_the_whole_entry(database: Database) -> None:
    """Counted again here, so that a chain over less than everything would be noticed."""
    await sealed(database, 3)
    previous = GENESIS
    async with database.tx() as tx:
        rows = await tx.fetch(
            "SELECT s.number, s.digest, e.id, e.province_id, e.at, e.actor_id, e.action, e.subject_id, "
            "e.facts FROM audit_seal s JOIN audit_entry e ON e.id = s.entry_id ORDER BY s.number"
        )
    for number, digest, *fields in (tuple(row.values()) for row in rows):
        previous = chained(previous, number, Entry(*fields))
        assert digest == previous
    assert len(set(previous)) > 10


async def test_with_nothing_to_seal_nothing_happens(database: Database) -> None:
    assert await audit.seal(database) == 0
    assert await audit.find_damage(database) is None
    await sealed(database, 1)
    assert await audit.seal(database) == 0


async def test_sealers_at_once_make_one_chain(database: Database) -> None:
    for turn in range(5):
        await write(database, *(f"turn.{turn}.{number}" for number in range(4)))
        await asyncio.gather(*(audit.seal(database) for _ in range(6)))
    await eventually(lambda: all_sealed(database, 20))
    assert await numbers(database) == list(range(1, 21))
    assert await audit.find_damage(database) is None


async def test_writers_and_sealers_at_once_lose_nothing(database: Database) -> None:
    async def write_some(writer: int) -> None:
        await write(database, *(f"writer.{writer}.{number}" for number in range(8)))

    async def seal_until_done(writing: asyncio.Future[Any]) -> None:
        while not writing.done():
            await audit.seal(database)

    writing = asyncio.gather(*(write_some(writer) for writer in range(3)))
    await asyncio.gather(writing, *(seal_until_done(writing) for _ in range(2)))
    await eventually(lambda: all_sealed(database, 24))
    assert await numbers(database) == list(range(1, 25))
    assert await audit.find_damage(database) is None
    for writer in range(3):
        own = [action for action in await sealed_actions(database) if action.startswith(f"writer.{writer}.")]
        assert own == [f"writer.{writer}.{number}" for number in range(8)]


async def test_an_open_transaction_is_waited_for_not_passed_over(database: Database) -> None:
    await sealed(database, 1)
    async with database.tx() as tx:
        await audit.record(
            tx, FakeClock(), province_id="hunan", actor_id=None, action="slow", subject_id=None
        )
        await write(database, "quick")
        assert await audit.seal(database) == 0, "what began before it is not known yet"
    await seal(database, 2)
    assert await sealed_actions(database) == ["test.1", "slow", "quick"]
    assert await audit.find_damage(database) is None


async def test_what_was_there_before_an_open_transaction_is_sealed_meanwhile(database: Database) -> None:
    await write(database, "before")
    async with database.tx() as tx:
        await audit.record(
            tx, FakeClock(), province_id="hunan", actor_id=None, action="slow", subject_id=None
        )
        await seal(database, 1)
        assert await sealed_actions(database) == ["before"]
    await seal(database, 1)
    assert await sealed_actions(database) == ["before", "slow"]
    assert await audit.find_damage(database) is None


async def test_an_older_id_that_is_committed_later_is_sealed_behind(database: Database) -> None:
    """Ids are of when an entry was made, the chain is of when it was committed."""
    late = Entry(new_id(), "hunan", START, None, "late", None, {})
    await sealed(database, 2)
    async with database.tx() as tx:
        await tx.execute(
            "INSERT INTO audit_entry (id, province_id, at, action, facts) VALUES ($1, $2, $3, $4, '{}')",
            late.id,
            late.province_id,
            late.at,
            late.action,
        )
    await seal(database, 1)
    assert await sealed_actions(database) == ["test.1", "test.2", "late"]
    assert await audit.find_damage(database) is None


async def test_what_was_rolled_back_leaves_no_hole(database: Database) -> None:
    async def record_and_fail() -> None:
        async with database.tx() as tx:
            await audit.record(
                tx, FakeClock(), province_id="hunan", actor_id=None, action="undone", subject_id=None
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await record_and_fail()
    await sealed(database, 2)
    assert await sealed_actions(database) == ["test.1", "test.2"]


async def test_a_batch_larger_than_one_sealing_is_sealed_in_several(database: Database) -> None:
    async with database.tx() as tx:
        await tx.execute(
            "INSERT INTO audit_entry (id, province_id, at, action, facts) "
            "SELECT gen_random_uuid(), 'hunan', $1::timestamptz, 'many', '{}' FROM generate_series(1, 1500)",
            START,
        )
    first = await eventually(lambda: audit.seal(database))
    assert 0 < first < 1500
    await seal(database, 1500 - first)
    assert await audit.find_damage(database) is None


OTHER = UUID("01990000-0000-7000-8000-0000000000ff")
EDITS: list[tuple[str, str, Sequence[object]]] = [
    ("id", "UPDATE audit_entry SET id = $2 WHERE id = $1", [OTHER]),
    ("province", "UPDATE audit_entry SET province_id = 'henan' WHERE id = $1", []),
    ("time", "UPDATE audit_entry SET at = at + interval '1 microsecond' WHERE id = $1", []),
    ("actor", "UPDATE audit_entry SET actor_id = $2 WHERE id = $1", [OTHER]),
    ("actor, to nobody", "UPDATE audit_entry SET actor_id = NULL WHERE id = $1", []),
    ("action", "UPDATE audit_entry SET action = action || '.' WHERE id = $1", []),
    ("subject", "UPDATE audit_entry SET subject_id = $2 WHERE id = $1", [OTHER]),
    ("subject, to none", "UPDATE audit_entry SET subject_id = NULL WHERE id = $1", []),
    ("a fact", "UPDATE audit_entry SET facts = facts || '{\"passed\": false}' WHERE id = $1", []),
    ("a fact more", "UPDATE audit_entry SET facts = facts || '{\"x\": null}' WHERE id = $1", []),
    ("a fact less", "UPDATE audit_entry SET facts = facts - 'passed' WHERE id = $1", []),
    ("a digest", "UPDATE audit_seal SET digest = sha256(digest) WHERE entry_id = $1", []),
    ("a deletion", "DELETE FROM audit_entry WHERE id = $1", []),
    ("a seal's deletion", "DELETE FROM audit_seal WHERE entry_id = $1", []),
    (
        "a deletion with its seal",
        "WITH gone AS (DELETE FROM audit_seal WHERE entry_id = $1) DELETE FROM audit_entry WHERE id = $1",
        [],
    ),
]


@pytest.mark.parametrize(("what", "statement", "values"), EDITS, ids=[edit[0] for edit in EDITS])
async def test_any_edit_or_deletion_is_found_where_it_was_made(
    database: Database, what: str, statement: str, values: Sequence[object]
) -> None:
    await sealed(database, 5)
    for number in (3, 1):
        async with database.tx() as tx:
            entry_id = await tx.fetch_value("SELECT entry_id FROM audit_seal WHERE number = $1", number)
            await tx.execute(statement, entry_id, *values)
        assert await audit.find_damage(database) == Damage(number, number)
        values = [new_id()] if values else []


@pytest.mark.parametrize(("what", "statement", "values"), EDITS, ids=[edit[0] for edit in EDITS])
async def test_the_newest_entry_is_as_safe_as_the_others(
    database: Database, what: str, statement: str, values: Sequence[object]
) -> None:
    """A cut at the end leaves a chain that fits together: something else must remember where it ended."""
    await sealed(database, 5)
    async with database.tx() as tx:
        entry_id = await tx.fetch_value("SELECT entry_id FROM audit_seal WHERE number = 5")
        await tx.execute(statement, entry_id, *values)
    assert await audit.find_damage(database) == Damage(5, 5)


async def test_exchanged_entries_are_found(database: Database) -> None:
    await sealed(database, 4)
    async with database.tx() as tx:
        ids = [
            await tx.fetch_value("SELECT entry_id FROM audit_seal WHERE number = $1", number)
            for number in (2, 3)
        ]
        for number, entry_id in ((2, OTHER), (3, ids[0]), (2, ids[1])):
            await tx.execute("UPDATE audit_seal SET entry_id = $2 WHERE number = $1", number, entry_id)
    assert await audit.find_damage(database) == Damage(2, 2)


async def test_an_entry_put_in_between_is_found(database: Database) -> None:
    await sealed(database, 3)
    await write(database, "forged")
    async with database.tx() as tx:
        await tx.execute("UPDATE audit_seal SET number = number + 1 WHERE number = 3")
        await tx.execute(
            "INSERT INTO audit_seal SELECT 3, id, sha256('x') FROM audit_entry WHERE action = 'forged'"
        )
    assert await audit.find_damage(database) == Damage(3, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE audit_seal, audit_entry",
        "TRUNCATE audit_seal",
        "TRUNCATE audit_entry",
        "DELETE FROM audit_seal WHERE number > 2",
        """
        WITH cut AS (DELETE FROM audit_seal WHERE number > 2 RETURNING entry_id)
        DELETE FROM audit_entry WHERE id IN (SELECT entry_id FROM cut)
        """,
    ],
    ids=["all", "all seals", "all entries", "the newest seals", "the newest entries with their seals"],
)
async def test_a_cut_is_found(database: Database, statement: str) -> None:
    await sealed(database, 5)
    async with database.tx() as tx:
        await tx.execute(statement)
    assert await audit.find_damage(database) is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_head SET number = number + 1",
        "UPDATE audit_head SET number = number - 1",
        "UPDATE audit_head SET digest = sha256(digest)",
        "DELETE FROM audit_head",
    ],
)
async def test_whoever_touches_the_head_is_found(database: Database, statement: str) -> None:
    """What remembers the end of the chain must not be the way to hide a cut."""
    await sealed(database, 5)
    async with database.tx() as tx:
        await tx.execute(statement)
    assert await audit.find_damage(database) is not None


# What chain and database together can't show: the heads that were signed outside


@pytest.fixture
def heads(tmp_path: Path) -> HeadLog:
    return HeadLog(tmp_path / "audit", Signer(bytes(32), "audit heads"))


async def cut_with_its_head(database: Database, number: int) -> None:
    """As somebody would who may write everything in the database."""
    async with database.tx() as tx:
        await tx.execute(
            "DELETE FROM audit_entry USING audit_seal WHERE entry_id = id AND number > $1", number
        )
        await tx.execute("DELETE FROM audit_seal WHERE number > $1", number)
        await tx.execute(
            "UPDATE audit_head h SET (number, digest) = "
            "(SELECT s.number, s.digest FROM audit_seal s WHERE s.number = $1)",
            number,
        )


async def test_a_cut_that_takes_the_head_along_is_found(database: Database, heads: HeadLog) -> None:
    await sealed(database, 5)
    await audit.export_head(database, FakeClock(), heads)
    await cut_with_its_head(database, 2)
    assert await audit.find_damage(database) is None, "the chain alone fits together"
    assert await audit.find_damage(database, heads.read().digests) == Damage(3, 5, is_signed=True)


async def test_a_journal_without_an_entry_left_is_found(database: Database, heads: HeadLog) -> None:
    await sealed(database, 2)
    await audit.export_head(database, FakeClock(), heads)
    async with database.tx() as tx:
        await tx.execute("TRUNCATE audit_seal, audit_entry, audit_head")
    assert await audit.find_damage(database, heads.read().digests) == Damage(1, 2, is_signed=True)


async def test_a_journal_written_anew_from_some_entry_on_is_found(
    database: Database, heads: HeadLog, caplog: pytest.LogCaptureFixture
) -> None:
    """As many entries as before, and a sealer that suspects nothing; the next export says it."""
    await sealed(database, 2)
    await audit.export_head(database, FakeClock(), heads)
    await write(database, "dismissed.1", "dismissed.2")
    await seal(database, 2)
    await audit.export_head(database, FakeClock(), heads)
    await cut_with_its_head(database, 3)
    await write(database, "harmless")
    await seal(database, 1)
    assert not caplog.records
    await audit.export_head(database, FakeClock(), heads)
    assert "entry 4" in caplog.text
    assert "cut or rewritten" in caplog.text
    assert await audit.find_damage(database) is None, "the chain alone fits together"
    assert await audit.find_damage(database, heads.read().digests) == Damage(3, 4, is_signed=True)
    await write(database, "later")
    await seal(database, 1)
    caplog.clear()
    await audit.export_head(database, FakeClock(), heads)
    assert not caplog.records, "once is enough"
    assert await audit.find_damage(database, heads.read().digests) == Damage(3, 4, is_signed=True)


async def test_an_edit_before_a_signed_head_is_still_found_where_it_was_made(
    database: Database, heads: HeadLog
) -> None:
    await sealed(database, 5)
    await audit.export_head(database, FakeClock(), heads)
    async with database.tx() as tx:
        await tx.execute("UPDATE audit_entry SET facts = '{}' WHERE action = 'test.3'")
    assert await audit.find_damage(database, heads.read().digests) == Damage(3, 3)


async def test_a_head_is_signed_once_and_only_when_the_journal_has_grown(
    database: Database, heads: HeadLog
) -> None:
    await audit.export_head(database, FakeClock(), heads)
    assert heads.newest() is None
    assert heads.read().digests == {}
    for count in (1, 2):
        await write(database, "grown")
        await seal(database, 1)
        for _ in range(2):
            await audit.export_head(database, FakeClock(), heads)
        read = heads.read()
        assert sorted(read.digests) == list(range(1, count + 1))
        assert read.newest == heads.newest()
        assert read.newest is not None
        assert read.newest.number == count
    assert await audit.find_damage(database, heads.read().digests) is None


async def test_files_that_let_us_wait_hold_up_nothing_else(
    database: Database, heads: HeadLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be another machine's, and the sweeper closes papers meanwhile."""
    go_on, came_in_time = threading.Event(), []
    monkeypatch.setattr(heads, "newest", lambda: came_in_time.append(go_on.wait(5)))
    exporting = asyncio.create_task(audit.export_head(database, FakeClock(), heads))
    await asyncio.sleep(0.1)
    go_on.set()
    await exporting
    assert came_in_time == [True]


# What never comes into the chain


HIDDEN = [
    "UPDATE audit_entry SET sealed = TRUE",
    "UPDATE audit_entry SET xid = '9000000000000000000'",
    "INSERT INTO audit_seal SELECT -1, id, sha256('x') FROM audit_entry WHERE NOT sealed",
]


@pytest.mark.parametrize("statement", HIDDEN)
async def test_entries_that_are_kept_out_of_the_chain_are_counted(database: Database, statement: str) -> None:
    """By somebody who may write everything in the database, and edit them whenever they like."""
    clock = FakeClock()
    await sealed(database, 2)
    assert await audit.find_unsealed(database, clock) is None
    await write(database, "dismissed")
    async with database.tx() as tx:
        await tx.execute(statement)
    assert await audit.seal(database) == 0
    clock.move(minutes=11)
    assert await audit.find_damage(database) is None, "the chain says nothing of them"
    assert await audit.find_unsealed(database, clock) == Unsealed(1, START)


async def test_what_the_sealer_comes_to_in_a_moment_is_not_called_unsealed(database: Database) -> None:
    clock = FakeClock()
    await write(database, "new")
    clock.move(minutes=9)
    assert await audit.find_unsealed(database, clock) is None
    await seal(database, 1)
    clock.move(minutes=60)
    assert await audit.find_unsealed(database, clock) is None


async def test_an_entry_marked_unsealed_again_does_not_stop_the_sealer(database: Database) -> None:
    """Or one UPDATE would end the journal: nothing could be sealed behind it."""
    await sealed(database, 3)
    async with database.tx() as tx:
        await tx.execute("UPDATE audit_entry SET sealed = FALSE WHERE action = 'test.2'")
    await write(database, "after")
    try:
        await eventually(lambda: all_sealed(database, 4))
    except asyncpg.PostgresError as error:
        pytest.fail(f"the sealer is stuck: {error}")
    assert "after" in await sealed_actions(database)


async def test_a_viewing_is_one_row_a_minute(database: Database) -> None:
    clock = FakeClock()

    async def view(actor: UUID = ACTOR, subject: UUID = SUBJECT, action: str = "snapshot.viewed") -> None:
        async with database.tx() as tx:
            await audit.record_view(
                tx, clock, province_id="hunan", actor_id=actor, action=action, subject_id=subject
            )

    async def count() -> int:
        async with database.tx() as tx:
            return await tx.fetch_value("SELECT count(*) FROM audit_entry")

    await asyncio.gather(*(view() for _ in range(6)))
    assert await count() == 1
    clock.move(seconds=59)
    await view()
    assert await count() == 1
    clock.move(seconds=1)
    await view()
    assert await count() == 2
    await view(actor=OTHER)
    await view(subject=OTHER)
    await view(action="attempt.viewed")
    assert await count() == 5
    await seal(database, 5)
    assert await audit.find_damage(database) is None
