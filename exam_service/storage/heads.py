"""How far a chain has come, signed and outside the database: who can write to that can't rewrite this."""

from __future__ import annotations

import base64
import json
import os
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from exam_service.crypto.signing import Signer

CONTRADICTED = b""  # fits no entry
_TAIL_BYTES = 4096  # more than any line
# A link isn't followed to a file of somebody else's, and a pipe isn't waited for.
_ADDING = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK


@dataclass(frozen=True)
class Head:
    """The digest (32 bytes) of a chain up to and with entry ``number``, as it was at that time."""

    number: int
    digest: bytes
    at: datetime

    @property
    def text(self) -> bytes:
        """What is signed."""
        return f"{self.number} {self.digest.hex()} {self.at.astimezone(UTC).isoformat()}".encode()


@dataclass
class Reading:
    """All that was found.

    Attributes:
        digests: By the number of their entry; :data:`CONTRADICTED` where two were signed of the same.
        newest: The head that was added last.
        unreadable: File and line of what a crash cut short, or somebody spoilt.
        unsigned: File and line of what this service didn't sign.
    """

    digests: dict[int, bytes] = field(default_factory=dict)
    newest: Head | None = None
    unreadable: list[str] = field(default_factory=list)
    unsigned: list[str] = field(default_factory=list)

    def add(self, head: Head) -> None:
        self.newest = head
        if self.digests.setdefault(head.number, head.digest) != head.digest:
            self.digests[head.number] = CONTRADICTED


class HeadLog:
    """Lines of JSON, only ever added to, a file a day: ``heads-2026-11-30.jsonl``."""

    def __init__(self, directory: Path, signer: Signer) -> None:
        self.directory = directory
        self._signer = signer

    def append(self, head: Head) -> None:
        """Add a head. Several processes may: a line is one write.

        Raises:
            OSError: The directory can't be written to, or what stands there is no plain file.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        line = json.dumps(
            {
                "number": head.number,
                "digest": head.digest.hex(),
                "at": head.at.astimezone(UTC).isoformat(),
                "signature": base64.b64encode(self._signer.sign(head.text)).decode(),
            }
        )
        today = self.directory / f"heads-{head.at.astimezone(UTC):%Y-%m-%d}.jsonl"
        # The last file also when the clock went back: what was added last is looked for at its end.
        file = os.open(max([today, *self._paths()]), _ADDING, 0o640)
        try:
            last = os.pread(file, 1, max(0, os.fstat(file).st_size - 1))
            # A line that a crash cut short ends here; an empty one is passed over.
            start = "" if last in {b"", b"\n"} else "\n"
            os.write(file, f"{start}{line}\n".encode())
        finally:
            os.close(file)

    def newest(self) -> Head | None:
        """The head that was added last."""
        for path in reversed(self._paths()):
            for line in reversed(_tail(path)):
                with suppress(ValueError):
                    head, signature = _parsed(line)
                    if self._signer.is_signed(head.text, signature):
                        return head
        return None

    def read(self) -> Reading:
        """Every line, in the order they were added; nothing where there is no directory."""
        found = Reading()
        for path in self._paths():
            with path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    if not line.strip():
                        continue
                    try:
                        head, signature = _parsed(line)
                    except ValueError:
                        found.unreadable.append(f"{path}, line {number}")
                        continue
                    if self._signer.is_signed(head.text, signature):
                        found.add(head)
                    else:
                        found.unsigned.append(f"{path}, line {number}")
        return found

    def _paths(self) -> list[Path]:
        """Without pipes and devices, whose end may never come."""
        return sorted(path for path in self.directory.glob("heads-*.jsonl") if path.is_file())


def _parsed(line: bytes) -> tuple[Head, bytes]:
    """A head and its signature.

    Raises:
        ValueError: It is none.
    """
    try:
        content = json.loads(line)
        at = datetime.fromisoformat(content["at"]).astimezone(UTC)
        head = Head(int(content["number"]), bytes.fromhex(content["digest"]), at)
        return head, base64.b64decode(content["signature"], validate=True)
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError(f"no head: {error!r}") from error


def _tail(path: Path) -> list[bytes]:
    """The last whole lines of a file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    return lines if size <= _TAIL_BYTES else lines[1:]
