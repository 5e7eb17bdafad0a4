"""The scopes: a province, its assessment bodies and its institutions. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from exam_service.errors import BadFields
from exam_service.organisations.entry import Entry

LONGEST_NAME = 60
LONGEST_ADDRESS = 120
LONGEST_SITE_NAME = 30
LONGEST_SITE_ADDRESS = 60
"""The two together are the place of a sitting, which papers limit to 100 characters."""
LONGEST_NOTE = 120
MOST_SEATS = 10_000
_PROVINCE_ID = re.compile(r"[a-z]{2,30}", re.ASCII)
_PHONE = re.compile(r"[0-9+()（）\-—、，,；;/ 转]{5,60}")


@dataclass(frozen=True)
class Province:
    """``id`` is a short Latin name, such as ``hunan``; ``name`` is what people read.

    Attributes:
        authority: Name of its health administration.
        entry: How its people come in; the newest cycle's.
    """

    id: str
    name: str
    authority: str = "卫生健康委员会"
    entry: Entry = field(default_factory=Entry)


@dataclass(frozen=True)
class Body:
    """考核机构: re-checks registrations, watches papers, confirms marks."""

    id: UUID
    province_id: str
    name: str
    phone: str = ""


@dataclass(frozen=True)
class Institution:
    """医疗卫生机构: a physician's main place of practice."""

    id: UUID
    province_id: str
    name: str
    phone: str = ""
    address: str = ""


@dataclass(frozen=True)
class ExamSite:
    """考点: a place of a body for sittings that people watch.

    Attributes:
        used: Whether a sitting was ever arranged there: then it is stopped, not deleted.
    """

    id: UUID
    province_id: str
    body_id: UUID
    name: str
    address: str
    seats: int
    note: str = ""
    stopped_at: datetime | None = None
    used: bool = False

    @property
    def words(self) -> str:
        """How the place of a sitting is written."""
        return f"{self.name}（{self.address}）"


@dataclass(frozen=True)
class Contact:
    """What is asked of an organisation, as it was typed, trimmed."""

    name: str
    phone: str = ""
    address: str = ""


def check_contact(contact: Contact) -> None:
    """Raises BadFields where a name is missing or anything is too long or no telephone number."""
    if problems := contact_problems(contact):
        raise BadFields(problems)


def contact_problems(contact: Contact) -> dict[str, str]:
    """What to mend, by field."""
    problems = {}
    if not contact.name or not contact.name.isprintable():
        problems["name"] = "请填写名称，不能有看不见的字符。"
    elif len(contact.name) > LONGEST_NAME:
        problems["name"] = f"名称不能超过{LONGEST_NAME}个字。"
    if contact.phone and not _PHONE.fullmatch(contact.phone):
        problems["phone"] = "联系电话只能有数字和连接符，如 0731-88888888。"
    if len(contact.address) > LONGEST_ADDRESS:
        problems["address"] = f"地址不能超过{LONGEST_ADDRESS}个字。"
    return problems


def check_province(province_id: str, name: str) -> None:
    """Raises BadFields for an id that is no short Latin name, or no name."""
    problems = {}
    if not _PROVINCE_ID.fullmatch(province_id):
        problems["id"] = "省份代号须为小写英文字母，如 hunan。"
    if not 0 < len(name) <= LONGEST_NAME:
        problems["name"] = "请填写省份名称。"
    if problems:
        raise BadFields(problems)


def check_site(name: str, address: str, seats: str, note: str) -> int:
    """What was typed of a site; gives its seats.

    Raises:
        BadFields: Something is missing, too long or no number.
    """
    problems = {}
    if not 0 < len(name) <= LONGEST_SITE_NAME:
        problems["name"] = f"请填写考点名称，不超过{LONGEST_SITE_NAME}个字。"
    if not 0 < len(address) <= LONGEST_SITE_ADDRESS:
        problems["address"] = f"请填写地址，不超过{LONGEST_SITE_ADDRESS}个字，便于医师到场。"
    if not (seats.isascii() and seats.isdigit() and 0 < int(seats[:9]) <= MOST_SEATS):
        problems["seats"] = f"座位数须为1至{MOST_SEATS}的整数。"
    if len(note) > LONGEST_NOTE:
        problems["note"] = f"备注不能超过{LONGEST_NOTE}个字。"
    if problems:
        raise BadFields(problems)
    return int(seats)
