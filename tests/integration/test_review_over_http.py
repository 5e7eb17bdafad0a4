"""成绩确认 over HTTP: the list, the dossier with its pictures, the decision, and the journal of it all."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import cv2
import numpy as np
import pytest
from aiohttp import ClientResponse

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Subject
from exam_service.ids import new_id
from exam_service.papers.model import Attempt
from exam_service.proctor.model import Check, Purpose, Verdict
from exam_service.proctor.usecases import FRAME
from exam_service.registration import usecases as registration
from exam_service.review.model import PAGE_SIZE
from exam_service.storage.evidence import DirectoryBlobs, EvidenceStore
from tests.world import START, Another, Browser, World, contents

pytestmark = pytest.mark.usefixtures("redis_client")


def picture(shade: int) -> bytes:
    """A small JPEG of one grey."""
    done, data = cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))
    assert done
    return data.tobytes()


async def sat(world: World, *, right: int = 70) -> Attempt:
    """The general physician's professional paper, handed in: it awaits the body's word."""
    paper = await world.open(world.here.general, Subject.PROFESSIONAL)
    world.clock.move(minutes=10)
    return await world.hand_in(paper, right=right)


async def add_attempts(world: World, template: Attempt, count: int) -> list[UUID]:
    """Marked attempts like ``template``, each after the one before."""
    ids = [new_id() for _ in range(count)]
    async with world.database.tx() as tx:
        for ordinal, attempt_id in enumerate(ids, start=2):
            await tx.execute(
                """
                INSERT INTO attempt (id, province_id, registration_id, cycle_id, account_id, institution_id,
                    body_id, subject, ordinal, state, rule, notice_version, notice_accepted_at, admitted_at,
                    deadline, handed_in_at, closed_at, lease_epoch, total, correct, mark, passed)
                SELECT $1, province_id, registration_id, cycle_id, account_id, institution_id,
                    body_id, subject, $2, state, rule, notice_version, notice_accepted_at, admitted_at,
                    deadline, handed_in_at, closed_at, lease_epoch, total, correct, mark, passed
                FROM attempt WHERE id = $3
                """,
                attempt_id,
                ordinal,
                template.id,
            )
    return ids


async def decide(browser: Browser, attempt: Attempt, result: str, note: str = "") -> ClientResponse:
    return await browser.submit(f"/review/{attempt.id}/decision", result=result, note=note)


async def state_of(world: World, attempt: Attempt) -> tuple[str, bool | None]:
    async with world.database.tx() as tx:
        row = await tx.fetch_optional("SELECT state, passed FROM attempt WHERE id = $1", attempt.id)
    assert row is not None
    return row["state"], row["passed"]


async def journal(world: World, action: str) -> list[dict[str, Any]]:
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT * FROM audit_entry WHERE action = $1 ORDER BY id", action)
    return [dict(row) for row in rows]


async def purge(world: World) -> None:
    async with world.database.tx() as tx:
        await tx.execute("DELETE FROM data_key WHERE data_class = $1", FRAME)


def listed(text: str) -> list[str]:
    """The attempts that a page of the list links to, in order."""
    return re.findall(r'href="/review/([0-9a-f-]{36})"', text)


def plain(text: str) -> str:
    """What a person reads of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


# The list


async def test_the_list_has_what_awaits_and_what_there_is(body: Browser, world: World) -> None:
    attempt = await sat(world)
    humanities = await world.hand_in(await world.open(world.here.general), right=40)
    awaiting = await (await body.get("/review")).text()
    assert listed(awaiting) == [str(attempt.id)]
    everything = await (await body.get("/review?tab=all")).text()
    assert listed(everything) == [str(humanities.id), str(attempt.id)]
    for seen in ("医师1", "医院甲", "业务水平测评（第1次）", "70分", "达到分数线", "待评定"):
        assert seen in plain(awaiting), seen
    number = world.here.number_of(world.here.general)
    assert number not in awaiting + everything
    assert f"{number[:3]}***********{number[-4:]}" in awaiting
    home = plain(await (await body.get("/home")).text())
    assert "待评定 1" in home
    assert "全部测评 2" in home


async def test_an_attempt_that_was_never_admitted_is_not_listed(body: Browser, world: World) -> None:
    await world.start(world.here.general)
    assert listed(await (await body.get("/review?tab=all")).text()) == []


async def test_the_list_goes_on_where_its_page_ended(body: Browser, world: World) -> None:
    first = await sat(world)
    others = await add_attempts(world, first, 2 * PAGE_SIZE + 4)
    newest_first = [str(attempt_id) for attempt_id in reversed([first.id, *others])]
    seen: list[str] = []
    address = "/review?tab=awaiting"
    for _ in range(10):
        text = await (await body.get(address)).text()
        page = listed(text)
        seen += page
        following = re.search(r'href="(\?tab=awaiting&amp;cursor=[^"]+)"', text)
        if following is None:
            break
        assert len(page) == PAGE_SIZE
        address = "/review" + following[1].replace("&amp;", "&")
    assert seen == newest_first


async def test_a_page_that_is_just_full_has_no_next(body: Browser, world: World) -> None:
    first = await sat(world)
    await add_attempts(world, first, PAGE_SIZE - 1)
    text = await (await body.get("/review")).text()
    assert len(listed(text)) == PAGE_SIZE
    assert "cursor=" not in text


async def test_a_cursor_that_is_none_is_the_first_page(body: Browser, world: World) -> None:
    attempt = await sat(world)
    for cursor in ("x", "", "%00", "' OR 1=1"):
        answer = await body.get("/review", params={"tab": "all", "cursor": cursor})
        assert (answer.status, listed(await answer.text())) == (200, [str(attempt.id)])


async def test_the_list_says_what_to_look_at_and_how_soon(body: Browser, world: World) -> None:
    attempt, _ = await watched(world)
    takeover = await world.watch(attempt, after(minutes=3), after(minutes=3), Purpose.TAKEOVER)
    for seq in (1, 2):
        await world.snapshot(attempt, takeover, seq, Verdict.MISMATCH, None)
    text = plain(await (await body.get("/review")).text())
    assert "疑似他人" in text
    assert "换设备时疑似他人 2张" in text
    assert "监考中断" in text
    assert "关注度 62" in text
    assert "画面覆盖64%" in text
    assert "没有发现异常" not in text


async def test_a_paper_that_was_never_watched_does_not_look_clean(body: Browser, world: World) -> None:
    attempt = await sat(world)
    stream = await world.watch(attempt, START, after(minutes=10))
    await world.snapshot(attempt, stream, 1, Verdict.UNUSABLE, None)
    for address in ("/review", f"/review/{attempt.id}"):
        text = plain(await (await body.get(address)).text())
        assert "没有画面" in text
        assert "没有发现异常" not in text
        assert "全程画面没有中断" not in text


# The dossier


def after(**delta: float) -> datetime:
    """So long after the paper was admitted."""
    return START + timedelta(**delta)


def every_10_seconds(begin: datetime, end: datetime) -> list[datetime]:
    """As often as frames come by the shipped settings."""
    count = (end - begin) // timedelta(seconds=10)
    return [begin + turn * timedelta(seconds=10) for turn in range(count)]


async def watched(world: World) -> tuple[Attempt, list[Check]]:
    """An attempt of 14 minutes that was not seen for five, with another face three times; the frames kept."""
    paper = await world.open(world.here.general, Subject.PROFESSIONAL)
    attempt = paper.attempt
    check = await world.watch(attempt, after(minutes=-1), START, Purpose.CHECK)
    one = await world.watch(attempt, START, after(minutes=4))
    two = await world.watch(attempt, after(minutes=9), after(minutes=14))
    await world.frames(attempt, one, 2, every_10_seconds(START, after(minutes=4)))
    await world.frames(attempt, two, 4, every_10_seconds(after(minutes=9), after(minutes=14)))
    kept = [
        await world.snapshot(attempt, stream, seq, verdict, picture(40 * shade), distance=distance, at=at)
        for shade, (stream, seq, verdict, distance, at) in enumerate(
            (
                (check, 1, Verdict.MATCH, 0.2, START),
                (one, 1, Verdict.MATCH, 0.31, after(minutes=2, seconds=1)),
                (two, 1, Verdict.MISMATCH, 0.8, after(minutes=10, seconds=1)),
                (two, 2, Verdict.MISMATCH, 0.8, after(minutes=10, seconds=2)),
                (two, 3, Verdict.MISMATCH, 0.8, after(minutes=10, seconds=3)),
            )
        )
    ]
    world.clock.move(minutes=14)
    return await world.hand_in(paper, right=70), kept


async def test_the_dossier_shows_checks_pictures_findings_and_gaps(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    answer = await body.get(f"/review/{attempt.id}")
    text = await answer.text()
    said = plain(text)
    assert answer.status == 200
    for seen in ("医师1", "医院甲", "70分", "达到分数线", "待评定", "疑似他人 3", "本人 55"):
        assert seen in said, seen
    pictures = re.findall(rf'<img src="(/review/{attempt.id}/snapshots/[^"]+)"', text)
    strip = [f"/review/{attempt.id}/snapshots/{check.id}" for check in checks]
    assert pictures[-4:] == strip[1:], "all of the paper, in order"
    assert strip[0] in pictures[:-4], "the identity check is apart"
    assert set(strip[2:]) < set(pictures[:-4]), "under the finding that they carry"
    assert "距离 0.80" in said
    assert "身份核验" in said
    assert "比对模型 model of tests" in said
    # 10:00 in China is when the paper was admitted.
    assert "疑似他人 待核对 10:10:01 至 10:10:03 · 2秒 · 3张" in said
    assert "疑似他人 2秒，共3张 +45" in said
    assert "10:04:00 至 10:09:00 · 5分00秒" in said
    number = world.here.number_of(world.here.general)
    assert number not in text


async def test_a_paper_that_nobody_watched_is_one_gap(body: Browser, world: World) -> None:
    attempt = await sat(world)
    said = plain(await (await body.get(f"/review/{attempt.id}")).text())
    assert "没有监考抓拍" in said
    assert "10:00:00 至 10:10:00 · 10分00秒" in said


async def test_a_paper_watched_all_the_time_has_no_gap(body: Browser, world: World) -> None:
    attempt = await sat(world)
    stream = await world.watch(attempt, START, after(minutes=10))
    seen = every_10_seconds(START, after(minutes=10))
    del seen[20]  # one frame lost on the way is no gap
    await world.frames(attempt, stream, 1, seen)
    said = plain(await (await body.get(f"/review/{attempt.id}")).text())
    assert "没有中断" in said
    assert "没有发现异常" in said
    assert "分00秒" not in said


async def test_a_connection_that_sent_nothing_watched_nothing(body: Browser, world: World) -> None:
    attempt = await sat(world)
    stream = await world.watch(attempt, START, after(minutes=10))
    check = await world.watch(attempt, START, START, Purpose.CHECK)
    await world.frames(attempt, check, 1, every_10_seconds(START, after(minutes=10)))
    await world.frames(attempt, stream, 1, every_10_seconds(START, after(minutes=7)))
    said = plain(await (await body.get(f"/review/{attempt.id}")).text())
    assert "10:07:00 至 10:10:00 · 3分00秒" in said


# Pictures


async def test_a_snapshot_is_the_picture_and_nothing_keeps_it(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    answer = await body.get(f"/review/{attempt.id}/snapshots/{checks[1].id}")
    assert answer.status == 200
    assert await answer.read() == picture(40)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_pictures_lie_on_disk_encrypted_and_for_us_alone(world: World) -> None:
    await watched(world)
    root = world.settings.data_dir / "evidence"
    stored = [path for path in root.rglob("*") if path.is_file()]
    assert len(stored) == 5
    for path in stored:
        assert b"\xff\xd8\xff" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
        assert path.parent.stat().st_mode & 0o077 == 0


async def test_a_frame_that_was_not_kept_is_not_found(body: Browser, world: World) -> None:
    attempt = await sat(world)
    stream = await world.watch(attempt, START)
    check = await world.snapshot(attempt, stream, 1, Verdict.MATCH, None)
    answer = await body.get(f"/review/{attempt.id}/snapshots/{check.id}")
    assert answer.status == 404
    assert "没有留存" in await answer.text()


def file_of(world: World, check: Check) -> Path:
    (path,) = (world.settings.data_dir / "evidence").rglob(str(check.evidence_id))
    return path


async def test_an_altered_picture_is_refused(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    path, other = file_of(world, checks[1]), file_of(world, checks[2])
    address = f"/review/{attempt.id}/snapshots/{checks[1].id}"
    raw = path.read_bytes()
    for harm, written in (
        ("one bit", raw[:-1] + bytes([raw[-1] ^ 1])),
        ("cut", raw[:-1]),
        ("longer", raw + b"x"),
        ("another picture", other.read_bytes()),
        ("emptied", b""),
        ("gone", None),
    ):
        if written is None:
            path.unlink()
        else:
            path.write_bytes(written)
        answer = await body.get(address)
        assert (answer.status, answer.content_type) == (404, "text/html"), harm
        assert "系统管理员" in await answer.text(), harm
        intact = await body.get(f"/review/{attempt.id}/snapshots/{checks[2].id}")
        assert intact.status == 200
    path.write_bytes(raw)
    assert (await body.get(address)).status == 200


async def test_a_picture_put_in_the_place_of_another_does_not_open(body: Browser, world: World) -> None:
    """By somebody with the database and the disk, digest and all: it is sealed for its own row."""
    attempt, checks = await watched(world)
    other = file_of(world, checks[2]).read_bytes()
    file_of(world, checks[1]).write_bytes(other)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE evidence SET sha256 = sha256($2) WHERE id = $1", checks[1].evidence_id, other
        )
    answer = await body.get(f"/review/{attempt.id}/snapshots/{checks[1].id}")
    assert answer.status == 404
    assert "系统管理员" in await answer.text()


async def test_after_the_purge_a_picture_cannot_be_read_again(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    address = f"/review/{attempt.id}/snapshots/{checks[1].id}"
    assert (await body.get(address)).status == 200, "seen before, so that whatever is cached is"
    await purge(world)
    answer = await body.get(address)
    assert answer.status == 404
    assert "已按保存期限清除" in await answer.text()
    page = await body.get(f"/review/{attempt.id}")
    assert page.status == 200, "the verdicts stay"


async def test_a_purge_takes_one_class_of_one_physician(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    theirs = await world.open(world.here.simple)
    stream = await world.watch(theirs.attempt, START)
    check = await world.snapshot(theirs.attempt, stream, 1, Verdict.MATCH, picture(9))
    async with world.database.tx() as tx:
        await tx.execute(
            "DELETE FROM data_key WHERE data_class = $1 AND account_id = $2",
            FRAME,
            world.here.general.account_id,
        )
    assert (await body.get(f"/review/{attempt.id}/snapshots/{checks[1].id}")).status == 404
    assert (await body.get(f"/review/{theirs.attempt.id}/snapshots/{check.id}")).status == 200
    assert "430" in await (await body.get(f"/review/{attempt.id}")).text(), "the number has a key of its own"


async def test_the_registration_photo_lies_beside_the_pictures(body: Browser, world: World) -> None:
    await registration.store_reviewed_photo(
        world.database,
        world.clock,
        world.vault,
        world.services.evidence,
        world.here.registrations[0],
        picture(200),
    )
    attempt, _ = await watched(world)
    address = f"/review/{attempt.id}/photo"
    assert f'src="{address}"' in await (await body.get(f"/review/{attempt.id}")).text()
    answer = await body.get(address)
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert await answer.read() == picture(200)
    (row,) = await journal(world, "photo.viewed")
    assert row["subject_id"] == attempt.id


async def test_the_strip_goes_on_without_script(body: Browser, world: World) -> None:
    attempt = await sat(world)
    stream = await world.watch(attempt, START)
    for seq, moment in enumerate(every_10_seconds(START, after(minutes=9)), start=1):
        await world.snapshot(attempt, stream, seq, Verdict.MATCH, picture(9), at=moment)
    text = (await (await body.get(f"/review/{attempt.id}")).text()).split('id="snapshots"')[1]
    assert text.count('<li class="shot"') == 48
    assert "已显示48张，共54张" in text
    more = re.search(r'href="(\?shots=\d+)#snapshots"', text)
    assert more is not None
    text = (await (await body.get(f"/review/{attempt.id}{more[1]}")).text()).split('id="snapshots"')[1]
    assert text.count('<li class="shot"') == 54
    assert "shots=" not in text
    for odd in ("x", "-1", "9" * 5000, "²"):
        assert (await body.get(f"/review/{attempt.id}", params={"shots": odd})).status == 200


# A word on each finding


async def judge(
    browser: Browser, attempt: Attempt, verdict: str, note: str = "", **other: str
) -> ClientResponse:
    """A person's word on the other face of :func:`watched`."""
    form = {"kind": "another_face", "began_at": after(minutes=10, seconds=1).isoformat()} | other
    return await browser.submit(f"/review/{attempt.id}/findings", verdict=verdict, note=note, **form)


async def test_each_finding_is_judged_by_a_person_and_the_newest_word_counts(
    body: Browser, another: Another, world: World
) -> None:
    attempt, _ = await watched(world)
    address = f"/review/{attempt.id}"
    assert "待核对" in plain(await (await body.get(address)).text())
    answer = await judge(body, attempt, "upheld", "不是同一个人")
    assert (answer.status, answer.headers["Location"]) == (303, f"{address}#findings")
    said = plain(await (await body.get(address)).text())
    assert "疑似他人 核对为属实 10:10:01" in said
    assert "body人员" in said
    assert "不是同一个人" in said
    world.clock.move(minutes=1)
    await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    assert (await judge(await another("colleague"), attempt, "dismissed")).status == 303
    assert "疑似他人 核对为不属实 10:10:01" in plain(await (await body.get(address)).text())
    facts = [row["facts"] for row in await journal(world, "finding.reviewed")]
    assert [(fact["kind"], fact["verdict"], fact["frames"]) for fact in facts] == [
        ("another_face", "upheld", 3),
        ("another_face", "dismissed", 3),
    ]
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM finding_review") == 2
    for change in ("UPDATE finding_review SET verdict = 'upheld'", "DELETE FROM finding_review"):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            async with world.database.tx() as tx:
                await tx.execute(change)
    physician = await another("physician")
    result = plain(await (await physician.get(f"/attempts/{attempt.id}/result")).text())
    assert "疑似" not in result
    assert "核对" not in result


async def test_what_is_no_word_on_a_finding_is_refused(body: Browser, another: Another, world: World) -> None:
    attempt, _ = await watched(world)
    await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    neighbour = await another("neighbour")
    for refused, status in (
        (await judge(body, attempt, "upheld"), 422),
        (await judge(body, attempt, "maybe"), 422),
        (await judge(body, attempt, "dismissed", "长" * 501), 422),
        (await judge(body, attempt, "dismissed", kind="ugly"), 422),
        (await judge(body, attempt, "dismissed", began_at="2026-05-12T10:00:00"), 422),
        (await judge(body, attempt, "dismissed", began_at=START.isoformat()), 404),
        (await judge(neighbour, attempt, "dismissed"), 404),
    ):
        assert refused.status == status
    assert await journal(world, "finding.reviewed") == []


async def test_nobody_fails_for_what_no_person_upheld(body: Browser, world: World) -> None:
    attempt, _ = await watched(world)
    form = {"result": "fail", "note": "由他人作答", "by_findings": "yes"}
    refused = await body.submit(f"/review/{attempt.id}/decision", **form)
    assert refused.status == 422
    assert "核对为属实" in await refused.text()
    await judge(body, attempt, "upheld", "不是同一个人")
    assert (await body.submit(f"/review/{attempt.id}/decision", **form)).status == 303
    (row,) = await journal(world, "attempt.confirmed")
    assert [found["kind"] for found in row["facts"]["upheld"]] == ["another_face"]
    assert (await judge(body, attempt, "dismissed")).status == 409, "it has been acted upon"


# Scope


async def test_another_body_of_the_same_province_finds_nothing(another: Another, world: World) -> None:
    attempt, checks = await watched(world)
    await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    neighbour = await another("neighbour")
    before = await contents(world.database)
    for address in (f"/review/{attempt.id}", f"/review/{attempt.id}/snapshots/{checks[1].id}"):
        answer = await neighbour.get(address)
        assert (answer.status, answer.content_type) == (404, "text/html")
        assert "医师1" not in await answer.text()
    answer = await decide(neighbour, attempt, "pass")
    assert answer.status == 404
    assert await contents(world.database) == before
    assert listed(await (await neighbour.get("/review?tab=all")).text()) == []


# The decision


async def test_the_bodys_word_reaches_the_physician(body: Browser, another: Another, world: World) -> None:
    attempt = await sat(world)
    physician = await another("physician")
    result = f"/attempts/{attempt.id}/result"
    assert "待评定" in await (await physician.get(result)).text()
    answer = await decide(body, attempt, "pass")
    assert (answer.status, answer.headers["Location"]) == (303, "/review")
    assert "评定已保存" in await (await body.get("/review")).text()
    text = plain(await (await physician.get(result)).text())
    assert "合格" in text
    assert "不合格" not in text
    assert "待评定" not in text
    assert "合格" in plain(await (await physician.get("/papers")).text())
    page = plain(await (await body.get(f"/review/{attempt.id}")).text())
    assert "已确认 合格 确认人 body人员" in page
    (row,) = await journal(world, "attempt.confirmed")
    assert row["actor_id"] == world.here.staff[Role.BODY].account_id
    assert row["subject_id"] == attempt.id
    assert row["facts"] == {"passed": True, "note": ""}


async def test_what_is_failed_despite_its_mark_needs_a_reason(
    body: Browser, another: Another, world: World
) -> None:
    attempt = await sat(world)
    for note in ("", "   "):
        refused = await decide(body, attempt, "fail", note)
        assert refused.status == 422
        assert "须写明理由" in await refused.text()
        assert await state_of(world, attempt) == ("marked", True)
    answer = await decide(body, attempt, "fail", "第5分钟起由他人作答")
    assert answer.status == 303
    assert await state_of(world, attempt) == ("confirmed", False)
    physician = await another("physician")
    assert "不合格" in await (await physician.get(f"/attempts/{attempt.id}/result")).text()
    assert "第5分钟起由他人作答" in await (await body.get(f"/review/{attempt.id}")).text()


async def test_nobody_passes_under_the_pass_mark(body: Browser, world: World) -> None:
    attempt = await sat(world, right=59)
    refused = await decide(body, attempt, "pass", "很努力")
    text = await refused.text()
    assert refused.status == 422
    assert "成绩未达到分数线" in text
    assert "很努力" in text, "what was written is kept"
    assert await state_of(world, attempt) == ("marked", False)
    assert await journal(world, "attempt.confirmed") == []
    assert (await decide(body, attempt, "fail")).status == 303
    assert await state_of(world, attempt) == ("confirmed", False)


async def test_the_pass_mark_itself_passes(body: Browser, world: World) -> None:
    attempt = await sat(world, right=60)
    assert (await decide(body, attempt, "pass")).status == 303
    assert await state_of(world, attempt) == ("confirmed", True)


@pytest.mark.parametrize(
    "decisions",
    [
        [("", ""), ("maybe", ""), ("PASS", "")],
        [("fail", "长" * 501), ("pass", "长" * 501)],
        [("fail", "a\0b"), ("pass", "\0")],
    ],
    ids=["no result", "too long a note", "a note that cannot be stored"],
)
async def test_a_malformed_decision_is_refused_and_changes_nothing(
    body: Browser, world: World, decisions: list[tuple[str, str]]
) -> None:
    attempt = await sat(world)
    for result, note in decisions:
        assert (await decide(body, attempt, result, note)).status == 422, (result, note)
    assert await state_of(world, attempt) == ("marked", True)
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM decision") == 0


async def test_a_note_is_shown_as_it_was_written_not_run(body: Browser, world: World) -> None:
    attempt = await sat(world)
    await decide(body, attempt, "fail", "<script>alert(1)</script>")
    text = await (await body.get(f"/review/{attempt.id}")).text()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


async def test_a_second_decision_is_refused_and_says_why(
    body: Browser, another: Another, world: World
) -> None:
    attempt = await sat(world)
    await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    colleague = await another("colleague")
    await decide(body, attempt, "pass")
    second = await decide(colleague, attempt, "fail", "我不同意")
    assert second.status == 409
    text = await second.text()
    assert "已由他人评定" in text
    assert "确认人" in text
    assert await state_of(world, attempt) == ("confirmed", True)
    assert len(await journal(world, "attempt.confirmed")) == 1
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM decision") == 1


async def test_two_deciders_at_once_make_one_decision(body: Browser, another: Another, world: World) -> None:
    attempt = await sat(world)
    await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    colleague = await another("colleague")
    answers = await asyncio.gather(
        *(decide(browser, attempt, "pass") for browser in (body, colleague) for _ in range(5)),
        *(decide(browser, attempt, "fail", "理由") for browser in (body, colleague) for _ in range(5)),
    )
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [303] + [409] * 19
    (row,) = await journal(world, "attempt.confirmed")
    async with world.database.tx() as tx:
        decisions = await tx.fetch("SELECT passed, decided_by FROM decision")
        moves = await tx.fetch("SELECT actor_id FROM attempt_move WHERE to_state = 'confirmed'")
    assert [tuple(found.values()) for found in decisions] == [(row["facts"]["passed"], row["actor_id"])]
    assert [move["actor_id"] for move in moves] == [row["actor_id"]]
    assert await state_of(world, attempt) == ("confirmed", row["facts"]["passed"])


async def test_only_what_awaits_the_bodys_word_is_decided(body: Browser, world: World) -> None:
    marked_at_once = await world.hand_in(await world.open(world.here.general), right=40)
    running = (await world.open(world.here.general, Subject.PROFESSIONAL)).attempt
    for attempt in (running, marked_at_once):
        before = await state_of(world, attempt)
        answer = await decide(body, attempt, "fail", "理由")
        assert answer.status == 409
        assert await state_of(world, attempt) == before
        assert 'action="/review/' not in await (await body.get(f"/review/{attempt.id}")).text()


# The journal of viewings


async def test_every_viewing_of_a_list_is_recorded_with_whom_it_showed(body: Browser, world: World) -> None:
    attempt = await sat(world)
    await body.get("/review")
    await body.get("/review?tab=all")
    rows = await journal(world, "results.listed")
    assert [row["facts"] for row in rows] == [
        {"tab": tab, "attempts": [str(attempt.id)]} for tab in ("awaiting", "all")
    ]
    for row in rows:
        assert row["actor_id"] == world.here.staff[Role.BODY].account_id
        assert row["subject_id"] == world.here.body_id
        assert row["province_id"] == "hunan"


async def test_viewing_is_recorded_once_a_minute_for_each_viewer_and_attempt(
    body: Browser, another: Another, world: World
) -> None:
    attempt, checks = await watched(world)
    await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    colleague = await another("colleague")
    addresses = [f"/review/{attempt.id}/snapshots/{check.id}" for check in checks]

    async def look(browser: Browser) -> None:
        await browser.get(f"/review/{attempt.id}")
        answers = await asyncio.gather(*(browser.get(address) for address in addresses))
        assert {answer.status for answer in answers} == {200}

    await look(body)
    await look(body)
    assert [len(await journal(world, f"{what}.viewed")) for what in ("attempt", "snapshot")] == [1, 1]
    await look(colleague)
    assert [len(await journal(world, f"{what}.viewed")) for what in ("attempt", "snapshot")] == [2, 2]
    world.clock.move(minutes=1)
    await look(body)
    for what in ("attempt", "snapshot"):
        rows = await journal(world, f"{what}.viewed")
        assert len(rows) == 3
        assert {row["subject_id"] for row in rows} == {attempt.id}
        assert rows[-1]["actor_id"] == world.here.staff[Role.BODY].account_id
        assert rows[-1]["at"] == world.clock.now()


async def test_a_picture_alone_is_recorded_too(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    await body.get(f"/review/{attempt.id}/snapshots/{checks[1].id}")
    (row,) = await journal(world, "snapshot.viewed")
    assert (row["subject_id"], row["province_id"]) == (attempt.id, "hunan")


async def test_what_was_not_seen_is_not_recorded_as_seen(body: Browser, world: World) -> None:
    attempt, checks = await watched(world)
    await purge(world)
    await body.get(f"/review/{attempt.id}/snapshots/{checks[1].id}")
    assert await journal(world, "snapshot.viewed") == []


async def test_the_store_reads_nothing_of_another_province(world: World) -> None:
    _, checks = await watched(world)
    store = EvidenceStore(DirectoryBlobs(world.settings.data_dir / "evidence"))
    evidence_id = checks[1].evidence_id
    assert evidence_id is not None
    async with world.database.tx() as tx:
        assert await store.read(tx, evidence_id, province_id="hunan")
        with pytest.raises(Exception, match="evidence_missing"):
            await store.read(tx, evidence_id, province_id="henan")
