"""An HTTP gateway: one POST for each message, its body shaped by the settings."""

from __future__ import annotations

import json
from dataclasses import dataclass

import aiohttp

from exam_service.errors import Misconfigured, Unavailable
from exam_service.sms.sender import REFUSED

_MOST_READ = 65_536
_AWAY = "短信暂时无法发送，请稍后再试，或向所在医疗卫生机构领取激活单。"


@dataclass(frozen=True)
class Gateway:
    """Where messages go and how they are written.

    Attributes:
        body: A JSON object, in whose texts ``{mobile}`` and ``{text}`` stand for what is sent.
        as_form: Its members are sent as a form, not as JSON.
        token: Sent as ``Authorization: Bearer``.
        success: A text that the gateway's answer has when it took the message: many answer 200 to everything.
    """

    url: str
    body: str
    as_form: bool
    token: str | None
    success: str | None
    seconds: float


class HttpSender:
    """Sends through a gateway; ``client`` is closed by who opened it."""

    def __init__(self, gateway: Gateway, client: aiohttp.ClientSession) -> None:
        self._gateway = gateway
        self._client = client
        self._template = read_template(gateway.body)

    async def send(self, mobile: str, text: str) -> None:
        gateway = self._gateway
        filled = _filled(self._template, mobile, text)
        headers = {"Authorization": f"Bearer {gateway.token}"} if gateway.token else {}
        try:
            async with self._client.post(
                gateway.url,
                data=filled if gateway.as_form else None,
                json=None if gateway.as_form else filled,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=gateway.seconds),
                allow_redirects=False,
            ) as answer:
                said = (await answer.content.read(_MOST_READ)).decode(errors="replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Only the error's kind: its text may name the address with what is in it.
            raise Unavailable(_AWAY, code="sms_unavailable", cause=type(error).__name__) from None
        if answer.status >= 500:  # noqa: PLR2004
            raise Unavailable(_AWAY, code="sms_unavailable", status=answer.status)
        if not answer.ok or answer.status >= 300:  # noqa: PLR2004 - a redirect is no delivery
            raise Unavailable(_AWAY, code=REFUSED, status=answer.status)
        if gateway.success is not None and gateway.success not in said:
            raise Unavailable(_AWAY, code=REFUSED, status=answer.status)


def read_template(body: str) -> dict[str, object]:
    """The template of a body.

    Raises:
        Misconfigured: It is no JSON object, or lacks ``{mobile}`` or ``{text}``.
    """
    try:
        template = json.loads(body)
    except ValueError:
        template = None
    if not isinstance(template, dict):
        raise Misconfigured("EXAM_SMS_BODY must be a JSON object")
    for name in ("{mobile}", "{text}"):
        if name not in body:
            raise Misconfigured(f"EXAM_SMS_BODY must have {name} in one of its texts")
    return template


def _filled(value: dict[str, object], mobile: str, text: str) -> dict[str, object]:
    return {name: _fill(member, mobile, text) for name, member in value.items()}


def _fill(value: object, mobile: str, text: str) -> object:
    if isinstance(value, str):
        # In this order: a text never has braces of ours, a number is digits only.
        return value.replace("{mobile}", mobile).replace("{text}", text)
    if isinstance(value, dict):
        return _filled(value, mobile, text)
    if isinstance(value, list):
        return [_fill(member, mobile, text) for member in value]
    return value
