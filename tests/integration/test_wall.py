"""The live wall over HTTP: tiles, feed, pictures, who looks after whom, and who decides on a face."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientWebSocketResponse, WSServerHandshakeError

from exam_service.accounts.model import Role
from exam_service.invigilation import usecases
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import queries
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import Verdict
from exam_service.proctor.usecases import Outlooks, wall_topic
from exam_service.proctor.usecases.identity import fresh_challenge
from tests.world import DEVICE, Another, Browser, World

pytestmark = pytest.mark.usefixtures("redis_client")


@pytest.fixture
async def attempt(world: World) -> Attempt:
    """A paper that is being sat."""
    await world.consent(world.here.general)
    return (await world.open(world.here.general)).attempt


async def text_of(browser: Browser, address: str = "/invigilation/wall") -> str:
    answer = await browser.get(address)
    assert answer.status == 200
    return await answer.text()


@asynccontextmanager
async def feed(browser: Browser, query: str = "") -> AsyncIterator[ClientWebSocketResponse]:
    origin = str(browser.client.make_url("/").origin())
    async with browser.client.ws_connect(
        f"/invigilation/wall/events{query}", headers={"Origin": origin}
    ) as socket:
        yield socket


async def hear(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = await socket.receive_json()
            if message["type"] == kind:
                return message


async def look(world: World, attempt: Attempt, verdict: Verdict = Verdict.MATCH) -> None:
    """A frame is judged, and the wall hears of it."""
    stream = await world.watch(attempt, world.clock.now())
    await world.snapshot(attempt, stream, 1, verdict, None)
    await world.services.signals.publish(wall_topic(attempt.body_id), str(attempt.id))


async def count(world: World, action: str) -> int:
    async with world.database.tx() as tx:
        found: int = await tx.fetch_value("SELECT count(*) FROM audit_entry WHERE action = $1", action)
    return found


# Tiles


async def test_the_wall_has_who_sits_and_who_is_being_checked(
    body: Browser, world: World, attempt: Attempt
) -> None:
    checked = await world.start(world.here.simple)
    await look(world, checked, Verdict.UNSURE)
    idle = await world.start(world.here.physicians[2])
    text = await text_of(body)
    assert f'data-key="{attempt.id}"' in text
    assert f'data-key="{checked.id}"' in text
    assert str(idle.id) not in text
    assert "还没有画面" in text
    found = await text_of(body, "/invigilation/wall?q=医师2")
    assert (str(checked.id) in found, str(attempt.id) in found) == (True, False)
    world.clock.move(minutes=11)
    assert str(checked.id) not in await text_of(body)
    assert await count(world, "wall.opened") == 3


async def test_others_see_none_of_it(another: Another, world: World, attempt: Attempt) -> None:
    await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    for who in ("neighbour", "henan-body"):
        browser = await another(who)
        assert str(attempt.id) not in await text_of(browser)
        async with feed(browser, f"?attempt={attempt.id}") as socket:
            assert (await hear(socket, "board"))["order"] == []
        assert (await browser.get(f"/invigilation/{attempt.id}/picture")).status == 404
    authority = await another("hunan-authority")
    assert (await authority.get("/invigilation/wall")).status == 403
    with pytest.raises(WSServerHandshakeError) as refused:
        async with feed(authority):
            pass
    assert refused.value.status == 403


async def test_a_second_look_reads_only_what_is_new(world: World, attempt: Attempt, monkeypatch: Any) -> None:
    read: list[int] = []
    select = queries.select_new_checks

    async def counting(*args: Any) -> Any:
        rows = await select(*args)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(queries, "select_new_checks", counting)
    start, stream = world.clock.now(), await world.watch(attempt, world.clock.now())
    await world.frames(attempt, stream, 1, [start + timedelta(seconds=10 * each) for each in range(30)])
    outlooks = Outlooks(most=30)

    async def score() -> int:
        async with world.database.tx() as tx:
            return (await outlooks.of(tx, [attempt.id], attempt.province_id))[attempt.id].score

    assert await score() == 0
    for seq in range(31, 35):
        at = start + timedelta(seconds=10 * seq)
        await world.snapshot(attempt, stream, seq, Verdict.MISMATCH, None, at=at)
    late = start + timedelta(seconds=295)  # received before those, judged after them
    await world.snapshot(attempt, stream, 35, Verdict.MATCH, None, at=late)
    assert await score() > 0
    assert read[0] == 30
    assert read[1] <= 6
    assert await score() > 0
    assert read[2] == 35, "more than the most is forgotten"


# The feed


async def test_a_verdict_changes_its_tile(body: Browser, world: World, attempt: Attempt) -> None:
    async with feed(body) as socket:
        board = await hear(socket, "board")
        assert board["order"] == [str(attempt.id)]
        assert board["counts"] == {"all": 1, "attention": 1, "mine": 0}
        assert board["tiles"][0]["stale"]
        await look(world, attempt)
        (tile,) = (await hear(socket, "tiles"))["tiles"]
        assert (tile["key"], tile["level_label"], tile["age_ms"]) == (str(attempt.id), "正常", 0)
        assert "name" not in tile
    assert await count(world, "wall.watched") == 1


async def test_many_signals_are_one_message(
    body: Browser, world: World, attempt: Attempt, monkeypatch: Any
) -> None:
    monkeypatch.setattr("exam_service.invigilation.routes.feed.BOARD_SECONDS", 1.5)
    async with feed(body) as socket:
        await hear(socket, "board")
        stream = await world.watch(attempt, world.clock.now())
        for seq in range(1, 9):
            at = world.clock.now() + timedelta(seconds=seq)
            await world.snapshot(attempt, stream, seq, Verdict.MATCH, None, at=at)
        for _ in range(100):
            await world.services.signals.publish(wall_topic(attempt.body_id), str(attempt.id))
        await hear(socket, "tiles")
        async with asyncio.timeout(10):
            following = await socket.receive_json()
        assert (following["type"], following["tiles"]) == ("board", [])


async def test_a_feed_ends_with_the_session(
    body: Browser, world: World, attempt: Attempt, monkeypatch: Any
) -> None:
    monkeypatch.setattr("exam_service.invigilation.routes.feed.SESSION_SECONDS", 0.05)
    async with feed(body) as socket:
        await hear(socket, "board")
        async with world.database.tx() as tx:
            await tx.execute("DELETE FROM session")
        assert "重新登录" in (await hear(socket, "closed"))["message"]


async def test_what_a_page_asks_by_itself_keeps_nobody_logged_in(
    body: Browser, world: World, attempt: Attempt
) -> None:
    idle = timedelta(minutes=world.settings.staff_idle_minutes)
    await world.live_frame(attempt, b"a picture")
    world.clock.move(seconds=idle.total_seconds() - 60)
    assert (await body.get("/invigilation/live")).status == 200
    assert (await body.get(f"/invigilation/{attempt.id}/picture")).status == 200
    assert (await body.get(f"/invigilation/identity/{UUID(int=1)}/snapshot")).status == 404
    for page in ("/invigilation/wall", "/invigilation"):  # fetched anew for a tile or a face that is new
        assert (await body.get(page, headers={"X-Attended": "no"})).status == 200
    async with feed(body) as socket:
        await hear(socket, "board")
    world.clock.move(minutes=2)
    answer = await body.client.get("/invigilation/live", headers={"Accept": "application/json"})
    assert answer.status == 401


async def test_somebody_at_the_page_stays_logged_in(body: Browser, world: World) -> None:
    idle = timedelta(minutes=world.settings.staff_idle_minutes)
    world.clock.move(seconds=idle.total_seconds() - 60)
    assert (await body.get("/invigilation/live", headers={"X-Attended": "yes"})).status == 200
    world.clock.move(minutes=2)
    assert (await body.get("/invigilation/live")).status == 200


# Pictures


async def test_a_picture_is_the_newest_then_the_last_kept_then_none(
    body: Browser, world: World, attempt: Attempt
) -> None:
    address = f"/invigilation/{attempt.id}/picture"
    assert (await body.get(address)).status == 404
    stream = await world.watch(attempt, world.clock.now())
    await world.snapshot(attempt, stream, 1, Verdict.MATCH, b"kept")
    assert await (await body.get(address)).read() == b"kept"
    await world.live_frame(attempt, b"older")
    await world.live_frame(attempt, b"newest")
    answer = await body.get(address)
    assert await answer.read() == b"newest"
    assert answer.headers["Cache-Control"] == "no-store"
    assert await count(world, "picture.viewed") == 1
    world.clock.move(minutes=1)
    await body.get(address)
    assert await count(world, "picture.viewed") == 2
    async with world.database.tx() as tx:
        await tx.execute("DELETE FROM data_key")
    assert (await body.get(address)).status == 404


# What staff do


async def test_a_sitting_is_taken_handed_over_and_noted(
    body: Browser, another: Another, world: World, attempt: Attempt
) -> None:
    colleague = await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    stranger = await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    here = f"/invigilation/{attempt.id}"
    assert (await body.submit(f"{here}/duty", to="me")).status == 303
    assert "body人员负责" in await text_of(body, "/invigilation/wall?tab=mine")
    assert (await body.submit(f"{here}/duty", to="me")).status == 409
    assert (await body.submit(f"{here}/duty", to=str(stranger.account_id))).status == 422
    to_colleague = {"to": str(colleague.account_id), "note": "我去用餐"}
    assert (await body.submit(f"{here}/duty", **to_colleague)).status == 303
    assert str(attempt.id) not in await text_of(body, "/invigilation/wall?tab=mine")
    assert str(attempt.id) in await text_of(await another("colleague"), "/invigilation/wall?tab=mine")
    assert (await body.submit(f"{here}/notes", text="")).status == 422
    assert (await body.submit(f"{here}/notes", text="已电话联系本人")).status == 303
    text = await text_of(body, here)
    for words in ("开始负责", "移交负责", "colleague人员：我去用餐", "内部记录", "已电话联系本人"):
        assert words in text, words
    assert [await count(world, action) for action in ("duty.assigned", "note.written")] == [2, 1]


async def test_a_notice_is_confirmed_once_by_whom_it_was_for(
    body: Browser, another: Another, world: World, attempt: Attempt
) -> None:
    await body.submit(f"/invigilation/{attempt.id}/notices", text="请面向摄像头")
    assert "医师尚未确认" in await text_of(body, f"/invigilation/{attempt.id}")
    presence = await world.beat(world.here.general, attempt.id, attempt.lease_epoch)
    (notice,) = presence.notices
    assert not notice.acknowledged
    page = await another("physician")
    address = f"/attempts/{attempt.id}/notices/{notice.id}/acknowledgement"
    world.clock.move(seconds=7)
    assert (await page.send(address, {})).status == 200
    world.clock.move(seconds=7)
    assert (await page.send(address, {})).status == 200
    assert (await page.send(address.replace(str(notice.id), str(UUID(int=1))), {})).status == 404
    next_device = await (await page.send(f"/attempts/{attempt.id}/lease", {})).json()
    assert [each["acknowledged"] for each in next_device["notices"]] == [True]
    assert "医师已确认 10:00:07" in await text_of(body, f"/invigilation/{attempt.id}")


@pytest.mark.parametrize(
    ("decision", "reason", "status", "state"),
    [
        ("accept", "", 303, "accepted"),
        ("refuse", "换了人", 303, "refused"),
        ("refuse", "", 422, "waiting"),
        ("again", "光线太暗", 303, "open"),
        ("perhaps", "不知道", 422, "waiting"),
    ],
)
async def test_a_face_that_frames_could_not_settle_is_decided_on_the_wall(
    body: Browser, world: World, attempt: Attempt, decision: str, reason: str, status: int, state: str
) -> None:
    await world.photo(world.here.registrations[0], b"photo")
    await world.live_frame(attempt, b"now")
    assert (await body.submit(f"/invigilation/{attempt.id}/recheck", reason="不太像")).status == 303
    async with world.database.tx() as tx:
        identity_id = await tx.fetch_value("UPDATE identity_check SET state = 'waiting' RETURNING id")
    text = await text_of(body)
    assert "等待人工核验" in text
    assert "要求核验的理由：不太像" in text
    pictures = f"/invigilation/identity/{identity_id}"
    assert await (await body.get(f"{pictures}/photo")).read() == b"photo"
    assert await (await body.get(f"{pictures}/snapshot")).read() == b"now"
    answer = await body.submit(f"{pictures}/decision", decision=decision, reason=reason)
    assert answer.status == status
    if status == 422 and reason:
        assert reason in await answer.text()
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT state FROM identity_check") == state


async def test_who_waits_for_a_person_is_seen_on_the_wall_in_the_list_and_at_home(
    body: Browser, world: World, attempt: Attempt
) -> None:
    waits = await world.start(world.here.simple)
    async with world.database.tx() as tx:
        identity_id = await tx.fetch_value(
            "INSERT INTO identity_check (id, province_id, registration_id, attempt_id, purpose, state,"
            " device, opened_at, challenge)"
            " VALUES (gen_random_uuid(), $1, $2, $3, 'check', 'waiting', '', $4, $5) RETURNING id",
            waits.province_id,
            waits.registration_id,
            waits.id,
            world.clock.now(),
            fresh_challenge(turns=True).to_json(),
        )
    await look(world, attempt)
    found = await text_of(body, "/invigilation/wall?tab=attention")
    assert f'data-key="{waits.id}" data-level="act"' in found, "though it has no camera"
    assert '<span class="flag-words" data-part="flags">等待人工核验' in found
    listed = await text_of(body, "/invigilation?tab=attention")
    assert f'href="/invigilation/wall#identity-{identity_id}"' in listed
    assert listed.count("<tr data-key") == 1
    assert "1项待处理，其中1人等待人工核验" in await text_of(body, "/home")
    decision = f"/invigilation/identity/{identity_id}/decision"
    assert (await body.submit(decision, decision="refuse", reason="换了人")).status == 303
    await look(world, waits, Verdict.MISMATCH)
    assert "已判定不是本人" in await text_of(body)
    assert "<tr data-key" not in await text_of(body, "/invigilation?tab=attention")


async def test_a_refusal_is_reopened_on_the_page_of_the_sitting(
    body: Browser, world: World, attempt: Attempt
) -> None:
    assert (await body.submit(f"/invigilation/{attempt.id}/recheck", reason="不太像")).status == 303
    async with world.database.tx() as tx:
        identity_id = await tx.fetch_value("UPDATE identity_check SET state = 'waiting' RETURNING id")
    address = f"/invigilation/{attempt.id}"
    assert f'href="/invigilation/wall#identity-{identity_id}"' in await text_of(body, address)
    decision = f"/invigilation/identity/{identity_id}/decision"
    assert (await body.submit(decision, decision="refuse", reason="换了人")).status == 303
    text = await text_of(body, address)
    for words in ("已判定不是本人", "换了人", "再给5次核验机会"):
        assert words in text, words
    tries = f"{address}/identity/{identity_id}/tries"
    assert (await body.submit(tries, reason=" ")).status == 422
    world.clock.move(minutes=5)
    assert (await body.submit(tries, reason="已视频核对证件")).status == 303
    await proctor.hand_over_rechecks(world.services)
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT state FROM identity_check") == "open"
    assert tries not in await text_of(body, address)
    assert (await body.submit(tries, reason="又一次")).status == 409


async def test_the_page_of_a_sitting_says_how_soon_to_look_and_why(
    body: Browser, world: World, attempt: Attempt
) -> None:
    stream = await world.watch(attempt, world.clock.now())
    for seq in range(1, 4):
        at = world.clock.now() + timedelta(seconds=5 * seq)
        await world.snapshot(attempt, stream, seq, Verdict.MISMATCH, None, at=at)
    text = await text_of(body, f"/invigilation/{attempt.id}")
    assert '关注度 <span class="figures">45/100</span>' in text
    assert "<li>疑似他人 10秒，共3张 +45</li>" in text


async def test_the_page_of_a_sitting_tells_of_pages_and_identity_checks(
    body: Browser, world: World, attempt: Attempt
) -> None:
    staff = world.here.staff[Role.BODY]
    identity_id = await proctor.ask_recheck(world.services, staff, attempt.id, "不太像")
    await proctor.decide(world.services, staff, identity_id, accepted=True, reason="视频里核对了证件")
    await papers.take_lease(world.services, world.here.general, attempt.id, DEVICE)
    text = await text_of(body, f"/invigilation/{attempt.id}")
    for words in (
        "在一台设备上打开试卷",
        "在同一设备上重新打开试卷",
        "答题中核验：由工作人员提出",
        "答题中核验：由人工确认是本人",
    ):
        assert words in text, words


async def test_a_tile_has_a_page_of_its_own_beyond_two_hundred(
    world: World, attempt: Attempt, monkeypatch: Any
) -> None:
    monkeypatch.setattr("exam_service.invigilation.usecases.wall.PAGE_SIZE", 1)
    await world.open(world.here.simple)
    staff = world.here.staff[Role.BODY]
    seen = []
    for page in (1, 2, 9):
        search = usecases.WallSearch(page=page)
        found = await usecases.open_wall(world.services, Outlooks(), staff, search)
        seen.append([tile.sitting.attempt_id for tile in found.tiles])
        assert found.pages == 2
    assert seen[0] != seen[1] == seen[2]
