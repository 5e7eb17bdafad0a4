"""Spreadsheets from anybody's disk (XLSX, ECMA-376), looked at before a reader of spreadsheets sees them.

A few kilobytes can unpack to gigabytes, and a reader that makes objects of them takes fifty times that. So
the directory is asked first: ``zipfile`` never unpacks more than it says. Then every part runs once through
expat, which keeps nothing: a document type is refused, so that there are no entities to expand, and so is
more of anything than a list that people make can have.

Standard library only: nothing here is heavy to load.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO
from xml.parsers import expat

MOST_UNPACKED = 80 * 1024 * 1024
_MOST_PARTS = 200
_MOST_CELL_ELEMENTS = 2_000_000
"""Twenty thousand rows of thirty cells, three elements each."""
_MOST_OTHER_ELEMENTS = 100_000
"""Styles, names, fonts within texts: readers make an object of each. Real files have hundreds."""
_MOST_CELLS_OF_A_ROW = 16_384
"""What a spreadsheet has (ECMA-376 18.3.1.73); a row is read as a whole."""
_OF_CELLS = frozenset({"row", "c", "v", "f", "is", "si", "t", "r", "rPr", "phoneticPr"})
_CHUNK = 256 * 1024
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)


class BadPackage(ValueError):
    """It is none that is read; ``is_too_large``: else it is no spreadsheet, or damaged."""

    def __init__(self, reason: str, *, is_too_large: bool = False) -> None:
        super().__init__(reason)
        self.is_too_large = is_too_large


def check_directory(data: bytes) -> None:
    """Nothing is unpacked.

    Raises:
        BadPackage: It is no spreadsheet, encrypted, or says that it is too large.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
    except _UNREADABLE as error:
        raise BadPackage(repr(error)) from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names or any(part.flag_bits & 1 for part in parts):
        raise BadPackage("no workbook, or an encrypted one")
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise BadPackage("its directory says too much", is_too_large=True)


def check_parts(data: bytes) -> None:
    """Every part once through, whatever its name: what a reader takes it for is the file's to say.

    Blocking: a second for a million cells.

    Raises:
        BadPackage: As :func:`check_directory`; a document type, or too much of something.
    """
    check_directory(data)
    counts = _Counts()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            for part in package.infolist():
                with package.open(part) as stream:
                    counts.look_at(stream)
    except BadPackage:
        raise
    except _UNREADABLE as error:
        raise BadPackage(repr(error)) from None


class _Counts:
    """What a package has, added up over its parts."""

    def __init__(self) -> None:
        self._cells = 0
        self._others = 0
        self._in_row = 0

    def look_at(self, stream: IO[bytes]) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler = self._element
        parser.StartDoctypeDeclHandler = _refuse_document_type
        self._in_row = 0
        try:
            while chunk := stream.read(_CHUNK):
                parser.Parse(chunk, False)
        except expat.ExpatError:
            return  # a picture, say; where a reader wants XML it gets as far as we did

    def _element(self, name: str, _attributes: Mapping[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local not in _OF_CELLS:
            self._others += 1
        else:
            self._cells += 1
            self._in_row = 0 if local == "row" else self._in_row + (local == "c")
        if (
            self._cells > _MOST_CELL_ELEMENTS
            or self._others > _MOST_OTHER_ELEMENTS
            or self._in_row > _MOST_CELLS_OF_A_ROW
        ):
            raise BadPackage("too much of something", is_too_large=True)


def _refuse_document_type(*_: object) -> None:
    raise BadPackage("a document type is declared")
