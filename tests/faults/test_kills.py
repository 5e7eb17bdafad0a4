"""kill -9 of each process under load: nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from exam_service.papers.timing import OUTAGE_FROM
from exam_service.simulate.browser import Refused
from tests.faults.evidence import findings
from tests.faults.load import acknowledged, answering, more_acknowledged, more_refused
from tests.faults.service import Service
from tests.faults.sitter import Sitter
from tests.world import eventually

KILLS = 3  # the drill has hundreds
SITTERS = 4


async def test_no_acknowledged_answer_is_lost_when_web_is_killed(service: Service) -> None:
    sitters = await service.seat(SITTERS)
    async with answering(sitters):
        for _ in range(KILLS):
            await more_acknowledged(sitters, 5)
            await service.web.kill()
            await more_refused(sitters)
            await service.start_web()
        await more_acknowledged(sitters)
    assert (await findings(service, sitters)).all == ()
    await can_go_on(sitters)


async def test_no_acknowledged_answer_is_lost_when_postgresql_is_killed(service: Service) -> None:
    sitters = await service.seat(SITTERS)
    async with answering(sitters):
        for _ in range(KILLS):
            await more_acknowledged(sitters, 5)
            await service.kill_postgres()
        await more_acknowledged(sitters)
    refusals = sum((sitter.refusals for sitter in sitters), Counter[str]())
    assert set(refusals) <= {"unavailable", "busy", "network"}, f"{refusals}\n{service.web.errors()}"
    assert (await findings(service, sitters)).all == ()
    await can_go_on(sitters)


async def test_saving_and_handing_in_go_on_without_redis(service: Service) -> None:
    sitters = await service.seat(SITTERS)
    async with answering(sitters):
        await more_acknowledged(sitters)
        await service.kill_redis(hold=True)
        assert not await service.redis_answers()
        await more_acknowledged(sitters, 10)
    results = [await sitter.hand_in() for sitter in sitters[:2]]
    assert not await service.redis_answers()
    assert [await _state(service, sitter) for sitter in sitters[:2]] == ["marked", "marked"]
    await service.release_redis()
    await eventually(service.redis_answers, within=60)
    going_on = sitters[2:]
    async with answering(going_on):
        for _ in range(10):
            await service.flush_redis()
            await more_acknowledged(going_on)
    results += [await sitter.hand_in() for sitter in going_on]
    assert results == [f"{sitter.path}/result" for sitter in sitters]
    assert {code for sitter in sitters for code in sitter.refusals} <= {"network"}  # of a slow machine
    assert (await findings(service, sitters)).all == ()


async def _state(service: Service, sitter: Sitter) -> str:
    async with service.connected() as connection:
        state: str = await connection.fetchval("SELECT state FROM attempt WHERE id = $1", sitter.attempt)
        return state


async def can_go_on(sitters: list[Sitter]) -> None:
    """Every attempt opens again with the answers that were acknowledged, takes another, and is handed in."""
    for sitter in sitters:
        items, epoch = sitter.items, sitter.epoch
        await sitter.open_paper()
        assert sitter.items == items
        assert sitter.epoch > epoch
        assert sitter.ledger.lost(sitter.lease["answers"]) == []
        assert sitter.lease["time_left_ms"] > 0
        before = acknowledged(sitters)
        await sitter.deliver(sitter.write())
        assert acknowledged(sitters) == before + 1
        assert await sitter.hand_in() == f"{sitter.path}/result"


async def test_an_answer_is_not_acknowledged_while_postgresql_is_away_and_the_time_is_credited(
    service: Service,
) -> None:
    (sitter,) = await service.seat(1)
    before = await _deadline(service, sitter)
    await sitter.deliver(sitter.write())
    written = sitter.write()
    await service.hold_postgres()
    away_since = datetime.now(UTC)
    while datetime.now(UTC) - away_since <= OUTAGE_FROM:
        with pytest.raises(Refused) as away:
            await sitter.send(written)
        assert away.value.passing
        await asyncio.sleep(0.5)
    away_for = datetime.now(UTC) - away_since
    await service.release_postgres()
    await sitter.deliver(written)
    after = await eventually(lambda: _later_deadline(service, sitter, before), within=60)
    assert after - before >= away_for
    assert (await findings(service, [sitter])).all == ()


async def _later_deadline(service: Service, sitter: Sitter, before: datetime) -> datetime | None:
    deadline = await _deadline(service, sitter)
    return deadline if deadline > before else None


async def _deadline(service: Service, sitter: Sitter) -> datetime:
    async with service.connected() as connection:
        at: datetime = await connection.fetchval("SELECT deadline FROM attempt WHERE id = $1", sitter.attempt)
        return at
