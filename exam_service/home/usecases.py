"""Gather what a home page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exam_service.accounts.model import Principal, Role
from exam_service.cards import Card, Group
from exam_service.cycles import usecases as cycles
from exam_service.cycles.model import Cycle
from exam_service.cycles.policy import usual_labels
from exam_service.errors import Unavailable
from exam_service.exemptions import usecases as exemptions
from exam_service.home.model import (
    PhysicianHome,
    StageRow,
    Tool,
    outsider_home,
    physician_home,
    stage_rows,
    tools,
)
from exam_service.institutions import usecases as institutions
from exam_service.invigilation import usecases as invigilation
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import Body, Institution, Province
from exam_service.papers import usecases as papers
from exam_service.registration import usecases as registration
from exam_service.registration.admission import usecases as admission
from exam_service.registration.model import STATE_LABELS, Entitlement
from exam_service.registration.modifications import usecases as modifications
from exam_service.registration.reviewing import usecases as reviewing
from exam_service.registration.supervision import usecases as supervision
from exam_service.review import usecases as review
from exam_service.storage.database import Tx
from exam_service.wiring import Services


class Gauges(Protocol):
    """How the queue of frames stands; see :class:`exam_service.queue.stream.WorkStream`."""

    async def waiting(self) -> int: ...

    async def parked(self) -> int: ...


@dataclass(frozen=True)
class PhysicianPage:
    """A physician's home.

    Attributes:
        entitled: ``None`` for who is in no cycle.
        cycle: Whose days are shown: theirs, or the province's newest.
        withdrawn: Why the authority took them out of the cycle, where it did.
    """

    home: PhysicianHome
    entitled: Entitlement | None
    cycle: Cycle | None
    stages: list[StageRow]
    tools: list[Tool]
    authority: str
    institution: Institution | None
    body: Body | None
    withdrawn: str | None = None


async def physician_page(services: Services, principal: Principal) -> PhysicianPage:
    """The home of a physician, also of one who is in no cycle."""
    now = services.clock.now()
    offers = await papers.offers(services.database, services.clock, principal)
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        province = await organisations.province(tx, principal.province_id)
        if entitled is None:
            return await _outsider(tx, principal, province, now)
        own = entitled.registration
        institution = await organisations.institution(tx, own.institution_id, own.province_id)
        body = await organisations.body(tx, own.body_id, own.province_id)
        withdrawn = await supervision.why_withdrawn(tx, own)
    return PhysicianPage(
        physician_home(entitled, offers, now),
        entitled,
        entitled.cycle,
        stage_rows(entitled.cycle, now),
        tools(entitled, entitled.cycle.policy.labels),
        province.authority,
        institution,
        body,
        withdrawn,
    )


async def _outsider(tx: Tx, principal: Principal, province: Province, now: datetime) -> PhysicianPage:
    """Of somebody who is told to ask their institution: which it is, as the roster has it."""
    entry = await institutions.roster_entry(tx, principal.account_id, province.id)
    institution = None
    if entry is not None and entry.institution_id is not None:
        institution = await organisations.institution(tx, entry.institution_id, province.id)
    cycle = await cycles.newest_cycle(tx, province.id)
    labels = cycle.policy.labels if cycle else usual_labels()
    stages = stage_rows(cycle, now) if cycle else []
    return PhysicianPage(
        outsider_home(labels),
        None,
        cycle,
        stages,
        tools(None, labels),
        province.authority,
        institution,
        None,
    )


@dataclass(frozen=True)
class HelpPage:
    """FAQ and support of a province, in its words.

    Attributes:
        phones: Of the viewer's own institution and body, by their names.
    """

    province: Province
    labels: Mapping[str, str]
    phones: list[tuple[str, str]]


async def help_page(services: Services, province_id: str, principal: Principal | None) -> HelpPage:
    """What a province says to whoever needs help.

    Raises:
        NotFound: There is no such province.
    """
    async with services.database.tx() as tx:
        province = await organisations.province(tx, province_id)
        cycle = await cycles.newest_cycle(tx, province_id)
        phones = []
        if principal is not None and principal.role is Role.PHYSICIAN:
            entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
            if entitled is not None:
                own = entitled.registration
                institution = await organisations.institution(tx, own.institution_id, own.province_id)
                body = await organisations.body(tx, own.body_id, own.province_id)
                phones = [(each.name, each.phone) for each in (institution, body) if each.phone]
    return HelpPage(province, cycle.policy.labels if cycle else usual_labels(), phones)


async def staff_cards(services: Services, principal: Principal, queue: Gauges) -> list[Card]:
    """What a member of staff has to do or to know, within their scope."""
    cards: list[Card] = []
    if principal.role is Role.OPERATOR:
        cards.extend(await _queue_cards(queue))
    async with services.database.tx() as tx:
        cards.extend(await reviewing.cards(tx, principal))
        if principal.role is Role.BODY:
            cards.extend(await _body_cards(tx, services, principal))
        if principal.role is Role.INSTITUTION:
            cards.extend(await admission.cards(tx, principal))
        cards.extend(await cycles.cards(tx, services.clock, principal))
        cards.extend(await exemptions.cards(tx, services.clock, principal))
        cards.extend(await modifications.cards(tx, services.clock, principal))
        states = await registration.counts_in_scope(tx, principal)
    cards.extend(
        Card(STATE_LABELS[state], str(states[state]), None, "名医师", Group.FACTS)
        for state in STATE_LABELS
        if state in states
    )
    return cards


async def _body_cards(tx: Tx, services: Services, principal: Principal) -> list[Card]:
    counts = await review.counts(tx, principal)
    sat, attention, faces = await invigilation.sitting_now(tx, services.clock, principal)
    waiting = f"，{attention}项待处理" if attention else ""
    if faces:
        waiting += f"，其中{faces}人等待人工核验"
    asked = await papers.alternative.open_sittings(tx, principal)
    return [
        Card("待评定", str(counts.awaiting), "/review", "已交卷，等待本机构确认成绩"),
        Card("测评监控", str(sat), "/invigilation", f"份试卷正在作答{waiting}"),
        Card("现场测评", str(asked), "/alternatives", "份申请待安排时间和地点"),
        Card("全部测评", str(counts.all), "/review?tab=all", "查看监考抓拍与核验记录", Group.DESK),
    ]


def grouped(cards: list[Card]) -> list[tuple[Group, list[Card]]]:
    """The cards by what is to be done with them; groups without a card are left out."""
    found = [(group, [card for card in cards if card.group is group]) for group in Group]
    return [(group, within) for group, within in found if within]


async def _queue_cards(queue: Gauges) -> list[Card]:
    try:
        waiting, parked = await queue.waiting(), await queue.parked()
    except Unavailable:
        text = "Redis 连接不上：答题与交卷不受影响，监考中断会如实记录"
        return [Card("监考队列", "不可用", None, text, Group.TODO)]
    return [
        Card("待核验画面", str(waiting), None, "等待监考进程处理的抓拍", Group.FACTS),
        Card("搁置画面", str(parked), None, "多次处理失败，需要查看监考进程日志", Group.FACTS),
    ]


async def scope_name(services: Services, principal: Principal) -> str:
    """What the principal works for, in words."""
    async with services.database.tx() as tx:
        if principal.body_id is not None:
            return await organisations.body_name(tx, principal.body_id, principal.province_id)
        if principal.institution_id is not None:
            return await organisations.institution_name(tx, principal.institution_id, principal.province_id)
        province = await organisations.province(tx, principal.province_id)
    return province.authority if principal.role is Role.AUTHORITY else province.name
