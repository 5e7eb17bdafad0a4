"""Login and logout."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlencode

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.identity import DocumentType
from exam_service.accounts.model import Role
from exam_service.accounts.routes.steps import (
    address_of,
    device_of,
    documents,
    enter,
    enter_staff,
    page,
    provinces_of,
    ticket_of,
    to_next_step,
)
from exam_service.errors import Conflict, DomainError, Invalid, TooMany
from exam_service.http.guards import allow, before_all_else, public
from exam_service.http.qr import qr_svg
from exam_service.http.request_keys import CSRF_BASIS, SESSION_DIGEST, VIEWER
from exam_service.http.requests import form_fields, local_path, own_address, with_next
from exam_service.http.session import SESSION_COOKIE, came_by_staffs_door, drop_cookie, flash, forget_door
from exam_service.keys import BUCKETS, SERVICES, viewer
from exam_service.organisations.entry import Entry, LoginName
from exam_service.organisations.model import Province

_PLAIN = Entry()


@public
async def front(request: web.Request) -> web.Response:
    if request[VIEWER]:
        raise web.HTTPSeeOther("/home")
    raise web.HTTPSeeOther("/staff/login" if came_by_staffs_door(request) else "/login")


@public
async def show_login(request: web.Request) -> web.Response:
    if request[VIEWER]:
        raise web.HTTPSeeOther(local_path(request.query.get("next"), "/home"))
    form = {"province": request.query.get("province", ""), "next": request.query.get("next", "")}
    return await _login_page(request, form, None)


async def _login_page(request: web.Request, form: dict[str, str], error: DomainError | None) -> web.Response:
    services = request.app[SERVICES]
    provinces = await provinces_of(request)
    chosen = _chosen(provinces, form.get("province", ""))
    entry = chosen.entry if chosen else _PLAIN
    captcha = None
    if entry.captcha:
        in_words = form.get("captcha_kind") == "words"
        captcha = usecases.new_captcha(services, request[CSRF_BASIS], in_words=in_words)
    own = own_address(request, services.settings.public_url)
    return page(
        request,
        "accounts/login.html",
        {
            "provinces": [(each.id, each.name, _has_own_page(each.entry)) for each in provinces],
            "chosen": chosen,
            "entry": entry,
            "by_mobile": LoginName.MOBILE in entry.login,
            "documents": documents(),
            "captcha": captcha,
            "qr": qr_svg(f"{own}/login{_query(chosen)}", "手机登录地址"),
            "query": _query(chosen),
            "next": local_path(form.get("next"), "/home"),
        },
        error,
        form=form,
    )


def _chosen(provinces: list[Province], province_id: str) -> Province | None:
    if len(provinces) == 1:
        return provinces[0]
    return next((each for each in provinces if each.id == province_id), None)


def _has_own_page(entry: Entry) -> bool:
    """Whether choosing the province changes the login page."""
    return entry.captcha or entry.self_registration or LoginName.MOBILE in entry.login


def _query(chosen: Province | None) -> str:
    return f"?{urlencode({'province': chosen.id})}" if chosen else ""


def _typed(form: dict[str, str]) -> dict[str, str]:
    names = ("province", "document_type", "number", "next", "captcha_kind")
    return {name: form.get(name, "") for name in names}


@public
async def login(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    shown = _typed(form)
    try:
        chosen = _chosen(await provinces_of(request), shown["province"])
        if chosen and chosen.entry.captcha:
            await usecases.check_captcha(
                services, request[CSRF_BASIS], form.get("captcha_ticket", ""), form.get("captcha", "")
            )
        token = await usecases.login_physician(
            services,
            request.app[BUCKETS],
            province_id=shown["province"],
            document_type=shown["document_type"] or DocumentType.IDENTITY_CARD,
            number=shown["number"],
            password=form.get("password", ""),
            address=address_of(request),
            device=device_of(request),
        )
    except usecases.OpensActivation:
        response = web.HTTPSeeOther(f"/activate{_query(chosen)}")
        flash(response, "info", "统一的初始密码不能登录，请先激活账号，自己设置密码。")
        raise response from None
    except (Invalid, TooMany) as error:
        return await _login_page(request, shown, error)
    return await enter(request, token, local_path(shown["next"], "/home"))


@public
async def another_captcha(request: web.Request) -> web.Response:
    """换一张, or the other kind: the page again, with what was typed but the password."""
    return await _login_page(request, _typed(await form_fields(request)), None)


@public
async def show_captcha(request: web.Request) -> web.Response:
    picture = await usecases.captcha_picture(
        request.app[SERVICES], request[CSRF_BASIS], request.query.get("c", "")
    )
    return web.Response(body=picture, content_type="image/png")


@public
async def show_staff_login(request: web.Request) -> web.Response:
    onwards = local_path(request.query.get("next"), "/home")
    if request[VIEWER]:
        raise web.HTTPSeeOther(onwards)
    return _staff_login_page(request, {"username": ""}, onwards, None)


def _staff_login_page(
    request: web.Request, form: dict[str, str], onwards: str, error: DomainError | None
) -> web.Response:
    minutes = request.app[SERVICES].settings.staff_idle_minutes
    context = {"idle_minutes": minutes, "next": onwards}
    return page(request, "accounts/staff_login.html", context, error, form=form)


@public
async def staff_login(request: web.Request) -> web.Response:
    form = await form_fields(request)
    shown = {"username": form.get("username", "")}
    onwards = local_path(form.get("next"), "/home")
    try:
        entrance = await usecases.login_staff(
            request.app[SERVICES],
            request.app[BUCKETS],
            username=shown["username"],
            password=form.get("password", ""),
            address=address_of(request),
            device=device_of(request),
        )
    except (Invalid, TooMany) as error:
        return _staff_login_page(request, shown, onwards, error)
    if entrance.token is not None:
        return await enter_staff(request, entrance.token, onwards)
    assert entrance.ticket is not None  # noqa: S101 - one of the two
    return to_next_step(entrance.ticket, with_next("/staff/login/code", onwards))


@public
async def show_staff_code(request: web.Request) -> web.Response:
    onwards = local_path(request.query.get("next"), "/home")
    if not ticket_of(request):
        raise web.HTTPSeeOther(with_next("/staff/login", onwards))
    return _staff_code_page(request, onwards, None)


def _staff_code_page(request: web.Request, onwards: str, error: DomainError | None) -> web.Response:
    context = {"next": onwards, "again": with_next("/staff/login", onwards)}
    return page(request, "accounts/staff_code.html", context, error)


@public
async def staff_code(request: web.Request) -> web.Response:
    form = await form_fields(request)
    onwards = local_path(form.get("next"), "/home")
    try:
        token = await usecases.finish_staff_login(
            request.app[SERVICES],
            request.app[BUCKETS],
            ticket=ticket_of(request),
            code=form.get("code", ""),
            device=device_of(request),
        )
    except Conflict as error:
        return _back(error, with_next("/staff/login", onwards))
    except (Invalid, TooMany) as error:
        return _staff_code_page(request, onwards, error)
    return await enter_staff(request, token, onwards)


def _back(error: DomainError, path: str) -> NoReturn:
    response = web.HTTPSeeOther(path)
    flash(response, "bad", error.sentence)
    raise response


@allow(*Role)
@before_all_else
async def logout(request: web.Request) -> web.Response:
    await usecases.logout(request.app[SERVICES].database, request[SESSION_DIGEST])
    response = web.HTTPSeeOther("/login" if viewer(request).role is Role.PHYSICIAN else "/staff/login")
    drop_cookie(response, SESSION_COOKIE)
    forget_door(response)
    flash(response, "good", "您已安全退出。")
    raise response
