"""Files in forms: a handler says how large a body it takes, every other takes a megabyte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web

from exam_service.errors import Invalid
from exam_service.http.requests import read_form

H = TypeVar("H", bound=Callable[..., Any])
_ATTRIBUTE = "exam_largest_body"
ROOM_FOR_FIELDS = 64 * 1024


@dataclass(frozen=True, repr=False)
class UploadedFile:
    """A file as the browser sent it; ``name`` is the person's own and never a path of ours."""

    name: str
    data: bytes


def takes_files(largest: int) -> Callable[[H], H]:
    """This handler takes a form with files of ``largest`` bytes together."""

    def mark(handler: H) -> H:
        setattr(handler, _ATTRIBUTE, largest + ROOM_FOR_FIELDS)
        return handler

    return mark


def with_room(request: web.Request) -> web.Request:
    """The request as its handler may read it; asked before anything of the body is read."""
    largest: int | None = getattr(request.match_info.handler, _ATTRIBUTE, None)
    return request if largest is None else request.clone(client_max_size=largest)


async def uploaded_files(request: web.Request, name: str) -> list[UploadedFile]:
    """The files of a form's field, in order; an empty field gives none.

    Raises:
        Invalid: The body isn't the form that it says it is.
    """
    form = await read_form(request)
    return [
        UploadedFile(part.filename, part.file.read())
        for part in form.getall(name, [])
        if isinstance(part, web.FileField) and part.filename
    ]


async def uploaded_file(request: web.Request, name: str) -> UploadedFile:
    """The one file of a form's field.

    Raises:
        Invalid: There is none, or more than one.
    """
    files = await uploaded_files(request, name)
    if len(files) != 1:
        raise Invalid("请选择一个文件后再提交。", code="no_file")
    return files[0]
