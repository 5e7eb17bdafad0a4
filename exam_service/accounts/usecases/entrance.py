"""Who somebody says they are, and the code that proves it: what activation and recovery share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TypeVar
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.identity import (
    Document,
    mask,
    name_key,
    parse_document,
    parse_mobile,
    tidy_name,
)
from exam_service.accounts.model import CODE_LASTS, Purpose
from exam_service.accounts.passwords import check_password
from exam_service.accounts.tickets import open_ticket, seal_ticket
from exam_service.accounts.usecases import codes
from exam_service.accounts.usecases.people import document_hash, mobile_hash, seal_mobile
from exam_service.accounts.usecases.throttling import Throttle, throttle_entrance
from exam_service.audit import usecases as audit
from exam_service.crypto.hashes import keyed_hash
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.organisations import usecases as organisations
from exam_service.organisations.entry import Entry
from exam_service.storage.database import Tx
from exam_service.wiring import Services

T = TypeVar("T")

UNLISTED = "unlisted"
_STEP_LASTS = 2 * CODE_LASTS
_TOO_LATE = "页面已超时，请从头填写一次。"


@dataclass(frozen=True, repr=False)
class Claim:
    """Who somebody says they are, as they typed it."""

    province_id: str
    document_type: str
    number: str
    name: str
    mobile: str


@dataclass(frozen=True, repr=False)
class Checked:
    """A claim that is well formed."""

    province_id: str
    document: Document
    name: str
    mobile: str


@dataclass(frozen=True)
class Awaited:
    """What the page that takes the code says.

    Attributes:
        masked_mobile: The number that was typed.
        is_sent: A code is awaited; without, people decide.
        may_be_unlisted: It may have gone to the number that was typed though the roster has none.
    """

    province_id: str
    masked_mobile: str
    is_sent: bool
    may_be_unlisted: bool


def check_claim(claim: Claim) -> Checked:
    """Raises Invalid, with the field's name in ``fields``, where something is malformed."""
    if not claim.province_id:
        raise Invalid("请选择执业所在省份。", code="bad_province", field="province")
    document, name = check_person(claim)
    mobile = _of_field("mobile", lambda: parse_mobile(claim.mobile))
    return Checked(claim.province_id, document, name, mobile)


def check_person(claim: Claim) -> tuple[Document, str]:
    """Document and name, as :func:`check_claim` does; the mobile number may be missing."""
    document = _of_field("number", lambda: parse_document(claim.document_type, claim.number))
    name = _of_field("name", lambda: tidy_name(claim.name))
    if claim.mobile:
        _of_field("mobile", lambda: parse_mobile(claim.mobile))
    return document, name


def _of_field(field: str, parse: Callable[[], T]) -> T:
    try:
        return parse()
    except Invalid as error:
        raise Invalid(error.sentence, code=error.code, field=field) from None


async def entry_of(tx: Tx, province_id: str) -> Entry:
    """How a province lets its people in.

    Raises:
        Invalid: There is no such province.
    """
    try:
        return (await organisations.province(tx, province_id)).entry
    except NotFound:
        raise Invalid("请选择执业所在省份。", code="bad_province", field="province") from None


def can_send_codes(services: Services, entry: Entry) -> bool:
    """Whether codes reach people here: the province wants them, and the service has a way to send."""
    return entry.mobile_code and services.post.can_send


def check_codes_can_be_sent(services: Services, entry: Entry) -> None:
    """Raises Conflict, which points to the slip, where they don't."""
    if not can_send_codes(services, entry):
        raise Conflict(
            "本省暂不能发送短信验证码，请向所在医疗卫生机构领取激活单。",
            code="no_codes",
            way=("我有激活单", "/activate/slip"),
        )


def check_typed_twice(password: str, again: str) -> None:
    """Raises Invalid when the two are not the same."""
    if password != again:
        raise Invalid("两次输入的密码不一致，请重新输入。", code="passwords_differ", field="again")


def check_new_password(password: str, entry: Entry, *, personal: tuple[str, ...]) -> None:
    """Raises Invalid, for the field ``new``, when somebody must not take this password."""
    try:
        check_password(password, personal=personal, shared_word=entry.shared_word)
    except Invalid as error:
        raise Invalid(error.sentence, code=error.code, field="new") from None


def who_claims(services: Services, purpose: Purpose, checked: Checked) -> bytes:
    """Keyed hash of a claim without its mobile number: what codes are counted by."""
    return keyed_hash(
        services.settings.key("lookup_key"),
        "claim",
        purpose,
        checked.province_id,
        document_hash(services.settings, checked.document),
        name_key(checked.name),
    )


async def throttle_claim(services: Services, throttle: Throttle, checked: Checked, address: str) -> None:
    """Raises TooMany: too many tries from the address, or at the document."""
    key = services.settings.key("lookup_key")
    digest = document_hash(services.settings, checked.document)
    who = keyed_hash(key, "entrance", checked.province_id, digest).hex()[:32]
    await throttle_entrance(throttle, services.settings, who, address)


def seal_step(services: Services, purpose: Purpose, claim: Claim, code_id: UUID | None, **more: str) -> str:
    """What the browser carries to the page that takes the code."""
    facts = {**asdict(claim), "code": str(code_id or ""), **more}
    return seal_ticket(services.settings, purpose, facts, now=services.clock.now(), lasts=_STEP_LASTS)


@dataclass(frozen=True, repr=False)
class Step:
    """What was sealed for the next page."""

    claim: Claim
    code_id: UUID | None
    facts: dict[str, str]


def open_step(services: Services, purpose: Purpose, ticket: str) -> Step:
    """Raises Conflict when it is none of ours, or too old."""
    facts = open_ticket(services.settings, purpose, ticket, now=services.clock.now())
    if facts is None:
        raise Conflict(_TOO_LATE, code="step_over", way=("重新开始", "/login"))
    claim = Claim(*(facts.pop(name) for name in ("province_id", "document_type", "number", "name", "mobile")))
    code = facts.pop("code")
    return Step(claim, UUID(code) if code else None, facts)


def awaited(services: Services, purpose: Purpose, ticket: str) -> Awaited:
    """What to say on the page that takes the code; it tells nothing that wasn't typed.

    Raises:
        Conflict: Too much time has passed since the page before.
    """
    step = open_step(services, purpose, ticket)
    mobile = step.claim.mobile
    masked = mask(parse_mobile(mobile)) if mobile else ""
    return Awaited(step.claim.province_id, masked, step.code_id is not None, bool(step.facts.get(UNLISTED)))


async def bind_proved_mobile(
    tx: Tx, services: Services, person: queries.Person, code: queries.Code, typed: str
) -> str | None:
    """Bind the number that the code reached; give the old one where it was another, to be told.

    Raises:
        Conflict: It is bound to somebody else.
    """
    old = await mobile_of(tx, services, person)
    if old is not None and person.mobile_hash == code.mobile_hash:
        proved, old = old, None
    else:
        proved = parse_mobile(typed)
    await queries.bind_mobile(
        tx,
        person.id,
        await seal_mobile(tx, services.vault, person.id, person.province_id, proved),
        mobile_hash(services.settings, proved),
        services.clock.now(),
    )
    return old if person.mobile_bound_at is not None else None


async def mobile_of(tx: Tx, services: Services, person: queries.Person) -> str | None:
    """The account's mobile number, decrypted."""
    if person.mobile is None:
        return None
    return (await services.vault.open(tx, person.mobile, person.id)).decode()


def tell_old_mobile(services: Services, old: str | None, new: str) -> None:
    """After the transaction: who holds the old number learns of it."""
    if old is not None and services.post.can_send:
        services.post.send(
            old, f"您的账号已改绑手机号{mask(new)}。如非本人操作，请立即联系所在医疗卫生机构重置密码。"
        )


async def record(tx: Tx, services: Services, person: queries.Person, action: str, **facts: str) -> None:
    """An act of the person's own."""
    await audit.record(
        tx,
        services.clock,
        province_id=person.province_id,
        actor_id=person.id,
        action=action,
        subject_id=person.id,
        facts=facts,
    )


async def ask_for_code(
    services: Services,
    throttle: Throttle,
    purpose: Purpose,
    claim: Claim,
    *,
    address: str,
    find: Callable[[Tx, Checked], Awaitable[Recipient]],
    **more: str,
) -> str:
    """Send a code to whom ``find`` finds, if anybody; give the ticket for the page that takes it.

    What comes back, and when, is the same whether there is such a person or not.

    Raises:
        Invalid: Something typed is malformed.
        Conflict: No codes are sent here.
        TooMany: Too many tries, or too soon after the last.
    """
    checked = check_claim(claim)
    await throttle_claim(services, throttle, checked, address)
    async with services.database.tx() as tx:
        check_codes_can_be_sent(services, await entry_of(tx, checked.province_id))
        to = await find(tx, checked)
        code_id, code = await codes.new_code(
            tx,
            services,
            purpose=purpose,
            who=who_claims(services, purpose, checked),
            province_id=checked.province_id,
            account_id=to.account_id,
            mobile_hash=mobile_hash(services.settings, to.mobile),
        )
    if to.text is not None:
        services.post.send(to.mobile, to.text)
    elif code is not None:
        services.post.send(to.mobile, codes.code_text(code))
    return seal_step(services, purpose, claim, code_id, **more)


@dataclass(frozen=True, repr=False)
class Recipient:
    """Where a code goes.

    Attributes:
        account_id: ``None`` when nobody is to get one.
        text: What is sent instead of a code.
    """

    account_id: UUID | None
    mobile: str
    text: str | None = None


async def find_claimed(tx: Tx, services: Services, checked: Checked) -> queries.Person | None:
    """The physician of that document, if the name is theirs too."""
    person = await queries.select_optional_person_by_document(
        tx, checked.province_id, document_hash(services.settings, checked.document)
    )
    if person is None or name_key(person.name) != name_key(checked.name):
        return None
    return person
