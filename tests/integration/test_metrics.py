"""What operators watch: a page of numbers, for who has the token."""

from __future__ import annotations

import re

import pytest
from pydantic import SecretStr

from exam_service.proctor import FRAME_STREAM
from exam_service.proctor.measures import METRICS
from exam_service.queue.connection import Client
from exam_service.queue.heartbeats import Heartbeats
from tests.world import World, browsing, serving

pytestmark = pytest.mark.usefixtures("redis_client")

TOKEN = "a token of sixteen or more"


async def test_without_a_token_of_its_own_there_is_no_such_page(world: World) -> None:
    async with serving(world) as server, browsing(server) as browser:
        answer = await browser.get("/metrics", headers={"Authorization": "Bearer None"})
        assert answer.status == 404


async def test_whoever_has_the_token_reads_the_numbers_of_all_processes(
    world: World, redis_client: Client
) -> None:
    world.settings = world.settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})
    meters = world.services.meters
    meters.count("exam_frames_dropped_total", reason="too_fast")
    meters.observe("exam_verdict_seconds", 0.7, (0.5, 1.0))
    await meters.flush()
    await redis_client.xadd(FRAME_STREAM, {"frame": "waiting"})
    await Heartbeats(redis_client).beat("anne", {"pid": 1})
    async with serving(world) as server, browsing(server) as browser:
        for wrong in ({}, {"Authorization": "Bearer x"}, {"Authorization": TOKEN}):
            assert (await browser.get("/metrics", headers=wrong)).status == 401
        answer = await browser.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
    lines = text.splitlines()
    assert 'exam_frames_dropped_total{reason="too_fast"} 1' in lines
    assert [line for line in lines if line.startswith("exam_verdict_seconds")] == [
        'exam_verdict_seconds_bucket{le="1"} 1',
        'exam_verdict_seconds_bucket{le="+Inf"} 1',
        "exam_verdict_seconds_count 1",
        "exam_verdict_seconds_sum 0.7",
    ]
    assert {"exam_queue_up 1", "exam_frames_waiting 1", "exam_workers_alive 1"} <= set(lines)
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"\})? [0-9.e+-]+')
    assert all(line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line) for line in lines)


def test_a_name_is_of_one_metric_only() -> None:
    assert all(
        sum(each.owns(metric.name + part) for each in METRICS) == 1
        for metric in METRICS
        for part in (["_sum"] if metric.kind == "histogram" else [""])
    )
