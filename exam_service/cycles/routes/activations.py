"""激活申请: the lists of body and authority, and their word on each."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.usecases import activations
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer

_BODY, _AUTHORITY = "/activations", "/authority/activations"


@allow(Role.BODY)
async def show_to_body(request: web.Request) -> web.Response:
    return await _page(request, _BODY)


@allow(Role.AUTHORITY)
async def show_to_authority(request: web.Request) -> web.Response:
    return await _page(request, _AUTHORITY)


async def _page(request: web.Request, base: str) -> web.Response:
    found, numbers = await activations.requests(request.app[SERVICES], viewer(request))
    return render(
        request,
        "cycles/activations.html",
        {
            "base": base,
            "rows": [
                {
                    "id": each.id,
                    "name": each.name,
                    "number": numbers.get(each.account_id, "—"),
                    "institution": each.institution,
                    "phone": each.phone,
                    "asked_at": f"{in_china(each.asked_at):%Y-%m-%d %H:%M}",
                }
                for each in found
            ],
        },
    )


@allow(Role.BODY)
async def approve_by_body(request: web.Request) -> web.Response:
    raise await _decided(request, _BODY, approve=True)


@allow(Role.BODY)
async def refuse_by_body(request: web.Request) -> web.Response:
    raise await _decided(request, _BODY, approve=False)


@allow(Role.AUTHORITY)
async def approve_by_authority(request: web.Request) -> web.Response:
    raise await _decided(request, _AUTHORITY, approve=True)


@allow(Role.AUTHORITY)
async def refuse_by_authority(request: web.Request) -> web.Response:
    raise await _decided(request, _AUTHORITY, approve=False)


async def _decided(request: web.Request, base: str, *, approve: bool) -> web.HTTPSeeOther:
    await activations.decide(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "activation"),
        approve=approve,
    )
    response = web.HTTPSeeOther(base)
    flash(response, "good", "账号已激活，医师现在可以登录。" if approve else "已拒绝，账号没有激活。")
    return response


ROUTES = [
    web.get(_BODY, show_to_body),
    web.post(_BODY + "/{activation}/approval", approve_by_body),
    web.post(_BODY + "/{activation}/refusal", refuse_by_body),
    web.get(_AUTHORITY, show_to_authority),
    web.post(_AUTHORITY + "/{activation}/approval", approve_by_authority),
    web.post(_AUTHORITY + "/{activation}/refusal", refuse_by_authority),
]
