"""Another device wants to go on with a paper: the face check, or going on without while none is possible."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.errors import Conflict, Unavailable
from exam_service.papers import usecases as papers
from exam_service.papers.model import UNDER_WAY, Attempt
from exam_service.proctor import queries
from exam_service.proctor.identification import IdentityState
from exam_service.proctor.model import Purpose
from exam_service.proctor.usecases.streaming import FrameQueue
from exam_service.wiring import Services

_FOR_A_PERSON = frozenset({IdentityState.WAITING, IdentityState.REFUSED})


@dataclass(frozen=True)
class TakeoverPage:
    """What the page needs on which a second device asks for the paper.

    Attributes:
        needed: Another device has the paper, and this one may not take it over yet.
        proctor_away: No face can be checked now.
    """

    attempt: Attempt
    label: str
    consented: bool
    needed: bool
    proctor_away: bool


async def takeover_page(
    services: Services, queue: FrameQueue, principal: Principal, attempt_id: UUID, device_hash: bytes
) -> TakeoverPage:
    """An attempt as a device sees it that may want to take it over.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: People watch it, who can release the other device.
    """
    async with services.database.tx() as tx:
        attempt = await papers.own_attempt(tx, principal, attempt_id)
        label = await papers.label_of(tx, attempt)
        consented = await accounts.has_face_consent(tx, principal.account_id)
        needed = attempt.state in UNDER_WAY and await papers.needs_takeover(
            tx, attempt, device_hash, services.clock.now()
        )
    if needed and attempt.watched:
        raise Conflict("本次为现场监考，更换设备请联系现场工作人员。", code="watched")
    return TakeoverPage(attempt, label, consented, needed, needed and await _is_away(queue))


async def take_over_unverified(
    services: Services, queue: FrameQueue, principal: Principal, attempt_id: UUID, device_hash: bytes
) -> None:
    """Let this device go on without a face check, because nobody could check a face; a person looks later.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: Faces can be checked, or were not recognised here: a person decides, who needs no queue.
    """
    page = await takeover_page(services, queue, principal, attempt_id, device_hash)
    if not page.needed:
        return
    if not page.proctor_away:
        raise Conflict("监考服务已恢复，请完成人脸核验后继续。", code="proctor_is_back")
    async with services.database.tx() as tx:
        newest = await queries.select_optional_newest_identity_check(
            tx, page.attempt.registration_id, attempt_id, Purpose.TAKEOVER
        )
        if newest is not None and newest.state in _FOR_A_PERSON:
            raise Conflict("换设备核验尚未通过，请联系考核机构工作人员处理。", code="takeover_not_passed")
        await papers.allow_takeover(
            tx,
            services.clock,
            attempt_id,
            principal.province_id,
            device_hash,
            verified=False,
            actor_id=principal.account_id,
        )


async def _is_away(queue: FrameQueue) -> bool:
    try:
        await queue.waiting()
    except Unavailable:
        return True
    return False
