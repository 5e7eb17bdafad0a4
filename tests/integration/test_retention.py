"""Face data go when their time is over, or when the physician wants it; and that can be shown."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import FACE_CONSENT_VERSION, ConsentState, Role
from exam_service.crypto.envelope import seal
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, NotFound
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import queries, usecases
from exam_service.proctor.model import Check, Frame, KeptFor, Purpose, Verdict
from exam_service.proctor.periods import Kind, Why
from exam_service.registration import usecases as registration
from tests.commands import environment_of, run_here
from tests.factories import a_check
from tests.world import START, Browser, World, browsing, serving

OVER = datetime(2026, 6, 21, 16, 0, tzinfo=UTC)  # the last day of make-up is over in China


@dataclass
class Sat:
    """A physician's marked paper with a sample, a doubt, and the numbers of their face."""

    attempt: Attempt
    sample: Check
    doubt: Check


async def sit(world: World, subject: Subject = Subject.HUMANITIES) -> Sat:
    general = world.here.general
    await world.consent(general)
    paper = await world.open(general, subject)
    stream = await world.watch(paper.attempt, START)
    sample = await world.snapshot(paper.attempt, stream, 1, Verdict.MATCH, b"a sample", distance=0.3)
    doubt = await world.snapshot(paper.attempt, stream, 2, Verdict.MISMATCH, b"a doubt", distance=0.8)
    async with world.database.tx() as tx:
        for check, reason in ((sample, KeptFor.SAMPLE), (doubt, KeptFor.DOUBT)):
            await tx.execute("UPDATE proctor_check SET kept_for = $2 WHERE id = $1", check.id, reason)
        key = await world.vault.key_for(
            tx,
            province_id="hunan",
            account_id=general.account_id,
            cycle_id=world.here.cycle.id,
            data_class=usecases.EMBEDDING,
        )
        enrolment_id = new_id()
        await queries.insert_enrolment(
            tx,
            queries.Enrolment(enrolment_id, seal(key, bytes(512), enrolment_id)),
            "hunan",
            paper.attempt.registration_id,
            "model of tests",
            "registration_photo",
            START,
        )
    await registration.store_reviewed_photo(
        world.database,
        world.clock,
        world.vault,
        world.services.evidence,
        world.here.registrations[0],
        b"a registration photo",
    )
    return Sat(await world.hand_in(paper, right=40), sample, doubt)


def files(world: World) -> list[Path]:
    root = world.settings.data_dir / "evidence"
    return sorted(path for path in root.rglob("*") if path.is_file())


async def keys(world: World) -> set[str]:
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT data_class FROM data_key WHERE account_id = $1 AND cycle_id IS NOT NULL",
            world.here.general.account_id,
        )
    return {row["data_class"] for row in rows}


def move_to(world: World, moment: datetime) -> None:
    world.clock.move(seconds=(moment - world.clock.now()).total_seconds())


async def sound(world: World) -> bool:
    return (await usecases.verify_evidence(world.services)).is_sound


async def test_each_kind_is_purged_when_its_time_is_over_and_leaves_a_proof(world: World) -> None:
    sat = await sit(world)
    digests = sorted(hashlib.sha256(path.read_bytes()).digest() for path in files(world))
    move_to(world, OVER + timedelta(days=7) - timedelta(seconds=1))
    assert await usecases.purge_due(world.services) == 0
    move_to(world, OVER + timedelta(days=7))
    assert await usecases.purge_due(world.services) == 1
    assert await keys(world) == {"frame", "registration_photo"}
    move_to(world, OVER + timedelta(days=30))
    assert await usecases.purge_due(world.services) == 1
    assert len(files(world)) == 2, "the doubt and the registration photo"
    move_to(world, OVER + timedelta(days=90))
    assert await usecases.purge_due(world.services) == 1
    assert await usecases.purge_due(world.services) == 0, "nothing is purged twice"
    assert await keys(world) == {"registration_photo"}

    embedding, sample, frame = await usecases.purges(world.services, world.here.cycle.id)
    assert [purge.kind for purge in (embedding, sample, frame)] == [Kind.EMBEDDING, Kind.SAMPLE, Kind.FRAME]
    assert {purge.items for purge in (embedding, sample, frame)} == {1}
    assert {purge.why for purge in (embedding, sample, frame)} == {Why.RETENTION}
    assert sample.key_id is None
    assert frame.key_id is not None
    assert frame.digest in {hashlib.sha256(digest).digest() for digest in digests}
    assert await usecases.purges(world.services, world.elsewhere.cycle.id) == []
    assert await sound(world)
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT facts FROM audit_entry WHERE action = 'face_data.purged'")
        assert len(rows) == 3
        with pytest.raises(NotFound):
            await usecases.snapshot(tx, world.services, sat.attempt.id, sat.doubt.id, "hunan")
        [check] = [each for each in await usecases.checks_of(tx, sat.attempt.id, "hunan") if each.seq == 2]
        assert (check.verdict, check.evidence_id, check.kept_for) == (Verdict.MISMATCH, None, KeptFor.DOUBT)
    async with world.database.tx() as tx:
        with pytest.raises(Exception, match="append-only"):
            await tx.execute("DELETE FROM purge")


async def test_a_result_that_is_open_holds_everything_of_its_physician(world: World) -> None:
    sat = await sit(world, Subject.PROFESSIONAL)
    assert sat.attempt.awaits_confirmation
    move_to(world, OVER + timedelta(days=300))
    assert await usecases.purge_due(world.services) == 0
    async with world.database.tx() as tx:
        staff = world.here.staff[Role.BODY].account_id
        await papers.confirm(tx, world.clock, sat.attempt.id, "hunan", passed=True, actor_id=staff)
    assert await usecases.purge_due(world.services) == 2, "the embedding and the sample"
    world.clock.move(days=61)
    assert await usecases.purge_due(world.services) == 1


async def test_who_asks_loses_the_embedding_now_and_the_pictures_after_the_appeal(world: World) -> None:
    await sit(world)
    general = world.here.general
    await usecases.ask_deletion(world.services, general)
    assert await keys(world) == {"frame", "registration_photo"}
    data = await usecases.face_data(world.services, general)
    assert data.request is not None
    assert data.last_due == (START + timedelta(days=61)).date()
    with pytest.raises(Conflict, match="deletion_open"):
        await usecases.ask_deletion(world.services, general)
    world.clock.move(days=60)
    assert await usecases.purge_due(world.services) == 0
    world.clock.move(days=1)
    assert await usecases.purge_due(world.services) == 1
    assert await keys(world) == {"registration_photo"}
    data = await usecases.face_data(world.services, general)
    assert data.request is None, "it is carried out"
    assert data.is_empty
    assert {purge.why for purge in data.purges} == {Why.REQUEST}
    assert sum(purge.items for purge in data.purges) == 3
    assert await sound(world)


async def test_who_asks_while_a_paper_is_sat_waits_for_its_result(world: World) -> None:
    await sit(world)
    await world.open(world.here.general, Subject.PROFESSIONAL)
    await usecases.ask_deletion(world.services, world.here.general)
    assert await keys(world) == {"frame", "embedding", "registration_photo"}
    data = await usecases.face_data(world.services, world.here.general)
    assert data.last_due is None
    await usecases.withdraw_deletion(world.services, world.here.general)
    with pytest.raises(Conflict, match="no_deletion"):
        await usecases.withdraw_deletion(world.services, world.here.general)


async def test_who_never_sat_a_paper_is_forgotten_at_once(world: World) -> None:
    general = world.here.general
    attempt = await world.start(general)
    stream = await world.watch(attempt, START)
    await world.snapshot(attempt, stream, 1, Verdict.MATCH, b"a check")
    await usecases.ask_deletion(world.services, general)
    assert files(world) == []
    assert await keys(world) == set()
    [purge] = await usecases.purges(world.services, None)
    assert purge.why is Why.WITHDRAWAL, "there was no consent in force"


async def test_verify_finds_what_is_missing_altered_left_over_or_came_back(world: World) -> None:
    sat = await sit(world)
    found = await usecases.verify_evidence(world.services)
    assert found.is_sound
    assert found.files.rows == 3
    [sample] = [path for path in files(world) if path.name == str(sat.sample.evidence_id)]
    sample.write_bytes(b"something else")
    assert (await usecases.verify_evidence(world.services)).files.altered == (sat.sample.evidence_id,)
    sample.unlink()
    assert (await usecases.verify_evidence(world.services)).files.missing == (sat.sample.evidence_id,)
    stray = sample.with_name("left-over.part")
    stray.write_bytes(b"half")
    move_to(world, datetime.now(UTC) + timedelta(hours=25))
    assert (await usecases.verify_evidence(world.services)).files.strays[-1].endswith("left-over.part")
    assert await usecases.sweep_evidence(world.services) == 1
    assert not stray.exists()
    async with world.database.tx() as tx:
        before = await tx.fetch("SELECT * FROM data_key WHERE data_class = 'embedding'")
    move_to(world, OVER + timedelta(days=7))
    await usecases.purge_due(world.services)
    async with world.database.tx() as tx:
        await tx.execute("INSERT INTO data_key VALUES ($1, $2, $3, $4, $5, $6)", *before[0].values())
    found = await usecases.verify_evidence(world.services)
    assert found.keys_left == [before[0]["id"]], "somebody restored an old dump"


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with serving(world) as server, browsing(server) as browser:
        await browser.login(world.here, world.here.general)
        yield browser


async def test_withdrawing_asks_whether_to_delete_and_the_page_says_what_and_when(
    browser: Browser, world: World
) -> None:
    await sit(world)
    await browser.get("/consent")
    withdrawn = await browser.submit("/consent/withdraw")
    assert withdrawn.headers["Location"] == "/face-data"
    page = await (await browser.get("/face-data")).text()
    for words in (
        "是否同时删除",
        "人脸特征值",
        "1份",
        "2026-06-29清除",
        "2026-09-20清除",
        "申请删除我的人脸信息",
    ):
        assert words in page, words
    assert (await browser.submit("/face-data/deletion")).status == 303
    page = await (await browser.get("/face-data")).text()
    for words in ("已申请删除", "2026-07-12清除", "您撤回同意后清除", "申诉期内"):
        assert words in page, words
    assert (await browser.submit("/face-data/deletion")).status == 409
    assert (await browser.submit("/face-data/deletion/withdrawal")).status == 303


async def test_the_consent_page_tells_the_periods_that_the_purge_follows(
    browser: Browser, world: World
) -> None:
    async with world.database.tx() as tx:
        policy = {**world.here.cycle.policy.raw, "retention": {"frame_days": 123, "sample_days": 45}}
        await tx.execute("UPDATE cycle SET policy = $2 WHERE id = $1", world.here.cycle.id, policy)
    page = await (await browser.get("/consent")).text()
    assert "123天" in page
    assert "45天" in page


async def test_a_refusal_is_recorded_ends_a_consent_and_can_be_changed(
    browser: Browser, world: World
) -> None:
    general = world.here.general
    await world.consent(general)
    await browser.get("/consent")
    answer = await browser.submit("/consent/refusal", version=FACE_CONSENT_VERSION)
    assert answer.headers["Location"] == "/alternative"
    assert (await browser.submit("/consent/refusal", version="face-2025-1")).status == 409
    async with world.database.tx() as tx:
        assert not await accounts.has_face_consent(tx, general.account_id)
        records = await accounts.consent_records(tx, general.account_id)
    assert [record.state for record in records] == [ConsentState.DECLINED, ConsentState.WITHDRAWN]
    assert records[0].declined_at == world.clock.now()
    await browser.submit("/consent", version=FACE_CONSENT_VERSION)
    async with world.database.tx() as tx:
        assert await accounts.has_face_consent(tx, general.account_id)
    page = await (await browser.get("/consent")).text()
    assert page.count("版本 face-") == 4, "three records and the text itself"


# What is kept around a doubt


async def test_what_waited_in_redis_before_a_doubt_is_kept_with_it(
    world: World, redis_client: object
) -> None:
    general = world.here.general
    await world.consent(general)
    attempt = (await world.open(general)).attempt
    opened = await usecases.open_stream(
        world.services, general, attempt.id, purpose=Purpose.PAPER, epoch=attempt.lease_epoch
    )
    judged = []
    for seq in range(1, 7):
        frame_id = new_id()
        at = world.clock.now()
        verdict = Verdict.MATCH if seq < 6 else Verdict.NO_FACE
        frame = Frame(
            frame_id, opened.row.id, attempt.registration_id, attempt.id, "hunan", Purpose.PAPER, seq, at,
            seal(opened.key, b"a picture", frame_id),
        )  # fmt: skip
        check = replace(a_check(), id=frame_id, province_id="hunan", registration_id=attempt.registration_id)
        check = replace(check, attempt_id=attempt.id, stream_id=opened.row.id, seq=seq, received_at=at)
        judged.append(usecases.Judged(frame, replace(check, verdict=verdict), general.account_id))
        world.clock.move(seconds=10)
    services = replace(
        world.services, settings=world.settings.model_copy(update={"keep_every_nth_match": 10**9})
    )
    batch = await usecases.keep(services, judged)
    assert [check.seq for check in batch.checks if check.evidence_id] == [3, 4, 5, 6], "in one batch the same"
    for each in judged:  # a batch of its own each
        kept = await usecases.keep(services, [each])
        async with world.database.tx() as tx:
            await usecases.record_kept(tx, services, kept)
            await queries.insert_checks(tx, kept.checks)
        await services.recent.push(attempt.id, each.frame.id, each.frame.sealed)
    async with world.database.tx() as tx:
        checks = await usecases.checks_of(tx, attempt.id, "hunan")
        shown = [check.seq for check in checks if check.evidence_id is not None]
        assert shown == [3, 4, 5, 6]
        assert {check.kept_for for check in checks[2:5]} == {KeptFor.AROUND}
        for check in checks[2:]:
            assert await usecases.snapshot(tx, services, attempt.id, check.id, "hunan") == b"a picture"


async def test_an_operator_lists_and_verifies_at_the_command_line(world: World) -> None:
    sat = await sit(world)
    await usecases.ask_deletion(world.services, world.here.general)

    async def run(*words: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(run_here, "evidence", *words, **environment_of(world.settings))
        return ended.returncode, ended.stdout

    status, said = await run("purges", "--json", "--cycle", str(world.here.cycle.id))
    purge = json.loads(said)
    assert (status, purge["kind"], purge["why"], purge["items"]) == (0, "embedding", "request", 1)
    assert await run("purges", "--cycle", str(world.elsewhere.cycle.id)) == (0, "")
    assert (await run("verify"))[0] == 0
    (world.settings.data_dir / "evidence" / f"hunan/frame/2026-05/{sat.doubt.evidence_id}").unlink()
    status, said = await run("verify", "--json")
    assert (status, json.loads(said)["missing"]) == (1, [str(sat.doubt.evidence_id)])
