"""免考: applied for, decided level by level, and what follows for the paper and for the cycle."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestServer

from exam_service.accounts.model import Principal, Role
from exam_service.cycles.policy import Stage, Subject
from exam_service.errors import Conflict, NotFound
from exam_service.exemptions import usecases as exemptions
from exam_service.exemptions.model import Outcome, State
from exam_service.papers import usecases as papers
from exam_service.registration import usecases as registration
from exam_service.registration.form import usecases as form
from exam_service.registration.model import Result
from exam_service.registration.model import State as Registered
from tests.world import START, Browser, Place, World, browsing, camera_frame, portrait

PROFESSIONAL = Subject.PROFESSIONAL


@pytest.fixture
def picture() -> bytes:
    return camera_frame(portrait())


@pytest.fixture
async def shanxi(world: World) -> Place:
    """A province whose general procedure has one paper, which may be waived."""
    return await world.open_province("shanxi", "shanxi-2024")


async def apply(world: World, place: Place, picture: bytes, subject: Subject = PROFESSIONAL) -> UUID:
    """``place``'s general physician applies; gives the application."""
    await exemptions.apply(
        world.services,
        place.general,
        subject,
        conditions=["residency"],
        statement="证书附后",
        pictures=[picture],
    )
    page = await exemptions.own_page(world.services, place.general)
    assert page is not None
    return next(paper for paper in page.papers if paper.subject is subject).claims[0].application.id


async def check_pictures(world: World) -> None:
    """What a worker does, with every picture good."""
    while claimed := await form.claim_upload(world.services):
        await form.record_check(world.services, claimed, form.Finding(claimed.data, 640, 480))


async def decide(
    world: World, place: Place, role: Role, application: UUID, *, granted: bool = True, reason: str = ""
) -> Outcome:
    return await exemptions.decide(
        world.services, place.staff[role], application, granted=granted, reason=reason
    )


async def standing(world: World, place: Place) -> tuple[Registered, Result | None]:
    own = place.registrations[0]
    async with world.database.tx() as tx:
        now = await registration.registration_of(tx, own.id, own.province_id)
    return now.state, now.result


class Desk:
    """Browsers of the three who have a part in it."""

    def __init__(self, physician: Browser, institution: Browser, body: Browser) -> None:
        self.physician, self.institution, self.body = physician, institution, body

    async def apply(self, pictures: Sequence[bytes], *, conditions: Sequence[str]) -> ClientResponse:
        await self.physician.get("/exemptions")
        fields = FormData()
        fields.add_field("csrf_token", self.physician.csrf)
        fields.add_field("statement", "规培证书")
        for condition in conditions:
            fields.add_field("conditions", condition)
        for number, picture in enumerate(pictures):
            fields.add_field("pictures", picture, filename=f"{number}.jpg", content_type="image/jpeg")
        return await self.physician.client.post(
            "/exemptions/papers/professional", data=fields, allow_redirects=False
        )


@pytest.fixture
async def desk(world: World, server: TestServer) -> AsyncIterator[Desk]:
    """Of the province without a stage of its own for exemptions."""
    place = world.elsewhere
    async with AsyncExitStack() as stack:
        browsers = []
        for principal in (place.general, place.staff[Role.INSTITUTION], place.staff[Role.BODY]):
            browser = await stack.enter_async_context(browsing(server))
            await browser.login(place, principal)
            browsers.append(browser)
        yield Desk(*browsers)


async def waiting(browser: Browser, base: str) -> str | None:
    """The address of the first application that waits."""
    page = await (await browser.get(base)).text()
    marker = f'href="{base}/'
    return f"{base}/" + page.split(marker, 1)[1].split('"', 1)[0] if marker in page else None


async def test_an_exemption_goes_through_both_levels_and_the_paper_shows_it(
    desk: Desk, world: World, picture: bytes
) -> None:
    refused = await desk.apply([picture], conditions=[])
    assert refused.status == 422
    assert "请勾选您适用的免考条件" in await refused.text()
    assert (await desk.apply([picture, picture], conditions=["residency"])).status == 303
    own = await (await desk.physician.get("/exemptions")).text()
    assert "待医疗卫生机构审核" in own
    assert "正在检查" in own
    await check_pictures(world)
    assert await waiting(desk.body, "/body/exemptions") is None, "the institution comes first"

    sheet = await waiting(desk.institution, "/institution/exemptions")
    assert sheet is not None
    page = await (await desk.institution.get(sheet)).text()
    assert all(words in page for words in ("按规定通过住院医师规范化培训", "规培证书", "业务水平"))
    shown = page.split('class="evidence', 1)[1].split('<img src="', 1)[1].split('"', 1)[0]
    answer = await desk.institution.get(shown)
    assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert (await desk.institution.submit(f"{sheet}/decision", decision="grant", reason="")).status == 303
    assert await waiting(desk.institution, "/institution/exemptions") is None
    assert "已审核" in await (await desk.institution.get("/institution/exemptions?tab=decided")).text()

    sheet = await waiting(desk.body, "/body/exemptions")
    assert sheet is not None
    granted = await desk.body.submit(f"{sheet}/decision", decision="grant", reason="属实")
    assert granted.headers["Location"] == "/body/exemptions"
    papers_page = await (await desk.physician.get("/papers")).text()
    assert "免考" in papers_page
    assert "免考已批准" in await (await desk.physician.get("/exemptions")).text()
    assert await standing(world, world.elsewhere) == (Registered.REGISTERED, None), "one paper is left"
    assert await viewed(world) == ["exemption.picture_viewed", "exemption.viewed"]


async def viewed(world: World) -> list[str]:
    async with world.database.tx() as tx:
        rows = await tx.fetch(
            "SELECT DISTINCT actor_id, subject_id, action FROM audit_entry"
            " WHERE action ~ '^exemption.*viewed'"
        )
    return sorted(row["action"] for row in rows)


async def test_who_is_refused_reads_why_and_sits_the_paper(desk: Desk, world: World, picture: bytes) -> None:
    await desk.apply([picture], conditions=["promotion"])
    sheet = await waiting(desk.institution, "/institution/exemptions")
    assert sheet is not None
    nothing_said = await desk.institution.submit(f"{sheet}/decision", decision="refuse", reason=" ")
    assert nothing_said.status == 422
    assert "不同意免考须填写理由" in await nothing_said.text()
    await desk.institution.submit(f"{sheet}/decision", decision="refuse", reason="证书不在考核周期内")
    own = await (await desk.physician.get("/exemptions")).text()
    assert "免考未通过" in own
    assert "证书不在考核周期内" in own
    assert "再次申请" in own, "until the paper is begun"
    assert "institution人员" not in own
    assert await waiting(desk.body, "/body/exemptions") is None
    await world.open(world.elsewhere.general, PROFESSIONAL)
    assert "您已参加业务水平，不能再申请免考" in await (await desk.physician.get("/exemptions")).text()


async def test_a_file_that_is_no_picture_is_refused_and_nothing_is_kept(
    desk: Desk, world: World, picture: bytes
) -> None:
    answer = await desk.apply([picture, b"%PDF-1.7 and more"], conditions=["residency"])
    assert answer.status == 422
    async with world.database.tx() as tx:
        assert not await tx.fetch_value("SELECT count(*) FROM registration_upload")
        assert not await tx.fetch_value("SELECT count(*) FROM exemption_application")


async def test_an_open_application_takes_more_evidence_and_is_withdrawn(
    desk: Desk, world: World, picture: bytes
) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    more = [picture] * 2
    await exemptions.add_evidence(world.services, place.general, application, more)
    with pytest.raises(Exception, match="too_many_pictures"):
        await exemptions.add_evidence(world.services, place.general, application, more[:1])
    await desk.physician.get("/exemptions")
    withdrawn = await desk.physician.submit(f"/exemptions/{application}/withdrawal")
    assert withdrawn.status == 303
    with pytest.raises(Conflict, match="withdrawn"):
        await decide(world, place, Role.INSTITUTION, application)
    assert await waiting(desk.institution, "/institution/exemptions") is None
    await apply(world, place, picture)


async def pictures_on_disk(world: World) -> int:
    async with world.database.tx() as tx:
        kept = await tx.fetch("SELECT path FROM evidence")
    on_disk = [each for each in (world.settings.data_dir / "evidence").rglob("*") if each.is_file()]
    assert len(on_disk) == len(kept)
    return len(kept)


async def test_pictures_of_what_is_withdrawn_before_anybody_decided_are_destroyed(
    desk: Desk, world: World, picture: bytes
) -> None:
    place = world.elsewhere
    before = await pictures_on_disk(world)
    for _ in range(3):  # over and over again: nothing adds up
        application = await apply(world, place, picture)
        await check_pictures(world)
        await exemptions.add_evidence(world.services, place.general, application, [picture])
        in_hand = await form.claim_upload(world.services)
        assert in_hand
        async with world.database.tx() as tx:  # a form that came back and was submitted again
            await tx.execute(
                "UPDATE registration SET submitted_at = $1 WHERE id = $2",
                world.clock.now(),
                place.registrations[0].id,
            )
        await desk.physician.get("/exemptions")
        await desk.physician.submit(f"/exemptions/{application}/withdrawal")
        await form.record_check(world.services, in_hand, form.Finding(in_hand.data, 640, 480))
        assert await pictures_on_disk(world) == before
    assert "证明材料已在撤回时删除" in await (await desk.physician.get("/exemptions")).text()
    sheet = await (await desk.institution.get(f"/institution/exemptions/{application}")).text()
    assert "医师在审核前撤回了申请" in sheet
    async with world.database.tx() as tx:
        noted = await tx.fetch("SELECT action FROM audit_entry WHERE action LIKE 'upload.%' ORDER BY id")
        facts = await tx.fetch_value(
            "SELECT facts FROM audit_entry WHERE action = 'exemption.withdrawn' LIMIT 1"
        )
    assert [row["action"] for row in noted].count("upload.destroyed") == 6
    assert facts["pictures_destroyed"] == 2


async def test_pictures_that_a_level_decided_on_stay_when_the_application_is_withdrawn(
    world: World, picture: bytes
) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    await check_pictures(world)
    await decide(world, place, Role.INSTITUTION, application)
    await exemptions.withdraw(world.services, place.general, application)
    sheet = await exemptions.sheet(world.services, place.staff[Role.INSTITUTION], application)
    assert len(sheet.claim.uploads) == 1


async def test_exempting_the_last_open_paper_concludes(world: World, shanxi: Place, picture: bytes) -> None:
    application = await apply(world, shanxi, picture)
    assert await decide(world, shanxi, Role.INSTITUTION, application) is Outcome.PASSED_ON
    assert await decide(world, shanxi, Role.BODY, application) is Outcome.CONCLUDED
    assert await standing(world, shanxi) == (Registered.CONCLUDED, Result.PASSED)


async def test_a_pass_that_is_provisional_keeps_the_cycle_open(world: World, picture: bytes) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    await world.hand_in(await world.open(place.general), right=50)
    await decide(world, place, Role.INSTITUTION, application)
    assert await decide(world, place, Role.BODY, application) is Outcome.GRANTED
    assert await standing(world, place) == (Registered.TESTING, None)


async def test_a_paper_that_was_begun_meanwhile_is_not_waived_and_says_so(
    world: World, picture: bytes
) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    await decide(world, place, Role.INSTITUTION, application)
    await world.open(place.general, PROFESSIONAL)
    assert await decide(world, place, Role.BODY, application) is Outcome.BEGUN
    page = await exemptions.own_page(world.services, place.general)
    assert page is not None
    (claim,) = page.papers[0].claims
    assert claim.application.state is State.REFUSED
    assert claim.application.decisions[-1].reason == exemptions.BEGUN_REASON
    offered = await papers.offers(world.database, world.clock, place.general)
    assert not any(offer.exempted for offer in offered)


async def test_two_grants_at_once_are_one(world: World, shanxi: Place, picture: bytes) -> None:
    application = await apply(world, shanxi, picture)
    await decide(world, shanxi, Role.INSTITUTION, application)
    outcomes = await asyncio.gather(
        *(decide(world, shanxi, Role.BODY, application) for _ in range(5)), return_exceptions=True
    )
    assert outcomes.count(Outcome.CONCLUDED) == 1
    assert all(isinstance(each, Conflict) for each in outcomes if each is not Outcome.CONCLUDED)
    async with world.database.tx() as tx:
        assert await tx.fetch_value("SELECT count(*) FROM exemption") == 1
        assert await tx.fetch_value("SELECT count(*) FROM exemption_decision WHERE level = 'body'") == 1


async def test_of_a_start_and_a_grant_in_the_same_moment_one_comes_first(
    world: World, picture: bytes
) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    await decide(world, place, Role.INSTITUTION, application)
    attempt = await world.start(place.general, PROFESSIONAL)
    admitted, outcome = await asyncio.gather(
        world.admit(attempt), decide(world, place, Role.BODY, application), return_exceptions=True
    )
    if isinstance(admitted, Conflict):
        assert (admitted.code, outcome) == ("paper_not_open", Outcome.GRANTED)
    else:
        assert (admitted, outcome) == (None, Outcome.BEGUN)


async def test_in_its_own_stage_it_is_decided_before_the_registration_is_and_counts_later(
    world: World, picture: bytes
) -> None:
    place = world.here
    with pytest.raises(Conflict, match="stage_without_days"):
        await apply(world, place, picture)
    await set_stages(world, place, Registered.BODY_REVIEW)
    application = await apply(world, place, picture)
    await decide(world, place, Role.INSTITUTION, application)
    assert await decide(world, place, Role.BODY, application) is Outcome.GRANTED
    assert await standing(world, place) == (Registered.BODY_REVIEW, None)
    async with world.database.tx() as tx:
        entitled = await registration.entitlement(tx, place.general.account_id, place.province_id)
    assert entitled is not None
    assert entitled.exempted == {PROFESSIONAL}


async def test_outside_its_own_stages_both_are_closed_with_the_days_said(
    world: World, picture: bytes
) -> None:
    place = world.here
    await set_stages(world, place, Registered.REGISTERED)
    application = await apply(world, place, picture)
    world.clock.move(days=2)
    with pytest.raises(Conflict, match="免考审核已经结束，时间为2026-05-11 至 2026-05-13"):
        await decide(world, place, Role.INSTITUTION, application)
    await exemptions.withdraw(world.services, place.general, application)
    with pytest.raises(Conflict, match="免考申请已经结束，时间为2026-05-11 至 2026-05-12"):
        await apply(world, place, picture)


async def set_stages(world: World, place: Place, state: Registered) -> None:
    """Days for both from yesterday, and the general physician's registration in ``state``."""
    stages = {
        Stage.EXEMPTION_APPLICATIONS.value: ["2026-05-11", "2026-05-12"],
        Stage.EXEMPTION_REVIEW.value: ["2026-05-11", "2026-05-13"],
    }
    async with world.database.tx() as tx:
        await tx.execute("UPDATE cycle SET stages = $2 WHERE id = $1", place.cycle.id, stages)
        await tx.execute("UPDATE registration SET state = $2 WHERE id = $1", place.registrations[0].id, state)


async def test_another_institution_and_another_body_find_nothing(world: World, picture: bytes) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    strangers: list[Principal] = [
        await world.clerk(place, "stranger", institution_id=place.other_institution_id),
        await world.colleague(place, "neighbour", body_id=place.other_body_id),
        place.staff[Role.BODY],  # the institution hasn't decided yet
        world.here.staff[Role.INSTITUTION],
    ]
    for stranger in strangers:
        with pytest.raises(NotFound):
            await exemptions.sheet(world.services, stranger, application)
        with pytest.raises(NotFound):
            await exemptions.decide(world.services, stranger, application, granted=True, reason="")
        listed = await exemptions.list_page(
            world.services, stranger, waiting=True, name="", number="", subject="", cursor=None
        )
        assert (listed.rows, listed.waiting) == ([], 0)


async def test_an_application_goes_with_the_physician_who_changes_institution(
    world: World, picture: bytes
) -> None:
    place = world.elsewhere
    application = await apply(world, place, picture)
    own = place.registrations[0]
    clerk = await world.clerk(place, "receiver", institution_id=place.other_institution_id)
    async with world.database.tx() as tx:
        await registration.rehome(
            tx,
            world.clock,
            own,
            institution_id=place.other_institution_id,
            body_id=place.other_body_id,
            actor_id=clerk.account_id,
        )
    with pytest.raises(NotFound):
        await decide(world, place, Role.INSTITUTION, application)
    outcome = await exemptions.decide(world.services, clerk, application, granted=True, reason="")
    assert outcome is Outcome.PASSED_ON


async def test_the_list_is_filtered(world: World, picture: bytes) -> None:
    place = world.elsewhere
    await apply(world, place, picture)
    number = place.number_of(place.general)
    for asked, found in (
        ({"name": "医师1"}, 1),
        ({"name": "医师9"}, 0),
        ({"number": number}, 1),
        ({"number": number[:-1]}, 0),
        ({"subject": "professional"}, 1),
        ({"subject": "humanities"}, 0),
    ):
        page = await listed(world, place, **asked)
        assert len(page.rows) == found, asked


async def test_what_was_decided_has_a_second_page(world: World) -> None:
    place = world.elsewhere
    own, staff = place.registrations[0], place.staff[Role.INSTITUTION]
    async with world.database.tx() as tx:
        await tx.execute(
            """WITH made AS (
                   INSERT INTO exemption_application (id, registration_id, province_id, subject, conditions,
                                                      applied_at, state)
                   SELECT gen_random_uuid(), $1, $2, 'professional', '{residency}', $3, 'refused'
                   FROM generate_series(1, 25)
                   RETURNING id)
               INSERT INTO exemption_decision (id, application_id, province_id, level, granted, reason,
                                               decided_by, decided_at)
               SELECT gen_random_uuid(), id, $2, 'institution', false, '证书不符', $4, $3 FROM made""",
            own.id,
            own.province_id,
            START,
            staff.account_id,
        )
    first = await listed(world, place, waiting=False)
    second = await listed(world, place, waiting=False, cursor=first.next_cursor)
    assert (len(first.rows), len(second.rows), second.next_cursor) == (20, 5, None)
    assert len({row.id for row in (*first.rows, *second.rows)}) == 25


async def listed(
    world: World,
    place: Place,
    *,
    waiting: bool = True,
    name: str = "",
    number: str = "",
    subject: str = "",
    cursor: UUID | None = None,
) -> exemptions.ListPage:
    return await exemptions.list_page(
        world.services,
        place.staff[Role.INSTITUTION],
        waiting=waiting,
        name=name,
        number=number,
        subject=subject,
        cursor=cursor,
    )


async def test_an_identity_number_is_searched_for_without_standing_in_an_address(
    desk: Desk, world: World, picture: bytes
) -> None:
    await desk.apply([picture], conditions=["residency"])
    base, number = "/institution/exemptions", world.elsewhere.number_of(world.elsewhere.general)
    await desk.institution.get(base)
    found = await (await desk.institution.submit(f"{base}/search", number=number)).text()
    assert f'href="{base}/' in found
    for address in re.findall(r'(?:href|action)="([^"]+)"', found):
        assert number not in address
    nobody = await desk.institution.submit(f"{base}/search", number=world.here.number_of(world.here.general))
    assert "没有符合条件的申请" in await nobody.text()
    unheard = await (await desk.institution.get(f"{base}?number={number[:-1]}")).text()
    assert f'href="{base}/' in unheard
