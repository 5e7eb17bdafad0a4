"""Who may go where, generated from the router: every route, every role, every foreign scope.

A route with an id in its path must be in PROBES, which says how its owner asks for it: the same request by
the same role of another scope must find nothing and change nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiohttp import ClientResponse, WSServerHandshakeError
from aiohttp.test_utils import TestServer

from exam_service.accounts import usecases as accounts
from exam_service.accounts.model import Role
from exam_service.app import create_app
from exam_service.cycles.form_rules import UploadKind
from exam_service.cycles.policy import Subject
from exam_service.cycles.usecases import applications, sites, staff
from exam_service.demo.people import identity_number
from exam_service.http.guards import PUBLIC, access_of
from exam_service.http.static import ASSETS
from exam_service.ids import new_id
from exam_service.institutions import sheets
from exam_service.institutions import usecases as institutions
from exam_service.organisations import usecases as organisations
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt
from exam_service.papers.usecases import alternative
from exam_service.practice import usecases as practice
from exam_service.proctor import usecases as proctor
from exam_service.proctor.model import Verdict
from exam_service.registration import usecases as registration
from exam_service.registration.admission.usecases import acts, transfers
from exam_service.registration.form import usecases as form
from exam_service.registration.reviewing.routes.forms import basis_text
from exam_service.settings import Settings
from exam_service.storage.database import Database, Tx
from exam_service.storage.embedded import EmbeddedRedis
from exam_service.storage.vault import Vault
from tests.claims import asked_for
from tests.conftest import settings_for
from tests.forms import a_picture, check_pictures, open_stages
from tests.submissions import basis_of, hand_in, pass_institution, submit
from tests.world import START, Browser, World, browsing, build_world, contents, own_database, serving

VISITOR = "visitor"
AUTHORITY_ELSEWHERE = "an authority of another province"
ANOTHER_PHYSICIAN, PHYSICIAN_ELSEWHERE = "another physician", "a physician of another province"
ANOTHER_BODY, BODY_ELSEWHERE = "another body", "a body of another province"
ANOTHER_INSTITUTION, INSTITUTION_ELSEWHERE = "another institution", "an institution of another province"
STRANGERS = {
    Role.PHYSICIAN: (ANOTHER_PHYSICIAN, PHYSICIAN_ELSEWHERE),
    Role.BODY: (ANOTHER_BODY, BODY_ELSEWHERE),
    Role.INSTITUTION: (ANOTHER_INSTITUTION, INSTITUTION_ELSEWHERE),
    Role.AUTHORITY: (AUTHORITY_ELSEWHERE,),
}
"""The same role in another scope."""
EVERYBODY = (VISITOR, *Role)
SAFE = frozenset({"GET", "HEAD"})
JSON = {"Accept": "application/json"}
NO_IDS = frozenset({"subject", "build", "name"})
"""Variables of paths that name nobody's row."""

_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    access: frozenset[str]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_id(self) -> bool:
        return bool(set(re.findall(r"{(\w+)", self.path)) - NO_IDS)

    @property
    def is_stream(self) -> bool:
        return is_stream(self.path)


def is_stream(path: str) -> bool:
    return path.endswith("/stream")


def all_routes() -> list[Route]:
    """What the router of the application knows; nothing is opened."""
    app = create_app(
        Settings(database_url="-", redis_url="-", master_key=_KEY, lookup_key=_KEY, csrf_key=_KEY)
    )
    return [
        Route(route.method, route.resource.canonical, access_of(route.handler))
        for route in app.router.routes()
        if route.resource is not None
    ]


ROUTES = all_routes()
ACCESS = {(route.method, route.path): route.access for route in ROUTES}
UNSAFE = [route for route in ROUTES if route.method not in SAFE]


@dataclass(frozen=True)
class Probe:
    """How the owner of a row asks for it, and what they get.

    Attributes:
        row: Which of the scene's rows the path is filled with.
        body: A form (with names of the scene's values) or, where ``is_json``, a JSON object.
    """

    owner: Role
    row: str
    status: int = 200
    body: Mapping[str, str | int] = field(default_factory=dict)
    is_json: bool = True


_ANSWER = {"epoch": 1, "seq": 1, "item": "{item}", "option": "{option}", "client_time": START.isoformat()}
_PRACTISED = {"item": "{practice_item}", "option": "{practice_option}"}
_LOST = {"began_at": "2026-05-12T02:00:00Z", "ended_at": "2026-05-12T02:01:00Z", "reason": "停电"}
_LOST_LOCAL = {"began": "2026-05-12T10:00:00", "ended": "2026-05-12T10:01:00", "reason": "停电"}
PROBES: dict[tuple[str, str], Probe] = {
    ("GET", "/attempts/{attempt}"): Probe(Role.PHYSICIAN, "running"),
    ("POST", "/attempts/{attempt}/enter"): Probe(Role.PHYSICIAN, "running", status=303, is_json=False),
    ("GET", "/attempts/{attempt}/line"): Probe(Role.PHYSICIAN, "running", status=303),
    ("POST", "/attempts/{attempt}/lease"): Probe(Role.PHYSICIAN, "running"),
    ("GET", "/attempts/{attempt}/answers"): Probe(Role.PHYSICIAN, "running"),
    ("POST", "/attempts/{attempt}/answers"): Probe(Role.PHYSICIAN, "running", body=_ANSWER),
    ("POST", "/attempts/{attempt}/presence"): Probe(Role.PHYSICIAN, "running", body={"epoch": 1}),
    ("POST", "/attempts/{attempt}/hand-in"): Probe(Role.PHYSICIAN, "running", body={"epoch": 1}),
    ("GET", "/attempts/{attempt}/result"): Probe(Role.PHYSICIAN, "marked"),
    ("GET", "/attempts/{attempt}/receipt"): Probe(Role.PHYSICIAN, "marked"),
    ("GET", "/attempts/{attempt}/receipt.txt"): Probe(Role.PHYSICIAN, "marked"),
    ("GET", "/attempts/{attempt}/time-request"): Probe(Role.PHYSICIAN, "running"),
    ("POST", "/attempts/{attempt}/time-request"): Probe(
        Role.PHYSICIAN, "running", status=303, body=_LOST_LOCAL, is_json=False
    ),
    ("POST", "/attempts/{attempt}/time-requests"): Probe(Role.PHYSICIAN, "running", body=_LOST),
    ("GET", "/attempts/{attempt}/check"): Probe(Role.PHYSICIAN, "running", status=303),
    ("GET", "/attempts/{attempt}/takeover"): Probe(Role.PHYSICIAN, "running", status=303),
    ("POST", "/attempts/{attempt}/takeover"): Probe(Role.PHYSICIAN, "running", status=303, is_json=False),
    ("GET", "/attempts/{attempt}/stream"): Probe(Role.PHYSICIAN, "running"),
    ("POST", "/attempts/{attempt}/notices/{notice}/acknowledgement"): Probe(Role.PHYSICIAN, "running"),
    ("GET", "/practice/sets/{set}.json"): Probe(Role.PHYSICIAN, "set"),
    ("GET", "/practice/sets/{set}"): Probe(Role.PHYSICIAN, "set"),
    ("POST", "/practice/sets/{set}/answers"): Probe(Role.PHYSICIAN, "set", body=_PRACTISED),
    ("POST", "/practice/sets/{set}/reveal"): Probe(Role.PHYSICIAN, "set", body={"item": "{practice_item}"}),
    ("GET", "/invigilation/{attempt}"): Probe(Role.BODY, "running"),
    ("GET", "/invigilation/{attempt}/picture"): Probe(Role.BODY, "marked"),
    ("GET", "/invigilation/{attempt}/photo"): Probe(Role.BODY, "running"),
    ("POST", "/invigilation/{attempt}/duty"): Probe(
        Role.BODY, "running", status=303, body={"to": "me"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/notes"): Probe(
        Role.BODY, "running", status=303, body={"text": "已电话联系"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/recheck"): Probe(
        Role.BODY, "running", status=303, body={"reason": "与照片不太像"}, is_json=False
    ),
    ("GET", "/invigilation/identity/{identity}/snapshot"): Probe(Role.BODY, "disputed"),
    ("GET", "/invigilation/identity/{identity}/photo"): Probe(Role.BODY, "disputed"),
    ("POST", "/invigilation/identity/{identity}/decision"): Probe(
        Role.BODY, "disputed", status=303, body={"decision": "accept"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/identity/{identity}/tries"): Probe(
        Role.BODY, "disputed", status=409, body={"reason": "已核对证件"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/extension"): Probe(
        Role.BODY, "running", status=303, body={"minutes": "5", "reason": "停电"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/lease-release"): Probe(
        Role.BODY, "running", status=303, body={"reason": "手机损坏"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/termination"): Probe(
        Role.BODY, "running", status=303, body={"reason": "替考"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/termination/confirmation"): Probe(
        Role.BODY, "disputed", status=303, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/termination/withdrawal"): Probe(
        Role.BODY, "disputed", status=303, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/notices"): Probe(
        Role.BODY, "running", status=303, body={"text": "还有十分钟"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/time-requests/{request}/grant"): Probe(
        Role.BODY, "disputed", status=303, body={"minutes": "1", "note": "属实"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/time-requests/{request}/refusal"): Probe(
        Role.BODY, "disputed", status=303, body={"note": "没有中断"}, is_json=False
    ),
    ("POST", "/invigilation/{attempt}/import"): Probe(Role.BODY, "running", status=422, is_json=False),
    ("GET", "/invigilation/registrations/{registration}"): Probe(Role.BODY, "registration"),
    ("POST", "/invigilation/registrations/{registration}/overrides"): Probe(
        Role.BODY,
        "registration",
        status=303,
        body={"subject": "professional", "minutes": "20", "reason": "视力障碍"},
        is_json=False,
    ),
    ("GET", "/alternatives/{registration}"): Probe(Role.BODY, "watched"),
    ("POST", "/alternatives/{registration}/arrangement"): Probe(
        Role.BODY,
        "watched",
        status=303,
        body={"place": "一楼会议室", "starts_at": "2026-05-12T15:00"},
        is_json=False,
    ),
    ("POST", "/alternatives/{registration}/answer"): Probe(
        Role.BODY, "watched", status=303, body={"answer": "当天无考场，建议次日上午"}, is_json=False
    ),
    ("POST", "/alternatives/{registration}/check-in/{attempt}"): Probe(
        Role.BODY, "watched", status=303, is_json=False
    ),
    ("GET", "/institution/departments/{department}/edit"): Probe(Role.INSTITUTION, "department"),
    ("POST", "/institution/departments/{department}"): Probe(
        Role.INSTITUTION, "department", status=303, body={"name": "外科", "subject": "04"}, is_json=False
    ),
    ("GET", "/institution/roster/{physician}"): Probe(Role.INSTITUTION, "rostered"),
    ("GET", "/institution/roster/{physician}/edit"): Probe(Role.INSTITUTION, "rostered"),
    ("POST", "/institution/roster/{physician}"): Probe(
        Role.INSTITUTION,
        "rostered",
        status=303,
        body={"name": "王新", "category": "dental", "level": "assistant"},
        is_json=False,
    ),
    ("POST", "/institution/roster/acts/{act}/undo"): Probe(
        Role.INSTITUTION, "act", status=303, is_json=False
    ),
    ("GET", "/institution/roster/imports/{import}"): Probe(Role.INSTITUTION, "import"),
    ("GET", "/institution/roster/imports/{import}/progress"): Probe(Role.INSTITUTION, "import"),
    ("GET", "/institution/roster/imports/{import}/problems.xlsx"): Probe(Role.INSTITUTION, "import"),
    ("POST", "/institution/transfers/{transfer}/agreement"): Probe(
        Role.INSTITUTION, "asked of us", status=303, is_json=False
    ),
    ("POST", "/institution/transfers/{transfer}/refusal"): Probe(
        Role.INSTITUTION, "asked of us", status=303, body={"decision": "尚未办完手续"}, is_json=False
    ),
    ("POST", "/institution/transfers/{transfer}/withdrawal"): Probe(
        Role.INSTITUTION, "asked by us", status=303, is_json=False
    ),
    ("POST", "/institution/departments/{department}/stop"): Probe(
        Role.INSTITUTION, "department", status=303, is_json=False
    ),
    ("POST", "/institution/departments/{department}/reopening"): Probe(
        Role.INSTITUTION, "department", status=303, is_json=False
    ),
    ("POST", "/institution/departments/{department}/deletion"): Probe(
        Role.INSTITUTION, "department", status=303, is_json=False
    ),
    ("GET", "/institution/reviews/{registration}"): Probe(Role.INSTITUTION, "submitted"),
    ("GET", "/institution/reviews/{registration}/pictures/{upload}"): Probe(Role.INSTITUTION, "submitted"),
    ("POST", "/institution/reviews/{registration}/approval"): Probe(
        Role.INSTITUTION, "submitted", status=422, body={"basis": "{submitted_basis}"}, is_json=False
    ),
    ("POST", "/institution/reviews/{registration}/return"): Probe(
        Role.INSTITUTION,
        "submitted",
        body={"basis": "{submitted_basis}", "reason": "照片不清晰"},
        is_json=False,
    ),
    ("POST", "/institution/reviews/{registration}/undo"): Probe(Role.INSTITUTION, "reviewed", is_json=False),
    ("GET", "/body/reviews/{registration}"): Probe(Role.BODY, "reviewed"),
    ("GET", "/body/reviews/{registration}/pictures/{upload}"): Probe(Role.BODY, "reviewed"),
    ("POST", "/body/reviews/{registration}/approval"): Probe(
        Role.BODY, "reviewed", status=422, body={"basis": "{reviewed_basis}"}, is_json=False
    ),
    ("POST", "/body/reviews/{registration}/return"): Probe(
        Role.BODY,
        "reviewed",
        body={"basis": "{reviewed_basis}", "reason": "执业证书不清晰"},
        is_json=False,
    ),
    ("POST", "/body/reviews/{registration}/return-to-institution"): Probe(
        Role.BODY,
        "reviewed",
        body={"basis": "{reviewed_basis}", "reason": "请核实工作成绩"},
        is_json=False,
    ),
    ("POST", "/body/reviews/{registration}/undo"): Probe(Role.BODY, "reviewed", status=409, is_json=False),
    ("POST", "/sites/{site}"): Probe(
        Role.BODY,
        "site",
        status=303,
        body={"name": "一号考点", "address": "一楼", "seats": "20"},
        is_json=False,
    ),
    ("POST", "/sites/{site}/stopping"): Probe(Role.BODY, "site", status=303, is_json=False),
    ("POST", "/sites/{site}/resuming"): Probe(Role.BODY, "site", status=303, is_json=False),
    ("POST", "/sites/{site}/deletion"): Probe(Role.BODY, "site", status=409, is_json=False),
    ("POST", "/activations/{activation}/approval"): Probe(
        Role.BODY, "activation 0", status=303, is_json=False
    ),
    ("POST", "/activations/{activation}/refusal"): Probe(
        Role.BODY, "activation 1", status=303, is_json=False
    ),
    ("POST", "/authority/activations/{activation}/approval"): Probe(
        Role.AUTHORITY, "activation 2", status=303, is_json=False
    ),
    ("POST", "/authority/activations/{activation}/refusal"): Probe(
        Role.AUTHORITY, "activation 3", status=303, is_json=False
    ),
    ("POST", "/institution/body-application/{application}/withdrawal"): Probe(
        Role.INSTITUTION, "application", status=303, is_json=False
    ),
    ("POST", "/authority/applications/{application}/grant"): Probe(
        Role.AUTHORITY, "application", status=303, is_json=False
    ),
    ("POST", "/authority/applications/{application}/refusal"): Probe(
        Role.AUTHORITY, "application", status=303, body={"reason": "没有场地"}, is_json=False
    ),
    ("GET", "/authority/cycles/{cycle}"): Probe(Role.AUTHORITY, "cycle"),
    ("GET", "/authority/cycles/{cycle}/plan"): Probe(Role.AUTHORITY, "cycle"),
    ("POST", "/authority/cycles/{cycle}/plan"): Probe(
        Role.AUTHORITY, "cycle", status=422, body={"title": "本周期"}, is_json=False
    ),
    ("POST", "/authority/cycles/{cycle}/carried-over"): Probe(
        Role.AUTHORITY, "cycle", status=409, is_json=False
    ),
    ("GET", "/authority/institutions/{institution}"): Probe(Role.AUTHORITY, "offices"),
    ("POST", "/authority/institutions/{institution}"): Probe(
        Role.AUTHORITY, "offices", status=303, body={"name": "医院甲二院"}, is_json=False
    ),
    ("POST", "/authority/institutions/{institution}/staff"): Probe(
        Role.AUTHORITY,
        "offices",
        body={"staff_name": "新人", "username": "newcomer"},
        is_json=False,
    ),
    ("GET", "/authority/bodies/{body}"): Probe(Role.AUTHORITY, "offices"),
    ("POST", "/authority/bodies/{body}"): Probe(
        Role.AUTHORITY, "offices", status=303, body={"name": "考核机构丙"}, is_json=False
    ),
    ("POST", "/authority/bodies/{body}/staff"): Probe(
        Role.AUTHORITY,
        "offices",
        body={"staff_name": "新人", "username": "newcomer"},
        is_json=False,
    ),
    ("POST", "/authority/staff/{account}/reset"): Probe(Role.AUTHORITY, "employee", is_json=False),
    ("POST", "/authority/staff/{account}/disabling"): Probe(
        Role.AUTHORITY, "employee", status=303, is_json=False
    ),
    ("POST", "/authority/staff/{account}/enabling"): Probe(
        Role.AUTHORITY, "employee", status=303, is_json=False
    ),
    ("GET", "/authority/physicians/{account}"): Probe(Role.AUTHORITY, "physician"),
    ("POST", "/authority/physicians/{account}/move"): Probe(
        Role.AUTHORITY,
        "physician",
        status=409,
        body={"institution": "{other_institution}", "reason": "登记有误"},
        is_json=False,
    ),
    ("POST", "/authority/physicians/{account}/withdrawal"): Probe(
        Role.AUTHORITY, "physician", status=409, body={"reason": "不符合条件"}, is_json=False
    ),
    ("GET", "/registration/uploads/{upload}"): Probe(Role.PHYSICIAN, "picture"),
    ("POST", "/registration/uploads/{upload}/removal"): Probe(
        Role.PHYSICIAN, "picture", status=409, is_json=False
    ),
    ("POST", "/exemptions/{exemption}/evidence"): Probe(Role.PHYSICIAN, "claim", status=422, is_json=False),
    # Not that whose pictures are looked at: nobody has decided on them, so they would go with the withdrawal.
    ("POST", "/exemptions/{exemption}/withdrawal"): Probe(
        Role.PHYSICIAN, "passed_on", status=303, is_json=False
    ),
    ("GET", "/exemptions/{exemption}/pictures/{upload}"): Probe(Role.PHYSICIAN, "claim"),
    ("GET", "/institution/exemptions/{exemption}"): Probe(Role.INSTITUTION, "claim"),
    ("GET", "/institution/exemptions/{exemption}/pictures/{upload}"): Probe(Role.INSTITUTION, "claim"),
    ("POST", "/institution/exemptions/{exemption}/decision"): Probe(
        Role.INSTITUTION, "claim", status=303, body={"decision": "grant"}, is_json=False
    ),
    ("GET", "/body/exemptions/{exemption}"): Probe(Role.BODY, "passed_on"),
    ("GET", "/body/exemptions/{exemption}/pictures/{upload}"): Probe(Role.BODY, "passed_on"),
    ("POST", "/body/exemptions/{exemption}/decision"): Probe(
        Role.BODY, "passed_on", status=303, body={"decision": "grant"}, is_json=False
    ),
    ("POST", "/registration/modification/{modification}/withdrawal"): Probe(
        Role.PHYSICIAN, "amendment", status=303, is_json=False
    ),
    ("GET", "/institution/modifications/{modification}"): Probe(Role.INSTITUTION, "amendment"),
    ("POST", "/institution/modifications/{modification}/decision"): Probe(
        Role.INSTITUTION,
        "amendment",
        status=303,
        body={"decision": "refuse", "reason": "与证书不符"},
        is_json=False,
    ),
    ("GET", "/history/{registration}"): Probe(Role.BODY, "registration"),
    ("GET", "/review/{attempt}"): Probe(Role.BODY, "marked"),
    ("POST", "/review/{attempt}/decision"): Probe(
        Role.BODY, "marked", status=303, body={"result": "pass"}, is_json=False
    ),
    ("POST", "/review/{attempt}/findings"): Probe(
        Role.BODY,
        "marked",
        status=303,
        body={"kind": "absent", "began_at": START.isoformat(), "verdict": "dismissed"},
        is_json=False,
    ),
    ("GET", "/review/{attempt}/photo"): Probe(Role.BODY, "marked"),
    ("GET", "/review/{attempt}/snapshots/{check}"): Probe(Role.BODY, "marked"),
}


_DESK = ("site", "application", "cycle", "offices", "employee")
ROWS_OF_PATHS: dict[str, tuple[str, ...]] = {
    "/alternatives/": ("watched",),
    "/registration/uploads/": ("picture",),
    "/registration/modification/": ("amendment",),
    "/exemptions/{exemption}/withdrawal": ("passed_on",),
    "/exemptions/": ("claim",),
    "/institution/exemptions/": ("claim",),
    "/body/exemptions/": ("passed_on",),
    "/institution/modifications/": ("amendment",),
    "/institution/reviews/": ("submitted",),
    "/institution/body-application/": _DESK,
    "/body/reviews/": ("reviewed",),
    "/authority/physicians/": ("physician",),
    "/authority/": _DESK,
    "/sites/": _DESK,
    "/activations/": _DESK,
}
"""Whose ids fill the paths that begin so, where no probe says it."""


@dataclass
class Scene:
    """A world with rows of ``here.general`` and of ``here``'s first body, and browsers of everybody.

    Attributes:
        rows: The variables of paths, by the name of a row.
        values: What bodies are filled with.
    """

    world: World
    server: TestServer
    rows: dict[str, dict[str, str]]
    values: dict[str, str]
    stack: AsyncExitStack
    browsers: dict[str, Browser] = field(default_factory=dict)

    async def browser(self, who: str) -> Browser:
        """A visitor's, a role's of ``here`` or a stranger's browser, logged in when first used."""
        if who not in self.browsers:
            browser = await self.stack.enter_async_context(browsing(self.server))
            await self._login(browser, who)
            assert browser.csrf
            self.browsers[who] = browser
        return self.browsers[who]

    async def _login(self, browser: Browser, who: str) -> None:
        here, elsewhere = self.world.here, self.world.elsewhere
        if who == VISITOR:
            await browser.get("/login")
        elif who == ANOTHER_PHYSICIAN:
            await browser.login(here, here.simple)
        elif who == PHYSICIAN_ELSEWHERE:
            await browser.login(elsewhere, elsewhere.simple)
        elif who == ANOTHER_BODY:
            await self.world.colleague(here, "neighbour", body_id=here.other_body_id)
            await browser.login_staff("neighbour")
        elif who == AUTHORITY_ELSEWHERE:
            await browser.login(elsewhere, elsewhere.staff[Role.AUTHORITY])
        elif who == BODY_ELSEWHERE:
            await browser.login(elsewhere, elsewhere.staff[Role.BODY])
        elif who == ANOTHER_INSTITUTION:
            await self.world.clerk(here, "clerk", institution_id=here.other_institution_id)
            await browser.login_staff("clerk")
        elif who == INSTITUTION_ELSEWHERE:
            await browser.login(elsewhere, elsewhere.staff[Role.INSTITUTION])
        else:
            await browser.login(here, here.general if who == Role.PHYSICIAN else here.staff[Role(who)])

    def address(self, path: str, row: str | None = None) -> str:
        """The path of a route with the ids of a row, or of whichever row has them."""
        build = self.server.app[ASSETS].build
        names = {"subject": "humanities", "build": build, "name": "css/base.css"}
        if row is not None:
            names |= self.rows[row]
        elif "{request}" in path or "{identity}" in path:
            names |= self.rows["disputed"]
        elif "{notice}" in path:
            names |= self.rows["running"]
        elif path.startswith(("/institution/departments", "/institution/roster", "/institution/transfers")):
            names |= self._roster_names(path)
        elif found := next((rows for start, rows in ROWS_OF_PATHS.items() if path.startswith(start)), None):
            for each in found:
                names |= self.rows[each]
            number = 2 * path.startswith("/authority/") + path.endswith("/refusal")
            names |= self.rows[f"activation {number}"]
        else:
            names |= self.rows["marked"] | self.rows["set"] | self.rows["registration"]
        return re.sub(r"{(\w+)(:[^}]*)?}", lambda match: names[match[1]], path)

    def _roster_names(self, path: str) -> dict[str, str]:
        whose = "asked by us" if path.endswith("/withdrawal") else "asked of us"
        rows = ("department", "rostered", "act", "import", whose)
        return {name: value for row in rows for name, value in self.rows[row].items()}

    async def ask(self, browser: Browser, probe: Probe, method: str, path: str) -> ClientResponse:
        """The owner's request, sent by whoever's ``browser``."""
        address = self.address(path, probe.row)
        if method in SAFE:
            return await browser.client.request(method, address, allow_redirects=False)
        if probe.is_json:
            return await browser.send(address, self.filled(probe))
        return await browser.submit(address, **self.filled(probe))

    def filled(self, probe: Probe) -> dict[str, Any]:
        """The probe's body with this scene's values."""
        return {
            name: value.format(**self.values) if isinstance(value, str) else value
            for name, value in probe.body.items()
        }


async def build_scene(world: World, server: TestServer, stack: AsyncExitStack) -> Scene:
    general = world.here.general
    await world.consent(general)
    paper = await world.open(general, Subject.PROFESSIONAL)
    stream = await world.watch(paper.attempt, START)
    check = await world.snapshot(paper.attempt, stream, 1, Verdict.MATCH, b"a picture", distance=0.3)
    for seq in range(2, 5):
        await world.snapshot(paper.attempt, stream, seq, Verdict.NO_FACE, None)
    await registration.store_reviewed_photo(
        world.database,
        world.clock,
        world.vault,
        world.services.evidence,
        world.here.registrations[0],
        b"a picture",
    )
    marked = await world.hand_in(paper, right=80)
    running = await world.open(general)
    await papers.send_notice(
        world.services, world.here.staff[Role.BODY], text="还有十分钟", attempt_id=running.attempt.id
    )
    disputed, request_id, identity_id = await _disputed(world)
    async with world.database.tx() as tx:
        bank = await tx.fetch_value(
            "SELECT id FROM bank WHERE title = '人文练习' AND province_id = $1", world.here.province_id
        )
        notice_id = await tx.fetch_value("SELECT id FROM notice")
    set_id = await practice.begin(world.database, world.clock, general, bank)
    opened = await practice.open_set(world.database, general, set_id)
    department_id = await institutions.add_department(
        world.database,
        world.clock,
        world.here.staff[Role.INSTITUTION],
        name="内科",
        subjects=["03.01"],
    )
    submitted, reviewed, bases = await _submitted(world)
    desk, other_institution = await _desk(world)
    return Scene(
        world,
        server,
        rows={
            "submitted": submitted,
            "reviewed": reviewed,
            **desk,
            **await asked_for(world),
            "running": {"attempt": str(running.attempt.id), "notice": str(notice_id)},
            "marked": {"attempt": str(marked.id), "check": str(check.id)},
            "set": {"set": str(set_id)},
            "disputed": {
                "attempt": str(disputed.id),
                "request": str(request_id),
                "identity": str(identity_id),
            },
            "registration": {"registration": str(world.here.registrations[0].id)},
            "department": {"department": str(department_id)},
            **await _roster(world),
            "picture": {"upload": str(await _handed_in(world))},
            "watched": {
                "registration": str(world.here.registrations[1].id),
                "attempt": str((await _arranged(world)).id),
            },
        },
        values={
            "other_institution": str(other_institution),
            "item": str(running.items[0].id),
            "option": str(running.items[0].options[0].id),
            "practice_item": str(opened.items[0].id),
            "practice_option": str(opened.items[0].options[0].id),
            **bases,
        },
        stack=stack,
    )


async def _submitted(world: World) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """A form that waits for the institution, one that waits for the body, and what decisions rest on."""
    await open_stages(world, world.here)
    rows, bases = [], {}
    for name, role in (("submitted", Role.INSTITUTION), ("reviewed", Role.BODY)):
        await world.newcomer()
        own = await submit(world, world.here.registrations[-1])
        if role is Role.BODY:
            await pass_institution(world, world.here, own.id)
        upload_id = await hand_in(world, own, "procedure")
        rows.append({"registration": str(own.id), "upload": str(upload_id)})
        basis = await basis_of(world, world.here, own.id, role)
        bases[f"{name}_basis"] = basis_text(basis)
    return rows[0], rows[1], bases


async def _roster(world: World) -> dict[str, dict[str, str]]:
    """Of here's institution: a physician, one who left, a file, and transfers either way."""
    here, desk = world.here, world.here.staff[Role.INSTITUTION]
    neighbour = await world.clerk(here, "neighbouring", institution_id=here.other_institution_id)
    wanted, left = [await world.on_roster(desk, number) for number in (71, 72)]
    theirs = await world.on_roster(neighbour, 73)
    act = await acts.leave(world.database, world.clock, desk, [left], reason="retired")
    asked = {}
    for who, number in ((neighbour, 71), (desk, 73)):
        transfer = await transfers.take_over(
            world.services,
            who,
            name=f"医师{number}",
            document_type="identity_card",
            number=identity_number(here.province_id, number),
            reason="",
        )
        asked[who.account_id] = {"transfer": str(transfer.id)}
    data = sheets.template([])
    import_id = await institutions.begin_import(world.services, desk, file_name="a.xlsx", data=data)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE roster_import SET state = 'refused', problems = '[[2, \"姓名\", \"请填写姓名。\"]]' "
            "WHERE id = $1",
            import_id,
        )
    assert theirs
    return {
        "rostered": {"physician": str(wanted)},
        "act": {"act": str(act.act_id)},
        "import": {"import": str(import_id)},
        "asked of us": asked[neighbour.account_id],
        "asked by us": asked[desk.account_id],
    }


async def _activation(tx: Tx, world: World, number: int) -> UUID:
    """A physician with a slip waits for staff to say that it is them."""
    here, request_id = world.here, new_id()
    waiting = await accounts.add_physician(
        tx,
        world.clock,
        world.settings,
        world.vault,
        province_id=here.province_id,
        name="等候激活的医师",
        number=identity_number(here.province_id, number),
        password_hash=None,
    )
    await tx.execute(
        "INSERT INTO activation_request (id, province_id, account_id, institution_id, password_hash, "
        "asked_at, state) VALUES ($1, $2, $3, $4, 'hash', $5, 'open')",
        request_id,
        here.province_id,
        waiting,
        here.institution_id,
        START,
    )
    return request_id


async def _desk(world: World) -> tuple[dict[str, dict[str, str]], UUID]:
    """Rows of the authority's desk, and of what bodies and institutions bring before it."""
    here, services = world.here, world.services
    await sites.add(services, here.staff[Role.BODY], sites.Typed("一号考点", "一楼", "20"))
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE cycle SET stages = stages || $2 WHERE id = $1",
            here.cycle.id,
            {"body_applications": ["2026-05-01", "2026-05-31"]},
        )
        other = await organisations.add_institution(tx, here.province_id, "医院丙")
        activations = [await _activation(tx, world, 7000 + number) for number in range(4)]
        await tx.execute("UPDATE exam_site SET used_at = $1", START)
        site = await tx.fetch_value("SELECT id FROM exam_site")
    await staff.add_to_institution(
        services, here.staff[Role.AUTHORITY], here.institution_id, "经办人", "employee"
    )
    await applications.apply(services, here.staff[Role.INSTITUTION], kind="institution", grounds="设施齐全")
    async with world.database.tx() as tx:
        application = await tx.fetch_value("SELECT id FROM body_application")
        employee = await tx.fetch_value("SELECT id FROM account WHERE username = 'employee'")
    rows = {
        "site": {"site": site},
        **{f"activation {number}": {"activation": each} for number, each in enumerate(activations)},
        "application": {"application": application},
        "cycle": {"cycle": here.cycle.id},
        "offices": {"institution": here.institution_id, "body": here.body_id},
        "employee": {"account": employee},
        "physician": {"account": here.general.account_id},
    }
    return {row: {name: str(each) for name, each in ids.items()} for row, ids in rows.items()}, other.id


async def _disputed(world: World) -> tuple[Attempt, UUID, UUID]:
    """A running paper that a colleague wants ended, whose physician asked for time and is to be seen."""
    attempt = (await world.open(world.here.physicians[2])).attempt
    colleague = await world.colleague(world.here, "colleague", body_id=world.here.body_id)
    await papers.request_termination(world.services, colleague, attempt.id, reason="替考")
    request_id = await papers.open_time_request(
        world.services,
        world.here.physicians[2],
        attempt.id,
        began_at=START,
        ended_at=START + timedelta(seconds=30),
        reason="停电",
    )
    identity_id = await proctor.ask_recheck(world.services, colleague, attempt.id, "与照片不太像")
    stream = await world.watch(attempt, START)
    await world.snapshot(attempt, stream, 1, Verdict.UNSURE, b"a picture")
    for own in (world.here.registrations[0], world.here.registrations[2]):
        await world.photo(own, b"a picture")
    return attempt, request_id, identity_id


async def _handed_in(world: World) -> UUID:
    """A picture of a form that is long submitted."""
    place, own = world.here, world.here.registrations[0]
    upload = await form.add_upload(
        world.services,
        own,
        place.cycle.policy,
        kind=UploadKind.LICENCE,
        slot="licence",
        data=a_picture(),
        may=lambda tx: registration.lock_registration(tx, own.id, own.province_id),
    )
    await check_pictures(world)
    return upload.id


async def _arranged(world: World) -> Attempt:
    """A paper that waits for staff to check its physician's identity in person."""
    await alternative.ask(world.services, world.here.simple, reason="")
    await alternative.arrange(
        world.services,
        world.here.staff[Role.BODY],
        world.here.registrations[1].id,
        place="一楼会议室",
        starts_at=START + timedelta(hours=1),
    )
    return await world.start(world.here.simple)


@dataclass(frozen=True)
class Furnished:
    """A scene at rest, everybody logged in: what a scene of a test's own is a copy of.

    Attributes:
        database: The name of its database, which nobody is connected to.
        sessions: The cookies and the CSRF token of everybody's browser.
    """

    database: str
    data_dir: Path
    scene: Scene
    sessions: Mapping[str, tuple[SimpleCookie, str]]


@pytest.fixture(scope="module")
async def furnished_scene(
    template_database: str, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Furnished]:
    data_dir = tmp_path_factory.mktemp("roles")
    async with own_database(template_database) as url:
        settings = settings_for(url, redis_server, data_dir)
        async with AsyncExitStack() as stack:
            database = await Database.connect(url, pool_size=4)
            stack.push_async_callback(database.close)
            world = await build_world(database, settings, Vault(settings.key("master_key")))
            server = await stack.enter_async_context(serving(world))
            scene = await build_scene(world, server, stack)
            strangers = [who for whose in STRANGERS.values() for who in whose]
            browsers = {who: await scene.browser(who) for who in (*EVERYBODY, *strangers)}
            sessions = {who: (cookies_of(browser), browser.csrf) for who, browser in browsers.items()}
        yield Furnished(url.rsplit("/", 1)[1].split("?")[0], data_dir, scene, sessions)


def cookies_of(browser: Browser) -> SimpleCookie:
    return browser.client.session.cookie_jar.filter_cookies(browser.client.make_url("/"))


@asynccontextmanager
async def copied(furnished: Furnished, redis_server: EmbeddedRedis) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(own_database(furnished.database))
        settings = settings_for(url, redis_server, furnished.data_dir)
        database = await Database.connect(url, pool_size=4)
        stack.push_async_callback(database.close)
        world = furnished.scene.world.moved_to(database, settings)
        server = await stack.enter_async_context(serving(world))
        scene = replace(furnished.scene, world=world, server=server, stack=stack, browsers={})
        for who, (cookies, csrf) in furnished.sessions.items():
            browser = await stack.enter_async_context(browsing(server, device=None))
            browser.client.session.cookie_jar.update_cookies(cookies, server.make_url("/").origin())
            browser.csrf = csrf
            scene.browsers[who] = browser
        yield scene


@pytest.fixture(scope="module")
async def calm_scene(furnished_scene: Furnished, redis_server: EmbeddedRedis) -> AsyncIterator[Scene]:
    """One for all the tests that leave it as it is."""
    async with copied(furnished_scene, redis_server) as scene:
        yield scene


@pytest.fixture(scope="module")
async def still_scene(furnished_scene: Furnished, redis_server: EmbeddedRedis) -> AsyncIterator[Scene]:
    """One for all the tests in which its own people only look."""
    async with copied(furnished_scene, redis_server) as scene:
        yield scene


@pytest.fixture
async def scene(
    furnished_scene: Furnished, redis_server: EmbeddedRedis, redis_client: object
) -> AsyncIterator[Scene]:
    """One of the test's own."""
    async with copied(furnished_scene, redis_server) as scene:
        yield scene


def own_origin(scene: Scene) -> str:
    return str(scene.server.make_url("/").origin())


def test_every_route_with_an_id_has_a_probe_of_foreign_scope() -> None:
    with_ids = {(route.method, route.path) for route in ROUTES if route.has_id and route.method != "HEAD"}
    assert with_ids == set(PROBES), "a route with an id needs a row in PROBES (and a gone one has none)"


def test_every_probe_asks_as_a_role_that_the_route_is_for() -> None:
    assert all(probe.owner in ACCESS[key] for key, probe in PROBES.items())


def test_what_is_public_is_what_should_be() -> None:
    assert {str(route) for route in ROUTES if route.access is PUBLIC and route.method != "HEAD"} == {
        "GET /",
        "GET /login",
        "POST /login",
        "GET /staff/login",
        "POST /staff/login",
        "GET /static/{build}/{name}",
        "GET /faq",
        "GET /support",
        "GET /metrics",  # for who has its token
        "GET /outbox",  # of a demonstration
        "POST /login/captcha",
        "GET /captcha.png",
        "GET /staff/login/code",
        "POST /staff/login/code",
        "GET /activate",
        "POST /activate",
        "GET /activate/code",
        "POST /activate/code",
        "POST /activate/code/again",
        "GET /activate/slip",
        "POST /activate/slip",
        "GET /activate/slip/code",
        "POST /activate/slip/code",
        "POST /activate/slip/code/again",
        "GET /register",
        "POST /register",
        "GET /agreement",
        "GET /privacy",
        "GET /forgot",
        "POST /forgot",
        "GET /forgot/code",
        "POST /forgot/code",
        "POST /forgot/code/again",
    }


def lets_in(route: Route, role: str) -> bool:
    return route.access is PUBLIC or role in route.access


def door_of(route: Route) -> str:
    """Where whoever isn't logged in is led from there."""
    return "/login" if lets_in(route, Role.PHYSICIAN) else "/staff/login"


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_route_refuses_the_roles_that_it_does_not_name(calm_scene: Scene, route: Route) -> None:
    refused = [role for role in EVERYBODY if not lets_in(route, role)]
    for role in refused:
        await calm_scene.browser(role)  # a login leaves traces
    before = await contents(calm_scene.world.database)
    for role in refused:
        answer, page = await asked(calm_scene, route, role, **JSON), await asked(calm_scene, route, role)
        if role == VISITOR:
            assert (answer.status, page.status) == (401, 303)
            assert page.headers["Location"].split("?")[0] == door_of(route)
            continue
        assert (answer.status, page.status) == (403, 403), role
        if route.method != "HEAD":
            assert (await answer.json())["error"]["code"] == "forbidden", role
            assert "权限" in await page.text(), role
    assert await contents(calm_scene.world.database) == before


@pytest.mark.parametrize("route", ROUTES, ids=str)
async def test_a_route_lets_in_the_roles_that_it_names(calm_scene: Scene, route: Route) -> None:
    for role in EVERYBODY:
        if not lets_in(route, role):
            continue
        answer = await asked(calm_scene, route, role, **JSON)
        if route.path in {"/metrics", "/outbox"}:  # a token opens the one, a demonstration has the other
            assert answer.status == 404
            continue
        assert answer.status not in {401, 403, 404, 405}, role
        assert answer.status < 500, role
        if route.path == "/logout":
            del calm_scene.browsers[role]


async def asked(scene: Scene, route: Route, role: str, **more: str) -> ClientResponse:
    """A request of somebody of this role, with all that a page of ours would send."""
    browser = await scene.browser(role)
    headers = {"Origin": own_origin(scene), "X-CSRF-Token": browser.csrf}
    return await browser.client.request(
        route.method, scene.address(route.path), headers=headers | more, allow_redirects=False
    )


@pytest.mark.parametrize("path", [path for method, path in PROBES if method == "GET" and not is_stream(path)])
async def test_the_same_role_of_another_scope_finds_nothing(still_scene: Scene, path: str) -> None:
    probe = await refused_to_strangers(still_scene, "GET", path)
    owner = await still_scene.browser(probe.owner)
    answer = await still_scene.ask(owner, probe, "GET", path)
    assert answer.status == probe.status, "the owner must be let in, or this test proves nothing"


@pytest.mark.parametrize("route", [route for route in UNSAFE if route.has_id], ids=str)
async def test_the_same_role_of_another_scope_changes_nothing(scene: Scene, route: Route) -> None:
    probe = await refused_to_strangers(scene, route.method, route.path)
    token = (await scene.browser(probe.owner)).csrf
    answer = await attacked(scene, route, token, origin=own_origin(scene))
    assert answer.status == probe.status, "the owner must be let in, or this test proves nothing"


async def refused_to_strangers(scene: Scene, method: str, path: str) -> Probe:
    """The same role of another scope asks what the route's owner would, finds nothing and changes nothing."""
    probe = PROBES[method, path]
    strangers = {who: await scene.browser(who) for role in ACCESS[method, path] for who in STRANGERS[role]}
    before = await contents(scene.world.database)
    for whose, stranger in strangers.items():
        for asked in (method, "HEAD") if method == "GET" else (method,):
            answer = await scene.ask(stranger, probe, asked, path)
            assert answer.status in {403, 404}, whose
            for secret in (scene.values["item"], scene.values["practice_item"], "医师1", "a picture"):
                assert secret not in await answer.text(), whose
    assert await contents(scene.world.database) == before
    return probe


@pytest.mark.parametrize(
    "path", [route.path for route in ROUTES if route.is_stream and route.has_id and route.method == "GET"]
)
async def test_frames_of_another_physician_are_not_taken(scene: Scene, path: str) -> None:
    address = scene.address(path, "running")

    async def greet(browser: Browser) -> dict[str, Any]:
        headers = {"Origin": own_origin(scene)}
        async with browser.client.ws_connect(address, headers=headers) as socket:
            await socket.send_json({"type": "hello", "csrf": browser.csrf, "purpose": "paper", "epoch": 1})
            return await socket.receive_json()

    owner, *strangers = [await scene.browser(who) for who in (Role.PHYSICIAN, *STRANGERS[Role.PHYSICIAN])]
    before = await contents(scene.world.database)
    for stranger in strangers:
        said = await greet(stranger)
        assert (said["type"], said["code"]) == ("closed", "no_such_attempt")
    assert await contents(scene.world.database) == before
    assert (await greet(owner))["type"] == "ready"


@pytest.mark.parametrize("role", [role for role in EVERYBODY if role != Role.PHYSICIAN])
async def test_frames_come_from_physicians_only(calm_scene: Scene, role: str) -> None:
    address = calm_scene.address("/attempts/{attempt}/stream", "running")
    headers = {"Origin": own_origin(calm_scene)}
    with pytest.raises(WSServerHandshakeError) as refusal:
        await (await calm_scene.browser(role)).client.ws_connect(address, headers=headers)
    assert refusal.value.status in {200, 401, 403}  # 200: the login page that a visitor is sent to


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1"])
async def test_frames_come_from_our_own_pages_only(calm_scene: Scene, origin: str | None) -> None:
    address = calm_scene.address("/attempts/{attempt}/stream", "running")
    headers = {"Origin": origin} if origin else {}
    with pytest.raises(WSServerHandshakeError) as refusal:
        await (await calm_scene.browser(Role.PHYSICIAN)).client.ws_connect(address, headers=headers)
    assert refusal.value.status == 403


async def test_a_picture_is_not_shown_through_an_attempt_that_it_is_not_of(scene: Scene) -> None:
    """The neighbour's own attempt opens for the neighbour, and still not with our picture."""
    world = scene.world
    theirs = await world.open(world.here.simple)
    async with world.database.tx() as tx:
        await tx.execute(
            "UPDATE attempt SET body_id = $2 WHERE id = $1", theirs.attempt.id, world.here.other_body_id
        )
    neighbour = await scene.browser(ANOTHER_BODY)
    own = await neighbour.get(f"/review/{theirs.attempt.id}")
    assert own.status == 200
    picture = scene.rows["marked"]["check"]
    answer = await neighbour.get(f"/review/{theirs.attempt.id}/snapshots/{picture}")
    assert answer.status == 404


async def test_a_cursor_of_another_scope_lists_only_the_own_scope(scene: Scene) -> None:
    neighbour = await scene.browser(ANOTHER_BODY)
    for cursor in ("ffffffff-ffff-ffff-ffff-ffffffffffff", scene.rows["running"]["attempt"]):
        text = await (await neighbour.get(f"/review?tab=all&cursor={cursor}")).text()
        assert "医师1" not in text
    text = await (await (await scene.browser(Role.BODY)).get("/review?tab=all")).text()
    assert "医师1" in text


async def test_a_bank_of_another_province_is_not_practised(scene: Scene) -> None:
    world = scene.world
    async with world.database.tx() as tx:
        bank = await tx.fetch_value(
            "SELECT id FROM bank WHERE title = '人文练习' AND province_id = $1", world.elsewhere.province_id
        )
    browser = await scene.browser(Role.PHYSICIAN)
    before = await contents(world.database)
    answer = await browser.submit("/practice", bank=str(bank))
    assert answer.status == 403
    assert await contents(world.database) == before


BAD_IDS = ("0", "x" * 300, "%00", "..%2f..", "00000000-0000-7000-8000-000000000000")


@pytest.mark.parametrize("path", sorted({path for method, path in PROBES if method == "GET"}))
async def test_an_id_that_is_nobodys_is_not_found(calm_scene: Scene, path: str) -> None:
    browser = await calm_scene.browser(PROBES["GET", path].owner)
    for bad in BAD_IDS:
        address = re.sub(r"{\w+}", lambda _, bad=bad: bad, path)
        answer = await browser.get(address, headers={"Origin": own_origin(calm_scene)})
        if path.endswith("/stream"):
            assert answer.status in {400, 404}, bad  # no WebSocket was asked for
        else:
            assert answer.status == 404, bad


ORIGINS = ("https://evil.example", "null", "{own}.evil.example", "http://127.0.0.1:1", "evil:{own}")


def asker(route: Route) -> str:
    """Whose request a route's is: its rows' owner's, or of any role that it is for."""
    if probe := PROBES.get((route.method, route.path)):
        return probe.owner
    return VISITOR if route.access is PUBLIC else min(route.access)


async def token_of(scene: Scene, route: Route) -> str:
    return (await scene.browser(asker(route))).csrf


async def attacked(
    scene: Scene, route: Route, token: str | None, *, origin: str | None = None, query: str = ""
) -> ClientResponse:
    """The asker's own request, as a page of somebody else would send it with the asker's cookies."""
    probe = PROBES.get((route.method, route.path))
    address = scene.address(route.path, probe.row if probe else None) + query
    headers = JSON | ({"Origin": origin} if origin else {})
    client = (await scene.browser(asker(route))).client
    if probe and probe.is_json:
        headers |= {} if token is None else {"X-CSRF-Token": token}
        body = scene.filled(probe)
        return await client.request(route.method, address, json=body, headers=headers, allow_redirects=False)
    form = {"accept": "yes", "version": "notice-2026-1"} | (scene.filled(probe) if probe else {})
    form |= {} if token is None else {"csrf_token": token}
    return await client.request(route.method, address, data=form, headers=headers, allow_redirects=False)


@pytest.mark.parametrize("route", UNSAFE, ids=str)
async def test_nothing_changes_without_the_sessions_own_token(calm_scene: Scene, route: Route) -> None:
    own = await token_of(calm_scene, route)
    stranger = (await calm_scene.browser(BODY_ELSEWHERE)).csrf
    visitor = (await calm_scene.browser(VISITOR)).csrf
    attacks = {
        "no token": (None, ""),
        "an empty token": ("", ""),
        "a visitor's token": (visitor if visitor != own else stranger, ""),
        "another session's token": (stranger, ""),
        "in the address": (None, f"?csrf_token={own}"),
    }
    before = await contents(calm_scene.world.database)
    for attack, (token, query) in attacks.items():
        answer = await attacked(calm_scene, route, token, query=query)
        assert answer.status == 403, attack
        assert (await answer.json())["error"]["code"] == "bad_csrf", attack
    assert await contents(calm_scene.world.database) == before


@pytest.mark.parametrize("route", [route for route in UNSAFE if route.access is not PUBLIC], ids=str)
async def test_a_page_whose_session_is_gone_is_sent_to_the_login(calm_scene: Scene, route: Route) -> None:
    """After a logout in another tab the cookie is gone, and the token on the page belongs to nothing."""
    token = await token_of(calm_scene, route)
    address = calm_scene.address(route.path)
    client = (await calm_scene.browser(VISITOR)).client
    headers = {"X-CSRF-Token": token, "Origin": own_origin(calm_scene)} | JSON
    answer = await client.request(route.method, address, json={}, headers=headers, allow_redirects=False)
    assert answer.status == 401
    assert (await answer.json())["error"]["code"] == "login_required"
    form = {"csrf_token": token}
    page = await client.request(route.method, address, data=form, allow_redirects=False)
    assert (page.status, page.headers["Location"]) == (303, door_of(route))


@pytest.mark.parametrize("route", UNSAFE, ids=str)
async def test_nothing_changes_at_the_word_of_another_site(calm_scene: Scene, route: Route) -> None:
    token = await token_of(calm_scene, route)
    before = await contents(calm_scene.world.database)
    for origin in ORIGINS:
        named = origin.format(own=own_origin(calm_scene))
        answer = await attacked(calm_scene, route, token, origin=named)
        assert answer.status == 403, named
        assert (await answer.json())["error"]["code"] == "bad_origin", named
    assert await contents(calm_scene.world.database) == before


@pytest.mark.parametrize("route", [route for route in UNSAFE if not route.has_id], ids=str)
async def test_with_token_and_own_origin_the_same_request_comes_in(calm_scene: Scene, route: Route) -> None:
    """Or the tests before this one would prove nothing; for routes with ids the owner's requests prove it."""
    token = await token_of(calm_scene, route)
    answer = await attacked(calm_scene, route, token, origin=own_origin(calm_scene))
    assert answer.status not in {401, 403, 404}
    assert answer.status < 500
    if route.path == "/logout":
        del calm_scene.browsers[asker(route)]


async def test_a_token_ends_with_its_session(scene: Scene) -> None:
    browser = await scene.browser(Role.PHYSICIAN)
    old = browser.csrf
    await browser.submit("/logout")
    await browser.login(scene.world.here, scene.world.here.general)
    assert browser.csrf != old
    browser.csrf = old
    answer = await browser.submit("/logout")
    assert answer.status == 403
