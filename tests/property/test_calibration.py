from fractions import Fraction
from itertools import pairwise
from math import comb

from hypothesis import assume, given
from hypothesis import strategies as st

from exam_service.proctor.calibration import (
    Distances,
    Wanted,
    calibrate,
    grid,
    performance,
    points,
    rate,
    upper_bound,
)

apart = st.integers(1, 2000).map(lambda thousandths: thousandths / 1000)
some = st.lists(apart, min_size=1, max_size=80)
distances = st.builds(Distances.of, some, some)
confidences = st.sampled_from([0.5, 0.9, 0.95, 0.99])
wishes = st.builds(
    Wanted,
    fmr=st.sampled_from([0.01, 0.1, 0.4]),
    fnmr=st.sampled_from([0.01, 0.1, 0.4]),
    confidence=confidences,
)


@st.composite
def counts(draw: st.DrawFn, most: int = 300) -> tuple[int, int]:
    trials = draw(st.integers(1, most))
    return draw(st.integers(0, trials)), trials


def tail(errors: int, trials: int, true_rate: Fraction) -> Fraction:
    """P(X ≤ errors) without any rounding."""
    return sum(
        (comb(trials, k) * true_rate**k * (1 - true_rate) ** (trials - k) for k in range(errors + 1)),
        Fraction(0),
    )


@given(counts(most=40), confidences)
def test_the_bound_is_where_the_exact_binomial_tail_leaves_what_it_should(
    count: tuple[int, int], confidence: float
) -> None:
    errors, trials = count
    assume(errors < trials)
    bound = Fraction(upper_bound(errors, trials, confidence))
    near = Fraction(1, 10**9)
    left = 1 - Fraction(confidence)
    assert tail(errors, trials, bound - near) > left > tail(errors, trials, min(bound + near, Fraction(1)))


@given(counts(), confidences)
def test_an_interval_holds_its_estimate_and_flips_with_it(count: tuple[int, int], confidence: float) -> None:
    errors, trials = count
    found, flipped = rate(errors, trials, confidence), rate(trials - errors, trials, confidence)
    assert found.share is not None
    assert 0 <= found.lower <= found.share <= found.upper <= 1
    assert abs(found.lower - (1 - flipped.upper)) < 1e-12
    assert abs(found.upper - (1 - flipped.lower)) < 1e-12


@given(counts(most=100), st.integers(2, 5), confidences)
def test_more_pairs_of_the_same_share_narrow_it(
    count: tuple[int, int], times: int, confidence: float
) -> None:
    errors, trials = count
    few, many = rate(errors, trials, confidence), rate(errors * times, trials * times, confidence)
    assert few.lower <= many.lower + 1e-12
    assert many.upper <= few.upper + 1e-12


@given(distances)
def test_fmr_rises_with_the_threshold_and_fnmr_falls(known: Distances) -> None:
    curve = points(known, grid(known.all(), 30), 0.95)
    for here, there in pairwise(curve):
        assert here.fmr.errors <= there.fmr.errors
        assert here.fmr.upper <= there.fmr.upper
        assert here.fnmr.errors >= there.fnmr.errors
    assert curve[-1].fmr.share == 1
    assert curve[-1].fnmr.share == 0


@given(distances, wishes)
def test_a_proposal_is_in_order_and_keeps_to_what_it_says(known: Distances, wanted: Wanted) -> None:
    found = calibrate(known, wanted)
    assert found.proposal is not None
    assert found.proposal.match <= found.proposal.mismatch
    seen = performance(known, found.proposal, wanted.confidence)
    for limit, rates, most in ((found.match, seen.fmr, wanted.fmr), (found.mismatch, seen.fnmr, wanted.fnmr)):
        assert rates.errors <= limit.errors
        assert limit.errors <= most * limit.trials, "the point estimate keeps to it, supported or not"
        assert limit.supported == (limit.upper <= most) == (limit.trials >= limit.needed)


@given(distances, wishes)
def test_a_threshold_goes_as_far_as_it_may(known: Distances, wanted: Wanted) -> None:
    """To the thousandth: the next pair that it would err on is one too many."""
    match = calibrate(known, wanted).match
    assert match.threshold is not None
    beyond = next(distance for distance in known.impostor if distance > match.threshold)
    assert beyond - match.threshold <= 0.001 + 1e-9
    errors = known.false_matches(beyond)
    if match.supported:
        assert upper_bound(errors, match.trials, wanted.confidence) > wanted.fmr
    else:
        assert errors > wanted.fmr * match.trials


@given(distances, wishes)
def test_what_is_asked_more_strictly_is_answered_more_strictly(known: Distances, wanted: Wanted) -> None:
    strict = Wanted(wanted.fmr / 2, wanted.fnmr / 2, wanted.confidence)
    loose_found, strict_found = calibrate(known, wanted), calibrate(known, strict)
    assume(loose_found.match.supported == strict_found.match.supported)
    assume(loose_found.mismatch.supported == strict_found.mismatch.supported)
    assert strict_found.match.threshold <= loose_found.match.threshold  # type: ignore[operator]
    assert strict_found.mismatch.threshold >= loose_found.mismatch.threshold  # type: ignore[operator]
