"""Which roles a route is for. Scope (whose rows) is checked by the use case, with the viewer's own scope.

Every handler says its access with :func:`allow` or :func:`public`; an application with a handler that says
nothing does not start, and a test tries every role on every route.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from aiohttp import web

from exam_service.errors import Forbidden, LoginRequired, Misconfigured
from exam_service.http.limits import Limits, cost_of
from exam_service.http.request_keys import VIEWER, role_of
from exam_service.http.requests import with_next

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
H = TypeVar("H", bound=Callable[..., Any])

LIMITS = web.AppKey("limits", Limits)
PUBLIC: frozenset[str] = frozenset({"public"})
_ATTRIBUTE = "exam_access"
_UNATTENDED = "exam_unattended"
_BEFORE_ALL_ELSE = "exam_before_all_else"
ATTENDED = "X-Attended"


def allow(*roles: str) -> Callable[[H], H]:
    """Only the logged-in with one of ``roles`` may come in."""

    def mark(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, frozenset(roles))
        return handler

    return mark


def public(handler: H) -> H:
    """Everybody may come in, logged in or not."""
    setattr(handler, _ATTRIBUTE, PUBLIC)
    return handler


def unattended(handler: H) -> H:
    """Pages ask this by themselves: it keeps nobody logged in unless the page says that one is there."""
    setattr(handler, _UNATTENDED, True)
    return handler


def before_all_else(handler: H) -> H:
    """Open to somebody who has to see to something first, such as a new password: it leads there."""
    setattr(handler, _BEFORE_ALL_ELSE, True)
    return handler


def is_attended(request: web.Request) -> bool:
    """Whether this request is a sign of a person: all are, but what a page asks while nobody touches it.

    A page that fetches a whole page anew says ``no``.
    """
    by_itself = getattr(request.match_info.handler, _UNATTENDED, False)
    said = request.headers.get(ATTENDED)
    return said == "yes" if by_itself else said != "no"


def access_of(handler: object) -> frozenset[str]:
    """The roles that a handler is for.

    Raises:
        Misconfigured: The handler doesn't say.
    """
    access: frozenset[str] | None = getattr(handler, _ATTRIBUTE, None)
    if access is None:
        raise Misconfigured(f"handler {handler!r} says nothing of who may use it")
    return access


def check_every_route_is_guarded(app: web.Application) -> None:
    """Raises Misconfigured for a route without :func:`allow` or :func:`public`."""
    for route in app.router.routes():
        access_of(route.handler)


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.match_info.http_exception is not None:
        return await handler(request)
    access = access_of(request.match_info.handler)
    if access is not PUBLIC:
        viewer = request.get(VIEWER)
        if viewer is None:
            raise LoginRequired("请先登录。")
        if role_of(viewer) not in access:
            raise Forbidden("您的账号没有使用此功能的权限。")
        first: str | None = getattr(viewer, "must_first", None)
        if first is not None and not getattr(request.match_info.handler, _BEFORE_ALL_ELSE, False):
            if request.method == "GET" and "application/json" not in request.headers.get("Accept", ""):
                raise web.HTTPSeeOther(with_next(first, request.path_qs))
            raise Forbidden(
                "请先完成账号安全设置，再使用其他功能。", code="must_first", way=("去设置", first)
            )
        request.app[LIMITS].take(viewer.account_id, cost_of(request.match_info.handler))
    return await handler(request)
