"""Choose a bank, work through a set, look at the solution."""

from __future__ import annotations

from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.errors import Forbidden, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.practice import queries
from exam_service.practice.model import SET_SIZE, OpenSet, PracticeSet
from exam_service.questions import usecases as questions
from exam_service.questions.model import BankCount, Solution
from exam_service.registration import usecases as registration
from exam_service.storage.database import Database, Tx


async def banks(database: Database, principal: Principal) -> list[BankCount]:
    """The banks that this physician may practise with now; none before the policy opens practice."""
    async with database.tx() as tx:
        return await _banks(tx, principal)


async def _banks(tx: Tx, principal: Principal) -> list[BankCount]:
    entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
    if entitled is None or not entitled.may_practise:
        return []
    return await questions.practice_banks(
        tx,
        province_id=principal.province_id,
        category=entitled.registration.category,
        level=entitled.registration.level,
    )


async def begin(database: Database, clock: Clock, principal: Principal, bank_id: UUID) -> UUID:
    """Draw a new set from a bank.

    Raises:
        Forbidden: Not a bank for this physician, or practice isn't open yet.
        Conflict: The bank is empty.
    """
    async with database.tx() as tx:
        if bank_id not in {count.bank.id for count in await _banks(tx, principal)}:
            raise Forbidden("该题库现在不能练习，请从“在线学习”重新选择。", code="bank_not_open")
        item_ids = await questions.draw_practice(
            tx, bank_id=bank_id, province_id=principal.province_id, count=SET_SIZE
        )
        practice_set = PracticeSet(new_id(), bank_id, tuple(item_ids))
        await queries.insert_set(tx, practice_set, principal.province_id, principal.account_id, clock.now())
    return practice_set.id


async def title_of_set(database: Database, principal: Principal, set_id: UUID) -> str:
    """The title of the bank that a set was drawn from.

    Raises:
        NotFound: It isn't this physician's.
    """
    async with database.tx() as tx:
        practice_set = await _own(tx, principal, set_id)
        return await queries.select_bank_title(tx, practice_set.bank_id)


async def open_set(database: Database, principal: Principal, set_id: UUID) -> OpenSet:
    """A set with what was answered.

    Raises:
        NotFound: It isn't this physician's.
    """
    async with database.tx() as tx:
        practice_set = await _own(tx, principal, set_id)
        items = await questions.items_by_id(tx, practice_set.item_ids)
        return OpenSet(
            await queries.select_bank_title(tx, practice_set.bank_id),
            tuple(items[item_id] for item_id in practice_set.item_ids),
            await queries.select_given(tx, set_id),
        )


async def answer(
    database: Database,
    clock: Clock,
    principal: Principal,
    set_id: UUID,
    *,
    item_id: UUID,
    option_id: UUID,
) -> bool:
    """Keep the choice; whether it is right.

    Raises:
        NotFound: The set isn't this physician's, or the item isn't in it.
        Invalid: The option isn't the item's.
    """
    async with database.tx() as tx:
        solution = await _solution(tx, principal, set_id, item_id)
        if not await questions.has_option(tx, item_id, option_id):
            raise Invalid("选项不属于这道题，请刷新页面。", code="not_in_set")
        await queries.upsert_answer(tx, set_id, item_id, option_id, clock.now())
    return option_id == solution.key_id


async def reveal(database: Database, principal: Principal, set_id: UUID, item_id: UUID) -> Solution:
    """显示答案: key and explanation.

    Raises:
        NotFound: The set isn't this physician's, or the item isn't in it.
    """
    async with database.tx() as tx:
        return await _solution(tx, principal, set_id, item_id)


async def _solution(tx: Tx, principal: Principal, set_id: UUID, item_id: UUID) -> Solution:
    practice_set = await _own(tx, principal, set_id)
    if item_id not in practice_set.item_ids:
        raise NotFound("这道题不在本次练习中，请刷新页面。", code="not_in_set")
    return await questions.practice_solution(tx, item_id, principal.province_id)


async def _own(tx: Tx, principal: Principal, set_id: UUID) -> PracticeSet:
    practice_set = await queries.select_optional_set(tx, set_id, principal.account_id, principal.province_id)
    if practice_set is None:
        raise NotFound("没有找到这次练习，请从“在线学习”重新开始。", code="no_such_set")
    return practice_set
