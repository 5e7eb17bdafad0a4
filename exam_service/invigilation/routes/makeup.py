"""Make-up rounds: which there are, and opening one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.model import days
from exam_service.errors import Conflict, Invalid, NotFound
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields
from exam_service.http.session import flash
from exam_service.invigilation import usecases
from exam_service.keys import SERVICES, viewer
from exam_service.papers import usecases as papers


@allow(Role.BODY)
async def show_makeup(request: web.Request) -> web.Response:
    return await _makeup_page(request)


async def _makeup_page(
    request: web.Request,
    *,
    error: str | None = None,
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    services = request.app[SERVICES]
    rounds, open_to = await usecases.makeup(services, viewer(request))
    now = services.clock.now()
    titles = {cycle.id: cycle.title for cycle in open_to}
    return render(
        request,
        "invigilation/makeup.html",
        {
            "rounds": [
                {
                    "cycle": titles.get(each.cycle_id, ""),
                    "window": each.window(),
                    "kind": "good" if each.is_open(now) else "muted",
                    "label": "进行中" if each.is_open(now) else "已结束" if each.is_over(now) else "未开始",
                }
                for each in rounds
            ],
            "cycles": [
                {
                    "id": str(cycle.id),
                    "title": cycle.title,
                    "from": cycle.makeup_from.isoformat(),
                    "until": cycle.makeup_until.isoformat(),
                    "window": days(cycle.makeup_from, cycle.makeup_until),
                }
                for cycle in open_to
                if cycle.makeup_from and cycle.makeup_until
            ],
            "error": error,
            "typed": typed or {},
        },
        status=status,
    )


@allow(Role.BODY)
async def open_makeup_round(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    try:
        opened = await papers.open_makeup_round(
            services.database,
            services.clock,
            viewer(request),
            _cycle_id(form.get("cycle", "")),
            _day(form.get("opens", ""), "开始日期"),
            _day(form.get("closes", ""), "结束日期"),
        )
    except (Invalid, Conflict, NotFound) as error:
        return await _makeup_page(request, error=error.sentence, typed=form, status=status_of(error))
    response = web.HTTPSeeOther("/invigilation/makeup")
    flash(response, "good", f"补考已开放：{opened.window()}。")
    raise response


def _cycle_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Invalid("请选择考核周期。", code="no_cycle") from None


def _day(text: str, what: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(f"请填写{what}，如2026-06-01。", code="bad_dates") from None
