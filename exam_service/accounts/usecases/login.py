"""Log in: physicians by document or mobile number, staff by user name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.identity import DocumentType, is_mobile, parse_document, parse_mobile
from exam_service.accounts.model import Role, SecondFactor
from exam_service.accounts.tickets import open_ticket, seal_ticket
from exam_service.accounts.usecases import second_factor
from exam_service.accounts.usecases.passwords import hash_password, is_password, needs_rehash
from exam_service.accounts.usecases.people import document_hash, mobile_hash
from exam_service.accounts.usecases.sessions import begin_session
from exam_service.accounts.usecases.throttling import Throttle, throttle_login
from exam_service.crypto.hashes import keyed_hash, same
from exam_service.errors import Conflict, Invalid
from exam_service.organisations import usecases as organisations
from exam_service.organisations.entry import Entry, LoginName
from exam_service.wiring import Services

_WAITS = (
    "激活申请正在等待考核机构或卫生行政部门核实，核实通过后就能用这个密码登录。"
    "久未核实的，请联系所在机构的管理人员。"
)
_WRONG = "账号或密码不正确，请核对后重试。仍不能登录请联系所在机构的管理人员。"
_STEP = "second factor"
_STEP_LASTS = timedelta(minutes=5)


class OpensActivation(Exception):
    """Somebody typed the word that their province prints for everybody: it leads to activation only."""


@dataclass(frozen=True, repr=False)
class Entrance:
    """A login that was right: a new session's token, or what the second step is asked for with."""

    token: str | None
    ticket: str | None


async def login_physician(
    services: Services,
    throttle: Throttle,
    *,
    province_id: str,
    number: str,
    password: str,
    address: str,
    document_type: str = DocumentType.IDENTITY_CARD,
    device: str = "",
) -> str:
    """Check a physician's number and password; give the token of a new session.

    Args:
        number: Of the document, or a mobile number where the province lets people log in with that.
        device: In words, for the list of one's sessions.

    Raises:
        Invalid: The number is malformed, or number and password don't belong together.
        TooMany: Too many tries.
        OpensActivation: The password is the province's shared word.
    """
    settings = services.settings
    entry = await _entry(services, province_id)
    by_mobile = (
        LoginName.MOBILE in entry.login and document_type == DocumentType.IDENTITY_CARD and is_mobile(number)
    )
    if by_mobile:
        digest = mobile_hash(settings, parse_mobile(number))
    else:
        digest = document_hash(settings, parse_document(document_type, number))
    who = keyed_hash(settings.key("lookup_key"), "login", province_id, digest).hex()[:32]
    buckets = await throttle_login(throttle, settings, who, address)
    if entry.shared_word and same(password, entry.shared_word):
        raise OpensActivation
    async with services.database.tx() as tx:
        if by_mobile:
            login = await queries.select_optional_login_by_mobile(tx, province_id, digest)
        else:
            login = await queries.select_optional_login_by_document(tx, province_id, digest)
    entrance = await _finish_login(services, throttle, login, password, buckets, device)
    assert entrance.token is not None  # noqa: S101 - only staff have a second step
    return entrance.token


async def _entry(services: Services, province_id: str) -> Entry:
    found = [each for each in await organisations.provinces(services.database) if each.id == province_id]
    return found[0].entry if found else Entry()


async def login_staff(
    services: Services,
    throttle: Throttle,
    *,
    username: str,
    password: str,
    address: str,
    device: str = "",
) -> Entrance:
    """Check a member of staff's user name and password.

    Raises:
        Invalid: They don't belong together.
        TooMany: Too many tries.
    """
    name = username.strip().lower()
    key = keyed_hash(services.settings.key("lookup_key"), "username", name).hex()[:32]
    buckets = await throttle_login(throttle, services.settings, key, address)
    async with services.database.tx() as tx:
        login = await queries.select_optional_login_by_username(tx, name)
    return await _finish_login(services, throttle, login, password, buckets, device)


async def _finish_login(
    services: Services,
    throttle: Throttle,
    login: queries.Login | None,
    password: str,
    buckets: tuple[str, str],
    device: str,
) -> Entrance:
    # An unknown account costs the same time as a wrong password. So does one whose activation waits to be
    # decided, and only who knows the password that was chosen for it learns that it waits.
    stored = (login.password_hash or login.asked_hash) if login else None
    right = await is_password(stored, password)
    if login is None or stored is None or not right:
        raise Invalid(_WRONG, code="wrong_login")
    if login.password_hash is None:
        raise Invalid(_WAITS, code="activation_waits")
    for bucket in buckets:
        await throttle.refill(bucket)
    if _needs_second_step(services, login):
        facts = {"account": str(login.id)}
        now = services.clock.now()
        return Entrance(None, seal_ticket(services.settings, _STEP, facts, now=now, lasts=_STEP_LASTS))
    renewed = await hash_password(password) if needs_rehash(stored) else None
    async with services.database.tx() as tx:
        if renewed:
            await queries.update_password_hash(tx, login.id, renewed)
        token = await begin_session(
            tx,
            services.clock,
            services.settings,
            account_id=login.id,
            province_id=login.province_id,
            role=login.role,
            device=device,
        )
    return Entrance(token, None)


def _needs_second_step(services: Services, login: queries.Login) -> bool:
    is_on = SecondFactor(services.settings.staff_totp) is not SecondFactor.OFF
    return is_on and login.role is not Role.PHYSICIAN and login.has_second_factor


async def finish_staff_login(
    services: Services, throttle: Throttle, *, ticket: str, code: str, device: str = ""
) -> str:
    """The second step: a one-time code or a recovery code; give the token of a new session.

    Raises:
        Conflict: The first step was too long ago.
        Invalid: The code is wrong, or was used before.
        TooMany: Too many tries.
    """
    facts = open_ticket(services.settings, _STEP, ticket, now=services.clock.now())
    if facts is None:
        raise Conflict("登录已超时，请重新输入账号和密码。", code="step_over")
    account_id = UUID(facts["account"])
    async with second_factor.checked(services, throttle, account_id, code) as (tx, person):
        return await begin_session(
            tx,
            services.clock,
            services.settings,
            account_id=account_id,
            province_id=person.province_id,
            role=person.role,
            device=device,
        )
