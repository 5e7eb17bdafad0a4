"""Answers on their way into the journal: written together with those of others, each with its own outcome.

While one batch is being committed the next one gathers, and a crowd's a few milliseconds longer, so that a
batch is as large as the load makes it and a single answer waits for nobody (group commit, as databases do it
themselves).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

from exam_service.accounts.model import Principal
from exam_service.clock import Clock
from exam_service.errors import Conflict, DomainError, NotFound, TooMany, Unavailable
from exam_service.papers import journal, queries, timing
from exam_service.papers.journal import AnswerEvent, Entry, Outcome, Receipt, Source, check_answer
from exam_service.papers.model import AttemptClosed, LeaseLost, State
from exam_service.papers.queries import Ground, HeldAttempt
from exam_service.papers.usecases.attempts import settled
from exam_service.storage.database import Database, Tx

log = logging.getLogger(__name__)

LARGEST_BATCH = 256
WAITING_LIMIT = 2048
GATHER_SECONDS = 0.016
"""How long a crowd's next batch gathers: larger ones cost less an answer. Nobody waits alone."""
OWN_LIMIT = 32
"""Answers of one account that may wait at the same time; a page sends one after the other."""
PATIENCE = timedelta(seconds=3)
"""How long an answer waits for an attempt that somebody else holds; then its page sends it again."""
MOST_ENTRIES = 5000
"""Of one journal: more than one a second for an hour is no person, and must not fill the disk."""


@dataclass(frozen=True, slots=True)
class Save:
    """An answer to be journaled.

    Attributes:
        arrived_at: What decides whether it counts.
        device_hash: Of the browser that sent it; ``None``: not by a browser.
    """

    account_id: UUID
    event: AnswerEvent
    arrived_at: datetime
    source: Source = Source.PAGE
    device_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """The acknowledgement: it is committed.

    Attributes:
        epoch: The newest lease; a page of an older one must stop.
    """

    outcome: Outcome
    epoch: int
    receipt: Receipt
    time_left: timedelta


Reply: TypeAlias = Saved | DomainError


class Held(Unavailable):
    """Somebody else is at this attempt just now; its neighbours don't wait for that."""

    def __init__(self) -> None:
        super().__init__("服务器繁忙，答案将自动重新发送，请勿关闭页面。", code="busy")


async def save_batch(database: Database, clock: Clock, saves: Sequence[Save]) -> list[Reply]:
    """Journal answers in one transaction; gives an outcome for each, in order, once it is committed.

    An answer that can't be taken is refused by itself: :class:`NotFound` for somebody else's attempt,
    :class:`AttemptClosed` when it is over for so long that nothing is kept, :class:`Invalid` for what isn't
    in the paper, :class:`Conflict` for an epoch never given out or a seq used for something else,
    :class:`TooMany` for a journal that no person fills, :class:`Held` while the attempt is held elsewhere or
    time that is owed to it is not reckoned up yet.

    Raises:
        Unavailable: PostgreSQL is away or refuses to write; nothing was stored.
    """
    async with database.tx() as tx:
        wanted = sorted({save.event.attempt_id for save in saves})
        held = await queries.lock_for_answers(tx, wanted)
        busy = await queries.select_known(tx, wanted) - set(held) if len(held) < len(wanted) else set()
        for attempt_id in {save.event.attempt_id for save in saves if _is_overdue(held, save)}:
            if not await _settle(tx, clock, held, attempt_id):
                busy.add(attempt_id)
        grounds = await queries.select_grounds(tx, [save.event for save in saves])
        batch = _Batch(held, busy)
        replies = [batch.take(save, ground) for save, ground in zip(saves, grounds, strict=True)]
        await batch.write(tx)
    return [
        reply if isinstance(reply, DomainError) else _saved(reply, held, clock.now()) for reply in replies
    ]


def _is_overdue(held: dict[UUID, HeldAttempt], save: Save) -> bool:
    attempt = held.get(save.event.attempt_id)
    if attempt is None or attempt.deadline is None or attempt.state not in {State.RUNNING, State.CLOSING}:
        return False
    return not timing.takes_answers(attempt.state, attempt.deadline, save.arrived_at)


async def _settle(tx: Tx, clock: Clock, held: dict[UUID, HeldAttempt], attempt_id: UUID) -> bool:
    """Before an answer is called late: what the service owes the paper is added. ``False``: not known yet."""
    attempt = await queries.select_attempt_held(tx, attempt_id)
    try:
        attempt = await settled(tx, clock, attempt)
    except Unavailable:
        return False
    held[attempt_id] = replace(held[attempt_id], state=attempt.state, deadline=attempt.deadline)
    return True


@dataclass(frozen=True, slots=True)
class _Taken:
    entry: Entry
    outcome: Outcome


def _saved(taken: _Taken, held: dict[UUID, HeldAttempt], now: datetime) -> Saved:
    entry = taken.entry
    attempt = held[entry.event.attempt_id]
    return Saved(
        taken.outcome,
        attempt.lease_epoch,
        Receipt(entry.number, entry.receipt),
        timing.time_left(attempt.deadline or now, now),
    )


class _Batch:
    """What one transaction adds, decided answer by answer under the locks."""

    def __init__(self, held: dict[UUID, HeldAttempt], busy: set[UUID]) -> None:
        self._held = held
        self._busy = busy
        self._entries: dict[tuple[UUID, int, int], Entry] = {}
        self._chains: dict[UUID, Receipt] = {}
        self._current: dict[tuple[UUID, UUID], AnswerEvent] = {}

    def take(self, save: Save, ground: Ground) -> _Taken | DomainError:
        try:
            return self._take(save, ground)
        except DomainError as refusal:
            return refusal

    def _take(self, save: Save, ground: Ground) -> _Taken:
        event = save.event
        if event.attempt_id in self._busy:
            raise Held
        attempt = self._held.get(event.attempt_id)
        if attempt is None or attempt.account_id != save.account_id:
            raise NotFound("没有找到这次测评，请从“参加测评”进入。", code="no_such_attempt")
        counts = timing.takes_answers(attempt.state, attempt.deadline, save.arrived_at)
        if event.epoch > attempt.lease_epoch:
            raise Conflict("页面已过期，请刷新后继续作答。", code="unknown_epoch")
        if not _is_from_its_device(save, attempt, ground):
            raise LeaseLost
        check_answer(event, ground.options)
        key = (event.attempt_id, event.epoch, event.seq)
        earlier = ground.earlier or self._entries.get(key)
        if earlier is not None:
            if (earlier.event.item_id, earlier.event.option_id) != (event.item_id, event.option_id):
                raise Conflict("页面已过期，请刷新后继续作答。", code="seq_reused")
            return _Taken(earlier, self._outcome(earlier, ground))
        kept = save.source is Source.IMPORT or timing.keeps_late_answers(attempt.deadline, save.arrived_at)
        if not counts and not kept:
            raise AttemptClosed
        chain = self._chains.get(event.attempt_id, attempt.receipt)
        if chain.number >= MOST_ENTRIES:
            raise TooMany("这份试卷的作答次数异常，请联系考核机构。", retry_after=60)
        entry = journal.append(
            chain,
            event,
            save.arrived_at,
            counted=counts,
            source=save.source,
        )
        self._entries[key] = entry
        self._chains[event.attempt_id] = Receipt(entry.number, entry.receipt)
        outcome = self._outcome(entry, ground)
        if outcome is Outcome.CURRENT:
            self._current[event.attempt_id, event.item_id] = event
        return _Taken(entry, outcome)

    def _outcome(self, entry: Entry, ground: Ground) -> Outcome:
        if not entry.counted:
            return Outcome.LATE
        event = entry.event
        standing = ground.standing or (0, 0)
        if newer := self._current.get((event.attempt_id, event.item_id)):
            standing = max(standing, newer.order)
        return Outcome.SUPERSEDED if event.order < standing else Outcome.CURRENT

    async def write(self, tx: Tx) -> None:
        if self._entries:
            await queries.insert_answers(
                tx, list(self._entries.values()), list(self._current.values()), self._chains
            )


def _is_from_its_device(save: Save, attempt: HeldAttempt, ground: Ground) -> bool:
    """Sent by the browser that had the lease of its epoch, or by the one that has the paper now."""
    known = {ground.device_hash, attempt.device_hash} - {None}
    return save.device_hash is None or not known or save.device_hash in known


class AnswerWriter:
    """Gathers the answers of this process and writes them in batches; one runs in every web process."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._waiting: list[tuple[Save, asyncio.Future[Saved]]] = []
        self._own: Counter[UUID] = Counter()
        self._filled = asyncio.Event()
        self._stopping = False

    async def save(self, principal: Principal, event: AnswerEvent, device_hash: bytes | None = None) -> Saved:
        """Journal an answer of the physician's own attempt; returns once it is committed.

        Raises:
            DomainError: As :func:`save_batch` says; nothing of this answer was stored.
            Unavailable: Too many are waiting (code ``busy``), or PostgreSQL is away: send it again.
        """
        account_id = principal.account_id
        if self._stopping or len(self._waiting) >= WAITING_LIMIT or self._own[account_id] >= OWN_LIMIT:
            raise Unavailable("服务器繁忙，答案将自动重新发送，请勿关闭页面。", code="busy")
        future: asyncio.Future[Saved] = asyncio.get_running_loop().create_future()
        save = Save(account_id, event, self._clock.now(), device_hash=device_hash)
        self._waiting.append((save, future))
        self._own[account_id] += 1
        self._filled.set()
        return await future

    async def run(self) -> None:
        """Write until :meth:`stop` was called and nothing waits any more."""
        while True:
            await self._filled.wait()
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            if not batch:
                if self._stopping:
                    return
                self._filled.clear()
                continue
            replies = await self._write([save for save, _ in batch])
            for (save, future), reply in zip(batch, replies, strict=True):
                if isinstance(reply, Held) and not self._is_stale(save):
                    self._waiting.append((save, future))
                    continue
                self._own[save.account_id] -= 1
                if not self._own[save.account_id]:
                    del self._own[save.account_id]
                if future.done():  # its browser went away; the answer is stored all the same
                    continue
                if isinstance(reply, DomainError):
                    future.set_exception(reply)
                else:
                    future.set_result(reply)
            if (len(batch) > 1 or self._waiting) and not self._stopping:
                await asyncio.sleep(GATHER_SECONDS)

    def _is_stale(self, save: Save) -> bool:
        return self._stopping or self._clock.now() - save.arrived_at >= PATIENCE

    def stop(self) -> None:
        """Take nothing more; :meth:`run` ends when what waits is written."""
        self._stopping = True
        self._filled.set()

    async def _write(self, saves: Sequence[Save]) -> list[Reply]:
        """Together; and one by one where something unforeseen in one of them spoils the batch."""
        try:
            return await save_batch(self._database, self._clock, saves)
        except Unavailable as away:
            return [away] * len(saves)
        except Exception:
            log.exception("a batch of %d answers failed", len(saves))
            if len(saves) == 1:
                return [Unavailable("服务器暂时无法保存，答案将自动重新发送，请勿关闭页面。")]
            return [reply for save in saves for reply in await self._write([save])]
