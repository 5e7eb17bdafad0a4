"""What the pages of the ways in share: the claim on a form, the cookie between two steps, entering."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import NoReturn

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.identity import DOCUMENT_LABELS, DocumentType
from exam_service.accounts.usecases import Claim
from exam_service.errors import DomainError
from exam_service.http.device import device_kind
from exam_service.http.pages import render
from exam_service.http.problems import say_when_to_come_back, status_of
from exam_service.http.request_keys import SESSION_DIGEST, VIEWER
from exam_service.http.requests import remote_address
from exam_service.http.session import (
    DOOR_COOKIE,
    SESSION_COOKIE,
    drop_cookie,
    forget_door,
    remember_staffs_door,
    set_cookie,
)
from exam_service.keys import SERVICES
from exam_service.organisations import usecases as organisations
from exam_service.organisations.model import Province

STEP_COOKIE = "__Host-exam-step"
_STEP_SECONDS = 1200


def address_of(request: web.Request) -> str:
    """The client's network address, for throttling."""
    return remote_address(request, behind_proxy=request.app[SERVICES].settings.behind_proxy)


def device_of(request: web.Request) -> str:
    """What the browser is, in words, for the list of one's sessions."""
    return device_kind(request)


def claim_of(form: dict[str, str]) -> Claim:
    """Who a form says that somebody is."""
    return Claim(
        form.get("province", ""),
        form.get("document_type") or DocumentType.IDENTITY_CARD,
        form.get("number", ""),
        form.get("name", ""),
        form.get("mobile", ""),
    )


def typed(form: dict[str, str]) -> dict[str, str]:
    """What is shown again on a form that was refused: never passwords or codes."""
    names = ("province", "document_type", "number", "name", "mobile", "token")
    return {name: form.get(name, "") for name in names}


async def provinces_of(request: web.Request) -> list[Province]:
    return await organisations.provinces(request.app[SERVICES].database)


def documents() -> list[tuple[str, str]]:
    """Types of documents with their names, for a select."""
    return [(str(kind), label) for kind, label in DOCUMENT_LABELS.items()]


def page(
    request: web.Request,
    template: str,
    context: Mapping[str, object],
    error: DomainError | None,
    *,
    form: Mapping[str, str] | None = None,
) -> web.Response:
    """A form's page with what was typed; an error stands at its field, or above the form."""
    field = str(error.fields.get("field", "")) if error else ""
    response = render(
        request,
        template,
        {
            "error": error.sentence if error and not field else None,
            "way": error.way if error and not field else None,
            "errors": defaultdict(str, {field: error.sentence} if error and field else {}),
            "is_refused": error is not None,
            **context,
            "form": defaultdict(str, form or {}),
        },
        status=status_of(error) if error else 200,
    )
    say_when_to_come_back(response, error)
    return response


def to_next_step(ticket: str, path: str) -> NoReturn:
    """Redirect with the ticket in a cookie."""
    response = web.HTTPSeeOther(path)
    set_cookie(response, STEP_COOKIE, ticket, max_age=_STEP_SECONDS)
    raise response


def ticket_of(request: web.Request) -> str:
    return request.cookies.get(STEP_COOKIE, "")


async def enter(request: web.Request, token: str, target: str) -> NoReturn:
    """Put a physician's session into its cookie, and lead to ``target``, a path of our own."""
    response = await _entered(request, token, target)
    if DOOR_COOKIE in request.cookies:
        forget_door(response)
    raise response


async def enter_staff(request: web.Request, token: str, target: str) -> NoReturn:
    """The same for staff: this browser is shown their login when the session has ended."""
    response = await _entered(request, token, target)
    remember_staffs_door(response)
    raise response


async def _entered(request: web.Request, token: str, target: str) -> web.HTTPSeeOther:
    if request[VIEWER]:  # somebody was logged in on this browser: their session ends here
        await usecases.logout(request.app[SERVICES].database, request[SESSION_DIGEST])
    response = web.HTTPSeeOther(target)
    set_cookie(response, SESSION_COOKIE, token)
    if STEP_COOKIE in request.cookies:
        drop_cookie(response, STEP_COOKIE)
    return response
