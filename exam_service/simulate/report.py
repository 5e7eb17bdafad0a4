"""What a run comes to: one JSON object, or a short table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from exam_service.simulate.tally import Tally

_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_LABEL_WIDTH = 18


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """p50, p95, p99 and max by nearest rank, to a tenth; each ``None`` where there are no values."""
    ordered = sorted(values)
    return {
        name: round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else None
        for name, share in _PERCENTILES.items()
    }


def summary(tally: Tally, physicians: int, minutes: float) -> dict[str, Any]:
    """The JSON object of a run; latencies in milliseconds."""
    return {
        "physicians": physicians,
        "minutes": minutes,
        "admitted": tally.admitted,
        "handed_in": tally.handed_in,
        "answers_sent": tally.answers_sent,
        "answers_acked": tally.answers_acked,
        "answers_lost": tally.answers_lost,
        "frames_sent": tally.frames_sent,
        "frames_verified": tally.frames_verified,
        "frames_dropped": tally.frames_dropped,
        "errors": tally.errors,
        "error_kinds": dict(tally.error_kinds.most_common()),
        "ack_ms": percentiles(tally.ack_ms),
        "verdict_ms": percentiles(tally.verdict_ms),
        "retries": tally.retries,
        "returns": tally.returns,
        "accounts_replaced": tally.replaced,
        "stream_breaks": tally.breaks,
    }


def table(summed: dict[str, Any]) -> str:
    """The same for people."""
    lines = []
    for name, value in summed.items():
        shown = value
        if isinstance(value, dict):
            shown = " · ".join(f"{key} {number}" for key, number in value.items() if number is not None)
        lines.append(f"{name.replace('_', ' '):<{_LABEL_WIDTH}}{shown if shown != '' else '–'}")
    return "\n".join(lines)


def progress(tally: Tally, seconds: float) -> str:
    """One line on how it stands after ``seconds``."""
    return (
        f"{seconds:5.0f} s  sitting {tally.sitting}"
        f" · answers {tally.answers_acked}/{tally.answers_sent} acknowledged"
        f" · frames {tally.frames_verified}/{tally.frames_sent} verified, {tally.frames_dropped} dropped"
        f" · retries {tally.retries} · handed in {tally.handed_in} · errors {tally.errors}"
    )
