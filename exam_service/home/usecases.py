"""Gather what a home page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from exam_service.accounts.model import Principal, Role
from exam_service.cards import Card
from exam_service.errors import Unavailable
from exam_service.home.model import PhysicianHome, physician_home
from exam_service.invigilation import usecases as invigilation
from exam_service.organisations import usecases as organisations
from exam_service.papers import usecases as papers
from exam_service.registration import usecases as registration
from exam_service.registration.admission import usecases as admission
from exam_service.registration.model import STATE_LABELS, Entitlement
from exam_service.review import usecases as review
from exam_service.wiring import Services


class Gauges(Protocol):
    """How the queue of frames stands; see :class:`exam_service.queue.stream.WorkStream`."""

    async def waiting(self) -> int: ...

    async def parked(self) -> int: ...


@dataclass(frozen=True)
class PhysicianPage:
    entitled: Entitlement
    institution: str
    body: str
    home: PhysicianHome


async def physician_page(services: Services, principal: Principal) -> PhysicianPage | None:
    """The home of a physician; ``None`` when no cycle has them."""
    offers = await papers.offers(services.database, services.clock, principal)
    async with services.database.tx() as tx:
        entitled = await registration.entitlement(tx, principal.account_id, principal.province_id)
        if entitled is None:
            return None
        own = entitled.registration
        institution = await organisations.institution_name(tx, own.institution_id, own.province_id)
        body = await organisations.body_name(tx, own.body_id, own.province_id)
    return PhysicianPage(entitled, institution, body, physician_home(entitled, offers))


async def staff_cards(services: Services, principal: Principal, queue: Gauges) -> list[Card]:
    """What a member of staff has to do or to know, within their scope."""
    cards: list[Card] = []
    if principal.role is Role.OPERATOR:
        cards.extend(await _queue_cards(queue))
    async with services.database.tx() as tx:
        if principal.role is Role.BODY:
            counts = await review.counts(tx, principal)
            cards.append(Card("待评定", str(counts.awaiting), "/review", "已交卷，等待本机构确认成绩"))
            cards.append(Card("全部测评", str(counts.all), "/review?tab=all", "查看监考抓拍与核验记录"))
            sat, attention, faces = await invigilation.sitting_now(tx, services.clock, principal)
            waiting = f"，{attention}项待处理" if attention else ""
            if faces:
                waiting += f"，其中{faces}人等待人工核验"
            cards.append(Card("测评监控", str(sat), "/invigilation", f"份试卷正在作答{waiting}"))
            asked = await papers.alternative.open_sittings(tx, principal)
            cards.append(Card("现场测评", str(asked), "/alternatives", "份申请待安排时间和地点"))
        if principal.role is Role.INSTITUTION:
            cards.extend(await admission.cards(tx, principal))
        states = await registration.counts_in_scope(tx, principal)
    cards.extend(
        Card(STATE_LABELS[state], str(states[state]), None, "名医师")
        for state in STATE_LABELS
        if state in states
    )
    return cards


async def _queue_cards(queue: Gauges) -> list[Card]:
    try:
        waiting, parked = await queue.waiting(), await queue.parked()
    except Unavailable:
        return [Card("监考队列", "不可用", None, "Redis 连接不上：答题与交卷不受影响，监考中断会如实记录")]
    return [
        Card("待核验画面", str(waiting), None, "等待监考进程处理的抓拍"),
        Card("搁置画面", str(parked), None, "多次处理失败，需要查看监考进程日志"),
    ]


async def scope_name(services: Services, principal: Principal) -> str:
    """What the principal works for, in words."""
    async with services.database.tx() as tx:
        if principal.body_id is not None:
            return await organisations.body_name(tx, principal.body_id, principal.province_id)
        if principal.institution_id is not None:
            return await organisations.institution_name(tx, principal.institution_id, principal.province_id)
    provinces = {province.id: province.name for province in await organisations.provinces(services.database)}
    return provinces[principal.province_id]
