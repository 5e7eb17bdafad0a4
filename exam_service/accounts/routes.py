"""Login and logout."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.model import Role
from exam_service.errors import DomainError, Invalid, TooMany
from exam_service.http.guards import allow, public
from exam_service.http.pages import render
from exam_service.http.problems import say_when_to_come_back, status_of
from exam_service.http.request_keys import SESSION_DIGEST, VIEWER
from exam_service.http.requests import form_fields, local_path, remote_address
from exam_service.http.session import SESSION_COOKIE, drop_cookie, flash, set_cookie
from exam_service.keys import BUCKETS, SERVICES, viewer
from exam_service.organisations import usecases as organisations


@public
async def front(request: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/home" if request[VIEWER] else "/login")


@public
async def show_login(request: web.Request) -> web.Response:
    if request[VIEWER]:
        raise web.HTTPSeeOther(local_path(request.query.get("next"), "/home"))
    return await _login_page(request, {"province": "", "number": ""}, None)


async def _login_page(request: web.Request, form: dict[str, str], error: DomainError | None) -> web.Response:
    provinces = await organisations.provinces(request.app[SERVICES].database)
    response = render(
        request,
        "accounts/login.html",
        {
            "provinces": [(province.id, province.name) for province in provinces],
            "form": form,
            "error": error and error.sentence,
            "next": local_path(request.query.get("next") or form.get("next"), "/home"),
        },
        status=status_of(error) if error else 200,
    )
    say_when_to_come_back(response, error)
    return response


@public
async def login(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    shown = {name: form.get(name, "") for name in ("province", "number", "next")}
    try:
        token = await usecases.login_physician(
            services.database,
            services.clock,
            services.settings,
            request.app[BUCKETS],
            province_id=shown["province"],
            number=shown["number"],
            password=form.get("password", ""),
            address=remote_address(request, behind_proxy=services.settings.behind_proxy),
        )
    except (Invalid, TooMany) as error:
        return await _login_page(request, shown, error)
    return await _enter(request, token, local_path(shown["next"], "/home"))


@public
async def show_staff_login(request: web.Request) -> web.Response:
    if request[VIEWER]:
        raise web.HTTPSeeOther("/home")
    return _staff_login_page(request, {"username": ""}, None)


def _staff_login_page(request: web.Request, form: dict[str, str], error: DomainError | None) -> web.Response:
    minutes = request.app[SERVICES].settings.staff_idle_minutes
    response = render(
        request,
        "accounts/staff_login.html",
        {"form": form, "error": error and error.sentence, "idle_minutes": minutes},
        status=status_of(error) if error else 200,
    )
    say_when_to_come_back(response, error)
    return response


@public
async def staff_login(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = await form_fields(request)
    shown = {"username": form.get("username", "")}
    try:
        token = await usecases.login_staff(
            services.database,
            services.clock,
            services.settings,
            request.app[BUCKETS],
            username=shown["username"],
            password=form.get("password", ""),
            address=remote_address(request, behind_proxy=services.settings.behind_proxy),
        )
    except (Invalid, TooMany) as error:
        return _staff_login_page(request, shown, error)
    return await _enter(request, token, "/home")


async def _enter(request: web.Request, token: str, target: str) -> web.Response:
    if request[VIEWER]:  # somebody was logged in on this browser: their session ends here
        await usecases.logout(request.app[SERVICES].database, request[SESSION_DIGEST])
    response = web.HTTPSeeOther(target)
    set_cookie(response, SESSION_COOKIE, token)
    raise response


@allow(*Role)
async def logout(request: web.Request) -> web.Response:
    await usecases.logout(request.app[SERVICES].database, request[SESSION_DIGEST])
    response = web.HTTPSeeOther("/login" if viewer(request).role is Role.PHYSICIAN else "/staff/login")
    drop_cookie(response, SESSION_COOKIE)
    flash(response, "good", "您已安全退出。")
    raise response


ROUTES = [
    web.get("/", front),
    web.get("/login", show_login),
    web.post("/login", login),
    web.get("/staff/login", show_staff_login),
    web.post("/staff/login", staff_login),
    web.post("/logout", logout),
]
