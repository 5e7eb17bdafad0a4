"""What the desks of authority, institution and body put on their home pages."""

from __future__ import annotations

from exam_service.accounts.model import Principal, Role
from exam_service.cards import Card, Group
from exam_service.clock import Clock
from exam_service.cycles import queries
from exam_service.cycles.policy import Stage
from exam_service.cycles.usecases.activations import open_requests
from exam_service.organisations import usecases as organisations
from exam_service.storage.database import Tx


async def cards(tx: Tx, clock: Clock, principal: Principal) -> list[Card]:
    """Cards of whichever desk the principal has."""
    if principal.role is Role.AUTHORITY:
        return await _authority(tx, principal)
    if principal.role is Role.INSTITUTION:
        return await _institution(tx, clock, principal)
    if principal.role is Role.BODY:
        sites = await organisations.sites_of(tx, principal.of_body(), principal.province_id)
        count = sum(site.stopped_at is None for site in sites)
        waiting = len(await open_requests(tx, principal))
        return [
            Card("激活申请", str(waiting), "/activations", "名医师等待核实身份"),
            Card("考点管理", str(count), "/sites", "个考点可安排现场测评", Group.DESK),
        ]
    return []


async def _authority(tx: Tx, principal: Principal) -> list[Card]:
    province_id = principal.of_authority()
    cycle = await queries.select_optional_newest(tx, province_id)
    bodies = await queries.select_bodies(tx, province_id, cycle.id if cycle else None)
    taking_part = str(sum(body.is_in_cycle for body in bodies))
    if cycle is None:
        return [
            Card("考核周期", "建立", "/authority/cycles/new", "选择政策模板，公布考核安排"),
            Card("考核机构", str(len(bodies)), "/authority/bodies", "家", Group.DESK),
            Card("医疗卫生机构", "管理", "/authority/institutions", "添加、导入、开设账号", Group.DESK),
        ]
    asked = await queries.count_open_applications(tx, province_id, cycle.id)
    waiting = len(await open_requests(tx, principal))
    unassigned = await queries.count_unassigned(tx, province_id, cycle.id)
    return [
        Card("考核机构申请", str(asked), "/authority/applications", "份申请待审核"),
        Card("激活申请", str(waiting), "/authority/activations", "名医师等待核实身份"),
        Card(
            "未分配机构",
            str(unassigned),
            "/authority/institutions?unassigned=yes",
            "家医疗卫生机构还没有考核机构",
        ),
        Card("考核周期", cycle.title, f"/authority/cycles/{cycle.id}", "考核安排、政策", Group.DESK),
        Card("考核机构", taking_part, "/authority/bodies", "家参加本周期", Group.DESK),
        Card("医疗卫生机构", "管理", "/authority/institutions", "添加、导入、分配、开设账号", Group.DESK),
        Card("医师", "查找", "/authority/physicians", "调整机构、退出本周期", Group.DESK),
    ]


async def _institution(tx: Tx, clock: Clock, principal: Principal) -> list[Card]:
    cycle = await queries.select_optional_newest(tx, principal.province_id)
    if cycle is None:
        return []
    made = await queries.select_own_applications(
        tx, principal.of_institution(), principal.province_id, cycle.id
    )
    if not made and not cycle.stage_is_open(Stage.BODY_APPLICATIONS, clock.now()):
        return []
    text = "查看申请进度" if made else "申请成为本周期的考核机构"
    return [Card("考核机构申请", "进入", "/institution/body-application", text, Group.DESK)]
