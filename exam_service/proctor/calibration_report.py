"""A calibration as one JSON object, and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from exam_service.proctor.calibration import (
    Calibration,
    Limit,
    Rate,
    Wanted,
    calibrate,
    differing,
    grid,
    performance,
    points,
    rate,
)
from exam_service.proctor.model import Thresholds
from exam_service.proctor.pairs import Measured, Sample

_ROWS_OF_JSON, _ROWS_SHOWN = 100, 24
_DIGITS = 6


def facts(measured: Measured, wanted: Wanted, configured: Thresholds) -> dict[str, Any]:
    """All that is known, with the keys that docs/operations.md lists.

    Args:
        configured: The thresholds of the settings, to see what they come to.
    """
    calibration = calibrate(measured.overall.distances, wanted)
    proposal = calibration.proposal
    return {
        "model": measured.model,
        "wanted": asdict(wanted),
        **_sample_facts(measured.overall, wanted, calibration),
        "without_face": [str(path) for path in measured.faceless],
        "several_faces": [str(path) for path in measured.crowded],
        "proposal": _outcome(measured.overall, proposal, wanted),
        "configured": _outcome(measured.overall, configured, wanted),
        "groups": {
            name: {
                **_sample_facts(sample, wanted, calibrate(sample.distances, wanted)),
                "at_proposal": _outcome(sample, proposal, wanted),
            }
            for name, sample in measured.groups.items()
        },
        "warnings": list(_warnings(measured, wanted, calibration)),
    }


def _sample_facts(sample: Sample, wanted: Wanted, calibration: Calibration) -> dict[str, Any]:
    distances = sample.distances
    eer = calibration.eer
    steps = grid(distances.all(), _ROWS_OF_JSON)
    return {
        "pictures": sample.pictures,
        "pairs": len(distances.genuine) + len(distances.impostor) + sample.left_out,
        "genuine": len(distances.genuine),
        "impostor": len(distances.impostor),
        "left_out": sample.left_out,
        "fte": _rate(rate(sample.faceless, sample.pictures, wanted.confidence)),
        "eer": {"threshold": round(eer.threshold, _DIGITS), "rate": round(eer.share, _DIGITS)}
        if eer
        else None,
        "match": _limit(calibration.match),
        "mismatch": _limit(calibration.mismatch),
        "table": [
            {"threshold": point.threshold, "fmr": _rate(point.fmr), "fnmr": _rate(point.fnmr)}
            for point in points(distances, steps, wanted.confidence)
        ],
    }


def _rate(measured: Rate) -> dict[str, Any]:
    share = measured.share
    return {
        "errors": measured.errors,
        "trials": measured.trials,
        "rate": None if share is None else round(share, _DIGITS),
        "lower": round(measured.lower, _DIGITS),
        "upper": round(measured.upper, _DIGITS),
    }


def _limit(limit: Limit) -> dict[str, Any]:
    return asdict(limit) | {"upper": round(limit.upper, _DIGITS)}


def _outcome(sample: Sample, thresholds: Thresholds | None, wanted: Wanted) -> dict[str, Any] | None:
    if thresholds is None:
        return None
    seen = performance(sample.distances, thresholds, wanted.confidence)
    return {
        "match": thresholds.match,
        "mismatch": thresholds.mismatch,
        "fmr": _rate(seen.fmr),
        "fnmr": _rate(seen.fnmr),
        "genuine_matched": _rate(seen.matched),
        "impostor_mismatched": _rate(seen.mismatched),
    }


def _warnings(measured: Measured, wanted: Wanted, calibration: Calibration) -> Iterator[str]:
    yield from _too_small("", calibration)
    for name, sample in measured.groups.items():
        yield from _too_small(f"group {name}: ", calibrate(sample.distances, wanted))
    if (thresholds := calibration.proposal) is not None and measured.groups:
        seen = {
            name: performance(sample.distances, thresholds, wanted.confidence)
            for name, sample in measured.groups.items()
        }
        for term, rates in (
            ("FMR", {name: found.fmr for name, found in seen.items()}),
            ("FNMR", {name: found.fnmr for name, found in seen.items()}),
            ("share of genuine pairs that match", {name: found.matched for name, found in seen.items()}),
        ):
            for lower, higher in differing(rates):
                yield (
                    f"groups differ: the {term} of {higher} ({_shown(rates[higher])}) is above "
                    f"that of {lower} ({_shown(rates[lower])})"
                )
    pairs = len(measured.overall.distances.genuine) + len(measured.overall.distances.impostor)
    pictures = measured.overall.pictures - measured.overall.faceless
    if pairs * 2 > pictures:
        yield (
            f"{pairs} pairs share {pictures} pictures: they are not independent, and the true intervals are "
            "wider than the ones shown"
        )
    if measured.crowded:
        yield f"{len(measured.crowded)} pictures show several faces; the largest was taken"


def _too_small(whose: str, calibration: Calibration) -> Iterator[str]:
    for name, kind, term, limit in (
        ("match", "impostor", "FMR", calibration.match),
        ("mismatch", "genuine", "FNMR", calibration.mismatch),
    ):
        if not limit.supported:
            yield (
                f"{whose}too few {kind} pairs for a {name} threshold: {limit.trials:,} of the "
                f"{limit.needed:,} that {term} ≤ {_percent(limit.wanted)} needs at the least"
            )


def text(found: Mapping[str, Any]) -> str:
    """The lines that an operator reads, made of :func:`facts`; of the table every few rows."""
    confidence = _percent(found["wanted"]["confidence"])
    kinds = f"{found['genuine']} genuine, {found['impostor']} impostor"
    lines = [
        f"model       {found['model']}",
        f"pictures    {found['pictures']}, without a face {_fraction(found['fte'])} (FTE)",
        f"pairs       {found['pairs']}: {kinds}, {found['left_out']} left out for want of a face",
        f"intervals   {confidence}, exact (Clopper–Pearson)",
        "",
        f"threshold   {'FMR':<36}FNMR",
        *(
            f"{row['threshold']:<9.4g}   {_fraction(row['fmr']):<36}{_fraction(row['fnmr'])}"
            for row in _some(found["table"])
        ),
        "",
        f"EER         {_eer(found)}",
        "",
        f"proposal    {_thresholds(found['proposal'])}",
        f"            {_side('match', 'FMR', found['match'], confidence)}",
        f"            {_side('mismatch', 'FNMR', found['mismatch'], confidence)}",
        *_crossed(found),
        *_come_to(found["proposal"]),
        "",
        f"settings    {_thresholds(found['configured'])}",
        *_come_to(found["configured"]),
    ]
    for name, group in found["groups"].items():
        lines += [
            "",
            f"group       {name}: {group['genuine']} genuine, {group['impostor']} impostor",
            f"            FTE {_fraction(group['fte'])}, EER {_eer(group)}",
            f"            {_side('match', 'FMR', group['match'], confidence)}",
            f"            {_side('mismatch', 'FNMR', group['mismatch'], confidence)}",
            *_come_to(group["at_proposal"]),
        ]
    if found["warnings"]:
        lines += ["", *(f"warning: {warning}" for warning in found["warnings"])]
    return "\n".join(lines)


def _some(table: list[Any]) -> list[Any]:
    """The rows of the roundest thresholds."""
    round_ones = set(grid([row["threshold"] for row in table], _ROWS_SHOWN))
    return [row for row in table if row["threshold"] in round_ones]


def _eer(found: Mapping[str, Any]) -> str:
    eer = found["eer"]
    return f"{_percent(eer['rate'])} at {eer['threshold']:.3f}" if eer else "needs pairs of both kinds"


def _thresholds(outcome: Mapping[str, Any] | None) -> str:
    if outcome is None:
        return "none: it needs genuine and impostor pairs"
    return f"match {outcome['match']:g}, mismatch {outcome['mismatch']:g}"


def _side(name: str, term: str, limit: Mapping[str, Any], confidence: str) -> str:
    if limit["threshold"] is None:
        return f"{name}: no pairs to tell by"
    most = "at most" if name == "match" else "at least"
    if limit["supported"]:
        verdict = f"{term} ≤ {_percent(limit['upper'])} with {confidence} confidence"
    else:
        verdict = (
            f"UNSUPPORTED point estimate: {term} may be {_percent(limit['upper'])}; "
            f"{limit['needed']:,} pairs are needed, there are {limit['trials']:,}"
        )
    return f"{name} {most} {limit['threshold']:g}: {limit['errors']} of {limit['trials']:,} wrong, {verdict}"


def _crossed(found: Mapping[str, Any]) -> list[str]:
    match, mismatch = found["match"]["threshold"], found["mismatch"]["threshold"]
    if match is None or mismatch is None or match <= mismatch:
        return []
    return ["            the limits cross: both kinds lie apart, and the gap between them is left unsure"]


def _come_to(outcome: Mapping[str, Any] | None) -> list[str]:
    if outcome is None:
        return []
    matched, mismatched = outcome["genuine_matched"], outcome["impostor_mismatched"]
    return [
        f"            genuine:  {_fraction(matched)} match, {_fraction(outcome['fnmr'])} mismatch (FNMR)",
        f"            impostor: {_fraction(mismatched)} mismatch, {_fraction(outcome['fmr'])} match (FMR)",
    ]


def _fraction(found: Mapping[str, Any]) -> str:
    if found["rate"] is None:
        return "0/0"
    interval = f"{_percent(found['lower']).rstrip('%')}–{_percent(found['upper'])}"
    return f"{found['errors']}/{found['trials']} = {_percent(found['rate'])} ({interval})"


def _shown(measured: Rate) -> str:
    return _fraction(_rate(measured))


def _percent(share: float) -> str:
    return f"{share * 100:.3g}%"
