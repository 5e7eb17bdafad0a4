"""What one physician does, from login to handing in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

from exam_service.simulate.accounts import Account
from exam_service.simulate.answers import Ledger
from exam_service.simulate.browser import Browser, Refused
from exam_service.simulate.chance import CHANCE
from exam_service.simulate.concurrency import first_of
from exam_service.simulate.entrance import enter
from exam_service.simulate.faces import Frames
from exam_service.simulate.sitting import Sitting, open_sitting
from exam_service.simulate.stream import ANOTHER_FACE, CheckStream
from exam_service.simulate.tally import Tally

LOGIN_REFUSED = "login_refused"
_NOTICE = "/papers/humanities/notice"
_START = "/papers/humanities/start"
# Passed already, or used up; or enrolled by an earlier run that had other faces.
_ASKS_FOR_ANOTHER_ACCOUNT = frozenset({"paper_not_open", ANOTHER_FACE})
_CHECK_PATIENCE = 120.0
_LEAVES_BETWEEN = (0.3, 0.7)  # of the sitting
_AWAY_SECONDS = (1.0, 5.0)
_AWAY_AT_MOST = 0.1  # of the sitting
_BEFORE_DEADLINE = 15.0
_TOO_SHORT_TO_START = 30.0


@dataclass(frozen=True)
class Habits:
    """How a physician sits: all in seconds.

    Attributes:
        seconds: How long, from the login on.
        frame_every: ``None`` for what the service asks for.
        returns: Drops everything once in the middle and comes back.
    """

    seconds: float
    answer_every: float
    frame_every: float | None
    returns: bool


class Physician:
    """One physician at one browser.

    Args:
        spare: Further accounts, for when one has nothing left to sit; shared by all physicians.
    """

    def __init__(
        self,
        browser: Browser,
        account: Account,
        spare: Iterator[Account],
        frames: Frames,
        habits: Habits,
        tally: Tally,
    ) -> None:
        self._browser = browser
        self._account = account
        self._spare = spare
        self._frames = frames
        self._habits = habits
        self._tally = tally
        self._doing = "logging in"

    async def run(self) -> None:
        """Log in, sit for as long as the habits say, hand in; what goes wrong is counted, not raised."""
        began = asyncio.get_running_loop().time()
        ends = began + self._habits.seconds
        leaves = began + self._habits.seconds * CHANCE.uniform(*_LEAVES_BETWEEN)
        leaves_at = leaves if self._habits.returns else None
        self._browser.open()
        try:
            await self._log_in()
            while True:
                attempt = await self._be_admitted()
                self._tally.admitted += 1
                await self._sit(attempt, ends, leaves_at)
                # It was one that an earlier run left open, or papers are shorter than this run.
                if asyncio.get_running_loop().time() + _TOO_SHORT_TO_START > ends:
                    return
                leaves_at = None
        except Refused as refusal:
            self._fail(refusal)
        except Exception as error:  # noqa: BLE001 - one physician's trouble must not end the others'
            self._tally.error(self._doing, type(error).__name__, str(error))
        finally:
            await self._browser.drop()

    def _fail(self, refusal: Refused) -> None:
        self._tally.error(self._doing, refusal.code, f"{self._account.name}: {refusal.message}")

    async def _log_in(self) -> None:
        self._doing = "logging in"
        await log_in(self._browser, self._account)
        self._doing = "consenting"
        page = await self._browser.patiently(lambda: self._browser.page("/consent"))
        await self._browser.patiently(lambda: self._browser.submit("/consent", **_own(page.hidden)))

    async def _be_admitted(self) -> str:
        """The attempt to sit, admitted; that of another account where this one has none."""
        while True:
            try:
                attempt, checked = await self._start()
                if not checked:
                    await self._pass_check(attempt)
                await self._enter(attempt)
            except Refused as refusal:
                account = next(self._spare, None) if refusal.code in _ASKS_FOR_ANOTHER_ACCOUNT else None
                if account is None:
                    raise
                await self._become(account)
            else:
                return attempt

    async def _become(self, account: Account) -> None:
        self._tally.replaced += 1
        self._account = account
        await self._browser.drop()
        self._browser.forget()
        self._browser.open()
        await self._log_in()

    async def _start(self) -> tuple[str, bool]:
        """The attempt that is open now, and whether its identity check is behind it."""
        self._doing = "starting the paper"
        page = await self._browser.patiently(lambda: self._browser.page(_NOTICE))
        version = page.hidden.get("version", "")
        where = await self._browser.patiently(
            lambda: self._browser.submit(_START, accept="yes", version=version)
        )
        parts = where.strip("/").split("/")
        if parts[0] != "attempts" or parts[2:] not in ([], ["check"]):
            raise Refused(HTTPStatus.SEE_OTHER, "not_started", f"sent to {where}")
        return parts[1], not parts[2:]

    async def _pass_check(self, attempt: str) -> None:
        self._doing = "passing the identity check"
        await self._browser.patiently(lambda: self._browser.page(f"/attempts/{attempt}/check"))
        stream = CheckStream(self._browser, attempt, self._frames, self._tally)
        try:
            async with asyncio.timeout(_CHECK_PATIENCE):
                await first_of(stream.run(), stream.wait_until_admitted())
        except TimeoutError:
            raise Refused(
                0, "not_admitted", f"not after {_CHECK_PATIENCE:.0f} s; last verdict: {stream.last_verdict}"
            ) from None
        await stream.leave()

    async def _enter(self, attempt: str) -> None:
        self._doing = "entering the paper"
        await self._browser.patiently(lambda: self._browser.page(f"/attempts/{attempt}"))
        await enter(self._browser, attempt)

    async def _sit(self, attempt: str, ends: float, leaves_at: float | None) -> None:
        ledger = Ledger()
        self._tally.sitting += 1
        try:
            sitting = await self._open(attempt, ledger)
            try:
                if leaves_at is not None and leaves_at < sitting.deadline - _BEFORE_DEADLINE:
                    sitting = await self._leave_and_return(sitting, attempt, ledger, leaves_at)
                self._doing = "answering"
                await sitting.finish_at(min(ends, sitting.deadline - _BEFORE_DEADLINE))
            except Refused as refusal:
                self._fail(refusal)  # what was acknowledged before is looked up all the same
            await self._read_back(attempt, ledger)
            await sitting.leave()
            self._doing = "handing in"
            await sitting.hand_in()
        finally:
            self._tally.sitting -= 1

    async def _open(self, attempt: str, ledger: Ledger) -> Sitting:
        self._doing = "opening the paper"
        return await open_sitting(
            self._browser,
            attempt,
            self._frames,
            ledger,
            self._tally,
            answer_every=self._habits.answer_every,
            frame_every=self._habits.frame_every,
        )

    async def _leave_and_return(
        self, sitting: Sitting, attempt: str, ledger: Ledger, leaves_at: float
    ) -> Sitting:
        self._doing = "answering"
        await sitting.sit_until(leaves_at)
        await self._browser.drop()
        away = min(CHANCE.uniform(*_AWAY_SECONDS), self._habits.seconds * _AWAY_AT_MOST)
        await asyncio.sleep(away)
        self._browser.open()
        returned = await self._open(attempt, ledger)
        self._tally.returns += 1
        return returned

    async def _read_back(self, attempt: str, ledger: Ledger) -> None:
        self._doing = "reading the answers back"
        path = f"/attempts/{attempt}/answers"
        found = await self._browser.patiently(lambda: self._browser.get(path))
        self._tally.lost(attempt, ledger.lost(found["answers"]))


async def log_in(browser: Browser, account: Account) -> None:
    """Log in.

    Raises:
        Refused: Number and password don't belong together, or too many tries.
    """
    page = await browser.patiently(lambda: browser.page("/login"))
    form = _own(page.hidden) | {
        "province": account.province,
        "number": account.number,
        "password": account.password,
    }
    try:
        await browser.patiently(lambda: browser.submit("/login", **form))
    except Refused as refusal:
        if refusal.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            raise Refused(refusal.status, LOGIN_REFUSED, refusal.message) from None
        raise


def _own(hidden: dict[str, str]) -> dict[str, str]:
    """The hidden fields of a form, without the token that every form gets from the browser."""
    return {name: value for name, value in hidden.items() if name != "csrf_token"}
