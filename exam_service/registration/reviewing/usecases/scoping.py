"""Whose registrations a member of staff works on."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts.model import Principal, Role
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import ReviewLevel
from exam_service.errors import NotFound
from exam_service.registration.model import Registration
from exam_service.registration.reviewing.queries import Scope
from exam_service.storage.database import Tx


def level_of(principal: Principal) -> ReviewLevel:
    """Which of the two levels somebody decides for.

    Raises:
        Forbidden: For neither.
    """
    if principal.role is Role.INSTITUTION:
        principal.of_institution()
        return ReviewLevel.INSTITUTION
    principal.of_body()
    return ReviewLevel.BODY


async def newest_scope(tx: Tx, principal: Principal) -> tuple[Scope, Cycle] | None:
    """The principal's part of the province's newest cycle; ``None`` before there is one.

    Raises:
        Forbidden: They work for no institution, body or health administration.
    """
    body_id: UUID | None = None
    institution_id: UUID | None = None
    if principal.role is Role.INSTITUTION:
        institution_id = principal.of_institution()
    elif principal.role is Role.AUTHORITY:
        principal.of_authority()
    else:
        body_id = principal.of_body()
    cycle = await cycles.newest_cycle(tx, principal.province_id)
    if cycle is None:
        return None
    return Scope(cycle.id, cycle.province_id, body_id, institution_id), cycle


def office_of(principal: Principal) -> UUID:
    """The institution or body that a reviewer works for.

    Raises:
        Forbidden: Neither.
    """
    return principal.of_institution() if principal.role is Role.INSTITUTION else principal.of_body()


def is_theirs(principal: Principal, registration: Registration) -> bool:
    """Whether a registration lies with the principal's institution or body."""
    level = level_of(principal)
    owner = registration.institution_id if level is ReviewLevel.INSTITUTION else registration.body_id
    return owner == office_of(principal)


def check_is_theirs(principal: Principal, registration: Registration) -> None:
    """Raises NotFound for a registration of others, and for one that was never submitted."""
    if not is_theirs(principal, registration) or registration.submitted_at is None:
        raise NotFound("没有找到这份报名信息。", registration=registration.id)
