"""Captchas: a picture to read, or a sum in words; see docs/decisions for why these.

What was drawn travels sealed with the page, so that any node can check it and nothing waits for people who
never come back. Only the answered ones are remembered, in PostgreSQL, so that each opens one login.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from captcha.image import ImageCaptcha

from exam_service.accounts import queries
from exam_service.accounts.tickets import open_ticket, seal_ticket
from exam_service.crypto.hashes import same, token_hash
from exam_service.errors import Invalid
from exam_service.ids import new_id
from exam_service.wiring import Services

_KIND = "captcha"
_LASTS = timedelta(minutes=10)
_LETTERS = "ACDEFHJKLMNPRTUVWXY34679"
_LENGTH = 4
_MOST_TYPED = 32
_DIGITS = "零一二三四五六七八九"
_LARGEST = 9
_WIDTH, _HEIGHT = 200, 72


@dataclass(frozen=True, repr=False)
class Captcha:
    """One to be answered: what the page carries, and the question where it is one in words."""

    ticket: str
    question: str | None


def new_captcha(services: Services, visitor: str, *, in_words: bool) -> Captcha:
    """A captcha for the browser whose cookie is ``visitor``."""
    if in_words:
        one, other = secrets.randbelow(_LARGEST) + 1, secrets.randbelow(_LARGEST) + 1
        answer, question = str(one + other), f"{_DIGITS[one]}加{_DIGITS[other]}等于几？"
    else:
        answer, question = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH)), None
    facts = {"id": str(new_id()), "visitor": token_hash(visitor).hex(), "answer": answer}
    ticket = seal_ticket(services.settings, _KIND, facts, now=services.clock.now(), lasts=_LASTS)
    return Captcha(ticket, question)


async def captcha_picture(services: Services, visitor: str, ticket: str) -> bytes:
    """The PNG of a captcha, in a thread: some milliseconds.

    Raises:
        Invalid: It isn't this browser's, or too old.
    """
    facts = open_ticket(services.settings, _KIND, ticket, now=services.clock.now())
    if facts is None or not same(facts["visitor"], token_hash(visitor).hex()):
        raise Invalid("验证码图片已过期，请刷新页面。", code="bad_captcha")
    return await asyncio.to_thread(_draw, facts["answer"])


def _draw(answer: str) -> bytes:
    return ImageCaptcha(_WIDTH, _HEIGHT).generate(answer).getvalue()


async def check_captcha(services: Services, visitor: str, ticket: str, typed: str) -> None:
    """Take an answer; each captcha takes one.

    Raises:
        Invalid: It is wrong, too old, another browser's, or was answered before.
    """
    now = services.clock.now()
    facts = open_ticket(services.settings, _KIND, ticket, now=now)
    if not typed.strip():
        raise Invalid("请输入验证码。", code="bad_captcha", field="captcha")
    wrong = Invalid("验证码不正确或已过期，请按新的验证码重新输入。", code="bad_captcha", field="captcha")
    if facts is None or not same(facts["visitor"], token_hash(visitor).hex()):
        raise wrong
    async with services.database.tx() as tx:
        is_first = await queries.insert_captcha_answered(tx, UUID(facts["id"]), now)
    if not is_first or not same("".join(typed[:_MOST_TYPED].split()).upper(), facts["answer"]):
        raise wrong


async def forget_entrances(services: Services) -> None:
    """Delete answered captchas and codes that count for nothing any more."""
    now = services.clock.now()
    async with services.database.tx() as tx:
        await queries.delete_old_captchas(tx, now - 2 * _LASTS)
        await queries.delete_old_codes(tx, now - timedelta(days=2))
