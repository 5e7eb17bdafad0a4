"""Lists: what waits, what was reviewed, what was decided lately; finding one; taking a list home."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import aclosing
from dataclasses import replace
from typing import BinaryIO

from aiohttp import web

from exam_service.accounts.model import Principal, Role
from exam_service.errors import Invalid
from exam_service.http.limits import dear
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, read_form
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.registration.model import State
from exam_service.registration.reviewing import usecases
from exam_service.registration.reviewing.filters import STATES, TAB_LABELS, Filter, Tab, parse_place
from exam_service.registration.reviewing.model import DECISION_LABELS
from exam_service.registration.reviewing.routes import shown
from exam_service.registration.reviewing.routes.forms import ids_of
from exam_service.registration.reviewing.routes.progress import progress_shown
from exam_service.registration.reviewing.usecases import Export, Exported
from exam_service.registration.reviewing.usecases.scoping import level_of
from exam_service.sheets import XLSX_TYPE, GrowingSheet, csv_bytes

_CHUNK = 64 * 1024
_EXPORTED_BY_AUTHORITY = tuple(state for state in State if state is not State.NOT_ADMITTED)


async def show_list(request: web.Request) -> web.Response:
    return await list_shown(request)


async def list_shown(
    request: web.Request, *, error: Invalid | None = None, at: str = "", typed: str = ""
) -> web.Response:
    """The list; after a refusal with its reason at the form (``search`` or ``export``)."""
    principal = viewer(request)
    level = level_of(principal)
    tab = shown.read_tab(request.query, TAB_LABELS[level])
    wanted = shown.read_filter(request.query)
    page = await usecases.list_page(
        request.app[SERVICES], principal, tab, wanted, parse_place(request.query.get("after"))
    )
    home = shown.home_of(principal)
    filters, tabs = shown.filter_query(wanted), {"tab": tab.value if tab is not Tab.AWAITING else ""}
    rows = [shown.listed(row, page.cycle, page.masked, page.at) for row in page.rows] if page.cycle else []
    return render(
        request,
        "reviewing/list.html",
        {
            "home": home,
            "is_body": shown.is_body(level),
            "tab": tab.value,
            "tab_label": TAB_LABELS[level][tab],
            "tabs": [
                (
                    each.value,
                    label,
                    shown.address(home, {"tab": "" if each is Tab.AWAITING else each.value}, filters),
                )
                for each, label in TAB_LABELS[level].items()
            ],
            "awaiting": page.awaiting,
            "has_cycle": page.cycle is not None,
            "rows": rows,
            "query": shown.address("", filters),
            "first": shown.address(home, tabs, filters) if request.query.get("after") else None,
            "following": shown.address(home, tabs, filters, {"after": page.after.to_text()})
            if page.after
            else None,
            "filters": filters,
            "options": shown.options(wanted, page.departments),
            "name": wanted.name,
            "institution": page.institution,
            "clear": shown.address(home, tabs),
            "longest_name": shown.LONGEST_NAME,
            "error": error.sentence if error else "",
            "error_at": at,
            "typed": typed,
            "export_to": f"{home}/export",
            "whole_numbers": principal.role is not Role.INSTITUTION,
        },
        status=status_of(error) if error else 200,
    )


async def search(request: web.Request) -> web.Response:
    number = (await form_fields(request)).get("number", "")
    principal = viewer(request)
    try:
        found = await usecases.find(request.app[SERVICES], principal, number)
    except Invalid as error:
        return await list_shown(request, error=error, at="search", typed=number[: shown.LONGEST_NAME])
    raise web.HTTPSeeOther(f"{shown.home_of(principal)}/{found}")


async def show_recent(request: web.Request) -> web.Response:
    return await _recent_shown(request, None)


async def _recent_shown(request: web.Request, error: Invalid | None) -> web.Response:
    principal = viewer(request)
    found = await usecases.recent(request.app[SERVICES], principal)
    return render(
        request,
        "reviewing/recent.html",
        {
            "home": shown.home_of(principal),
            "is_body": principal.role is Role.BODY,
            "rows": [
                {
                    "id": str(each.review.registration_id),
                    "name": each.name,
                    "institution": each.institution,
                    "decision": DECISION_LABELS[each.review.decision],
                    "at": each.review.decided_at,
                }
                for each in found
            ],
            "error": error.sentence if error else "",
        },
        status=status_of(error) if error else 200,
    )


@dear
async def undo_recent(request: web.Request) -> web.Response:
    principal = viewer(request)
    chosen = ids_of(await read_form(request), "registration")
    try:
        done = await usecases.undo_many(request.app[SERVICES], principal, chosen)
    except Invalid as error:
        return await _recent_shown(request, error)
    response = web.HTTPSeeOther(f"{shown.home_of(principal)}/recent")
    text = f"已撤销{done.done}名。" + (f"{len(done.left)}名没有撤销：{done.left[0]}" if done.left else "")
    flash(response, "warn" if done.left else "good", text)
    raise response


@dear
async def export_list(request: web.Request) -> web.StreamResponse:
    """The filtered list as a file. By post, because whole numbers leave an entry in the journal."""
    principal = viewer(request)
    form = await form_fields(request)
    tab = shown.read_tab(form, TAB_LABELS[level_of(principal)])
    wanted = replace(shown.read_filter(form), states=STATES[level_of(principal), tab])
    try:
        exported = await _asked(request, principal, wanted, form)
    except Invalid as error:
        return await list_shown(request, error=error, at="export")
    return await _sent(request, exported, form.get("format", ""))


@dear
async def export_province(request: web.Request) -> web.StreamResponse:
    """For the authority: everybody who has submitted."""
    form = await form_fields(request)
    wanted = replace(shown.read_filter(form), states=_EXPORTED_BY_AUTHORITY)
    try:
        exported = await _asked(request, viewer(request), wanted, form)
    except Invalid as error:
        return await progress_shown(request, error)
    return await _sent(request, exported, form.get("format", ""))


async def _asked(
    request: web.Request, principal: Principal, wanted: Filter, form: dict[str, str]
) -> Exported:
    asked = Export(wanted, form.get("numbers") == "whole", form.get("reason", "").strip())
    return await usecases.export(request.app[SERVICES], principal, asked)


async def _sent(request: web.Request, exported: Exported, kind: str) -> web.StreamResponse:
    response = web.StreamResponse()
    suffix = "csv" if kind == "csv" else "xlsx"
    response.content_type = "text/csv" if suffix == "csv" else XLSX_TYPE
    response.headers["Content-Disposition"] = f'attachment; filename="registrations.{suffix}"'
    async with aclosing(exported.pages) as pages:  # type: ignore[type-var]
        if suffix == "csv":
            response.charset = "utf-8"
            await response.prepare(request)
            await response.write(csv_bytes([exported.header], first=True))
            async for page in pages:
                await response.write(await asyncio.to_thread(csv_bytes, page))
        else:
            sheet = GrowingSheet()
            await asyncio.to_thread(sheet.append, [exported.header])
            async for page in pages:
                await asyncio.to_thread(sheet.append, page)
            with tempfile.TemporaryFile() as file:
                await asyncio.to_thread(sheet.save, file)
                await response.prepare(request)
                await _send_file(response, file)
    await response.write_eof()
    return response


async def _send_file(response: web.StreamResponse, file: BinaryIO) -> None:
    file.seek(0)
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        await response.write(chunk)
