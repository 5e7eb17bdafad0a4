"""A paper goes on at another device: who may take it over, what the page says, and what is written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from exam_service.crypto.hashes import token_hash
from exam_service.http.device import DEVICE_COOKIE
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.settings import Settings
from exam_service.storage.database import Row
from exam_service.storage.embedded import EmbeddedRedis
from tests.world import DEVICE, Browser, World, browsing, serving

pytestmark = pytest.mark.usefixtures("redis_client")

ANOTHER = bytes(31) + b"\1"


@pytest.fixture
async def server(world: World) -> AsyncIterator[TestServer]:
    async with serving(world) as server:
        yield server


@pytest.fixture
async def phone(world: World, server: TestServer) -> AsyncIterator[Browser]:
    """A physician's second device, logged in; consent to face capture was given on the first."""
    await world.consent(world.here.general)
    async with browsing(server, device=None) as browser:
        await browser.login(world.here, world.here.general)
        yield browser


@pytest.fixture
async def attempt(world: World) -> Attempt:
    """Being sat, on the device of the tests."""
    return (await world.open(world.here.general)).attempt


def device_of(browser: Browser) -> bytes:
    [token] = [cookie.value for cookie in browser.client.session.cookie_jar if cookie.key == DEVICE_COOKIE]
    return token_hash(token)


def where(answer: ClientResponse) -> tuple[int, str]:
    return answer.status, answer.headers.get("Location", "")


async def allow(world: World, attempt: Attempt, device: bytes, *, verified: bool = True) -> bool:
    async with world.database.tx() as tx:
        return await papers.allow_takeover(
            tx,
            world.clock,
            attempt.id,
            attempt.province_id,
            device,
            verified=verified,
            actor_id=attempt.account_id,
        )


async def is_allowed(world: World, attempt: Attempt, device: bytes) -> bool:
    async with world.database.tx() as tx:
        return await papers.takeover_is_allowed(tx, attempt.id, device, world.clock.now())


async def rows(world: World, table: str) -> list[Row]:
    statements = {
        "takeover": "SELECT * FROM takeover",
        "audit": "SELECT * FROM audit_entry WHERE action = 'attempt.takeover_allowed'",
    }
    async with world.database.tx() as tx:
        return await tx.fetch(statements[table])


# Who may


async def test_a_device_that_passed_may_take_the_paper_for_a_minute_and_no_other_may(
    world: World, attempt: Attempt
) -> None:
    assert not await is_allowed(world, attempt, ANOTHER)
    assert await allow(world, attempt, ANOTHER)
    world.clock.move(seconds=60)
    assert await is_allowed(world, attempt, ANOTHER)
    assert not await is_allowed(world, attempt, bytes(30) + b"\1\1")
    world.clock.move(seconds=1)
    assert not await is_allowed(world, attempt, ANOTHER)

    assert await allow(world, attempt, ANOTHER), "it may pass again"
    assert await is_allowed(world, attempt, ANOTHER)


async def test_what_allowed_a_takeover_is_on_record(world: World, attempt: Attempt) -> None:
    await allow(world, attempt, ANOTHER)
    await allow(world, attempt, ANOTHER, verified=False)
    [row] = await rows(world, "takeover")
    assert (row["device_hash"], row["verified"]) == (ANOTHER, False)
    entries = await rows(world, "audit")
    assert [entry["facts"] for entry in entries] == [{"verified": True}, {"verified": False}]
    assert {entry["subject_id"] for entry in entries} == {attempt.id}
    assert {entry["actor_id"] for entry in entries} == {attempt.account_id}


async def test_what_is_not_being_sat_is_not_taken_over(world: World, attempt: Attempt) -> None:
    prepared = await world.start(world.here.simple)
    assert not await allow(world, prepared, ANOTHER)
    await papers.hand_in(world.services, world.here.general, attempt.id, attempt.lease_epoch)
    assert not await allow(world, attempt, ANOTHER)
    assert await rows(world, "takeover") == await rows(world, "audit") == []


# The cookie


@pytest.mark.parametrize("page", ["/papers", "/papers/humanities/notice", "/attempts/{attempt}/takeover"])
async def test_a_device_is_known_from_the_pages_before_a_paper(
    phone: Browser, attempt: Attempt, page: str
) -> None:
    answer = await phone.get(page.format(attempt=attempt.id))
    [cookie] = [header for header in answer.headers.getall("Set-Cookie") if DEVICE_COOKIE in header]
    for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=31536000"):
        assert word in cookie
    assert "Domain" not in cookie
    known = device_of(phone)

    again = await phone.get("/papers")
    assert not any(DEVICE_COOKIE in header for header in again.headers.getall("Set-Cookie", []))
    assert device_of(phone) == known


async def test_a_lease_that_comes_without_the_cookie_brings_it(world: World, phone: Browser) -> None:
    attempt = await world.start(world.here.general)
    await world.admit(attempt)
    first = await phone.send(f"/attempts/{attempt.id}/lease", {})
    assert first.status == 200
    async with world.database.tx() as tx:
        stored = await tx.fetch_value("SELECT device_hash FROM attempt WHERE id = $1", attempt.id)
    assert stored == device_of(phone)
    assert (await phone.send(f"/attempts/{attempt.id}/lease", {})).status == 200, "the same device again"


# The page


async def test_a_second_device_is_asked_and_the_paper_is_not_given_to_it_yet(
    phone: Browser, attempt: Attempt
) -> None:
    page = await phone.get(f"/attempts/{attempt.id}/takeover")
    text = await page.text()
    assert page.status == 200
    assert "本卷正在另一台设备上作答" in text
    assert "在本机继续后，那台设备将只能查看，已保存的答案都在。" in text
    assert 'data-purpose="takeover"' in text
    assert "暂时不可用" not in text
    lease = await phone.send(f"/attempts/{attempt.id}/lease", {})
    assert lease.status == 409
    assert (await lease.json())["error"]["code"] == "takeover_needed"


async def test_a_device_that_may_go_on_is_sent_to_the_paper(
    world: World, phone: Browser, attempt: Attempt
) -> None:
    paper = f"/attempts/{attempt.id}"
    await phone.get(f"{paper}/takeover")
    await allow(world, attempt, device_of(phone))
    assert where(await phone.get(f"{paper}/takeover")) == (303, paper)
    assert (await phone.send(f"{paper}/lease", {})).status == 200
    world.clock.move(minutes=5)
    assert where(await phone.get(f"{paper}/takeover")) == (303, paper), "it has the paper"


async def test_a_permission_that_has_lapsed_is_asked_for_again(
    world: World, phone: Browser, attempt: Attempt
) -> None:
    await phone.get(f"/attempts/{attempt.id}/takeover")
    await allow(world, attempt, device_of(phone))
    world.clock.move(seconds=61)
    assert (await phone.get(f"/attempts/{attempt.id}/takeover")).status == 200
    assert (await phone.send(f"/attempts/{attempt.id}/lease", {})).status == 409


async def test_a_paper_whose_device_staff_released_needs_no_check(
    world: World, phone: Browser, attempt: Attempt
) -> None:
    async with world.database.tx() as tx:
        await tx.execute("UPDATE attempt SET device_hash = NULL WHERE id = $1", attempt.id)
    assert where(await phone.get(f"/attempts/{attempt.id}/takeover")) == (303, f"/attempts/{attempt.id}")


async def test_a_paper_that_is_not_being_sat_is_shown_where_it_is(
    world: World, phone: Browser, attempt: Attempt
) -> None:
    await papers.hand_in(world.services, world.here.general, attempt.id, attempt.lease_epoch)
    over = await phone.get(f"/attempts/{attempt.id}/takeover")
    assert where(over) == (303, f"/attempts/{attempt.id}/result")
    again = await world.start(world.here.general)
    prepared = await phone.get(f"/attempts/{again.id}/takeover")
    assert where(prepared) == (303, f"/attempts/{again.id}/check")


async def test_without_consent_no_camera_is_asked_for(phone: Browser, attempt: Attempt) -> None:
    await phone.submit("/consent/withdraw")
    page = f"/attempts/{attempt.id}/takeover"
    assert where(await phone.get(page)) == (303, f"/consent?next={page}")


# Without the proctor


async def test_nobody_goes_on_unseen_while_faces_can_be_checked(
    world: World, phone: Browser, attempt: Attempt
) -> None:
    page = f"/attempts/{attempt.id}/takeover"
    await phone.get(page)
    assert where(await phone.submit(page)) == (303, page)
    assert "监考服务已恢复，请完成人脸核验后继续。" in await (await phone.get(page)).text()
    assert await rows(world, "takeover") == []
    assert (await phone.send(f"/attempts/{attempt.id}/lease", {})).status == 409


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A Redis that may be stopped."""
    with EmbeddedRedis(tmp_path / "redis") as redis:
        yield redis


@pytest.fixture
def stoppable(own_redis: EmbeddedRedis, settings: Settings) -> Settings:
    return settings.model_copy(update={"redis_url": own_redis.url})


async def test_a_dead_phone_and_a_dead_redis_together_cost_no_paper(
    world: World, own_redis: EmbeddedRedis, stoppable: Settings, attempt: Attempt
) -> None:
    world.settings = stoppable
    await world.consent(world.here.general)
    page = f"/attempts/{attempt.id}/takeover"
    async with serving(world) as server, browsing(server, device=None) as phone:
        await phone.login(world.here, world.here.general)
        own_redis.stop()
        text = await (await phone.get(page)).text()
        assert "监考服务暂时不可用，可先继续作答（将由工作人员核对）" in text
        assert "check.js" not in text
        assert where(await phone.submit(page)) == (303, f"/attempts/{attempt.id}")
        lease = await phone.send(f"/attempts/{attempt.id}/lease", {})
        assert lease.status == 200
        [row] = await rows(world, "takeover")
        assert (row["device_hash"], row["verified"]) == (device_of(phone), False)
        [entry] = await rows(world, "audit")
        assert entry["facts"] == {"verified": False}

        assert where(await phone.submit(page)) == (303, f"/attempts/{attempt.id}")
        assert len(await rows(world, "audit")) == 1, "it has the paper: there is nothing to allow"


async def test_the_way_without_a_check_leads_nobody_into_the_paper_of_another(
    world: World, own_redis: EmbeddedRedis, stoppable: Settings, attempt: Attempt
) -> None:
    world.settings = stoppable
    await world.consent(world.here.simple)
    async with serving(world) as server, browsing(server, device=None) as stranger:
        await stranger.login(world.here, world.here.simple)
        own_redis.stop()
        assert (await stranger.submit(f"/attempts/{attempt.id}/takeover")).status == 404
    assert await rows(world, "takeover") == []


async def test_the_device_of_the_first_lease_has_the_paper(world: World, attempt: Attempt) -> None:
    assert attempt.device_hash == DEVICE
