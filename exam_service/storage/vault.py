"""Data keys: one per physician × cycle × class of data, wrapped by the master key.

Destroying a row of ``data_key`` is the purge: nothing sealed with it can be read again, wherever copies of it
lie. Only a backup of that small table could undo it, so its backups are kept apart and shortest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from exam_service.crypto.derive import derive_key
from exam_service.crypto.envelope import DataKey, data_key_id, new_secret, open_envelope, seal
from exam_service.errors import NotFound
from exam_service.ids import new_id
from exam_service.storage import queries
from exam_service.storage.database import Tx

_MASTER_ID = UUID(int=0)


class Vault:
    """Makes, finds and opens data keys. Keeps none in memory: a purge holds once it is committed."""

    def __init__(self, master_key: bytes) -> None:
        self._master = DataKey(_MASTER_ID, master_key)

    def derived_key(self, *purpose: str) -> bytes:
        """32 bytes that follow from the master key and ``purpose``; not stored, and not purged."""
        return derive_key(self._master.secret, *purpose)

    async def key_for(
        self, tx: Tx, *, province_id: str, account_id: UUID, cycle_id: UUID | None, data_class: str
    ) -> DataKey:
        """The data key of this physician, cycle and class, made on first use."""
        row = await queries.select_optional_data_key(tx, account_id, cycle_id, data_class)
        if row is None:
            key_id = new_id()
            wrapped = seal(self._master, new_secret(), key_id)
            await queries.insert_data_key(tx, key_id, province_id, account_id, cycle_id, data_class, wrapped)
            row = await queries.select_data_key(tx, account_id, cycle_id, data_class)
        return self._open(row.id, row.wrapped)

    async def new_keys(
        self, tx: Tx, *, province_id: str, account_ids: Sequence[UUID], data_class: str
    ) -> dict[UUID, DataKey]:
        """Data keys of accounts that have none of this class yet, of no cycle, by account. One statement."""
        keys = {account_id: DataKey(new_id(), new_secret()) for account_id in account_ids}
        await queries.insert_data_keys(
            tx,
            province_id,
            data_class,
            [
                (key.id, account_id, seal(self._master, key.secret, key.id))
                for account_id, key in keys.items()
            ],
        )
        return keys

    async def key_of(self, tx: Tx, envelope: bytes) -> DataKey:
        """The data key that opens ``envelope``.

        Raises:
            NotFound: It was destroyed: the data is purged.
        """
        key_id = data_key_id(envelope)
        row = await queries.select_optional_data_key_by_id(tx, key_id)
        if row is None:
            raise NotFound("该资料已按保存期限清除，不能再查看。", code="purged", data_key=key_id)
        return self._open(row.id, row.wrapped)

    async def destroy(self, tx: Tx, key_id: UUID) -> bool:
        """Purge all that a data key sealed, wherever it lies; ``False`` when it was destroyed before."""
        return await queries.delete_data_key(tx, key_id)

    async def keys_of(self, tx: Tx, envelopes: Iterable[bytes]) -> dict[UUID, DataKey]:
        """The data keys that open these, by their id; what is missing was destroyed. One statement."""
        key_ids = {data_key_id(envelope) for envelope in envelopes}
        rows = await queries.select_data_keys_by_id(tx, list(key_ids))
        return {row.id: self._open(row.id, row.wrapped) for row in rows}

    async def destroy_keys_of(self, tx: Tx, account_id: UUID) -> None:
        """All data keys of an account: what was sealed of it can't be read again."""
        await queries.delete_data_keys_of(tx, account_id)

    async def open(self, tx: Tx, envelope: bytes, row_id: UUID) -> bytes:
        """Decrypt an envelope that was sealed for the row ``row_id``."""
        return open_envelope(await self.key_of(tx, envelope), envelope, row_id)

    def _open(self, key_id: UUID, wrapped: bytes) -> DataKey:
        return DataKey(key_id, open_envelope(self._master, wrapped, key_id))
