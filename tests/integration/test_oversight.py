"""What staff do to a running paper: scope, two people, deadlines; the page and the journal are told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from exam_service.accounts.model import Principal, Role
from exam_service.cycles.policy import Subject
from exam_service.errors import Conflict, DomainError, Forbidden, Invalid, NotFound
from exam_service.ids import new_id
from exam_service.papers import usecases as papers
from exam_service.papers.journal import AnswerEvent, Outcome
from exam_service.papers.model import Attempt, State
from exam_service.papers.oversight import RequestState
from exam_service.wiring import Services
from tests.world import DEVICE, START, World

pytestmark = pytest.mark.usefixtures("redis_client")


class Heard:
    """Signals that are only noted."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    async def publish(self, topic: str, subject_id: str) -> None:
        assert topic.endswith(subject_id)
        self.topics.append(topic)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def services(world: World, heard: Heard) -> Services:
    return replace(world.services, signals=heard)  # type: ignore[arg-type]


@pytest.fixture
def staff(world: World) -> Principal:
    return world.here.staff[Role.BODY]


@pytest.fixture
async def colleague(world: World) -> Principal:
    return await world.colleague(world.here, "colleague", body_id=world.here.body_id)


@pytest.fixture
async def running(world: World) -> papers.OpenPaper:
    """The general physician's humanities paper: 60 minutes from 10:00."""
    return await world.open(world.here.general)


async def now_of(world: World, attempt: Attempt) -> dict[str, Any]:
    async with world.database.tx() as tx:
        row = await tx.fetch_optional("SELECT * FROM attempt WHERE id = $1", attempt.id)
    assert row is not None
    return dict(row)


async def rows(world: World, table: str) -> list[dict[str, Any]]:
    async with world.database.tx() as tx:
        return [dict(row) for row in await tx.fetch(f"SELECT * FROM {table}")]


async def journal(world: World, action: str) -> list[dict[str, Any]]:
    return [row for row in await rows(world, "audit_entry") if row["action"] == action]


async def everything(services: Services, principal: Principal, attempt_id: UUID) -> dict[str, Any]:
    """Whatever staff can do to an attempt, and how each is refused."""
    request_id = new_id()
    actions = {
        "extend": papers.extend(services, principal, attempt_id, minutes=5, reason="理由"),
        "release": papers.release_lease(services, principal, attempt_id, reason="理由"),
        "ask for the end": papers.request_termination(services, principal, attempt_id, reason="理由"),
        "agree to the end": papers.confirm_termination(services, principal, attempt_id),
        "take it back": papers.withdraw_termination(services, principal, attempt_id),
        "notice": papers.send_notice(services, principal, text="通知", attempt_id=attempt_id),
        "grant": papers.grant_time_request(
            services, principal, attempt_id, request_id, minutes=5, note="说明"
        ),
        "refuse": papers.refuse_time_request(services, principal, attempt_id, request_id, note="说明"),
    }
    refused = {}
    for name, action in actions.items():
        try:
            await action
        except DomainError as error:
            refused[name] = type(error)
        else:
            refused[name] = None
    return refused


# Scope


async def test_staff_of_another_body_or_province_touch_nothing(
    world: World, services: Services, heard: Heard, running: papers.OpenPaper
) -> None:
    neighbour = await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    before = await now_of(world, running.attempt)
    for stranger in (neighbour, world.elsewhere.staff[Role.BODY]):
        refused = await everything(services, stranger, running.attempt.id)
        assert set(refused.values()) == {NotFound}
        for subject in Subject:
            with pytest.raises(NotFound):
                await papers.grant_override(
                    services,
                    stranger,
                    running.attempt.registration_id,
                    subject,
                    extra_minutes=5,
                    reason="理由",
                )
    assert await now_of(world, running.attempt) == before
    assert heard.topics == []
    assert (
        await rows(world, "time_credit") + await rows(world, "termination") + await rows(world, "notice")
        == []
    )


@pytest.mark.parametrize("role", [Role.INSTITUTION, Role.AUTHORITY, Role.OPERATOR])
async def test_other_staff_are_not_let_near_it(
    world: World, services: Services, running: papers.OpenPaper, role: Role
) -> None:
    refused = await everything(services, world.here.staff[role], running.attempt.id)
    assert set(refused.values()) == {Forbidden}


# Time


async def test_an_extension_moves_the_deadline_and_tells_the_page(
    world: World, services: Services, heard: Heard, staff: Principal, running: papers.OpenPaper
) -> None:
    attempt = await papers.extend(services, staff, running.attempt.id, minutes=10, reason=" 停电 ")
    assert attempt.deadline == START + timedelta(minutes=70)
    stored = await now_of(world, attempt)
    assert (stored["deadline"], stored["state"]) == (attempt.deadline, "running")
    assert heard.topics == [f"attempt:{attempt.id}"]
    (credit,) = await rows(world, "time_credit")
    assert (credit["kind"], credit["seconds"], credit["reason"]) == ("extension", 600, "停电")
    assert credit["granted_by"] == staff.account_id
    (entry,) = await journal(world, "attempt.extended")
    assert (entry["actor_id"], entry["subject_id"]) == (staff.account_id, attempt.id)
    assert entry["facts"] == {"minutes": 10, "reason": "停电"}


async def test_a_paper_that_was_closing_goes_on_when_it_has_time_again(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    world.clock.move(minutes=60, seconds=30)
    await papers.close_due(services)
    assert (await now_of(world, running.attempt))["state"] == "closing"
    attempt = await papers.extend(services, staff, running.attempt.id, minutes=5, reason="停电")
    assert attempt.state is State.RUNNING
    assert (await now_of(world, attempt))["state"] == "running"
    moves = [(row["from_state"], row["to_state"]) for row in await rows(world, "attempt_move")]
    assert ("closing", "running") in moves


@pytest.mark.parametrize(
    ("minutes", "reason"), [(0, "停电"), (61, "停电"), (None, "停电"), (5, " "), (5, "长" * 201)]
)
async def test_a_malformed_extension_changes_nothing(
    world: World,
    services: Services,
    heard: Heard,
    staff: Principal,
    running: papers.OpenPaper,
    minutes: int | None,
    reason: str,
) -> None:
    with pytest.raises(Invalid):
        await papers.extend(services, staff, running.attempt.id, minutes=minutes, reason=reason)
    assert (await now_of(world, running.attempt))["deadline"] == START + timedelta(minutes=60)
    assert heard.topics == []
    assert await rows(world, "time_credit") == []


async def test_what_is_over_is_not_touched(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    await world.hand_in(running, right=40)
    refused = await everything(services, staff, running.attempt.id)
    assert refused.pop("grant") is NotFound
    assert refused.pop("refuse") is NotFound
    assert set(refused.values()) == {Conflict}


async def test_extensions_of_several_people_add_up(
    world: World, services: Services, staff: Principal, colleague: Principal, running: papers.OpenPaper
) -> None:
    await asyncio.gather(
        *(
            papers.extend(services, who, running.attempt.id, minutes=3, reason="停电")
            for who in (staff, colleague) * 3
        )
    )
    assert (await now_of(world, running.attempt))["deadline"] == START + timedelta(minutes=78)


# The lease


async def test_a_released_lease_is_taken_by_the_next_device(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    phone = b"1" * 32
    physician = world.here.general
    with pytest.raises(Conflict):
        await papers.take_lease(services, physician, running.attempt.id, phone)
    await papers.release_lease(services, staff, running.attempt.id, reason="手机损坏")
    paper = await papers.take_lease(services, physician, running.attempt.id, phone)
    assert paper.attempt.lease_epoch == 2
    with pytest.raises(Conflict):
        await papers.take_lease(services, physician, running.attempt.id, DEVICE)
    (entry,) = await journal(world, "lease.released")
    assert entry["facts"] == {"reason": "手机损坏"}


async def test_a_lease_that_nobody_holds_is_not_released(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    await papers.release_lease(services, staff, running.attempt.id, reason="手机损坏")
    with pytest.raises(Conflict, match="没有设备占用"):
        await papers.release_lease(services, staff, running.attempt.id, reason="手机损坏")


# The end


async def test_two_people_end_a_paper(
    world: World,
    services: Services,
    heard: Heard,
    staff: Principal,
    colleague: Principal,
    running: papers.OpenPaper,
) -> None:
    await papers.request_termination(services, staff, running.attempt.id, reason="替考")
    assert (await now_of(world, running.attempt))["state"] == "running"
    world.clock.move(minutes=3)
    attempt = await papers.confirm_termination(services, colleague, running.attempt.id)
    stored = await now_of(world, attempt)
    assert (stored["state"], stored["closed_at"]) == ("terminated", START + timedelta(minutes=3))
    assert (stored["mark"], stored["passed"]) == (None, None)
    assert heard.topics[-1] == f"attempt:{attempt.id}"
    (move,) = [row for row in await rows(world, "attempt_move") if row["to_state"] == "terminated"]
    assert (move["cause"], move["actor_id"]) == ("terminated", colleague.account_id)
    (entry,) = await journal(world, "attempt.terminated")
    assert entry["actor_id"] == colleague.account_id
    assert entry["facts"] == {"reason": "替考", "requested_by": str(staff.account_id)}
    assert [row["state"] for row in await rows(world, "termination")] == ["carried_out"]
    assert len(await rows(world, "attempt_receipt")) == 1, "what was answered is signed"


async def test_one_person_alone_ends_nothing(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    await papers.request_termination(services, staff, running.attempt.id, reason="替考")
    for _ in range(2):
        with pytest.raises(Conflict, match="另一位工作人员"):
            await papers.confirm_termination(services, staff, running.attempt.id)
    assert (await now_of(world, running.attempt))["state"] == "running"
    assert await journal(world, "attempt.terminated") == []


async def test_asking_twice_is_asking_once(
    world: World, services: Services, staff: Principal, colleague: Principal, running: papers.OpenPaper
) -> None:
    """Or the first to ask could agree to a second request of their own."""
    outcomes = await asyncio.gather(
        *(
            papers.request_termination(services, who, running.attempt.id, reason="替考")
            for who in (staff, colleague) * 3
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes].count(Conflict) == 5
    assert len(await rows(world, "termination")) == 1


@pytest.mark.parametrize("by", ["who asked", "a colleague"])
async def test_a_request_to_end_is_taken_back(
    world: World,
    services: Services,
    staff: Principal,
    colleague: Principal,
    running: papers.OpenPaper,
    by: str,
) -> None:
    await papers.request_termination(services, staff, running.attempt.id, reason="替考")
    who = staff if by == "who asked" else colleague
    await papers.withdraw_termination(services, who, running.attempt.id)
    for again in (papers.confirm_termination, papers.withdraw_termination):
        with pytest.raises(Conflict, match="没有待确认的终止申请"):
            await again(services, colleague, running.attempt.id)
    assert (await now_of(world, running.attempt))["state"] == "running"
    (entry,) = await journal(world, "termination.withdrawn")
    assert entry["actor_id"] == who.account_id


async def test_what_was_handed_in_meanwhile_is_not_ended(
    world: World, services: Services, staff: Principal, colleague: Principal, running: papers.OpenPaper
) -> None:
    await papers.request_termination(services, staff, running.attempt.id, reason="替考")
    await world.hand_in(running, right=40)
    with pytest.raises(Conflict, match="已经结束"):
        await papers.confirm_termination(services, colleague, running.attempt.id)
    assert (await now_of(world, running.attempt))["state"] == "marked"


# Notices


async def texts_of(world: World, attempt: Attempt) -> list[str]:
    async with world.database.tx() as tx:
        notices = await papers.notices_of(tx, [attempt])
    return [notice.text for notice in notices[attempt.id]]


async def test_a_notice_reaches_one_paper_or_all_that_are_being_sat(
    world: World, services: Services, heard: Heard, staff: Principal, running: papers.OpenPaper
) -> None:
    other = (await world.open(world.here.simple)).attempt
    elsewhere = await world.colleague(world.here, "neighbour", body_id=world.here.other_body_id)
    with pytest.raises(Conflict, match="没有医师正在答题"):
        await papers.send_notice(services, elsewhere, text="别处的通知")
    world.clock.move(seconds=1)
    assert await papers.send_notice(services, staff, text="请坐好", attempt_id=running.attempt.id) == 1
    world.clock.move(seconds=1)
    assert await papers.send_notice(services, staff, text="还有十分钟") == 2
    assert await texts_of(world, running.attempt) == ["请坐好", "还有十分钟"]
    assert await texts_of(world, other) == ["还有十分钟"]
    assert heard.topics[0] == f"attempt:{running.attempt.id}"
    assert set(heard.topics[1:]) == {f"attempt:{running.attempt.id}", f"attempt:{other.id}"}
    assert [entry["facts"]["papers"] for entry in await journal(world, "notice.sent")] == [1, 2]


async def test_only_what_was_said_since_admission_is_shown_and_of_that_the_newest_five(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    await papers.send_notice(services, staff, text="早前的通知")
    world.clock.move(minutes=1)
    prepared = await world.start(world.here.simple)
    assert await texts_of(world, prepared) == []
    late = (await world.open(world.here.simple)).attempt
    for number in range(7):
        world.clock.move(seconds=1)
        await papers.send_notice(services, staff, text=f"第{number}条")
    assert await texts_of(world, late) == [f"第{number}条" for number in range(2, 7)]


@pytest.mark.parametrize("text", ["", "  ", "长" * 201])
async def test_a_notice_says_something_short(
    services: Services, staff: Principal, running: papers.OpenPaper, text: str
) -> None:
    with pytest.raises(Invalid):
        await papers.send_notice(services, staff, text=text)


# Requests for time


async def ask(
    world: World,
    services: Services,
    attempt: Attempt,
    *,
    began: datetime = START + timedelta(minutes=10),
    minutes: float = 5,
    by: Principal | None = None,
) -> UUID:
    return await papers.open_time_request(
        services,
        by or world.here.general,
        attempt.id,
        began_at=began,
        ended_at=began + timedelta(minutes=minutes),
        reason="家里断网",
    )


async def seen(world: World, attempt: Attempt) -> Any:
    async with world.database.tx() as tx:
        (found,) = await papers.time_requests(tx, attempt)
    return found


async def test_a_request_is_shown_beside_what_the_server_saw(
    world: World, services: Services, running: papers.OpenPaper
) -> None:
    world.clock.move(minutes=20)
    async with world.database.tx() as tx:
        for began, ended in ((9, 11), (12, 14), (16, 17)):
            await tx.execute(
                "INSERT INTO presence_gap VALUES ($1, $2, $3)",
                running.attempt.id,
                START + timedelta(minutes=began),
                START + timedelta(minutes=ended),
            )
    await ask(world, services, running.attempt)
    found = await seen(world, running.attempt)
    assert found.request.state is RequestState.OPEN
    assert [silence.began_at.minute for silence in found.silences] == [9, 12]
    assert found.late_answers == 0


async def test_only_the_physician_asks_and_once_at_a_time(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    world.clock.move(minutes=20)
    for stranger in (world.here.simple, world.elsewhere.general, staff):
        with pytest.raises(NotFound):
            await ask(world, services, running.attempt, by=stranger)
    request_id = await ask(world, services, running.attempt)
    with pytest.raises(Conflict) as refused:
        await ask(world, services, running.attempt)
    assert refused.value.code == "request_open"
    await papers.refuse_time_request(services, staff, running.attempt.id, request_id, note="没有中断")
    await ask(world, services, running.attempt)


async def test_granting_while_the_paper_runs_adds_time_once(
    world: World,
    services: Services,
    heard: Heard,
    staff: Principal,
    colleague: Principal,
    running: papers.OpenPaper,
) -> None:
    world.clock.move(minutes=20)
    request_id = await ask(world, services, running.attempt)
    attempts = await asyncio.gather(
        *(
            papers.grant_time_request(services, who, running.attempt.id, request_id, minutes=5, note="属实")
            for who in (staff, colleague)
        ),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in attempts) == ["Attempt", "Conflict"]
    assert (await now_of(world, running.attempt))["deadline"] == START + timedelta(minutes=65)
    (credit,) = await rows(world, "time_credit")
    assert (credit["kind"], credit["request_id"], credit["seconds"]) == ("request", request_id, 300)
    assert heard.topics == [f"attempt:{running.attempt.id}"]
    found = await seen(world, running.attempt)
    assert (found.request.state, found.request.note) == (RequestState.GRANTED, "属实")
    (entry,) = await journal(world, "time_request.granted")
    assert entry["facts"]["minutes"] == 5


async def test_a_request_is_granted_only_with_its_own_attempt(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    world.clock.move(minutes=20)
    request_id = await ask(world, services, running.attempt)
    other = (await world.open(world.here.simple)).attempt
    with pytest.raises(NotFound):
        await papers.grant_time_request(services, staff, other.id, request_id, minutes=5, note="属实")


async def late_answer(world: World, paper: papers.OpenPaper, *, place: int) -> papers.Saved:
    """The right answer to one item, received now."""
    keys = await world.keys_of(paper)
    item = paper.items[place]
    attempt = paper.attempt
    event = AnswerEvent(
        attempt.id, attempt.lease_epoch, 900 + place, item.id, keys[item.id], world.clock.now()
    )
    return await world.save(world.here.general, event)


async def test_granting_after_the_close_accepts_what_came_too_late_and_marks_again(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    world.clock.move(minutes=62)
    await papers.sweep(services)
    marked = running.attempt
    for place in (30, 31):
        assert (await late_answer(world, running, place=place)).outcome is Outcome.LATE
    request_id = await ask(world, services, marked, began=START - timedelta(minutes=5), minutes=65)
    assert (await seen(world, marked)).late_answers == 2
    attempt = await papers.grant_time_request(
        services, staff, marked.id, request_id, minutes=None, note="断网属实"
    )
    assert (attempt.correct, attempt.state) == (2, State.MARKED)
    stored = await now_of(world, marked)
    assert (stored["correct"], stored["state"]) == (2, "marked")
    assert {row["reason"] for row in await rows(world, "answer_acceptance")} == {"断网属实"}
    assert await rows(world, "time_credit") == []


async def test_what_a_page_sent_after_the_physicians_own_handing_in_is_never_accepted(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    """The result may have been seen by then."""
    world.clock.move(minutes=20)
    marked = await world.hand_in(running, right=20)
    world.clock.move(minutes=1)
    assert (await late_answer(world, running, place=30)).outcome is Outcome.LATE
    request_id = await ask(world, services, marked)
    assert (await seen(world, marked)).late_answers == 0
    with pytest.raises(Conflict, match="没有迟到的答案"):
        await papers.grant_time_request(services, staff, marked.id, request_id, minutes=None, note="属实")


async def test_a_request_with_nothing_to_accept_stays_open(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    world.clock.move(minutes=20)
    marked = await world.hand_in(running, right=20)
    request_id = await ask(world, services, marked)
    with pytest.raises(Conflict, match="没有迟到的答案"):
        await papers.grant_time_request(services, staff, marked.id, request_id, minutes=5, note="属实")
    assert (await seen(world, marked)).request.state is RequestState.OPEN
    await papers.refuse_time_request(services, staff, marked.id, request_id, note="没有迟到的答案")
    assert (await seen(world, marked)).request.state is RequestState.REFUSED


# Special needs


async def override(
    world: World,
    services: Services,
    staff: Principal,
    subject: Subject = Subject.HUMANITIES,
    minutes: int = 20,
) -> None:
    own = world.here.registrations[0]
    await papers.grant_override(services, staff, own.id, subject, extra_minutes=minutes, reason="视力障碍")


async def test_extra_minutes_are_granted_before_the_paper_and_the_last_word_holds(
    world: World, services: Services, staff: Principal
) -> None:
    for minutes in (20, 30):
        await override(world, services, staff, minutes=minutes)
    (row,) = await rows(world, "time_override")
    assert (row["extra_minutes"], row["reason"], row["granted_by"]) == (30, "视力障碍", staff.account_id)
    assert len(await journal(world, "override.granted")) == 2


async def test_extra_minutes_are_the_physicians(world: World, services: Services, staff: Principal) -> None:
    await override(world, services, staff, minutes=20)
    attempt = (await world.open(world.here.general)).attempt
    assert attempt.deadline == START + timedelta(minutes=attempt.rule.minutes + 20)


async def test_a_paper_that_is_being_sat_gets_none(
    world: World, services: Services, staff: Principal, running: papers.OpenPaper
) -> None:
    with pytest.raises(Conflict, match="延长时间"):
        await override(world, services, staff)
    await override(world, services, staff, Subject.PROFESSIONAL)


async def test_a_paper_that_is_not_of_the_procedure_gets_none(
    world: World, services: Services, staff: Principal
) -> None:
    simple = world.here.registrations[1]
    with pytest.raises(NotFound, match="不需要参加"):
        await papers.grant_override(
            services, staff, simple.id, Subject.PROFESSIONAL, extra_minutes=5, reason="视力障碍"
        )


@pytest.mark.parametrize("minutes", [0, 121])
async def test_extra_minutes_have_bounds(
    world: World, services: Services, staff: Principal, minutes: int
) -> None:
    with pytest.raises(Invalid):
        await override(world, services, staff, minutes=minutes)
