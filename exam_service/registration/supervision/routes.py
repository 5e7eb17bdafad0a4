"""The authority gives institutions a body."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.cycles.model import OfficeFilter
from exam_service.errors import Invalid
from exam_service.http.guards import allow
from exam_service.http.requests import form_fields, read_form
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.registration.supervision import usecases


@allow(Role.AUTHORITY)
async def assign(request: web.Request) -> web.Response:
    form = await form_fields(request)
    body_id = _id(form.get("body", ""))
    if body_id is None:
        raise Invalid(
            "请选择考核机构后再分配。", code="no_body", way=("返回机构列表", "/authority/institutions")
        )
    listed = None
    if form.get("which") == "all":
        listed = OfficeFilter(
            form.get("q", ""), _id(form.get("from_body", "")), form.get("unassigned") == "yes"
        )
    every = (await read_form(request)).getall("institution", [])
    chosen = [found for each in every if isinstance(each, str) and (found := _id(each))]
    try:
        count = await usecases.assign(
            request.app[SERVICES],
            viewer(request),
            body_id,
            chosen=chosen,
            listed=listed,
        )
    except Invalid as error:
        response = web.HTTPSeeOther("/authority/institutions")
        flash(response, "bad", error.sentence)
        raise response from None
    response = web.HTTPSeeOther("/authority/institutions")
    flash(response, "good", f"已为{count}家医疗卫生机构分配考核机构。")
    raise response


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


ROUTES = [web.post("/authority/assignments", assign)]
