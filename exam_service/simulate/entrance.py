"""开始答题: press it, wait in line as the waiting page does, and be let in."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from exam_service.simulate.browser import Browser, Refused
from exam_service.simulate.chance import CHANCE

_JITTER = 0.1  # of line.js


async def enter(browser: Browser, attempt: str) -> float:
    """Press 开始答题 on the page that is open; gives the seconds in line, 0.0 for who came in at once.

    Raises:
        Refused: The paper can't be started.
    """
    path = f"/attempts/{attempt}"
    clock = asyncio.get_running_loop().time
    began = None
    while True:
        where = await browser.patiently(lambda: browser.submit(f"{path}/enter"))
        if where == path:
            return 0.0 if began is None else clock() - began
        if where != f"{path}/line":
            raise Refused(HTTPStatus.SEE_OTHER, "sent_elsewhere", f"{path}/enter sends to {where}")
        began = began or clock()
        await _wait(browser, where)


async def _wait(browser: Browser, line: str) -> None:
    """Until the turn comes, as far as the waiting page knows: it loads itself anew now and then."""
    page = await browser.patiently(lambda: browser.page(line))
    while page.refresh is not None and page.turn_in >= page.refresh:
        await asyncio.sleep(page.refresh)
        page = await browser.patiently(lambda: browser.page(line))
    await asyncio.sleep(page.turn_in + CHANCE.uniform(0, _JITTER))
