"""Rendering: what every template knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from markupsafe import Markup

from exam_service.clock import in_china
from exam_service.http.csrf import FIELD
from exam_service.http.request_keys import CSRF_TOKEN, VIEWER
from exam_service.http.session import FLASH_COOKIE, drop_cookie, read_flash
from exam_service.http.static import ASSETS


def setup_templates(app: web.Application, root: Path) -> None:
    """Templates come from ``root``; everything printed is escaped."""
    environment = aiohttp_jinja2.setup(
        app,
        loader=jinja2.FileSystemLoader(root),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["day"] = lambda moment: in_china(moment).strftime("%Y-%m-%d")
    environment.filters["minute"] = lambda moment: in_china(moment).strftime("%Y-%m-%d %H:%M")
    environment.filters["second"] = lambda moment: in_china(moment).strftime("%H:%M:%S")
    environment.globals["static"] = app[ASSETS].url


def render(
    request: web.Request, template: str, context: Mapping[str, Any], *, status: int = 200
) -> web.Response:
    """A page. Adds the viewer, the CSRF token and a message left by the page before."""
    token = request.get(CSRF_TOKEN, "")
    message = read_flash(request)
    response = aiohttp_jinja2.render_template(
        template,
        request,
        {
            "account": request.get(VIEWER),
            "csrf_token": token,
            "csrf_field": lambda: Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token),
            "flash": message,
            **context,
        },
        status=status,
    )
    if message:
        drop_cookie(response, FLASH_COOKIE)
    return response
