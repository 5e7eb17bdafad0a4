"""The receipt a physician takes home, the file that staff bring, the late answers that they let count."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exam_service.accounts.model import Role
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.papers import usecases as papers
from exam_service.papers.journal import Outcome
from exam_service.papers.usecases import attempts as room
from tests.commands import environment_of, run_here
from tests.world import START, Browser, World, browsing, serving


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.simple)
        yield browser


async def test_the_downloaded_receipt_can_be_checked_with_nothing_but_sha256_and_ed25519(
    browser: Browser, world: World
) -> None:
    paper = await world.open(world.here.simple)
    await world.hand_in(paper, right=5)
    answer = await browser.get(f"/attempts/{paper.attempt.id}/receipt.txt")
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = (await answer.text()).splitlines()
    digest = hashlib.sha256(f"exam-service receipt 1 {paper.attempt.id}".encode()).digest()
    entries = [line for line in lines if "\t" in line]
    for entry in entries:
        line, claimed, in_words, state = entry.split("\t")
        digest = hashlib.sha256(digest + line.encode()).digest()
        assert digest.hex() == claimed
        assert in_words.startswith("第")
        assert state == "计入"
    assert len(entries) == 5
    signed = next(line for line in lines if line.startswith("exam-service receipt 1"))
    assert digest.hex() in signed
    fields = dict(line.split(" ", 1) for line in lines[-2:])
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(fields["public-key"]))
    key.verify(base64.b64decode(fields["signature"]), signed.encode())


async def test_the_page_shows_every_answer_in_the_words_of_the_paper(browser: Browser, world: World) -> None:
    paper = await world.open(world.here.simple)
    assert (await browser.get(f"/attempts/{paper.attempt.id}/receipt")).status == 409
    await world.hand_in(paper, right=2)
    assert "答题凭证" in await (await browser.get(f"/attempts/{paper.attempt.id}/result")).text()
    text = await (await browser.get(f"/attempts/{paper.attempt.id}/receipt")).text()
    assert "第2题" in text
    assert "第3题" not in text


async def test_a_receipt_is_for_its_own_physician_only(browser: Browser, world: World) -> None:
    paper = await world.open(world.here.general)
    await world.hand_in(paper, right=1)
    for path in ("receipt", "receipt.txt"):
        assert (await browser.get(f"/attempts/{paper.attempt.id}/{path}")).status == 404


def exported(
    world: World, paper: papers.OpenPaper, answers: list[tuple[int, int, int, int]]
) -> dict[str, Any]:
    """As web/static/js/outbox.js writes it: (epoch, seq, item, option)."""
    entries = []
    for epoch, seq, item, option in answers:
        chosen = paper.items[item]
        content = {
            "item": str(chosen.id),
            "option": str(chosen.options[option].id),
            "client_time": world.clock.now().isoformat(),
        }
        iv = os.urandom(12)
        bound = f"{paper.attempt.id}|{epoch}|{seq}".encode()
        data = AESGCM(paper.outbox_key).encrypt(iv, json.dumps(content).encode(), bound)
        sealed = {"iv": base64.b64encode(iv).decode(), "data": base64.b64encode(data).decode()}
        entries.append({"epoch": epoch, "seq": seq, **sealed})
    return {"format": "exam-outbox-1", "attempt": str(paper.attempt.id), "entries": entries}


async def bring(world: World, paper: papers.OpenPaper, export: dict[str, Any]) -> papers.Imported:
    staff = world.here.staff[Role.BODY]
    return await papers.import_answers(world.services, staff, paper.attempt.id, json.dumps(export).encode())


async def test_answers_that_staff_bring_count_while_the_paper_runs(world: World) -> None:
    paper = await world.open(world.here.simple)
    export = exported(world, paper, [(1, 1, 0, 2), (1, 2, 1, 3)])
    for _ in range(2):  # the same file twice changes nothing
        imported = await bring(world, paper, export)
        assert imported.outcomes == {Outcome.CURRENT: 2}
    first, second = paper.items[:2]
    answers = await papers.answers_of(world.database, world.here.simple, paper.attempt.id)
    assert answers == {first.id: first.options[2].id, second.id: second.options[3].id}
    async with world.database.tx() as tx:
        sources = await tx.fetch("SELECT source, count(*) AS n FROM answer_event GROUP BY source")
        audited = await tx.fetch_value("SELECT count(*) FROM audit_entry WHERE action = 'answers.imported'")
    assert [dict(row) for row in sources] == [{"source": "import", "n": 2}]
    assert audited == 2
    assert (await papers.replay(world.services, paper.attempt.id)).agrees


async def test_late_ones_are_kept_and_count_once_staff_let_them(world: World) -> None:
    paper = await world.open(world.here.simple)
    keys = await world.keys_of(paper)
    right = [
        (1, place + 1, place, next(n for n, option in enumerate(item.options) if option.id == keys[item.id]))
        for place, item in enumerate(paper.items[:30])
    ]
    world.clock.move(hours=30)
    await papers.sweep(world.services)
    imported = await bring(world, paper, exported(world, paper, right))
    assert imported.outcomes == {Outcome.LATE: 30}
    before, _ = await papers.result(world.database, world.here.simple, paper.attempt.id)
    assert before.mark == 0
    staff = world.here.staff[Role.BODY]
    async with world.database.tx() as tx:
        held = await room.lock_own(tx, world.here.simple, paper.attempt.id)
        await room.accept_late_answers(
            tx, world.clock, held, until=START, reason="考场断网", by=staff.account_id
        )
    after, _ = await papers.result(world.database, world.here.simple, paper.attempt.id)
    assert (after.mark, after.passed) == (60, True)
    replayed = await papers.replay(world.services, paper.attempt.id)
    assert replayed.agrees
    assert replayed.signature_holds
    async with world.database.tx() as tx:
        held = await room.lock_own(tx, world.here.simple, paper.attempt.id)
        with pytest.raises(Conflict, match="没有迟到的答案"):
            await room.accept_late_answers(
                tx, world.clock, held, until=world.clock.now(), reason="再来一次", by=staff.account_id
            )


async def test_an_entry_that_was_altered_is_named_and_the_others_are_taken(world: World) -> None:
    paper = await world.open(world.here.simple)
    export = exported(world, paper, [(1, 1, 0, 2), (1, 2, 1, 3), (1, 3, 2, 4)])
    export["entries"][1]["seq"] = 9
    export["entries"][2]["epoch"] = 1
    imported = await bring(world, paper, export)
    assert imported.outcomes == {Outcome.CURRENT: 2}
    assert [place for place, _ in imported.refused] == [2]


async def test_a_file_of_something_else_is_refused_and_nothing_stored(world: World) -> None:
    paper = await world.open(world.here.simple)
    good = exported(world, paper, [(1, 1, 0, 2)])
    moved = json.loads(json.dumps(good))
    moved["entries"][0]["seq"] = 3
    other = {**good, "attempt": "00000000-0000-0000-0000-000000000001"}
    for bad in (moved, other, {}, {**good, "format": "else"}, {**good, "entries": [{"epoch": 1}]}):
        with pytest.raises(Invalid):
            await bring(world, paper, bad)
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM answer_event") == 0


async def test_another_body_brings_nothing(world: World) -> None:
    paper = await world.open(world.here.simple)
    other = await world.colleague(world.here, "hunan-other", body_id=world.here.other_body_id)
    export = json.dumps(exported(world, paper, [(1, 1, 0, 2)])).encode()
    with pytest.raises(NotFound):
        await papers.import_answers(world.services, other, paper.attempt.id, export)


async def test_every_attempt_has_an_outbox_key_of_its_own_and_every_load_gets_the_same(world: World) -> None:
    one = await world.open(world.here.simple)
    other = await world.open(world.here.general)
    again = await world.open(world.here.simple)
    assert one.outbox_key != other.outbox_key
    assert again.outbox_key == one.outbox_key
    assert len(one.outbox_key) == 32


async def test_a_physician_asks_for_lost_time_and_reads_the_answer(browser: Browser, world: World) -> None:
    paper = await world.open(world.here.simple)
    address = f"/attempts/{paper.attempt.id}"
    world.clock.move(minutes=20)
    began, ended = "2026-05-12T10:05:00", "2026-05-12T10:12:00"
    await browser.get(f"{address}/time-request")
    empty = await browser.submit(f"{address}/time-request", began=began, ended="", reason="停电")
    assert empty.status == 422
    assert "停电" in await empty.text(), "what was typed is kept"
    asked = await browser.submit(f"{address}/time-request", began=began, ended=ended, reason="停电")
    assert asked.status == 303
    text = await (await browser.get(f"{address}/time-request")).text()
    assert "待处理" in text
    again = await browser.send(
        f"{address}/time-requests",
        {"began_at": "2026-05-12T02:05:00Z", "ended_at": "2026-05-12T02:12:00Z", "reason": "停电"},
    )
    assert (await again.json())["error"]["code"] == "request_open"
    async with world.database.tx() as tx:
        row = await tx.fetch_optional("SELECT id, began_at FROM time_request")
    assert row is not None
    assert row["began_at"] == datetime(2026, 5, 12, 2, 5, tzinfo=UTC)
    staff = world.here.staff[Role.BODY]
    await papers.refuse_time_request(
        world.services, staff, paper.attempt.id, row["id"], note="服务器没有中断记录"
    )
    text = await (await browser.get(f"{address}/time-request")).text()
    assert "未同意" in text
    assert "服务器没有中断记录" in text


async def test_the_command_line_replays_and_says_when_something_was_changed(world: World) -> None:
    paper = await world.open(world.here.simple)
    await world.hand_in(paper, right=4)

    def replayed(*options: str) -> subprocess.CompletedProcess[str]:
        return run_here("attempts", "replay", *options, **environment_of(world.settings))

    good = await asyncio.to_thread(replayed, str(paper.attempt.id), "--json")
    assert good.returncode == 0, good.stderr
    facts = json.loads(good.stdout)
    assert (facts["events"], facts["correct"], facts["mark"], facts["signature"]) == (4, 4, "8.00", "holds")
    async with world.database.tx() as tx:
        await tx.execute("UPDATE attempt SET mark = 100")
    bad = await asyncio.to_thread(replayed, str(paper.attempt.id))
    assert bad.returncode == 1
    assert "does not add up" in bad.stderr
    unknown = await asyncio.to_thread(replayed, "00000000-0000-0000-0000-000000000001")
    assert unknown.returncode == 1
    assert "there is no attempt" in unknown.stderr
