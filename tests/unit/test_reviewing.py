"""Rules of the two-level review, as tables."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from exam_service.cycles.policy import ReviewLevel
from exam_service.errors import Conflict, Invalid
from exam_service.registration.form.checks import Shortfall
from exam_service.registration.form.model import Conduct, EthicsGrade
from exam_service.registration.model import MOVES, Result, State
from exam_service.registration.reviewing.filters import Age, age_on, born_between, parse_place
from exam_service.registration.reviewing.model import (
    AWAITING,
    PHRASES,
    UNDO_WITHIN,
    Check,
    Decision,
    Doubt,
    Facts,
    Ratings,
    Review,
    check_awaits,
    check_checklist,
    check_rating,
    check_return,
    check_undo,
    checklist,
    compose_reason,
    doubts,
    may_undo,
    outcome,
    parse_ratings,
    rerated,
    self_assessed,
    ticked_beforehand,
)
from tests.factories import REGISTRATION, an_id, at

INSTITUTION, BODY = ReviewLevel.INSTITUTION, ReviewLevel.BODY
FIT = Ratings(quantity=True, quality=True, task=True, grade=EthicsGrade.GOOD)
POOR = replace(FIT, quality=False)
UNETHICAL = replace(FIT, ethics_fit=False)
MISBEHAVED = replace(FIT, misconduct=("6",))


def facts(**changes: Any) -> Facts:
    """A form that nothing speaks against."""
    usual = Facts(
        own=FIT,
        institution=FIT,
        has_bad_records=False,
        shortfall=None,
        photo_accepted=True,
        licence_accepted=True,
    )
    return replace(usual, **changes)


def a_review(decision: Decision, level: ReviewLevel = INSTITUTION, seconds: float = 0) -> Review:
    return Review(
        id=an_id(),
        registration_id=REGISTRATION,
        level=level,
        decision=decision,
        checklist=(),
        ratings=FIT if decision is Decision.APPROVED else None,
        upheld=None,
        reason="",
        marked=(),
        reviewer_id=an_id(),
        reviewer="审核人员",
        decided_at=at(seconds),
    )


@pytest.mark.parametrize(
    ("ratings", "performance", "ethics", "result"),
    [
        (FIT, True, True, Result.PASSED),
        (replace(FIT, quantity=False), False, True, Result.FAILED),
        (POOR, False, True, Result.FAILED),
        (replace(FIT, task=False), False, True, Result.FAILED),
        (UNETHICAL, True, False, Result.FAILED),
        (MISBEHAVED, True, False, Result.FAILED),
        (replace(FIT, grade=EthicsGrade.FAIR), True, True, Result.PASSED),
    ],
)
def test_performance_and_ethics_both_have_to_be_fit(
    ratings: Ratings,
    performance: bool,  # noqa: FBT001
    ethics: bool,  # noqa: FBT001
    result: Result,
) -> None:
    assert (ratings.performance, ratings.ethics, ratings.result) == (performance, ethics, result)
    assert parse_ratings(ratings.to_json()) == ratings


def test_the_institution_begins_with_what_the_physician_holds_of_themselves() -> None:
    own = Conduct(quantity=True, quality=False, task=True, has_misconduct=True, misconduct=("3",))
    assert self_assessed(own) == Ratings(
        quantity=True, quality=False, task=True, grade=EthicsGrade.FAIR, misconduct=("3",)
    )
    assert self_assessed(replace(own, has_misconduct=False)).misconduct == ()


@pytest.mark.parametrize(
    ("level", "decision", "ratings", "papers", "leads_to"),
    [
        (INSTITUTION, Decision.APPROVED, FIT, True, (State.BODY_REVIEW, None)),
        (INSTITUTION, Decision.APPROVED, POOR, True, (State.BODY_REVIEW, None)),
        (INSTITUTION, Decision.RETURNED, None, True, (State.RETURNED, None)),
        (BODY, Decision.APPROVED, FIT, True, (State.REGISTERED, None)),
        (BODY, Decision.APPROVED, FIT, False, (State.CONCLUDED, Result.PASSED)),
        (BODY, Decision.APPROVED, POOR, True, (State.CONCLUDED, Result.FAILED)),
        (BODY, Decision.APPROVED, UNETHICAL, False, (State.CONCLUDED, Result.FAILED)),
        (BODY, Decision.APPROVED, MISBEHAVED, True, (State.CONCLUDED, Result.FAILED)),
        (BODY, Decision.RETURNED, None, True, (State.RETURNED, None)),
        (BODY, Decision.RETURNED_TO_INSTITUTION, None, True, (State.INSTITUTION_REVIEW, None)),
    ],
)
def test_a_decision_leads_where_the_manuals_say(
    level: ReviewLevel,
    decision: Decision,
    ratings: Ratings | None,
    papers: bool,  # noqa: FBT001
    leads_to: tuple[State, Result | None],
) -> None:
    found = outcome(level, decision, ratings, papers=papers)
    assert (found.state, found.result) == leads_to
    assert found.state in MOVES[AWAITING[level]]


@pytest.mark.parametrize(
    ("ratings", "cause"),
    [(POOR, "performance_upheld"), (UNETHICAL, "ethics_upheld"), (MISBEHAVED, "misconduct_upheld")],
)
def test_a_failure_says_what_failed(ratings: Ratings, cause: str) -> None:
    assert outcome(BODY, Decision.APPROVED, ratings).cause == cause


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, ()),
        ({"has_bad_records": True}, (Doubt.BAD_RECORD,)),
        ({"own": MISBEHAVED}, (Doubt.MISCONDUCT,)),
        ({"institution": MISBEHAVED}, (Doubt.MISCONDUCT,)),
        ({"own": POOR}, (Doubt.SELF_RATED,)),
        ({"institution": POOR}, (Doubt.RATED,)),
        ({"institution": UNETHICAL}, (Doubt.RATED,)),
        ({"institution": None}, (Doubt.UNRATED,)),
        ({"shortfall": Shortfall(3, 5)}, (Doubt.SHORTFALL,)),
        ({"photo_accepted": False}, (Doubt.PHOTO,)),
        ({"licence_accepted": False}, (Doubt.LICENCE,)),
        ({"returned": True}, (Doubt.RETURNED_BEFORE,)),
        ({"own": POOR, "photo_accepted": False}, (Doubt.SELF_RATED, Doubt.PHOTO)),
    ],
)
def test_the_uncontested_are_those_nothing_speaks_against(
    changes: dict[str, Any], found: tuple[Doubt, ...]
) -> None:
    assert doubts(BODY, facts(**changes)) == found


def test_before_the_institution_has_rated_nobody_misses_its_rating() -> None:
    assert doubts(INSTITUTION, facts(institution=None)) == ()


@pytest.mark.parametrize(
    ("level", "simple", "licence", "wanted"),
    [
        (INSTITUTION, True, True, (Check.PHOTO, Check.EVIDENCE, Check.RATINGS)),
        (INSTITUTION, False, True, (Check.PHOTO, Check.RATINGS)),
        (BODY, True, True, (Check.LICENCE, Check.EVIDENCE, Check.RATINGS)),
        (BODY, False, True, (Check.LICENCE, Check.RATINGS)),
        (BODY, False, False, (Check.RATINGS,)),
    ],
)
def test_each_level_has_its_checklist(
    level: ReviewLevel,
    simple: bool,  # noqa: FBT001
    licence: bool,  # noqa: FBT001
    wanted: tuple[Check, ...],
) -> None:
    assert checklist(level, simple=simple, licence=licence) == wanted
    check_checklist(wanted, [check.value for check in wanted])
    with pytest.raises(Invalid, match="请先核对并勾选"):
        check_checklist(wanted, [check.value for check in wanted[1:]])


@pytest.mark.parametrize(
    ("changes", "ticked"),
    [
        ({}, {Check.RATINGS}),
        ({"shortfall": Shortfall(None, 5)}, {Check.RATINGS}),
        ({"own": POOR}, set()),
        ({"returned": True}, set()),
        ({"has_bad_records": True}, set()),
    ],
)
def test_what_pictures_show_is_always_left_for_a_person_to_tick(
    changes: dict[str, Any], ticked: set[Check]
) -> None:
    assert ticked_beforehand(BODY, tuple(Check), facts(**changes)) == ticked


@pytest.mark.parametrize(
    ("level", "decision", "state", "may"),
    [
        (INSTITUTION, Decision.APPROVED, State.BODY_REVIEW, True),
        (INSTITUTION, Decision.RETURNED, State.RETURNED, True),
        (INSTITUTION, Decision.RETURNED, State.DRAFT, False),
        (INSTITUTION, Decision.APPROVED, State.REGISTERED, False),
        (INSTITUTION, Decision.UNDONE, State.INSTITUTION_REVIEW, False),
        (BODY, Decision.APPROVED, State.REGISTERED, True),
        (BODY, Decision.APPROVED, State.TESTING, False),
        (BODY, Decision.APPROVED, State.CONCLUDED, False),
        (BODY, Decision.RETURNED, State.RETURNED, True),
        (BODY, Decision.RETURNED, State.INSTITUTION_REVIEW, False),
        (BODY, Decision.RETURNED_TO_INSTITUTION, State.INSTITUTION_REVIEW, True),
        (BODY, Decision.RETURNED_TO_INSTITUTION, State.BODY_REVIEW, False),
    ],
)
def test_a_decision_is_taken_back_while_nobody_has_gone_on(
    level: ReviewLevel,
    decision: Decision,
    state: State,
    may: bool,  # noqa: FBT001
) -> None:
    newest = a_review(decision, level)
    assert may_undo(newest, state, at(60), level) is may
    if may:
        assert AWAITING[level] in MOVES[state]
        assert check_undo(newest, state, at(60), level) is newest
        other = BODY if level is INSTITUTION else INSTITUTION
        assert not may_undo(newest, state, at(60), other)
    else:
        with pytest.raises(Conflict):
            check_undo(newest, state, at(60), level)


def test_a_decision_is_taken_back_within_ten_minutes() -> None:
    newest = a_review(Decision.APPROVED)
    last = newest.decided_at + UNDO_WITHIN
    assert may_undo(newest, State.BODY_REVIEW, last - timedelta(seconds=1), INSTITUTION)
    assert not may_undo(newest, State.BODY_REVIEW, last, INSTITUTION)
    assert not may_undo(None, State.BODY_REVIEW, last, INSTITUTION)


@pytest.mark.parametrize(
    ("state", "newest", "same", "code"),
    [
        (State.INSTITUTION_REVIEW, None, True, None),
        (State.INSTITUTION_REVIEW, a_review(Decision.UNDONE), True, None),
        (State.INSTITUTION_REVIEW, None, False, "changed_since"),
        (State.BODY_REVIEW, a_review(Decision.APPROVED), False, "decided_by_another"),
        (State.RETURNED, a_review(Decision.RETURNED), True, "decided_by_another"),
        (State.NOT_ADMITTED, None, True, "not_awaiting"),
    ],
)
def test_of_two_reviewers_the_second_is_told_what_the_first_decided(
    state: State,
    newest: Review | None,
    same: bool,  # noqa: FBT001
    code: str | None,
) -> None:
    if code is None:
        check_awaits(INSTITUTION, state, newest, same_basis=same)
        return
    with pytest.raises(Conflict) as refused:
        check_awaits(INSTITUTION, state, newest, same_basis=same)
    assert refused.value.code == code
    if code == "decided_by_another":
        assert "审核人员已先处理" in refused.value.sentence


def test_the_body_upholds_or_overturns_with_a_reason() -> None:
    assert rerated(POOR, None, "") == (POOR, True)
    assert rerated(POOR, FIT, "材料证明质量合格") == (FIT, False)
    with pytest.raises(Invalid, match="理由"):
        rerated(POOR, FIT, "")
    with pytest.raises(Invalid, match="维持"):
        rerated(FIT, FIT, "没有变化")


def test_an_institution_that_fails_somebody_says_why() -> None:
    listed = {"6"}
    check_rating(FIT, "", listed)
    check_rating(MISBEHAVED, "经查实收受回扣", listed)
    with pytest.raises(Invalid, match="理由"):
        check_rating(POOR, "", listed)
    with pytest.raises(Invalid, match="列表"):
        check_rating(MISBEHAVED, "经查实", {"1"})


def test_a_return_has_a_reason_of_up_to_200_characters() -> None:
    check_return("照片不清" * 50)
    for reason in ("", "长" * 201):
        with pytest.raises(Invalid):
            check_return(reason)


def test_ready_made_reasons_mark_their_fields_and_join_what_was_typed() -> None:
    reason, marks = compose_reason(BODY, ["licence"], " 请于周五前提交。 ")
    assert reason == "执业证书图片不清晰或不完整，请重新上传。请于周五前提交。"
    assert marks == ("licence",)
    text = PHRASES[BODY][0].text
    assert compose_reason(BODY, ["licence"], text)[0] == text
    assert compose_reason(INSTITUTION, ["licence"], "") == ("", ())


@pytest.mark.parametrize(
    ("age", "born_on", "has_it"),
    [
        (Age.UNDER_35, date(1991, 5, 13), True),
        (Age.UNDER_35, date(1991, 5, 12), False),
        (Age.FROM_35, date(1991, 5, 12), True),
        (Age.FROM_35, date(1981, 5, 13), True),
        (Age.FROM_35, date(1981, 5, 12), False),
        (Age.FROM_45, date(1971, 5, 13), True),
        (Age.FROM_55, date(1971, 5, 12), True),
        (Age.FROM_55, date(1971, 5, 13), False),
    ],
)
def test_an_age_is_that_of_the_day(
    age: Age,
    born_on: date,
    has_it: bool,  # noqa: FBT001
) -> None:
    day = date(2026, 5, 12)
    after, until = born_between(age, day)
    assert ((after is None or born_on > after) and (until is None or born_on <= until)) is has_it
    youngest, oldest = age.span
    years = age_on(born_on, day)
    assert years is not None
    assert ((youngest is None or years >= youngest) and (oldest is None or years <= oldest)) is has_it


def test_who_was_born_on_29_february_has_birthdays_too() -> None:
    assert born_between(Age.FROM_35, date(2028, 2, 29)) == (date(1983, 2, 28), date(1993, 2, 28))


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "~",
        "2026-05-12~x",
        "2026-05-12T00:00:00~" + "0" * 32,
        "0001-01-01T00:00:00+14:00~" + "0" * 32,
        "9999-12-31T23:59:59-14:00~" + "0" * 32,
    ],
)
def test_an_address_that_names_no_place_is_the_first_page(text: str | None) -> None:
    assert parse_place(text) is None
