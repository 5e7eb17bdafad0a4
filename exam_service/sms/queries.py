from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from exam_service.storage.database import Tx
from exam_service.storage.statements import Statements

SQL = Statements("exam_service.sms")


@dataclass(frozen=True)
class Message:
    mobile: str
    text: str
    sent_at: datetime


async def insert_message(tx: Tx, message_id: UUID, mobile: str, text: str, now: datetime) -> None:
    await tx.execute(SQL["insert_message"], message_id, mobile, text, now)


async def select_newest_messages(tx: Tx, limit: int) -> list[Message]:
    return [Message(**row) for row in await tx.fetch(SQL["select_newest_messages"], limit)]


async def delete_messages_before(tx: Tx, moment: datetime) -> None:
    await tx.execute(SQL["delete_messages_before"], moment)
