"""What tests over HTTP share: the service, and browsers of its people."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from aiohttp.test_utils import TestServer

from tests.world import Another, Browser, World, browsing, serving


@pytest.fixture
async def server(world: World) -> AsyncIterator[TestServer]:
    async with serving(world) as server:
        yield server


@pytest.fixture
async def another(world: World, server: TestServer) -> AsyncIterator[Another]:
    """A browser of the staff of that user name, or of ``here``'s general physician."""
    async with AsyncExitStack() as stack:

        async def make(who: str) -> Browser:
            browser = await stack.enter_async_context(browsing(server))
            if who == "physician":
                await browser.login(world.here, world.here.general)
            else:
                await browser.login_staff(who)
            return browser

        yield make


@pytest.fixture
async def body(another: Another) -> Browser:
    """A member of staff of ``here``'s first body."""
    return await another("hunan-body")
