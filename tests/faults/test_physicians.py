"""What goes wrong on the physician's side: impatient fingers, a wrong clock, a lost login, a broken page."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from exam_service.simulate.browser import Refused
from tests.faults.evidence import findings
from tests.faults.service import Service
from tests.faults.sitter import Sent

AT_ONCE = 50
A_SECOND = timedelta(seconds=1)


async def test_fifty_submits_at_once_are_one_result(service: Service) -> None:
    (sitter,) = await service.seat(1)
    for item in range(5):
        await sitter.deliver(sitter.write(item=item))
    results = await asyncio.gather(*(sitter.hand_in() for _ in range(AT_ONCE)))
    assert set(results) == {f"{sitter.path}/result"}
    async with service.connected() as connection:
        audited = await connection.fetchval(
            "SELECT count(*) FROM audit_entry WHERE action = 'attempt.handed_in' AND subject_id = $1",
            sitter.attempt,
        )
        moves = await connection.fetch(
            "SELECT to_state FROM attempt_move WHERE attempt_id = $1 AND to_state IN ('closed', 'marked')",
            sitter.attempt,
        )
    assert audited == 1
    assert sorted(row["to_state"] for row in moves) == ["closed", "marked"]
    assert (await findings(service, [sitter])).all == ()


@pytest.mark.parametrize("off", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "behind"])
async def test_a_clock_an_hour_off_changes_nothing(service: Service, off: timedelta) -> None:
    (sitter,) = await service.seat(1)
    async with service.connected() as connection:
        deadline = await connection.fetchval("SELECT deadline FROM attempt WHERE id = $1", sitter.attempt)
    sitter.clock_off = off
    early = datetime.now(UTC)
    first = await sitter.deliver(sitter.write(item=0, option=0))
    late = datetime.now(UTC)
    left = timedelta(milliseconds=first["time_left_ms"])
    # The service goes by PostgreSQL's clock, which it knows to some milliseconds.
    assert deadline - late - A_SECOND <= left <= deadline - early + A_SECOND
    sitter.clock_off = -off
    second = await sitter.deliver(sitter.write(item=0, option=1))
    sitter.clock_off = off
    outcomes = [first["outcome"], second["outcome"]]
    assert outcomes == ["current", "current"]
    async with service.connected() as connection:
        standing = await connection.fetchval(
            "SELECT option_id FROM answer WHERE attempt_id = $1", sitter.attempt
        )
        counted = await connection.fetchval(
            "SELECT count(*) FROM answer_event WHERE attempt_id = $1 AND counted", sitter.attempt
        )
        after = await connection.fetchval("SELECT deadline FROM attempt WHERE id = $1", sitter.attempt)
    assert str(standing) == sitter.items[0]["options"][1]["id"]
    assert counted == 2
    assert after == deadline
    assert (await findings(service, [sitter])).all == ()


async def test_an_answer_sent_after_the_login_had_ended_is_stored_once_after_the_next(
    service: Service,
) -> None:
    (sitter,) = await service.seat(1)
    await sitter.deliver(sitter.write(item=0, option=0))
    async with service.connected() as connection:
        await connection.execute(
            "UPDATE session SET ends_at = now() WHERE account_id = "
            "(SELECT account_id FROM attempt WHERE id = $1)",
            sitter.attempt,
        )
    written = sitter.write(item=1, option=2)
    with pytest.raises(Refused) as ended:
        await sitter.deliver(written)
    assert (ended.value.status, ended.value.code) == (401, "login_required")
    await sitter.log_in()
    await sitter.browser.page("/home")  # the new token
    await sitter.deliver(written)
    await sitter.deliver(written)
    async with service.connected() as connection:
        events = await connection.fetch(
            "SELECT epoch, seq FROM answer_event WHERE attempt_id = $1 ORDER BY number", sitter.attempt
        )
    assert [tuple(event) for event in events] == [(1, 1), (written.epoch, written.seq)]
    assert (await findings(service, [sitter])).all == ()


async def test_a_bad_save_fails_alone_among_good_ones_of_the_same_instant(service: Service) -> None:
    sitters = await service.seat(6)
    broken, *others = sitters
    right = broken.write(item=0, option=0)
    now = datetime.now(UTC).isoformat()
    unknown_item = Sent(broken.epoch, 100, str(uuid4()), right.option, now)
    foreign_option = Sent(broken.epoch, 101, right.item, broken.items[1]["options"][0]["id"], now)
    unknown_epoch = Sent(broken.epoch + 1, 1, right.item, right.option, now)
    for turn in range(5):
        good = [(sitter, sitter.write(item=turn, option=turn)) for sitter in others]
        bad = [(broken, one) for one in (unknown_item, foreign_option, unknown_epoch)]
        mixed = [*good[:2], *bad, *good[2:]]
        told = await asyncio.gather(*(sitter.deliver(one) for sitter, one in mixed), return_exceptions=True)
        refused = {
            one: answer.code
            for (_, one), answer in zip(mixed, told, strict=True)
            if isinstance(answer, Refused)
        }
        assert refused == {
            unknown_item: "not_in_paper",
            foreign_option: "not_in_paper",
            unknown_epoch: "unknown_epoch",
        }
    await broken.deliver(right)
    async with service.connected() as connection:
        kept = await connection.fetchval(
            "SELECT count(*) FROM answer_event WHERE attempt_id = $1", broken.attempt
        )
    assert kept == 1
    assert (await findings(service, sitters)).all == ()
