"""忘记密码: a new password by a code to the bound mobile number."""

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
    provinces_of,
    to_next_step,
    typed,
)
from exam_service.errors import Conflict, DomainError, Invalid, TooMany
from exam_service.http.guards import public
from exam_service.http.requests import form_fields
from exam_service.keys import BUCKETS, SERVICES

_CODE = CodePage(Purpose.RESET, "/forgot", "/forgot/code", "重新设置密码", "保存并登录")


@public
async def show_recovery(request: web.Request) -> web.Response:
    return await _recovery_page(request, {"province": request.query.get("province", "")}, None)


async def _recovery_page(
    request: web.Request, form: dict[str, str], error: DomainError | None
) -> web.Response:
    context = {
        "provinces": [(each.id, each.name) for each in await provinces_of(request)],
        "documents": documents(),
        "can_send": request.app[SERVICES].post.can_send,
    }
    return page(request, "accounts/forgot.html", context, error, form=form)


@public
async def ask_code(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        ticket = await usecases.ask_recovery_code(
            request.app[SERVICES], request.app[BUCKETS], claim_of(form), address=address_of(request)
        )
    except (Invalid, TooMany, Conflict) as error:
        return await _recovery_page(request, typed(form), error)
    return to_next_step(ticket, "/forgot/code")


@public
async def show_code(request: web.Request) -> web.Response:
    return _CODE.show(request)


@public
async def recover(request: web.Request) -> web.Response:
    return await _CODE.take(request, usecases.recover)


@public
async def ask_again(request: web.Request) -> web.Response:
    return await _CODE.again(request, usecases.ask_recovery_code_again)
