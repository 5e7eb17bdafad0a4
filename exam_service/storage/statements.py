"""SQL lives in ``queries.sql`` beside typed functions; this reads it.

A statement begins with a line ``-- name: select_account`` and ends where the next begins. Comments that
follow the name belong to the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.resources import files

_NAME = re.compile(r"^-- name:(?P<name>.*)$")
_GOOD_NAME = re.compile(r"^[a-z][a-z0-9_]*$")


class BadStatements(ValueError):
    """A ``queries.sql`` that can't be read; the message gives file and line."""


def parse_statements(text: str, source: str) -> dict[str, str]:
    """Split the text of a ``queries.sql`` into statements by name.

    Raises:
        BadStatements: A name is missing, malformed or used twice, or text stands before the first name.
    """
    found: dict[str, list[str]] = {}
    begins: dict[str, int] = {}
    current: list[str] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _NAME.match(line):
            name = match["name"].strip()
            if not _GOOD_NAME.match(name):
                raise BadStatements(f"{source}:{number}: {name!r} is no name for a statement")
            if name in found:
                raise BadStatements(f"{source}:{number}: a second statement named {name}")
            current = found[name] = []
            begins[name] = number
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.startswith("--"):
            raise BadStatements(f"{source}:{number}: SQL before the first `-- name:`")
    statements = {name: "\n".join(lines).strip() for name, lines in found.items()}
    for name, sql in statements.items():
        if all(line.startswith("--") for line in sql.splitlines()):
            raise BadStatements(f"{source}:{begins[name]}: statement {name} is empty")
    return statements


class Statements(Mapping[str, str]):
    """The statements of one package's ``queries.sql``, read when first asked for."""

    def __init__(self, package: str) -> None:
        self.package = package

    @cached_property
    def _statements(self) -> dict[str, str]:
        text = files(self.package).joinpath("queries.sql").read_text(encoding="utf-8")
        return parse_statements(text, f"{self.package}/queries.sql")

    def __getitem__(self, name: str) -> str:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)
