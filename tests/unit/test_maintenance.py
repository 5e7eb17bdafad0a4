"""No paper is begun that would be under way in the hours of maintenance."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.clock import CHINA
from exam_service.organisations.entry import Hours, parse_entry
from exam_service.papers.retakes import availability
from exam_service.papers.timing import maintenance_in, start_after_maintenance
from tests.factories import a_cycle, a_policy, a_rule


def china(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def hours(*texts: str) -> tuple[Hours, ...]:
    return parse_entry({"maintenance": list(texts)}).maintenance


def why(at: str, *maintenance: str, minutes: int = 60, extra: int = 0) -> str | None:
    policy = a_policy()
    policy = replace(policy, entry=replace(policy.entry, maintenance=hours(*maintenance)))
    cycle = a_cycle(policy=policy)
    found = availability(a_rule(minutes=minutes), [], cycle=cycle, now=china(at), extra_minutes=extra)
    assert found.may_start == (found.reason is None)
    return found.reason


HENAN = "22:00-24:00"
AFTER = "系统维护时间为22:00至24:00，05-13 00:00后可以参加。"
# when a paper of 60 minutes would be begun, what is said
TABLE = [
    ("2026-05-12T09:00", None),
    ("2026-05-12T20:59", None),
    ("2026-05-12T21:00", None),
    ("2026-05-12T21:01", "系统维护时间为22:00至24:00，试卷须在21:00前开始，05-13 00:00后可以参加。"),
    ("2026-05-12T22:00", AFTER),
    ("2026-05-12T23:59", AFTER),
    ("2026-05-13T00:00", None),
    (
        "2026-05-20T21:30",
        "系统维护时间为22:00至24:00，试卷须在21:00前开始。本次测评时间内不能再参加，请联系考核机构。",
    ),
]


@pytest.mark.parametrize(("at", "said"), TABLE)
def test_a_paper_ends_before_the_maintenance_of_the_evening(at: str, said: str | None) -> None:
    assert why(at, HENAN) == said


@pytest.mark.parametrize(
    ("at", "maintenance", "said"),
    [
        ("2026-05-12T23:30", ["00:00-02:00"], "05-13 02:00后可以参加。"),
        ("2026-05-13T00:30", ["00:00-02:00"], "系统维护时间为00:00至02:00，02:00后可以参加。"),
        ("2026-05-12T23:00", ["00:00-02:00"], None),
        ("2026-05-12T22:30", ["22:00-24:00", "00:00-02:00"], "05-13 02:00后可以参加。"),
        ("2026-05-12T12:10", ["12:30-12:35", "13:20-13:30"], "13:30后可以参加。"),
        ("2026-05-12T12:10", ["00:00-12:30", "13:00-24:00"], "本次测评时间内不能再参加，请联系考核机构。"),
    ],
    ids=["over midnight", "after midnight", "ends at midnight", "two in a row", "a gap too short", "no room"],
)
def test_it_says_until_when_whatever_the_hours(at: str, maintenance: list[str], said: str | None) -> None:
    reason = why(at, *maintenance)
    assert reason == said if said is None else reason is not None and reason.endswith(said)


def test_extra_time_counts() -> None:
    assert why("2026-05-12T20:50", HENAN) is None
    assert "试卷须在20:30前开始" in str(why("2026-05-12T20:50", HENAN, extra=30))


def test_without_hours_nothing_is_in_the_way() -> None:
    assert why("2026-05-12T22:30") is None


def test_hours_are_written_as_people_write_them() -> None:
    assert [each.words for each in hours(HENAN, "01:00-02:30")] == ["每天22:00至24:00", "每天01:00至02:30"]


_minutes = st.integers(0, 24 * 60 - 1).map(lambda each: time(each // 60, each % 60))
_hours = st.lists(
    st.tuples(_minutes, _minutes).filter(lambda pair: pair[0] < pair[1]).map(lambda pair: Hours(*pair))
    | _minutes.map(lambda since: Hours(since, None)),
    max_size=3,
)


_moments = st.integers(0, 20 * 24 * 60).map(lambda each: china("2026-05-01") + timedelta(minutes=each))


@given(_hours, _moments, st.integers(1, 180))
def test_what_it_promises_holds(of_day: list[Hours], start: datetime, minutes: int) -> None:
    """The moment that is named is the first at which the paper fits."""
    long = timedelta(minutes=minutes)
    again = start_after_maintenance(of_day, start, minutes)
    if again is not None:
        assert again >= start
        assert maintenance_in(of_day, again, again + long) is None
    last = again or start + timedelta(days=1)
    probe = start
    while probe < last:
        assert maintenance_in(of_day, probe, probe + long) is not None
        probe += timedelta(minutes=97)


@given(_hours, _moments, st.integers(1, 180))
def test_minute_by_minute_it_is_the_same(of_day: list[Hours], start: datetime, minutes: int) -> None:
    under_way = [(start + timedelta(minutes=each)).time() for each in range(minutes)]
    meets = any(
        each.since <= moment and (each.until is None or moment < each.until)
        for each in of_day
        for moment in under_way
    )
    assert (maintenance_in(of_day, start, start + timedelta(minutes=minutes)) is not None) == meets
