"""Two levels and a physician, in any order: every move is in the table, a conclusion has its result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exam_service.cycles.policy import ReviewLevel
from exam_service.errors import Conflict
from exam_service.registration.form.model import EthicsGrade
from exam_service.registration.model import Result, State, check_move
from exam_service.registration.reviewing.model import (
    AWAITING,
    Decision,
    Outcome,
    Ratings,
    Review,
    check_awaits,
    check_undo,
    may_undo,
    outcome,
)
from tests.factories import ADMITTED, REGISTRATION, an_id

RATINGS = st.builds(
    Ratings,
    quantity=st.booleans(),
    quality=st.booleans(),
    task=st.booleans(),
    grade=st.sampled_from(EthicsGrade),
    ethics_fit=st.booleans(),
    misconduct=st.sampled_from([(), ("1",), ("6", "8")]),
)
LEVELS = st.sampled_from(ReviewLevel)


class Walk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = ADMITTED
        self.state = State.INSTITUTION_REVIEW
        self.result: Result | None = None
        self.reviews: list[Review] = []

    @property
    def newest(self) -> Review | None:
        return self.reviews[-1] if self.reviews else None

    def _go(
        self, level: ReviewLevel, decision: Decision, to: Outcome, ratings: Ratings | None = None
    ) -> None:
        check_move(REGISTRATION, self.state, to.state)
        self.state, self.result = to.state, to.result
        review = Review(
            an_id(), REGISTRATION, level, decision, (), ratings, None, "", (), an_id(), "某人", self.now
        )
        self.reviews.append(review)

    def _rated(self) -> Ratings | None:
        return next(
            (each.ratings for each in reversed(self.reviews) if each.level is ReviewLevel.INSTITUTION), None
        )

    @rule(level=LEVELS, own=RATINGS, upholds=st.booleans(), papers=st.booleans())
    def approve(self, level: ReviewLevel, own: Ratings, *, upholds: bool, papers: bool) -> None:
        try:
            check_awaits(level, self.state, self.newest, same_basis=True)
        except Conflict:
            return
        institution = self._rated()
        counting = institution if level is ReviewLevel.BODY and upholds and institution else own
        to = outcome(level, Decision.APPROVED, counting, papers=papers)
        self._go(level, Decision.APPROVED, to, counting)

    @rule(level=LEVELS, to_institution=st.booleans())
    def give_back(self, level: ReviewLevel, *, to_institution: bool) -> None:
        decision = Decision.RETURNED
        if to_institution and level is ReviewLevel.BODY:
            decision = Decision.RETURNED_TO_INSTITUTION
        try:
            check_awaits(level, self.state, self.newest, same_basis=True)
        except Conflict:
            return
        self._go(level, decision, outcome(level, decision))

    @rule(level=LEVELS)
    def undo(self, level: ReviewLevel) -> None:
        before = self.state
        try:
            check_undo(self.newest, self.state, self.now, level)
        except Conflict:
            return
        assert before is not State.CONCLUDED
        self._go(level, Decision.UNDONE, Outcome(AWAITING[level], "undone"))

    @precondition(lambda self: self.state is State.RETURNED)
    @rule()
    def correct_and_submit_again(self) -> None:
        for to in (State.DRAFT, State.INSTITUTION_REVIEW):
            check_move(REGISTRATION, self.state, to)
            self.state = to

    @precondition(lambda self: self.state is State.REGISTERED)
    @rule()
    def begin_a_paper(self) -> None:
        check_move(REGISTRATION, self.state, State.TESTING)
        self.state = State.TESTING

    @rule(minutes=st.sampled_from([1, 5, 11]))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def a_conclusion_has_a_result_and_nothing_else_has(self) -> None:
        assert (self.state is State.CONCLUDED) == (self.result is not None)

    @invariant()
    def a_failure_was_rated_so_by_what_counts(self) -> None:
        if self.result is Result.FAILED:
            assert self.newest is not None
            assert self.newest.level is ReviewLevel.BODY
            assert self.newest.ratings is not None
            assert self.newest.ratings.result is Result.FAILED

    @invariant()
    def only_the_level_that_decided_may_undo(self) -> None:
        allowed = [level for level in ReviewLevel if may_undo(self.newest, self.state, self.now, level)]
        assert len(allowed) <= 1
        assert all(self.newest is not None and self.newest.level is level for level in allowed)


TestWalk = Walk.TestCase


def test_the_walk_can_fail() -> None:
    """A failed rating that counted as a pass would be seen."""
    walk = Walk()
    walk.approve(ReviewLevel.INSTITUTION, _FIT, upholds=True, papers=True)
    walk.approve(ReviewLevel.BODY, replace(_FIT, task=False), upholds=False, papers=True)
    assert walk.result is Result.FAILED


_FIT = Ratings(quantity=True, quality=True, task=True, grade=EthicsGrade.GOOD)
