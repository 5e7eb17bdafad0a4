"""Reading requests: typed bodies, ids and addresses; whatever is wrong becomes one clear refusal."""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import quote, urlsplit
from uuid import UUID

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from multidict import MultiDictProxy
from pydantic import BaseModel, ValidationError

from exam_service.errors import Invalid, NotFound

M = TypeVar("M", bound=BaseModel)


async def json_body(request: web.Request, model: type[M]) -> M:
    """The JSON body as ``model``.

    Raises:
        Invalid: It isn't JSON, or not of that shape.
    """
    body = await request.read()
    if b"\\u0000" in body or b"\0" in body:  # no keyboard types it, and no database takes it
        raise Invalid("提交的数据格式不正确，请刷新页面后重试。", code="bad_body")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        names = ", ".join(
            sorted({".".join(map(str, problem["loc"])) or "body" for problem in error.errors()})
        )
        raise Invalid("提交的数据格式不正确，请刷新页面后重试。", code="bad_body", wrong=names) from None


async def form_fields(request: web.Request) -> dict[str, str]:
    """The text fields of a form as they were typed; files are left out.

    Raises:
        Invalid: The body isn't the form that it says it is.
    """
    form = await read_form(request)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    if any("\0" in value for value in fields.values()):  # no keyboard types it, and no database takes it
        raise Invalid("提交的数据无法读取，请返回后重新提交。", code="bad_body")
    return fields


async def read_form(request: web.Request) -> MultiDictProxy[str | bytearray | bytes | web.FileField]:
    """The form with its files.

    Raises:
        Invalid: The body isn't the form that it says it is.
    """
    try:
        form = await request.post()
        for value in form.values():
            if isinstance(value, str):
                value.encode()  # some encodings make half characters, which nothing can store or show
    except (ValueError, LookupError, HttpProcessingError):  # no boundary, no UTF-8, no such encoding …
        raise Invalid("提交的数据无法读取，请返回后重新提交。", code="bad_body") from None
    return form


def path_id(request: web.Request, name: str) -> UUID:
    """An id in the path; one that isn't even an id is simply not found."""
    try:
        return UUID(request.match_info[name])
    except ValueError:
        raise NotFound("没有找到您要的页面，请返回首页。") from None


def local_path(target: str | None, default: str) -> str:
    """``target`` when it is a path of this site, else ``default``: a login must not send people elsewhere."""
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return default
    parts = urlsplit(target)
    if parts.scheme or parts.netloc or any(ord(character) < ord(" ") for character in target):
        return default
    return target


def with_next(path: str, target: str) -> str:
    """The address of a page that leads on to ``target`` afterwards; it reads that by :func:`local_path`."""
    return f"{path}?next={quote(target)}"


def own_address(request: web.Request, public_url: str | None) -> str:
    """Scheme and host that people reach the service at, for addresses that leave the browser (QR codes)."""
    if public_url is not None:
        return public_url
    scheme = "https" if request.secure or request.headers.get("X-Forwarded-Proto") == "https" else "http"
    return f"{scheme}://{request.host}"


def remote_address(request: web.Request, *, behind_proxy: bool) -> str:
    """The client's address; the last one that the proxy in front added, where there is one."""
    if behind_proxy and (forwarded := request.headers.getall("X-Forwarded-For", [])):
        return forwarded[-1].rsplit(",", 1)[-1].strip() or "?"
    return request.remote or "?"
