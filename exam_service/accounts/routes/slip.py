"""Activation by a printed slip, whose token stands in the address's fragment: no server, no log sees it."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.model import Purpose
from exam_service.accounts.routes.code_page import CodePage
from exam_service.accounts.routes.steps import (
    address_of,
    claim_of,
    documents,
    page,
    to_next_step,
    typed,
)
from exam_service.errors import DomainError, Invalid, TooMany
from exam_service.http.guards import public
from exam_service.http.requests import form_fields
from exam_service.keys import BUCKETS, SERVICES

_WAITING = "激活申请已提交。考核机构核实后，您就可以用刚才设置的密码登录。"
_CODE = CodePage(
    Purpose.BINDING,
    "/activate/slip",
    "/activate/slip/code",
    "设置密码",
    "提交",
)


@public
async def show_slip(request: web.Request) -> web.Response:
    return _slip_page(request, {}, None)


def _slip_page(request: web.Request, form: dict[str, str], error: DomainError | None) -> web.Response:
    can_send = request.app[SERVICES].post.can_send
    context = {"documents": documents(), "can_send": can_send}
    return page(request, "accounts/slip.html", context, error, form=form)


@public
async def take_slip(request: web.Request) -> web.Response:
    form = await form_fields(request)
    claim = claim_of(form)
    try:
        ticket = await usecases.show_slip(
            request.app[SERVICES],
            request.app[BUCKETS],
            token=form.get("token", ""),
            document_type=claim.document_type,
            number=claim.number,
            name=claim.name,
            mobile=claim.mobile,
            address=address_of(request),
        )
    except (Invalid, TooMany) as error:
        return _slip_page(request, typed(form), error)
    return to_next_step(ticket, "/activate/slip/code")


@public
async def show_code(request: web.Request) -> web.Response:
    return _CODE.show(request)


@public
async def activate(request: web.Request) -> web.Response:
    return await _CODE.take(request, usecases.activate_by_slip, _WAITING)


@public
async def ask_again(request: web.Request) -> web.Response:
    return await _CODE.again(request, usecases.show_slip_again)
