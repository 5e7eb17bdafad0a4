"""Activation by a code to the mobile number, registration by oneself, and the texts that it agrees to."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.agreements import (
    AGREEMENT_SECTIONS,
    PRIVACY_POLICY_VERSION,
    PRIVACY_SECTIONS,
    USER_AGREEMENT_VERSION,
)
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
from exam_service.http.pages import render
from exam_service.http.requests import form_fields
from exam_service.keys import BUCKETS, SERVICES

# What is said of the mobile number: of no province yet, where it must be in the roster, where it need not.
_UNCHOSEN = "名册中登记了手机号的，验证码发到登记的手机号"
_LISTED = "验证码发到名册中登记的手机号；没有登记的，请用激活单激活"
_FREE = "用于接收验证码；名册中登记了手机号的，验证码发到登记的手机号"

_CODE = CodePage(Purpose.ACTIVATION, "/activate", "/activate/code", "设置密码", "激活并登录")


@public
async def show_activation(request: web.Request) -> web.Response:
    return await _activation_page(request, {"province": request.query.get("province", "")}, None)


async def _activation_page(
    request: web.Request, form: dict[str, str], error: DomainError | None
) -> web.Response:
    services = request.app[SERVICES]
    provinces = await provinces_of(request)
    chosen = next((each for each in provinces if each.id == form.get("province")), None)
    can_send = usecases.can_send_codes(services, chosen.entry) if chosen else services.post.can_send
    context = {
        "provinces": [
            (
                each.id,
                each.name,
                usecases.can_send_codes(services, each.entry) != can_send,
                _FREE if each.entry.unlisted_mobile else _LISTED,
            )
            for each in provinces
        ],
        "documents": documents(),
        "can_send": can_send,
        "hint": (_FREE if chosen.entry.unlisted_mobile else _LISTED) if chosen else _UNCHOSEN,
    }
    return page(request, "accounts/activate.html", context, error, form=form)


@public
async def ask_code(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        ticket = await usecases.ask_activation_code(
            request.app[SERVICES], request.app[BUCKETS], claim_of(form), address=address_of(request)
        )
    except (Invalid, TooMany, Conflict) as error:
        return await _activation_page(request, typed(form), error)
    return to_next_step(ticket, "/activate/code")


@public
async def show_code(request: web.Request) -> web.Response:
    return _CODE.show(request)


@public
async def activate(request: web.Request) -> web.Response:
    return await _CODE.take(request, usecases.activate)


@public
async def ask_again(request: web.Request) -> web.Response:
    return await _CODE.again(request, usecases.ask_activation_code_again)


@public
async def show_registration(request: web.Request) -> web.Response:
    return await _registration_page(request, {"province": request.query.get("province", "")}, None)


async def _registration_page(
    request: web.Request, form: dict[str, str], error: DomainError | None
) -> web.Response:
    provinces = [each for each in await provinces_of(request) if each.entry.self_registration]
    context = {
        "provinces": [(each.id, each.name) for each in provinces],
        "documents": documents(),
        "can_send": request.app[SERVICES].post.can_send,
    }
    return page(request, "accounts/register.html", context, error, form=form)


@public
async def register(request: web.Request) -> web.Response:
    form = await form_fields(request)
    agreed = form.get("agreed") == "yes"
    try:
        ticket = await usecases.ask_registration_code(
            request.app[SERVICES],
            request.app[BUCKETS],
            claim_of(form),
            address=address_of(request),
            agreed=agreed,
        )
    except (Invalid, TooMany, Conflict) as error:
        return await _registration_page(request, typed(form) | {"agreed": "yes" if agreed else ""}, error)
    return to_next_step(ticket, "/activate/code")


@public
async def show_agreement(request: web.Request) -> web.Response:
    context = {"title": "用户协议", "sections": AGREEMENT_SECTIONS, "version": USER_AGREEMENT_VERSION}
    return render(request, "accounts/agreement.html", context)


@public
async def show_privacy(request: web.Request) -> web.Response:
    context = {"title": "隐私政策", "sections": PRIVACY_SECTIONS, "version": PRIVACY_POLICY_VERSION}
    return render(request, "accounts/agreement.html", context)
