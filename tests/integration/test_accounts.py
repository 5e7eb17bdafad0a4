"""Login, sessions, throttling, consent and how identity numbers are kept, on real servers."""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie
from pathlib import Path

import pytest
from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import check_character, parse_identity_number
from exam_service.accounts.model import FACE_CONSENT_VERSION, Role
from exam_service.demo.people import identity_number
from exam_service.http.session import ANONYMOUS_COOKIE, FLASH_COOKIE, SESSION_COOKIE
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.queue.connection import Client
from exam_service.settings import Settings
from exam_service.storage.embedded import EmbeddedRedis
from tests.world import PASSWORD, Browser, World, browsing, contents, serving

pytestmark = pytest.mark.usefixtures("redis_client")

WRONG = "账号或密码不正确，请核对后重试。仍不能登录请联系所在机构的管理人员。"


@pytest.fixture
async def server(world: World) -> AsyncIterator[TestServer]:
    async with serving(world) as server:
        yield server


Another = Callable[[], Awaitable[Browser]]


@pytest.fixture
async def another(server: TestServer) -> AsyncIterator[Another]:
    """Makes browsers that share no cookie; closed at the end, for closing a client closes its server."""
    async with AsyncExitStack() as stack:

        async def make() -> Browser:
            return await stack.enter_async_context(browsing(server))

        yield make


@pytest.fixture
async def browser(another: Another) -> Browser:
    """A visitor on the login page."""
    browser = await another()
    await browser.get("/login")
    return browser


async def login(
    browser: Browser, number: str, password: str = PASSWORD, province: str = "hunan", **more: str
) -> ClientResponse:
    return await browser.submit("/login", province=province, number=number, password=password, **more)


def cookie(answer: ClientResponse, name: str) -> Morsel[str]:
    """The cookie that an answer sets, with its attributes."""
    jar: SimpleCookie = SimpleCookie()
    for header in answer.headers.getall("Set-Cookie", []):
        jar.load(header)
    return jar[name]


def jar_of(browser: Browser) -> dict[str, str]:
    return {cookie.key: cookie.value for cookie in browser.client.session.cookie_jar}


async def is_logged_in(browser: Browser) -> bool:
    answer = await browser.get("/home")
    assert answer.status in {200, 303}
    return answer.status == 200


def short(number: str) -> str:
    """The 15 digits that an old card of the same person has."""
    return number[:6] + number[8:17]


def alerts(text: str) -> list[str]:
    """What the page's alerts say."""
    found = re.findall(r'role="alert"[^>]*>(.*?)</div>', text, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", alert).strip() for alert in found]


# Login


async def test_15_and_18_digits_are_one_person(browser: Browser, world: World) -> None:
    number = world.here.number_of(world.here.general)
    for written in (number, short(number), f" {number[:6]} {number[6:]} "):
        answer = await login(browser, written)
        assert answer.status == 303, written
        assert "医师1" in await (await browser.get("/home")).text()
    async with world.database.tx() as tx:
        owners = await tx.fetch("SELECT DISTINCT account_id FROM session")
    assert [row["account_id"] for row in owners] == [world.here.general.account_id]


async def test_a_check_character_x_may_be_small_or_full_width(browser: Browser, world: World) -> None:
    first_17 = next(
        digits
        for digits in (f"43000019800101{serial:03}" for serial in range(100))
        if check_character(digits) == "X"
    )
    async with world.database.tx() as tx:
        await accounts.add_physician(
            tx,
            world.clock,
            world.settings,
            world.vault,
            province_id="hunan",
            name="末位X",
            number=first_17 + "x",
            password_hash=await accounts.hash_password(PASSWORD),
        )
    for last in ("x", "X", "Ｘ", "ｘ"):
        answer = await login(browser, first_17 + last)
        assert answer.status == 303, last
        await browser.get("/home")
    assert (await login(browser, short(first_17))).status == 303, "fifteen digits have no check character"


async def test_the_same_person_twice_in_a_province_is_refused(world: World) -> None:
    with pytest.raises(Exception, match="account_province_id_document_hash_key"):
        async with world.database.tx() as tx:
            await accounts.add_physician(
                tx,
                world.clock,
                world.settings,
                world.vault,
                province_id="hunan",
                name="又一个",
                number=short(world.here.number_of(world.here.general)),
                password_hash=None,
            )


async def test_a_login_that_fails_shows_one_sentence_keeps_the_number_and_not_the_password(
    browser: Browser,
) -> None:
    for number, password, sentence in (
        (identity_number("hunan", 1), "wrong-password", WRONG),
        (identity_number("hunan", 99), PASSWORD, WRONG),
        ("43000019700102", PASSWORD, "身份证号应为15位或18位"),
        (identity_number("hunan", 1)[:17] + "?", PASSWORD, "身份证号应为15位或18位"),
        (identity_number("hunan", 1)[:17] + "9", PASSWORD, "身份证号有误：最后一位校验码不符"),
        ("430000197013990", PASSWORD, "身份证号中的出生日期不存在"),
        ("", PASSWORD, "身份证号应为15位或18位"),
        ("<script>alert(1)</script>", PASSWORD, "身份证号应为15位或18位"),
    ):
        answer = await login(browser, number, password)
        text = await answer.text()
        assert answer.status == 422, number
        assert "医师登录" in text
        (said,) = alerts(text)
        assert said.startswith(sentence)
        assert password not in text
        assert f'value="{number.replace("<", "&lt;").replace(">", "&gt;")}"' in text
        assert SESSION_COOKIE not in jar_of(browser)


async def test_wrong_password_and_unknown_person_look_the_same(browser: Browser) -> None:
    known, unknown = identity_number("hunan", 1), identity_number("hunan", 99)
    pages = [
        (await (await login(browser, number, "wrong-password")).text()).replace(number, "")
        for number in (known, unknown)
    ]
    assert pages[0] == pages[1]


async def test_the_number_of_another_province_is_unknown_here(browser: Browser, world: World) -> None:
    number = world.elsewhere.number_of(world.elsewhere.general)
    assert (await login(browser, number)).status == 422
    assert (await login(browser, number, province="henan")).status == 303


async def test_an_account_without_a_password_cannot_be_entered(browser: Browser, world: World) -> None:
    number = identity_number("hunan", 50)
    async with world.database.tx() as tx:
        await accounts.add_physician(
            tx,
            world.clock,
            world.settings,
            world.vault,
            province_id="hunan",
            name="未开通",
            number=number,
            password_hash=None,
        )
    for password in ("", "None", PASSWORD):
        answer = await login(browser, number, password)
        assert (answer.status, alerts(await answer.text())) == (422, [WRONG])


async def test_staff_log_in_by_user_name_and_physicians_not(browser: Browser, world: World) -> None:
    for username, password in (("hunan-body", "wrong"), ("nobody", PASSWORD), ("", "")):
        await browser.get("/staff/login")
        answer = await browser.submit("/staff/login", username=username, password=password)
        text = await answer.text()
        assert (answer.status, alerts(text)) == (422, [WRONG])
        assert f'value="{username}"' in text
    answer = await browser.submit("/staff/login", username=" HUNAN-Body ", password=PASSWORD)
    assert answer.status == 303
    assert "body人员" in await (await browser.get("/home")).text()


async def test_a_disabled_account_is_out_at_once_and_cannot_come_back(browser: Browser, world: World) -> None:
    number = world.here.number_of(world.here.general)
    await login(browser, number)
    assert await is_logged_in(browser)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE account SET disabled_at = $2 WHERE id = $1",
            world.here.general.account_id,
            world.clock.now(),
        )
    assert not await is_logged_in(browser)
    await browser.get("/login")
    answer = await login(browser, number)
    assert (answer.status, alerts(await answer.text())) == (422, [WRONG])


async def test_a_crafted_login_is_refused_not_broken(browser: Browser) -> None:
    number = identity_number("hunan", 1)
    refused = {
        what: (await browser.submit(path, **fields)).status
        for what, path, fields in (
            ("NUL in the province", "/login", {"province": "hu\0nan", "number": number, "password": "x"}),
            ("NUL in the number", "/login", {"province": "hunan", "number": "4300\0", "password": "x"}),
            ("NUL in the password", "/login", {"province": "hunan", "number": number, "password": "a\0b"}),
            ("long province", "/login", {"province": "x" * 5000, "number": number, "password": "x"}),
            ("nothing", "/login", {}),
            ("NUL in the user name", "/staff/login", {"username": "hunan\0body", "password": "x"}),
            ("everything long", "/staff/login", {"username": "x" * 100_000, "password": "x" * 100_000}),
            ("nothing, of staff", "/staff/login", {}),
        )
    }
    assert refused == dict.fromkeys(refused, 422)


async def test_a_file_in_place_of_the_password_is_refused_not_broken(browser: Browser) -> None:
    form = FormData()
    form.add_field("csrf_token", browser.csrf)
    form.add_field("province", "hunan")
    form.add_field("number", identity_number("hunan", 1))
    form.add_field("password", b"x", filename="password.txt")
    answer = await browser.client.post("/login", data=form, allow_redirects=False)
    assert answer.status == 422


# The session and its cookie


async def test_the_session_cookie_is_for_this_host_and_no_script(browser: Browser, world: World) -> None:
    answer = await login(browser, world.here.number_of(world.here.general))
    session = cookie(answer, SESSION_COOKIE)
    assert SESSION_COOKIE.startswith("__Host-")
    assert session["secure"]
    assert session["httponly"]
    assert session["samesite"] in {"Lax", "Strict"}
    assert session["path"] == "/"
    assert not session["domain"]
    assert not session["max-age"]
    assert not session["expires"]
    assert len(base64.urlsafe_b64decode(session.value + "==")) * 8 >= 128


async def test_the_other_cookies_are_as_closed(server: TestServer) -> None:
    async with browsing(server) as fresh:
        first = await fresh.get("/login")
        await fresh.login_staff("hunan-body")
        out = await fresh.submit("/logout")
        for answer, name in ((first, ANONYMOUS_COOKIE), (out, FLASH_COOKIE), (out, SESSION_COOKIE)):
            found = cookie(answer, name)
            assert name.startswith("__Host-")
            assert (found["path"], bool(found["secure"]), bool(found["httponly"])) == ("/", True, True), name
            assert found["samesite"] in {"Lax", "Strict"}
            assert not found["domain"]


async def test_only_a_hash_of_the_token_is_stored(browser: Browser, world: World) -> None:
    answer = await login(browser, world.here.number_of(world.here.general))
    token = cookie(answer, SESSION_COOKIE).value
    async with world.database.tx() as tx:
        stored = await tx.fetch("SELECT token_hash, s::text AS whole FROM session s")
    assert len(stored) == 1
    assert len(stored[0]["token_hash"]) == 32
    assert token.encode().hex() not in stored[0]["whole"]
    assert token not in stored[0]["whole"]


async def test_login_makes_a_new_session_and_ends_the_one_before(
    browser: Browser, another: Another, world: World
) -> None:
    """Session fixation: what the browser had before the login is worth nothing after it."""
    number = world.here.number_of(world.here.general)
    planted = "planted-by-somebody-else-planted-by-somebody"
    browser.client.session.cookie_jar.update_cookies({SESSION_COOKIE: planted}, browser.client.make_url("/"))
    await browser.get("/login")
    first = cookie(await login(browser, number), SESSION_COOKIE).value
    assert first != planted
    await browser.get("/home")
    second = cookie(await login(browser, number), SESSION_COOKIE).value
    assert second != first
    for dead in (planted, first):
        headers = {"Cookie": f"{SESSION_COOKIE}={dead}"}
        thief = await another()
        assert (await thief.get("/home", headers=headers)).status == 303
    assert await is_logged_in(browser)


async def test_logout_ends_the_session_not_only_the_cookie(
    browser: Browser, another: Another, world: World
) -> None:
    token = cookie(await login(browser, world.here.number_of(world.here.general)), SESSION_COOKIE).value
    await browser.get("/home")
    answer = await browser.submit("/logout")
    assert (answer.status, answer.headers["Location"]) == (303, "/login")
    assert SESSION_COOKIE not in jar_of(browser)
    thief = await another()
    assert (await thief.get("/home", headers={"Cookie": f"{SESSION_COOKIE}={token}"})).status == 303
    assert "您已安全退出" in await (await browser.get("/login")).text()


async def test_logout_ends_this_session_and_not_the_one_on_the_other_device(
    browser: Browser, another: Another, world: World
) -> None:
    phone = await another()
    await browser.login(world.here, world.here.general)
    await phone.login(world.here, world.here.general)
    await browser.submit("/logout")
    assert await is_logged_in(phone)
    assert not await is_logged_in(browser)


async def test_a_session_ends_when_it_is_idle_too_long(another: Another, world: World) -> None:
    for role in Role:
        principal = world.here.general if role is Role.PHYSICIAN else world.here.staff[role]
        idle = timedelta(hours=4) if role is Role.PHYSICIAN else timedelta(minutes=15)
        browser = await another()
        await browser.login(world.here, principal)
        for _ in range(2):
            world.clock.move(seconds=idle.total_seconds() - 1)
            assert await is_logged_in(browser), role
        world.clock.move(seconds=idle.total_seconds())
        assert not await is_logged_in(browser), role
        world.clock.move(seconds=-60)
        assert not await is_logged_in(browser), "a session that ended stays ended"


async def test_a_session_ends_after_its_whole_time_however_busy(another: Another, world: World) -> None:
    for role in Role:
        principal = world.here.general if role is Role.PHYSICIAN else world.here.staff[role]
        whole = timedelta(hours=24 if role is Role.PHYSICIAN else 8)
        step = timedelta(minutes=200 if role is Role.PHYSICIAN else 14)
        browser = await another()
        await browser.login(world.here, principal)
        began = world.clock.now()
        while world.clock.now() + step < began + whole:
            world.clock.move(seconds=step.total_seconds())
            assert await is_logged_in(browser), role
        world.clock.move(seconds=(began + whole - world.clock.now()).total_seconds())
        assert not await is_logged_in(browser), role


async def test_ended_sessions_are_forgotten_and_living_ones_are_not(
    browser: Browser, another: Another, world: World
) -> None:
    staff = await another()
    await staff.login(world.here, world.here.staff[Role.BODY])
    world.clock.move(hours=7)
    await browser.login(world.here, world.here.general)
    world.clock.move(hours=1, seconds=1)
    await accounts.forget_ended_sessions(world.database, world.clock.now())
    async with world.database.tx() as tx:
        left = await tx.fetch("SELECT account_id FROM session")
    assert [row["account_id"] for row in left] == [world.here.general.account_id]
    assert await is_logged_in(browser)


async def test_a_password_of_older_parameters_is_renewed_at_login(
    browser: Browser, world: World, real_hashes: None
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE account SET password_hash = $2 WHERE id = $1", world.here.general.account_id, weak
        )
    await browser.login(world.here, world.here.general)
    async with world.database.tx() as tx:
        renewed = await tx.fetch_value(
            "SELECT password_hash FROM account WHERE id = $1", world.here.general.account_id
        )
    assert extract_parameters(renewed).memory_cost >= 19_456


# Where login leads


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "/%5cevil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    " //evil.example",
    "///evil.example",
    "evil.example",
    "/home\r\nSet-Cookie: a=b",
    "http://[",
    "",
)


async def test_login_never_leads_to_another_site(browser: Browser, another: Another, world: World) -> None:
    number = world.here.number_of(world.here.general)
    home = {"/home", "/%5Cevil.example", "/%5cevil.example"}  # an encoded backslash is a path like any other
    fresh = await another()
    for target in ELSEWHERE:
        shown = await browser.get("/login", params={"next": target})
        if shown.status == 303:  # logged in since the first turn
            assert shown.headers["Location"] in home, target
        answer = await login(browser, number, next=target)
        assert (answer.status, len(answer.headers.getall("Location"))) == (303, 1)
        assert answer.headers["Location"] in home, target
        await browser.get("/consent", params={"next": target})
        consented = await browser.submit("/consent", version=FACE_CONSENT_VERSION, next=target)
        assert consented.headers["Location"] in home - {"/home"} | {"/papers"}, target
        text = await (await fresh.get("/login", params={"next": target})).text()
        assert re.findall(r'name="next" value="([^"]*)"', text) in [["/home"], ["/%5cevil.example"]], target


async def test_login_leads_back_to_the_page_that_was_asked_for(browser: Browser, world: World) -> None:
    asked = await browser.get("/papers/humanities/notice?from=a&b=c")
    assert asked.status == 303
    text = await (await browser.get(asked.headers["Location"])).text()
    (hidden,) = re.findall(r'name="next" value="([^"]*)"', text)
    wanted = hidden.replace("&amp;", "&")
    assert wanted == "/papers/humanities/notice?from=a&b=c"
    answer = await login(browser, world.here.number_of(world.here.general), next=wanted)
    assert answer.headers["Location"] == wanted


# Redis away, and throttling


async def test_a_login_survives_an_emptied_redis(
    browser: Browser, world: World, redis_client: Client
) -> None:
    await browser.login(world.here, world.here.general)
    await redis_client.flushall()
    assert await is_logged_in(browser)


async def test_login_and_its_throttle_work_without_redis(world: World, tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path / "redis")
    redis.start()
    world.settings = world.settings.model_copy(update={"redis_url": redis.url, "login_tries": 3})
    try:
        async with serving(world) as server, browsing(server) as early, browsing(server) as late:
            await early.login(world.here, world.here.general)
            redis.stop()
            assert await is_logged_in(early)
            await late.get("/login")
            number = world.here.number_of(world.here.simple)
            assert (await login(late, number)).status == 303
            other = world.here.number_of(world.here.physicians[2])
            await late.get("/home")
            answers = [(await login(late, other, "wrong")).status for _ in range(4)]
            assert answers == [422, 422, 422, 429]
            assert (await login(late, other)).status == 429
    finally:
        redis.stop()


def behind_proxy(settings: Settings, **more: object) -> Settings:
    return settings.model_copy(update={"behind_proxy": True, **more})


async def from_address(browser: Browser, number: str, password: str, address: str) -> ClientResponse:
    return await browser.client.post(
        "/login",
        data={"csrf_token": browser.csrf, "province": "hunan", "number": number, "password": password},
        headers={"X-Forwarded-For": address},
        allow_redirects=False,
    )


async def test_too_many_failures_wait_and_only_where_they_came_from(world: World) -> None:
    world.settings = behind_proxy(world.settings, login_tries=4)
    number = world.here.number_of(world.here.general)
    async with serving(world) as server, browsing(server) as browser:
        await browser.get("/login")
        for _ in range(4):
            assert (await from_address(browser, number, "wrong", "10.0.0.1")).status == 422
        answer = await from_address(browser, number, PASSWORD, "10.0.0.1")
        text = await answer.text()
        assert answer.status == 429
        assert alerts(text)[0].startswith("登录尝试次数过多")
        assert f'value="{number}"' in text
        assert PASSWORD not in text
        other = world.here.number_of(world.here.simple)
        assert (await from_address(browser, other, PASSWORD, "10.0.0.1")).status == 303
        await browser.get("/home")
        # What the client writes in front of the proxy's word changes nothing, in either direction.
        spoofed = await from_address(browser, number, PASSWORD, "10.9.9.9, 10.0.0.1")
        assert spoofed.status == 429
        assert (await from_address(browser, number, PASSWORD, "10.0.0.1, 10.0.0.2")).status == 303


async def test_a_throttled_login_says_when_to_come_back(world: World) -> None:
    world.settings = world.settings.model_copy(update={"login_tries": 1})
    async with serving(world) as server, browsing(server) as browser:
        await browser.get("/login")
        await login(browser, identity_number("hunan", 1), "wrong")
        physician = await login(browser, identity_number("hunan", 1), "wrong")
        await browser.submit("/staff/login", username="hunan-body", password="wrong")
        staff = await browser.submit("/staff/login", username="hunan-body", password="wrong")
        for answer in (physician, staff):
            assert answer.status == 429
            assert 0 < int(answer.headers["Retry-After"]) <= 900


async def test_without_a_proxy_nobody_names_their_own_address(world: World) -> None:
    world.settings = world.settings.model_copy(update={"login_tries": 2})
    number = world.here.number_of(world.here.general)
    async with serving(world) as server, browsing(server) as browser:
        await browser.get("/login")
        answers = [
            (await from_address(browser, number, "wrong", f"10.0.0.{turn}")).status for turn in range(4)
        ]
    assert answers == [422, 422, 429, 429]


async def test_one_address_can_try_only_so_many_accounts(world: World) -> None:
    world.settings = behind_proxy(world.settings, login_tries_per_address=5)
    async with serving(world) as server, browsing(server) as browser:
        await browser.get("/login")
        answers = [
            (await from_address(browser, identity_number("hunan", 60 + turn), "wrong", "10.0.0.1")).status
            for turn in range(7)
        ]
        assert answers == [422] * 5 + [429] * 2
        number = world.here.number_of(world.here.general)
        assert (await from_address(browser, number, PASSWORD, "10.0.0.2")).status == 303


async def test_many_addresses_together_cannot_guess_one_password_for_ever(world: World) -> None:
    world.settings = behind_proxy(world.settings, login_tries=2)
    number = world.here.number_of(world.here.general)
    async with serving(world) as server, browsing(server) as browser:
        await browser.get("/login")
        answers = [
            (await from_address(browser, number, "wrong", f"10.0.{turn}.1")).status for turn in range(12)
        ]
    assert answers == [422] * 10 + [429] * 2


async def test_a_success_forgets_the_failures_before_it(world: World) -> None:
    world.settings = world.settings.model_copy(update={"login_tries": 3})
    number = world.here.number_of(world.here.general)
    async with serving(world) as server, browsing(server) as browser:
        await browser.get("/login")
        for _ in range(3):
            await login(browser, number, "wrong")
            await login(browser, number, "wrong")
            assert (await login(browser, number)).status == 303
            await browser.get("/home")


# Consent


async def test_consent_is_given_once_and_withdrawn(browser: Browser, world: World) -> None:
    general = world.here.general
    await browser.login(world.here, general)
    page = await (await browser.get("/consent?next=/papers")).text()
    assert FACE_CONSENT_VERSION in page
    for _ in range(2):
        given = await browser.submit("/consent", version=FACE_CONSENT_VERSION, next="/papers")
        assert (given.status, given.headers["Location"]) == (303, "/papers")
    async with world.database.tx() as tx:
        assert await accounts.has_face_consent(tx, general.account_id)
        rows = await tx.fetch("SELECT version, given_at, withdrawn_at, province_id FROM consent")
    assert [tuple(row.values()) for row in rows] == [(FACE_CONSENT_VERSION, world.clock.now(), None, "hunan")]
    world.clock.move(minutes=1)
    withdrawn = await browser.submit("/consent/withdraw")
    assert (withdrawn.status, withdrawn.headers["Location"]) == (303, "/home")
    assert "已撤回" in await (await browser.get("/home")).text()
    async with world.database.tx() as tx:
        assert not await accounts.has_face_consent(tx, general.account_id)
        assert await tx.fetch_value("SELECT withdrawn_at FROM consent") == world.clock.now()
        actions = await tx.fetch("SELECT action FROM audit_entry WHERE action LIKE 'consent.%' ORDER BY id")
    assert [row["action"] for row in actions][-1] == "consent.withdrawn"
    await browser.submit("/consent", version=FACE_CONSENT_VERSION)
    async with world.database.tx() as tx:
        assert await accounts.has_face_consent(tx, general.account_id)


async def test_consent_to_a_text_that_was_renewed_must_be_read_again(browser: Browser, world: World) -> None:
    await browser.login(world.here, world.here.general)
    before = await contents(world.database)
    for version in ("face-2025-1", "", "FACE-2026-1"):
        answer = await browser.submit("/consent", version=version)
        assert answer.status == 409
        assert "已更新" in await answer.text()
        assert await contents(world.database) == before


async def test_an_old_consent_does_not_count_and_a_new_one_takes_its_place(
    browser: Browser, world: World
) -> None:
    """Somebody who consented to last year's text reads and accepts this year's."""
    general = world.here.general
    async with world.database.tx() as tx:
        await tx.execute(
            "INSERT INTO consent (id, province_id, account_id, purpose, version, given_at) "
            "VALUES ($1, 'hunan', $2, 'face', 'face-2025-1', $3)",
            new_id(),
            general.account_id,
            world.clock.now() - timedelta(days=300),
        )
        assert not await accounts.has_face_consent(tx, general.account_id)
    await browser.login(world.here, general)
    assert (await browser.submit("/consent", version=FACE_CONSENT_VERSION)).status == 303
    async with world.database.tx() as tx:
        assert await accounts.has_face_consent(tx, general.account_id)


async def test_the_identity_check_waits_for_consent(browser: Browser, world: World) -> None:
    attempt = await world.start(world.here.general)
    await browser.login(world.here, world.here.general)
    first = await browser.get(f"/attempts/{attempt.id}/check")
    assert first.headers["Location"] == f"/consent?next=/attempts/{attempt.id}/check"
    await world.consent(world.here.general)
    assert (await browser.get(f"/attempts/{attempt.id}/check")).status == 200
    await browser.submit("/consent/withdraw")
    assert (await browser.get(f"/attempts/{attempt.id}/check")).status == 303


# Homes


async def test_a_physician_whom_no_cycle_has_sees_a_home_that_says_so(browser: Browser, world: World) -> None:
    number = identity_number("hunan", 70)
    async with world.database.tx() as tx:
        await accounts.add_physician(
            tx,
            world.clock,
            world.settings,
            world.vault,
            province_id="hunan",
            name="未纳入",
            number=number,
            password_hash=await accounts.hash_password(PASSWORD),
        )
    await login(browser, number)
    for path in ("/home", "/papers", "/practice"):
        answer = await browser.get(path)
        assert answer.status == 200, path
    text = await (await browser.get("/home")).text()
    assert "未开通报名，请联系医疗卫生机构" in text


# What is stored


async def test_no_table_holds_an_identity_number(browser: Browser, world: World) -> None:
    """Not in text, not in the bytes of a bytea, not in base64; look-ups go by a keyed hash."""
    await browser.login(world.here, world.here.general)
    await login(browser, world.here.number_of(world.here.general), "wrong")
    paper = await world.open(world.here.general)
    await papers.hand_in(world.services, world.here.general, paper.attempt.id, paper.attempt.lease_epoch)
    await browser.login_staff("hunan-body")
    await browser.get("/review?tab=all")
    await browser.get(f"/review/{paper.attempt.id}")
    dump = await dumped(world)
    assert "医师1" in dump, "the dump must hold what is stored plainly"
    for principal in world.here.physicians:
        number = world.here.number_of(principal)
        for form in (number, short(number)):
            for place in found(form, dump):
                pytest.fail(f"{form} is stored plainly as {place}")


async def dumped(world: World) -> str:
    """Every row of every table as text; bytea columns come as hexadecimal digits."""
    rows: list[str] = []
    async with world.database.tx() as tx:
        tables = await tx.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert len(tables) > 15
        for table in tables:
            found = await tx.fetch(f'SELECT t::text AS row FROM "{table["tablename"]}" t')
            rows.extend(row["row"] for row in found)
    return "\n".join(rows)


def found(secret: str, dump: str) -> list[str]:
    """How a text is found in a dump: plainly, in hexadecimal, or in base64 at any of three offsets."""
    forms = {"text": secret, "hex": secret.encode().hex(), "reversed": secret[::-1]}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
        forms[f"base64 at {offset}"] = encoded[4 if offset else 0 : -4]
        hexed = encoded[4 if offset else 0 : -4].encode().hex()
        forms[f"base64 at {offset} in hex"] = hexed
    return [name for name, form in forms.items() if form.lower() in dump.lower()]


def test_the_search_finds_a_number_however_it_is_written() -> None:
    number = identity_number("hunan", 1)
    assert found(number, f"(1,{number},2)") == ["text"]
    assert found(number, f"\\x00{number.encode().hex()}00") == ["hex"]
    for before in range(4):
        assert found(number, base64.b64encode(b"x" * before + number.encode() + b"yz").decode())


async def test_the_sealed_number_opens_for_its_own_row_only(world: World) -> None:
    general, simple = world.here.general, world.here.simple
    async with world.database.tx() as tx:
        opened = await accounts.identity_number_of(tx, world.vault, general.account_id, "hunan")
        assert opened == world.here.number_of(general)
        assert await accounts.identity_number_of(tx, world.vault, general.account_id, "henan") is None
        await tx.execute(
            "UPDATE account SET document = (SELECT document FROM account WHERE id = $1) WHERE id = $2",
            general.account_id,
            simple.account_id,
        )
        with pytest.raises(ValueError, match="altered, or sealed for another row"):
            await accounts.identity_number_of(tx, world.vault, simple.account_id, "hunan")


async def test_the_same_number_has_another_hash_under_another_key(world: World) -> None:
    number = parse_identity_number(world.here.number_of(world.here.general))
    other_key = base64.b64encode(b"another key, of thirty-two bytes").decode()
    other = Settings(**(world.settings.model_dump() | {"lookup_key": other_key}))
    async with world.database.tx() as tx:
        stored = await tx.fetch_value(
            "SELECT document_hash FROM account WHERE id = $1", world.here.general.account_id
        )
    assert stored == accounts.document_hash(world.settings, number)
    assert stored != accounts.document_hash(other, number)
    assert len(stored) == 32


async def test_passwords_are_argon2id_of_19_mib_and_two_passes(world: World, real_hashes: None) -> None:
    account_id = (await world.newcomer()).account_id
    async with world.database.tx() as tx:
        stored = await tx.fetch_value("SELECT password_hash FROM account WHERE id = $1", account_id)
    parameters = extract_parameters(stored)
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    assert parameters.salt_len >= 16
    assert PASSWORD not in await dumped(world)


async def test_the_log_carries_no_identity_number(
    browser: Browser, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    number = world.here.number_of(world.here.general)
    await login(browser, number, "wrong")
    await login(browser, number)
    await browser.get("/home")
    for form in (number, short(number), PASSWORD):
        assert form not in caplog.text
