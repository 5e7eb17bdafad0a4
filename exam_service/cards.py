"""What a feature puts on the home page of a role. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """One thing to do or to know: a label, a figure, where it leads, and a few words below."""

    label: str
    value: str
    href: str | None
    text: str
