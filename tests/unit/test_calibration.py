"""Error rates, their intervals and what they support, against published values and by hand."""

from __future__ import annotations

import pytest

from exam_service.proctor.calibration import (
    Distances,
    Rate,
    Wanted,
    calibrate,
    differing,
    equal_error,
    errors_allowed,
    grid,
    performance,
    points,
    rate,
    trials_needed,
    upper_bound,
)
from exam_service.proctor.model import Thresholds

PLAIN = Wanted(fmr=0.1, fnmr=0.1, confidence=0.95)


@pytest.mark.parametrize(
    ("errors", "trials", "confidence", "lower", "upper"),
    [
        (0, 100, 0.95, 0.0, 0.0362),
        (5, 100, 0.95, 0.0164, 0.1128),
        (10, 10, 0.95, 0.6915, 1.0),
        (1, 10, 0.95, 0.0025, 0.4450),
        (50, 100, 0.95, 0.3983, 0.6017),
        (0, 1, 0.95, 0.0, 0.975),
        (500_000, 1_000_000, 0.95, 0.49902, 0.50098),
    ],
)
def test_intervals_are_the_published_ones_of_clopper_and_pearson(
    errors: int, trials: int, confidence: float, lower: float, upper: float
) -> None:
    found = rate(errors, trials, confidence)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=6e-5)


def test_without_trials_anything_is_possible() -> None:
    found = rate(0, 0, 0.95)
    assert (found.share, found.lower, found.upper) == (None, 0.0, 1.0)


@pytest.mark.parametrize(
    ("wanted", "confidence", "needed"),
    [(0.001, 0.95, 2995), (0.01, 0.95, 299), (0.05, 0.95, 59), (0.1, 0.9, 22), (0.001, 0.99, 4603)],
)
def test_so_many_trials_without_error_are_needed(wanted: float, confidence: float, needed: int) -> None:
    assert trials_needed(wanted, confidence) == needed
    assert upper_bound(0, needed, confidence) <= wanted < upper_bound(0, needed - 1, confidence)
    assert errors_allowed(wanted, needed, confidence) == 0
    assert errors_allowed(wanted, needed - 1, confidence) is None


@pytest.mark.parametrize(("trials", "allowed"), [(59, 0), (93, 1), (124, 2), (153, 3), (181, 4), (208, 5)])
def test_more_trials_allow_some_errors(trials: int, allowed: int) -> None:
    """The sample sizes that are tabulated as Wilks's for 95 % of a population at 95 % confidence."""
    assert errors_allowed(0.05, trials, 0.95) == allowed
    assert errors_allowed(0.05, trials - 1, 0.95) == (allowed - 1 if allowed else None)


FEW = Distances.of(genuine=[0.5, 0.2, 0.3, 0.4], impostor=[0.9, 0.45, 0.7, 0.8, 0.6])


@pytest.mark.parametrize(
    ("threshold", "false_matches", "false_non_matches"),
    [(0.1, 0, 4), (0.2, 0, 3), (0.449, 0, 1), (0.45, 1, 1), (0.5, 1, 0), (0.9, 5, 0)],
)
def test_up_to_a_threshold_it_is_one_person(
    threshold: float, false_matches: int, false_non_matches: int
) -> None:
    (point,) = points(FEW, [threshold], 0.95)
    assert (point.fmr.errors, point.fmr.trials) == (false_matches, 5)
    assert (point.fnmr.errors, point.fnmr.trials) == (false_non_matches, 4)


def test_what_two_thresholds_make_of_pairs() -> None:
    seen = performance(FEW, Thresholds(0.45, 0.5), 0.95)
    assert seen.fmr.errors == 1, "0.45 is a match"
    assert seen.fnmr.errors == 1, "0.5 is a mismatch"
    assert (seen.matched.errors, seen.mismatched.errors) == (3, 4)


def test_the_equal_error_rate_is_where_both_err_alike() -> None:
    found = equal_error(FEW)
    assert found is not None
    assert found.threshold == 0.45
    assert found.share == pytest.approx((1 / 5 + 1 / 4) / 2)
    assert equal_error(Distances.of([0.1], [])) is None


def spread(count: int, first: float, last: float) -> list[float]:
    return [first + (last - first) * number / (count - 1) for number in range(count)]


def test_thresholds_lie_just_inside_the_pairs_that_may_err() -> None:
    found = calibrate(Distances.of(spread(29, 0.2, 0.62), spread(61, 0.5, 1.1)), PLAIN)

    # Of 61 impostor pairs two may err (their bound is 0.0996, of three 0.1222): the third is at 0.52.
    assert upper_bound(2, 61, 0.95) < 0.1 < upper_bound(3, 61, 0.95)
    assert (found.match.threshold, found.match.errors, found.match.supported) == (0.519, 2, True)
    assert found.match.upper <= 0.1
    # Of 29 genuine pairs none may: the largest is at 0.62.
    assert (found.mismatch.threshold, found.mismatch.errors, found.mismatch.supported) == (0.621, 0, True)
    assert found.proposal == Thresholds(0.519, 0.621)


def test_too_few_pairs_give_a_point_estimate_that_says_so() -> None:
    found = calibrate(FEW, Wanted())
    assert (found.match.threshold, found.mismatch.threshold) == (0.449, 0.501)
    assert not found.match.supported
    assert not found.mismatch.supported
    assert (found.match.trials, found.match.needed) == (5, 2995)
    assert found.match.upper == pytest.approx(1 - 0.05 ** (1 / 5))


def test_limits_that_cross_leave_the_gap_between_the_kinds_unsure() -> None:
    found = calibrate(Distances.of([0.2, 0.3], [0.7, 0.8]), Wanted())
    assert (found.match.threshold, found.mismatch.threshold) == (0.699, 0.301)
    assert found.proposal == Thresholds(0.301, 0.699)


@pytest.mark.parametrize(
    "distances", [Distances.of([], [0.5]), Distances.of([0.5], []), Distances.of([], [])]
)
def test_without_pairs_of_either_kind_nothing_is_proposed(distances: Distances) -> None:
    found = calibrate(distances, Wanted())
    assert found.proposal is None
    assert found.eer is None


def test_groups_differ_where_intervals_do_not_overlap() -> None:
    rates = {"甲": rate(5, 1000, 0.95), "乙": rate(50, 1000, 0.95), "丙": rate(8, 1000, 0.95)}
    assert differing(rates) == [("甲", "乙"), ("丙", "乙")]
    assert differing({"甲": Rate(0, 0, 0, 1), "乙": rates["乙"]}) == []


@pytest.mark.parametrize(
    ("distances", "most", "expected"),
    [
        ([0.21, 0.79], 10, [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]),
        ([0.21, 0.79], 5, [0.2, 0.4, 0.6, 0.8]),
        ([31.0, 88.0], 7, [30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]),
        ([0.5], 5, [0.5]),
        ([], 5, []),
    ],
)
def test_the_table_has_round_thresholds(distances: list[float], most: int, expected: list[float]) -> None:
    assert grid(distances, most) == expected
