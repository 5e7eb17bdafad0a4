"""The network between browser and service is cut: what was answered meanwhile arrives afterwards, once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from exam_service.papers.timing import GRACE
from exam_service.simulate.browser import Refused
from tests.faults.evidence import findings
from tests.faults.load import answering, more_acknowledged, more_refused
from tests.faults.service import Service
from tests.faults.sitter import Phone, Sitter
from tests.faults.wire import Cut, wired
from tests.world import eventually

CUT_SECONDS = 3.0


@pytest.mark.parametrize("how", Cut)
async def test_answers_given_during_a_cut_arrive_after_it(service: Service, how: Cut) -> None:
    async with wired(service.url) as wire:
        sitters = await service.seat(2, through=wire.url)
        async with answering(sitters):
            await more_acknowledged(sitters, 3)
            async with wire.cut(how):
                await more_refused(sitters, 2)
                told = [len(sitter.acknowledged) for sitter in sitters]
                await asyncio.sleep(CUT_SECONDS - Phone.request_seconds)
                assert [len(sitter.acknowledged) for sitter in sitters] == told
            await more_acknowledged(sitters, 3)
        assert (await findings(service, sitters)).all == ()


async def test_a_request_whose_answer_was_lost_is_one_answer(service: Service) -> None:
    async with wired(service.url) as wire:
        (sitter,) = await service.seat(1, through=wire.url)
        written = sitter.write()
        async with wire.cut(Cut.HALF_OPEN):
            with pytest.raises(Refused):
                await sitter.send(written)
        first = await eventually(lambda: numbers(service, sitter), within=60)
        reply = await sitter.deliver(written)
        again = await sitter.deliver(written)
        assert await numbers(service, sitter) == first == [1]
        assert reply["receipt"] == again["receipt"]
        assert (await findings(service, [sitter])).all == ()


async def test_answers_of_a_cut_across_the_deadline_count_within_the_grace(service: Service) -> None:
    async with wired(service.url) as wire:
        (sitter,) = await service.seat(1, through=wire.url)
        before = sitter.write(item=0, option=0)
        await sitter.deliver(before)
        deadline = datetime.now(UTC) + timedelta(seconds=2)
        await set_deadline(service, sitter, deadline)
        written = [sitter.write(item=number, option=1) for number in range(3)]
        async with wire.cut(Cut.RESET):
            while datetime.now(UTC) <= deadline:
                with pytest.raises(Refused):
                    await sitter.send(written[0])
                await asyncio.sleep(0.1)
        replies = [await sitter.deliver(one) for one in written]
        assert [reply["outcome"] for reply in replies] == ["current"] * 3
        assert {reply["time_left_ms"] for reply in replies} == {0}
        assert await counted(service, sitter) == [True] * 4
        await eventually(lambda: in_state(service, sitter, "closing"), within=60)
        assert (await findings(service, [sitter], moved_deadlines=True)).all == ()


async def test_answers_of_a_longer_cut_are_kept_and_do_not_count(service: Service) -> None:
    async with wired(service.url) as wire:
        (sitter,) = await service.seat(1, through=wire.url)
        await sitter.deliver(sitter.write(item=0, option=0))
        written = [sitter.write(item=0, option=1), sitter.write(item=1, option=1)]
        async with wire.cut(Cut.RESET):
            with pytest.raises(Refused):
                await sitter.send(written[0])
            deadline = datetime.now(UTC) - GRACE - timedelta(seconds=1)
            await set_deadline(service, sitter, deadline)
        replies = [await sitter.deliver(one) for one in written]
        assert [reply["outcome"] for reply in replies] == ["late"] * 2
        assert await counted(service, sitter) == [True, False, False]
        await eventually(lambda: in_state(service, sitter, "marked"), within=60)
        after = await sitter.deliver(sitter.write(item=2, option=1))
        assert after["outcome"] == "late"
        async with service.connected() as connection:
            closed_at = await connection.fetchval(
                "SELECT closed_at FROM attempt WHERE id = $1", sitter.attempt
            )
        assert closed_at == deadline
        assert (await findings(service, [sitter], moved_deadlines=True)).all == ()


async def set_deadline(service: Service, sitter: Sitter, deadline: datetime) -> None:
    async with service.connected() as connection:
        await connection.execute("UPDATE attempt SET deadline = $2 WHERE id = $1", sitter.attempt, deadline)


async def numbers(service: Service, sitter: Sitter) -> list[int]:
    async with service.connected() as connection:
        rows = await connection.fetch(
            "SELECT number FROM answer_event WHERE attempt_id = $1 ORDER BY number", sitter.attempt
        )
        return [row["number"] for row in rows]


async def counted(service: Service, sitter: Sitter) -> list[bool]:
    async with service.connected() as connection:
        rows = await connection.fetch(
            "SELECT counted FROM answer_event WHERE attempt_id = $1 ORDER BY number", sitter.attempt
        )
        return [row["counted"] for row in rows]


async def in_state(service: Service, sitter: Sitter, state: str) -> bool:
    async with service.connected() as connection:
        found = await connection.fetchval("SELECT state FROM attempt WHERE id = $1", sitter.attempt)
        return bool(found == state)
