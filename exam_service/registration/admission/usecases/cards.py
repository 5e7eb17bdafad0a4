"""What the institution's home page shows of its roster."""

from __future__ import annotations

from exam_service.accounts.model import Principal
from exam_service.cards import Card, Group
from exam_service.institutions import usecases as institutions
from exam_service.storage.database import Tx


async def cards(tx: Tx, principal: Principal) -> list[Card]:
    """名册, 科室, 调入调出 that wait, files under way; of one's own institution."""
    institution_id = principal.of_institution()
    physicians = await institutions.count_entries(tx, institution_id)
    departments = await institutions.count_departments(tx, institution_id, principal.province_id)
    of_ours, by_us = await institutions.count_open_transfers(tx, institution_id)
    found = [
        Card(
            "医师名册",
            str(physicians),
            "/institution/roster",
            "名医师；允许报名、取消报名、调离" if physicians else "请先把本机构的医师加入名册",
            Group.DESK if physicians else Group.TODO,
        ),
        Card(
            "科室", str(departments), "/institution/departments", "个启用的科室，供医师填报时选择", Group.DESK
        ),
        Card(
            "待处理调入调出",
            str(of_ours),
            "/institution/transfers",
            f"份申请等待本机构处理；本机构发出的{by_us}份等待对方",
            Group.TODO if of_ours else Group.DESK,
        ),
    ]
    if under_way := await institutions.count_open_imports(tx, institution_id):
        found.append(
            Card("名册导入", str(under_way), "/institution/roster/imports", "个文件正在检查", Group.FACTS)
        )
    return found
