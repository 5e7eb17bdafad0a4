"""Take a list home: page by page, so that neither memory nor a transaction grows with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal, Role
from exam_service.audit import usecases as audit
from exam_service.clock import in_china
from exam_service.cycles.form_rules import REASON_LONGEST
from exam_service.cycles.model import Cycle, day_in_china
from exam_service.errors import Forbidden, Invalid
from exam_service.institutions.model import CATEGORY_LABELS, LEVEL_LABELS
from exam_service.registration.model import PROCEDURE_LABELS, RESULT_LABELS, label_for_staff
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.filters import Filter, Listed, age_on
from exam_service.registration.reviewing.queries import Narrowed, Scope
from exam_service.registration.reviewing.usecases.listing import narrowed
from exam_service.registration.reviewing.usecases.scoping import newest_scope
from exam_service.wiring import Services

PAGE = 500
HEADER = (
    "医疗卫生机构",
    "科室",
    "姓名",
    "年龄",
    "证件号码",
    "执业类别",
    "医师级别",
    "执业证取得时间",
    "首次注册时间",
    "不良记录",
    "考核程序",
    "状态",
    "考核结论",
    "提交时间",
)


@dataclass(frozen=True)
class Export:
    """What is asked for.

    Attributes:
        wanted: The filter, its states included.
        reason: For whole identity numbers; empty for masked ones.
    """

    wanted: Filter
    whole_numbers: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Exported:
    """What a file is made of: its rows come in pages."""

    title: str
    header: tuple[str, ...]
    pages: AsyncIterator[list[tuple[str, ...]]]


async def export(services: Services, principal: Principal, asked: Export) -> Exported:
    """Start an export; what was asked for is in the journal before the first row leaves, and its count after.

    Raises:
        Forbidden: Whole numbers for an institution, or no scope at all.
        Invalid: Whole numbers without a reason, a reason too long, no cycle.
    """
    if asked.whole_numbers:
        if principal.role is Role.INSTITUTION:
            raise Forbidden("医疗卫生机构导出的证件号码只显示部分数字。", code="masked_only")
        if not asked.reason:
            raise Invalid("导出完整证件号码，请填写用途。", code="no_reason")
    if len(asked.reason) > REASON_LONGEST:
        raise Invalid(f"用途不能超过{REASON_LONGEST}字，请精简后提交。", code="reason_too_long")
    async with services.database.tx() as tx:
        found = await newest_scope(tx, principal)
        if found is None:
            raise Invalid("本省还没有考核周期，没有可以导出的名单。", code="no_cycle")
        scope, cycle = found
        narrow = narrowed(services.clock, asked.wanted)
    pages = _pages(services, principal, asked, scope, cycle, narrow)
    return Exported(cycle.title, HEADER, pages)


async def _pages(
    services: Services, principal: Principal, asked: Export, scope: Scope, cycle: Cycle, narrow: Narrowed
) -> AsyncIterator[list[tuple[str, ...]]]:
    """Each page in a transaction of its own. What was sent so far is counted, also when nobody reads on."""
    after, sent = None, 0
    today = day_in_china(services.clock.now())
    shown = str if asked.whole_numbers else mask
    await _record(services, principal, asked, "registrations.export_asked", None)
    try:
        while True:
            async with services.database.tx() as tx:
                rows = await queries.select_listed(tx, scope, narrow, after, PAGE)
                numbers = await accounts.identity_numbers_of(
                    tx, services.vault, scope.province_id, [row.account_id for row in rows]
                )
            if not rows:
                return
            sent += len(rows)
            yield [_texts(row, shown(numbers.get(row.account_id, "")), cycle, today) for row in rows]
            after = rows[-1].place
    finally:
        await _record(services, principal, asked, "registrations.exported", sent)


def _texts(row: Listed, number: str, cycle: Cycle, today: date) -> tuple[str, ...]:
    age = age_on(row.born_on, today)
    return (
        row.institution,
        row.department or "",
        row.name,
        "" if age is None else str(age),
        number,
        CATEGORY_LABELS[row.category],
        LEVEL_LABELS[row.level],
        _day(row.licensed_on),
        _day(row.first_registered_on),
        "有" if row.has_bad_records else "无",
        PROCEDURE_LABELS[row.procedure],
        label_for_staff(row.state, cycle.policy.labels),
        RESULT_LABELS[row.result] if row.result else "",
        in_china(row.submitted_at).strftime("%Y-%m-%d %H:%M"),
    )


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""


async def _record(
    services: Services, principal: Principal, asked: Export, action: str, rows: int | None
) -> None:
    subject: UUID | None = principal.institution_id or principal.body_id
    facts: dict[str, object] = {"whole_numbers": asked.whole_numbers}
    if asked.whole_numbers:
        facts["reason"] = asked.reason
    if rows is not None:
        facts["rows"] = rows
    async with services.database.tx() as tx:
        await audit.record(
            tx,
            services.clock,
            province_id=principal.province_id,
            actor_id=principal.account_id,
            action=action,
            subject_id=subject,
            facts=facts,
        )
