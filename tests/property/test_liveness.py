"""Whatever a camera shows, in any order: what a try never does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exam_service.proctor.liveness import TRY_LASTS, TURNS, Ask, Challenge, Pose, advance
from exam_service.proctor.model import Verdict

BEGAN = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)

asks = st.sampled_from(TURNS)
moments = st.integers(0, 90_000).map(lambda ms: BEGAN + timedelta(milliseconds=ms))
poses = st.builds(
    Pose,
    at=moments,
    verdict=st.sampled_from(Verdict),
    yaw=st.none() | st.floats(-1, 1),
    same=st.sampled_from([None, True, False]),
)
films = st.lists(poses, max_size=40)


def shown(order: tuple[Ask, ...], film: list[Pose]) -> list[Challenge]:
    """The try after each frame, from before the first."""
    steps = [Challenge(order)]
    for pose in film:
        steps.append(advance(steps[-1], pose))
    return steps


@given(asks, films)
def test_each_step_was_shown_by_a_frame_of_its_own_in_the_order_asked(
    order: tuple[Ask, ...], film: list[Pose]
) -> None:
    steps = shown(order, film)
    for pose, (before, after) in zip(film, pairwise(steps), strict=True):
        assert after.done - before.done in {0, 1}
        if after.done > before.done:
            assert pose.facing is before.ask
            assert not pose.is_stranger
            assert pose.verdict is Verdict.MATCH or pose.same is True


@given(asks, films)
def test_what_is_over_stays_as_it_is(order: tuple[Ask, ...], film: list[Pose]) -> None:
    steps = shown(order, film)
    for before, after in pairwise(steps):
        if before.is_over:
            assert after == before
    assert not (steps[-1].is_passed and steps[-1].spent)


@given(asks, films, st.floats(-1, 1))
def test_a_photograph_never_passes(order: tuple[Ask, ...], film: list[Pose], yaw: float) -> None:
    still = [Pose(pose.at, pose.verdict, yaw, pose.same) for pose in film]
    assert not shown(order, still)[-1].is_passed


@given(asks, films)
def test_nobody_passes_after_the_time(order: tuple[Ask, ...], film: list[Pose]) -> None:
    last = shown(order, film)[-1]
    if last.is_passed and last.front_at and last.last_at:
        assert last.last_at - last.front_at <= TRY_LASTS


@given(asks, films)
def test_a_try_is_stored_and_read_back_at_any_step(order: tuple[Ask, ...], film: list[Pose]) -> None:
    for step in shown(order, film):
        assert Challenge.from_json(step.to_json()) == step
