"""One service for the tests that leave it whole."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest

from tests.faults.service import Service, deployed


@pytest.fixture(scope="session")
async def service() -> AsyncIterator[Service]:
    """A running service, which every test leaves running."""
    if sys.platform != "linux":
        pytest.skip("kills by what only Linux tells")
    async with deployed() as service:
        yield service
