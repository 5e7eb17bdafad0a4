"""One's own account: password, mobile number, sessions; staff's second factor; what comes before all else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from html import escape, unescape
from uuid import UUID

import pyotp
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal, Role
from exam_service.accounts.usecases import second_factor
from exam_service.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from exam_service.queue.buckets import Buckets
from exam_service.queue.connection import Client
from tests.world import PASSWORD, Browser, World, browsing, serving

NEW = "sunny7days"


@pytest.fixture
def throttle(redis_client: Client) -> Buckets:
    return Buckets(redis_client)


async def session_count(world: World, account_id: UUID) -> int:
    async with world.database.tx() as tx:
        return int(await tx.fetch_value("SELECT count(*) FROM session WHERE account_id = $1", account_id))


async def one_time_password(world: World, role: Role = Role.BODY) -> str:
    """The authority lets a member of staff in anew."""
    async with world.database.tx() as tx:
        return await accounts.reset_staff(
            tx, world.clock, world.here.staff[Role.AUTHORITY], world.here.staff[role].account_id
        )


async def messages(world: World) -> list[tuple[str, str]]:
    await world.services.post.settle()
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT mobile, text FROM sms_outbox ORDER BY id")
    return [(row["mobile"], row["text"]) for row in rows]


# Password and sessions


async def test_changing_the_password_asks_for_the_old_one_and_ends_the_other_sessions(
    world: World, redis_client: Client
) -> None:
    async with serving(world) as server, browsing(server) as here, browsing(server) as elsewhere:
        await here.login(world.here, world.here.general)
        await elsewhere.login(world.here, world.here.general)
        await here.get("/account/password")
        for old, new, again, sentence in (
            ("wrong", NEW, NEW, "密码不正确"),
            (PASSWORD, "short1", "short1", "密码至少8位"),
            (PASSWORD, NEW, "other4day", "两次输入的密码不一致"),
            (PASSWORD, PASSWORD, PASSWORD, "新密码不能与原密码相同"),
            (PASSWORD, world.here.number_of(world.here.general), "", "两次输入"),
        ):
            answer = await here.submit("/account/password", old=old, new=new, again=again)
            text = await answer.text()
            assert (answer.status, sentence in text) == (422, True), sentence
            assert f'value="{new}"' not in text
        answer = await here.submit("/account/password", old=PASSWORD, new=NEW, again=NEW)
        assert (answer.status, answer.headers["Location"]) == (303, "/account")
        assert (await here.get("/home")).status == 200
        assert (await elsewhere.get("/home")).status == 303


async def test_own_sessions_are_listed_and_the_others_ended(world: World, redis_client: Client) -> None:
    async with serving(world) as server, browsing(server) as here, browsing(server) as phone:
        phone.client.session.headers["User-Agent"] = "Mozilla/5.0 (iPhone) MicroMessenger/8"
        await here.login(world.here, world.here.general)
        await phone.login(world.here, world.here.general)
        text = await (await here.get("/account")).text()
        assert "iPhone · 微信" in text
        assert text.count("本机") == 1
        assert "430***********" in text
        await here.submit("/account/sessions/end")
        assert (await phone.get("/home")).status == 303
        assert await session_count(world, world.here.general.account_id) == 1


async def test_guessing_the_old_password_is_throttled(world: World, throttle: Buckets) -> None:
    async def guess() -> None:
        await accounts.change_password(
            world.services, throttle, world.here.general, b"", old="guess4you", new=NEW, again=NEW
        )

    for _ in range(world.settings.login_tries):
        with pytest.raises(Invalid):
            await guess()
    with pytest.raises(TooMany):
        await guess()


# What has to be seen to first


async def test_a_one_time_password_opens_only_the_page_that_changes_it(
    world: World, redis_client: Client
) -> None:
    password = await one_time_password(world)
    async with serving(world) as server, browsing(server) as staff:
        await staff.get("/staff/login")
        await staff.submit("/staff/login", username="hunan-body", password=password)
        for path in ("/home", "/review", "/invigilation", "/account"):
            answer = await staff.get(path)
            assert answer.status == 303
            assert answer.headers["Location"] == f"/account/password?next={path}"
        assert "一次性密码" in await (await staff.get("/account/password")).text()
        headers = {"Accept": "application/json"}
        assert (await staff.client.get("/invigilation/live", headers=headers)).status == 403
        answer = await staff.submit("/invigilation/notices", text="还有十分钟")
        assert answer.status == 403
        answer = await staff.submit("/account/password", old=password, new=NEW, again=NEW)
        assert answer.headers["Location"] == "/home"
        assert (await staff.get("/home")).status == 200


async def test_the_authority_resets_staff_of_its_own_province_only(world: World) -> None:
    authority = world.here.staff[Role.AUTHORITY]
    for target in (
        world.elsewhere.staff[Role.BODY].account_id,
        world.here.general.account_id,
        world.here.staff[Role.OPERATOR].account_id,
    ):
        with pytest.raises(NotFound):
            await reset(world, authority, target)
    with pytest.raises(Conflict):
        await reset(world, authority, authority.account_id)
    with pytest.raises(Forbidden):
        await reset(world, world.here.staff[Role.BODY], world.here.staff[Role.INSTITUTION].account_id)


async def reset(world: World, principal: Principal, account_id: UUID) -> str:
    async with world.database.tx() as tx:
        return await accounts.reset_staff(tx, world.clock, principal, account_id)


# Mobile number


async def test_a_new_mobile_number_is_bound_by_its_code_and_the_old_one_is_told(
    world: World, throttle: Buckets
) -> None:
    for mobile in ("13900001111", "139-0000-2222"):
        ticket = await accounts.ask_mobile_change(
            world.services, throttle, world.here.general, password=PASSWORD, mobile=mobile
        )
        code = re.search(r"\d{6}", (await messages(world))[-1][1])
        assert code
        with pytest.raises(Conflict):
            await accounts.change_mobile(world.services, world.here.simple, ticket, code=code[0])
        await accounts.change_mobile(world.services, world.here.general, ticket, code=code[0])
        world.clock.move(seconds=61)
    told = (await messages(world))[-1]
    assert told[0] == "13900001111"
    assert "改绑手机号139****2222" in told[1]
    own = await accounts.overview(world.services, world.here.general, b"")
    assert own.mobile == "139****2222"


async def test_a_new_mobile_number_takes_the_password(world: World, throttle: Buckets) -> None:
    with pytest.raises(Invalid, match="密码不正确"):
        await accounts.ask_mobile_change(
            world.services, throttle, world.here.general, password="wrong", mobile="13900001111"
        )
    assert await messages(world) == []


# Second factor


@pytest.fixture
def staff(world: World) -> Principal:
    return world.here.staff[Role.BODY]


async def set_up(world: World, throttle: Buckets, staff: Principal) -> tuple[pyotp.TOTP, list[str]]:
    """A phone with the secret in it, and the recovery codes."""
    await second_factor.begin(world.services, staff)
    standing = await second_factor.standing(world.services, staff)
    assert standing.pending
    phone = pyotp.parse_uri(standing.pending.uri)
    assert isinstance(phone, pyotp.TOTP)
    codes = await second_factor.confirm(
        world.services, throttle, staff, code=phone.at(world.clock.now()), password=PASSWORD
    )
    return phone, codes


async def first_step(world: World, throttle: Buckets) -> str:
    entrance = await accounts.login_staff(
        world.services, throttle, username="hunan-body", password=PASSWORD, address="192.0.2.1"
    )
    assert entrance.token is None
    assert entrance.ticket
    return entrance.ticket


async def second_step(world: World, throttle: Buckets, ticket: str, code: str) -> str:
    return await accounts.finish_staff_login(world.services, throttle, ticket=ticket, code=code)


async def test_with_a_second_factor_the_password_alone_opens_nothing(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    phone, _ = await set_up(world, throttle, staff)
    ticket = await first_step(world, throttle)
    assert await session_count(world, staff.account_id) == 0
    for wrong in ("", "12345", "abcdef", "１２３４５６"):
        with pytest.raises(Invalid):
            await second_step(world, throttle, ticket, wrong)
    world.clock.move(seconds=60)
    assert await second_step(world, throttle, ticket, phone.at(world.clock.now()))


async def test_a_code_is_not_taken_twice_nor_one_before_it(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    phone, _ = await set_up(world, throttle, staff)
    setting_up = phone.at(world.clock.now())
    with pytest.raises(Invalid):
        await second_step(world, throttle, await first_step(world, throttle), setting_up)
    world.clock.move(seconds=60)
    used, before = phone.at(world.clock.now()), off_by(phone, world, -1)
    await second_step(world, throttle, await first_step(world, throttle), used)
    for replayed in (used, before):
        with pytest.raises(Invalid, match="已经用过"):
            await second_step(world, throttle, await first_step(world, throttle), replayed)


async def test_a_phones_clock_may_be_half_a_minute_off_and_no_more(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    phone, _ = await set_up(world, throttle, staff)
    world.clock.move(minutes=5)
    for off in (-2, 2):
        ticket = await first_step(world, throttle)
        with pytest.raises(Invalid):
            await second_step(world, throttle, ticket, off_by(phone, world, off))
    for off in (-1, 0, 1):
        ticket = await first_step(world, throttle)
        assert await second_step(world, throttle, ticket, off_by(phone, world, off))


def off_by(phone: pyotp.TOTP, world: World, steps: int) -> str:
    """What a phone shows whose clock is wrong by so many half minutes."""
    return phone.at(world.clock.now() + steps * timedelta(seconds=30))


async def test_a_recovery_code_works_once_and_is_stored_hashed(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    _, codes = await set_up(world, throttle, staff)
    assert len(set(codes)) == 10
    spelt = codes[0].lower().replace("-", " ")
    assert await second_step(world, throttle, await first_step(world, throttle), spelt)
    with pytest.raises(Invalid):
        await second_step(world, throttle, await first_step(world, throttle), codes[0])
    async with world.database.tx() as tx:
        whole = await tx.fetch_value("SELECT string_agg(r::text, '') FROM recovery_code r")
    assert codes[1] not in whole
    assert (await second_factor.standing(world.services, staff)).recovery_codes == 9


async def test_the_second_step_is_throttled_and_ends_after_five_minutes(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    phone, _ = await set_up(world, throttle, staff)
    ticket = await first_step(world, throttle)
    world.clock.move(minutes=5)
    with pytest.raises(Conflict, match="超时"):
        await second_step(world, throttle, ticket, phone.at(world.clock.now()))
    ticket = await first_step(world, throttle)
    for _ in range(world.settings.login_tries):
        with pytest.raises(Invalid):
            await second_step(world, throttle, ticket, "000000")
    with pytest.raises(TooMany):
        await second_step(world, throttle, ticket, phone.at(world.clock.now()))


async def test_a_reset_by_the_authority_clears_the_second_factor(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    await set_up(world, throttle, staff)
    password = await one_time_password(world)
    entrance = await accounts.login_staff(
        world.services, throttle, username="hunan-body", password=password, address="192.0.2.1"
    )
    assert entrance.token


async def test_turning_it_off_takes_password_and_code(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    phone, _ = await set_up(world, throttle, staff)
    world.clock.move(seconds=60)
    code = phone.at(world.clock.now())
    with pytest.raises(Invalid):
        await second_factor.turn_off(world.services, throttle, staff, code=code, password="wrong")
    with pytest.raises(Invalid):
        await second_factor.turn_off(world.services, throttle, staff, code="000000", password=PASSWORD)
    await second_factor.turn_off(world.services, throttle, staff, code=code, password=PASSWORD)
    assert (await second_factor.standing(world.services, staff)).since is None


async def test_guessing_the_password_where_it_is_turned_off_is_throttled(
    world: World, throttle: Buckets, staff: Principal
) -> None:
    await set_up(world, throttle, staff)

    async def guess() -> None:
        await second_factor.turn_off(world.services, throttle, staff, code="000000", password="guess4you")

    for _ in range(world.settings.login_tries):
        with pytest.raises(Invalid):
            await guess()
    with pytest.raises(TooMany):
        await guess()


@pytest.fixture
async def strict_server(world: World, redis_client: Client) -> AsyncIterator[TestServer]:
    """The operator requires a second factor of staff."""
    world.settings = world.settings.model_copy(update={"staff_totp": "required"})
    async with serving(world) as server:
        yield server


async def test_where_it_is_required_staff_set_it_up_before_anything_else(
    world: World, strict_server: TestServer
) -> None:
    async with browsing(strict_server) as staff, browsing(strict_server) as physician:
        await staff.login_staff("hunan-body")
        answer = await staff.get("/home")
        assert (answer.status, answer.headers["Location"]) == (303, "/account/second-factor?next=/home")
        await staff.get("/account/second-factor")
        await staff.submit("/account/second-factor/begin")
        text = await (await staff.get("/account/second-factor")).text()
        assert "<svg" in text
        secret = re.search(r'totp-key">([A-Z2-7 ]+)<', text)[1].replace(" ", "")  # type: ignore[index]
        code = pyotp.TOTP(secret).at(world.clock.now())
        answer = await staff.submit("/account/second-factor/confirm", code=code, password=PASSWORD)
        assert len(re.findall(r"<li>[A-Z2-9]{5}-[A-Z2-9]{5}</li>", await answer.text())) == 10
        assert (await staff.get("/home")).status == 200
        await staff.submit("/logout")
        await second_step_on_the_page(staff, secret, world)
        await physician.login(world.here, world.here.general)
        assert (await physician.get("/home")).status == 200


async def second_step_on_the_page(staff: Browser, secret: str, world: World) -> None:
    world.clock.move(seconds=60)
    await staff.get("/staff/login")
    answer = await staff.submit("/staff/login", username="hunan-body", password=PASSWORD)
    assert answer.headers["Location"] == "/staff/login/code?next=/home"
    await staff.get("/staff/login/code")
    answer = await staff.submit("/staff/login/code", code="000000")
    assert answer.status == 422
    answer = await staff.submit("/staff/login/code", code=pyotp.TOTP(secret).at(world.clock.now()))
    assert answer.headers["Location"] == "/home"


async def test_where_it_is_off_nobody_is_asked(world: World, throttle: Buckets, staff: Principal) -> None:
    await set_up(world, throttle, staff)
    off = replace(world.services, settings=world.settings.model_copy(update={"staff_totp": "off"}))
    entrance = await accounts.login_staff(
        off, throttle, username="hunan-body", password=PASSWORD, address="192.0.2.1"
    )
    assert entrance.token


# Where the login leads to

ASKED_FOR = "/review?tab=all&sort=risk%20score"


def next_on(text: str) -> str:
    """What the form of a page carries on."""
    found = re.search(r'name="next" value="([^"]*)"', text)
    assert found
    return unescape(found[1])


async def led_to(browser: Browser, answer: ClientResponse, path: str) -> str:
    """Follow a redirect to the page of this path; what its form carries on."""
    assert answer.status == 303
    assert answer.headers["Location"].split("?")[0] == path
    page = await browser.get(answer.headers["Location"])
    assert page.status == 200
    return next_on(await page.text())


async def test_staff_come_back_to_the_page_they_asked_for_through_all_that_is_asked_before(
    world: World, strict_server: TestServer
) -> None:
    password = await one_time_password(world)
    async with browsing(strict_server) as staff:
        onwards = await led_to(staff, await staff.get(ASKED_FOR), "/staff/login")
        refused = await staff.submit(
            "/staff/login", username="hunan-body", password="wrong4you", next=onwards
        )
        assert next_on(await refused.text()) == ASKED_FOR
        answer = await staff.submit("/staff/login", username="hunan-body", password=password, next=onwards)
        assert answer.headers["Location"] == ASKED_FOR
        onwards = await led_to(staff, await staff.get(ASKED_FOR), "/account/password")
        refused = await staff.submit("/account/password", old="x", new=NEW, again=NEW, next=onwards)
        assert next_on(await refused.text()) == ASKED_FOR
        answer = await staff.submit("/account/password", old=password, new=NEW, again=NEW, next=onwards)
        assert answer.headers["Location"] == ASKED_FOR
        onwards = await led_to(staff, await staff.get(ASKED_FOR), "/account/second-factor")
        answer = await staff.submit("/account/second-factor/begin", next=onwards)
        text = await (await staff.get(answer.headers["Location"])).text()
        secret = re.search(r'totp-key">([A-Z2-7 ]+)<', text)[1].replace(" ", "")  # type: ignore[index]
        answer = await staff.submit(
            "/account/second-factor/confirm",
            code=pyotp.TOTP(secret).at(world.clock.now()),
            password=NEW,
            next=next_on(text),
        )
        assert f'href="{escape(ASKED_FOR)}"' in await answer.text()
        staff.client.session.cookie_jar.clear()
        world.clock.move(seconds=60)
        onwards = await led_to(staff, await staff.get(ASKED_FOR), "/staff/login")
        answer = await staff.submit("/staff/login", username="hunan-body", password=NEW, next=onwards)
        onwards = await led_to(staff, answer, "/staff/login/code")
        refused = await staff.submit("/staff/login/code", code="000000", next=onwards)
        assert next_on(await refused.text()) == ASKED_FOR
        code = pyotp.TOTP(secret).at(world.clock.now())
        answer = await staff.submit("/staff/login/code", code=code, next=onwards)
        assert answer.headers["Location"] == ASKED_FOR
        assert (await staff.get(ASKED_FOR)).status == 200


async def test_no_login_of_staff_leads_to_another_site(world: World, redis_client: Client) -> None:
    async with serving(world) as server, browsing(server) as staff:
        for address in ("https://evil.example/", "//evil.example", "/\\evil.example", "/\t/evil.example"):
            text = await (await staff.get("/staff/login", params={"next": address})).text()
            assert next_on(text) == "/home"
            answer = await staff.submit(
                "/staff/login", username="hunan-body", password=PASSWORD, next=address
            )
            assert answer.headers["Location"] == "/home"
            assert (await staff.get("/staff/login", params={"next": address})).headers["Location"] == "/home"
            text = await (await staff.get("/account/password", params={"next": address})).text()
            assert "evil" not in text
            text = await (await staff.get("/account/second-factor", params={"next": address})).text()
            assert "evil" not in text
            await staff.submit("/logout")
            await staff.get("/staff/login")


async def test_who_came_by_the_door_of_staff_is_shown_it_again_when_the_session_has_ended(
    world: World, redis_client: Client
) -> None:
    async with serving(world) as server, browsing(server) as browser:
        assert (await browser.get("/home")).headers["Location"] == "/login?next=/home"
        await browser.login_staff("hunan-body")
        world.clock.move(hours=9)
        assert (await browser.get("/home")).headers["Location"] == "/staff/login?next=/home"
        assert (await browser.get("/")).headers["Location"] == "/staff/login"
        assert (await browser.get("/papers")).headers["Location"] == "/login?next=/papers"
        await browser.login(world.here, world.here.general)
        world.clock.move(days=2)
        assert (await browser.get("/home")).headers["Location"] == "/login?next=/home"
        await browser.login_staff("hunan-body")
        await browser.submit("/logout")
        assert (await browser.get("/")).headers["Location"] == "/login"
