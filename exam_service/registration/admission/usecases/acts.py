"""What an institution does with physicians of its roster, one or many at once, and undoing it.

Of many, those with whom it can't be done are named with the reason, and the rest is done. Rows are held in
order of account, so that two acts at once wait for each other and never for ever.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure
from exam_service.errors import Conflict, Invalid
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import LEAVING, Left, RosterEntry
from exam_service.registration import usecases as registration
from exam_service.registration.admission import queries
from exam_service.registration.admission.model import (
    ACT_LABELS,
    MOST_AT_ONCE,
    UNDO_WITHIN,
    Act,
    check_admission_is_open,
    state_to_return_to,
    why_not_admitted,
    why_not_cancelled,
    why_not_leaving,
)
from exam_service.registration.admission.queries import Item, Undoable
from exam_service.registration.model import EDITABLE, Registration, State
from exam_service.storage.database import Database, Tx

_GONE = "本机构名册中没有这名医师，请刷新名册后重试。"


@dataclass(frozen=True)
class Refusal:
    """With whom it wasn't done, and why; ``name`` is empty for who isn't on the roster."""

    name: str
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What became of an act: with how many it was done, and with whom not.

    Attributes:
        act_id: To undo it by; ``None`` where nothing was done, or it can't be undone.
    """

    done: int
    refusals: tuple[Refusal, ...] = ()
    act_id: UUID | None = None


Attempted = Callable[[RosterEntry], Awaitable[Item | str]]
"""Does it with one physician, or gives the reason why not."""


def chosen(account_ids: Collection[UUID]) -> list[UUID]:
    """Those that were ticked, once each, in order.

    Raises:
        Invalid: None, or too many at once.
    """
    if not account_ids:
        raise Invalid("请先勾选医师，再进行操作。", code="nobody_chosen")
    ids = sorted(set(account_ids))
    if len(ids) > MOST_AT_ONCE:
        raise Invalid(f"一次最多办理{MOST_AT_ONCE}人，请分批进行。", code="too_many_chosen")
    return ids


async def with_each(
    tx: Tx, principal: Principal, account_ids: list[UUID], attempt: Attempted
) -> tuple[list[Item], list[Refusal]]:
    """``attempt`` with everybody of the institution's roster, each entry's row held."""
    institution_id = principal.of_institution()
    items: list[Item] = []
    refusals: list[Refusal] = []
    for account_id in account_ids:
        entry = await institutions.lock_entry(tx, account_id, principal.province_id)
        if entry is None or entry.institution_id != institution_id:
            refusals.append(Refusal("", _GONE))
            continue
        outcome = await attempt(entry)
        if isinstance(outcome, str):
            refusals.append(Refusal(entry.name, outcome))
        else:
            items.append(outcome)
    return items, refusals


async def _acted(
    tx: Tx, principal: Principal, kind: Act, now: datetime, items: list[Item], refusals: list[Refusal]
) -> Outcome:
    if not items:
        return Outcome(0, tuple(refusals))
    act_id = new_id()
    await queries.insert_act(
        tx,
        act_id,
        principal.province_id,
        principal.of_institution(),
        principal.account_id,
        kind,
        now,
        items,
    )
    return Outcome(len(items), tuple(refusals), act_id)


async def _cycle(tx: Tx, principal: Principal) -> Cycle:
    cycle = await cycles.newest_cycle(tx, principal.province_id)
    if cycle is None:
        raise Conflict("本省尚未开启考核周期，开启后才能办理。", code="no_cycle")
    return cycle


async def _own_registration(tx: Tx, cycle: Cycle, entry: RosterEntry) -> Registration | None:
    """Of the entry's physician in the cycle, its row held."""
    found = await registration.registration_in_cycle(tx, cycle.id, entry.account_id)
    if found is None:
        return None
    return await registration.lock_registration(tx, found.id, found.province_id)


async def _moved(
    tx: Tx, clock: Clock, principal: Principal, own: Registration, to_state: State, cause: str
) -> UUID:
    """Move it, tell the journal; gives the id of the move."""
    await registration.move(tx, clock, own, to_state, cause=cause, actor_id=principal.account_id)
    await audit.record(
        tx,
        clock,
        province_id=principal.province_id,
        actor_id=principal.account_id,
        action=f"registration.{cause}",
        subject_id=own.id,
        facts={"from": own.state.value, "to": to_state.value},
    )
    last = await queries.select_optional_last_move(tx, own.id)
    assert last is not None  # noqa: S101 - just written
    return last.id


async def admit(
    database: Database, clock: Clock, principal: Principal, account_ids: Collection[UUID]
) -> Outcome:
    """允许报名: they may register in the province's newest cycle; a form that they had begun comes back.

    Raises:
        Invalid: Nobody, or too many.
        Conflict: No cycle, the institution isn't in it, or its registration is over.
    """
    ids, now = chosen(account_ids), clock.now()
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        cycle = await _cycle(tx, principal)
        check_admission_is_open(cycle, now)
        body_id = await cycles.body_of_institution(tx, cycle.id, institution_id)
        if body_id is None:
            raise Conflict(
                f"本机构未纳入“{cycle.title}”，请联系卫生行政部门将本机构加入后再办理。",
                code="institution_not_in_cycle",
                cycle=cycle.id,
            )

        async def one(entry: RosterEntry) -> Item | str:
            own = await _own_registration(tx, cycle, entry)
            if refusal := why_not_admitted(own.state if own else None):
                return refusal
            if own is None:
                own = await registration.add_registration(
                    tx,
                    clock,
                    cycle=cycle,
                    account_id=entry.account_id,
                    institution_id=institution_id,
                    body_id=body_id,
                    procedure=Procedure.GENERAL,  # until the form says which
                    category=entry.category,
                    level=entry.level,
                    state=State.NOT_ADMITTED,
                )
            elif (own.institution_id, own.body_id) != (institution_id, body_id):
                own = await registration.rehome(
                    tx,
                    clock,
                    own,
                    institution_id=institution_id,
                    body_id=body_id,
                    actor_id=principal.account_id,
                )
            to_state = state_to_return_to(await queries.select_optional_taken_out(tx, own.id))
            move_id = await _moved(tx, clock, principal, own, to_state, "admitted")
            return Item(entry.account_id, own.id, move_id, None)

        items, refusals = await with_each(tx, principal, ids, one)
        return await _acted(tx, principal, Act.ADMITTED, now, items, refusals)


async def cancel(
    database: Database, clock: Clock, principal: Principal, account_ids: Collection[UUID]
) -> Outcome:
    """取消报名, before submission: the form is kept and comes back when they are let in again.

    Raises:
        Invalid: Nobody, or too many.
        Conflict: No cycle, or its registration is over.
    """
    ids, now = chosen(account_ids), clock.now()
    async with database.tx() as tx:
        cycle = await _cycle(tx, principal)
        check_admission_is_open(cycle, now)

        async def one(entry: RosterEntry) -> Item | str:
            own = await _own_registration(tx, cycle, entry)
            refusal = why_not_cancelled(own.state if own else None)
            if own is None or refusal:
                return refusal or ""
            move_id = await _moved(tx, clock, principal, own, State.NOT_ADMITTED, "admission_cancelled")
            return Item(entry.account_id, own.id, move_id, None)

        items, refusals = await with_each(tx, principal, ids, one)
        return await _acted(tx, principal, Act.CANCELLED, now, items, refusals)


async def leave(
    database: Database,
    clock: Clock,
    principal: Principal,
    account_ids: Collection[UUID],
    *,
    reason: str,
) -> Outcome:
    """调离 (left, retired): off the roster, and out of the cycle where nothing was submitted yet.

    Raises:
        Invalid: Nobody, too many, or no reason of the list.
    """
    ids, now = chosen(account_ids), clock.now()
    if reason not in set(LEAVING):
        raise Invalid("请选择调离原因。", code="no_reason")
    async with database.tx() as tx:
        cycle = await cycles.newest_cycle(tx, principal.province_id)

        async def one(entry: RosterEntry) -> Item | str:
            own = await _own_registration(tx, cycle, entry) if cycle else None
            if refusal := why_not_leaving(own.state if own else None):
                return refusal
            move_id = None
            if own and own.state in EDITABLE:
                move_id = await _moved(tx, clock, principal, own, State.NOT_ADMITTED, "left_institution")
            await institutions.leave(
                tx, clock, entry, Left(reason), left_at=now, actor_id=principal.account_id
            )
            return Item(entry.account_id, own.id if own else None, move_id, entry.department_id)

        items, refusals = await with_each(tx, principal, ids, one)
        return await _acted(tx, principal, Act.LEFT, now, items, refusals)


async def undoable(tx: Tx, clock: Clock, principal: Principal) -> Undoable | None:
    """What this person did last, as long as it may be undone."""
    return await queries.select_optional_newest_act(
        tx, principal.account_id, principal.of_institution(), clock.now() - UNDO_WITHIN
    )


async def undo(database: Database, clock: Clock, principal: Principal, act_id: UUID) -> Outcome:
    """撤销, within ten minutes, for those with whom nothing has happened since.

    Raises:
        NotFound: It is no act of theirs.
        Conflict: It was undone before, or is too long ago.
    """
    institution_id = principal.of_institution()
    async with database.tx() as tx:
        act = await queries.lock_act(tx, act_id, institution_id, principal.province_id)
        if act.undone_at is not None:
            raise Conflict("这次操作已经撤销。", code="undone_before", act=act_id)
        if clock.now() - act.acted_at > UNDO_WITHIN:
            raise Conflict(
                f"已超过10分钟，不能撤销。请在名册中重新办理，如需恢复“{ACT_LABELS[act.kind]}”之前的状态。",
                code="too_late_to_undo",
                act=act_id,
            )
        done, refusals = 0, []
        for item in await queries.select_items(tx, act_id):
            refusal = await _undo_one(tx, clock, principal, act, item)
            if refusal:
                refusals.append(Refusal(item.name, refusal))
            else:
                done += 1
        await queries.update_act_undone(tx, act_id, clock.now())
        return Outcome(done, tuple(refusals))


async def _undo_one(
    tx: Tx, clock: Clock, principal: Principal, act: queries.ActRow, item: Item
) -> str | None:
    """Undo it for one; the reason why not, where that can't be."""
    entry = await institutions.lock_entry(tx, item.account_id, principal.province_id)
    if entry is None or not _is_where_it_was_left(entry, act, principal):
        return "医师所在机构之后又有变化，不能撤销。"
    own, last = None, None
    if item.registration_id is not None and item.move_id is not None:
        own = await registration.lock_registration(tx, item.registration_id, principal.province_id)
        last = await queries.select_optional_last_move(tx, own.id)
        if last is None or last.id != item.move_id:
            return "报名状态之后又有变化，不能撤销。"
        if await queries.exists_form_saved_since(tx, own.id, act.acted_at):
            return "医师已开始填报，不能撤销；确需取消的，请点“取消报名”。"
    if act.kind is Act.LEFT:
        await institutions.bring_back(
            tx,
            clock,
            entry,
            principal.of_institution(),
            item.department_id,
            actor_id=principal.account_id,
        )
    if own is not None and last is not None:
        await _moved(tx, clock, principal, own, last.from_state, f"undone_{act.kind.value}")
    return None


def _is_where_it_was_left(entry: RosterEntry, act: queries.ActRow, principal: Principal) -> bool:
    if act.kind is Act.LEFT:
        return entry.institution_id is None and entry.left_at == act.acted_at
    return entry.institution_id == principal.institution_id
