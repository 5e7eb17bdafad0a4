"""The page that takes a code and a new password, for activation, slip and recovery alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from exam_service.accounts import usecases
from exam_service.accounts.model import CODE_AGAIN_AFTER, Purpose
from exam_service.accounts.passwords import HINT
from exam_service.accounts.routes.steps import (
    address_of,
    device_of,
    enter,
    page,
    ticket_of,
    to_next_step,
)
from exam_service.errors import Conflict, DomainError, Invalid, TooMany
from exam_service.http.requests import form_fields
from exam_service.http.session import flash
from exam_service.keys import BUCKETS, SERVICES


@dataclass(frozen=True)
class CodePage:
    """One of the pages.

    Attributes:
        start: The page before.
        path: Its own; ``…/again`` asks for another code.
    """

    purpose: Purpose
    start: str
    path: str
    title: str
    button: str

    def show(self, request: web.Request, error: DomainError | None = None) -> web.Response:
        """The page; without a ticket it is the one before that is shown."""
        services = request.app[SERVICES]
        try:
            awaited = usecases.awaited(services, self.purpose, ticket_of(request))
        except Conflict:
            raise web.HTTPSeeOther(self.start) from None
        return page(
            request,
            "accounts/code.html",
            {
                "title": self.title,
                "button": self.button,
                "start": self.start,
                "path": self.path,
                "sent": awaited.is_sent,
                "masked_mobile": awaited.masked_mobile,
                "may_be_unlisted": awaited.may_be_unlisted,
                "purpose": self.purpose,
                "hint": HINT,
                "again_after": int(CODE_AGAIN_AFTER.total_seconds()),
                "troubled": services.post.is_troubled,
                "demo": services.settings.demo and services.settings.sms_url is None,
            },
            error,
        )

    async def take(
        self, request: web.Request, use_case: Callable[..., Awaitable[str | None]], waiting: str = ""
    ) -> web.Response:
        """Hand code and password to the use case, and enter with what it gives.

        ``waiting``: where to when it gives nothing, for people have to decide first.
        """
        form = await form_fields(request)
        try:
            token = await use_case(
                request.app[SERVICES],
                request.app[BUCKETS],
                ticket_of(request),
                code=form.get("code", ""),
                new=form.get("new", ""),
                again=form.get("again", ""),
                address=address_of(request),
                device=device_of(request),
            )
        except (Invalid, TooMany, Conflict) as error:
            if error.code == "step_over":
                return self._start_again(error)
            return self.show(request, error)
        if token is None:
            response = web.HTTPSeeOther("/login")
            flash(response, "good", waiting)
            raise response
        return await enter(request, token, "/home")

    async def again(self, request: web.Request, use_case: Callable[..., Awaitable[str]]) -> web.Response:
        """Ask for another code."""
        try:
            ticket = await use_case(
                request.app[SERVICES], request.app[BUCKETS], ticket_of(request), address=address_of(request)
            )
        except (Invalid, TooMany, Conflict) as error:
            if error.code == "step_over":
                return self._start_again(error)
            return self.show(request, error)
        return to_next_step(ticket, self.path)

    def _start_again(self, error: DomainError) -> web.Response:
        response = web.HTTPSeeOther(self.start)
        flash(response, "bad", error.sentence)
        raise response
