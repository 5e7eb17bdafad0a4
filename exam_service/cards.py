"""What a feature puts on the home page of a role. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """How the cards of a home page are put together: what waits for somebody first."""

    TODO = "待办"
    DESK = "管理"
    FACTS = "情况"


@dataclass(frozen=True)
class Card:
    """One thing to do or to know: a label, a figure, where it leads, and a few words below."""

    label: str
    value: str
    href: str | None
    text: str
    group: Group = Group.TODO
