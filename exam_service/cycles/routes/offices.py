"""医疗卫生机构 and 考核机构 of the province: lists, files, and the accounts of their staff."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.model import OfficeFilter
from exam_service.cycles.usecases import offices, staff
from exam_service.errors import BadFields, DomainError, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.http.uploads import takes_files, uploaded_file
from exam_service.keys import SERVICES, viewer
from exam_service.organisations.model import Contact
from exam_service.sheets import LARGEST_FILE, XLSX_TYPE, BadRows

_LONGEST_SEARCH = 60
_MOST_BAD_ROWS = 200


def _filter(request: web.Request) -> OfficeFilter:
    query = request.query
    search = query.get("q", "").replace("\0", "").strip()[:_LONGEST_SEARCH]
    return OfficeFilter(search, _uuid(query.get("body", "")), query.get("unassigned") == "yes")


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _contact(form: Mapping[str, str]) -> Contact:
    return Contact(*(form.get(name, "").strip() for name in ("name", "phone", "address")))


# Institutions


@allow(Role.AUTHORITY)
async def show_institutions(request: web.Request) -> web.Response:
    shown = _filter(request)
    after = request.query.get("after", "").replace("\0", "")
    page = await offices.institutions(request.app[SERVICES], viewer(request), shown, after)
    kept = {
        "q": shown.search,
        "body": str(shown.body_id or ""),
        "unassigned": request.query.get("unassigned"),
    }
    kept = {name: value for name, value in kept.items() if value}
    return render(
        request,
        "cycles/institutions.html",
        {
            "rows": page.rows,
            "cycle": page.cycle,
            "bodies": page.bodies,
            "shown": shown,
            "next": urlencode({**kept, "after": page.next_cursor}) if page.next_cursor else None,
        },
    )


@allow(Role.AUTHORITY)
async def show_new_institution(request: web.Request) -> web.Response:
    return _new_institution_page(request, {}, None)


def _new_institution_page(
    request: web.Request, form: Mapping[str, str], error: BadFields | None
) -> web.Response:
    return render(
        request,
        "cycles/new_office.html",
        {"kind": "institution", "typed": form, "problems": error.problems if error else {}},
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
async def add_institution(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        added = await offices.add_institution(request.app[SERVICES], viewer(request), _contact(form))
    except BadFields as error:
        return _new_institution_page(request, form, error)
    response = web.HTTPSeeOther(f"/authority/institutions/{added.id}")
    flash(response, "good", "机构已添加。请为其开设第一个工作人员账号。")
    raise response


@allow(Role.AUTHORITY)
async def show_institution(request: web.Request) -> web.Response:
    return await _institution_page(request, None)


async def _institution_page(
    request: web.Request,
    error: DomainError | None,
    form: Mapping[str, str] | None = None,
    at_form: str = "",
) -> web.Response:
    services, principal = request.app[SERVICES], viewer(request)
    institution = await offices.institution(services, principal, path_id(request, "institution"))
    own = {"name": institution.name, "phone": institution.phone, "address": institution.address}
    return render(
        request,
        "cycles/office.html",
        {
            "kind": "institution",
            "office": institution,
            "staff": await staff.of_institution(services, principal, institution.id),
            **_shown_again(own, error, form, at_form),
        },
        status=status_of(error) if error else 200,
    )


def _shown_again(
    own: Mapping[str, str], error: DomainError | None, form: Mapping[str, str] | None, at_form: str
) -> dict[str, object]:
    """What the two forms of an office's page begin with, and the errors at their fields."""
    problems = error.problems if isinstance(error, BadFields) else {}
    edited, new = at_form == "office", at_form == "staff"
    return {
        "typed": form if edited and form else own,
        "problems": problems if edited else {},
        "new": form if new and form else {},
        "new_problems": problems if new else {},
        "error": error.sentence if error and not problems else None,
    }


@allow(Role.AUTHORITY)
async def edit_institution(request: web.Request) -> web.Response:
    form = await form_fields(request)
    institution_id = path_id(request, "institution")
    try:
        await offices.edit_institution(request.app[SERVICES], viewer(request), institution_id, _contact(form))
    except BadFields as error:
        return await _institution_page(request, error, form, "office")
    response = web.HTTPSeeOther(f"/authority/institutions/{institution_id}")
    flash(response, "good", "机构信息已保存。")
    raise response


@allow(Role.AUTHORITY)
async def add_institution_staff(request: web.Request) -> web.Response:
    form = await form_fields(request)
    services, principal = request.app[SERVICES], viewer(request)
    institution_id = path_id(request, "institution")
    try:
        made = await staff.add_to_institution(
            services, principal, institution_id, form.get("staff_name", ""), form.get("username", "")
        )
    except BadFields as error:
        return await _institution_page(request, error, form, "staff")
    return _password_page(request, made, f"/authority/institutions/{institution_id}")


def _password_page(request: web.Request, made: staff.OneTime, back: str) -> web.Response:
    """Shown once, and not sent through a cookie: the answer to the form itself."""
    return render(request, "cycles/one_time.html", {"made": made, "back": back})


# A file of them


@allow(Role.AUTHORITY)
async def show_template(_: web.Request) -> web.Response:
    headers = {"Content-Disposition": 'attachment; filename="institutions.xlsx"'}
    return web.Response(body=offices.template(), content_type=XLSX_TYPE, headers=headers)


@allow(Role.AUTHORITY)
async def show_import(request: web.Request) -> web.Response:
    return _import_page(request, None)


def _import_page(request: web.Request, error: Invalid | None) -> web.Response:
    rows = error.rows if isinstance(error, BadRows) else ()
    return render(
        request,
        "cycles/import.html",
        {
            "error": error.sentence if error else None,
            "rows": rows[:_MOST_BAD_ROWS],
            "more": max(0, len(rows) - _MOST_BAD_ROWS),
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
@takes_files(LARGEST_FILE)
async def import_institutions(request: web.Request) -> web.Response:
    try:
        file = await uploaded_file(request, "file")
        count = await offices.import_institutions(request.app[SERVICES], viewer(request), file.data)
    except Invalid as error:
        return _import_page(request, error)
    response = web.HTTPSeeOther("/authority/institutions")
    flash(response, "good", f"已导入{count}家医疗卫生机构。")
    raise response


# Bodies


@allow(Role.AUTHORITY)
async def show_bodies(request: web.Request) -> web.Response:
    cycle, rows = await offices.bodies(request.app[SERVICES], viewer(request))
    return render(request, "cycles/bodies.html", {"cycle": cycle, "rows": rows})


@allow(Role.AUTHORITY)
async def show_new_body(request: web.Request) -> web.Response:
    return _new_body_page(request, {}, None)


def _new_body_page(request: web.Request, form: Mapping[str, str], error: BadFields | None) -> web.Response:
    return render(
        request,
        "cycles/new_office.html",
        {"kind": "body", "typed": form, "problems": error.problems if error else {}},
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
async def add_body(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        added = await offices.add_body(request.app[SERVICES], viewer(request), _contact(form))
    except BadFields as error:
        return _new_body_page(request, form, error)
    response = web.HTTPSeeOther(f"/authority/bodies/{added.id}")
    flash(response, "good", "考核机构已添加。请为其开设第一个工作人员账号。")
    raise response


@allow(Role.AUTHORITY)
async def show_body(request: web.Request) -> web.Response:
    return await _body_page(request, None)


async def _body_page(
    request: web.Request,
    error: DomainError | None,
    form: Mapping[str, str] | None = None,
    at_form: str = "",
) -> web.Response:
    services, principal = request.app[SERVICES], viewer(request)
    body = await offices.body(services, principal, path_id(request, "body"))
    return render(
        request,
        "cycles/office.html",
        {
            "kind": "body",
            "office": body,
            "staff": await staff.of_body(services, principal, body.id),
            **_shown_again({"name": body.name, "phone": body.phone}, error, form, at_form),
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
async def edit_body(request: web.Request) -> web.Response:
    form = await form_fields(request)
    body_id = path_id(request, "body")
    try:
        await offices.edit_body(request.app[SERVICES], viewer(request), body_id, _contact(form))
    except BadFields as error:
        return await _body_page(request, error, form, "office")
    response = web.HTTPSeeOther(f"/authority/bodies/{body_id}")
    flash(response, "good", "考核机构信息已保存。")
    raise response


@allow(Role.AUTHORITY)
async def add_body_staff(request: web.Request) -> web.Response:
    form = await form_fields(request)
    services, principal = request.app[SERVICES], viewer(request)
    body_id = path_id(request, "body")
    try:
        made = await staff.add_to_body(
            services, principal, body_id, form.get("staff_name", ""), form.get("username", "")
        )
    except BadFields as error:
        return await _body_page(request, error, form, "staff")
    return _password_page(request, made, f"/authority/bodies/{body_id}")


# Accounts


@allow(Role.AUTHORITY)
async def reset_staff(request: web.Request) -> web.Response:
    made = await staff.reset(request.app[SERVICES], viewer(request), path_id(request, "account"))
    return _password_page(request, made, made.office)


@allow(Role.AUTHORITY)
async def disable_staff(request: web.Request) -> web.Response:
    office = await staff.disable(request.app[SERVICES], viewer(request), path_id(request, "account"))
    response = web.HTTPSeeOther(office)
    flash(response, "good", "账号已停用，已登录的会话随即失效。")
    raise response


@allow(Role.AUTHORITY)
async def enable_staff(request: web.Request) -> web.Response:
    office = await staff.enable(request.app[SERVICES], viewer(request), path_id(request, "account"))
    response = web.HTTPSeeOther(office)
    flash(response, "good", "账号已重新启用。")
    raise response


ROUTES = [
    web.get("/authority/institutions", show_institutions),
    web.post("/authority/institutions", add_institution),
    web.get("/authority/institutions/new", show_new_institution),
    web.get("/authority/institutions/template.xlsx", show_template),
    web.get("/authority/institutions/import", show_import),
    web.post("/authority/institutions/import", import_institutions),
    web.get("/authority/institutions/{institution}", show_institution),
    web.post("/authority/institutions/{institution}", edit_institution),
    web.post("/authority/institutions/{institution}/staff", add_institution_staff),
    web.get("/authority/bodies", show_bodies),
    web.post("/authority/bodies", add_body),
    web.get("/authority/bodies/new", show_new_body),
    web.get("/authority/bodies/{body}", show_body),
    web.post("/authority/bodies/{body}", edit_body),
    web.post("/authority/bodies/{body}/staff", add_body_staff),
    web.post("/authority/staff/{account}/reset", reset_staff),
    web.post("/authority/staff/{account}/disabling", disable_staff),
    web.post("/authority/staff/{account}/enabling", enable_staff),
]
