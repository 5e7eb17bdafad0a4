from contextlib import suppress
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exam_service.jpeg import BadJpeg, dimensions, scans

_WIDTH, _HEIGHT = 40, 24


def _jpeg(*, progressive: bool = False) -> bytes:
    across = np.linspace(0, 255, _WIDTH, dtype=np.uint8)
    image = np.stack([np.tile(across, (_HEIGHT, 1))] * 3, axis=-1)
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)])
    return data.tobytes()


BASELINE = _jpeg()
PROGRESSIVE = _jpeg(progressive=True)
REAL = (BASELINE, PROGRESSIVE)


def _frame_header(data: bytes) -> int:
    """Offset of the frame header's marker."""
    return next(at for at, (a, b) in enumerate(pairwise(data)) if a == 0xFF and b in (0xC0, 0xC2))


def _with_frame(code: int = 0xC0, width: int = _WIDTH, height: int = _HEIGHT) -> bytes:
    at = _frame_header(BASELINE)
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return BASELINE[: at + 1] + bytes([code]) + BASELINE[at + 2 : at + 5] + size + BASELINE[at + 9 :]


def _after_start(segment: bytes, data: bytes = BASELINE) -> bytes:
    return data[:2] + segment + data[2:]


@pytest.mark.parametrize("data", REAL, ids=["baseline", "progressive"])
def test_a_jpeg_tells_its_size(data: bytes) -> None:
    assert dimensions(data) == (_WIDTH, _HEIGHT)


def test_a_photograph_tells_its_size() -> None:
    matplotlib = find_spec("matplotlib")
    assert matplotlib is not None
    assert matplotlib.origin is not None
    photo = Path(matplotlib.origin).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
    assert dimensions(photo.read_bytes()) == (512, 600)


def test_a_baseline_jpeg_has_one_scan_and_a_progressive_one_several() -> None:
    assert scans(BASELINE) == 1
    assert scans(PROGRESSIVE) > 1


def test_the_largest_size_a_header_can_tell_is_told() -> None:
    assert dimensions(_with_frame(width=65535, height=65535)) == (65535, 65535)


def test_the_size_is_known_before_the_picture_has_arrived() -> None:
    assert dimensions(BASELINE[: _frame_header(BASELINE) + 19]) == (_WIDTH, _HEIGHT)


def test_what_is_appended_behind_the_end_does_not_matter() -> None:
    assert scans(BASELINE + b"\xff\xda and a film") == 1


def test_fill_bytes_before_a_marker_are_skipped() -> None:
    assert dimensions(_after_start(b"\xff" * 7)) == (_WIDTH, _HEIGHT)


def test_the_thumbnail_inside_a_segment_is_not_taken_for_the_picture() -> None:
    thumbnail = _with_frame(width=8, height=8)
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert dimensions(_after_start(segment)) == (_WIDTH, _HEIGHT)


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"<svg/>", b"\xff\xd7\xff\xe0"]
)
def test_what_does_not_begin_like_a_jpeg_is_none(data: bytes) -> None:
    with pytest.raises(BadJpeg, match="not a JPEG"):
        dimensions(data)


@pytest.mark.parametrize("data", REAL, ids=["baseline", "progressive"])
def test_a_jpeg_cut_short_anywhere_is_said_to_be_cut_short(data: bytes) -> None:
    for length in range(2, len(data)):
        with pytest.raises(BadJpeg, match="cut short"):
            scans(data[:length])


def test_a_header_cut_short_has_no_size() -> None:
    for length in range(2, _frame_header(BASELINE)):
        with pytest.raises(BadJpeg, match="cut short"):
            dimensions(BASELINE[:length])


def test_a_scan_without_a_frame_header_before_it_is_refused() -> None:
    at = _frame_header(BASELINE)
    with pytest.raises(BadJpeg, match="no frame header"):
        dimensions(BASELINE[:at] + BASELINE[at + 2 + 17 :])


def test_an_end_without_a_frame_header_before_it_is_refused() -> None:
    with pytest.raises(BadJpeg, match="no frame header"):
        dimensions(b"\xff\xd8\xff\xd9")


@pytest.mark.parametrize(("width", "height"), [(0, _HEIGHT), (_WIDTH, 0), (0, 0)])
def test_a_size_of_zero_is_refused(width: int, height: int) -> None:
    with pytest.raises(BadJpeg, match="zero"):
        dimensions(_with_frame(width=width, height=height))


@pytest.mark.parametrize("code", [0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF])
def test_coding_that_no_browser_makes_is_refused(code: int) -> None:
    with pytest.raises(BadJpeg, match="lossless, differential or arithmetic"):
        dimensions(_with_frame(code))


@pytest.mark.parametrize("length", [b"\x00\x00", b"\x00\x01"])
def test_a_segment_that_would_lead_backwards_is_refused(length: bytes) -> None:
    with pytest.raises(BadJpeg, match="shorter than its own length"):
        dimensions(_after_start(b"\xff\xe0" + length))


@pytest.mark.parametrize("marker", [b"\xff\x00", b"\xff\x01", b"\xff\xd0", b"\xff\xd8"])
def test_a_marker_out_of_place_is_refused(marker: bytes) -> None:
    with pytest.raises(BadJpeg, match="out of place"):
        dimensions(_after_start(marker))


def test_rubbish_between_segments_which_decoders_skip_is_refused() -> None:
    with pytest.raises(BadJpeg, match="no marker"):
        dimensions(_after_start(b"rubbish"))


@pytest.mark.parametrize("components", [0, 4, 255])
def test_a_frame_header_whose_length_does_not_fit_its_components_is_refused(components: int) -> None:
    data = bytearray(BASELINE)
    data[_frame_header(BASELINE) + 9] = components
    with pytest.raises(BadJpeg, match="wrong length"):
        dimensions(bytes(data))


def test_a_frame_header_without_room_for_a_size_is_refused() -> None:
    with pytest.raises(BadJpeg, match="wrong length"):
        dimensions(b"\xff\xd8\xff\xc0\x00\x04\x08\x00\xff\xd9")


def test_a_flood_of_empty_segments_is_refused() -> None:
    with pytest.raises(BadJpeg, match="too many segments"):
        dimensions(_after_start(b"\xff\xe0\x00\x02" * 2000))


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xc0", b"\xff\xd8\xff\xda\x00\x02"]),
)
@settings(deadline=None)
def test_any_bytes_have_a_size_or_a_reason(rest: bytes, beginning: bytes) -> None:
    _has_size_or_reason(beginning + rest)


@given(st.sampled_from(REAL), st.data())
@settings(max_examples=400, deadline=None)
def test_a_damaged_jpeg_has_a_size_or_a_reason(original: bytes, data: st.DataObject) -> None:
    _has_size_or_reason(_damaged(original, data))


@given(st.sampled_from(REAL), st.data())
@settings(max_examples=200, deadline=None)
def test_the_size_told_is_the_size_that_gets_decoded(original: bytes, data: st.DataObject) -> None:
    damaged = _damaged(original, data)
    try:
        size = dimensions(damaged)
    except BadJpeg:
        return
    if size[0] * size[1] > 1_000_000:
        return
    image = cv2.imdecode(np.frombuffer(damaged, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert image is None or (image.shape[1], image.shape[0]) == size


def _damaged(original: bytes, data: st.DataObject) -> bytes:
    """The bytes with up to four places overwritten, cut out or filled in, mostly in the header."""
    damaged = bytearray(original)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(2, len(damaged)))
        removed = data.draw(st.integers(0, 6))
        damaged[start : start + removed] = data.draw(st.binary(max_size=6))
    return bytes(damaged)


def _has_size_or_reason(data: bytes) -> None:
    """Anything else that is raised fails the test by itself."""
    with suppress(BadJpeg):
        width, height = dimensions(data)
        assert 1 <= width <= 65535
        assert 1 <= height <= 65535
    with suppress(BadJpeg):
        assert scans(data) >= 0
