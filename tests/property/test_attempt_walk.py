"""A physician, a sweeper and an assessment body do whatever the rules let them, in any order.

The machine holds attempts as rows and moves them by the pure functions alone; beside it a simple model
counts what was sat and what ended.
"""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from exam_service.cycles.policy import Confirmation
from exam_service.papers.model import (
    FINISHED,
    OPEN,
    UNDER_WAY,
    Attempt,
    State,
    check_move,
    mark_of,
)
from exam_service.papers.retakes import (
    Availability,
    MakeupRound,
    attempts_used,
    availability,
    is_completed,
    is_failed,
    is_passed,
)
from exam_service.papers.timing import GRACE, deadline_of, due_state, takes_answers, time_left
from tests.factories import (
    BODY,
    CYCLE,
    PROVINCE,
    FrozenClock,
    a_cycle,
    a_rule,
    an_attempt,
    an_id,
)

MINUTES = 60
JUST_AROUND = [1, 59, 60, 61, 3599, 3600, 3661, 86_400]
FROM, UNTIL = date(2026, 5, 11), date(2026, 5, 13)
OPENS, CLOSES = date(2026, 5, 14), date(2026, 5, 15)
OVER = datetime(2026, 5, 13, 16, tzinfo=UTC), datetime(2026, 5, 15, 16, tzinfo=UTC)


class Sitting(RuleBasedStateMachine):
    """All attempts at one paper."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FrozenClock()
        self.paper = a_rule()
        self.cycle = a_cycle(tests_from=FROM, tests_until=UNTIL)
        self.round = MakeupRound(an_id(), PROVINCE, CYCLE, BODY, OPENS, CLOSES)
        self.attempts: list[Attempt] = []
        self.sat: Counter[UUID | None] = Counter()
        self.exempted = False
        self.over: set[int] = set()

    @initialize(
        limit=st.none() | st.integers(1, 3),
        confirmation=st.sampled_from(Confirmation),
        pause=st.sampled_from([0, 0, 1, 90]),
    )
    def a_policy(self, limit: int | None, confirmation: Confirmation, pause: int) -> None:
        self.paper = a_rule(attempts=limit, confirmation=confirmation, minutes=MINUTES, pause_minutes=pause)

    def available(self) -> Availability:
        return availability(
            self.paper,
            self.attempts,
            cycle=self.cycle,
            now=self.clock.now(),
            rounds=[self.round],
            exempted=self.exempted,
        )

    def those_in(self, *states: State) -> list[int]:
        return [place for place, attempt in enumerate(self.attempts) if attempt.state in states]

    def move(self, place: int, to_state: State, **changes: object) -> None:
        attempt = self.attempts[place]
        check_move(attempt.id, attempt.state, to_state)
        self.attempts[place] = replace(attempt, state=to_state, **changes)
        if self.attempts[place].is_over:
            self.over.add(place)

    def close(self, place: int) -> None:
        moment = min(self.clock.now(), self.attempts[place].deadline or self.clock.now())
        self.move(place, State.CLOSED, closed_at=moment)

    def mark(self, place: int, correct: int) -> None:
        mark = mark_of(correct, self.paper.items)
        passed = mark >= self.paper.pass_mark
        self.move(place, State.MARKED, mark=mark, passed=passed, correct=correct)

    @rule(seconds=st.sampled_from(JUST_AROUND) | st.integers(1, 5000))
    def time_passes(self, seconds: int) -> None:
        self.clock.move(seconds)

    @rule()
    def the_physician_starts(self) -> None:
        said = self.available()
        if not said.may_start:
            assert said.reason
        elif said.resumes is None:
            assert not self.those_in(*OPEN)
            prepared = an_attempt(State.PREPARED, self.paper, ordinal=len(self.attempts) + 1)
            self.attempts.append(replace(prepared, round_id=said.round_id))
        else:
            place = self.attempts.index(said.resumes)
            assert said.resumes.state in UNDER_WAY | {State.PREPARED}
            self.attempts[place] = replace(said.resumes, round_id=said.round_id)

    @precondition(lambda self: self.those_in(State.PREPARED) and self.available().may_start)
    @rule()
    def the_physician_is_admitted(self) -> None:
        (place,) = self.those_in(State.PREPARED)
        said = self.available()
        deadline = deadline_of(self.clock.now(), self.paper.minutes)
        assert deadline <= OVER[said.round_id is not None]
        if said.round_id is not None:
            assert is_failed(self.attempts)
        ended = [each.closed_at for each in self.attempts if each.closed_at and each.state is not State.VOID]
        if ended:
            assert self.clock.now() - max(ended) >= timedelta(minutes=self.paper.pause_minutes)
        self.move(
            place,
            State.ADMITTED,
            admitted_at=self.clock.now(),
            deadline=deadline,
            round_id=said.round_id,
        )
        self.sat[said.round_id] += 1

    @precondition(lambda self: not any(each.admitted_at for each in self.attempts))
    @rule()
    def the_paper_is_waived(self) -> None:
        self.exempted = True

    @precondition(lambda self: self.those_in(State.ADMITTED))
    @rule()
    def the_paper_is_opened(self) -> None:
        (place,) = self.those_in(State.ADMITTED)
        if time_left(self.attempts[place].deadline, self.clock.now()):
            self.move(place, State.RUNNING)

    @precondition(lambda self: self.attempts)
    @rule(data=st.data())
    def an_answer_arrives(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(range(len(self.attempts))))
        attempt = self.attempts[place]
        if takes_answers(attempt.state, attempt.deadline, self.clock.now()):
            assert place not in self.over
            assert attempt.deadline is not None
            assert self.clock.now() <= attempt.deadline + GRACE

    @precondition(lambda self: self.those_in(State.RUNNING, State.CLOSING))
    @rule(correct=st.integers(0, 50), crashes=st.booleans())
    def the_physician_hands_in(self, correct: int, *, crashes: bool) -> None:
        (place,) = self.those_in(State.RUNNING, State.CLOSING)
        self.close(place)
        if not crashes:
            self.mark(place, correct)

    @rule(correct=st.integers(0, 50))
    def the_sweeper_comes(self, correct: int) -> None:
        for place in range(len(self.attempts)):
            while True:
                attempt = self.attempts[place]
                due = due_state(attempt.state, attempt.deadline, self.clock.now())
                if due is attempt.state:
                    break
                if due is State.CLOSED:
                    self.close(place)
                else:
                    self.move(place, due)
            if self.attempts[place].state is State.CLOSED:
                self.mark(place, correct)

    @precondition(lambda self: any(attempt.awaits_confirmation for attempt in self.attempts))
    @rule(passed=st.booleans())
    def the_body_confirms(self, *, passed: bool) -> None:
        place = next(n for n, attempt in enumerate(self.attempts) if attempt.awaits_confirmation)
        reached = (self.attempts[place].mark or Decimal(0)) >= self.paper.pass_mark
        self.move(place, State.CONFIRMED, passed=passed and reached)

    @precondition(lambda self: self.those_in(*UNDER_WAY, State.CLOSING))
    @rule()
    def two_people_end_it(self) -> None:
        (place,) = self.those_in(*UNDER_WAY, State.CLOSING)
        self.move(place, State.TERMINATED)

    @precondition(lambda self: self.those_in(*set(State) - {State.VOID}))
    @rule(data=st.data())
    def two_people_make_one_void(self, data: st.DataObject) -> None:
        place = data.draw(st.sampled_from(self.those_in(*set(State) - {State.VOID})))
        self.sat[self.attempts[place].round_id] -= self.attempts[place].admitted_at is not None
        self.move(place, State.VOID)

    @invariant()
    def no_two_are_open(self) -> None:
        assert len(self.those_in(*OPEN)) <= 1

    @invariant()
    def nobody_sits_more_often_than_allowed(self) -> None:
        for round_id in (None, self.round.id):
            used = attempts_used(self.attempts, round_id)
            assert used == self.sat[round_id]
            assert self.paper.attempts is None or used <= self.paper.attempts

    @invariant()
    def what_was_over_stays_over(self) -> None:
        assert all(self.attempts[place].is_over for place in self.over)

    @invariant()
    def who_passed_or_sat_all_starts_no_more(self) -> None:
        if self.those_in(*OPEN):
            return
        said = self.available()
        if is_passed(self.attempts) or self.exempted:
            assert not said.may_start
        if is_completed(self.paper, self.attempts):
            assert not said.may_start or said.round_id is not None

    @invariant()
    def a_second_fail_is_final(self) -> None:
        made_up = [each for each in self.attempts if each.round_id == self.round.id]
        known = all(each.state in FINISHED | {State.VOID} for each in made_up)
        if known and is_failed(made_up) and self.clock.now() >= OVER[1]:
            assert not self.available().may_start

    @invariant()
    def whatever_is_closed_is_said_in_one_sentence(self) -> None:
        said = self.available()
        assert said.may_start is (said.reason is None)
        assert said.reason is None or (said.reason.count("。"), said.reason[-1]) == (1, "。")


TestSitting = Sitting.TestCase
TestSitting.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
