"""The list of the roster with its filters, and the page of one physician."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from exam_service.accounts.identity import DOCUMENT_LABELS, DocumentType
from exam_service.accounts.model import Role
from exam_service.cycles.model import Cycle
from exam_service.errors import Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.institutions.model import (
    CATEGORY_LABELS,
    LEAVING,
    LEFT_LABELS,
    LEVEL_LABELS,
    SEX_LABELS,
    Category,
    Level,
)
from exam_service.keys import SERVICES, viewer
from exam_service.registration.admission.model import (
    ACT_LABELS,
    ACTIVATION_LABELS,
    STANDING_LABELS,
    Activation,
    Filters,
    Standing,
    age_on,
    why_not_admitted,
    why_not_cancelled,
    why_not_leaving,
)
from exam_service.registration.admission.queries import Listed, Undoable
from exam_service.registration.admission.usecases import listing
from exam_service.registration.model import EDITABLE, State, label_for_staff

E = TypeVar("E", bound=StrEnum)

LIST = "/institution/roster"
_LONGEST_NAME = 20
_OLDEST = 150
_KINDS = {
    State.NOT_ADMITTED: "muted",
    State.RETURNED: "bad",
    State.INSTITUTION_REVIEW: "warn",
    State.BODY_REVIEW: "info",
    State.REGISTERED: "good",
    State.TESTING: "good",
    State.CONCLUDED: "muted",
}


def read_filters(query: Mapping[str, str]) -> Filters:
    """Of a page's address; what makes no sense narrows nothing."""
    return Filters(
        department_id=_id(query.get("department")),
        name=query.get("name", "").strip().replace("\0", "")[:_LONGEST_NAME],
        youngest=_age(query.get("youngest")),
        oldest=_age(query.get("oldest")),
        category=_one(Category, query.get("category")),
        level=_one(Level, query.get("level")),
        registered_from=_day(query.get("registered_from")),
        registered_until=_day(query.get("registered_until")),
        standing=_one(Standing, query.get("standing")),
        activation=_one(Activation, query.get("activation")),
    )


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _age(text: str | None) -> int | None:
    if not text or not (text.isascii() and text.isdigit()) or len(text) > len(str(_OLDEST)):
        return None
    return min(int(text), _OLDEST)


def _one(kind: type[E], text: str | None) -> E | None:
    try:
        return kind(text) if text else None
    except ValueError:
        return None


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def query_of(filters: Filters) -> dict[str, str]:
    """The other way round; only what narrows."""
    texts = {
        "department": filters.department_id,
        "name": filters.name,
        "youngest": filters.youngest,
        "oldest": filters.oldest,
        "category": filters.category,
        "level": filters.level,
        "registered_from": filters.registered_from,
        "registered_until": filters.registered_until,
        "standing": filters.standing,
        "activation": filters.activation,
    }
    return {name: str(value) for name, value in texts.items() if value not in {None, ""}}


@allow(Role.INSTITUTION)
async def show_list(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    filters, after = read_filters(request.query), _id(request.query.get("cursor"))
    page = await listing.roster_page(
        services.database, services.clock, services.vault, viewer(request), filters, after
    )
    narrowed = query_of(filters)
    here = narrowed | ({"cursor": str(after)} if after else {})
    return render(
        request,
        "admission/roster.html",
        {
            "rows": [_listed(row, page) for row in page.rows],
            "total": page.total,
            "filters": filters,
            "is_narrowed": bool(narrowed),
            "departments": [(each.id, each.name) for each in page.departments],
            "categories": list(CATEGORY_LABELS.items()),
            "levels": list(LEVEL_LABELS.items()),
            "standings": list(STANDING_LABELS.items()),
            "activations": list(ACTIVATION_LABELS.items()),
            "cycle": page.cycle.title if page.cycle else None,
            "closed": page.closed,
            "undoable": _undoable(page.undoable) if page.undoable else None,
            "back": f"{LIST}?{urlencode(here)}" if here else LIST,
            "next_query": urlencode(narrowed | {"cursor": str(page.next_cursor)})
            if page.next_cursor
            else None,
            "first_query": urlencode(narrowed) if after else None,
            "longest_name": _LONGEST_NAME,
        },
    )


def _listed(row: Listed, page: listing.RosterPage) -> dict[str, object]:
    kind, label = state_badge(row.state, page.cycle)
    is_open = page.closed is None
    return {
        "id": row.account_id,
        "name": row.name,
        "number": page.masked_numbers.get(row.account_id, ""),
        "department": row.department,
        "age": age_on(row.born_on, page.today) if row.born_on else None,
        "category": CATEGORY_LABELS[row.category],
        "level": LEVEL_LABELS[row.level],
        "licensed_on": row.licensed_on,
        "first_registered_on": row.first_registered_on,
        "is_activated": row.is_activated,
        "kind": kind,
        "state": label,
        "may_admit": is_open and why_not_admitted(row.state) is None,
        "may_cancel": is_open and why_not_cancelled(row.state) is None,
    }


def state_badge(state: State | None, cycle: Cycle | None) -> tuple[str, str]:
    """Kind and words for how a registration stands."""
    state = state or State.NOT_ADMITTED
    kind = _KINDS.get(state, "info" if state in EDITABLE else "muted")
    return kind, label_for_staff(state, cycle.policy.labels) if cycle else "未开启考核周期"


def _undoable(act: Undoable) -> dict[str, object]:
    whom = act.name if act.physicians == 1 else f"{act.name}等{act.physicians}人"
    return {"id": act.id, "text": f"已为{whom}办理“{ACT_LABELS[act.kind]}”，10分钟内可以撤销。"}


@allow(Role.INSTITUTION)
async def search(request: web.Request) -> web.Response:
    """An identity number never stands in an address: it is posted."""
    number = (await form_fields(request)).get("number", "")
    services = request.app[SERVICES]
    response = web.HTTPSeeOther(LIST)
    try:
        found = await listing.find_by_number(services, viewer(request), number)
    except Invalid as error:
        flash(response, "bad", error.sentence)
        raise response from None
    if found:
        raise web.HTTPSeeOther(f"{LIST}/{found}")
    flash(response, "warn", "本机构名册中没有这个证件号码，请核对；在其他机构的，请办理调入。")
    raise response


def _activation(page: listing.SheetPage, *, can_send: bool) -> str | None:
    """How somebody who hasn't activated yet comes to do so."""
    if page.sheet.activated_at:
        return None
    if page.asks_activation:
        return "已凭激活单提交申请，等待考核机构或卫生行政部门核实；核实通过后才能登录。"
    if not (page.entry.mobile_code and can_send):
        return "本省不发送短信验证码，请打印激活单交给本人。"
    if page.mobile:
        return "本人凭证件号码、姓名和登记的手机号激活；收不到短信的，请打印激活单交给本人。"
    if page.entry.unlisted_mobile:
        return "名册中没有手机号，本人激活时填写自己的手机号；没有手机号的，请打印激活单交给本人。"
    return "名册中没有手机号，收不到验证码：请先在“修改”中登记，或打印激活单交给本人。"


@allow(Role.INSTITUTION)
async def show_one(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    in_full = request.query.get("number") == "full"
    page = await listing.roster_sheet(
        services.database,
        services.clock,
        services.vault,
        viewer(request),
        path_id(request, "physician"),
        in_full=in_full,
    )
    sheet = page.sheet
    kind, label = state_badge(sheet.state, page.cycle)
    is_open = page.closed is None
    return render(
        request,
        "admission/physician.html",
        {
            "sheet": sheet,
            "number": page.number,
            "in_full": in_full,
            "document_label": DOCUMENT_LABELS[DocumentType(sheet.document_type)],
            "sex": SEX_LABELS[sheet.sex] if sheet.sex else None,
            "category": CATEGORY_LABELS[sheet.category],
            "level": LEVEL_LABELS[sheet.level],
            "details": page.details,
            "mobile": page.mobile,
            "activation": _activation(page, can_send=services.post.can_send),
            "kind": kind,
            "state": label,
            "cycle": page.cycle.title if page.cycle else None,
            "closed": page.closed,
            "may_admit": is_open and why_not_admitted(sheet.state) is None,
            "may_cancel": is_open and why_not_cancelled(sheet.state) is None,
            "why_not_leaving": why_not_leaving(sheet.state),
            "leaving": [(each.value, LEFT_LABELS[each]) for each in LEAVING],
            "is_removable": page.is_removable,
            "back": f"{LIST}/{sheet.account_id}",
        },
    )


ROUTES = [
    web.get(LIST, show_list),
    web.post(f"{LIST}/search", search),
    web.get(LIST + "/{physician}", show_one),
]
