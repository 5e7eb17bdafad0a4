from hypothesis import example, given
from hypothesis import strategies as st

from exam_service.proctor.judgement import NEEDED, OF_LAST, FindingKind, findings
from exam_service.proctor.model import Check, Verdict
from tests.factories import a_check, an_id, checks

KINDS = {
    Verdict.NO_FACE: FindingKind.ABSENT,
    Verdict.SEVERAL_FACES: FindingKind.SEVERAL_FACES,
    Verdict.MISMATCH: FindingKind.ANOTHER_FACE,
    Verdict.UNSURE: FindingKind.UNSURE_TOO_LONG,
}
pictures = st.text("..xx0", max_size=30) | st.text("..xx0?2#", max_size=40)
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


def hits(series: list[Check], verdict: Verdict) -> int:
    return sum(check.verdict is verdict for check in series)


@given(pictures)
def test_the_same_frames_give_the_same_findings(picture: str) -> None:
    series = checks(picture)
    assert findings(series) == findings(list(series))


@given(picture=pictures, data=st.data())
def test_the_order_in_which_verdicts_come_does_not_matter(picture: str, data: st.DataObject) -> None:
    series = checks(picture)
    assert findings(data.draw(st.permutations(series))) == findings(series)


@given(series=scattered, data=st.data())
def test_nor_does_it_for_frames_of_the_same_moment(series: list[Check], data: st.DataObject) -> None:
    assert findings(data.draw(st.permutations(series))) == findings(series)


@given(pictures)
def test_there_is_a_finding_exactly_when_three_of_five_frames_say_so(picture: str) -> None:
    series = checks(picture)
    windows = [series[begin : begin + OF_LAST] for begin in range(max(1, len(series) - OF_LAST + 1))]
    kinds = {finding.kind for finding in findings(series)}
    for verdict, kind in KINDS.items():
        assert (kind in kinds) == any(hits(window, verdict) >= NEEDED for window in windows)


@given(pictures)
def test_a_finding_has_at_least_three_frames_and_never_more_than_there_are(picture: str) -> None:
    series = checks(picture)
    times = {check.received_at: check.verdict for check in series}
    for finding in findings(series):
        verdict = next(verdict for verdict, kind in KINDS.items() if kind is finding.kind)
        assert NEEDED <= finding.frames <= hits(series, verdict)
        assert times[finding.began_at] is verdict
        assert times[finding.ended_at] is verdict
        assert finding.began_at < finding.ended_at


@given(pictures)
@example("x.x.x.x.x")
@example("x.xx..x")
def test_findings_of_a_kind_share_no_frame(picture: str) -> None:
    series = checks(picture)
    found = findings(series)
    for verdict, kind in KINDS.items():
        own = [finding for finding in found if finding.kind is kind]
        assert sum(finding.frames for finding in own) <= hits(series, verdict)


@given(pictures)
def test_findings_come_in_order_of_their_beginning(picture: str) -> None:
    found = findings(checks(picture))
    assert [finding.began_at for finding in found] == sorted(finding.began_at for finding in found)


@given(st.text(".#", max_size=40))
def test_matching_and_unusable_frames_are_never_held_against_anybody(picture: str) -> None:
    assert findings(checks(picture)) == []
