"""The authority finds a physician, moves them to the right institution, withdraws them from the cycle."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.clock import in_china
from exam_service.cycles.model import LONGEST_DECISION
from exam_service.errors import BadFields, Conflict, DomainError
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.papers.usecases import supervision as acts
from exam_service.registration.model import STATE_LABELS, State
from exam_service.registration.supervision import usecases
from exam_service.registration.supervision.model import ACT_LABELS

_LONGEST_SEARCH = 60


def _searched(request: web.Request, name: str = "q") -> str:
    return request.query.get(name, "").replace("\0", "").strip()[:_LONGEST_SEARCH]


def _state(state: State | None) -> str:
    return STATE_LABELS[state or State.NOT_ADMITTED]


@allow(Role.AUTHORITY)
async def show_list(request: web.Request) -> web.Response:
    text = _searched(request)
    page = await usecases.find(request.app[SERVICES], viewer(request), text, _cursor(request))
    return _list_page(request, page, text)


@allow(Role.AUTHORITY)
async def search(request: web.Request) -> web.Response:
    """By name or number. An identity number never stands in an address: it is posted."""
    text = (await form_fields(request)).get("q", "").strip()[:_LONGEST_SEARCH]
    page = await usecases.find_by_number(request.app[SERVICES], viewer(request), text)
    if page is None:
        raise web.HTTPSeeOther(f"/authority/physicians?{urlencode({'q': text})}")
    return _list_page(request, page, text)


def _list_page(request: web.Request, page: usecases.FoundPage, text: str) -> web.Response:
    following = page.next_cursor
    return render(
        request,
        "registration/physicians.html",
        {
            "q": text,
            "rows": [
                {
                    "id": row.account_id,
                    "name": row.name,
                    "institution": row.institution,
                    "state": _state(row.state),
                }
                for row in page.rows
            ],
            "next": urlencode({"q": text, "name": following[0], "after": following[1]})
            if following
            else None,
        },
    )


def _cursor(request: web.Request) -> tuple[str, UUID] | None:
    try:
        return _searched(request, "name"), UUID(request.query.get("after", ""))
    except ValueError:
        return None


@allow(Role.AUTHORITY)
async def show_sheet(request: web.Request) -> web.Response:
    return await _sheet_page(request, {}, None, "")


async def _sheet_page(
    request: web.Request, form: Mapping[str, str], error: DomainError | None, at_form: str
) -> web.Response:
    """One physician; after a refusal with its error at the form, and what was typed in it."""
    search = _searched(request, "institution") or form.get("search", "").strip()[:_LONGEST_SEARCH]
    sheet = await usecases.sheet(request.app[SERVICES], viewer(request), path_id(request, "account"), search)
    own = sheet.registration
    problems = error.problems if isinstance(error, BadFields) else {}
    return render(
        request,
        "registration/physician.html",
        {
            "sheet": sheet,
            "state": _state(own.state if own else None),
            "is_in_cycle": own is not None and own.state not in {State.NOT_ADMITTED, State.CONCLUDED},
            "acts": [
                {
                    "label": ACT_LABELS[each.act],
                    "from": each.from_institution,
                    "to": each.to_institution,
                    "reason": each.reason,
                    "by": each.decided_by,
                    "at": f"{in_china(each.decided_at):%Y-%m-%d %H:%M}",
                }
                for each in sheet.acts
            ],
            "search": search,
            "typed": form,
            "problems": problems,
            "error": error.sentence if error and not problems else None,
            "at_form": at_form,
            "longest": LONGEST_DECISION,
        },
        status=status_of(error) if error else 200,
    )


@allow(Role.AUTHORITY)
async def move(request: web.Request) -> web.Response:
    form = await form_fields(request)
    account_id = path_id(request, "account")
    try:
        await acts.move_physician(
            request.app[SERVICES],
            viewer(request),
            account_id,
            _chosen(form.get("institution", "")),
            form.get("reason", ""),
        )
    except (BadFields, Conflict) as error:
        return await _sheet_page(request, form, error, "move")
    response = web.HTTPSeeOther(f"/authority/physicians/{account_id}")
    flash(response, "good", "已调整机构。已提交的报名信息由新机构审核。")
    raise response


def _chosen(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadFields({"institution": "请先查找并选择机构。"}) from None


@allow(Role.AUTHORITY)
async def withdraw(request: web.Request) -> web.Response:
    form = await form_fields(request)
    account_id = path_id(request, "account")
    try:
        await acts.withdraw_physician(
            request.app[SERVICES], viewer(request), account_id, form.get("reason", "")
        )
    except (BadFields, Conflict) as error:
        return await _sheet_page(request, form, error, "withdraw")
    response = web.HTTPSeeOther(f"/authority/physicians/{account_id}")
    flash(response, "good", "医师已退出本周期。")
    raise response


ROUTES = [
    web.get("/authority/physicians", show_list),
    web.post("/authority/physicians/search", search),
    web.get("/authority/physicians/{account}", show_sheet),
    web.post("/authority/physicians/{account}/move", move),
    web.post("/authority/physicians/{account}/withdrawal", withdraw),
]
