"""Filling a new installation from the command line, in named servers or the embedded ones of a directory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.audit import usecases as audit
from exam_service.clock import SystemClock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.organisations import usecases as organisations
from exam_service.settings import load_settings
from exam_service.storage.database import Database, Tx
from exam_service.storage.migrate import migrate
from exam_service.supervisor import servers

T = TypeVar("T")
Work = Callable[[Tx], Awaitable[T]]


def run(data: Path, work: Work[T]) -> T:
    """Do ``work`` in one transaction of a database that is up to date.

    Raises:
        DomainError: It can't be done; nothing was stored.
        Misconfigured: A setting is missing or wrong.
    """

    async def connected() -> T:
        settings = load_settings()
        await migrate(settings.database_url)
        database = await Database.connect(settings.database_url, pool_size=2)
        try:
            async with database.tx() as tx:
                return await work(tx)
        finally:
            await database.close()

    with servers(data, join=True):
        return asyncio.run(connected())


def add_province(province_id: str, name: str, authority: str) -> Work[None]:
    """A province with its health administration."""

    async def work(tx: Tx) -> None:
        await organisations.add_province(tx, province_id, name, authority)
        await audit.record(
            tx,
            SystemClock(),
            province_id=province_id,
            actor_id=None,
            action="province.added",
            subject_id=None,
            facts={"name": name, "authority": authority},
        )

    return work


def add_staff(province_id: str, role: str, username: str, name: str) -> Work[tuple[str, str]]:
    """An account of a province's authority or operator; gives user name and one-time password."""

    async def work(tx: Tx) -> tuple[str, str]:
        await organisations.province(tx, province_id)
        return await accounts.employ(
            tx,
            SystemClock(),
            province_id=province_id,
            actor_id=None,
            role=Role(role),
            name=name,
            username=username,
        )

    return work


def cycles_of(province_id: str | None) -> Work[list[Cycle]]:
    """The cycles of a province or of all, in order of their opening."""

    async def work(tx: Tx) -> list[Cycle]:
        return await cycles.all_cycles(tx, province_id)

    return work
