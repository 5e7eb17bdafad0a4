"""Small factories: what a test doesn't name gets a sensible value.

Times are seconds after :data:`ADMITTED`, 10:00 in China on the second day of Hunan's tests.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Confirmation, PaperRule, Policy, Procedure, Subject, read_preset
from exam_service.institutions.model import Category, Level
from exam_service.papers.model import Attempt
from exam_service.papers.model import State as AttemptState
from exam_service.papers.retakes import PaperOffer, offers_of
from exam_service.papers.timing import deadline_of
from exam_service.proctor.model import Check, Purpose, Thresholds, Verdict
from exam_service.registration.model import Entitlement, Registration
from exam_service.registration.model import State as RegistrationState

ADMITTED = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)
PASSED, FAILED = Decimal(84), Decimal(42)
FRAME_SECONDS = 10
THRESHOLDS = Thresholds(match=0.45, mismatch=0.65)

PROVINCE = "hunan"
INSTITUTION, BODY, PHYSICIAN, REGISTRATION, CYCLE, STREAM = (UUID(int=number) for number in range(1, 7))
_ids = count(1000)


def an_id() -> UUID:
    """An id nobody else has."""
    return UUID(int=next(_ids))


def at(seconds: float) -> datetime:
    """So many seconds after admission."""
    return ADMITTED + timedelta(seconds=seconds)


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = ADMITTED) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def check_trusted(self) -> None:
        """It is what the tests say it is."""

    def move(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)


def a_rule(subject: Subject = Subject.HUMANITIES, **changes: Any) -> PaperRule:
    """50 items in 60 minutes, sat as often as it takes, and the mark counts at once."""
    rule = PaperRule(
        subject=subject,
        items=50,
        minutes=60,
        pass_mark=60,
        attempts=None,
        confirmation=Confirmation.IMMEDIATE,
    )
    return replace(rule, **changes)


def a_professional_rule(**changes: Any) -> PaperRule:
    """100 items, once, and the body confirms the mark."""
    changes = {"items": 100, "attempts": 1, "confirmation": Confirmation.BODY} | changes
    return a_rule(Subject.PROFESSIONAL, **changes)


_WITHOUT_ADMISSION = {AttemptState.PREPARED}
_CLOSED = {AttemptState.CLOSED, AttemptState.MARKED, AttemptState.CONFIRMED, AttemptState.TERMINATED}
_MARKED = {AttemptState.MARKED, AttemptState.CONFIRMED}


def an_attempt(
    state: AttemptState = AttemptState.RUNNING,
    rule: PaperRule | None = None,
    *,
    mark: Decimal = PASSED,
    **changes: Any,
) -> Attempt:
    """An attempt in ``state`` with the times and marks that one in that state has; admitted at 0 seconds."""
    rule = rule or a_rule()
    admitted = None if state in _WITHOUT_ADMISSION else ADMITTED
    closed = at(1800) if state in _CLOSED else None
    marked = state in _MARKED
    attempt = Attempt(
        id=an_id(),
        province_id=PROVINCE,
        registration_id=REGISTRATION,
        cycle_id=CYCLE,
        account_id=PHYSICIAN,
        institution_id=INSTITUTION,
        body_id=BODY,
        subject=rule.subject,
        ordinal=1,
        state=state,
        rule=rule,
        admitted_at=admitted,
        deadline=None if admitted is None else deadline_of(admitted, rule.minutes),
        handed_in_at=closed,
        closed_at=closed,
        lease_epoch=0 if admitted is None else 1,
        total=rule.items,
        correct=int(mark * rule.items / 100) if marked else None,
        mark=mark if marked else None,
        passed=mark >= rule.pass_mark if marked else None,
    )
    return replace(attempt, **changes)


def passed_attempt(rule: PaperRule | None = None, **changes: Any) -> Attempt:
    """Marked above the pass mark."""
    return an_attempt(AttemptState.MARKED, rule, mark=PASSED, **changes)


def failed_attempt(rule: PaperRule | None = None, **changes: Any) -> Attempt:
    """Marked below the pass mark."""
    return an_attempt(AttemptState.MARKED, rule, mark=FAILED, **changes)


def a_policy(preset: str = "hunan-2026", **changes: Any) -> Policy:
    """A province's preset."""
    return replace(read_preset(preset), **changes)


def a_cycle(preset: str = "hunan-2026", **changes: Any) -> Cycle:
    """A cycle whose tests are from 2026-05-11 to 2026-05-20."""
    cycle = Cycle(
        id=CYCLE,
        province_id=PROVINCE,
        title="2026年医师定期考核",
        tests_from=date(2026, 5, 11),
        tests_until=date(2026, 5, 20),
        policy=a_policy(preset),
    )
    return replace(cycle, **changes)


def a_registration(
    state: RegistrationState = RegistrationState.REGISTERED,
    procedure: Procedure = Procedure.GENERAL,
    **changes: Any,
) -> Registration:
    """A licensed clinical physician's registration with a reviewed photo."""
    registration = Registration(
        id=REGISTRATION,
        province_id=PROVINCE,
        cycle_id=CYCLE,
        account_id=PHYSICIAN,
        institution_id=INSTITUTION,
        body_id=BODY,
        state=state,
        procedure=procedure,
        category=Category.CLINICAL,
        level=Level.LICENSED,
        photo_id=an_id(),
        photo_is_reviewed=True,
    )
    return replace(registration, **changes)


def an_entitlement(
    preset: str = "hunan-2026",
    procedure: Procedure = Procedure.GENERAL,
    state: RegistrationState = RegistrationState.REGISTERED,
    exempted: Collection[Subject] = (),
    **cycle_changes: Any,
) -> Entitlement:
    """What a registered physician of a province may sit."""
    cycle = a_cycle(preset, **cycle_changes)
    return Entitlement(a_registration(state, procedure), cycle, frozenset(exempted))


def rule_of(entitled: Entitlement, subject: Subject) -> PaperRule:
    """The rule of one of the papers of an entitlement."""
    return next(rule for rule in entitled.rule.papers if rule.subject is subject)


def offers(
    entitled: Entitlement, attempts: Sequence[Attempt] = (), seconds: float = 0
) -> dict[Subject, PaperOffer]:
    """The papers on offer, by subject."""
    return {offer.rule.subject: offer for offer in offers_of(entitled, attempts, at(seconds))}


def a_check(verdict: Verdict = Verdict.MATCH, seconds: float = 0, **changes: Any) -> Check:
    """The verdict on the frame that came at ``seconds``."""
    distances = {Verdict.MATCH: 0.31, Verdict.UNSURE: 0.52, Verdict.MISMATCH: 0.81}
    check = Check(
        id=an_id(),
        province_id=PROVINCE,
        registration_id=REGISTRATION,
        attempt_id=REGISTRATION,
        stream_id=STREAM,
        seq=int(seconds) // FRAME_SECONDS + 1,
        purpose=Purpose.PAPER,
        received_at=at(seconds),
        checked_at=at(seconds + 1),
        verdict=verdict,
        faces={Verdict.NO_FACE: 0, Verdict.SEVERAL_FACES: 2}.get(verdict, 1),
        distance=distances.get(verdict),
        model="test-1",
        thresholds=THRESHOLDS,
        enrolled=False,
        evidence_id=None,
    )
    return replace(check, **changes)


_SYMBOLS = {
    ".": Verdict.MATCH,
    "?": Verdict.UNSURE,
    "x": Verdict.MISMATCH,
    "0": Verdict.NO_FACE,
    "2": Verdict.SEVERAL_FACES,
    "#": Verdict.UNUSABLE,
    "d": Verdict.DARK,
    "b": Verdict.BLURRED,
    "s": Verdict.TOO_SMALL,
    "c": Verdict.CUT_OFF,
    "t": Verdict.TURNED_AWAY,
    "=": Verdict.REPLAYED,
}


def checks(picture: str, **changes: Any) -> list[Check]:
    """One check every ten seconds, each drawn as one of :data:`_SYMBOLS`."""
    return [
        a_check(_SYMBOLS[symbol], FRAME_SECONDS * position, **changes)
        for position, symbol in enumerate(picture)
    ]
