"""The paper page: its lease, handing in, the result and the body's word on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.policy import Policy
from exam_service.errors import Conflict, NotFound
from exam_service.papers import queries, timing
from exam_service.papers.model import Attempt, AttemptClosed, LeaseLost, State
from exam_service.papers.oversight import Notice
from exam_service.papers.usecases.attempts import (
    close,
    label_of,
    lock_own,
    mark,
    move,
    own_attempt,
    settled,
    topic,
)
from exam_service.papers.usecases.oversight import notices_of
from exam_service.papers.usecases.presence import be_heard
from exam_service.papers.usecases.takeover import needs_takeover
from exam_service.questions import usecases as questions
from exam_service.questions.model import Item
from exam_service.storage.database import Database, Tx
from exam_service.storage.vault import Vault
from exam_service.wiring import Services


@dataclass(frozen=True)
class OpenPaper:
    """What the paper page gets: the items in this attempt's order, and the answers so far.

    Attributes:
        outbox_key: 32 bytes, for what the browser keeps until it is sent.
    """

    attempt: Attempt
    label: str
    items: tuple[Item, ...]
    answers: dict[UUID, UUID | None]
    time_left: timedelta
    outbox_key: bytes
    policy: Policy
    notices: list[Notice]


async def take_lease(
    services: Services, principal: Principal, attempt_id: UUID, device_hash: bytes
) -> OpenPaper:
    """A page opens the paper: it gets a new epoch, the one before becomes read-only and is told at once.

    The device that has the paper gets it again without a word; another one has to pass a face check first.

    Args:
        device_hash: Of the browser, 32 bytes.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: Not admitted yet (code ``not_admitted``), over (``attempt_closed``), or on another device
            (``takeover_needed``).
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await lock_own(tx, principal, attempt_id)
        if attempt.state is State.PREPARED:
            raise Conflict("请先完成设备与身份核验。", code="not_admitted")
        attempt = await settled(tx, services.clock, attempt)
        if attempt.deadline is None or attempt.is_over or now >= attempt.deadline:
            raise AttemptClosed
        if await needs_takeover(tx, attempt, device_hash, now):
            raise Conflict("本卷正在另一台设备上作答，在本机继续前需核验身份。", code="takeover_needed")
        if attempt.state is State.ADMITTED:
            attempt = await move(
                tx, attempt, State.RUNNING, cause="paper_opened", actor_id=principal.account_id, at=now
            )
        attempt = replace(attempt, lease_epoch=attempt.lease_epoch + 1, device_hash=device_hash)
        await queries.update_lease(tx, attempt.id, attempt.lease_epoch, device_hash, now)
        await be_heard(tx, [attempt], now)
        if attempt.lease_epoch > 1:
            tx.after_commit(lambda: services.signals.publish(topic(attempt_id), str(attempt_id)))
        paper = await queries.select_paper(tx, attempt.id)
        items = await questions.items_by_id(tx, [item_id for item_id, _ in paper])
        answers = await queries.select_answers(tx, attempt.id)
        cycle = await cycles.cycle_of(tx, attempt.cycle_id, attempt.province_id)
        notices = (await notices_of(tx, [attempt]))[attempt.id]
    return OpenPaper(
        attempt,
        cycle.policy.label(attempt.subject),
        tuple(_in_order(items[item_id], option_ids) for item_id, option_ids in paper),
        answers,
        timing.time_left(attempt.deadline or now, now),
        outbox_key(services.vault, attempt.id),
        cycle.policy,
        notices,
    )


def outbox_key(vault: Vault, attempt_id: UUID) -> bytes:
    """The AES-256 key of what a browser keeps of this attempt until it is sent, and of what it exports."""
    return vault.derived_key("outbox", str(attempt_id))


async def watermark(services: Services, principal: Principal) -> str:
    """What stands behind the text of the paper: whose it is, so that a photograph of it says so."""
    async with services.database.tx() as tx:
        number = await accounts.identity_number_of(
            tx, services.vault, principal.account_id, principal.province_id
        )
    return f"{principal.name} {mask(number or '')}".strip()


def _in_order(item: Item, option_ids: Sequence[UUID]) -> Item:
    by_id = {option.id: option for option in item.options}
    return replace(item, options=tuple(by_id[option_id] for option_id in option_ids))


async def hand_in(
    services: Services,
    principal: Principal,
    attempt_id: UUID,
    epoch: int,
    device_hash: bytes | None = None,
) -> Attempt:
    """Hand in and mark, exactly once; handing in what is handed in gives the same result.

    Raises:
        NotFound: Not this physician's attempt.
        LeaseLost: A newer page or another device has the paper.
        Unavailable: The service was away, and what it owes the paper isn't reckoned up yet.
        Conflict: It was never opened.
    """
    now = services.clock.now()
    async with services.database.tx() as tx:
        attempt = await lock_own(tx, principal, attempt_id)
        if attempt.is_over:
            return attempt
        if epoch != attempt.lease_epoch or attempt.is_elsewhere(device_hash):
            raise LeaseLost
        attempt = await settled(tx, services.clock, attempt)
        if attempt.state not in {State.RUNNING, State.CLOSING}:
            raise Conflict("试卷尚未打开，不能交卷。", code="not_running")
        by = principal.account_id
        attempt = await close(
            tx,
            services.signer,
            attempt,
            cause="handed_in",
            actor_id=by,
            at=now,
            closed_at=min(now, attempt.deadline or now),
            handed_in_at=now,
        )
        await audit.record(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=by,
            action="attempt.handed_in",
            subject_id=attempt.id,
        )
        return await mark(tx, services.clock, attempt)


async def confirm(
    tx: Tx, clock: Clock, attempt_id: UUID, province_id: str, *, passed: bool, actor_id: UUID
) -> Attempt:
    """The body's word on a marked attempt.

    Raises:
        Conflict: It isn't awaiting one (any more).
    """
    attempt = await queries.lock_optional_attempt(tx, attempt_id, province_id)
    if attempt is None:
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    if not attempt.awaits_confirmation:
        raise Conflict("这次测评不在待评定状态，可能已由他人评定，请刷新页面查看。", code="not_awaiting")
    attempt = await move(tx, attempt, State.CONFIRMED, cause="confirmed", actor_id=actor_id, at=clock.now())
    await queries.update_passed(tx, attempt.id, passed=passed)
    return replace(attempt, passed=passed)


async def result(database: Database, principal: Principal, attempt_id: UUID) -> tuple[Attempt, str]:
    """An own attempt with what its paper is called.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        return attempt, await label_of(tx, attempt)


async def answers_of(database: Database, principal: Principal, attempt_id: UUID) -> dict[UUID, UUID | None]:
    """The current answers of an own attempt, by item.

    Raises:
        NotFound: Not this physician's attempt.
    """
    async with database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        return await queries.select_answers(tx, attempt.id)
