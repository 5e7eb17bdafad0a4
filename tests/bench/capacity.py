"""What a proctored hour of one physician costs: CPU seconds of all server processes together.

    python -m tests.bench.capacity --json [--physicians 100 --minutes 10]

The service runs as deployed: `exam-service demo` with embedded PostgreSQL and Redis on a disk, a web process,
a worker and the sweeper. `simulate` sits papers against it over HTTP and WebSocket, frames and answers
together, at the service's own cadence, from this process: the load generator shares the machine and isn't
counted. Everybody logs in, passes the identity check and has been sitting for half a minute before the
accounting begins, and it ends before anybody hands in.

Counted from /proc, in clock ticks of the kernel: user and system time of web, worker, sweeper, supervisor,
Redis, every process of PostgreSQL. `cpu_s_per_physician_hour` is that over the hours that physicians sat in
the meantime; `physicians_per_core` is 3,600 over it. The milliseconds from a frame to its verdict and from
an answer to its acknowledgement are of that time, too, as a browser counts them. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exam_service.demo.people import PASSWORD
from exam_service.simulate.report import percentiles
from exam_service.simulate.run import Plan, simulate
from exam_service.simulate.tally import Tally
from tests.bench.demonstration import Demonstration

_SECONDS_A_MINUTE = 60.0
_SAMPLE_SECONDS = 1.0
_SETTLE_SECONDS = 75.0  # logins, identity checks, the line
_WARM_UP_SECONDS = 30.0
_TAIL_SECONDS = 30.0
_ANSWER_EVERY = 40.0


@dataclass(frozen=True)
class Reading:
    """How things stood at a moment; ``at`` of the monotonic clock, in seconds."""

    at: float
    cpu: dict[str, float]
    answers_acked: int
    frames_verified: int
    frames_dropped: int
    frames_sent: int

    @classmethod
    def of(cls, service: Demonstration, tally: Tally) -> Reading:
        return cls(
            time.monotonic(),
            service.cpu(),
            tally.answers_acked,
            tally.frames_verified,
            tally.frames_dropped,
            tally.frames_sent,
        )


async def _account(
    service: Demonstration, tally: Tally, physicians: int, minutes: float
) -> tuple[Reading, Reading, float]:
    """The window: when it began, when it ended, and the hours that physicians sat in it, all added up."""
    give_up_at = time.monotonic() + _SETTLE_SECONDS
    while tally.sitting < physicians and time.monotonic() < give_up_at:  # noqa: ASYNC110 - a counter is read
        await asyncio.sleep(_SAMPLE_SECONDS)
    await asyncio.sleep(_WARM_UP_SECONDS)
    before = Reading.of(service, tally)
    sat, last = 0.0, before.at
    while last - before.at < minutes * _SECONDS_A_MINUTE:
        await asyncio.sleep(_SAMPLE_SECONDS)
        now = time.monotonic()
        sat += tally.sitting * (now - last)
        last = now
    return before, Reading.of(service, tally), sat / 3600


async def measure(
    physicians: int, minutes: float, faces: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    data = Path(tempfile.mkdtemp(prefix="exam-capacity-"))
    service = Demonstration(data, physicians, WEB_PROCESSES="1", WORKER_PROCESSES="1")
    tally = Tally(say)
    plan = Plan(
        url=service.url,
        physicians=physicians,
        minutes=minutes + (_SETTLE_SECONDS + _WARM_UP_SECONDS + _TAIL_SECONDS) / _SECONDS_A_MINUTE,
        answer_every=_ANSWER_EVERY,
        frame_every=None,
        returning=0.0,
        faces=faces,
        accounts=None,
        password=PASSWORD,
        insecure=False,
    )
    try:
        await service.until_served()
        say(await service.prepare())
        accounting = asyncio.create_task(_account(service, tally, physicians, minutes))
        summed = await simulate(plan, say, tally)
        before, after, hours = await accounting
    finally:
        await service.stop()
        log = service.log()
        shutil.rmtree(data, ignore_errors=True)
    if summed["errors"]:
        say(log)
    spent = {kind: after.cpu[kind] - before.cpu.get(kind, 0.0) for kind in after.cpu}
    cost = sum(spent.values()) / hours
    return {
        "physicians": physicians,
        "minutes": minutes,
        "cpu_s_per_physician_hour": round(cost, 3),
        "physicians_per_core": round(3600 / cost),
        "frames_verified": after.frames_verified - before.frames_verified,
        "frames_dropped": after.frames_dropped - before.frames_dropped,
        "answers_acked": after.answers_acked - before.answers_acked,
        "answers_lost": tally.answers_lost,
        "physician_hours": round(hours, 3),
        "cpu_s": {kind: round(seconds, 2) for kind, seconds in sorted(spent.items())},
        "cpu_ms_per_frame": round(
            1000 * sum(spent.values()) / max(1, after.frames_verified - before.frames_verified), 2
        ),
        "errors": summed["errors"],
        "error_kinds": summed["error_kinds"],
        "verdict_ms": percentiles(tally.verdict_ms[before.frames_verified : after.frames_verified]),
        "ack_ms": percentiles(tally.ack_ms[before.answers_acked : after.answers_acked]),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--physicians", type=int, default=100, help="how many (default %(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="minutes accounted for (default %(default)s)"
    )
    parser.add_argument(
        "--faces", type=Path, help="folder with a subfolder of pictures per person (default: the shipped one)"
    )
    arguments = parser.parse_args()
    figures = asyncio.run(
        measure(
            arguments.physicians,
            arguments.minutes,
            arguments.faces,
            lambda line: print(line, file=sys.stderr),
        )
    )
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
