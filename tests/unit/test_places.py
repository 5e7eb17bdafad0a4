"""Where somebody was seen last, and when the whole picture is searched again."""

from exam_service.ids import new_id
from exam_service.proctor.verification import Places
from exam_service.proctor.verifier.reading import Reading

BOX = (250, 100, 400, 250)


def reading(*, whole: bool) -> Reading:
    return Reading(faces=1, box=BOX, score=1.0, embedding=None, width=640, height=480, whole=whole)


def searched_whole(changes_at: frozenset[int], frames: int) -> list[int]:
    """Which of somebody's frames are searched whole, where the room has changed in some of them."""
    places, subject_id, whole = Places(), new_id(), []
    for number in range(frames):
        asked = places.glance(subject_id, b"").last_box is None
        if asked or number in changes_at:
            whole.append(number)
        places.note(subject_id, reading(whole=asked or number in changes_at))
    return whole


def test_the_24th_frame_after_one_that_was_searched_whole_is() -> None:
    assert searched_whole(frozenset(), 60) == [0, 24, 48]
    assert searched_whole(frozenset({7}), 60) == [0, 7, 31, 55]


def test_after_a_doubt_the_next_is_searched_whole() -> None:
    places, subject_id = Places(), new_id()
    places.glance(subject_id, b"")
    places.note(subject_id, reading(whole=True))
    assert places.glance(subject_id, b"").last_box == BOX
    places.note(subject_id, None)
    assert places.glance(subject_id, b"").last_box is None
