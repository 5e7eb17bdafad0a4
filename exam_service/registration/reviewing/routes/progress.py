"""报名进度."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import Invalid
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.keys import SERVICES, viewer
from exam_service.registration.reviewing import usecases
from exam_service.registration.reviewing.filters import (
    COLUMN_LABELS,
    Column,
    Progress,
    parse_progress_place,
)
from exam_service.registration.reviewing.routes import shown


async def show_progress(request: web.Request) -> web.Response:
    return await progress_shown(request, None)


async def progress_shown(request: web.Request, error: Invalid | None) -> web.Response:
    """Progress; after a refused export with its reason at the form."""
    principal = viewer(request)
    column = _column(request.query.get("sort"))
    largest_first = request.query.get("order") == "desc"
    page = await usecases.progress(
        request.app[SERVICES],
        principal,
        column,
        parse_progress_place(column, request.query.get("after")),
        largest_first=largest_first,
    )
    by_department = principal.role is Role.INSTITUTION
    path = f"/{principal.role}/progress"
    order = {"sort": column.value, "order": "desc" if largest_first else ""}
    return render(
        request,
        "reviewing/progress.html",
        {
            "role": principal.role.value,
            "by_department": by_department,
            "has_cycle": page.cycle is not None,
            "title": page.cycle.title if page.cycle else "",
            "columns": [
                {
                    "label": "科室" if by_department and each is Column.NAME else label,
                    "name": each.value,
                    "current": not by_department and each is column,
                    "descending": largest_first,
                    "href": None if by_department else _sorted_by(path, each, column, largest_first),
                }
                for each, label in COLUMN_LABELS.items()
            ],
            "rows": [_row(row, principal.role) for row in page.rows],
            "total": _row(page.total, None),
            "first": shown.address(path, order) if request.query.get("after") else None,
            "following": shown.address(path, order, {"after": f"{page.after.key}~{page.after.id}"})
            if page.after
            else None,
            "export_to": "/authority/progress/export",
            "whole_numbers": True,
            "tab": "",
            "filters": {},
            "error": error.sentence if error else "",
            "error_at": "export" if error else "",
        },
        status=status_of(error) if error else 200,
    )


def _column(text: str | None) -> Column:
    try:
        return Column(text or "")
    except ValueError:
        return Column.SHARE


def _sorted_by(path: str, each: Column, column: Column, largest_first: bool) -> str:  # noqa: FBT001
    """A column that is sorted by already is turned round; names only go forward."""
    turned = each is column and not largest_first and each is not Column.NAME
    return shown.address(path, {"sort": each.value, "order": "desc" if turned else ""})


def _row(row: Progress, role: Role | None) -> dict[str, Any]:
    href = None
    if row.id is not None and role is Role.BODY:
        href = shown.address("/body/reviews", {"tab": "all", "institution": str(row.id)})
    elif row.id is not None and role is Role.INSTITUTION:
        href = shown.address("/institution/reviews", {"department": str(row.id)})
    return {
        "name": row.name,
        "href": href,
        "total": row.total,
        "figures": [
            row.total,
            row.unsubmitted,
            row.institution_review,
            row.body_review,
            row.returned,
            row.registered,
            row.concluded,
        ],
        "share": f"{row.share / 10:.1f}%",
        "done": row.done,
    }
