"""How often a recogniser errs at which threshold, and which thresholds a set of pairs can support. Pure.

The terms are those of ISO/IEC 19795-1: a *genuine* pair shows one person twice, an *impostor* pair two
people. FMR is the share of impostor pairs taken for one person, FNMR the share of genuine pairs that are not.
Distances have the recogniser's own unit; the smaller, the more alike.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from exam_service.proctor.model import Thresholds

_PER_UNIT = 1000  # thresholds are proposed to the thousandth
_NICE = (1, 2, 5)


@dataclass(frozen=True)
class Wanted:
    """What thresholds shall hold to.

    Attributes:
        fmr: Most impostor pairs that may be called a match, as a share.
        fnmr: Most genuine pairs that may be called a mismatch.
        confidence: With which that must be shown, and of all intervals; between 0 and 1.
    """

    fmr: float = 0.001
    fnmr: float = 0.001
    confidence: float = 0.95


@dataclass(frozen=True)
class Rate:
    """So many errors in so many trials, and the two-sided exact interval of the true rate."""

    errors: int
    trials: int
    lower: float
    upper: float

    @property
    def share(self) -> float | None:
        """``None`` without trials."""
        return self.errors / self.trials if self.trials else None


def rate(errors: int, trials: int, confidence: float) -> Rate:
    """The rate with its interval by Clopper and Pearson, Biometrika 26 (1934) 404–413.

    Half of what the confidence leaves is on either side. Without trials anything is possible: 0 to 1.
    """
    one_sided = (1 + confidence) / 2
    lower = 1 - upper_bound(trials - errors, trials, one_sided)
    return Rate(errors, trials, lower, upper_bound(errors, trials, one_sided))


@lru_cache(maxsize=4096)
def upper_bound(errors: int, trials: int, confidence: float) -> float:
    """The rate at which so few errors would be seen with probability 1 − ``confidence`` only.

    The true rate, whatever it is, is below it with at least this confidence: the one-sided bound of Clopper
    and Pearson, by bisection of the binomial tail.
    """
    if errors >= trials:
        return 1.0
    low, high = errors / trials, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if _at_most(errors, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(errors: int, trials: int, true_rate: float) -> float:
    """P(X ≤ errors) of a binomial X, for rates from errors/trials on: there the terms only shrink."""
    log_first = (
        math.lgamma(trials + 1)
        - math.lgamma(errors + 1)
        - math.lgamma(trials - errors + 1)
        + errors * math.log(true_rate)
        + (trials - errors) * math.log1p(-true_rate)
    )
    odds_against = (1 - true_rate) / true_rate
    term = total = 1.0
    for count in range(errors, 0, -1):
        term *= odds_against * count / (trials - count + 1)
        total += term
        if term < total * 1e-16:
            break
    return math.exp(log_first) * total


def trials_needed(wanted: float, confidence: float) -> int:
    """How many trials without any error show a rate of ``wanted`` or less; 2,995 for 0.001 at 0.95.

    The "rule of three" (3/wanted at 0.95), exactly.
    """
    return math.ceil(math.log(1 - confidence) / math.log1p(-wanted))


def errors_allowed(wanted: float, trials: int, confidence: float) -> int | None:
    """The most errors that still show a rate of ``wanted`` or less; ``None`` when not even 0 does."""
    candidates = range(int(wanted * trials) + 1)
    below = bisect_right(candidates, wanted, key=lambda errors: upper_bound(errors, trials, confidence))
    return below - 1 if below else None


@dataclass(frozen=True)
class Distances:
    """Of the genuine and of the impostor pairs, each in ascending order: make it by :meth:`of`."""

    genuine: tuple[float, ...]
    impostor: tuple[float, ...]

    @classmethod
    def of(cls, genuine: Iterable[float], impostor: Iterable[float]) -> Distances:
        return cls(tuple(sorted(genuine)), tuple(sorted(impostor)))

    def false_matches(self, match: float) -> int:
        """Impostor pairs called a match."""
        return bisect_right(self.impostor, match)

    def false_non_matches(self, match: float) -> int:
        """Genuine pairs not called a match."""
        return len(self.genuine) - bisect_right(self.genuine, match)

    def false_mismatches(self, mismatch: float) -> int:
        """Genuine pairs called a mismatch."""
        return len(self.genuine) - bisect_left(self.genuine, mismatch)

    def true_mismatches(self, mismatch: float) -> int:
        """Impostor pairs called a mismatch."""
        return len(self.impostor) - bisect_left(self.impostor, mismatch)

    def all(self) -> list[float]:
        return sorted({*self.genuine, *self.impostor})


@dataclass(frozen=True)
class Point:
    """FMR and FNMR if one threshold decided: up to it, one person."""

    threshold: float
    fmr: Rate
    fnmr: Rate


def points(distances: Distances, thresholds: Iterable[float], confidence: float) -> list[Point]:
    genuine, impostor = len(distances.genuine), len(distances.impostor)
    return [
        Point(
            threshold,
            rate(distances.false_matches(threshold), impostor, confidence),
            rate(distances.false_non_matches(threshold), genuine, confidence),
        )
        for threshold in thresholds
    ]


def grid(distances: Sequence[float], most: int) -> list[float]:
    """At most ``most`` round thresholds, evenly spaced, from below the least distance to above the largest.

    ``most`` is 5 or more.
    """
    if not distances:
        return []
    least, largest = min(distances), max(distances)
    power = math.floor(math.log10(max(largest - least, largest, 1e-6) / most))
    while True:
        for nice in _NICE:
            step = nice * 10.0**power
            first, last = math.floor(least / step), math.ceil(largest / step)
            if last - first < most:
                return [round(number * step, max(0, -power)) for number in range(first, last + 1)]
        power += 1


@dataclass(frozen=True)
class EqualError:
    """Where FMR and FNMR are nearest to each other; ``share`` is between the two."""

    threshold: float
    share: float


def equal_error(distances: Distances) -> EqualError | None:
    """The equal error rate (EER); ``None`` without pairs of either kind."""
    genuine, impostor = len(distances.genuine), len(distances.impostor)
    if not genuine or not impostor:
        return None

    def rates(threshold: float) -> tuple[float, float]:
        return (
            distances.false_matches(threshold) / impostor,
            distances.false_non_matches(threshold) / genuine,
        )

    nearest = min(distances.all(), key=lambda threshold: abs(rates(threshold)[0] - rates(threshold)[1]))
    return EqualError(nearest, sum(rates(nearest)) / 2)


@dataclass(frozen=True)
class Limit:
    """How far a threshold may go before too many pairs of a kind are called the wrong thing.

    Attributes:
        threshold: Of match the largest, of mismatch the smallest one that keeps to ``wanted``; ``None`` when
            there is no pair to tell by.
        wanted: The rate to keep to.
        errors: At that threshold,
        trials: of so many pairs.
        upper: One-sided upper bound of the rate there.
        supported: ``upper`` keeps to ``wanted``. If not, the threshold is a point estimate: the share of
            errors seen keeps to it, but the true rate may be as high as ``upper``.
        needed: How many pairs without error would support any threshold.
    """

    threshold: float | None
    wanted: float
    errors: int
    trials: int
    upper: float
    supported: bool
    needed: int


def match_limit(impostor: Sequence[float], wanted: float, confidence: float) -> Limit:
    """The largest threshold that calls few enough impostor pairs a match; distances in ascending order.

    How many are few enough follows from the number of pairs alone, before any distance is looked at. So the
    bound holds for a threshold read off these same distances: the true FMR just below the (k+1)-th smallest
    of n is distributed as Beta(k+1, n−k), whose quantile is Clopper and Pearson's bound for k errors (Wilks,
    Annals of Mathematical Statistics 12 (1941) 91–96).
    """
    allowed, supported = _allowed(wanted, len(impostor), confidence)
    threshold = _just_below(impostor[allowed]) if impostor else None
    errors = bisect_right(impostor, threshold) if threshold is not None else 0
    return _limit(threshold, wanted, errors, len(impostor), confidence, supported=supported)


def mismatch_limit(genuine: Sequence[float], wanted: float, confidence: float) -> Limit:
    """The smallest threshold that calls few enough genuine pairs a mismatch; as :func:`match_limit`."""
    allowed, supported = _allowed(wanted, len(genuine), confidence)
    threshold = _just_above(genuine[-1 - allowed]) if genuine else None
    errors = len(genuine) - bisect_left(genuine, threshold) if threshold is not None else 0
    return _limit(threshold, wanted, errors, len(genuine), confidence, supported=supported)


def _allowed(wanted: float, trials: int, confidence: float) -> tuple[int, bool]:
    allowed = errors_allowed(wanted, trials, confidence)
    return (int(wanted * trials), False) if allowed is None else (allowed, True)


def _limit(
    threshold: float | None, wanted: float, errors: int, trials: int, confidence: float, *, supported: bool
) -> Limit:
    upper = upper_bound(errors, trials, confidence)
    return Limit(threshold, wanted, errors, trials, upper, supported, trials_needed(wanted, confidence))


def _just_below(distance: float) -> float:
    below = math.floor(distance * _PER_UNIT)
    return (below if below / _PER_UNIT < distance else below - 1) / _PER_UNIT


def _just_above(distance: float) -> float:
    above = math.ceil(distance * _PER_UNIT)
    return (above if above / _PER_UNIT > distance else above + 1) / _PER_UNIT


@dataclass(frozen=True)
class Calibration:
    """What a set of pairs says.

    Attributes:
        match: How large the match threshold may be.
        mismatch: How small the mismatch threshold may be.
    """

    distances: Distances
    eer: EqualError | None
    match: Limit
    mismatch: Limit

    @property
    def proposal(self) -> Thresholds | None:
        """The two limits in order; ``None`` without pairs of either kind.

        Where the limits cross, genuine and impostor pairs lie apart and either threshold could be anywhere
        between: the whole gap becomes "unsure", which keeps to both limits and claims least.
        """
        if self.match.threshold is None or self.mismatch.threshold is None:
            return None
        return Thresholds(*sorted((self.match.threshold, self.mismatch.threshold)))


def calibrate(distances: Distances, wanted: Wanted) -> Calibration:
    return Calibration(
        distances,
        equal_error(distances),
        match_limit(distances.impostor, wanted.fmr, wanted.confidence),
        mismatch_limit(distances.genuine, wanted.fnmr, wanted.confidence),
    )


@dataclass(frozen=True)
class Performance:
    """What two thresholds make of the pairs; what is neither is "unsure".

    Attributes:
        fmr: Impostor pairs called a match.
        fnmr: Genuine pairs called a mismatch.
        matched: Genuine pairs called a match.
        mismatched: Impostor pairs called a mismatch.
    """

    fmr: Rate
    fnmr: Rate
    matched: Rate
    mismatched: Rate


def performance(distances: Distances, thresholds: Thresholds, confidence: float) -> Performance:
    genuine, impostor = len(distances.genuine), len(distances.impostor)
    matched = genuine - distances.false_non_matches(thresholds.match)
    return Performance(
        fmr=rate(distances.false_matches(thresholds.match), impostor, confidence),
        fnmr=rate(distances.false_mismatches(thresholds.mismatch), genuine, confidence),
        matched=rate(matched, genuine, confidence),
        mismatched=rate(distances.true_mismatches(thresholds.mismatch), impostor, confidence),
    )


def differing(rates: Mapping[str, Rate]) -> list[tuple[str, str]]:
    """Pairs of names whose intervals don't overlap, the better one first: that is no accident of sampling."""
    return [
        (one, other) if rates[one].upper < rates[other].lower else (other, one)
        for one, other in combinations(rates, 2)
        if rates[one].upper < rates[other].lower or rates[other].upper < rates[one].lower
    ]
