"""手工添加 and 修改: a physician of the roster, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from aiohttp import web

from exam_service.accounts.identity import DOCUMENT_LABELS, mask
from exam_service.accounts.model import Role
from exam_service.errors import BadFields, Conflict
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.institutions import usecases
from exam_service.institutions.model import CATEGORY_LABELS, LEVEL_LABELS, SEX_LABELS
from exam_service.institutions.reading import FIELDS
from exam_service.keys import SERVICES, viewer

_LIST = "/institution/roster"


@allow(Role.INSTITUTION)
async def show_new(request: web.Request) -> web.Response:
    return await _form_page(request, _LIST, {}, {})


@allow(Role.INSTITUTION)
async def add(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        account_id = await usecases.add_to_roster(request.app[SERVICES], viewer(request), form)
    except BadFields as problems:
        return await _form_page(request, _LIST, form, problems.problems)
    response = web.HTTPSeeOther(f"{_LIST}/{account_id}")
    flash(response, "good", "已加入名册。符合考核条件的，请点“允许报名”。")
    raise response


@allow(Role.INSTITUTION)
async def show_edit(request: web.Request) -> web.Response:
    found = await usecases.editing(request.app[SERVICES], viewer(request), path_id(request, "physician"))
    return await _edit_page(request, found, _texts(found), {})


def _texts(found: usecases.Editing) -> dict[str, str]:
    entry, details = found.entry, found.details
    return {
        "name": entry.name,
        "document_type": found.person.document_type,
        "sex": entry.sex or "",
        "born_on": str(entry.born_on or ""),
        "category": entry.category,
        "level": entry.level,
        "qualification_number": details.qualification_number,
        "qualified_on": str(details.qualified_on or ""),
        "practising_number": details.practising_number,
        "licensed_on": str(entry.licensed_on or ""),
        "first_registered_on": str(entry.first_registered_on or ""),
        "department": str(entry.department_id or ""),
    }


@allow(Role.INSTITUTION)
async def amend(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    account_id = path_id(request, "physician")
    form = await form_fields(request)
    try:
        await usecases.amend_entry(services, viewer(request), account_id, form)
    except BadFields as problems:
        found = await usecases.editing(services, viewer(request), account_id)
        return await _edit_page(request, found, form, problems.problems)
    except Conflict as error:
        response = web.HTTPSeeOther(f"{_LIST}/{account_id}")
        flash(response, "bad", error.sentence)
        raise response from None
    response = web.HTTPSeeOther(f"{_LIST}/{account_id}")
    flash(response, "good", "已更新。")
    raise response


async def _edit_page(
    request: web.Request, found: usecases.Editing, texts: Mapping[str, str], problems: Mapping[str, str]
) -> web.Response:
    return await _form_page(
        request,
        f"{_LIST}/{found.entry.account_id}",
        texts,
        problems,
        found=found,
    )


async def _form_page(
    request: web.Request,
    action: str,
    texts: Mapping[str, str],
    problems: Mapping[str, str],
    *,
    found: usecases.Editing | None = None,
) -> web.Response:
    principal = viewer(request)
    async with request.app[SERVICES].database.tx() as tx:
        departments = await usecases.departments(tx, principal.of_institution(), principal.province_id)
        current = found.entry.department_id if found else None
        if current and all(each.id != current for each in departments):  # stopped, and still theirs
            departments.append(
                await usecases.department_of(tx, current, principal.of_institution(), principal.province_id)
            )
    choices: list[tuple[UUID, str]] = [(each.id, each.name) for each in departments]
    person = found.person if found else None
    return render(
        request,
        "institutions/roster_form.html",
        {
            "action": action,
            "back": action,
            "is_new": found is None,
            "is_locked": person is not None and person.first_activated_at is not None,
            "masked_number": mask(person.number) if person else None,
            "masked_mobile": mask(person.mobile) if person and person.mobile else None,
            "document_label": DOCUMENT_LABELS[person.document_type] if person else None,
            "texts": {field: texts.get(field, "") for field in FIELDS},
            "problems": problems,
            "fields": FIELDS,
            "documents": [(code.value, label) for code, label in DOCUMENT_LABELS.items()],
            "categories": [(code.value, label) for code, label in CATEGORY_LABELS.items()],
            "levels": [(code.value, label) for code, label in LEVEL_LABELS.items()],
            "sexes": [(code.value, label) for code, label in SEX_LABELS.items()],
            "departments": choices,
        },
        status=status_of(BadFields({})) if problems else 200,
    )


ROUTES = [
    web.get(f"{_LIST}/new", show_new),
    web.post(_LIST, add),
    web.get(_LIST + "/{physician}/edit", show_edit),
    web.post(_LIST + "/{physician}", amend),
]
