"""How far physicians are, by institution or by department."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from exam_service.accounts.model import Principal, Role
from exam_service.cycles.model import Cycle
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.filters import PAGE_SIZE, Column, Progress, ProgressPlace
from exam_service.registration.reviewing.usecases.scoping import newest_scope
from exam_service.wiring import Services


@dataclass(frozen=True)
class ProgressPage:
    """A page of institutions, or all departments of one.

    Attributes:
        cycle: The newest; ``None`` where the province has none.
        total: Of the whole scope, whatever the page shows.
        after: Where the next page begins.
    """

    cycle: Cycle | None
    rows: list[Progress]
    total: Progress
    after: ProgressPlace | None


async def progress(
    services: Services,
    principal: Principal,
    column: Column = Column.SHARE,
    after: ProgressPlace | None = None,
    *,
    largest_first: bool = False,
) -> ProgressPage:
    """Progress in the newest cycle: of an institution by department, else by institution.

    Raises:
        Forbidden: They work for no institution, body or health administration.
    """
    async with services.database.tx() as tx:
        found = await newest_scope(tx, principal)
        if found is None:
            return ProgressPage(None, [], Progress(None, "合计"), None)
        scope, cycle = found
        total = await queries.select_progress_total(tx, scope, "合计")
        if principal.role is Role.INSTITUTION:
            rows = await queries.select_progress_of_departments(tx, scope, "未填写科室")
            return ProgressPage(cycle, rows, total, None)
        if column is Column.NAME:
            rows = await queries.select_progress_by_name(tx, scope, after, PAGE_SIZE + 1)
        else:
            rows = await queries.select_progress(
                tx, scope, column, largest_first=largest_first, after=after, limit=PAGE_SIZE + 1
            )
    more = len(rows) > PAGE_SIZE
    rows = rows[:PAGE_SIZE]
    return ProgressPage(cycle, rows, total, _place(rows[-1], column) if more else None)


def _place(row: Progress, column: Column) -> ProgressPlace:
    assert isinstance(row.id, UUID)  # noqa: S101 - only totals and those of no department have none
    return ProgressPlace(row.name if column is Column.NAME else str(row.figure(column)), row.id)
