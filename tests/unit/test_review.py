"""What the body may decide alone, and what it may say of a finding."""

from datetime import timedelta
from decimal import Decimal

import pytest

from exam_service.errors import DomainError, Invalid
from exam_service.papers.model import State
from exam_service.proctor.judgement import Finding, FindingKind
from exam_service.review.model import (
    LONGEST_NOTE,
    FindingReview,
    FindingVerdict,
    check_decision,
    check_review,
    judged,
    with_reviews,
)
from tests.factories import a_check, a_professional_rule, an_attempt, at


def code_of(mark: str, note: str = "", *, passed: bool) -> str | None:
    attempt = an_attempt(State.MARKED, a_professional_rule(), mark=Decimal(mark))
    try:
        check_decision(attempt, passed=passed, note=note)
    except Invalid as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize("mark", ["60", "60.00", "60.01", "100"])
def test_who_reached_the_mark_may_pass(mark: str) -> None:
    assert code_of(mark, passed=True) is None


@pytest.mark.parametrize("mark", ["59.99", "59", "0"])
def test_who_did_not_cannot_pass_whatever_the_note(mark: str) -> None:
    assert code_of(mark, passed=True) == "below_pass_mark"
    assert code_of(mark, "酌情", passed=True) == "below_pass_mark"


@pytest.mark.parametrize("mark", ["59.99", "0"])
def test_who_did_not_fails_without_a_word(mark: str) -> None:
    assert code_of(mark, passed=False) is None


@pytest.mark.parametrize("mark", ["60", "100"])
def test_who_reached_the_mark_fails_only_with_a_reason(mark: str) -> None:
    assert code_of(mark, passed=False) == "reason_needed"
    assert code_of(mark, "监考画面中为他人作答", passed=False) is None


def test_a_note_has_its_longest() -> None:
    assert LONGEST_NOTE == 500
    assert code_of("84", "字" * LONGEST_NOTE, passed=True) is None
    assert code_of("84", "字" * (LONGEST_NOTE + 1), passed=True) == "note_too_long"


def test_what_has_no_mark_cannot_pass() -> None:
    with pytest.raises(Invalid) as refusal:
        check_decision(an_attempt(State.CLOSED), passed=True, note="")
    assert refusal.value.code == "below_pass_mark"


def test_who_fails_for_findings_has_one_that_a_person_upheld() -> None:
    attempt = an_attempt(State.MARKED, a_professional_rule())
    with pytest.raises(Invalid) as refusal:
        check_decision(attempt, passed=False, note="由他人作答", by_findings=True, upheld=0)
    assert refusal.value.code == "nothing_upheld"
    check_decision(attempt, passed=False, note="由他人作答", by_findings=True, upheld=1)
    check_decision(attempt, passed=False, note="试题泄露", upheld=0)


UPHELD, DISMISSED = FindingVerdict.UPHELD, FindingVerdict.DISMISSED


@pytest.mark.parametrize(
    ("state", "verdict", "note", "code"),
    [
        (State.MARKED, UPHELD, "不是同一个人", None),
        (State.MARKED, DISMISSED, "", None),
        (State.TERMINATED, DISMISSED, "", None),
        (State.MARKED, UPHELD, "", "reason_needed"),
        (State.MARKED, DISMISSED, "字" * (LONGEST_NOTE + 1), "note_too_long"),
        (State.RUNNING, DISMISSED, "", "still_sat"),
        (State.CONFIRMED, DISMISSED, "", "already_decided"),
        (State.VOID, DISMISSED, "", "already_decided"),
    ],
)
def test_a_finding_is_judged_between_the_papers_end_and_the_decision(
    state: State, verdict: FindingVerdict, note: str, code: str | None
) -> None:
    attempt = an_attempt(state)
    if code is None:
        check_review(attempt, verdict, note)
        return
    with pytest.raises(DomainError) as refusal:
        check_review(attempt, verdict, note)
    assert refusal.value.code == code


def test_the_newest_word_on_a_finding_counts() -> None:
    finding = Finding(FindingKind.ABSENT, at(10), at(40), 3, ())
    other = Finding(FindingKind.ABSENT, at(500), at(540), 3, ())
    words = [
        FindingReview(finding.kind, finding.began_at, verdict, "", "核对人", at(2000))
        for verdict in (UPHELD, DISMISSED, UPHELD)
    ]
    first, second = with_reviews([finding, other], words)
    assert (first.is_upheld, second.is_upheld, second.review) == (True, False, None)
    assert not with_reviews([finding], words[:2])[0].is_upheld


def test_a_camera_that_never_came_leaves_nothing_clean() -> None:
    never = judged(an_attempt(State.MARKED), [], at(9999), timedelta(seconds=10))
    assert (never.coverage, never.hardly_watched, never.risk.score) == (0, True, 40)
    seen = [a_check(seconds=second) for second in range(0, 1800, 10)]
    watched = judged(an_attempt(State.MARKED), seen, at(9999), timedelta(seconds=10))
    assert (watched.coverage, watched.hardly_watched, watched.risk.score, watched.findings) == (
        1,
        False,
        0,
        [],
    )
