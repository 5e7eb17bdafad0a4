"""A small world to test in: provinces, bodies, institutions, banks, and somebody of every role."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from aiohttp import ClientResponse, CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image, ImageOps

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import FACE_CONSENT_VERSION, Principal, Role
from exam_service.app import create_app
from exam_service.clock import Clock, in_china
from exam_service.crypto.envelope import seal
from exam_service.crypto.hashes import token_hash
from exam_service.crypto.signing import Signer
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import Procedure, Subject, read_preset
from exam_service.demo.people import identity_number
from exam_service.errors import DomainError
from exam_service.http.device import DEVICE_COOKIE
from exam_service.ids import new_id
from exam_service.institutions import usecases as institutions
from exam_service.institutions.model import Category, Level, RosterDetails
from exam_service.institutions.reading import Practising
from exam_service.organisations import usecases as organisations
from exam_service.papers import usecases as papers
from exam_service.papers.journal import AnswerEvent
from exam_service.papers.model import Attempt
from exam_service.processes import STOP_SECONDS
from exam_service.proctor import queries as proctor_queries
from exam_service.proctor.model import Check, Purpose, StreamRow, Thresholds, Verdict
from exam_service.proctor.usecases import FRAME
from exam_service.questions import usecases as questions
from exam_service.questions.model import Draft, Use
from exam_service.queue.connection import connect
from exam_service.queue.meters import Meters
from exam_service.queue.recent import Recent
from exam_service.queue.signals import Signals
from exam_service.registration import usecases as registration
from exam_service.registration.model import Registration, State
from exam_service.settings import Settings
from exam_service.sms.outbox import Outbox
from exam_service.sms.sender import Post
from exam_service.storage.database import Database, Tx
from exam_service.storage.evidence import DirectoryBlobs, EvidenceStore
from exam_service.storage.vault import Vault
from exam_service.tools import head_log
from exam_service.wiring import Services

T = TypeVar("T")

PASSWORD = "right4test"
DEVICE_TOKEN = "d" * 43
DEVICE = token_hash(DEVICE_TOKEN)  # of the browser that use cases are called for
START = datetime(2026, 5, 12, 2, 0, tzinfo=UTC)  # 10:00 in China, within the tests


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def check_trusted(self) -> None:
        """It is what the tests say it is."""

    def move(self, **delta: float) -> None:
        self._now += timedelta(**delta)


@dataclass
class Place:
    """One province with a body, an institution and a cycle; a second body and institution as neighbours."""

    province_id: str
    cycle: Cycle
    body_id: UUID
    institution_id: UUID
    other_body_id: UUID
    other_institution_id: UUID
    staff: dict[Role, Principal] = field(default_factory=dict)
    physicians: list[Principal] = field(default_factory=list)
    registrations: list[Registration] = field(default_factory=list)

    @property
    def general(self) -> Principal:
        """A physician of the general procedure: both papers."""
        return self.physicians[0]

    @property
    def simple(self) -> Principal:
        return self.physicians[1]

    def number_of(self, principal: Principal) -> str:
        return identity_number(self.province_id, self.physicians.index(principal) + 1)

    def username_of(self, role: Role) -> str:
        return f"{self.province_id}-{role}"

    def copied(self) -> Place:
        """The same people, for a test that adds some of its own."""
        lists = {"physicians": [*self.physicians], "registrations": [*self.registrations]}
        return replace(self, staff=dict(self.staff), **lists)


@dataclass
class World:
    database: Database
    settings: Settings
    vault: Vault
    clock: FakeClock
    here: Place
    elsewhere: Place
    services: Services

    def moved_to(self, database: Database, settings: Settings) -> World:
        """The same people and places in a copy of the database, with a clock of its own of the same kind."""
        clock = type(self.clock)()
        vault = Vault(settings.key("master_key"))
        services = services_for(database, settings, vault, clock)
        here, elsewhere = self.here.copied(), self.elsewhere.copied()
        return World(database, settings, vault, clock, here, elsewhere, services)

    async def start(self, principal: Principal, subject: Subject = Subject.HUMANITIES) -> Attempt:
        """Accept the notice: the attempt is prepared."""
        version = self.here.cycle.policy.notice_version
        return await papers.start(self.database, self.clock, principal, subject, notice_version=version)

    async def admit(self, attempt: Attempt) -> None:
        """Pass the identity check and press 开始答题."""
        who = {"cause": "test", "actor_id": attempt.account_id}
        async with self.database.tx() as tx:
            await papers.pass_check(tx, self.clock, attempt.id, attempt.province_id, **who)
        async with self.database.tx() as tx:
            await papers.admit(tx, self.clock, attempt.id, attempt.province_id, **who)

    async def open(self, principal: Principal, subject: Subject = Subject.HUMANITIES) -> papers.OpenPaper:
        """Start, be admitted and open the paper."""
        attempt = await self.start(principal, subject)
        await self.admit(attempt)
        return await papers.take_lease(self.services, principal, attempt.id, DEVICE)

    async def beat(self, principal: Principal, attempt_id: UUID, epoch: int) -> papers.Presence:
        """A heartbeat of the paper's page."""
        presences = papers.Presences(self.database, self.clock, gather_seconds=0)
        return await presences.hear(papers.Heartbeat(principal, attempt_id, epoch))

    async def give_to_another_device(self, attempt: Attempt) -> None:
        """The paper is on another device, without its page hearing of it."""
        async with self.database.tx() as tx:
            await tx.execute("UPDATE attempt SET device_hash = $2 WHERE id = $1", attempt.id, bytes(32))

    async def consent(self, principal: Principal) -> None:
        await accounts.give_face_consent(self.database, self.clock, principal, version=FACE_CONSENT_VERSION)

    async def without_liveness(self) -> None:
        """One match passes an identity check, for tests in which nobody can turn a head."""
        async with self.database.tx() as tx:
            await tx.execute(
                "UPDATE cycle SET policy = jsonb_set(policy, '{proctor}', '{\"liveness\": false}')"
            )

    async def open_province(self, province_id: str, preset: str) -> Place:
        """One more province with people of its own; its login page shows no captcha."""
        password_hash = await accounts.hash_password(PASSWORD)
        async with self.database.tx() as tx:
            place = await build_place(
                tx, self.clock, self.settings, self.vault, province_id, preset, password_hash
            )
            entry = {**place.cycle.policy.raw["entry"], "captcha": False}
            await organisations.set_entry(tx, province_id, entry)
            return place

    async def newcomer(self, password_hash: str | None = None) -> Principal:
        """One more physician here, of the simple procedure."""
        password_hash = password_hash or await accounts.hash_password(PASSWORD)
        index = len(self.here.physicians) + 1
        async with self.database.tx() as tx:
            await _physician(
                tx, self.clock, self.settings, self.vault, self.here, index, Procedure.SIMPLE, password_hash
            )
        return self.here.physicians[-1]

    async def keys_of(self, paper: papers.OpenPaper) -> dict[UUID, UUID]:
        """What only the marker knows."""
        async with self.database.tx() as tx:
            return await questions.keys_by_id(tx, [item.id for item in paper.items])

    async def colleague(self, place: Place, username: str, *, body_id: UUID) -> Principal:
        """Another member of staff of a body, with an account of their own."""
        password_hash = await accounts.hash_password(PASSWORD)
        async with self.database.tx() as tx:
            account_id = await accounts.add_staff(
                tx,
                self.clock,
                province_id=place.province_id,
                role=Role.BODY,
                name=f"{username}人员",
                username=username,
                password_hash=password_hash,
                body_id=body_id,
            )
        return Principal(account_id, Role.BODY, place.province_id, f"{username}人员", body_id, None)

    async def on_roster(self, desk: Principal, number: int, **texts: str) -> UUID:
        """A physician entered by hand on the roster of a member of staff's institution, named by number."""
        return await institutions.add_to_roster(
            self.services,
            desk,
            {
                "name": f"医师{number}",
                "number": identity_number(desk.province_id, number),
                "category": "clinical",
                "level": "licensed",
            }
            | texts,
        )

    async def clerk(self, place: Place, username: str, *, institution_id: UUID) -> Principal:
        """A member of staff of an institution, with an account of their own."""
        password_hash = await accounts.hash_password(PASSWORD)
        async with self.database.tx() as tx:
            account_id = await accounts.add_staff(
                tx,
                self.clock,
                province_id=place.province_id,
                role=Role.INSTITUTION,
                name=f"{username}人员",
                username=username,
                password_hash=password_hash,
                institution_id=institution_id,
            )
        return Principal(
            account_id, Role.INSTITUTION, place.province_id, f"{username}人员", None, institution_id
        )

    async def hand_in(self, paper: papers.OpenPaper, *, right: int) -> Attempt:
        """Answer the first ``right`` items rightly and hand in."""
        keys = await self.keys_of(paper)
        attempt, now = paper.attempt, self.clock.now()
        principal = self._owner_of(attempt)
        events = [
            AnswerEvent(attempt.id, attempt.lease_epoch, seq, item.id, keys[item.id], now)
            for seq, item in enumerate(paper.items[:right], start=1)
        ]
        await self._save(principal, events)
        return await papers.hand_in(self.services, principal, attempt.id, attempt.lease_epoch)

    async def save(self, principal: Principal, event: AnswerEvent) -> papers.Saved:
        """One answer, as a batch of its own."""
        (saved,) = await self._save(principal, [event])
        return saved

    async def _save(self, principal: Principal, events: list[AnswerEvent]) -> list[papers.Saved]:
        saves = [papers.Save(principal.account_id, event, self.clock.now()) for event in events]
        replies = await papers.save_batch(self.database, self.clock, saves)
        for reply in replies:
            if isinstance(reply, DomainError):
                raise reply
        return replies

    def _owner_of(self, attempt: Attempt) -> Principal:
        for place in (self.here, self.elsewhere):
            for principal in place.physicians:
                if principal.account_id == attempt.account_id:
                    return principal
        raise LookupError(attempt.account_id)

    async def watch(
        self,
        attempt: Attempt,
        opened_at: datetime,
        closed_at: datetime | None = None,
        purpose: Purpose = Purpose.PAPER,
    ) -> StreamRow:
        """A camera's connection, open from then to then."""
        row = StreamRow(
            new_id(),
            attempt.province_id,
            attempt.registration_id,
            attempt.id,
            purpose,
            attempt.lease_epoch,
            opened_at,
        )
        async with self.database.tx() as tx:
            await proctor_queries.insert_stream(tx, row)
            if closed_at is not None:
                await proctor_queries.update_stream_closed(tx, row.id, closed_at, 0, 0)
        return row

    async def snapshot(
        self,
        attempt: Attempt,
        stream: StreamRow,
        seq: int,
        verdict: Verdict,
        picture: bytes | None,
        *,
        distance: float | None = None,
        at: datetime | None = None,
    ) -> Check:
        """A verdict on a frame, kept as evidence when there is a ``picture``, sealed as workers seal it."""
        now = at or self.clock.now()
        check = replace(_check(attempt, stream, seq, now), verdict=verdict, distance=distance)
        store = EvidenceStore(DirectoryBlobs(self.settings.data_dir / "evidence"))
        owner = {"province_id": attempt.province_id, "account_id": attempt.account_id}
        async with self.database.tx() as tx:
            if picture is not None:
                evidence_id = new_id()
                key = await self.vault.key_for(tx, **owner, cycle_id=attempt.cycle_id, data_class=FRAME)
                blob = await store.write(
                    evidence_id,
                    seal(key, picture, evidence_id),
                    province_id=attempt.province_id,
                    data_class=FRAME,
                    now=now,
                )
                await store.record(tx, blob, **owner, data_class=FRAME, now=now)
                check = replace(check, evidence_id=evidence_id)
            await proctor_queries.insert_checks(tx, [check])
        return check

    async def photo(self, registration_: Registration, picture: bytes) -> None:
        """A registration photo that has passed review."""
        await registration.store_reviewed_photo(
            self.database, self.clock, self.vault, self.services.evidence, registration_, picture
        )

    async def live_frame(self, attempt: Attempt, picture: bytes) -> None:
        """A frame of a paper as the worker leaves it for the wall."""
        frame_id = new_id()
        owner = {"province_id": attempt.province_id, "account_id": attempt.account_id}
        async with self.database.tx() as tx:
            key = await self.vault.key_for(tx, **owner, cycle_id=attempt.cycle_id, data_class=FRAME)
        await self.services.recent.push(attempt.id, frame_id, seal(key, picture, frame_id))

    async def frames(self, attempt: Attempt, stream: StreamRow, first_seq: int, at: list[datetime]) -> None:
        """Frames that showed the right face and were not kept."""
        checks = [_check(attempt, stream, seq, moment) for seq, moment in enumerate(at, start=first_seq)]
        async with self.database.tx() as tx:
            await proctor_queries.insert_checks(tx, checks)


def _check(attempt: Attempt, stream: StreamRow, seq: int, at: datetime) -> Check:
    return Check(
        id=new_id(),
        province_id=attempt.province_id,
        registration_id=attempt.registration_id,
        attempt_id=attempt.id,
        stream_id=stream.id,
        seq=seq,
        purpose=stream.purpose,
        received_at=at,
        checked_at=at,
        verdict=Verdict.MATCH,
        faces=1,
        distance=0.3,
        model="model of tests",
        thresholds=Thresholds(0.45, 0.65),
        enrolled=False,
        evidence_id=None,
    )


def services_for(database: Database, settings: Settings, vault: Vault, clock: Clock) -> Services:
    """The tools of a process, as the composition root would open them."""
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        signals=Signals(connect(settings.redis_url)),
        recent=Recent(connect(settings.redis_url)),
        meters=Meters(connect(settings.redis_url)),
        vault=vault,
        evidence=EvidenceStore(DirectoryBlobs(settings.data_dir / "evidence")),
        signer=Signer(settings.key("master_key"), "receipts"),
        heads=head_log(settings),
        post=Post(Outbox(database, clock)),
    )


async def build_world(
    database: Database, settings: Settings, vault: Vault, clock: Clock | None = None
) -> World:
    clock = clock or FakeClock()
    password_hash = await accounts.hash_password(PASSWORD)
    async with database.tx() as tx:
        here = await build_place(tx, clock, settings, vault, "hunan", "hunan-2026", password_hash)
        elsewhere = await build_place(tx, clock, settings, vault, "henan", "henan-c6", password_hash)
    services = services_for(database, settings, vault, clock)
    return World(database, settings, vault, clock, here, elsewhere, services)


async def build_place(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    province_id: str,
    preset: str,
    password_hash: str,
) -> Place:
    """A province with a cycle of that preset, staff of every role, banks, and three registered physicians."""
    await organisations.add_province(tx, province_id, f"{province_id}省")
    body = await organisations.add_body(tx, province_id, "考核机构甲")
    other_body = await organisations.add_body(tx, province_id, "考核机构乙")
    institution = await organisations.add_institution(tx, province_id, "医院甲")
    other_institution = await organisations.add_institution(tx, province_id, "医院乙")
    today = in_china(clock.now()).date()
    cycle = await cycles.open_cycle(
        tx,
        clock,
        province_id=province_id,
        title="本周期",
        tests_from=today - timedelta(days=1),
        tests_until=today + timedelta(days=8),
        policy=read_preset(preset),
        makeup_from=today + timedelta(days=10),
        makeup_until=today + timedelta(days=40),
    )
    await cycles.assign_institution(tx, cycle, institution.id, body.id)
    await cycles.assign_institution(tx, cycle, other_institution.id, other_body.id)
    place = Place(province_id, cycle, body.id, institution.id, other_body.id, other_institution.id)
    for role in (Role.BODY, Role.INSTITUTION, Role.AUTHORITY, Role.OPERATOR):
        body_id = body.id if role is Role.BODY else None
        institution_id = institution.id if role is Role.INSTITUTION else None
        account_id = await accounts.add_staff(
            tx,
            clock,
            province_id=province_id,
            role=role,
            name=f"{role}人员",
            username=place.username_of(role),
            password_hash=password_hash,
            body_id=body_id,
            institution_id=institution_id,
        )
        place.staff[role] = Principal(account_id, role, province_id, f"{role}人员", body_id, institution_id)
    for index, procedure in enumerate((Procedure.GENERAL, Procedure.SIMPLE, Procedure.SIMPLE), start=1):
        await _physician(tx, clock, settings, vault, place, index, procedure, password_hash)
    for title, subject, use, count in (
        ("人文考试", Subject.HUMANITIES, Use.EXAM, 55),
        ("人文练习", Subject.HUMANITIES, Use.PRACTICE, 60),
        ("临床考试", Subject.PROFESSIONAL, Use.EXAM, 101),
    ):
        professional = subject is Subject.PROFESSIONAL
        await questions.import_bank(
            tx,
            clock,
            province_id=province_id,
            title=title,
            subject=subject,
            category=Category.CLINICAL if professional else None,
            level=Level.LICENSED if professional else None,
            use=use,
            drafts=[draft(f"{title}第{number}题") for number in range(count)],
        )
    return place


def draft(stem: str) -> Draft:
    """An item whose right option says so."""
    options = tuple(f"{stem}选项{letter}" for letter in "ABCDE")
    return Draft(stem, options, hash(stem) % 5, f"{stem}的解析", ("测试",))


async def _physician(
    tx: Tx,
    clock: Clock,
    settings: Settings,
    vault: Vault,
    place: Place,
    index: int,
    procedure: Procedure,
    password_hash: str,
) -> None:
    account_id = await accounts.add_physician(
        tx,
        clock,
        settings,
        vault,
        province_id=place.province_id,
        name=f"医师{index}",
        number=identity_number(place.province_id, index),
        password_hash=password_hash,
    )
    place.physicians.append(
        Principal(account_id, Role.PHYSICIAN, place.province_id, f"医师{index}", None, None)
    )
    await institutions.put_on_roster(
        tx,
        clock,
        vault,
        account_id=account_id,
        province_id=place.province_id,
        institution_id=place.institution_id,
        name=f"医师{index}",
        practising=Practising(
            None, None, Category.CLINICAL, Level.LICENSED, None, None, RosterDetails(), None
        ),
        actor_id=None,
    )
    place.registrations.append(
        await registration.add_registration(
            tx,
            clock,
            cycle=place.cycle,
            account_id=account_id,
            institution_id=place.institution_id,
            body_id=place.body_id,
            procedure=procedure,
            category=Category.CLINICAL,
            level=Level.LICENSED,
            state=State.REGISTERED,
        )
    )


class Browser:
    """Somebody's browser without its pictures: cookies, the CSRF token, forms and JSON."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.csrf = ""

    async def get(self, path: str, **options: object) -> ClientResponse:
        answer = await self.client.get(path, allow_redirects=False, **options)  # type: ignore[arg-type]
        text = await answer.text() if answer.content_type == "text/html" else ""
        marker = '<meta name="csrf-token" content="'
        if marker in text:
            self.csrf = text.split(marker, 1)[1].split('"', 1)[0]
        return answer

    async def submit(self, path: str, **fields: str) -> ClientResponse:
        return await self.client.post(path, data={"csrf_token": self.csrf, **fields}, allow_redirects=False)

    async def send(self, path: str, body: object) -> ClientResponse:
        headers = {"X-CSRF-Token": self.csrf, "Accept": "application/json"}
        return await self.client.post(path, json=body, headers=headers, allow_redirects=False)

    async def login_staff(self, username: str) -> ClientResponse:
        await self.get("/staff/login")
        answer = await self.submit("/staff/login", username=username, password=PASSWORD)
        await self.get("/home")
        return answer

    async def login(self, place: Place, principal: Principal) -> ClientResponse:
        if principal.role is Role.PHYSICIAN:
            await self.get("/staff/login")  # the token is the same, and no QR code of this address is drawn
            answer = await self.submit(
                "/login", province=place.province_id, number=place.number_of(principal), password=PASSWORD
            )
        else:
            await self.get("/staff/login")
            answer = await self.submit(
                "/staff/login", username=place.username_of(principal.role), password=PASSWORD
            )
        await self.get("/home")
        return answer


Another = Callable[[str], Awaitable[Browser]]
"""Gives a browser of the staff of that user name; see tests/integration/conftest.py."""


@asynccontextmanager
async def serving(world: World) -> AsyncIterator[TestServer]:
    """The web application on a port, with the world's clock."""
    server = TestServer(create_app(world.settings, world.clock))
    await server.start_server(auto_decompress=False)
    try:
        yield server
    finally:
        await server.close()


@asynccontextmanager
async def browsing(server: TestServer, *, device: str | None = DEVICE_TOKEN) -> AsyncIterator[Browser]:
    """Somebody's browser, by default on the device that use cases are called for; ``None``: on a new one."""
    origin = server.make_url("/").origin()
    jar = CookieJar(unsafe=True, treat_as_secure_origin=[origin])
    if device is not None:
        jar.update_cookies({DEVICE_COOKIE: device}, origin)
    async with TestClient(server, cookie_jar=jar) as client:
        yield Browser(client)


def copy_of(template: str, name: str) -> str:
    """The statement that copies a database: its files, which is half the work of writing them to the log."""
    return f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"


@asynccontextmanager
async def own_database(template: str) -> AsyncIterator[str]:
    """A copy of a migrated database, for a module's whole life; gives its address."""
    server = os.environ["EXAM_TESTS_DSN"]
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(copy_of(template, name))
        yield server.replace("/exam?", f"/{name}?")
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@asynccontextmanager
async def unchecked(connection: asyncpg.Connection, *tables: str) -> AsyncIterator[None]:
    """Many rows go in quicker without foreign keys; afterwards the planner knows of them again."""
    keys = await connection.fetch(
        "SELECT conrelid::regclass AS own, conname AS name, pg_get_constraintdef(oid) AS rule "
        "FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY ($1::text[]::regclass[])",
        tables,
    )
    for key in keys:
        await connection.execute(f"ALTER TABLE {key['own']} DROP CONSTRAINT {key['name']}")
    yield
    for key in keys:
        await connection.execute(
            f"ALTER TABLE {key['own']} ADD CONSTRAINT {key['name']} {key['rule']} NOT VALID"
        )


async def contents(database: Database) -> dict[str, str]:
    """A digest of every table: equal before and after means that nothing changed."""
    async with database.tx() as tx:
        tables = await tx.fetch("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
        digests = " UNION ALL ".join(
            f"SELECT '{table['name']}' AS name, count(*) || ':' || sum(hash_record_extended(t, 0)) AS digest "
            f'FROM "{table["name"]}" t'
            for table in tables
        )
        return {row["name"]: row["digest"] for row in await tx.fetch(digests)}


class DeployedServer(TestServer):
    """Stops as ``processes.run_web`` does: a handler whose client is gone goes on to its end.

    ``TestServer`` by itself cancels such handlers, which the service never does.
    """

    async def _make_runner(self, **options: Any) -> web.AppRunner:
        return web.AppRunner(
            self.app, **options | {"handler_cancellation": False, "shutdown_timeout": STOP_SECONDS}
        )


@asynccontextmanager
async def serving_as_deployed(world: World) -> AsyncIterator[TestServer]:
    """As :func:`serving`, for what is about the end of connections."""
    async with DeployedServer(create_app(world.settings, world.clock)) as server:
        yield server


async def eventually(fact: Callable[[], Awaitable[T]], *, within: float = 10.0) -> T:
    """What ``fact`` gives as soon as that is true (a count above zero, a list with something in it)."""
    deadline = time.monotonic() + within
    while not (found := await fact()):
        assert time.monotonic() < deadline, f"not within {within:g} s, at last {found!r}"
        await asyncio.sleep(0.01)
    return found


def portrait() -> bytes:
    """The public-domain portrait that matplotlib brings along: one face, always there."""
    import matplotlib as mpl  # noqa: PLC0415 - slow to load, and most tests need none

    return Path(mpl.get_data_path(), "sample_data", "grace_hopper.jpg").read_bytes()


def camera_frame(picture: bytes, *, size: tuple[int, int] = (640, 480), quality: int = 85) -> bytes:
    """The picture as a camera would send it: a JPEG that fits into ``size``."""
    with Image.open(io.BytesIO(picture)) as opened:
        frame = ImageOps.exif_transpose(opened).convert("RGB")
    frame.thumbnail(size)
    written = io.BytesIO()
    frame.save(written, "JPEG", quality=quality)
    return written.getvalue()


def unseen(jpeg: bytes) -> bytes:
    """The same picture in bytes that never came before, as a camera's noise makes them: with a comment."""
    return jpeg[:2] + b"\xff\xfe\x00\x0a" + os.urandom(8) + jpeg[2:]
