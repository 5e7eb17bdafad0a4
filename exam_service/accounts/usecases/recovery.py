"""A password that is lost: set anew by a code to the bound mobile, or reset by the institution."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.model import Purpose, Role
from exam_service.accounts.usecases import codes, entrance
from exam_service.accounts.usecases.entrance import Claim, Recipient
from exam_service.accounts.usecases.passwords import hash_password
from exam_service.accounts.usecases.people import mobile_hash
from exam_service.accounts.usecases.sessions import begin_session
from exam_service.accounts.usecases.throttling import Throttle, throttle_address
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.storage.database import Tx
from exam_service.wiring import Services


async def ask_recovery_code(services: Services, throttle: Throttle, claim: Claim, *, address: str) -> str:
    """Have a code sent to the bound mobile number, if it was typed; give the ticket for :func:`recover`.

    Raises:
        Invalid: Something typed is malformed.
        Conflict: No codes are sent here.
        TooMany: Too many tries, or too soon after the last.
    """

    async def find(tx: Tx, checked: entrance.Checked) -> Recipient:
        person = await entrance.find_claimed(tx, services, checked)
        is_theirs = (
            person is not None
            and person.password_hash is not None
            and person.mobile_bound_at is not None
            and person.mobile_hash == mobile_hash(services.settings, checked.mobile)
        )
        return Recipient(person.id if person and is_theirs else None, checked.mobile)

    return await entrance.ask_for_code(services, throttle, Purpose.RESET, claim, address=address, find=find)


async def ask_recovery_code_again(
    services: Services, throttle: Throttle, ticket: str, *, address: str
) -> str:
    """Another code for the same claim.

    Raises:
        Conflict: The page before was too long ago, or no codes are sent here.
        TooMany: Too many tries, or too soon after the last.
    """
    step = entrance.open_step(services, Purpose.RESET, ticket)
    return await ask_recovery_code(services, throttle, step.claim, address=address)


async def recover(
    services: Services,
    throttle: Throttle,
    ticket: str,
    *,
    code: str,
    new: str,
    again: str,
    address: str,
    device: str = "",
) -> str:
    """Take the code and the new password; every session ends, and a new one's token is given.

    Raises:
        Conflict: The page before was too long ago, or the account has been reset meanwhile.
        Invalid: The password must not be taken, or the code is wrong or over.
        TooMany: Too many tries.
    """
    step = entrance.open_step(services, Purpose.RESET, ticket)
    checked = entrance.check_claim(step.claim)
    await throttle_address(throttle, services.settings, address)
    entrance.check_typed_twice(new, again)
    async with services.database.tx() as tx:
        entry = await entrance.entry_of(tx, checked.province_id)
    personal = (checked.document.written, checked.document.canonical, checked.mobile)
    entrance.check_new_password(new, entry, personal=personal)
    password_hash = await hash_password(new)
    assert step.code_id is not None  # noqa: S101 - sealed by ask_for_code, which always has one
    async with services.database.tx() as tx:
        proof = await codes.try_code(tx, services, step.code_id, Purpose.RESET, code)
        if not isinstance(proof, Invalid):
            assert proof.account_id is not None  # noqa: S101 - only a known person's code is right
            person = await queries.lock_optional_person(tx, proof.account_id)
            if person is None or person.password_hash is None:
                raise Conflict(
                    "账号已被所在机构重置，请重新激活。", code="inactive", way=("激活账号", "/activate")
                )
            await queries.set_password(tx, person.id, password_hash, services.clock.now())
            await queries.delete_other_sessions(tx, person.id, None)
            await entrance.record(tx, services, person, "account.password_recovered")
            token = await begin_session(
                tx,
                services.clock,
                services.settings,
                account_id=person.id,
                province_id=person.province_id,
                role=person.role,
                device=device,
            )
    if isinstance(proof, Invalid):
        raise proof
    return token


async def reset_password(tx: Tx, clock: Clock, *, account_id: UUID, province_id: str, actor_id: UUID) -> None:
    """The institution's 重置密码: the password is gone, every session ends, and it must be activated again.

    The caller has checked that the physician is of the actor's scope.

    Raises:
        NotFound: No such physician in the province.
    """
    person = await queries.lock_optional_person(tx, account_id)
    if person is None or person.province_id != province_id or person.role is not Role.PHYSICIAN:
        raise NotFound("没有找到这名医师，请返回名册核对。", account=account_id)
    now = clock.now()
    await queries.clear_password(tx, account_id)
    await queries.delete_other_sessions(tx, account_id, None)
    await queries.void_codes(tx, account_id, now)
    await queries.revoke_slips(tx, account_id, now)
    await queries.withdraw_activation_requests(tx, account_id, now)
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=actor_id,
        action="account.password_reset",
        subject_id=account_id,
    )
