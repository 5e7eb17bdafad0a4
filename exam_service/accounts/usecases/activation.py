"""Take an account into use, by a code to the mobile number or by a printed slip; there is no common password.

A code goes to the number that the roster has. Where it has none, only in provinces that want it so
(``entry.unlisted_mobile``) it goes to the one typed, which is bound: whoever knows number and name could be
first. A slip stands for the institution's word, so its code may go to a new number; where no code reaches,
people decide. After a reset a slip says as well that the number that was bound isn't theirs any more, if it
ever was: no code goes there while the slip, or a request by it, waits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.identity import name_key, parse_document
from exam_service.accounts.model import SLIP_LASTS, Principal, Purpose, Role, new_slip_token, read_slip_token
from exam_service.accounts.usecases import codes, entrance
from exam_service.accounts.usecases.consent import accept_agreements
from exam_service.accounts.usecases.entrance import Claim, Recipient
from exam_service.accounts.usecases.passwords import hash_password
from exam_service.accounts.usecases.people import document_hash, mobile_hash
from exam_service.accounts.usecases.sessions import begin_session
from exam_service.accounts.usecases.throttling import Throttle, throttle_address
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.crypto.hashes import token_hash
from exam_service.errors import Conflict, Forbidden, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.organisations.entry import Entry
from exam_service.storage.database import Tx
from exam_service.wiring import Services

_AGREED = "agreed"
_SLIP = "slip"
_ALREADY = "这个账号已经激活，请直接登录；忘记密码的，请用绑定的手机号找回。"
_BAD_SLIP = (
    "激活单与证件号码、姓名不符，或已使用、已重新打印、已过期。请核对；仍不能激活请向所在机构重新领取。"
)


async def ask_activation_code(
    services: Services, throttle: Throttle, claim: Claim, *, address: str, agreed: bool = False
) -> str:
    """Have a code sent; give the ticket for :func:`activate`.

    ``agreed``: the agreements of a registration were accepted, which is recorded once the code was right.

    Raises:
        Invalid: Something typed is malformed.
        Conflict: No codes are sent here.
        TooMany: Too many tries, or too soon after the last.
    """

    async def find(tx: Tx, checked: entrance.Checked) -> Recipient:
        person = await entrance.find_claimed(tx, services, checked)
        if person is None:
            return Recipient(None, checked.mobile)
        if person.password_hash is not None:
            is_theirs = person.mobile_hash == mobile_hash(services.settings, checked.mobile)
            return Recipient(None, checked.mobile, _ALREADY if is_theirs else None)
        # Bound before a reset: once the institution has given a slip, the slip is the way.
        if person.mobile_bound_at and await queries.exists_slip(tx, person.id, services.clock.now()):
            return Recipient(None, checked.mobile)
        listed = await entrance.mobile_of(tx, services, person)
        if listed is None and not entry.unlisted_mobile:
            return Recipient(None, checked.mobile)
        return Recipient(person.id, listed or checked.mobile)

    async with services.database.tx() as tx:
        entry = await entrance.entry_of(tx, entrance.check_claim(claim).province_id)
    return await entrance.ask_for_code(
        services,
        throttle,
        Purpose.ACTIVATION,
        claim,
        address=address,
        find=find,
        **{_AGREED: "yes" if agreed else "", entrance.UNLISTED: "yes" if entry.unlisted_mobile else ""},
    )


async def ask_activation_code_again(
    services: Services, throttle: Throttle, ticket: str, *, address: str
) -> str:
    """Another code for the same claim.

    Raises:
        Conflict: The page before was too long ago, or no codes are sent here.
        TooMany: Too many tries, or too soon after the last.
    """
    step = entrance.open_step(services, Purpose.ACTIVATION, ticket)
    agreed = bool(step.facts.get(_AGREED))
    return await ask_activation_code(services, throttle, step.claim, address=address, agreed=agreed)


async def ask_registration_code(
    services: Services, throttle: Throttle, claim: Claim, *, address: str, agreed: bool
) -> str:
    """Registration by oneself, where the province has it: matched to the roster, so it is activation.

    Raises:
        Invalid: Something typed is malformed, or the agreements were not accepted.
        Conflict: The province has no registration by oneself, or no codes are sent.
        TooMany: Too many tries, or too soon after the last.
    """
    entrance.check_claim(claim)
    async with services.database.tx() as tx:
        entry = await entrance.entry_of(tx, claim.province_id)
    if not entry.self_registration:
        raise Conflict(
            "本省的账号由医疗卫生机构建立，不需要注册，请激活账号。",
            code="no_registration",
            way=("激活账号", "/activate"),
        )
    if not agreed:
        raise Invalid("请阅读并同意用户协议和隐私政策。", code="not_agreed", field="agreed")
    return await ask_activation_code(services, throttle, claim, address=address, agreed=True)


async def activate(
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
    """Take the code and the new password; give the token of a session.

    Raises:
        Conflict: The page before was too long ago, or the account is in use already.
        Invalid: The password must not be taken, or the code is wrong or over.
        TooMany: Too many tries.
    """
    step = entrance.open_step(services, Purpose.ACTIVATION, ticket)
    checked = entrance.check_claim(step.claim)
    await throttle_address(throttle, services.settings, address)
    entry = await _check_new_password(services, checked, new, again)
    entrance.check_codes_can_be_sent(services, entry)
    password_hash = await hash_password(new)
    async with services.database.tx() as tx:
        proof = await codes.try_code(tx, services, _known(step.code_id), Purpose.ACTIVATION, code)
        if not isinstance(proof, Invalid):
            assert proof.account_id is not None  # noqa: S101 - only a known person's code is right
            person = await _lock_inactive(tx, proof.account_id)
            _check_still_theirs(person, entry, proof)
            old = await entrance.bind_proved_mobile(tx, services, person, proof, checked.mobile)
            await _take_into_use(tx, services, person, password_hash, by="code")
            if step.facts.get(_AGREED):
                await accept_agreements(
                    tx, services.clock, province_id=person.province_id, account_id=person.id
                )
            token = await _begin(tx, services, person, device)
    if isinstance(proof, Invalid):
        raise proof
    entrance.tell_old_mobile(services, old, checked.mobile)
    return token


async def print_slip(
    tx: Tx,
    clock: Clock,
    *,
    account_id: UUID,
    province_id: str,
    institution_id: UUID,
    printed_by: UUID,
) -> str:
    """A fresh token for a printed slip, 26 letters and digits; an older slip of the account ends.

    It stands in the fragment of ``/activate/slip#…`` and, in ``model.slip_groups``, beside it. The caller has
    checked that the physician is of the institution.

    Raises:
        NotFound: No such physician in the province.
        Conflict: The account is in use: its password must be reset first.
    """
    person = await queries.lock_optional_person(tx, account_id)
    if person is None or person.province_id != province_id or person.role is not Role.PHYSICIAN:
        raise NotFound("没有找到这名医师，请返回名册核对。", account=account_id)
    if person.password_hash is not None:
        raise Conflict("该医师的账号已经激活，不需要激活单；忘记密码的请先重置密码。", code="already_active")
    now = clock.now()
    token = new_slip_token()
    await queries.revoke_slips(tx, account_id, now)
    if person.mobile_bound_at is not None:
        await queries.void_codes(tx, account_id, now)
    await queries.insert_slip(
        tx, token_hash(token), province_id, account_id, institution_id, printed_by, now, now + SLIP_LASTS
    )
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=printed_by,
        action="account.slip_printed",
        subject_id=account_id,
    )
    return token


async def show_slip(
    services: Services,
    throttle: Throttle,
    *,
    token: str,
    document_type: str,
    number: str,
    name: str,
    mobile: str,
    address: str,
) -> str:
    """A slip with the identity number and name that it is for; give the ticket for the next page.

    With a mobile number, where codes are sent, one goes to it; without, the next page asks people to decide.

    Raises:
        Invalid: Something is malformed, or slip, number and name don't belong together.
        TooMany: Too many tries, or too soon after the last code.
    """
    claim = Claim("-", document_type, number, name, mobile)
    digest = token_hash(read_slip_token(token))
    return await _show_slip(services, throttle, claim, digest, address)


async def show_slip_again(services: Services, throttle: Throttle, ticket: str, *, address: str) -> str:
    """Another code for the same slip.

    Raises:
        Conflict: The page before was too long ago.
        Invalid: The slip has ended meanwhile.
        TooMany: Too many tries, or too soon after the last code.
    """
    step = entrance.open_step(services, Purpose.BINDING, ticket)
    digest = bytes.fromhex(step.facts[_SLIP])
    return await _show_slip(services, throttle, step.claim, digest, address)


async def _show_slip(
    services: Services, throttle: Throttle, claim: Claim, digest: bytes, address: str
) -> str:
    await throttle_address(throttle, services.settings, address)
    document, name = entrance.check_person(claim)
    now = services.clock.now()
    code_id = code = None
    async with services.database.tx() as tx:
        slip = await queries.select_optional_slip(tx, digest, now)
        person = await queries.lock_optional_person(tx, slip.account_id) if slip else None
        if (
            person is None
            or person.document_hash != document_hash(services.settings, document)
            or name_key(person.name) != name_key(name)
        ):
            raise Invalid(_BAD_SLIP, code="bad_slip")
        claim = replace(claim, province_id=person.province_id)
        entry = await entrance.entry_of(tx, person.province_id)
        if claim.mobile and entrance.can_send_codes(services, entry):
            checked = entrance.check_claim(claim)
            code_id, code = await codes.new_code(
                tx,
                services,
                purpose=Purpose.BINDING,
                who=entrance.who_claims(services, Purpose.BINDING, checked),
                province_id=person.province_id,
                account_id=person.id,
                mobile_hash=mobile_hash(services.settings, checked.mobile),
            )
    if code is not None:
        services.post.send(checked.mobile, codes.code_text(code))
    return entrance.seal_step(services, Purpose.BINDING, claim, code_id, **{_SLIP: digest.hex()})


async def activate_by_slip(
    services: Services,
    throttle: Throttle,
    ticket: str,
    *,
    code: str,
    new: str,
    again: str,
    address: str,
    device: str = "",
) -> str | None:
    """Take the code and the new password; give the token of a session.

    ``None``: no code was sent, so a request waits for the body or the authority; the slip is used up.

    Raises:
        Conflict: The page before was too long ago, or the account is in use already.
        Invalid: The password must not be taken, the code is wrong or over, or the slip has ended meanwhile.
        TooMany: Too many tries.
    """
    step = entrance.open_step(services, Purpose.BINDING, ticket)
    await throttle_address(throttle, services.settings, address)
    document = parse_document(step.claim.document_type, step.claim.number)
    entrance.check_typed_twice(new, again)
    async with services.database.tx() as tx:
        entry = await entrance.entry_of(tx, step.claim.province_id)
    personal = (document.written, document.canonical, step.claim.mobile)
    entrance.check_new_password(new, entry, personal=personal)
    password_hash = await hash_password(new)
    digest = bytes.fromhex(step.facts[_SLIP])
    now = services.clock.now()
    token = old = None
    proof: queries.Code | Invalid | None = None
    async with services.database.tx() as tx:
        if step.code_id is not None:
            proof = await codes.try_code(tx, services, step.code_id, Purpose.BINDING, code)
        if not isinstance(proof, Invalid):
            person, slip = await _use_slip(tx, digest, now)
            if proof is None:
                await queries.withdraw_activation_requests(tx, person.id, now)
                await queries.insert_activation_request(
                    tx, new_id(), person.province_id, person.id, slip.institution_id, password_hash, now
                )
                await entrance.record(tx, services, person, "account.activation_requested")
            else:
                old = await entrance.bind_proved_mobile(tx, services, person, proof, step.claim.mobile)
                await _take_into_use(tx, services, person, password_hash, by="slip")
                token = await _begin(tx, services, person, device)
    if isinstance(proof, Invalid):
        raise proof
    entrance.tell_old_mobile(services, old, step.claim.mobile)
    return token


async def _use_slip(tx: Tx, digest: bytes, now: datetime) -> tuple[queries.Person, queries.Slip]:
    slip = await queries.select_optional_slip(tx, digest, now)
    if slip is None:
        raise Invalid(_BAD_SLIP, code="bad_slip")
    person = await _lock_inactive(tx, slip.account_id)
    if not await queries.use_slip(tx, digest, now):
        raise Invalid(_BAD_SLIP, code="bad_slip")
    return person, slip


async def open_activation_requests(
    tx: Tx, province_id: str, institution_ids: Collection[UUID]
) -> list[queries.ActivationRequest]:
    """Who waits for people to decide, of these institutions; the oldest first."""
    return await queries.select_open_activation_requests(tx, province_id, list(institution_ids))


async def decide_activation(
    tx: Tx,
    clock: Clock,
    principal: Principal,
    request_id: UUID,
    *,
    institution_ids: Collection[UUID],
    approve: bool,
) -> None:
    """Staff of a body or the authority have seen that it is the person, or that it isn't.

    Args:
        institution_ids: Those that the principal answers for; a request of another is not found.

    Raises:
        Forbidden: The principal is of neither.
        NotFound: No such open request of these institutions.
        Conflict: The account has been taken into use meanwhile.
    """
    if principal.role not in {Role.BODY, Role.AUTHORITY}:
        raise Forbidden("激活申请由考核机构或卫生行政部门核实。")
    request = await queries.lock_optional_activation_request(
        tx, request_id, principal.province_id, list(institution_ids)
    )
    if request is None:
        raise NotFound("没有找到这份激活申请，可能已经处理，请刷新列表。", request=request_id)
    account_id, password_hash = request
    now = clock.now()
    await queries.decide_activation_request(
        tx, request_id, "approved" if approve else "refused", principal.account_id, now
    )
    if approve:
        await _lock_inactive(tx, account_id)
        await queries.set_password(tx, account_id, password_hash, now)
        await queries.unbind_mobile(tx, account_id)  # or whoever has that number could set the password anew
        await _end_other_ways(tx, account_id, now)
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action="account.activation_approved" if approve else "account.activation_refused",
        subject_id=account_id,
    )


def _known(code_id: UUID | None) -> UUID:
    assert code_id is not None  # noqa: S101 - sealed by ask_for_code, which always has one
    return code_id


def _check_still_theirs(person: queries.Person, entry: Entry, proof: queries.Code) -> None:
    """Raises Invalid for a code to a number that the roster has no more, or that needn't be theirs by now."""
    if person.mobile_hash != proof.mobile_hash and (person.mobile_hash or not entry.unlisted_mobile):
        raise codes.over()


async def _check_new_password(services: Services, checked: entrance.Checked, new: str, again: str) -> Entry:
    entrance.check_typed_twice(new, again)
    async with services.database.tx() as tx:
        entry = await entrance.entry_of(tx, checked.province_id)
    personal = (checked.document.written, checked.document.canonical, checked.mobile)
    entrance.check_new_password(new, entry, personal=personal)
    return entry


async def _lock_inactive(tx: Tx, account_id: UUID) -> queries.Person:
    person = await queries.lock_optional_person(tx, account_id)
    if person is None:
        raise Conflict("账号已停用，请联系所在医疗卫生机构。", code="disabled")
    if person.password_hash is not None:
        raise Conflict(_ALREADY, code="already_active", way=("去登录", "/login"))
    return person


async def _take_into_use(
    tx: Tx, services: Services, person: queries.Person, password_hash: str, *, by: str
) -> None:
    now = services.clock.now()
    await queries.set_password(tx, person.id, password_hash, now)
    await _end_other_ways(tx, person.id, now)
    await queries.withdraw_activation_requests(tx, person.id, now)
    await entrance.record(tx, services, person, "account.activated", by=by)


async def _end_other_ways(tx: Tx, account_id: UUID, now: datetime) -> None:
    await queries.revoke_slips(tx, account_id, now)
    await queries.void_codes(tx, account_id, now)


async def _begin(tx: Tx, services: Services, person: queries.Person, device: str) -> str:
    return await begin_session(
        tx,
        services.clock,
        services.settings,
        account_id=person.id,
        province_id=person.province_id,
        role=person.role,
        device=device,
    )
