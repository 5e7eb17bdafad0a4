"""账号设置."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.model import Purpose, Role
from exam_service.accounts.passwords import HINT
from exam_service.accounts.routes.steps import page, ticket_of, to_next_step
from exam_service.errors import Conflict, DomainError, Invalid, TooMany
from exam_service.http.guards import allow, before_all_else
from exam_service.http.pages import render
from exam_service.http.request_keys import SESSION_DIGEST
from exam_service.http.requests import form_fields, local_path
from exam_service.http.session import flash
from exam_service.keys import BUCKETS, SERVICES, viewer


@allow(*Role)
async def show_account(request: web.Request) -> web.Response:
    overview = await usecases.overview(request.app[SERVICES], viewer(request), request[SESSION_DIGEST])
    return render(request, "accounts/account.html", {"own": overview})


@allow(*Role)
@before_all_else
async def show_password(request: web.Request) -> web.Response:
    return _password_page(request, request.query.get("next"), None)


def _password_page(request: web.Request, target: str | None, error: DomainError | None) -> web.Response:
    due = viewer(request).must_first == request.path
    context = {"hint": HINT, "due": due, "next": local_path(target, "/home")}
    return page(request, "accounts/password.html", context, error)


@allow(*Role)
@before_all_else
async def change_password(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        await usecases.change_password(
            request.app[SERVICES],
            request.app[BUCKETS],
            viewer(request),
            request[SESSION_DIGEST],
            old=form.get("old", ""),
            new=form.get("new", ""),
            again=form.get("again", ""),
        )
    except (Invalid, TooMany, Conflict) as error:
        return _password_page(request, form.get("next"), error)
    onwards = local_path(form.get("next"), "/home")
    response = web.HTTPSeeOther(onwards if viewer(request).must_first else "/account")
    flash(response, "good", "密码已修改，其他设备上的登录已经退出。")
    raise response


@allow(Role.PHYSICIAN)
async def show_mobile(request: web.Request) -> web.Response:
    return await _mobile_page(request, {"mobile": ""}, None)


async def _mobile_page(request: web.Request, form: dict[str, str], error: DomainError | None) -> web.Response:
    own = await usecases.overview(request.app[SERVICES], viewer(request), request[SESSION_DIGEST])
    return page(request, "accounts/mobile.html", {"own": own}, error, form=form)


@allow(Role.PHYSICIAN)
async def ask_mobile_code(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        ticket = await usecases.ask_mobile_change(
            request.app[SERVICES],
            request.app[BUCKETS],
            viewer(request),
            password=form.get("password", ""),
            mobile=form.get("mobile", ""),
        )
    except (Invalid, TooMany, Conflict) as error:
        return await _mobile_page(request, {"mobile": form.get("mobile", "")}, error)
    return to_next_step(ticket, "/account/mobile/code")


@allow(Role.PHYSICIAN)
async def show_mobile_code(request: web.Request) -> web.Response:
    return _mobile_code_page(request, None)


def _mobile_code_page(request: web.Request, error: DomainError | None) -> web.Response:
    services = request.app[SERVICES]
    try:
        awaited = usecases.awaited(services, Purpose.CHANGE, ticket_of(request))
    except Conflict:
        raise web.HTTPSeeOther("/account/mobile") from None
    demo = services.settings.demo and services.settings.sms_url is None
    context = {
        "masked_mobile": awaited.masked_mobile,
        "troubled": services.post.is_troubled,
        "demo": demo,
    }
    return page(request, "accounts/mobile_code.html", context, error)


@allow(Role.PHYSICIAN)
async def change_mobile(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        await usecases.change_mobile(
            request.app[SERVICES], viewer(request), ticket_of(request), code=form.get("code", "")
        )
    except (Invalid, TooMany, Conflict) as error:
        return _mobile_code_page(request, error)
    response = web.HTTPSeeOther("/account")
    flash(response, "good", "手机号已更换。")
    raise response


@allow(*Role)
async def end_other_sessions(request: web.Request) -> web.Response:
    await usecases.end_other_sessions(request.app[SERVICES], viewer(request), request[SESSION_DIGEST])
    response = web.HTTPSeeOther("/account")
    flash(response, "good", "其他设备上的登录已经全部退出。")
    raise response
