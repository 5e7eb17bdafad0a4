"""申请修改: the physician's page, and the institution's list and sheets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.form_rules import REASON_LONGEST
from exam_service.errors import BadFields, Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id, read_form
from exam_service.http.session import flash
from exam_service.ids import new_id
from exam_service.institutions.usecases import specialties_of
from exam_service.keys import SERVICES, viewer
from exam_service.registration.form.answers import Answers
from exam_service.registration.model import STATE_LABELS as REGISTERED_LABELS
from exam_service.registration.modifications import usecases, views
from exam_service.registration.modifications.model import STATE_LABELS

BASE = "/institution/modifications"
OWN = "/registration/modification"


def _shown(shown: usecases.Shown) -> dict[str, Any]:
    request = shown.request
    kind, label = STATE_LABELS[request.state]
    return {
        "id": request.id,
        "kind": kind,
        "label": label,
        "is_open": kind == "info",
        "reason": request.reason,
        "asked_at": request.asked_at,
        "decision": request.decision,
        "rows": shown.rows,
    }


# The physician


@allow(Role.PHYSICIAN)
async def show_own(request: web.Request) -> web.Response:
    return await _own_page(request, {}, "", None)


async def _own_page(
    request: web.Request, answers: Answers, reason: str, error: Invalid | Conflict | None
) -> web.Response:
    page = await usecases.own_page(request.app[SERVICES], viewer(request))
    problems: Mapping[str, str] = error.problems if isinstance(error, BadFields) else {}
    departments = {each.id: (each.name, specialties_of(each)) for each in page.departments}
    return render(
        request,
        "modifications/own.html",
        {
            "requests": [_shown(each) for each in page.requests],
            "closed": page.closed,
            "fields": views.inputs(page.form, page.fields, departments, answers, problems),
            "lists": [
                views.list_inputs(
                    page.form,
                    each,
                    [new_id().hex[-12:] for _ in range(views.NEW_ENTRIES)],
                    answers,
                    problems,
                )
                for each in page.lists
            ],
            "reason": reason,
            "longest": REASON_LONGEST,
            "error": error.sentence if error else None,
            "reason_is_wrong": error is not None and error.code in {"no_reason", "reason_too_long"},
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.PHYSICIAN)
async def ask(request: web.Request) -> web.Response:
    await form_fields(request)  # refuses what no keyboard types
    form = await read_form(request)
    answers = {name: [str(value) for value in form.getall(name)] for name in form}
    reason = str(form.get("reason", "")).replace("\r\n", "\n").strip()
    try:
        await usecases.ask(request.app[SERVICES], viewer(request), answers, reason)
    except (Invalid, Conflict) as error:
        return await _own_page(request, answers, reason, error)
    raise _back(OWN, "修改申请已提交，请等待医疗卫生机构审核。")


@allow(Role.PHYSICIAN)
async def withdraw(request: web.Request) -> web.Response:
    try:
        await usecases.withdraw(request.app[SERVICES], viewer(request), path_id(request, "modification"))
    except Conflict as error:
        return await _own_page(request, {}, "", error)
    raise _back(OWN, "修改申请已撤回。")


def _back(where: str, words: str) -> web.HTTPSeeOther:
    response = web.HTTPSeeOther(where)
    flash(response, "good", words)
    return response


# The institution


@allow(Role.INSTITUTION)
async def show_list(request: web.Request) -> web.Response:
    return await _list_page(request, request.query, "")


@allow(Role.INSTITUTION)
async def search(request: web.Request) -> web.Response:
    """An identity number never stands in an address: it is posted."""
    fields = await form_fields(request)
    return await _list_page(request, {"tab": fields.get("tab", "")}, fields.get("number", "").strip()[:64])


async def _list_page(request: web.Request, query: Mapping[str, str], number: str) -> web.Response:
    waiting = query.get("tab") != "decided"
    name = query.get("name", "").strip()[:64].replace("\0", "")
    page = await usecases.list_page(
        request.app[SERVICES],
        viewer(request),
        waiting=waiting,
        name=name,
        number=number,
        cursor=_cursor(query.get("cursor")),
    )
    kept = {"name": name} if name else {}
    return render(
        request,
        "modifications/list.html",
        {
            "base": BASE,
            "tab": "waiting" if waiting else "decided",
            "rows": [
                {
                    "id": row.id,
                    "name": row.name,
                    "masked_number": page.masked_numbers[row.id],
                    "department": row.department or "",
                    "fields": "、".join(page.labels[row.id].get(each, each) for each in row.fields),
                    "reason": row.reason,
                    "asked_at": row.asked_at,
                    "decided_at": row.decided_at,
                    "kind": STATE_LABELS[row.state][0],
                    "label": STATE_LABELS[row.state][1],
                }
                for row in page.rows
            ],
            "waiting": page.waiting,
            "filters": {"name": name, "number": number},
            "is_filtered": bool(kept or number),
            "kept": kept,
            "next_cursor": page.next_cursor,
        },
    )


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@allow(Role.INSTITUTION)
async def show_sheet(request: web.Request) -> web.Response:
    return await _sheet_page(request, "", None)


async def _sheet_page(request: web.Request, reason: str, error: Invalid | Conflict | None) -> web.Response:
    sheet = await usecases.sheet(request.app[SERVICES], viewer(request), path_id(request, "modification"))
    own = sheet.entitled.registration
    return render(
        request,
        "modifications/sheet.html",
        {
            "base": BASE,
            "request": _shown(sheet.shown),
            "name": sheet.name,
            "masked_number": sheet.masked_number,
            "registration": own.id,
            "registered": REGISTERED_LABELS[own.state],
            "may_decide": sheet.entitled.may_test,
            "following": sheet.following,
            "reason": reason,
            "longest": REASON_LONGEST,
            "error": error.sentence if error else None,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.INSTITUTION)
async def decide(request: web.Request) -> web.Response:
    fields = await form_fields(request)
    services, principal, request_id = request.app[SERVICES], viewer(request), path_id(request, "modification")
    reason = fields.get("reason", "").replace("\r\n", "\n").strip()
    granted = fields.get("decision") == "grant"
    try:
        if fields.get("decision") not in {"grant", "refuse"}:
            raise Invalid("请选择同意或不同意。", code="no_decision")
        await usecases.decide(services, principal, request_id, granted=granted, reason=reason)
    except (Invalid, Conflict) as error:
        return await _sheet_page(request, reason, error)
    following = await usecases.following(services, principal, request_id)
    words = "已同意，新信息已生效，原信息保留在记录中。" if granted else "已记录为不同意，医师可以看到理由。"
    raise _back(f"{BASE}/{following}" if following else BASE, words)


ROUTES = [
    web.get(OWN, show_own),
    web.post(OWN, ask),
    web.post(f"{OWN}/{{modification}}/withdrawal", withdraw),
    web.get(BASE, show_list),
    web.post(f"{BASE}/search", search),
    web.get(f"{BASE}/{{modification}}", show_sheet),
    web.post(f"{BASE}/{{modification}}/decision", decide),
]
