"""账号设置: one's own password, mobile number and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exam_service.accounts import queries
from exam_service.accounts.identity import mask, parse_mobile
from exam_service.accounts.model import Principal, Purpose, Role, SecondFactor
from exam_service.accounts.usecases import codes, entrance
from exam_service.accounts.usecases.entrance import Claim
from exam_service.accounts.usecases.passwords import hash_password, is_password
from exam_service.accounts.usecases.people import mobile_hash
from exam_service.accounts.usecases.sessions import session_limits
from exam_service.accounts.usecases.throttling import Throttle, throttle_own
from exam_service.crypto.hashes import keyed_hash
from exam_service.errors import Conflict, Forbidden, Invalid
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class OwnSession:
    """One of one's own logins; ``is_this`` is the one that looks."""

    device: str
    since: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, repr=False)
class Overview:
    """What the page 账号设置 shows.

    Attributes:
        login_name: The masked number of the document, of staff the user name.
        mobile: Masked; ``None`` where none is bound.
        can_change_mobile: Codes are sent here.
        has_second_factor: ``None`` for who has no use of one.
    """

    login_name: str
    mobile: str | None
    can_change_mobile: bool
    has_second_factor: bool | None
    sessions: list[OwnSession]


async def overview(services: Services, principal: Principal, session_digest: bytes) -> Overview:
    """One's own account; nothing of it is new to who looks, so it is no viewing for the journal."""
    limits = session_limits(services.settings, principal.role)
    now = services.clock.now()
    async with services.database.tx() as tx:
        person = await _own(tx, principal)
        mobile = await entrance.mobile_of(tx, services, person) if person.mobile_bound_at else None
        number = (
            (await services.vault.open(tx, person.document, person.id)).decode() if person.document else ""
        )
        entry = await entrance.entry_of(tx, person.province_id)
        rows = await queries.select_sessions(tx, person.id, now, now - limits.idle)
    is_staff = person.role is not Role.PHYSICIAN
    offers_second_factor = is_staff and SecondFactor(services.settings.staff_totp) is not SecondFactor.OFF
    return Overview(
        login_name=person.username or mask(number),
        mobile=mask(mobile) if mobile else None,
        can_change_mobile=not is_staff and entrance.can_send_codes(services, entry),
        has_second_factor=person.totp_since is not None if offers_second_factor else None,
        sessions=[
            OwnSession(row.device, row.created_at, row.seen_at, row.token_hash == session_digest)
            for row in rows
        ],
    )


async def change_password(
    services: Services,
    throttle: Throttle,
    principal: Principal,
    session_digest: bytes,
    *,
    old: str,
    new: str,
    again: str,
) -> None:
    """Change one's password; all other sessions end.

    Raises:
        Invalid: The old one is wrong, or the new one must not be taken.
        TooMany: Too many tries.
    """
    await throttle_own(throttle, services.settings, f"password:{principal.account_id}")
    async with services.database.tx() as tx:
        person = await _own(tx, principal)
        entry = await entrance.entry_of(tx, person.province_id)
        personal = await _personal(tx, services, person)
    await _check_password(person, old, field="old")
    if new == old:
        raise Invalid("新密码不能与原密码相同，请换一个。", code="same_password", field="new")
    entrance.check_typed_twice(new, again)
    entrance.check_new_password(new, entry, personal=personal)
    password_hash = await hash_password(new)
    async with services.database.tx() as tx:
        again_locked = await _own(tx, principal)
        if again_locked.password_hash != person.password_hash:
            raise Conflict("密码刚刚在别处修改过，请重新登录。", code="password_changed")
        await queries.set_password(tx, person.id, password_hash, services.clock.now())
        await queries.delete_other_sessions(tx, person.id, session_digest)
        await entrance.record(tx, services, person, "account.password_changed")
    await throttle.refill(f"own:password:{principal.account_id}")


async def end_other_sessions(services: Services, principal: Principal, session_digest: bytes) -> None:
    """Log oneself out everywhere else."""
    async with services.database.tx() as tx:
        person = await _own(tx, principal)
        await queries.delete_other_sessions(tx, person.id, session_digest)
        await entrance.record(tx, services, person, "account.sessions_ended")


async def ask_mobile_change(
    services: Services, throttle: Throttle, principal: Principal, *, password: str, mobile: str
) -> str:
    """Have a code sent to the new number; give the ticket for :func:`change_mobile`.

    Raises:
        Invalid: The password is wrong, or the number is none.
        Conflict: No codes are sent here, or it is the bound number already.
        TooMany: Too many tries, or too soon after the last code.
    """
    await throttle_own(throttle, services.settings, f"password:{principal.account_id}")
    try:
        number = parse_mobile(mobile)
    except Invalid as error:
        raise Invalid(error.sentence, code=error.code, field="mobile") from None
    async with services.database.tx() as tx:
        person = await _own(tx, principal)
    await _check_password(person, password, field="password")
    digest = mobile_hash(services.settings, number)
    if person.mobile_bound_at is not None and person.mobile_hash == digest:
        raise Invalid("这就是现在绑定的手机号，不需要更换。", code="same_mobile", field="mobile")
    async with services.database.tx() as tx:
        entrance.check_codes_can_be_sent(services, await entrance.entry_of(tx, person.province_id))
        code_id, code = await codes.new_code(
            tx,
            services,
            purpose=Purpose.CHANGE,
            who=keyed_hash(services.settings.key("lookup_key"), "change", person.id.bytes),
            province_id=person.province_id,
            account_id=person.id,
            mobile_hash=digest,
        )
    if code is not None:
        services.post.send(number, codes.code_text(code))
    claim = Claim(person.province_id, "", "", "", number)
    return entrance.seal_step(services, Purpose.CHANGE, claim, code_id, account=str(person.id))


async def change_mobile(services: Services, principal: Principal, ticket: str, *, code: str) -> None:
    """Bind the new number; the old one is told by a message.

    Raises:
        Conflict: The page before was too long ago, or the number is bound to somebody else.
        Invalid: The code is wrong or over.
    """
    step = entrance.open_step(services, Purpose.CHANGE, ticket)
    if step.facts["account"] != str(principal.account_id) or step.code_id is None:
        raise Conflict("页面已超时，请从头填写一次。", code="step_over", way=("账号设置", "/account"))
    async with services.database.tx() as tx:
        proof = await codes.try_code(tx, services, step.code_id, Purpose.CHANGE, code)
        if not isinstance(proof, Invalid):
            person = await _own(tx, principal)
            old = await entrance.bind_proved_mobile(tx, services, person, proof, step.claim.mobile)
            await queries.void_codes(tx, person.id, services.clock.now())  # whoever has the old phone
            await entrance.record(tx, services, person, "account.mobile_changed")
    if isinstance(proof, Invalid):
        raise proof
    entrance.tell_old_mobile(services, old, step.claim.mobile)


async def _own(tx: Tx, principal: Principal) -> queries.Person:
    person = await queries.lock_optional_person(tx, principal.account_id)
    if person is None:
        raise Forbidden("账号已停用，请联系所在机构的管理人员。")
    return person


async def _personal(tx: Tx, services: Services, person: queries.Person) -> tuple[str, ...]:
    """What others know of somebody: no password."""
    mobile = await entrance.mobile_of(tx, services, person)
    number = await services.vault.open(tx, person.document, person.id) if person.document else b""
    return tuple(each for each in (person.username, mobile, number.decode()) if each)


async def _check_password(person: queries.Person, password: str, *, field: str) -> None:
    if not await is_password(person.password_hash, password):
        raise Invalid("密码不正确，请重新输入。", code="wrong_password", field=field)
