"""设备自检: any day before a paper, whether camera, light and face will do; it never admits to one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Principal
from exam_service.errors import NotFound
from exam_service.proctor import queries
from exam_service.proctor.identification import REHEARSAL_HOLDS
from exam_service.registration import usecases as registration
from exam_service.wiring import Services

_NUMBER_DIGITS = 8


@dataclass(frozen=True)
class RehearsalPass:
    """A passed rehearsal that can be shown.

    Attributes:
        compared: Whether the face was compared with a reviewed registration photo.
        same_device: Whether it was passed in the browser that asks.
    """

    number: str
    name: str
    passed_at: datetime
    valid_until: datetime
    device: str
    compared: bool
    same_device: bool


@dataclass(frozen=True)
class RehearsalPage:
    """What the page needs: whether frames may be sent and compared, and a pass that still holds.

    Attributes:
        turns: Whether they will be asked to turn the head.
    """

    consented: bool
    has_reference: bool
    turns: bool
    newest: RehearsalPass | None


async def rehearsal_page(services: Services, principal: Principal, device_hash: bytes) -> RehearsalPage:
    """The rehearsal of the physician's newest registration.

    Raises:
        NotFound: No cycle has this physician.
    """
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            raise NotFound("您尚未被纳入考核周期，暂时不需要设备自检。", code="no_registration")
        own = entitled.registration
        consented = await accounts.has_face_consent(tx, principal.account_id)
        has_reference = await queries.exists_reference(tx, own.id)
        passed = await queries.select_optional_passed_rehearsal(tx, own.id)
    newest = None
    if passed is not None and passed.passed_at is not None:
        valid_until = passed.passed_at + REHEARSAL_HOLDS
        if services.clock.now() < valid_until:
            newest = RehearsalPass(
                number=passed.id.hex[-_NUMBER_DIGITS:].upper(),
                name=principal.name,
                passed_at=passed.passed_at,
                valid_until=valid_until,
                device=passed.device,
                compared=passed.compared,
                same_device=passed.device_hash == device_hash,
            )
    return RehearsalPage(consented, has_reference, entitled.cycle.policy.liveness, newest)


async def rehearsal_pass(services: Services, principal: Principal, device_hash: bytes) -> RehearsalPass:
    """The pass to show.

    Raises:
        NotFound: No rehearsal was passed, or it was too long ago.
    """
    page = await rehearsal_page(services, principal, device_hash)
    if page.newest is None:
        raise NotFound("还没有通过设备自检，或已超过有效期，请重新自检。", code="no_rehearsal_pass")
    return page.newest
