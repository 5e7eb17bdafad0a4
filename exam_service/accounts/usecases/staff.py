"""Accounts of staff, as the authority of their province keeps them."""

from __future__ import annotations

import re
from uuid import UUID

from exam_service.accounts import queries
from exam_service.accounts.model import Principal, Role
from exam_service.accounts.queries import Colleague
from exam_service.accounts.usecases.passwords import hash_password, new_one_time_password
from exam_service.accounts.usecases.people import add_staff
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.errors import BadFields, NotFound
from exam_service.storage.database import Tx

LONGEST_STAFF_NAME = 40
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}", re.ASCII)


async def colleagues(
    tx: Tx, province_id: str, *, body_id: UUID | None = None, institution_id: UUID | None = None
) -> list[Colleague]:
    """The staff of a body or of an institution, those who can log in first."""
    return await queries.select_colleagues(tx, province_id, body_id, institution_id)


async def colleague(tx: Tx, province_id: str, account_id: UUID) -> Colleague:
    """A member of staff of an institution or a body of this province.

    Raises:
        NotFound: There is none.
    """
    found = await queries.select_optional_colleague(tx, province_id, account_id)
    if found is None:
        raise NotFound("没有找到这个工作人员账号，请返回列表核对。", account=account_id)
    return found


async def employ(
    tx: Tx,
    clock: Clock,
    *,
    province_id: str,
    actor_id: UUID | None,
    role: Role,
    name: str,
    username: str,
    body_id: UUID | None = None,
    institution_id: UUID | None = None,
) -> tuple[str, str]:
    """A new account with a one-time password; gives user name and password, to be told once.

    Raises:
        BadFields: ``name`` or ``username`` is missing, malformed or taken.
    """
    name, username = name.strip(), username.strip().lower()
    problems = {}
    if not 0 < len(name) <= LONGEST_STAFF_NAME or not name.isprintable():
        problems["name"] = f"请填写姓名，不超过{LONGEST_STAFF_NAME}个字。"
    if not _USERNAME.fullmatch(username):
        problems["username"] = "账号须为3至40位小写字母、数字，可用 . _ - 连接。"
    elif await queries.exists_username(tx, username):
        problems["username"] = "这个账号已被使用，请换一个。"
    if problems:
        raise BadFields(problems)
    password = new_one_time_password()
    account_id = await add_staff(
        tx,
        clock,
        province_id=province_id,
        role=role,
        name=name,
        username=username,
        password_hash=await hash_password(password),
        body_id=body_id,
        institution_id=institution_id,
        one_time=True,
    )
    await audit.record(
        tx,
        clock,
        province_id=province_id,
        actor_id=actor_id,
        action="account.staff_added",
        subject_id=account_id,
        facts={"role": role.value, "username": username},
    )
    return username, password


async def disable_staff(tx: Tx, clock: Clock, principal: Principal, person: Colleague) -> None:
    """Nobody logs in with it any more, and who is logged in is out."""
    await queries.update_disabled(tx, person.id, clock.now())
    await queries.delete_other_sessions(tx, person.id, None)  # enabled again, they log in again
    await _record(tx, clock, principal, "account.staff_disabled", person)


async def enable_staff(tx: Tx, clock: Clock, principal: Principal, person: Colleague) -> None:
    """They may log in again."""
    await queries.update_disabled(tx, person.id, None)
    await _record(tx, clock, principal, "account.staff_enabled", person)


async def _record(tx: Tx, clock: Clock, principal: Principal, action: str, person: Colleague) -> None:
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=person.id,
    )
