"""What every answer carries, what no page contains, and what crafted requests get: never a defect of ours."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from exam_service.accounts.model import Role
from exam_service.app import LARGEST_BODY, WEB_ROOT
from exam_service.cycles.policy import Subject
from exam_service.http.session import ANONYMOUS_COOKIE, FLASH_COOKIE, SESSION_COOKIE
from exam_service.http.static import Assets
from exam_service.papers import usecases as papers
from exam_service.papers.usecases import alternative
from exam_service.practice import usecases as practice
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import Purpose, Verdict
from exam_service.settings import Settings
from exam_service.storage.database import Database
from exam_service.storage.embedded import EmbeddedRedis
from exam_service.storage.vault import Vault
from tests.world import START, Browser, World, browsing, build_world, own_database, serving

STATIC = WEB_ROOT / "static"
VISITOR = "visitor"
_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

NOBODYS = ["00000000-0000-7000-8000-000000000000"]
"""For rows that this site doesn't have: what isn't found is an answer with headers too."""


@dataclass
class Site:
    """A served world with something on every page, and a browser of every role."""

    world: World
    server: TestServer
    browsers: dict[str, Browser]
    names: dict[str, list[str]]

    def addresses(self) -> list[str]:
        """Every GET route of the router, its variables filled with each of their names."""
        found = []
        for route in self.server.app.router.routes():
            if route.method != "GET" or route.resource is None:
                continue
            path = route.resource.canonical
            names = {name: self.names.get(name, NOBODYS) for name in re.findall(r"{(\w+)", path)}
            for number in range(max(map(len, names.values()), default=1)):
                filled = {name: known[number % len(known)] for name, known in names.items()}
                found.append(re.sub(r"{(\w+)(:[^}]*)?}", lambda match: filled[match[1]], path))  # noqa: B023
        return [*found, "/review?tab=all", "/login?next=/papers", "/nowhere"]


@pytest.fixture(scope="module")
async def site(
    template_database: str, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(own_database(template_database))
        settings = Settings(
            database_url=url,
            redis_url=redis_server.url,
            data_dir=tmp_path_factory.mktemp("headers"),
            master_key=_KEY,
            lookup_key=_KEY,
            csrf_key=_KEY,
        )
        database = await Database.connect(url, pool_size=4)
        stack.push_async_callback(database.close)
        world = await build_world(database, settings, Vault(settings.key("master_key")))
        server = await stack.enter_async_context(serving(world))
        names = await furnish(world)
        browsers = {}
        for who in (VISITOR, *Role):
            browsers[who] = await stack.enter_async_context(browsing(server))
            if who != VISITOR:
                principal = world.here.general if who == Role.PHYSICIAN else world.here.staff[Role(who)]
                await browsers[who].login(world.here, principal)
            else:
                await browsers[who].get("/login")
        yield Site(world, server, browsers, names)


async def furnish(world: World) -> dict[str, list[str]]:
    """Attempts in several states, checks with and without pictures, a decision, a practice set."""
    general = world.here.general
    await world.consent(general)
    paper = await world.open(general, Subject.PROFESSIONAL)
    stream = await world.watch(paper.attempt, START, purpose=Purpose.PAPER)
    check = await world.snapshot(paper.attempt, stream, 1, Verdict.MISMATCH, b"a picture", distance=0.7)
    for seq in range(2, 5):
        await world.snapshot(paper.attempt, stream, seq, Verdict.MISMATCH, b"a picture", distance=0.7)
    marked = await world.hand_in(paper, right=80)
    failed = await world.hand_in(await world.open(general), right=10)
    prepared = await world.start(general)
    simple = await world.open(world.here.simple)
    await alternative.ask(world.services, general, reason="行动不便")
    staff = world.here.staff[Role.BODY]
    await papers.send_notice(world.services, staff, text="还有十分钟", attempt_id=simple.attempt.id)
    identity_id = await proctor.ask_recheck(world.services, staff, simple.attempt.id, "与照片不太像")
    async with world.database.tx() as tx:
        bank = await tx.fetch_value("SELECT id FROM bank WHERE title = '人文练习' AND province_id = 'hunan'")
        notice_id = await tx.fetch_value("SELECT id FROM notice")
    practised = await practice.begin(world.database, world.clock, general, bank)
    return {
        "identity": [str(identity_id)],
        "notice": [str(notice_id)],
        "attempt": [str(row.id) for row in (marked, failed, prepared, simple.attempt)],
        "check": [str(check.id)],
        "set": [str(practised)],
        "registration": [str(world.here.registrations[0].id)],
        "subject": ["humanities", "professional"],
        "build": [Assets.read(STATIC).build],
        "name": ["css/base.css", "js/paper.js", "img/icon.svg"],
    }


@pytest.fixture
async def visitor(site: Site) -> Browser:
    await site.browsers[VISITOR].get("/login")
    return site.browsers[VISITOR]


def check_headers(answer: ClientResponse, *, personal: bool = True) -> None:
    """What OWASP ASVS 5.0 V3 asks of every answer."""
    where = f"{answer.method} {answer.url} {answer.status}"
    headers = answer.headers
    assert headers["X-Content-Type-Options"] == "nosniff", where
    assert headers["Referrer-Policy"] in {"same-origin", "no-referrer", "strict-origin"}, where
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin", where
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin", where
    assert "microphone=()" in headers["Permissions-Policy"], where
    assert "geolocation=()" in headers["Permissions-Policy"], where
    if personal:
        assert headers.getall("Cache-Control") == ["no-store"], where
    policy = directives(headers["Content-Security-Policy"])
    assert policy["default-src"] == {"'none'"}, where
    assert policy["script-src"] == {"'self'"}, where
    assert policy["style-src"] == {"'self'"}, where
    assert policy["frame-ancestors"] == {"'none'"}, where
    assert policy["base-uri"] == {"'none'"}, where
    assert policy["form-action"] == {"'self'"}, where
    assert policy["img-src"] == {"'self'", "blob:", "data:"}, where  # data: is the pictures of stems
    assert policy["media-src"] <= {"'self'", "blob:"}, where
    host = answer.url.authority
    assert policy["connect-src"] <= {"'self'", f"ws://{host}", f"wss://{host}"}, where
    assert len(headers.getall("Content-Security-Policy")) == 1, where


def directives(policy: str) -> Mapping[str, set[str]]:
    return {words[0]: set(words[1:]) for words in (part.split() for part in policy.split(";")) if words}


# Headers


async def test_every_route_answers_with_the_headers_for_every_role(site: Site) -> None:
    statuses = set()
    for browser in site.browsers.values():
        for address in site.addresses():
            for options in ({}, {"headers": {"Accept": "application/json"}}):
                answer = await browser.get(address, **options)
                check_headers(answer, personal=not address.startswith("/static/"))
                statuses.add(answer.status)
                assert answer.status < 500, address
    assert {200, 303, 401, 403, 404} <= statuses, "pages, redirects and refusals are all among them"


async def test_refusals_of_changes_have_the_headers_too(site: Site) -> None:
    physician = site.browsers[Role.PHYSICIAN]
    await physician.get("/home")
    attempt = site.names["attempt"][0]
    for answer, status in (
        (await physician.submit("/practice", bank="x"), 422),
        (await physician.client.post("/practice", data={}), 403),
        (await physician.send(f"/attempts/{attempt}/lease", {}), 409),
        (await physician.send(f"/attempts/{attempt}/answers", {}), 422),
        (await physician.client.put("/practice"), 405),
        (await physician.client.delete("/home"), 405),
    ):
        assert answer.status == status
        check_headers(answer)


async def test_a_defect_is_an_answer_with_the_headers_and_without_its_insides(site: Site) -> None:
    """The one way to see it: a table is away."""
    physician = site.browsers[Role.PHYSICIAN]
    async with site.world.database.tx() as tx:
        await tx.execute("ALTER TABLE bank RENAME TO bank_away")
    try:
        page = await physician.get("/practice")
        answer = await physician.get("/practice", headers={"Accept": "application/json"})
    finally:
        async with site.world.database.tx() as tx:
            await tx.execute("ALTER TABLE bank_away RENAME TO bank")
    for found in (page, answer):
        assert found.status == 500
        check_headers(found)
        text = await found.text()
        if found is answer:
            text = (await found.json())["error"]["message"]
        assert "系统出现错误" in text
        for inside in ("Traceback", "bank", "SELECT", "asyncpg", ".py"):
            assert inside not in text


async def test_no_answer_says_which_software_of_which_version_gave_it(site: Site) -> None:
    """ASVS 13.4.6 (of level 3, and free): no version of any component."""
    for address in ("/login", "/nowhere", f"/static/{site.names['build'][0]}/css/base.css"):
        answer = await site.browsers[VISITOR].get(address)
        assert not re.search(r"\d", answer.headers.get("Server", "")), answer.headers.get("Server")
        assert "X-Powered-By" not in answer.headers


@pytest.mark.parametrize("host", ["a; script-src *", "a' *", "*", "x\t*", "evil.example *"])
async def test_a_crafted_host_writes_nothing_into_the_policy(site: Site, host: str) -> None:
    answer = await raw(site.server, f"GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    for line in answer.split("\r\n"):
        if line.lower().startswith("content-security-policy:"):
            policy = directives(line.split(":", 1)[1])
            assert policy["script-src"] == {"'self'"}
            assert not {"*", "ws://*", "wss://*"} & policy["connect-src"]


# Pages


_ADDRESSES = frozenset(
    {"src", "href", "action", "formaction", "poster", "data", "cite", "background", "ping"}
)
_FORBIDDEN_TAGS = frozenset({"style", "base", "iframe", "frame", "object", "embed", "applet", "portal"})


@dataclass
class Findings(HTMLParser):
    """Reads a page and notes what must not be on it."""

    wrong: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    forms: list[dict[str, str | None]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    in_script: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in _FORBIDDEN_TAGS:
            self.wrong.append(f"<{tag}>")
        if tag == "script":
            self.in_script = True
            if not given.get("src"):
                self.wrong.append("<script> without src")
        if tag == "meta" and (given.get("http-equiv") or "").lower() == "refresh":
            self.wrong.append("<meta refresh>")
        for name, value in attributes:
            self._attribute(tag, name, value or "")
        if tag == "form":
            self.forms.append({"method": (given.get("method") or "get").lower(), "token": None})
        if tag == "input" and given.get("name") == "csrf_token" and self.forms:
            self.forms[-1]["token"] = given.get("value")
        if identifier := given.get("id"):
            self.ids.append(identifier)

    handle_startendtag = handle_starttag

    def _attribute(self, tag: str, name: str, value: str) -> None:
        if name == "style" or name.startswith("on") or name == "srcdoc":
            self.wrong.append(f"<{tag} {name}>")
        if name == "srcset":
            for candidate in value.split(","):
                self._attribute(tag, "src", candidate.split()[0])
        if name in _ADDRESSES:
            parts = urlsplit(value)
            if parts.scheme or parts.netloc or "\\" in value:
                self.wrong.append(f"<{tag} {name}={value}>")
            self.links.append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script and data.strip():
            self.wrong.append(f"inline script {data.strip()[:40]!r}")


def read(text: str) -> Findings:
    findings = Findings()
    findings.feed(text)
    findings.close()
    return findings


def check_page(text: str, where: str) -> Findings:
    findings = read(text)
    assert not findings.wrong, f"{where}: {findings.wrong}"
    assert len(findings.ids) == len(set(findings.ids)), f"{where}: an id twice"
    for form in findings.forms:
        assert form["method"] != "post" or form["token"], f"{where}: a form that posts has no token"
        assert form["method"] == "post" or not form["token"], f"{where}: a token would be in an address"
    assert '<html lang="zh-CN">' in text, where
    return findings


@pytest.mark.parametrize(
    "page",
    [
        '<p style="color:red">',
        "<script>alert(1)</script>",
        '<script src="https://cdn.example/a.js"></script>',
        '<script src="//cdn.example/a.js"></script>',
        '<img src="/a.png" onerror="x()">',
        '<a href="javascript:x()">',
        "<style>p{}</style>",
        '<base href="/">',
        '<meta http-equiv="refresh" content="0">',
        '<img srcset="/a.png 1x, //b.example/b.png 2x">',
    ],
)
def test_the_reader_of_pages_finds_what_must_not_be_there(page: str) -> None:
    assert read(page).wrong


@pytest.mark.parametrize("who", [VISITOR, *Role])
async def test_no_page_has_inline_script_or_style_or_a_third_party(site: Site, who: str) -> None:
    browser = site.browsers[who]
    waiting = ["/", *site.addresses()]
    seen: set[str] = set()
    pages = 0
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = await browser.get(address)
        assert answer.status < 500, address
        if answer.status == 303:
            waiting.append(answer.headers["Location"])
        elif answer.content_type == "text/html":
            pages += 1
            findings = check_page(await answer.text(), f"{who} at {address}")
            waiting += followed(findings.links, address)
        elif address.startswith("/static/"):
            assert answer.status == 200, address
    assert pages > 3


def followed(links: list[str], page: str) -> list[str]:
    """Where a page's links lead, but for those that only a form may follow."""
    beside = [page.split("?", 1)[0] + link for link in links if link.startswith("?")]
    return beside + [link for link in links if link.startswith("/") and link != "/logout"]


async def test_pages_that_answer_a_form_are_as_clean(site: Site) -> None:
    physician, body, visitor = (site.browsers[who] for who in (Role.PHYSICIAN, Role.BODY, VISITOR))
    await physician.get("/home")
    await body.get("/home")
    await visitor.get("/login")
    attempt = site.names["attempt"][0]
    hostile = '"><script>alert(1)</script>'
    answers = [
        await physician.submit("/consent", version=hostile),
        await physician.submit("/practice", bank=hostile),
        await physician.submit("/papers/humanities/start", accept="yes", version=hostile),
        await body.submit(f"/review/{attempt}/decision", result=hostile, note=hostile),
        await visitor.submit("/login", province=hostile, number=hostile, password=hostile, next=hostile),
        await visitor.submit("/staff/login", username=hostile, password=hostile),
        await visitor.get("/login", params={"next": "/" + hostile}),
        await visitor.get("/nowhere/" + hostile),
    ]
    for answer in answers:
        if answer.content_type == "text/html":
            text = await answer.text()
            check_page(text, str(answer.url))
            assert "<script>alert" not in text


def test_scripts_and_styles_name_no_other_host() -> None:
    checked = 0
    for path in STATIC.rglob("*"):
        if path.suffix not in {".js", ".css", ".svg"}:
            continue
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert not re.search(r"(https?|wss?)://[\w.]", text), path
        assert not re.search(r"url\(\s*['\"]?//", text), path
        assert not re.search(r"\beval\(|new Function\(|document\.write\(|\.innerHTML\s*=", text), path
        checked += 1
    assert checked > 20


# Errors


async def test_an_unknown_path_is_a_chinese_page(site: Site) -> None:
    for browser in site.browsers.values():
        for address in (
            "/nowhere",
            "/papers/",
            "/attempts",
            "/review/x/y",
            "/favicon.ico",
            "/.env",
            "/admin",
        ):
            answer = await browser.get(address)
            text = await answer.text()
            assert (answer.status, answer.content_type) == (404, "text/html"), address
            assert "页面不存在" in text
            check_page(text, address)
    answer = await site.browsers[VISITOR].get("/nowhere", headers={"Accept": "application/json"})
    assert (await answer.json())["error"]["message"].startswith("页面不存在")


async def test_a_wrong_method_is_a_chinese_page_that_names_the_right_ones(site: Site) -> None:
    answer = await site.browsers[VISITOR].client.delete("/login")
    assert answer.status == 405
    check_page(await answer.text(), "DELETE /login")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(","))  # RFC 9110, 15.5.6
    for method in ("TRACE", "CONNECT", "PROPFIND"):
        head = f"{method} /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        assert status_of(await raw(site.server, head)) in {400, 404, 405}, method


@pytest.mark.parametrize("how", ["a form", "a file", "JSON", "chunked", "gzip"])
async def test_too_large_a_body_is_413(site: Site, how: str) -> None:
    large = LARGEST_BODY + 1
    physician = site.browsers[Role.PHYSICIAN]
    await physician.get("/home")
    headers = {"X-CSRF-Token": physician.csrf}
    attempt = site.names["attempt"][0]
    address = f"/attempts/{attempt}/answers" if how in {"JSON", "chunked", "gzip"} else "/practice"

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(large // 65536 + 1):
            yield b" " * 65536

    match how:
        case "a form":
            options = {"data": {"bank": "x" * large}}
        case "a file":
            options = {"data": {"bank": io.BytesIO(b"x" * large)}}
        case "JSON":
            options = {"data": b" " * large}
        case "chunked":
            options = {"data": chunks()}
        case _:
            headers["Content-Encoding"] = "gzip"
            options = {"data": gzip.compress(b" " * large * 4)}
    answer = await physician.client.post(address, headers=headers, **options)
    assert answer.status == (422 if how == "gzip" else 413)  # compressed bodies are not unpacked at all
    check_headers(answer)
    check_page(await answer.text(), how)


async def test_a_body_just_small_enough_is_read(site: Site) -> None:
    physician = site.browsers[Role.PHYSICIAN]
    await physician.get("/home")
    headers = {"X-CSRF-Token": physician.csrf, "Accept": "application/json"}
    address = f"/attempts/{site.names['attempt'][0]}/answers"
    answer = await physician.client.post(address, headers=headers, data=b" " * (LARGEST_BODY - 1))
    assert answer.status == 422


def packed(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    ["x", "", "=", packed("1"), packed("null"), packed('["a"]'), packed('{"a":1,"b":2}'), packed("[" * 3000)],
)
@pytest.mark.parametrize("name", [FLASH_COOKIE, SESSION_COOKIE, ANONYMOUS_COOKIE])
async def test_a_crafted_cookie_breaks_nothing(site: Site, name: str, value: str) -> None:
    head = f"GET /login HTTP/1.1\r\nHost: localhost\r\nCookie: {name}={value}\r\nConnection: close\r\n\r\n"
    assert status_of(await raw(site.server, head)) == 200


async def raw(server: TestServer, request: str | bytes) -> str:
    """What the server says to exactly these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(request if isinstance(request, bytes) else request.encode())
        await writer.drain()
        return (await asyncio.wait_for(reader.read(), 10)).decode(errors="replace")
    finally:
        writer.close()


def status_of(answer: str) -> int:
    return int(answer.split(" ", 2)[1])


def posted(body: bytes, *, more: bytes = b"", kind: bytes = b"application/x-www-form-urlencoded") -> bytes:
    return (
        b"POST /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: "
        + kind
        + b"\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\n"
        + more
        + b"\r\n"
        + body
    )


CRAFTED = {
    "cookie of the session, not UTF-8": b"GET /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    b"Cookie: " + SESSION_COOKIE.encode() + b"=\xff\xfe\r\n\r\n",
    "cookie of a visitor, not UTF-8": b"GET /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    b"Cookie: " + ANONYMOUS_COOKIE.encode() + b"=\xff\xfe\r\n\r\n",
    "cookie of a message, not UTF-8": b"GET /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    b"Cookie: " + FLASH_COOKIE.encode() + b"=\xff\xfe\r\n\r\n",
    "token, not UTF-8": posted(b"a=b", more=b"X-CSRF-Token: \xff\xfe\r\n"),
    "token in the form, not UTF-8": posted(b"csrf_token=%ff%fe"),
    "form, not UTF-8": posted(b"csrf_token=\xff\xfe"),
    "origin, broken": posted(b"a=b", more=b"Origin: http://[\r\n"),
    "origin, not UTF-8": posted(b"a=b", more=b"Origin: http://\xff\r\n"),
    "charset, unknown": posted(b"a=b", kind=b"application/x-www-form-urlencoded; charset=nope"),
    "charset, not of text": posted(b"a=b", kind=b"application/x-www-form-urlencoded; charset=base64"),
    "multipart without a boundary": posted(b"a=b", kind=b"multipart/form-data"),
    "multipart, broken": posted(b"--x\r\nnonsense", kind=b"multipart/form-data; boundary=x"),
    "multipart, part in a part": posted(
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n\r\n--y--\r\n--x--\r\n",
        kind=b"multipart/form-data; boundary=x",
    ),
    "multipart without a name": posted(
        b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n",
        kind=b"multipart/form-data; boundary=x",
    ),
    "multipart, not UTF-8": posted(
        b'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n\xff\xfe\r\n--x--\r\n',
        kind=b"multipart/form-data; boundary=x",
    ),
    "type, nonsense": posted(b"a=b", kind=b"\xff/;;=;"),
    "next, not UTF-8": b"GET /login?next=/%ff%fe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "path, not UTF-8": b"GET /%ff%fe?%ff HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "a page for somebody logged in, path not UTF-8": b"GET /review/%ff%fe HTTP/1.1\r\nHost: a\r\n"
    b"Connection: close\r\n\r\n",
    "gzip that is none": posted(b"a=b", more=b"Content-Encoding: gzip\r\n"),
    "accept, not UTF-8": b"GET /nowhere HTTP/1.1\r\nHost: a\r\nAccept: \xff\r\nConnection: close\r\n\r\n",
    "no host": b"GET /login HTTP/1.0\r\n\r\n",
}


@pytest.mark.parametrize("what", CRAFTED)
async def test_a_crafted_request_is_refused_or_answered_never_a_defect(
    site: Site, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await raw(site.server, CRAFTED[what])
    assert status_of(answer) < 500
    assert not [record for record in caplog.records if record.exc_info], (
        "a traceback for a stranger's request"
    )


# Assets


async def test_assets_are_kept_for_a_year_and_compressed(site: Site, visitor: Browser) -> None:
    build = site.names["build"][0]
    for path in sorted(STATIC.rglob("*")):
        if not path.is_file():
            continue
        address = f"/static/{build}/{path.relative_to(STATIC).as_posix()}"
        answer = await visitor.get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.status == 200, address
        check_headers(answer, personal=False)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in answer.headers
        assert await answer.read() == path.read_bytes()
        if len(path.read_bytes()) > 2000:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert answer.headers["Vary"] == "Accept-Encoding"
        expected = {".css": "text/css", ".js": ("text/javascript", "application/javascript")}.get(path.suffix)
        assert expected is None or answer.content_type in expected


async def test_without_gzip_an_asset_comes_plainly(site: Site) -> None:
    head = f"GET /static/{site.names['build'][0]}/css/base.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    for line in ("", "Accept-Encoding: identity\r\n", "Accept-Encoding: gzip;q=0\r\n"):
        answer = await raw(site.server, head + line + "\r\n")
        assert status_of(answer) == 200
        assert "Content-Encoding" not in answer.split("\r\n\r\n")[0], line


async def test_a_page_of_an_older_build_gets_assets_that_are_not_kept(visitor: Browser) -> None:
    answer = await visitor.get("/static/000000000000/css/base.css")
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize(
    "path",
    [
        "../../exam_service/app.py",
        "../templates/base.html",
        "css/../../../pyproject.toml",
        "%2e%2e/%2e%2e/exam_service/app.py",
        "..%2f..%2fexam_service%2fapp.py",
        "..%5c..%5cpyproject.toml",
        "%252e%252e/%252e%252e/pyproject.toml",
        "/etc/passwd",
        "//etc/passwd",
        "css/base.css%00.js",
        "css",
        "css/",
        ".",
        "....//....//etc/passwd",
    ],
)
async def test_no_path_leads_out_of_the_assets(site: Site, path: str) -> None:
    for build in (site.names["build"][0], ".."):
        head = f"GET /static/{build}/{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = await raw(site.server, head)
        assert status_of(answer) in {400, 404}, build
        for inside in ("def create_app", "{% extends", "[project]", "root:", "{%- block"):
            assert inside not in answer


def test_assets_are_named_by_all_that_is_in_them(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_bytes(b"p {}")
    first = Assets.read(tmp_path)
    assert Assets.read(tmp_path).build == first.build
    (tmp_path / "a.css").write_bytes(b"p { }")
    assert Assets.read(tmp_path).build != first.build
    with pytest.raises(KeyError):
        first.url("b.css")
