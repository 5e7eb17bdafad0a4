"""Evidence: encrypted files, each with a row that says what it is and what it hashes to.

The blob is written first and the row in the transaction after it: a crash between leaves an orphan file,
never a row without its picture. Files lie at ``province/class/yyyy-mm/uuid``.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from exam_service.errors import NotFound
from exam_service.storage import queries
from exam_service.storage.database import Tx


@dataclass(frozen=True)
class StoredBlob:
    """A sealed file on disk that has no row yet."""

    id: UUID
    path: str
    size: int
    sha256: bytes


class EvidenceStore:
    """Files under ``root``. They are sealed before they come here and opened after they leave."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def write(
        self, evidence_id: UUID, sealed: bytes, *, province_id: str, data_class: str, now: datetime
    ) -> StoredBlob:
        """Write a sealed file durably; :meth:`record` must follow in a transaction."""
        path = f"{province_id}/{data_class}/{now:%Y-%m}/{evidence_id}"
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)  # what is below it needs no more
        await asyncio.to_thread(_write_durably, self._root / path, sealed)
        return StoredBlob(evidence_id, path, len(sealed), hashlib.sha256(sealed).digest())

    async def record(
        self, tx: Tx, blob: StoredBlob, *, province_id: str, account_id: UUID, data_class: str, now: datetime
    ) -> None:
        """The row of a written file."""
        await queries.insert_evidence(
            tx, blob.id, province_id, account_id, data_class, blob.path, blob.size, blob.sha256, now
        )

    async def read(self, tx: Tx, evidence_id: UUID, *, province_id: str) -> bytes:
        """The sealed bytes of an evidence row, compared with the digest it was recorded with.

        Raises:
            NotFound: No such row in this province, or the file is gone or altered.
        """
        row = await queries.select_optional_evidence(tx, evidence_id, province_id)
        if row is None:
            raise NotFound("没有找到这份资料。", code="evidence_missing", evidence=evidence_id)
        try:
            sealed = await asyncio.to_thread((self._root / row.path).read_bytes)
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
