"""考点管理: the body's list of exam sites."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.usecases import sites
from exam_service.errors import BadFields, Conflict, DomainError
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer


def _typed(form: Mapping[str, str]) -> sites.Typed:
    return sites.Typed(*(form.get(name, "").strip() for name in ("name", "address", "seats", "note")))


@allow(Role.BODY)
async def show_sites(request: web.Request) -> web.Response:
    return await _page(request, {}, None, None)


async def _page(
    request: web.Request, form: Mapping[str, str], error: DomainError | None, at: UUID | None
) -> web.Response:
    """The list; after a refusal with the error at its form: the new one's, or that of the site ``at``."""
    problems = error.problems if isinstance(error, BadFields) else {}
    return render(
        request,
        "cycles/sites.html",
        {
            "rows": await sites.sites(request.app[SERVICES], viewer(request)),
            "typed": {name: form.get(name, "") for name in ("name", "address", "seats", "note")},
            "problems": problems,
            "error": error.sentence if error and not problems else None,
            "at": at,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.BODY)
async def add_site(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        await sites.add(request.app[SERVICES], viewer(request), _typed(form))
    except BadFields as error:
        return await _page(request, form, error, None)
    raise _back("考点已添加，安排现场测评时可以选择。")


@allow(Role.BODY)
async def edit_site(request: web.Request) -> web.Response:
    form = await form_fields(request)
    site_id = path_id(request, "site")
    try:
        await sites.edit(request.app[SERVICES], viewer(request), site_id, _typed(form))
    except BadFields as error:
        return await _page(request, form, error, site_id)
    raise _back("考点已保存。")


@allow(Role.BODY)
async def stop_site(request: web.Request) -> web.Response:
    await sites.stop(request.app[SERVICES], viewer(request), path_id(request, "site"))
    raise _back("考点已停用，安排现场测评时不再出现。")


@allow(Role.BODY)
async def resume_site(request: web.Request) -> web.Response:
    await sites.resume(request.app[SERVICES], viewer(request), path_id(request, "site"))
    raise _back("考点已重新启用。")


@allow(Role.BODY)
async def delete_site(request: web.Request) -> web.Response:
    try:
        await sites.delete(request.app[SERVICES], viewer(request), path_id(request, "site"))
    except Conflict as error:
        return await _page(request, {}, error, None)
    raise _back("考点已删除。")


def _back(words: str) -> web.HTTPSeeOther:
    response = web.HTTPSeeOther("/sites")
    flash(response, "good", words)
    return response


ROUTES = [
    web.get("/sites", show_sites),
    web.post("/sites", add_site),
    web.post("/sites/{site}", edit_site),
    web.post("/sites/{site}/stopping", stop_site),
    web.post("/sites/{site}/resuming", resume_site),
    web.post("/sites/{site}/deletion", delete_site),
]
