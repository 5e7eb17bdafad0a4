"""科室: list, add, edit, stop, reopen, delete."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import BadFields, Conflict
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id, read_form
from exam_service.http.session import flash
from exam_service.institutions import usecases
from exam_service.institutions.catalogue import catalogue
from exam_service.institutions.model import LONGEST_DEPARTMENT, Department
from exam_service.keys import SERVICES, viewer

_LIST = "/institution/departments"
_STATES = {"": None, "open": False, "stopped": True}


def cursor(text: str | None) -> UUID | None:
    """Of a page's address; what is no id begins at the first page."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@allow(Role.INSTITUTION)
async def show_list(request: web.Request) -> web.Response:
    name, state = request.query.get("name", "")[:LONGEST_DEPARTMENT], request.query.get("state", "")
    state = state if state in _STATES else ""
    after = cursor(request.query.get("cursor"))
    page = await usecases.list_departments(
        request.app[SERVICES].database,
        viewer(request),
        name=name.replace("\0", ""),
        stopped=_STATES[state],
        after=after,
    )
    filters = {key: value for key, value in (("name", name), ("state", state)) if value}
    return render(
        request,
        "institutions/departments.html",
        {
            "rows": [_listed(each) for each in page.rows],
            "name": name,
            "state": state,
            "filtered": bool(filters),
            "longest": LONGEST_DEPARTMENT,
            "next_query": urlencode(filters | {"cursor": str(page.next_cursor)})
            if page.next_cursor
            else None,
            "first_query": urlencode(filters) if after else None,
        },
    )


def _listed(department: Department) -> dict[str, object]:
    return {
        "id": department.id,
        "name": department.name,
        "subjects": department.subject_labels,
        "is_stopped": department.stopped_at is not None,
        "is_used": department.is_used,
    }


@allow(Role.INSTITUTION)
async def show_new(request: web.Request) -> web.Response:
    return _form_page(request, None, "", (), {})


@allow(Role.INSTITUTION)
async def add(request: web.Request) -> web.Response:
    name, subjects = await _typed(request)
    try:
        await usecases.add_department(
            request.app[SERVICES].database,
            request.app[SERVICES].clock,
            viewer(request),
            name=name,
            subjects=subjects,
        )
    except BadFields as problems:
        return _form_page(request, None, name, subjects, problems.problems)
    raise _back("科室已添加。")


@allow(Role.INSTITUTION)
async def show_edit(request: web.Request) -> web.Response:
    own = await _own(request)
    return _form_page(request, own.id, own.name, own.subjects, {})


@allow(Role.INSTITUTION)
async def amend(request: web.Request) -> web.Response:
    own = await _own(request)
    name, subjects = await _typed(request)
    try:
        await usecases.amend_department(
            request.app[SERVICES].database,
            request.app[SERVICES].clock,
            viewer(request),
            own.id,
            name=name,
            subjects=subjects,
        )
    except BadFields as problems:
        return _form_page(request, own.id, name, subjects, problems.problems)
    raise _back("科室已更新。")


async def _own(request: web.Request) -> Department:
    principal = viewer(request)
    async with request.app[SERVICES].database.tx() as tx:
        return await usecases.department_of(
            tx, path_id(request, "department"), principal.of_institution(), principal.province_id
        )


async def _typed(request: web.Request) -> tuple[str, list[str]]:
    fields = await form_fields(request)
    form = await read_form(request)
    return fields.get("name", ""), [each for each in form.getall("subject", []) if isinstance(each, str)]


def _form_page(
    request: web.Request,
    department_id: UUID | None,
    name: str,
    subjects: Collection[str],
    problems: Mapping[str, str],
) -> web.Response:
    chosen = set(subjects)
    return render(
        request,
        "institutions/department.html",
        {
            "action": f"{_LIST}/{department_id}" if department_id else _LIST,
            "is_new": department_id is None,
            "name": name,
            "chosen": chosen,
            "catalogue": catalogue(),
            "longest": LONGEST_DEPARTMENT,
            "problems": problems,
        },
        status=status_of(BadFields({})) if problems else 200,
    )


@allow(Role.INSTITUTION)
async def stop(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await usecases.stop_department(
        services.database, services.clock, viewer(request), path_id(request, "department")
    )
    raise _back("科室已停用：已在其中的医师不受影响，填报时不再供选择。")


@allow(Role.INSTITUTION)
async def reopen(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await usecases.reopen_department(
        services.database, services.clock, viewer(request), path_id(request, "department")
    )
    raise _back("科室已重新启用。")


@allow(Role.INSTITUTION)
async def delete(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    try:
        await usecases.delete_department(
            services.database, services.clock, viewer(request), path_id(request, "department")
        )
    except Conflict as error:
        raise _back(error.sentence, "bad") from None
    raise _back("科室已删除。")


def _back(text: str, kind: str = "good") -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(_LIST)
    flash(response, kind, text)
    return response


ROUTES = [
    web.get(_LIST, show_list),
    web.post(_LIST, add),
    web.get(f"{_LIST}/new", show_new),
    web.get(_LIST + "/{department}/edit", show_edit),
    web.post(_LIST + "/{department}", amend),
    web.post(_LIST + "/{department}/stop", stop),
    web.post(_LIST + "/{department}/reopening", reopen),
    web.post(_LIST + "/{department}/deletion", delete),
]
