"""How long face data are kept: what the purge follows is what the pages say."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.cycles.policy import Policy, Retention, parse_policy
from exam_service.errors import Misconfigured
from exam_service.proctor.periods import Kind, Standing, due_on, retention_text
from tests.factories import a_policy

LAST_DAY, RESULT = date(2026, 6, 21), date(2026, 5, 12)
USUAL = Retention()


def due(
    kind: Kind, *, result: date | None = RESULT, is_open: bool = False, wanted: bool = False
) -> date | None:
    return due_on(kind, USUAL, Standing(LAST_DAY, result, is_open), wanted=wanted)


@pytest.mark.parametrize(
    ("kind", "day"),
    [
        (Kind.EMBEDDING, date(2026, 6, 29)),
        (Kind.SAMPLE, date(2026, 7, 22)),
        (Kind.FRAME, date(2026, 9, 20)),
    ],
)
def test_each_kind_goes_after_its_days(kind: Kind, day: date) -> None:
    assert due(kind) == day
    assert due(kind, result=None) == day


def test_pictures_wait_for_the_appeal_against_a_late_result() -> None:
    late = date(2026, 9, 1)
    assert due(Kind.FRAME, result=late) == late + timedelta(days=61)
    assert due(Kind.EMBEDDING, result=late) == date(2026, 6, 29)


def test_who_asks_waits_for_the_appeal_only_and_who_never_sat_for_nothing() -> None:
    assert due(Kind.FRAME, wanted=True) == RESULT + timedelta(days=61)
    assert due(Kind.EMBEDDING, wanted=True) == date.min
    assert due(Kind.FRAME, result=None, wanted=True) == date.min


def test_an_open_result_holds_everything() -> None:
    assert {due(kind, is_open=True, wanted=wanted) for kind in Kind for wanted in (True, False)} == {None}


@given(
    st.sampled_from(Kind),
    st.builds(Retention, st.integers(0, 90), st.integers(0, 90), st.integers(90, 400), st.integers(0, 400)),
    st.dates(date(2026, 1, 1), LAST_DAY),
)
def test_asking_is_never_later_than_not_asking(kind: Kind, periods: Retention, result: date) -> None:
    if kind is Kind.SAMPLE:  # who asks has all pictures purged at once
        return
    standing = Standing(LAST_DAY, result, is_open=False)
    wanted, usual = (due_on(kind, periods, standing, wanted=each) for each in (True, False))
    assert wanted is not None
    assert usual is not None
    assert wanted <= usual


def test_the_words_name_every_period() -> None:
    text = "".join(retention_text(Retention(61, 32, 93, 14)))
    assert all(f"{days}天" in text for days in (61, 32, 93, 14))


def policy_with(retention: dict[str, int]) -> Policy:
    return parse_policy({**a_policy().raw, "retention": retention})


def test_a_policy_sets_the_periods_and_pictures_outlast_the_appeal() -> None:
    assert policy_with({"frame_days": 120}).retention == Retention(frame_days=120)
    assert policy_with({}).retention == a_policy().retention == Retention()
    with pytest.raises(Misconfigured, match="frame_days must not be less"):
        policy_with({"frame_days": 59})
    with pytest.raises(Misconfigured, match="unknown"):
        policy_with({"photo_days": 1})
