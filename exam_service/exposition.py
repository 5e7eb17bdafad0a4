"""The text format that Prometheus reads (version 0.0.4). Pure.

By hand, because ``prometheus_client`` keeps its counters in one process, or in files that processes share;
ours are in Redis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_PARTS_OF_A_HISTOGRAM = ("_bucket", "_sum", "_count")


class Kind(StrEnum):
    """What a metric's numbers are: only growing, going up and down, or counted by how large they are."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Metric:
    """A name, and what it means, in one line."""

    name: str
    kind: Kind
    meaning: str

    def owns(self, sample: str) -> bool:
        """Whether a sample such as ``name{label="x"}`` is of this metric."""
        name = sample.partition("{")[0]
        if self.kind is Kind.HISTOGRAM:
            return name in {self.name + part for part in _PARTS_OF_A_HISTOGRAM}
        return name == self.name


def expose(metrics: Iterable[Metric], samples: Mapping[str, float]) -> str:
    """The page: each metric with its samples, in the order of ``metrics``; samples of others are left out."""
    lines = []
    for metric in metrics:
        own = sorted(((name, value) for name, value in samples.items() if metric.owns(name)), key=_in_order)
        if own:
            lines += [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
            lines += [f"{name} {value:.12g}" for name, value in own]
    return "".join(f"{line}\n" for line in lines)


def _in_order(sample: tuple[str, float]) -> tuple[str, float, str]:
    """Buckets by their bound, everything else by name."""
    name = sample[0]
    stem, found, rest = name.partition('{le="')
    return stem, float(rest.partition('"')[0]) if found else 0.0, name
