"""Find an attempt within somebody's scope, lock it, move it, mark it: what the other rooms build on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.cycles import usecases as cycles
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.papers import queries
from exam_service.papers.model import Attempt, State, check_move, count_correct, mark_of
from exam_service.questions import usecases as questions
from exam_service.storage.database import Tx


async def own_attempt(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    """The physician's own attempt.

    Raises:
        NotFound: It isn't theirs, or doesn't exist.
    """
    return owned(principal, await queries.select_optional_attempt(tx, attempt_id, principal.province_id))


async def lock_own(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    return owned(principal, await queries.lock_optional_attempt(tx, attempt_id, principal.province_id))


def owned(principal: Principal, attempt: Attempt | None) -> Attempt:
    if attempt is None or attempt.account_id != principal.account_id:
        raise NotFound("没有找到这次测评，请从“参加测评”进入。", code="no_such_attempt")
    return attempt


async def attempt_for_body(tx: Tx, principal: Principal, attempt_id: UUID) -> Attempt:
    """An attempt of the body that this member of staff works for.

    Raises:
        NotFound: It is another body's, or doesn't exist.
    """
    attempt = await queries.select_optional_attempt(tx, attempt_id, principal.province_id)
    if attempt is None or attempt.body_id != principal.of_body():
        raise NotFound("没有找到这次测评。", code="no_such_attempt")
    return attempt


async def label_of(tx: Tx, attempt: Attempt) -> str:
    """What the attempt's paper is called in its own cycle."""
    cycle = await cycles.cycle_of(tx, attempt.cycle_id, attempt.province_id)
    return cycle.policy.label(attempt.subject)


async def move(
    tx: Tx, attempt: Attempt, to_state: State, *, cause: str, actor_id: UUID | None, at: datetime
) -> Attempt:
    check_move(attempt.id, attempt.state, to_state)
    await queries.update_state(tx, attempt.id, to_state)
    await queries.insert_move(tx, new_id(), attempt, to_state, cause, actor_id, at)
    return replace(attempt, state=to_state)


async def mark(tx: Tx, clock: Clock, attempt: Attempt) -> Attempt:
    paper = await queries.select_paper(tx, attempt.id)
    keys = await questions.keys_by_id(tx, [item_id for item_id, _ in paper])
    answers = await queries.select_answers(tx, attempt.id)
    correct = count_correct(answers, keys)
    mark = mark_of(correct, attempt.total)
    passed = mark >= attempt.rule.pass_mark
    attempt = await move(tx, attempt, State.MARKED, cause="marked", actor_id=None, at=clock.now())
    await queries.update_marked(tx, attempt.id, correct, mark, passed=passed)
    return replace(attempt, correct=correct, mark=mark, passed=passed)
