"""成绩确认: the body's list, one attempt with its pictures, a word on each finding, the decision."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import Conflict, Invalid
from exam_service.http.guards import allow
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import form_fields, path_id
from exam_service.http.session import flash
from exam_service.keys import SERVICES, viewer
from exam_service.proctor.judgement import FindingKind
from exam_service.review import usecases, views
from exam_service.review.model import FindingVerdict, Tab

_MOST_SHOTS = 100_000
_FIELDS = ("kind", "began_at", "verdict", "result", "by_findings", "note")
"""Of the forms on an attempt's page: what was typed stays when it is refused."""
_PNG = b"\x89PNG"


def _cursor(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _shots(text: str | None) -> int:
    """How many pictures are asked for; what is no number asks for the first page."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > len(str(_MOST_SHOTS)):
        return views.SHOTS_PAGE
    return max(int(text), views.SHOTS_PAGE)


@allow(Role.BODY)
async def show_list(request: web.Request) -> web.Response:
    tab = Tab.ALL if request.query.get("tab") == Tab.ALL else Tab.AWAITING
    page = await usecases.list_attempts(
        request.app[SERVICES], viewer(request), tab, _cursor(request.query.get("cursor"))
    )
    return render(
        request,
        "review/list.html",
        {
            "tab": tab.value,
            "rows": [views.listed(page, row) for row in page.rows],
            "counts": page.counts,
            "next_cursor": str(page.next_cursor) if page.next_cursor else None,
        },
    )


@allow(Role.BODY)
async def show_attempt(request: web.Request) -> web.Response:
    return await _attempt_page(request, {}, None)


async def _attempt_page(
    request: web.Request, form: Mapping[str, str], error: Invalid | Conflict | None
) -> web.Response:
    """The dossier, with what was typed and why it was refused where something was."""
    services = request.app[SERVICES]
    page = await usecases.dossier(services, viewer(request), path_id(request, "attempt"))
    shown = views.dossier(
        page, shots=_shots(request.query.get("shots")), every_nth=services.settings.keep_every_nth_match
    )
    typed = {name: form.get(name, "") for name in _FIELDS}
    shown |= {"form": typed, "error": error.sentence if error else None}
    return render(request, "review/attempt.html", shown, status=status_of(error) if error else 200)


@allow(Role.BODY)
async def show_snapshot(request: web.Request) -> web.Response:
    picture = await usecases.snapshot(
        request.app[SERVICES],
        viewer(request),
        path_id(request, "attempt"),
        path_id(request, "check"),
    )
    return web.Response(body=picture, content_type="image/jpeg")


@allow(Role.BODY)
async def show_photo(request: web.Request) -> web.Response:
    picture = await usecases.photo(request.app[SERVICES], viewer(request), path_id(request, "attempt"))
    kind = "image/png" if picture.startswith(_PNG) else "image/jpeg"
    return web.Response(body=picture, content_type=kind)


@allow(Role.BODY)
async def review_finding(request: web.Request) -> web.Response:
    attempt_id = path_id(request, "attempt")
    form = await form_fields(request)
    try:
        kind, began_at, verdict = _finding_of(form)
        await usecases.review_finding(
            request.app[SERVICES],
            viewer(request),
            attempt_id,
            kind,
            began_at,
            verdict=verdict,
            note=form.get("note", "").strip(),
        )
    except (Invalid, Conflict) as error:
        return await _attempt_page(request, form, error)
    response = web.HTTPSeeOther(f"/review/{attempt_id}#findings")
    flash(response, "good", "核对结果已记录。")
    raise response


def _finding_of(form: Mapping[str, str]) -> tuple[FindingKind, datetime, FindingVerdict]:
    """Raises Invalid for what the page's own form doesn't send."""
    try:
        kind = FindingKind(form.get("kind", ""))
        began_at = datetime.fromisoformat(form.get("began_at", ""))
        if began_at.tzinfo is None:
            raise ValueError(began_at)
    except ValueError:
        raise Invalid("没有收到要核对的提示，请刷新页面后重试。", code="bad_finding") from None
    try:
        return kind, began_at, FindingVerdict(form.get("verdict", ""))
    except ValueError:
        raise Invalid("请选择属实或不属实。", code="no_verdict") from None


@allow(Role.BODY)
async def decide(request: web.Request) -> web.Response:
    form = await form_fields(request)
    try:
        if form.get("result") not in {"pass", "fail"}:
            raise Invalid("请选择合格或不合格。", code="no_result")
        await usecases.confirm(
            request.app[SERVICES],
            viewer(request),
            path_id(request, "attempt"),
            passed=form["result"] == "pass",
            note=form.get("note", "").strip(),
            by_findings=form.get("by_findings") == "yes",
        )
    except (Invalid, Conflict) as error:
        return await _attempt_page(request, form, error)
    response = web.HTTPSeeOther("/review")
    flash(response, "good", "评定已保存，医师现在可以看到结果。")
    raise response


ROUTES = [
    web.get("/review", show_list),
    web.get("/review/{attempt}", show_attempt),
    web.post("/review/{attempt}/findings", review_finding),
    web.post("/review/{attempt}/decision", decide),
    web.get("/review/{attempt}/photo", show_photo),
    web.get("/review/{attempt}/snapshots/{check}", show_snapshot),
]
