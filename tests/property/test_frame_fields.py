from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from exam_service.proctor.model import Frame, Purpose, Thresholds, Verdict, verdict_of

zones = st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(-timedelta(hours=3, minutes=30))])
frames = st.builds(
    Frame,
    id=st.uuids(),
    stream_id=st.uuids(),
    registration_id=st.uuids(),
    attempt_id=st.none() | st.uuids(),
    province_id=st.text(st.characters(codec="utf-8"), min_size=1, max_size=10),
    purpose=st.sampled_from(Purpose),
    seq=st.integers(0, 2**32 - 1),
    received_at=st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=zones),  # noqa: DTZ001
    sealed=st.binary(max_size=100),
)
NAMES = [b"id", b"stream", b"attempt", b"province", b"purpose", b"seq", b"received", b"sealed"]


@given(frames)
def test_every_frame_arrives_as_it_was_sent(frame: Frame) -> None:
    assert Frame.from_fields(frame.to_fields()) == frame


@given(frame=frames, name=st.sampled_from(NAMES), value=st.binary(max_size=20) | st.none())
def test_a_spoilt_message_is_a_frame_or_one_of_two_errors(
    frame: Frame, name: bytes, value: bytes | None
) -> None:
    fields = frame.to_fields()
    if value is None:
        del fields[name]
    else:
        fields[name] = value
    try:
        Frame.from_fields(fields)
    except (KeyError, ValueError):
        assert name != b"sealed" or value is None


@given(distance=st.floats(0, 2), low=st.floats(0.01, 1.99), high=st.floats(0.01, 1.99))
def test_a_nearer_face_is_never_judged_worse(distance: float, low: float, high: float) -> None:
    low, high = sorted((low, high))
    order = [Verdict.MATCH, Verdict.UNSURE, Verdict.MISMATCH]
    thresholds = Thresholds(low, high)
    judged = [order.index(verdict_of(1, near, thresholds)) for near in (distance / 2, distance)]
    assert judged == sorted(judged)
