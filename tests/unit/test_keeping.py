"""Which frames are kept: samples, what is around a doubt, no picture twice, no flood."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exam_service.ids import new_id
from exam_service.proctor.keeping import (
    AFTER,
    BEFORE,
    EVERY_NTH_DOUBT,
    LOOK_BACK,
    MOST,
    Keeping,
    is_doubt,
    is_passed_over,
    is_sampled,
    keeping,
    look_alike,
)
from exam_service.proctor.model import Check, KeptFor, Purpose, Thresholds, Verdict
from tests.world import START

EVERY = 6
NEVER = 10**18
MATCH, AWAY, OTHER = Verdict.MATCH, Verdict.NO_FACE, Verdict.MISMATCH


def check(verdict: Verdict, number: int, look: int | None = None, purpose: Purpose = Purpose.PAPER) -> Check:
    at = START + timedelta(seconds=10 * number)
    stream = UUID(int=1)
    return Check(
        new_id(), "hunan", stream, stream, stream, number, purpose, at, at, verdict, 1, 0.3, "model",
        Thresholds(0.45, 0.65), enrolled=False, evidence_id=None, look=look,
    )  # fmt: skip


def sat(seen: list[tuple[Verdict, int | None]], *, sample_every: int = NEVER) -> list[Check]:
    """A paper's frames one after the other, with what was kept of them in the end."""
    done: list[Check] = []
    for number, (verdict, look) in enumerate(seen):
        frame = check(verdict, number, look)
        kept = sum(earlier.evidence_id is not None for earlier in done)
        found = keeping(frame.id, frame, done[-LOOK_BACK:], kept=kept, sample_every=sample_every)
        for back in range(1, min(found.before, len(done)) + 1):
            if done[-back].evidence_id is None and done[-back].verdict is not Verdict.UNUSABLE:
                done[-back] = replace(done[-back], evidence_id=done[-back].id, kept_for=KeptFor.AROUND)
        done.append(replace(frame, evidence_id=frame.id if found.is_kept else None, kept_for=found.reason))
    return done


def kept(checks: list[Check]) -> list[int]:
    return [check.seq for check in checks if check.evidence_id is not None]


def test_of_what_plainly_matches_only_samples_are_kept() -> None:
    assert kept(sat([(MATCH, None)] * 20)) == []
    frames = sat([(MATCH, None)] * 600, sample_every=EVERY)
    assert 60 <= len(kept(frames)) <= 140
    assert {check.kept_for for check in frames} == {None, KeptFor.SAMPLE}


def test_a_doubt_is_kept_with_the_three_frames_before_and_after() -> None:
    frames = sat([(MATCH, None)] * 10 + [(OTHER, None)] + [(MATCH, None)] * 10)
    assert kept(frames) == list(range(10 - BEFORE, 10 + AFTER + 1))
    assert frames[10].kept_for is KeptFor.DOUBT
    assert frames[9].kept_for is frames[11].kept_for is KeptFor.AROUND


def test_a_doubt_that_stays_the_same_is_kept_first_now_and_then_and_last() -> None:
    frames = sat([(MATCH, 0)] * 5 + [(AWAY, 7)] * 16 + [(MATCH, -1)] * 5)
    doubts = [number for number in kept(frames) if frames[number].verdict is AWAY]
    assert doubts == [5, 5 + EVERY_NTH_DOUBT, 5 + 2 * EVERY_NTH_DOUBT, 20]


def test_doubts_that_show_something_new_are_all_kept() -> None:
    assert len(kept(sat([(AWAY, 2**position - 1) for position in range(0, 60, 6)]))) == 10
    assert len(kept(sat([(AWAY, None)] * 12))) == 12, "what has no look is like nothing"
    assert kept(sat([(AWAY, 7)] * 4 + [(OTHER, 7)])) == [0, 3, 4], "another doubt, and the last of the first"


def test_a_match_like_a_kept_one_is_kept_again_only_after_a_while() -> None:
    frames = sat([(MATCH, 5)] * 61, sample_every=1)
    assert kept(frames) == [0, 30, 60]


@pytest.mark.parametrize("purpose", [Purpose.CHECK, Purpose.TAKEOVER, Purpose.REHEARSAL])
def test_of_checks_every_picture_is_kept(purpose: Purpose) -> None:
    frame = check(MATCH, 1, 5, purpose)
    found = keeping(frame.id, frame, [replace(frame, evidence_id=frame.id)], kept=MOST, sample_every=NEVER)
    assert found == Keeping(KeptFor.CHECK)


def test_what_is_no_picture_is_never_kept() -> None:
    for purpose in Purpose:
        frame = check(Verdict.UNUSABLE, 1, purpose=purpose)
        assert keeping(frame.id, frame, [], kept=0, sample_every=1) == Keeping()


def test_beyond_the_most_a_tenth_of_the_doubts_is_kept_and_the_rest_counted() -> None:
    found = [
        keeping((frame := check(AWAY, 1)).id, frame, [], kept=MOST, sample_every=1).reason for _ in range(600)
    ]
    assert set(found) == {KeptFor.DOUBT, KeptFor.OVER_LIMIT}
    assert 25 <= found.count(KeptFor.DOUBT) <= 100
    frame = check(MATCH, 1)
    assert keeping(frame.id, frame, [], kept=MOST, sample_every=1) == Keeping()


def test_a_frame_is_a_sample_or_not_however_often_it_is_asked() -> None:
    frame_id = new_id()
    assert len({is_sampled(frame_id, EVERY) for _ in range(5)}) == 1
    assert is_sampled(frame_id, 1)


def test_looks_are_compared_bit_by_bit_with_their_sign() -> None:
    assert look_alike(-1, -1 ^ 0b1111)
    assert not look_alike(-1, 0)
    assert not look_alike(0, 0b11111)
    assert not look_alike(None, None)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([MATCH, MATCH, MATCH, AWAY, Verdict.UNUSABLE]), st.sampled_from([None, 0, 1])
        ),
        max_size=16,
    ),
    st.sampled_from([MATCH, AWAY]),
    st.integers(min_value=0, max_value=2 * MOST),
)
def test_what_is_passed_over_is_kept_by_no_past(
    seen: list[tuple[Verdict, int | None]], verdict: Verdict, pictures: int
) -> None:
    past, frame = sat(seen, sample_every=EVERY)[-LOOK_BACK:], check(verdict, len(seen), look=1)
    latest = [earlier.verdict for earlier in past[-AFTER:]]
    if is_passed_over(frame.id, frame, latest, sample_every=EVERY):
        assert keeping(frame.id, frame, past, kept=pictures, sample_every=EVERY) == Keeping()
    else:
        assert is_doubt(frame) or is_sampled(frame.id, EVERY) or latest.count(MATCH) < len(latest)


@given(
    st.lists(
        st.tuples(st.sampled_from([MATCH, AWAY, OTHER, Verdict.UNUSABLE]), st.sampled_from([None, 0, 1, -1])),
        max_size=60,
    )
)
def test_no_doubt_goes_unseen(seen: list[tuple[Verdict, int | None]]) -> None:
    """Whenever doubts begin, end or change, a picture is there; and of any six in a row at least one."""
    frames = sat(seen)
    for number, frame in enumerate(frames):
        if not is_doubt(frame) or frame.verdict is Verdict.UNUSABLE:
            continue
        first = number == 0 or frames[number - 1].verdict is not frame.verdict
        followed = number + 1 < len(frames)
        last = followed and frames[number + 1].verdict is not frame.verdict
        unusable_next = followed and frames[number + 1].verdict is Verdict.UNUSABLE
        if first or (last and not unusable_next):
            assert frame.evidence_id is not None
        row = frames[number : number + EVERY_NTH_DOUBT]
        if len(row) == EVERY_NTH_DOUBT and all(each.verdict is frame.verdict for each in row):
            assert any(each.evidence_id is not None for each in row)
