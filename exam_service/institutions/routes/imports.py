"""批量导入: the template, a file, how it stands, what is wrong with it."""

from __future__ import annotations

from aiohttp import web

from exam_service.accounts.model import Role
from exam_service.errors import Conflict, DomainError, Invalid
from exam_service.http.guards import allow, unattended
from exam_service.http.limits import dear
from exam_service.http.pages import render
from exam_service.http.problems import status_of
from exam_service.http.requests import path_id
from exam_service.http.uploads import takes_files, uploaded_file
from exam_service.institutions import sheets, usecases
from exam_service.institutions.model import IMPORT_LABELS, RosterImport
from exam_service.keys import SERVICES, viewer

_LIST = "/institution/roster/imports"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN = 200


@dear
@allow(Role.INSTITUTION)
async def template(request: web.Request) -> web.Response:
    return _file(await usecases.template(request.app[SERVICES], viewer(request)), "roster-template.xlsx")


def _file(data: bytes, name: str) -> web.Response:
    disposition = f'attachment; filename="{name}"'
    return web.Response(body=data, content_type=_XLSX, headers={"Content-Disposition": disposition})


@allow(Role.INSTITUTION)
async def show_list(request: web.Request) -> web.Response:
    return await _list_page(request, None)


async def _list_page(request: web.Request, error: DomainError | None) -> web.Response:
    found = await usecases.roster_imports(request.app[SERVICES], viewer(request))
    return render(
        request,
        "institutions/imports.html",
        {
            "rows": [_shown(each) for each in found],
            "error": error.sentence if error else None,
            "most_rows": sheets.MOST_ROWS,
            "most_mb": sheets.MOST_BYTES // (1024 * 1024),
        },
        status=status_of(error) if error else 200,
    )


def _shown(found: RosterImport) -> dict[str, object]:
    kind, label = IMPORT_LABELS[found.state]
    return {
        "id": found.id,
        "file_name": found.file_name,
        "kind": kind,
        "label": label,
        "state": found.state.value,
        "is_under_way": found.is_under_way,
        "rows": found.rows,
        "checked": found.checked,
        "added": found.added,
        "asked_at": found.asked_at,
        "words": _words(found),
    }


def _words(found: RosterImport) -> str:
    """Where it stands, in a sentence."""
    if not found.is_under_way:
        return f"已导入{found.added}名医师。" if found.added else "没有导入任何医师。"
    if not found.rows:
        return "正在等待检查，通常几秒钟内开始。"
    if not found.checked:
        return f"已读取{found.rows}行，正在逐行检查。"
    return f"正在与全省名册核对：{found.checked} / {found.rows}。"


@dear
@takes_files(sheets.MOST_BYTES + 512 * 1024)
@allow(Role.INSTITUTION)
async def upload(request: web.Request) -> web.Response:
    try:
        file = await uploaded_file(request, "file")
        import_id = await usecases.begin_import(
            request.app[SERVICES], viewer(request), file_name=file.name, data=file.data
        )
    except (Invalid, Conflict) as error:
        return await _list_page(request, error)
    raise web.HTTPSeeOther(f"{_LIST}/{import_id}")


@allow(Role.INSTITUTION)
async def show_one(request: web.Request) -> web.Response:
    found = await usecases.roster_import(request.app[SERVICES], viewer(request), path_id(request, "import"))
    return render(
        request,
        "institutions/import.html",
        {
            **_shown(found),
            "problems": [
                {"row": each.row, "column": each.column, "reason": each.reason}
                for each in found.problems[:_SHOWN]
            ],
            "problem_count": len(found.problems),
            "row_count": len({each.row for each in found.problems}),
            "shown": _SHOWN,
        },
    )


@unattended
@allow(Role.INSTITUTION)
async def show_progress(request: web.Request) -> web.Response:
    found = await usecases.roster_import(request.app[SERVICES], viewer(request), path_id(request, "import"))
    return web.json_response(
        {
            "is_under_way": found.is_under_way,
            "rows": found.rows,
            "checked": found.checked,
            "words": _words(found),
        }
    )


@dear
@allow(Role.INSTITUTION)
async def problems(request: web.Request) -> web.Response:
    import_id = path_id(request, "import")
    data = await usecases.problems_file(request.app[SERVICES], viewer(request), import_id)
    return _file(data, "roster-problems.xlsx")


ROUTES = [
    web.get("/institution/roster/template.xlsx", template),
    web.get(_LIST, show_list),
    web.post(_LIST, upload),
    web.get(_LIST + "/{import}", show_one),
    web.get(_LIST + "/{import}/progress", show_progress),
    web.get(_LIST + "/{import}/problems.xlsx", problems),
]
