"""A run: everybody at once, progress now and then, and what it came to."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from yarl import URL

from exam_service.simulate import CannotSimulate
from exam_service.simulate.accounts import Account, demo_accounts, read_accounts
from exam_service.simulate.browser import Browser, Refused
from exam_service.simulate.chance import comes_back
from exam_service.simulate.concurrency import first_of
from exam_service.simulate.faces import Frames, people
from exam_service.simulate.physician import LOGIN_REFUSED, Habits, Physician, log_in
from exam_service.simulate.report import progress, summary
from exam_service.simulate.tally import Tally

PROGRESS_SECONDS = 10.0
_LOGINS_A_SECOND = 25  # Argon2 costs the service about 15 ms of a core each
_FILES_EACH = 4


@dataclass(frozen=True)
class Plan:
    """What to run, as the command's options name it; intervals in seconds.

    Attributes:
        url: An origin; see :func:`service_url`.
        frame_every: ``None`` for the interval that the service asks for.
        returning: Share of the physicians that drop everything in the middle and come back.
        accounts: A CSV file; ``None`` for the accounts that a demonstration seeds.
        insecure: Accept any certificate.
    """

    url: URL
    physicians: int
    minutes: float
    answer_every: float
    frame_every: float | None
    returning: float
    faces: Path | None
    accounts: Path | None
    password: str
    insecure: bool


def service_url(text: str) -> URL:
    """Where the service is.

    Raises:
        CannotSimulate: It's no http:// or https:// address.
    """
    try:
        url = URL(text)
    except ValueError:
        url = URL()
    if url.scheme not in {"http", "https"} or not url.host:
        raise CannotSimulate(f"{text} is no address such as http://127.0.0.1:8080")
    return url.origin()


async def simulate(plan: Plan, say: Callable[[str], None], tally: Tally | None = None) -> dict[str, Any]:
    """Run it; gives the figures of :func:`exam_service.simulate.report.summary`.

    Args:
        say: Takes one line at a time of progress and of the first errors.
        tally: Where to count, for somebody who watches meanwhile.

    Raises:
        CannotSimulate: The service isn't there, there are fewer accounts than physicians, or a file that was
            given can't be used.
    """
    accounts, spare = _accounts(plan)
    faces = await asyncio.to_thread(people, plan.faces)
    _allow_open_files(plan.physicians * _FILES_EACH)
    tally = tally or Tally(say)
    await _check_that_it_can_begin(plan, accounts[-1])
    crowd = _crowd(plan, accounts, spare, faces, tally)
    await first_of(crowd, _report_progress(tally))
    return summary(tally, plan.physicians, plan.minutes)


def _accounts(plan: Plan) -> tuple[list[Account], Iterator[Account]]:
    given = iter(
        read_accounts(plan.accounts, plan.password) if plan.accounts else demo_accounts(plan.password)
    )
    accounts = list(islice(given, plan.physicians))
    if len(accounts) < plan.physicians:
        raise CannotSimulate(
            f"{plan.accounts} has {len(accounts)} accounts, {plan.physicians} physicians were asked for"
        )
    return accounts, given


async def _check_that_it_can_begin(plan: Plan, last: Account) -> None:
    """One error now instead of one for each physician; the last account tells whether there are enough."""
    browser = Browser(plan.url, Tally(lambda _: None), insecure=plan.insecure)
    browser.open()
    try:
        await browser.page("/login")
        if plan.accounts is None:
            await log_in(browser, last)
    except Refused as refusal:
        if refusal.code != LOGIN_REFUSED:
            raise CannotSimulate(f"no service to sit papers at {plan.url}: {refusal.message}") from None
        raise CannotSimulate(
            f"{last.name} can't log in ({refusal.message}): the service has fewer than {plan.physicians} "
            "simulated physicians or is no demonstration; lower --physicians, seed a fresh one with "
            f"`demo --physicians {plan.physicians}`, or give --accounts"
        ) from None
    finally:
        await browser.drop()


def _allow_open_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))


async def _crowd(
    plan: Plan, accounts: list[Account], spare: Iterator[Account], faces: list[Frames], tally: Tally
) -> None:
    async def come(index: int) -> None:
        await asyncio.sleep(index / _LOGINS_A_SECOND)
        habits = Habits(
            seconds=plan.minutes * 60,
            answer_every=plan.answer_every,
            frame_every=plan.frame_every,
            returns=comes_back(index, plan.returning),
        )
        browser = Browser(plan.url, tally, insecure=plan.insecure)
        await Physician(browser, accounts[index], spare, faces[index % len(faces)], habits, tally).run()

    await asyncio.gather(*(come(index) for index in range(plan.physicians)))


async def _report_progress(tally: Tally) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        await asyncio.sleep(PROGRESS_SECONDS)
        tally.say(progress(tally, clock() - began))
