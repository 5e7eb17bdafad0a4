"""Labelled pairs of pictures, read from a CSV file and measured with the recogniser."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from exam_service.proctor.calibration import Distances
from exam_service.proctor.verifier import MODEL, UnreadableImage, Verifier, distance

_COLUMNS = ("a", "b", "same")
_SAME = {
    "1": True,
    "true": True,
    "yes": True,
    "是": True,
    "0": False,
    "false": False,
    "no": False,
    "否": False,
}


@dataclass(frozen=True)
class Pair:
    """A row: two pictures, whether they show one person, and the group that the operator put it in."""

    line: int
    a: Path
    b: Path
    same: bool
    group: str

    @property
    def pictures(self) -> frozenset[Path]:
        return frozenset((self.a, self.b))


@dataclass(frozen=True, order=True)
class BadRow:
    line: int
    reason: str


class BadPairs(ValueError):
    """The file can't be used as it is. ``rows`` are all that is wrong with it, by line."""

    def __init__(self, rows: Iterable[BadRow]) -> None:
        self.rows = sorted(rows)
        super().__init__(f"nothing was measured: {len(self.rows)} rows are wrong")


@dataclass
class Sheet:
    """The rows of a file that can be used, and what is wrong with the others."""

    pairs: list[Pair] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)

    @property
    def pictures(self) -> list[Path]:
        """Each once, in the order of the file."""
        return list(dict.fromkeys(path for pair in self.pairs for path in (pair.a, pair.b)))


def read_pairs(file: Path) -> Sheet:
    """Read the columns a, b, same and, where there is one, group; UTF-8 or GB 18030.

    Paths are relative to the file, or absolute. Pictures are not opened yet.

    Raises:
        BadPairs: It isn't a CSV file with these columns.
    """
    rows = _rows(file)
    line, header = next(rows, (1, []))
    names = [name.strip().lower() for name in header]
    if missing := [name for name in _COLUMNS if name not in names]:
        raise BadPairs([BadRow(line, f"no column {', '.join(missing)}: a, b and same are needed")])
    sheet, identities, seen = Sheet(), _Identities(), dict[frozenset[Path], int]()
    try:
        for line, cells in rows:
            try:
                pair = _pair(line, dict(zip(names, map(str.strip, cells), strict=False)), file.parent)
                if pair.pictures in seen:
                    raise ValueError(f"the same pair as in line {seen[pair.pictures]}")
                seen[pair.pictures] = line
                sheet.pairs.append(pair)
            except ValueError as error:
                sheet.bad.append(BadRow(line, str(error)))
    except BadPairs as error:
        sheet.bad += error.rows
    for pair in sheet.pairs:
        if pair.same:
            identities.join(pair.a, pair.b)
    sheet.bad += [
        BadRow(pair.line, "said to be two people, but other rows make these pictures one person")
        for pair in sheet.pairs
        if not pair.same and identities.of(pair.a) == identities.of(pair.b)
    ]
    return sheet


def _rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that aren't blank, each with the line that it begins on."""
    data = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise BadPairs([BadRow(1, "neither UTF-8 nor GB 18030")])
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        begins = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise BadPairs([BadRow(begins, f"no CSV from here on: {error}")]) from None
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield begins, cells


def _pair(line: int, cells: Mapping[str, str], directory: Path) -> Pair:
    """Raises ValueError that says why it is none."""
    if missing := [name for name in _COLUMNS if not cells.get(name)]:
        raise ValueError(f"{', '.join(missing)} missing")
    if (same := _SAME.get(cells["same"].lower())) is None:
        raise ValueError(f"same is {cells['same']!r}; it is one of {', '.join(_SAME)}")
    a, b = ((directory / cells[name]).resolve() for name in "ab")
    if absent := [cells[name] for name, path in zip("ab", (a, b), strict=True) if not path.is_file()]:
        raise ValueError(f"no such file: {', '.join(absent)}")
    if a == b:
        raise ValueError("a picture compared with itself says nothing")
    return Pair(line, a, b, same, cells.get("group", ""))


class _Identities:
    """Which pictures are one person, as far as rows say so (disjoint sets)."""

    def __init__(self) -> None:
        self._towards: dict[Path, Path] = {}

    def of(self, picture: Path) -> Path:
        """One picture that stands for all of that person."""
        while (next_one := self._towards.get(picture, picture)) != picture:
            picture = next_one
        return picture

    def join(self, one: Path, other: Path) -> None:
        self._towards[self.of(one)] = self.of(other)


@dataclass
class Portraits:
    """What the recogniser saw in each picture.

    Attributes:
        embeddings: Of the largest face of each picture that shows one.
        faceless: Pictures without a face: failures to enrol (FTE).
        crowded: Pictures with several faces.
        unreadable: Why a file can't be read as a picture.
    """

    model: str
    embeddings: dict[Path, NDArray[np.float32]] = field(default_factory=dict)
    faceless: list[Path] = field(default_factory=list)
    crowded: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)

    def distance(self, pair: Pair) -> float | None:
        """``None`` where a picture shows no face."""
        one, other = self.embeddings.get(pair.a), self.embeddings.get(pair.b)
        return None if one is None or other is None else distance(one, other)


def look_at(pictures: Iterable[Path], models: Path) -> Portraits:
    """Read every picture once, some 30 ms each; ``models`` is where the network is cached."""
    verifier = Verifier(models)
    portraits = Portraits(MODEL)
    for path in pictures:
        try:
            reading = verifier.read_photo(path.read_bytes())
        except (UnreadableImage, OSError) as error:
            portraits.unreadable[path] = str(error)
            continue
        if reading.embedding is None:
            portraits.faceless.append(path)
            continue
        portraits.embeddings[path] = reading.embedding
        if reading.faces > 1:
            portraits.crowded.append(path)
    return portraits


@dataclass(frozen=True)
class Sample:
    """The pairs of one group, or all.

    Attributes:
        pictures: How many files they name.
        faceless: How many of these show no face.
        left_out: Pairs that have no distance for that reason.
    """

    distances: Distances
    pictures: int
    faceless: int
    left_out: int


@dataclass(frozen=True)
class Measured:
    """A sheet measured: all pairs, and the groups by name in the order of the file."""

    model: str
    overall: Sample
    groups: Mapping[str, Sample]
    faceless: tuple[Path, ...]
    crowded: tuple[Path, ...]


def measure(sheet: Sheet, portraits: Portraits) -> Measured:
    """The distance of every pair whose pictures show faces.

    Raises:
        BadPairs: Rows of the sheet are wrong, name what is no picture, or the same picture twice.
    """
    bad = list(sheet.bad)
    for pair in sheet.pairs:
        unreadable = [path for path in (pair.a, pair.b) if path in portraits.unreadable]
        bad += [BadRow(pair.line, f"{path.name}: {portraits.unreadable[path]}") for path in unreadable]
        if portraits.distance(pair) == 0:
            bad.append(BadRow(pair.line, "both files hold the same picture: their distance is 0"))
    if bad:
        raise BadPairs(bad)
    names = dict.fromkeys(pair.group for pair in sheet.pairs if pair.group)
    return Measured(
        portraits.model,
        _sample(sheet.pairs, portraits),
        {name: _sample([pair for pair in sheet.pairs if pair.group == name], portraits) for name in names},
        tuple(portraits.faceless),
        tuple(portraits.crowded),
    )


def _sample(pairs: Sequence[Pair], portraits: Portraits) -> Sample:
    pictures = frozenset[Path]().union(*(pair.pictures for pair in pairs))
    apart: dict[bool, list[float]] = {True: [], False: []}
    for pair in pairs:
        if (measured := portraits.distance(pair)) is not None:
            apart[pair.same].append(measured)
    return Sample(
        Distances.of(genuine=apart[True], impostor=apart[False]),
        pictures=len(pictures),
        faceless=len(pictures.intersection(portraits.faceless)),
        left_out=len(pairs) - len(apart[True]) - len(apart[False]),
    )
