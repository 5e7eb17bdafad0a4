"""The authority opens a cycle, changes its days, and sees how it stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles import queries
from exam_service.cycles.model import Cycle, CycleBody
from exam_service.cycles.plan import Plan, check_change, check_plan, plan_of, typed
from exam_service.cycles.policy import Policy, preset_names, read_preset
from exam_service.cycles.usecases import open_cycle
from exam_service.errors import BadFields, Conflict, Misconfigured
from exam_service.storage.database import Tx
from exam_service.wiring import Services


@dataclass(frozen=True)
class Overview:
    """A cycle with its bodies.

    Attributes:
        unassigned: Institutions of the province without a body in it.
        before: The cycle before it, whose bodies and assignments may be carried over.
    """

    cycle: Cycle
    bodies: list[CycleBody]
    unassigned: int
    before: Cycle | None


@dataclass(frozen=True)
class Choice:
    """A preset to choose: its name, and what people call it (None of a file that is wrong)."""

    name: str
    title: str | None


def presets(services: Services, principal: Principal) -> list[Choice]:
    """All presets, those made for the own province first.

    Raises:
        Forbidden: Not staff of an authority.
    """
    province_id = principal.of_authority()
    names = sorted(
        preset_names(services.settings.presets_dir), key=lambda name: not name.startswith(f"{province_id}-")
    )
    return [Choice(name, _title(services, name)) for name in names]


def _title(services: Services, name: str) -> str | None:
    try:
        return read_preset(name, services.settings.presets_dir).labels["preset"]
    except Misconfigured:
        return None


def preset(services: Services, name: str) -> Policy:
    """A preset by its name.

    Raises:
        BadFields: There is none of that name, or the operator's file is wrong.
    """
    try:
        return read_preset(name, services.settings.presets_dir)
    except Misconfigured as error:
        raise BadFields({"preset": f"这个政策模板不能使用，请联系系统管理员：{error}"}) from None


async def open_planned(services: Services, principal: Principal, preset_name: str, plan: Plan) -> Cycle:
    """Open a cycle of the own province.

    Raises:
        Forbidden: Not staff of an authority.
        BadFields: No such preset, or days that can't be.
    """
    province_id = principal.of_authority()
    policy = preset(services, preset_name)
    check_plan(plan, policy)
    assert plan.tests  # noqa: S101 - checked just now
    makeup_from, makeup_until = plan.makeup or (None, None)
    async with services.database.tx() as tx:
        cycle = await open_cycle(
            tx,
            services.clock,
            province_id=province_id,
            title=plan.title,
            tests_from=plan.tests[0],
            tests_until=plan.tests[1],
            policy=policy,
            makeup_from=makeup_from,
            makeup_until=makeup_until,
            stages=plan.stages,
        )
        await _record(tx, services, principal, "cycle.opened", cycle.id, preset=preset_name, **typed(plan))
    return cycle


async def change_plan(services: Services, principal: Principal, cycle_id: UUID, plan: Plan) -> Cycle:
    """Change title and days of a cycle.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such cycle in this province.
        BadFields: Days that can't be, or that would be moved into the past.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await queries.lock_cycle(tx, cycle_id, province_id)
        check_plan(plan, cycle.policy)
        check_change(plan_of(cycle), plan, services.clock.now())
        assert plan.tests  # noqa: S101 - checked just now
        makeup_from, makeup_until = plan.makeup or (None, None)
        changed = replace(
            cycle,
            title=plan.title,
            tests_from=plan.tests[0],
            tests_until=plan.tests[1],
            makeup_from=makeup_from,
            makeup_until=makeup_until,
            stages=plan.stages,
        )
        await queries.update_plan(tx, changed)
        was, now = typed(plan_of(cycle)), typed(plan)
        names = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        facts = {name: f"{was.get(name, '')} → {now.get(name, '')}" for name in names}
        await _record(tx, services, principal, "cycle.changed", cycle.id, **facts)
    return changed


async def cycles_of(services: Services, principal: Principal) -> list[Cycle]:
    """The cycles of the own province, the newest first.

    Raises:
        Forbidden: Not staff of an authority.
    """
    async with services.database.tx() as tx:
        return (await queries.select_cycles(tx, principal.of_authority(), None))[::-1]


async def overview(services: Services, principal: Principal, cycle_id: UUID) -> Overview:
    """How a cycle of the own province stands.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: There is none of that id.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        return Overview(
            await queries.select_cycle(tx, cycle_id, province_id),
            await queries.select_cycle_bodies(tx, cycle_id, province_id),
            await queries.count_unassigned(tx, province_id, cycle_id),
            await queries.select_optional_cycle_before(tx, province_id, cycle_id),
        )


async def carry_over(services: Services, principal: Principal, cycle_id: UUID) -> int:
    """Take bodies and assignments of the cycle before; gives how many institutions came in.

    What the cycle has already stays.

    Raises:
        Forbidden: Not staff of an authority.
        NotFound: No such cycle in this province.
        Conflict: It is the first.
    """
    province_id = principal.of_authority()
    async with services.database.tx() as tx:
        cycle = await queries.lock_cycle(tx, cycle_id, province_id)
        before = await queries.select_optional_cycle_before(tx, province_id, cycle.id)
        if before is None:
            raise Conflict("这是本省第一个考核周期，没有可以沿用的分配。", code="first_cycle")
        carried = await queries.carry_over(tx, cycle.id, before.id, province_id)
        await _record(tx, services, principal, "cycle.carried_over", cycle.id, institutions=carried)
    return carried


async def _record(
    tx: Tx, services: Services, principal: Principal, action: str, subject_id: UUID, **facts: object
) -> None:
    await audit.record(
        tx,
        services.clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=action,
        subject_id=subject_id,
        facts=facts,
    )
