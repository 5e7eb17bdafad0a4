"""Reading tables of rules (TOML, JSON): typed values, and complaints that name the place. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from exam_service.errors import Misconfigured


class Table:
    """A table being read: typed values, and a complaint that names the place.

    A value with a ``default`` may be missing: cycles that were opened before it existed don't have it.
    """

    def __init__(self, raw: object, path: str) -> None:
        if not isinstance(raw, Mapping):
            raise Misconfigured(f"{path} is missing or no table")
        self.path = path
        self._raw = raw
        self._read: set[str] = set()

    def has(self, name: str) -> bool:
        return name in self._raw

    def table(self, name: str) -> Table:
        return Table(self._value(name), f"{self.path}.{name}")

    def optional_table(self, name: str) -> Table:
        return self.table(name) if self.has(name) else Table({}, f"{self.path}.{name}")

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A table as it is, for whoever reads it elsewhere."""
        value = self._value(name)
        if not isinstance(value, Mapping):
            raise Misconfigured(f"{self.path}.{name} is missing or no table")
        return value

    def text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str) or not value.strip():
            raise Misconfigured(f"{self.path}.{name} must be a text")
        return value

    def is_text(self, name: str, text: str) -> bool:
        return bool(self._value(name) == text)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value not in choices:
            raise Misconfigured(f"{self.path}.{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def texts(self, name: str, *, least: int = 0) -> list[str]:
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise Misconfigured(f"{self.path}.{name} must be a list of texts")
        if len(value) < least:
            raise Misconfigured(f"{self.path}.{name} must not be empty")
        return value

    def texts_among(self, name: str, choices: tuple[str, ...], *, default: tuple[str, ...]) -> list[str]:
        if not self.has(name):
            return list(default)
        texts = self.texts(name)
        if wrong := [text for text in texts if text not in choices]:
            raise Misconfigured(f"{self.path}.{name}: {wrong[0]!r} is none of {', '.join(choices)}")
        return texts

    def truth(self, name: str, *, default: bool | None = None) -> bool:
        value = self._value(name, default)
        if not isinstance(value, bool):
            raise Misconfigured(f"{self.path}.{name} must be true or false, not {value!r}")
        return value

    def integer(self, name: str, *, least: int, most: int = 2**31 - 1, default: int | None = None) -> int:
        value = self._value(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Misconfigured(
                f"{self.path}.{name} must be a whole number from {least} to {most}, not {value!r}"
            )
        return value

    def tables(self, name: str) -> list[Table]:
        """A list of tables, in their order."""
        value = self._value(name)
        if not isinstance(value, list):
            raise Misconfigured(f"{self.path}.{name} must be a list of tables")
        return [Table(each, f"{self.path}.{name}[{place}]") for place, each in enumerate(value, start=1)]

    def optional_text(self, name: str) -> str:
        """A text that may be missing or empty: then it is empty."""
        value = self._value(name, "")
        if not isinstance(value, str):
            raise Misconfigured(f"{self.path}.{name} must be a text")
        return value.strip()

    def optional_day(self, name: str) -> date | None:
        """A day as ``"2025-12-31"``: a text, for what a cycle stores is JSON."""
        text = self.optional_text(name)
        if not text:
            return None
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise Misconfigured(
                f'{self.path}.{name} must be a day such as "2025-12-31", not {text!r}'
            ) from None

    def refuse_the_rest(self) -> None:
        """A name nobody asked for is a slip of the pen."""
        if unknown := set(self._raw) - self._read:
            raise Misconfigured(f"{self.path}: unknown {', '.join(sorted(map(str, unknown)))}")

    def _value(self, name: str, default: object = None) -> Any:
        self._read.add(str(name))
        if name not in self._raw:
            if default is not None:
                return default
            raise Misconfigured(f"{self.path}.{name} is missing")
        return self._raw[name]
