"""A running service with a real worker process, and Chromium with a camera that sees a photograph."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from aiohttp.test_utils import TestServer
from numpy.typing import NDArray
from playwright.async_api import Browser, Page, Playwright, Route, async_playwright, expect

from exam_service.accounts.model import Principal
from exam_service.app import create_app
from exam_service.clock import Clock, SystemClock
from exam_service.settings import Settings
from exam_service.storage.database import Database
from exam_service.storage.embedded import EmbeddedRedis
from exam_service.storage.evidence import DirectoryBlobs, EvidenceStore
from exam_service.storage.vault import Vault
from tests.conftest import furnish_world, settings_for
from tests.world import World, build_world, own_database

expect.set_options(timeout=15_000)  # a machine that runs everything at once is slow

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
FRAME_INTERVAL_MS = 1000  # a paper of a test lasts seconds, not an hour

SCREENSHOTS = os.environ.get("EXAM_SCREENSHOTS")
# The phone is what most physicians have; the desktop is looked at when pictures are wanted.
SCREENS = [pytest.param(PHONE, id="phone"), *([pytest.param(DESKTOP, id="desktop")] if SCREENSHOTS else [])]
on_every_screen = pytest.mark.parametrize("viewport", SCREENS)

OpenBrowser = Callable[[str], AbstractAsyncContextManager[Browser]]


@pytest.fixture(scope="session")
def chromium() -> str:
    """The engine without windows where it is there: a person in it costs a fourth."""
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip("there is no Chromium on this machine")
    return found


@pytest.fixture(scope="session")
async def playwright(chromium: str) -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"frame_interval_ms": FRAME_INTERVAL_MS, "keep_every_nth_match": 1})


@pytest.fixture(scope="session")
def clock_of_worlds() -> Clock:
    """Browsers have the real time, and so has their world."""
    return SystemClock()


@pytest.fixture(scope="session")
async def furnished_world(
    template_database: str,
    redis_server: EmbeddedRedis,
    tmp_path_factory: pytest.TempPathFactory,
    clock_of_worlds: Clock,
) -> World:
    """As everywhere, at the time that it is."""
    data_dir = tmp_path_factory.mktemp("furnished")
    return await furnish_world(template_database, redis_server, data_dir, clock_of_worlds)


@pytest.fixture
async def world(world: World, redis_client: object) -> World:
    return world


@pytest.fixture
def evidence(settings: Settings) -> EvidenceStore:
    return EvidenceStore(DirectoryBlobs(settings.data_dir / "evidence"))


@pytest.fixture
async def address(world: World, settings: Settings) -> AsyncIterator[str]:
    """The service on a port of localhost: web alone, nobody looks at frames."""
    async with TestServer(create_app(settings), host="localhost") as server:
        yield str(server.make_url("/")).rstrip("/")


@pytest.fixture
async def watched_address(world: World, settings: Settings) -> AsyncIterator[str]:
    """The service with a worker that looks at frames."""
    async with serving_with_a_worker(settings) as address:
        yield address


@asynccontextmanager
async def serving_with_a_worker(settings: Settings) -> AsyncIterator[str]:
    """The service on a port of localhost: web in this process, the worker in one of its own."""
    keys = ("database_url", "redis_url", "data_dir", "keep_every_nth_match")
    environment = {f"EXAM_{name.upper()}": str(getattr(settings, name)) for name in keys}
    for name in ("master_key", "lookup_key", "csrf_key"):
        environment[f"EXAM_{name.upper()}"] = getattr(settings, name).get_secret_value()
    # Networks that a worker wrote once are there for the next.
    networks = Path(tempfile.gettempdir()) / "models"
    networks.mkdir(exist_ok=True)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "models").symlink_to(networks, target_is_directory=True)
    async with TestServer(create_app(settings), host="localhost") as server:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "exam_service", "worker", env={**os.environ, **environment}
        )
        try:
            yield str(server.make_url("/")).rstrip("/")
        finally:
            worker.terminate()
            await asyncio.wait_for(worker.wait(), 20)


@pytest.fixture(scope="module")
async def browser(playwright: Playwright, chromium: str) -> AsyncIterator[Browser]:
    """Chromium with a test pattern for a camera; each :func:`person` has a profile of their own.

    It costs a tenth of a core even when nobody looks, so it doesn't outlive the tests of its file.
    """
    browser = await playwright.chromium.launch(
        executable_path=chromium,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
        ],
    )
    yield browser
    await browser.close()


@pytest.fixture
def open_browser(playwright: Playwright, chromium: str, faces_dir: Path, tmp_path: Path) -> OpenBrowser:
    """Chromium whose camera sees the photograph of that name, a little different in every frame."""

    @asynccontextmanager
    async def launch(photograph: str) -> AsyncIterator[Browser]:
        camera = tmp_path / f"{photograph}.y4m"
        camera.write_bytes(film(trembling(faces_dir / photograph, 40)))
        async with before_film(playwright, chromium, camera) as browser:
            yield browser

    return launch


@asynccontextmanager
async def before_film(playwright: Playwright, chromium: str, camera: Path) -> AsyncIterator[Browser]:
    """Chromium whose camera sees a :func:`film`, over and over."""
    browser = await playwright.chromium.launch(
        executable_path=chromium,
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--disable-component-update",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={camera}",
        ],
    )
    try:
        yield browser
    finally:
        await browser.close()


Picture = NDArray[np.uint8]


def trembling(photograph: Path, frames: int) -> list[Picture]:
    """640×480 pictures (BGR) of a photograph that trembles a little, as a hand does."""
    seen = cv2.imread(str(photograph))
    height, width = seen.shape[:2]
    scale = min(620 / width, 460 / height)
    seen = cv2.resize(seen, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    height, width = seen.shape[:2]
    random = np.random.default_rng(7)
    pictures = []
    for _ in range(frames):
        canvas = np.full((480, 640, 3), 90, np.uint8)
        left, top = random.integers(0, 640 - width + 1), random.integers(0, 480 - height + 1)
        left, top = (640 - width) // 2 + (left % 7) - 3, (480 - height) // 2 + (top % 7) - 3
        canvas[top : top + height, left : left + width] = seen
        pictures.append(noisy(canvas, random))
    return pictures


def noisy(picture: Picture, random: np.random.Generator) -> Picture:
    """With the noise of a sensor."""
    noise = random.integers(-3, 4, picture.shape, dtype=np.int16)
    return np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def film(pictures: Iterable[Picture]) -> bytes:
    """YUV4MPEG2: nothing is to be decoded; ten pictures a second, a third of what cameras make."""
    frames = (cv2.cvtColor(each, cv2.COLOR_BGR2YUV_I420).tobytes() for each in pictures)
    return FILM_BEGINS + b"".join(b"FRAME\n" + frame for frame in frames)


FILM_BEGINS = b"YUV4MPEG2 W640 H480 F10:1 C420\n"
TREMBLE = 13  # pictures: at 10 a second the page, which looks twice, never finds one again that it just had


class Camera:
    """What Chromium's camera sees: a film of always as many pictures, which is written over while it runs."""

    _PICTURES = 4 * TREMBLE

    def __init__(self, file: Path) -> None:
        self.file = file

    def show(self, pictures: Sequence[Picture]) -> datetime:
        """From now on these, over and over; when that was."""
        reel = film([*pictures] * (self._PICTURES // len(pictures)))
        with self.file.open("r+b" if self.file.exists() else "wb") as file:
            file.write(reel)
        return SystemClock().now()


@dataclass
class Hall:
    """A service, a worker and Chromium before a camera, for all the tests of a module."""

    world: World
    address: str
    browser: Browser
    camera: Camera
    faces_dir: Path

    async def newcomer(self, *, consents: bool = True) -> Principal:
        """A physician whose registration photo, obama.jpg, has passed review."""
        physician = await self.world.newcomer()
        picture = (self.faces_dir / "obama.jpg").read_bytes()
        await self.world.photo(self.world.here.registrations[-1], picture)
        if consents:
            await self.world.consent(physician)
        return physician

    def show(self, photograph: str) -> datetime:
        """From now on the camera sees this photograph, a little different in every frame; when that was."""
        return self.camera.show(trembling(self.faces_dir / photograph, TREMBLE))


@pytest.fixture(scope="module")
async def hall(
    template_database: str,
    redis_server: EmbeddedRedis,
    playwright: Playwright,
    chromium: str,
    faces_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Hall]:
    directory = tmp_path_factory.mktemp("hall")
    camera = Camera(directory / "film.y4m")
    camera.show(trembling(faces_dir / "obama2.jpg", TREMBLE))
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(own_database(template_database))
        settings = settings_for(url, redis_server, directory / "data")
        settings = settings.model_copy(update={"frame_interval_ms": 500, "check_interval_ms": 300})
        database = await Database.connect(settings.database_url, pool_size=4)
        stack.push_async_callback(database.close)
        world = await build_world(database, settings, Vault(settings.key("master_key")), SystemClock())
        address = await stack.enter_async_context(serving_with_a_worker(settings))
        browser = await stack.enter_async_context(before_film(playwright, chromium, camera.file))
        yield Hall(world, address, browser, camera, faces_dir)


# A film can't hear what it is asked for. This turns the head of whoever is in it as the page's arrow says, as
# simulate.faces does, and gives each picture a sensor's noise: a film repeats itself, a camera never.
TURNS_AS_ASKED = """
const draw = CanvasRenderingContext2D.prototype.drawImage;
CanvasRenderingContext2D.prototype.drawImage = function (source, ...rest) {
  const { width, height } = this.canvas;
  if (!(source instanceof HTMLVideoElement) || width < 100) return draw.call(this, source, ...rest);
  const asked = document.querySelector("[data-ask]:not([hidden])");
  const shear = { left: 0.28, right: -0.28 }[asked && asked.dataset.ask] || 0;
  this.setTransform(1, 0, shear, 1, (-shear * height) / 2, 0);
  draw.call(this, source, ...rest);
  this.setTransform(1, 0, 0, 1, 0, 0);
  for (let i = 0; i < 40; i += 1) {
    this.fillStyle = `rgba(128, 128, 128, ${Math.random() / 4})`;
    this.fillRect(Math.random() * width, Math.random() * 40, 2, 2);
  }
};
"""


@asynccontextmanager
async def person(
    browser: Browser, address: str, viewport: dict[str, int] = PHONE, *, script: str = TURNS_AS_ASKED
) -> AsyncIterator[Page]:
    """A fresh browser profile; a script error or a refusal by the content security policy fails the test.

    Args:
        script: Runs before each page's own.
    """
    context = await browser.new_context(viewport=viewport, locale="zh-CN", base_url=address)
    context.set_default_timeout(15_000)
    await context.add_init_script(script)
    page = await context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda message: faults.append(message.text) if "Content Security Policy" in message.text else None,
    )
    try:
        yield page
    finally:
        await context.close()
    assert faults == []


@asynccontextmanager
async def late(page: Page, script: str) -> AsyncIterator[None]:
    """On a slow line this script comes only when the block is left."""
    come = asyncio.Event()

    async def hold(route: Route) -> None:
        await come.wait()
        await route.continue_()

    address = re.compile(rf"/{re.escape(script)}\b")
    await page.route(address, hold)
    yield
    come.set()
    await page.wait_for_load_state()
    await page.unroute(address)


async def press_notice(page: Page, name: str) -> None:
    """A button of a notice, once a person could have meant it: see web/static/js/steady.js."""
    button = page.get_by_role("button", name=name)
    await button.wait_for(timeout=30_000)
    await page.wait_for_timeout(500)
    await button.click()


async def picture(page: Page, name: str) -> None:
    """A screenshot, where EXAM_SCREENSHOTS names a directory for them."""
    if SCREENSHOTS:
        size = page.viewport_size or PHONE
        await page.screenshot(path=f"{SCREENSHOTS}/{name}-{size['width']}.png")
