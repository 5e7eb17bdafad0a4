"""Workers with the real recogniser on real pictures: what is seen, kept, admitted, and survives a fault."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import asyncpg
import numpy as np
import pytest
from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestServer

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import FACE_CONSENT_VERSION
from exam_service.crypto.envelope import seal
from exam_service.errors import Conflict
from exam_service.ids import new_id
from exam_service.keys import SERVICES
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.proctor import FRAME_STREAM, usecases
from exam_service.proctor.judgement import findings
from exam_service.proctor.model import Check, Frame, Purpose
from exam_service.proctor.usecases import OpenStream
from exam_service.proctor.verification import Glance, Verification
from exam_service.proctor.verifier import MODEL, Reading
from exam_service.proctor.wire import Sent, compose
from exam_service.proctor.worker import FaceRecogniser, Worker
from exam_service.queue.connection import Client
from exam_service.queue.heartbeats import Heartbeats
from exam_service.queue.stream import GROUP, MAX_DELIVERIES, WorkStream
from exam_service.registration import usecases as registration
from exam_service.storage.database import Database, Row, Tx
from exam_service.tools import open_services
from exam_service.wiring import Services
from tests.world import (
    DEVICE,
    Browser,
    World,
    browsing,
    camera_frame,
    eventually,
    portrait,
    serving_as_deployed,
    unseen,
)

pytestmark = pytest.mark.usefixtures("redis_client")

HOPPER = camera_frame(portrait())
HOPPER_AGAIN = camera_frame(portrait(), size=(560, 420), quality=60)
CLAIM_AFTER = 0.2
ANOTHER_DEVICE = bytes(31) + b"\1"


def grey() -> bytes:
    """An empty room, as a PNG: nobody in it."""
    header = b"P5 640 480 255\n"
    return header + bytes([128]) * (640 * 480)


NOBODY = camera_frame(grey())


@pytest.fixture(scope="session")
def recogniser(tmp_path_factory: pytest.TempPathFactory) -> FaceRecogniser:
    return FaceRecogniser.open(tmp_path_factory.mktemp("models"))


@pytest.fixture
def face(faces_dir: Path) -> Callable[[str], bytes]:
    """A photograph of ``shared/data/faces`` as a camera would send it."""
    return lambda name: camera_frame((faces_dir / f"{name}.jpg").read_bytes(), quality=75)


@dataclass
class Room:
    """An attempt of one physician, the frames that are sent of it, and the workers that look at them."""

    world: World
    services: Services
    client: Client
    queue: WorkStream
    recogniser: FaceRecogniser
    attempt: Attempt

    async def open(self, purpose: Purpose = Purpose.CHECK) -> OpenStream:
        return await usecases.open_stream(
            self.services,
            self.world.here.general,
            self.attempt.id,
            purpose=purpose,
            epoch=0,
            device_hash=ANOTHER_DEVICE,
        )

    async def send(self, stream: OpenStream, seq: int, jpeg: bytes, *, age_ms: int = 0) -> None:
        await usecases.enqueue_frame(self.services, self.queue, stream, Sent(seq, age_ms, jpeg))

    async def see(self, *jpegs: bytes, purpose: Purpose = Purpose.CHECK) -> list[Row]:
        """Send frames and have them looked at; the rows of all checks."""
        stream = await self.open(purpose)
        for seq, jpeg in enumerate(jpegs, start=1):
            await self.send(stream, seq, unseen(jpeg))
        await self.finish()
        return await self.checks()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Worker]:
        """A worker at work; asked to stop at the end, and waited for."""
        worker = Worker(self.services, self.queue, self.recogniser, Heartbeats(self.client))
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        try:
            yield worker
            assert not running.done(), "a worker works until it is told to stop"
        finally:
            stop.set()
            await running

    async def finish(self) -> None:
        """Have a worker do all that waits."""
        async with self.working():
            await eventually(self.is_empty)

    async def is_empty(self) -> bool:
        return await self.queue.waiting() == 0

    async def sql(self, statement: str, *values: object) -> list[Row]:
        async with self.world.database.tx() as tx:
            return await tx.fetch(statement, *values)

    async def checks(self) -> list[Row]:
        return await self.sql("SELECT * FROM proctor_check ORDER BY stream_id, seq")

    async def enrolments(self) -> list[Row]:
        return await self.sql("SELECT * FROM enrolment")

    async def evidence(self) -> list[Row]:
        return await self.sql("SELECT * FROM evidence WHERE data_class = 'frame' ORDER BY id")

    async def is_let_in(self) -> bool:
        """Whether the identity check was passed: then 开始答题 may be pressed."""
        [row] = await self.sql("SELECT checked_at FROM attempt WHERE id = $1", self.attempt.id)
        return row["checked_at"] is not None

    async def begin(self) -> None:
        """开始答题 is pressed."""
        await self.world.admit(self.attempt)

    async def has_reviewed_photo(self, picture: bytes) -> UUID:
        return await registration.store_reviewed_photo(
            self.world.database,
            self.world.clock,
            self.world.vault,
            self.services.evidence,
            self.world.here.registrations[0],
            picture,
        )


@asynccontextmanager
async def room_of(world: World, recogniser: FaceRecogniser, *, demo: bool) -> AsyncIterator[Room]:
    world.settings = world.settings.model_copy(update={"demo": demo})
    await world.without_liveness()
    await world.consent(world.here.general)
    attempt = await world.start(world.here.general)
    async with open_services(world.settings, world.clock) as (services, client):
        queue = WorkStream(client, FRAME_STREAM, limit=100, claim_after_seconds=CLAIM_AFTER)
        await queue.open()
        yield Room(world, services, client, queue, recogniser, attempt)


@pytest.fixture
async def room(world: World, recogniser: FaceRecogniser) -> AsyncIterator[Room]:
    """As in production: only a reviewed photo enrols."""
    async with room_of(world, recogniser, demo=False) as room:
        yield room


@pytest.fixture
async def demo_room(world: World, recogniser: FaceRecogniser) -> AsyncIterator[Room]:
    """As in a demonstration: the first check enrols."""
    async with room_of(world, recogniser, demo=True) as room:
        yield room


# Enrolment and admission


async def test_in_a_demonstration_the_first_check_enrols_and_lets_in(demo_room: Room) -> None:
    [check] = await demo_room.see(HOPPER)

    assert (check["verdict"], check["faces"], check["enrolled"]) == ("match", 1, True)
    [enrolment] = await demo_room.enrolments()
    assert (enrolment["source"], enrolment["model"]) == ("first_check", MODEL)
    assert enrolment["registration_id"] == demo_room.attempt.registration_id
    [attempt] = await demo_room.sql("SELECT state, checked_at, admitted_at FROM attempt")
    now = demo_room.world.clock.now()
    assert (attempt["state"], attempt["checked_at"]) == ("prepared", now)
    assert attempt["admitted_at"] is None, "minutes count from 开始答题"
    [entry] = await demo_room.sql("SELECT facts FROM audit_entry WHERE action = 'attempt.checked'")
    assert entry["facts"] == {"cause": "identity_check"}


async def test_a_second_frame_of_the_same_person_matches_the_first(demo_room: Room) -> None:
    first, second = await demo_room.see(HOPPER, HOPPER_AGAIN)

    assert (second["verdict"], second["enrolled"]) == ("match", False)
    assert first["distance"] == 0
    assert 0 < second["distance"] < 0.3
    assert len(await demo_room.enrolments()) == 1


async def test_another_person_does_not_pass_for_the_one_who_enrolled(
    demo_room: Room, face: Callable[[str], bytes]
) -> None:
    await demo_room.see(HOPPER)
    await demo_room.begin()
    *_, other = await demo_room.see(face("biden"), purpose=Purpose.PAPER)
    assert other["verdict"] == "mismatch"


async def test_a_frame_of_the_paper_enrols_nobody_even_in_a_demonstration(demo_room: Room) -> None:
    await demo_room.world.admit(demo_room.attempt)

    [check] = await demo_room.see(HOPPER, purpose=Purpose.PAPER)

    assert (check["verdict"], check["faces"], check["enrolled"]) == ("unsure", 1, False)
    assert await demo_room.enrolments() == []


async def test_an_empty_room_enrols_nobody_and_the_person_who_then_comes_is_admitted(demo_room: Room) -> None:
    empty, person = await demo_room.see(NOBODY, HOPPER)
    assert (empty["verdict"], empty["enrolled"]) == ("no_face", False)
    assert (person["verdict"], person["enrolled"]) == ("match", True)
    assert await demo_room.is_let_in()


async def test_two_people_enrol_nobody(demo_room: Room, face: Callable[[str], bytes]) -> None:
    [check] = await demo_room.see(face("obama_and_biden"))
    assert (check["verdict"], check["enrolled"]) == ("several_faces", False)
    assert await demo_room.enrolments() == []
    assert not await demo_room.is_let_in()


async def test_without_a_reviewed_photo_nothing_enrols_and_nobody_is_admitted(room: Room) -> None:
    checks = await room.see(HOPPER, HOPPER_AGAIN)

    assert [check["verdict"] for check in checks] == ["unsure", "unsure"]
    assert [check["faces"] for check in checks] == [1, 1]
    assert not any(check["enrolled"] for check in checks)
    assert await room.enrolments() == []
    assert not await room.is_let_in()


async def test_a_reviewed_photo_enrols_and_the_person_on_it_is_admitted(
    room: Room, faces_dir: Path, face: Callable[[str], bytes]
) -> None:
    await room.has_reviewed_photo((faces_dir / "obama.jpg").read_bytes())

    [check] = await room.see(face("obama2"))

    assert (check["verdict"], check["enrolled"]) == ("match", False)
    assert 0 < check["distance"] <= 0.45
    [enrolment] = await room.enrolments()
    assert enrolment["source"] == "registration_photo"
    assert await room.is_let_in()


async def test_a_reviewed_photo_is_the_reference_in_a_demonstration_too(
    demo_room: Room, faces_dir: Path, face: Callable[[str], bytes]
) -> None:
    await demo_room.has_reviewed_photo((faces_dir / "obama.jpg").read_bytes())
    [check] = await demo_room.see(face("biden"))
    assert (check["verdict"], check["enrolled"]) == ("mismatch", False)
    assert not await demo_room.is_let_in()


@pytest.mark.parametrize(
    ("picture", "verdict", "faces"),
    [("biden", "mismatch", 1), ("obama_and_biden", "several_faces", 2)],
)
async def test_whoever_is_not_the_person_on_the_photo_is_not_admitted(
    room: Room, faces_dir: Path, face: Callable[[str], bytes], picture: str, verdict: str, faces: int
) -> None:
    await room.has_reviewed_photo((faces_dir / "obama.jpg").read_bytes())

    [check] = await room.see(face(picture))

    assert (check["verdict"], check["faces"]) == (verdict, faces)
    assert not await room.is_let_in()


async def test_a_photo_without_a_face_enrols_nobody_and_admits_nobody(room: Room) -> None:
    await room.has_reviewed_photo(NOBODY)
    [check] = await room.see(HOPPER)
    assert check["verdict"] == "unsure"
    assert await room.enrolments() == []
    assert not await room.is_let_in()


async def test_a_reviewed_photo_without_a_face_is_not_replaced_by_whoever_comes_first(
    demo_room: Room,
) -> None:
    await demo_room.has_reviewed_photo(NOBODY)
    [check] = await demo_room.see(HOPPER)
    assert (check["verdict"], check["enrolled"]) == ("unsure", False)
    assert await demo_room.enrolments() == []
    assert not await demo_room.is_let_in()


async def test_a_match_after_the_days_of_the_tests_is_recorded_and_admits_nobody(demo_room: Room) -> None:
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)
    demo_room.world.clock.move(days=20)

    await demo_room.finish()

    [check] = await demo_room.checks()
    assert check["verdict"] == "match"
    with pytest.raises(Conflict):
        await demo_room.begin()


# A second device


@pytest.fixture
async def sat(room: Room, faces_dir: Path) -> Room:
    """The physician has a reviewed photo and is admitted."""
    await room.has_reviewed_photo((faces_dir / "obama.jpg").read_bytes())
    await room.world.admit(room.attempt)
    await papers.take_lease(room.world.services, room.world.here.general, room.attempt.id, DEVICE)
    return room


async def takeovers(room: Room) -> list[Row]:
    return await room.sql("SELECT * FROM takeover")


async def test_the_same_face_lets_its_device_take_the_paper_over(
    sat: Room, face: Callable[[str], bytes]
) -> None:
    [check] = await sat.see(face("obama2"), purpose=Purpose.TAKEOVER)

    assert (check["verdict"], check["purpose"]) == ("match", "takeover")
    [row] = await takeovers(sat)
    assert (row["attempt_id"], row["device_hash"]) == (sat.attempt.id, ANOTHER_DEVICE)
    assert (row["allowed_at"], row["verified"]) == (sat.world.clock.now(), True)
    found = await usecases.check_and_admission(sat.services, sat.world.here.general, check["id"])
    assert found is not None
    assert found.admitted, "the page may go on"
    assert check["evidence_id"] is not None
    assert findings(await all_checks(sat)) == []


async def all_checks(room: Room) -> list[Check]:
    async with room.world.database.tx() as tx:
        return await usecases.checks_of(tx, room.attempt.id, "hunan")


async def test_another_face_takes_nothing_over_and_is_no_finding_of_the_paper(
    sat: Room, face: Callable[[str], bytes]
) -> None:
    checks = await sat.see(*[face("biden")] * 5, purpose=Purpose.TAKEOVER)

    assert {check["verdict"] for check in checks} == {"mismatch"}
    assert await takeovers(sat) == []
    found = await usecases.check_and_admission(sat.services, sat.world.here.general, checks[0]["id"])
    assert found is not None
    assert not found.admitted
    assert all(check["evidence_id"] is not None for check in checks)
    assert findings(await all_checks(sat)) == []
    tried = [check.verdict for check in await all_checks(sat) if check.purpose is Purpose.TAKEOVER]
    assert tried == ["mismatch"] * 5, "whoever tried is in the body's list"


async def test_a_face_that_waited_for_longer_than_a_takeover_lasts_proves_nothing(
    sat: Room, face: Callable[[str], bytes]
) -> None:
    stream = await sat.open(Purpose.TAKEOVER)
    await sat.send(stream, 1, face("obama2"))
    sat.world.clock.move(seconds=61)
    await sat.finish()

    [check] = await sat.checks()
    assert check["verdict"] == "match"
    assert await takeovers(sat) == []


async def test_a_face_in_a_takeover_enrols_nobody_even_in_a_demonstration(demo_room: Room) -> None:
    world = demo_room.world
    await world.admit(demo_room.attempt)
    await papers.take_lease(world.services, world.here.general, demo_room.attempt.id, DEVICE)
    [check] = await demo_room.see(HOPPER, purpose=Purpose.TAKEOVER)
    assert (check["verdict"], check["enrolled"]) == ("unsure", False)
    assert await takeovers(demo_room) == []


async def test_a_frame_whose_consent_was_withdrawn_while_it_waited_is_not_looked_at(demo_room: Room) -> None:
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)
    world = demo_room.world
    signals, general = demo_room.services.signals, world.here.general
    await accounts.withdraw_face_consent(world.database, world.clock, signals, general)

    await demo_room.finish()

    assert await demo_room.checks() == await demo_room.evidence() == await demo_room.enrolments() == []


class WhileLooking(FaceRecogniser):
    """Something happens in the database while a frame, or a photo to enrol from, is looked at."""

    def __init__(self, recogniser: FaceRecogniser, dsn: str, statement: str) -> None:
        self.__dict__ |= recogniser.__dict__
        self._dsn, self._statement = dsn, statement

    def read_many(self, glances: Sequence[Glance]) -> list[Reading | None]:
        self._happen()
        return super().read_many(glances)

    def read_photo(self, photo: bytes) -> Reading | None:
        self._happen()
        return super().read_photo(photo)

    def _happen(self) -> None:
        async def execute() -> None:
            connection = await asyncpg.connect(self._dsn)
            await connection.execute(self._statement)
            await connection.close()

        with ThreadPoolExecutor() as threads:
            threads.submit(lambda: asyncio.run(execute())).result()


@pytest.mark.parametrize("has_photo", [True, False])
async def test_nothing_is_stored_of_a_frame_whose_consent_ends_while_it_is_looked_at(
    demo_room: Room, *, has_photo: bool
) -> None:
    world = demo_room.world
    if has_photo:
        await world.photo(world.here.registrations[0], portrait())
    other = world.here.simple
    await world.consent(other)
    attempt = await world.start(other)
    others = await usecases.open_stream(
        demo_room.services, other, attempt.id, purpose=Purpose.CHECK, epoch=0, device_hash=DEVICE
    )
    await demo_room.send(others, 1, unseen(HOPPER))
    await demo_room.send(await demo_room.open(), 1, HOPPER)
    ends = f"UPDATE consent SET withdrawn_at = now() WHERE account_id = '{world.here.general.account_id}'"
    withdrawing = WhileLooking(demo_room.recogniser, world.settings.database_url, ends)
    waiting = await demo_room.queue.take("a worker", count=2, wait_seconds=1)
    frames = [Frame.from_fields(entry.fields) for entry in waiting]

    assert await Verification(demo_room.services, withdrawing).verify(frames) == set()

    assert {check["attempt_id"] for check in await demo_room.checks()} == {attempt.id}
    assert {row["registration_id"] for row in await demo_room.enrolments()} == {attempt.registration_id}
    kept = await demo_room.sql("SELECT account_id FROM evidence WHERE data_class = 'frame'")
    assert {row["account_id"] for row in kept} == {other.account_id}
    fronts = await demo_room.sql("SELECT FROM identity_check WHERE front_embedding IS NOT NULL")
    assert fronts == []


@pytest.mark.parametrize("last", ["declined", "withdrawn"])
async def test_a_refusal_on_record_is_no_consent_to_a_frame_that_waits(demo_room: Room, last: str) -> None:
    world, signals, general = demo_room.world, demo_room.services.signals, demo_room.world.here.general
    on = world.database, world.clock, signals, general
    await accounts.decline_face_consent(*on, version=FACE_CONSENT_VERSION)
    await world.consent(general)
    await demo_room.send(await demo_room.open(), 1, HOPPER)
    if last == "declined":
        await accounts.decline_face_consent(*on, version=FACE_CONSENT_VERSION)
    else:
        await accounts.withdraw_face_consent(*on)

    await demo_room.finish()

    assert await demo_room.checks() == await demo_room.evidence() == await demo_room.enrolments() == []


# What is stored


async def test_a_verdict_is_stored_with_all_that_is_needed_to_question_it(
    demo_room: Room,
) -> None:
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)
    await demo_room.send(stream, 4, HOPPER_AGAIN)
    received = demo_room.world.clock.now()
    demo_room.world.clock.move(seconds=3)
    await demo_room.finish()

    _, check = await demo_room.checks()

    assert (check["attempt_id"], check["stream_id"]) == (demo_room.attempt.id, stream.row.id)
    assert (check["province_id"], check["purpose"], check["seq"]) == ("hunan", "check", 4)
    assert check["model"] == MODEL
    thresholds = (round(check["match_threshold"], 6), round(check["mismatch_threshold"], 6))
    settings = demo_room.world.settings
    assert thresholds == (settings.match_threshold, settings.mismatch_threshold)
    assert check["distance"] == pytest.approx(_distance(demo_room.recogniser, HOPPER, HOPPER_AGAIN), abs=0.02)
    assert check["received_at"] == received
    assert check["checked_at"] == demo_room.world.clock.now()


def _distance(recogniser: FaceRecogniser, one: bytes, other: bytes) -> float:
    a, b = recogniser.read(one), recogniser.read(other)
    assert a is not None
    assert a.embedding is not None
    assert b is not None
    assert b.embedding is not None
    return recogniser.distance(a.embedding, b.embedding)


async def test_the_verdict_follows_the_thresholds_in_force(world: World, recogniser: FaceRecogniser) -> None:
    strict = {"match_threshold": 0.001, "mismatch_threshold": 0.002}
    world.settings = world.settings.model_copy(update=strict)
    async with room_of(world, recogniser, demo=True) as room:
        _, check = await room.see(HOPPER, HOPPER_AGAIN)
        assert check["verdict"] == "mismatch"
        assert round(check["match_threshold"], 6) == 0.001


async def test_of_a_paper_a_doubt_is_kept_with_what_was_around_it_and_else_samples(demo_room: Room) -> None:
    await demo_room.see(HOPPER)
    await demo_room.begin()
    frames = [HOPPER] * 4 + [NOBODY, HOPPER]

    checks = (await demo_room.see(*frames, purpose=Purpose.PAPER))[1:]

    kept = {check["seq"]: check["kept_for"] for check in checks if check["evidence_id"] is not None}
    assert kept[5] == "doubt"
    assert {2, 3, 4} <= set(kept), "the three before it"
    assert 6 not in kept, "it looks like one that is kept"
    assert set(kept.values()) <= {"doubt", "around", "sample"}
    assert all(check["evidence_id"] in {None, check["id"]} for check in checks)


async def test_every_frame_of_the_identity_check_is_kept(demo_room: Room) -> None:
    checks = await demo_room.see(HOPPER, HOPPER, HOPPER)
    assert all(check["evidence_id"] is not None for check in checks)
    assert len(await demo_room.evidence()) == 3


async def test_evidence_on_disk_is_ciphertext_for_nobody_else_to_read_and_opens_again(
    demo_room: Room,
) -> None:
    [check] = await demo_room.see(HOPPER)

    [row] = await demo_room.evidence()
    assert row["id"] == check["evidence_id"]
    assert row["account_id"] == demo_room.attempt.account_id
    root = demo_room.world.settings.data_dir / "evidence"
    [file] = [path for path in root.rglob("*") if path.is_file()]
    assert str(file.relative_to(root)) == row["path"]
    assert row["path"] == f"hunan/frame/2026-05/{row['id']}"
    stored = file.read_bytes()
    assert len(stored) == row["bytes"]
    assert HOPPER[:16] not in stored, "the marker that a JPEG begins with"
    assert HOPPER[1000:1016] not in stored
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    async with demo_room.world.database.tx() as tx:
        shown = await usecases.snapshot(tx, demo_room.services, demo_room.attempt.id, check["id"], "hunan")
    assert shown.endswith(HOPPER[2:])


async def test_the_embedding_in_the_database_is_ciphertext(demo_room: Room) -> None:
    await demo_room.see(HOPPER)

    [enrolment] = await demo_room.enrolments()

    reading = demo_room.recogniser.read(HOPPER)
    assert reading is not None
    assert reading.embedding is not None
    plain = reading.embedding.astype(np.float32).tobytes()
    assert len(plain) == 512
    assert plain not in enrolment["embedding"]
    assert plain[:8] not in enrolment["embedding"]
    async with demo_room.world.database.tx() as tx:
        opened = await demo_room.world.vault.open(tx, enrolment["embedding"], enrolment["id"])
    assert np.allclose(np.frombuffer(opened, dtype=np.float32), reading.embedding, atol=1e-6)


# What is no picture


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\xff\xd8\xff\xd9",
        HOPPER[: len(HOPPER) // 2],
        HOPPER[:700] + os.urandom(2000),
        b"\x89PNG\r\n\x1a\n" + os.urandom(100),
        os.urandom(5000),
    ],
    ids=["nothing", "empty JPEG", "half a JPEG", "broken scan", "broken PNG", "noise"],
)
async def test_garbage_in_a_sound_envelope_is_unusable_and_the_worker_lives(
    demo_room: Room, garbage: bytes
) -> None:
    stream = await demo_room.open()
    frame_id = new_id()
    await demo_room.queue.add(
        Frame(
            frame_id,
            stream.row.id,
            stream.row.registration_id,
            stream.row.attempt_id,
            "hunan",
            Purpose.CHECK,
            1,
            demo_room.world.clock.now(),
            seal(stream.key, garbage, frame_id),
        ).to_fields()
    )
    await demo_room.send(stream, 2, HOPPER)

    await demo_room.finish()

    bad, good = await demo_room.checks()
    assert (bad["verdict"], bad["faces"], bad["distance"], bad["evidence_id"]) == ("unusable", 0, None, None)
    assert good["verdict"] == "match"
    assert await demo_room.queue.parked() == 0


async def test_an_entry_that_is_no_frame_is_dropped_and_the_worker_lives(demo_room: Room) -> None:
    await demo_room.queue.add({b"what": b"nobody knows"})
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)

    await demo_room.finish()

    assert [check["verdict"] for check in await demo_room.checks()] == ["match"]


async def test_a_frame_that_was_altered_or_moved_to_another_row_is_parked_and_the_worker_lives(
    demo_room: Room,
) -> None:
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)
    [entry] = await demo_room.queue.take("thief", count=1, wait_seconds=0.1)
    await demo_room.queue.done(entry.id)
    stolen = Frame.from_fields(entry.fields)
    flipped = bytes([stolen.sealed[-1] ^ 1])
    await demo_room.queue.add(replace(stolen, sealed=stolen.sealed[:-1] + flipped).to_fields())
    await demo_room.queue.add(replace(stolen, id=new_id(), seq=2).to_fields())
    await demo_room.send(stream, 3, HOPPER)

    await demo_room.finish()

    assert [check["seq"] for check in await demo_room.checks()] == [3]
    assert await demo_room.queue.parked() == 2


# At least once, and yet one verdict


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def test_a_frame_that_is_delivered_twice_gets_one_verdict(demo_room: Room) -> None:
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)
    [(_, fields)] = await demo_room.client.xrange(FRAME_STREAM)
    await demo_room.queue.add(fields)

    await demo_room.finish()

    assert len(await demo_room.checks()) == 1
    assert len(await demo_room.evidence()) == 1
    assert len(await demo_room.enrolments()) == 1


async def test_a_frame_that_two_workers_look_at_in_the_same_moment_gets_one_verdict(demo_room: Room) -> None:
    stream = await demo_room.open()
    for seq in range(1, 6):
        await demo_room.send(stream, seq, HOPPER)
    frames = [
        Frame.from_fields(entry.fields)
        for entry in await demo_room.queue.take("both", count=8, wait_seconds=0.1)
    ]
    workers = [Verification(demo_room.services, demo_room.recogniser) for _ in range(3)]
    for frame in frames:
        assert await asyncio.gather(*(worker.verify([frame]) for worker in workers)) == [set()] * 3

    assert [check["seq"] for check in await demo_room.checks()] == [1, 2, 3, 4, 5]
    assert len(await demo_room.evidence()) == 5
    assert len(await demo_room.sql("SELECT FROM audit_entry WHERE action = 'attempt.checked'")) == 1


async def test_two_workers_may_keep_the_same_frame_in_the_same_moment(demo_room: Room) -> None:
    """One was slow, so the frame was claimed by another: both write the picture, neither fails for it."""
    evidence, now = demo_room.services.evidence, demo_room.world.clock.now()
    for _ in range(10):
        frame_id, sealed = new_id(), os.urandom(50_000)
        blob, same = await asyncio.gather(
            *(
                evidence.write(frame_id, sealed, province_id="hunan", data_class="frame", now=now)
                for _ in range(2)
            )
        )
        assert blob == same
        assert (demo_room.world.settings.data_dir / "evidence" / blob.path).read_bytes() == sealed
    assert len(files_in(demo_room.world.settings.data_dir / "evidence")) == 10


async def test_what_a_killed_worker_had_in_hand_is_done_by_another_with_one_verdict_each(
    demo_room: Room,
) -> None:
    stream = await demo_room.open()
    for seq in range(1, 7):
        await demo_room.send(stream, seq, HOPPER)
    in_hand = await demo_room.queue.take("killed", count=4, wait_seconds=0.1)
    assert len(in_hand) == 4
    # the first it had even finished, but for saying so
    killed = Verification(demo_room.services, demo_room.recogniser)
    await killed.verify([Frame.from_fields(in_hand[0].fields)])

    await demo_room.finish()

    assert [check["seq"] for check in await demo_room.checks()] == [1, 2, 3, 4, 5, 6]
    assert await demo_room.queue.parked() == 0


async def test_a_stopped_worker_finishes_its_batch_and_leaves_the_group(demo_room: Room) -> None:
    stream = await demo_room.open()
    for seq in range(1, 7):
        await demo_room.send(stream, seq, HOPPER)
    async with demo_room.working():
        await eventually(demo_room.checks)  # at least one is done; now it is told to stop
        await demo_room.send(stream, 7, HOPPER)

    done = [check["seq"] for check in await demo_room.checks()]
    assert done == list(range(1, len(done) + 1))
    assert await demo_room.queue.waiting() == 7 - len(done)
    assert await demo_room.client.xinfo_consumers(FRAME_STREAM, GROUP) == []
    assert await Heartbeats(demo_room.client).alive() == {}
    assert (await demo_room.client.xpending(FRAME_STREAM, GROUP))["pending"] == 0


@asynccontextmanager
async def refusing_to_write(room: Room) -> AsyncIterator[None]:
    """PostgreSQL drops its connections and then refuses to write, as after a switch to a standby."""
    admin = await asyncpg.connect(room.world.settings.database_url)
    name = await admin.fetchval("SELECT current_database()")
    drop = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    try:
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await admin.execute(drop)
        yield
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await admin.execute(drop)
    finally:
        await admin.close()


async def test_a_frame_that_could_not_be_stored_comes_again_and_leaves_one_verdict_and_one_picture(
    demo_room: Room,
) -> None:
    evidence = demo_room.world.settings.data_dir / "evidence"
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)

    async def was_tried() -> list[Path]:
        return files_in(evidence)

    async with demo_room.working():
        async with refusing_to_write(demo_room):
            await eventually(was_tried)  # the picture is written before its row
        await eventually(demo_room.is_empty)

    assert [check["verdict"] for check in await demo_room.checks()] == ["match"]
    assert len(await demo_room.evidence()) == 1
    assert len(files_in(evidence)) == 1
    assert await demo_room.queue.parked() == 0
    assert await demo_room.is_let_in()


async def test_an_outage_of_the_database_parks_no_frame_however_long_it_lasts(demo_room: Room) -> None:
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER)

    async with AsyncExitStack() as outage:
        await outage.enter_async_context(refusing_to_write(demo_room))  # before a worker can be quicker
        async with demo_room.working():
            await asyncio.sleep((MAX_DELIVERIES + 1) * (CLAIM_AFTER + 0.5))  # long enough to be parked
            assert await demo_room.checks() == []
            await outage.aclose()
            await eventually(demo_room.is_empty)

    assert await demo_room.queue.parked() == 0
    assert [check["verdict"] for check in await demo_room.checks()] == ["match"]


async def test_a_worker_can_be_stopped_during_an_outage_and_another_does_its_frames_afterwards(
    demo_room: Room,
) -> None:
    evidence = demo_room.world.settings.data_dir / "evidence"
    stream = await demo_room.open()
    for seq in (1, 2, 3):
        await demo_room.send(stream, seq, HOPPER)

    async def was_tried() -> list[Path]:
        return files_in(evidence)

    async with refusing_to_write(demo_room):
        async with asyncio.timeout(10), demo_room.working():
            await eventually(was_tried)
        assert await demo_room.checks() == []
        assert await demo_room.queue.waiting() == 3
    await demo_room.finish()

    assert [check["seq"] for check in await demo_room.checks()] == [1, 2, 3]
    assert await demo_room.queue.parked() == 0


# Frames together


class Reads(Database):
    """A database that counts how often it is asked."""

    def __init__(self, database: Database) -> None:
        self._inner = database
        self.times = 0

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Tx]:
        self.times += 1
        async with self._inner.statements() as tx:
            yield tx


class Counting(FaceRecogniser):
    """The recogniser, and what was asked of it."""

    def __init__(self, other: FaceRecogniser, model: str = MODEL) -> None:
        super().__init__(other._verifier)
        self.model = model
        self.batches: list[list[Glance]] = []
        self.harder = 0

    def read_many(self, glances: Sequence[Glance]) -> list[Reading | None]:
        self.batches.append(list(glances))
        return super().read_many(glances)

    def look_harder(self, jpeg: bytes) -> Reading | None:
        self.harder += 1
        return super().look_harder(jpeg)


async def test_a_long_queue_is_worked_off_in_batches_and_each_frame_has_its_verdict(demo_room: Room) -> None:
    counting = demo_room.recogniser = Counting(demo_room.recogniser)
    await demo_room.see(*[HOPPER] * 20)
    assert [check["seq"] for check in await demo_room.checks()] == list(range(1, 21))
    assert [len(batch) for batch in counting.batches] == [16, 4]
    boxes = [glance.last_box for batch in counting.batches for glance in batch]
    assert boxes[0] is None, "nobody knows yet where the face is"
    assert boxes[16:].count(None) == 0, "all of the picture is searched now and then only, see test_places"


async def test_verdicts_asked_for_together_are_read_together_and_each_by_its_own_connection(
    demo_room: Room,
) -> None:
    await demo_room.see(HOPPER, HOPPER_AGAIN)
    first, second = await demo_room.checks()
    stream_id, another = first["stream_id"], new_id()
    reading = Reads(demo_room.world.database)
    verdicts = usecases.Verdicts(reading)
    hanging_up = asyncio.create_task(verdicts.of(first["id"], stream_id))
    await asyncio.sleep(0)
    hanging_up.cancel()
    found = await asyncio.gather(
        verdicts.of(first["id"], stream_id),
        verdicts.of(second["id"], stream_id),
        verdicts.of(second["id"], another),
        verdicts.of(new_id(), stream_id),
    )
    assert [check and check.seq for check in found] == [1, 2, None, None]
    assert reading.times == 1
    assert await verdicts.of(second["id"], stream_id) is not None
    assert reading.times == 2


async def test_the_same_bytes_again_are_a_replay_and_pass_no_check(
    room: Room, faces_dir: Path, face: Callable[[str], bytes]
) -> None:
    await room.has_reviewed_photo((faces_dir / "obama.jpg").read_bytes())
    await room.see(face("obama2"))
    await room.sql("UPDATE attempt SET checked_at = NULL RETURNING id")
    stream = await room.open()
    recorded = unseen(face("obama2"))
    await room.send(stream, 1, recorded)
    await room.finish()
    assert await room.is_let_in()
    await room.sql("UPDATE attempt SET checked_at = NULL RETURNING id")
    stream = await room.open()
    await room.send(stream, 1, recorded)
    await room.finish()
    assert [check["verdict"] for check in await room.checks()] == ["match", "match", "replayed"]
    assert not await room.is_let_in()


async def test_a_frame_that_came_late_is_judged_and_passes_no_check(demo_room: Room) -> None:
    await demo_room.see(HOPPER)
    await demo_room.sql("UPDATE attempt SET checked_at = NULL RETURNING id")
    stream = await demo_room.open()
    await demo_room.send(stream, 1, HOPPER_AGAIN, age_ms=8000)
    await demo_room.finish()
    *_, late = await demo_room.checks()
    assert (late["verdict"], late["age_ms"]) == ("match", 8000)
    assert not await demo_room.is_let_in()


async def test_before_somebody_is_called_absent_a_worker_looks_harder_once(demo_room: Room) -> None:
    await demo_room.see(HOPPER)
    await demo_room.begin()
    counting = demo_room.recogniser = Counting(demo_room.recogniser)
    await demo_room.see(NOBODY, NOBODY, NOBODY, NOBODY, HOPPER, NOBODY, NOBODY, purpose=Purpose.PAPER)
    assert counting.harder == 1


async def test_a_change_of_model_enrols_anew_from_the_kept_frame(demo_room: Room) -> None:
    await demo_room.see(HOPPER)
    await demo_room.begin()
    demo_room.recogniser = Counting(demo_room.recogniser, "another@2")
    *_, check = await demo_room.see(HOPPER_AGAIN, purpose=Purpose.PAPER)
    assert (check["verdict"], check["model"]) == ("match", "another@2")
    enrolments = await demo_room.enrolments()
    assert {(row["model"], row["source"]) for row in enrolments} == {
        (MODEL, "first_check"),
        ("another@2", "first_check"),
    }


async def test_the_live_wall_hears_of_a_frame_and_has_its_picture(demo_room: Room) -> None:
    await demo_room.see(HOPPER)
    await demo_room.begin()
    signals = demo_room.services.signals
    listening = asyncio.create_task(signals.run())
    async with signals.listen(usecases.wall_topic(demo_room.attempt.body_id)) as wall:
        async with signals.listen("ready") as ready:

            async def listens() -> bool:
                await signals.publish("ready", "")
                return not ready.empty()

            await eventually(listens)
        *_, check = await demo_room.see(HOPPER_AGAIN, purpose=Purpose.PAPER)
        async with asyncio.timeout(2):
            assert await wall.get() == str(demo_room.attempt.id)
    listening.cancel()
    [(frame_id, _)] = await demo_room.services.recent.frames(demo_room.attempt.id)
    assert frame_id == check["id"]


async def test_a_worker_at_work_says_so(demo_room: Room) -> None:
    heartbeats = Heartbeats(demo_room.client)
    async with demo_room.working() as worker:
        alive = await eventually(heartbeats.alive)
        assert list(alive) == [worker.name]
        assert (alive[worker.name]["pid"], alive[worker.name]["model"]) == (os.getpid(), MODEL)
    assert await heartbeats.alive() == {}


# What was purged


async def purge(room: Room, data_class: str) -> None:
    purged = await room.sql("DELETE FROM data_key WHERE data_class = $1 RETURNING id", data_class)
    assert purged


async def test_a_frame_whose_key_was_purged_while_it_waited_is_done_without_a_verdict(
    demo_room: Room,
) -> None:
    await demo_room.see(HOPPER)  # this worker has used the key before
    await demo_room.begin()
    stream = await demo_room.open(Purpose.PAPER)
    await demo_room.send(stream, 1, HOPPER)
    await purge(demo_room, "frame")

    await demo_room.finish()

    assert [check["purpose"] for check in await demo_room.checks()] == ["check"]
    assert await demo_room.queue.parked() == 0


async def test_frames_are_not_parked_for_want_of_a_purged_embedding(demo_room: Room) -> None:
    await demo_room.see(HOPPER)
    await purge(demo_room, "embedding")
    await demo_room.begin()
    await demo_room.see(HOPPER, purpose=Purpose.PAPER)
    assert await demo_room.queue.parked() == 0


async def test_frames_are_not_parked_for_want_of_a_purged_photo(room: Room) -> None:
    await room.has_reviewed_photo(HOPPER)
    await purge(room, "registration_photo")
    await room.see(HOPPER)
    assert await room.queue.parked() == 0
    assert not await room.is_let_in()


# The way back to the browser


async def hello(
    socket: ClientWebSocketResponse, browser: Browser, purpose: Purpose, epoch: int
) -> Callable[[int, bytes], Awaitable[None]]:
    """What sends a frame of this connection."""
    await socket.send_json({"type": "hello", "csrf": browser.csrf, "purpose": purpose, "epoch": epoch})
    ready = await heard(socket)
    assert ready["type"] == "ready"
    nonce = bytes.fromhex(str(ready["nonce"]))

    async def send(seq: int, jpeg: bytes) -> None:
        await socket.send_bytes(compose(nonce, seq, unseen(jpeg)))

    return send


async def heard(socket: ClientWebSocketResponse) -> dict[str, object]:
    message: dict[str, object] = json.loads(await socket.receive_str(timeout=10))
    return message


async def wait_until_it_listens(server: TestServer) -> None:
    signals = server.app[SERVICES].signals
    async with signals.listen("ready") as ready:

        async def listens() -> bool:
            await signals.publish("ready", "")
            return not ready.empty()

        await eventually(listens)


@asynccontextmanager
async def sitting_down(room: Room) -> AsyncIterator[Browser]:
    """The physician's browser, in the application that workers of this room signal to."""
    async with serving_as_deployed(room.world) as server, browsing(server) as browser:
        await wait_until_it_listens(server)
        await browser.login(room.world.here, room.world.here.general)
        yield browser


@asynccontextmanager
async def socket_of(browser: Browser, attempt: Attempt) -> AsyncIterator[ClientWebSocketResponse]:
    origin = str(browser.client.make_url("/").origin())
    async with browser.client.ws_connect(f"/attempts/{attempt.id}/stream", headers={"Origin": origin}) as ws:
        yield ws


async def test_verdicts_reach_the_browser_from_the_check_to_the_paper(demo_room: Room) -> None:
    attempt = demo_room.attempt
    async with demo_room.working(), sitting_down(demo_room) as browser:
        async with socket_of(browser, attempt) as socket:
            send = await hello(socket, browser, Purpose.CHECK, 0)
            await send(1, NOBODY)
            seen = await heard(socket)
            assert (seen["type"], seen["seq"], seen["verdict"]) == ("verdict", 1, "no_face")
            assert seen["admitted"] is False
            await send(2, HOPPER)
            seen = await heard(socket)
            assert (seen["seq"], seen["verdict"], seen["hint"]) == (2, "match", "身份核验通过")
            assert (seen["admitted"], seen["state"]) == (True, "passed")
        await demo_room.begin()
        opened = await browser.send(f"/attempts/{attempt.id}/lease", {})
        assert opened.status == 200
        async with socket_of(browser, attempt) as socket:
            send = await hello(socket, browser, Purpose.PAPER, 1)
            await send(1, HOPPER_AGAIN)
            seen = await heard(socket)
            assert (seen["seq"], seen["verdict"], seen["admitted"]) == (1, "match", False)


async def test_another_person_in_front_of_the_camera_is_told_so_and_not_let_in(
    room: Room, faces_dir: Path, face: Callable[[str], bytes]
) -> None:
    await room.has_reviewed_photo((faces_dir / "obama.jpg").read_bytes())
    async with room.working(), sitting_down(room) as browser:
        async with socket_of(browser, room.attempt) as socket:
            send = await hello(socket, browser, Purpose.CHECK, 0)
            for seq, (picture, verdict, admitted) in enumerate(
                [("biden", "mismatch", False), ("obama_and_biden", "several_faces", False)], start=1
            ):
                await send(seq, face(picture))
                seen = await heard(socket)
                assert (seen["seq"], seen["verdict"], seen["admitted"]) == (seq, verdict, admitted)
            assert not await room.is_let_in()

            await send(3, face("obama2"))
            seen = await heard(socket)
            assert (seen["verdict"], seen["admitted"]) == ("match", True)
        assert await room.is_let_in()


async def test_a_verdict_goes_to_the_stream_whose_frame_it_is_about_and_to_no_other(
    demo_room: Room,
) -> None:
    attempt = demo_room.attempt
    await demo_room.begin()
    async with (
        demo_room.working(),
        sitting_down(demo_room) as browser,
        socket_of(browser, attempt) as paper,
        socket_of(browser, attempt) as takeover,
    ):
        send_paper = await hello(paper, browser, Purpose.PAPER, 0)
        await demo_room.world.give_to_another_device(attempt)
        send_takeover = await hello(takeover, browser, Purpose.TAKEOVER, 0)
        assert (await heard(paper))["type"] == "look"
        for seq in (1, 2):
            await send_takeover(seq, NOBODY)
            assert (await heard(takeover))["seq"] == seq
        await send_paper(9, NOBODY)
        assert (await heard(paper))["seq"] == 9


def crafted() -> dict[str, bytes]:
    """Pictures with a sound header of 410×480 that are none, or would be another."""
    header = HOPPER.index(b"\xff\xc0")
    scan, end, table = HOPPER.index(b"\xff\xda"), HOPPER.rindex(b"\xff\xd9"), HOPPER.index(b"\xff\xc4") + 4
    huge = HOPPER[header : header + 5] + b"\xff\xff\xff\xff" + HOPPER[header + 9 : header + 19]
    another_scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x00"
    return {
        "cut short": HOPPER[: len(HOPPER) // 2],
        "65535×65535 in a second header": HOPPER[:scan] + huge + HOPPER[scan:],
        "hundreds of scans": HOPPER[:end] + 300 * another_scan + HOPPER[end:],
        "broken tables": HOPPER[:table] + bytes(40) + HOPPER[table + 40 :],
    }


async def test_a_crafted_picture_from_a_browser_is_unusable_and_the_worker_lives(demo_room: Room) -> None:
    async with (
        demo_room.working(),
        sitting_down(demo_room) as browser,
        socket_of(browser, demo_room.attempt) as socket,
    ):
        send = await hello(socket, browser, Purpose.CHECK, 0)
        for seq, (name, picture) in enumerate(crafted().items(), start=1):
            await send(seq, picture)
            assert ((await heard(socket))["verdict"], name) == ("unusable", name)
        await send(9, HOPPER)
        assert (await heard(socket))["verdict"] == "match"
    assert await demo_room.queue.parked() == 0
