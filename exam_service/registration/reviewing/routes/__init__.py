"""The desks of both levels: lists, one form, bulk, progress, exports. The same pages, routes of their own."""

from __future__ import annotations

from functools import wraps

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.http.guards import Handler, allow
from exam_service.registration.reviewing.routes import bulk, listing, progress, single


def _of(role: Role, handler: Handler) -> Handler:
    """A handler for one of the roles that share it: each role has paths of its own."""

    @allow(role)
    @wraps(handler)
    async def guarded(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    return guarded


def _desk(role: Role) -> list[web.RouteDef]:
    home = f"/{role}/reviews"
    return [
        web.get(home, _of(role, listing.show_list)),
        web.post(f"{home}/search", _of(role, listing.search)),
        web.post(f"{home}/export", _of(role, listing.export_list)),
        web.get(f"{home}/recent", _of(role, listing.show_recent)),
        web.post(f"{home}/recent/undo", _of(role, listing.undo_recent)),
        web.get(f"/{role}/progress", _of(role, progress.show_progress)),
        web.get(f"{home}/{{registration}}", _of(role, single.show_form)),
        web.get(f"{home}/{{registration}}/pictures/{{upload}}", _of(role, single.show_picture)),
        web.post(f"{home}/{{registration}}/return", _of(role, single.return_form)),
        web.post(f"{home}/{{registration}}/undo", _of(role, single.undo)),
    ]


_INSTITUTION = "/institution/reviews/{registration}"
_BODY = "/body/reviews"
ROUTES = [
    *_desk(Role.INSTITUTION),
    web.post(f"{_INSTITUTION}/approval", _of(Role.INSTITUTION, single.rate_and_approve)),
    # Before the pages of one form, whose id any word would be.
    web.get(f"{_BODY}/bulk", _of(Role.BODY, bulk.show_bulk)),
    web.post(f"{_BODY}/bulk", _of(Role.BODY, bulk.approve_many)),
    *_desk(Role.BODY),
    web.post(f"{_BODY}/{{registration}}/approval", _of(Role.BODY, single.approve)),
    web.post(f"{_BODY}/{{registration}}/return-to-institution", _of(Role.BODY, single.return_to_institution)),
    web.get("/authority/progress", _of(Role.AUTHORITY, progress.show_progress)),
    web.post("/authority/progress/export", _of(Role.AUTHORITY, listing.export_province)),
]
