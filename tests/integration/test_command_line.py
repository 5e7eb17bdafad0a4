"""The program as an operator runs it: its words, its refusals, its processes, and what kill -9 leaves."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import URLError

import aiohttp
import asyncpg
import click
import psutil
import pytest
from click.testing import CliRunner
from yarl import URL

from exam_service.__main__ import main
from exam_service.accounts.model import FACE_CONSENT_VERSION
from exam_service.cycles.policy import read_preset
from exam_service.demo.people import PASSWORD, identity_number
from exam_service.proctor.verifier import MODEL
from exam_service.settings import Settings
from exam_service.storage.embedded import EmbeddedPostgres
from exam_service.storage.heads import Head
from exam_service.tools import head_log
from tests.commands import run_here
from tests.world import Browser, camera_frame, portrait

STARTS_WITHIN = 60.0
STOPS_WITHIN = 20.0
RECOVERS_WITHIN = 15.0


# Running it


def environment(**settings: str) -> dict[str, str]:
    """Ours without any setting of the service but these."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("EXAM_")}
    return bare | {"PYTHONUTF8": "1"} | settings


def program(*words: str | Path) -> list[str]:
    return [sys.executable, "-m", "exam_service", *map(str, words)]


def run(*words: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; it never shows an operator a traceback."""
    ended = subprocess.run(
        program(*words), capture_output=True, text=True, env=environment(**settings), timeout=60, check=False
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended


def refusal(ended: subprocess.CompletedProcess[str]) -> str:
    """The sentence of a command that refused."""
    assert ended.returncode == 1, ended
    sentence = ended.stderr[ended.stderr.rindex("Error: ") :].removeprefix("Error: ").strip()
    assert sentence
    return sentence


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(fact: Callable[[], bool], *, within: float) -> bool:
    deadline = time.monotonic() + within
    while not (true := fact()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return true


@dataclass
class Service:
    """A service of ours: its supervisor, its data directory, its address."""

    data: Path
    port: int
    process: subprocess.Popen[bytes]
    scheme: str = "http"
    known: dict[int, psutil.Process] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data.parent / "log").read_text()

    def answers(self) -> bool:
        """Whether the login page is served."""
        try:
            with urllib.request.urlopen(f"{self.url}/login", timeout=5, context=_unverified()) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log
        return self.answers()

    def family(self) -> list[psutil.Process]:
        """The supervisor and all below it, servers included."""
        supervisor = psutil.Process(self.process.pid)
        family = [supervisor, *supervisor.children(recursive=True)]
        self.known.update({process.pid: process for process in family})
        return family

    def one(self, *end_of_command: str) -> psutil.Process:
        """A child by the last words of its command line: ``web``, ``worker``."""
        for child in self.family()[1:]:
            with suppress(psutil.NoSuchProcess):
                if child.cmdline()[-len(end_of_command) :] == list(end_of_command):
                    return child
        raise AssertionError(f"no {end_of_command} among {self.family()}")

    def server(self, name: str) -> psutil.Process:
        """PostgreSQL's or Redis's main process."""
        for child in psutil.Process(self.process.pid).children():
            if Path((child.cmdline() or [""])[0]).name == name:
                return child
        raise AssertionError(f"no {name} among {self.family()}")

    def left_over(self) -> list[psutil.Process]:
        """Whatever still runs of all that ever belonged to it, or works in its data directory."""
        remembered = [process for process in self.known.values() if _lives(process)]
        return remembered + [process for process in psutil.process_iter() if _works_in(process, self.data)]

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.family()
        self.process.send_signal(with_signal)
        return self.process.wait(STOPS_WITHIN)

    def kill_everything(self) -> None:
        for process in self.family():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _works_in(process: psutil.Process, data: Path) -> bool:
    try:
        if process.pid == os.getpid() or not _lives(process):
            return False
        words = process.cmdline()
        return any(str(data) in word for word in words) or process.environ().get("EXAM_DATA_DIR") == str(data)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


@contextmanager
def own_directory() -> Iterator[Path]:
    """Short enough for sockets; emptied even where a test has failed."""
    directory = Path(tempfile.mkdtemp(prefix="exam-cli-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def start(command: str, data: Path, *options: str, **settings: str) -> Service:
    """Start ``serve`` or ``demo`` without waiting for it."""
    port = free_port()
    with (data.parent / "log").open("ab") as log:
        process = subprocess.Popen(
            program(command, "--data", data, "--port", str(port), *options),
            stdout=log,
            stderr=log,
            env=environment(EXAM_WORKER_PROCESSES="1", **settings),
            start_new_session=True,
        )
    return Service(data, port, process, "https" if "--self-signed" in options else "http")


@contextmanager
def running(command: str, data: Path, *options: str) -> Iterator[Service]:
    """A service that answers; whatever the test does to it, nothing of it is left."""
    service = start(command, data, *options)
    try:
        assert eventually(service.is_up, within=STARTS_WITHIN), service.log
        yield service
    finally:
        if service.process.poll() is None:
            try:
                service.stop()
            except subprocess.TimeoutExpired:
                service.kill_everything()
        for process in service.left_over():
            with suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture(scope="module")
def demo() -> Iterator[Service]:
    """A demonstration that the tests of this file share."""
    with (
        own_directory() as directory,
        running("demo", directory / "data", "--physicians", "5") as service,
    ):
        yield service


@pytest.fixture
def directory() -> Iterator[Path]:
    with own_directory() as directory:
        yield directory


# What it says of itself


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, *path, name)


COMMANDS = dict(commands(main))


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "exam-service")
def test_every_command_says_what_it_is_for_and_what_each_option_does(path: tuple[str, ...]) -> None:
    command = COMMANDS[path]
    shown = CliRunner().invoke(main, [*path, "--help"])
    assert shown.exit_code == 0
    assert command.help
    assert re.sub(r"\s+", " ", command.help.split("\n")[0]) in re.sub(r"\s+", " ", shown.stdout)
    silent = [
        option.opts[0]
        for option in command.params
        if isinstance(option, click.Option) and len(option.help or "") < 5
    ]
    assert silent == []


def test_the_commands_are_found_from_the_top() -> None:
    shown = run("--help").stdout
    for name in main.commands:
        assert re.search(rf"^  {name} +\S", shown, re.MULTILINE), f"{name} is listed with a sentence"


def test_an_unknown_command_is_refused() -> None:
    ended = run("surf")
    assert ended.returncode == 2
    assert "No such command 'surf'" in ended.stderr


# Two pictures compared


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the network is written once."""
    return tmp_path_factory.mktemp("models")


def compared(a: Path, b: Path, models: Path, **settings: str) -> dict[str, object]:
    ended = run_here("proctor", "compare", a, b, "--json", "--models", models, **settings)
    assert ended.returncode == 0, ended.stderr
    result: dict[str, object] = json.loads(ended.stdout.strip().splitlines()[-1])
    assert set(result) == {"distance", "verdict", "faces", "model"}
    assert result["model"] == MODEL
    return result


@pytest.fixture
def hopper(tmp_path: Path) -> Path:
    file = tmp_path / "hopper.jpg"
    file.write_bytes(portrait())
    return file


@pytest.fixture
def nobody(tmp_path: Path) -> Path:
    file = tmp_path / "nobody.jpg"
    file.write_bytes(camera_frame(b"P5 640 480 255\n" + bytes([128]) * (640 * 480)))
    return file


def test_a_picture_matches_itself(hopper: Path, models: Path) -> None:
    ended = run("proctor", "compare", hopper, hopper, "--json", "--models", models)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {
        "distance": 0.0,
        "verdict": "match",
        "faces": [1, 1],
        "model": MODEL,
    }


@pytest.mark.parametrize(
    ("a", "b", "verdict", "faces"),
    [
        ("obama.jpg", "obama2.jpg", "match", [1, 1]),
        ("obama.jpg", "biden.jpg", "mismatch", [1, 1]),
        ("biden.jpg", "obama_and_biden.jpg", None, [1, 2]),
    ],
)
def test_real_pictures_are_compared(
    faces_dir: Path, models: Path, a: str, b: str, verdict: str | None, faces: list[int]
) -> None:
    result = compared(faces_dir / a, faces_dir / b, models)
    assert result["faces"] == faces
    if verdict:
        assert result["verdict"] == verdict
        assert (float(str(result["distance"])) < 0.55) == (verdict == "match")


def test_the_thresholds_of_the_environment_decide(faces_dir: Path, models: Path) -> None:
    strict = {"EXAM_MATCH_THRESHOLD": "0.01", "EXAM_MISMATCH_THRESHOLD": "0.02"}
    result = compared(faces_dir / "obama.jpg", faces_dir / "obama2.jpg", models, **strict)
    assert result["verdict"] == "mismatch"


def test_without_json_a_person_reads_one_line(hopper: Path, models: Path) -> None:
    ended = run_here("proctor", "compare", hopper, hopper, "--models", models)
    assert ended.stdout == "match: distance 0.000, faces [1, 1]\n"


def test_a_picture_without_a_face_is_said_so(hopper: Path, nobody: Path, models: Path) -> None:
    for pair, which in (((nobody, hopper), "first"), ((hopper, nobody), "second")):
        ended = run_here("proctor", "compare", *pair, "--json", "--models", models)
        assert refusal(ended) == f"no face in the {which} picture"
        assert ended.stdout == ""
        assert len(ended.stderr.strip().splitlines()) == 1


def test_what_is_no_picture_is_said_so(hopper: Path, tmp_path: Path, models: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no picture")
    ended = run_here("proctor", "compare", hopper, file, "--models", models)
    assert len(refusal(ended).splitlines()) == 1


# What it refuses to start with


def test_a_missing_secret_stops_the_start_and_is_named() -> None:
    ended = run_here(
        "web", EXAM_DATABASE_URL="postgresql://x@127.0.0.1:1/x", EXAM_REDIS_URL="redis://127.0.0.1:1"
    )
    said = refusal(ended)
    for name in ("EXAM_MASTER_KEY", "EXAM_LOOKUP_KEY", "EXAM_CSRF_KEY"):
        assert name in said


def test_a_secret_that_is_too_short_is_named_and_not_quoted() -> None:
    short = "c2hvcnQgc2VjcmV0"
    said = refusal(run_here("web", EXAM_MASTER_KEY=short))
    assert "EXAM_MASTER_KEY" in said
    assert "32 bytes" in said
    assert short not in said


def secrets_of(settings: Settings) -> dict[str, str]:
    return {
        f"EXAM_{name.upper()}": getattr(settings, name).get_secret_value()
        for name in ("master_key", "lookup_key", "csrf_key")
    }


def test_a_database_that_may_forget_what_it_acknowledged_is_refused(
    settings: Settings, directory: Path
) -> None:
    with EmbeddedPostgres(directory / "postgres", durable=False) as postgres:
        for command in ("web", "worker", "sweep"):
            ended = run(
                command,
                EXAM_DATABASE_URL=postgres.dsn,
                EXAM_REDIS_URL=settings.redis_url,
                EXAM_DATA_DIR=str(directory),
                **secrets_of(settings),
            )
            assert "fsync = off" in refusal(ended), command


async def test_a_database_that_acknowledges_before_it_has_written_is_refused(
    settings: Settings, directory: Path
) -> None:
    admin = await asyncpg.connect(settings.database_url)
    name = await admin.fetchval("SELECT current_database()")
    await admin.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    await admin.close()
    ended = await asyncio.to_thread(
        run,
        "web",
        EXAM_DATABASE_URL=settings.database_url,
        EXAM_REDIS_URL=settings.redis_url,
        EXAM_DATA_DIR=str(directory),
        **secrets_of(settings),
    )
    assert "synchronous_commit = off" in refusal(ended)


# Serving


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_serve_makes_its_secrets_and_certificate_answers_and_stops_without_a_trace(directory: Path) -> None:
    data = directory / "data"
    with running("serve", data, "--self-signed") as service:
        assert eventually(lambda: f"serving {service.url}/" in service.log, within=5), service.log
        secrets = data / "secrets.toml"
        assert mode_of(secrets) == 0o600
        assert mode_of(data) == 0o700
        keys = tomllib.loads(secrets.read_text())
        assert set(keys) == {"master_key", "lookup_key", "csrf_key"}
        assert len(set(keys.values())) == 3
        assert mode_of(data / "servers.toml") == 0o600
        assert not any(key in service.log for key in keys.values())
        trusting = ssl.create_default_context(cafile=str(data / "self-signed.crt"))
        for host in ("127.0.0.1", "localhost"):
            with urllib.request.urlopen(f"https://{host}:{service.port}/login", context=trusting) as answer:
                assert answer.status == 200
        assert mode_of(data / "self-signed.key") == 0o600
        with pytest.raises((URLError, OSError)):
            urllib.request.urlopen(f"http://127.0.0.1:{service.port}/login", timeout=5)

        assert service.stop() == 0

        assert service.left_over() == []
        assert not (data / "servers.toml").exists()
        assert not service.answers()
        assert "Traceback" not in service.log


def test_serve_can_be_told_to_stop_while_it_starts(directory: Path) -> None:
    service = start("serve", directory / "data")
    assert eventually((directory / "data" / "servers.toml").exists, within=STARTS_WITHIN), service.log
    assert service.stop(signal.SIGINT) == 0, service.log
    assert service.left_over() == []


def test_a_taken_port_is_refused_and_nothing_is_left_running(demo: Service, directory: Path) -> None:
    ended = run("serve", "--data", directory / "data", "--port", str(demo.port))

    said = refusal(ended)
    assert f"127.0.0.1:{demo.port}" in said
    assert "--port" in said
    assert [process for process in psutil.process_iter() if _works_in(process, directory / "data")] == []
    assert demo.answers()


def test_an_address_that_isnt_ours_is_refused_and_asks_for_another_host(directory: Path) -> None:
    said = refusal(run("serve", "--data", directory / "data", "--host", "192.0.2.1", "--port", "8099"))
    assert "192.0.2.1:8099" in said
    assert said.endswith("choose another --host")


def test_a_data_directory_that_cant_be_made_is_named() -> None:
    said = refusal(run("serve", "--data", "/dev/null/exam", "--port", str(free_port())))
    assert "the data directory /dev/null/exam can't be made" in said


@pytest.mark.parametrize(
    "words",
    [
        ("audit", "verify"),
        ("evidence", "verify"),
        ("evidence", "purges"),
        ("attempts", "replay", "00000000-0000-0000-0000-000000000001"),
        ("cycles", "list"),
        ("papers", "prepare"),
        ("proctor", "thresholds", "hunan"),
    ],
    ids=" ".join,
)
def test_a_command_that_looks_makes_no_new_service_where_there_is_none(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    mistyped = tmp_path / "exma"
    said = refusal(run_here(*words, "--data", mistyped))
    assert said.startswith(f"there is no service in {mistyped}: ")
    assert not mistyped.exists()


def test_a_second_service_on_the_same_data_is_refused_and_the_first_goes_on(demo: Service) -> None:
    before = (demo.data / "servers.toml").read_text()

    ended = run("serve", "--data", demo.data, "--port", str(free_port()))

    said = refusal(ended)
    assert f"in use by the running process {demo.process.pid}" in said
    assert "another data directory" in said
    assert (demo.data / "servers.toml").read_text() == before
    assert demo.answers()


def test_the_demonstration_tells_how_to_walk_through_it(demo: Service) -> None:
    assert eventually(lambda: "演示已就绪" in demo.log, within=10)
    for shown in (f"{demo.url}/", PASSWORD, identity_number("hunan", 1), "hunan-body"):
        assert shown in demo.log


def test_the_journal_of_a_running_service_is_compared_with_its_signed_heads(
    demo: Service, directory: Path
) -> None:
    heads = demo.data / "audit"

    def verify(*options: str | Path) -> subprocess.CompletedProcess[str]:
        return run_here("audit", "verify", *options, EXAM_DATA_DIR=str(demo.data))

    assert eventually(lambda: list(heads.glob("heads-*.jsonl")) != [], within=10)
    whole = verify("--data", demo.data)
    assert whole.returncode == 0, whole.stderr
    assert "the journal is whole" in whole.stdout
    assert "signed heads: " in whole.stdout

    without = verify("--heads", directory)
    assert without.returncode == 0, without.stderr
    assert "whether its end was cut off can't be told" in without.stdout

    # Heads of a journal that had more entries than this one has.
    secrets = tomllib.loads((demo.data / "secrets.toml").read_text())
    settings = Settings(database_url="-", redis_url="-", data_dir=directory, **secrets)
    head_log(settings).append(Head(10_000, bytes(32), datetime.now(UTC)))
    said = refusal(verify("--heads", directory / "audit"))
    assert re.search(r"an entry from \d+ to 10000 was edited or removed, as a signed head shows", said)
    assert "After a restore from a backup" in said

    (forged,) = (directory / "audit").iterdir()
    forged.write_text(forged.read_text().replace("10000", "1"))
    said = refusal(verify("--heads", directory / "audit"))
    assert "not signed by this service" in said
    assert f"{forged.name}, line 1" in said


# People on it


@asynccontextmanager
async def browsing(service: Service) -> AsyncIterator[Browser]:
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[URL(service.url).origin()])
    async with aiohttp.ClientSession(service.url, cookie_jar=jar) as session:
        yield Browser(session)  # type: ignore[arg-type] # has what a browser needs of a TestClient


async def log_in(browser: Browser, index: int = 1) -> None:
    await browser.get("/login")
    number = identity_number("hunan", index)
    answer = await browser.submit("/login", province="hunan", number=number, password=PASSWORD)
    assert (answer.status, answer.headers["Location"]) == (303, "/home")
    assert (await browser.get("/home")).status == 200


async def prepare_attempt(browser: Browser) -> str:
    """Consent and start a paper; the address of the identity check."""
    await browser.submit("/consent", version=FACE_CONSENT_VERSION, next="/papers")
    version = read_preset("hunan-2026").notice_version
    await browser.get("/papers/humanities/notice")
    answer = await browser.submit("/papers/humanities/start", accept="yes", version=version)
    assert answer.status == 303, await answer.text()
    check = answer.headers["Location"]
    assert (await browser.get(check)).status == 200
    return check


async def test_after_kill_9_of_everything_the_same_data_start_again(directory: Path) -> None:
    data = directory / "data"
    with running("demo", data, "--physicians", "0") as service:
        async with browsing(service) as browser:
            await log_in(browser)
            check = await prepare_attempt(browser)
        keys = (data / "secrets.toml").read_bytes()
        service.kill_everything()
        assert eventually(lambda: not service.left_over(), within=10)

    with running("demo", data, "--physicians", "0") as service:
        assert (data / "secrets.toml").read_bytes() == keys
        async with browsing(service) as browser:
            await log_in(browser)
            page = await browser.get(check)
            assert page.status == 200, "consent and attempt are there still"
        assert service.stop() == 0


def test_children_end_with_a_killed_supervisor_and_banks_are_imported_into_what_it_left(
    directory: Path,
) -> None:
    with running("demo", directory / "data", "--physicians", "0") as service:
        assert len(service.family()) >= 6

        service.process.kill()
        service.process.wait()

        assert eventually(lambda: not service.left_over(), within=STOPS_WITHIN), service.left_over()
        assert import_into(service.data, directory).returncode == 0
        again = import_into(service.data, directory)
        assert "题库中已有这道题" in again.stderr, "the first import is there"
        assert service.left_over() == []


def import_into(data: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    file = directory / "questions.csv"
    file.write_text("stem,A,B,C,D,key\n新题,甲,乙,丙,丁,A\n", encoding="utf-8")
    options = ("--province", "hunan", "--bank", "新题库", "--subject", "humanities", "--use", "practice")
    return run("questions", "import", file, *options, "--data", data)


def test_banks_are_imported_while_the_service_runs(demo: Service, directory: Path) -> None:
    ended = import_into(demo.data, directory)
    assert ended.returncode == 0, ended.stderr
    assert "1 items imported into 新题库" in ended.stdout

    again = import_into(demo.data, directory)

    assert refusal(again).startswith("导入未执行：1行有误")
    assert (demo.data / "servers.toml").exists()
    assert demo.is_up()


# What a supervisor is for


@pytest.mark.parametrize("name", ["worker", "sweep", "web"])
def test_a_killed_process_is_started_again(demo: Service, name: str) -> None:
    killed = demo.one(name)
    killed.kill()

    def is_back() -> bool:
        with suppress(AssertionError):
            return demo.one(name).pid != killed.pid
        return False

    assert eventually(is_back, within=RECOVERS_WITHIN), demo.log
    assert eventually(demo.is_up, within=RECOVERS_WITHIN), demo.log


@pytest.mark.parametrize("name", ["postgres", "redis-server"])
async def test_a_killed_server_is_started_again_and_people_log_in(demo: Service, name: str) -> None:
    killed = demo.server(name)
    killed.kill()

    def is_back() -> bool:
        with suppress(AssertionError, psutil.NoSuchProcess):
            return demo.server(name).pid != killed.pid
        return False

    assert await asyncio.to_thread(eventually, is_back, within=RECOVERS_WITHIN), demo.log
    deadline = time.monotonic() + RECOVERS_WITHIN
    while True:
        try:
            async with browsing(demo) as browser:
                await log_in(browser, 2)
        except (AssertionError, aiohttp.ClientError, KeyError):
            assert time.monotonic() < deadline, demo.log
            await asyncio.sleep(0.2)
        else:
            break
