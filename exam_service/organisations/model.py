"""The scopes: a province, its assessment bodies and its institutions. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from exam_service.organisations.entry import Entry


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
