"""动态验证码 of staff: set it up, end it."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import STAFF, SecondFactor
from exam_service.accounts.routes.steps import page
from exam_service.accounts.usecases import second_factor
from exam_service.errors import Conflict, DomainError, Invalid, TooMany
from exam_service.http.guards import allow, before_all_else
from exam_service.http.pages import render
from exam_service.http.qr import qr_svg
from exam_service.http.requests import form_fields, local_path, with_next
from exam_service.http.session import flash
from exam_service.keys import BUCKETS, SERVICES, viewer

_GROUP = 4


@allow(*STAFF)
@before_all_else
async def show(request: web.Request) -> web.Response:
    return await _page(request, request.query.get("next"), None)


async def _page(request: web.Request, target: str | None, error: DomainError | None) -> web.Response:
    services = request.app[SERVICES]
    standing = await second_factor.standing(services, viewer(request))
    secret = standing.pending.secret if standing.pending else ""
    context = {
        "standing": standing,
        "qr": qr_svg(standing.pending.uri, "动态验证码密钥") if standing.pending else None,
        "secret": " ".join(secret[at : at + _GROUP] for at in range(0, len(secret), _GROUP)),
        "required": SecondFactor(services.settings.staff_totp) is SecondFactor.REQUIRED,
        "next": local_path(target, "/home"),
    }
    return page(request, "accounts/second_factor.html", context, error)


@allow(*STAFF)
@before_all_else
async def begin(request: web.Request) -> web.Response:
    onwards = local_path((await form_fields(request)).get("next"), "/home")
    await second_factor.begin(request.app[SERVICES], viewer(request))
    raise web.HTTPSeeOther(with_next("/account/second-factor", onwards))


@allow(*STAFF)
@before_all_else
async def confirm(request: web.Request) -> web.Response:
    form = await form_fields(request)
    onwards = local_path(form.get("next"), "/home")
    try:
        codes = await second_factor.confirm(
            request.app[SERVICES],
            request.app[BUCKETS],
            viewer(request),
            code=form.get("code", ""),
            password=form.get("password", ""),
        )
    except (Invalid, TooMany) as error:
        return await _page(request, form.get("next"), error)
    # Not redirected: the codes are shown this once and stored only as hashes.
    return render(request, "accounts/recovery_codes.html", {"codes": codes, "next": onwards})


@allow(*STAFF)
async def turn_off(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        await second_factor.turn_off(
            request.app[SERVICES],
            request.app[BUCKETS],
            viewer(request),
            code=form.get("code", ""),
            password=form.get("password", ""),
        )
    except (Invalid, TooMany, Conflict) as error:
        return await _page(request, None, error)
    response = web.HTTPSeeOther("/account")
    flash(response, "good", "动态验证码已停用。")
    raise response
