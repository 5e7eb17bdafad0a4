"""What a run counts and how it tells loss; physicians against a service of a few lines, over real sockets."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from yarl import URL

from exam_service.__main__ import main
from exam_service.demo.people import PASSWORD, simulated_number
from exam_service.jpeg import dimensions
from exam_service.simulate import CannotSimulate
from exam_service.simulate.accounts import demo_accounts, read_accounts
from exam_service.simulate.answers import Ledger, Outbox
from exam_service.simulate.browser import Browser, Page, Refused
from exam_service.simulate.chance import comes_back, pause_after
from exam_service.simulate.concurrency import first_of
from exam_service.simulate.faces import (
    FEWEST,
    LARGEST_BYTES,
    MOST,
    SIZE,
    Frames,
    Shot,
    people,
    shipped_face,
)
from exam_service.simulate.report import percentiles, progress, summary, table
from exam_service.simulate.run import Plan, service_url, simulate
from exam_service.simulate.stream import CheckStream, FrameStream, PaperStream
from exam_service.simulate.tally import Tally

FRAMES = (Shot(b"one", (b"left",), (b"right",)), Shot(b"other", (b"left",), (b"right",)))


def _silent() -> Tally:
    return Tally(lambda _: None)


# Lost answers


def test_an_acknowledged_answer_that_is_found_again_is_not_lost() -> None:
    ledger = Ledger()
    ledger.sent("1", "A")
    ledger.acknowledged("1", "A")
    assert ledger.lost({"1": "A", "2": "B"}) == []


@pytest.mark.parametrize("found", [{}, {"1": "B"}], ids=["nothing", "another"])
def test_an_acknowledged_answer_that_is_not_found_again_is_lost(found: dict[str, str]) -> None:
    ledger = Ledger()
    ledger.sent("1", "A")
    ledger.acknowledged("1", "A")
    assert ledger.lost(found) == ["1"]


def test_an_answer_that_was_never_acknowledged_cannot_be_lost() -> None:
    ledger = Ledger()
    ledger.sent("1", "A")
    assert ledger.lost({}) == []


@pytest.mark.parametrize("found", ["A", "B"])
def test_a_later_answer_without_acknowledgement_may_or_may_not_have_taken_the_place(found: str) -> None:
    ledger = Ledger()
    ledger.sent("1", "A")
    ledger.acknowledged("1", "A")
    ledger.sent("1", "B")
    assert ledger.lost({"1": found}) == []
    assert ledger.lost({"1": "C"}) == ["1"]
    assert ledger.lost({}) == ["1"]


def test_an_earlier_answer_must_not_come_back_over_an_acknowledged_one() -> None:
    ledger = Ledger()
    ledger.sent("1", "A")  # left on the way when everything was dropped
    ledger.sent("1", "B")
    ledger.acknowledged("1", "B")
    assert ledger.lost({"1": "A"}) == ["1"]


def test_a_refused_answer_must_not_have_been_stored() -> None:
    ledger = Ledger()
    ledger.sent("1", "A")
    ledger.acknowledged("1", "A")
    ledger.sent("1", "B")
    ledger.refused("1", "B")
    assert ledger.lost({"1": "B"}) == ["1"]


@given(st.lists(st.tuples(st.sampled_from("123"), st.sampled_from("ABC"), st.booleans())), st.data())
def test_a_service_that_keeps_what_it_acknowledges_loses_nothing(
    answers: list[tuple[str, str, bool]], data: st.DataObject
) -> None:
    ledger, stored = Ledger(), dict[str, str]()
    for item, option, acknowledged in answers:
        ledger.sent(item, option)
        if acknowledged or data.draw(st.booleans(), label="arrived"):
            stored[item] = option
        if acknowledged:
            ledger.acknowledged(item, option)
    assert ledger.lost(stored) == []


# The outbox


class ScriptedBrowser:
    """Answers each post with the next of the script: a refusal, or what differs in an acknowledgement."""

    def __init__(self, *script: Refused | dict[str, Any]) -> None:
        self.script = list(script)
        self.posted: list[dict[str, Any]] = []

    async def post(self, _path: str, body: dict[str, Any]) -> dict[str, Any]:
        self.posted.append(body)
        answer = self.script.pop(0) if self.script else {}
        if isinstance(answer, Refused):
            raise answer
        return {"seq": body["seq"], "outcome": "current", "epoch": body["epoch"], "time_left_ms": 1, **answer}


def _outbox(browser: ScriptedBrowser, tally: Tally, ledger: Ledger | None = None) -> Outbox:
    return Outbox(cast("Browser", browser), "/answers", 3, 1, ledger or Ledger(), tally)


async def test_answers_leave_in_their_order_with_the_epoch_and_a_seq_of_their_own() -> None:
    browser, tally = ScriptedBrowser(), _silent()
    outbox = _outbox(browser, tally)
    outbox.put("1", "A")
    outbox.put("2", "B")
    await first_of(outbox.run(), outbox.drained())
    assert [(each["epoch"], each["seq"], each["item"], each["option"]) for each in browser.posted] == [
        (3, 1, "1", "A"),
        (3, 2, "2", "B"),
    ]
    assert (tally.answers_sent, tally.answers_acked, len(tally.ack_ms)) == (2, 2, 2)


async def test_an_answer_without_acknowledgement_is_sent_again_unchanged_and_counted_once() -> None:
    browser, tally = ScriptedBrowser(Refused(0, "network", "gone")), _silent()
    outbox = _outbox(browser, tally)
    outbox.put("1", "A")
    await first_of(outbox.run(), outbox.drained())
    assert len(browser.posted) == 2
    assert browser.posted[0] == browser.posted[1]
    assert (tally.answers_sent, tally.answers_acked, tally.retries, tally.errors) == (1, 1, 1, 0)


async def test_an_answer_that_is_refused_is_an_error_and_the_next_one_leaves() -> None:
    browser, tally = ScriptedBrowser(Refused(422, "not_in_paper", "no")), _silent()
    outbox = _outbox(browser, tally)
    outbox.put("1", "A")
    outbox.put("2", "B")
    await first_of(outbox.run(), outbox.drained())
    assert (tally.answers_sent, tally.answers_acked) == (2, 1)
    assert tally.error_kinds == {"saving an answer: not_in_paper": 1}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Refused(409, "lease_lost", "elsewhere"), "lease_lost"),
        ({"epoch": 4}, "lease_lost"),
        ({"outcome": "late"}, "attempt_closed"),
    ],
)
async def test_a_lost_lease_and_a_closed_paper_end_the_page(
    answer: Refused | dict[str, Any], code: str
) -> None:
    outbox = _outbox(ScriptedBrowser(answer), _silent())
    outbox.put("1", "A")
    with pytest.raises(Refused, match=code):
        await first_of(outbox.run(), outbox.drained())


@pytest.mark.parametrize("outcome", ["superseded", "late"])
async def test_only_what_counts_has_to_be_found_again(outcome: str) -> None:
    ledger = Ledger()
    outbox = _outbox(ScriptedBrowser({"outcome": outcome}), _silent(), ledger)
    outbox.put("1", "A")
    with suppress(Refused):
        await first_of(outbox.run(), outbox.drained())
    assert ledger.lost({}) == []


# Figures


def test_percentiles_are_values_that_occurred() -> None:
    assert percentiles([float(value) for value in range(200, 0, -1)]) == {
        "p50": 100,
        "p95": 190,
        "p99": 198,
        "max": 200,
    }
    assert percentiles([7.04]) == {"p50": 7.0, "p95": 7.0, "p99": 7.0, "max": 7.0}
    assert set(percentiles([]).values()) == {None}


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_percentiles_rise_to_the_largest_value(values: list[float]) -> None:
    found = list(percentiles(values).values())
    assert found == sorted(cast("list[float]", found))
    assert found[-1] == round(max(values), 1)


def test_the_summary_has_every_figure_and_is_json() -> None:
    tally = _silent()
    tally.answers_sent = 2
    tally.acknowledged_after(0.02)
    tally.frames_sent = 5
    tally.verdict_after(0.1)
    tally.refused, tally.held_back = 2, 1
    tally.error("handing in", "network", "gone")
    tally.lost("attempt", ["1"])
    summed = json.loads(json.dumps(summary(tally, 3, 1.5)))
    assert summed["answers_sent"] == 2
    assert summed["answers_acked"] == 1
    assert summed["answers_lost"] == 1
    assert summed["frames_sent"] == 5
    assert summed["frames_verified"] == 1
    assert summed["frames_dropped"] == 3
    assert summed["errors"] == 1
    assert summed["error_kinds"] == {"handing in: network": 1}
    assert summed["ack_ms"]["max"] == 20
    assert summed["verdict_ms"]["max"] == 100
    assert (summed["physicians"], summed["minutes"]) == (3, 1.5)


def test_people_get_a_line_for_each_figure() -> None:
    lines = table(summary(_silent(), 3, 1.5)).splitlines()
    assert "answers lost      0" in lines
    assert "ack ms            –" in lines
    assert "errors 0" in progress(_silent(), 10)


def test_errors_are_counted_by_kind_and_only_the_first_are_said() -> None:
    said: list[str] = []
    tally = Tally(said.append)
    for number in range(30):
        tally.error("logging in", "login_refused", f"account {number}")
    tally.error("handing in", "network", "gone")
    assert tally.errors == 31
    assert tally.error_kinds == {"logging in: login_refused": 30, "handing in: network": 1}
    assert said[0] == "error while logging in: login_refused: account 0"
    assert len(said) == 10


def test_the_share_that_comes_back_is_met_in_small_runs_too() -> None:
    for share in (0, 0.2, 0.25, 1):
        for physicians in (1, 5, 10, 50):
            count = sum(comes_back(index, share) for index in range(physicians))
            assert count == math.floor(physicians * share)


def test_pauses_grow_up_to_a_quarter_of_a_minute() -> None:
    assert 0.5 <= pause_after(1) <= 1
    assert 2 <= pause_after(3) <= 4
    assert 7.5 <= pause_after(1000) <= 15


# Faces


def _picture(file: Path, size: tuple[int, int], mode: str = "RGB") -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 100).convert(mode).save(file)


def _check_frames(frames: Frames) -> None:
    pictures = [picture for shot in frames for picture in (shot.front, *shot.left, *shot.right)]
    assert len(set(pictures)) == len(pictures)
    for frame in pictures:
        assert dimensions(frame) == SIZE
        assert len(frame) <= LARGEST_BYTES


def test_without_a_folder_everybody_is_the_portrait_that_matplotlib_ships() -> None:
    (frames,) = people(None)
    assert len(frames) == FEWEST
    _check_frames(frames)


def test_the_portrait_keeps_its_proportions() -> None:
    with Image.open(shipped_face()) as portrait:
        assert portrait.size == (512, 600)
    with Image.open(BytesIO(people(None)[0][0].front)) as frame:
        left, middle = frame.getpixel((20, 240)), frame.getpixel((320, 240))
    assert left != middle  # 640×480 has room at both sides of 410×480


def test_each_subfolder_is_a_person(tmp_path: Path) -> None:
    _picture(tmp_path / "b" / "1.png", (900, 300), "RGBA")  # noise at full size is the largest JPEG there is
    for name in range(30):
        _picture(tmp_path / "a" / f"{name}.jpg", (64, 48))
    (tmp_path / "a" / "readme.txt").write_text("not a picture")
    (tmp_path / "empty").mkdir()
    many, single = people(tmp_path)
    assert (len(many), len(single)) == (MOST, FEWEST)
    _check_frames(many)
    _check_frames(single)


def test_a_folder_without_people_is_refused_in_words(tmp_path: Path) -> None:
    _picture(tmp_path / "1.png", (64, 48))
    with pytest.raises(CannotSimulate, match="each person"):
        people(tmp_path)


def test_a_picture_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.jpg").write_bytes(b"\xff\xd8 no more")
    with pytest.raises(CannotSimulate, match=r"broken\.jpg"):
        people(tmp_path)


# Accounts and addresses


def test_the_accounts_of_a_demonstration_are_its_sequence() -> None:
    accounts = demo_accounts(PASSWORD)
    first, second = next(accounts), next(accounts)
    assert (first.province, first.number, first.password) == ("hunan", simulated_number(0), PASSWORD)
    assert second.number == simulated_number(1)


def test_accounts_are_read_from_a_file_as_spreadsheets_write_it(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("\ufeffprovince,number,password\r\nhunan, 1 ,one\r\n\r\nhenan,2,\r\n", encoding="utf-8")
    accounts = read_accounts(file, "common")
    assert [(each.province, each.number, each.password) for each in accounts] == [
        ("hunan", "1", "one"),
        ("henan", "2", "common"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("number,password\n1,x\n", "no column province"),
        ("province,number\nhunan,1\nhunan,\n", "line 3"),
        ("", "no column province, number"),
        ("province,number\n湖南,1\n", "UTF-8"),
    ],
)
def test_a_file_of_accounts_with_a_fault_is_refused_in_words(
    tmp_path: Path, content: str, words: str
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text(content, encoding="gb18030")
    with pytest.raises(CannotSimulate, match=words):
        read_accounts(file, "common")


def test_no_message_shows_an_identity_number() -> None:
    account = next(demo_accounts(PASSWORD))
    assert account.number not in f"{account!r} {account.name}"


def test_an_address_is_http_or_https_and_nothing_behind_the_host_counts() -> None:
    assert service_url("http://127.0.0.1:8080/login?x=1") == URL("http://127.0.0.1:8080")
    assert service_url("https://exam.example/") == URL("https://exam.example")
    for wrong in ("ftp://exam.example", "127.0.0.1:8080", "http://", "exam.example", "http://x:99999999"):
        with pytest.raises(CannotSimulate, match="no address"):
            service_url(wrong)


# Pages and refusals


def test_a_page_is_read_for_its_token_its_hidden_fields_and_its_alert() -> None:
    page = Page(
        '<meta content="a&amp;b=" name="csrf-token"><form><input type="hidden" name="version" value="v1">'
        '<input name="number" value="no"></form>'
        '<div class="notice" role="alert"><svg><path d=""/></svg><div>账号 <b>不正确</b></div></div>'
        "<div>x</div>"
    )
    assert (page.csrf, page.hidden, page.alert) == ("a&b=", {"version": "v1"}, "账号 不正确")


@pytest.mark.parametrize("status", [0, 408, 429, 500, 503])
def test_what_is_not_the_fault_of_what_was_sent_passes(status: int) -> None:
    assert Refused(status, "code", "message").passing


@pytest.mark.parametrize("status", [401, 403, 404, 409, 422])
def test_the_service_s_own_no_is_final(status: int) -> None:
    assert not Refused(status, "code", "message").passing


Converse = Callable[[web.WebSocketResponse, int, int], Awaitable[None]]


class SmallService:
    """Cookies, a token, a refusal and a stream that converses as the test says."""

    def __init__(self) -> None:
        self.hellos: list[dict[str, Any]] = []
        self.converse: Converse = _matching
        self.interval_ms = 10

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/login", self._login),
                web.get("/home", self._home),
                web.get("/refuses", self._refuses),
                web.get("/attempts/a/stream", self._stream),
            ]
        )
        return app

    async def _login(self, _: web.Request) -> web.Response:
        page = web.Response(text='<meta name="csrf-token" content="token">', content_type="text/html")
        page.set_cookie("__Host-exam", "secret", secure=True, httponly=True, path="/")
        return page

    async def _home(self, request: web.Request) -> web.Response:
        return web.json_response(dict(request.cookies))

    async def _refuses(self, _: web.Request) -> web.Response:
        error = {"code": "lease_lost", "message": "elsewhere"}
        return web.json_response({"error": error}, status=409)

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.hellos.append(await socket.receive_json())
        ready = {"type": "ready", "stream": "s", "nonce": "00" * 16, "interval_ms": self.interval_ms}
        await socket.send_json(ready)
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                await self.converse(socket, int.from_bytes(message.data[:4]), len(self.hellos))
        return socket


async def _matching(socket: web.WebSocketResponse, seq: int, _: int) -> None:
    await _verdict(socket, seq, "match", admitted=True)


async def _verdict(socket: web.WebSocketResponse, seq: int, verdict: str, *, admitted: bool = False) -> None:
    await socket.send_json(
        {"type": "verdict", "seq": seq, "verdict": verdict, "hint": "", "admitted": admitted}
    )


@pytest.fixture
async def service() -> AsyncIterator[tuple[SmallService, Browser, Tally]]:
    small, tally = SmallService(), _silent()
    async with TestServer(small.app()) as server:
        browser = Browser(server.make_url("/").origin(), tally, insecure=False)
        browser.open()
        yield small, browser, tally
        await browser.drop()


Running = tuple[SmallService, Browser, Tally]


async def test_secure_cookies_are_kept_over_plain_http_and_survive_a_dropped_connection(
    service: Running,
) -> None:
    _, browser, _ = service
    await browser.page("/login")
    assert browser.csrf == "token"
    await browser.drop()
    browser.open()
    assert await browser.get("/home") == {"__Host-exam": "secret"}
    await browser.drop()
    browser.forget()
    browser.open()
    assert await browser.get("/home") == {}


async def test_a_refusal_carries_the_code_of_the_service(service: Running) -> None:
    _, browser, _ = service
    with pytest.raises(Refused) as refused:
        await browser.get("/refuses")
    assert (refused.value.status, refused.value.code, refused.value.message) == (
        409,
        "lease_lost",
        "elsewhere",
    )


async def _pass(stream: CheckStream) -> None:
    async with asyncio.timeout(5):
        await first_of(stream.run(), stream.wait_until_admitted())
    await stream.leave()


async def test_the_identity_check_sends_frames_until_one_admits(service: Running) -> None:
    small, browser, tally = service

    async def third_time_lucky(socket: web.WebSocketResponse, seq: int, _: int) -> None:
        await _verdict(socket, seq, "match" if seq == 3 else "no_face", admitted=seq == 3)

    small.converse = third_time_lucky
    await browser.page("/login")
    await _pass(CheckStream(browser, "a", FRAMES, tally))
    assert small.hellos == [{"type": "hello", "csrf": "token", "purpose": "check", "epoch": 0}]
    assert (tally.frames_sent, tally.frames_verified, len(tally.verdict_ms)) == (3, 3, 3)


async def test_a_face_that_the_service_does_not_know_is_told_apart(service: Running) -> None:
    small, browser, tally = service

    async def another(socket: web.WebSocketResponse, seq: int, _: int) -> None:
        await _verdict(socket, seq, "mismatch")

    small.converse = another
    with pytest.raises(Refused, match="another_face"):
        await _pass(CheckStream(browser, "a", FRAMES, tally))


async def test_an_admission_that_nobody_heard_is_one(service: Running) -> None:
    small, browser, tally = service

    async def admitted_before(socket: web.WebSocketResponse, _seq: int, _connection: int) -> None:
        await socket.send_json({"type": "closed", "code": "already_admitted", "message": ""})

    small.converse = admitted_before
    await _pass(CheckStream(browser, "a", FRAMES, tally))


async def _until(fact: Callable[[], bool], stream: FrameStream) -> None:
    async def wait() -> None:
        while not fact():  # noqa: ASYNC110 - counters have no event
            await asyncio.sleep(0.01)

    async with asyncio.timeout(5):
        await first_of(stream.run(), wait())
    await stream.leave()


async def test_refused_frames_are_dropped_ones(service: Running) -> None:
    small, browser, tally = service

    async def every_other(socket: web.WebSocketResponse, seq: int, _: int) -> None:
        if seq % 2:
            await _verdict(socket, seq, "match")
        else:
            await socket.send_json({"type": "refused", "seq": seq, "code": "queue_full", "message": ""})

    small.converse = every_other
    await _until(lambda: tally.frames_dropped == 2, PaperStream(browser, "a", 7, FRAMES, tally, every=None))
    assert small.hellos[0]["purpose"] == "paper"
    assert small.hellos[0]["epoch"] == 7
    assert tally.frames_verified == 2
    assert tally.errors == 0


async def test_a_broken_stream_is_dialled_again_and_counts_from_one(service: Running) -> None:
    small, browser, tally = service
    seen: list[tuple[int, int]] = []

    async def break_the_first(socket: web.WebSocketResponse, seq: int, connection: int) -> None:
        seen.append((connection, seq))
        if connection == 1:
            await socket.close()
        else:
            await _verdict(socket, seq, "match")

    small.converse = break_the_first
    await _until(lambda: tally.frames_verified == 1, PaperStream(browser, "a", 1, FRAMES, tally, every=None))
    assert seen[:2] == [(1, 1), (2, 1)]
    assert tally.breaks == 1


async def test_a_stream_that_is_closed_for_good_ends(service: Running) -> None:
    small, browser, tally = service

    async def close(socket: web.WebSocketResponse, _seq: int, _connection: int) -> None:
        await socket.send_json({"type": "closed", "code": "lease_lost", "message": "elsewhere"})

    small.converse = close
    with pytest.raises(Refused, match="lease_lost"):
        await _until(lambda: False, PaperStream(browser, "a", 1, FRAMES, tally, every=None))


async def test_a_settling_stream_waits_for_the_verdicts_that_are_due_and_sends_no_more(
    service: Running,
) -> None:
    small, browser, tally = service

    async def slowly(socket: web.WebSocketResponse, seq: int, _: int) -> None:
        await asyncio.sleep(0.1)
        await _verdict(socket, seq, "match")

    small.converse = slowly
    stream = PaperStream(browser, "a", 1, FRAMES, tally, every=None)

    async def settle() -> None:
        await asyncio.sleep(0.1)
        await stream.settle(3)

    await first_of(stream.run(), settle())
    await stream.leave()
    assert tally.frames_verified == tally.frames_sent > 1


# Runs


class PaperService(SmallService):
    """A whole paper, kept in memory. An account is its number, which is its only attempt as well."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: set[str] = set()
        self.forgets = False
        self.takes_hand_ins = True
        self.answers: dict[str, dict[str, str]] = {}
        self.saved: list[tuple[str, int, int]] = []
        self.epochs: dict[str, int] = {}
        self.entered: dict[str, int] = {}
        self.sends_to_line = 0
        self.line_pages = 0

    def app(self) -> web.Application:
        app = super().app()
        app.add_routes(
            [
                web.post("/login", self._log_in),
                web.get("/consent", self._page),
                web.post("/consent", self._agree),
                web.get("/papers/humanities/notice", self._notice),
                web.post("/papers/humanities/start", self._start),
                web.get("/attempts/{attempt}/stream", self._stream),
                web.get("/attempts/{attempt}/answers", self._found),
                web.post("/attempts/{attempt}/enter", self._enter),
                web.get("/attempts/{attempt}/line", self._line),
                web.post("/attempts/{attempt}/lease", self._lease),
                web.post("/attempts/{attempt}/answers", self._save),
                web.post("/attempts/{attempt}/hand-in", self._hand_in),
                web.get("/attempts/{attempt}", self._page),
                web.get("/attempts/{attempt}/{page}", self._page),
            ]
        )
        return app

    async def _page(self, _: web.Request) -> web.Response:
        html = '<meta name="csrf-token" content="token"><input type="hidden" name="version" value="v1">'
        return web.Response(text=html, content_type="text/html")

    async def _log_in(self, request: web.Request) -> web.Response:
        form = await request.post()
        if (form["csrf_token"], form["province"], form["password"]) != ("token", "hunan", PASSWORD):
            return web.Response(status=422, text='<div role="alert">wrong</div>', content_type="text/html")
        answer = web.Response(status=303, headers={"Location": "/home"})
        answer.set_cookie("__Host-exam", str(form["number"]), secure=True, path="/")
        return answer

    async def _agree(self, request: web.Request) -> web.Response:
        assert (await request.post())["version"] == "v1"
        return web.Response(status=303, headers={"Location": "/papers"})

    async def _notice(self, request: web.Request) -> web.Response:
        if request.cookies["__Host-exam"] in self.passed:
            error = {"code": "paper_not_open", "message": "passed"}
            return web.json_response({"error": error}, status=409)
        return await self._page(request)

    async def _start(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert (form["accept"], form["version"]) == ("yes", "v1")
        where = f"/attempts/{request.cookies['__Host-exam']}/check"
        return web.Response(status=303, headers={"Location": where})

    async def _enter(self, request: web.Request) -> web.Response:
        attempt = request.match_info["attempt"]
        self.entered[attempt] = self.entered.get(attempt, 0) + 1
        waits = self.entered[attempt] <= self.sends_to_line
        where = f"/attempts/{attempt}" + ("/line" if waits else "")
        return web.Response(status=303, headers={"Location": where})

    async def _line(self, _: web.Request) -> web.Response:
        """Two pages of waiting, as line.html writes them: one to be loaded anew, one whose turn is near."""
        self.line_pages += 1
        left, refresh = ("9.00", 0) if self.line_pages % 2 else ("0.02", 2)
        html = (
            f'<meta name="csrf-token" content="token"><meta http-equiv="refresh" content="{refresh}">'
            f'<form data-enter data-seconds="{left}" data-refresh="{refresh}"></form>'
        )
        return web.Response(text=html, content_type="text/html")

    async def _lease(self, request: web.Request) -> web.Response:
        attempt = request.match_info["attempt"]
        assert self.entered[attempt] > self.sends_to_line, "the paper is opened by who was let in"
        self.epochs[attempt] = self.epochs.get(attempt, 0) + 1
        options = [{"id": option, "text": option} for option in "ABCDE"]
        items = [{"id": str(number), "stem": "", "options": options} for number in range(200)]
        return web.json_response(
            {"epoch": self.epochs[attempt], "next_seq": 1, "time_left_ms": 3_600_000, "items": items}
        )

    async def _save(self, request: web.Request) -> web.Response:
        body, attempt = await request.json(), request.match_info["attempt"]
        self.saved.append((attempt, body["epoch"], body["seq"]))
        if not self.forgets:
            self.answers.setdefault(attempt, {})[body["item"]] = body["option"]
        reply = {"seq": body["seq"], "outcome": "current", "epoch": body["epoch"], "time_left_ms": 1}
        return web.json_response(reply)

    async def _found(self, request: web.Request) -> web.Response:
        return web.json_response({"answers": self.answers.get(request.match_info["attempt"], {})})

    async def _hand_in(self, request: web.Request) -> web.Response:
        if not self.takes_hand_ins:
            return await self._refuses(request)
        return web.json_response({"result_url": "/attempts/a/result"})


@pytest.fixture
async def papers() -> AsyncIterator[tuple[PaperService, URL]]:
    papers = PaperService()
    async with TestServer(papers.app()) as server:
        yield papers, server.make_url("/").origin()


async def _run(url: URL, **changes: Any) -> dict[str, Any]:
    plan = {"url": url, "minutes": 0.02, "answer_every": 0.02, "frame_every": 0.1}
    return await simulate(_plan(**plan, **changes), lambda _: None)


async def test_a_run_counts_what_was_acknowledged_and_finds_it_again(
    papers: tuple[PaperService, URL],
) -> None:
    service, url = papers
    summed = await _run(url)
    assert (summed["admitted"], summed["handed_in"]) == (2, 2)
    assert summed["answers_sent"] == summed["answers_acked"] == len(service.saved) > 10
    assert summed["frames_sent"] == summed["frames_verified"] > 2
    assert (summed["answers_lost"], summed["errors"]) == (0, 0)


async def test_who_has_to_wait_in_line_waits_and_comes_in(papers: tuple[PaperService, URL]) -> None:
    service, url = papers
    service.sends_to_line = 2
    summed = await _run(url, physicians=1)
    assert service.entered == {simulated_number(0): 3}
    assert service.line_pages == 4
    assert (summed["admitted"], summed["handed_in"], summed["errors"]) == (1, 1, 0)


async def test_a_service_that_forgets_is_found_out(papers: tuple[PaperService, URL]) -> None:
    service, url = papers
    service.forgets = True
    summed = await _run(url)
    assert 0 < summed["answers_lost"] <= summed["answers_acked"]
    assert summed["errors"] == 0


async def test_who_comes_back_counts_from_one_under_a_new_lease(papers: tuple[PaperService, URL]) -> None:
    service, url = papers
    summed = await _run(url, physicians=1, returning=1.0)
    attempt = simulated_number(0)
    assert service.epochs == {attempt: 2}
    assert {(attempt, 1, 1), (attempt, 2, 1)} <= set(service.saved)
    assert [hello["epoch"] for hello in service.hellos] == [0, 1, 2]
    assert (summed["returns"], summed["answers_lost"], summed["errors"]) == (1, 0, 0)


async def test_an_account_that_has_passed_makes_way_for_the_next_free_one(
    papers: tuple[PaperService, URL],
) -> None:
    service, url = papers
    service.passed = {simulated_number(0)}
    summed = await _run(url)
    assert set(service.epochs) == {simulated_number(1), simulated_number(2)}
    assert (summed["accounts_replaced"], summed["handed_in"], summed["errors"]) == (1, 2, 0)


async def test_a_hand_in_that_is_refused_is_an_error(papers: tuple[PaperService, URL]) -> None:
    service, url = papers
    service.takes_hand_ins = False
    summed = await _run(url)
    assert (summed["handed_in"], summed["error_kinds"]) == (0, {"handing in: lease_lost": 2})


async def test_accounts_that_the_service_does_not_have_are_one_sentence(
    papers: tuple[PaperService, URL],
) -> None:
    _, url = papers
    with pytest.raises(CannotSimulate, match=r"demo account 2 can't log in \(wrong\).*demo --physicians 2"):
        await _run(url, password="another")


# A run that can't begin


def _plan(**changes: Any) -> Plan:
    plan = {
        "url": URL("http://127.0.0.1:9"),
        "physicians": 2,
        "minutes": 0.1,
        "answer_every": 1.0,
        "frame_every": None,
        "returning": 0.0,
        "faces": None,
        "accounts": None,
        "password": PASSWORD,
        "insecure": False,
    }
    return Plan(**(plan | changes))


async def test_a_service_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(CannotSimulate, match=r"no service to sit papers at http://127\.0\.0\.1:9"):
        await simulate(_plan(), print)


async def test_fewer_accounts_than_physicians_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("province,number\nhunan,1\n", encoding="utf-8")
    with pytest.raises(CannotSimulate, match="has 1 accounts, 2 physicians"):
        await simulate(_plan(accounts=file), print)


def test_the_command_ends_with_1_and_the_sentence() -> None:
    arguments = ["simulate", "--url", "http://127.0.0.1:9", "--physicians", "1", "--minutes", "1"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1
    assert "Error: no service to sit papers at http://127.0.0.1:9" in done.output
