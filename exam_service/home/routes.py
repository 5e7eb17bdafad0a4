"""The first page after login."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.home import usecases
from exam_service.home.model import NextStep
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.keys import FRAMES, SERVICES, viewer
from exam_service.registration.model import PROCEDURE_LABELS

_TOOLS = (
    ("参加测评", "/papers", "查看试卷与成绩"),
    ("设备自检", "/rehearsal", "提前试好摄像头与核验"),
    ("在线学习", "/practice", "每次随机50题"),
    ("人脸信息授权", "/consent?next=/home", "查看或撤回"),
)


@allow(*Role)
async def show_home(request: web.Request) -> web.Response:
    if viewer(request).role is Role.PHYSICIAN:
        return await _physician(request)
    return await _staff(request)


async def _physician(request: web.Request) -> web.Response:
    principal = viewer(request)
    page = await usecases.physician_page(request.app[SERVICES], principal)
    if page is None:
        step = NextStep("未纳入本周期考核", "您尚未被纳入考核周期，如需参加请联系所在医疗卫生机构。")
        context: dict[str, Any] = {
            "institution": None,
            "body": None,
            "cycle": None,
            "procedure_label": None,
            "status_text": "未开通报名",
            "next_step": step,
            "steps": (),
            "tools": (),
        }
    else:
        cycle = page.entitled.cycle
        context = {
            "institution": page.institution,
            "body": page.body,
            "cycle": {"title": cycle.title, "window": cycle.window()},
            "procedure_label": PROCEDURE_LABELS[page.entitled.registration.procedure],
            "status_text": page.home.status,
            "next_step": page.home.next_step,
            "steps": page.home.steps,
            "tools": _TOOLS,
        }
    return render(request, "home/physician.html", {"name": principal.name, **context})


async def _staff(request: web.Request) -> web.Response:
    principal = viewer(request)
    services = request.app[SERVICES]
    cards = await usecases.staff_cards(services, principal, request.app[FRAMES])
    return render(
        request,
        "home/staff.html",
        {
            "title": await usecases.scope_name(services, principal),
            "intro": f"{principal.name}，您好",
            "cards": [(card.label, card.value, card.href, card.text) for card in cards],
        },
    )


ROUTES = [web.get("/home", show_home)]
