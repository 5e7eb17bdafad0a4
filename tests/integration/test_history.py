"""A registration's history: every step for staff, and less what isn't theirs for the physician."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestServer

from exam_service.accounts.model import Role
from exam_service.cycles.policy import Subject
from exam_service.errors import NotFound
from exam_service.exemptions import usecases as exemptions
from exam_service.history import usecases as history
from exam_service.registration.form import usecases as form
from exam_service.registration.reviewing import usecases as reviewing
from tests.forms import a_picture, admitted, fill_in
from tests.submissions import TICKED, basis_of, pass_institution
from tests.world import Place, World, browsing

INSIDERS = (Role.INSTITUTION, Role.BODY, Role.AUTHORITY)


@pytest.fixture
async def walked(world: World) -> Place:
    """Consented, submitted, returned, corrected, approved twice, exempted from a paper, passed the other."""
    place = world.elsewhere
    general, services = place.general, world.services
    own = place.registrations[0]
    department_id = await admitted(world, place, general)
    await world.consent(general)
    await fill_in(world, general, department_id, slots=("photo",))
    await form.submit(services, general, revision=None)
    staff = place.staff[Role.INSTITUTION]
    world.clock.move(hours=1)
    await reviewing.return_form(
        services,
        staff,
        own.id,
        await basis_of(world, place, own.id),
        reason="邮箱写错，请更正",
        marked=["basic.email"],
    )
    world.clock.move(hours=1)
    await fill_in(world, general, department_id, slots=())
    await form.submit(services, general, revision=None)
    world.clock.move(days=1)
    await pass_institution(world, place, own.id, reason="内部说明")
    await reviewing.approve(
        services,
        place.staff[Role.BODY],
        own.id,
        await basis_of(world, place, own.id, Role.BODY),
        ticked=TICKED,
        own=None,
        reason="",
        fails=False,
    )
    world.clock.move(hours=1)
    await exemptions.apply(
        services,
        general,
        Subject.PROFESSIONAL,
        conditions=["residency"],
        statement="",
        pictures=[a_picture()],
    )
    page = await exemptions.own_page(services, general)
    assert page is not None
    application = page.papers[0].claims[0].application.id
    for role in (Role.INSTITUTION, Role.BODY):
        world.clock.move(hours=1)
        await exemptions.decide(services, place.staff[role], application, granted=True, reason="属实")
    world.clock.move(hours=1)
    await world.hand_in(await world.open(general), right=50)
    return place


async def test_staff_see_every_step_and_the_physician_less_what_is_not_theirs(
    world: World, walked: Place, server: TestServer
) -> None:
    own = walked.registrations[0]
    found = await history.history_of(world.services, walked.staff[Role.BODY], own.id)
    titles = [step.title for _, steps in found.days for step in steps]
    assert titles == [
        "同意采集人脸信息",
        "开始填报",
        "提交报名信息",
        "医疗卫生机构驳回，需更正：电子邮箱",
        "开始更正",
        "重新提交报名信息",
        "医疗卫生机构审核通过",
        "考核机构复核通过",
        "申请业务水平免考",
        "业务水平免考审核同意",
        "业务水平免考审核同意",
        "开始参加测评",
        "公共知识测评（第1次）：开始答题",
        "公共知识测评（第1次）：交卷",
        "公共知识测评（第1次）：合格",
    ]
    assert len(found.days) == 2
    async with browsing(server) as physician, browsing(server) as institution:
        await physician.login(walked, walked.general)
        await institution.login(walked, walked.staff[Role.INSTITUTION])
        own_page = await (await physician.get("/registration/history")).text()
        staff_page = await (await institution.get(f"/history/{own.id}")).text()
    for words in ("邮箱写错，请更正", "电子邮箱", "业务水平免考审核同意", "考核机构"):
        assert words in own_page
        assert words in staff_page
    for hidden in ("institution人员", "body人员", "内部说明", "证件号码"):
        assert hidden not in own_page
        assert hidden in staff_page


async def test_staff_of_another_scope_find_nothing(world: World, walked: Place) -> None:
    own = walked.registrations[0]
    for role in INSIDERS:
        assert (await history.history_of(world.services, walked.staff[role], own.id)).days
    strangers = [
        await world.clerk(walked, "stranger", institution_id=walked.other_institution_id),
        await world.colleague(walked, "neighbour", body_id=walked.other_body_id),
        *(world.here.staff[role] for role in INSIDERS),
        walked.staff[Role.OPERATOR],
    ]
    for stranger in strangers:
        with pytest.raises(NotFound):
            await history.history_of(world.services, stranger, own.id)


async def test_every_look_of_staff_is_written_down(world: World, walked: Place) -> None:
    own, staff = walked.registrations[0], walked.staff[Role.AUTHORITY]
    await history.history_of(world.services, staff, own.id)
    async with world.database.tx() as tx:
        viewer = await tx.fetch_value("SELECT actor_id FROM audit_entry WHERE action = 'history.viewed'")
    assert viewer == staff.account_id


async def test_who_was_never_in_a_cycle_has_none(world: World) -> None:
    staff = world.here.staff[Role.AUTHORITY]
    assert await history.own_history(world.services, staff) is None
