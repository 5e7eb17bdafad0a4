"""批量通过: the uncontested in one go, with those that need a look of their own beside them."""

from __future__ import annotations

from uuid import UUID

from aiohttp import web

from exam_service.errors import Invalid
from exam_service.http.limits import dear
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import read_form
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.registration.reviewing import usecases
from exam_service.registration.reviewing.filters import parse_place
from exam_service.registration.reviewing.model import MOST_IN_BULK
from exam_service.registration.reviewing.routes import shown
from exam_service.registration.reviewing.routes.forms import basis_text, parse_basis, texts_of
from exam_service.registration.reviewing.usecases import Basis


async def show_bulk(request: web.Request) -> web.Response:
    return await _bulk_shown(request, None)


async def _bulk_shown(request: web.Request, error: Invalid | None) -> web.Response:
    wanted = shown.read_filter(request.query)
    services = request.app[SERVICES]
    found = await usecases.bulk(services, viewer(request), wanted, parse_place(request.query.get("after")))
    home, query = shown.home_of(viewer(request)), shown.filter_query(wanted)
    now = services.clock.now()
    return render(
        request,
        "reviewing/bulk.html",
        {
            "home": home,
            "back": shown.address(home, query),
            "query": shown.address("", query),
            "uncontested": [
                {
                    **shown.listed(row, found.cycle, found.masked, now),
                    "basis": basis_text(found.bases[row.id]),
                }
                for row in found.uncontested
            ]
            if found.cycle
            else [],
            "contested": [
                {**shown.listed(row, found.cycle, found.masked, now), "doubts": shown.doubt_labels(why)}
                for row, why in found.contested
            ]
            if found.cycle
            else [],
            "conclude": found.conclude,
            "closed": found.closed,
            "most": MOST_IN_BULK,
            "following": shown.address(f"{home}/bulk", query, {"after": found.after.to_text()})
            if found.after
            else None,
            "error": error.sentence if error else "",
        },
        status=status_of(error) if error else 200,
    )


@dear
async def approve_many(request: web.Request) -> web.StreamResponse:
    form = await read_form(request)
    home = shown.home_of(viewer(request))
    try:
        done = await usecases.approve_many(
            request.app[SERVICES], viewer(request), _bases(texts_of(form, "chosen"))
        )
    except Invalid as error:
        return await _bulk_shown(request, error)
    text = f"已通过{done.done}名。"
    if done.concluded:
        text += f"其中{done.concluded}名已作出合格结论。"
    if done.left:
        text += f"{len(done.left)}名没有通过：{done.left[0]}"
    response = web.HTTPSeeOther(f"{home}/recent" if done.done > done.concluded else home)
    flash(response, "warn" if done.left else "good", text)
    raise response


def _bases(chosen: list[str]) -> dict[UUID, Basis]:
    """Raises Invalid for what the page's own form doesn't send: ``registration:basis``."""
    bases = {}
    for each in chosen:
        registration, _, basis = each.partition(":")
        try:
            bases[UUID(registration)] = parse_basis(basis)
        except ValueError:
            raise Invalid("没有收到要处理的内容，请刷新页面后重试。", code="bad_basis") from None
    return bases
