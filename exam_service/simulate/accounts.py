"""Who logs in: the sequence that a demonstration seeds, or the rows of a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from exam_service.demo.people import simulated_number
from exam_service.simulate import CannotSimulate

DEMO_PROVINCE = "hunan"
_COLUMNS = ("province", "number", "password")


@dataclass(frozen=True, repr=False)
class Account:
    """What a physician logs in with.

    Attributes:
        name: What messages call it: its place in the sequence or the file, because logs carry no identity
            numbers.
    """

    name: str
    province: str
    number: str
    password: str


def demo_accounts(password: str) -> Iterator[Account]:
    """The simulated physicians of a demonstration, without end: the service knows how many it has."""
    for index in count():
        yield Account(f"demo account {index + 1}", DEMO_PROVINCE, simulated_number(index), password)


def read_accounts(file: Path, password: str) -> list[Account]:
    """The accounts of a CSV file with the columns ``province,number,password``.

    Args:
        file: UTF-8, with or without a byte order mark.
        password: For rows that have none.

    Raises:
        CannotSimulate: A column is missing, or a row has no province or number.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            missing = [name for name in _COLUMNS[:2] if name not in (reader.fieldnames or ())]
            if missing:
                raise CannotSimulate(f"{file.name} has no column {', '.join(missing)}")
            return [_account(file, reader.line_num, row, password) for row in reader]
    except (UnicodeDecodeError, csv.Error):
        raise CannotSimulate(f"{file.name} is not a CSV file in UTF-8") from None


def _account(file: Path, line: int, row: dict[str, str | None], password: str) -> Account:
    province, number, own = ((row.get(name) or "").strip() for name in _COLUMNS)
    if not province or not number:
        raise CannotSimulate(f"{file.name} line {line} has no province or no number")
    return Account(f"{file.name} line {line}", province, number, own or password)
