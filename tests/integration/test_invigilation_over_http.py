"""测评监控 over HTTP: the list, live too, one attempt and its forms, special needs, make-up, the journal."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from aiohttp import ClientResponse, FormData
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.policy import Subject
from exam_service.ids import new_id
from exam_service.invigilation import queries
from exam_service.invigilation.model import PAGE_SIZE, Standing
from exam_service.papers import usecases as papers
from exam_service.papers.model import Attempt, State
from exam_service.papers.timing import SILENT_AFTER
from tests.world import START, Another, Browser, Place, World, contents

pytestmark = pytest.mark.usefixtures("redis_client")

COLLEAGUE = "colleague"


@pytest.fixture
async def colleague(another: Another, world: World) -> Browser:
    await world.colleague(world.here, COLLEAGUE, body_id=world.here.body_id)
    return await another(COLLEAGUE)


def plain(text: str) -> str:
    """What a person reads of a page."""
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"(?s)<template.*?</template>", "", text)).split())


def keys(text: str) -> list[str]:
    """The rows of a list, in order."""
    return re.findall(r'data-key="([^"]+)"', text)


async def page(browser: Browser, address: str = "/invigilation") -> str:
    answer = await browser.get(address)
    assert answer.status == 200
    return await answer.text()


async def live(browser: Browser, query: str = "") -> dict[str, Any]:
    answer = await browser.client.get(f"/invigilation/live{query}", headers={"Accept": "application/json"})
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


def row_of(found: dict[str, Any], place: Place, index: int, subject: Subject) -> dict[str, Any]:
    key = f"{place.registrations[index].id}.{subject}"
    (row,) = [row for row in found["rows"] if row["key"] == key]
    return row


async def journal(world: World, action: str) -> list[dict[str, Any]]:
    async with world.database.tx() as tx:
        rows = await tx.fetch("SELECT * FROM audit_entry WHERE action = $1 ORDER BY id", action)
    return [dict(row) for row in rows]


async def column(world: World, attempt: Attempt, name: str) -> Any:
    async with world.database.tx() as tx:
        return await tx.fetch_value(f"SELECT {name} FROM attempt WHERE id = $1", attempt.id)


async def set_attempt(world: World, attempt: Attempt, **columns: object) -> None:
    async with world.database.tx() as tx:
        for name, value in columns.items():
            await tx.execute(f"UPDATE attempt SET {name} = $2 WHERE id = $1", attempt.id, value)


# The list


async def test_the_list_has_every_paper_that_may_be_sat(body: Browser, world: World) -> None:
    text = await page(body)
    general, first, second = world.here.registrations
    assert keys(text) == [
        f"{general.id}.humanities",
        f"{general.id}.professional",
        f"{first.id}.humanities",
        f"{second.id}.humanities",
    ]
    said = plain(text)
    assert "430" in said
    assert "***********" in said
    assert world.here.number_of(world.here.general) not in text
    assert said.count("未开始") >= 4
    assert "全部 4" in said


async def test_a_paper_is_followed_from_its_start_to_its_end(body: Browser, world: World) -> None:
    physician = world.here.general
    seen: list[tuple[str, str]] = []

    async def look() -> dict[str, Any]:
        row = row_of(await live(body), world.here, 0, Subject.HUMANITIES)
        seen.append((row["label"], row["detail"]))
        return row

    await look()
    attempt = await world.start(physician)
    await look()
    await set_attempt(world, attempt, checked_at=START)
    await look()
    await set_attempt(world, attempt, checked_at=START - timedelta(hours=2))
    await look()
    await set_attempt(world, attempt, checked_at=None)
    paper = await world.open(physician)
    row = await look()
    assert row["left_ms"] == 60 * 60_000
    assert row["href"] == f"/invigilation/{attempt.id}"
    world.clock.move(seconds=46)
    row = await look()
    assert row["left_ms"] == 60 * 60_000 - 46_000
    handed_in = await world.hand_in(paper, right=3)
    assert handed_in.state is State.MARKED
    row = await look()
    assert row["left_ms"] is None
    assert seen == [
        ("未开始", ""),
        ("核验中", ""),
        ("待进入", ""),
        ("核验中", ""),
        ("答题中", "已答0/50"),
        ("离线", "10:00:00起 · 已答0/50"),
        ("已交卷", "已答3/50"),
    ]


@pytest.mark.parametrize(
    ("state", "checked", "last_seen", "standing"),
    [
        (None, False, None, Standing.WAITING),
        ("prepared", False, None, Standing.CHECKING),
        ("prepared", True, None, Standing.READY),
        ("admitted", True, 0, Standing.ANSWERING),
        ("running", True, 45, Standing.ANSWERING),
        ("running", True, 46, Standing.OFFLINE),
        ("admitted", True, 46, Standing.OFFLINE),
        ("closing", True, 46, Standing.COLLECTING),
        ("closed", True, 46, Standing.COLLECTING),
        ("marked", True, 46, Standing.HANDED_IN),
        ("confirmed", True, 46, Standing.HANDED_IN),
        ("terminated", True, 46, Standing.TERMINATED),
    ],
)
async def test_how_a_paper_stands(
    database_url: str,
    state: str | None,
    checked: bool,  # noqa: FBT001
    last_seen: int | None,
    standing: Standing,
) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        found = await connection.fetchval(
            "SELECT attempt_standing($1, $2, $3, $4)",
            state,
            START if checked else None,
            None if last_seen is None else START - timedelta(seconds=last_seen),
            START - SILENT_AFTER,
        )
    finally:
        await connection.close()
    assert found == standing


async def test_tabs_narrow_the_list_and_count_it(body: Browser, world: World) -> None:
    paper = await world.open(world.here.general)
    await world.start(world.here.simple)
    tabs = {
        "answering": [f"{world.here.registrations[0].id}.humanities"],
        "checking": [f"{world.here.registrations[1].id}.humanities"],
        "waiting": [
            f"{world.here.registrations[0].id}.professional",
            f"{world.here.registrations[2].id}.humanities",
        ],
        "offline": [],
        "attention": [],
        "handed_in": [],
        "terminated": [],
    }
    counts = (await live(body))["counts"]
    for tab, expected in tabs.items():
        assert keys(await page(body, f"/invigilation?tab={tab}")) == expected
        assert [row["key"] for row in (await live(body, f"?tab={tab}"))["rows"]] == expected
        assert counts[tab] == len(expected)
    assert counts["all"] == 4
    world.clock.move(minutes=5)
    await papers.open_time_request(
        world.services,
        world.here.general,
        paper.attempt.id,
        began_at=START,
        ended_at=START + timedelta(minutes=2),
        reason="断网",
    )
    found = await live(body, "?tab=attention")
    assert found["counts"]["attention"] == 1
    (row,) = found["rows"]
    assert row["flags"] == [{"label": "补时申请", "href": f"/invigilation/{paper.attempt.id}#requests"}]


@pytest.mark.parametrize(
    ("name", "found"),
    [("医师", 4), ("师1", 2), ("医师2", 1), ("没有", 0), ("%", 0), ("_", 0), ("\\", 0), ("' OR 1=1", 0)],
)
async def test_a_name_is_searched_as_it_was_typed(body: Browser, name: str, found: int) -> None:
    answer = await body.get("/invigilation", params={"q": name})
    text = await answer.text()
    assert len(keys(text)) == found
    if not found:
        assert "没有找到姓名含" in text


async def test_a_search_does_not_change_whom_a_notice_to_all_reaches(body: Browser, world: World) -> None:
    await world.open(world.here.simple)
    for query in ("", "?q=nobody"):
        assert '<span class="figures" id="being-sat">1</span>' in await page(body, f"/invigilation{query}")


async def test_an_empty_list_says_why(body: Browser, another: Another, world: World) -> None:
    assert "没有需要处理的事项" in await page(body, "/invigilation?tab=attention")
    await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    assert "还没有可以参加测评的医师" in await page(await another("neighbour"))
    world.clock.move(days=9)
    body_again = await another("hunan-body")
    assert "现在没有开放的测评" in await page(body_again)


async def test_another_body_and_another_province_see_none_of_it(another: Another, world: World) -> None:
    await world.open(world.here.general)
    await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    ours = {str(own.id) for own in world.here.registrations}
    for who, theirs in (("neighbour", 0), ("henan-body", 4)):
        browser = await another(who)
        shown = keys(await page(browser)) + [row["key"] for row in (await live(browser))["rows"]]
        assert not ours & {key.split(".")[0] for key in shown}
        assert len(shown) == 2 * theirs
        cursor = "00000000-0000-0000-0000-000000000000.humanities"
        assert len((await live(browser, f"?after={cursor}"))["rows"]) == theirs


async def test_an_exempted_paper_and_a_registration_that_is_not_complete_are_not_listed(
    body: Browser, world: World
) -> None:
    general, first, _ = world.here.registrations
    async with world.database.tx() as tx:
        await tx.execute(
            "INSERT INTO exemption VALUES ($1, 'professional', 'hunan', '规培', NULL, $2)", general.id, START
        )
        await tx.execute("UPDATE registration SET state = 'body_review' WHERE id = $1", first.id)
    assert [key.split(".")[1] for key in keys(await page(body))] == ["humanities", "humanities"]


async def test_a_void_attempt_is_as_none(body: Browser, world: World) -> None:
    attempt = (await world.open(world.here.general)).attempt
    await set_attempt(world, attempt, state="void")
    row = row_of(await live(body), world.here, 0, Subject.HUMANITIES)
    assert row["label"] == "未开始"


async def test_who_got_time_past_the_last_day_stays_in_sight(
    body: Browser, another: Another, world: World
) -> None:
    await world.open(world.here.general)
    world.clock.move(days=9)
    late = await another("hunan-body")
    (row,) = (await live(late))["rows"]
    assert row["label"] == "离线"


async def test_a_make_up_round_lists_what_was_failed_as_not_begun(
    body: Browser, another: Another, world: World
) -> None:
    failed = await world.hand_in(await world.open(world.here.general), right=3)
    passed = await world.hand_in(await world.open(world.here.simple), right=50)
    assert (failed.passed, passed.passed) == (False, True)
    first = in_china(world.clock.now()).date() + timedelta(days=10)
    await papers.open_makeup_round(
        world.database, world.clock, world.here.staff[Role.BODY], world.here.cycle.id, first, first
    )
    world.clock.move(days=10)
    (row,) = (await live(await another("hunan-body")))["rows"]
    assert row["key"] == f"{world.here.registrations[0].id}.humanities"
    assert row["label"] == "未开始"


# Many


async def add_physicians(world: World, count: int, *, body_id: object) -> None:
    """Registrations of a body, each with a humanities paper that is being sat."""
    place = world.here
    async with world.database.tx() as tx:
        await tx.execute(
            """
            WITH people AS (
                INSERT INTO account (id, province_id, role, name, document_hash, created_at)
                SELECT gen_random_uuid(), 'hunan', 'physician', '张' || n,
                       sha256(convert_to($1 || n::text, 'UTF8')), $2
                FROM generate_series(1, $3) AS n
                RETURNING id
            ), registrations AS (
                INSERT INTO registration (id, province_id, cycle_id, account_id, institution_id, body_id,
                                          state, procedure, category, level, created_at)
                SELECT gen_random_uuid(), 'hunan', $4, id, $5, $6,
                       'testing', 'simple', 'clinical', 'licensed', $2
                FROM people
                RETURNING id, account_id
            ), attempts AS (
                INSERT INTO attempt (id, province_id, registration_id, cycle_id, account_id, institution_id,
                                     body_id, subject, ordinal, state, rule, notice_version,
                                     notice_accepted_at, admitted_at, deadline, total)
                SELECT gen_random_uuid(), 'hunan', id, $4, account_id, $5,
                       $6, 'humanities', 1, 'running', $7, 'v', $2, $2, $2 + interval '1 hour', 50
                FROM registrations
                RETURNING id
            )
            INSERT INTO presence (attempt_id, seen_at, epoch) SELECT id, $2, 1 FROM attempts
            """,
            str(body_id),
            START,
            count,
            place.cycle.id,
            place.institution_id,
            body_id,
            {},
        )
        await tx.execute("ANALYZE")


async def test_pages_follow_each_other_without_loss_or_repetition(body: Browser, world: World) -> None:
    await add_physicians(world, 2 * PAGE_SIZE, body_id=world.here.body_id)
    found, query = [], ""
    for _ in range(4):
        text = await page(body, f"/invigilation{query}")
        found.append(keys(text))
        following = re.search(r'href="/invigilation(\?[^"]*)">下一页', text)
        query = following[1].replace("&amp;", "&") if following else ""
        if not following:
            break
    assert [len(rows) for rows in found] == [PAGE_SIZE, PAGE_SIZE, 4]
    every = [key for rows in found for key in rows]
    assert len(set(every)) == len(every) == 2 * PAGE_SIZE + 4
    assert every == sorted(every)


async def test_five_thousand_registrations_are_listed_by_index(
    body: Browser, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What PostgreSQL says that it does, for the statements and values of a real request."""
    await add_physicians(world, 5000, body_id=world.here.body_id)
    await add_physicians(world, 5000, body_id=world.here.other_body_id)
    plans: dict[str, str] = {}
    texts = {queries.SQL[name]: name for name in ("select_listed", "count_listed")}
    async with world.database.tx() as tx:
        real = type(tx).fetch

    async def fetch(tx: Any, sql: str, *args: object) -> Any:
        if sql in texts:
            explained = await real(tx, f"EXPLAIN (FORMAT JSON) {sql}", *args)
            plans[texts[sql]] = json.dumps(json.loads(explained[0]["QUERY PLAN"]))
        return await real(tx, sql, *args)

    monkeypatch.setattr(type(tx), "fetch", fetch)
    text = await page(body)
    assert len(keys(text)) == PAGE_SIZE
    assert "全部 5004" in plain(text)
    assert set(plans) == {"select_listed", "count_listed"}
    listing = plans["select_listed"]
    assert "registration_body_order" in listing
    assert '"Sort"' not in listing, "the rows come in the order of the index"
    for table in ("attempt", "registration", "account", "presence"):
        assert not re.search(rf'"Seq Scan"[^{{}}]*"Relation Name": "{table}"', listing), table


# The journal of viewings


async def test_every_list_is_recorded_and_watching_once_a_minute(body: Browser, world: World) -> None:
    await page(body, "/invigilation?tab=waiting")
    (entry,) = await journal(world, "invigilation.listed")
    assert entry["subject_id"] == world.here.body_id
    assert entry["actor_id"] == world.here.staff[Role.BODY].account_id
    assert entry["facts"]["tab"] == "waiting"
    assert len(entry["facts"]["papers"]) == 4
    for _ in range(3):
        await live(body)
    assert len(await journal(world, "invigilation.watched")) == 1
    world.clock.move(minutes=1)
    await live(body)
    assert len(await journal(world, "invigilation.watched")) == 2


async def test_the_live_list_tells_no_identity_number(body: Browser, world: World) -> None:
    said = json.dumps(await live(body), ensure_ascii=False)
    assert "430" not in said
    assert "***" not in said


# One attempt


async def test_the_page_of_an_attempt_tells_what_happened(
    body: Browser, colleague: Browser, world: World
) -> None:
    attempt = (await world.open(world.here.general)).attempt
    address = f"/invigilation/{attempt.id}"
    world.clock.move(minutes=3)
    await page(body, address)
    await body.submit(f"{address}/extension", minutes="10", reason="停电")
    await body.submit(f"{address}/notices", text="请面向摄像头")
    await body.submit(f"{address}/lease-release", reason="手机没电")
    async with world.database.tx() as tx:
        await tx.execute(
            "INSERT INTO presence_gap VALUES ($1, $2, $3)", attempt.id, START, START + timedelta(seconds=65)
        )
        await tx.execute("INSERT INTO takeover VALUES ($1, $2, $3, FALSE)", attempt.id, bytes(32), START)
        for kind in ("hidden", "hidden", "paste"):
            await tx.execute(
                "INSERT INTO page_event VALUES ($1, $2, 1, $3, $4, $4)", new_id(), attempt.id, kind, START
            )
    said = plain(await page(body, address))
    for words in (
        "进入测评，开始计时",
        "打开试卷",
        "延长时间 10分00秒 （body人员） 停电",
        "发送通知，医师尚未确认 （body人员） 请面向摄像头",
        "释放设备占用 （body人员） 手机没电",
        "与页面失去联系 1分05秒",
        "未核验人脸即更换设备",
        "离开页面 2",
        "粘贴 1",
        "430",
    ):
        assert words in said, words
    assert len(await journal(world, "attempt.viewed")) == 1


async def test_an_extension_reaches_the_physician(body: Browser, another: Another, world: World) -> None:
    attempt = (await world.open(world.here.general)).attempt
    answer = await body.submit(f"/invigilation/{attempt.id}/extension", minutes="15", reason="停电")
    assert (answer.status, answer.headers["Location"]) == (303, f"/invigilation/{attempt.id}")
    assert "已延长15分钟" in await page(body, f"/invigilation/{attempt.id}")
    physician = await another("physician")
    presence = await physician.send(f"/attempts/{attempt.id}/presence", {"epoch": 1, "events": []})
    assert (await presence.json())["time_left_ms"] == 75 * 60_000


REFUSED = [
    ("extension", {"minutes": "0", "reason": "停电了"}, "1至60", "停电了"),
    ("extension", {"minutes": "十", "reason": "停电了"}, "1至60", "停电了"),
    ("extension", {"minutes": "5", "reason": " "}, "请填写理由", 'value="5"'),
    ("extension", {"minutes": "5", "reason": "长" * 201}, "不能超过200字", "长" * 201),
    ("extension", {"minutes": "9" * 5000, "reason": "停电了"}, "1至60", "停电了"),
    ("notices", {"text": ""}, "请填写通知内容", ""),
    ("lease-release", {"reason": ""}, "请填写理由", ""),
    ("termination", {"reason": "长" * 201}, "不能超过200字", "长" * 201),
    ("termination/confirmation", {}, "没有待确认的终止申请", ""),
    ("termination/withdrawal", {}, "没有待确认的终止申请", ""),
    ("import", {}, "请选择医师导出的答案文件", ""),
]


@pytest.mark.parametrize(("form", "fields", "words", "kept"), REFUSED, ids=str)
async def test_what_is_refused_is_said_at_its_form_with_what_was_typed(
    body: Browser, world: World, form: str, fields: dict[str, str], words: str, kept: str
) -> None:
    attempt = (await world.open(world.here.general)).attempt
    address = f"/invigilation/{attempt.id}"
    await page(body, address)
    before = await contents(world.database)
    answer = await body.submit(f"{address}/{form}", **fields)
    text = await answer.text()
    assert answer.status in {409, 422}
    assert words in text
    assert kept in text
    assert '<details class="card fold' in text
    assert " open>" in text
    assert await contents(world.database) == before


async def test_what_was_typed_is_shown_not_run(body: Browser, world: World) -> None:
    attempt = (await world.open(world.here.general)).attempt
    answer = await body.submit(
        f"/invigilation/{attempt.id}/extension",
        minutes='"><b>',
        reason="</textarea><script>alert(1)</script>",
    )
    text = await answer.text()
    assert "<script>alert(1)" not in text
    assert '"><b>' not in text
    await body.submit(f"/invigilation/{attempt.id}/notices", text="<script>alert(2)</script>")
    assert "<script>alert(2)" not in await page(body, f"/invigilation/{attempt.id}")


async def test_two_people_end_a_paper(
    body: Browser, colleague: Browser, another: Another, world: World
) -> None:
    attempt = (await world.open(world.here.general)).attempt
    address = f"/invigilation/{attempt.id}"
    assert (await body.submit(f"{address}/termination", reason="替考")).status == 303
    (row,) = [row for row in (await live(body))["rows"] if row["flags"]]
    assert row["flags"][0]["label"] == "终止待确认"
    own = await page(body, address)
    assert "您是申请人" in own
    assert "termination/confirmation" not in own
    alone = await body.submit(f"{address}/termination/confirmation")
    assert alone.status == 409
    assert "另一位工作人员" in await alone.text()
    assert await column(world, attempt, "state") == "running"
    theirs = plain(await page(colleague, address))
    assert "body人员 于" in theirs
    assert "替考" in theirs
    assert (await colleague.submit(f"{address}/termination/confirmation")).status == 303
    assert await column(world, attempt, "state") == "terminated"
    assert row_of(await live(body), world.here, 0, Subject.HUMANITIES)["label"] == "已终止"
    result = await (await another("physician")).get(f"/attempts/{attempt.id}/result")
    assert "已终止" in await result.text()


async def test_a_request_for_time_is_decided_on_the_page(
    body: Browser, another: Another, world: World
) -> None:
    attempt = (await world.open(world.here.general)).attempt
    world.clock.move(minutes=12)
    request_id = await papers.open_time_request(
        world.services,
        world.here.general,
        attempt.id,
        began_at=START + timedelta(minutes=5),
        ended_at=START + timedelta(minutes=9),
        reason="小区停电",
    )
    address = f"/invigilation/{attempt.id}"
    text = await page(body, address)
    assert "小区停电" in text
    assert "没有失去联系" in text
    assert 'value="4"' in text, "as many minutes as were asked for are proposed"
    refused = await body.submit(f"{address}/time-requests/{request_id}/grant", minutes="200", note="属实")
    assert refused.status == 422
    assert "1至120" in await refused.text()
    granted = await body.submit(f"{address}/time-requests/{request_id}/grant", minutes="3", note="属实")
    assert granted.status == 303
    assert await column(world, attempt, "deadline") == START + timedelta(minutes=63)
    assert "已同意" in await page(body, address)
    again = await body.submit(f"{address}/time-requests/{request_id}/refusal", note="晚了")
    assert again.status == 409
    assert "已由他人处理" in await again.text()


async def upload(browser: Browser, address: str, content: bytes) -> ClientResponse:
    form = FormData()
    form.add_field("csrf_token", browser.csrf)
    form.add_field("file", content, filename="answers.json", content_type="application/json")
    return await browser.client.post(address, data=form, allow_redirects=False)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b"", 422, "空的"),
        (b"no export", 422, "不是从答题页导出的答案文件"),
        (b"x" * (1024 * 1024 + 1), 413, "文件太大"),
    ],
    ids=["empty", "something else", "too large"],
)
async def test_a_file_that_is_no_export_is_refused(
    body: Browser, world: World, content: bytes, status: int, words: str
) -> None:
    attempt = (await world.open(world.here.general)).attempt
    await page(body, f"/invigilation/{attempt.id}")
    answer = await upload(body, f"/invigilation/{attempt.id}/import", content)
    assert answer.status == status
    assert words in await answer.text()


async def test_an_exported_file_is_imported_and_its_outcome_said(body: Browser, world: World) -> None:
    paper = await world.open(world.here.general)
    attempt, item = paper.attempt, paper.items[0]
    cipher = AESGCM(papers.outbox_key(world.vault, attempt.id))
    answer = {
        "item": str(item.id),
        "option": str(item.options[0].id),
        "client_time": world.clock.now().isoformat(),
    }
    sealed = cipher.encrypt(bytes(12), json.dumps(answer).encode(), f"{attempt.id}|1|1".encode())
    entry = {"epoch": 1, "seq": 1, "iv": b64encode(bytes(12)).decode(), "data": b64encode(sealed).decode()}
    export = {"format": "exam-outbox-1", "attempt": str(attempt.id), "entries": [entry]}
    address = f"/invigilation/{attempt.id}"
    await page(body, address)
    answered = await upload(body, f"{address}/import", json.dumps(export).encode())
    assert (answered.status, answered.headers["Location"]) == (303, address)
    said = plain(await page(body, address))
    assert "导入完成：计入1条" in said
    assert "已答1/50" in said


# All papers


async def test_a_notice_to_all_says_how_many_it_reached(body: Browser, world: World) -> None:
    await page(body)
    refused = await body.submit("/invigilation/notices", text="还有十分钟")
    assert refused.status == 409
    text = await refused.text()
    assert "没有医师正在答题" in text
    assert "还有十分钟" in text
    for principal in (world.here.general, world.here.simple):
        await world.open(principal)
    assert (await body.submit("/invigilation/notices", text="还有十分钟")).status == 303
    assert "正在答题的2份试卷" in await page(body)


# Special needs


async def test_extra_minutes_are_granted_on_the_page_of_a_registration(body: Browser, world: World) -> None:
    own = world.here.registrations[0]
    address = f"/invigilation/registrations/{own.id}"
    assert address in await page(body)
    text = await page(body, address)
    assert text.count('name="subject"') == 2
    refused = await body.submit(
        f"{address}/overrides", subject="humanities", minutes="121", reason="视力障碍"
    )
    kept = await refused.text()
    assert refused.status == 422
    assert "1至120" in kept
    assert "视力障碍" in kept
    assert 'value="121"' in kept
    assert re.search(r'value="humanities" required checked', kept)
    nothing = await body.submit(f"{address}/overrides", subject="poetry", minutes="5", reason="视力障碍")
    assert nothing.status == 422
    granted = await body.submit(f"{address}/overrides", subject="humanities", minutes="20", reason="视力障碍")
    assert granted.status == 303
    assert "特殊加时20分钟" in plain(await page(body, address))
    paper = await world.open(world.here.general)
    assert paper.attempt.deadline == START + timedelta(minutes=80)
    late = await body.submit(f"{address}/overrides", subject="humanities", minutes="30", reason="视力障碍")
    assert late.status == 409
    assert "延长时间" in await late.text()


# Make-up


async def test_a_round_is_opened_within_the_days_of_the_authority(body: Browser, world: World) -> None:
    text = await page(body, "/invigilation/makeup")
    assert "还没有开放过补考" in text
    assert world.here.cycle.title in text
    today = in_china(world.clock.now()).date()

    async def ask(opens: object, closes: object, cycle: object = world.here.cycle.id) -> ClientResponse:
        return await body.submit(
            "/invigilation/makeup", cycle=str(cycle), opens=str(opens), closes=str(closes)
        )

    good = (today + timedelta(days=12), today + timedelta(days=14))
    for opens, closes, cycle, words in (
        ("明天", good[1], world.here.cycle.id, "请填写开始日期"),
        (good[1], good[0], world.here.cycle.id, "不能晚于"),
        (today, good[1], world.here.cycle.id, "卫生行政部门"),
        (*good, "x", "请选择考核周期"),
        (*good, world.elsewhere.cycle.id, "没有找到"),
    ):
        refused = await ask(opens, closes, cycle)
        kept = await refused.text()
        assert refused.status in {404, 422}, words
        assert words in kept
        assert f'value="{closes}"' in kept
    assert (await ask(*good)).status == 303
    said = plain(await page(body, "/invigilation/makeup"))
    assert "补考已开放" in said
    assert f"未开始 {good[0]:%Y-%m-%d} 至 {good[1]:%Y-%m-%d}" in said
    assert (await ask(*good)).status == 409


# Home


async def test_home_leads_to_the_list(body: Browser, world: World) -> None:
    await world.open(world.here.general)
    text = await (await body.get("/home")).text()
    assert 'href="/invigilation"' in text
    assert "测评监控 1 份试卷正在作答" in plain(text)


async def test_many_look_at_once(body: Browser, world: World) -> None:
    await add_physicians(world, 200, body_id=world.here.body_id)
    answers = await asyncio.gather(*(live(body, "?tab=answering") for _ in range(10)))
    assert {len(answer["rows"]) for answer in answers} == {PAGE_SIZE}
