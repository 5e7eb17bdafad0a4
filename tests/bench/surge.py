"""How long physicians wait who all press 开始答题 within a few seconds.

    python -m tests.bench.surge --json [--physicians 1000 --window 10]

The service runs as deployed: `exam-service demo` with embedded PostgreSQL and Redis on a disk, two web
processes, a worker and the sweeper; this load generator shares the machine. Papers are drawn ahead
(`papers prepare`), every physician logs in by HTTP with a browser (cookies, connections) of their own, a few
at a time, accepts the notice and has the page with the button open. There is no camera in this bench: the
identity check is passed by calling `papers.pass_check`, as the worker does after a match.

Then each presses at a random moment of the window, waits in line as `line.js` does, loads the paper page,
takes the lease and has the items: that is the time told, from pressing to the first item, waiting included. A
request that has to be sent again is an error. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from exam_service.clock import SystemClock
from exam_service.demo.people import PASSWORD
from exam_service.papers import usecases as papers
from exam_service.simulate.accounts import DEMO_PROVINCE, Account, demo_accounts
from exam_service.simulate.browser import Browser, Refused
from exam_service.simulate.entrance import enter
from exam_service.simulate.physician import log_in
from exam_service.simulate.tally import Tally
from exam_service.storage.database import Database
from tests.bench.demonstration import Demonstration

T = TypeVar("T")
R = TypeVar("R")

_PREPARING_AT_ONCE = 16
_FILES_EACH = 4
_SEED = 2026


@dataclass
class Physician:
    """One physician before the button, and what came of pressing it; times in seconds.

    Attributes:
        took: From pressing to the first item; ``None`` while it isn't there.
        in_line: Of these, in the line.
    """

    account: Account
    browser: Browser
    attempt: str = ""
    took: float | None = None
    in_line: float = 0.0

    async def log_in(self) -> None:
        self.browser.open()
        await log_in(self.browser, self.account)

    async def accept_notice(self) -> None:
        page = await self.browser.page("/papers/humanities/notice")
        where = await self.browser.submit(
            "/papers/humanities/start", accept="yes", version=page.hidden["version"]
        )
        self.attempt = where.split("/")[2]

    async def stand_before_the_button(self) -> None:
        await self.browser.page(f"/attempts/{self.attempt}")

    async def press(self, after: float) -> None:
        """Press the button ``after`` seconds and go on to the first item."""
        await asyncio.sleep(after)
        path = f"/attempts/{self.attempt}"
        began = time.perf_counter()
        self.in_line = await enter(self.browser, self.attempt)
        await self.browser.page(path)
        lease = await self.browser.post(f"{path}/lease", {})
        assert lease["items"][0]["stem"]
        assert lease["time_left_ms"] > 0
        self.took = time.perf_counter() - began


async def _each(crowd: Iterable[T], work: Callable[[T], Awaitable[R]]) -> float:
    """``work`` for everybody, a few at a time; gives the seconds it took."""
    turns = asyncio.Semaphore(_PREPARING_AT_ONCE)

    async def take_turn(one: T) -> None:
        async with turns:
            await work(one)

    began = time.perf_counter()
    await asyncio.gather(*(take_turn(one) for one in crowd))
    return time.perf_counter() - began


async def _pass_checks(service: Demonstration, crowd: list[Physician]) -> None:
    clock = SystemClock()
    database = await Database.connect(service.database_url(), pool_size=4)

    async def pass_check(physician: Physician) -> None:
        attempt = UUID(physician.attempt)
        async with database.tx() as tx:
            await papers.pass_check(tx, clock, attempt, DEMO_PROVINCE, cause="bench", actor_id=attempt)

    try:
        await _each(crowd, pass_check)
    finally:
        await database.close()


async def _surge(crowd: list[Physician], window: float, tally: Tally) -> None:
    chance = random.Random(_SEED)  # the same moments in each run

    async def press(physician: Physician, after: float) -> None:
        try:
            await physician.press(after)
        except Refused as refusal:
            tally.error("pressing start", refusal.code, refusal.message)
        except Exception as error:  # noqa: BLE001 - one physician's trouble is an error of the run
            tally.error("pressing start", type(error).__name__, str(error))

    await asyncio.gather(*(press(physician, chance.uniform(0, window)) for physician in crowd))


def _allow_open_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


def _share(sorted_values: list[float], share: float) -> float | None:
    """The value that so many are not above; one that occurred."""
    if not sorted_values:
        return None
    return round(sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))], 3)


async def measure(
    physicians: int, window: float, rate: float | None, say: Callable[[str], None]
) -> dict[str, Any]:
    _allow_open_files(physicians * _FILES_EACH + 256)
    data = Path(tempfile.mkdtemp(prefix="exam-surge-"))
    service = Demonstration(
        data,
        physicians,
        WEB_PROCESSES="2",
        WORKER_PROCESSES="1",
        **({"ADMISSIONS_PER_SECOND": str(rate)} if rate else {}),
    )
    tally = Tally(say)
    crowd = [
        Physician(account, Browser(service.url, tally, insecure=False))
        for account in islice(demo_accounts(PASSWORD), physicians)
    ]
    try:
        await service.until_served()
        say("served")
        began = time.perf_counter()
        said = await service.prepare()
        prepare_s = time.perf_counter() - began
        say(said)
        login_s = await _each(crowd, Physician.log_in)
        say(f"{physicians} logged in after {login_s:.1f} s")
        notice_s = await _each(crowd, Physician.accept_notice)
        await _pass_checks(service, crowd)
        await _each(crowd, Physician.stand_before_the_button)
        say("all before the button")
        tally.retries = 0
        before = sum(service.cpu().values())
        await _surge(crowd, window, tally)
        cpu_s = sum(service.cpu().values()) - before
        if tally.errors or tally.retries:
            say(service.log())
    finally:
        for physician in crowd:
            await physician.browser.drop()
        await service.stop()
        shutil.rmtree(data, ignore_errors=True)
    times = sorted(physician.took for physician in crowd if physician.took is not None)
    lines = sorted(physician.in_line for physician in crowd if physician.in_line)
    return {
        "physicians": physicians,
        "window_s": window,
        "errors": physicians - len(times) + tally.retries,
        "p50_s": _share(times, 0.5),
        "p99_s": _share(times, 0.99),
        "max_s": _share(times, 1.0),
        "in_line": len(lines),
        "in_line_p50_s": _share(lines, 0.5),
        "in_line_max_s": _share(lines, 1.0),
        "service_cpu_s": round(cpu_s, 1),
        "papers_prepared": said,
        "prepare_s": round(prepare_s, 2),
        "login_s": round(login_s, 2),
        "logins_per_s": round(physicians / login_s, 1),
        "notices_s": round(notice_s, 2),
        "error_kinds": dict(Counter(tally.error_kinds))
        | ({"sent again": tally.retries} if tally.retries else {}),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--physicians", type=int, default=1000, help="how many (default %(default)s)")
    parser.add_argument(
        "--window", type=float, default=10.0, help="seconds to press in (default %(default)s)"
    )
    parser.add_argument("--rate", type=float, help="admissions a second (default: the service's own)")
    arguments = parser.parse_args()
    figures = asyncio.run(
        measure(
            arguments.physicians,
            arguments.window,
            arguments.rate,
            lambda line: print(line, file=sys.stderr),
        )
    )
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:20} {value}")
    return 1 if figures["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
