"""What a province decides about the way in: login, activation, help, and the hours of maintenance. Pure.

It is the table ``[entry]`` of a policy. Opening a cycle copies it to the province, because the login page has
to know it before it knows anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Any

from exam_service.errors import Misconfigured
from exam_service.tables import Table

_HOURS = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d:[0-5]\d|2[0-3]:[0-5]\d|24:00)$", re.ASCII)
MIDNIGHT = "24:00"


class LoginName(StrEnum):
    """What physicians log in with, besides their password."""

    IDENTITY = "identity"
    MOBILE = "mobile"


@dataclass(frozen=True)
class Hours:
    """A part of every day in China; ``until`` is ``None`` for its end."""

    since: time
    until: time | None

    @property
    def words(self) -> str:
        """Such as 每天22:00至24:00."""
        until = MIDNIGHT if self.until is None else f"{self.until:%H:%M}"
        return f"每天{self.since:%H:%M}至{until}"


@dataclass(frozen=True)
class Question:
    """A question of 常见问题 with its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class Entry:
    """The way in.

    Attributes:
        login: What physicians may log in with.
        self_registration: Whether physicians register by themselves, matched to the roster.
        captcha: Whether the login page asks for one.
        mobile_code: Whether codes are sent to mobile numbers; without them a slip and staff activate.
        unlisted_mobile: Whether a first activation may go by a number of one's own where the roster has none;
            else who has none there needs a slip.
        shared_word: A word that the province prints for everybody; it opens activation, nothing else.
        support: Lines that tell where help is to be had.
        maintenance: Hours of every day in which no paper may be under way.
    """

    login: tuple[LoginName, ...] = (LoginName.IDENTITY,)
    self_registration: bool = False
    captcha: bool = False
    mobile_code: bool = True
    unlisted_mobile: bool = False
    shared_word: str = ""
    support: tuple[str, ...] = ()
    maintenance: tuple[Hours, ...] = ()
    faq: tuple[Question, ...] = ()


def parse_entry(raw: Mapping[str, Any]) -> Entry:
    """Read the table ``[entry]`` of a policy, or what a province keeps of one.

    Raises:
        Misconfigured: Something is unknown, of the wrong kind or out of range; it says where.
    """
    table = Table(raw, "entry")
    usual = Entry()
    login = table.texts_among("login", tuple(LoginName), default=usual.login)
    if LoginName.IDENTITY not in login:
        raise Misconfigured("entry.login must have identity: every physician has a number")
    questions = []
    for each in table.tables("faq") if table.has("faq") else ():
        questions.append(Question(each.text("question"), each.text("answer")))
        each.refuse_the_rest()
    entry = Entry(
        login=tuple(LoginName(name) for name in login),
        self_registration=table.truth("self_registration", default=usual.self_registration),
        captcha=table.truth("captcha", default=usual.captcha),
        mobile_code=table.truth("mobile_code", default=usual.mobile_code),
        unlisted_mobile=table.truth("unlisted_mobile", default=usual.unlisted_mobile),
        shared_word=table.optional_text("shared_word"),
        support=tuple(table.texts("support")) if table.has("support") else (),
        maintenance=tuple(
            _hours(text) for text in (table.texts("maintenance") if table.has("maintenance") else ())
        ),
        faq=tuple(questions),
    )
    table.refuse_the_rest()
    return entry


def _hours(text: str) -> Hours:
    """``"22:00-24:00"``; both within one day."""
    match = _HOURS.match(text)
    if match is None:
        raise Misconfigured(f'entry.maintenance: {text!r} must be hours such as "22:00-24:00"')
    since = time(int(match[1]), int(match[2]))
    until = None if match[3] == MIDNIGHT else time.fromisoformat(match[3])
    if until is not None and until <= since:
        raise Misconfigured(f"entry.maintenance: {text!r} ends before it begins")
    return Hours(since, until)
