"""Findings and the risk, whatever the camera sends."""

from random import Random
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from exam_service.proctor.judgement import RULES, Finding, FindingKind, findings, risk
from exam_service.proctor.model import Check, Verdict
from exam_service.proctor.watched import Span
from tests.factories import a_check, an_id, at, checks

KINDS = {
    Verdict.NO_FACE: FindingKind.ABSENT,
    Verdict.SEVERAL_FACES: FindingKind.SEVERAL_FACES,
    Verdict.MISMATCH: FindingKind.ANOTHER_FACE,
    Verdict.UNSURE: FindingKind.UNSURE_TOO_LONG,
}
pictures = st.text("..xx0", max_size=30) | st.text("..xx0?2#", max_size=40)
quiet_pictures = pictures.filter(lambda picture: not findings(checks(picture)))
# Two streams (a browser that came back) may have frames of the same moment and number.
scattered = st.lists(
    st.builds(
        a_check,
        st.sampled_from([Verdict.MATCH, Verdict.MISMATCH]),
        st.integers(0, 6).map(lambda moment: 10 * moment),
        stream_id=st.builds(an_id),
    ),
    min_size=4,
    max_size=10,
)
some_findings = st.lists(
    st.builds(
        lambda kind, began, length, frames: Finding(kind, at(began), at(began + length), frames, ()),
        st.sampled_from(FindingKind),
        st.integers(0, 3600),
        st.integers(0, 3600),
        st.integers(0, 400),
    ),
    max_size=8,
)
HOUR = Span(at(0), at(3600))


def hits(series: list[Check], verdict: Verdict) -> int:
    return sum(check.verdict is verdict for check in series)


def showing(looks: list[int]) -> list[Check]:
    return [a_check(Verdict.MATCH, 10 * turn, look=look) for turn, look in enumerate(looks)]


def looks_of(seed: int, count: int) -> list[int]:
    random = Random(seed)
    return [random.getrandbits(64) - (1 << 63) for _ in range(count)]


@given(picture=pictures, data=st.data())
def test_the_order_in_which_verdicts_come_does_not_matter(picture: str, data: st.DataObject) -> None:
    series = checks(picture)
    sat = Span(at(0), at(10 * len(series)))
    assert findings(data.draw(st.permutations(series)), sat=sat) == findings(series, sat=sat)


@given(series=scattered, data=st.data())
def test_nor_does_it_for_frames_of_the_same_moment(series: list[Check], data: st.DataObject) -> None:
    assert findings(data.draw(st.permutations(series))) == findings(series)


@given(pictures)
def test_there_is_a_finding_exactly_when_enough_of_a_few_frames_say_so(picture: str) -> None:
    series = checks(picture)
    kinds = {finding.kind for finding in findings(series)}
    for verdict, kind in KINDS.items():
        rule = RULES[kind]
        windows = [series[begin : begin + rule.of_last] for begin in range(len(series))]
        enough = any(hits(window, verdict) >= rule.needed for window in windows)
        if kind is FindingKind.UNSURE_TOO_LONG:  # it also takes its time
            assert kind not in kinds or enough
        else:
            assert (kind in kinds) == enough


@given(pictures)
@example("x.x.x.x.x")
@example("x.xx..x")
def test_findings_of_a_kind_share_no_frame_and_begin_and_end_with_their_own(picture: str) -> None:
    series = checks(picture)
    by_id = {check.id: check for check in series}
    found = findings(series)
    carried = [check_id for finding in found for check_id in finding.checks]
    assert len(carried) == len(set(carried))
    for finding in found:
        own = [by_id[check_id] for check_id in finding.checks]
        assert {KINDS[check.verdict] for check in own} == {finding.kind}
        assert (own[0].received_at, own[-1].received_at) == (finding.began_at, finding.ended_at)
        assert RULES[finding.kind].needed <= len(own) == finding.frames


@given(pictures)
def test_findings_come_in_order_of_their_beginning(picture: str) -> None:
    found = findings(checks(picture))
    assert [finding.began_at for finding in found] == sorted(finding.began_at for finding in found)


@given(st.text(".#", max_size=40))
def test_matching_and_unusable_frames_are_never_held_against_anybody(picture: str) -> None:
    assert findings(checks(picture)) == []


@given(symbol=st.sampled_from("?x02#dbsct="), before=st.integers(0, 20), after=st.integers(0, 20))
def test_a_single_odd_frame_is_never_a_finding(symbol: str, before: int, after: int) -> None:
    series = checks("." * before + symbol + "." * after)
    assert findings(series, sat=Span(at(0), at(10 * len(series)))) == []


@given(picture=pictures, symbol=st.sampled_from("x02?"))
def test_it_recovers(picture: str, symbol: str) -> None:
    """What comes after ten good frames is told as if nothing had been before."""
    before, after = checks(picture + "." * 10), checks(symbol * 9)
    moved = [a_check(check.verdict, 10 * (len(before) + place)) for place, check in enumerate(after)]
    assert findings([*before, *moved]) == [*findings(before), *findings(moved)]


@given(first=quiet_pictures, second=quiet_pictures)
def test_what_is_quiet_on_both_sides_of_a_rest_is_quiet(first: str, second: str) -> None:
    rest = "." * max(rule.of_last for rule in RULES.values())
    assert findings(checks(first + rest + second)) == []


@given(seed=st.integers(0, 1000), period=st.integers(4, 40))
def test_a_loop_of_any_period_is_found(seed: int, period: int) -> None:
    series = showing(looks_of(seed, period) * 4)
    (finding,) = findings(series)
    assert finding.kind is FindingKind.LOOPED
    assert finding.began_at == series[period].received_at
    assert finding.ended_at == series[-1].received_at


@given(seed=st.integers(0, 1000), count=st.integers(0, 100))
def test_looks_by_chance_are_never_a_loop(seed: int, count: int) -> None:
    assert findings(showing(looks_of(seed, count))) == []


@given(seed=st.integers(0, 1000))
def test_few_looks_around_one_pose_are_never_a_loop(seed: int) -> None:
    """Somebody who sits before a wall: hundreds of looks, each near to the others."""
    random = Random(seed)
    assert findings(showing([1 << random.randrange(40) for _ in range(100)])) == []


@given(found=some_findings, more=some_findings)
def test_more_findings_never_lower_the_risk(found: list[Finding], more: list[Finding]) -> None:
    for sat in (HOUR, None):
        less, all_of_it = risk(found, sat), risk([*found, *more], sat)
        assert 0 <= less.score <= all_of_it.score <= 100
        assert len(less.reasons) == len({finding.kind for finding in found})


class CountedLook(int):
    """Counts how often looks are compared."""

    compared = 0

    def __xor__(self, other: int) -> int:
        CountedLook.compared += 1
        return int(self) ^ int(other)


class CountedCheck(Check):
    """Counts how often checks are looked at."""

    seen = 0

    def __getattribute__(self, name: str) -> Any:
        CountedCheck.seen += 1
        return super().__getattribute__(name)


def cost(count: int) -> tuple[int, int]:
    """Comparisons of looks and looks at checks, for so many frames that are hardest to tell apart."""
    random = Random(count)
    verdicts = random.choices([Verdict.MATCH, Verdict.MISMATCH, Verdict.NO_FACE], k=count)
    series = [
        CountedCheck(
            **vars(a_check(verdict, 10 * turn, look=CountedLook(7 << random.randrange(60)), faces=1))
        )
        for turn, verdict in enumerate(verdicts)
    ]
    CountedLook.compared = CountedCheck.seen = 0
    findings(series, sat=Span(at(0), at(10 * count)))
    return CountedLook.compared, CountedCheck.seen


def test_twice_the_frames_are_twice_the_work() -> None:
    (looks, seen), (more_looks, more_seen) = cost(1000), cost(2000)
    assert looks <= 1000 * 48
    assert more_looks <= 2000 * 48
    assert more_seen < 2.2 * seen
