"""From the passed identity check to a running clock: the button, the line, the gate, papers drawn ahead."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp.test_utils import TestServer

from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, NotFound, Unavailable
from exam_service.keys import LINE
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from exam_service.queue.connection import Client
from exam_service.queue.line import Line
from tests.world import DEVICE, Browser, World, browsing, draft, serving

pytestmark = pytest.mark.usefixtures("redis_client")


@pytest.fixture
async def server(world: World) -> AsyncIterator[TestServer]:
    async with serving(world) as server:
        yield server


@pytest.fixture
async def browser(world: World, server: TestServer) -> AsyncIterator[Browser]:
    async with browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        yield browser


@pytest.fixture
async def attempt(world: World) -> Attempt:
    return await world.start(world.here.general)


async def check(world: World, attempt: Attempt) -> bool:
    """Pass the identity check, as a worker does after a match."""
    async with world.database.tx() as tx:
        return await papers.pass_check(
            tx, world.clock, attempt.id, attempt.province_id, cause="test", actor_id=attempt.account_id
        )


async def admit(world: World, attempt: Attempt) -> bool:
    async with world.database.tx() as tx:
        return await papers.admit(
            tx, world.clock, attempt.id, attempt.province_id, cause="test", actor_id=attempt.account_id
        )


async def row(world: World, attempt: Attempt) -> Any:
    async with world.database.tx() as tx:
        return await tx.fetch_optional("SELECT * FROM attempt WHERE id = $1", attempt.id)


def narrow(server: TestServer, redis_client: Client, *, rate: float = 0.01, burst: int = 1) -> Line:
    """A line that hardly moves in place of the service's own."""
    line = Line(redis_client, "narrow", rate=rate, burst=burst)
    server.app[LINE]._script = line._script  # the application is frozen; its line isn't
    for name in ("_name", "_rate", "_burst", "_local"):
        setattr(server.app[LINE], name, getattr(line, name))
    return line


# The button


async def test_after_the_check_comes_the_button_and_then_the_paper(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    address = f"/attempts/{attempt.id}"
    assert (await browser.get(address)).headers["Location"] == f"{address}/check"
    assert await check(world, attempt)
    page = await (await browser.get(address)).text()
    assert "开始答题" in page
    assert "身份核验已通过" in page
    assert "50题 · 60分钟 · 60分合格" in page
    assert (await row(world, attempt))["state"] == "prepared"
    assert (await browser.send(f"{address}/lease", {})).status == 409

    world.clock.move(minutes=3)
    entered = await browser.submit(f"{address}/enter")
    assert (entered.status, entered.headers["Location"]) == (303, address)
    stored = await row(world, attempt)
    assert (stored["state"], stored["admitted_at"]) == ("admitted", world.clock.now())
    assert stored["deadline"] == world.clock.now() + timedelta(minutes=60)
    opened = await (await browser.send(f"{address}/lease", {})).json()
    assert opened["time_left_ms"] == 60 * 60 * 1000
    async with world.database.tx() as tx:
        [move] = await tx.fetch("SELECT cause FROM attempt_move WHERE to_state = 'admitted'")
        [testing] = await tx.fetch("SELECT cause FROM registration_move WHERE to_state = 'testing'")
    assert (move["cause"], testing["cause"]) == ("entered", "first_paper_started")


async def test_pressing_twice_and_coming_back_changes_nothing(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    address = f"/attempts/{attempt.id}"
    await check(world, attempt)
    await browser.get(address)
    answers = await asyncio.gather(*(browser.submit(f"{address}/enter") for _ in range(8)))
    assert {answer.headers["Location"] for answer in answers} == {address}
    first = await row(world, attempt)
    world.clock.move(minutes=5)
    assert (await browser.submit(f"{address}/enter")).headers["Location"] == address
    assert await row(world, attempt) == first
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM attempt_move WHERE to_state = 'admitted'") == 1


async def test_without_the_check_nobody_enters(browser: Browser, world: World, attempt: Attempt) -> None:
    await browser.get("/papers")
    refused = await browser.submit(f"/attempts/{attempt.id}/enter")
    assert refused.status == 409
    assert (await row(world, attempt))["state"] == "prepared"
    with pytest.raises(Conflict, match="重新核验"):
        await admit(world, attempt)


async def test_an_old_check_is_to_be_repeated(browser: Browser, world: World, attempt: Attempt) -> None:
    await world.consent(world.here.general)
    address = f"/attempts/{attempt.id}"
    await check(world, attempt)
    world.clock.move(minutes=9, seconds=59)
    assert (await browser.get(address)).status == 200
    assert (await browser.get(f"{address}/check")).headers["Location"] == address
    world.clock.move(seconds=1)
    assert (await browser.get(address)).headers["Location"] == f"{address}/check"
    assert (await browser.get(f"{address}/check")).status == 200
    world.clock.move(minutes=5)
    assert (await browser.submit(f"{address}/enter")).status == 409
    await check(world, attempt)
    assert (await browser.get(address)).status == 200
    assert (await browser.submit(f"{address}/enter")).headers["Location"] == address


async def test_a_check_that_holds_is_noted_once(world: World, attempt: Attempt) -> None:
    for _ in range(3):
        assert await check(world, attempt)
        world.clock.move(minutes=1)
    assert (await row(world, attempt))["checked_at"] == world.clock.now() - timedelta(minutes=3)
    async with world.database.tx() as tx:
        entries = await tx.fetch("SELECT facts FROM audit_entry WHERE action = 'attempt.checked'")
    assert [entry["facts"] for entry in entries] == [{"cause": "test"}]


async def test_an_admitted_attempt_needs_no_check(world: World, attempt: Attempt) -> None:
    await world.admit(attempt)
    before = await row(world, attempt)
    assert not await check(world, attempt)
    assert not await admit(world, attempt)
    assert await row(world, attempt) == before


# The gate


async def test_extra_minutes_are_in_the_deadline_and_said_before(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    async with world.database.tx() as tx:
        await tx.execute(
            "INSERT INTO time_override VALUES ($1, 'humanities', 'hunan', 20, '视力障碍', $2, $3)",
            attempt.registration_id,
            attempt.account_id,
            world.clock.now(),
        )
    await check(world, attempt)
    page = await (await browser.get(f"/attempts/{attempt.id}")).text()
    assert "80分钟（含为您增加的20分钟）" in page
    await browser.submit(f"/attempts/{attempt.id}/enter")
    stored = await row(world, attempt)
    assert (stored["extra_minutes"], stored["deadline"] - stored["admitted_at"]) == (
        20,
        timedelta(minutes=80),
    )


async def test_of_two_papers_pressed_in_the_same_instant_one_is_admitted(world: World) -> None:
    both = [await world.start(world.here.general, subject) for subject in Subject]
    for each in both:
        await check(world, each)
    answers = await asyncio.gather(*(admit(world, each) for each in both), return_exceptions=True)
    assert sorted(map(str, map(type, answers))) == sorted(map(str, (bool, Conflict)))
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM attempt WHERE state = 'admitted'") == 1


async def test_after_the_days_of_the_tests_nobody_enters(world: World, attempt: Attempt) -> None:
    world.clock.move(days=20)
    assert await check(world, attempt), "the check is the check; whether the paper opens is another question"
    with pytest.raises(Conflict, match="不在测评时间内"):
        await admit(world, attempt)


async def test_who_was_exempted_meanwhile_is_not_admitted(world: World) -> None:
    professional = await world.start(world.here.general, Subject.PROFESSIONAL)
    await check(world, professional)
    async with world.database.tx() as tx:
        await papers.exempt(
            tx,
            world.clock,
            professional.registration_id,
            "hunan",
            Subject.PROFESSIONAL,
            "规培结业",
            None,
        )
    with pytest.raises(Conflict, match="免考"):
        await admit(world, professional)


async def test_a_node_whose_clock_is_wrong_admits_nobody(
    world: World, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check(world, attempt)

    def refuse() -> None:
        raise Unavailable("服务器时间正在校准，请稍等片刻后重试。", code="clock_off")

    monkeypatch.setattr(world.clock, "check_trusted", refuse)
    with pytest.raises(Unavailable):
        await admit(world, attempt)
    assert (await row(world, attempt))["state"] == "prepared"


async def test_nobody_is_admitted_to_what_does_not_exist(world: World, attempt: Attempt) -> None:
    for usecase in (papers.admit, papers.pass_check):
        async with world.database.tx() as tx:
            with pytest.raises(NotFound):
                await usecase(tx, world.clock, UUID(int=1), "hunan", cause="test", actor_id=UUID(int=2))
            with pytest.raises(NotFound):
                await usecase(tx, world.clock, attempt.id, "henan", cause="test", actor_id=UUID(int=2))


# The line


async def test_who_comes_after_others_waits_and_is_told_for_how_long(
    browser: Browser, server: TestServer, redis_client: Client, world: World, attempt: Attempt
) -> None:
    line = narrow(server, redis_client)
    for stranger in range(3):
        await line.take(f"{stranger}")
    address = f"/attempts/{attempt.id}"
    await check(world, attempt)
    await browser.get(address)
    sent = await browser.submit(f"{address}/enter")
    assert (sent.status, sent.headers["Location"]) == (303, f"{address}/line")
    for _ in range(2):  # asking again doesn't cost the place
        page = await (await browser.get(f"{address}/line")).text()
        assert re.search(r"前面还有 <strong[^>]*>2</strong> 人", page)
        told = re.search(r"大约 <span[^>]*>(\d+)</span> 秒后轮到您", page)
        assert told is not None
        assert 290 <= int(told[1]) <= 300
        refresh = re.search(r'<meta http-equiv="refresh" content="(\d)">', page)
        assert refresh is not None
        assert 2 <= int(refresh[1]) <= 5
        assert "排队不计时" in page
        assert "<button" in page.split("</header>")[0], "logging out is possible"
        assert "开始答题</button>" not in page
        await browser.submit(f"{address}/enter")
    stored = await row(world, attempt)
    assert (stored["state"], stored["admitted_at"]) == ("prepared", None)


async def test_when_the_turn_comes_the_waiting_page_has_the_button_and_looking_enters_nobody(
    browser: Browser, server: TestServer, redis_client: Client, world: World, attempt: Attempt
) -> None:
    line = narrow(server, redis_client)
    await line.take("somebody")
    address = f"/attempts/{attempt.id}"
    await check(world, attempt)
    await browser.get(address)
    assert (await browser.submit(f"{address}/enter")).headers["Location"] == f"{address}/line"
    await redis_client.set(f"line:narrow:{attempt.account_id}", "1.0")  # their moment has come
    page = await (await browser.get(f"{address}/line")).text()
    assert "轮到您了，开始答题</button>" in page
    assert 'http-equiv="refresh"' not in page
    assert "js/line.js" in page
    assert (await row(world, attempt))["state"] == "prepared"
    assert (await browser.submit(f"{address}/enter")).headers["Location"] == address
    assert (await row(world, attempt))["state"] == "admitted"
    assert (await browser.get(f"{address}/line")).headers["Location"] == address


async def test_a_physician_has_one_place_whatever_they_ask_for(
    browser: Browser, server: TestServer, redis_client: Client, world: World, attempt: Attempt
) -> None:
    line = narrow(server, redis_client)
    await line.take("somebody")
    await check(world, attempt)
    await browser.get(f"/attempts/{attempt.id}")
    for _ in range(3):
        await browser.submit(f"/attempts/{attempt.id}/enter")
        await browser.submit(f"/attempts/{UUID(int=7)}/enter")
    assert (await line.take("the next")).ahead == 1


async def test_who_lost_the_place_is_offered_another(
    browser: Browser, world: World, attempt: Attempt
) -> None:
    await check(world, attempt)
    page = await (await browser.get(f"/attempts/{attempt.id}/line")).text()
    assert "重新排队</button>" in page
    assert "data-enter>" in page  # the script sends it at once


async def test_without_redis_papers_open_all_the_same(
    browser: Browser, server: TestServer, world: World, attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(**_: object) -> None:
        raise OSError("no Redis")

    monkeypatch.setattr(server.app[LINE], "_script", away)
    await check(world, attempt)
    await browser.get(f"/attempts/{attempt.id}")
    entered = await browser.submit(f"/attempts/{attempt.id}/enter")
    assert entered.headers["Location"] == f"/attempts/{attempt.id}"
    assert (await row(world, attempt))["state"] == "admitted"


# Papers drawn ahead


async def drawn(world: World) -> list[Any]:
    async with world.database.tx() as tx:
        return await tx.fetch("SELECT * FROM drawn_paper ORDER BY registration_id, subject")


async def laid(world: World, attempt: Attempt) -> list[Any]:
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT item_id, option_ids FROM attempt_item WHERE attempt_id = $1 ORDER BY position", attempt.id
        )
    return [[str(each["item_id"]), [str(option) for option in each["option_ids"]]] for each in rows]


async def prepare(world: World, **options: Any) -> papers.Prepared:
    said: list[str] = []
    done = await papers.prepare(world.database, world.clock, say=said.append, **options)
    assert said or done == papers.Prepared()
    return done


async def test_papers_are_drawn_ahead_for_everybody_who_may_sit_one_and_once(world: World) -> None:
    # A physician of the general procedure has two papers, two of the simple one have one each; two provinces.
    assert await prepare(world, province_id="hunan") == papers.Prepared(drawn=4)
    assert await prepare(world, cycle_id=world.here.cycle.id) == papers.Prepared(kept=4)
    assert await prepare(world, province_id="henan") == papers.Prepared(drawn=4)
    assert await prepare(world) == papers.Prepared(kept=8)
    sizes = sorted(len(each["paper"]) for each in await drawn(world))
    assert sizes == [50] * 6 + [100] * 2


async def test_a_start_takes_the_paper_that_was_drawn_for_it(world: World) -> None:
    await prepare(world, province_id="hunan")
    [expected] = [
        each for each in await drawn(world) if each["registration_id"] == world.here.registrations[1].id
    ]
    attempt = await world.start(world.here.simple)
    assert await laid(world, attempt) == expected["paper"]
    assert len(await drawn(world)) == 3
    await world.admit(attempt)
    opened = await papers.take_lease(world.services, world.here.simple, attempt.id, DEVICE)
    assert [str(item.id) for item in opened.items] == [item for item, _ in expected["paper"]]


async def test_each_drawn_paper_has_items_and_options_in_an_order_of_its_own(world: World) -> None:
    await prepare(world, province_id="hunan")
    [one, other] = [
        each["paper"]
        for each in await drawn(world)
        if each["subject"] == "humanities" and each["registration_id"] != world.here.registrations[0].id
    ]
    assert [item for item, _ in one] != [item for item, _ in other]
    theirs = dict(other)
    shared = [(options, theirs[item]) for item, options in one if item in theirs]
    assert len(shared) >= 45  # of 55
    assert all(sorted(mine) == sorted(yours) for mine, yours in shared)
    assert any(mine != yours for mine, yours in shared)


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE drawn_paper SET paper = paper - 0",
        "UPDATE item SET use = 'practice' WHERE id = (SELECT (paper->0->>0)::uuid FROM drawn_paper LIMIT 1)",
        "UPDATE drawn_paper SET ordinal = 2",
    ],
    ids=["too few items", "an item that is no exam item any more", "another attempt's"],
)
async def test_a_drawn_paper_that_no_longer_fits_is_drawn_anew(world: World, spoil: str) -> None:
    await prepare(world, province_id="hunan")
    async with world.database.tx() as tx:
        await tx.execute(
            "DELETE FROM drawn_paper WHERE registration_id <> $1", world.here.registrations[1].id
        )
        [before] = await tx.fetch("SELECT paper FROM drawn_paper")
        await tx.execute(spoil)
    attempt = await world.start(world.here.simple)
    after = await laid(world, attempt)
    assert len(after) == 50
    assert after != before["paper"]


async def test_two_starts_at_once_make_one_attempt_of_the_drawn_paper(world: World) -> None:
    await prepare(world, province_id="hunan")
    attempts = await asyncio.gather(*(world.start(world.here.simple) for _ in range(8)))
    assert len({attempt.id for attempt in attempts}) == 1
    assert len(await laid(world, attempts[0])) == 50


async def test_no_paper_is_drawn_for_who_sits_one_or_has_passed(world: World) -> None:
    paper = await world.open(world.here.simple)
    running = await prepare(world, province_id="hunan")
    assert running.drawn == 3
    await world.hand_in(paper, right=50)
    assert await prepare(world, province_id="hunan") == papers.Prepared(kept=3)


async def test_the_paper_of_the_next_attempt_has_other_items_as_far_as_the_bank_goes(world: World) -> None:
    async with world.database.tx() as tx:
        await questions.import_bank(
            tx,
            world.clock,
            province_id="hunan",
            title="人文考试二",
            subject="humanities",
            category=None,
            level=None,
            use=Use.EXAM,
            drafts=[draft(f"人文考试二第{number}题") for number in range(45)],
        )
    paper = await world.open(world.here.simple)
    await world.hand_in(paper, right=0)
    await prepare(world, province_id="hunan")
    again = await world.start(world.here.simple)
    seen = {str(item.id) for item in paper.items}
    assert again.ordinal == 2
    assert len(seen & {item for item, _ in await laid(world, again)}) == 0


async def test_papers_are_drawn_before_the_first_day_and_not_after_the_last(world: World) -> None:
    world.clock.move(days=-30)
    assert (await prepare(world, province_id="hunan")).drawn == 4
    world.clock.move(days=90)
    assert await prepare(world) == papers.Prepared()


async def test_a_bank_that_is_too_small_is_named_and_the_others_are_drawn(world: World) -> None:
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE item SET use = 'practice' FROM bank b WHERE b.id = bank_id AND b.subject = 'professional'"
        )
        await tx.execute("UPDATE bank SET revision = gen_random_uuid()")
    said: list[str] = []
    done = await papers.prepare(world.database, world.clock, province_id="hunan", say=said.append)
    assert done == papers.Prepared(drawn=3, failed=1)
    assert any("题库尚未准备好" in line for line in said)
