"""短信收件箱 of a demonstration, where people find their codes."""

from __future__ import annotations

from aiohttp import web

from exam_service.errors import NotFound
from exam_service.http.guards import public
from exam_service.http.pages import render
from exam_service.keys import SERVICES
from exam_service.sms import outbox


@public
async def show_outbox(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    if not services.settings.demo or services.settings.sms_url is not None:
        raise NotFound("没有找到您要的页面，请返回首页。")
    messages = await outbox.newest_messages(services.database)
    return render(request, "sms/outbox.html", {"messages": messages})
