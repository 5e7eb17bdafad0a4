"""在线学习 over HTTP: sets at random, solutions of their own items, and never an exam item."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from exam_service.accounts.model import Principal
from exam_service.clock import in_china
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import Procedure, Subject, read_preset
from exam_service.errors import NotFound
from exam_service.institutions.model import Category, Level
from exam_service.questions import usecases as questions
from exam_service.questions.model import Use
from exam_service.registration import usecases as registration
from exam_service.registration.model import State
from exam_service.storage.database import Row
from tests.world import Browser, World, browsing, contents, draft, serving

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


async def bank_of(world: World, title: str = "人文练习") -> UUID:
    async with world.database.tx() as tx:
        return await tx.fetch_value("SELECT id FROM bank WHERE title = $1 AND province_id = 'hunan'", title)


async def begin(browser: Browser, world: World, title: str = "人文练习") -> tuple[str, dict[str, Any]]:
    """A new set: its address and its JSON."""
    answer = await browser.submit("/practice", bank=str(await bank_of(world, title)))
    assert answer.status == 303
    address = answer.headers["Location"]
    return address, await (await browser.get(f"{address}.json")).json()


async def items_where(world: World, condition: str) -> dict[str, Row]:
    async with world.database.tx() as tx:
        rows = await tx.fetch(f"SELECT i.id, i.key_id, i.use, i.stem FROM item i WHERE {condition}")
    return {str(row["id"]): row for row in rows}


def option(item: dict[str, Any], key: UUID, *, right: bool) -> str:
    """The id of the item's right option, or of some wrong one."""
    return next(option["id"] for option in item["options"] if (option["id"] == str(key)) is right)


async def code_of(answer: ClientResponse) -> str:
    return (await answer.json())["error"]["code"]


async def test_a_set_is_fifty_practice_items_at_random(browser: Browser, world: World) -> None:
    page = await (await browser.get("/practice")).text()
    assert "人文练习" in page
    assert "人文考试" not in page
    assert "临床考试" not in page
    address, first = await begin(browser, world)
    _, second = await begin(browser, world)
    known = await items_where(world, "i.use = 'practice' AND i.province_id = 'hunan'")
    for drawn in (first, second):
        ids = [item["id"] for item in drawn["items"]]
        assert len(ids) == len(set(ids)) == 50
        assert set(ids) <= set(known)
        assert all(len(item["options"]) == 5 for item in drawn["items"])
    assert [item["id"] for item in first["items"]] != [item["id"] for item in second["items"]]
    shown = await browser.get(address)
    assert shown.status == 200
    assert first["title"] == "人文练习"


async def test_over_many_sets_every_item_of_the_bank_comes_up(browser: Browser, world: World) -> None:
    seen: set[str] = set()
    for _ in range(12):
        _, drawn = await begin(browser, world)
        seen |= {item["id"] for item in drawn["items"]}
    assert len(seen) == 60


async def test_the_set_carries_no_key_and_no_explanation(browser: Browser, world: World) -> None:
    address, drawn = await begin(browser, world)
    assert set(drawn) == {"title", "items", "answers"}
    for item in drawn["items"]:
        assert set(item) == {"id", "stem", "options"}
        assert all(set(option) == {"id", "text"} for option in item["options"])
    page = await (await browser.get(address)).text()
    raw = await (await browser.get(f"{address}.json")).text()
    known = await items_where(world, "i.use = 'practice'")
    assert "的解析" not in page + raw
    # The key's id is there as one of five; nothing but its place could tell, which is the bank's own order.
    key = str(known[drawn["items"][0]["id"]]["key_id"])
    assert raw.count(key) == 1


async def test_right_and_wrong_are_told_and_kept(browser: Browser, world: World) -> None:
    address, drawn = await begin(browser, world)
    known = await items_where(world, "i.use = 'practice'")
    for item, right in zip(drawn["items"][:2], (True, False), strict=True):
        chosen = option(item, known[item["id"]]["key_id"], right=right)
        answer = await browser.send(f"{address}/answers", {"item": item["id"], "option": chosen})
        assert await answer.json() == {"right": right}
    again = await (await browser.get(f"{address}.json")).json()
    assert {item: given["right"] for item, given in again["answers"].items()} == {
        drawn["items"][0]["id"]: True,
        drawn["items"][1]["id"]: False,
    }
    first = drawn["items"][0]
    changed = option(first, known[first["id"]]["key_id"], right=False)
    await browser.send(f"{address}/answers", {"item": first["id"], "option": changed})
    again = await (await browser.get(f"{address}.json")).json()
    assert again["answers"][first["id"]] == {"option": changed, "right": False}
    assert len(again["answers"]) == 2


async def test_an_answer_tells_right_or_wrong_and_not_the_key(browser: Browser, world: World) -> None:
    address, drawn = await begin(browser, world)
    known = await items_where(world, "i.use = 'practice'")
    item = drawn["items"][0]
    wrong = option(item, known[item["id"]]["key_id"], right=False)
    answer = await browser.send(f"{address}/answers", {"item": item["id"], "option": wrong})
    assert set(await answer.json()) == {"right"}


async def test_revealing_shows_key_and_explanation(browser: Browser, world: World) -> None:
    address, drawn = await begin(browser, world)
    item = drawn["items"][0]
    answer = await browser.send(f"{address}/reveal", {"item": item["id"]})
    known = (await items_where(world, "i.use = 'practice'"))[item["id"]]
    assert await answer.json() == {"key": str(known["key_id"]), "explanation": f"{known['stem']}的解析"}


@pytest.mark.parametrize("what", ["an exam item", "a practice item of no set", "an item of nobody"])
async def test_nothing_outside_the_set_is_solved(browser: Browser, world: World, what: str) -> None:
    address, drawn = await begin(browser, world)
    drawn_ids = {item["id"] for item in drawn["items"]}
    ids = {
        "an exam item": list(await items_where(world, "i.use = 'exam'"))[:20],
        "a practice item of no set": list(set(await items_where(world, "i.use = 'practice'")) - drawn_ids)[
            :5
        ],
        "an item of nobody": [str(uuid4())],
    }[what]
    async with world.database.tx() as tx:
        options = await questions.items_by_id(tx, [UUID(item_id) for item_id in ids])
    before = await contents(world.database)
    assert ids
    for item_id in ids:
        found = options.get(UUID(item_id))
        chosen = str(found.options[0].id) if found else str(uuid4())
        for path, body in (
            ("reveal", {"item": item_id}),
            ("answers", {"item": item_id, "option": chosen}),
        ):
            answer = await browser.send(f"{address}/{path}", body)
            assert answer.status == 404
            assert await code_of(answer) == "not_in_set"
    assert await contents(world.database) == before


async def test_an_exam_item_is_not_solved_even_inside_a_set(world: World, browser: Browser) -> None:
    """A set that got one by whatever defect, and an item that became an exam item after it was drawn."""
    address, drawn = await begin(browser, world)
    moved = drawn["items"][0]
    async with world.database.tx() as tx:
        await tx.execute("UPDATE item SET use = 'exam' WHERE id = $1", UUID(moved["id"]))
    for path, body in (
        ("reveal", {"item": moved["id"]}),
        ("answers", {"item": moved["id"], "option": moved["options"][0]["id"]}),
    ):
        answer = await browser.send(f"{address}/{path}", body)
        assert answer.status == 404, path
        assert "key" not in await answer.text()


async def test_an_option_of_another_item_is_refused(browser: Browser, world: World) -> None:
    address, drawn = await begin(browser, world)
    one, other = drawn["items"][:2]
    answer = await browser.send(
        f"{address}/answers", {"item": one["id"], "option": other["options"][0]["id"]}
    )
    assert (answer.status, await code_of(answer)) == (422, "not_in_set")


@pytest.mark.parametrize("path", ["answers", "reveal"])
async def test_a_malformed_body_is_one_clear_refusal(browser: Browser, world: World, path: str) -> None:
    address, _ = await begin(browser, world)
    for body in ({}, [], None, {"item": "x"}, {"item": None, "option": None}, "item", 2**70):
        answer = await browser.send(f"{address}/{path}", body)
        assert (answer.status, await code_of(answer)) == (422, "bad_body"), body


async def test_a_set_of_another_physician_is_not_found(
    browser: Browser, server: TestServer, world: World
) -> None:
    address, drawn = await begin(browser, world)
    item = drawn["items"][0]
    async with browsing(server) as other:
        await other.login(world.here, world.here.simple)
        before = await contents(world.database)
        for answer in (
            await other.get(address),
            await other.get(f"{address}.json"),
            await other.send(f"{address}/reveal", {"item": item["id"]}),
            await other.send(f"{address}/answers", {"item": item["id"], "option": item["options"][0]["id"]}),
        ):
            assert answer.status == 404
            assert item["id"] not in await answer.text()
        assert await contents(world.database) == before


@pytest.mark.parametrize("bank", ["", "x", "00000000-0000-7000-8000-000000000000"])
async def test_no_set_begins_from_a_bank_that_is_not_offered(
    browser: Browser, world: World, bank: str
) -> None:
    before = await contents(world.database)
    answer = await browser.submit("/practice", bank=bank)
    assert answer.status in {403, 422}
    assert await contents(world.database) == before


@pytest.mark.parametrize("title", ["人文考试", "临床考试"])
async def test_no_set_begins_from_a_bank_of_exam_items(browser: Browser, world: World, title: str) -> None:
    answer = await browser.submit("/practice", bank=str(await bank_of(world, title)))
    assert answer.status == 403
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM practice_set") == 0


async def test_of_a_bank_with_both_uses_only_the_practice_items_are_drawn(
    browser: Browser, world: World
) -> None:
    async with world.database.tx() as tx:
        await questions.import_bank(
            tx,
            world.clock,
            province_id="hunan",
            title="人文考试",
            subject=Subject.HUMANITIES,
            category=None,
            level=None,
            use=Use.PRACTICE,
            drafts=[draft(f"公开第{number}题") for number in range(3)],
        )
    _, drawn = await begin(browser, world, "人文考试")
    assert sorted(item["stem"] for item in drawn["items"]) == [f"公开第{number}题" for number in range(3)]


async def test_banks_are_those_of_the_own_category_and_level(browser: Browser, world: World) -> None:
    async with world.database.tx() as tx:
        for title, category, level in (
            ("临床执业", Category.CLINICAL, Level.LICENSED),
            ("临床助理", Category.CLINICAL, Level.ASSISTANT),
            ("口腔执业", Category.DENTAL, Level.LICENSED),
        ):
            await questions.import_bank(
                tx,
                world.clock,
                province_id="hunan",
                title=title,
                subject=Subject.PROFESSIONAL,
                category=category,
                level=level,
                use=Use.PRACTICE,
                drafts=[draft(f"{title}的题")],
            )
    page = await (await browser.get("/practice")).text()
    assert "临床执业" in page
    assert "临床助理" not in page
    assert "口腔执业" not in page
    refused = await browser.submit("/practice", bank=str(await bank_of(world, "口腔执业")))
    assert refused.status == 403


async def test_without_banks_the_page_says_so(browser: Browser, world: World) -> None:
    async with world.database.tx() as tx:
        await tx.execute("UPDATE item SET use = 'exam' WHERE use = 'practice'")
    answer = await browser.get("/practice")
    assert answer.status == 200
    assert "暂时没有可以练习的题库" in await answer.text()


async def set_state(world: World, principal: Principal, state: State) -> None:
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE registration SET state = $2 WHERE account_id = $1", principal.account_id, state
        )


async def enter_shanxi_cycle(world: World, principal: Principal) -> None:
    """The newest cycle of this physician is now by Shanxi's rules."""
    world.clock.move(seconds=1)
    today = in_china(world.clock.now()).date()
    async with world.database.tx() as tx:
        cycle = await cycles.open_cycle(
            tx,
            world.clock,
            province_id="hunan",
            title="山西式周期",
            tests_from=today,
            tests_until=today + timedelta(days=1),
            policy=read_preset("shanxi-2024"),
        )
        await registration.add_registration(
            tx,
            world.clock,
            cycle=cycle,
            account_id=principal.account_id,
            institution_id=world.here.institution_id,
            body_id=world.here.body_id,
            procedure=Procedure.GENERAL,
            category=Category.CLINICAL,
            level=Level.LICENSED,
            state=State.ADMITTED,
        )


async def test_in_shanxi_practice_opens_once_registered(browser: Browser, world: World) -> None:
    await enter_shanxi_cycle(world, world.here.general)
    bank = str(await bank_of(world))
    for state in State:
        await set_state(world, world.here.general, state)
        page = await (await browser.get("/practice")).text()
        answer = await browser.submit("/practice", bank=bank)
        if state in {State.REGISTERED, State.TESTING, State.CONCLUDED}:
            assert "人文练习" in page, state
            assert answer.status == 303, state
        else:
            assert "暂时没有可以练习的题库" in page, state
            assert answer.status == 403, state


async def test_elsewhere_practice_opens_once_admitted(browser: Browser, world: World) -> None:
    bank = str(await bank_of(world))
    for state in State:
        await set_state(world, world.here.general, state)
        is_open = state is not State.NOT_ADMITTED
        page = await (await browser.get("/practice")).text()
        assert ("人文练习" in page) is is_open, state
        assert (await browser.submit("/practice", bank=bank)).status == (303 if is_open else 403), state


async def test_a_solution_is_of_the_own_province(world: World) -> None:
    practised = await items_where(world, "i.use = 'practice' AND i.province_id = 'henan'")
    async with world.database.tx() as tx:
        with pytest.raises(NotFound):
            await questions.practice_solution(tx, UUID(next(iter(practised))), "hunan")
