"""Proof of what was answered when: the receipt to take home, the replay, and answers that staff bring."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from exam_service.accounts.model import Principal
from exam_service.audit import usecases as audit
from exam_service.errors import Conflict, DomainError, Invalid
from exam_service.papers import journal, queries
from exam_service.papers.journal import AnswerEvent, Broken, Entry, Outcome, Receipt, Source, storable
from exam_service.papers.model import Attempt, SignedReceipt, count_correct, mark_of
from exam_service.papers.usecases.answers import Save, Saved, save_batch
from exam_service.papers.usecases.attempts import attempt_for_body, label_of, own_attempt
from exam_service.papers.usecases.sitting import outbox_key
from exam_service.questions import usecases as questions
from exam_service.wiring import Services

_LARGEST = 2**31 - 1


@dataclass(frozen=True)
class ReceiptRow:
    """An entry in the words of its paper: the item's number, the option's letter (``None``: taken back).

    Attributes:
        stands: It is what counts for its item.
        accepted: It came too late, and staff let it count.
        after_close: It isn't covered by the signature.
    """

    entry: Entry
    item_number: int
    letter: str | None
    stands: bool
    accepted: bool
    after_close: bool


@dataclass(frozen=True)
class AttemptReceipt:
    """What a physician may take home of a closed attempt."""

    attempt: Attempt
    label: str
    rows: list[ReceiptRow]
    signed: SignedReceipt
    public_key: str


async def receipt_of(services: Services, principal: Principal, attempt_id: UUID) -> AttemptReceipt:
    """The journal of an own closed attempt with its signed end.

    Raises:
        NotFound: Not this physician's attempt.
        Conflict: It isn't closed yet.
    """
    async with services.database.tx() as tx:
        attempt = await own_attempt(tx, principal, attempt_id)
        signed = await queries.select_optional_attempt_receipt(tx, attempt.id)
        if signed is None:
            raise Conflict("试卷结束后才能查看答题凭证。", code="not_closed")
        paper = await queries.select_paper(tx, attempt.id)
        entries = await queries.select_journal(tx, attempt.id)
        accepted = await queries.select_accepted(tx, attempt.id)
        label = await label_of(tx, attempt)
    standing = journal.standing(entries, accepted)
    places = {item_id: (number, options) for number, (item_id, options) in enumerate(paper, start=1)}
    rows = []
    for entry in entries:
        number, options = places[entry.event.item_id]
        option = entry.event.option_id
        rows.append(
            ReceiptRow(
                entry,
                number,
                None if option is None else chr(65 + options.index(option)),
                stands=standing.get(entry.event.item_id) is entry.event,
                accepted=entry.number in accepted,
                after_close=entry.number > signed.count,
            )
        )
    return AttemptReceipt(attempt, label, rows, signed, services.signer.public_key)


@dataclass(frozen=True)
class Replay:
    """What a journal adds up to, beside what is stored.

    Attributes:
        chain: Its end, or where it breaks.
        signature_holds: ``None`` before the attempt is closed.
        stored_mark: ``None`` until it is marked.
    """

    attempt: Attempt
    events: int
    chain: Receipt | Broken
    signature_holds: bool | None
    answers_agree: bool
    answered: int
    correct: int
    mark: Decimal
    stored_mark: Decimal | None

    def facts(self) -> dict[str, object]:
        """For printing."""
        broken = self.chain.number if isinstance(self.chain, Broken) else None
        return {
            "attempt": str(self.attempt.id),
            "state": self.attempt.state.value,
            "events": self.events,
            "chain": "whole" if broken is None else f"broken at {broken}",
            "signature": {None: "not yet", True: "holds", False: "wrong"}[self.signature_holds],
            "answered": self.answered,
            "answers": "agree" if self.answers_agree else "differ",
            "correct": self.correct,
            "mark": str(self.mark),
            "stored_mark": None if self.stored_mark is None else str(self.stored_mark),
            "agrees": self.agrees,
        }

    @property
    def agrees(self) -> bool:
        """Whether everything that is stored follows from the journal."""
        return (
            self.chain == self.attempt.receipt
            and self.signature_holds is not False
            and self.answers_agree
            and self.stored_mark in {None, self.mark}
        )


async def replay(services: Services, attempt_id: UUID) -> Replay:
    """Rebuild answers and mark from the journal alone.

    Raises:
        NotFound: There is no such attempt.
    """
    async with services.database.tx() as tx:
        attempt = await queries.select_attempt_anywhere(tx, attempt_id)
        entries = await queries.select_journal(tx, attempt.id)
        accepted = await queries.select_accepted(tx, attempt.id)
        stored = await queries.select_answers(tx, attempt.id)
        signed = await queries.select_optional_attempt_receipt(tx, attempt.id)
        paper = await queries.select_paper(tx, attempt.id)
        keys = await questions.keys_by_id(tx, [item_id for item_id, _ in paper])
    answers = journal.replay(entries, accepted)
    correct = count_correct(answers, keys)
    return Replay(
        attempt,
        len(entries),
        journal.verify(attempt.id, entries),
        None if signed is None else _signature_holds(services, attempt.id, entries, signed),
        answers == stored,
        sum(option is not None for option in answers.values()),
        correct,
        mark_of(correct, attempt.total),
        attempt.mark,
    )


def _signature_holds(
    services: Services, attempt_id: UUID, entries: list[Entry], signed: SignedReceipt
) -> bool:
    """The signature is on the chain as it was at the close: what came later has higher numbers."""
    at_close = journal.verify(attempt_id, entries[: signed.count])
    if not isinstance(at_close, Receipt) or at_close.number != signed.count:
        return False
    if signed.head != (at_close.digest or journal.genesis(attempt_id)):
        return False
    text = journal.signed_text(attempt_id, at_close, signed.closed_at)
    return services.signer.is_signed(text, signed.signature)


class _ExportedEntry(BaseModel):
    epoch: int = Field(ge=1, le=_LARGEST)
    seq: int = Field(ge=1, le=_LARGEST)
    iv: str = Field(max_length=64)
    data: str = Field(max_length=4096)


class _Export(BaseModel):
    """The file that the paper page offers when it can't send: see web/static/js/outbox.js."""

    format: str = Field(pattern="^exam-outbox-1$")
    attempt: UUID
    entries: list[_ExportedEntry] = Field(max_length=5000)


class _Answer(BaseModel):
    item: UUID
    option: UUID | None
    client_time: AwareDatetime


@dataclass(frozen=True)
class Imported:
    """What became of the answers of an exported file; ``refused``: places in it, from 1, with the reason."""

    outcomes: Counter[Outcome]
    refused: list[tuple[int, str]]


async def import_answers(services: Services, principal: Principal, attempt_id: UUID, data: bytes) -> Imported:
    """Journal the answers of a file that a physician's page exported; brought by the body's staff.

    They count as any others: within the grace of the deadline; later ones are kept until staff accept them.
    Importing the same file again changes nothing. An entry that can't be opened is named and left out: it
    must not cost the physician the others.

    Raises:
        NotFound: The attempt isn't this body's.
        Invalid: The file isn't such an export, is of another attempt, or nothing in it can be opened.
    """
    async with services.database.tx() as tx:
        attempt = await attempt_for_body(tx, principal, attempt_id)
        opened = _open_export(data, attempt.id, outbox_key(services.vault, attempt.id))
        events = {place: event for place, event in opened.items() if event is not None}
        await audit.record(
            tx,
            services.clock,
            province_id=attempt.province_id,
            actor_id=principal.account_id,
            action="answers.imported",
            subject_id=attempt.id,
            facts={"entries": len(opened), "opened": len(events)},
        )
    now = services.clock.now()
    replies = await save_batch(
        services.database,
        services.clock,
        [Save(attempt.account_id, event, now, Source.IMPORT) for event in events.values()],
    )
    refused = [(place, "无法解开，可能被改动或损坏") for place, event in opened.items() if event is None]
    refused += [
        (place, reply.sentence)
        for place, reply in zip(events, replies, strict=True)
        if isinstance(reply, DomainError)
    ]
    return Imported(Counter(reply.outcome for reply in replies if isinstance(reply, Saved)), sorted(refused))


def _open_export(data: bytes, attempt_id: UUID, key: bytes) -> dict[int, AnswerEvent | None]:
    """The entries by their place in the file, from 1; ``None`` for one that can't be opened."""
    try:
        export = _Export.model_validate_json(data)
    except ValidationError:
        raise Invalid("这不是从答题页导出的答案文件，请核对后重新选择。", code="bad_export") from None
    if export.attempt != attempt_id:
        raise Invalid("这个文件属于另一次测评，请核对医师和科目。", code="other_attempt")
    cipher = AESGCM(key)
    opened = {
        place: _open_entry(cipher, attempt_id, entry) for place, entry in enumerate(export.entries, start=1)
    }
    if not any(opened.values()):
        raise Invalid("文件中没有能解开的答案，未导入任何内容，请核对医师和文件。", code="altered_export")
    return opened


def _open_entry(cipher: AESGCM, attempt_id: UUID, entry: _ExportedEntry) -> AnswerEvent | None:
    bound = f"{attempt_id}|{entry.epoch}|{entry.seq}".encode()
    try:
        iv, sealed = (base64.b64decode(each, validate=True) for each in (entry.iv, entry.data))
        answer = _Answer.model_validate_json(cipher.decrypt(iv, sealed, bound))
    except (InvalidTag, binascii.Error, ValueError):
        return None
    return AnswerEvent(
        attempt_id, entry.epoch, entry.seq, answer.item, answer.option, storable(answer.client_time)
    )
