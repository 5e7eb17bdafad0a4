"""The first page after login, and where help is to be had."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Principal, Role
from exam_service.errors import NotFound
from exam_service.home import usecases
from exam_service.http.guards import allow, public
from exam_service.http.pages import render
from exam_service.http.request_keys import VIEWER
from exam_service.keys import FRAMES, SERVICES, viewer
from exam_service.organisations import usecases as organisations
from exam_service.registration.model import PROCEDURE_LABELS


@allow(*Role)
async def show_home(request: web.Request) -> web.Response:
    if viewer(request).role is Role.PHYSICIAN:
        return await _physician(request)
    return await _staff(request)


async def _physician(request: web.Request) -> web.Response:
    principal = viewer(request)
    page = await usecases.physician_page(request.app[SERVICES], principal)
    own = page.entitled.registration if page.entitled else None
    procedure = PROCEDURE_LABELS[own.procedure] if own and own.has_chosen_procedure else "尚未选择"
    return render(
        request,
        "home/physician.html",
        {
            "name": principal.name,
            "home": page.home,
            "cycle": page.cycle,
            "stages": page.stages,
            "tools": page.tools,
            "procedure": procedure if own else None,
            "authority": page.authority,
            "withdrawn": page.withdrawn,
            "institution": page.institution,
            "body": page.body,
        },
    )


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
            "groups": usecases.grouped(cards),
        },
    )


@public
async def show_faq(request: web.Request) -> web.Response:
    return await _help(request, "home/faq.html", "tool_faq")


@public
async def show_support(request: web.Request) -> web.Response:
    return await _help(request, "home/support.html", "tool_support")


async def _help(request: web.Request, template: str, label: str) -> web.Response:
    """Of the viewer's own province; a visitor says which, or chooses."""
    services = request.app[SERVICES]
    who = request[VIEWER]
    principal = who if isinstance(who, Principal) else None
    province_id = principal.province_id if principal else request.query.get("province", "")
    try:
        page = await usecases.help_page(services, province_id, principal)
    except NotFound:
        provinces = await organisations.provinces(services.database)
        return render(request, "home/choose_province.html", {"provinces": provinces, "path": request.path})
    return render(
        request,
        template,
        {
            "title": page.labels[label],
            "faq_label": page.labels["tool_faq"],
            "support_label": page.labels["tool_support"],
            "province": page.province,
            "phones": page.phones,
            "query": "" if principal else f"?province={page.province.id}",
        },
    )


ROUTES = [
    web.get("/home", show_home),
    web.get("/faq", show_faq),
    web.get("/support", show_support),
]
