"""What staff may do to a paper, what a physician may ask for, and how both are put into words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, DomainError, Invalid
from exam_service.ids import new_id
from exam_service.invigilation.model import (
    TAB_STANDINGS,
    Event,
    Happening,
    Listed,
    Place,
    Standing,
    Tab,
    clock_text,
    length_text,
    parse_place,
    sentence,
    tab_counts,
)
from exam_service.papers.model import Attempt, State
from exam_service.papers.oversight import (
    ASKED_WITHIN,
    BEING_SAT,
    LONGEST_CUT,
    LONGEST_TEXT,
    Termination,
    check_being_sat,
    check_extension,
    check_minutes,
    check_second_person,
    requested_span,
    written,
)
from tests.factories import ADMITTED, an_attempt, at

ID = UUID(int=7)
MINUTE = 60


def sat(**changes: object) -> Attempt:
    """Admitted at 0 s, with a deadline at 60 minutes."""
    attempt = an_attempt(State.RUNNING)
    return replace(
        attempt, **{"admitted_at": ADMITTED, "deadline": at(60 * MINUTE), "closed_at": None} | changes
    )


def refusal(call: object, *args: object) -> DomainError | None:
    try:
        call(*args)  # type: ignore[operator]
    except DomainError as error:
        return error
    return None


# Texts and numbers


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("断电", "断电"),
        ("  断电 \n", "断电"),
        ("长" * LONGEST_TEXT, "长" * LONGEST_TEXT),
        ("", None),
        (" \n\t", None),
    ],
)
def test_a_reason_is_given(text: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(Invalid, match="请填写理由"):
            written(text, "理由")
    else:
        assert written(text, "理由") == kept


def test_too_long_a_reason_says_how_long_it_is() -> None:
    with pytest.raises(Invalid, match="不能超过200字，现有201字"):
        written("长" * 201, "理由")


@pytest.mark.parametrize("minutes", [1, 30, 60])
def test_minutes_within_bounds_are_taken(minutes: int) -> None:
    assert check_minutes(minutes, 60) == minutes


@pytest.mark.parametrize("minutes", [None, -1, 0, 61])
def test_minutes_out_of_bounds_are_not(minutes: int | None) -> None:
    with pytest.raises(Invalid, match="1至60"):
        check_minutes(minutes, 60)


# What a paper's state allows


@pytest.mark.parametrize("state", State)
def test_only_a_paper_that_is_being_sat_is_touched(state: State) -> None:
    error = refusal(check_being_sat, sat(state=state))
    assert (error is None) is (state in {State.ADMITTED, State.RUNNING, State.CLOSING})
    if error is not None:
        assert isinstance(error, Conflict)
        assert ("还没有开始" in error.sentence) is (state is State.PREPARED)


def test_an_extension_leaves_time() -> None:
    late = at(65 * MINUTE)
    assert isinstance(refusal(check_extension, sat(state=State.CLOSING), 5, late), Invalid)
    assert refusal(check_extension, sat(state=State.CLOSING), 6, late) is None


def test_who_asked_for_the_end_does_not_agree_to_it() -> None:
    termination = Termination(new_id(), new_id(), "替考", ID, "甲", ADMITTED)
    with pytest.raises(Conflict, match="两位工作人员") as refused:
        check_second_person(termination, ID)
    assert refused.value.code == "second_person_needed"
    check_second_person(termination, UUID(int=8))


# Requests for time


@pytest.mark.parametrize(
    ("began", "ended", "now", "given"),
    [
        (10, 15, 20, (10, 15)),
        (-5, 5, 20, (0, 5)),  # the check took long: not of the paper
        (10, 20.5, 20, (10, 20.5)),  # a clock that runs ahead a little
        (50, 70, 75, (50, 60)),  # past the deadline nothing was lost
    ],
)
def test_a_request_is_cut_to_the_time_of_the_attempt(
    began: float, ended: float, now: float, given: tuple[float, float]
) -> None:
    span = requested_span(sat(), at(began * MINUTE), at(ended * MINUTE), at(now * MINUTE))
    assert span == (at(given[0] * MINUTE), at(given[1] * MINUTE))


@pytest.mark.parametrize(
    ("began", "ended", "now", "code"),
    [
        (15, 10, 20, "bad_span"),
        (10, 10, 20, "bad_span"),
        (10, 21.1, 20, "in_the_future"),
        (-10, 0, 20, "outside_the_attempt"),
        (61, 70, 75, "outside_the_attempt"),
    ],
)
def test_a_time_that_can_not_be_is_refused(began: float, ended: float, now: float, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        requested_span(sat(), at(began * MINUTE), at(ended * MINUTE), at(now * MINUTE))
    assert refused.value.code == code


def test_two_hours_are_the_most() -> None:
    long = sat(deadline=at(180 * MINUTE))
    assert requested_span(long, at(0), at(120 * MINUTE), at(130 * MINUTE)) == (at(0), at(120 * MINUTE))
    with pytest.raises(Invalid, match="最多申请2小时"):
        requested_span(long, at(0), at(120 * MINUTE + 1), at(130 * MINUTE))


@pytest.mark.parametrize("state", State)
def test_time_is_asked_for_until_the_result_is_final(state: State) -> None:
    admitted = None if state is State.PREPARED else ADMITTED
    error = refusal(
        requested_span, sat(state=state, admitted_at=admitted), at(MINUTE), at(2 * MINUTE), at(5 * MINUTE)
    )
    assert (error is None) is (state in BEING_SAT | {State.CLOSED, State.MARKED})
    assert error is None or isinstance(error, Conflict)


def test_a_day_after_the_close_it_is_too_late() -> None:
    closed_at = at(30 * MINUTE)
    closed = sat(state=State.MARKED, closed_at=closed_at)
    assert requested_span(closed, at(MINUTE), at(40 * MINUTE), closed_at + ASKED_WITHIN)[1] == closed_at
    with pytest.raises(Conflict, match="24小时"):
        requested_span(closed, at(MINUTE), at(2 * MINUTE), closed_at + ASKED_WITHIN + timedelta(seconds=1))


@given(
    began=st.integers(-7200, 20_000),
    length=st.integers(-100, 20_000),
    now=st.integers(0, 20_000),
    closed=st.none() | st.integers(1, 5400),
)
def test_what_is_given_lies_within_what_was_asked_and_within_the_attempt(
    began: int, length: int, now: int, closed: int | None
) -> None:
    attempt = sat(
        deadline=at(5400),
        state=State.RUNNING if closed is None else State.MARKED,
        closed_at=None if closed is None else at(closed),
    )
    try:
        first, last = requested_span(attempt, at(began), at(began + length), at(now))
    except DomainError:
        return
    assert max(at(began), ADMITTED) == first < last <= min(at(began + length), at(5400), at(now + 60))
    assert last - first <= LONGEST_CUT
    assert closed is None or last <= at(closed)


# The list


def test_every_standing_has_one_tab() -> None:
    narrow = [standing for standings in TAB_STANDINGS.values() for standing in standings]
    assert sorted(narrow) == sorted(Standing)


def test_tabs_count_what_they_show() -> None:
    counts = tab_counts({Standing.CHECKING: 1, Standing.READY: 2, Standing.OFFLINE: 4}, attention=3)
    assert counts[Tab.CHECKING] == 3
    assert counts[Tab.OFFLINE] == 4
    assert counts[Tab.WAITING] == 0
    assert counts[Tab.ALL] == 7
    assert counts[Tab.ATTENTION] == 3


def test_a_place_in_the_list_is_read_as_it_was_written() -> None:
    place = Place(new_id(), Subject.PROFESSIONAL)
    assert parse_place(str(place)) == place


@given(st.text())
def test_any_other_place_is_the_beginning(text: str) -> None:
    assert parse_place(text) is None


def a_row(standing: Standing, deadline: datetime | None) -> Listed:
    return Listed(
        ID,
        Subject.HUMANITIES,
        ID,
        ID,
        "甲",
        "医院",
        ID,
        1,
        standing,
        deadline,
        None,
        50,
        None,
        awaits_second=False,
        identity_waits=None,
    )


@pytest.mark.parametrize("standing", Standing)
def test_only_who_sits_a_paper_has_time_left(standing: Standing) -> None:
    left = a_row(standing, at(100)).left(at(40))
    expected = timedelta(seconds=60) if standing in {Standing.ANSWERING, Standing.OFFLINE} else None
    assert left == expected
    assert a_row(Standing.OFFLINE, at(100)).left(at(140)) == timedelta(0)


# Words


@pytest.mark.parametrize(
    ("seconds", "length", "clock"),
    [
        (5, "5秒", "00:05"),
        (185, "3分05秒", "03:05"),
        (3600, "1小时00分", "1:00:00"),
        (5400, "1小时30分", "1:30:00"),
    ],
)
def test_times_are_written_as_people_read_them(seconds: int, length: str, clock: str) -> None:
    assert length_text(timedelta(seconds=seconds)) == length
    assert clock_text(timedelta(seconds=seconds)) == clock


@pytest.mark.parametrize(
    ("what", "detail", "words", "amount", "said"),
    [
        (Happening.MOVED, "running", "paper_opened", None, "打开试卷"),
        (Happening.MOVED, "running", "time_extension", None, "有了时间，继续答题"),
        (Happening.MOVED, "closed", "handed_in", None, "医师交卷"),
        (Happening.MOVED, "closed", "deadline", None, "收卷"),
        (Happening.CREDIT, "outage", "", 90, "服务中断，自动补时 1分30秒"),
        (Happening.CREDIT, "extension", "停电", 600, "延长时间 10分00秒"),
        (Happening.TAKEOVER, "unverified", "", None, "未核验人脸即更换设备，请核对抓拍"),
        (Happening.ACCEPTED, "", "断网", 3, "采纳迟到的答案 3条"),
    ],
)
def test_what_happened_is_said(
    what: Happening, detail: str, words: str, amount: int | None, said: str
) -> None:
    assert sentence(Event(ADMITTED, what, detail, words, amount, None, None)) == said


def test_a_silence_says_how_long_it_was() -> None:
    event = Event(ADMITTED, Happening.SILENCE, "", "", None, at(185), None)
    assert sentence(event) == "与页面失去联系 3分05秒"


@pytest.mark.parametrize("state", [state for state in State if state is not State.PREPARED])
def test_every_move_has_words(state: State) -> None:
    said = sentence(Event(ADMITTED, Happening.MOVED, state, "", None, None, None))
    assert said != state
