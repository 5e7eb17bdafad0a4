"""Ways to an account: a code to the mobile, a printed slip, registration; what follows a lost password."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import CODE_TRIES, CODES_A_DAY, Principal, Role
from exam_service.demo.people import identity_number
from exam_service.errors import Conflict, Forbidden, Invalid, NotFound, TooMany
from exam_service.organisations import usecases as organisations
from exam_service.queue.buckets import Buckets
from exam_service.queue.connection import Client
from exam_service.sms.sender import Post
from tests.world import PASSWORD, Browser, World, browsing, serving

NAME, MOBILE, NEW = "阿依古丽·买买提", "13900001111", "sunny7days"
NUMBER = identity_number("hunan", 40)


@pytest.fixture
def throttle(redis_client: Client) -> Buckets:
    return Buckets(redis_client)


@pytest.fixture
async def newcomer(world: World) -> UUID:
    """On the roster, with a mobile number."""
    return await enrol(world, 40, mobile=MOBILE)


async def enrol(world: World, index: int, mobile: str | None = None) -> UUID:
    async with world.database.tx() as tx:
        return await accounts.add_physician(
            tx,
            world.clock,
            world.settings,
            world.vault,
            province_id="hunan",
            name=NAME,
            number=identity_number("hunan", index),
            password_hash=None,
            mobile=mobile,
        )


def claim(**changes: str) -> accounts.Claim:
    usual = {"province_id": "hunan", "document_type": "identity_card"}
    return accounts.Claim(**usual | {"number": NUMBER, "name": NAME, "mobile": MOBILE} | changes)


async def sent(world: World) -> list[tuple[str, str]]:
    """Number and text of what was sent, the oldest first."""
    await world.services.post.settle()
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT mobile, text FROM sms_outbox ORDER BY id")
    return [(row["mobile"], row["text"]) for row in rows]


async def last_code(world: World) -> str:
    _, text = (await sent(world))[-1]
    found = re.search(r"\d{6}", text)
    assert found, text
    return found[0]


async def ask(world: World, throttle: Buckets, **changes: str) -> str:
    return await accounts.ask_activation_code(world.services, throttle, claim(**changes), address="192.0.2.1")


async def activate(world: World, throttle: Buckets, ticket: str, code: str, new: str = NEW) -> str:
    return await accounts.activate(
        world.services, throttle, ticket, code=code, new=new, again=new, address="192.0.2.1"
    )


async def log_in(world: World, throttle: Buckets, password: str, number: str = NUMBER) -> str:
    return await accounts.login_physician(
        world.services,
        throttle,
        province_id="hunan",
        number=number,
        password=password,
        address="192.0.2.1",
    )


async def slip_for(world: World, account_id: UUID) -> str:
    async with world.database.tx() as tx:
        return await accounts.print_slip(
            tx,
            world.clock,
            account_id=account_id,
            province_id="hunan",
            institution_id=world.here.institution_id,
            printed_by=world.here.staff[Role.INSTITUTION].account_id,
        )


async def show(world: World, throttle: Buckets, token: str, **changes: str) -> str:
    shown = {"document_type": "identity_card", "number": NUMBER, "name": NAME, "mobile": MOBILE}
    return await accounts.show_slip(
        world.services, throttle, token=token, address="192.0.2.1", **shown | changes
    )


async def by_slip(world: World, throttle: Buckets, ticket: str, code: str = "") -> str | None:
    return await accounts.activate_by_slip(
        world.services, throttle, ticket, code=code, new=NEW, again=NEW, address="192.0.2.1"
    )


async def account(world: World, account_id: UUID) -> dict[str, object]:
    async with world.database.tx() as tx:
        row = await tx.fetch_optional("SELECT * FROM account WHERE id = $1", account_id)
        assert row is not None
        return dict(row)


async def actions(world: World, account_id: UUID) -> list[str]:
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT action FROM audit_entry WHERE subject_id = $1 ORDER BY id", account_id)
    return [row["action"] for row in rows]


# By a code


async def test_number_name_and_code_activate_the_account_and_bind_the_mobile(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    spelt = {"name": " 阿依古丽•买买提 ", "number": NUMBER[:6] + NUMBER[8:17]}
    ticket = await ask(world, throttle, **spelt)
    token = await activate(world, throttle, ticket, await last_code(world))
    assert token
    row = await account(world, newcomer)
    assert row["mobile_bound_at"] == world.clock.now()
    assert MOBILE.encode() not in bytes(row["mobile"]), "sealed"  # type: ignore[arg-type]
    assert await log_in(world, throttle, NEW)
    assert await actions(world, newcomer) == ["account.activated", "account.logged_in", "account.logged_in"]


async def test_the_code_goes_to_the_number_of_the_roster_and_to_no_other(
    world: World, throttle: Buckets
) -> None:
    account_id = await enrol(world, 40, mobile="139 0000 2222")
    ticket = await ask(world, throttle)
    assert [mobile for mobile, _ in await sent(world)] == ["13900002222"]
    await activate(world, throttle, ticket, await last_code(world))
    own = await accounts.overview(
        world.services, Principal(account_id, Role.PHYSICIAN, "hunan", NAME, None, None), b""
    )
    assert own.mobile == "139****2222"


async def test_who_has_no_number_in_the_roster_needs_a_slip(
    world: World, throttle: Buckets, another: Another
) -> None:
    """Whoever knows number and name could be first; the answers are those of somebody unknown."""
    account_id = await enrol(world, 40)
    ticket = await ask(world, throttle)
    assert await sent(world) == []
    with pytest.raises(Invalid, match="还可以再试4次"):
        await activate(world, throttle, ticket, "123456")
    with pytest.raises(TooMany, match="60秒后"):
        await ask(world, throttle)
    assert (await account(world, account_id))["password_hash"] is None
    ticket = await show(world, throttle, await slip_for(world, account_id))
    assert await by_slip(world, throttle, ticket, await last_code(world))
    assert (await account(world, account_id))["mobile_bound_at"] == world.clock.now()


async def test_where_the_province_wants_it_a_number_that_the_roster_lacks_is_bound(
    world: World, throttle: Buckets
) -> None:
    await set_entry(world, unlisted_mobile=True)
    account_id = await enrol(world, 40)
    ticket = await ask(world, throttle)
    assert [mobile for mobile, _ in await sent(world)] == [MOBILE]
    assert await activate(world, throttle, ticket, await last_code(world))
    assert (await account(world, account_id))["mobile_bound_at"] == world.clock.now()
    assert await log_in(world, throttle, NEW)


@pytest.mark.parametrize("listed", [None, "13700009999"])
async def test_a_code_to_a_number_that_became_wrong_meanwhile_opens_nothing(
    world: World, throttle: Buckets, listed: str | None
) -> None:
    """The roster was corrected, or the province's setting changed, since it was sent."""
    await set_entry(world, unlisted_mobile=True)
    account_id = await enrol(world, 40, mobile=listed)
    ticket = await ask(world, throttle)
    if listed is None:
        await set_entry(world, unlisted_mobile=False)
    else:
        async with world.database.tx() as tx:
            await accounts.correct_physician(
                tx,
                world.settings,
                world.vault,
                account_id=account_id,
                province_id="hunan",
                name=NAME,
                document=None,
                mobile="13700008888",
            )
    with pytest.raises(Invalid, match="失效"):
        await activate(world, throttle, ticket, await last_code(world))
    assert (await account(world, account_id))["mobile_bound_at"] is None


async def test_the_pages_say_what_becomes_of_a_number_that_the_roster_lacks(
    another: Another, world: World, newcomer: UUID
) -> None:
    for unlisted, asked, told in (
        (False, "没有登记的，请用激活单激活", "没有登记的，不发验证码"),
        (True, "用于接收验证码", "没有登记的，发到您填写的"),
    ):
        await set_entry(world, unlisted_mobile=unlisted)
        browser = await another()
        assert asked in await (await browser.get("/activate?province=hunan")).text()
        answer = await browser.submit("/activate", **FORM, mobile=MOBILE)
        assert answer.status == 303
        assert told in await (await browser.get("/activate/code")).text()
        world.clock.move(minutes=2)


async def test_who_is_unknown_gets_the_same_answers_and_no_message(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    strangers = (
        {"number": identity_number("hunan", 41)},
        {"name": "别人"},
        {"number": identity_number("hunan", 1), "name": "医师1"},  # active already, and another's mobile
    )
    for stranger in strangers:
        ticket = await ask(world, throttle, **stranger)
        with pytest.raises(Invalid, match="还可以再试4次"):
            await activate(world, throttle, ticket, "123456")
        with pytest.raises(TooMany, match="60秒后"):
            await ask(world, throttle, **stranger)
    assert await sent(world) == []
    known = await ask(world, throttle)
    wrong = "000000" if await last_code(world) != "000000" else "111111"
    with pytest.raises(Invalid, match="还可以再试4次"):
        await activate(world, throttle, known, wrong)
    with pytest.raises(TooMany, match="60秒后"):
        await ask(world, throttle)


async def test_a_code_bears_five_wrong_tries(world: World, throttle: Buckets, newcomer: UUID) -> None:
    ticket = await ask(world, throttle)
    right = await last_code(world)
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(CODE_TRIES):
        with pytest.raises(Invalid):
            await activate(world, throttle, ticket, wrong)
    with pytest.raises(Invalid, match="重新获取"):
        await activate(world, throttle, ticket, right)
    assert (await account(world, newcomer))["password_hash"] is None


async def test_a_code_ends_after_ten_minutes(world: World, throttle: Buckets, newcomer: UUID) -> None:
    ticket = await ask(world, throttle)
    code = await last_code(world)
    world.clock.move(minutes=10)
    with pytest.raises(Invalid, match="已失效"):
        await activate(world, throttle, ticket, code)
    world.clock.move(minutes=10)
    with pytest.raises(Conflict, match="超时"):
        await activate(world, throttle, ticket, code)


async def test_a_newer_code_ends_the_older_one(world: World, throttle: Buckets, newcomer: UUID) -> None:
    old_ticket = await ask(world, throttle)
    old = await last_code(world)
    world.clock.move(seconds=61)
    ticket = await accounts.ask_activation_code_again(
        world.services, throttle, old_ticket, address="192.0.2.1"
    )
    with pytest.raises(Invalid, match="已失效"):
        await activate(world, throttle, old_ticket, old)
    await activate(world, throttle, ticket, await last_code(world))


async def test_a_code_works_once(world: World, throttle: Buckets, newcomer: UUID) -> None:
    ticket = await ask(world, throttle)
    code = await last_code(world)
    await activate(world, throttle, ticket, code)
    with pytest.raises(Invalid, match="已失效"):
        await activate(world, throttle, ticket, code, "another4day")
    with pytest.raises(Invalid):
        await log_in(world, throttle, "another4day")


async def test_codes_are_few_a_day(world: World, throttle: Buckets, newcomer: UUID) -> None:
    for index in range(CODES_A_DAY):
        await ask(world, Buckets(_Away()))  # type: ignore[arg-type]
        world.clock.move(seconds=61)
        assert len(await sent(world)) == index + 1
    with pytest.raises(TooMany, match="明天"):
        await ask(world, Buckets(_Away()))  # type: ignore[arg-type]
    world.clock.move(hours=24)
    await ask(world, throttle)


class _Away:
    """A Redis that gives every token, so that only the daily count of PostgreSQL is seen."""

    def register_script(self, _: str) -> Callable[..., Awaitable[bytes]]:
        async def give(**_: object) -> bytes:
            return b"0"

        return give


async def test_asking_in_many_names_is_throttled_by_document_and_address(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    for index in range(world.settings.login_tries):
        await ask(world, throttle, name=f"猜{index}")
    with pytest.raises(TooMany, match="分钟后再试"):
        await ask(world, throttle)


async def test_a_password_must_be_good_before_the_code_is_used(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    ticket = await ask(world, throttle)
    code = await last_code(world)
    for bad in ("short1", "onlyletters", "12345678", "666666aa", f"a{MOBILE}", NUMBER, "x1" * 65):
        with pytest.raises(Invalid) as refusal:
            await activate(world, throttle, ticket, code, bad)
        assert refusal.value.fields["field"] == "new", bad
    await activate(world, throttle, ticket, code)


async def test_a_mobile_number_is_of_one_physician(world: World, throttle: Buckets, newcomer: UUID) -> None:
    await set_entry(world, unlisted_mobile=True)
    await activate(world, throttle, await ask(world, throttle), await last_code(world))
    other = await enrol(world, 41)
    ticket = await ask(world, throttle, number=identity_number("hunan", 41))
    with pytest.raises(Conflict, match="已经绑定"):
        await activate(world, throttle, ticket, await last_code(world))
    assert (await account(world, other))["password_hash"] is None


async def test_without_a_way_to_send_the_slip_is_named(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    object.__setattr__(world.services, "post", Post(None))
    with pytest.raises(Conflict, match="激活单"):
        await ask(world, throttle)


async def test_a_province_without_codes_has_the_slip_and_people_who_decide(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    await set_entry(world, mobile_code=False)
    with pytest.raises(Conflict, match="激活单"):
        await ask(world, throttle)
    ticket = await show(world, throttle, await slip_for(world, newcomer))
    assert await by_slip(world, throttle, ticket) is None
    assert await sent(world) == []
    with pytest.raises(Invalid, match="等待考核机构或卫生行政部门核实"):
        await log_in(world, throttle, NEW)
    with pytest.raises(Invalid, match="账号或密码不正确"):
        await log_in(world, throttle, "another7word")


async def test_who_is_active_already_is_told_so_on_their_own_phone_only(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    await activate(world, throttle, await ask(world, throttle), await last_code(world))
    world.clock.move(seconds=61)
    await ask(world, throttle)
    assert "已经激活" in (await sent(world))[-1][1]


async def test_a_document_of_another_kind_opens_its_own_account(world: World, throttle: Buckets) -> None:
    async with world.database.tx() as tx:
        await accounts.add_physician(
            tx,
            world.clock,
            world.settings,
            world.vault,
            province_id="hunan",
            name="CHAN Siu Ming",
            number="H0123 4567(01)",
            document_type="hk_mo_permit",
            password_hash=None,
            mobile=MOBILE,
        )
    ticket = await ask(
        world, throttle, number="h0123456701", document_type="hk_mo_permit", name="chan siu ming"
    )
    await activate(world, throttle, ticket, await last_code(world))
    with pytest.raises(Invalid):
        await log_in(world, throttle, NEW, "H0123456701")
    assert await accounts.login_physician(
        world.services,
        throttle,
        province_id="hunan",
        number="H0123456701",
        document_type="hk_mo_permit",
        password=NEW,
        address="192.0.2.1",
    )


# By a slip


async def test_a_slip_with_its_persons_number_and_name_and_a_code_activates(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    token = await slip_for(world, newcomer)
    assert len(token) == 26
    typed = "-".join((token[:7].lower(), token[7:]))
    ticket = await show(world, throttle, typed)
    assert await by_slip(world, throttle, ticket, await last_code(world))
    with pytest.raises(Invalid, match="激活单"):
        await show(world, throttle, token)


async def test_a_slip_alone_opens_nothing(world: World, throttle: Buckets, newcomer: UUID) -> None:
    token = await slip_for(world, newcomer)
    for wrong in ({"number": identity_number("hunan", 41)}, {"name": "别人"}):
        with pytest.raises(Invalid, match="不符"):
            await show(world, throttle, token, **wrong)
    with pytest.raises(Invalid, match="不符"):
        await show(world, throttle, "A" * 26)
    assert await sent(world) == []


async def test_a_reprint_revokes_and_72_hours_end_it(world: World, throttle: Buckets, newcomer: UUID) -> None:
    first = await slip_for(world, newcomer)
    second = await slip_for(world, newcomer)
    with pytest.raises(Invalid, match="重新打印"):
        await show(world, throttle, first)
    world.clock.move(hours=72)
    with pytest.raises(Invalid, match="过期"):
        await show(world, throttle, second)


async def test_the_token_of_a_slip_is_not_stored(world: World, newcomer: UUID) -> None:
    token = await slip_for(world, newcomer)
    async with world.database.tx() as tx:
        whole = await tx.fetch_value("SELECT string_agg(s::text, '') FROM activation_slip s")
    assert token not in whole


async def test_without_a_mobile_number_the_body_decides(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    token = await slip_for(world, newcomer)
    assert await by_slip(world, throttle, await show(world, throttle, token, mobile="")) is None
    with pytest.raises(Invalid):
        await log_in(world, throttle, NEW)
    mine, other = [world.here.institution_id], [world.elsewhere.institution_id]
    body = world.here.staff[Role.BODY]
    async with world.database.tx() as tx:
        assert await accounts.open_activation_requests(tx, "hunan", other) == []
        (request,) = await accounts.open_activation_requests(tx, "hunan", mine)
    assert request.name == NAME
    with pytest.raises(NotFound):
        await decide(world, body, request.id, other)
    with pytest.raises(NotFound):
        await decide(world, world.elsewhere.staff[Role.BODY], request.id, mine)
    with pytest.raises(Forbidden):
        await decide(world, world.here.staff[Role.INSTITUTION], request.id, mine)
    await decide(world, body, request.id, mine)
    assert await log_in(world, throttle, NEW)
    with pytest.raises(NotFound):
        await decide(world, body, request.id, mine)


async def test_a_refused_request_opens_nothing(world: World, throttle: Buckets, newcomer: UUID) -> None:
    token = await slip_for(world, newcomer)
    await by_slip(world, throttle, await show(world, throttle, token, mobile=""))
    mine = [world.here.institution_id]
    async with world.database.tx() as tx:
        (request,) = await accounts.open_activation_requests(tx, "hunan", mine)
    await decide(world, world.here.staff[Role.BODY], request.id, mine, approve=False)
    with pytest.raises(Invalid):
        await log_in(world, throttle, NEW)


async def decide(
    world: World, principal: Principal, request_id: UUID, institutions: list[UUID], *, approve: bool = True
) -> None:
    async with world.database.tx() as tx:
        await accounts.decide_activation(
            tx, world.clock, principal, request_id, institution_ids=institutions, approve=approve
        )


async def test_an_account_in_use_gets_no_slip(world: World) -> None:
    with pytest.raises(Conflict, match="已经激活"):
        await slip_for(world, world.here.general.account_id)


# Forgotten, and reset


async def test_a_forgotten_password_is_set_anew_through_the_bound_mobile_and_all_sessions_end(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    await activate(world, throttle, await ask(world, throttle), await last_code(world))
    world.clock.move(seconds=61)
    services, address = world.services, "192.0.2.1"
    await accounts.ask_recovery_code(services, throttle, claim(mobile="13900003333"), address=address)
    assert len(await sent(world)) == 1, "not the bound number"
    world.clock.move(seconds=61)
    ticket = await accounts.ask_recovery_code(services, throttle, claim(), address=address)
    code = await last_code(world)
    assert await accounts.recover(
        services, throttle, ticket, code=code, new="rainy8days", again="rainy8days", address=address
    )
    assert await sessions(world, newcomer) == 1
    with pytest.raises(Invalid):
        await log_in(world, throttle, NEW)
    assert await log_in(world, throttle, "rainy8days")


async def sessions(world: World, account_id: UUID) -> int:
    async with world.database.tx() as tx:
        return int(await tx.fetch_value("SELECT count(*) FROM session WHERE account_id = $1", account_id))


async def test_a_reset_ends_password_and_sessions_until_the_account_is_activated_again(
    world: World, throttle: Buckets, newcomer: UUID
) -> None:
    await activate(world, throttle, await ask(world, throttle), await last_code(world))
    staff = world.here.staff[Role.INSTITUTION].account_id
    async with world.database.tx() as tx:
        await accounts.reset_password(
            tx, world.clock, account_id=newcomer, province_id="hunan", actor_id=staff
        )
    assert await sessions(world, newcomer) == 0
    with pytest.raises(Invalid):
        await log_in(world, throttle, NEW)
    world.clock.move(seconds=61)
    await activate(world, throttle, await ask(world, throttle), await last_code(world), "windy9days")
    assert await log_in(world, throttle, "windy9days")
    assert "account.password_reset" in await actions(world, newcomer)


@pytest.mark.parametrize("reaches", ["a code", "nobody"])
async def test_a_reset_with_a_slip_takes_the_account_from_whoever_bound_a_number_first(
    world: World, throttle: Buckets, reaches: str
) -> None:
    """Who knew number and name of somebody without a number in the roster, and was sooner than they."""
    await set_entry(world, unlisted_mobile=True)
    account_id, thief = await enrol(world, 40), "13700009999"
    await activate(world, throttle, await ask(world, throttle, mobile=thief), await last_code(world))
    async with world.database.tx() as tx:
        await accounts.reset_password(
            tx,
            world.clock,
            account_id=account_id,
            province_id="hunan",
            actor_id=world.here.staff[Role.INSTITUTION].account_id,
        )
    world.clock.move(seconds=61)
    asked = await ask(world, throttle, mobile=thief)
    code = await last_code(world)
    token = await slip_for(world, account_id)
    with pytest.raises(Invalid, match="失效"):
        await activate(world, throttle, asked, code)

    async def assert_no_code_for_the_thief() -> None:
        before = len(await sent(world))
        world.clock.move(seconds=61)
        await ask(world, throttle, mobile=thief)
        world.clock.move(seconds=61)
        await accounts.ask_recovery_code(world.services, throttle, claim(mobile=thief), address="192.0.2.1")
        assert len(await sent(world)) == before

    await assert_no_code_for_the_thief()
    if reaches == "a code":
        assert await by_slip(world, throttle, await show(world, throttle, token), await last_code(world))
    else:
        assert await by_slip(world, throttle, await show(world, throttle, token, mobile="")) is None
        await assert_no_code_for_the_thief()
        mine = [world.here.institution_id]
        async with world.database.tx() as tx:
            (request,) = await accounts.open_activation_requests(tx, "hunan", mine)
        await decide(world, world.here.staff[Role.BODY], request.id, mine)
    await assert_no_code_for_the_thief()
    assert await log_in(world, throttle, NEW)


async def test_a_reset_stays_within_the_province(world: World) -> None:
    async with world.database.tx() as tx:
        with pytest.raises(NotFound):
            await accounts.reset_password(
                tx,
                world.clock,
                account_id=world.elsewhere.general.account_id,
                province_id="hunan",
                actor_id=world.here.staff[Role.INSTITUTION].account_id,
            )


# On the pages


Another = Callable[[], Awaitable[Browser]]


@pytest.fixture
async def server(world: World, redis_client: object) -> AsyncIterator[TestServer]:
    world.settings = world.settings.model_copy(update={"demo": True})
    async with serving(world) as server:
        yield server


@pytest.fixture
async def another(server: TestServer) -> AsyncIterator[Another]:
    async with AsyncExitStack() as stack:

        async def make() -> Browser:
            return await stack.enter_async_context(browsing(server))

        yield make


async def code_on_the_outbox_page(browser: Browser) -> str:
    for _ in range(200):
        found = re.search(r"验证码是(\d{6})", await (await browser.get("/outbox")).text())
        if found:
            return found[1]
    raise AssertionError("no code came")


FORM = {"province": "hunan", "document_type": "identity_card", "number": NUMBER, "name": NAME}


async def test_the_pages_lead_from_the_login_to_the_home_page(another: Another, newcomer: UUID) -> None:
    browser = await another()
    assert "/activate?province=hunan" in await (await browser.get("/login?province=hunan")).text()
    await browser.get("/activate?province=hunan")
    answer = await browser.submit("/activate", **FORM, mobile=MOBILE)
    assert (answer.status, answer.headers["Location"]) == (303, "/activate/code")
    text = await (await browser.get("/activate/code")).text()
    assert "名册登记了手机号的，发到登记的手机号" in text
    assert MOBILE not in text
    code = await code_on_the_outbox_page(browser)
    await browser.get("/activate/code")
    answer = await browser.submit("/activate/code", code=code, new=NEW, again="different1")
    assert answer.status == 422
    assert "两次输入的密码不一致" in await answer.text()
    answer = await browser.submit("/activate/code", code=code, new=NEW, again=NEW)
    assert (answer.status, answer.headers["Location"]) == (303, "/home")
    assert NAME in await (await browser.get("/home")).text()


async def test_a_field_that_is_wrong_is_named_and_the_rest_stays(another: Another) -> None:
    browser = await another()
    await browser.get("/activate")
    answer = await browser.submit("/activate", **FORM | {"number": "123"}, mobile=MOBILE)
    text = await answer.text()
    assert answer.status == 422
    assert 'id="number-error" role="alert">身份证号应为15位或18位' in text
    assert f'value="{MOBILE}"' in text


async def test_the_shared_word_of_a_province_leads_to_activation_whoever_types_it(
    another: Another, world: World, newcomer: UUID
) -> None:
    await set_entry(world, shared_word="666666")
    browser = await another()
    for index in (1, 40, 99):
        await browser.get("/login")
        number = identity_number("hunan", index)
        answer = await browser.submit("/login", province="hunan", number=number, password="666666")
        assert (answer.status, answer.headers["Location"]) == (303, "/activate?province=hunan")
    assert (await browser.get("/home")).status == 303


async def set_entry(world: World, **entry: object) -> None:
    async with world.database.tx() as tx:
        await organisations.set_entry(tx, "hunan", entry)


async def test_registration_is_matched_to_the_roster_and_keeps_the_agreements(
    another: Another, world: World, newcomer: UUID
) -> None:
    await set_entry(world, self_registration=True, login=["identity", "mobile"])
    browser = await another()
    assert "/register?province=hunan" in await (await browser.get("/login?province=hunan")).text()
    await browser.get("/register")
    answer = await browser.submit("/register", **FORM, mobile=MOBILE)
    assert answer.status == 422
    assert "请阅读并同意" in await answer.text()
    answer = await browser.submit("/register", **FORM, mobile=MOBILE, agreed="yes")
    assert (answer.status, answer.headers["Location"]) == (303, "/activate/code")
    code = await code_on_the_outbox_page(browser)
    await browser.get("/activate/code")
    assert (await browser.submit("/activate/code", code=code, new=NEW, again=NEW)).status == 303
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT purpose FROM consent WHERE account_id = $1 ORDER BY id", newcomer)
    assert [row["purpose"] for row in rows] == ["user_agreement", "privacy_policy"]
    phone = await another()
    await phone.get("/login?province=hunan")
    answer = await phone.submit("/login", province="hunan", number=MOBILE, password=NEW)
    assert answer.headers["Location"] == "/home"


async def test_a_province_without_registration_points_to_activation(another: Another) -> None:
    browser = await another()
    await browser.get("/register")
    answer = await browser.submit("/register", **FORM, mobile=MOBILE, agreed="yes")
    assert answer.status == 409
    assert 'href="/activate"' in await answer.text()


async def test_a_slip_is_shown_typed_and_decided_by_people_where_no_code_comes(
    another: Another, world: World, newcomer: UUID
) -> None:
    token = await slip_for(world, newcomer)
    browser = await another()
    await browser.get("/activate/slip")
    answer = await browser.submit("/activate/slip", **FORM, token=token, mobile="")
    assert answer.headers["Location"] == "/activate/slip/code"
    assert "提交申请" in await (await browser.get("/activate/slip/code")).text()
    answer = await browser.submit("/activate/slip/code", new=NEW, again=NEW)
    assert answer.headers["Location"] == "/login"
    assert "激活申请已提交" in await (await browser.get("/login")).text()
    desk = await another()
    await desk.login_staff("hunan-authority")
    decides = await (await desk.get("/authority/activations")).text()
    number = identity_number("hunan", 40)
    assert number not in decides
    assert f"{number[:3]}***********{number[-4:]}" in decides


# Captcha


async def words_on(browser: Browser) -> tuple[str, str]:
    """The ticket of a question in words, and its answer."""
    await browser.get("/login?province=hunan")
    text = await (await browser.submit("/login/captcha", province="hunan", captcha_kind="words")).text()
    one, other = re.search(r"验证问题：(.)加(.)等于几", text).groups()  # type: ignore[union-attr]
    digits = "零一二三四五六七八九"
    ticket = re.search(r'name="captcha_ticket" value="([^"]+)"', text)[1]  # type: ignore[index]
    return ticket, str(digits.index(one) + digits.index(other))


async def with_captcha(browser: Browser, ticket: str, answer: str) -> ClientResponse:
    return await browser.submit(
        "/login",
        province="hunan",
        number=identity_number("hunan", 1),
        password=PASSWORD,
        captcha_ticket=ticket,
        captcha=answer,
        captcha_kind="words",
    )


async def test_a_captcha_is_answered_once_by_the_browser_that_it_was_shown_to(
    another: Another, world: World
) -> None:
    await set_entry(world, captcha=True)
    browser = await another()
    await browser.get("/login")
    answer = await browser.submit(
        "/login", province="hunan", number=identity_number("hunan", 1), password=PASSWORD
    )
    assert (answer.status, "请输入验证码" in await answer.text()) == (422, True)
    ticket, answer_in_words = await words_on(browser)
    assert (await with_captcha(browser, ticket, "99")).status == 422
    assert (await with_captcha(browser, ticket, answer_in_words)).status == 422, "it takes one answer"
    ticket, answer_in_words = await words_on(browser)
    thief = await another()
    await thief.get("/login?province=hunan")
    assert (await with_captcha(thief, ticket, answer_in_words)).status == 422
    ticket, answer_in_words = await words_on(browser)
    world.clock.move(minutes=11)
    assert (await with_captcha(browser, ticket, answer_in_words)).status == 422
    ticket, answer_in_words = await words_on(browser)
    assert (await with_captcha(browser, ticket, answer_in_words)).status == 303


async def test_a_captcha_is_a_picture_that_only_its_browser_may_see(another: Another, world: World) -> None:
    await set_entry(world, captcha=True)
    browser, thief = await another(), await another()
    text = await (await browser.get("/login?province=hunan")).text()
    path = re.search(r'src="(/captcha\.png\?c=[^"]+)"', text)[1]  # type: ignore[index]
    picture = await browser.client.get(path)
    assert picture.content_type == "image/png"
    assert (await picture.read()).startswith(b"\x89PNG")
    await thief.get("/login")
    assert (await thief.get(path)).status == 422
