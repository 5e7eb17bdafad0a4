"""科室: an institution's own, each with the national subjects that it covers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import BadFields, Conflict
from exam_service.ids import new_id
from exam_service.institutions import queries
from exam_service.institutions.catalogue import specialties_of_subjects
from exam_service.institutions.model import Department, read_department
from exam_service.storage.database import Database, Tx

PAGE = 50
_MOST = 1000
_TAKEN = "本机构已有同名科室，请换一个名称。"


@dataclass(frozen=True)
class DepartmentPage:
    rows: list[Department]
    next_cursor: UUID | None


async def departments(tx: Tx, institution_id: UUID, province_id: str) -> list[Department]:
    """Those of an institution that are in use, in the order they were made."""
    return await queries.select_departments(tx, institution_id, province_id, stopped=False, limit=_MOST)


def specialties_of(department: Department) -> tuple[str, ...]:
    """What a physician of the department may choose as 从事专业: names of 诊疗科目."""
    return specialties_of_subjects(department.subjects)


async def department_of(tx: Tx, department_id: UUID, institution_id: UUID, province_id: str) -> Department:
    """A department of this institution, stopped or not.

    Raises:
        NotFound: It has none of that id.
    """
    return await queries.select_department(tx, department_id, institution_id, province_id)


async def count_departments(tx: Tx, institution_id: UUID, province_id: str) -> int:
    """How many are in use."""
    return await queries.count_departments(tx, institution_id, province_id)


async def list_departments(
    database: Database,
    principal: Principal,
    *,
    name: str = "",
    stopped: bool | None = None,
    after: UUID | None = None,
) -> DepartmentPage:
    """A page of one's own institution's, those whose name has ``name`` in it."""
    institution_id = principal.of_institution()
    pattern = f"%{_literal(name.strip())}%" if name.strip() else None
    async with database.tx() as tx:
        found = await queries.select_departments(
            tx,
            institution_id,
            principal.province_id,
            pattern=pattern,
            stopped=stopped,
            after=after,
            limit=PAGE + 1,
        )
    return DepartmentPage(found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else None)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def add_department(
    database: Database, clock: Clock, principal: Principal, *, name: str, subjects: Sequence[str]
) -> UUID:
    """A new department of one's own institution.

    Raises:
        BadFields: Name or subjects can't be taken, or the name is another's.
    """
    institution_id = principal.of_institution()
    plain, codes = read_department(name, list(subjects))
    department = Department(new_id(), principal.province_id, institution_id, plain, codes, None)
    async with database.tx() as tx:
        if not await queries.insert_department(tx, department, clock.now()):
            raise BadFields({"name": _TAKEN})
        await _record(tx, clock, principal, "department.added", department.id, name=plain, subjects=codes)
    return department.id


async def amend_department(
    database: Database,
    clock: Clock,
    principal: Principal,
    department_id: UUID,
    *,
    name: str,
    subjects: Sequence[str],
) -> None:
    """Another name, other subjects.

    Raises:
        NotFound: It isn't one of theirs.
        BadFields: Name or subjects can't be taken, or the name is another's.
    """
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        await queries.select_department(tx, department_id, institution_id, principal.province_id)
        plain, codes = read_department(name, list(subjects))
        if not await queries.update_department(
            tx, department_id, institution_id, principal.province_id, plain, codes
        ):
            raise BadFields({"name": _TAKEN})
        await _record(tx, clock, principal, "department.amended", department_id, name=plain, subjects=codes)


async def stop_department(
    database: Database, clock: Clock, principal: Principal, department_id: UUID
) -> None:
    """停用: nobody new is put into it; who is in it stays. Stopped again, nothing changes.

    Raises:
        NotFound: It isn't one of theirs.
    """
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        own = await queries.select_department(tx, department_id, institution_id, principal.province_id)
        if own.stopped_at is None:
            await queries.update_department_stopped(
                tx, department_id, institution_id, principal.province_id, clock.now()
            )
            await _record(tx, clock, principal, "department.stopped", department_id)


async def reopen_department(
    database: Database, clock: Clock, principal: Principal, department_id: UUID
) -> None:
    """开启 what was stopped.

    Raises:
        NotFound: It isn't one of theirs.
    """
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        own = await queries.select_department(tx, department_id, institution_id, principal.province_id)
        if own.stopped_at is not None:
            await queries.update_department_stopped(
                tx, department_id, institution_id, principal.province_id, None
            )
            await _record(tx, clock, principal, "department.reopened", department_id)


async def delete_department(
    database: Database, clock: Clock, principal: Principal, department_id: UUID
) -> None:
    """Delete one that nobody was ever in.

    Raises:
        NotFound: It isn't one of theirs.
        Conflict: It is used.
    """
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        own = await queries.select_department(tx, department_id, institution_id, principal.province_id)
        if own.is_used or not await queries.delete_department(
            tx, department_id, institution_id, principal.province_id
        ):
            raise Conflict(
                f"科室“{own.name}”已有医师或报名信息，不能删除；不再使用的，请点“停用”。",
                code="department_used",
                department=department_id,
            )
        await _record(tx, clock, principal, "department.deleted", department_id, name=own.name)


async def _record(
    tx: Tx, clock: Clock, principal: Principal, action: str, department_id: UUID, **facts: object
) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=department_id,
        facts=facts,
    )
