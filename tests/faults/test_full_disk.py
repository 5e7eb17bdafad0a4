"""A disk that is full: nothing is acknowledged that isn't stored, and afterwards it goes on by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.faults.evidence import findings
from tests.faults.load import answering, more_acknowledged, more_refused
from tests.faults.service import Service, deployed, short_directory

DISK = "150m"


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk."""
    data = short_directory()
    disk = data / "postgres"
    disk.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0700", "tmpfs", str(disk)]
    mount = shutil.which("mount")
    done = subprocess.run(command, capture_output=True, text=True, check=False) if mount else None
    if done is None or done.returncode != 0:
        shutil.rmtree(data)
        pytest.skip(f"can't mount a tmpfs here (needs root): {done.stderr.strip() if done else 'no mount'}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture
async def cramped(disk: Path) -> AsyncIterator[Service]:
    """A service whose PostgreSQL has that disk for itself."""
    async with deployed(disk.parent) as service:
        yield service


async def test_a_full_disk_acknowledges_nothing_that_is_not_stored(cramped: Service, disk: Path) -> None:
    sitters = await cramped.seat(4)
    filler = disk / "filler"
    async with answering(sitters, every=0):
        await more_acknowledged(sitters, 5)
        fill(filler)
        await more_refused(sitters, 40)
        filler.unlink()
        await more_acknowledged(sitters, 5)
    assert any("unavailable" in sitter.refusals for sitter in sitters)
    refusals = {code for sitter in sitters for code in sitter.refusals}
    assert refusals <= {"unavailable", "busy", "network"}, f"{refusals}\n{cramped.web.errors()}"
    assert (await findings(cramped, sitters)).all == ()
    assert len({await sitter.hand_in() for sitter in sitters}) == len(sitters)


def fill(path: Path) -> None:
    """Write until nothing more fits."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        for size in (1 << 20, 1 << 12):
            chunk = b"\0" * size
            try:
                while True:
                    os.write(descriptor, chunk)
            except OSError:
                continue
    finally:
        os.close(descriptor)
