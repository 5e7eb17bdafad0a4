"""A physician's way through a paper, over HTTP, on real servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, NotFound
from exam_service.papers import usecases as papers
from exam_service.questions import usecases as questions
from tests.world import Browser, World, browsing, serving

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


async def start(browser: Browser, world: World, subject: str = "humanities") -> str:
    """Through the notice to a prepared attempt; gives the attempt's address."""
    answer = await browser.get(f"/papers/{subject}/notice")
    assert answer.status == 200
    version = world.here.cycle.policy.notice_version
    answer = await browser.submit(f"/papers/{subject}/start", accept="yes", version=version)
    assert answer.status == 303
    assert answer.headers["Location"].endswith("/check")
    return answer.headers["Location"].removesuffix("/check")


async def sit(browser: Browser, world: World, subject: str = "humanities") -> tuple[str, dict[str, Any]]:
    """An admitted attempt, opened."""
    address = await start(browser, world, subject)
    async with world.database.tx() as tx:
        attempt = await papers.own_attempt(tx, world.here.general, address_id(address))
    await world.admit(attempt)
    answer = await browser.send(f"{address}/lease", {})
    assert answer.status == 200, await answer.text()
    return address, await answer.json()


def address_id(address: str) -> UUID:
    return UUID(address.rsplit("/", 1)[-1])


async def save(
    browser: Browser, address: str, paper: dict[str, Any], seq: int, item: int, option: int | None
) -> ClientResponse:
    chosen = paper["items"][item]
    return await browser.send(
        f"{address}/answers",
        {
            "epoch": paper["epoch"],
            "seq": seq,
            "item": chosen["id"],
            "option": None if option is None else chosen["options"][option]["id"],
            "client_time": datetime.now(UTC).isoformat(),
        },
    )


async def test_the_whole_way_from_notice_to_result(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    assert len(paper["items"]) == 50
    assert all(len(item["options"]) == 5 for item in paper["items"])
    assert paper["time_left_ms"] == 60 * 60 * 1000
    async with world.database.tx() as tx:
        keys = await questions.keys_by_id(tx, [UUID(item["id"]) for item in paper["items"]])
    for seq, item in enumerate(paper["items"][:40], start=1):
        right = next(
            index
            for index, option in enumerate(item["options"])
            if option["id"] == str(keys[address_id(item["id"])])
        )
        answer = await save(browser, address, paper, seq, seq - 1, right)
        assert answer.status == 200, await answer.text()
    answer = await browser.send(f"{address}/hand-in", {"epoch": paper["epoch"]})
    assert (await answer.json())["result_url"] == f"{address}/result"
    text = await (await browser.get(f"{address}/result")).text()
    assert "合格" in text
    assert "80" in text
    listed = await (await browser.get("/papers")).text()
    assert "无需再次参加" in listed


async def test_coming_back_finds_the_same_paper_answers_and_time(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    await save(browser, address, paper, 1, 0, 2)
    world.clock.move(minutes=20)
    again = await (await browser.send(f"{address}/lease", {})).json()
    assert again["epoch"] == paper["epoch"] + 1
    assert again["items"] == paper["items"]
    assert again["answers"] == {paper["items"][0]["id"]: paper["items"][0]["options"][2]["id"]}
    assert again["time_left_ms"] == 40 * 60 * 1000


async def test_an_older_page_is_told_and_its_answer_is_kept_but_does_not_replace_a_newer_one(
    browser: Browser, world: World
) -> None:
    address, old = await sit(browser, world)
    new = await (await browser.send(f"{address}/lease", {})).json()
    await save(browser, address, new, 1, 0, 1)
    late = await (await save(browser, address, old, 1, 0, 2)).json()
    assert (late["outcome"], late["epoch"]) == ("superseded", new["epoch"])
    elsewhere = await (await save(browser, address, old, 2, 1, 3)).json()
    assert (elsewhere["outcome"], elsewhere["epoch"]) == ("current", new["epoch"])
    answers = (await (await browser.get(f"{address}/answers")).json())["answers"]
    assert answers[new["items"][0]["id"]] == new["items"][0]["options"][1]["id"]
    assert answers[new["items"][1]["id"]] == new["items"][1]["options"][3]["id"]


async def test_the_same_save_twice_is_one_answer_and_a_reused_seq_is_refused(
    browser: Browser, world: World
) -> None:
    address, paper = await sit(browser, world)
    assert (await save(browser, address, paper, 1, 0, 1)).status == 200
    assert (await save(browser, address, paper, 1, 0, 1)).status == 200
    reused = await save(browser, address, paper, 1, 0, 2)
    assert reused.status == 409
    async with world.database.tx() as tx:
        events = await tx.fetch_value("SELECT count(*) FROM answer_event")
    assert events == 1


@pytest.mark.parametrize(
    "wrong", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z"]
)
async def test_a_clock_however_wrong_loses_no_answer(browser: Browser, world: World, wrong: str) -> None:
    address, paper = await sit(browser, world)
    item = paper["items"][0]
    body = {"epoch": 1, "seq": 1, "item": item["id"], "option": item["options"][0]["id"]}
    assert (await browser.send(f"{address}/answers", {**body, "client_time": wrong})).status == 200


async def test_saves_that_arrive_out_of_order_leave_the_newest(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    await save(browser, address, paper, 2, 0, 4)
    await save(browser, address, paper, 1, 0, 1)
    answers = (await (await browser.get(f"{address}/answers")).json())["answers"]
    assert answers[paper["items"][0]["id"]] == paper["items"][0]["options"][4]["id"]


async def test_an_answer_counts_within_the_grace_and_not_after(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    world.clock.move(minutes=60, seconds=59)
    assert (await save(browser, address, paper, 1, 0, 0)).status == 200
    world.clock.move(seconds=2)
    late = await save(browser, address, paper, 2, 1, 0)
    assert (await late.json())["outcome"] == "late"
    answers = (await (await browser.get(f"{address}/answers")).json())["answers"]
    assert list(answers) == [paper["items"][0]["id"]]
    world.clock.move(days=1)
    await browser.login(world.here, world.here.general)
    forgotten = await save(browser, address, paper, 3, 1, 0)
    assert (await forgotten.json())["error"]["code"] == "attempt_closed"


async def test_an_option_of_another_item_is_refused(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    answer = await browser.send(
        f"{address}/answers",
        {
            "epoch": 1,
            "seq": 1,
            "item": paper["items"][0]["id"],
            "option": paper["items"][1]["options"][0]["id"],
            "client_time": datetime.now(UTC).isoformat(),
        },
    )
    assert answer.status == 422
    assert (await answer.json())["error"]["code"] == "not_in_paper"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"epoch": "x"},
        [],
        {"epoch": 1, "seq": 0, "item": "no", "option": None, "client_time": "yesterday"},
        {"epoch": 2**40, "seq": 1},
    ],
)
async def test_a_malformed_save_is_one_clear_refusal(browser: Browser, world: World, body: object) -> None:
    address, _ = await sit(browser, world)
    answer = await browser.send(f"{address}/answers", body)
    assert answer.status == 422
    assert (await answer.json())["error"]["code"] == "bad_body"


async def test_the_paper_never_carries_a_key(browser: Browser, world: World) -> None:
    _, paper = await sit(browser, world)
    assert set(paper["items"][0]) == {"id", "stem", "options"}
    assert set(paper["items"][0]["options"][0]) == {"id", "text"}


async def test_the_paper_does_not_open_before_the_identity_check(browser: Browser, world: World) -> None:
    address = await start(browser, world)
    answer = await browser.send(f"{address}/lease", {})
    assert answer.status == 409
    assert (await answer.json())["error"]["code"] == "not_admitted"
    page = await browser.get(address)
    assert page.headers["Location"] == f"{address}/check"
    check = await browser.get(f"{address}/check")
    assert check.headers["Location"].startswith("/consent")


async def test_the_professional_paper_waits_for_the_body_and_cannot_be_sat_again(
    browser: Browser, world: World
) -> None:
    address, paper = await sit(browser, world, "professional")
    assert len(paper["items"]) == 100
    await browser.send(f"{address}/hand-in", {"epoch": paper["epoch"]})
    assert "待评定" in await (await browser.get(f"{address}/result")).text()
    refused = await browser.get("/papers/professional/notice")
    assert refused.status == 409


async def test_fifty_hand_ins_at_once_are_one(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    answers = await asyncio.gather(
        *(browser.send(f"{address}/hand-in", {"epoch": paper["epoch"]}) for _ in range(50))
    )
    assert {answer.status for answer in answers} == {200}
    async with world.database.tx() as tx:
        audited = await tx.fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'attempt.handed_in'")
        marked = await tx.fetch_value("SELECT count(*) FROM attempt_move WHERE to_state = 'marked'")
    assert (audited, marked) == (1, 1)


async def test_two_starts_at_once_make_one_attempt(world: World) -> None:
    attempts = await asyncio.gather(*(world.start(world.here.simple) for _ in range(8)))
    assert len({attempt.id for attempt in attempts}) == 1


async def test_a_failed_humanities_paper_may_be_sat_again_with_another_draw(
    browser: Browser, world: World
) -> None:
    address, first = await sit(browser, world)
    await browser.send(f"{address}/hand-in", {"epoch": first["epoch"]})
    assert "不合格" in await (await browser.get(f"{address}/result")).text()
    assert "再次测评" in await (await browser.get("/papers")).text()
    _, second = await sit(browser, world)
    assert [item["id"] for item in first["items"]] != [item["id"] for item in second["items"]]


async def test_the_sweeper_closes_at_the_deadline_and_marks(world: World) -> None:
    paper = await world.open(world.here.simple)
    attempt = paper.attempt
    world.clock.move(minutes=60)
    assert await papers.close_due(world.services) == 1
    world.clock.move(seconds=30)
    assert await papers.close_due(world.services) == 0
    world.clock.move(minutes=30)
    assert await papers.close_due(world.services) == 1
    closed, _ = await papers.result(world.database, world.here.simple, attempt.id)
    assert closed.state == "marked"
    assert closed.closed_at == attempt.deadline
    assert closed.mark == 0
    assert await papers.close_due(world.services) == 0


async def test_no_paper_starts_outside_the_days_of_the_tests(world: World) -> None:
    world.clock.move(days=20)
    with pytest.raises(Conflict, match="不在测评时间内"):
        await world.start(world.here.simple)


async def test_presence_tells_time_and_a_newer_page(browser: Browser, world: World) -> None:
    address, paper = await sit(browser, world)
    world.clock.move(minutes=5)
    beat = await (await browser.send(f"{address}/presence", {"epoch": paper["epoch"]})).json()
    assert beat["time_left_ms"] == 55 * 60 * 1000
    await browser.send(f"{address}/lease", {})
    lost = await browser.send(f"{address}/presence", {"epoch": paper["epoch"]})
    assert lost.status == 409


async def test_a_subject_that_is_not_in_the_procedure_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        await world.start(world.here.simple, Subject.PROFESSIONAL)


async def test_another_paper_that_runs_is_one_press_away(browser: Browser, world: World) -> None:
    running = await world.start(world.here.general, Subject.HUMANITIES)
    await world.admit(running)
    await browser.login(world.here, world.here.general)
    refused = await browser.get(f"/papers/{Subject.PROFESSIONAL.value}/notice")
    assert refused.status == 409
    assert f'href="/attempts/{running.id}">继续测评' in await refused.text()


async def test_two_papers_are_never_sat_at_once(world: World) -> None:
    """Two clocks would run, and the only attempt at one of them would be gone."""
    both = [await world.start(world.here.general, subject) for subject in Subject]
    await world.admit(both[0])
    with pytest.raises(Conflict, match="请先完成并交卷"):
        await world.admit(both[1])
    with pytest.raises(Conflict, match="您正在参加人文医学测评"):
        await world.start(world.here.general, Subject.PROFESSIONAL)
