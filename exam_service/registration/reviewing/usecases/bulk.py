"""Approve the uncontested together: what is in and what isn't, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from exam_service.accounts import usecases as accounts
from exam_service.accounts.identity import mask
from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, ReviewLevel
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.registration.reviewing import queries
from exam_service.registration.reviewing.filters import STATES, Filter, Listed, Place, Tab
from exam_service.registration.reviewing.model import (
    MOST_IN_BULK,
    Doubt,
    doubts,
)
from exam_service.registration.reviewing.usecases.deciding import Basis, approve_uncontested, undo
from exam_service.registration.reviewing.usecases.listing import narrowed
from exam_service.registration.reviewing.usecases.reading import closed, read_many
from exam_service.registration.reviewing.usecases.scoping import newest_scope
from exam_service.wiring import Services


@dataclass(frozen=True)
class Sorted:
    """Those that wait, as far as one bulk goes.

    Attributes:
        uncontested: Which a bulk approves; with what each of them rests on.
        contested: Which a person looks at one by one, and why.
        conclude: How many of the uncontested conclude at once, for no paper applies: that can't be undone.
        after: Where those that didn't fit begin.
        closed: Why nothing can be decided today.
    """

    cycle: Cycle | None
    uncontested: list[Listed]
    bases: Mapping[UUID, Basis]
    contested: list[tuple[Listed, tuple[Doubt, ...]]]
    conclude: int
    masked: Mapping[UUID, str]
    after: Place | None
    closed: str | None = None


async def bulk(services: Services, principal: Principal, wanted: Filter, after: Place | None) -> Sorted:
    """Sort the first hundred that wait for the body's re-check; recorded as a viewing.

    Raises:
        Forbidden: The principal works for no body.
    """
    principal.of_body()
    wanted = replace(wanted, states=STATES[ReviewLevel.BODY, Tab.AWAITING])
    async with services.database.tx() as tx:
        found = await newest_scope(tx, principal)
        if found is None:
            return Sorted(None, [], {}, [], 0, {}, None)
        scope, cycle = found
        narrow = narrowed(services.clock, wanted)
        rows = await queries.select_listed(tx, scope, narrow, after, MOST_IN_BULK + 1)
        more = len(rows) > MOST_IN_BULK
        rows = rows[:MOST_IN_BULK]
        ids = [row.id for row in rows]
        reviews = await queries.select_reviews_of_many(tx, ids, scope.province_id)
        read = await read_many(tx, services.vault, cycle, ids, reviews)
        numbers = await accounts.identity_numbers_of(
            tx, services.vault, scope.province_id, [row.account_id for row in rows]
        )
        await audit.record(
            tx,
            services.clock,
            province_id=scope.province_id,
            actor_id=principal.account_id,
            action="registrations.listed",
            subject_id=scope.body_id,
            facts={"tab": "bulk", "registrations": [str(each) for each in ids]},
        )
    uncontested, contested, bases = [], [], {}
    for row in rows:
        if row.id not in read:
            continue
        why = doubts(ReviewLevel.BODY, read[row.id].facts)
        if why:
            contested.append((row, why))
            continue
        uncontested.append(row)
        newest = reviews[row.id][0].id if reviews[row.id] else None
        bases[row.id] = Basis(read[row.id].submission_id, newest)
    without = {procedure for procedure in Procedure if not cycle.policy.procedures[procedure].papers}
    return Sorted(
        cycle,
        uncontested,
        bases,
        contested,
        sum(row.procedure in without for row in uncontested),
        {account_id: mask(number) for account_id, number in numbers.items()},
        rows[-1].place if more else None,
        closed(cycle, services.clock.now()),
    )


@dataclass(frozen=True)
class Bulked:
    """What became of a bulk: how many were done, how many of them concluded, and why the rest weren't."""

    done: int
    concluded: int
    left: list[str]


async def approve_many(services: Services, principal: Principal, bases: Mapping[UUID, Basis]) -> Bulked:
    """Approve each of these if it is still uncontested; one that isn't keeps none of the others back.

    Raises:
        Invalid: None were chosen, or more than a hundred.
    """
    principal.of_body()
    if not bases:
        raise Invalid("请至少选择一名医师。", code="nobody_chosen")
    if len(bases) > MOST_IN_BULK:
        raise Invalid(f"一次最多通过{MOST_IN_BULK}名，请分批处理。", code="too_many_chosen")
    approved, concluded, left = 0, 0, []
    for registration_id, basis in sorted(bases.items()):
        try:
            decided = await approve_uncontested(services, principal, registration_id, basis)
        except (Conflict, NotFound) as refused:
            left.append(refused.sentence)
            continue
        approved += 1
        concluded += decided.outcome.result is not None
    return Bulked(approved, concluded, left)


async def undo_many(services: Services, principal: Principal, registration_ids: Collection[UUID]) -> Bulked:
    """Take back what is still to be taken back of these.

    Raises:
        Invalid: None were chosen, or more than a hundred.
    """
    if not registration_ids:
        raise Invalid("请至少选择一名医师。", code="nobody_chosen")
    if len(registration_ids) > MOST_IN_BULK:
        raise Invalid(f"一次最多撤销{MOST_IN_BULK}名，请分批处理。", code="too_many_chosen")
    undone, left = 0, []
    for registration_id in sorted(set(registration_ids)):
        try:
            await undo(services, principal, registration_id)
        except (Conflict, NotFound) as refused:
            left.append(refused.sentence)
            continue
        undone += 1
    return Bulked(undone, 0, left)
