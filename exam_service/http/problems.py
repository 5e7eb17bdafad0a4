"""Errors become answers: one map from kind to status, a page for people and JSON for scripts."""

from __future__ import annotations

import logging

from aiohttp import web

from exam_service.errors import (
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    LoginRequired,
    NotFound,
    TooMany,
    Unavailable,
)
from exam_service.http.guards import PUBLIC, Handler, access_of
from exam_service.http.pages import render
from exam_service.http.requests import with_next
from exam_service.http.session import came_by_staffs_door

log = logging.getLogger(__name__)

STATUS: dict[type[DomainError], int] = {
    Invalid: 422,
    LoginRequired: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooMany: 429,
    Unavailable: 503,
}
_TITLES = {
    401: "请先登录",
    403: "不能使用此功能",
    404: "没有找到",
    405: "不能这样访问",
    409: "暂时不能进行",
    413: "文件太大",
    422: "内容需要更正",
    429: "操作太频繁",
    503: "服务暂时不可用",
}
_SENTENCES = {
    404: "页面不存在或已被移动，请返回首页。",
    413: "文件太大，没有上传。请压缩或重新拍摄后再上传，已保存的内容不受影响。",
}
_SERVER_ERROR = "系统出现错误，已经记录。您保存过的内容不受影响，请稍后再试；仍有问题请联系考核机构。"


def status_of(error: DomainError) -> int:
    """The HTTP status of an error's kind."""
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 400


def wants_json(request: web.Request) -> bool:
    """Whether a script asks: pages are for everybody else."""
    return "application/json" in request.headers.get("Accept", "")


def json_problem(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except DomainError as error:
        return _refusal(request, error)
    except web.HTTPException as answer:
        if answer.status < 400:  # noqa: PLR2004 - a redirect
            raise
        sentence = _SENTENCES.get(answer.status, "请返回首页重新操作。")
        response = _answer(request, answer.status, "http", sentence)
        if "Allow" in answer.headers:
            response.headers["Allow"] = answer.headers["Allow"]
        return response
    except ConnectionError:  # the browser went away in the middle: nobody is there to be told
        log.info("%s %s: the client is gone", request.method, request.path)
        return _answer(request, 400, "client_gone", "连接已中断，请重试。")
    except Exception:
        log.exception("unexpected error at %s %s", request.method, request.path)
        return _answer(request, 500, "server_error", _SERVER_ERROR)


def _refusal(request: web.Request, error: DomainError) -> web.StreamResponse:
    status = status_of(error)
    if isinstance(error, LoginRequired) and not wants_json(request):
        login = _login_for(request)
        raise web.HTTPSeeOther(with_next(login, request.path_qs) if request.method == "GET" else login)
    if status >= 500:  # noqa: PLR2004
        log.warning("%s %s: %s", request.method, request.path, error)
    answer = _answer(request, status, error.code, error.sentence, error.way)
    say_when_to_come_back(answer, error)
    return answer


def _login_for(request: web.Request) -> str:
    """The login of those whom the page is for; where that is everybody, the one last come in by."""
    access = access_of(request.match_info.handler)
    if access is not PUBLIC and "physician" not in access:
        return "/staff/login"
    if access == {"physician"}:
        return "/login"
    return "/staff/login" if came_by_staffs_door(request) else "/login"


def say_when_to_come_back(response: web.StreamResponse, error: DomainError | None) -> None:
    """``Retry-After`` (seconds) on an answer to what was throttled."""
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(max(1, round(error.retry_after)))


def _answer(
    request: web.Request, status: int, code: str, sentence: str, way: tuple[str, str] | None = None
) -> web.StreamResponse:
    if wants_json(request):
        return json_problem(status, code, sentence)
    actions = [*([way] if way else []), ("返回首页", "/")]
    return render(
        request,
        "error.html",
        {"title": _TITLES.get(status, "出现问题"), "text": sentence, "actions": actions},
        status=status,
    )
