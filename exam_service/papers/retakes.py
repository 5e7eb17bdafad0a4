"""Whether a paper may be sat, and sat again: attempts, order, days, pauses, make-up, exemptions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from uuid import UUID

from exam_service.clock import in_china
from exam_service.cycles.model import Cycle, day_in_china, days, end_of
from exam_service.cycles.policy import PaperRule, Subject
from exam_service.organisations.entry import Hours
from exam_service.papers.model import FINISHED, OPEN, UNDER_WAY, Attempt, State
from exam_service.papers.timing import last_start, maintenance_in, start_after_maintenance
from exam_service.registration.model import Entitlement
from exam_service.registration.model import State as Registered


@dataclass(frozen=True)
class MakeupRound:
    """Days, both included, in which a body lets be sat again what was failed."""

    id: UUID
    province_id: str
    cycle_id: UUID
    body_id: UUID
    opens: date
    closes: date

    def is_open(self, now: datetime) -> bool:
        return self.opens <= day_in_china(now) <= self.closes

    def is_over(self, now: datetime) -> bool:
        return day_in_china(now) > self.closes

    def window(self) -> str:
        """Its days, as people write them."""
        return days(self.opens, self.closes)


@dataclass(frozen=True)
class Availability:
    """Whether a paper can be started, and if not, why, in one sentence.

    Attributes:
        resumes: The attempt that 进入测评 goes back to.
        running: The attempt at another paper that has to be handed in first.
        round_id: The make-up round that a start belongs to; ``None`` in the days of the tests.
    """

    may_start: bool
    reason: str | None = None
    resumes: Attempt | None = None
    round_id: UUID | None = None
    running: UUID | None = None


def attempts_used(attempts: Sequence[Attempt], round_id: UUID | None = None) -> int:
    """In the days of the tests, or in a make-up round. They count from admission; a void one doesn't."""
    return sum(
        attempt.round_id == round_id and attempt.admitted_at is not None and attempt.state is not State.VOID
        for attempt in attempts
    )


def is_passed(attempts: Sequence[Attempt]) -> bool:
    return any(attempt.result_is_known and attempt.passed for attempt in attempts)


def is_failed(attempts: Sequence[Attempt]) -> bool:
    """Whether one was sat in vain; one that was ended for a breach of the rules was."""
    return any(
        attempt.state is State.TERMINATED or (attempt.result_is_known and not attempt.passed)
        for attempt in attempts
    )


def is_completed(rule: PaperRule, attempts: Sequence[Attempt]) -> bool:
    """Passed, or sat as often as it may be: then the next paper in order opens, whatever the result."""
    if is_passed(attempts):
        return True
    finished = [attempt for attempt in attempts if attempt.state in FINISHED]
    return rule.attempts is not None and len(finished) >= rule.attempts


def is_failed_for_good(
    rule: PaperRule, attempts: Sequence[Attempt], rounds: Sequence[MakeupRound], now: datetime
) -> bool:
    """A second fail is final: in a make-up round that is over, or used up.

    A round that isn't among ``rounds`` is over.
    """
    going_on = {each.id for each in rounds if not each.is_over(now)}
    for round_id in {attempt.round_id for attempt in attempts} - {None}:
        made_up = [attempt for attempt in attempts if attempt.round_id == round_id]
        used_up = rule.attempts is not None and attempts_used(made_up, round_id) >= rule.attempts
        if is_failed(made_up) and (used_up or round_id not in going_on):
            return True
    return False


def availability(
    rule: PaperRule,
    attempts: Sequence[Attempt],
    *,
    cycle: Cycle,
    now: datetime,
    rounds: Sequence[MakeupRound] = (),
    exempted: bool = False,
    before: str | None = None,
    running: tuple[str, UUID] | None = None,
    extra_minutes: int = 0,
) -> Availability:
    """May this paper be started now?

    Args:
        rule: The policy's rule for it.
        attempts: All attempts at it in this cycle.
        cycle: Whose days of tests hold.
        rounds: The make-up rounds of the physician's body in this cycle.
        exempted: It need not be sat.
        before: Name of the paper that has to be completed first and isn't; nothing in a make-up round.
        running: Name of another paper that is being sat, and its attempt: two clocks at once would be a trap.
        extra_minutes: On top of the rule's, for special needs.
    """
    under_way = next((attempt for attempt in attempts if attempt.state in UNDER_WAY), None)
    if under_way is not None:
        return Availability(may_start=True, resumes=under_way, round_id=under_way.round_id)
    if settled := _settled(rule, attempts, rounds, now, exempted=exempted):
        return Availability(may_start=False, reason=settled)
    makeup: MakeupRound | None = None
    used_up = rule.attempts is not None and attempts_used(attempts) >= rule.attempts
    if used_up or not cycle.tests_are_open(now):
        makeup = next((each for each in rounds if each.is_open(now)), None)
        if makeup is None or not is_failed(attempts):
            reason = _why_closed(attempts, cycle, rounds, now, used_up=used_up)
            return Availability(may_start=False, reason=reason)
    elif before is not None:
        return Availability(may_start=False, reason=f"请先完成{before}。")
    if running is not None:
        label, attempt_id = running
        reason = f"您正在参加{label}，请先完成并交卷。"
        return Availability(may_start=False, reason=reason, running=attempt_id)
    ends = end_of(cycle.tests_until if makeup is None else makeup.closes)
    hours = cycle.policy.entry.maintenance
    if wrong_time := _too_late_or_too_soon(rule, attempts, now, ends, extra_minutes) or _meets_maintenance(
        hours, rule.minutes + extra_minutes, now, ends
    ):
        return Availability(may_start=False, reason=wrong_time)
    prepared = next((attempt for attempt in attempts if attempt.state is State.PREPARED), None)
    return Availability(may_start=True, resumes=prepared, round_id=None if makeup is None else makeup.id)


def _settled(
    rule: PaperRule,
    attempts: Sequence[Attempt],
    rounds: Sequence[MakeupRound],
    now: datetime,
    *,
    exempted: bool,
) -> str | None:
    """What there is to say whatever the day, if anything."""
    if any(attempt.state in {State.CLOSING, State.CLOSED} for attempt in attempts):
        return "试卷正在提交，请稍候刷新查看。"
    if exempted:
        return "本项测评已免考，视为合格。"
    if is_passed(attempts):
        return "本项测评已合格，无需再次参加。"
    if any(attempt.awaits_confirmation for attempt in attempts):
        return "已交卷，请等待考核机构评定。"
    if is_failed_for_good(rule, attempts, rounds, now):
        return "补考未合格，为最终结果。"
    return None


def _why_closed(
    attempts: Sequence[Attempt],
    cycle: Cycle,
    rounds: Sequence[MakeupRound],
    now: datetime,
    *,
    used_up: bool,
) -> str:
    """Neither the days of the tests nor a make-up round are open to this paper."""
    ahead = min((each for each in rounds if not each.is_over(now)), key=lambda each: each.opens, default=None)
    if not used_up and day_in_china(now) < cycle.tests_from:
        return f"不在测评时间内，测评时间为 {cycle.window()}。"
    if not is_failed(attempts):
        if ahead is not None and ahead.is_open(now):
            return "现在是补考时间，补考仅限成绩不合格的测评，如有疑问请联系考核机构。"
        return f"不在测评时间内，测评时间为 {cycle.window()}。"
    why = "测评次数已用完" if used_up else "测评时间已过"
    if ahead is not None:
        return f"{why}，补考时间为 {ahead.window()}。"
    if cycle.makeup_until is not None and day_in_china(now) > cycle.makeup_until:
        return f"{why}，补考时间也已过，请联系考核机构。"
    return f"{why}，请留意考核机构的补考安排。"


def _too_late_or_too_soon(
    rule: PaperRule, attempts: Sequence[Attempt], now: datetime, ends: datetime, extra_minutes: int
) -> str | None:
    """A paper's whole time lies before ``ends``, and the pause that the policy sets lies before the paper."""
    last = last_start(ends, rule.minutes + extra_minutes)
    if now > last:
        return f"今天测评已截止：试卷须在{in_china(last):%H:%M}前开始。"
    if not rule.pause_minutes:
        return None
    ended = [
        ended_at
        for attempt in attempts
        if attempt.state is not State.VOID and (ended_at := attempt.handed_in_at or attempt.closed_at)
    ]
    if not ended or now >= (again := max(ended) + timedelta(minutes=rule.pause_minutes)):
        return None
    if again > last:
        return f"距上次交卷不足{rule.pause_minutes}分钟，本次测评时间内不能再次参加。"
    at = in_china(again)
    when = f"{at:%H:%M}" if at.date() == in_china(now).date() else f"{at:%m-%d %H:%M}"
    return f"距上次交卷不足{rule.pause_minutes}分钟，{when}后可再次参加。"


def _meets_maintenance(hours: Sequence[Hours], minutes: int, now: datetime, ends: datetime) -> str | None:
    """No paper is begun that would be under way in the hours of maintenance; says until when."""
    hit = maintenance_in(hours, now, now + timedelta(minutes=minutes))
    if hit is None:
        return None
    begins, over = hit
    what = f"系统维护时间为{in_china(begins):%H:%M}至{_clock_time(over, begins)}"
    if now < begins:
        what += f"，试卷须在{in_china(last_start(begins, minutes)):%H:%M}前开始"
    again = start_after_maintenance(hours, now, minutes)
    if again is None or again > last_start(ends, minutes):
        return f"{what}。本次测评时间内不能再参加，请联系考核机构。"
    at = in_china(again)
    when = f"{at:%H:%M}" if at.date() == in_china(now).date() else f"{at:%m-%d %H:%M}"
    return f"{what}，{when}后可以参加。"


def _clock_time(end: datetime, begins: datetime) -> str:
    """24:00 where a day ends, as its people write it."""
    at = in_china(end)
    return f"{at:%H:%M}" if at.date() == in_china(begins).date() else "24:00"


@dataclass(frozen=True)
class PaperOffer:
    """A paper as 参加测评 lists it: its rule, what was sat, and whether it may be started now."""

    rule: PaperRule
    label: str
    attempts: tuple[Attempt, ...]
    availability: Availability
    exempted: bool = False
    extra_minutes: int = 0
    maintenance: tuple[Hours, ...] = ()

    @property
    def counts_as_passed(self) -> bool:
        return self.exempted or is_passed(self.attempts)

    @property
    def is_passed_for_good(self) -> bool:
        """Exempted, or passed and confirmed: an immediate pass is provisional until its proctoring review is
        closed. Nothing that was begun may be open.
        """
        begun = [each for each in self.attempts if each.state is not State.PREPARED]
        if any(each.state in OPEN or each.awaits_confirmation for each in begun):
            return False
        return self.exempted or any(each.state is State.CONFIRMED and each.passed for each in begun)


def offers_of(
    entitled: Entitlement,
    attempts: Sequence[Attempt],
    now: datetime,
    *,
    rounds: Sequence[MakeupRound] = (),
    extra_minutes: Mapping[Subject, int] = MappingProxyType({}),
) -> list[PaperOffer]:
    """The papers of a registration, in the order of its procedure.

    Args:
        attempts: All of the registration.
        rounds: The make-up rounds of its body in its cycle.
        extra_minutes: For special needs, by subject.
    """
    policy = entitled.cycle.policy
    offers: list[PaperOffer] = []
    unfinished: str | None = None
    for rule in entitled.rule.papers:
        own = tuple(attempt for attempt in attempts if attempt.subject is rule.subject)
        label = policy.label(rule.subject)
        exempted = rule.subject in entitled.exempted
        running = next(
            (
                (policy.label(attempt.subject), attempt.id)
                for attempt in attempts
                if attempt.subject is not rule.subject and attempt.state in UNDER_WAY
            ),
            None,
        )
        if entitled.may_test:
            open_or_not = availability(
                rule,
                own,
                cycle=entitled.cycle,
                now=now,
                rounds=rounds,
                exempted=exempted,
                before=unfinished if entitled.rule.in_order else None,
                running=running,
                extra_minutes=extra_minutes.get(rule.subject, 0),
            )
        else:
            over = entitled.registration.state is Registered.CONCLUDED
            reason = "本周期考核已结束，请查看考核结果。" if over else "报名完成并通过审核后才能参加测评。"
            open_or_not = Availability(may_start=False, reason=reason)
        extra = extra_minutes.get(rule.subject, 0)
        hours = policy.entry.maintenance
        offers.append(PaperOffer(rule, label, own, open_or_not, exempted, extra, hours))
        if unfinished is None and not exempted and not is_completed(rule, own):
            unfinished = label
    return offers
