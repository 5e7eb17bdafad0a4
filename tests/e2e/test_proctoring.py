"""What the camera sees while a paper is sat: what the page says of it, and what a person of the body is told.

The camera's film is changed while it is running, so each test says when somebody comes or goes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from playwright.async_api import Browser, Page, expect

from exam_service.accounts.model import Principal
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt, State
from exam_service.proctor import usecases as proctor
from exam_service.proctor.judgement import Finding, FindingKind, findings
from exam_service.proctor.model import Check, Verdict
from exam_service.proctor.watched import Span, sitting
from tests.e2e.conftest import TREMBLE, TURNS_AS_ASKED, Hall, Picture, noisy, person, picture, trembling
from tests.e2e.test_story import log_in, saved
from tests.world import World, eventually

pytestmark = pytest.mark.browser

CALM = "监考正常"
SLOWER = 10
"""Frames come every second here and every ten seconds in a paper: for rules with a time a second is ten."""


@dataclass
class Sitting:
    """A physician before the camera and an opened paper."""

    world: World
    physician: Principal
    attempt: Attempt
    page: Page

    async def says(self, words: str) -> None:
        await expect(self.page.locator("#proctor-hint")).to_contain_text(words)

    async def checks(self) -> list[Check]:
        async with self.world.database.tx() as tx:
            return await proctor.checks_of(tx, self.attempt.id, self.attempt.province_id)

    async def verdicts(self) -> list[Verdict]:
        return [check.verdict for check in await self.checks()]

    async def after(self, moment: datetime) -> list[Check]:
        return [check for check in await self.checks() if check.received_at > moment]

    async def found(self) -> list[Finding]:
        """As a person of the body is shown them."""
        async with self.world.database.tx() as tx:
            attempt = await papers.own_attempt(tx, self.physician, self.attempt.id)
        return findings(await self.checks(), sat=sitting(attempt, self.world.clock.now()))

    async def found_at_the_usual_pace(self) -> list[Finding]:
        """What they would be shown had the same frames come as rarely as usual; from the first one on."""
        checks = await self.checks()
        began_at = checks[0].received_at
        sat = Span(began_at, slower(self.world.clock.now(), began_at))
        return findings(
            [replace(check, received_at=slower(check.received_at, began_at)) for check in checks], sat=sat
        )

    async def goes_on(self) -> None:
        """The paper is running, and an answer given now is acknowledged."""
        before = await papers.answers_of(self.world.database, self.physician, self.attempt.id)
        await self.page.locator("label.option").nth(1).click()
        await self.page.locator("#next").click()

        async def is_stored() -> bool:
            now = await papers.answers_of(self.world.database, self.physician, self.attempt.id)
            return len(now) == len(before) + 1

        await eventually(is_stored)
        await saved(self.page)
        async with self.world.database.tx() as tx:
            attempt = await papers.own_attempt(tx, self.physician, self.attempt.id)
        assert attempt.state is State.RUNNING


def slower(moment: datetime, since: datetime) -> datetime:
    return since + SLOWER * (moment - since)


@asynccontextmanager
async def sat(hall: Hall, *, script: str = TURNS_AS_ASKED) -> AsyncIterator[Sitting]:
    """Somebody has been let into a paper and opens it."""
    physician = await hall.newcomer()
    attempt = await hall.world.start(physician)
    await hall.world.admit(attempt)
    async with person(hall.browser, hall.address, script=script) as page:
        await log_in(page, hall.world, physician)
        await page.goto(f"/attempts/{attempt.id}")
        yield Sitting(hall.world, physician, attempt, page)


@pytest.fixture
async def paper(hall: Hall) -> AsyncIterator[Sitting]:
    """The right person sits there, and the page has said so."""
    hall.show("obama2.jpg")
    async with sat(hall) as paper:
        await paper.says(CALM)
        yield paper


async def test_the_right_person_is_left_in_peace(paper: Sitting) -> None:
    async def enough() -> bool:
        return len(await paper.checks()) >= 4

    await eventually(enough)
    await paper.says(CALM)
    await picture(paper.page, "proctoring-match")
    assert set(await paper.verdicts()) == {Verdict.MATCH}
    assert await paper.found() == []
    await paper.goes_on()


@pytest.mark.parametrize(
    ("photograph", "words", "kind", "verdict"),
    [
        ("biden.jpg", "暂未确认是本人", FindingKind.ANOTHER_FACE, Verdict.MISMATCH),
        ("obama_and_biden.jpg", "不止一个人", FindingKind.SEVERAL_FACES, Verdict.SEVERAL_FACES),
        (None, "没有看到您的脸", FindingKind.ABSENT, Verdict.NO_FACE),
    ],
    ids=["another", "a second", "nobody"],
)
async def test_who_comes_or_goes_in_the_middle_of_a_paper_is_found_from_then_on(
    paper: Sitting,
    hall: Hall,
    photograph: str | None,
    words: str,
    kind: FindingKind,
    verdict: Verdict,
) -> None:
    changed_at = hall.show(photograph) if photograph else hall.camera.show(empty_room(hall.faces_dir))
    await paper.says(words)
    await picture(paper.page, f"proctoring-{kind}")
    [finding] = await eventually(paper.found)
    await paper.goes_on()

    assert finding.kind is kind
    assert changed_at < finding.began_at < finding.ended_at < paper.world.clock.now()
    assert finding.frames == len(finding.checks) >= 3
    seen = {check.id: check for check in await paper.checks()}
    assert {seen[check_id].verdict for check_id in finding.checks} == {verdict}
    assert seen[finding.checks[0]].evidence_id is not None  # somebody can look at it
    assert not [
        check for check in seen.values() if check.received_at < changed_at and check.verdict is verdict
    ]

    hall.show("obama2.jpg")
    await paper.says(CALM)


async def test_a_covered_camera_is_said_and_told(paper: Sitting, hall: Hall) -> None:
    random = np.random.default_rng(7)
    changed_at = hall.camera.show(
        [noisy(np.full((480, 640, 3), 5, np.uint8), random) for _ in range(TREMBLE)]
    )
    await paper.says("摄像头画面是黑的，请检查是否被遮挡，并打开灯")
    await picture(paper.page, "proctoring-black")
    await paper.goes_on()

    async def unsure() -> bool:
        found = await paper.found_at_the_usual_pace()
        return FindingKind.UNSURE_TOO_LONG in {finding.kind for finding in found}

    await eventually(unsure)
    assert {check.verdict for check in await paper.after(changed_at)} <= {Verdict.DARK, Verdict.MATCH}


async def test_a_camera_that_stands_still_is_said_and_is_a_gap(paper: Sitting, hall: Hall) -> None:
    changed_at = hall.camera.show(trembling(hall.faces_dir / "obama2.jpg", 1))
    await paper.says("摄像头画面停住了")
    await picture(paper.page, "proctoring-frozen")
    await paper.goes_on()

    *_, gap = await paper.found_at_the_usual_pace()
    assert gap.kind is FindingKind.CAMERA_GAP
    assert gap.checks == ((await paper.checks())[-1].id,)
    assert len(await paper.after(changed_at)) <= 2  # a standing picture isn't even sent


async def test_a_film_that_comes_again_and_again_is_found(hall: Hall) -> None:
    one, other = trembling(hall.faces_dir / "obama2.jpg", 2)
    hall.camera.show([one, other])  # half a second apart they are never the same
    async with sat(hall, script="") as paper:
        await paper.says("画面没有更新，请重新打开摄像头")
        await picture(paper.page, "proctoring-looped")
        found = await eventually(paper.found)
        await paper.goes_on()
        assert {finding.kind for finding in found} <= {FindingKind.LOOPED, FindingKind.FROZEN}
        verdicts = await paper.verdicts()
        assert verdicts.count(Verdict.REPLAYED) >= 3
        assert verdicts.count(Verdict.MATCH) <= 2  # each picture but once


async def test_a_camera_that_the_system_takes_away_is_said_and_a_gap_and_comes_back(
    paper: Sitting, hall: Hall
) -> None:
    await unplug(hall.browser)
    await paper.says("摄像头已断开，请检查连接，系统会自动重试")
    await picture(paper.page, "proctoring-ended")
    await paper.goes_on()
    said_at = paper.world.clock.now()
    await paper.says(CALM)

    checks = await paper.checks()
    last, first = max(pairwise(checks), key=lambda pair: pair[1].received_at - pair[0].received_at)
    assert last.received_at < said_at < first.received_at
    [gap] = [each for each in await paper.found_at_the_usual_pace() if each.checks == (last.id, first.id)]
    assert gap.kind is FindingKind.CAMERA_GAP


async def unplug(browser: Browser) -> None:
    """kill -9 of the process by which the browser reads the camera: tracks end as at a pulled plug."""
    session = await browser.new_browser_cdp_session()
    processes = (await session.send("SystemInfo.getProcessInfo"))["processInfo"]
    [reader] = [each for each in processes if "VideoCapture" in each["type"]]
    os.kill(int(reader["id"]), signal.SIGKILL)
    await session.detach()


def empty_room(faces_dir: Path) -> list[Picture]:
    """Light and shade of a photograph, and nothing that has an edge."""
    random = np.random.default_rng(7)
    seen = cv2.resize(cv2.imread(str(faces_dir / "obama_and_biden.jpg")), (640, 480))
    blurred = np.asarray(cv2.GaussianBlur(seen, (0, 0), 60), np.uint8)
    return [noisy(blurred, random) for _ in range(TREMBLE)]
