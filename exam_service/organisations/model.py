"""The scopes: a province, its assessment bodies and its institutions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True)
class Province:
    """``id`` is a short Latin name, such as ``hunan``; ``name`` is what people read."""

    id: str
    name: str


@dataclass(frozen=True)
class Body:
    """考核机构: re-checks registrations, watches papers, confirms marks."""

    id: UUID
    province_id: str
    name: str


@dataclass(frozen=True)
class Institution:
    """医疗卫生机构: a physician's main place of practice."""

    id: UUID
    province_id: str
    name: str
