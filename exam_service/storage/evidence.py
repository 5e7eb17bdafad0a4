"""Evidence: encrypted files, each with a row that says what it is and what it hashes to.

The blob is written first and the row in the transaction after it: a crash between leaves an orphan file,
never a row without its picture. A purge goes the other way round: the row first, then the file. Either way a
file without a row is rubbish, which :meth:`EvidenceStore.sweep` takes away.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from uuid import UUID

from exam_service.crypto.envelope import BadEnvelope, data_key_id
from exam_service.errors import NotFound
from exam_service.storage import queries
from exam_service.storage.database import Database, Tx
from exam_service.storage.queries import EvidenceFile

_PAGE = 500
STRAY_FOR = timedelta(days=1)
"""A file that is younger may still get its row."""


class Blobs(Protocol):
    """Where sealed files lie: a directory, later an object store. Blocking; names are paths with ``/``."""

    def write(self, name: str, data: bytes) -> None:
        """Durable when it returns; written again, it is the same."""
        ...

    def read(self, name: str) -> bytes:
        """Raises FileNotFoundError."""
        ...

    def delete(self, name: str) -> None:
        """One that isn't there is fine."""
        ...

    def names(self, before: datetime) -> Iterator[str]:
        """Of all that were written before then, half-written ones too."""
        ...


class DirectoryBlobs:
    """Files under ``root``, which other users can't enter."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, data: bytes) -> None:
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)  # what is below it needs no more
        _write_durably(self._root / name, data)

    def read(self, name: str) -> bytes:
        return (self._root / name).read_bytes()

    def delete(self, name: str) -> None:
        (self._root / name).unlink(missing_ok=True)

    def names(self, before: datetime) -> Iterator[str]:
        for path in self._root.rglob("*"):
            if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                yield path.relative_to(self._root).as_posix()


@dataclass(frozen=True)
class StoredBlob:
    """A sealed file that has no row yet; ``key_id`` is of the data key that opens it."""

    id: UUID
    path: str
    size: int
    sha256: bytes
    key_id: UUID | None


@dataclass(frozen=True)
class Audit:
    """What a walk over rows and files found.

    Attributes:
        strays: Files without a row, older than :data:`STRAY_FOR`.
        missing, altered: Rows whose file is gone, or isn't what was recorded.
        keyless: Rows whose data key is gone: nothing can open them.
    """

    rows: int
    strays: tuple[str, ...]
    missing: tuple[UUID, ...]
    altered: tuple[UUID, ...]
    keyless: tuple[UUID, ...]

    @property
    def is_sound(self) -> bool:
        return not (self.strays or self.missing or self.altered or self.keyless)


class EvidenceStore:
    """Rows and blobs. They are sealed before they come here and opened after they leave."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def write(
        self, evidence_id: UUID, sealed: bytes, *, province_id: str, data_class: str, now: datetime
    ) -> StoredBlob:
        """Write a sealed file durably; :meth:`record` must follow in a transaction."""
        path = f"{province_id}/{data_class}/{now:%Y-%m}/{evidence_id}"
        await asyncio.to_thread(self._blobs.write, path, sealed)
        try:
            key_id = data_key_id(sealed)
        except BadEnvelope:  # nothing of ours: no key opens it, and no purge finds it by its key
            key_id = None
        return StoredBlob(evidence_id, path, len(sealed), hashlib.sha256(sealed).digest(), key_id)

    async def record(
        self, tx: Tx, blob: StoredBlob, *, province_id: str, account_id: UUID, data_class: str, now: datetime
    ) -> None:
        """The row of a written file."""
        await queries.insert_evidence(
            tx,
            blob.id,
            province_id,
            account_id,
            data_class,
            blob.path,
            blob.size,
            blob.sha256,
            now,
            blob.key_id,
        )

    async def discard(self, blob: StoredBlob) -> None:
        """Delete a written file that gets no row after all."""
        await asyncio.to_thread(self._blobs.delete, blob.path)

    async def read(self, tx: Tx, evidence_id: UUID, *, province_id: str) -> bytes:
        """The sealed bytes of an evidence row, compared with the digest it was recorded with.

        Raises:
            NotFound: No such row in this province, or the file is gone or altered.
        """
        row = await queries.select_optional_evidence(tx, evidence_id, province_id)
        if row is None:
            raise NotFound("没有找到这份资料。", code="evidence_missing", evidence=evidence_id)
        try:
            sealed = await asyncio.to_thread(self._blobs.read, row.path)
        except FileNotFoundError:
            raise NotFound(
                "这份资料的文件缺失，请联系系统管理员。", code="evidence_missing", evidence=evidence_id
            ) from None
        if hashlib.sha256(sealed).digest() != row.sha256:
            raise NotFound(
                "这份资料与存档时不一致，已拒绝显示，请联系系统管理员。",
                code="evidence_altered",
                evidence=evidence_id,
            )
        return sealed

    async def remove(self, tx: Tx, evidence_ids: Sequence[UUID]) -> list[EvidenceFile]:
        """Delete rows, and their files once that is committed; gives what they were, in order of digest."""
        removed = await queries.delete_evidence(tx, evidence_ids)

        async def delete_files() -> None:
            await asyncio.to_thread(self._delete, [row.path for row in removed])

        tx.after_commit(delete_files)  # lost in a crash: then sweep() finds strays
        return removed

    def _delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._blobs.delete(path)

    async def sweep(self, database: Database, now: datetime) -> int:
        """Delete files that have no row for longer than a day; how many. Safe on many nodes."""
        strays = await self._strays(database, now)
        await asyncio.to_thread(self._delete, strays)
        return len(strays)

    async def audit(self, database: Database, now: datetime) -> Audit:
        """Compare every row with its file and its key, and every file with its row."""
        missing: list[UUID] = []
        altered: list[UUID] = []
        keyless: list[UUID] = []
        rows, after = 0, UUID(int=0)
        while True:
            async with database.tx() as tx:
                page = await queries.select_evidence_after(tx, after, _PAGE)
            if not page:
                break
            for row in page:
                digest = await asyncio.to_thread(self._digest, row.path)
                if digest is None:
                    missing.append(row.id)
                elif digest != row.sha256:
                    altered.append(row.id)
                if not row.has_key:
                    keyless.append(row.id)
            rows, after = rows + len(page), page[-1].id
        strays = await self._strays(database, now)
        return Audit(rows, tuple(strays), tuple(missing), tuple(altered), tuple(keyless))

    def _digest(self, path: str) -> bytes | None:
        try:
            return hashlib.sha256(self._blobs.read(path)).digest()
        except FileNotFoundError:
            return None

    async def _strays(self, database: Database, now: datetime) -> list[str]:
        names = await asyncio.to_thread(lambda: sorted(self._blobs.names(now - STRAY_FOR)))
        strays: list[str] = []
        for start in range(0, len(names), _PAGE):
            page = names[start : start + _PAGE]
            async with database.tx() as tx:
                known = await queries.select_evidence_paths(tx, page)
            strays += [name for name in page if name not in known]
        return strays


def _write_durably(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".{secrets.token_hex(4)}.part")  # two workers may have the same frame in hand
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # the name is durable too
    finally:
        os.close(directory)
