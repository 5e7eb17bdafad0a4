"""A calibration as a picture: the DET curve, and the distances with both thresholds. Needs no display."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from exam_service.proctor.calibration import Calibration, Distances, Point, Wanted, calibrate, grid, points
from exam_service.proctor.model import Thresholds
from exam_service.proctor.pairs import Measured

# Okabe and Ito's colours, which the colour-blind tell apart.
_GENUINE, _IMPOSTOR, _ALL = "#0072b2", "#d55e00", "#333333"
_GROUPS = ("#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#0072b2", "#d55e00")
_TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: searchable, and a browser has fonts for Chinese groups
    "svg.hashsalt": "calibration",  # the same pairs give the same file
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e5e5",
    "legend.frameon": False,
}
_POINTS_OF_CURVE, _BARS = 400, 60


def plot(measured: Measured, wanted: Wanted, file: Path) -> None:
    """Write the SVG.

    Raises:
        OSError: The file can't be written.
    """
    calibration = calibrate(measured.overall.distances, wanted)
    distances, thresholds = calibration.distances, calibration.proposal
    with rc_context(_STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # only its width is guessed
        figure = Figure(figsize=(11, 5.6), layout="constrained")
        FigureCanvasSVG(figure)
        figure.suptitle(_title(measured, wanted), x=0.01, ha="left", fontsize=10)
        det, histogram = figure.subplots(1, 2)
        _draw_det(det, measured, wanted, thresholds)
        _draw_histograms(histogram, distances, calibration)
        figure.savefig(file, format="svg", metadata={"Date": None, "Title": "Calibration"})


def _title(measured: Measured, wanted: Wanted) -> str:
    overall = measured.overall
    return (
        f"Calibration of {measured.model}: {len(overall.distances.genuine):,} genuine and "
        f"{len(overall.distances.impostor):,} impostor pairs of {overall.pictures:,} pictures\n"
        f"wanted: FMR ≤ {wanted.fmr:.3g}, FNMR ≤ {wanted.fnmr:.3g}, confidence {wanted.confidence:.3g}"
    )


class _NormalDeviates:
    """A scale of rates on which normally distributed distances give a straight line.

    A rate of 0 has no place on it: it is drawn on the edge, at half an error in the larger sample.
    """

    def __init__(self, distances: Distances) -> None:
        trials = max(2, len(distances.genuine), len(distances.impostor))
        self.least = max(_TICKS[0], 0.5 / trials)

    def __call__(self, share: float) -> float:
        return NormalDist().inv_cdf(min(max(share, self.least), 1 - self.least))

    def label(self, axes: Axes) -> None:
        shares = [tick for tick in _TICKS if self.least <= tick <= 1 - self.least]
        places, names = [self(share) for share in shares], [f"{share * 100:g}" for share in shares]
        axes.set_xticks(places, names)
        axes.set_yticks(places, names)
        axes.set(xlim=(self(0), self(1)), ylim=(self(0), self(1)))


def _draw_det(axes: Axes, measured: Measured, wanted: Wanted, thresholds: Thresholds | None) -> None:
    """Error against error (Martin and others, Eurospeech 1997): the nearer to the lower left, the better."""
    overall = measured.overall.distances
    scale = _NormalDeviates(overall)
    axes.set(
        title="DET: what if a single threshold decided",
        xlabel="FMR, % of impostor pairs taken for one person",
        ylabel="FNMR, % of genuine pairs not taken for one person",
    )
    scale.label(axes)
    if thresholds is None:
        axes.text(0.5, 0.5, "needs genuine and impostor pairs", ha="center", transform=axes.transAxes)
        return
    if wanted.fmr > scale.least:
        axes.axvline(scale(wanted.fmr), color=_ALL, linestyle=":", linewidth=1, label="FMR wanted of a match")
    curve = _curve(overall, wanted)
    upper = [(scale(point.fmr.upper), scale(point.fnmr.upper)) for point in curve]
    lower = [(scale(point.fmr.lower), scale(point.fnmr.lower)) for point in curve]
    corners = (scale(1), scale(0)), (scale(0), scale(1))
    axes.fill(
        *zip(*upper, corners[0], *reversed(lower), corners[1], strict=True),
        color=_ALL,
        alpha=0.13,
        linewidth=0,
        label=f"{wanted.confidence * 100:g} % intervals (exact)",
    )
    _draw_curve(axes, scale, curve, color=_ALL, linewidth=1.8, label="all pairs")
    for colour, (name, sample) in zip(_GROUPS, measured.groups.items(), strict=False):
        if sample.distances.genuine and sample.distances.impostor:
            group = _curve(sample.distances, wanted)
            _draw_curve(axes, scale, group, color=colour, linewidth=1, label=f"group {name}")
    for marker, name, threshold in (("o", "match", thresholds.match), ("s", "mismatch", thresholds.mismatch)):
        _draw_curve(
            axes,
            scale,
            points(overall, [threshold], wanted.confidence),
            color=_ALL,
            marker=marker,
            markersize=8,
            markerfacecolor="white",
            linestyle="none",
            zorder=5,
            label=f"{name} threshold {threshold:g}",
        )
    if thresholds.match < thresholds.mismatch and not overall.false_matches(overall.genuine[-1]):
        apart = "no pair errs between the thresholds:\nthe curve lies on the edge"
        axes.text(0.04, 0.04, apart, transform=axes.transAxes, fontsize=8)
    axes.legend(loc="upper right", fontsize=8)


def _curve(distances: Distances, wanted: Wanted) -> list[Point]:
    return points(distances, grid(distances.all(), _POINTS_OF_CURVE), wanted.confidence)


def _draw_curve(axes: Axes, scale: _NormalDeviates, curve: Sequence[Point], **style: Any) -> None:
    """Points of zero error lie on the edge, and are drawn in full there."""
    axes.plot(
        [scale(point.fmr.share or 0) for point in curve],
        [scale(point.fnmr.share or 0) for point in curve],
        clip_on=False,
        **style,
    )


def _draw_histograms(axes: Axes, distances: Distances, calibration: Calibration) -> None:
    edges = grid(distances.all(), _BARS)
    for values, colour, name in (
        (distances.genuine, _GENUINE, "genuine"),
        (distances.impostor, _IMPOSTOR, "impostor"),
    ):
        if values:
            axes.hist(
                values,
                bins=edges,
                weights=[100 / len(values)] * len(values),
                color=colour,
                alpha=0.55,
                label=f"{name} pairs ({len(values):,})",
            )
    if (thresholds := calibration.proposal) is not None:
        axes.axvspan(
            thresholds.match, thresholds.mismatch, color="#888888", alpha=0.15, linewidth=0, label="unsure"
        )
        for name, limit, threshold, line in (
            ("match up to", calibration.match, thresholds.match, "-"),
            ("mismatch from", calibration.mismatch, thresholds.mismatch, "--"),
        ):
            doubt = "" if limit.supported else " (unsupported: too few pairs)"
            axes.axvline(threshold, color=_ALL, linestyle=line, label=f"{name} {threshold:g}{doubt}")
    axes.set(
        title="Distances of the pairs, and the thresholds proposed",
        xlabel="distance (the recogniser's own unit; smaller is more alike)",
        ylabel="% of the pairs of its kind",
    )
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), ncols=2, fontsize=8)
