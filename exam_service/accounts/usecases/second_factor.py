"""Staff's second factor: one-time codes by time (RFC 6238), and recovery codes for a lost phone."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import pyotp

from exam_service.accounts import queries
from exam_service.accounts.model import STAFF, Principal, SecondFactor
from exam_service.accounts.usecases.passwords import hash_password, is_password, new_one_time_password
from exam_service.accounts.usecases.people import IDENTITY
from exam_service.accounts.usecases.throttling import Throttle, throttle_own
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.envelope import seal
from exam_service.crypto.hashes import keyed_hash
from exam_service.errors import Conflict, Forbidden, Invalid, NotFound
from exam_service.storage.database import Tx
from exam_service.wiring import Services

ISSUER = "医师定期考核"
RECOVERY_CODES = 10
_STEP_SECONDS = 30
_LEEWAY = (-1, 0, 1)  # steps: phones' clocks differ
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_GROUP = 5
_WRONG = "动态验证码不正确或已经用过，请等待下一个验证码后重试。"


@dataclass(frozen=True, repr=False)
class Setup:
    """A secret that waits to be confirmed: as an address for the QR code, and to be typed."""

    uri: str
    secret: str


@dataclass(frozen=True)
class Standing:
    """How somebody's second factor stands.

    Attributes:
        since: In force since then.
        pending: A secret that isn't confirmed yet.
        recovery_codes: How many are left.
    """

    since: datetime | None
    pending: Setup | None
    recovery_codes: int


async def standing(services: Services, principal: Principal) -> Standing:
    """Whether it is in force, and what there is to confirm.

    Raises:
        Conflict: The operator has turned it off.
    """
    _check_on(services)
    async with services.database.tx() as tx:
        person = await _person(tx, principal.account_id)
        if person.totp is None:
            return Standing(None, None, 0)
        if person.totp_since is not None:
            left = await queries.count_recovery_codes(tx, person.id)
            return Standing(person.totp_since, None, left)
        secret = await _secret(tx, services, person)
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.username or person.name, issuer_name=ISSUER)
    return Standing(None, Setup(uri, secret), 0)


async def begin(services: Services, principal: Principal) -> None:
    """A new secret to be confirmed; one that is in force stays.

    Raises:
        Conflict: The operator has turned it off, or one is in force.
    """
    _check_on(services)
    async with services.database.tx() as tx:
        person = await _person(tx, principal.account_id)
        if person.totp_since is not None:
            raise Conflict("动态验证码已经启用，如需更换请先停用。", code="second_factor_set")
        key = await services.vault.key_for(
            tx, province_id=person.province_id, account_id=person.id, cycle_id=None, data_class=IDENTITY
        )
        await queries.set_pending_totp(tx, person.id, seal(key, pyotp.random_base32().encode(), person.id))


async def confirm(
    services: Services, throttle: Throttle, principal: Principal, *, code: str, password: str
) -> list[str]:
    """Put the pending secret in force; give the recovery codes, which are never shown again.

    Raises:
        Conflict: There is none to confirm.
        Invalid: Password or code are wrong.
        TooMany: Too many tries.
    """
    _check_on(services)
    await throttle_own(throttle, services.settings, f"second-factor:{principal.account_id}")
    await _check_password(services, principal, password)
    now = services.clock.now()
    codes = [_new_recovery_code() for _ in range(RECOVERY_CODES)]
    async with services.database.tx() as tx:
        person = await _person(tx, principal.account_id)
        if person.totp is None or person.totp_since is not None:
            raise Conflict("没有待确认的动态验证码，请重新开始设置。", code="no_second_factor")
        step = _step_of(await _secret(tx, services, person), code, now, None)
        if step is None:
            raise Invalid(_WRONG, code="wrong_code", field="code")
        await queries.confirm_totp(tx, person.id, now, step)
        await queries.replace_recovery_codes(tx, person.id, [_hash(services, person.id, c) for c in codes])
        await _record(tx, services.clock, principal, "account.second_factor_set", person.id)
    await throttle.refill(f"own:second-factor:{principal.account_id}")
    return codes


async def turn_off(
    services: Services, throttle: Throttle, principal: Principal, *, code: str, password: str
) -> None:
    """End it.

    Raises:
        Conflict: The operator requires one.
        Invalid: Password or code are wrong.
        TooMany: Too many tries.
    """
    _check_on(services)
    if SecondFactor(services.settings.staff_totp) is SecondFactor.REQUIRED:
        raise Conflict("本系统要求工作人员使用动态验证码，不能停用。", code="second_factor_required")
    # Of its own: `checked` counts tries at the code, and whoever is stopped here never comes to it.
    await throttle_own(throttle, services.settings, f"password:{principal.account_id}")
    await _check_password(services, principal, password)
    async with checked(services, throttle, principal.account_id, code) as (tx, person):
        await queries.clear_totp(tx, person.id)
        await queries.replace_recovery_codes(tx, person.id, [])
        await _record(tx, services.clock, principal, "account.second_factor_cleared", person.id)


@asynccontextmanager
async def checked(
    services: Services, throttle: Throttle, account_id: UUID, code: str
) -> AsyncIterator[tuple[Tx, queries.Person]]:
    """A transaction in which somebody's code was right and is used up; their account's row is locked.

    Raises:
        Invalid: It is wrong, or was used before.
        TooMany: Too many tries.
    """
    key = f"second-factor:{account_id}"
    await throttle_own(throttle, services.settings, key)
    now = services.clock.now()
    async with services.database.tx() as tx:
        person = await _person(tx, account_id)
        if person.totp is None or person.totp_since is None:
            raise Invalid(_WRONG, code="wrong_code", field="code")
        step = _step_of(await _secret(tx, services, person), code, now, person.totp_last_step)
        if step is not None:
            await queries.update_totp_step(tx, account_id, step)
        elif not await queries.use_recovery_code(tx, account_id, _hash(services, account_id, code), now):
            raise Invalid(_WRONG, code="wrong_code", field="code")
        yield tx, person
    await throttle.refill(f"own:{key}")


async def reset_staff(tx: Tx, clock: Clock, principal: Principal, account_id: UUID) -> str:
    """The authority lets staff of its province in anew: give a one-time password to tell them.

    The second factor is cleared and every session ends; the password only opens the page that changes it.

    Raises:
        NotFound: No such member of staff of an institution, a body or the authority of this province.
        Conflict: It is the authority's own account.
    """
    province_id = principal.of_authority()
    if account_id == principal.account_id:
        raise Conflict("不能重置自己的账号，请在账号设置中修改密码。", code="own_account")
    person = await queries.lock_optional_person(tx, account_id)
    if person is None or person.province_id != province_id or person.role not in STAFF[:3]:
        raise NotFound("没有找到这个工作人员账号，请返回列表核对。", account=account_id)
    password = new_one_time_password()
    await queries.set_password(tx, account_id, await hash_password(password), clock.now(), must_change=True)
    await queries.clear_totp(tx, account_id)
    await queries.replace_recovery_codes(tx, account_id, [])
    await queries.delete_other_sessions(tx, account_id, None)
    await _record(tx, clock, principal, "account.staff_reset", account_id)
    return password


def _check_on(services: Services) -> None:
    if SecondFactor(services.settings.staff_totp) is SecondFactor.OFF:
        raise Conflict("本系统没有启用动态验证码，登录只需账号和密码。", code="second_factor_off")


async def _check_password(services: Services, principal: Principal, password: str) -> None:
    async with services.database.tx() as tx:
        stored = (await _person(tx, principal.account_id)).password_hash
    if not await is_password(stored, password):
        raise Invalid("密码不正确，请重新输入。", code="wrong_password", field="password")


async def _person(tx: Tx, account_id: UUID) -> queries.Person:
    person = await queries.lock_optional_person(tx, account_id)
    if person is None:
        raise Forbidden("账号已停用，请联系上级管理人员。")
    return person


async def _secret(tx: Tx, services: Services, person: queries.Person) -> str:
    assert person.totp is not None  # noqa: S101 - asked before
    return (await services.vault.open(tx, person.totp, person.id)).decode()


def _step_of(secret: str, typed: str, now: datetime, last_step: int | None) -> int | None:
    """The step that a code is of, within the leeway and after the last that was used."""
    digits = "".join(typed.split())
    if not digits.isascii() or len(digits) != pyotp.TOTP(secret).digits:
        return None
    current = int(now.timestamp()) // _STEP_SECONDS
    for step in (current + offset for offset in _LEEWAY):
        if last_step is not None and step <= last_step:
            continue
        if hmac.compare_digest(pyotp.TOTP(secret).generate_otp(step), digits):
            return step
    return None


def _new_recovery_code() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(2))
    return "-".join(groups)


def _hash(services: Services, account_id: UUID, code: str) -> bytes:
    letters = "".join(c for c in code.upper()[:50] if c.isalnum())
    return keyed_hash(services.settings.key("lookup_key"), "recovery", account_id.bytes, letters)


async def _record(tx: Tx, clock: Clock, principal: Principal, action: str, account_id: UUID) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=account_id,
    )
