"""Frames and their verdicts."""

from math import nextafter

import pytest

from exam_service.proctor.model import (
    HINTS,
    VERDICT_LABELS,
    ConsentRequired,
    Frame,
    Purpose,
    Verdict,
    verdict_of,
)
from tests.factories import PROVINCE, REGISTRATION, STREAM, THRESHOLDS, an_id, at


@pytest.mark.parametrize(
    ("distance", "verdict"),
    [
        (0.0, Verdict.MATCH),
        (0.45, Verdict.MATCH),
        (nextafter(0.45, 1), Verdict.UNSURE),
        (0.55, Verdict.UNSURE),
        (nextafter(0.65, 0), Verdict.UNSURE),
        (0.65, Verdict.MISMATCH),
        (1.4, Verdict.MISMATCH),
        (None, Verdict.UNSURE),
    ],
)
def test_one_face_is_judged_by_its_distance(distance: float | None, verdict: Verdict) -> None:
    assert verdict_of(1, distance, THRESHOLDS) is verdict


@pytest.mark.parametrize("distance", [None, 0.1, 0.9])
def test_nobody_and_several_are_never_another_person(distance: float | None) -> None:
    assert verdict_of(0, distance, THRESHOLDS) is Verdict.NO_FACE
    assert verdict_of(2, distance, THRESHOLDS) is Verdict.SEVERAL_FACES
    assert verdict_of(7, distance, THRESHOLDS) is Verdict.SEVERAL_FACES


def a_frame(sealed: bytes = b"\1sealed\0bytes\xff") -> Frame:
    return Frame(
        an_id(), STREAM, REGISTRATION, REGISTRATION, PROVINCE, Purpose.PAPER, 42, at(12.345678), sealed
    )


def test_a_frame_arrives_as_it_was_sent() -> None:
    frame = a_frame()
    assert Frame.from_fields(frame.to_fields()) == frame


def test_a_frame_is_not_printed_by_accident() -> None:
    assert "sealed" not in repr(a_frame())


@pytest.mark.parametrize("name", sorted(a_frame().to_fields()))
def test_a_frame_with_a_field_missing_is_a_key_error(name: bytes) -> None:
    fields = a_frame().to_fields()
    del fields[name]
    with pytest.raises(KeyError):
        Frame.from_fields(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"id", b"short"),
        (b"registration", b""),
        (b"province", b"\xff"),
        (b"purpose", b"selfie"),
        (b"seq", b"four"),
        (b"received", b"yesterday"),
    ],
)
def test_a_frame_with_a_wrong_field_is_a_value_error(name: bytes, value: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Frame.from_fields({**a_frame().to_fields(), name: value})


def test_every_verdict_has_a_name_and_a_hint_for_the_person() -> None:
    assert set(VERDICT_LABELS) == set(HINTS) == set(Verdict)


def test_no_hint_calls_anybody_another_person() -> None:
    assert not any("替考" in hint or "他人" in hint for hint in HINTS.values())


def test_no_face_before_consent_says_what_to_do() -> None:
    assert ConsentRequired().code == "consent_required"
